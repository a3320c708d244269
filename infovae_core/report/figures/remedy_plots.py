"""What the remedies do, beside the VAE and no penalty at all; what a weight buys."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infovae_core.report.figures.plots import DASHES, dots, line, of
from infovae_core.report.figures.style import (
    COLOURS,
    GREY,
    PALETTE,
    dimensions,
    logarithmic,
    name_lines,
    narrow,
    panels,
)
from infovae_core.report.guide import SHORT
from infovae_core.report.intervals import centre
from infovae_core.report.labels import LABELS

# Metrics that a reader chooses by: a heading, whether the axis is logarithmic, and what a match
# reads where that is not 0.
ASKED: dict[str, tuple[str, bool, float | None]] = {
    "test_bce": ("reconstruction (nats)", False, None),
    "svm_error": ("classification error", False, None),
    "energy_distance": ("energy distance to the prior", True, None),
    "norm_ratio": ("size of the codes, ‖z‖ / √d", True, 1.0),
}
MATCH = {"color": GREY, "linewidth": 0.9, "linestyle": (0, (4, 3))}


def columns(ours: pd.DataFrame, models: Sequence[str], controls: Sequence[str]) -> Figure:
    """One panel for each metric of `ASKED`, against the latent dimension; lines bear their names.

    Each seed is a dot, and lines go through `intervals.centre`. In each panel less is better, but
    for the size, which is to be 1.

    Args:
        ours: `frames.frame`.
        models: Those in colour.
        controls: Those in grey, of `plots.DASHES`.
    """
    figure, axes = panels(2, 2, 2.6, sharex=True)
    dims = [int(d) for d in sorted(ours["latent_dim"].unique())]
    found = {}
    for axis, (metric, (heading, log, match)) in zip(axes.flat, ASKED.items(), strict=True):
        rows = ours[(ours["metric"] == metric) & ours["model"].isin([*models, *controls])]
        values, _ = centre(rows, ["model", "latent_dim"], log)
        if match is not None:
            axis.axhline(match, label="match", **MATCH)
        for model in [*controls, *models]:
            grey = model in controls
            colour = GREY if grey else COLOURS[model]
            style = {"linestyle": DASHES[model], "linewidth": 1.2} if grey else {"linewidth": 2}
            dots(axis, rows, model, colour, markersize=2.5 if grey else 3.5)
            line(axis, of(values, model), color=colour, label=LABELS[model], **style)
        axis.set_title(heading)
        axis.set_xlabel("latent dimension d")
        axis.set_xticks(dimensions(dims))
        if log:
            logarithmic(axis)
        found[metric] = values
    for axis, values in zip(axes.flat, found.values(), strict=True):
        ends = {
            LABELS[model]: (
                float(of(values, model)["centre"].iloc[-1]),
                GREY if model in controls else COLOURS[model],
            )
            for model in [*models, *controls]
            if len(of(values, model))
        }
        name_lines(axis, ends, float(dims[-1]))
    return figure


def frontier(ours: pd.DataFrame, series: Mapping[str, tuple[str, float]]) -> Figure:
    """What a weight buys, with every weight by its price; a line for each penalty.

    Args:
        ours: `frames.frame` of the experiment "frontier".
        series: Of each series, its penalty and its price in nats, `guide.frontier_prices`.
    """
    shown = {
        "test_bce": ASKED["test_bce"],
        "energy_distance": ASKED["energy_distance"],
        "norm_ratio": ASKED["norm_ratio"],
        "active_units": ("active units", False, None),
    }
    figure, axes = panels(2, 2, 2.5, 0.7, sharex=True)
    penalties = list(dict.fromkeys(model for model, _ in series.values()))
    for axis, (metric, (heading, log, match)) in zip(axes.flat, shown.items(), strict=True):
        means = ours[ours["metric"] == metric].groupby("model")["value"].mean()
        if match is not None:
            axis.axhline(match, label="match", **MATCH)
        for control in ("vae", "recon_ae"):
            style = {"color": GREY, "linewidth": 1.2, "linestyle": DASHES[control]}
            axis.axhline(means[control], label=LABELS[control], **style)
        for model, marker in zip(penalties, "osD^v", strict=False):
            found = sorted((at, means[name]) for name, (one, at) in series.items() if one == model)
            x, y = zip(*found, strict=True)
            style = {"marker": marker, "markersize": 5, "linewidth": 1.8}
            axis.plot(x, y, color=COLOURS[model], label=SHORT[model], **style)
        logarithmic(axis, "x")
        if log:
            logarithmic(axis)
        axis.set_title(heading)
        axis.set_xlabel("price (nats)")
    handles = [
        Line2D([], [], color=COLOURS[model], marker=marker, markersize=5, label=SHORT[model])
        for model, marker in zip(penalties, "osD^v", strict=False)
    ]
    handles += [
        Line2D([], [], color=GREY, linestyle=DASHES[control], label=LABELS[control])
        for control in ("vae", "recon_ae")
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2 if narrow() else 4)
    return figure


def weights(ours: pd.DataFrame, series: Mapping[str, float]) -> Figure:
    """Size, reconstruction and active units against λ, one line for each latent dimension.

    Args:
        ours: `frames.frame` of Experiment 4.
        series: λ of each series.
    """
    shown = {
        "norm_ratio": "size, ‖z‖ / √d",
        "test_bce": "reconstruction (nats)",
        "active_units": "share of units active",
    }
    figure, axes = panels(1, 3, 2.4)
    dims = [int(d) for d in sorted(ours["latent_dim"].unique())]
    for axis, (metric, heading) in zip(axes.flat, shown.items(), strict=True):
        ends = {}
        for d, marker, colour in zip(dims, "os^D", PALETTE, strict=False):
            rows = ours[(ours["metric"] == metric) & (ours["latent_dim"] == d)]
            means = rows.groupby("model")["value"].mean().reindex(list(series)).dropna()
            values = means / d if metric == "active_units" else means
            lams = [series[str(name)] for name in values.index]
            axis.plot(lams, values, marker=marker, markersize=5, color=colour, label=f"d = {d}")
            if len(values):
                ends[f"d = {d}"] = (float(values.iloc[-1]), colour)
        logarithmic(axis, "x")
        axis.set_title(heading)
        axis.set_xlabel("λ")
        if metric == "norm_ratio":
            axis.axhline(1, label="match", **MATCH)
            logarithmic(axis)
        name_lines(axis, ends, max(series.values()))
    return figure
