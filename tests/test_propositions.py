"""The propositions of book/balance.md, book/family.md and book/weights.md, as numbers.

Distributions on finite sets are the tables of tests/finite.py; those on the line are integrated by
quadrature. All in float64 and in nats. Nothing here uses the package, but where a test says so.
"""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_ndtr, ndtr, softmax

from infovae_core.models import Output
from infovae_core.objectives import PRESETS, Objective
from tests.finite import (
    Array,
    Tables,
    conditional,
    coupled,
    draw,
    elbo,
    entropy,
    information,
    infovae,
    js,
    kl,
    kl_term,
    matched,
    posterior_gap,
    practical,
    reconstruction,
    with_information,
)
from tests.oracles import escape

BOOK = Path(__file__).parents[1] / "book"
SEEDS = st.integers(0, 2**32 - 1)
LOG_2PI = math.log(2 * math.pi)


# The evidence lower bound


@settings(deadline=None)
@given(SEEDS)
def test_three_forms_of_the_elbo(seed: int) -> None:
    t = draw(seed)
    constant = entropy(t.data)
    forms = [
        -kl(t.q, t.p),
        -kl(t.data, t.p.sum(1)) - posterior_gap(t),
        -kl(t.aggregate, t.prior) - conditional(t),
    ]
    assert forms == pytest.approx([elbo(t) + constant] * 3, rel=1e-9, abs=1e-12)
    assert constant > 0


@settings(deadline=None)
@given(SEEDS)
def test_kl_term_is_information_and_alignment(seed: int) -> None:
    t = draw(seed)
    parts = information(t), kl(t.aggregate, t.prior)
    assert kl_term(t) == pytest.approx(sum(parts), rel=1e-9)
    assert min(parts) > 0
    assert information(t) < min(entropy(t.data), entropy(t.aggregate))


@settings(deadline=None)
@given(SEEDS)
def test_finite_entropy_bounds_elbo_and_gap(seed: int) -> None:
    t = draw(seed)
    shortfall = -entropy(t.data) - elbo(t)
    assert 0 < posterior_gap(t) < shortfall
    posterior = t.p / t.p.sum(1, keepdims=True)
    exact = replace(t, encoder=posterior)
    assert elbo(t) < elbo(exact) < -entropy(t.data)


# Proposition 1 ----------------------------------------------------------------------------------

Function = Callable[[Array], Array]
DECODERS: dict[str, Function] = {"sign": np.sign, "clip": lambda z: np.clip(z, -1, 1)}
NODES, WEIGHTS = np.polynomial.legendre.leggauss(30)


def normal(z: Array | float, mean: Array | float = 0.0, scale: float = 1.0) -> Array:
    """Log-density."""
    return -0.5 * ((np.asarray(z) - mean) / scale) ** 2 - math.log(scale) - LOG_2PI / 2


def integral(f: Function, breaks: list[float]) -> float:
    """∫ f by Gauss and Legendre's rule, on 40 panels between any two break points."""
    edges = np.concatenate(
        [np.linspace(a, b, 41)[:-1] for a, b in pairwise(breaks)] + [breaks[-1:]]
    )
    half = np.diff(edges)[:, None] / 2
    values = f(edges[:-1, None] + half * (1 + NODES)) * half * WEIGHTS
    return math.fsum(values.ravel().tolist())


class OnTheLine:
    """x = 1, p = N(0, 1), p(x|z) = N(m(z), s²), q(z|1) = N(mu, eps²); m may bend at ±1 and 0."""

    def __init__(self, mu: float, eps: float, s: float, m: Function) -> None:
        self.mu, self.eps, self.s, self.m = mu, eps, s, m
        ends = (mu - 38 * eps, mu + 38 * eps)
        bends = [z for z in (-1.0, 0.0, 1.0) if ends[0] < z < ends[1]]
        self.breaks = sorted({*ends, mu, *bends})
        self.prior_breaks = sorted({-12.0, -1.0, 0.0, 1.0, 12.0, max(0.0, 1 - 12 * s)})

    def mean(self, f: Function) -> float:
        """E_q f."""
        return integral(lambda z: np.exp(normal(z, self.mu, self.eps)) * f(z), self.breaks)

    def likelihood(self, z: Array) -> Array:
        return normal(1.0, self.m(z), self.s)

    @property
    def reconstruction(self) -> float:
        return self.mean(self.likelihood)

    @property
    def elbo(self) -> float:
        return self.mean(lambda z: self.likelihood(z) - normal(z, self.mu, self.eps) + normal(z))

    @property
    def log_evidence(self) -> float:
        top = -math.log(self.s) - LOG_2PI / 2
        density = integral(
            lambda z: np.exp(normal(z) + self.likelihood(z) - top), self.prior_breaks
        )
        return top + math.log(density)

    @property
    def gap(self) -> float:
        """KL(q(z|1)‖p(z|1)), from the two densities."""
        evidence = self.log_evidence

        def log_ratio(z: Array) -> Array:
            log_posterior = normal(z) + self.likelihood(z) - evidence
            return normal(z, self.mu, self.eps) - log_posterior

        return self.mean(log_ratio)


@settings(deadline=None, max_examples=40)
@given(st.floats(-6, 6), st.floats(0.05, 3), st.floats(0.2, 3))
def test_fixed_decoder_bounds_the_elbo(mu: float, eps: float, sigma: float) -> None:
    bound = float(normal(1.0, 0.0, math.hypot(1, sigma)))
    at = OnTheLine(mu, eps, sigma, lambda z: z)
    assert at.elbo <= bound + 1e-9
    assert at.elbo + at.gap == pytest.approx(bound, rel=1e-6)
    # The best encoder of this family is the true posterior: there the gap is nought.
    best = OnTheLine(1 / (1 + sigma**2), sigma / math.hypot(1, sigma), sigma, lambda z: z)
    assert best.elbo == pytest.approx(bound, rel=1e-9)
    assert best.gap == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("sigma", [0.5, 0.9, 2.0])
def test_fixed_decoder_on_the_thesis_path(sigma: float) -> None:
    models = [OnTheLine(big, 1 / big, sigma, lambda z: z) for big in (20.0, 80.0, 320.0)]
    for at in models:
        big = at.mu
        shift = (big - 1) ** 2 + big**-2
        closed = -shift / (2 * sigma**2) - math.log(sigma) - LOG_2PI / 2
        assert at.reconstruction == pytest.approx(closed, rel=1e-9)
    assert models[0].elbo > models[1].elbo > models[2].elbo
    big = models[-1].mu
    rate = (1 + sigma**-2) / 2
    assert models[-1].reconstruction / big**2 == pytest.approx(-1 / (2 * sigma**2), rel=0.02)
    assert models[-1].elbo / big**2 == pytest.approx(-rate, rel=0.02)
    evidence = float(normal(1.0, 0.0, math.hypot(1, sigma)))
    assert (evidence - models[-1].elbo) / big**2 == pytest.approx(rate, rel=0.02)


@pytest.mark.parametrize(("name", "edge"), [("sign", 0.0), ("clip", 1.0)])
def test_elbo_and_gap_grow_together(name: str, edge: float) -> None:
    share = float(ndtr(-edge))  # the part of the prior beyond `edge`, which decodes to 1
    elbos, gaps = [], []
    for big in (4.0, 5.0, 6.0):
        at = OnTheLine(big, 1 / big, math.exp(-(big**2)), DECODERS[name])
        tail = math.exp(2 * big**2 - (big * (big - edge)) ** 2 / 2)
        leading = big**2 / 2 - math.log(big) + (1 - LOG_2PI) / 2 - big**-2 / 2
        assert leading - tail - 1e-9 <= at.elbo <= leading + 1e-9
        low = big**2 / 2 + math.log(big) - 0.5 + math.log(share)
        assert low <= at.gap <= low - math.log(share) + big**-2 / 2 + tail + 1e-9
        assert at.elbo + at.gap == pytest.approx(at.log_evidence, rel=1e-9)
        elbos.append(at.elbo)
        gaps.append(at.gap)
    assert elbos[0] + 3 < elbos[1] and elbos[1] + 4 < elbos[2]
    assert gaps[0] + 4 < gaps[1] and gaps[1] + 5 < gaps[2]


def kl_of(mu: float, eps: float) -> float:
    """KL(N(mu, eps²)‖N(0, 1))."""
    return 0.5 * (mu**2 + eps**2 - 1) - math.log(eps)


def misread(t: float, r: float) -> float:
    """E (x − sign z)²/2s² = 2 e^{2r} Φ(−t), for s = e^{−r} and codes with mu/eps = t."""
    return math.exp(min(math.log(2) + 2 * r + float(log_ndtr(-t)), 700.0))


def test_least_kl_of_a_ratio() -> None:
    for t in (0.1, 1.0, 7.0, 40.0):
        found = minimize_scalar(
            lambda log_mu, t=t: kl_of(math.exp(log_mu), math.exp(log_mu) / t),
            bounds=(-9, 3),
            method="bounded",
            options={"xatol": 1e-10},
        )
        assert found.fun == pytest.approx(0.5 * math.log1p(t**2), rel=1e-9)
        assert math.exp(found.x) == pytest.approx(t / math.hypot(1, t), rel=1e-4)


def test_best_gaussian_encoder_has_a_growing_gap() -> None:
    excess, gaps, elbos = [], [], []
    for r in (3.0, 30.0, 300.0, 3000.0):

        def gap(parameters: Array, r: float = r) -> float:
            mu, eps = np.exp(np.clip(parameters, -20, 5))
            return kl_of(mu, eps) + misread(mu / eps, r) - math.log(2)

        start = [0.0, -math.log(2 * math.sqrt(r)) - 0.2]
        found = minimize(gap, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
        mu, _ = np.exp(found.x)
        assert found.fun < math.log1p(4 * r) / 2 - math.log(2) + 1 / math.sqrt(2 * math.pi * r)
        gaps.append(found.fun)
        excess.append(found.fun - math.log(r) / 2)
        elbos.append(r - LOG_2PI / 2 - math.log(2) - found.fun)
        assert mu == pytest.approx(1, abs=1 / (4 * r) + 1e-3)
    # The gap of the best encoder is ½ log r + o(1), and grows as the ELBO does.
    assert np.all(np.diff(np.abs(excess)) < 0) and abs(excess[-1]) < 0.01
    assert np.all(np.diff(gaps) > 0.9) and np.all(np.diff(elbos) > 20)
    # The closed form that was minimized is that of the densities.
    at = OnTheLine(0.9, 0.3, math.exp(-2.0), DECODERS["sign"])
    assert at.gap == pytest.approx(kl_of(0.9, 0.3) + misread(3.0, 2.0) - math.log(2), rel=1e-8)


def aggregate_kl(mu: float, eps: float) -> float:
    """KL of ½ N(−mu, eps²) + ½ N(mu, eps²) from N(0, 1)."""

    def log_q(z: Array) -> Array:
        return np.logaddexp(normal(z, mu, eps), normal(z, -mu, eps)) - math.log(2)

    breaks = sorted({side + k * eps for side in (-mu, mu) for k in (-12, 0, 12)})
    return integral(lambda z: np.exp(log_q(z)) * (log_q(z) - normal(z)), breaks)


@pytest.mark.parametrize("alpha", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("lam", [1.0, 2.0, 3.0, 1000.0])
def test_infovae_on_the_path_and_off_it(alpha: float, lam: float) -> None:
    def objective(mu: float, eps: float, r: float) -> float:
        weight = alpha + lam - 1
        rebuilt = r - LOG_2PI / 2 - misread(mu / eps, r)
        return rebuilt - (1 - alpha) * kl_of(mu, eps) - weight * aggregate_kl(mu, eps)

    path = [objective(big, 1 / big, big**2) for big in (10.0, 20.0, 40.0)]
    rises = (path[1] > path[0], path[2] > path[1])
    assert rises == ((True, True) if lam < 2 else (False, False))
    # The rate: (1 − λ/2) M² − λ log M + O(1).
    change = (1 - lam / 2) * 1200 - lam * math.log(2)
    assert path[2] - path[1] == pytest.approx(change, rel=0.01, abs=0.01)
    # No λ bounds it: with means at ±1 and a decoder that sharpens, it exceeds any number.
    free = [objective(1.0, 1 / (2 * math.sqrt(r)), r) for r in (1e5, 1e6, 1e7)]
    assert free[0] > 1e4 and free[1] > 9 * free[0] and free[2] > 9 * free[1]


def test_a_bounded_divergence_does_not_stop_the_path() -> None:
    # MMD² ≤ 2, the Jensen-Shannon divergence ≤ log 2: at their most, with the thesis's λ.
    for alpha, bound in product((0.0, 0.5, 1.0), (2.0, math.log(2))):
        values = [
            big**2
            - (1 - alpha) * kl_of(big, 1 / big)
            - (alpha + 999) * bound
            - misread(big**2, big**2)
            for big in (60.0, 120.0, 240.0)
        ]
        assert values[2] > values[1] > 0.4 * 120**2 - 2100 > values[0]


# Information preference


@settings(deadline=None)
@given(SEEDS)
def test_a_decoder_that_ignores_the_code_is_optimal(seed: int) -> None:
    t = draw(seed)
    best = -entropy(t.data)
    free = replace(t, decoder=np.tile(t.data, (4, 1)))
    collapsed = replace(free, encoder=np.tile(t.prior, (3, 1)))
    assert elbo(collapsed) == pytest.approx(best, rel=1e-9)
    assert information(collapsed) == pytest.approx(0, abs=1e-12)
    # Any other encoder of this decoder, and this model, is worse.
    assert elbo(free) < best - information(t)
    assert elbo(t) < best


@settings(deadline=None, max_examples=25)
@given(SEEDS, st.floats(0.05, 2))
def test_the_elbo_is_indifferent_and_alpha_is_not(seed: int, alpha: float) -> None:
    t = draw(seed)
    collapsed = replace(t, decoder=np.tile(t.data, (4, 1)), encoder=np.tile(t.prior, (3, 1)))
    told = information(coupled(t)) / 2
    half = matched(t, told)
    assert elbo(half) == pytest.approx(elbo(collapsed), rel=1e-7)
    assert infovae(half, alpha, 1.0) > infovae(collapsed, alpha, 1.0) + 0.99 * alpha * told
    # An informative decoder whose posterior the encoder misses is strictly worse than collapse.
    missed = replace(half, encoder=0.5 * half.encoder + 0.5 * t.encoder)
    assert elbo(missed) < elbo(collapsed)


def test_independent_pixels_pay_the_total_correlation() -> None:
    rng = np.random.default_rng(5)
    images = list(product((0, 1), repeat=3))
    data = rng.dirichlet(np.ones(8))
    marginals = [math.fsum(p for p, x in zip(data, images, strict=True) if x[i]) for i in range(3)]
    entropies = math.fsum(entropy(np.array([m, 1 - m])) for m in marginals)

    def collapsed(means: Array) -> float:
        """The ELBO of a code that says nothing, with pixels independent."""
        return math.fsum(
            p * math.log(m if bit else 1 - m)
            for p, x in zip(data, images, strict=True)
            for bit, m in zip(x, means, strict=True)
        )

    found = minimize(lambda a: -collapsed(1 / (1 + np.exp(-a))), np.zeros(3))
    assert -found.fun == pytest.approx(-entropies, rel=1e-8)
    total_correlation = entropies - entropy(data)
    assert total_correlation > 0.05
    # A code that names the image does better, with pixels just as independent given the code.
    decoder = np.array(
        [[math.prod(0.999 if a == b else 0.001 for a, b in zip(x, y, strict=True)) for x in images]
         for y in images]
    )  # fmt: skip
    named = Tables(data, data, np.eye(8), decoder)
    assert elbo(named) > -entropies + 0.05


# The family -------------------------------------------------------------------------------------


@settings(deadline=None)
@given(SEEDS, st.floats(-5, 5), st.floats(0, 1000))
def test_practical_form(seed: int, alpha: float, lam: float) -> None:
    t = draw(seed)
    expected = infovae(t, alpha, lam)
    found = practical(t, alpha, lam) + entropy(t.data)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(SEEDS, st.floats(-3, 3), st.floats(0, 100))
def test_another_divergence_is_another_objective(seed: int, alpha: float, lam: float) -> None:
    t = draw(seed)
    weight = alpha + lam - 1
    changed = practical(t, alpha, lam, js) + entropy(t.data)
    kept = kl(t.aggregate, t.prior)
    split = -conditional(t) + alpha * information(t) - (1 - alpha) * kept
    assert changed == pytest.approx(split - weight * js(t.aggregate, t.prior), rel=1e-9, abs=1e-9)
    assert changed - infovae(t, alpha, lam) == pytest.approx(
        weight * (kept - js(t.aggregate, t.prior)), rel=1e-6, abs=1e-8
    )


@settings(deadline=None, max_examples=25)
@given(SEEDS)
def test_presets_are_the_special_cases(seed: int) -> None:
    """The weights of the package's variants, put into the objective as it is defined."""
    t = draw(seed)

    def of(name: str) -> float:
        objective = PRESETS[name].objective
        return infovae(t, objective.alpha, objective.lam) - entropy(t.data)

    assert of("vae") == pytest.approx(elbo(t), rel=1e-9)
    assert of("beta_vae") == pytest.approx(reconstruction(t) - 4 * kl_term(t), rel=1e-9)
    assert of("recon_ae") == pytest.approx(reconstruction(t), rel=1e-9)
    aligned = kl(t.aggregate, t.prior)
    assert of("aae") == pytest.approx(reconstruction(t) - aligned, rel=1e-9)
    assert of("infovae_mmd") == pytest.approx(reconstruction(t) - 1000 * aligned, rel=1e-9)
    assert PRESETS["beta_vae"].objective.alpha == -3  # it punishes information


# Proposition 2


@settings(deadline=None, max_examples=25)
@given(SEEDS, st.floats(0, 1), st.floats(0.1, 50))
def test_optimality_at_fixed_information(seed: int, alpha: float, weight: float) -> None:
    t = draw(seed)
    fixed = min(information(coupled(t)), information(t)) / 2
    lam = weight + 1 - alpha
    best, other = matched(t, fixed), with_information(t, fixed)
    top = alpha * fixed - entropy(t.data)
    assert practical(best, alpha, lam, js) == pytest.approx(top, rel=1e-7)
    assert best.p.sum(1) == pytest.approx(best.data, rel=1e-7)
    assert posterior_gap(best) == pytest.approx(0, abs=1e-9)
    assert information(other) == pytest.approx(fixed, rel=1e-6)
    assert practical(other, alpha, lam, js) < top
    # Each half of the match alone is not enough: the right conditional, or the right aggregate.
    conditional_only = replace(other, decoder=(other.q / other.aggregate).T)
    aggregate_only = replace(best, decoder=t.decoder)
    assert practical(conditional_only, alpha, lam, js) < top
    assert practical(aggregate_only, alpha, lam, js) < top


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_search_at_fixed_information_finds_the_match(alpha: float) -> None:
    data, prior, fixed = np.array([0.5, 0.3, 0.2]), np.array([0.25, 0.35, 0.4]), 0.2
    lam = 3 - alpha

    def tables(a: Array) -> Tables:
        encoder, decoder = softmax(a.reshape(2, 3, 3), axis=-1)
        return Tables(data, prior, encoder, decoder)

    start = np.random.default_rng(1).standard_normal(18)
    found = minimize(
        lambda a: -practical(tables(a), alpha, lam, js),
        start,
        method="SLSQP",
        constraints={"type": "eq", "fun": lambda a: information(tables(a)) - fixed},
        options={"maxiter": 500, "ftol": 1e-13},
    )
    best = tables(found.x)
    assert found.success
    assert information(best) == pytest.approx(fixed, abs=1e-8)
    assert -found.fun == pytest.approx(alpha * fixed - entropy(data), abs=1e-7)
    assert best.p.sum(1) == pytest.approx(data, abs=1e-3)
    assert best.encoder == pytest.approx(best.p / best.p.sum(1, keepdims=True), abs=2e-3)
    assert best.q != pytest.approx(np.outer(data, prior), abs=0.02)


def same_mean(a: Array, b: Array) -> float:
    """Squared difference of the means, codes being −1, 0, 1: zero at equality, but not only."""
    codes = np.array([-1.0, 0.0, 1.0])
    return float((codes @ (a - b)) ** 2)


def test_alpha_one_rests_on_a_strict_divergence() -> None:
    """What the KL term would have seen, a divergence that is not strict does not."""
    data, prior = np.array([0.5, 0.5]), np.array([0.25, 0.5, 0.25])
    encoder = np.array([[0.45, 0.1, 0.45], [0.3, 0.4, 0.3]])
    t = Tables(data, prior, encoder, np.full((3, 2), 0.5))
    t = replace(t, decoder=(t.q / t.aggregate).T)
    fixed, off = information(t), kl(t.aggregate, t.prior)
    assert same_mean(t.aggregate, t.prior) == 0 and off > 0.1

    def shortfall(alpha: float, divergence: Callable[[Array, Array], float]) -> float:
        top = alpha * fixed - entropy(data)
        return top - practical(t, alpha, 1001 - alpha, divergence)

    assert shortfall(1.0, same_mean) == pytest.approx(0, abs=1e-12)  # optimal, and mismatched:
    assert t.p.sum(1)[0] < 0.45 and posterior_gap(t) > 0.01
    for alpha in (0.0, 0.5, 0.9):
        assert shortfall(alpha, same_mean) == pytest.approx((1 - alpha) * off, rel=1e-9)
    assert shortfall(1.0, js) > 10


def test_alpha_above_one_beats_the_match() -> None:
    data, prior, fixed = np.array([0.5, 0.5]), np.array([1 - 1e-6, 1e-6]), 1e-7
    encoder = np.array([[0.8, 0.2], [0.2, 0.8]])
    t = with_information(Tables(data, prior, encoder, np.full((2, 2), 0.5)), fixed)
    t = replace(t, decoder=(t.q / t.aggregate).T)
    top = [alpha * fixed - entropy(data) for alpha in (1.0, 1.5)]
    assert practical(t, 1.0, 1.0, js) < top[0]
    assert practical(t, 1.5, 1.0, js) > top[1] + 1  # an aligned pair reaches top[1]
    assert practical(t, 1.5, 1.0, kl) < top[1]  # not so where D is the KL divergence itself


@pytest.mark.parametrize("alpha", [1.0, 1.5])
def test_alpha_above_one_has_no_maximum(alpha: float) -> None:
    """The package's own loss: codes that sharpen, a decoder that knows nothing, λ = 500."""
    x, logits = torch.ones(6, 1, 28, 28).double(), torch.zeros(6, 1, 28, 28).double()
    prior = torch.randn(6, 2, generator=torch.Generator().manual_seed(0)).double()
    mu = torch.zeros(6, 2).double()
    losses = []
    for logvar in (-1e3, -1e4, -1e5):
        output = Output(logits, mu, torch.full_like(mu, logvar), mu)
        objective = Objective(alpha=alpha, lam=500, divergence="mmd")
        losses.append(objective(x, output, prior).loss.item())
    change = (losses[0] - losses[1], losses[1] - losses[2])
    # KL is about ½ · 2 · |log σ²|, and 1 − α its weight; the penalty stays as it is.
    assert change == pytest.approx(((alpha - 1) * 9e3, (alpha - 1) * 9e4))


def test_price_of_leaving_the_prior() -> None:
    """λ = 1000 times the MMD² of codes that share nothing with the prior, σ = 1, in nats."""
    price = {d: 1000 * escape(d, 1.0) for d in (2, 5, 10, 20)}
    assert price[2] == pytest.approx(1000 / 3)
    assert 60 < price[5] < 70 and 4 < price[10] < 4.2 and 0.016 < price[20] < 0.018
    assert 300 < 1000 * escape(20, math.sqrt(20)) < 400  # σ² = d


# The chapters


def test_the_chapters_name_tests_that_exist() -> None:
    named = set()
    for page in ("balance", "family", "weights"):
        text = (BOOK / f"{page}.md").read_text(encoding="utf-8")
        named |= set(re.findall(r"::(test_\w+)", text))
    written = {name for name in globals() if name.startswith("test_")}
    assert named == written - {"test_the_chapters_name_tests_that_exist"}
