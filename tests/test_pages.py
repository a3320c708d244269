"""Figures and tables of the pages, from results made up for the purpose."""

import dataclasses
import itertools
import math
import re
from pathlib import Path

import jupytext
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from infovae_core.divergences import ORIGINS, REGISTRY
from infovae_core.names import UnknownName
from infovae_core.objectives import PRESETS, Objective, Preset
from infovae_core.report import captions, rulers, schedule_tables, tables
from infovae_core.report.figures import drawn, plots, schedule_plots, showing, style
from infovae_core.report.figures import pictures as figures_of
from infovae_core.report.frames import by_seed, curves, final_mmd, finals, frame, published, unrest
from infovae_core.study.experiments import (
    EXPERIMENT1_SCHEDULES,
    EXPERIMENT2_MODELS,
    EXPERIMENT3_MODELS,
    EXPERIMENTS,
    LATENT_DIMS,
    experiment1,
    experiment2,
    experiment3,
    presets,
    schedule_name,
)
from infovae_core.study.selection import Selection
from infovae_core.study.store import Result

matplotlib.use("Agg")
DIVERGENCES, CONTROLS = EXPERIMENT2_MODELS[:5], EXPERIMENT2_MODELS[5:]
NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PROVENANCE = {"device": "a machine", "torch": "2.0", "commit": "0123456789abcdef"}


@pytest.fixture(autouse=True)
def _close_figures():
    style.style()
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


def schedule_results(seeds=(0,)):
    """Experiment 1 at 60 steps; each metric's value at a step is step + the schedule's index."""
    found = {}
    for run in experiment1(seeds=seeds):
        level = list(EXPERIMENT1_SCHEDULES).index(schedule_name(run)) + run.seed
        steps = np.array([0, 20, 40, 60])
        arrays = {"eval_step": steps, "curve": np.full((3, 5), 7.0 + level)}
        for metric in ("val_mmd", "norm_ratio", "alpha", "lam"):
            arrays[f"eval_{metric}"] = steps + level
        values = {"norm_ratio": 2.0, "train_seconds": 3.0, "evaluation_seconds": 1.0 + level}
        values |= {"steps_to_target": 20} if level < 3 else {}
        found[run] = Result("done", values, PROVENANCE, arrays)
    return found


# Frames -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("experiment", "series", "metrics"),
    [
        ("experiment2", set(DIVERGENCES), {"val_mmd", "svm_error", "timed_seconds"}),
        (
            "experiment3",
            set(EXPERIMENT3_MODELS) - {"vae", "beta_vae"},
            {"val_mmd", "svm_error", "timed_seconds", "test_bce"},
        ),
    ],
)
def test_published_values_cover_every_series_dimension_and_figure(
    experiment, series, metrics
) -> None:
    rows = published(experiment).drop(columns="iteration")
    assert not rows.isna().any().any()
    counts = rows.groupby(["model", "metric"])["latent_dim"].apply(sorted)
    assert set(counts.index) == {(model, metric) for model in series for metric in metrics}
    assert all(dims == list(LATENT_DIMS) for dims in counts)


def test_published_curves_are_those_of_the_nine_schedules() -> None:
    rows = published("experiment1")
    assert not rows.isna().any().any()
    assert set(rows["model"]) == set(list(EXPERIMENT1_SCHEDULES)[:9])
    first = rows[(rows["model"] == "fixed_500_1") & (rows["metric"] == "val_mmd")]
    assert first["iteration"].astype(int).max() == 5000
    assert (rows["metric"] == "final_val_mmd").sum() == 9


def test_curves_have_a_row_for_each_evaluation_and_each_mean_of_the_loss() -> None:
    run, result = next(iter(schedule_results().items()))
    followed = curves({run: result}, schedule_name)
    assert set(followed["model"]) == {"fixed_500_0"}
    by_metric = {name: rows["step"].tolist() for name, rows in followed.groupby("metric")}
    assert by_metric["val_mmd"] == by_metric["norm_ratio"] == [0, 20, 40, 60]
    # There is no weight before the first update, and no loss either.
    terms = ("loss", "reconstruction", "kl", "divergence", "extra")
    for name in ("alpha", "lam", *terms):
        assert by_metric[name] == [20, 40, 60]
    rows = followed[followed["metric"] == "lam"]
    assert rows["value"].tolist() == [20, 40, 60]
    for name in ("alpha", "lam"):  # Results from before schedules have no weights.
        del result.arrays[f"eval_{name}"]
    older = curves({run: result}, schedule_name)
    assert set(followed["metric"]) - set(older["metric"]) == {"alpha", "lam"}


def test_of_an_experiment_of_ones_own_nothing_is_published(monkeypatch) -> None:
    monkeypatch.setitem(EXPERIMENTS, "ablation", experiment2)
    assert published("ablation").shape == (0, published("experiment2").shape[1])
    with pytest.raises(UnknownName, match=r"'experimnt2'.*Did you mean 'experiment2'"):
        published("experimnt2")


def test_the_final_mmd_is_the_mean_of_the_last_thousand_steps() -> None:
    rows = [("a", 0, "val_mmd", step, step / 1000) for step in range(0, 5001, 500)]
    rows += [("b", seed, "val_mmd", 5000, 1.0 + seed) for seed in (0, 1)]
    rows += [("a", 0, "kl", 5000, 99.0)]
    followed = pd.DataFrame(rows, columns=["model", "seed", "metric", "step", "value"])
    assert final_mmd(followed) == {"b": 1.5, "a": 4.75}
    assert list(final_mmd(followed)) == ["b", "a"]


def test_frames_of_nothing_keep_their_columns() -> None:
    assert list(frame({}).columns) == [
        "model",
        "latent_dim",
        "seed",
        "status",
        "metric",
        "value",
    ]
    assert list(curves({}).columns) == ["model", "seed", "metric", "step", "value"]


# Figures ------------------------------------------------------------------------------------------


GROUPS = {"kernels": DIVERGENCES[:2], "others": DIVERGENCES[2:]}


def series(figure: Figure, panel: int) -> dict[str, np.ndarray]:
    """The heights of a panel's lines, by label."""
    lines = figure.axes[panel].lines
    return {line.get_label(): np.asarray(line.get_ydata(), float) for line in lines}


def compared(shown, log: bool = False, **options) -> Figure:
    metrics = {"val_mmd": "MMD"}
    theirs = published("experiment2")
    return plots.compare(
        frame(shown), theirs, metrics, GROUPS, log=metrics if log else (), **options
    )


def test_models_of_a_group_share_a_panel_with_seeds_means_published_values_and_controls(
    monkeypatch,
) -> None:
    expected = {d: 3 ** (-d / 4) for d in LATENT_DIMS}
    asked = []
    monkeypatch.setattr(
        rulers, "unaligned", lambda dims, seeds: asked.append((list(dims), seeds)) or expected
    )
    figure = compared(results(), log=True, controls=CONTROLS, reference=True)
    theirs = published("experiment2")
    first = np.array(LATENT_DIMS)
    mean = np.sqrt(first * (first + 1))
    assert asked[0] == (list(LATENT_DIMS), [0])
    for panel, (title, models) in enumerate(GROUPS.items()):
        drawn = series(figure, panel)
        assert figure.axes[panel].get_title("left") == title
        np.testing.assert_allclose(drawn["ReconAE"], np.sqrt((first + 0.5) * (first + 1.5)))
        np.testing.assert_allclose(drawn["VAE"], mean)
        far = drawn["no code near another, or near a prior draw"]
        np.testing.assert_allclose(far, list(expected.values()))
        for model in models:
            label = plots.LABELS[model]
            rows = theirs[(theirs["model"] == model) & (theirs["metric"] == "val_mmd")]
            np.testing.assert_allclose(drawn[f"{label}, published"], rows["value"])
            dots = sorted(drawn[f"{label}, each seed"])
            np.testing.assert_allclose(dots, sorted([*first, *(first + 1)]))
            np.testing.assert_allclose(drawn[label], mean)
        assert figure.axes[panel].get_yscale() == "log"
    one, other = figure.axes[:2]
    assert one.get_ylim() == other.get_ylim()


def test_what_is_not_published_has_no_line_and_no_key() -> None:
    renamed = frame(results()).replace({"metric": {"val_mmd": "other"}})
    figure = plots.compare(renamed, published("experiment2"), {"other": "other"}, GROUPS)
    assert not any("published" in label for label in series(figure, 0))
    keys = [text.get_text() for text in figure.legends[0].get_texts()]
    assert keys == ["each seed", "mean of the seeds"]


def test_metrics_are_rows_and_on_a_telephone_all_panels_stand_under_one_another() -> None:
    shown = {
        run: Result("done", {"val_mmd": 1.0, "norm_ratio": 2.0}, PROVENANCE)
        for run in experiment3()
    }
    groups = {"one": EXPERIMENT3_MODELS[:4], "two": EXPERIMENT3_MODELS[4:]}
    metrics = {"val_mmd": "MMD", "norm_ratio": "size"}
    for name, columns in (("wide", 2), ("narrow", 1)):
        with style.layout(name):
            figure = plots.compare(frame(shown), published("experiment3"), metrics, groups)
        grid = figure.axes[0].get_subplotspec().get_gridspec()
        assert (grid.nrows, grid.ncols) == (4 // columns, columns)
        assert [axis.get_title("left") for axis in figure.axes] == ["one", "two"] * 2


def texts(figure: Figure) -> list[Text]:
    return [one for one in figure.findobj(Text) if one.get_visible() and one.get_text().strip()]


@pytest.mark.parametrize("name", ["wide", "narrow"])
def test_no_text_is_small_and_names_at_lines_do_not_overlap(name) -> None:
    with style.layout(name):
        style.style()
        followed = curves(schedule_results(), schedule_name)
        for figure in (
            compared(results(), log=True, controls=CONTROLS),
            schedule_plots.alignment(followed, published("experiment1"), 0.004),
        ):
            figure.canvas.draw()
            assert min(one.get_fontsize() for one in texts(figure)) >= style.SMALL
            for axis in figure.axes:
                boxes = [one.get_window_extent() for one in axis.texts]
                assert boxes
                for one, other in itertools.combinations(boxes, 2):
                    assert not one.padded(-2).overlaps(other.padded(-2))


def test_names_keep_their_order_and_distance_and_stay_where_they_are_wanted() -> None:
    found = style.spread_out(np.array([0.5, 0.5, 0.9]), 0.2, 2.0)
    np.testing.assert_allclose(found, [0.4, 0.6, 0.9])
    assert style.spread_out(np.array([1.95, 2.0]), 0.2, 2.0).max() <= 2.0
    assert style.decade(1e-6) == "1e−6" and style.decade(0.01) == "0.01"


# By night -----------------------------------------------------------------------------------------


def test_oklab_is_there_and_back_and_white_and_black_are_where_they_should_be() -> None:
    np.testing.assert_allclose(style.oklab("#ffffff"), [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(style.oklab("#000000"), 0, atol=1e-9)
    # Ottosson's page: red.
    np.testing.assert_allclose(style.oklab("#ff0000"), [0.628, 0.225, 0.126], atol=1e-3)
    for colour in style.COLOURS.values():
        assert style.from_oklab(style.oklab(colour)) == colour


def test_at_night_white_is_the_ground_and_every_model_stands_out_with_its_hue() -> None:
    assert style.night("#ffffff") == style.NIGHT
    for colour in [*style.COLOURS.values(), style.GREY]:
        dark = style.night(colour)
        assert style.contrast(dark, style.NIGHT) >= 3
        assert style.contrast(style.ink(colour), "#ffffff") >= 4.5
        assert style.contrast(style.night(style.ink(colour)), style.NIGHT) >= 4.5
        if colour != style.GREY:
            hues = [math.atan2(*style.oklab(one)[:0:-1]) for one in (colour, dark)]
            assert abs(math.remainder(hues[0] - hues[1], math.tau)) < 0.35


def test_contrast_is_that_of_wcag() -> None:
    assert style.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert style.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


# What is written for the site ---------------------------------------------------------------------


def test_the_site_gets_four_pictures_and_exactly_the_data_that_they_draw(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv(showing.FOLDER, str(tmp_path))
    given = frame(results()), published("experiment2"), {"val_mmd": "MMD"}, GROUPS
    showing.show("fig-x", plots.compare, *given, log=["val_mmd"])
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "fig-x.csv", "fig-x.svg", "fig-x-night.svg", "fig-x-narrow.svg", "fig-x-narrow-night.svg",
    }  # fmt: skip
    written = pd.read_csv(tmp_path / "fig-x.csv")
    figure = plots.compare(*given, log=["val_mmd"])
    for panel, (title, models) in enumerate(GROUPS.items()):
        rows = written[written["panel"].str.startswith(title)]
        for label, heights in series(figure, panel).items():
            part = rows[rows["series"] == label]
            np.testing.assert_allclose(part["y"], heights, rtol=1e-9)
        assert len(rows) == sum(map(len, series(figure, panel).values()))
        assert {plots.LABELS[model] for model in models} <= set(rows["series"])
    day, dark = ((tmp_path / f"fig-x{end}.svg").read_text("utf-8") for end in ("", "-night"))
    assert "#ffffff" in day and "#ffffff" not in dark and style.NIGHT in dark
    width = float(re.search(r'width="([\d.]+)pt"', day)[1])
    assert width == pytest.approx(style.WIDTHS["wide"] * 72)


def test_bands_and_points_are_data_and_what_has_no_name_is_none() -> None:
    figure, axis = plt.subplots()
    axis.fill_between([1, 2, 3], [0, 1, 2], [5, 6, 7], label="band")
    axis.scatter([1, 2], [3, 4], label="seen")
    axis.axhline(1)
    found = drawn.data(figure)
    for mark, heights in {"low": [0, 1, 2], "high": [5, 6, 7], "points": [3, 4]}.items():
        assert found[found["mark"] == mark]["y"].tolist() == heights
    assert len(found) == 8


def test_without_a_folder_nothing_is_written_and_one_figure_alone_is_drawn(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.delenv(showing.FOLDER, raising=False)
    monkeypatch.chdir(tmp_path)
    calls = []

    def draw() -> Figure:
        calls.append(1)
        return plt.subplots()[0]

    showing.save("table", pd.DataFrame())
    showing.show("fig-x", draw)
    assert list(tmp_path.iterdir()) == []
    with showing.only("fig-y", tmp_path / "y.png"):
        showing.show("fig-x", draw)
        showing.show("fig-y", draw)
    assert len(calls) == 2 and (tmp_path / "y.png").stat().st_size > 0


def test_every_model_has_a_label_and_its_own_colour() -> None:
    assert len({plots.LABELS[name] for name in PRESETS}) == len(PRESETS)
    assert len({style.COLOURS[name] for name in PRESETS}) == len(PRESETS)
    assert set(schedule_plots.LABELS) == set(EXPERIMENT1_SCHEDULES)
    panels = [name for names in schedule_plots.PANELS.values() for name in names]
    assert panels == list(EXPERIMENT1_SCHEDULES)


def test_colours_go_on_where_the_palette_ends_and_stay_as_they_are() -> None:
    assert style.COLOURS["infovae_mmd"] == style.PALETTE[0] == "#0173b2"
    assert (style.COLOURS["recon_ae"], style.COLOURS["contrastive_ae"]) == ("#ca9161", "#117733")
    many = style.Colours([*PRESETS, *(f"variant {k}" for k in range(12))])
    assert len(set(many.values())) == len(many)
    assert style.Colours(list(many)[:13]) == dict(list(many.items())[:13])


def test_figure_1_names_each_line_at_its_end_and_has_one_range() -> None:
    followed = curves(schedule_results(), schedule_name)
    figure = schedule_plots.alignment(followed, published("experiment1"), 0.004)
    for axis, names in zip(figure.axes, schedule_plots.PANELS.values(), strict=True):
        labels = [schedule_plots.LABELS[name] for name in names]
        assert [line.get_label() for line in axis.lines[1:]] == labels  # After the target.
        assert [text.get_text() for text in axis.texts] == labels
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    points = [collection.get_offsets() for collection in figure.axes[0].collections]
    rows = published("experiment1").query("model == 'fixed_500_0' and metric == 'val_mmd'")
    np.testing.assert_allclose(points[0][:, 1], rows["value"])


def test_traces_draw_one_line_a_schedule_and_the_seeds_mean() -> None:
    followed = curves(schedule_results(seeds=(0, 2)), schedule_name)
    names = ["adaptive_lam", "fixed_500_0"]
    figure = schedule_plots.traces(followed, {"lam": "λ", "norm_ratio": "size"}, names)
    first, second = line_data(figure, 0)
    np.testing.assert_allclose(first, np.array([20, 40, 60]) + 6 + 1)
    np.testing.assert_allclose(second, np.array([20, 40, 60]) + 1)
    assert [axis.get_ylabel() for axis in figure.axes] == ["λ", "size"]


def pictures(dims=(5, 20), diverged="vae"):
    """Results of Experiment 3 whose pictures all have the grey of their place."""
    found = {}
    for run in experiment3(latent_dims=dims, seeds=(0, 1)):
        grey = 10 * list(EXPERIMENT3_MODELS).index(run.model) + run.latent_dim + 100 * run.seed
        images = (
            np.full((10, 28, 28), grey, np.uint8) + np.arange(10, dtype=np.uint8)[:, None, None]
        )
        originals = np.full((10, 28, 28), 200, np.uint8)
        arrays = {"reconstructions": images, "originals": originals, "samples": images + 3}
        found[run] = Result("done", {}, PROVENANCE, {} if run.model == diverged else arrays)
    return found


def greys(figure: Figure, columns: int) -> np.ndarray:
    values = [float(a.images[0].get_array()[0, 0]) if a.images else np.nan for a in figure.axes]
    return np.array(values).reshape(-1, columns)


def test_one_digit_is_shown_for_every_model_and_dimension_of_the_first_seed() -> None:
    shown = greys(figures_of.one_digit(pictures(), 6, EXPERIMENT3_MODELS), 9)
    tens = 10.0 * np.arange(8)
    tens[EXPERIMENT3_MODELS.index("vae")] = np.nan
    expected = [[200, *(tens + d + 6)] for d in (5, 20)]
    np.testing.assert_array_equal(shown, expected)


def test_ten_digits_are_shown_for_every_model_at_one_dimension() -> None:
    figure = figures_of.ten_digits(pictures(), 20, ["aae", "vae"])
    shown = greys(figure, 3)
    assert shown.shape == (10, 3)
    np.testing.assert_array_equal(shown[:, 0], np.full(10, 200))
    np.testing.assert_array_equal(shown[:, 1], 10 * 5 + 20 + np.arange(10))
    assert np.isnan(shown[:, 2]).all()
    assert figure.get_suptitle() == ""
    absent = figures_of.ten_digits(pictures(), 60, ["aae", "vae"])
    assert absent.get_suptitle() == "none of these results has d = 60"
    assert np.isnan(greys(absent, 3)[:, 1:]).all()


def test_samples_are_shown_for_every_model_at_one_dimension_of_the_first_seed() -> None:
    figure = figures_of.samples(pictures(), 5, ["aae", "vae", "recon_ae"])
    shown = greys(figure, 10)
    np.testing.assert_array_equal(shown[0], 10 * 5 + 5 + 3 + np.arange(10))
    assert np.isnan(shown[1]).all()
    np.testing.assert_array_equal(shown[2], 5 + 3 + np.arange(10))
    absent = figures_of.samples(pictures(), 60, ["aae", "vae"])
    assert absent.get_suptitle() == "none of these results has d = 60"


def test_digits_are_drawn_row_by_row() -> None:
    images = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    figure = figures_of.digits({"one": images, "two": images[:1]})
    shown = [axis.images[0].get_array() for axis in figure.axes if axis.images]
    assert len(shown) == 3
    np.testing.assert_array_equal(shown[1], images[1])


def test_the_prior_circles_of_the_latent_plane_hold_their_share() -> None:
    codes = np.random.default_rng(0).standard_normal((20_000, 2))
    style.style()
    figure = figures_of.latent_plane(codes, np.arange(len(codes)) % 10)
    for patch, share in zip(figure.axes[0].patches, (0.5, 0.95), strict=True):
        inside = (np.linalg.norm(codes, axis=1) < patch.radius).mean()
        assert inside == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / len(codes)))


def test_the_axes_hold_every_seed_and_the_legend_names_the_marks() -> None:
    for log in (False, True):
        figure = compared(results(seeds=(0, 1, 2)), log=log)
        low, high = figure.axes[0].get_ylim()
        assert low < 2 and high > 82
        assert not any(one.containers or one.collections for one in figure.axes)
    keys = [text.get_text() for text in figure.legends[0].get_texts()]
    assert keys == ["each seed", "geometric mean of the seeds", "published"]


def test_a_line_goes_through_the_geometric_mean_or_the_median_where_a_seed_is_0() -> None:
    stored = results(seeds=(1, 2, 3))
    for run, result in stored.items():
        result.metrics["val_mmd"] = 10.0**run.seed
    np.testing.assert_allclose(series(compared(stored, log=True), 0)["InfoVAE-MMD"], 100)
    for run, result in stored.items():
        result.metrics["val_mmd"] = 10.0**run.seed if run.seed < 3 else 0.0
    figure = compared(stored, log=True)
    np.testing.assert_allclose(series(figure, 0)["InfoVAE-MMD"], 10)
    assert "median of the seeds" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_linear_axis_that_holds_negative_values_has_a_line_at_0() -> None:
    plain, below = results(seeds=[0]), results(seeds=[0])
    for result in below.values():
        result.metrics["val_mmd"] *= -1
    assert len(series(compared(below), 0)) == len(series(compared(plain), 0)) + 1


def test_one_seed_is_drawn_without_bars_or_bands() -> None:
    figure = compared(results(seeds=[0]), controls=CONTROLS)
    assert not any(axis.containers or axis.collections for axis in figure.axes)
    keys = [text.get_text() for text in figure.legends[0].get_texts()]
    assert keys == ["one seed", "published"]
    traced = schedule_plots.traces(
        curves(schedule_results(), schedule_name), {"lam": "λ"} | {"alpha": "α"}, ["adaptive_lam"]
    )
    assert not any(axis.collections for axis in traced.axes)


def test_bands_of_curves_go_from_the_least_seed_to_the_greatest() -> None:
    followed = curves(schedule_results(seeds=(0, 1, 8)), schedule_name)
    for log, middle in ((False, 63), (True, (60 * 61 * 68) ** (1 / 3))):
        figure = schedule_plots.traces(followed, {"lam": "λ", "kl": "KL"}, ["fixed_500_0"], log)
        (band,) = figure.axes[0].collections
        heights = band.get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == (20, 68)
        (line,) = figure.axes[0].lines
        assert line.get_ydata()[-1] == pytest.approx(middle)


def with_diverged(seeds=(0, 1, 2), model="infovae_chi2", seed=1):
    """`results`, of which one model diverged at one seed in 80 dimensions."""
    found = results(seeds)
    for run in found:
        if (run.model, run.latent_dim, run.seed) == (model, 80, seed):
            found[run] = Result("diverged", {"diverged_at": 7, "val_mmd": None}, PROVENANCE)
            del found[run].metrics["val_mmd"]
    return found


def test_a_diverged_run_is_counted_in_the_table_and_named_in_the_caption() -> None:
    shown = with_diverged()
    rows = frame(shown)
    lost = rows[rows["value"].isna()]
    assert lost[["model", "latent_dim", "seed", "status", "metric"]].to_numpy().tolist() == [
        ["infovae_chi2", 80, 1, "diverged", "val_mmd"]
    ]
    table = tables.beside(rows, published("experiment2"))
    text = table.loc[("InfoVAE-χ²", 80), "validation MMD"]
    assert text.startswith("81\u00a0±\u00a01 (1 diverged)\u00a0[")
    assert table.loc[("VAE", 80), "validation MMD"] == "81\u00a0±\u00a02.5"
    chosen = Selection("experiment2")
    named = "Diverged, and in no mean: InfoVAE-χ², d = 80, seed 1."
    assert captions.provenance(chosen, shown).endswith(named)
    # Of one seed alone it is what a cell says.
    alone = tables.beside(frame(with_diverged(seeds=[1])), published("experiment2"))
    assert alone.loc[("InfoVAE-χ²", 80), "validation MMD"].startswith("diverged\u00a0[")
    # What none of them measured is no divergence, nor is a value of a run that is done.
    assert alone.loc[("InfoVAE-χ²", 80), "SVM error"].startswith("–")
    endless = rows.assign(value=rows["value"].where(rows["status"] == "diverged", math.inf))
    table = tables.beside(endless, published("experiment2"))
    assert table.loc[("VAE", 80), "validation MMD"] == "–"
    assert table.loc[("InfoVAE-χ²", 80), "validation MMD"].startswith("diverged")
    assert len(series(compared(shown), 1)["InfoVAE-χ², each seed"]) == 3 * len(LATENT_DIMS) - 1


def test_a_time_that_was_not_taken_is_no_divergence() -> None:
    shown = with_diverged()
    for run, result in shown.items():
        if run.seed == 0:
            result.metrics["timed_seconds"] = 3.0
    rows = frame(shown)
    assert set(rows[rows["metric"] == "timed_seconds"]["seed"]) == {0}
    assert not rows[rows["metric"] == "timed_seconds"]["value"].isna().any()


def test_a_schedule_that_diverged_has_no_final_value_and_is_named() -> None:
    shown = schedule_results(seeds=(0, 1))
    for run, result in shown.items():
        if (schedule_name(run), run.seed) == ("adaptive_both", 1):
            arrays = {name: values[:2] for name, values in result.arrays.items()}
            shown[run] = Result("diverged", {"diverged_at": 30}, PROVENANCE, arrays)
    ours, followed = frame(shown, schedule_name), curves(shown, schedule_name)
    last = finals(followed).set_index(["model", "seed"])["value"]
    assert math.isnan(last["adaptive_both", 1])
    assert last["adaptive_both", 0] == final_mmd(followed)["adaptive_both"] == 38
    row = schedule_tables.alignment(followed, published("experiment1")).loc["adaptive λ and α"]
    assert "38.00000 (1 diverged)" in row["MMD, last 1,000 steps"]
    assert row["total variation (10⁻⁶)"] == "60,000,000 (1 diverged)"
    row = schedule_tables.codes(ours, followed).loc["adaptive λ and α"]
    assert row["‖z‖/√d"] == "2.00 (1 diverged)"
    chosen = Selection("experiment1", seeds=(0, 1))
    text = captions.provenance(chosen, shown)
    assert text.endswith("Diverged, and in no mean: adaptive λ and α, d = 20, seed 1.")


# Tables and numbers -------------------------------------------------------------------------------


def test_table_1_is_the_registry() -> None:
    assert ORIGINS.keys() == REGISTRY.keys()
    table = tables.divergence_table()
    assert len(table) == len(REGISTRY)
    row = table.loc["Maximum mean discrepancy, squared"]
    assert row["options"] == "bandwidth 1.0, estimator unbiased, prior sampled"
    assert (row["model"].split(", ")[0], row["learned"]) == ("InfoVAE-MMD", "no")
    assert table.loc["χ² divergence", "learned"] == "yes"
    # Every source that is named is in the bibliography.
    bibliography = (NOTEBOOKS.parent / "book" / "references.bib").read_text(encoding="utf-8")
    for source in table["source"]:
        author = source.split()[0].lower().replace("é", "e")
        assert f"{author}{source[-4:]}," in bibliography


def test_the_table_of_variants_is_that_of_the_presets() -> None:
    table = tables.variant_table()
    assert list(table.index) == [plots.LABELS[name] for name in PRESETS]
    assert dict(table.loc["β-VAE"]) == {
        "α": "-3",
        "λ": "4",
        "weight of KL": "4",
        "weight of D": "0",
        "D": "",
        "besides": "",
        "experiments": "3",
    }
    assert table.loc["InfoVAE-MMD", "experiments"].startswith("1, 2, 3")
    assert table.loc["Free-Bits VAE", "besides"] == "at least 0.1 nats of KL a dimension"
    assert table.loc["BN-VAE", "besides"] == "batch norm before the heads"


def test_a_variant_and_an_experiment_of_ones_own_are_in_the_tables(monkeypatch) -> None:
    monkeypatch.setitem(PRESETS, "my_vae", Preset(Objective(alpha=0, lam=1), batch_norm=True))
    one = dataclasses.replace(experiment2, title="Ablation of β", variants=presets("my_vae"))
    mine = one()
    monkeypatch.setitem(EXPERIMENTS, "ablation", one)
    table = tables.variant_table()
    assert dict(table.loc["my_vae"])["experiments"] == "Ablation of β"
    assert table.loc["InfoVAE-MMD", "experiments"].startswith("1, 2, 3")
    assert tables.setting_table().loc["updates", "Ablation of β"] == "3,900"
    shown = {mine[0]: Result("done", {"val_mmd": 1.0}, PROVENANCE)}
    assert list(tables.beside(frame(shown), published("experiment2")).index) == [("my_vae", 2)]


def test_table_2_follows_the_specs(monkeypatch) -> None:
    table = tables.setting_table("paper")
    assert dict(table["Experiment 2"]) == {
        "runs a seed": 49,
        "updates": "3,900",
        "epochs": "10",
        "B": "128",
        "Adam's rate": "0.0001",
        "d": "2, 5, 10, 20, 40, 60, 80",
        "decoder": "transposed convolutions",
        "α of penalties": "1",
        "λ of penalties": "1000",
        "validation": "500 × 128, every 390 updates",
    }
    assert table.loc["decoder", "Experiment 3"] == "masked, 128 channels"
    assert table.loc["α of penalties", "Experiment 1"] == "0, 0.5, 1"
    assert tables.setting_table("cpu").loc["decoder", "Experiment 3"] != "masked, 128 channels"
    settings = {"cpu": {"steps": 3900, "learning_rate": 0.5}}
    two = dataclasses.replace(experiment2, profiles=settings)
    monkeypatch.setitem(EXPERIMENTS, "experiment2", two)
    assert tables.setting_table("cpu").loc["Adam's rate", "Experiment 2"] == "0.5"


def test_the_table_of_schedules_goes_from_best_to_worst() -> None:
    shown = schedule_results()
    ours, followed = frame(shown, schedule_name), curves(shown, schedule_name)
    table = schedule_tables.alignment(followed, published("experiment1"))
    assert list(table.index) == list(schedule_plots.LABELS.values())
    first = table.iloc[0]
    assert first["MMD, last 1,000 steps"] == "30.00000\u00a0[0.01190]"
    # Of 0, 20, 40 and 60.
    assert first["its s.d. (10⁻⁶)"] == f"{np.std([0, 20, 40, 60], ddof=1) * 1e6:.1f}"
    assert first["total variation (10⁻⁶)"] == "60,000,000"
    table = schedule_tables.codes(ours, followed)
    assert list(table.index) == list(schedule_plots.LABELS.values())
    first = table.iloc[0]
    assert (first["target reached"], first["held from"]) == ("20", "never")
    assert table.iloc[5]["target reached"] == "never"
    assert first["SVM error"] == "–"  # Not measured, by runs that are done.


def test_unrest_is_that_of_the_last_thousand_steps() -> None:
    rows = [("a", 0, "val_mmd", step, 99.0) for step in range(0, 4001, 500)]
    rows += [("a", 0, "val_mmd", 4500, math.e), ("a", 0, "val_mmd", 5000, math.e**3)]
    rows += [("b", 1, "val_mmd", step, 1.0) for step in (0, 4500)]
    followed = pd.DataFrame(rows, columns=["model", "seed", "metric", "step", "value"])
    found = unrest(followed).set_index(["model", "seed", "metric"])["value"]
    assert found["a", 0, "mmd_variation"] == pytest.approx(math.e**3 - math.e)
    assert found["a", 0, "mmd_std"] == pytest.approx((math.e**3 - math.e) / math.sqrt(2))
    assert found["a", 0, "log_mmd_std"] == pytest.approx(math.sqrt(2))
    assert found["b"].isna().all()  # It ended before the others.


def test_the_spread_of_reconstruction_is_that_of_models_without_kl_at_the_largest_d() -> None:
    losses = {"recon_ae": 30.0, "aae": 29.0, "infovae_mmd": 31.5, "contrastive_ae": 31.0}
    shown = {
        run: Result(
            "done",
            {
                "test_bce": losses.get(run.model, 99.0) * run.latent_dim,
                "norm_ratio": 9.0 if run.model == "vae" else losses.get(run.model, 1.0) / 10,
            },
            PROVENANCE,
        )
        for run in experiment3(latent_dims=(2, 10))
    }
    found = tables.findings3(frame(shown), published("experiment3"))
    assert found["recon_spread"] == 25.0
    assert found["free_norm"] == 3.15
    assert found["vae_2_test_bce"] == 198


def test_numbers_of_experiment_1_hold_ends_and_extremes() -> None:
    shown = schedule_results()
    ours, followed = frame(shown, schedule_name), curves(shown, schedule_name)
    found = tables.findings1(ours, followed, published("experiment1"))
    assert found["fixed_500_0_final"] == 30
    assert found["published_fixed_500_0_final"] == 0.0119
    assert (found["adaptive_lam_lam_min"], found["adaptive_lam_lam_max"]) == (26, 66)
    assert found["untrained"] == 2
    assert found["alpha_excess"] == 60 + 8 - 1
    assert found["spread"] == 8 - 2
    # Readings of 0, 20, 40, 60 and more stay below 1.1 times their mean only until the last.
    assert math.isnan(found["settled_first"])
    assert found["difference"] == pytest.approx(30 + 8 - 0.00409)
    assert found["fixed_500_0_20_norm_ratio"] == 2
    assert {type(value) for value in found.values()} == {float}


def test_a_caption_says_where_times_were_taken() -> None:
    provenance = PROVENANCE | {"timed": {"device": "another, 2 threads", "commit": "f" * 40}}
    shown = {run: Result("done", {}, provenance) for run in experiment2()}
    assert captions.hours({run: Result("done", {}, {"seconds": 1800}) for run in shown}) == 24.5
    assert captions.timed(shown) == ("timed on another, 2 threads, commit ffffffffff, seed 0")


def test_the_table_puts_the_published_value_in_brackets() -> None:
    table = tables.beside(frame(results(seeds=[0])), published("experiment2"))
    assert table.loc[("InfoVAE-MMD", 2), "validation MMD"] == "2\u00a0[0.038]"
    assert table.loc[("VAE", 2), "validation MMD"] == "2"
    assert table.loc[("InfoVAE-MMD", 2), "test BCE (nats)"] == "–"
    assert len(table) == len(EXPERIMENT2_MODELS) * len(LATENT_DIMS)


def test_numbers_for_the_text_are_plain_floats_of_the_seeds_mean() -> None:
    found = tables.findings(frame(results()), published("experiment2"))
    assert found["infovae_mmd_20_val_mmd"] == 20.5
    assert found["published_infovae_mmd_20_val_mmd"] == 0.00403
    assert found["escape_20"] == pytest.approx(3**-5)
    assert {type(value) for value in found.values()} == {float}


def test_a_caption_names_track_profile_seeds_data_machine_and_commit() -> None:
    chosen = Selection("experiment2", seeds=(0, 1))
    assert captions.provenance(chosen, results()) == (
        "Track as_written, profile cpu, seeds 0, 1, mnist; a machine; PyTorch 2.0; "
        "commit 0123456789."
    )


def test_captions_and_text_say_how_many_seeds_there_are() -> None:
    one, three = experiment2(seeds=[4]), experiment2(seeds=[2, 0, 1])
    assert captions.seed_list(one) == "seed 4"
    assert captions.seed_list(three) == "seeds 0, 1, 2"
    for shown in ("dots", "log dots", "bands", "log bands", "±"):
        assert captions.means(one, shown) == "One seed, and no interval."
    assert captions.means(experiment2(seeds=[0, 3]), "±") == (
        "Means of 2 seeds, ± half the distance of the two."
    )
    assert captions.means(three, "dots") == "Dots: 3 seeds; lines: their means."
    assert captions.means(three, "log dots") == ("Dots: 3 seeds; lines: their geometric means.")
    assert captions.means(three, "log bands") == (
        "Lines: geometric means of 3 seeds; bands: their range."
    )
    assert captions.means(three, "±") == "Means of 3 seeds, ± half the 95\u00a0% t interval."
    assert captions.basis(one).startswith("All numbers are from one seed; ")
    assert captions.basis(three).startswith("Numbers are means of 3 seeds. ")


def test_the_table_of_schedules_counts_seeds_that_never_reached_the_target() -> None:
    shown = schedule_results(seeds=(0, 1))
    ours, followed = frame(shown, schedule_name), curves(shown, schedule_name)
    table = schedule_tables.codes(ours, followed)
    reached = table["target reached"].tolist()
    assert reached[:2] == ["20\u00a0±\u00a00"] * 2
    assert reached[2:] == ["20 (1 never)"] + ["never"] * 8
    assert table["‖z‖/√d"].iloc[0] == "2.00\u00a0±\u00a00.00"


def test_differences_of_experiment_2_are_the_paired_intervals() -> None:
    shown = results(seeds=(0, 1))
    for run, result in shown.items():
        result.metrics["svm_error"] = 0.1 * run.seed + (run.model == "vae") * (0.25 + run.seed)
    found = captions.differences2(frame(shown))
    assert set(found.index) == set(captions.COMPARED2)
    # Of seeds 0 and 1 differences are 0.25 and 1.25, or −0.5 at both.
    half = math.tan(0.475 * math.pi) / 2
    row = found.loc["vae_20_svm"]
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((0.75, 0.75 - half, 0.75 + half))
    row = found.loc["none_20_mmd"]
    assert (row["mean"], row["low"], row["high"], row["n"]) == (-0.5, -0.5, -0.5, 2)
    one = captions.differences2(frame(results(seeds=[0])))
    assert one.loc["none_20_mmd", "n"] == 1 and math.isnan(one.loc["none_20_mmd", "low"])
    assert one.loc["none_20_svm", "n"] == 0


def test_differences_of_experiment_1_are_of_final_values_and_of_metrics() -> None:
    shown = schedule_results(seeds=(0, 1))
    found = captions.differences1(frame(shown, schedule_name), curves(shown, schedule_name))
    assert set(found.index) == set(captions.COMPARED1)
    assert found.loc["alpha_final", "mean"] == -2
    assert found.loc["lam_final", "mean"] == -3
    known = set(EXPERIMENT1_SCHEDULES)
    assert all({a, b} <= known for _, a, b, _ in captions.COMPARED1.values())


def test_values_by_seed_are_those_of_one_metric() -> None:
    rows = frame({run: one for run, one in results().items() if run.model == "recon_ae"})
    assert by_seed(rows[rows["latent_dim"] == 5], "val_mmd") == {0: 5.5, 1: 6.5}
    assert by_seed(rows, "other") == {}


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_each_notebook_is_its_markdown_twin_executed(path: Path) -> None:
    source = [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]
    notebook = jupytext.read(path.with_suffix(".ipynb"))
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == source
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source]
    assert all(cell.execution_count for cell in code)
