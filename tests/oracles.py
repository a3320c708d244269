"""What the divergences should give: closed forms, quadrature and plain loops, in float64.

Nothing here shares code with the package. An estimator's oracle takes the samples (n, d) and
(m, d) and the estimator's options; a critic's takes the logarithms of two densities on the line,
as what it estimates is a property of the densities.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import linear_sum_assignment
from scipy.special import gammaln, hyp1f1, logsumexp
from torch import Tensor
from torch.func import grad, jacfwd, vmap

Array = NDArray[np.float64]
LogDensity = Callable[[float], float]


# Estimators, from the samples -----------------------------------------------------------------


def pair_mean(h: Callable[[Array, Array], float], x: Array, estimator: str) -> float:
    """Mean of h over all ordered pairs of rows ("biased"), or over distinct ones ("unbiased")."""
    values = [
        h(x[i], x[j])
        for i in range(len(x))
        for j in range(len(x))
        if estimator == "biased" or i != j
    ]
    return math.fsum(values) / len(values)


def cross_mean(h: Callable[[Array, Array], float], x: Array, y: Array) -> float:
    """Mean of h over all rows of x and all rows of y."""
    return math.fsum(h(a, b) for a in x for b in y) / (len(x) * len(y))


def sigmas(rule: float | str | Sequence[float], q: Array, p: Array) -> list[float]:
    """Bandwidths of a rule; an even number of distances has its lower median."""
    if rule == "sqrt_d":
        return [q.shape[1] ** 0.5]
    if rule == "median":
        pooled = [*q, *p]
        pairs = sorted(math.dist(a, b) for i, a in enumerate(pooled) for b in pooled[:i])
        return [pairs[(len(pairs) - 1) // 2]]
    return [rule] if isinstance(rule, float | int) else list(rule)


def rbf(sigma: float) -> Callable[[Array, Array], float]:
    return lambda a, b: math.exp(-(math.dist(a, b) ** 2) / (2 * sigma**2))


def mmd(
    q: Array,
    p: Array,
    bandwidth: float | str | Sequence[float] = 1.0,
    estimator: str = "unbiased",
    prior: str = "sampled",
) -> float:
    """MMD² by double loops; the exact prior's integrals by quadrature, one coordinate at a time."""
    terms = []
    for sigma in sigmas(bandwidth, q, p):
        k = rbf(sigma)
        codes = pair_mean(k, q, estimator)
        if prior == "exact":
            # The kernel and the prior are products over coordinates, so their integrals are too.
            cross = np.mean([math.prod(smoothed(c, sigma, 1) for c in z) for z in q])
            draws = smoothed(0, sigma, 2) ** q.shape[1]
        else:
            cross, draws = cross_mean(k, q, p), pair_mean(k, p, estimator)
        terms.append(codes - 2 * cross + draws)
    return float(np.mean(terms))


def imq(q: Array, p: Array, scale: float | str = "2d", estimator: str = "unbiased") -> float:
    """MMD² with the kernel 1/(1 + ‖z − z'‖²/C) by double loops."""
    c = 2 * q.shape[1] if scale == "2d" else float(scale)

    def k(a: Array, b: Array) -> float:
        return 1 / (1 + math.fsum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / c)

    return pair_mean(k, q, estimator) - 2 * cross_mean(k, q, p) + pair_mean(k, p, estimator)


def smoothed(c: float, sigma: float, variance: float) -> float:
    """E exp(−(c − y)²/2σ²) for y ~ N(0, variance), by quadrature."""
    value, _ = quad(
        lambda y: math.exp(-((c - y) ** 2) / (2 * sigma**2) - y**2 / (2 * variance)),
        -40,
        40,
        points=[0, c],
        epsabs=1e-13,
        limit=200,
    )
    return float(value) / math.sqrt(2 * math.pi * variance)


def stein(
    q: Array,
    p: Array,
    bandwidth: float | str | Sequence[float] = 1.0,
    estimator: str = "unbiased",
) -> float:
    """Squared KSD: the Stein operator applied to both arguments of the kernel by autograd."""
    x = torch.from_numpy(q)
    distinct = ~torch.eye(len(x), dtype=torch.bool)
    terms = []
    for sigma in sigmas(bandwidth, q, p):
        values = pairwise(stein_kernel(sigma), x)
        terms.append(float((values if estimator == "biased" else values[distinct]).mean()))
    return float(np.mean(terms))


def stein_kernel(sigma: float) -> Callable[[Tensor, Tensor], Tensor]:
    """u(z, z') of Liu, Lee and Jordan (2016), from k and log p alone."""

    def k(a: Tensor, b: Tensor) -> Tensor:
        return torch.exp(-(a - b).square().sum() / (2 * sigma**2))

    def log_p(a: Tensor) -> Tensor:
        return -a.square().sum() / 2

    def u(a: Tensor, b: Tensor) -> Tensor:
        s_a, s_b = grad(log_p)(a), grad(log_p)(b)
        mixed = jacfwd(grad(k, argnums=0), argnums=1)(a, b)
        return (
            s_a @ s_b * k(a, b)
            + s_a @ grad(k, argnums=1)(a, b)
            + s_b @ grad(k, argnums=0)(a, b)
            + mixed.diagonal().sum()
        )

    return u


def pairwise(h: Callable[[Tensor, Tensor], Tensor], x: Tensor) -> Tensor:
    """h for all ordered pairs of rows: (n, n)."""
    return vmap(lambda a: vmap(lambda b: h(a, b))(x))(x)


def cramer(q: Array, p: Array, estimator: str = "unbiased") -> float:
    """Energy distance by double loops."""
    return (
        2 * cross_mean(math.dist, q, p)
        - pair_mean(math.dist, q, estimator)
        - pair_mean(math.dist, p, estimator)
    )


def sinkhorn(q: Array, p: Array, blur: float = 0.1, scaling: float = 0.5) -> float:
    """Debiased Sinkhorn divergence, iterated at ε = blur² until nothing moves.

    `scaling` says how fast an annealed solver goes, and nothing about the divergence.
    """
    both, one, other = (entropic(x, y, blur**2) for x, y in ((q, p), (q, q), (p, p)))
    return both - one / 2 - other / 2


def entropic(x: Array, y: Array, eps: float) -> float:
    """OT_ε with cost ½‖x − y‖², by log-domain iterations with the symmetric average."""
    cost = ((x[:, None] - y[None]) ** 2).sum(-1) / 2
    f, g = np.zeros(len(x)), np.zeros(len(y))
    for _ in range(100_000):
        new_f = -eps * logsumexp((g[None, :] - cost) / eps, axis=1, b=1 / len(y))
        new_g = -eps * logsumexp((f[:, None] - cost) / eps, axis=0, b=1 / len(x))
        moved = max(np.abs(new_f - f).max(), np.abs(new_g - g).max())
        f, g = (f + new_f) / 2, (g + new_g) / 2
        if moved < 1e-11:
            return float(f.mean() + g.mean())
    raise AssertionError("the iteration has not converged")


def half_w2(q: Array, p: Array) -> float:
    """½ W₂² of two samples of equal size, by the optimal assignment."""
    cost = ((q[:, None] - p[None]) ** 2).sum(-1) / 2
    return float(cost[linear_sum_assignment(cost)].mean())


# Critics, from the densities ------------------------------------------------------------------


def line(integrand: LogDensity) -> float:
    """∫ over the line."""
    value, _ = quad(integrand, -30, 30, points=[-2, 0, 2], epsabs=1e-12, limit=400)
    return float(value)


def chi2(log_q: LogDensity, log_p: LogDensity) -> float:
    """χ²(q‖p) = ∫ (q − p)²/p by quadrature."""
    return line(
        lambda z: math.exp(log_p(z)) * math.expm1(log_q(z) - log_p(z)) ** 2,
    )


def js(log_q: LogDensity, log_p: LogDensity) -> float:
    """½ KL(q‖m) + ½ KL(p‖m) with m = (q + p)/2, by quadrature, in nats."""

    def integrand(z: float) -> float:
        a, b = log_q(z), log_p(z)
        m = float(np.logaddexp(a, b)) - math.log(2)
        return 0.5 * math.exp(a) * (a - m) + 0.5 * math.exp(b) * (b - m)

    return line(integrand)


ORACLES: dict[str, Callable[..., Any]] = {
    "mmd": mmd,
    "imq": imq,
    "stein": stein,
    "cramer": cramer,
    "sinkhorn": sinkhorn,
    "chi2": chi2,
    "js": js,
}


# Population values, q = N(m, s² I) against p = N(0, I) in d dimensions --------------------------


def log_normal(mean: float = 0.0, scale: float = 1.0) -> LogDensity:
    """Log-density of N(mean, scale²) on the line."""
    return lambda z: (
        -0.5 * ((z - mean) / scale) ** 2 - math.log(scale) - 0.5 * math.log(2 * math.pi)
    )


def kernel_mean(variance: float, d: int, sigma: float, shift2: float = 0.0) -> float:
    """E exp(−‖w‖²/2σ²) for w ~ N(shift, variance · I), where ‖shift‖² = shift2."""
    total = sigma**2 + variance
    return (sigma**2 / total) ** (d / 2) * math.exp(-shift2 / (2 * total))


def mmd_gaussian(mean: Array, s: float, sigma: float) -> float:
    """Population MMD² with the RBF kernel."""
    d, m2 = len(mean), float(mean @ mean)
    return (
        kernel_mean(2 * s**2, d, sigma)
        - 2 * kernel_mean(1 + s**2, d, sigma, m2)
        + kernel_mean(2, d, sigma)
    )


def imq_gaussian(mean: Array, s: float, c: float) -> float:
    """Population MMD² with the kernel C/(C + ‖w‖²) = ∫ exp(−t) exp(−t ‖w‖²/C) dt over t > 0."""

    def value(t: float) -> float:
        # A Gaussian kernel of bandwidth √(C/2t), weighed by exp(−t).
        return math.exp(-t) * mmd_gaussian(mean, s, math.sqrt(c / (2 * t))) if t else 0.0

    return float(quad(value, 0, math.inf, epsabs=1e-13)[0])


def escape(d: int, sigma: float) -> float:
    """MMD² of codes far from the prior and from each other: E k(y, y') = (1 + 2/σ²)^(−d/2)."""
    return float((1 + 2 / sigma**2) ** (-d / 2))


def stein_gaussian(mean: Array, s: float, sigma: float) -> float:
    """Population KSD² = E δ(z)·δ(z') k, where δ = ∇ log p − ∇ log q = (s⁻² − 1)(z − m) − m.

    With u = z − z' and v = z + z' − 2m, independent, (z − m)·(z' − m) = (v² − u²)/4.
    """
    d, m2 = len(mean), float(mean @ mean)
    return (m2 + d * (1 - s**2) ** 2 / (sigma**2 + 2 * s**2)) * kernel_mean(2 * s**2, d, sigma)


def mean_norm(variance: float, d: int, shift2: float = 0.0) -> float:
    """E‖w‖ for w ~ N(shift, variance · I): the mean of the noncentral χ distribution."""
    ratio = math.exp(gammaln((d + 1) / 2) - gammaln(d / 2))
    laguerre = float(hyp1f1(-0.5, d / 2, -shift2 / (2 * variance)))
    return math.sqrt(2 * variance) * ratio * laguerre


def cramer_gaussian(mean: Array, s: float) -> float:
    """Population energy distance."""
    d, m2 = len(mean), float(mean @ mean)
    return 2 * mean_norm(1 + s**2, d, m2) - mean_norm(2 * s**2, d) - mean_norm(2, d)


def half_w2_gaussian(mean: Array, s: float) -> float:
    """½ W₂²."""
    return 0.5 * (float(mean @ mean) + len(mean) * (s - 1) ** 2)


def chi2_gaussian(mean: Array) -> float:
    """χ²(N(m, I) ‖ N(0, I)) = exp(‖m‖²) − 1."""
    return math.expm1(float(mean @ mean))
