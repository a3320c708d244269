"""Figures of several models: a metric against the latent dimension, seeds and published values."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infovae_core.report import rulers
from infovae_core.report.figures.style import (
    COLOURS,
    FAINT,
    GREY,
    dimensions,
    logarithmic,
    name_lines,
    narrow,
    panels,
)
from infovae_core.report.intervals import centre
from infovae_core.report.labels import LABELS

# Of controls, which stand grey behind every panel, told apart by their dashes.
DASHES = {"recon_ae": (0, (1, 1.2)), "vae": (0, (5, 1.5, 1, 1.5))}
# Of seeds.
DOTS: dict[str, Any] = {
    "marker": "o",
    "markersize": 4.5,
    "alpha": 0.5,
    "linestyle": "",
    "markeredgewidth": 0,
}
UNALIGNED: dict[str, Any] = {"color": FAINT, "linewidth": 3, "zorder": 0, "alpha": 0.7}
THEIRS: dict[str, Any] = {
    "linestyle": (0, (1.5, 2)),
    "marker": "o",
    "markersize": 4.5,
    "markerfacecolor": "white",
    "linewidth": 0.9,
}


def compare(
    ours: pd.DataFrame,
    theirs: pd.DataFrame,
    metrics: Mapping[str, str],
    groups: Mapping[str, Sequence[str]],
    controls: Sequence[str] = (),
    log: Collection[str] = (),
    reference: bool = False,
) -> Figure:
    """Metrics (rows) of groups of models (columns) against the latent dimension.

    All models of a group share a panel, and all groups an axis. Each seed of ours is a dot, a line
    goes through `intervals.centre` of the seeds, and its name stands at its end; published values
    are hollow.

    Args:
        ours: Tidy frame of stored results, `frames.frame`.
        theirs: Published values, `frames.published`; some models and metrics have none.
        metrics: By name, the label of the vertical axis.
        groups: By title, their models.
        controls: Models that stand grey in every panel, of those in `DASHES`.
        log: Metrics with a logarithmic axis; values of 0 or less cannot be drawn there.
        reference: Draw what the validation MMD reads of codes far from the prior and from each
            other, `rulers.unaligned` with the first seed's prior draws.
    """
    figure, axes = panels(
        len(metrics),
        len(groups),
        2.45 if len(metrics) > 1 else 2.7,
        0.35,
        sharex=True,
        sharey="row",
    )
    models = [model for group in groups.values() for model in group]
    theirs = theirs[theirs["metric"].isin(metrics) & theirs["model"].isin(models)]
    dims = np.union1d(ours["latent_dim"].unique(), theirs["latent_dim"].unique())
    centres = set()
    for row, (metric, ylabel) in zip(axes, metrics.items(), strict=True):
        rows = ours[ours["metric"] == metric]
        values, kind = centre(rows, ["model", "latent_dim"], metric in log)
        centres.add(kind)
        quoted = theirs[theirs["metric"] == metric].sort_values("latent_dim")
        for axis, (title, group) in zip(row, groups.items(), strict=True):
            if reference and metric == "val_mmd":
                found = rulers.unaligned(dims, sorted(ours["seed"].unique())[:1])
                label = "no code near another, or near a prior draw"
                axis.plot(list(found), list(found.values()), label=label, **UNALIGNED)
            for control in controls:
                style = {"color": GREY, "linestyle": DASHES[control], "linewidth": 1.2}
                dots(axis, rows, control, GREY, markersize=2.5)
                line(axis, of(values, control), label=LABELS[control], **style)
            for model in group:
                part = quoted[quoted["model"] == model]
                if len(part):
                    style = THEIRS | {
                        "color": COLOURS[model],
                        "label": f"{LABELS[model]}, published",
                    }
                    axis.plot(part["latent_dim"], part["value"], **style)
                dots(axis, rows, model, COLOURS[model])
                style = {"color": COLOURS[model], "linewidth": 2}
                line(axis, of(values, model), label=LABELS[model], **style)
            axis.set_title(title)
            axis.set(ylabel=ylabel, xlabel="latent dimension d")
            axis.set_xticks(dimensions(int(d) for d in dims))
            if not narrow():
                axis.label_outer()
        for axis in row:
            if metric in log:
                logarithmic(axis)
            elif (rows["value"] < 0).any():
                axis.axhline(0, color=GREY, linewidth=0.8)
    for row, metric in zip(axes, metrics, strict=True):
        rows = ours[ours["metric"] == metric]
        values, _ = centre(rows, ["model", "latent_dim"], metric in log)
        for axis, group in zip(row, groups.values(), strict=True):
            ends = {
                LABELS[model]: (
                    float(of(values, model)["centre"].iloc[-1]),
                    GREY if model in controls else COLOURS[model],
                )
                for model in [*group, *controls]
                if len(of(values, model))
            }
            if ends:  # Runs may be too short for a point of what is shown.
                name_lines(axis, ends, float(dims[-1]))
    several = ours["seed"].nunique() > 1
    figure.legend(
        handles=_handles(
            " or ".join(sorted(centres)) if several else "", len(theirs) > 0, reference
        ),
        loc="outside lower center",
        ncols=2 if narrow() else 4,
    )
    return figure


def of(values: pd.DataFrame, name: str) -> pd.DataFrame:
    """The part of an `intervals.centre` that belongs to one series, its first level."""
    return values[values.index.get_level_values(0) == name].droplevel(0)


def line(axis: Axes, values: pd.DataFrame, **style: Any) -> None:
    """The centres of an `intervals.centre` against its index, the latent dimension or the step."""
    if len(values):
        axis.plot(values.index, values["centre"], **style)


def dots(axis: Axes, rows: pd.DataFrame, model: str, colour: str, **style: Any) -> None:
    """A dot for each seed of a model."""
    seen = rows[(rows["model"] == model) & np.isfinite(rows["value"].astype(float))]
    label = f"{LABELS[model]}, each seed"
    axis.plot(seen["latent_dim"], seen["value"], color=colour, label=label, **(DOTS | style))


def band(axis: Axes, values: pd.DataFrame, colour: str, label: str) -> None:
    """From the least seed of an `intervals.centre` to the greatest, as a faint band."""
    if (values["n"] > 1).any():
        style: dict[str, Any] = {"color": colour, "alpha": 0.2, "linewidth": 0, "label": label}
        axis.fill_between(values.index, values["least"], values["greatest"], **style)


def _handles(mean: str, published: bool, reference: bool) -> list[Line2D]:
    """What the legend of `compare` says of its marks; `mean` is "" with one seed."""
    if mean:
        handles = [
            Line2D([], [], color=GREY, label="each seed", **DOTS),
            Line2D([], [], color=GREY, linewidth=2, label=f"{mean} of the seeds"),
        ]
    else:
        style = DOTS | {"linestyle": "-", "linewidth": 2}
        handles = [Line2D([], [], color=GREY, label="one seed", **style)]
    if published:
        handles.append(Line2D([], [], color=GREY, label="published", **THEIRS))
    if reference:
        handles.append(Line2D([], [], label="escaped codes", **UNALIGNED))
    return handles
