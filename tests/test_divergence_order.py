"""Which divergence bounds which, and which of them is a metric."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad

from infovae_core import divergences
from tests import oracles

Z = np.linspace(-12, 12, 1601)
STEP = Z[1] - Z[0]
P = stats.norm.pdf(Z)
LAWS = {
    "shifted": stats.norm.pdf(Z, 0.8, 1.0),
    "smaller": stats.norm.pdf(Z, 0.0, 0.4),
    "nearly": stats.norm.pdf(Z, 0.01, 1.0),
    "larger": stats.norm.pdf(Z, 0.3, 1.2),
    "two": 0.5 * stats.norm.pdf(Z, -1.5, 0.3) + 0.5 * stats.norm.pdf(Z, 1.5, 0.3),
    "uniform": stats.uniform.pdf(Z, -1, 2),
    "skewed": stats.skewnorm.pdf(Z, 4, -0.8, 1.0),
}


def integral(values: np.ndarray) -> float:
    return float(values.sum() * STEP)


def kl(q: np.ndarray, p: np.ndarray) -> float:
    """KL(q ‖ p) by quadrature, where q is positive."""
    on = q > 0
    return integral(q[on] * np.log(q[on] / p[on]))


def js(q: np.ndarray, p: np.ndarray) -> float:
    return 0.5 * kl(q, (q + p) / 2) + 0.5 * kl(p, (q + p) / 2)


def chi2(q: np.ndarray, p: np.ndarray) -> float:
    return integral((q - p) ** 2 / p)


def mmd2(q: np.ndarray, p: np.ndarray, sigma: float) -> float:
    k = np.exp(-((Z[:, None] - Z) ** 2) / (2 * sigma**2))
    return float((q - p) @ k @ (q - p)) * STEP**2


def zeta(d: int, sigma: float) -> float:
    """E k̃², the second moment of the centred kernel."""
    s = 1 / sigma**2
    return float(
        (1 + 4 * s) ** (-d / 2) - 2 * ((1 + s) * (1 + 3 * s)) ** (-d / 2) + (1 + 2 * s) ** (-d)
    )


@pytest.mark.parametrize("law", LAWS)
def test_chi2_bounds_kl_js_and_mmd(law: str) -> None:
    q = LAWS[law] / integral(LAWS[law])
    bound = chi2(q, P)
    assert 0 < kl(q, P) <= math.log1p(bound) <= bound
    assert 0 < js(q, P) <= 0.5 * integral((q - P) ** 2 / (q + P)) <= bound / 2
    for sigma in (0.5, 1.0, 3.0):
        assert 0 < mmd2(q, P, sigma) <= math.sqrt(zeta(1, sigma)) * bound


@pytest.mark.parametrize("d", [1, 5, 20, 80])
@pytest.mark.parametrize("variance", [0.5, 0.9, 1.1, 1.6])
def test_chi2_bounds_mmd_of_normal_codes_in_many_dimensions(variance: float, d: int) -> None:
    bound = (variance * (2 - variance)) ** (-d / 2) - 1
    on_the_line = chi2(stats.norm.pdf(Z, 0, math.sqrt(variance)), P)
    assert (1 + on_the_line) ** d - 1 == pytest.approx(bound, rel=1e-4)
    for sigma in (1.0, math.sqrt(d)):
        read = oracles.mmd_gaussian(np.zeros(d), math.sqrt(variance), sigma)
        assert 0 < read <= math.sqrt(zeta(d, sigma)) * bound
    if d == 80:
        assert math.sqrt(zeta(d, 1.0)) == pytest.approx(5 ** (-d / 4), rel=0.01)


@pytest.mark.parametrize("share", [0.5, 1e-2, 1e-4])
def test_nothing_bounds_chi2(share: float) -> None:
    wide = stats.norm.pdf(Z, 0, math.sqrt(2))
    q = (1 - share) * P + share * wide
    assert mmd2(q, P, 1.0) == pytest.approx(share**2 * mmd2(wide, P, 1.0), rel=1e-6)
    assert 0 < js(q, P) <= share * math.log(2)
    # The integral grows without bound with its interval: its density does not fall.
    density = (q - P) ** 2 / P
    assert density[np.abs(Z) > 9] == pytest.approx(share**2 / math.sqrt(8 * math.pi), rel=1e-3)


@pytest.mark.parametrize(("n", "m"), [(6, 4), (3, 8), (2, 3)])
@pytest.mark.parametrize("eps", [2.0, 0.3])
def test_sharp_sinkhorn_is_within_its_bounds_for_samples_of_unequal_size(
    n: int, m: int, eps: float
) -> None:
    """½ W₂² by repeating points until both samples have as many."""
    draw = np.random.default_rng(n)
    q, p = 0.5 * draw.normal(size=(n, 2)) + 1, draw.normal(size=(m, 2))
    both = math.lcm(n, m)
    sharp = oracles.half_w2(np.repeat(q, both // n, axis=0), np.repeat(p, both // m, axis=0))
    assert sharp <= oracles.entropic(q, p, eps) <= sharp + eps * math.log(min(n, m))
    gap = oracles.sinkhorn(q, p, blur=math.sqrt(eps)) - sharp
    assert -eps / 2 * (math.log(n) + math.log(m)) <= gap <= eps * math.log(min(n, m))
    # The package's solver comes to the same limit.
    close = divergences.sinkhorn(
        torch.from_numpy(q), torch.from_numpy(p), blur=0.01, scaling=0.95
    ).item()
    assert close == pytest.approx(sharp, abs=1e-3 + 1e-2 * sharp)


def energy(points: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """The energy distance of two laws with weights a and b on the same points."""
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    return float(-(a - b) @ distances @ (a - b))


def test_the_root_of_the_energy_distance_is_a_metric_and_the_distance_is_not() -> None:
    draw = np.random.default_rng(0)
    for _ in range(500):
        points = draw.normal(size=(7, draw.integers(1, 4))) * draw.exponential(size=(7, 1))
        a, b, c = draw.dirichlet(np.full(7, 0.3), 3)
        ab, bc, ac = (math.sqrt(energy(points, *pair)) for pair in ((a, b), (b, c), (a, c)))
        assert ac <= ab + bc + 1e-12
        assert ab > 0
        assert energy(points, a, b) == pytest.approx(energy(points, b, a))
    points, masses = np.array([[0.0], [1.0]]), [np.array([1 - e, e]) for e in (0.0, 0.5, 1.0)]
    direct = energy(points, masses[0], masses[2])
    detour = energy(points, masses[0], masses[1]) + energy(points, masses[1], masses[2])
    assert (direct, detour) == (2.0, 1.0)
    # It is the package's.
    ends = torch.zeros(2, 1).double(), torch.ones(2, 1).double()
    assert divergences.cramer(*ends).item() == direct


@pytest.mark.parametrize("d", [1, 3, 10])
@pytest.mark.parametrize("scale", [0.0, 0.5, 2.0])
def test_the_energy_distance_compares_characteristic_functions(scale: float, d: int) -> None:
    """Radially: the surface of the sphere over what Székely and Rizzo divide by."""
    sphere = 2 * math.pi ** (d / 2) / math.gamma(d / 2)
    constant = math.gamma((d + 1) / 2) / math.pi ** ((d + 1) / 2)

    def integrand(r: float) -> float:
        return ((math.exp(-(scale**2) * r**2 / 2) - math.exp(-(r**2) / 2)) / r) ** 2

    near, _ = quad(integrand, 0, 5, epsabs=1e-12)
    far, _ = quad(integrand, 5, math.inf, epsabs=1e-12)
    if scale:
        expected = oracles.cramer_gaussian(np.zeros(d), scale)
    else:
        expected = 2 * oracles.mean_norm(1, d) - oracles.mean_norm(2, d)
    assert constant * sphere * (near + far) == pytest.approx(expected, rel=1e-7)
