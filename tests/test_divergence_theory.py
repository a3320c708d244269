"""The propositions of the chapters on divergences, alternatives and rulers, each by numbers.

What the estimators are is tested in `test_divergences.py` and `test_critics.py`; here it is what
follows from them.
"""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss
from scipy.optimize import linear_sum_assignment
from scipy.special import gammaln, ive
from torch import Tensor

from infovae_core import divergences, metrics, objectives
from infovae_core.models import VAE, Architecture, Output
from infovae_core.objectives import Objective
from tests import oracles


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def off_by(values: Tensor, expected: float) -> float:
    """Distance of a sample's mean from what is expected, in standard errors."""
    return float((values.mean() - expected) / values.std() * math.sqrt(len(values)))


def variance_off_by(values: Tensor, expected: float) -> float:
    """The same of a sample's variance."""
    return off_by((values - values.mean()).square(), expected)


def directions(*shape: int, seed: int) -> Tensor:
    return torch.nn.functional.normalize(normal(*shape, seed=seed), dim=-1)


# MMD --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [2, 5, 20])
@pytest.mark.parametrize("law", ["gaussian", "sphere", "line"])
def test_codes_of_any_shape_escape_to_the_same_reading(law: str, d: int) -> None:
    z = {
        "gaussian": normal(300, d, seed=1),
        "sphere": directions(300, d, seed=1),
        "line": normal(300, 1, seed=1) * torch.ones(d, dtype=torch.float64),
    }[law]
    limit = oracles.escape(d, 1.0)
    assert math.sqrt(limit) == pytest.approx(3 ** (-d / 4), rel=1e-12)
    draws = normal(300, d, seed=2)
    values = [float(divergences.mmd(t * z, draws, prior="exact")) for t in (1, 1e2, 1e6)]
    gaps = [abs(value / limit - 1) for value in values]
    assert gaps[0] > 0.02
    assert gaps[2] < 1e-2 if law == "line" else gaps[2] < 1e-9


@pytest.mark.parametrize("d", [1, 2, 20])
def test_gaussian_codes_near_the_reading_of_escape_at_its_rate(d: int) -> None:
    limit = oracles.escape(d, 1.0)
    gaps = [oracles.mmd_gaussian(np.zeros(d), s, 1.0) - limit for s in (2.0, 4.0)]
    for s, gap in zip((2.0, 4.0), gaps, strict=True):
        assert 0 < abs(gap) < 3 * (1 + s**2) ** (-d / 2)
    assert abs(gaps[1]) < abs(gaps[0])


@pytest.mark.parametrize("d", [1, 2, 5, 10, 20, 40, 60, 80])
def test_a_bandwidth_of_root_d_keeps_the_reading_of_escape(d: int) -> None:
    """e⁻¹ < (1 + 2/d)^(−d/2) < e^(−1 + 1/d)."""
    assert math.exp(-1) < oracles.escape(d, math.sqrt(d)) < math.exp(-1 + 1 / d)
    assert oracles.escape(d + 1, math.sqrt(d + 1)) < oracles.escape(d, math.sqrt(d))


def test_a_median_bandwidth_follows_codes_that_escape() -> None:
    z, p = normal(200, 20, seed=3), normal(200, 20, seed=4)
    readings = [float(divergences.mmd(t * z, p, bandwidth="median")) for t in (1e2, 1e4, 1e6)]
    assert min(readings) > 0.1
    assert readings[1] == pytest.approx(readings[2], rel=1e-3)


@pytest.mark.parametrize(("d", "sigma"), [(3, 1.0), (3, 2.0)])
def test_mmd_compares_characteristic_functions_at_gaussian_frequencies(
    d: int, sigma: float
) -> None:
    """MMD² = E |φ_q(ω) − φ_p(ω)|² over ω ~ N(0, I/σ²), here for q = N(m, s² I)."""
    mean, s = np.array([0.8, -0.4, 0.2]), 0.6
    omega = normal(400_000, d, seed=42) / sigma
    square = omega.square().sum(1)
    modulus, phase = torch.exp(-(s**2) * square / 2), omega @ torch.from_numpy(mean)
    real = modulus * phase.cos() - torch.exp(-square / 2)
    values = real.square() + (modulus * phase.sin()).square()
    assert off_by(values, oracles.mmd_gaussian(mean, s, sigma)) == pytest.approx(0, abs=4)
    assert off_by(values, 0) > 100


@pytest.mark.parametrize("name", ["mmd", "cramer"])
def test_the_v_statistic_is_the_u_statistic_and_its_diagonals(name: str) -> None:
    """Sample by sample, not only in the mean."""
    q, p = 2 * normal(50, 7, 3, seed=5) + 1, normal(50, 5, 3, seed=6)
    unbiased, biased = (
        divergences.REGISTRY[name](q, p, estimator=estimator)
        for estimator in ("unbiased", "biased")
    )

    def spread(x: Tensor) -> Tensor:
        """Mean of k(x, x) − k(x, x') over distinct pairs, k = −‖x − x'‖ for the energy distance."""
        r = torch.cdist(x, x)
        gap = 1 - torch.exp(-0.5 * r.square()) if name == "mmd" else r
        n = x.shape[-2]
        return gap.sum((-2, -1)) / (n * (n - 1))

    torch.testing.assert_close(
        biased, unbiased + spread(q) / 7 + spread(p) / 5, rtol=1e-9, atol=1e-12
    )


def degenerate(d: int, sigma: float) -> float:
    """ζ = E k̃² of the Gaussian kernel centred under N(0, I), from three Gaussian integrals."""
    s = 1 / sigma**2
    return float(
        (1 + 4 * s) ** (-d / 2) - 2 * ((1 + s) * (1 + 3 * s)) ** (-d / 2) + (1 + 2 * s) ** (-d)
    )


@pytest.mark.parametrize(("d", "sigma"), [(1, 0.7), (2, 1.0), (3, 2.0)])
def test_the_centred_kernels_second_moment_is_its_closed_form(d: int, sigma: float) -> None:
    """By quadrature on the line, coordinate by coordinate: each integral is a product."""
    x, w = hermegauss(80)
    w = w / w.sum()
    k = np.exp(-((x[:, None] - x[None]) ** 2) / (2 * sigma**2))
    g = k @ w
    expected = (w @ k**2 @ w) ** d - 2 * (w @ g**2) ** d + (w @ k @ w) ** (2 * d)
    assert degenerate(d, sigma) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("d", "sigma"), [(2, 1.0), (5, 1.0), (5, math.sqrt(5))])
@pytest.mark.parametrize(("n", "m"), [(8, 8), (10, 5)])
def test_variance_of_the_unbiased_mmd_at_equality(d: int, sigma: float, n: int, m: int) -> None:
    q, p = normal(20_000, n, d, seed=7), normal(20_000, m, d, seed=8)
    zeta = degenerate(d, sigma)
    values = divergences.mmd(q, p, bandwidth=sigma)
    expected = zeta * (2 / (n * (n - 1)) + 2 / (m * (m - 1)) + 4 / (n * m))
    assert off_by(values, 0) == pytest.approx(0, abs=4)
    assert variance_off_by(values, expected) == pytest.approx(0, abs=4)
    # With the prior's terms in closed form, one sum of three is left.
    exact = divergences.mmd(q, p, bandwidth=sigma, prior="exact")
    assert off_by(exact, 0) == pytest.approx(0, abs=4)
    assert variance_off_by(exact, 2 * zeta / (n * (n - 1))) == pytest.approx(0, abs=4)


def test_exact_prior_terms_leave_less_variance_away_from_equality_too() -> None:
    q = 0.7 * normal(5000, 10, 3, seed=9) + 0.5
    p = normal(5000, 10, 3, seed=10)
    sampled, exact = (divergences.mmd(q, p, prior=prior) for prior in ("sampled", "exact"))
    assert float(exact.var()) < 0.8 * float(sampled.var())


@pytest.mark.parametrize(("d", "sigma"), [(2, 1.0), (10, 1.0), (20, 1.0), (40, math.sqrt(40))])
def test_the_clipped_root_has_a_floor_below_its_bound(d: int, sigma: float) -> None:
    n = 64
    values = torch.cat(
        [
            divergences.mmd(
                normal(250, n, d, seed=s), normal(250, n, d, seed=100 + s), bandwidth=sigma
            )
            for s in range(4)
        ]
    )
    floor = values.clamp_min(0).sqrt()
    spread = math.sqrt(degenerate(d, sigma) * (4 / (n * (n - 1)) + 4 / n**2))
    assert off_by(floor, 0) > 10
    assert off_by(floor, math.sqrt(spread / 2)) < -4
    if sigma > 1:  # Many coordinates count alike: nearly a normal law, of which this is the root.
        normal_root = 2**-0.75 * math.gamma(0.75) / math.sqrt(math.pi)
        assert float(floor.mean()) == pytest.approx(normal_root * math.sqrt(spread), rel=0.06)


def test_with_sigma_1_noise_outgrows_escape_and_with_root_d_it_does_not() -> None:
    """Escape over the standard deviation at equality: falls like (5/9)^(d/4), or rises like √d."""

    def ratio(d: int, sigma: float) -> float:
        return oracles.escape(d, sigma) / math.sqrt(degenerate(d, sigma))

    for d in (40, 80):
        assert ratio(d, 1.0) == pytest.approx((5 / 9) ** (d / 4), rel=1e-2)
    for d in (400, 4000):
        assert ratio(d, math.sqrt(d)) == pytest.approx(math.sqrt(d), rel=2 / math.sqrt(d))


# Stein ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("z", [[0.0], [1.5], [0.3, -2.0]])
@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_the_stein_kernel_has_mean_zero_under_the_prior_at_every_code(
    z: list[float], sigma: float
) -> None:
    """By quadrature, not by sampling, of the kernel that automatic differentiation gives."""
    x, w = hermegauss(64)
    grid = np.stack(np.meshgrid(*[x] * len(z), indexing="ij"), -1).reshape(-1, len(z))
    weights = np.prod(np.stack(np.meshgrid(*[w / w.sum()] * len(z))), 0).reshape(-1)
    u = oracles.stein_kernel(sigma)
    values = torch.func.vmap(lambda y: u(torch.tensor(z, dtype=torch.float64), y))(
        torch.from_numpy(grid)
    ).numpy()
    assert weights @ values == pytest.approx(0, abs=1e-6)
    assert weights @ np.abs(values) > 0.1


def without_trace(q: Tensor, sigma: float) -> Tensor:
    """U-statistic of the Stein kernel's first three terms."""
    r2 = torch.cdist(q, q).square()
    kernel = torch.exp(-r2 / (2 * sigma**2))
    n = q.shape[-2]
    values = (q @ q.mT - r2 / sigma**2) * kernel
    return (values.sum((-2, -1)) - values.diagonal(dim1=-2, dim2=-1).sum(-1)) / (n * (n - 1))


def truncated(variance: float, d: int, sigma: float) -> float:
    """What it estimates, for codes N(0, variance · I)."""
    t = variance
    return -d * t * (2 - t) / (sigma**2 + 2 * t) * oracles.kernel_mean(2 * t, d, sigma)


@pytest.mark.parametrize("variance", [0.1, 1.0, 2.0, 3.0])
@pytest.mark.parametrize(("d", "sigma"), [(2, 1.0), (4, 1.5)])
def test_without_its_trace_stein_is_not_zero_on_the_prior(
    d: int, sigma: float, variance: float
) -> None:
    q = math.sqrt(variance) * normal(20_000, 8, d, seed=11)
    expected = truncated(variance, d, sigma)
    values = without_trace(q, sigma)
    assert off_by(values, expected) == pytest.approx(0, abs=4)
    # Negative at the prior, of either sign elsewhere; the whole is neither.
    assert (expected < 0) == (variance < 2)
    if variance == 1:
        assert expected == pytest.approx(-d / (sigma**2 + 2) * oracles.escape(d, sigma))
        assert off_by(values, 0) < -10
        whole = divergences.stein(q, q, bandwidth=sigma)
        assert off_by(whole, 0) == pytest.approx(0, abs=4)


@pytest.mark.parametrize(("d", "sigma"), [(1, 1.0), (2, 1.0), (20, 1.0), (20, math.sqrt(20))])
def test_without_its_trace_stein_prefers_codes_that_are_too_small(d: int, sigma: float) -> None:
    roots = np.roots([d - 2, -2 * (d + sigma**2), 2 * sigma**2]).real
    (best,) = [t for t in roots if 0 < t < 1]
    grid = np.linspace(0, 4, 40_001)
    values = [truncated(t, d, sigma) for t in grid]
    assert grid[int(np.argmin(values))] == pytest.approx(best, abs=2e-4)
    assert min(values) < truncated(1.0, d, sigma) < 0


def test_stein_of_codes_that_escape_grows_levels_or_vanishes_with_the_dimension() -> None:
    wide, wider = (
        [oracles.stein_gaussian(np.zeros(d), s, 1.0) for d in (1, 2, 3, 20)] for s in (1e3, 1e5)
    )
    assert wider[0] > 50 * wide[0]
    assert wide[1] == pytest.approx(0.5, rel=1e-4)
    assert wider[1] == pytest.approx(0.5, rel=1e-4)
    assert wider[2] < wide[2] / 50 < 1e-3
    assert wider[3] == pytest.approx(0, abs=1e-50)
    # So does the estimate, and its slope.
    q = (1e3 * normal(100, 20, seed=12)).requires_grad_()
    value = divergences.stein(q, q)
    assert value.item() == 0
    assert not torch.autograd.grad(value, q)[0].any()


# Energy distance --------------------------------------------------------------------------------


def test_the_energy_distance_is_an_mmd_with_the_distance_induced_kernel() -> None:
    q, p = 2 * normal(9, 3, seed=13) + 1, normal(7, 3, seed=14)

    def k(a: Tensor, b: Tensor) -> Tensor:
        return a.norm(dim=1)[:, None] + b.norm(dim=1)[None] - torch.cdist(a, b)

    expected = k(q, q).mean() - 2 * k(q, p).mean() + k(p, p).mean()
    torch.testing.assert_close(divergences.cramer(q, p, estimator="biased"), expected)
    # A kernel: its matrix has no negative eigenvalue.
    assert float(torch.linalg.eigvalsh(k(q, q)).min()) > -1e-10


@pytest.mark.parametrize("d", [1, 5, 40])
def test_the_energy_distance_grows_with_the_distance_of_escape(d: int) -> None:
    slope = 2 * oracles.mean_norm(1, d) - oracles.mean_norm(2, d)
    assert slope > 0.3
    for s in (1e3, 1e5):
        assert oracles.cramer_gaussian(np.zeros(d), s) / s == pytest.approx(
            slope, rel=2 / math.sqrt(s)
        )
    z, p = normal(400, 60, d, seed=15), normal(400, 60, d, seed=16)
    assert off_by(divergences.cramer(1e5 * z, p) / 1e5, slope) == pytest.approx(0, abs=4)


def test_the_energy_distance_pulls_alike_from_near_and_far() -> None:
    z, p = normal(30, 4, seed=17), normal(30, 4, seed=18)
    pulls = []
    for distance in (1e4, 1e8):
        q = (distance * z).requires_grad_()
        divergences.cramer(q, p).backward()
        assert q.grad is not None
        pulls.append(q.grad)
    torch.testing.assert_close(pulls[0], pulls[1], rtol=0, atol=1e-4)
    assert float(pulls[1].norm(dim=1).max()) <= 4 / 30
    assert float(pulls[1].norm(dim=1).median()) > 0.5 / 30


# Sinkhorn ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("eps", [3.0, 1.0, 0.2])
def test_sharp_sinkhorn_is_within_its_bounds_of_half_w2(eps: float) -> None:
    """By iterating to the fixed point; the package's solver is compared with it elsewhere."""
    n = 6
    q, p = (0.5 * normal(n, 2, seed=19) + 1).numpy(), normal(n, 2, seed=20).numpy()
    sharp = oracles.half_w2(q, p)
    assert sharp <= oracles.entropic(q, p, eps) <= sharp + eps * math.log(n)
    assert 0 <= oracles.entropic(q, q, eps) <= eps * math.log(n)
    gap = oracles.sinkhorn(q, p, blur=math.sqrt(eps)) - sharp
    assert -eps * math.log(n) <= gap <= eps * math.log(n)
    assert gap != 0


def test_wide_sinkhorn_is_half_the_squared_distance_of_means() -> None:
    q, p = 3 * normal(12, 4, seed=21) + 1, normal(10, 4, seed=22)
    means = 0.5 * float((q.mean(0) - p.mean(0)).square().sum())
    gaps = [abs(float(divergences.sinkhorn(q, p, blur=blur)) - means) for blur in (10, 100, 1000)]
    assert gaps[2] < 1e-3 * means
    assert gaps[0] > 50 * gaps[1] > 2500 * gaps[2] > 0
    # Of codes with the right mean nothing else is seen.
    centred = q - q.mean(0) + p.mean(0)
    assert float(divergences.sinkhorn(centred, p, blur=1000)) < 1e-3
    assert float(divergences.sinkhorn(centred, p, blur=0.1)) > 1


def test_without_debiasing_collapse_is_preferred_to_the_draws_themselves() -> None:
    p = normal(12, 2, seed=23).numpy()
    collapsed = np.broadcast_to(p.mean(0), p.shape)
    wide = 1e4
    assert oracles.entropic(collapsed, p, wide) < 0.6 * oracles.entropic(p, p, wide)
    assert oracles.sinkhorn(p, p, blur=100.0) == pytest.approx(0, abs=1e-9)
    assert oracles.sinkhorn(collapsed, p, blur=1.0) > 0.05


def test_the_transport_between_samples_is_least_at_too_small_a_scale() -> None:
    """The best scale is 1 − w/d, w the mean of ½ W₂² between two samples of the prior."""
    n, d, repeats = 64, 10, 12
    z, y = normal(repeats, n, d, seed=24), normal(repeats, n, d, seed=25)
    w = np.mean([oracles.half_w2(a.numpy(), b.numpy()) for a, b in zip(z, y, strict=True)])
    scales = torch.arange(0.3, 1.2, 0.05, dtype=torch.float64)
    sharp = [
        np.mean(
            [oracles.half_w2(float(s) * a.numpy(), b.numpy()) for a, b in zip(z, y, strict=True)]
        )
        for s in scales
    ]
    best = 1 - w / d
    assert best < 0.7
    assert float(scales[int(np.argmin(sharp))]) == pytest.approx(best, abs=0.04)
    # The package's penalty, at its default blur, is close to this limit.
    values = torch.stack([divergences.sinkhorn(s * z, y).mean() for s in scales])
    assert float(scales[int(values.argmin())]) == pytest.approx(best, abs=0.06)
    assert float(values.min()) < 0.9 * float(divergences.sinkhorn(z, y).mean())


def test_a_moderate_blur_asks_for_larger_codes_and_a_wide_one_for_none() -> None:
    """Between them the bias is least; at the far end only sample means are compared."""
    z, y = normal(8, 32, 10, seed=24), normal(8, 32, 10, seed=25)
    scales = torch.arange(0.0, 1.2, 0.1, dtype=torch.float64)
    best = []
    for blur in (0.1, 2.0, 100.0):
        values = [divergences.sinkhorn(s * z, y, blur=blur).mean() for s in scales]
        best.append(float(scales[int(torch.stack(values).argmin())]))
    assert best[1] > best[0] + 0.05
    assert best[2] < best[0] - 0.05


def test_the_best_assignment_does_not_depend_on_the_scale() -> None:
    z, y = normal(20, 3, seed=26).numpy(), normal(20, 3, seed=27).numpy()
    plans = [
        linear_sum_assignment(((s * z[:, None] - y[None]) ** 2).sum(-1))[1] for s in (0.1, 1.0, 9.0)
    ]
    assert (plans[0] == plans[1]).all()
    assert (plans[1] == plans[2]).all()


# Critics ----------------------------------------------------------------------------------------

LOG_Q, LOG_P = oracles.log_normal(0.6, 0.8), oracles.log_normal()
CRITICS = {
    "none": lambda z: 0.0,
    "linear": lambda z: 0.7 * z - 0.2,
    "wrong": lambda z: math.sin(3 * z) - 1,
}


@pytest.mark.parametrize("critic", CRITICS)
def test_what_a_chi2_critic_misses_is_its_mean_square_error(critic: str) -> None:
    t = CRITICS[critic]
    bound = oracles.line(
        lambda z: math.exp(LOG_Q(z)) * t(z) - math.exp(LOG_P(z)) * (t(z) + t(z) ** 2 / 4)
    )
    missed = oracles.line(
        lambda z: math.exp(LOG_P(z)) * (t(z) / 2 - math.expm1(LOG_Q(z) - LOG_P(z))) ** 2
    )
    assert bound + missed == pytest.approx(oracles.chi2(LOG_Q, LOG_P), rel=1e-7)
    assert missed > 0.05


@pytest.mark.parametrize("critic", CRITICS)
def test_what_a_discriminator_misses_is_the_kl_of_its_decisions(critic: str) -> None:
    t = CRITICS[critic]

    def log_s(u: float) -> float:
        return -math.log1p(math.exp(-u))

    bound = math.log(2) + 0.5 * oracles.line(
        lambda z: math.exp(LOG_P(z)) * log_s(t(z)) + math.exp(LOG_Q(z)) * log_s(-t(z))
    )

    def missed(z: float) -> float:
        best = LOG_P(z) - LOG_Q(z)
        right = 1 / (1 + math.exp(-best))
        kl = right * (log_s(best) - log_s(t(z))) + (1 - right) * (log_s(-best) - log_s(-t(z)))
        return 0.5 * (math.exp(LOG_P(z)) + math.exp(LOG_Q(z))) * kl

    assert bound + oracles.line(missed) == pytest.approx(oracles.js(LOG_Q, LOG_P), rel=1e-7)
    assert oracles.line(missed) > 0.01


# InfoNCE ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_info_nce_with_one_view_is_a_uniformity_loss(temperature: float) -> None:
    z = normal(24, 5, seed=28)
    u = torch.nn.functional.normalize(z, dim=1)
    potential = torch.exp(-torch.cdist(u, u).square() / (2 * temperature)).fill_diagonal_(0)
    found = objectives.info_nce(z, temperature)
    torch.testing.assert_close(found, torch.log1p(potential.sum(1)).mean())
    # The uniformity loss of Wang and Isola takes the logarithm after the mean: Jensen.
    outside = math.log1p(float(potential.sum()) / 24)
    assert outside - 0.5 < found.item() < outside
    # Which code is which image's is of no consequence.
    mixed = z[torch.randperm(24, generator=torch.Generator().manual_seed(0))]
    torch.testing.assert_close(objectives.info_nce(mixed, temperature), found)


def simplex(n: int) -> Tensor:
    """n unit vectors with equal inner products −1/(n − 1), in n dimensions."""
    return torch.nn.functional.normalize(torch.eye(n).double() - 1 / n, dim=1)


@pytest.mark.parametrize("n", [2, 5, 40])
def test_info_nce_is_least_on_a_simplex_and_greatest_at_a_point(n: int) -> None:
    least = math.log1p((n - 1) * math.exp(-n / (n - 1) / 0.1))
    assert objectives.info_nce(simplex(n), 0.1).item() == pytest.approx(least, abs=1e-9)
    assert objectives.info_nce(torch.ones(n, 3).double(), 0.1).item() == pytest.approx(math.log(n))
    for seed in range(20):
        for d in (2, 8, 80):
            assert least - 1e-9 <= objectives.info_nce(normal(n, d, seed=seed)).item() < math.log(n)
    # Nearby there is nothing lower, and it does not move from there.
    z = simplex(n).requires_grad_()
    objectives.info_nce(z, 0.5).backward()
    assert z.grad is not None
    assert float(z.grad.abs().max()) < 1e-12
    lowest = float(objectives.info_nce(simplex(n), 0.5))
    for seed in range(5):
        moved = simplex(n) + 0.01 * normal(n, n, seed=seed)
        if n > 2:
            assert objectives.info_nce(moved, 0.5).item() > lowest


def test_info_nce_of_directions_without_information_is_low_too() -> None:
    """Uniform on the sphere, E exp(u·v/τ) = Γ(ν + 1) (2τ)^ν I_ν(1/τ), ν = d/2 − 1."""
    n, d, tau = 400, 10, 0.5
    nu = d / 2 - 1
    potential = math.exp(gammaln(nu + 1) + nu * math.log(2 * tau)) * ive(nu, 1 / tau)
    found = objectives.info_nce(normal(n, d, seed=29), tau).item()
    assert found == pytest.approx(math.log1p((n - 1) * potential), abs=0.01)
    assert found < 0.8 * math.log(n)


def test_info_nce_moves_no_code_along_its_length() -> None:
    z = (normal(16, 4, seed=30) * torch.logspace(-2, 1, 16)[:, None]).double().requires_grad_()
    value = objectives.info_nce(z)
    value.backward()
    assert z.grad is not None
    assert float((z.grad * z.detach()).sum(1).abs().max()) < 1e-12
    assert (z.grad.norm(dim=1) > 0).all()
    torch.testing.assert_close(objectives.info_nce(1e3 * z), value)
    # A step against the gradient can therefore only lengthen the codes.
    assert ((z - z.grad).norm(dim=1) > z.norm(dim=1)).all()


# Free bits and batch normalization --------------------------------------------------------------


def test_free_bits_of_the_batch_mean_are_at_most_those_of_each_image() -> None:
    kl = objectives.kl_per_dimension(normal(50, 6, seed=31), normal(50, 6, seed=32) - 0.5)
    floor = 0.6
    of_mean, of_each = kl.mean(0).clamp_min(floor), kl.clamp_min(floor).mean(0)
    assert (of_mean <= of_each).all()
    assert (of_mean < of_each - 0.01).any()
    assert (of_mean >= kl.mean(0)).all()


def test_free_bits_do_not_ask_what_the_nats_are_spent_on() -> None:
    """A shift that is the same for all images says nothing of them, and fills the floor as well."""
    floor, x = 0.1, torch.zeros(8, 1, 28, 28).double()
    losses = []
    for mu in (torch.zeros(8, 4), torch.full((8, 4), math.sqrt(2 * floor))):
        output = Output(x, mu.double(), torch.zeros(8, 4).double(), mu.double())
        losses.append(Objective(alpha=0, lam=1, free_bits=floor)(x, output, mu).kl.item())
    assert losses == pytest.approx([4 * floor, 4 * floor])
    for seed in range(5):
        kl = objectives.kl_per_dimension(normal(8, 6, seed=seed), normal(8, 6, seed=9 + seed))
        total, clamped = float(kl.mean(0).sum()), float(kl.mean(0).clamp_min(0.6).sum())
        assert max(total, 6 * 0.6) <= clamped <= total + 6 * 0.6


@pytest.mark.parametrize(("free_bits", "pulls"), [(0.0, True), (0.1, False)])
def test_free_bits_neither_empty_nor_fill_a_dimension_that_the_decoder_ignores(
    free_bits: float, pulls: bool
) -> None:
    """Below its floor a dimension feels reconstruction alone, and here not even that."""
    model = VAE(Architecture(3), torch.Generator().manual_seed(33)).double()
    with torch.no_grad():
        model.decoder.linear.weight.zero_()
        model.encoder.heads.weight.mul_(0.1)
    x = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(34)).round().double()
    eps = normal(8, 3, seed=35)
    terms = Objective(alpha=0, lam=1, free_bits=free_bits)(x, model(x, eps), eps)
    kl = Objective(alpha=0, lam=1)(x, model(x, eps), eps).kl.item()
    assert 0 < kl < 0.1
    assert terms.kl.item() == pytest.approx(3 * free_bits if free_bits else kl)
    terms.loss.backward()
    gradient = model.encoder.heads.weight.grad
    assert gradient is not None
    assert bool(gradient.any()) is pulls


@pytest.mark.parametrize("shared", [True, False])
def test_a_shared_layer_moves_what_free_bits_leave_alone(shared: bool) -> None:
    """A step on the others' behalf changes the KL of one that has no gradient of its own."""
    model = VAE(Architecture(3), torch.Generator().manual_seed(33)).double()
    with torch.no_grad():
        model.decoder.linear.weight[:, 0] = 0
        model.encoder.heads.weight.mul_(0.1)
    x = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(34)).round().double()
    eps = normal(8, 3, seed=35)

    def of_first() -> float:
        mu, logvar = model.encoder(x)
        return objectives.kl_per_dimension(mu, logvar).mean(0)[0].item()

    before = of_first()
    assert 0 < before < 0.1
    Objective(alpha=0, lam=1, free_bits=0.1)(x, model(x, eps), eps).loss.backward()
    gradient = model.encoder.heads.weight.grad
    assert gradient is not None
    own, others = gradient[[0, 3]], gradient[[1, 2, 4, 5]]  # Three means, three log-variances.
    assert not own.any() and bool(others.any())
    if shared:
        trained = list(model.encoder.parameters())
        assert any(
            bool(p.grad.any()) for p in model.encoder.conv1.parameters() if p.grad is not None
        )
    else:
        trained = list(model.encoder.heads.parameters())
    with torch.no_grad():
        for parameter in trained:
            assert parameter.grad is not None
            parameter -= 1e-3 * parameter.grad
    assert (abs(of_first() - before) > 1e-5 * before) is shared


def with_moments(mean: float, std: float, n: int = 64, d: int = 3) -> Tensor:
    """Means of q(z|x) whose batch mean and deviation are exactly these."""
    raw = normal(n, d, seed=36)
    raw = (raw - raw.mean(0)) / raw.std(0, correction=0)
    return mean + std * raw


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 0.5), (0.3, 1.0)])
@pytest.mark.parametrize(
    ("deviation", "kept"), [(1.0, 0.99999), (1e-2, 0.909), (1e-3, 0.0909), (0.0, 0.0)]
)
def test_normalized_means_have_a_floor_of_their_kl(
    shift: float, scale: float, deviation: float, kept: float
) -> None:
    layer = torch.nn.BatchNorm1d(3).double()
    assert layer.eps == 1e-5
    with torch.no_grad():
        layer.weight.fill_(scale)
        layer.bias.fill_(shift)
        mu = layer(with_moments(-2.0, deviation))
    share = deviation**2 / (deviation**2 + layer.eps)
    assert share == pytest.approx(kept, rel=1e-3)
    torch.testing.assert_close(mu.mean(0), torch.full((3,), shift, dtype=torch.float64))
    torch.testing.assert_close(
        mu.var(0, correction=0),
        torch.full((3,), share * scale**2, dtype=torch.float64),
        atol=1e-12,
        rtol=1e-9,
    )
    floor = 0.5 * (share * scale**2 + shift**2)
    attained = objectives.kl_per_dimension(mu, torch.zeros_like(mu)).mean(0)
    torch.testing.assert_close(
        attained, torch.full((3,), floor, dtype=torch.float64), atol=1e-12, rtol=1e-9
    )
    for seed in range(5):
        logvar = normal(64, 3, seed=seed)
        assert (objectives.kl_per_dimension(mu, logvar).mean(0) > floor).all()


def test_normalized_features_have_none() -> None:
    model = VAE(Architecture(3, batch_norm=True), torch.Generator().manual_seed(37)).double()
    with torch.no_grad():
        model.encoder.heads.weight.zero_()
        model.encoder.heads.bias.zero_()
    x = torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(38)).double()
    output: Output = model(x, normal(16, 3, seed=39))
    assert not objectives.kl_per_dimension(output.mu, output.logvar).any()
    assert model.encoder.norm(torch.rand(16, 3136).double()).std() > 0.5


def test_a_discriminator_and_its_code_turn_around_each_other() -> None:
    """By autograd on the definition: steps at a right angle, which lengthen what they turn."""
    for seed in range(5):
        at = normal(2, 1, seed=seed).flatten().requires_grad_()
        theta, psi = at
        zero = torch.zeros((), dtype=torch.float64)
        value = torch.nn.functional.logsigmoid(psi * zero) + torch.nn.functional.logsigmoid(
            -psi * theta
        )
        (slope,) = torch.autograd.grad(value, at)
        step = slope * torch.tensor([-1.0, 1.0])  # The code descends, the discriminator ascends.
        assert float(step @ at.detach()) == pytest.approx(0, abs=1e-14)
        kappa = torch.sigmoid(psi * theta).item()
        for eta in (0.01, 1.0, 10.0):
            longer = float((at.detach() + eta * step).square().sum() / at.detach().square().sum())
            assert longer == pytest.approx(1 + eta**2 * kappa**2, rel=1e-12)


# Rulers -----------------------------------------------------------------------------------------


def test_the_cross_entropy_of_grey_levels_has_their_entropy_as_its_floor() -> None:
    grey = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(40)).double()
    entropy = -(torch.xlogy(grey, grey) + torch.xlogy(1 - grey, 1 - grey)).flatten(1).sum(1)
    torch.testing.assert_close(objectives.bernoulli_nll(grey, grey.logit()), entropy)
    for seed in range(3):
        logits = grey.logit() + 0.3 * normal(4, 1, 28, 28, seed=seed)
        excess = objectives.bernoulli_nll(grey, logits) - entropy
        p = logits.sigmoid()
        kl = grey * (grey / p).log() + (1 - grey) * ((1 - grey) / (1 - p)).log()
        torch.testing.assert_close(excess, kl.flatten(1).sum(1))
        assert (excess > 1).all()
    assert (entropy > 300).all()
    # Of binary pixels there is no floor but zero.
    binary = grey.round()
    assert float(objectives.bernoulli_nll(binary, 60 * (2 * binary - 1)).max()) < 1e-20


def auc(score: Any, p: Any, q: Any) -> float:
    """P(score of q > score of p) + ½ P(equal), exactly, of two laws on the same atoms."""
    above = np.sign(score[:, None] - score[None, :])
    return float(q @ ((above + 1) / 2) @ p)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), atoms=st.integers(2, 12))
def test_no_classifier_has_more_auc_than_total_variation_allows(seed: int, atoms: int) -> None:
    generator = np.random.default_rng(seed)
    p, q = generator.dirichlet(np.full(atoms, 0.5), 2)
    tv = 0.5 * np.abs(p - q).sum()
    for score in (q / (p + 1e-300), generator.normal(size=atoms)):
        assert auc(score, p, q) <= 0.5 + tv - tv**2 / 2 + 1e-12


@pytest.mark.parametrize("shift", [0, 3, 10])
def test_the_bound_on_auc_is_attained(shift: int) -> None:
    p, q = np.zeros(20), np.zeros(20)
    p[:10], q[shift : shift + 10] = 0.1, 0.1
    tv = shift / 10
    # One score for all atoms that both laws share alike.
    score = np.sign(q - p)
    assert auc(score, p, q) == pytest.approx(0.5 + tv - tv**2 / 2)


def test_the_norm_ratio_is_nearly_one_under_the_prior() -> None:
    for d in (2, 5, 10, 20, 40, 60, 80):
        expected = oracles.mean_norm(1, d) / math.sqrt(d)
        assert math.sqrt(1 - 1 / (2 * d)) < expected < 1
        z = normal(4000, d, seed=41)
        ratio = metrics.code_statistics(z, z, z[:, 0])["norm_ratio"]
        assert ratio == pytest.approx(expected, abs=4 / math.sqrt(4000 * d))
