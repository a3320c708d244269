"""Population values against independent formulas, quadrature, and the package's estimators."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import norm

from infovae_core import closed_forms, divergences
from tests import oracles


@pytest.mark.parametrize("d", [1, 5, 20, 80])
@pytest.mark.parametrize("sigma", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("scale", [0.2, 0.9, 1.3, 20.0])
def test_mmd_and_escape(scale, sigma, d):
    squared = oracles.mmd_gaussian(np.zeros(d), scale, sigma)
    assert closed_forms.mmd(scale, d, sigma) ** 2 == pytest.approx(squared, rel=1e-6)
    assert closed_forms.escape(d, sigma) ** 2 == pytest.approx(oracles.escape(d, sigma), rel=1e-12)
    assert closed_forms.mmd(1e9, d, sigma) == pytest.approx(closed_forms.escape(d, sigma))
    assert closed_forms.mmd(1.0, d, sigma) < 1e-7 * closed_forms.escape(d, sigma)


@pytest.mark.parametrize(("d", "sigma"), [(1, 1.0), (3, 1.0), (10, math.sqrt(10)), (10, 1.0)])
def test_the_noise_of_a_match_is_that_of_the_estimator(d, sigma):
    n, batches = 16, 20_000
    draw = torch.Generator().manual_seed(d)
    q, p = torch.randn(2, batches, n, d, generator=draw, dtype=torch.float64)
    values = divergences.mmd(q, p, bandwidth=sigma)
    # The kurtosis of the values says how well their variance is known.
    error = ((values.square() - values.var()).std() / math.sqrt(batches)).item()
    expected = closed_forms.mmd_noise(d, sigma, n) ** 4
    assert values.var().item() == pytest.approx(expected, abs=4 * error)
    assert error < 0.1 * expected


def on_a_grid(shift: float, scale: float, eps: float) -> float:
    """The divergence on the line by Sinkhorn's iterations between densities on a grid."""
    z = np.linspace(-9, 9, 241)

    def transport(a, b):
        cost = (z[:, None] - z) ** 2 / 2
        f = g = np.zeros_like(z)
        for _ in range(20_000):
            new_f = -eps * logsumexp((g - cost) / eps + np.log(b), axis=1)
            g = -eps * logsumexp((new_f[:, None] - cost) / eps + np.log(a)[:, None], axis=0)
            if np.abs(new_f - f).max() < 1e-11:
                break
            f = new_f
        return a @ new_f + b @ g

    q, p = norm.pdf(z, shift, scale) + 1e-300, norm.pdf(z)
    q, p = q / q.sum(), p / p.sum()
    return transport(q, p) - transport(q, q) / 2 - transport(p, p) / 2


@pytest.mark.parametrize("eps", [0.1, 1.0, 30.0])
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 0.5), (1.5, 0.7), (0.8, 1.4)])
def test_sinkhorn_is_what_the_iterations_converge_to(shift, scale, eps):
    expected = on_a_grid(shift, scale, eps)
    assert closed_forms.sinkhorn(shift, scale, 1, eps) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("shift", "scale", "d"), [(0, 0.0, 3), (1, 0.5, 20), (2, 1.5, 80)])
def test_sinkhorn_has_its_two_limits_and_adds_up_over_coordinates(shift, scale, d):
    near, far = closed_forms.half_w2(shift, scale, d), shift**2 / 2
    mean = np.zeros(d)
    mean[0] = shift
    assert near == pytest.approx(oracles.half_w2_gaussian(mean, scale))
    assert closed_forms.sinkhorn(shift, scale, d, 1e-9) == pytest.approx(near, rel=1e-6)
    assert closed_forms.sinkhorn(shift, scale, d, 1e7) == pytest.approx(far, abs=1e-4)
    one = closed_forms.sinkhorn(0, scale, 1, 0.3)
    assert closed_forms.sinkhorn(shift, scale, d, 0.3) == pytest.approx(d * one + far)
    with pytest.raises(ValueError, match="ε must be positive"):
        closed_forms.sinkhorn(shift, scale, d, 0.0)


def kl_of_variance(t):
    return (t - 1 - math.log(t)) / 2


def line(alpha, lam, noise, penalty=kl_of_variance):
    """The practical objective on the Gaussian line from its parts; arguments w, a, log v."""

    def value(parameters):
        w, a, log_v = parameters
        v = math.exp(log_v)
        t = a**2 + v
        reconstruction = ((1 - w * a) ** 2 + w**2 * v) / (2 * noise)
        kl = (a**2 + v - 1 - log_v) / 2
        return reconstruction + (1 - alpha) * kl + (alpha + lam - 1) * penalty(t)

    return value


@pytest.mark.parametrize(
    ("alpha", "lam"), [(0.0, 1.0), (0.5, 10.0), (-1.5, 2.5), (-1.0, 30.0), (0.9, 0.1), (-4.0, 5.0)]
)
def test_alpha_decides_the_information_and_lambda_the_price_of_a_size(alpha, lam):
    noise = 0.25
    value = line(alpha, lam, noise)
    found = minimize(value, (0.9, 0.8, -1.0), tol=1e-12, options={"maxiter": 10_000})
    _, a, log_v = found.x
    variance = a**2 + math.exp(log_v)
    share = closed_forms.noise_share(alpha, noise)
    assert variance == pytest.approx(1, abs=1e-3)
    assert math.exp(log_v) / variance == pytest.approx(share, abs=2e-3)
    # At another size of the codes, all else being best, the objective is higher by the price.
    if share < 1:
        for t in (0.5, 2.25):
            a, v = math.sqrt(t * (1 - share)), t * share
            higher = value((a / t, a, math.log(v))) - found.fun
            assert higher == pytest.approx(closed_forms.size_cost(t, lam), abs=1e-5)


@pytest.mark.parametrize(("alpha", "lam"), [(0.0, 2.0), (0.5, 10.0), (0.8, 100.0)])
def test_alpha_decides_the_information_with_mmd_too(alpha, lam):
    noise = 0.25
    value = line(alpha, lam, noise, lambda t: oracles.mmd_gaussian(np.zeros(1), math.sqrt(t), 1.0))
    found = minimize(value, (0.9, 0.8, -1.0), tol=1e-12, options={"maxiter": 10_000})
    _, a, log_v = found.x
    variance = a**2 + math.exp(log_v)
    assert variance == pytest.approx(1, abs=1e-3)
    share = closed_forms.noise_share(alpha, noise)
    assert math.exp(log_v) / variance == pytest.approx(share, abs=2e-3)
    # Another size costs what `mmd_size_cost` says.
    for t in (0.5, 2.25):
        a, v = math.sqrt(t * (1 - share)), t * share
        higher = value((a / t, a, math.log(v))) - found.fun
        expected = closed_forms.mmd_size_cost(t, alpha, lam, 1, 1.0)
        assert higher == pytest.approx(expected, abs=1e-4)


def test_from_alpha_one_on_nothing_limits_the_information():
    assert closed_forms.noise_share(1.0, 0.25) == closed_forms.noise_share(2.0, 0.25) == 0
    falls = [line(1.5, 10, 0.25)((a, a, math.log(1 - a**2))) for a in (0.9, 0.999, 1 - 1e-9)]
    assert falls[0] > falls[1] > falls[2]


@pytest.mark.parametrize("d", [1, 5, 20])
@pytest.mark.parametrize(("alpha", "lam"), [(0.5, 1000.0), (1.0, 1000.0), (2.0, 500.0), (0.0, 1.0)])
@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5])
def test_the_price_of_a_size_with_mmd_is_its_two_terms(scale, alpha, lam, d):
    """The KL divergence by quadrature on the line, MMD² from the oracles."""
    log_q, log_p = oracles.log_normal(0.0, scale), oracles.log_normal()
    kl = oracles.line(lambda z: math.exp(log_q(z)) * (log_q(z) - log_p(z)))
    mmd2 = oracles.mmd_gaussian(np.zeros(d), scale, 1.0)
    expected = (1 - alpha) * d * kl + (alpha + lam - 1) * mmd2
    found = closed_forms.mmd_size_cost(scale**2, alpha, lam, d, 1.0)
    assert found == pytest.approx(expected, rel=1e-7, abs=1e-9)
    # With D the KL divergence the two add up, to λ times it.
    assert d * closed_forms.size_cost(scale**2, lam) == pytest.approx(d * lam * kl, abs=1e-6)


@pytest.mark.parametrize("d", [10, 20])
def test_at_the_thesiss_weights_larger_codes_cost_next_to_nothing_with_mmd(d):
    limit = 1000 * closed_forms.escape(d, 1.0) ** 2
    prices = [closed_forms.mmd_size_cost(s**2, 1.0, 1000.0, d, 1.0) for s in (1.5, 2, 100)]
    assert 0 < prices[0] < prices[1] < prices[2]
    assert prices[2] == pytest.approx(limit, rel=1e-9)
    assert d * closed_forms.size_cost(2.25, 1000.0) > 500 * limit
    assert closed_forms.mmd_size_cost(0.25, 1.0, 1000.0, d, 1.0) > 10 * limit


def test_a_close_pair_is_all_that_codes_far_apart_read_of_each_other():
    n, d = 32, 20
    z = 1e3 * torch.randn(n, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z[1] = z[0] + 3 / math.sqrt(d)
    read = divergences.mmd(z, z, prior="exact").item() - closed_forms.escape(d, 1.0) ** 2
    assert read == pytest.approx(closed_forms.close_pair(3.0, 1.0, n), rel=1e-6)
