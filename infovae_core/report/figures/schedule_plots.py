"""Figures of Experiment 1: what a run went through, step by step."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infovae_core.report.figures.plots import GREY, Colours, band, line, of, plain_decades
from infovae_core.report.frames import finals
from infovae_core.report.intervals import centre, spread
from infovae_core.report.labels import SCHEDULES as LABELS
from infovae_core.study.experiments import EXPERIMENT1_SCHEDULES

COLOURS = Colours(LABELS)
# One panel for the schedules whose weights stay, one for those that change.
PANELS = {
    "fixed weights": [n for n, one in EXPERIMENT1_SCHEDULES.items() if not one.schedule],
    "changing weights": [n for n, one in EXPERIMENT1_SCHEDULES.items() if one.schedule],
}


def alignment(followed: pd.DataFrame, theirs: pd.DataFrame, target: float) -> Figure:
    """Figure 1: validation MMD against training steps, the legend ordered by the final value.

    Lines are geometric means over seeds (`intervals.centre`), with bands from the least to the
    greatest seed where there are at least two.

    Args:
        followed: `frames.curves` of Experiment 1.
        theirs: `frames.published("experiment1")`, drawn as points at its steps.
        target: What the controllers aim at.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 4.6), sharey=True)
    values, _ = centre(followed[followed["metric"] == "val_mmd"], ["model", "step"], log=True)
    points = theirs[theirs["metric"] == "val_mmd"].astype({"iteration": int})
    for axis, (title, names) in zip(axes, PANELS.items(), strict=True):
        for name in names:
            line(axis, of(values, name), color=COLOURS[name], linewidth=1.4)
            band(axis, of(values, name), COLOURS[name])
            rows = points[points["model"] == name]
            style = {"marker": "o", "s": 22, "facecolor": "white", "zorder": 3}
            axis.scatter(rows["iteration"], rows["value"], edgecolor=COLOURS[name], **style)
        axis.axhline(target, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        axis.set(title=title, xlabel="training step", yscale="log")
    axes[0].set_ylabel("validation MMD")
    plain_decades(axes[0])
    handles = []
    for series, row in spread(finals(followed), "model").sort_values("mean")[::-1].iterrows():
        name = str(series)
        label = f"{LABELS[name]}: {row['mean']:.5f}"
        label += f" ± {(row['high'] - row['low']) / 2:.5f}" if row["n"] > 1 else ""
        handles.append(Line2D([], [], color=COLOURS[name], linewidth=2, label=label))
    published = {"color": GREY, "marker": "o", "markerfacecolor": "white", "linestyle": ""}
    handles += [
        Line2D([], [], label="published", **published),  # type: ignore[arg-type]
        Line2D([], [], color=GREY, linestyle=(0, (4, 3)), label=f"target, {target:g}"),
    ]
    figure.legend(
        handles=handles,
        title="mean of the last 1,000 steps",
        loc="outside right center",
        frameon=False,
        fontsize="small",
    )
    return figure


def traces(
    followed: pd.DataFrame, metrics: dict[str, str], names: list[str], log: bool = False
) -> Figure:
    """One panel for each metric of `frames.curves` (by name, its label), one line a schedule.

    Bands are those of `alignment`; on linear axes lines are arithmetic means.
    """
    figure, axes = plt.subplots(1, len(metrics), figsize=(9.6, 4.0))
    for axis, (metric, label) in zip(axes, metrics.items(), strict=True):
        values, _ = centre(followed[followed["metric"] == metric], ["model", "step"], log)
        for name in names:
            line(axis, of(values, name), color=COLOURS[name], linewidth=1.4)
            band(axis, of(values, name), COLOURS[name])
        axis.set(xlabel="training step", ylabel=label)
        if log:
            axis.set_yscale("log")
            plain_decades(axis)
    handles = [Line2D([], [], color=COLOURS[n], linewidth=2, label=LABELS[n]) for n in names]
    figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize="small")
    return figure
