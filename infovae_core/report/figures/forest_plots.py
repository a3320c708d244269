"""Differences between models with their intervals over seeds: a figure, and the same as a table."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infovae_core.report.figures.style import GREY, SMALL, WIDTHS, narrow
from infovae_core.report.intervals import LEVEL, Interval, shown
from infovae_core.report.labels import METRICS

# How a row is drawn, by whether its interval excludes 0; None where there is no interval.
MARKS = {
    True: ("o", "black", f"{100 * LEVEL:g} % interval excludes 0"),
    False: ("o", "white", f"{100 * LEVEL:g} % interval includes 0"),
    None: ("D", GREY, "one seed, no interval"),
}


def differences(rows: pd.DataFrame) -> Figure:
    """One panel for each metric, with its own axis; one row for each difference, first less second.

    Args:
        rows: `captions.differences1` or `differences2`.
    """
    groups = list(rows.groupby("metric", sort=False))
    heights = [len(group) * (2.2 if narrow() else 1) + 0.9 for _, group in groups]
    figure, axes = plt.subplots(
        len(groups),
        1,
        figsize=(
            WIDTHS["narrow" if narrow() else "wide"],
            0.6 + 0.34 * sum(heights) + 0.3 * len(groups),
        ),
        height_ratios=heights,
        squeeze=False,
    )
    for axis, (metric, group) in zip(axes.flat, groups, strict=True):
        _panel(axis, group, METRICS[str(metric)])
    used = [mark for mark in MARKS if mark in {_verdict(row) for _, row in rows.iterrows()}]
    handles = [
        Line2D([], [], linestyle="", color="black", marker=m, markerfacecolor=fill, label=label)
        for m, fill, label in (MARKS[mark] for mark in used)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=1 if narrow() else 2)
    return figure


def _panel(axis: Axes, group: pd.DataFrame, metric: str) -> None:
    axis.axvline(0, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    for at, (_, row) in enumerate(group.iterrows()):
        found = _interval(row)
        marker, fill, _ = MARKS[_verdict(row)]
        if found.n > 1:
            ends = [found.low, found.high]
            axis.plot(ends, [at, at], color="black", linewidth=1.4, label=row["label"])
        if found.n:
            style: dict[str, Any] = {
                "marker": marker,
                "markerfacecolor": fill,
                "linestyle": "",
            }
            axis.plot(found.mean, at, color="black", label=row["label"], **style)
        where = axis.get_yaxis_transform()
        if narrow():  # Words and numbers above the interval.
            text = f"{row['label']}\n{_text(row)}"
            style = {"va": "center", "transform": where, "size": SMALL, "in_layout": False}
            axis.text(0, at - 0.5, text, **style)
        else:
            axis.text(1.02, at, _text(row), va="center", transform=where, size=SMALL)
    if narrow():
        axis.set_yticks([])
    else:
        axis.set_yticks(np.arange(len(group)), group["label"])
    axis.set_ylim(len(group) - 0.4, -0.95 if narrow() else -0.6)
    axis.set_title(metric)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.locator_params(axis="x", nbins=4 if narrow() else 6)
    axis.margins(x=0.08)


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """The numbers of `differences`, in words.

    Args:
        rows: `captions.differences1` or `differences2`.
    """
    cells = {
        (METRICS[row["metric"]], row["label"]): {
            "difference": _number(row, row["mean"]),
            "interval": _ends(row),
            "0": {True: "excluded", False: "included", None: "–"}[_verdict(row)],
            "seeds": f"{row['n']}" + (f" ({row['lost']} diverged)" if row["lost"] else ""),
        }
        for _, group in rows.groupby("metric", sort=False)
        for _, row in group.iterrows()
    }
    found = pd.DataFrame.from_dict(cells, orient="index")
    found.index = pd.MultiIndex.from_tuples(cells, names=["metric", "first − second"])
    return found


def _interval(row: pd.Series) -> Interval:
    return Interval(*row[list(Interval._fields)])


def _verdict(row: pd.Series) -> bool | None:
    verdict = _interval(row).excludes_zero
    return None if verdict is None else bool(verdict)


def _number(row: pd.Series, value: float) -> str:
    return shown(value, row["form"]) if row["n"] else "not known"


def _ends(row: pd.Series) -> str:
    if row["n"] < 2:
        return "one seed, no interval" if row["n"] else "–"
    return f"{_number(row, row['low'])} to {_number(row, row['high'])}"


def _text(row: pd.Series) -> str:
    """What is printed beside a row: its difference, and its interval in brackets."""
    return _number(row, row["mean"]) + (f"  ({_ends(row)})" if row["n"] else "")
