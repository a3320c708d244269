"""Prices against the oracles' formulas, large samples of the package's estimators, and limits."""

import math

import numpy as np
import pytest
import torch

from infovae_core import declared, divergences, prices
from infovae_core.names import UnknownName
from tests import oracles

CASES = [
    ("mmd", {}),
    ("mmd", {"bandwidth": "sqrt_d"}),
    ("mmd", {"bandwidth": [0.5, 1, 3.0]}),
    ("imq", {}),
    ("imq", {"scale": 0.7}),
    ("stein", {}),
    ("stein", {"bandwidth": (1.0, "sqrt_d")[1]}),
    ("cramer", {}),
    ("sinkhorn", {"blur": 1.0}),
]


def expected(divergence, options, d, c):
    """By the oracles, which share no code with the package."""
    zero = np.zeros(d)
    if divergence in ("mmd", "stein"):
        sigmas = oracles.sigmas(options.get("bandwidth", 1.0), np.zeros((1, d)), zero[None])
        one = oracles.mmd_gaussian if divergence == "mmd" else oracles.stein_gaussian
        return np.mean([one(zero, c, sigma) for sigma in sigmas])
    if divergence == "imq":
        return oracles.imq_gaussian(zero, c, 2.0 * d if not options else options["scale"])
    return oracles.cramer_gaussian(zero, c)


@pytest.mark.parametrize("c", [0.5, 0.9, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("d", [1, 5, 20])
@pytest.mark.parametrize(("divergence", "options"), CASES[:-1])
def test_a_price_is_the_oracles_population_value(divergence, options, d, c):
    found = prices.price(divergence, options, d, c)
    assert found == pytest.approx(expected(divergence, options, d, c), rel=1e-6, abs=1e-13)


@pytest.mark.parametrize("c", [0.6, 1.5])
@pytest.mark.parametrize(("divergence", "options"), CASES)
def test_a_price_is_what_the_packages_estimator_reads_of_large_samples(divergence, options, c):
    # Sinkhorn's is not free of bias, which at this ε falls like 1/n.
    d, n, repeats = 2, 200, 20 if divergence == "sinkhorn" else 60
    draw = torch.Generator().manual_seed(1)
    q, p = torch.randn(2, repeats, n, d, generator=draw, dtype=torch.float64)
    values = divergences.REGISTRY[divergence](c * q, p, **options)
    found = prices.price(divergence, options, d, c)
    error = values.std().item() / math.sqrt(repeats)
    assert error < 0.12 * found
    bias = 2 / n if divergence == "sinkhorn" else 0
    assert values.mean().item() == pytest.approx(found, abs=4 * error + bias)


def test_the_estimators_options_do_not_move_a_price_and_defaults_are_the_divergences_own():
    exact = {"prior": "exact", "estimator": "biased", "bandwidth": 1}
    assert prices.price("mmd", exact, 5, 2.0) == prices.price("mmd", None, 5, 2.0)
    assert prices.price("imq", {"scale": 10.0}, 5) == prices.price("imq", {}, 5)
    assert prices.price("sinkhorn", {"scaling": 0.9}, 5) == prices.price("sinkhorn", {}, 5)


@pytest.mark.parametrize("d", [1, 2, 3, 20])
@pytest.mark.parametrize(("divergence", "options"), CASES)
def test_as_codes_leave_the_price_tends_to_its_ceiling_and_never_falls_but_for_stein(
    divergence, options, d
):
    ceiling = prices.ceiling(divergence, options, d)
    far = [prices.price(divergence, options, d, c) for c in (1, 1.5, 4, 1e2, 1e4, 1e6)]
    if divergence != "stein":
        assert far == sorted(far)
    if math.isinf(ceiling):
        assert far[-1] > 1e5
    elif ceiling:
        assert far[-1] == pytest.approx(ceiling, rel=1e-5)
    else:
        assert far[-1] < 1e-4 < max(far) or d == 20
    # Stein in one dimension grows like c, as Cramér does; Sinkhorn like c².
    order = {"cramer": 1, "sinkhorn": 2, "stein": 1}
    if math.isinf(ceiling):
        assert far[-1] / far[-2] == pytest.approx(100 ** order[divergence], rel=1e-3)


@pytest.mark.parametrize(("divergence", "options"), CASES)
def test_a_weight_makes_codes_of_this_size_cost_what_they_are_to_cost(divergence, options):
    for d in (2, 20):
        weight = prices.weight_for(divergence, options, d, nats=50, c=1.3)
        assert weight * prices.price(divergence, options, d, 1.3) == pytest.approx(50)
    assert prices.weight_for("cramer", {}, 20, 50) == prices.weight_for("cramer", {}, 20, 50, 1.5)


@pytest.mark.parametrize("scale", [0.3, 4.0, 200.0])
@pytest.mark.parametrize("variance", [0.0, 1e-6, 1.0, 4.5, 1e6])
@pytest.mark.parametrize("d", [2, 40])
def test_the_inverse_multiquadratics_mean_is_the_exponential_integral(d, variance, scale):
    """E C/(C + ‖w‖²) = x eˣ E_{d/2}(x), x = C/2v, at even d."""
    from scipy.special import expn

    found = prices.mean_imq(variance, d, scale)
    x = scale / (2 * variance) if variance else math.inf
    if x < 500:
        assert found == pytest.approx(x * math.exp(x) * expn(d // 2, x), rel=1e-9)
    else:
        assert 1 - d * variance / scale <= found <= 1 + 1e-14


def test_bad_input_is_refused_in_one_sentence():
    with pytest.raises(UnknownName, match="unknown divergence with a population value 'chi2'"):
        prices.price("chi2", {}, 5)
    with pytest.raises(UnknownName, match="unknown option of mmd 'sigma'"):
        prices.ceiling("mmd", {"sigma": 1.0}, 5)
    with pytest.raises(ValueError, match="'median' follows the samples"):
        prices.price("mmd", {"bandwidth": "median"}, 5)
    with pytest.raises(ValueError, match=r"d is a latent dimension, .* got 2.5"):
        prices.price("mmd", {}, 2.5)
    with pytest.raises(ValueError, match=r"c is a size of codes, .* got -1"):
        prices.price("mmd", {}, 2, -1)
    with pytest.raises(ValueError, match="nats is a price, positive and finite; got 0"):
        prices.weight_for("cramer", {}, 2, 0)
    with pytest.raises(ValueError, match="reads 0 of codes of 1 times the prior's size"):
        prices.weight_for("stein", {}, 2, 50, c=1)
    assert set(prices.PRICED) <= set(declared.OPTIONS)
