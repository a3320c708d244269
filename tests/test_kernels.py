"""Kernels as mixtures of Gaussians: closed forms against quadrature, sampling, the divergences."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad

from infovae_core import closed_forms, divergences
from infovae_core.kernels import Kernel
from infovae_core.prices import mean_imq, mean_norm

DIMS = (1, 2, 20, 300)


def kernels(d: int) -> list[Kernel]:
    return [
        Kernel("rbf", (float(d),)),
        Kernel("rbf", (d / 4, 4.0 * d)),
        Kernel("imq", (2.0 * d,)),
        Kernel("imq", (0.2 * d, 20.0 * d), total=True),
        Kernel("energy"),
    ]


def at(kernel: Kernel, r2: float) -> float:
    return float(kernel.values(torch.tensor(r2, dtype=torch.float64)))


@pytest.mark.parametrize("d", DIMS)
def test_means_over_the_prior_are_integrals_over_chi_square_laws(d):
    shift = math.sqrt(3 * d + 5)
    for kernel in kernels(d):
        low, high = stats.chi2.ppf([1e-14, 1 - 1e-14], d)
        law = stats.chi2(d)
        pair, _ = quad(lambda x, k=kernel, p=law: at(k, 2 * x) * p.pdf(x), low, high, epsrel=1e-10)
        # With half of r² → r, the root of the energy distance is smooth at 0.
        assert kernel.mean(d, 2) == pytest.approx(pair, rel=1e-6)
        law = stats.ncx2(d, shift**2)
        low, high = law.ppf([1e-13, 1 - 1e-13])
        far, _ = quad(lambda x, k=kernel, p=law: at(k, x) * p.pdf(x), low, high, epsrel=1e-10)
        assert kernel.mean(d, 1, shift) == pytest.approx(far, rel=1e-6)
        (found,) = kernel.prior_mean(d, np.array([shift**2]))
        assert found == pytest.approx(kernel.mean(d, 1, shift), rel=1e-12)
    assert Kernel("imq", (2.0 * d,)).mean(d, 2) == pytest.approx(mean_imq(2, d, 2 * d), rel=1e-9)


@pytest.mark.parametrize("d", DIMS)
def test_minus_the_distance_has_the_means_of_a_normal_law(d):
    energy = Kernel("energy")
    assert energy.mean(d, 2) == pytest.approx(-mean_norm(2, d), rel=1e-10)
    # Codes scaled by c: 2 E‖z − y‖ − E‖z − z'‖ − E‖y − y'‖.
    expected = mean_norm(1, d) * (2 * math.sqrt(1 + 9) - math.sqrt(2) * 3 - math.sqrt(2))
    assert energy.mmd2(d, 3) == pytest.approx(expected, rel=1e-9)
    assert energy.escape(d) == math.inf


def test_far_codes_have_their_distance_to_the_prior():
    found = Kernel("energy").prior_mean(3, np.array([1e4, 1e12, 1e20]))
    assert found == pytest.approx([-math.sqrt(1e4 + 2), -1e6, -1e10], rel=1e-6)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 4.0])
@pytest.mark.parametrize("d", [1, 5, 40])
def test_the_rbf_kernel_has_the_closed_forms_of_the_figures(d, sigma):
    kernel = Kernel("rbf", (sigma**2,))
    assert kernel.escape(d) == pytest.approx(closed_forms.escape(d, sigma) ** 2)
    assert kernel.mmd2(d, 1.7) == pytest.approx(closed_forms.mmd(1.7, d, sigma) ** 2)
    assert kernel.noise(d, 64, 64) == pytest.approx(closed_forms.mmd_noise(d, sigma, 64) ** 2)
    assert kernel.noise(d, 64) == pytest.approx(
        kernel.noise(d, 64, 64) * math.sqrt(2 / (64 * 63) / (4 / (64 * 63) + 4 / 64**2))
    )
    assert kernel.collapse(d) == pytest.approx(closed_forms.mmd(0, d, sigma) ** 2)


@pytest.mark.parametrize("d", [1, 3, 20])
def test_noise_is_the_deviation_of_simulated_matches(d):
    generator = torch.Generator().manual_seed(d)
    z, y = torch.randn(2, 3000, 16, d, generator=generator, dtype=torch.float64)
    found = {
        Kernel("imq", (2.0 * d,)): divergences.imq(z, y),
        Kernel("energy"): divergences.cramer(z, y),
        Kernel("rbf", (float(d),)): divergences.mmd(z, y, bandwidth="sqrt_d"),
    }
    for kernel, values in found.items():
        assert float(values.std()) == pytest.approx(kernel.noise(d, 16, 16), rel=0.08)


def test_values_are_those_of_the_divergences():
    z, y = torch.randn(2, 30, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    r2 = divergences.squared_distances(z, y)
    for kernel, expected in (
        (Kernel("imq", (8.0,)), 8 / (8 + r2)),
        (Kernel("rbf", (2.0,)), torch.exp(-r2 / 4)),
        (Kernel("rbf", (1.0, 2.0)), (torch.exp(-r2 / 2) + torch.exp(-r2 / 4)) / 2),
        (Kernel("imq", (1.0, 8.0), total=True), 1 / (1 + r2) + 8 / (8 + r2)),
        (Kernel("energy"), -divergences.distances(z, y)),
    ):
        assert torch.allclose(kernel.values(r2.clone()), expected, atol=1e-7)


@pytest.mark.parametrize("scales", [(), (0.0,), (-1.0,), (math.inf,), (math.nan,)])
def test_a_scale_that_is_none_is_refused(scales):
    with pytest.raises(ValueError, match="positive finite numbers, at least one; got"):
        Kernel("rbf", scales)
    with pytest.raises(ValueError, match="unknown kernel 'laplace': choose from rbf, imq, energy"):
        Kernel("laplace")
