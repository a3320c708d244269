"""What the thesis's ruler reads: an RBF-MMD of σ = 1, for codes of every size."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, StrMethodFormatter

from infovae_core import closed_forms, divergences
from infovae_core.plots import GREY

SIGMA = 1.0


def simulate(
    dims: Sequence[int], scales: Sequence[float], batch: int = 128, batches: int = 200, seed: int = 0
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
