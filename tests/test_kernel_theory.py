"""What MMD and the Stein discrepancy read of codes that leave the prior, by independent means.

`test_divergence_theory.py` has the propositions on estimators, bias and noise; here it is which
codes are charged for leaving, how, and what a minibatch in single precision shows of it.
"""

import itertools
import math

import numpy as np
import pytest
import torch
from numpy.polynomial.hermite_e import hermegauss
from scipy import stats
from scipy.integrate import quad
from scipy.spatial.distance import cdist, pdist
from torch import Tensor

from infovae_core import closed_forms, divergences
from infovae_core.metrics import ValidationMMD
from tests import oracles


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Stein: the definition, by quadrature -------------------------------------------------------------


def stein_by_quadrature(points: np.ndarray, weights: np.ndarray, sigma: float) -> float:
    """E u(z, z') over two copies of a law on these points, u from automatic differentiation."""
    u = oracles.pairwise(oracles.stein_kernel(sigma), torch.from_numpy(points))
    return float(weights @ u.numpy() @ weights)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
@pytest.mark.parametrize(("d", "scale"), [(1, 0.5), (1, 1.6), (2, 0.5), (2, 1.3)])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_stein_of_normal_codes_is_its_closed_form(
    d: int, scale: float, shift: float, sigma: float
) -> None:
    x, w = hermegauss(30)
    grid = np.stack(np.meshgrid(*[x] * d, indexing="ij"), -1).reshape(-1, d)
    weights = np.prod(np.stack(np.meshgrid(*[w / w.sum()] * d, indexing="ij")), 0).reshape(-1)
    expected = oracles.stein_gaussian(np.full(d, shift), scale, sigma)
    found = stein_by_quadrature(shift + scale * grid, weights, sigma)
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("sigma", [0.6, 1.0])
def test_stein_is_a_mean_of_score_differences(sigma: float) -> None:
    """Of a mixture of two normal laws, whose tails are a normal law's."""
    z = np.linspace(-9, 9, 601)
    parts = np.array([0.3 * stats.norm.pdf(z, -1.5, 0.5), 0.7 * stats.norm.pdf(z, 0.8, 0.9)])
    q = parts.sum(0)
    score = -(parts[0] * (z + 1.5) / 0.5**2 + parts[1] * (z - 0.8) / 0.9**2) / q
    weights = q / q.sum()
    delta = (-z - score) * weights
    expected = delta @ np.exp(-((z[:, None] - z) ** 2) / (2 * sigma**2)) @ delta
    assert expected > 0.05
    assert stein_by_quadrature(z[:, None], weights, sigma) == pytest.approx(expected, rel=1e-6)


# Stein: the number of dimensions in which codes spread --------------------------------------------

# Laws on the line, not all centred, smooth or with light tails; codes have k such coordinates.
LAWS = {
    "uniform": stats.uniform(-0.5, 2),
    "laplace": stats.laplace(0.3, 0.8),
    "student": stats.t(5, -0.4, 1.2),
}


def spread(law: str, k: int, sigma: float) -> float:
    """(2πσ²)^(k/2) ∫ ‖w‖² f(w)² dw for k independent coordinates, by quadrature."""
    f = LAWS[law].pdf
    low, high = LAWS[law].support()
    low, high = max(low, -200), min(high, 200)
    squares, moments = (
        quad(lambda x, p=p: x**p * f(x) ** 2, low, high, points=[-0.4, 0.3], limit=400)[0]
        for p in (0, 2)
    )
    return float((2 * math.pi * sigma**2) ** (k / 2) * k * moments * squares ** (k - 1))


def frame(d: int, seed: int) -> Tensor:
    """An orthonormal basis of d dimensions, as columns."""
    return torch.linalg.qr(normal(d, d, seed=seed))[0]


def discrepancy(
    law: str, k: int, d: int, t: float, sigma: float, noise: float = 0.0
) -> tuple[float, float]:
    """KSD² of codes t·Uw + v over t^(2−k), and its standard error, from the definition.

    The Stein kernel u is the one that automatic differentiation gives. As it is narrow, the second
    code is drawn near the first, at w − s/t with s ~ N(0, σ² I), and weighed by f(w − s/t) over the
    density of s: a mean with a bounded variance however large t is.
    """
    n = 8000
    basis = frame(d, seed=k)
    w = torch.from_numpy(LAWS[law].rvs((n, k), random_state=k))
    s = sigma * normal(n, k, seed=1)
    near = w - s / t
    z, other = t * w @ basis[:, :k].T, t * near @ basis[:, :k].T
    if noise:
        z = z + noise * normal(n, d - k, seed=2) @ basis[:, k:].T
        other = other + noise * normal(n, d - k, seed=3) @ basis[:, k:].T
    density = torch.from_numpy(np.prod(LAWS[law].pdf(near.numpy()), axis=1))
    proposal = torch.exp(-s.square().sum(1) / (2 * sigma**2)) / (2 * math.pi * sigma**2) ** (k / 2)
    values = torch.func.vmap(oracles.stein_kernel(sigma), chunk_size=2000)(z, other)
    values = values * density / proposal / t**2  # dw' = ds/tᵏ, over t^(2−k).
    return float(values.mean()), float(values.std()) / math.sqrt(n)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("k", "d"), [(1, 1), (1, 20), (2, 2), (2, 10), (3, 3), (3, 10), (5, 6)])
def test_stein_charges_by_the_dimensions_in_which_codes_spread(law: str, k: int, d: int) -> None:
    sigma = 1.0 if d < 10 else 1.5
    value, error = discrepancy(law, k, d, 1e4, sigma)
    expected = spread(law, k, sigma)
    assert error < 0.1 * expected
    assert value == pytest.approx(expected, abs=4 * error + 1e-3 * expected)


@pytest.mark.parametrize("noise", [0.3, 1.0])
@pytest.mark.parametrize(("k", "d"), [(1, 3), (2, 6)])
def test_noise_around_the_line_or_plane_lowers_the_charge_by_its_kernel_mean(
    k: int, d: int, noise: float
) -> None:
    value, error = discrepancy("laplace", k, d, 1e4, 1.0, noise)
    expected = spread("laplace", k, 1.0) * oracles.kernel_mean(2 * noise**2, d - k, 1.0)
    assert error < 0.1 * expected
    assert value == pytest.approx(expected, abs=4 * error + 1e-3 * expected)


@pytest.mark.parametrize("d", [1, 2, 3, 7])
def test_for_normal_codes_the_charge_is_that_of_their_closed_form(d: int) -> None:
    """∫‖w‖² f² = (d/2)(4π)^(−d/2), and the limit of part 5 of the proposition on Stein."""
    limit = d / 2 * 0.5 ** (d / 2)
    quadrature, _ = quad(lambda r: r ** (d + 1) * math.exp(-(r**2)), 0, 20)
    sphere = 2 * math.pi ** (d / 2) / math.gamma(d / 2)
    squares = sphere * quadrature / (2 * math.pi) ** d
    assert (2 * math.pi) ** (d / 2) * squares == pytest.approx(limit, rel=1e-9)
    t = 1e3
    found = oracles.stein_gaussian(np.zeros(d), t, 1.0) / t ** (2 - d)
    assert found == pytest.approx(limit, rel=1e-5)


@pytest.mark.parametrize("k", [1, 2])
def test_the_estimate_in_20_dimensions_rises_on_a_line_and_levels_on_a_plane(k: int) -> None:
    """Against the closed form of normal codes, to which the other coordinates add their trace."""
    d, w, basis = 20, normal(8, 1000, k, seed=4), frame(20, seed=0)
    read = []
    for t in (10.0, 100.0):
        z = t * w @ basis[:, :k].T
        values = divergences.stein(z, z)
        trace = (d - k) * oracles.kernel_mean(2 * t**2, k, 1.0)
        expected = oracles.stein_gaussian(np.zeros(k), t, 1.0) + trace
        error = float(values.std()) / math.sqrt(len(values))
        assert error < 0.1 * expected
        assert float(values.mean()) == pytest.approx(expected, abs=4 * error)
        read.append(expected)
    # √2/4 · t on the line and ½ on the plane, where a cloud is charged nothing.
    assert read[1] == pytest.approx(math.sqrt(2) / 4 * 100 if k == 1 else 0.5, rel=0.01)
    cloud = 100 * normal(500, d, seed=5)
    assert divergences.stein(cloud, cloud).item() < 1e-20


# MMD: who reads the escape law, and who does not --------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 5, 20, 80])
def test_gaussian_codes_no_smaller_than_the_prior_read_no_more_than_escape(d: int) -> None:
    for scale in (1.0, 1.01, 1.5, 3.0, 1e3):
        assert oracles.mmd_gaussian(np.zeros(d), scale, 1.0) <= oracles.escape(d, 1.0)
    collapse = oracles.mmd_gaussian(np.zeros(d), 0.0, 1.0)
    assert collapse == pytest.approx(1 - 2 * 2 ** (-d / 2) + 3 ** (-d / 2))


def test_collapse_reads_more_in_more_dimensions() -> None:
    read = [closed_forms.mmd(0.0, d, 1.0) for d in (2, 5, 10, 20, 40, 80)]
    assert read == sorted(read)
    assert read[-1] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("points", [1, 2, 7])
@pytest.mark.parametrize("d", [2, 20])
def test_codes_that_left_the_prior_for_a_few_points_read_far_more_than_escape(
    points: int, d: int
) -> None:
    places = 1e3 * normal(points, d, seed=6)
    z = places.repeat(100, 1)
    read = divergences.mmd(z, z, prior="exact", estimator="biased").item()
    assert read == pytest.approx(1 / points + oracles.escape(d, 1.0), rel=1e-7)
    assert math.sqrt(read) > 0.35


@pytest.mark.parametrize(
    ("scale", "kernel"), [(0.0, 1.0), (0.5, 1.5**-10), (1.0, 3.0**-10), (1e3, 0.0)]
)
def test_what_the_v_statistic_reads_depends_on_the_codes(scale: float, kernel: float) -> None:
    d, n, m = 20, 64, 128
    q, p = scale * normal(400, n, d, seed=7), normal(400, m, d, seed=8)
    values = divergences.mmd(q, p, estimator="biased")
    own = oracles.escape(d, 1.0)
    expected = oracles.mmd_gaussian(np.zeros(d), scale, 1.0) + (1 - kernel) / n + (1 - own) / m
    error = float(values.std()) / math.sqrt(len(values))
    assert float(values.mean()) == pytest.approx(expected, abs=4 * error + 1e-6)
    offset = 1 / n + 1 / m
    if scale >= 1:
        assert float(values.mean()) == pytest.approx(offset, rel=0.01)
    else:
        assert float(values.mean()) > 1.5 * offset
        assert kernel > 1 / n


def far_codes(d: int) -> tuple[ValidationMMD, Tensor]:
    """A validation ruler in single precision, and codes of ten times the prior's size."""
    ruler = ValidationMMD(500, 100, 128, d, torch.Generator().manual_seed(d))
    return ruler, 10 * normal(500, d, seed=d).float()


def in_double(ruler: ValidationMMD, codes: Tensor) -> float:
    """The mean root by differences of double precision, one minibatch at a time."""
    roots = []
    for rows, prior in zip(ruler.indices, ruler.prior, strict=True):
        q, p = codes[rows].double().numpy(), prior.double().numpy()
        # Of distinct points: beside the ones of the diagonal they would be rounding alone.
        own, draws = (np.exp(-0.5 * pdist(x, "sqeuclidean")).mean() for x in (q, p))
        cross = np.exp(-0.5 * cdist(q, p, "sqeuclidean")).mean()
        roots.append(math.sqrt(max(0.0, own - 2 * cross + draws)))
    return float(np.mean(roots))


@pytest.mark.parametrize("d", [40, 60, 80])
def test_single_precision_reads_far_codes_as_double_does_and_below_the_escape_law(d: int) -> None:
    ruler, codes = far_codes(d)
    read = ruler(codes)["val_mmd"]
    assert read == pytest.approx(in_double(ruler, codes), rel=1e-4)
    # The root of a mean is above the mean of roots, and a rare close pair of draws is the mean.
    assert 0 < read < closed_forms.escape(d, 1.0)


@pytest.mark.parametrize(("d", "near"), [(40, 5.1), (60, 6.9), (80, 8.4)])
def test_one_pair_of_near_codes_reads_more_than_the_escape_law(d: int, near: float) -> None:
    n, gone = 128, closed_forms.escape(d, 1.0) ** 2
    assert closed_forms.close_pair(near + 0.1, 1.0, n) < gone
    assert closed_forms.close_pair(near - 0.1, 1.0, n) > gone
    # Far from the prior and from each other, but for two: their minibatches decide the reading.
    ruler, codes = far_codes(d)
    without = ruler(codes)["val_mmd"]
    codes[1] = codes[0] + 2.5 / math.sqrt(d)
    share = float(((ruler.indices == 0).any(1) & (ruler.indices == 1).any(1)).double().mean())
    expected = share * math.sqrt(closed_forms.close_pair(2.5, 1.0, n))
    assert 0.02 < share < 0.2
    read = ruler(codes)["val_mmd"]
    assert read == pytest.approx(expected + (1 - share) * without, rel=0.02)
    assert read > 3 * closed_forms.escape(d, 1.0)


# Kernels that widen with the dimension ------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 5, 20, 80])
def test_an_inverse_multiquadratic_of_scale_2d_reads_at_least_a_half_of_escape(d: int) -> None:
    """E C/(C + ‖y − y'‖²), C = 2d, by quadrature; ‖y − y'‖² is twice a χ² of d degrees."""
    law = stats.chi2(d)
    # From the middle out: the density of one degree is not bounded at 0.
    pieces = [law.ppf(p) for p in (0, 1e-6, 0.01, 0.5, 0.99)] + [math.inf]
    own = sum(
        quad(lambda x: d / (d + x) * law.pdf(x), a, b)[0] for a, b in itertools.pairwise(pieces)
    )
    assert 0.5 <= own < 0.5 + 1 / d
    # Of codes that left: their own kernel and that with draws vanish, though slowly.
    z, p = normal(300, d, seed=9), normal(300, d, seed=10)

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return 2 * d / (2 * d + torch.cdist(a, b).square())

    left = [
        float(divergences.mean_of_pairs(kernel(t * z, t * z), "unbiased"))
        + float(divergences.mean_of_pairs(kernel(p, p), "unbiased"))
        - 2 * float(kernel(t * z, p).mean())
        for t in (1e4, 1e6)
    ]
    assert left[1] == pytest.approx(own, abs=0.06)
    assert left[0] == pytest.approx(left[1], abs=0.01)


@pytest.mark.parametrize("d", [5, 20, 80])
def test_far_away_its_pull_falls_by_a_power_and_the_gaussian_kernels_exponentially(d: int) -> None:
    def pull(r: float) -> float:
        """The slope of C/(C + r²)."""
        return 2 * r * 2 * d / (2 * d + r**2) ** 2

    for size in (10, 100):
        r = size * math.sqrt(d)
        assert pull(10 * r) > pull(r) / 1001
        assert pull(r) > 1e100 * r / d * math.exp(-(r**2) / (2 * d)) or size == 10
        assert pull(r) > 1e12 * r / d * math.exp(-(r**2) / (2 * d))


@pytest.mark.parametrize("d", [2, 20, 80])
def test_a_squared_bandwidth_of_half_d_squared_is_wider_than_the_prior(d: int) -> None:
    """The kernel exp(−‖x − y‖²/d²): leaving costs (1 + 4/d²)^(−d/2), nearly 1."""
    sigma = d / math.sqrt(2)
    gone = closed_forms.escape(d, sigma) ** 2
    assert gone == pytest.approx((1 + 4 / d**2) ** (-d / 2))
    assert math.exp(-2 / d) < gone < 1
    z, y = normal(50, d, seed=11), normal(50, d, seed=12)
    values = torch.exp(-(z[:, None] - y).square().mean(-1) / d)
    torch.testing.assert_close(values, torch.exp(-torch.cdist(z, y).square() / (2 * sigma**2)))
