"""Rulers in bounded memory: against others' implementations, chunk by chunk, far and near."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial import KDTree
from torch import Tensor

from infovae_core import divergences, metrics, rulers
from infovae_core.kernels import Kernel

KERNELS = [
    Kernel("rbf", (1.0,)),
    Kernel("rbf", (1.0, 9.0)),
    Kernel("imq", (6.0,)),
    Kernel("energy"),
]


def normal(n: int, d: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.fixture(params=[64, 1 << 23], ids=["small chunks", "one chunk"])
def chunks(request, monkeypatch):
    monkeypatch.setattr(rulers, "BUDGET", request.param)
    monkeypatch.setattr(rulers, "CHUNK", request.param)


def values(codes: Tensor, **options) -> list[float]:
    return [value for value, _ in rulers.mmd2(codes, KERNELS, **options)]


# MMD ----------------------------------------------------------------------------------------------


def test_mmd_is_the_mean_over_draws_of_the_divergences(chunks):
    codes = 0.3 + 1.5 * normal(40, 3)
    draws = normal(1000, 3, seed=1)
    expected = [
        divergences.mmd(codes, draws),
        divergences.mmd(codes, draws, bandwidth=(1.0, 3.0)),
        divergences.imq(codes, draws),
        divergences.cramer(codes, draws),
    ]
    assert values(codes) == pytest.approx([float(one) for one in expected], abs=0.03)
    exact = divergences.mmd(codes, draws, prior="exact")
    assert values(codes)[0] == pytest.approx(float(exact), abs=1e-12)
    assert metrics.mmd2(codes, 1.0) == pytest.approx(values(codes)[0], abs=1e-12)
    assert values(codes, rough=True) == pytest.approx(values(codes), abs=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("shift", [0.0, 1e3, 1e8])
def test_far_from_the_origin_pairs_are_compared_as_near_it(scale, shift):
    """The term between codes depends on their differences alone."""
    codes = scale * normal(60, 3)
    moved = codes + shift
    near = moved - shift  # With what rounding has left of it.
    for kernel in KERNELS:
        ((far, _),) = rulers.mmd2(moved, [kernel])
        cross = kernel.prior_mean(3, moved.square().sum(1).numpy()).mean()
        ((close, _),) = rulers.mmd2(near, [kernel])
        back = kernel.prior_mean(3, near.square().sum(1).numpy()).mean()
        within, expected = far + 2 * cross, close + 2 * back
        assert within == pytest.approx(expected, rel=1e-9, abs=1e-6 * max(1.0, shift * 1e-9))


def test_the_error_is_the_deviation_over_samples():
    found = [rulers.mmd2(2 + normal(200, 2, seed), KERNELS[2:3])[0] for seed in range(200)]
    readings, errors = np.array(found).T
    assert errors.mean() == pytest.approx(readings.std(), rel=0.15)


@pytest.mark.parametrize("codes", [torch.zeros(30, 2), torch.full((30, 2), 7.0)])
def test_codes_at_one_point_have_their_closed_form(codes):
    shift = float(codes[0].double().norm())
    expected = [
        kernel.mean(2, 0) - 2 * kernel.mean(2, 1, shift) + kernel.mean(2, 2) for kernel in KERNELS
    ]
    assert values(codes) == pytest.approx(expected, abs=1e-9)


# Moments, dimensions, directions ------------------------------------------------------------------


def test_moments_are_numpys_far_from_the_origin_too(chunks):
    codes = normal(50, 4) @ normal(4, 4, 1)
    for shift in (0.0, 1e7):
        found = rulers.moments(codes + shift)
        assert np.allclose(found.covariance, np.cov(codes.numpy().T), rtol=1e-6)
        assert np.allclose(found.mean, codes.numpy().mean(0) + shift)
    assert np.allclose(rulers.variances(codes + 1e7), codes.numpy().var(0, ddof=1), rtol=1e-6)
    assert rulers.gaussian_kl(rulers.moments(codes)) == pytest.approx(metrics.gaussian_kl(codes))
    assert rulers.gaussian_kl(rulers.moments(codes * 0)) == math.inf


def test_correlation_and_rank_are_numpys():
    codes = normal(50, 4) @ normal(4, 4, 1)
    covariance = rulers.moments(codes).covariance
    r = np.corrcoef(codes.numpy().T)
    expected = np.mean(r[np.triu_indices(4, 1)] ** 2)
    assert rulers.mean_squared_correlation(covariance) == pytest.approx(expected)
    share = np.linalg.eigvalsh(np.cov(codes.numpy().T))
    share /= share.sum()
    rank = rulers.effective_rank(torch.linalg.eigvalsh(covariance))
    assert rank == pytest.approx(math.exp(stats.entropy(share)))
    # A dimension without spread has no correlation; one dimension alone, and none, have no pair.
    flat = torch.cat([codes, torch.ones(50, 1)], 1)
    with_flat = rulers.mean_squared_correlation(rulers.moments(flat).covariance)
    assert with_flat == pytest.approx(expected)
    assert math.isnan(rulers.mean_squared_correlation(torch.eye(1)))
    assert math.isnan(rulers.effective_rank(torch.zeros(3)))


def test_kolmogorov_smirnov_is_scipys(chunks):
    codes = torch.cat([normal(70, 2), 2 + normal(70, 1, 1), torch.zeros(70, 1)], 1)
    expected = [stats.kstest(column, "norm").statistic for column in codes.numpy().T]
    assert rulers.kolmogorov_smirnov(codes).tolist() == pytest.approx(expected)


def test_sliced_wasserstein_is_that_of_the_metrics(chunks):
    codes = 1 + normal(80, 3)
    along = rulers.directions(3, 256, torch.Generator().manual_seed(3))
    expected = metrics.sliced_wasserstein(codes, torch.Generator().manual_seed(3))
    assert rulers.sliced_wasserstein(codes, along) == pytest.approx(expected)
    # One dimension against SciPy, with a large sample in place of the quantiles.
    line = rulers.sliced_wasserstein(codes[:, :1], torch.ones(1, 1, dtype=torch.float64))
    levels = stats.norm.ppf((np.arange(80) + 0.5) / 80)
    paired = np.sqrt(np.mean((np.sort(codes[:, 0].numpy()) - levels) ** 2))
    assert line == pytest.approx(paired)


def test_size_neighbours_and_copies(chunks):
    codes = normal(60, 3)
    assert rulers.size(codes) == pytest.approx(float(metrics.norm_ratio(codes, 3)))
    expected = KDTree(codes.numpy()).query(codes.numpy(), 2)[0][:, 1]
    assert np.allclose(rulers.nearest(codes), expected)
    assert rulers.copies(codes) == 0
    assert rulers.copies(torch.cat([codes, codes[:7], codes[:1]])) == 8
    assert rulers.copies(torch.tensor([[0.0], [-0.0], [1.0]])) == 1


# The posterior ------------------------------------------------------------------------------------


def test_mean_kl_is_that_of_torch():
    mu, logvar = normal(30, 3), normal(30, 3, 1)
    q = torch.distributions.Normal(mu, torch.exp(logvar / 2))
    p = torch.distributions.Normal(torch.zeros(()).double(), torch.ones(()).double())
    expected = torch.distributions.kl_divergence(q, p).mean(0)
    assert torch.allclose(rulers.mean_kl(mu, logvar), expected)


def test_mutual_information_of_a_gaussian_channel():
    """μ ~ N(0, v), z ~ N(μ, 1): I = d/2 · log(1 + v)."""
    mu = normal(1500, 2) * 2
    z = mu + normal(1500, 2, 1)
    found, error = rulers.mutual_information(z, mu, torch.zeros_like(mu))
    assert found == pytest.approx(math.log(5), abs=4 * error + 0.02)
    # By loops, far from the origin, and with what no sample can show.
    loops = [
        float(-(z[i] - mu[i]).square().sum() / 2)
        - math.log(math.fsum(float(torch.exp(-(z[i] - m).square().sum() / 2)) for m in mu) / 1500)
        for i in range(5)
    ]
    some, _ = rulers.mutual_information(z + 1e6, mu + 1e6, torch.zeros_like(mu))
    assert some == pytest.approx(found, abs=1e-6)
    assert np.isfinite(loops).all()
    exact, _ = rulers.mutual_information(mu, mu, torch.full_like(mu, -60.0))
    assert exact == pytest.approx(math.log(1500), abs=1e-9)
    nothing, _ = rulers.mutual_information(z, mu * 0, torch.zeros_like(mu))
    assert nothing == pytest.approx(0, abs=1e-12)
