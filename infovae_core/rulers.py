"""Rulers of codes in bounded memory: a chunk of rows, columns or directions at a time, in float64.

Codes are (n, d), on any device, in single or double precision; what is read does not depend on the
chunks beyond rounding, nor on where the origin lies. `diagnosis` sets these readings beside what a
perfect match reads.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from infovae_core import divergences
from infovae_core.kernels import Kernel
from infovae_core.metrics import CHUNK

# Entries of the largest temporary: 64 MiB in double precision.
BUDGET = 1 << 23
# Told what is done, and which share of it is.
Tick = Callable[[str, float], None]


def quiet(_: str, __: float) -> None:
    """Progress is not shown."""


def mmd2(
    codes: Tensor, kernels: Sequence[Kernel], rough: bool = False, tick: Tick = quiet
) -> list[tuple[float, float]]:
    """Unbiased MMD² of codes (n, d) from the prior for each kernel, the prior's terms exact.

    All kernels share the distances. Time is O(n² d), memory O(n).

    Args:
        codes: (n, d).
        kernels: What to read with; the energy distance is one of them.
        rough: Take distances by a matrix product in single precision, twice as fast and as good for
            codes of the prior's size; else by differences in double precision, which are as exact
            far from the origin, and of codes far apart, as near it.
        tick: Told how far it is.

    Returns:
        For each kernel the reading, and the standard error of a reading from n codes of this law
        (2/√n times the deviation of a code's share; without meaning at a perfect match).
    """
    z = codes.double()
    n, d = z.shape
    norms2 = z.square().sum(1).cpu().numpy()
    shares = [torch.zeros(n, dtype=torch.float64, device=z.device) for _ in kernels]
    x = z.float() if rough else z
    first = 0
    for part in x.split(max(1, (CHUNK if z.device.type == "cpu" else 256 * CHUNK) // n)):
        tick("kernels", first / n)
        if rough:
            r2 = divergences.squared_distances(part, x)
        else:
            r2 = divergences.distances(part, x).square_()
        rows = torch.arange(len(part), device=z.device)
        for share, kernel in zip(shares, kernels, strict=True):
            values = kernel.values(r2)
            values[rows, first + rows] = 0  # Pairs of a code with itself.
            share[first : first + len(part)] = values.sum(1, dtype=torch.float64) / (n - 1)
        first += len(part)
    found = []
    for share, kernel in zip(shares, kernels, strict=True):
        prior = kernel.prior_mean(d, norms2)
        value = float(share.mean()) - 2 * float(prior.mean()) + kernel.mean(d, 2)
        error = 2 * float(np.std(share.cpu().numpy() - prior)) / math.sqrt(n)
        found.append((value, error))
    return found


def column_means(values: Tensor) -> Tensor:
    """Mean of each column of (n, d): (d,), float64."""
    total = values.new_zeros(values.shape[1], dtype=torch.float64)
    for part in values.split(max(1, BUDGET // values.shape[1])):
        total += part.double().sum(0)
    return total / len(values)


def variances(values: Tensor) -> Tensor:
    """Variance of each column of (n, d): (d,), float64."""
    mean = column_means(values)
    total = torch.zeros_like(mean)
    for part in values.split(max(1, BUDGET // values.shape[1])):
        total += (part.double() - mean).square().sum(0)
    return total / (len(values) - 1)


class Moments(NamedTuple):
    """Of n codes: mean (d,) and covariance (d, d), float64; the covariance of at most `rows`."""

    mean: Tensor
    covariance: Tensor
    rows: int


def moments(codes: Tensor) -> Moments:
    """Mean of all codes (n, d), and covariance: in many dimensions of the first 10¹²/d²."""
    d = codes.shape[1]
    used = codes[: max(d + 1, int(1e12) // d**2)]
    own = column_means(used)  # Centred by their own mean: far from the origin nothing cancels.
    covariance = torch.zeros(d, d, dtype=torch.float64, device=codes.device)
    for part in used.split(max(1, BUDGET // d)):
        centred = part.double() - own
        covariance.addmm_(centred.T, centred)
    return Moments(column_means(codes), covariance / (len(used) - 1), len(used))


def gaussian_kl(found: Moments) -> float:
    """KL(N(m, S) ‖ N(0, I)) in nats, as `metrics.gaussian_kl`; infinite where S is singular."""
    mean, covariance, _ = found
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if int(failed):
        return math.inf
    logdet = 2 * factor.diagonal().log().sum()
    return float((covariance.trace() + mean.square().sum() - len(mean) - logdet) / 2)


def correlations(covariance: Tensor) -> Tensor:
    """Correlation matrix of the dimensions that vary at all, the diagonal replaced by 0."""
    variance = covariance.diagonal()
    kept = (variance > 0).nonzero()[:, 0]
    scale = variance[kept].sqrt()
    found = covariance[kept][:, kept] / scale[:, None] / scale
    return found.fill_diagonal_(0)


def mean_squared_correlation(covariance: Tensor) -> float:
    """Mean of r² over pairs of dimensions; NaN with fewer than two that vary.

    Of n independent normal codes with independent dimensions it has the mean 1/(n − 1)
    (Schott 2005).
    """
    found = correlations(covariance)
    d = len(found)
    return float(found.square().sum()) / (d * (d - 1)) if d > 1 else math.nan


def effective_rank(eigenvalues: Tensor) -> float:
    """Effective rank: exp of the entropy of the normed spectrum (Roy and Vetterli 2007).

    d where all directions vary alike, 1 where one alone does; NaN of codes at one point.

    Example:
        >>> effective_rank(torch.tensor([2.0, 2.0, 0.0, 0.0]))
        2.0
    """
    share = eigenvalues.double().clamp_min(0)
    if not float(share.sum()) > 0:
        return math.nan
    share = share / share.sum()
    return round(float(torch.special.entr(share).sum().exp()), 12)


def kolmogorov_smirnov(codes: Tensor) -> Tensor:
    """Largest gap of each dimension's distribution function from the normal: (n, d) → (d,)."""
    n = len(codes)
    steps = torch.arange(n + 1, dtype=torch.float64, device=codes.device)[:, None] / n
    found = []
    for columns in codes.split(max(1, BUDGET // n), dim=1):
        levels = torch.special.ndtr(columns.double().sort(0).values)
        found.append(torch.maximum(steps[1:] - levels, levels - steps[:-1]).amax(0))
    return torch.cat(found)


def directions(d: int, count: int, generator: torch.Generator) -> Tensor:
    """Unit vectors (d, count), uniform on the sphere, float64."""
    drawn = torch.randn(d, count, generator=generator, dtype=torch.float64)
    found: Tensor = drawn / drawn.norm(dim=0)
    return found


def sliced_wasserstein(codes: Tensor, along: Tensor) -> float:
    """`metrics.sliced_wasserstein` along given directions (d, k)."""
    n, _ = codes.shape
    levels = (torch.arange(n, dtype=torch.float64, device=codes.device) + 0.5) / n
    quantiles = torch.special.ndtri(levels)[:, None]
    total = 0.0
    for some in along.split(max(1, BUDGET // n), dim=1):
        projected = torch.cat(
            [
                part.double() @ some.to(codes.device)
                for part in codes.split(max(1, BUDGET // codes.shape[1]))
            ]
        )
        total += float((projected.sort(0).values - quantiles).square().mean(0).sum())
    return math.sqrt(total / along.shape[1])


def size(codes: Tensor) -> float:
    """Mean of ‖z‖/√d, as `metrics.norm_ratio`."""
    n, d = codes.shape
    parts = codes.split(max(1, BUDGET // d))
    return float(sum(part.double().norm(dim=1).sum() for part in parts)) / n / math.sqrt(d)


def nearest(codes: Tensor) -> Tensor:
    """Distance of each code (n, d) to the nearest other one: (n,), float64."""
    z = codes.double()
    found, first = [], 0
    for part in z.split(max(1, CHUNK // len(z))):
        distances = divergences.distances(part, z)
        rows = torch.arange(len(part), device=z.device)
        distances[rows, first + rows] = math.inf
        found.append(distances.amin(1))
        first += len(part)
    return torch.cat(found)


def copies(codes: Tensor) -> int:
    """How many codes repeat another one exactly, beyond the first of each."""
    seen: set[int] = set()
    for part in codes.split(max(1, BUDGET // codes.shape[1])):
        rows = (part + 0.0).cpu().numpy()  # No negative zeros.
        seen.update(hash(row.tobytes()) for row in rows)
    return len(codes) - len(seen)


# The posterior ------------------------------------------------------------------------------------


def mean_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """Mean over inputs of KL(q(z|x) ‖ p(z)) in each dimension, nats: (n, d) twice → (d,)."""
    total = torch.zeros(mu.shape[1], dtype=torch.float64, device=mu.device)
    step = max(1, BUDGET // mu.shape[1])
    for m, v in zip(mu.split(step), logvar.split(step), strict=True):
        m, v = m.double(), v.double()
        total += ((m.square() + v.exp() - 1 - v) / 2).sum(0)
    return total / len(mu)


def mutual_information(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[float, float]:
    """I(x; z) in nats by minibatch-weighted sampling, the sample its own data set, and its error.

    The mean of log q(z|x) − log q̂(z), where q̂ mixes the n posteriors with equal weights: the
    estimator of Chen et al. (2018) with the whole data set as its minibatch. It is at most log n,
    whatever the information is, and a lower bound in expectation (Poole et al. 2019). Time is
    O(n² d), memory O(n).

    Args:
        z: (n, d), one draw from each posterior.
        mu: (n, d).
        logvar: (n, d).

    Returns:
        The estimate, and the standard error of its mean over codes.
    """
    centre = mu.double().mean(0)
    z, mu, logvar = z.double() - centre, mu.double() - centre, logvar.double()
    n = len(z)
    precision = torch.exp(-logvar)
    constant = -(mu.square() * precision + logvar).sum(1) / 2
    gains, first = [], 0
    for part in z.split(max(1, CHUNK // n)):
        log = part @ (mu * precision).T - part.square() @ precision.T / 2 + constant
        rows = torch.arange(len(part), device=z.device)
        # A code's own posterior by differences, as it may be very narrow.
        here = slice(first, first + len(part))
        own = -((part - mu[here]).square() * precision[here] + logvar[here]).sum(1) / 2
        log[rows, first + rows] = own
        gains.append(own - log.logsumexp(1) + math.log(n))
        first += len(part)
    gain = torch.cat(gains)
    return float(gain.mean()), float(gain.std()) / math.sqrt(n)
