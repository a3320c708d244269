"""Population values for Gaussian codes against the prior N(0, I), where there is a formula.

The figures that explain a divergence are drawn from these, and `book/_static/interactive/maths.js`
computes the same in the reader's browser. Codes are N(m, c²I) in d dimensions; ‖m‖ is called the
shift and c the scale, so that shift 0 and scale 1 are a perfect match.
"""

import math


def mean_kernel(variance: float, d: int, sigma: float) -> float:
    """E exp(−‖w‖²/2σ²) for w ~ N(0, variance · I) in d dimensions."""
    return math.pow(1 + variance / sigma**2, -d / 2)


def mmd(scale: float, d: int, sigma: float) -> float:
    """MMD, the root of MMD², of codes N(0, scale² I) with the RBF kernel of bandwidth σ."""
    squared = (
        mean_kernel(2 * scale**2, d, sigma)
        - 2 * mean_kernel(1 + scale**2, d, sigma)
        + mean_kernel(2, d, sigma)
    )
    return math.sqrt(max(squared, 0.0))  # At a match the sum is rounding alone.


def escape(d: int, sigma: float) -> float:
    """MMD of codes far from the prior and from each other: (1 + 2/σ²)^(−d/4).

    Example:
        >>> [round(escape(d, sigma=1), 3) for d in (2, 10, 20)]
        [0.577, 0.064, 0.004]
    """
    return math.pow(1 + 2 / sigma**2, -d / 4)


def close_pair(distance: float, sigma: float, n: int) -> float:
    """What one pair of codes at this distance adds to the unbiased MMD² of n codes."""
    return 2 * math.exp(-(distance**2) / (2 * sigma**2)) / (n * (n - 1))


def mmd_noise(d: int, sigma: float, n: int) -> float:
    """What a perfect match reads: the root of the standard deviation of unbiased MMD².

    For n codes and n draws, all from the prior. With the centred kernel k̃ the estimator is a mean
    of uncorrelated terms, n(n−1)/2 pairs twice over in each sample and n² pairs between them, so
    Var = (4/n(n−1) + 4/n²) E k̃², where E k̃² = E k² − 2 E(E k)² + (E k)² (Gretton et al. 2012).
    """
    s2 = sigma**2
    second = math.pow(1 + 4 / s2, -d / 2)  # k² is the kernel of bandwidth σ/√2.
    conditional = math.pow((1 + 1 / s2) * (1 + 3 / s2), -d / 2)
    centred = second - 2 * conditional + math.pow(1 + 2 / s2, -d)
    return math.pow((4 / (n * (n - 1)) + 4 / n**2) * centred, 0.25)


def match_bound(d: int, sigma: float, n: int) -> float:
    """What the root of the clipped unbiased MMD² is at most, on average, at a match: √(s/2).

    s² is the variance of MMD² for n codes and n draws, so that √s is `mmd_noise`; by Jensen's
    inequality the root's mean is at most √(E|MMD²|/2) ≤ √(s/2).
    """
    return mmd_noise(d, sigma, n) / math.sqrt(2)


def sinkhorn(shift: float, scale: float, d: int, eps: float) -> float:
    """Debiased Sinkhorn divergence of N(m, scale² I), cost ½‖z − y‖², at ε.

    The optimal plan is Gaussian, and along each coordinate OT_ε = ½δ² + ½(a² + b²) + g(a²b²) for
    variances a², b² (Janati et al. 2020; Mallasto et al. 2022). Tends to ½W₂² as ε → 0 and to
    ½ shift² as ε → ∞.
    """
    if not eps > 0:
        raise ValueError(f"ε must be positive, got {eps}")

    def g(product: float) -> float:
        covariance = 2 * product / (eps + math.sqrt(eps**2 + 4 * product))
        return eps / 2 * math.log1p(covariance / eps) - covariance

    return shift**2 / 2 + d * (g(scale**2) - g(scale**4) / 2 - g(1) / 2)


def half_w2(shift: float, scale: float, d: int) -> float:
    """½ W₂² of N(m, scale² I) from N(0, I)."""
    return (shift**2 + d * (scale - 1) ** 2) / 2


def noise_share(alpha: float, noise: float) -> float:
    """What share of a code's variance says nothing of x, at the optimum of a Gaussian line.

    Data x ~ N(0, 1), decoder N(wz, noise), encoder N(ax, v), and D the KL divergence: minimized
    over w, the InfoVAE objective is r/(2 noise) − ½(1−α) log r + ½λ(t − 1 − log t), with
    t = a² + v the variance of q(z) and r = v/t the share. So α alone decides r, and
    I(x; z) = −½ log r; λ alone decides what a t other than 1 costs. For α ≥ 1 the share is 0:
    nothing limits the information.
    """
    return min(1.0, max(0.0, noise * (1 - alpha)))


def size_cost(variance: float, lam: float) -> float:
    """What the objective of `noise_share` pays for a q(z) of this variance, in nats."""
    return lam / 2 * (variance - 1 - math.log(variance))


def mmd_size_cost(variance: float, alpha: float, lam: float, d: int, sigma: float) -> float:
    """The same with D the squared RBF-MMD, for d independent lines at once.

    A KL term is the information and KL(q(z) ‖ p); its weight is 1 − α and that of D is α + λ − 1.
    With D the KL divergence the two add up to d · `size_cost`; here they do not.
    """
    kl = d * size_cost(variance, 1 - alpha)
    return kl + (alpha + lam - 1) * mmd(math.sqrt(variance), d, sigma) ** 2
