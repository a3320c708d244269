"""Proposition 1 live: two data points, one latent dimension, everything by formula or quadrature.

The data are x = −1 and x = 1. The encoder is free: q(z|x) = N(μₓ, σₓ²), a mean and a spread for
each point. The decoder is one tanh unit read as a coin: p(x|z) = N(tanh u, sech² u) with u = wz + b
has the mean and the variance of x = ±1 with log-odds 2u. Of all Gaussian decoders, whatever
functions of z their mean and variance are, one of this family is best for an encoder N(±μ, σ²): it
matches the moments of q(x|z), and its slope is w = μ/σ².

In this family a high bound and exact inference go together on one path (`ray`), and training takes
others; with a decoder that reads the sign of z alone they cannot (`sign_decoder`). The proofs are
in the book, in the chapter on balancing learning and inference.

The idea of showing the proposition by training on {−1, 1} is Zhao et al.'s (2019, Fig. 1).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_ndtr
from torch import Tensor

from infovae_core.study.parameters import ToyParameters

DOUBLE = torch.float64
X = torch.tensor([-1.0, 1.0], dtype=DOUBLE)
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
NODES, WEIGHTS = (torch.from_numpy(a) for a in np.polynomial.hermite_e.hermegauss(64))
# Steps of the grid on which p(x) is integrated, and the most points it may have.
SPACING, MOST_POINTS = 0.005, 2_000_000


class State(NamedTuple):
    """Encoder and decoder: μₓ and σₓ (2,), for x = −1 and x = 1, and the unit's w and b."""

    mu: Tensor
    sigma: Tensor
    w: Tensor
    b: Tensor


class Snapshot(NamedTuple):
    """A state and what is true of it, in nats per data point (means over both).

    `gap` is KL(q(z|x) ‖ p(z|x)), the distance to the true posterior under this decoder.
    """

    step: int
    state: State
    elbo: float
    gap: float
    kl: float
    mmd2: float


def log_cosh(u: Tensor) -> Tensor:
    """The logarithm of cosh u, where cosh itself would overflow too."""
    return u.abs() + torch.log1p(torch.exp(-2 * u.abs())) - math.log(2)


def log_likelihood(x: Tensor, u: Tensor) -> Tensor:
    """The logarithm of N(x; tanh u, sech² u), x = ±1, as ((x − tanh u) / sech u)² = e^{−2xu}."""
    return -HALF_LOG_2PI + log_cosh(u) - 0.5 * torch.exp(-2 * x * u)


def reconstruction(state: State) -> Tensor:
    """E log p(x|z) under q(z|x), for each x (2,), in nats.

    E log cosh u by Gauss-Hermite quadrature; E e^{−2xu} is a lognormal's mean.
    """
    mu, sigma, w, b = state
    u = w * (mu[:, None] + sigma[:, None] * NODES) + b
    smooth = log_cosh(u) @ (WEIGHTS / WEIGHTS.sum())
    return smooth - HALF_LOG_2PI - 0.5 * torch.exp(-2 * X * (w * mu + b) + 2 * (w * sigma) ** 2)


def kl(state: State) -> Tensor:
    """KL(q(z|x) ‖ N(0, 1)) for each x (2,), in nats."""
    return 0.5 * (state.mu**2 + state.sigma**2 - 1) - torch.log(state.sigma)


def mmd2(state: State, bandwidth: float) -> Tensor:
    """Population MMD² of q(z) = ½ Σₓ q(z|x) from N(0, 1), RBF kernel: a scalar.

    Between two Gaussians E k is a Gaussian integral: (σ²/(σ² + v))^½ e^{−δ²/2(σ² + v)}, with δ the
    difference of the means and v the sum of the variances.
    """

    def mean_kernel(delta: Tensor, variance: Tensor) -> Tensor:
        total = bandwidth**2 + variance
        return bandwidth / total.sqrt() * torch.exp(-0.5 * delta**2 / total)

    mu, variance = state.mu, state.sigma**2
    codes = mean_kernel(mu[:, None] - mu, variance[:, None] + variance).mean()
    cross = mean_kernel(mu, variance + 1).mean()
    prior = mean_kernel(torch.zeros((), dtype=DOUBLE), torch.tensor(2.0, dtype=DOUBLE))
    return codes - 2 * cross + prior


def objective(state: State, alpha: float, lam: float, bandwidth: float) -> Tensor:
    """What is maximized: E log p(x|z) − (1−α) KL − (α+λ−1) MMD², a scalar in nats.

    (Zhao et al. 2019, Eq. 6.) At α = 0, λ = 1 it is the evidence lower bound.
    """
    value = (reconstruction(state) - (1 - alpha) * kl(state)).mean()
    return value - (alpha + lam - 1) * mmd2(state, bandwidth)


def log_joint(state: State, z: Tensor) -> Tensor:
    """The logarithm of p(x, z), of both x at points z (n,): (2, n)."""
    u = state.w * z + state.b
    return log_likelihood(X[:, None], u) - 0.5 * z**2 - HALF_LOG_2PI


def posterior(state: State, z: Tensor) -> Tensor:
    """The true posterior densities p(z|x) of both x at points z (n,): (2, n), by quadrature."""
    return torch.exp(log_joint(state, z) - _log_evidence(state)[:, None])


def measure(step: int, state: State, bandwidth: float) -> Snapshot:
    """What is true of a state, by quadrature on grids, apart from what training computes.

    Raises:
        ValueError: If the decoder is so steep that the grid would be too long.
    """
    mu, sigma, w, b = state
    # e^{−2xu} under q is a Gaussian integral around μ − 2xwσ², up to 2|w|σ spreads from μ.
    reach = 12 + 2 * float((w.abs() * sigma).max())
    t = torch.linspace(-reach, reach, 8001, dtype=DOUBLE)
    u = w * (mu[:, None] + sigma[:, None] * t) + b
    log_q = -0.5 * t**2 - HALF_LOG_2PI
    expected = (log_q.exp() * log_cosh(u) - 0.5 * torch.exp(log_q - 2 * X[:, None] * u)).sum(1)
    # The step as a quotient: as a difference of two t it has an error of a part in 10¹².
    elbo = expected * (2 * reach / (len(t) - 1)) - HALF_LOG_2PI - kl(state)
    gap = _log_evidence(state) - elbo
    values = elbo.mean(), gap.mean(), kl(state).mean(), mmd2(state, bandwidth)
    return Snapshot(step, state, *map(float, values))


def _log_evidence(state: State) -> Tensor:
    """The logarithm of p(x) = ∫ p(x, z) dz, of both x (2,): the modes are within |w| of 0."""
    half = math.ceil((float(state.w.abs()) + 12) / SPACING)
    if 2 * half > MOST_POINTS:
        raise ValueError(
            f"the decoder's slope has grown to {float(state.w):.3g}, too steep to integrate its "
            f"posterior: take fewer steps or a smaller learning_rate"
        )
    z = SPACING * torch.arange(-half, half + 1, dtype=DOUBLE)
    return torch.logsumexp(log_joint(state, z), 1) + math.log(SPACING)


def train(
    settings: ToyParameters, alpha: float, lam: float, moments: int = 80, adam: bool = True
) -> list[Snapshot]:
    """Gradient ascent on the objective from a drawn start; measured at about `moments` steps.

    Expectations are exact, so nothing is drawn but the start: μₓ near x/2, σₓ = 1, w near 1 and
    b near 0.

    Args:
        settings: Start, number of steps, learning rate, and the bandwidth that is trained with.
        alpha: α.
        lam: λ.
        moments: How many are measured.
        adam: Adam's steps; else those of plain ascent. Gradients are clipped to norm 1 in both.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    jitter = 0.1 * torch.randn(4, generator=generator, dtype=DOUBLE)
    mu = (X / 2 + jitter[:2]).requires_grad_()
    log_sigma = torch.zeros(2, dtype=DOUBLE, requires_grad=True)
    decoder = (torch.tensor([1.0, 0.0], dtype=DOUBLE) + jitter[2:]).requires_grad_()
    steps = torch.optim.Adam if adam else torch.optim.SGD
    optimizer = steps([mu, log_sigma, decoder], lr=settings.learning_rate)
    shown = {round(step) for step in np.linspace(0, settings.steps, moments)}
    found = []
    for step in range(settings.steps + 1):
        state = State(mu, log_sigma.exp(), *decoder)
        if step in shown:
            with torch.no_grad():
                copy = State(*(part.detach().clone() for part in state))
                found.append(measure(step, copy, settings.bandwidth))
        optimizer.zero_grad()
        (-objective(state, alpha, lam, settings.bandwidth)).backward()
        # A step too far meets e^{−2xu}, and a gradient that Adam would not forget for a long time.
        torch.nn.utils.clip_grad_norm_([mu, log_sigma, decoder], 1.0)
        optimizer.step()
    return found


def best_for_spread(
    sigma: np.ndarray, means: np.ndarray, alpha: float, lams: Sequence[float], bandwidth: float
) -> dict[float, np.ndarray]:
    """The most that the objective reaches with codes N(±μ, σ²) and the best decoder, w = μ/σ².

    Args:
        sigma: Spreads (n,).
        means: The μ > 0 to choose from.
        alpha: α.
        lams: Values of λ.
        bandwidth: The kernel's σ.

    Returns:
        By λ, (n,) in nats.
    """
    free, penalty = np.empty((2, len(sigma), len(means)))
    for i, s in enumerate(torch.from_numpy(sigma)):
        for j, m in enumerate(torch.from_numpy(means)):
            state = State(m * X, s.expand(2), m / s**2, torch.zeros((), dtype=DOUBLE))
            free[i, j] = objective(state, alpha, 1 - alpha, bandwidth)
            penalty[i, j] = mmd2(state, bandwidth)
    return {lam: (free - (alpha + lam - 1) * penalty).max(1) for lam in lams}


def ray(slopes: Sequence[float], bandwidth: float) -> list[Snapshot]:
    """Codes N(±w, s²) with s² = 1 − 1.5 log w / w², for slopes w ≥ 1: both are nearly optimal.

    The codes are almost the true posterior, N(±w, 1) but for a factor. That s is a little less than
    1 keeps them from where the decoder errs: E e^{−2xu} = e^{−2w²(1 − s²)} = w⁻³.
    """
    found = []
    for step, w in enumerate(slopes):
        slope = torch.tensor(w, dtype=DOUBLE)
        spread = (1 - 1.5 * slope.log() / slope**2).sqrt()
        state = State(slope * X, spread.expand(2), slope, torch.zeros((), dtype=DOUBLE))
        found.append(measure(step, state, bandwidth))
    return found


def sign_decoder(sharpness: Sequence[float]) -> np.ndarray:
    """The most of the bound, and the least gap, with p(x|z) = N(sign z, e^{−2r}): (n, 2) in nats.

    An encoder whose mean is t spreads from zero has at least ½ log(1 + t²) nats of KL and errs, at
    a price of 2 e^{2r} each time, with probability Φ(−t). Bound and gap add up to log p(x).

    Args:
        sharpness: r > 0 (n,).
    """
    found = []
    for r in sharpness:

        def cost(t: float, r: float = r) -> float:
            return 0.5 * math.log1p(t**2) + 2 * math.exp(2 * r + float(log_ndtr(-t)))

        # It falls and then rises, since φ(t)(1 + t²)/t only falls; at the upper end it rises.
        best = minimize_scalar(cost, bounds=(0, 2 * math.sqrt(r) + 4), method="bounded")
        other_sign = math.log1p(math.exp(-2 * math.exp(2 * r)))
        found.append((r - HALF_LOG_2PI - best.fun, best.fun - math.log(2) + other_sign))
    return np.array(found)
