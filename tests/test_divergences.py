"""Every registered divergence against an independent account of the same mathematics."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from geomloss import SamplesLoss
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.integrate import quad
from torch import Tensor

from infovae_core import divergences
from infovae_core.critics import Critic
from infovae_core.divergences import REGISTRY
from infovae_core.models import VAE, Architecture
from infovae_core.names import UnknownName
from tests import oracles

Divergence = Callable[[Tensor, Tensor], Tensor]

ESTIMATED = [
    name
    for name, kind in REGISTRY.items()
    if not (isinstance(kind, type) and issubclass(kind, Critic))
]
BANDWIDTHS = (0.7, "sqrt_d", "median", (0.5, 1.0, 3.0))
# Annealed to convergence; the default stops earlier.
PATIENT = {"blur": 0.7, "scaling": 0.99}
CASES: dict[str, list[dict[str, Any]]] = {
    "mmd": [
        {},
        *({"bandwidth": rule, "estimator": "biased"} for rule in BANDWIDTHS),
        *({"bandwidth": rule, "estimator": "unbiased"} for rule in BANDWIDTHS),
        *({"bandwidth": rule, "prior": "exact"} for rule in BANDWIDTHS),
        {"prior": "exact", "estimator": "biased"},
    ],
    "imq": [{}, {"estimator": "biased"}, {"scale": 0.7}, {"scale": 3, "estimator": "biased"}],
    "stein": [
        {},
        *({"bandwidth": rule, "estimator": "biased"} for rule in BANDWIDTHS),
        *({"bandwidth": rule, "estimator": "unbiased"} for rule in BANDWIDTHS),
    ],
    "cramer": [{}, {"estimator": "biased"}],
    "sinkhorn": [{}, PATIENT, {"blur": 1.5, "scaling": 0.99}],
}
EVERY_CASE = [(name, options) for name in ESTIMATED for options in CASES.get(name, [{}])]


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=rng(seed), dtype=dtype)


def build(name: str, latent_dim: int, **options: Any) -> Divergence:
    """A divergence as a function of samples; a critic with parameters fresh from its seed."""
    if name in ESTIMATED:
        return partial(REGISTRY[name], **options)
    return REGISTRY[name](latent_dim, rng(0), **options).double()


def standard_error(values: Tensor) -> float:
    return float(values.std() / math.sqrt(len(values)))


# Against the oracles


def test_every_divergence_has_an_oracle() -> None:
    assert set(REGISTRY) == set(oracles.ORACLES)


@pytest.mark.parametrize("d", [1, 4])
@pytest.mark.parametrize(("name", "options"), EVERY_CASE)
def test_estimator_is_its_oracle(name: str, options: dict[str, Any], d: int) -> None:
    q, p = 0.8 * normal(6, d, seed=1) + 0.4, normal(5, d, seed=2)
    expected = oracles.ORACLES[name](q.numpy(), p.numpy(), **options)
    rtol, atol = 1e-9, 1e-12
    if name == "sinkhorn":
        # Of geomloss's annealing: it makes one iteration at most of its blurs.
        rtol, atol = (1e-3 if options else 0.05), 0
    assert float(REGISTRY[name](q, p, **options)) == pytest.approx(expected, rel=rtol, abs=atol)


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_biased_mmd_is_twice_geomloss(sigma: float) -> None:
    """Its kernel norms are ½‖q − p‖²."""
    q, p = 0.5 * normal(9, 3, seed=3) + 1, normal(7, 3, seed=4)
    theirs = SamplesLoss("gaussian", blur=sigma, backend="tensorized")(q, p)
    mine = divergences.mmd(q, p, bandwidth=sigma, estimator="biased")
    torch.testing.assert_close(mine, 2 * theirs, rtol=1e-12, atol=0)


def test_biased_energy_distance_is_twice_geomloss() -> None:
    """½‖q − p‖² again, with the kernel −‖z − y‖."""
    q, p = 0.5 * normal(9, 3, seed=3) + 1, normal(7, 3, seed=4)
    theirs = SamplesLoss("energy", backend="tensorized")(q, p)
    # It adds 1e-8 under the root.
    torch.testing.assert_close(
        divergences.cramer(q, p, estimator="biased"), 2 * theirs, rtol=1e-3, atol=0
    )


def test_single_precision_keeps_small_kernels() -> None:
    """In 80 dimensions with σ = 1 all is of order 1e-19, and no diagonal of ones may drown it."""
    q, p = normal(64, 80, seed=5), normal(64, 80, seed=6)
    scale = oracles.escape(80, 1)
    assert scale < 1e-18
    error = divergences.mmd(q.float(), p.float()).double() - divergences.mmd(q, p)
    assert abs(float(error)) < 1e-3 * scale


# Against the populations


def imq_mean(variance: float, d: int, c: float) -> float:
    """E C/(C + ‖w‖²) for w ~ N(0, variance · I), over the χ² law of ‖w‖²."""
    law = scipy.stats.chi2(d, scale=variance)
    return float(quad(lambda r2: c / (c + r2) * law.pdf(r2), 0, math.inf)[0])


MEAN = np.array([0.5, -0.3])
SHAPES = [(MEAN, 1.0), (0 * MEAN, 1.6), (MEAN, 0.4), (0 * MEAN, 1.0)]
# Value for N(m, s² I), and n times what the pairs of a code with itself, and m times what those
# of a draw with itself, add to the V-statistic.
POPULATIONS: dict[str, tuple[dict[str, Any], Callable[..., tuple[float, float, float]]]] = {
    "mmd": (
        {"bandwidth": 1.3},
        lambda m, s: (
            oracles.mmd_gaussian(m, s, 1.3),
            1 - oracles.kernel_mean(2 * s**2, 2, 1.3),
            1 - oracles.kernel_mean(2, 2, 1.3),
        ),
    ),
    "imq": (
        {},
        lambda m, s: (
            oracles.imq_gaussian(m, s, 4.0),
            1 - imq_mean(2 * s**2, 2, 4.0),
            1 - imq_mean(2, 2, 4.0),
        ),
    ),
    "stein": (
        {"bandwidth": 1.3},
        lambda m, s: (
            oracles.stein_gaussian(m, s, 1.3),
            float(m @ m) + 2 * s**2 + 2 / 1.3**2 - oracles.stein_gaussian(m, s, 1.3),
            0.0,
        ),
    ),
    "cramer": (
        {},
        lambda m, s: (
            oracles.cramer_gaussian(m, s),
            oracles.mean_norm(2 * s**2, 2),
            oracles.mean_norm(2, 2),
        ),
    ),
}


@pytest.mark.parametrize(("mean", "s"), SHAPES)
@pytest.mark.parametrize("name", POPULATIONS)
def test_unbiased_is_unbiased_and_biased_by_its_diagonal(
    name: str, mean: np.ndarray, s: float
) -> None:
    options, population = POPULATIONS[name]
    value, per_code, per_draw = population(mean, s)
    n, m, draws = 8, 6, 4000
    q = s * normal(draws, n, 2, seed=7) + torch.from_numpy(mean)
    p = normal(draws, m, 2, seed=8)
    unbiased = REGISTRY[name](q, p, **options, estimator="unbiased")
    biased = REGISTRY[name](q, p, **options, estimator="biased")
    assert (float(unbiased.mean()) - value) / standard_error(unbiased) == pytest.approx(0, abs=4)
    bias, error = per_code / n + per_draw / m, standard_error(biased)
    assert (float(biased.mean()) - value - bias) / error == pytest.approx(0, abs=4)
    assert bias > 10 * error  # four errors tell one from the other


def test_population_forms_agree_with_each_other() -> None:
    """Special cases, by another road."""
    assert oracles.mmd_gaussian(MEAN, 1.0, 1.3) == pytest.approx(
        2 * oracles.kernel_mean(2, 2, 1.3) * -math.expm1(-float(MEAN @ MEAN) / 2 / (1.3**2 + 2))
    )
    assert oracles.escape(3, 0.8) == pytest.approx(oracles.smoothed(0, 0.8, 2) ** 3)
    # Half-normal and Maxwell means.
    assert oracles.mean_norm(4, 1) == pytest.approx(2 * math.sqrt(2 / math.pi))
    assert oracles.mean_norm(4, 3) == pytest.approx(4 * math.sqrt(2 / math.pi))
    folded = 2 * math.sqrt(2 / math.pi) * math.exp(-9 / 8) + 3 * math.erf(3 / math.sqrt(8))
    assert oracles.mean_norm(4, 1, shift2=9) == pytest.approx(folded)
    # ∫ 2 (F_q − F_p)², the energy distance on the line.
    gap = oracles.line(
        lambda z: 0.5 * (math.erf((z - 0.7) / 0.4 / 2**0.5) - math.erf(z / 2**0.5)) ** 2
    )
    assert oracles.cramer_gaussian(np.array([0.7]), 0.4) == pytest.approx(gap)
    assert oracles.chi2(oracles.log_normal(0.9), oracles.log_normal()) == pytest.approx(
        oracles.chi2_gaussian(np.array([0.9]))
    )


def test_sharp_sinkhorn_is_half_w2_of_the_samples() -> None:
    q, p = 0.5 * normal(15, 3, seed=9) + 1, normal(15, 3, seed=10)
    value = divergences.sinkhorn(q, p, blur=0.02, scaling=0.95)
    assert float(value) == pytest.approx(oracles.half_w2(q.numpy(), p.numpy()), rel=1e-3)


def test_sharp_sinkhorn_nears_half_w2_of_gaussians() -> None:
    q, p = 0.5 * normal(600, 1, seed=11) + 1.5, normal(600, 1, seed=12)
    value = divergences.sinkhorn(q, p, blur=0.05, scaling=0.7)
    assert float(value) == pytest.approx(oracles.half_w2_gaussian(np.array([1.5]), 0.5), rel=0.08)


@pytest.mark.parametrize("bandwidth", [1.0, 0.6, "sqrt_d"])
@pytest.mark.parametrize("d", [1, 2, 10])
def test_codes_that_escape_leave_the_prior_alone(d: int, bandwidth: float | str) -> None:
    """Far from the prior and from each other, codes have MMD² (1 + 2/σ²)^(−d/2) and no slope."""
    far = (1000 * torch.arange(1.0, 6, dtype=torch.float64)[:, None]).repeat(1, d).requires_grad_()
    limit = oracles.escape(d, d**0.5 if bandwidth == "sqrt_d" else float(bandwidth))
    draws = normal(3, d, seed=13)
    value = divergences.mmd(far, draws, bandwidth=bandwidth, prior="exact")
    assert value.item() == pytest.approx(limit, rel=1e-12)
    assert not torch.autograd.grad(value, far)[0].any()
    p = normal(3000, 6, d, seed=14)
    sampled = divergences.mmd(far.detach().expand(3000, 5, d), p, bandwidth=bandwidth)
    assert (float(sampled.mean()) - limit) / standard_error(sampled) == pytest.approx(0, abs=4)


@pytest.mark.parametrize("bandwidth", [0.8, "sqrt_d", (0.5, 2.0)])
def test_exact_prior_is_the_mean_over_sampled_priors(bandwidth: divergences.Bandwidth) -> None:
    q, draws = 0.7 * normal(8, 3, seed=15) + 0.5, normal(5000, 7, 3, seed=16)
    sampled = divergences.mmd(q.expand(5000, 8, 3), draws, bandwidth=bandwidth)
    exact = divergences.mmd(q, draws[0], bandwidth=bandwidth, prior="exact")
    error = standard_error(sampled)
    assert (float(sampled.mean()) - float(exact)) / error == pytest.approx(0, abs=4)
    assert float(exact) > 20 * error


@pytest.mark.parametrize("change", ["shifted", "scaled", "shrunk", "collapsed"])
@pytest.mark.parametrize("name", ESTIMATED)
def test_wrong_codes_cost_more_than_right_ones(name: str, change: str) -> None:
    right, p = normal(6, 100, 3, seed=17), normal(6, 100, 3, seed=18)
    wrong = {
        "shifted": right + 1,
        "scaled": 2 * right,
        "shrunk": right / 3,
        "collapsed": torch.zeros_like(right),
    }[change]
    cost, baseline = REGISTRY[name](wrong, p), REGISTRY[name](right, p)
    assert float(cost.min()) > 0
    assert float(cost.min()) > float(baseline.max())


# Bandwidths


def test_mixture_is_the_mean_of_its_kernels() -> None:
    q, p = normal(4, 6, 3, seed=19) + 1, normal(4, 5, 3, seed=20)
    for name in ("mmd", "stein"):
        singles = torch.stack([REGISTRY[name](q, p, bandwidth=s) for s in (0.5, 1.0, 3.0)])
        mixture = REGISTRY[name](q, p, bandwidth=[0.5, 1.0, 3.0])
        torch.testing.assert_close(mixture, singles.mean(0), rtol=1e-12, atol=1e-15)


def test_rules_give_their_numbers() -> None:
    q, p = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([[0.0, 1.0]])
    assert divergences.bandwidths("sqrt_d", q, p) == [math.sqrt(2)]
    (median,) = divergences.bandwidths("median", q, p)
    assert median == pytest.approx(math.sqrt(18))  # of 5, 1 and √18
    assert divergences.bandwidths((2.0, 1), q, p) == [2.0, 1]


@pytest.mark.parametrize("name", ["mmd", "stein"])
def test_median_is_a_constant_to_the_gradient(name: str) -> None:
    q, p = normal(6, 3, seed=21).requires_grad_(), normal(5, 3, seed=22)
    (sigma,) = oracles.sigmas("median", q.detach().numpy(), p.numpy())
    by_rule = torch.autograd.grad(REGISTRY[name](q, p, bandwidth="median"), q)[0]
    by_number = torch.autograd.grad(REGISTRY[name](q, p, bandwidth=sigma), q)[0]
    torch.testing.assert_close(by_rule, by_number, rtol=1e-9, atol=1e-12)


# Batches


@pytest.mark.parametrize(("name", "options"), [*EVERY_CASE, ("chi2", {}), ("js", {})])
def test_a_stack_is_its_minibatches(name: str, options: dict[str, Any]) -> None:
    divergence = build(name, 2, **options)
    q = normal(6, 5, 2, seed=23) * torch.tensor([0.3, 1.0, 4.0]).repeat(2)[:, None, None]
    p = normal(6, 6, 2, seed=24)
    values = divergence(q, p)
    looped = torch.stack([divergence(a, b) for a, b in zip(q, p, strict=True)])
    assert values.shape == looped.shape == (6,)
    torch.testing.assert_close(values, looped, rtol=1e-10, atol=1e-13)
    assert len(values.unique()) == 6


# Gradients


@pytest.mark.parametrize("name", REGISTRY)
def test_gradient_reaches_every_code(name: str) -> None:
    q, p = (normal(8, 3, seed=25) + 0.5).requires_grad_(), normal(8, 3, seed=26)
    (gradient,) = torch.autograd.grad(build(name, 3)(q, p), q)
    assert gradient.isfinite().all()
    assert (gradient.norm(dim=-1) > 0).all()


@pytest.mark.parametrize("name", ESTIMATED)
def test_gradient_is_finite_at_collapsed_codes(name: str) -> None:
    """Coincident codes sit where a distance has no derivative."""
    q, p = torch.full((8, 3), 0.5, dtype=torch.float64).requires_grad_(), normal(8, 3, seed=26)
    (gradient,) = torch.autograd.grad(REGISTRY[name](q, p), q)
    assert gradient.isfinite().all()
    assert gradient.any()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mmd", {}),
        ("mmd", {"bandwidth": (0.5, 2.0), "estimator": "biased"}),
        ("mmd", {"bandwidth": "sqrt_d", "prior": "exact"}),
        ("stein", {}),
        ("stein", {"bandwidth": (0.5, 2.0), "estimator": "biased"}),
        ("cramer", {}),
        ("cramer", {"estimator": "biased"}),
        ("chi2", {}),
        ("js", {}),
    ],
)
def test_gradient_is_the_derivative(name: str, options: dict[str, Any]) -> None:
    q, p = (normal(2, 4, 2, seed=27) + 0.3).requires_grad_(), normal(2, 3, 2, seed=28)
    divergence = build(name, 2, **options)
    assert torch.autograd.gradcheck(lambda codes: divergence(codes, p), q)


def test_gradient_of_sinkhorn_is_the_derivative() -> None:
    """To the precision of its iterations: the gradient is that of the fixed point."""
    q, p = (normal(3, 2, seed=27) + 0.3).requires_grad_(), normal(3, 2, seed=28)
    (gradient,) = torch.autograd.grad(divergences.sinkhorn(q, p, **PATIENT), q)
    h = 1e-3
    for index in np.ndindex(*q.shape):
        step = torch.zeros_like(q)
        step[index] = h
        high = oracles.sinkhorn((q + step).detach().numpy(), p.numpy(), PATIENT["blur"])
        low = oracles.sinkhorn((q - step).detach().numpy(), p.numpy(), PATIENT["blur"])
        assert float(gradient[index]) == pytest.approx((high - low) / (2 * h), abs=2e-3)
    assert float(gradient.abs().max()) > 0.02


@pytest.mark.parametrize("name", REGISTRY)
def test_gradient_reaches_the_encoder(name: str) -> None:
    model = VAE(Architecture(3), rng(29))
    x = torch.rand(16, 1, 28, 28, generator=rng(30))
    eps, prior = (normal(16, 3, seed=seed, dtype=torch.float32) for seed in (31, 32))
    divergence = REGISTRY[name] if name in ESTIMATED else REGISTRY[name](3, rng(33))
    divergence(model(x, eps).z, prior).backward()
    for key, parameter in model.encoder.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key
    mu, logvar = model.encoder.heads.weight.grad.chunk(2)
    assert (mu.norm(dim=1) > 0).all()
    assert (logvar.norm(dim=1) > 0).all()
    assert all(parameter.grad is None for parameter in model.decoder.parameters())


def test_sinkhorn_of_codes_that_overflowed_is_nan() -> None:
    q, p = normal(2, 5, 2, seed=34), normal(2, 5, 2, seed=35)
    q[0, 0, 0] = math.inf
    values = divergences.sinkhorn(q, p)
    assert values.isnan().tolist() == [True, False]
    assert torch.equal(values[1], divergences.sinkhorn(q[1], p[1]))


# Properties


def samples(n: int = 6) -> st.SearchStrategy[tuple[Tensor, Tensor]]:
    """Codes and draws of one dimension, coincident points included."""

    def of(d: int) -> st.SearchStrategy[Tensor]:
        elements = st.floats(-4, 4, allow_subnormal=False)
        shapes = st.tuples(st.integers(2, n), st.just(d))
        return npst.arrays(np.float64, shapes, elements=elements).map(torch.from_numpy)

    return st.integers(1, 3).flatmap(lambda d: st.tuples(of(d), of(d)))


def close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", REGISTRY)
@settings(deadline=None, max_examples=25)
@given(both=samples(), seed=st.integers(0, 2**32 - 1))
def test_order_of_points_is_of_no_consequence(
    name: str, both: tuple[Tensor, Tensor], seed: int
) -> None:
    q, p = both
    generator = rng(seed)
    mixed = (x[torch.randperm(len(x), generator=generator)] for x in both)
    divergence = build(name, q.shape[1])
    assert close(divergence(*mixed), divergence(q, p))


@pytest.mark.parametrize("name", ["mmd", "stein", "cramer", "imq"])
@settings(deadline=None, max_examples=25)
@given(both=samples(), seed=st.integers(0, 2**32 - 1))
def test_rotation_of_space_is_of_no_consequence(
    name: str, both: tuple[Tensor, Tensor], seed: int
) -> None:
    q, p = both
    d = q.shape[1]
    rotation, _ = torch.linalg.qr(normal(d, d, seed=seed))
    assert close(REGISTRY[name](q @ rotation, p @ rotation), REGISTRY[name](q, p))


@pytest.mark.parametrize("name", ["mmd", "cramer", "imq"])
@settings(deadline=None, max_examples=25)
@given(both=samples(), shift=st.floats(-10, 10))
def test_origin_is_of_no_consequence(name: str, both: tuple[Tensor, Tensor], shift: float) -> None:
    q, p = both
    assert close(REGISTRY[name](q + shift, p + shift), REGISTRY[name](q, p))


@pytest.mark.parametrize("name", ["mmd", "cramer", "sinkhorn", "imq"])
@settings(deadline=None, max_examples=25)
@given(both=samples())
def test_codes_and_draws_may_change_places(name: str, both: tuple[Tensor, Tensor]) -> None:
    q, p = both
    assert close(REGISTRY[name](q, p), REGISTRY[name](p, q))


@settings(deadline=None, max_examples=25)
@given(both=samples(), scale=st.floats(0.1, 10))
def test_energy_distance_has_the_unit_of_length(both: tuple[Tensor, Tensor], scale: float) -> None:
    q, p = both
    assert close(divergences.cramer(scale * q, scale * p), scale * divergences.cramer(q, p))


@pytest.mark.parametrize("name", ["mmd", "stein", "cramer", "imq"])
@settings(deadline=None, max_examples=25)
@given(both=samples())
def test_v_statistics_are_not_negative(name: str, both: tuple[Tensor, Tensor]) -> None:
    q, p = both
    assert float(REGISTRY[name](q, p, estimator="biased")) >= -1e-12
    if name != "stein":
        assert abs(float(REGISTRY[name](q, q, estimator="biased"))) < 1e-12


# Refusals


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mmd", {"bandwidth": "medain"}, "unknown bandwidth rule .*Did you mean 'median'"),
        ("stein", {"bandwidth": "sqrtd"}, "unknown bandwidth rule .*Did you mean 'sqrt_d'"),
        ("mmd", {"estimator": "unbaised"}, "unknown estimator .*Did you mean 'unbiased'"),
        ("stein", {"estimator": "u"}, "choose from unbiased, biased"),
        ("cramer", {"estimator": "bias"}, "unknown estimator .*Did you mean 'biased'"),
        ("mmd", {"prior": "exactly"}, "unknown prior .*Did you mean 'exact'"),
    ],
)
def test_unknown_names_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        REGISTRY[name](torch.zeros(3, 2), torch.zeros(3, 2), **options)


@pytest.mark.parametrize(
    "bandwidth", [0, -1.0, math.nan, math.inf, [], (1.0, -1.0), (0.0,), ["median"]]
)
@pytest.mark.parametrize("name", ["mmd", "stein"])
def test_bandwidths_without_a_kernel_are_refused(name: str, bandwidth: Any) -> None:
    with pytest.raises(ValueError, match=r"bandwidth is a positive finite number.*got"):
        REGISTRY[name](torch.zeros(3, 2), torch.zeros(3, 2), bandwidth=bandwidth)


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        ("2D", "unknown kernel scale '2D'.*choose from 2d"),
        (0, "positive finite"),
        (True, "got True"),
    ],
)
def test_scales_without_a_kernel_are_refused(scale: Any, message: str) -> None:
    with pytest.raises((ValueError, UnknownName), match=message):
        divergences.imq(torch.zeros(3, 2), torch.zeros(3, 2), scale=scale)


def test_the_inverse_multiquadratic_kernel_sees_escape_in_every_dimension() -> None:
    """Codes far from the prior and each other read E k(y, y') near a half, whatever d is."""
    for d in (2, 20, 80):
        q, p = 1e4 * normal(128, d, seed=40), normal(4000, d, seed=41)
        level = imq_mean(2, d, 2 * d)
        assert float(divergences.imq(q, p)) == pytest.approx(level, abs=2e-3)
        assert level > 0.49


@pytest.mark.parametrize("name", ["mmd", "stein", "cramer", "imq"])
def test_one_code_has_no_pairs(name: str) -> None:
    q, p = normal(1, 2, seed=36), normal(3, 2, seed=37)
    with pytest.raises(ValueError, match="at least 2 samples, got 1"):
        REGISTRY[name](q, p)
    assert REGISTRY[name](q, p, estimator="biased").isfinite()


@pytest.mark.parametrize(
    "options", [{"blur": 0.0}, {"blur": -1}, {"blur": math.nan}, {"scaling": 0}, {"scaling": 1.0}]
)
def test_blurs_that_end_nowhere_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected blur > 0 and 0 < scaling < 1, got"):
        divergences.sinkhorn(torch.zeros(3, 2), torch.zeros(3, 2), **options)


def test_options_are_completed() -> None:
    assert divergences.options("mmd", bandwidth=2.0) == {
        "bandwidth": 2.0,
        "estimator": "unbiased",
        "prior": "sampled",
    }
    assert divergences.options("js") == {"hidden": 128, "learning_rate": 1e-4}
    with pytest.raises(UnknownName, match=r"unknown divergence 'sinkhron'.*mean 'sinkhorn'"):
        divergences.options("sinkhron")
    with pytest.raises(UnknownName, match=r"unknown option of sinkhorn 'blurr'.*mean 'blur'"):
        divergences.options("sinkhorn", blurr=0.1)
