"""What the remedies do, beside the thesis's penalty, the VAE, and no penalty at all."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infovae_core.report.figures.plots import (
    COLOURS,
    GREY,
    PALETTE,
    dots,
    line,
    of,
    plain_decades,
)
from infovae_core.report.guide import SHORT
from infovae_core.report.intervals import centre
from infovae_core.report.labels import LABELS

# Metrics that a reader chooses by: a heading, whether the axis is logarithmic, and what a perfect
# match reads where that is no 0.
ASKED: dict[str, tuple[str, bool, float | None]] = {
    "test_bce": ("reconstruction (nats per test image)", False, None),
    "svm_error": ("classification error", False, None),
    "energy_distance": ("energy distance to the prior", True, None),
    "norm_ratio": ("size of the codes, ‖z‖ / √d", True, 1.0),
}


def columns(ours: pd.DataFrame, models: Sequence[str], behind: Sequence[str] = ()) -> Figure:
    """One panel for each metric of `ASKED`, against the latent dimension; lines bear their names.

    Each seed is a dot, and lines go through `intervals.centre`. In each panel less is better, but
    for the size, which is to be 1.

    Args:
        ours: `frames.frame`.
        models: Those in colour.
        behind: Those in grey, for comparison.
    """
    figure, axes = plt.subplots(2, 2, figsize=(9.6, 7.2), sharex=True)
    for axis, (metric, (heading, log, match)) in zip(axes.flat, ASKED.items(), strict=True):
        rows = ours[ours["model"].isin([*models, *behind]) & (ours["metric"] == metric)]
        values, _ = centre(rows, ["model", "latent_dim"], log)
        if match is not None:
            axis.axhline(match, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        ends = {}
        for model in [*behind, *models]:
            colour = COLOURS[model] if model in models else GREY
            dots(axis, rows, model, colour, markersize=3.5)
            found = of(values, model)
            line(axis, found, color=colour, linewidth=2.2 if model in models else 1.2)
            if len(found):
                ends[model] = float(found["centre"].iloc[-1])
        if log:
            axis.set_yscale("log", nonpositive="mask")
            plain_decades(axis)
        axis.set_title(heading, loc="left", fontsize=10)
        name_lines(axis, ends, models)
    axes[0, 0].set_xticks(sorted(d for d in ours["latent_dim"].unique() if d not in (5, 10)))
    for axis in axes[1]:
        axis.set_xlabel("latent dimension d", fontsize=9)
    return figure


def frontier(ours: pd.DataFrame, series: Mapping[str, tuple[str, float]]) -> Figure:
    """What a weight buys, with every weight by its price; a line for each penalty.

    Args:
        ours: `frames.frame` of the experiment "frontier".
        series: Of each series, its penalty and its price in nats, `guide.frontier_prices`.
    """
    shown = {**ASKED, "active_units": ("active units", False, None)}
    shown.pop("norm_ratio")
    figure, axes = plt.subplots(2, 2, figsize=(9.6, 6.4), sharex=True)
    penalties = list(dict.fromkeys(model for model, _ in series.values()))
    controls = {"vae": (0, (5, 1.5, 1, 1.5)), "recon_ae": (0, (1, 1.2))}
    for axis, (metric, (heading, log, _)) in zip(axes.flat, shown.items(), strict=True):
        means = ours[ours["metric"] == metric].groupby("model")["value"].mean()
        for control, dashes in controls.items():
            axis.axhline(means[control], color=GREY, linewidth=1.2, linestyle=dashes)
        for model, marker in zip(penalties, "osD^v", strict=False):
            found = sorted((at, means[name]) for name, (one, at) in series.items() if one == model)
            axis.plot(
                *zip(*found, strict=True),
                marker=marker,
                color=COLOURS[model],
                linewidth=1.8,
                label=SHORT[model],
            )
        axis.set_xscale("log")
        if log:
            axis.set_yscale("log", nonpositive="mask")
        axis.set_title(heading, loc="left", fontsize=10)
    for axis in axes[1]:
        axis.set_xlabel("price of codes of 1.5 times the prior's size (nats)", fontsize=9)
    handles, names = axes[0, 0].get_legend_handles_labels()
    handles += [Line2D([], [], color=GREY, linestyle=one) for one in controls.values()]
    figure.legend(
        handles,
        [*names, *(LABELS[control] for control in controls)],
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize=9,
    )
    return figure


def name_lines(axis: Axes, ends: Mapping[str, float], models: Sequence[str]) -> None:
    """Each line's name at its right end, moved apart where ends are close.

    Args:
        axis: Where the lines are, its scale and limits final.
        ends: The value at each line's right end.
        models: Those in colour; the others are named in grey.
    """

    def place(value: float) -> float:
        return float(axis.transAxes.inverted().transform(axis.transData.transform((0, value)))[1])

    gap = 0.068
    order = sorted(ends, key=ends.__getitem__)
    places = [place(ends[model]) for model in order]
    for at in range(1, len(places)):
        places[at] = max(places[at], places[at - 1] + gap)
    # Back down from the top, if they were pushed beyond it.
    for at in range(len(places) - 1, -1, -1):
        top = 1.03 if at == len(places) - 1 else places[at + 1] - gap
        places[at] = min(places[at], top)
    right = axis.get_xlim()[1]
    for model, height in zip(order, places, strict=True):
        if not np.isfinite(height):
            continue
        axis.annotate(
            LABELS[model],
            (right, ends[model]),
            xytext=(1.02, height),
            textcoords="axes fraction",
            va="center",
            fontsize=8.5,
            color=COLOURS[model] if model in models else GREY,
            annotation_clip=False,
        )


def escape(ours: pd.DataFrame, series: Mapping[str, float]) -> Figure:
    """Size, reconstruction and active units against λ, one line for each latent dimension.

    Args:
        ours: `frames.frame` of Experiment 4.
        series: λ of each series.
    """
    shown = {
        "norm_ratio": "size of the codes, ‖z‖ / √d",
        "test_bce": "reconstruction (nats per test image)",
        "active_units": "share of units active",
    }
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.2))
    dims = sorted(ours["latent_dim"].unique())
    for axis, (metric, heading) in zip(axes, shown.items(), strict=True):
        for d, marker, colour in zip(dims, "os^D", PALETTE, strict=False):
            rows = ours[(ours["metric"] == metric) & (ours["latent_dim"] == d)]
            means = rows.groupby("model")["value"].mean().reindex(list(series)).dropna()
            values = means / d if metric == "active_units" else means
            axis.plot([series[name] for name in values.index], values, marker=marker, color=colour)
            if len(values):
                axis.annotate(
                    f"d = {d}",
                    (series[str(values.index[0])], values.iloc[0]),
                    xytext=(4, 5),
                    textcoords="offset points",
                    fontsize=9,
                    color=colour,
                )
        axis.set_xscale("log")
        axis.set_title(heading, loc="left", fontsize=10)
        axis.set_xlabel("λ", fontsize=9)
    axes[0].axhline(1, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    axes[0].set_yscale("log")
    return figure
