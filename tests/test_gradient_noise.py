"""The noise of a penalty's gradient at q = p: closed forms against simulation and quadrature."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import chi2

from infovae_core import divergences, gradient_noise
from infovae_core.names import UnknownName
from tests import oracles

CASES = [
    ("mmd", {}),
    ("mmd", {"bandwidth": "sqrt_d"}),
    ("mmd", {"bandwidth": "sqrt_d", "prior": "exact"}),
    ("imq", {}),
    ("imq", {"scale": 1.5}),
    ("cramer", {}),
    ("stein", {}),
    ("stein", {"bandwidth": "sqrt_d"}),
]


@pytest.mark.parametrize("d", [1, 3, 12])
@pytest.mark.parametrize(("divergence", "options"), CASES)
def test_the_noise_of_a_codes_gradient_is_its_closed_form(divergence, options, d):
    n, m, repeats = 24, 40, 150
    draw = torch.Generator().manual_seed(d)
    q = torch.randn(repeats, n, d, generator=draw, dtype=torch.float64).requires_grad_()
    p = torch.randn(repeats, m, d, generator=draw, dtype=torch.float64)
    value = divergences.REGISTRY[divergence](q, p, **options).sum()
    gradient = n * torch.autograd.grad(value, q)[0]
    squares = gradient.square().sum(-1).mean(-1)
    error = squares.std().item() / math.sqrt(repeats)
    expected = gradient_noise.noise(divergence, options, d, n, m) ** 2
    assert error < 0.2 * expected
    assert squares.mean().item() == pytest.approx(expected, abs=4 * error)
    # It is noise: its mean, over codes and minibatches, is zero.
    mean = gradient.mean((0, 1)).norm().item()
    assert mean < 4 * math.sqrt(expected * 2 / (repeats * n) * n)


@pytest.mark.parametrize(("d", "s", "t"), [(1, 0.5, 0.5), (2, 0.1, 0.7), (3, 2.0, 0.3)])
def test_the_two_expectations_by_quadrature(d, s, t):
    one = quad(lambda x: 2 * x * math.exp(-2 * s * x) * chi2.pdf(x, d), 0, math.inf)[0]
    assert gradient_noise.same(s, d) == pytest.approx(one, rel=1e-6)
    # One coordinate at a time: the first factor of each is E exp, the other E (z − y) exp.
    z, w = np.polynomial.hermite_e.hermegauss(120)
    w = w / w.sum()
    a, b = (np.exp(-r * (z[:, None] - z) ** 2) for r in (s, t))
    mass, pull = (
        w @ ((f @ w) * (g @ w)) for f, g in ((a, b), (a * (z[:, None] - z), b * (z[:, None] - z)))
    )
    assert gradient_noise.across(s, t, d) == pytest.approx(d * pull * mass ** (d - 1), rel=1e-6)


def test_unit_vectors_share_a_third_on_the_line_and_a_half_in_many_dimensions():
    assert gradient_noise.cramer(1) == pytest.approx(1 - 1 / 3)
    assert gradient_noise.cramer(10_000) == pytest.approx(1 / 2, rel=1e-3)
    values = [gradient_noise.cramer(d) for d in (1, 2, 5, 20, 80)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(("d", "sigma"), [(1, 1.0), (4, 0.7), (4, 2.0)])
def test_the_stein_kernels_gradient_is_the_one_of_automatic_differentiation(d, sigma):
    draw = torch.Generator().manual_seed(7)
    z, other = torch.randn(2, 40_000, d, generator=draw, dtype=torch.float64)
    slope = torch.func.vmap(torch.func.grad(oracles.stein_kernel(sigma)), chunk_size=10_000)
    squares = slope(z, other).square().sum(-1)
    error = squares.std().item() / 200
    assert squares.mean().item() == pytest.approx(gradient_noise.stein(d, sigma), abs=4 * error)


def test_exact_prior_terms_halve_the_variance_and_more_draws_do_no_more_than_that():
    sampled, exact = (
        gradient_noise.noise("mmd", {"prior": prior}, 5, 128) for prior in ("sampled", "exact")
    )
    assert sampled / exact == pytest.approx(math.sqrt(2), rel=0.01)
    assert gradient_noise.noise("mmd", {}, 5, 128, 10**9) == pytest.approx(exact, rel=1e-6)


def spread(divergence, size, d=5, n=128, repeats=20):
    """The root mean square deviation of a code's gradient from its mean, for codes of a size."""
    draw, squares = torch.Generator().manual_seed(6), []
    for _ in range(12):
        q = size * torch.randn(repeats, n, d, generator=draw, dtype=torch.float64)
        q[:, 0] = q[0, 0]  # One code among ever new others.
        p = torch.randn(repeats, n, d, generator=draw, dtype=torch.float64)
        value = divergences.REGISTRY[divergence](q.requires_grad_(), p).sum()
        gradient = n * torch.autograd.grad(value, q)[0][:, 0]
        squares.append(gradient.var(0).sum().item())
    return math.sqrt(np.mean(squares))


def test_among_larger_codes_steins_gradient_is_less_noisy_and_the_energy_distances_hardly():
    assert spread("stein", 1.0) == pytest.approx(gradient_noise.noise("stein", {}, 5, 128), rel=0.2)
    assert spread("stein", 2.0) < 0.6 * spread("stein", 1.0)
    assert spread("cramer", 2.0) > 0.8 * spread("cramer", 1.0)


def test_bad_input_is_refused_in_one_sentence():
    with pytest.raises(UnknownName, match="unknown divergence with a known noise 'sinkhorn'"):
        gradient_noise.noise("sinkhorn", {}, 5, 128)
    with pytest.raises(ValueError, match="n ≥ 2 codes and m ≥ 1 draws, got 1 and 1"):
        gradient_noise.noise("cramer", {}, 5, 1)
    with pytest.raises(ValueError, match="that of one bandwidth, got 2"):
        gradient_noise.noise("mmd", {"bandwidth": [1, 2]}, 5, 128)
    with pytest.raises(ValueError, match="of the unbiased estimator"):
        gradient_noise.noise("imq", {"estimator": "biased"}, 5, 128)
