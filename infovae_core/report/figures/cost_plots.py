"""Figures of what training costs, from the records of `costs`."""

import statistics
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infovae_core.report import costs
from infovae_core.report.costs import Record
from infovae_core.report.figures.style import (
    COLOURS,
    GREY,
    SMALL,
    WIDTHS,
    at,
    canvas,
    narrow,
    panels,
)

OURS, THEIRS = "#0072b2", "#d55e00"


def contenders(record: Record, measures: Sequence[str]) -> Figure:
    """Steps per second of each contender: medians, with the range of the turns; the limits beside.

    One panel for each measure.
    """
    figure, axes = panels(1, len(measures), 2.7, 0.3, sharey=True)
    for axis, measure in zip(axes.flat, measures, strict=True):
        rows = costs.rows_of(record, measure)
        shown = [row for name, row in rows.items() if not name.startswith("limit")]
        for place, row in enumerate(shown):
            values = costs.rates(record, row)
            middle = statistics.median(values)
            ours = row["contender"] != row["baseline"] and row["contender"] != "pythae"
            colour = OURS if ours or row["measure"] == "stacks" else THEIRS
            axis.plot([min(values), max(values)], [place, place], color=colour, linewidth=2)
            axis.plot(middle, place, "o" if colour == OURS else "s", color=colour, markersize=7)
            axis.annotate(
                f"{middle:.3g}", (middle, place), (0, 8), textcoords="offset points", ha="center",
                size=SMALL,
            )  # fmt: skip
        for name, dashes in (("limit, fp32", "--"), ("limit, bf16", ":")):
            if name in rows:
                middle = statistics.median(costs.rates(record, rows[name]))
                axis.axvline(middle, color=GREY, linestyle=dashes, linewidth=1.2, label=name)
        axis.set_yticks(range(len(shown)), [row["contender"] for row in shown])
        axis.set(xscale="log", xlabel="steps per second", title=measure)
        axis.set_ylim(len(shown) - 0.5, -0.7)
        plain_ticks(axis, "x")
    figure.legend(
        *axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=2,
    )  # fmt: skip
    return figure


def growth(record: Record) -> Figure:
    """Time (above) and memory (below) of a step against R, n and d; guides show slope 1."""
    sweeps = {quantity: rows for (of, quantity), rows in costs.sweeps(record).items()
              if of == "step"}  # fmt: skip
    names = {"R": "runs in the stack R", "n": "minibatch n", "d": "latent dimension d"}
    if narrow():  # A quantity a row: time left, memory right.
        size = (WIDTHS["narrow"], 2.0 * len(sweeps))
        figure, axes = plt.subplots(len(sweeps), 2, figsize=size, sharey="col", squeeze=False)
        axes = axes.T
    else:
        size = (WIDTHS["wide"], 4.4)
        figure, axes = plt.subplots(
            2, len(sweeps), figsize=size, sharex="col", sharey="row", squeeze=False
        )
    for column, (quantity, rows) in zip(axes.T, sweeps.items(), strict=True):
        x = [row["value"] for row in rows]
        _points(column[0], x, [[1e3 * one for one in row["seconds"]] for row in rows], OURS)
        memory = [[row["peak_bytes"] / 2**20] for row in rows if row["peak_bytes"] is not None]
        if len(memory) == len(x):
            _points(column[1], x, memory, OURS)
        for axis in column:
            axis.set(xscale="log", yscale="log")
            if quantity != "d":
                _guide(axis, x, 1)
        for axis in column:
            _ticks_at(axis, x)
        column[1].set_xlabel(names[quantity])
    for axis, label in zip(axes[:, 0], ("time of a step (ms)", "peak memory (MiB)"), strict=True):
        axis.set_ylabel(label)
        plain_ticks(axis, "y")
    return figure


def divergences(record: Record) -> Figure:
    """Time (left) and memory (right) of the divergences against the samples; guides of slope 2."""
    figure, grid = panels(1, 2, 3.0, 0.4)
    axes = list(grid.flat)
    x: list[float] = []
    swept = {of: rows for (of, _), rows in costs.sweeps(record).items() if of != "step"}
    for (of, rows), marker in zip(swept.items(), "osD^", strict=True):
        x = [row["value"] for row in rows]
        colour = COLOURS[f"infovae_{of}"]
        times = [[1e3 * one for one in row["seconds"]] for row in rows]
        _points(axes[0], x, times, colour, marker, costs.LABELS[of])
        if all(row["peak_bytes"] for row in rows):
            memory = [[row["peak_bytes"] / 2**20] for row in rows]
            _points(axes[1], x, memory, colour, marker, costs.LABELS[of])
    for axis, label in zip(axes, ("time with gradient (ms)", "peak memory (MiB)"), strict=True):
        axis.set(xscale="log", yscale="log", xlabel="samples n", ylabel=label)
        _guide(axis, x, 2)
        plain_ticks(axis, "y")
        _ticks_at(axis, x)
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2 if narrow() else 5)
    return figure


def grids(record: Record) -> Figure:
    """Wall time of grids against the number of runs, a line for each number of workers."""
    figure, axis = canvas(3.4)
    lines = costs.grid_lines(record)
    styles = zip((OURS, THEIRS, "#009e73", "#cc79a7"), "osD^", strict=True)
    for (workers, (each, once)), (colour, marker) in zip(lines.items(), styles, strict=False):
        rows = [row for row in record["grid"] if row["workers"] == workers]
        x = [row["runs"] for row in rows]
        label = f"{workers} {'worker' if workers == 1 else 'workers'}"
        _points(axis, x, [row["seconds"] for row in rows], colour, marker, label, "none")
        reach = np.array([0, max(x)])
        axis.plot(reach, once + each * reach, color=colour, linewidth=1.5)
    axis.set(xlabel="runs in the grid", ylabel="wall time (s)", xlim=(0, None), ylim=(0, None))
    axis.legend()
    return figure


def _points(
    axis: Axes,
    x: Sequence[float],
    turns: Sequence[Sequence[float]],
    colour: str,
    marker: str = "o",
    label: str | None = None,
    line: str = "-",
) -> None:
    """Medians joined by a line, with the range of the turns."""
    middle = [statistics.median(values) for values in turns]
    low = [one - min(values) for one, values in zip(middle, turns, strict=True)]
    high = [max(values) - one for one, values in zip(middle, turns, strict=True)]
    axis.errorbar(
        x, middle, (low, high), color=colour, marker=marker, linestyle=line, markersize=5,
        capsize=2, label=label,
    )  # fmt: skip


def _guide(axis: Axes, x: Sequence[float], exponent: int) -> None:
    """A line of this slope above the last point of what is slowest there."""
    ends = [float(np.asarray(line.get_ydata())[-1]) for line in axis.lines]
    if ends:
        reach = np.array([x[0], x[-1]], float)
        heights = 1.6 * max(ends) * (reach / x[-1]) ** exponent
        label = f"slope {exponent}"
        axis.plot(reach, heights, color=GREY, linestyle=":", linewidth=1.2, label=label)


def plain_ticks(axis: Axes, which: str) -> None:
    """Plain numbers on a logarithmic axis of few decades."""
    low, high = {"x": axis.get_xlim, "y": axis.get_ylim}[which]()
    span = high / low
    steps = (1, 2, 5) if span < 20 else (1, 3) if span < 100 else (1,)
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    at(axis, [tick for tick in ticks if low <= tick <= high], which)


def _ticks_at(axis: Axes, x: Sequence[float]) -> None:
    """Ticks at these values, on a telephone at every other one."""
    at(axis, x[:: 2 if narrow() else 1])
