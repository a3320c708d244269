"""What the thesis's ruler reads: an RBF-MMD of σ = 1, for codes of every size."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator, StrMethodFormatter

from infovae_core import closed_forms, divergences
from infovae_core.report.figures.plots import COLOURS, GREY, dots, line, of, plain_decades
from infovae_core.report.intervals import centre
from infovae_core.report.labels import LABELS

SIGMA = 1.0
SCALES = (1.0, 1.2, 1.5, 2.0, 4.0, 8.0, 16.0, 32.0)
# Of simulated codes.
POINTS: dict[str, Any] = {"marker": "d", "markerfacecolor": "white", "linestyle": ""}
MARKERS = {"infovae_mmd": "s", "vae": "o"}


def simulate(
    dims: Sequence[int],
    scales: Sequence[float] = SCALES,
    batch: int = 128,
    batches: int = 40,
    seed: int = 0,
) -> dict[int, np.ndarray]:
    """What the ruler reads of simulated codes N(0, c² I), as the experiments measure it.

    The mean over minibatches of the root of the unbiased MMD², clipped at 0.

    Returns:
        By dimension, one reading for each scale c.
    """
    draw = torch.Generator().manual_seed(seed)
    found = {}
    for d in dims:
        q, p = torch.randn(2, batches, batch, d, generator=draw, dtype=torch.float64)
        values = [divergences.mmd(scale * q, p, bandwidth=SIGMA) for scale in scales]
        found[d] = np.array([float(value.clamp_min(0).sqrt().mean()) for value in values])
    return found


def score_and_size(ours: pd.DataFrame) -> Figure:
    """What the ruler reads of `MARKERS`'s models (left), and how large their codes are (right).

    Each seed is a dot, and a line goes through `intervals.centre`; a reading of 0 cannot be drawn.

    Args:
        ours: `frames.frame`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.0), sharex=True)
    panels = {
        "val_mmd": "the score (low is good)",
        "norm_ratio": "size of the codes (prior: 1)",
    }
    for axis, (metric, title) in zip(axes, panels.items(), strict=True):
        rows = ours[(ours["metric"] == metric) & ours["model"].isin(MARKERS)]
        values, _ = centre(rows, ["model", "latent_dim"], log=True)
        for model in MARKERS:
            dots(axis, rows, model, COLOURS[model])
            line(axis, of(values, model), color=COLOURS[model], linewidth=2.2)
        axis.set_title(title, loc="left")
        axis.set(xlabel="latent dimension d", yscale="log")
        axis.set_xticks([2, 10, 20, 40, 60, 80])
        plain_decades(axis)
    axes[0].yaxis.set_major_locator(LogLocator(numticks=6))
    axes[1].axhline(1, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    for model, height in (("infovae_mmd", 18), ("vae", 1.2)):  # Clear of the seeds' dots.
        axes[1].annotate(
            LABELS[model], (80, height), color=COLOURS[model], ha="right", weight="bold"
        )
    return figure


def ruler(
    simulated: Mapping[int, np.ndarray], ours: pd.DataFrame, scales: Sequence[float] = SCALES
) -> Figure:
    """The reading against the size of the codes, one line for each dimension.

    Args:
        simulated: `simulate`, drawn as points beside the closed form's lines.
        ours: `frames.frame`, of which `MARKERS`'s models are drawn where their codes are.
        scales: The scales that were simulated.
    """
    figure, axis = plt.subplots(figsize=(9.6, 5.4))
    grid = np.geomspace(1.002, 40, 400)
    for (d, points), colour in zip(
        simulated.items(), sns.color_palette("viridis", len(simulated)), strict=True
    ):
        reading = [closed_forms.mmd(c, d, SIGMA) for c in grid]
        axis.plot(grid, reading, color=colour, linewidth=2)
        axis.plot(scales, points, color=colour, **POINTS)
        # The first two levels are close.
        end, where = (grid[-1], reading[-1]), "bottom" if d == min(simulated) else "center"
        axis.annotate(f"d = {d}", end, (6, 0), textcoords="offset points", va=where)
    seen = ours[ours["latent_dim"].isin(list(simulated))]
    means = seen.groupby(["model", "metric", "latent_dim"])["value"].mean()
    for model, marker in MARKERS.items():
        label = f"{LABELS[model]}, trained, with its d"
        sizes, readings = means[model, "norm_ratio"], means[model, "val_mmd"]
        axis.scatter(
            sizes, readings, s=230, marker=marker, color=COLOURS[model], label=label, zorder=4
        )
        for d, size in sizes.items():
            at = (size, readings[d])
            axis.annotate(f"{d}", at, color="white", size=8, ha="center", va="center", zorder=5)
    axis.plot([], [], color=GREY, linewidth=2, label="Gaussian codes, in closed form")
    axis.plot([], [], color=GREY, **POINTS, label="Gaussian codes, simulated")
    axis.set(xscale="log", yscale="log", xlim=(0.8, 40), ylim=(5e-12, 3))
    axis.xaxis.set_major_locator(FixedLocator([1, 2, 5, 10, 20, 40]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_major_locator(LogLocator(numticks=7))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.set_xlabel("size of the codes, ‖z‖ / √d (the prior's own: 1)")
    axis.set_ylabel("reading: MMD, RBF kernel, σ = 1")
    axis.legend(
        frameon=False,
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        ncols=2,
        fontsize=10,
        markerscale=0.7,
    )
    return figure
