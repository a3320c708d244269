"""The propositions of book/collapse.md, as numbers: leaving, size, and the collapsed point."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from infovae_core import divergences, prices
from infovae_core.architecture import Architecture
from infovae_core.models import VAE
from infovae_core.objectives import bernoulli_nll
from infovae_core.report import leaving
from infovae_core.study.selection import Selection
from tests import oracles

# Leaving, in a model that can be solved ----------------------------------------------------------

NOISE, DECODER = 0.1, 0.05  # Least variance of a code given its x; variance of a pixel given z.
SIZES = np.geomspace(math.sqrt(NOISE), 1e6, 700)  # √t


def reconstruction(t, d):
    """d lines x ~ N(0, 1), code variance t of which NOISE is noise, at the best decoder."""
    return d * NOISE / (2 * DECODER * t)


@pytest.mark.parametrize("t", [0.2, 1.0, 7.0])
def test_the_solvable_models_reconstruction_is_that_of_the_best_linear_decoder(t):
    a = math.sqrt(t - NOISE)
    best = minimize_scalar(lambda w: ((1 - w * a) ** 2 + w**2 * NOISE) / (2 * DECODER))
    assert best.fun == pytest.approx(reconstruction(t, 1))


@pytest.mark.parametrize(
    ("divergence", "options", "d"),
    [
        ("mmd", {}, 2),
        ("mmd", {}, 5),
        ("mmd", {}, 20),
        ("mmd", {"bandwidth": "sqrt_d"}, 20),
        ("imq", {}, 20),
    ],
)
def test_below_one_weight_leaving_is_optimal_and_above_another_it_is_not(divergence, options, d):
    gain = reconstruction(SIZES**2, d)
    charge = np.array([prices.price(divergence, options, d, size) for size in SIZES])
    ceiling = prices.ceiling(divergence, options, d)
    level = ceiling / 2
    low = gain[charge <= level].min() / ceiling  # Δ(ρ)/κ
    high = reconstruction(1.0, d) / level  # Δ(0)/ρ

    def at_best(lam):
        return charge[np.argmin(gain + lam * charge)]

    for lam in np.geomspace(low / 1000, low * 0.999, 7):
        assert at_best(lam) > level
    for lam in np.geomspace(high * 1.001, high * 1000, 7):
        assert at_best(lam) < level
    # In between the optimum goes from far outside to near the prior, and stays there.
    held = [at_best(lam) < level for lam in np.geomspace(low, high, 40)]
    assert held == sorted(held)
    assert SIZES[np.argmin(gain + low * 0.999 * charge)] > 100 or divergence == "imq"


def test_the_threshold_of_the_thesiss_kernel_grows_by_a_root_of_three_for_each_dimension():
    thresholds = [1 / prices.ceiling("mmd", {}, d) for d in (4, 5, 6)]
    assert thresholds[1] / thresholds[0] == pytest.approx(math.sqrt(3))
    assert thresholds[2] / thresholds[1] == pytest.approx(math.sqrt(3))
    wide = [1 / prices.ceiling("imq", {}, d) for d in (2, 20, 80)]
    assert min(wide) > 1 and max(wide) <= 2


# Size earns nothing ------------------------------------------------------------------------------


@pytest.mark.parametrize("decoder", ["transposed", "masked"])
def test_a_model_can_scale_and_shift_its_codes_and_reconstruct_as_before(decoder):
    d, draw = 3, torch.Generator().manual_seed(0)
    architecture = Architecture(d, masked_channels=4 if decoder == "masked" else None)
    model = VAE(architecture, draw).double()
    x = torch.rand(16, 1, 28, 28, generator=draw).double()
    eps = torch.randn(16, d, generator=draw).double()
    scale, shift = torch.tensor([20.0, 0.1, 3.0]).double(), torch.tensor([5.0, -2.0, 0.0]).double()
    with torch.no_grad():
        before = model(x, eps)
        heads, first = model.encoder.heads, model.decoder.linear
        heads.weight[:d] *= scale[:, None]
        heads.bias[:d] = heads.bias[:d] * scale + shift
        heads.bias[d:] += 2 * scale.log()
        first.weight /= scale
        first.bias -= first.weight @ shift
        after = model(x, eps)
    torch.testing.assert_close(after.z, before.z * scale + shift, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        bernoulli_nll(x, after.logits), bernoulli_nll(x, before.logits), rtol=1e-5, atol=1e-3
    )


def test_a_charge_is_the_packages_estimate_over_that_of_codes_that_left():
    draw = torch.Generator().manual_seed(1)
    codes = torch.randn(60, 6, generator=draw, dtype=torch.float64).exp()
    ready = torch.from_numpy(leaving.matched(codes.numpy()))
    assert ready.mean(0).abs().max() < 1e-12
    torch.testing.assert_close(ready.var(0), torch.ones(6, dtype=torch.float64))
    for bandwidth in (1.0, "sqrt_d"):
        found = leaving.charges(ready.numpy(), bandwidth, (0.5, 1.0, 4.0))
        left = prices.ceiling("mmd", {"bandwidth": bandwidth}, 6)
        for c, value in zip((0.5, 1.0, 4.0), found, strict=True):
            exact = divergences.mmd(c * ready, ready, bandwidth=bandwidth, prior="exact")
            assert value * left == pytest.approx(exact.item(), rel=1e-9)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.5])
@pytest.mark.parametrize(
    ("d", "k"), [(2, 1), (5, 2), (10, 4), (10, 5), (20, 9), (20, 10), (40, 12)]
)
def test_codes_that_fill_few_dimensions_pay_less_outside_at_every_size(d, k, sigma):
    """Against the rule, (d − k) log(1 + 1/σ²) ≥ (k + 2) log 2."""
    charge = np.array([leaving.filled(d, k, c, sigma) for c in np.geomspace(0.01, 3e3, 400)])
    always = (d - k) * math.log1p(1 / sigma**2) >= (k + 2) * math.log(2) - 1e-12
    assert always == (k <= leaving.most_filled(d, sigma))
    if always:
        assert (charge >= 1 - 1e-12).all()
    else:
        assert charge.min() < 1
    # At the prior's own size the rule is that of the missing dimensions alone.
    missing = (d - k) * math.log1p(1 / sigma**2) > 2 * math.log(2)
    assert (leaving.filled(d, k, 1.0, sigma) > 1) == missing


def test_at_bandwidth_1_fewer_than_half_the_dimensions_and_at_root_d_none():
    for d in (4, 5, 10, 20, 21):
        assert leaving.most_filled(d, 1.0) == math.floor(d / 2 - 1)
        assert leaving.most_filled(d, math.sqrt(d)) == 0


def test_what_codes_that_fill_k_dimensions_pay_is_what_the_package_reads_of_them():
    d, k, n, repeats = 6, 2, 200, 60
    draw = torch.Generator().manual_seed(2)
    basis = torch.linalg.qr(torch.randn(d, d, generator=draw, dtype=torch.float64))[0][:, :k]
    for c in (0.5, 2.0):
        z = c * torch.randn(repeats, n, k, generator=draw, dtype=torch.float64) @ basis.T
        values = divergences.mmd(z, z, prior="exact") / prices.ceiling("mmd", {}, d)
        error = values.std().item() / math.sqrt(repeats)
        assert values.mean().item() == pytest.approx(leaving.filled(d, k, c, 1.0), abs=4 * error)


@pytest.mark.parametrize(("d", "k"), [(3, 3), (20, 3), (20, 12), (80, 5)])
def test_the_inverse_multiquadratic_kernel_is_never_left_for_good(d, k):
    """c²(D − κ) → −3C/2(k − 2): far outside, farther is dearer."""
    scale = 2.0 * d
    # ‖z − y‖² has k coordinates of variance 1 + c² and d − k of variance 1: mixtures, as before.
    s, weight = np.polynomial.laguerre.laggauss(100)

    def mean(inside, outside):
        """E C/(C + ‖w‖²) with k coordinates of one variance and d − k of another."""
        own = (1 + 2 * s * inside / scale) ** (-k / 2)
        return weight @ (own * (1 + 2 * s * outside / scale) ** (-(d - k) / 2))

    if k == d:
        assert mean(4.5, 0.0) == pytest.approx(prices.mean_imq(4.5, d, scale))
    gaps = [c**2 * (mean(2 * c**2, 0.0) - 2 * mean(1 + c**2, 1.0)) for c in (3.0, 6.0)]
    assert max(gaps) < 0
    large = 20.0
    expansion = scale / (large**2 * (k - 2)) * (0.5 - 2)
    s, weight = np.polynomial.laguerre.laggauss(180)
    assert mean(2 * large**2, 0.0) - 2 * mean(1 + large**2, 1.0) == pytest.approx(
        expansion, rel=0.6
    )


# The collapsed point -----------------------------------------------------------------------------


def two_points(s, d, kernel):
    """D of codes N(±s e₁, I), equally likely, by the means of a kernel: (variance, d, shift²)."""
    own = (kernel(2.0, d, 0.0) + kernel(2.0, d, 4 * s**2)) / 2
    return own - 2 * kernel(2.0, d, s**2) + kernel(2.0, d, 0.0)


KERNELS = {
    "mmd": lambda v, d, shift: oracles.kernel_mean(v, d, 1.0, shift),
    "cramer": lambda v, d, shift: -oracles.mean_norm(v, d, shift),
}


@pytest.mark.parametrize("d", [1, 2, 10])
@pytest.mark.parametrize("name", KERNELS)
def test_means_that_begin_to_differ_are_charged_at_the_fourth_order(name, d):
    values = [two_points(s, d, KERNELS[name]) for s in (0.4, 0.2, 0.1)]
    assert min(values) > 0
    assert values[0] / values[1] == pytest.approx(16, rel=0.2)
    assert values[1] / values[2] == pytest.approx(16, rel=0.06)


@pytest.mark.parametrize(
    ("divergence", "options"), [("mmd", {}), ("imq", {}), ("cramer", {}), ("stein", {})]
)
def test_the_collapsed_point_is_a_saddle_that_no_weight_moves(divergence, options):
    """The Hessian of R + λD in what the encoder says, s, and what the decoder hears, w."""

    def objective(s, w, lam):
        size = math.sqrt(1 + s**2)
        fit = (1 - 2 * w * s + w**2 * size**2) / (2 * DECODER)
        return fit + lam * prices.price(divergence, options, 1, size)

    h = 1e-3
    for lam in (0.0, 1.0, 1e3):
        hessian = np.array(
            [
                [
                    sum(i * j * objective(i * a + j * b, i * e + j * f, lam) for i, j in SIGNS)
                    / (4 * h**2)
                    for b, f in ((h, 0.0), (0.0, h))
                ]
                for a, e in ((h, 0.0), (0.0, h))
            ]
        )
        expected = np.array([[0, -1], [-1, 1]]) / DECODER
        assert hessian == pytest.approx(expected, abs=0.02)
        low = np.linalg.eigvalsh(hessian)[0]
        assert low == pytest.approx((1 - math.sqrt(5)) / (2 * DECODER), rel=0.01)


SIGNS = [(1, 1), (1, -1), (-1, 1), (-1, -1)]


# Noise and Adam ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("signal", "noise"), [(1.0, 0.5), (0.3, 1.0), (-0.1, 2.0)])
def test_adams_mean_step_is_the_learning_rate_times_signal_over_root_mean_square(signal, noise):
    draw, rate = torch.Generator().manual_seed(3), 1e-3
    at = torch.zeros(4000, requires_grad=True)
    adam, marks = torch.optim.Adam([at], lr=rate), []
    for step in range(2500):
        at.grad = signal + noise * torch.randn(4000, generator=draw)
        adam.step()
        if step in (1499, 2499):
            marks.append(at.detach().mean().item())
    speed = (marks[0] - marks[1]) / 1000
    assert speed == pytest.approx(rate * signal / math.hypot(signal, noise), rel=0.04)


def plateau(optimizer, noise, steps=3000, copies=64):
    """Steps until half of many copies of the saddle have left it, from the same start."""
    draw = torch.Generator().manual_seed(4)
    s, w = (torch.full((copies,), 0.02, requires_grad=True) for _ in range(2))
    chosen = optimizer([s, w])
    for step in range(1, steps + 1):
        with torch.no_grad():
            s.grad = -w + noise * torch.randn(copies, generator=draw)
            w.grad = w - s
        chosen.step()
        if (s * w > 0.25).double().mean() > 0.5:
            return step
    return steps + 1


def test_noise_on_the_encoder_lengthens_the_plateau_of_adam_and_not_of_plain_descent():
    adam = [
        plateau(lambda p: torch.optim.Adam(p, lr=1e-2), noise) for noise in (0.0, 1.0, 2.0, 4.0)
    ]
    assert adam[1] > 4 * adam[0]
    for shorter, longer in pairwise(adam[1:]):
        assert math.sqrt(2) * 0.8 < longer / shorter < 2 * 1.2
    plain = [plateau(lambda p: torch.optim.SGD(p, lr=1e-2), noise) for noise in (0.0, 1.0, 4.0)]
    assert max(plain) <= plain[0]


def test_the_stored_codes_are_those_that_the_charges_are_of():
    """Of one run, against the package's own estimator."""
    runs = Selection("experiment2", latent_dims=(20,), seeds=(0,)).require()
    (result,) = [one for run, one in runs.items() if run.model == "recon_ae"]
    codes = torch.from_numpy(leaving.matched(result.arrays["codes"]))
    found = leaving.frame(runs).query("model == 'recon_ae'").set_index("metric")["value"]
    for metric, bandwidth in (("charge", 1.0), ("wide_charge", "sqrt_d")):
        exact = divergences.mmd(codes, codes, bandwidth=bandwidth, prior="exact").item()
        left = prices.ceiling("mmd", {"bandwidth": bandwidth}, 20)
        assert found[metric] == pytest.approx(exact / left, rel=1e-6)
