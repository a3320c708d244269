"""What compares models: differences, rankings by ruler, what no alignment reads, held-out gaps."""

import math

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from infovae_core.metrics import ValidationMMD
from infovae_core.objectives import Terms
from infovae_core.randomness import generator
from infovae_core.report import captions, generalization, labels, rulers
from infovae_core.report.figures import forest_plots, plots, rank_plots, style
from infovae_core.report.frames import COLUMNS, curves, frame
from infovae_core.study.experiments import (
    EXPERIMENT2_MODELS,
    experiment1,
    experiment2,
    schedule_name,
)
from infovae_core.study.store import Result
from tests.runs import small_run

matplotlib.use("Agg")
PROVENANCE = {"device": "a machine", "torch": "2.0", "commit": "0123456789abcdef"}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


# What no alignment reads --------------------------------------------------------------------------


def test_far_codes_read_what_the_ruler_reads_of_the_prior_draws_alone() -> None:
    for d in (2, 20, 60):
        ruler = ValidationMMD(5000, 500, 128, d, generator(1, "eval"))
        far = 1e4 * torch.randn(5000, d, generator=torch.Generator().manual_seed(0))
        assert rulers.unaligned([d], [1])[d] == pytest.approx(ruler(far)["val_mmd"], rel=1e-5)


def test_the_reading_is_three_to_the_minus_d_over_four_where_pairs_are_many_and_less_beyond() -> (
    None
):
    found = rulers.unaligned([2, 20, 80], [0])
    assert found[2] == pytest.approx(3**-0.5, rel=0.01)
    assert found[20] == pytest.approx(3.0**-5, rel=0.03)
    assert found[80] < 3.0**-20 / 2
    one = rulers.unaligned([20], [1])[20]
    assert rulers.unaligned([20], [0, 1])[20] == pytest.approx(math.sqrt(found[20] * one))


# Differences --------------------------------------------------------------------------------------


def made_up(seeds=(0, 1, 2)) -> pd.DataFrame:
    """Experiment 2 at d = 20: the VAE's SVM error is above MMD's by 1, 2 and 3, ReconAE's equal."""
    rows = [
        (model, 20, seed, "done", metric, 10.0 * seed + (model == "vae") * (1 + seed))
        for model in EXPERIMENT2_MODELS
        for seed in seeds
        for metric in ("svm_error", "test_bce")
    ]
    rows += [(m, 80, s, "done", "svm_error", 5.0 + s) for m in EXPERIMENT2_MODELS for s in seeds]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_differences_are_paired_and_named() -> None:
    rows = captions.differences2(made_up())
    assert list(rows.index) == list(captions.COMPARED2)
    row = rows.loc["vae_20_svm"]
    assert row["label"] == "VAE − InfoVAE-MMD, d\u00a0=\u00a020"
    half = 4.302653 / math.sqrt(3)
    assert [row["mean"], row["low"], row["high"]] == pytest.approx([2, 2 - half, 2 + half])
    assert rows.loc["none_20_mmd", "n"] == 0  # There is no such metric.


def test_the_forest_has_a_row_for_each_difference_and_a_panel_for_each_metric() -> None:
    rows = captions.differences2(made_up())
    figure = forest_plots.differences(rows)
    assert [axis.get_title("left") for axis in figure.axes] == [
        labels.METRICS[metric] for metric in rows["metric"].unique()
    ]
    panel = next(axis for axis in figure.axes if axis.get_title("left") == "SVM error")
    ticks = [label.get_text() for label in panel.get_yticklabels()]
    assert ticks == rows[rows["metric"] == "svm_error"]["label"].tolist()
    # ReconAE's interval at d = 20 has no width, and holds 0: an open mark.
    points = [line for line in panel.lines if line.get_marker() == "o"]
    at = ticks.index("InfoVAE-MMD − ReconAE, d\u00a0=\u00a020")
    assert (points[at].get_xdata()[0], points[at].get_markerfacecolor()) == (0, "white")
    at = ticks.index("VAE − InfoVAE-MMD, d\u00a0=\u00a020")
    assert points[at].get_markerfacecolor() == "white"  # 2 ± 2.48.
    assert panel.texts[at].get_text() == "2.000  (−0.484 to 4.484)"
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["95 % interval includes 0", "one seed, no interval"]


def test_a_difference_that_all_seeds_share_has_a_full_mark() -> None:
    rows = captions.differences2(made_up().assign(seed=lambda one: one["seed"] % 3))
    rows.loc["vae_20_svm", ["low", "high"]] = (1.0, 3.0)
    panel = forest_plots.differences(rows).axes[2]
    marks = [line.get_markerfacecolor() for line in panel.lines if line.get_marker() == "o"]
    assert marks.count("black") == 1


def test_one_seed_is_a_point_without_interval() -> None:
    rows = captions.differences2(made_up(seeds=[0]))
    figure = forest_plots.differences(rows)
    drawn = [line for axis in figure.axes for line in axis.lines if len(line.get_xdata()) == 2]
    assert len(drawn) == len(figure.axes)  # The lines at 0.
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["one seed, no interval"]
    table = forest_plots.table(rows)
    row = table.loc[("SVM error", "VAE − InfoVAE-MMD, d\u00a0=\u00a020")]
    assert row.tolist() == ["1.000", "one seed, no interval", "–", "1"]


def test_the_table_has_the_figures_numbers() -> None:
    table = forest_plots.table(captions.differences2(made_up()))
    assert len(table) == len(captions.COMPARED2)
    row = table.loc[("SVM error", "VAE − InfoVAE-MMD, d\u00a0=\u00a020")]
    assert row.tolist() == ["2.000", "−0.484 to 4.484", "included", "3"]
    row = table.loc[("validation MMD", "InfoVAE-MMD − ReconAE, d\u00a0=\u00a020")]
    assert row.tolist() == ["not known", "–", "–", "0"]


def test_differences_of_experiment_1_are_of_final_values_too() -> None:
    shown = {}
    for run in experiment1(seeds=(0, 1)):
        steps = np.array([0, 20, 40])
        arrays = {"eval_step": steps, "curve": np.ones((2, 5))}
        arrays |= {
            f"eval_{name}": steps + run.objective.lam for name in ("val_mmd", "alpha", "lam")
        }
        shown[run] = Result("done", {"test_bce": 1.0 + run.objective.alpha}, PROVENANCE, arrays)
    rows = captions.differences1(frame(shown, schedule_name), curves(shown, schedule_name))
    assert rows.loc["lam_final", ["mean", "low", "high"]].tolist() == [-500, -500, -500]
    assert rows.loc["alpha_bce", "mean"] == -1
    expected = "(λ\u00a0=\u00a0500, α\u00a0=\u00a00) − (λ\u00a0=\u00a0500, α\u00a0=\u00a01)"
    assert rows.loc["alpha_bce", "label"] == expected
    assert rows.loc["linear_final", "label"].startswith("linear annealing − (λ")


# Rulers -------------------------------------------------------------------------------------------

READ = {
    "vae": {"val_mmd": 0.013, "norm_ratio": 1.05, "classifier_auc": 0.95, "gaussian_kl": 2.0},
    "infovae_mmd": {"val_mmd": 0.0041, "norm_ratio": 17, "classifier_auc": 1, "gaussian_kl": 3175},
    "recon_ae": {"val_mmd": 0.00411, "norm_ratio": 1 / 25, "classifier_auc": 1},
    "infovae_chi2": {"val_mmd": 0.5, "norm_ratio": 0.9, "classifier_auc": 0.4, "gaussian_kl": 1.0},
}


def read(dims=(20,)) -> pd.DataFrame:
    rows = [
        (model, d, seed, "done", metric, value * (1 + 0.1 * (seed - 1)))
        for model, values in READ.items()
        for metric, value in values.items()
        for d in dims
        for seed in (0, 1, 2)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_readings_are_means_over_seeds() -> None:
    found = rank_plots.readings(read(), list(READ), 20)
    assert list(found) == list(rank_plots.RULERS)
    assert found.loc["vae", "val_mmd"] == pytest.approx(0.013)
    assert math.isnan(found.loc["recon_ae", "gaussian_kl"])


def test_models_rank_by_their_distance_from_what_a_match_reads() -> None:
    places = rank_plots.ranks(rank_plots.readings(read(), list(READ), 20))
    order = {ruler: list(places[ruler].sort_values().index) for ruler in places}
    # What prints alike keeps its order.
    assert order["val_mmd"] == ["infovae_mmd", "recon_ae", "vae", "infovae_chi2"]
    assert order["gaussian_kl"][:2] == ["infovae_chi2", "vae"]
    assert order["gaussian_kl"][-1] == "recon_ae"  # It has none.
    assert order["classifier_auc"][:2] == ["infovae_chi2", "vae"]
    # 1.05 is nearer to 1 than 0.9, and 17 than 1/25.
    assert order["norm_ratio"] == ["vae", "infovae_chi2", "infovae_mmd", "recon_ae"]


@pytest.mark.parametrize(
    ("value", "ruler", "text"),
    [
        (0.1, "val_mmd", "0.10"),
        (4.2e-5, "mmd2_median", "4.2e−05"),
        (17.2, "energy_distance", "17"),
        (3174.6, "gaussian_kl", "3,175"),
        (-2e-6, "mmd2_sqrt_d", "−2.0e−06"),
        (math.nan, "val_mmd", "–"),
    ],
)
def test_readings_are_printed_short(value, ruler, text) -> None:
    assert rank_plots.printed(value, ruler) == text


def test_the_figure_of_ranks_prints_every_reading_at_its_place() -> None:
    figure = rank_plots.rulers(read(), list(READ), 20)
    (axis,) = figure.axes
    heights = {label: line.get_ydata()[0] for label, line in zip(READ, axis.lines, strict=True)}
    assert heights == {"infovae_mmd": 0, "recon_ae": 1, "vae": 2, "infovae_chi2": 3}
    printed = {text.get_text(): text.xy for text in axis.texts if hasattr(text, "xy")}
    assert printed["0.013"] == (0, 2)
    assert printed["3,175"][0] == list(rank_plots.RULERS).index("gaussian_kl")
    names = [text.get_text() for text in axis.texts if not hasattr(text, "xy")]
    assert sorted(names) == sorted(plots.LABELS[model] for model in READ)


def test_by_dimension_there_is_a_panel_for_each_ruler_with_every_model() -> None:
    figure = rank_plots.by_dimension(read(dims=(2, 20)), list(READ))
    assert len(figure.axes) == len(rank_plots.RULERS)
    first = figure.axes[0]
    assert first.get_yscale() == "log"
    assert figure.axes[6].get_yscale() == "linear"
    lines = [line for line in first.lines if line.get_linestyle() == "-"]
    assert [line.get_color() for line in lines] == [
        rank_plots.FAINT,
        rank_plots.FAINT,
        style.COLOURS["infovae_mmd"],
        style.COLOURS["vae"],
    ]
    expected = 0.013 * (0.9 * 1.1) ** (1 / 3)
    np.testing.assert_allclose(lines[-1].get_ydata(), [expected, expected])


# Training and held-out images ---------------------------------------------------------------------


def trained(model: str, curve: np.ndarray, status: str = "done"):
    values = {"test_expected_log_likelihood": -70.0, "kl": 12.0}
    return Result(status, values if status == "done" else {}, PROVENANCE, {"curve": curve})


def falling(slope: float, points: int = 100) -> np.ndarray:
    """A curve whose reconstruction falls along a line to 50 at its last step, its KL being 10."""
    middles = 20 * (np.arange(points) + 0.5)
    curve = np.zeros((points, len(Terms._fields)), np.float32)
    curve[:, Terms._fields.index("reconstruction")] = 50 + slope * (20 * points - middles)
    curve[:, Terms._fields.index("kl")] = 10
    return curve


def run_of(model: str):
    return next(run for run in experiment2(latent_dims=[20]) if run.model == model)


def values(rows: pd.DataFrame, model: str) -> dict[str, float]:
    found = rows[rows["model"] == model]
    return dict(zip(found["metric"], found["value"], strict=True))


def test_the_gap_is_to_the_end_of_the_last_epochs_line() -> None:
    shown = {run_of("vae"): trained("vae", falling(0.1))}
    found = values(generalization.train_test(shown), "vae")
    # The last 19 points are 380 steps, and their mean is that of the middle.
    assert found == pytest.approx(
        {
            "epoch_reconstruction": 50 + 0.1 * 190,
            "train_reconstruction": 50,
            "held_reconstruction": 70,
            "gap_reconstruction": 20,
            "epoch_kl": 10,
            "train_kl": 10,
            "held_kl": 12,
            "gap_kl": 2,
            "gap_elbo": 22,
        },
        rel=1e-5,
    )


def test_earlier_epochs_do_not_count() -> None:
    curve = falling(0.1)
    curve[:-19] = 1e6
    shown = {run_of("vae"): trained("vae", curve)}
    found = values(generalization.train_test(shown), "vae")
    assert found["train_reconstruction"] == pytest.approx(50, rel=1e-5)


def test_models_without_a_kl_term_have_no_gap_of_it_and_diverged_ones_no_rows() -> None:
    shown = {
        run_of("recon_ae"): trained("recon_ae", falling(0.0)),
        run_of("infovae_chi2"): trained("infovae_chi2", falling(0.0), "diverged"),
        run_of("vae"): trained("vae", falling(0.0)),
    }
    rows = generalization.train_test(shown)
    assert set(rows["model"]) == {"recon_ae", "vae"}
    assert "gap_kl" not in values(rows, "recon_ae")
    table = generalization.table(rows, 20)
    assert table.loc["ReconAE"].tolist() == ["50.0", "50.0", "70.0", "20.0", "–", "–"]
    assert table.loc["VAE"].tolist() == ["50.0", "50.0", "70.0", "20.0", "2.0", "22.0"]
    none = pd.DataFrame(columns=["model", "latent_dim", "metric", "value"])
    metrics, groups = {"gap_reconstruction": "gap"}, {"a": ["recon_ae"], "b": ["vae"]}
    figure = plots.compare(rows, none, metrics, groups)
    assert figure.axes[1].lines[-1].get_ydata().tolist() == pytest.approx([20])


def test_a_run_shorter_than_an_epoch_is_read_at_its_last_point() -> None:
    run = small_run("vae", steps=40)  # Of 81 minibatches an epoch has four points.
    shown = {run: trained("vae", falling(0.0, points=1))}
    found = values(generalization.train_test(shown), "vae")
    assert found["epoch_reconstruction"] == found["train_reconstruction"] == 50
    assert generalization.train_test({run: trained("vae", np.zeros((0, 5)))}).empty
