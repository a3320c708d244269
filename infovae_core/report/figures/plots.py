"""Figures from data frames; nothing else. Colours are fixed for each model, throughout the book."""

import math
from collections.abc import Iterable, Mapping, Sequence
from colorsys import hls_to_rgb
from itertools import chain, count
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from infovae_core.objectives import PRESETS
from infovae_core.report import rulers
from infovae_core.report.intervals import centre
from infovae_core.report.labels import LABELS
from infovae_core.run import Run
from infovae_core.study.store import Result

# Made for colour-blind eyes.
PALETTE = [*sns.color_palette("colorblind", 6).as_hex(), "#882255", "#44aa99", "#999933"]
PALETTE += ["#56b4e9", "#332288", "#117733"]


class Colours(dict[str, str]):
    """One colour for each name: the palette's, and beyond it hues that are far from the last.

    A name that is added at the end changes no other's colour; one that is not among them, as of a
    run whose model is no preset, gets the next.
    """

    def __init__(self, names: Iterable[str], palette: Sequence[str] = ()) -> None:
        """Give each name its colour.

        Args:
            names: What is drawn.
            palette: The first colours; by default `PALETTE`.
        """
        # Steps of the golden ratio on the circle of hues never come back to a hue.
        hues = (to_hex(hls_to_rgb(k * 0.618034 % 1, 0.4, 0.6)) for k in count(1))
        self.left = chain(palette or PALETTE, hues)
        super().__init__(zip(names, self.left, strict=False))

    def __missing__(self, name: str) -> str:
        """The next colour, which is the name's from now on."""
        self[name] = next(self.left)
        return self[name]


# The penalties have the first colours, but come after the other presets.
COLOURS = Colours(PRESETS, [PALETTE[k] for k in (6, 7, 5, 8, 9, 10, 11, 0, 1, 2, 3, 4)])
# Controls stand behind every panel, told apart by their dashes.
DASHES = {"recon_ae": (0, (1, 1.2)), "vae": (0, (5, 1.5, 1, 1.5))}
GREY = "#6b6b6b"
# Of seeds.
DOTS: dict[str, Any] = {
    "marker": "o",
    "markersize": 4.5,
    "alpha": 0.5,
    "linestyle": "",
    "markeredgewidth": 0,
}
ALONE: dict[str, Any] = {"markersize": 6, "alpha": 1}
UNALIGNED: dict[str, Any] = {"color": GREY, "linewidth": 0.8, "alpha": 0.8}
THEIRS: dict[str, Any] = {
    "color": "black",
    "linestyle": "--",
    "marker": "o",
    "markersize": 5,
    "markerfacecolor": "white",
    "linewidth": 1,
}


def style() -> None:
    """The book's look: legible at column width, on a white ground in light and dark pages."""
    sns.set_theme(context="notebook", style="ticks", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 200,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "figure.constrained_layout.use": True,
        }
    )


def sweep(
    ours: pd.DataFrame,
    theirs: pd.DataFrame,
    metric: str,
    ylabel: str,
    models: Sequence[str],
    controls: Sequence[str] = (),
    log: bool = False,
    reference: bool = False,
) -> Figure:
    """One panel for each model: a metric against the latent dimension, ours and theirs.

    Each seed of ours is a dot, and a line goes through `intervals.centre` of the seeds.

    Args:
        ours: Tidy frame of stored results, `frames.frame`.
        theirs: Published values, `frames.published`; some models and metrics have none.
        metric: Name of the metric in both.
        ylabel: Label of the vertical axis.
        models: The panels, in this order.
        controls: Models whose lines stand behind every panel, of those in `DASHES`.
        log: Logarithmic vertical axis; values of 0 or less cannot be drawn there.
        reference: Draw what the validation MMD reads of codes far from the prior and from each
            other, `rulers.unaligned` with the seeds' own prior draws.
    """
    ours = ours[ours["metric"] == metric]
    theirs = theirs[(theirs["metric"] == metric) & theirs["model"].isin(models)]
    rows = math.ceil(len(models) / 3)
    figure, axes = plt.subplots(
        rows, 3, figsize=(9.6, 0.4 + 2.8 * rows), sharex=True, sharey=True, squeeze=False
    )
    panels: list[Axes] = list(axes.flat)
    dims = np.union1d(ours["latent_dim"].unique(), theirs["latent_dim"].unique())
    several = ours["seed"].nunique() > 1
    values, mean = centre(ours, ["model", "latent_dim"], log)
    unaligned = rulers.unaligned(dims, sorted(ours["seed"].unique())) if reference else {}
    for axis, model in zip(panels, models, strict=False):
        for control in controls:
            dots(axis, ours, control, GREY, markersize=2.5)
            line(axis, of(values, control), color=GREY, linestyle=DASHES[control], linewidth=1.2)
        if reference:
            axis.plot(list(unaligned), list(unaligned.values()), **UNALIGNED)
        quoted = theirs[theirs["model"] == model].sort_values("latent_dim")
        if len(quoted):
            axis.plot(quoted["latent_dim"], quoted["value"], **THEIRS)
        dots(axis, ours, model, COLOURS[model], **({} if several else ALONE))
        line(axis, of(values, model), color=COLOURS[model], linewidth=2)
        axis.set_title(LABELS[model])
        axis.label_outer()
    if log:
        panels[0].set_yscale("log", nonpositive="mask")
        plain_decades(panels[0])
    elif (ours["value"] < 0).any():
        for axis in panels[: len(models)]:
            axis.axhline(0, color=GREY, linewidth=0.8)
    # Of the first dimensions, which stand close, one tick is enough.
    panels[0].set_xticks([d for d in dims if d not in (5, 10)] if len(dims) > 4 else dims)
    for axis in panels[len(models) - 3 : len(models)]:  # The lowest of each column.
        axis.set_xlabel("latent dimension d")
        axis.tick_params(labelbottom=True)
    for axis in panels[len(models) :]:
        axis.set_axis_off()
    figure.supylabel(ylabel, fontsize="medium")
    handles = _handles(len(theirs) > 0, controls, reference, mean if several else "")
    if len(models) % 3:  # A panel is free.
        panels[-1].legend(handles=handles, loc="center", frameon=False, fontsize="small")
    else:
        figure.legend(
            handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize="small"
        )
    return figure


def plain_decades(axis: Axes) -> None:
    """On a logarithmic axis of few decades: plain numbers, at 1, 3, 10, 30, …"""
    low, high = axis.get_ylim()
    if high < 1000 * low:
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())


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
    axis.plot(seen["latent_dim"], seen["value"], color=colour, **(DOTS | style))


def band(axis: Axes, values: pd.DataFrame, colour: str) -> None:
    """From the least seed of an `intervals.centre` to the greatest, as a faint band."""
    if (values["n"] > 1).any():
        axis.fill_between(
            values.index, values["least"], values["greatest"], color=colour, alpha=0.2, linewidth=0
        )


def _handles(published: bool, controls: Sequence[str], reference: bool, mean: str) -> list[Line2D]:
    """What the legend of `sweep` says of the lines; `mean` is "" with one seed."""
    if mean:
        handles = [
            Line2D([], [], color=GREY, label="each seed (panel's colour)", **DOTS),
            Line2D([], [], color=GREY, linewidth=2, label=f"{mean} of the seeds"),
        ]
    else:
        style = DOTS | ALONE | {"linestyle": "-", "linewidth": 2}
        handles = [Line2D([], [], color=GREY, label="one seed (panel's colour)", **style)]
    if published:
        handles.append(Line2D([], [], label="published", **THEIRS))
    for control in controls:
        label = f"control: {LABELS[control]}"
        handles.append(Line2D([], [], color=GREY, linestyle=DASHES[control], label=label))
    if reference:
        label = "no code near another,\nor near a prior draw"
        handles.append(Line2D([], [], label=label, **UNALIGNED))
    return handles


def digits(rows: Mapping[str, Sequence[np.ndarray | None]], columns: Sequence[str] = ()) -> Figure:
    """Rows of images under one another.

    Args:
        rows: By name, images (28, 28) of bytes; an image that is None leaves its place empty.
        columns: Headings of the columns, if they have any.
    """
    n = max(len(images) for images in rows.values())
    figure, axes = plt.subplots(
        len(rows), n, figsize=(0.8 * n + 1, 0.85 * len(rows) + 0.5 * bool(columns)), squeeze=False
    )
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis in line:
            axis.set_axis_off()
        for axis, image in zip(line, images, strict=False):
            if image is not None:
                axis.imshow(image, cmap="gray_r", vmin=0, vmax=255)
        line[0].text(-0.2, 0.5, name, ha="right", va="center", transform=line[0].transAxes)
    for axis, heading in zip(axes[0], columns, strict=False):
        axis.text(0.5, 1.08, heading, ha="center", va="bottom", transform=axis.transAxes, size=8)
    return figure


def one_digit(results: Mapping[Run, Result], digit: int, models: Sequence[str]) -> Figure:
    """The input and each model's reconstruction of one digit (columns), by dimension (rows)."""
    shown = _pictures(results, "reconstructions")
    rows = {
        f"d = {d}": [_original(results)[digit]]
        + [None if (m, d) not in shown else shown[m, d][digit] for m in models]
        for d in sorted({run.latent_dim for run in results})
    }
    return digits(rows, ["input", *(LABELS[model] for model in models)])


def ten_digits(results: Mapping[Run, Result], latent_dim: int, models: Sequence[str]) -> Figure:
    """The inputs and each model's reconstructions (columns) of ten digits (rows)."""
    shown = _pictures(results, "reconstructions")
    columns = [shown.get((model, latent_dim), [None] * 10) for model in models]
    rows = {
        str(digit): [original, *(column[digit] for column in columns)]
        for digit, original in enumerate(_original(results))
    }
    figure = digits(rows, ["input", *(LABELS[model] for model in models)])
    return _absent(figure, results, latent_dim)


def samples(results: Mapping[Run, Result], latent_dim: int, models: Sequence[str]) -> Figure:
    """What each model (rows) decodes from the same ten draws of the prior (columns)."""
    shown = _pictures(results, "samples")
    rows = {LABELS[model]: list(shown.get((model, latent_dim), [None] * 10)) for model in models}
    return _absent(digits(rows), results, latent_dim)


def _absent(figure: Figure, results: Mapping[Run, Result], latent_dim: int) -> Figure:
    """The figure, which says so where there is nothing to see in it."""
    if latent_dim not in {run.latent_dim for run in results}:
        figure.suptitle(f"none of these results has d = {latent_dim}")
    return figure


def _pictures(results: Mapping[Run, Result], kind: str) -> dict[tuple[str, int], np.ndarray]:
    """Images (10, 28, 28) by model and dimension, of the first seed; none if diverged."""
    first = min(run.seed for run in results)
    return {
        (run.model, run.latent_dim): result.arrays[kind]
        for run, result in results.items()
        if run.seed == first and kind in result.arrays
    }


def _original(results: Mapping[Run, Result]) -> np.ndarray:
    """The ten test digits that every run reconstructs: (10, 28, 28) of bytes."""
    found = (result.arrays.get("originals") for result in results.values())
    return next((images for images in found if images is not None), np.zeros((10, 28, 28), "uint8"))


def latent_plane(codes: np.ndarray, labels: np.ndarray) -> Figure:
    """Codes (n, 2) coloured by digit, over circles that hold half and 95 % of the prior."""
    figure, axis = plt.subplots(figsize=(5.6, 4.8))
    for share in (0.5, 0.95):
        radius = math.sqrt(-2 * math.log(1 - share))
        axis.add_patch(Circle((0, 0), radius, fill=False, color=GREY, linestyle="--"))
        axis.annotate(f"{share:.0%}", (0, radius), ha="center", va="bottom", color=GREY)
    for digit in range(10):
        x, y = codes[labels == digit].T
        axis.scatter(x, y, s=14, color=sns.color_palette("colorblind", 10)[digit], label=str(digit))
    axis.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    axis.legend(title="digit", bbox_to_anchor=(1, 0.5), loc="center left", frameon=False)
    return figure
