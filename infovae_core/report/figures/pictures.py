"""Figures of digits and of codes in the plane."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from infovae_core.report.figures.style import GREY, SMALL, WIDTHS, canvas, narrow
from infovae_core.report.labels import LABELS
from infovae_core.run import Run
from infovae_core.study.store import Result


def digits(rows: Mapping[str, Sequence[np.ndarray | None]], columns: Sequence[str] = ()) -> Figure:
    """Rows of images under one another.

    Args:
        rows: By name, images (28, 28) of bytes; an image that is None leaves its place empty.
        columns: Headings of the columns, if they have any.
    """
    n = max(len(images) for images in rows.values())
    width = WIDTHS["narrow"] if narrow() else min(WIDTHS["wide"], 0.8 * n + 1)
    names = 0.08 * max(map(len, rows))  # Inches.
    headings = 0.09 * max(map(len, columns), default=0)
    side = (width - names) / n
    figure, axes = plt.subplots(
        len(rows), n, figsize=(width, side * len(rows) + headings), squeeze=False
    )
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis in line:
            axis.set_axis_off()
        for axis, image in zip(line, images, strict=False):
            if image is not None:
                axis.imshow(image, cmap="gray_r", vmin=0, vmax=255)
        line[0].text(
            -0.15, 0.5, name, ha="right", va="center", transform=line[0].transAxes, size=SMALL
        )
    for axis, heading in zip(axes[0], columns, strict=False):
        axis.text(
            0.5, 1.08, heading, ha="center", va="bottom", transform=axis.transAxes, size=SMALL,
            rotation=90,
        )  # fmt: skip
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
    figure, axis = canvas(4.8, 3.6)
    for share in (0.5, 0.95):
        radius = math.sqrt(-2 * math.log(1 - share))
        axis.add_patch(Circle((0, 0), radius, fill=False, color=GREY, linestyle="--"))
        note: dict[str, Any] = {"ha": "center", "va": "bottom", "color": GREY, "size": SMALL}
        axis.annotate(f"{share:.0%}", (0, radius), **note)
    for digit in range(10):
        x, y = codes[labels == digit].T
        axis.scatter(x, y, s=14, color=sns.color_palette("colorblind", 10)[digit], label=str(digit))
    axis.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    figure.legend(title="digit", loc="outside right center")
    return figure
