"""Figures of Experiment 1: what a run went through, step by step."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infovae_core.report.figures.plots import band, line, of
from infovae_core.report.figures.style import GREY, Colours, logarithmic, name_lines, narrow, panels
from infovae_core.report.intervals import centre
from infovae_core.report.labels import SCHEDULES as LABELS
from infovae_core.study.experiments import EXPERIMENT1_SCHEDULES

COLOURS = Colours(LABELS)
# One panel for the schedules whose weights stay, one for those that change.
PANELS = {
    "fixed weights": [n for n, one in EXPERIMENT1_SCHEDULES.items() if not one.schedule],
    "changing weights": [n for n, one in EXPERIMENT1_SCHEDULES.items() if one.schedule],
}


def alignment(followed: pd.DataFrame, theirs: pd.DataFrame, target: float) -> Figure:
    """Figure 1: validation MMD against training steps, one range for both panels.

    Lines are geometric means over seeds (`intervals.centre`), with bands from the least to the
    greatest seed where there are at least two; each has its name at its end.

    Args:
        followed: `frames.curves` of Experiment 1.
        theirs: `frames.published("experiment1")`, drawn hollow at its steps.
        target: What the controllers aim at.
    """
    figure, axes = panels(1, 2, 3.6, 0.3, sharey=True)
    rows = followed[followed["metric"] == "val_mmd"]
    points = theirs[theirs["metric"] == "val_mmd"].astype({"iteration": int})
    for axis, (title, names) in zip(axes.flat, PANELS.items(), strict=True):
        for name in names:
            seen = points[points["model"] == name]
            style = {"marker": "o", "s": 20, "facecolor": "white", "zorder": 3}
            axis.scatter(
                seen["iteration"], seen["value"], edgecolor=COLOURS[name], **style,
                label=f"{LABELS[name]}, published",
            )  # fmt: skip
        axis.axhline(target, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        axis.set(title=title, xlabel="training step", ylabel="validation MMD")
        if not narrow():
            axis.label_outer()
    _lines(list(axes.flat), [rows, rows], list(PANELS.values()), log=True)
    mark = {"color": GREY, "marker": "o", "markerfacecolor": "white", "linestyle": ""}
    handles = [
        Line2D([], [], label="published", **mark),  # type: ignore[arg-type]
        Line2D([], [], color=GREY, linestyle=(0, (4, 3)), label=f"target, {target:g}"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def traces(
    followed: pd.DataFrame, metrics: Mapping[str, str], names: Sequence[str], log: bool = False
) -> Figure:
    """One panel for each metric of `frames.curves` (by name, its label), one line a schedule.

    Bands are those of `alignment`; on linear axes lines are arithmetic means.
    """
    figure, axes = panels(1, len(metrics), 3.4)
    rows = [followed[followed["metric"] == metric] for metric in metrics]
    for axis, label in zip(axes.flat, metrics.values(), strict=True):
        axis.set(xlabel="training step", ylabel=label)
    _lines(list(axes.flat), rows, [names] * len(metrics), log)
    return figure


def _lines(
    axes: Sequence[Axes], frames: Sequence[pd.DataFrame], names: Sequence[Sequence[str]], log: bool
) -> None:
    """In each panel the lines of its schedules, then, at axes that are settled, their names."""
    ends = []
    for axis, rows, listed in zip(axes, frames, names, strict=True):
        values, _ = centre(rows, ["model", "step"], log)
        seen = {name: part for name in listed if len(part := of(values, name))}
        for name, part in seen.items():
            line(axis, part, color=COLOURS[name], linewidth=1.4, label=LABELS[name])
            band(axis, part, COLOURS[name], f"{LABELS[name]}, seeds")
        if log:
            logarithmic(axis)
        ends.append({
            LABELS[name]: (float(part["centre"].iloc[-1]), COLOURS[name])
            for name, part in seen.items()
        })  # fmt: skip
    for axis, found in zip(axes, ends, strict=True):
        name_lines(axis, found, axis.get_xlim()[1])
