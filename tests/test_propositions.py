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
from tests.oracles import escape, kernel_mean

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


def test_the_highest_training_elbo_says_nothing_of_new_images() -> None:
    """Three images trained on, a fourth not: what one model gains on both, as it closes in."""
    prior, trained = np.full(6, 1 / 6), np.full(3, 1 / 3)
    names = np.repeat(np.eye(3), 2, axis=0)  # Two codes for each image.
    shortfalls, new = [], []
    for leak in (1e-2, 1e-4, 1e-8):
        decoder = np.column_stack([(1 - leak) * names, np.full(6, leak)])
        evidence = prior @ decoder
        encoder = (prior[:, None] * decoder / evidence).T
        # The decoder spends `leak` on the fourth image, which these tables of three leave out.
        t = Tables(trained, prior, encoder[:3], decoder[:, :3])
        shortfalls.append(-math.log(3) - elbo(t))
        assert reconstruction(t) - kl_term(t) == pytest.approx(math.log((1 - leak) / 3))
        # The most that any encoder could reach on the new image is its log evidence.
        new.append(math.log(evidence[3]))
    assert shortfalls == pytest.approx([1e-2, 1e-4, 1e-8], rel=0.01)
    assert new == pytest.approx([math.log(x) for x in (1e-2, 1e-4, 1e-8)])


@pytest.mark.parametrize("mu", [0.5, 1.0, 4.0])
def test_a_deterministic_encoder_has_no_finite_kl_term(mu: float) -> None:
    """N(±mu, eps²), eps → 0: KL term and alignment diverge, their difference is at most log 2."""
    spreads = (1e-1, 1e-2, 1e-4, 1e-8)
    terms = [kl_of(mu, eps) for eps in spreads]
    aligned = [aggregate_kl(mu, eps) for eps in spreads]
    assert terms[-1] > 17 and aligned[-1] > 17
    assert np.diff(terms).min() > 2 and np.diff(aligned).min() > 2
    informed = np.subtract(terms, aligned)
    assert (informed <= math.log(2) + 1e-9).all()
    assert informed[1:] == pytest.approx([math.log(2)] * 3, abs=1e-9)


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


def least_gap(r: float) -> float:
    """The function g of the proof: the least of ½ log(1 + t²) + 2 e^{2r} Φ(−t) − log 2."""
    found = minimize_scalar(
        lambda t: math.log1p(t**2) / 2 + misread(t, r) - math.log(2),
        bounds=(0, 2 * math.sqrt(r) + 4),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(found.fun)


def drawn_pairs() -> list[tuple[float, list[OnTheLine]]]:
    """Sharpness r and both points of encoders on the line, unequal; mirrored, each has x = 1."""
    rng = np.random.default_rng(2)
    pairs = []
    for r in (3.0, 10.0, 30.0, 100.0, 300.0):
        for _ in range(12):
            mu = np.exp(rng.uniform(-1, 1.5, 2))
            eps = mu / (2 * math.sqrt(r) * np.exp(rng.uniform(-0.1, 1.2, 2)))
            both = [OnTheLine(m, e, math.exp(-r), np.sign) for m, e in zip(mu, eps, strict=True)]
            pairs.append((r, both))
    return pairs


def test_no_high_elbo_without_a_gap() -> None:
    reached = []
    for r, pair in drawn_pairs():
        elbo_of_both = float(np.mean([at.elbo for at in pair]))
        assert elbo_of_both <= r - LOG_2PI / 2
        for at in pair:
            assert at.gap >= least_gap(r) - 1e-6
            if elbo_of_both > 0:
                assert at.gap >= least_gap(elbo_of_both + LOG_2PI / 2) - 1e-6
        reached.append(elbo_of_both)
    assert max(reached) > 250 and sum(value > 0 for value in reached) > 20
    floors = [least_gap(r) for r in (1.0, 10.0, 100.0, 1e4, 1e6)]
    assert np.diff(floors).min() > 0.8 and floors[-1] > 6
    # The bound is no platitude: with a slope in place of the jump it is broken at once.
    slope = SlopeDecoder(10.0)
    assert slope.elbo > 40 and slope.gap < 1e-3 < least_gap(slope.elbo + LOG_2PI / 2)


class SlopeDecoder:
    """x = 1, p(x|z) = N(tanh wz, sech² wz), codes N(w, 1 − c log w / w²): all by quadrature.

    Its log-likelihood is smooth(z) − ½ e^{−2wz}. Under the codes the second part lives near −w,
    where their density alone is below the least number of floating point: the product comes first.
    """

    def __init__(self, w: float, c: float = 1.5) -> None:
        self.w, self.s = w, math.sqrt(1 - c * math.log(w) / w**2)
        self.line = sorted({-w - 14, -w, 0.0, w, w + 14, w - 2 * w * self.s**2})

    def smooth(self, z: Array) -> Array:
        return np.logaddexp(self.w * z, -self.w * z) - math.log(2) - LOG_2PI / 2

    def mean(self, f: Function) -> float:
        return integral(lambda z: np.exp(normal(z, self.w, self.s)) * f(z), self.line)

    @property
    def error(self) -> float:
        """E ½ e^{−2wz} under the codes."""
        return integral(lambda z: np.exp(normal(z, self.w, self.s) - 2 * self.w * z), self.line) / 2

    @property
    def elbo(self) -> float:
        def rest(z: Array) -> Array:
            return self.smooth(z) + normal(z) - normal(z, self.w, self.s)

        return self.mean(rest) - self.error

    @property
    def log_evidence(self) -> float:
        top = self.w**2 / 2

        def density(z: Array) -> Array:
            square = np.exp(np.minimum(-2 * self.w * z, 700.0))
            return np.exp(normal(z) + self.smooth(z) - square / 2 - top)

        return top + math.log(integral(density, self.line))

    @property
    def gap(self) -> float:
        """KL(q(z|1)‖p(z|1)): the mean of log q(z|1) − log p(z, 1) + log p(1)."""
        evidence = self.log_evidence

        def rest(z: Array) -> Array:
            return normal(z, self.w, self.s) - normal(z) - self.smooth(z) + evidence

        return self.mean(rest) + self.error


def test_a_ray_on_which_the_gap_vanishes() -> None:
    # The likelihood is that of the normal law that the proposition names.
    at = SlopeDecoder(1.3)
    for z in (-1.1, 0.0, 0.4, 2.0):
        expected = normal(1.0, math.tanh(1.3 * z), 1 / math.cosh(1.3 * z))
        found = float(at.smooth(np.array(z))) - math.exp(-2.6 * z) / 2
        assert found == pytest.approx(float(expected), rel=1e-9)
    elbos, gaps = [], []
    for w in (2.0, 5.0, 10.0, 30.0, 100.0):
        at = SlopeDecoder(w)
        delta = at.log_evidence - (w**2 / 2 - math.log(2) - LOG_2PI / 2)
        room = math.exp(-(w**2)) / 2 + float(ndtr(-w / 2))
        assert -room - 1e-9 <= delta <= room + 1e-9
        bound = (at.s**2 - 1 - math.log(at.s**2)) / 2 + w**-3 / 2 + room
        assert 0 < at.gap <= bound + 1e-10
        assert at.elbo + at.gap == pytest.approx(at.log_evidence, rel=1e-9)
        elbos.append(at.elbo)
        gaps.append(at.gap)
    assert elbos[-1] == pytest.approx(4998.39, abs=0.01)
    assert gaps[-1] == pytest.approx(6.2e-7, rel=0.01)
    assert np.all(np.diff(elbos) > 0) and np.all(np.diff(gaps) < 0)
    # All of w²(1 − s²) → ∞ is needed: with s = 1 the gap tends to a half instead.
    assert SlopeDecoder(30.0, c=0.0).gap == pytest.approx(0.5, abs=0.01)


def aggregate_kl(mu: float, eps: float) -> float:
    """KL of ½ N(−mu, eps²) + ½ N(mu, eps²) from N(0, 1)."""
    breaks = sorted({side + k * eps for side in (-mu, mu) for k in (-12, 0, 12)})

    def integrand(z: Array) -> Array:
        log_q = log_mixture(z, (mu, -mu), (eps, eps))
        return np.exp(log_q) * (log_q - normal(z))

    return integral(integrand, breaks)


Pair = tuple[float, float]


def log_mixture(z: Array, means: Pair, spreads: Pair) -> Array:
    """Log-density of q(z), half of it for each point."""
    one, other = (normal(z, m, e) for m, e in zip(means, spreads, strict=True))
    return np.logaddexp(one, other) - math.log(2)


def mixture_breaks(means: Pair, spreads: Pair) -> list[float]:
    ends = {m + k * e for m, e in zip(means, spreads, strict=True) for k in (-12, -3, 0, 3, 12)}
    return sorted({*ends, -12.0, -3.0, 0.0, 3.0, 12.0})


def aggregate_js(means: Pair, spreads: Pair) -> float:
    """Jensen-Shannon divergence of q(z) from N(0, 1), by quadrature."""

    def integrand(z: Array) -> Array:
        log_q, log_p = log_mixture(z, means, spreads), normal(z)
        middle = np.logaddexp(log_q, log_p) - math.log(2)
        return (np.exp(log_q) * (log_q - middle) + np.exp(log_p) * (log_p - middle)) / 2

    return integral(integrand, mixture_breaks(means, spreads))


def aggregate_mmd2(means: Pair, spreads: Pair) -> float:
    """MMD² of q(z) from N(0, 1), kernel of σ = 1: the mean kernels of Gaussians."""
    points = list(zip(means, spreads, strict=True))
    codes = [kernel_mean(a**2 + b**2, 1, 1.0, (m - n) ** 2) for m, a in points for n, b in points]
    cross = [kernel_mean(1 + e**2, 1, 1.0, m**2) for m, e in points]
    return float(np.mean(codes) - 2 * np.mean(cross) + kernel_mean(2.0, 1, 1.0))


def aggregate_kl_of(means: Pair, spreads: Pair) -> float:
    """KL(q(z)‖N(0, 1)) of unequal points, by quadrature."""

    def integrand(z: Array) -> Array:
        log_q = log_mixture(z, means, spreads)
        return np.exp(log_q) * (log_q - normal(z))

    return integral(integrand, mixture_breaks(means, spreads))


DIVERGENCES: dict[str, tuple[Callable[[Pair, Pair], float], float]] = {
    "kl": (aggregate_kl_of, math.inf),
    "js": (aggregate_js, math.log(2)),
    "mmd2": (aggregate_mmd2, 2.0),
}


@pytest.mark.parametrize("name", DIVERGENCES)
def test_no_high_infovae_objective_without_a_gap(name: str) -> None:
    divergence, _ = DIVERGENCES[name]
    high = 0
    for r, pair in drawn_pairs():
        means, spreads = (pair[0].mu, -pair[1].mu), (pair[0].eps, pair[1].eps)
        aligned = divergence(means, spreads)
        assert aligned >= 0
        rebuilt = float(np.mean([at.reconstruction for at in pair]))
        priced = float(np.mean([kl_of(at.mu, at.eps) for at in pair]))
        least = min(at.gap for at in pair)
        for alpha, lam in product((-1.0, 0.0, 1.0), (2.0, 20.0)):
            value = rebuilt - (1 - alpha) * priced - (alpha + lam - 1) * aligned
            assert value <= r - LOG_2PI / 2
            if value > 0:
                assert least >= least_gap(value + LOG_2PI / 2) - 1e-6
                high += value > 50
    assert high > 20


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


@pytest.mark.parametrize("name", ["js", "mmd2"])
def test_a_bounded_divergence_does_not_stop_the_path(name: str) -> None:
    divergence, bound = DIVERGENCES[name]

    def at(big: float) -> tuple[Pair, Pair]:
        return (big, -big), (1 / big, 1 / big)

    # Far out each is what it is for two points that share nothing with the prior.
    gone = math.log(2) if name == "js" else 0.5 + 1 / math.sqrt(3)
    assert divergence(*at(60.0)) == pytest.approx(gone, abs=1e-3)
    if name == "mmd2":  # The closed form, against a double sum over a grid.
        z = np.linspace(-12, 12, 3001)
        excess = np.exp(log_mixture(z, *at(2.0))) - np.exp(normal(z))
        kernel = np.exp(-((z[:, None] - z) ** 2) / 2)
        area = (z[1] - z[0]) ** 2
        assert divergence(*at(2.0)) == pytest.approx(excess @ kernel @ excess * area, abs=1e-8)
    for alpha, lam in product((-2.0, 0.0, 0.5, 1.0), (3.0, 1000.0)):
        values = []
        for big in (4.0, 6.0, 60.0, 120.0, 240.0):
            aligned = divergence(*at(big))
            assert 0 < aligned <= bound + 1e-12
            rebuilt = big**2 - LOG_2PI / 2 - misread(big**2, big**2)
            if big < 10:
                sharp = OnTheLine(big, 1 / big, math.exp(-(big**2)), np.sign)
                assert sharp.reconstruction == pytest.approx(rebuilt, abs=1e-8)
            value = rebuilt - (1 - alpha) * kl_of(big, 1 / big) - (alpha + lam - 1) * aligned
            # What the proposition says, with its bounded rest written out.
            rest = (1 - alpha) * (1 - big**-2) / 2 - LOG_2PI / 2 - misread(big**2, big**2)
            leading = (1 + alpha) * big**2 / 2 - (1 - alpha) * math.log(big)
            assert value >= leading + rest - (alpha + lam - 1) * bound - 1e-9
            values.append(value)
        rises = np.diff(values[2:])
        assert (rises > 5000).all() if alpha >= 0 else (rises < 0).all()
        assert alpha < 0 or values[-1] > 25_000


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


def overlooking(law: Array) -> Callable[[Array, Array], float]:
    """A divergence that is zero at q = p and at one more law, and nowhere else."""
    return lambda a, b: js(a, b) * js(a, law)


@pytest.mark.parametrize(
    ("law", "fixed"),
    # What the overlooked law can carry is at most its entropy: 0, 0.112.
    [((1.0, 0.0, 0.0), 0.2), ((0.98, 0.01, 0.01), 0.2)],
)
def test_a_divergence_may_overlook_what_carries_too_little(
    law: tuple[float, ...], fixed: float
) -> None:
    """At α = 1, not strict, and yet an optimizer finds the match, from every start."""
    data, prior, overlooked = np.array([0.6, 0.4]), np.array([0.3, 0.3, 0.4]), np.array(law)
    divergence = overlooking(overlooked)
    assert entropy(overlooked) < fixed < entropy(data)
    assert divergence(overlooked, prior) == pytest.approx(0) == divergence(prior, prior)

    def tables(a: Array) -> Tables:
        encoder, decoder = softmax(a[:6].reshape(2, 3), -1), softmax(a[6:].reshape(3, 2), -1)
        return Tables(data, prior, encoder, decoder)

    top = fixed - entropy(data)
    best = []
    for seed in range(6):
        found = minimize(
            lambda a: -practical(tables(a), 1.0, 30.0, divergence),
            np.random.default_rng(seed).standard_normal(12),
            method="SLSQP",
            constraints={"type": "eq", "fun": lambda a: information(tables(a)) - fixed},
            options={"maxiter": 1000, "ftol": 1e-14},
        )
        assert -found.fun < top + 1e-7
        best.append((-found.fun, tables(found.x)))
    value, pair = max(best, key=lambda item: item[0])
    assert value == pytest.approx(top, abs=1e-6)
    assert pair.aggregate == pytest.approx(prior, abs=5e-3)
    assert pair.p.sum(1) == pytest.approx(data, abs=5e-3)
    assert posterior_gap(pair) < 1e-4
    # With nothing to carry the overlooked law is as good as the match, and no match.
    silent = Tables(data, prior, np.tile(overlooked, (2, 1)), np.tile(data, (3, 1)))
    assert practical(silent, 1.0, 30.0, divergence) == pytest.approx(-entropy(data), abs=1e-12)
    assert posterior_gap(silent) > 0.5


@settings(deadline=None, max_examples=25)
@given(SEEDS)
def test_mixing_with_noise_passes_through_all_information(seed: int) -> None:
    t = coupled(draw(seed))
    told = []
    for share in np.linspace(0, 1, 51):
        mixed = replace(t, encoder=share * t.encoder + (1 - share) * t.aggregate)
        assert mixed.aggregate == pytest.approx(t.aggregate)
        told.append(information(mixed))
    assert told[0] == pytest.approx(0, abs=1e-12) and told[-1] > 0
    # Convex and continuous: it rises, and no step is larger than the last.
    steps = np.diff(told)
    assert steps.min() > -1e-12 and np.diff(steps).min() > -1e-9


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
    named: dict[str, set[str]] = {}
    for page in ("balance", "family", "weights"):
        text = (BOOK / f"{page}.md").read_text(encoding="utf-8")
        last = "propositions"  # A name without its file is of the file named before it.
        for file, name in re.findall(r"(?:tests/test_(\w+)\.py)?::(test_\w+)", text):
            last = file or last
            named.setdefault(last, set()).add(name)
    written = {name for name in globals() if name.startswith("test_")}
    assert named.pop("propositions") == written - {"test_the_chapters_name_tests_that_exist"}
    assert "toy" in named
    for file, names in named.items():
        other = (Path(__file__).parent / f"test_{file}.py").read_text(encoding="utf-8")
        assert all(f"def {name}(" in other for name in names), file
