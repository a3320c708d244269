"""Figures and tables of the pages, from results made up for the purpose."""

from pathlib import Path

import jupytext
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from infovae_core import plots, tables
from infovae_core.experiments import EXPERIMENT2_MODELS, LATENT_DIMS, experiment2
from infovae_core.parameters import Parameters
from infovae_core.store import Result, frame

matplotlib.use("Agg")
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PROVENANCE = {"device": "a machine", "torch": "2.0", "commit": "0123456789abcdef"}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def results(seeds=(0, 1)):
    """One result a cell; the metric's value is latent_dim + seed, but 0.5 more for recon_ae."""
    return {
        run: Result(
            "done",
            {"val_mmd": run.latent_dim + run.seed + (run.model == "recon_ae") / 2},
            PROVENANCE,
        )
        for run in experiment2(seeds=seeds)
    }


def line_data(figure: Figure, panel: int) -> list[np.ndarray]:
    return [line.get_ydata() for line in figure.axes[panel].lines]


def test_published_values_cover_every_divergence_dimension_and_figure() -> None:
    rows = plots.published_experiment2()
    assert not rows.isna().any().any()
    counts = rows.groupby(["model", "metric"])["latent_dim"].apply(sorted)
    assert set(counts.index.get_level_values(0)) == {
        model for model in EXPERIMENT2_MODELS if model.startswith("infovae")
    }
    assert set(counts.index.get_level_values(1)) == {"val_mmd", "svm_error", "train_seconds"}
    assert all(dims == list(LATENT_DIMS) for dims in counts)


def test_a_sweep_draws_the_seeds_mean_the_published_values_and_both_controls() -> None:
    theirs = plots.published_experiment2()
    figure = plots.sweep(frame(results()), theirs, "val_mmd", "MMD", log=True, reference=True)
    mean = np.array(LATENT_DIMS) + 0.5
    for panel, model in enumerate(plots.PUBLISHED.values()):
        recon, vae, reference, published, ours = line_data(figure, panel)
        np.testing.assert_allclose(recon, mean + 0.5)
        np.testing.assert_allclose(vae, mean)
        np.testing.assert_allclose(reference[[0, -1]], [3**-0.5, 3.0**-20])
        rows = theirs[(theirs["model"] == model) & (theirs["metric"] == "val_mmd")]
        np.testing.assert_allclose(published, rows["value"])
        np.testing.assert_allclose(ours, mean)
        assert figure.axes[panel].get_yscale() == "log"


def test_a_sweep_without_published_values_has_no_line_for_them() -> None:
    figure = plots.sweep(frame(results()), plots.published_experiment2(), "val_mmd", "MMD")
    bare = plots.sweep(
        frame(results()).replace({"metric": {"val_mmd": "other"}}),
        plots.published_experiment2(),
        "other",
        "other",
    )
    assert len(line_data(bare, 0)) == len(line_data(figure, 0)) - 1
    texts = [text.get_text() for text in bare.axes[-1].get_legend().get_texts()]
    assert "published" not in texts


def test_every_model_of_the_experiment_has_a_label_and_its_own_colour() -> None:
    assert set(plots.LABELS) == set(EXPERIMENT2_MODELS)
    assert len(set(plots.COLOURS.values())) == len(EXPERIMENT2_MODELS)


def test_digits_are_drawn_row_by_row() -> None:
    images = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    figure = plots.digits({"one": images, "two": images[:1]})
    shown = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    assert len(shown) == 3
    np.testing.assert_array_equal(shown[1], images[1])


def test_the_prior_circles_of_the_latent_plane_hold_their_share() -> None:
    codes = np.random.default_rng(0).standard_normal((20_000, 2))
    plots.style()
    figure = plots.latent_plane(codes, np.arange(len(codes)) % 10)
    for patch, share in zip(figure.axes[0].patches, (0.5, 0.95), strict=True):
        inside = (np.linalg.norm(codes, axis=1) < patch.radius).mean()
        assert inside == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / len(codes)))


def test_the_table_puts_the_published_value_in_brackets() -> None:
    table = tables.beside(frame(results(seeds=[0])), plots.published_experiment2())
    assert table.loc[("MMD", 2), "validation MMD"] == "2 [0.038]"
    assert table.loc[("VAE", 2), "validation MMD"] == "2"
    assert table.loc[("MMD", 2), "test BCE (nats)"] == "diverged"
    assert len(table) == len(EXPERIMENT2_MODELS) * len(LATENT_DIMS)


def test_numbers_for_the_text_are_plain_floats_of_the_seeds_mean() -> None:
    found = tables.findings2(frame(results()), plots.published_experiment2())
    assert found["infovae_mmd_20_val_mmd"] == 20.5
    assert found["published_infovae_mmd_20_val_mmd"] == 0.00403
    assert found["escape_20"] == pytest.approx(3**-5)
    assert {type(value) for value in found.values()} == {float}


def test_a_caption_names_track_profile_seeds_data_machine_and_commit() -> None:
    chosen = Parameters("cpu", "as_written", (0, 1), None, "auto", False)
    assert tables.provenance(chosen, results()) == (
        "Track as_written, profile cpu, seeds 0, 1, mnist; a machine; PyTorch 2.0; "
        "commit 0123456789."
    )


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.stem)
def test_each_notebook_is_its_python_twin_executed(path: Path) -> None:
    source = [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]
    notebook = jupytext.read(path.with_suffix(".ipynb"))
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == source
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source]
    assert all(cell.execution_count for cell in code)


def test_frames_of_nothing_keep_their_columns() -> None:
    assert list(frame({}).columns) == [
        "model",
        "latent_dim",
        "seed",
        "status",
        "metric",
        "value",
    ]
    assert isinstance(frame({}), pd.DataFrame)
