"""How noisy a penalty's gradient is where there is nothing to correct: at q = p, in closed form.

The unbiased estimate of a minibatch of n codes has a gradient with respect to each code. At q = p
its mean is zero, and what a code feels is noise alone, of size 1/n, as a code is one of n. Times n
it is on the scale of the gradient of one image's reconstruction: λ times `noise` is in nats per
unit of length.

All kernels here are mixtures of Gaussian ones, exp(−s‖z − y‖²) over s, and two expectations under
the prior give the rest: `same` and `across`.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import beta, hyp2f1

from infovae_core import declared, names

# Nodes of Gauss and Laguerre's rule, for mixtures over s ~ Exp(1).
NODES = 80


def same(s: Any, d: int) -> Any:
    """E ‖z − y‖² exp(−s‖z − y‖²) for independent z, y ~ N(0, I): one draw, twice."""
    return 2 * d * (1 + 4 * s) ** (-d / 2 - 1)


def across(s: Any, t: Any, d: int) -> Any:
    """E (z − y)·(z − y') exp(−s‖z − y‖² − t‖z − y'‖²) for independent z, y, y' ~ N(0, I)."""
    return d * (1 + 4 * s + 4 * t + 12 * s * t) ** (-d / 2 - 1)


def rbf(d: int, sigma: float) -> float:
    """E‖∇k(z, y) − E∇k(z, y)‖², the inner mean over y; the gradient is with respect to z."""
    s = 1 / (2 * sigma**2)
    return float(4 * s**2 * (same(2 * s, d) - across(s, s, d)))


def imq(d: int, scale: float) -> float:
    """The same for the kernel C/(C + ‖z − y‖²) = E exp(−s‖z − y‖²/C) over s ~ Exp(1)."""
    s, weight = np.polynomial.laguerre.laggauss(NODES)
    # The sum of two such s weighed by both of them has the density s³/6 exp(−s).
    one = weight @ (s**3 / 6 * same(s / scale, d))
    both = (weight * s) @ across(s[:, None] / scale, s / scale, d) @ (weight * s)
    return float(4 / scale**2 * (one - both))


def cramer(d: int) -> float:
    """The same for −‖z − y‖: unit vectors, less the squared length of their mean given z."""
    mean = d / (4 * math.pi) * beta(0.5, (d + 1) / 2) ** 2 * hyp2f1(0.5, 0.5, 1 + d / 2, 0.25)
    return float(1 - mean)


def stein(d: int, sigma: float) -> float:
    """E‖∇u(z, z')‖² of the Stein kernel, with respect to z; its mean over z' is 0 at every z.

    With a = z − z' and b = z + z', independent, and β = 1/σ²,
    u = (‖b‖²/4 − Q‖a‖² + βd) k with Q = ¼ + β + β², and ∇u is k times
    b/2 − a (P + β‖b‖²/4 − βQ‖a‖²) with P = ½ + 2(β + β²) + β²d.
    """
    b = 1 / sigma**2
    p, q, v = 0.5 + 2 * (b + b**2) + b**2 * d, 0.25 + b + b**2, 2 / (1 + 4 * b)
    # Moments of ‖a‖² under N(0, vI), which k² makes of N(0, 2I), and of ‖b‖² under N(0, 2I).
    a1, a2, a3 = v * d, v**2 * d * (d + 2), v**3 * d * (d + 2) * (d + 4)
    b1, b2 = 2 * d, 4 * d * (d + 2)
    inner = p**2 * a1 + b**2 / 16 * a1 * b2 + b**2 * q**2 * a3
    inner += p * b / 2 * a1 * b1 - 2 * p * b * q * a2 - b**2 * q / 2 * a2 * b1
    return float((1 + 4 * b) ** (-d / 2) * (d / 2 + inner))


def noise(
    divergence: str, options: Mapping[str, Any] | None, d: int, n: int, m: int | None = None
) -> float:
    """The root mean square of the length of one code's gradient at q = p, times n.

    Of the unbiased estimate, from n codes and m draws: 2 (Γ/(n−1) + Γ/m)^½ with Γ the mean square
    of the centred gradient of the kernel. Without the last term for exact prior terms and Stein.

    Args:
        divergence: "mmd", "imq", "cramer" or "stein".
        options: Its options, as objectives take them; one bandwidth.
        d: Latent dimension.
        n: Codes of a minibatch.
        m: Prior draws; as many as codes by default.

    Raises:
        UnknownName: If the divergence has no closed form here, or has no such option.
        ValueError: If n or m is too small, there are several bandwidths, or the estimate is biased.

    Example:
        >>> [round(1000 * noise("cramer", {}, d, n=128)) for d in (2, 20)]
        [193, 179]
        >>> round(1000 * noise("mmd", {}, d=20, n=128), 1)
        0.2
    """
    names.check("divergence with a known noise", divergence, ("mmd", "imq", "cramer", "stein"))
    complete = names.complete(divergence, declared.OPTIONS[divergence], options or {})
    m = n if m is None else m
    if n < 2 or m < 1:
        raise ValueError(f"the noise needs n ≥ 2 codes and m ≥ 1 draws, got {n} and {m}")
    if complete["estimator"] != "unbiased":
        raise ValueError("the noise is that of the unbiased estimator; of a biased one it is not")
    if divergence == "cramer":
        square = cramer(d)
    elif divergence == "imq":
        square = imq(d, declared.imq_scale(complete["scale"], d))
    else:
        sigma, *more = declared.bandwidths(complete["bandwidth"], d)
        if more:
            raise ValueError(f"the noise is that of one bandwidth, got {1 + len(more)} of them")
        square = (rbf if divergence == "mmd" else stein)(d, sigma)
    sampled = divergence != "stein" and complete.get("prior") != "exact"
    return 2 * math.sqrt(square * (1 / (n - 1) + sampled / m))
