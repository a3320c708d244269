"""Where codes lie, in numbers that the rules are made of."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from infovae_core import rulers
from infovae_core.diagnosis.intake import Sample
from infovae_core.diagnosis.perfect import correlation_deviation
from infovae_core.diagnosis.readings import as_numbers
from infovae_core.randomness import generator

# Codes whose neighbours are looked for, normal samples they are compared with, and codes from whose
# scatter these are drawn.
NEIGHBOURS, RESAMPLES, SCATTER = 500, 99, 2000
# Of the largest matrices only the spectrum is taken, not the directions.
DIRECTIONS_UP_TO = 1024


@dataclass(frozen=True)
class Facts:
    """Of n codes in d dimensions.

    Attributes:
        n: Codes.
        d: Dimensions.
        mean: (d,).
        sd: (d,), standard deviations.
        spectrum: Eigenvalues of the covariance, the largest first.
        axes: (d, k), their directions, of the first few; None in more than 1,024 dimensions.
        correlation: Mean squared correlation of the dimensions that vary; NaN of fewer than two.
        worst_pair: The two dimensions that are correlated most, and their correlation; or None.
        copies: Codes that repeat another one exactly, beyond the first; the others are taken for
            independent.
        crowding: Mean distance to the nearest code, over that of normal codes with the same mean
            and covariance; and the share of such samples that are as crowded. None where it was not
            asked for.
        class_share: Share of the variance that lies between the classes; None without labels.
        ks: (d,), Kolmogorov-Smirnov statistics.
    """

    n: int
    d: int
    mean: np.ndarray
    sd: np.ndarray
    spectrum: np.ndarray
    axes: np.ndarray | None
    correlation: float
    worst_pair: tuple[int, int, float] | None
    copies: int
    crowding: tuple[float, float] | None
    class_share: float | None
    ks: np.ndarray

    @property
    def distinct(self) -> int:
        """Codes that differ."""
        return self.n - self.copies

    @property
    def scale(self) -> float:
        """Root mean square of the standard deviations: 1 under the prior."""
        return float(np.sqrt(np.mean(self.sd**2)))

    @property
    def shift(self) -> float:
        """Length of the mean, without the part that is due to the sample's size."""
        by_chance = float((self.sd**2).sum()) / self.distinct
        return math.sqrt(max(0.0, float(self.mean @ self.mean) - by_chance))

    @property
    def shift_z(self) -> float:
        """Deviations of the squared length of the mean from what codes around 0 have."""
        spread = math.sqrt(2 * float((self.spectrum**2).sum())) / self.distinct
        excess = float(self.mean @ self.mean) - float((self.sd**2).sum()) / self.distinct
        if not spread > 0:
            return math.inf if excess > 0 else 0.0
        return excess / spread

    @property
    def correlation_z(self) -> float:
        """Deviations of the mean squared correlation from that of independent dimensions."""
        varying = int((self.sd > 0).sum())
        if math.isnan(self.correlation) or varying < 2 or self.distinct < 4:
            return 0.0
        n = self.distinct
        return (self.correlation - 1 / (n - 1)) / correlation_deviation(n, varying)


def facts(sample: Sample, found: rulers.Moments, ks: Tensor, shape: bool) -> Facts:
    """The facts of a sample.

    Args:
        sample: The codes.
        found: Their moments.
        ks: Kolmogorov-Smirnov statistic of each dimension.
        shape: Whether to look for crowds, which takes some seconds.
    """
    z = sample.z
    n, d = z.shape
    covariance = found.covariance
    axes = None
    if d <= DIRECTIONS_UP_TO:
        values, vectors = torch.linalg.eigh(covariance)
        axes = as_numbers(vectors.flip(1)[:, : min(d, 16)])
    else:
        values = torch.linalg.eigvalsh(covariance)
    return Facts(
        n=n,
        d=d,
        mean=as_numbers(found.mean),
        sd=as_numbers(covariance.diagonal().clamp_min(0).sqrt()),
        spectrum=as_numbers(values.flip(0).clamp_min(0)),
        axes=axes,
        correlation=rulers.mean_squared_correlation(covariance),
        worst_pair=_worst_pair(covariance),
        copies=rulers.copies(z),
        crowding=crowding(z) if shape else None,
        class_share=None if sample.labels is None else class_share(z, sample.labels),
        ks=as_numbers(ks),
    )


def _worst_pair(covariance: Tensor) -> tuple[int, int, float] | None:
    found = rulers.correlations(covariance)
    if len(found) < 2:
        return None
    kept = (covariance.diagonal() > 0).nonzero()[:, 0]
    i, j = divmod(int(found.abs().argmax()), len(found))
    return int(kept[min(i, j)]), int(kept[max(i, j)]), float(found[i, j])


def crowding(z: Tensor) -> tuple[float, float] | None:
    """How close codes are to each other, against normal codes of their own mean and covariance.

    The first 500 codes, and as many normal ones 99 times. These are weighted sums of centred codes,
    with normal weights, and so have exactly the sample's covariance.

    Returns:
        The ratio of mean distances to the nearest code, and a p-value; None of fewer than 3 points.
    """
    # Copies are a finding of their own.
    scatter = z[:SCATTER].double().unique(dim=0)
    some = z[:NEIGHBOURS].double().unique(dim=0)
    centred = scatter - scatter.mean(0)
    if len(some) < 3:
        return None
    own = float(rulers.nearest(some).mean())
    drawn = generator(0, "crowding")
    others = []
    for _ in range(RESAMPLES):
        weights = torch.randn(len(some), len(centred), generator=drawn, dtype=torch.float64)
        resampled = weights.to(z.device) @ centred / math.sqrt(len(centred) - 1)
        others.append(float(rulers.nearest(resampled).mean()))
    closer = sum(other <= own for other in others)
    return own / float(np.mean(others)), (1 + closer) / (1 + RESAMPLES)


def class_share(z: Tensor, labels: np.ndarray) -> float:
    """Share of the codes' variance that lies between classes, 0 to 1 (η²)."""
    classes, index = np.unique(labels, return_inverse=True)
    rows = torch.from_numpy(index).to(z.device)
    mean = rulers.column_means(z)
    sums = torch.zeros(len(classes), z.shape[1], dtype=torch.float64, device=z.device)
    total = 0.0
    for part, here in zip(z.split(1 << 16), rows.split(1 << 16), strict=True):
        centred = part.double() - mean
        sums.index_add_(0, here, centred)
        total += float(centred.square().sum())
    counts = torch.bincount(rows, minlength=len(classes))[:, None]
    return float((sums.square() / counts).sum()) / total if total > 0 else 0.0
