"""What the thesis's ruler reads: an RBF-MMD of σ = 1, for codes of every size."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infovae_core import closed_forms, divergences
from infovae_core.report.figures.style import (
    COLOURS,
    GREY,
    SMALL,
    at,
    canvas,
    logarithmic,
    narrow,
)
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


def ruler(
    simulated: Mapping[int, np.ndarray], ours: pd.DataFrame, scales: Sequence[float] = SCALES
) -> Figure:
    """The reading against the size of the codes, one line for each dimension.

    Args:
        simulated: `simulate`, drawn as points beside the closed form's lines.
        ours: `frames.frame`, of which `MARKERS`'s models are drawn where their codes are.
        scales: The scales that were simulated.
    """
    figure, axis = canvas(4.6, 4.8)
    grid = np.geomspace(1.002, 40, 400)
    for (d, points), colour in zip(
        simulated.items(), sns.color_palette("viridis", len(simulated)), strict=True
    ):
        reading = [closed_forms.mmd(c, d, SIGMA) for c in grid]
        axis.plot(grid, reading, color=colour, linewidth=2, label=f"d = {d}")
        axis.plot(scales, points, color=colour, label=f"d = {d}, simulated", **POINTS)
        # The first two levels are close.
        end, where = (grid[-1], reading[-1]), "bottom" if d == min(simulated) else "center"
        axis.annotate(f"d = {d}", end, (6, 0), textcoords="offset points", va=where, size=SMALL)
    seen = ours[ours["latent_dim"].isin(list(simulated))]
    means = seen.groupby(["model", "metric", "latent_dim"])["value"].mean()
    for model, marker in MARKERS.items():
        label = f"{LABELS[model]}, trained, with its d"
        sizes, readings = means[model, "norm_ratio"], means[model, "val_mmd"]
        axis.scatter(
            sizes, readings, s=230, marker=marker, color=COLOURS[model], label=label, zorder=4
        )
        for d, size in sizes.items():
            place = (size, readings[d])
            axis.annotate(
                f"{d}", place, color="white", size=SMALL, ha="center", va="center", zorder=5
            )
    handles, _ = axis.get_legend_handles_labels()
    handles = [one for one in handles if isinstance(one, PathCollection)] + [
        Line2D([], [], color=GREY, linewidth=2, label="Gaussian codes, in closed form"),
        Line2D([], [], color=GREY, **POINTS, label="Gaussian codes, simulated"),
    ]
    axis.set(xscale="log", yscale="log", xlim=(0.8, 40), ylim=(5e-12, 3))
    logarithmic(axis)
    at(axis, [1, 2, 5, 10, 20, 40])
    axis.set_xlabel("size of the codes, ‖z‖ / √d (the prior's own: 1)")
    axis.set_ylabel("reading: MMD, RBF kernel, σ = 1")
    columns = 1 if narrow() else 2
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, markerscale=0.7)
    return figure
