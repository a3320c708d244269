"""One scale for all weights: what a divergence reads of codes of a wrong size, and what that costs.

λ·D is in nats per image, but D has another unit for every divergence, so that one λ is another
demand for each. Here D is its population value for codes N(0, c²I) against the prior N(0, I) in d
dimensions, and a weight follows from what such codes are to cost.

A V-statistic reads more than the population value, by the terms of a point with itself; and
Sinkhorn's estimate from few samples in many dimensions reads far more, also at c = 1. Neither is in
these prices.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean as mean
from typing import Any

from infovae_core import closed_forms, declared, names

# Steps of the trapezoidal rule in the logarithm, exact to rounding at this width.
STEP = 0.125


def mean_imq(variance: float, d: int, scale: float) -> float:
    """E C/(C + ‖w‖²) for w ~ N(0, variance · I), C the scale.

    The kernel is ∫ exp(−s) exp(−s‖w‖²/C) ds over s > 0, a mixture of Gaussian kernels of bandwidth
    √(C/2s), so its mean is the same mixture of theirs.
    """
    # With s = exp(x) the integrand falls off on both sides, and the trapezoidal rule is exact.
    low = -40 - math.log1p(d * variance / scale)
    grid = [low + STEP * i for i in range(math.ceil((5 - low) / STEP))]
    return STEP * math.fsum(
        math.exp(x - math.exp(x))
        * closed_forms.mean_kernel(variance, d, math.sqrt(scale / (2 * math.exp(x))))
        for x in grid
    )


def mean_norm(variance: float, d: int) -> float:
    """E‖w‖ for w ~ N(0, variance · I): √variance times the mean of a χ of d degrees."""
    ratio = math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))
    return math.sqrt(2 * variance) * ratio


# v ↦ E k(w), w ~ N(0, vI), of the kernels k(z − z') whose squared MMD a divergence is.
Mean = Callable[[float], float]


def _mmd(d: int, bandwidth: float | str | Sequence[float], **_: Any) -> Mean:
    sigmas = declared.bandwidths(bandwidth, d)
    return lambda v: mean(closed_forms.mean_kernel(v, d, sigma) for sigma in sigmas)


def _imq(d: int, scale: float | str, **_: Any) -> Mean:
    number = declared.imq_scale(scale, d)
    return lambda v: mean_imq(v, d, number)


def _cramer(d: int, **_: Any) -> Mean:
    return lambda v: -mean_norm(v, d)


def stein(c: float, d: int, sigma: float) -> float:
    """KSD² of N(0, c²I) with the RBF kernel: part 5 of the book's proposition on it."""
    shared = closed_forms.mean_kernel(2 * c**2, d, sigma)
    return d * (1 - c**2) ** 2 / (sigma**2 + 2 * c**2) * shared


MEANS: dict[str, Callable[..., Mean]] = {"mmd": _mmd, "imq": _imq, "cramer": _cramer}
PRICED = (*MEANS, "stein", "sinkhorn")


def price(divergence: str, options: Mapping[str, Any] | None, d: int, c: float = 1.5) -> float:
    """D of codes N(0, c²I) in d dimensions: what they cost, in nats, for each unit of its weight.

    Args:
        divergence: Its name in the registry; one of `PRICED`.
        options: Its options, as objectives take them; those left out have their defaults.
        d: Latent dimension.
        c: Size of the codes; that of the prior is 1.

    Returns:
        The population value, whatever the estimator.

    Raises:
        UnknownName: If the divergence, or an option of it, does not exist or has no formula.
        ValueError: If d or c is out of range, or the bandwidth follows the samples.

    Example:
        >>> round(1000 * price("mmd", {"bandwidth": 1.0}, d=20, c=1.5), 3)
        0.016
        >>> round(1000 * price("mmd", {"bandwidth": "sqrt_d"}, d=20, c=1.5))
        73
    """
    complete = _checked(divergence, options, d)
    if not 0 <= c < math.inf:
        raise ValueError(f"c is a size of codes, at least 0 and finite; got {c!r}")
    if divergence == "sinkhorn":
        return closed_forms.sinkhorn(0.0, c, d, complete["blur"] ** 2)
    if divergence == "stein":
        return mean(stein(c, d, sigma) for sigma in declared.bandwidths(complete["bandwidth"], d))
    # z − z', z − y and y − y' are normal, with variances 2c², 1 + c² and 2.
    kernel = MEANS[divergence](d, **complete)
    return kernel(2 * c**2) - 2 * kernel(1 + c**2) + kernel(2)


def ceiling(divergence: str, options: Mapping[str, Any] | None, d: int) -> float:
    """What D tends to as normal codes leave the prior, c → ∞: how far a price can rise.

    The prior's own term for a kernel that vanishes, infinite for Cramér and Sinkhorn; Stein's falls
    to 0 from three dimensions on.

    Example:
        >>> [round(1000 * ceiling("mmd", {}, d), 3) for d in (5, 10, 20)]
        [64.15, 4.115, 0.017]
    """
    complete = _checked(divergence, options, d)
    if divergence in ("cramer", "sinkhorn") or (divergence, d) == ("stein", 1):
        return math.inf
    if divergence == "stein":
        sigmas = declared.bandwidths(complete["bandwidth"], d)
        return mean(sigma**2 / 2 for sigma in sigmas) if d == 2 else 0.0
    return MEANS[divergence](d, **complete)(2)


def weight_for(
    divergence: str, options: Mapping[str, Any] | None, d: int, nats: float, c: float = 1.5
) -> float:
    """The weight of D at which codes of c times the prior's size cost this many nats per image.

    Args:
        divergence: See `price`, as the others.
        options: Its options.
        d: Latent dimension.
        nats: What such codes are to cost; λ·D.
        c: Their size.

    Returns:
        The weight of D in the objective: λ, where α = 1.

    Raises:
        ValueError: If nats is not positive, or no weight can do it, as D is 0 at this size.

    Example:
        >>> round(weight_for("cramer", {}, d=20, nats=50))
        162
    """
    if not 0 < nats < math.inf:
        raise ValueError(f"nats is a price, positive and finite; got {nats!r}")
    value = price(divergence, options, d, c)
    if not value > 0:
        raise ValueError(
            f"{divergence} reads {value:g} of codes of {c:g} times the prior's size in {d} "
            "dimensions, so that no weight makes them cost anything: choose another size, or a "
            "wider kernel"
        )
    return nats / value


def _checked(divergence: str, options: Mapping[str, Any] | None, d: int) -> dict[str, Any]:
    """All options of a divergence that has a population value."""
    names.check("divergence with a population value", divergence, PRICED)
    if isinstance(d, bool) or not isinstance(d, int) or d < 1:
        raise ValueError(f"d is a latent dimension, a whole number from 1 on; got {d!r}")
    return names.complete(divergence, declared.OPTIONS[divergence], options or {})
