"""What a kernel penalty charges trained codes at every size, beside what it charges for leaving.

A model without a KL term can scale and shift each coordinate of its codes at no cost in
reconstruction (book/collapse.md). So its codes are first put to the prior's mean and variance, one
coordinate at a time, and then read at several sizes.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist

from infovae_core import closed_forms, declared, prices
from infovae_core.report import frames
from infovae_core.run import Run
from infovae_core.study.store import Result

SIZES = tuple(float(size) for size in np.geomspace(0.5, 8, 9))
# Whose codes: those that nothing holds, those of the usual start that informs, and aligned ones.
MODELS = ("recon_ae", "vae", "corrected_imq", "corrected_cramer")
DIMS = (2, 5, 10, 20)


def matched(codes: np.ndarray) -> np.ndarray:
    """Codes (n, d), shifted and scaled to mean 0 and variance 1 in every coordinate."""
    wide = codes.astype(np.float64)
    return np.asarray((wide - wide.mean(0)) / wide.std(0, ddof=1))


def charges(
    codes: np.ndarray, bandwidth: float | str, sizes: Sequence[float] = SIZES
) -> np.ndarray:
    """MMD² of c times the codes with a Gaussian kernel, over what it reads of codes that left.

    The unbiased estimate with exact prior terms, `divergences.mmd` with `prior="exact"`, without
    PyTorch. Above 1, leaving is the cheaper.

    Args:
        codes: (n, d), see `matched`.
        bandwidth: σ, or "sqrt_d".
        sizes: c.

    Returns:
        A number for each size.
    """
    d = codes.shape[1]
    (sigma,) = declared.bandwidths(bandwidth, d)
    pairs, lengths = pdist(codes, "sqeuclidean"), np.square(codes).sum(1)
    left = prices.ceiling("mmd", {"bandwidth": bandwidth}, d)
    # Of a code at z and draws y, E k(z, y) is a kernel again, wider and lower.
    lower, wider = closed_forms.mean_kernel(1, d, sigma), 1 + sigma**2
    found = [
        np.exp(-(c**2) * pairs / (2 * sigma**2)).mean()
        - 2 * lower * np.exp(-(c**2) * lengths / (2 * wider)).mean()
        + left
        for c in sizes
    ]
    return np.asarray(found) / left


def frame(results: Mapping[Run, Result]) -> pd.DataFrame:
    """As metrics, of the runs of `MODELS` in few enough dimensions that have stored codes.

    "charge": at the prior's size, σ = 1; "least_charge": the least over `SIZES`; "wide_charge": at
    the prior's size, σ² = d.
    """
    rows = []
    for run, result in results.items():
        if run.model not in MODELS or run.latent_dim not in DIMS or "codes" not in result.arrays:
            continue
        codes = matched(result.arrays["codes"])
        narrow = charges(codes, 1.0, (1.0, *SIZES))
        found = {
            "charge": narrow[0],
            "least_charge": narrow[1:].min(),
            "wide_charge": charges(codes, "sqrt_d", (1.0,))[0],
        }
        rows += [
            (run.model, run.latent_dim, run.seed, result.status, name, float(value))
            for name, value in found.items()
        ]
    return pd.DataFrame(rows, columns=frames.COLUMNS)


def filled(d: int, k: int, c: float, sigma: float) -> float:
    """What normal codes of size c that fill k of d dimensions pay, over what leaving pays.

    The population's counterpart of `charges`, for z = c·Uw with w ~ N(0, I) in k dimensions.
    """
    left = closed_forms.mean_kernel(2, d, sigma)
    own = closed_forms.mean_kernel(2 * c**2, k, sigma)
    cross = closed_forms.mean_kernel(1 + c**2, k, sigma) * closed_forms.mean_kernel(1, d - k, sigma)
    return (own - 2 * cross + left) / left


def most_filled(d: int, sigma: float) -> int:
    """The greatest k for which leaving is the cheaper at every size, see `filled`; 0 if none is.

    (d − k) log(1 + 1/σ²) ≥ (k + 2) log 2, which at σ = 1 is k ≤ d/2 − 1.
    """
    rate = math.log1p(1 / sigma**2)
    return max(0, math.floor((d * rate - 2 * math.log(2)) / (rate + math.log(2)) + 1e-12))
