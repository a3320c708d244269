"""Proposition 1 on two points: formulas against quadrature, and what training does."""

import math

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from infovae_core import divergences
from infovae_core.names import UnknownName
from infovae_core.report import toy
from infovae_core.report.figures import toy_plots
from infovae_core.study.parameters import ToyParameters

matplotlib.use("Agg")
GOOD = {
    "seed": 0,
    "steps": 1500,
    "learning_rate": 0.01,
    "alpha": 1,
    "lam": 1000,
    "weak_lam": 100,
    "bandwidth": 1.0,
}


def state(mu=(-0.7, 0.9), sigma=(0.6, 0.4), w=1.7, b=-0.2) -> toy.State:
    return toy.State(*(torch.tensor(value, dtype=toy.DOUBLE) for value in (mu, sigma, w, b)))


STATES = {
    "usual": state(),
    "prior": state((0.0, 0.0), (1.0, 1.0), 0.3, 0.1),
    "far": state((-6.0, 7.0), (0.8, 0.9), 8.0, 0.3),
    "narrow": state((-0.8, 0.8), (0.15, 0.15), 0.8 / 0.15**2, 0.0),
}
EACH = pytest.mark.parametrize("at", STATES.values(), ids=STATES)


def likelihood(at: toy.State, x: int, z: float) -> float:
    """Log p(x|z) from the definition, a normal density with mean tanh u and deviation sech u."""
    u = float(at.w) * z + float(at.b)
    return float(norm.logpdf(x, math.tanh(u), 1 / math.cosh(u)))


def expectation(at: toy.State, i: int, h) -> float:
    """E h(z) under q(z|x) by adaptive quadrature, as wide as e^{−2xu} reaches."""
    mu, sigma, w = float(at.mu[i]), float(at.sigma[i]), abs(float(at.w))
    reach = (12 + 2 * w * sigma) * sigma
    points = [mu - 2 * w * sigma**2, mu, mu + 2 * w * sigma**2, -float(at.b) / float(at.w)]
    value, _ = quad(
        lambda z: norm.pdf(z, mu, sigma) * h(z),
        mu - reach,
        mu + reach,
        points=[p for p in points if abs(p - mu) < reach],
        epsabs=1e-11,
        limit=500,
    )
    return float(value)


def stable(at: toy.State, x: int, z: float) -> float:
    """Log p(x|z) with the square worked out, for u at which tanh u rounds to ±1."""
    u = float(at.w) * z + float(at.b)
    square = math.exp(min(-2 * x * u, 700.0))  # Beyond, no code of these tests has any mass.
    return float(np.logaddexp(u, -u)) - math.log(2) - square / 2 - math.log(2 * math.pi) / 2


@pytest.mark.parametrize("u", [-3.0, -0.4, 0.0, 0.1, 2.5])
@pytest.mark.parametrize("x", [-1, 1])
def test_the_decoder_is_the_normal_it_says_it_is(x, u):
    got = toy.log_likelihood(torch.tensor(float(x)), torch.tensor(u, dtype=toy.DOUBLE))
    assert float(got) == pytest.approx(norm.logpdf(x, math.tanh(u), 1 / math.cosh(u)), rel=1e-9)
    assert stable(state(w=1.0, b=0.0), x, u) == pytest.approx(float(got), rel=1e-12)


@EACH
def test_the_bound_is_its_integral(at):
    for i, x in enumerate((-1, 1)):
        expected = expectation(at, i, lambda z, x=x: stable(at, x, z))
        assert float(toy.reconstruction(at)[i]) == pytest.approx(expected, abs=2e-4)
        mu, sigma = float(at.mu[i]), float(at.sigma[i])
        kl = expectation(at, i, lambda z, m=mu, s=sigma: norm.logpdf(z, m, s) - norm.logpdf(z))
        assert float(toy.kl(at)[i]) == pytest.approx(kl, abs=1e-8)
    elbo = (toy.reconstruction(at) - toy.kl(at)).mean()
    measured = toy.measure(0, at, 1.0)
    assert measured.elbo == pytest.approx(float(elbo), abs=2e-4)
    assert measured.kl == pytest.approx(float(toy.kl(at).mean()))


@EACH
def test_the_gap_is_the_divergence_from_the_true_posterior(at):
    gaps = []
    for i, x in enumerate((-1, 1)):
        mode = x * float(at.w)
        top = stable(at, x, mode) + norm.logpdf(mode)
        evidence, _ = quad(
            lambda z, x=x, c=top: math.exp(stable(at, x, z) + norm.logpdf(z) - c),
            -abs(mode) - 12,
            abs(mode) + 12,
            points=[0, mode, mode - 3, mode + 3],
            limit=500,
        )
        log_evidence = math.log(evidence) + top
        mu, sigma = float(at.mu[i]), float(at.sigma[i])

        def ratio(z, x=x, m=mu, s=sigma, e=log_evidence):
            return norm.logpdf(z, m, s) - (stable(at, x, z) + norm.logpdf(z) - e)

        gaps.append(expectation(at, i, ratio))
    assert toy.measure(0, at, 1.0).gap == pytest.approx(np.mean(gaps), abs=1e-5)
    assert min(gaps) > 0


@EACH
def test_the_true_posterior_is_a_density_and_a_steep_decoders_is_near_its_slope(at):
    z = torch.arange(-60, 60, 0.002, dtype=toy.DOUBLE)
    density = toy.posterior(at, z)
    torch.testing.assert_close(density.sum(1) * 0.002, torch.ones(2, dtype=toy.DOUBLE))
    if float(at.w) > 5:  # p(z) e^{|u|} is N(±w, 1), but for a factor.
        mean = (density * z).sum(1) * 0.002
        torch.testing.assert_close(mean, toy.X * at.w, rtol=0, atol=1e-3)


@EACH
@pytest.mark.parametrize("bandwidth", [0.5, 1.0, 3.0])
def test_the_penalty_is_a_double_integral(at, bandwidth):
    z = np.arange(-20, 20, 0.01)
    q = sum(norm.pdf(z, float(m), float(s)) for m, s in zip(at.mu, at.sigma, strict=True)) / 2
    difference = q - norm.pdf(z)
    kernel = np.exp(-((z[:, None] - z) ** 2) / (2 * bandwidth**2))
    assert float(toy.mmd2(at, bandwidth)) == pytest.approx(
        difference @ kernel @ difference * 1e-4, abs=1e-7
    )


def test_the_penalty_is_what_the_packages_estimator_estimates():
    at, generator = STATES["usual"], torch.Generator().manual_seed(0)
    eps = torch.randn(400, 2, 100, generator=generator, dtype=toy.DOUBLE)
    q = (at.mu[:, None] + at.sigma[:, None] * eps).flatten(1)[..., None]
    p = torch.randn(400, 200, 1, generator=generator, dtype=toy.DOUBLE)
    # Half of the codes are of each point, so that the V-statistic's bias is the diagonal's alone.
    values = divergences.mmd(q, p, estimator="biased", prior="exact")
    within = toy.mmd2(state(tuple(at.mu), tuple(at.sigma)), 1.0)
    same = (1 - (1 / (1 + 2 * at.sigma**2)).sqrt()).mean() / 200
    assert float(values.mean()) == pytest.approx(
        float(within + same), abs=4 * float(values.std()) / 20
    )


@given(mu=st.floats(0.1, 3), sigma=st.floats(0.3, 1.5))
def test_no_gaussian_decoder_is_better_than_the_unit_of_slope_mu_over_variance(mu, sigma):
    """Its mean and variance are those of q(x|z), which are best at every z."""
    for z in (-2.0, -0.3, 0.0, 1.1):
        odds = [norm.logpdf(z, x * mu, sigma) for x in (-1, 1)]
        share = 1 / (1 + math.exp(odds[0] - odds[1]))
        u = mu / sigma**2 * z
        assert math.tanh(u) == pytest.approx(2 * share - 1, abs=1e-9)
        assert math.cosh(u) ** -2 == pytest.approx(4 * share * (1 - share), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("change", [{"w": 0.9}, {"w": 1.1}, {"b": 0.1}, {"b": -0.1}])
def test_another_slope_or_shift_reconstructs_less(change):
    mu, sigma = 0.8, 0.6
    best = state((-mu, mu), (sigma, sigma), mu / sigma**2, 0.0)
    w, b = mu / sigma**2 * change.get("w", 1), change.get("b", 0.0)
    other = state((-mu, mu), (sigma, sigma), w, b)
    assert toy.reconstruction(other).mean() < toy.reconstruction(best).mean() - 1e-4


@pytest.mark.parametrize("lam", [1.0, 100.0, 1000.0, 1e5])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_no_weight_bounds_the_objective(alpha, lam):
    """Codes N(±1, σ²): reconstruction grows like 1/σ², a bounded kernel's penalty does not."""
    sigma = np.array([1e-3, 1e-4, 1e-5])
    values = toy.best_for_spread(sigma, np.array([1.0]), alpha, [lam], 1.0)[lam]
    assert values * sigma**2 == pytest.approx(1, rel=0.05)
    assert values[-1] * sigma[-1] ** 2 == pytest.approx(1, rel=1e-5)


def test_the_landscape_is_the_objective_at_its_best_mean():
    sigma, means = np.array([0.5, 0.8]), np.array([0.3, 0.6, 1.2])
    found = toy.best_for_spread(sigma, means, 0.5, [2, 10], 0.7)
    for lam, row in found.items():
        for s, value in zip(sigma, row, strict=True):
            candidates = [state((-m, m), (s, s), m / s**2, 0.0) for m in means]
            expected = max(float(toy.objective(one, 0.5, lam, 0.7)) for one in candidates)
            assert value == pytest.approx(expected, rel=1e-12)


def settings(**changes) -> ToyParameters:
    return ToyParameters(**(GOOD | changes))


@pytest.fixture(scope="module")
def trainings():
    chosen = settings()
    return {
        "elbo": toy.train(chosen, 0, 1),
        "strong": toy.train(chosen, chosen.alpha, chosen.lam),
        "weak": toy.train(chosen, chosen.alpha, chosen.weak_lam),
    }


@pytest.fixture(scope="module")
def plain():
    return toy.train(settings(), 0, 1, adam=False)


def test_the_bound_and_the_gap_grow_together(trainings):
    moments = trainings["elbo"]
    half, last = moments[len(moments) // 2], moments[-1]
    assert last.elbo > 2 * half.elbo > 20
    assert last.gap > 2 * half.gap > 0.5
    assert last.state.mu.abs().min() > 10


def test_the_gap_belongs_to_the_optimizers_path(trainings, plain):
    """Plain ascent loses a third of its bound, Adam a few per cent; the ray, less and less."""
    ascent, adam = plain[-1], trainings["elbo"][-1]
    assert ascent.elbo > 40 and ascent.gap / ascent.elbo == pytest.approx(1 / 3, abs=0.01)
    assert float(ascent.state.w / ascent.state.mu[1]) == pytest.approx(2, abs=0.05)
    assert 0.01 < adam.gap / adam.elbo < 0.05
    shares = [m.gap / m.elbo for m in trainings["elbo"] if m.elbo > 5]
    assert np.all(np.diff(shares) < 0)
    # From the same start and with the same decoders, and a bound as high, codes need not lag.
    ray = toy.ray([17.0], 1.0)[0]
    assert ray.elbo > adam.elbo and ray.gap < 2e-4
    # The derivation: a third is where w = 2μ leads, whatever the scale.
    for mu in (30.0, 100.0):
        at = toy.measure(0, state((-mu, mu), (0.5, 0.5), 2 * mu, 0.0), 1.0)
        assert at.gap / at.elbo == pytest.approx(1 / 3, abs=5 / mu**2)


def test_the_ray_reaches_every_bound_with_ever_less_gap():
    """The gap against the formula of its proof, KL + ½ w⁻³ + log E h, by other quadrature."""
    moments = toy.ray([2.0, 5.0, 20.0, 100.0], 1.0)
    for w, moment in zip((2.0, 5.0, 20.0, 100.0), moments, strict=True):
        s2 = 1 - 1.5 * math.log(w) / w**2
        assert float(moment.state.sigma[0]) == pytest.approx(math.sqrt(s2), rel=1e-12)

        def h(z, w=w):
            y = math.exp(min(-2 * w * z, 700.0))
            return (1 + y) * math.exp(-y / 2)

        excess, _ = quad(
            lambda z, w=w: norm.pdf(z, w) * (h(z) - 1), w - 12, w + 12, points=[max(w - 12, 0), w]
        )
        spread, low = math.sqrt(s2), w - 12

        def once_more(z, w=w, spread=spread):
            return norm.pdf(z, w, spread) * math.log1p(math.exp(-2 * w * z))

        once, _ = quad(once_more, low, w + 12, points=[max(low, 0), w])
        expected = (s2 - 1 - math.log(s2)) / 2 + w**-3 / 2 - once + math.log1p(excess)
        assert moment.gap == pytest.approx(expected, rel=1e-6, abs=3e-10)
    assert all(m.elbo > w**2 / 2 - 2 for w, m in zip((2, 5, 20, 100), moments, strict=True))
    assert moments[-1].gap < 1e-6 < moments[0].gap / 1e4


@pytest.mark.parametrize("r", [0.5, 3.0, 40.0])
def test_the_decoder_of_the_sign_has_a_least_gap(r):
    """Against a search over both of the encoder's parameters, and bound plus gap = log p(x)."""
    bound, gap = toy.sign_decoder([r])[0]
    mu, sigma = np.meshgrid(np.geomspace(0.3, 2, 400), np.geomspace(0.02, 2, 800))
    kl = 0.5 * (mu**2 + sigma**2 - 1) - np.log(sigma)
    wrong = 2 * np.exp(2 * r + norm.logcdf(-mu / sigma))
    reached = r - 0.5 * math.log(2 * math.pi) - wrong - kl
    assert reached.max() == pytest.approx(bound, abs=2e-3)
    assert reached.max() <= bound + 1e-9
    evidence = np.logaddexp(*(norm.logpdf(1, m, math.exp(-r)) - math.log(2) for m in (-1.0, 1.0)))
    assert bound + gap == pytest.approx(evidence, rel=1e-9)


def test_a_large_weight_holds_the_codes_and_a_small_one_does_not(trainings):
    strong, weak = trainings["strong"], trainings["weak"]
    assert strong[-1].gap < 1
    assert strong[-1].mmd2 < 1e-3
    torch.testing.assert_close(strong[-1].state.mu, strong[-20].state.mu, rtol=0, atol=1e-3)
    # It is the top of the landscape near the start, and the decoder there is the best.
    sigma = np.array([float(strong[-1].state.sigma[0])])
    top = toy.best_for_spread(sigma, np.linspace(0.5, 0.8, 301), 1, [1000], 1.0)[1000][0]
    reached = float(toy.objective(strong[-1].state, 1, 1000, 1.0))
    assert reached == pytest.approx(top, abs=1e-4)
    assert weak[-1].gap > 50
    assert weak[-1].state.sigma.max() < 0.3
    assert weak[-1].state.mu.abs().max() < 1.5


@pytest.mark.parametrize("seed", [1, 2])
def test_other_seeds_do_the_same(seed):
    chosen = settings(seed=seed, steps=500, learning_rate=0.02)
    elbo, strong = toy.train(chosen, 0, 1, 3), toy.train(chosen, 1, 1000, 3)
    assert elbo[-1].elbo > 50
    assert elbo[-1].gap > 1 > strong[-1].gap


def test_a_training_is_its_seed_and_goes_on_with_more_steps():
    short, again, longer = (toy.train(settings(steps=n), 0, 1, moments=3) for n in (20, 20, 40))
    assert [m.step for m in short] == [0, 10, 20]
    assert short[-1].elbo == again[-1].elbo == longer[1].elbo
    assert toy.train(settings(steps=20, seed=1), 0, 1)[-1].elbo != short[-1].elbo


def test_a_decoder_too_steep_to_integrate_is_refused():
    with pytest.raises(ValueError, match=r"too steep.*fewer steps"):
        toy.measure(0, state(w=1e5), 1.0)


def test_figures_show_what_was_trained(trainings, plain):
    growth = toy_plots.bound_and_gap(trainings)
    for axis, name in zip(growth.axes, ("elbo", "gap"), strict=True):
        for line, moments in zip(axis.lines, trainings.values(), strict=False):
            assert line.get_ydata().tolist() == [getattr(m, name) for m in moments]
    ray, sign = toy.ray([2.0, 3.0, 5.0], 1.0), toy.sign_decoder([0.5, 4.0, 9.0])
    paths = {"adam": trainings["elbo"], "plain": plain, "ray": ray}
    lines = toy_plots.gap_against_bound(paths, sign).axes[0].lines
    for line, moments in zip(lines, paths.values(), strict=False):
        assert line.get_xdata().tolist() == [m.elbo for m in moments if m.elbo > 1]
        assert line.get_ydata().tolist() == [m.gap for m in moments if m.elbo > 1]
    assert lines[3].get_ydata().tolist() == sign[1:, 1].tolist()
    portraits = toy_plots.portraits(trainings["elbo"])
    titles = [axis.get_title("left") or axis.get_title() for axis in portraits.axes[:4]]
    assert titles[0] == "step 0"
    assert titles[-1] == "step 1,500"
    # The prior and the true posteriors are in the picture.
    assert all(axis.get_xlim()[1] > 3.5 for axis in portraits.axes)
    assert portraits.axes[3].get_xlim()[1] > float(trainings["elbo"][-1].state.w)
    sigma = np.array([0.2, 1.0])
    landscape = toy_plots.landscape(sigma, {1.0: sigma, 10.0: -sigma}, 0.5)
    assert landscape.axes[0].lines[0].get_ydata().tolist() == [-0.2, -1.0]
    plt.close("all")


def test_parameters_are_read_and_validated():
    assert ToyParameters.read({**GOOD, "In": [], "np": np}) == settings()
    with pytest.raises(UnknownName, match=r"unknown parameter 'step'.*Did you mean 'steps'"):
        ToyParameters.read({**GOOD, "step": 3})
    with pytest.raises(ValueError, match="does not set 'lam'"):
        ToyParameters.read({k: v for k, v in GOOD.items() if k != "lam"})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", -1, "seed must be an integer of at least 0"),
        ("seed", True, "seed must be an integer"),
        ("steps", 0, "steps must be an integer of at least 1"),
        ("steps", 10.5, "steps must be an integer"),
        ("learning_rate", 0, "learning_rate must be positive"),
        ("learning_rate", "fast", "learning_rate must be a number"),
        ("bandwidth", -1.0, "bandwidth must be positive"),
        ("alpha", math.nan, "alpha must be finite"),
        ("lam", -1, "reward divergence: choose lam ≥ 0, got -1"),
        ("weak_lam", math.inf, "weak_lam must be finite"),
    ],
)
def test_bad_values_are_refused_by_name(name, value, message):
    with pytest.raises(ValueError, match=message):
        ToyParameters.read({**GOOD, name: value})
