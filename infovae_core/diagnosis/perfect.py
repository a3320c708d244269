"""What the rulers read of a perfect match: n draws from the prior in d dimensions.

Where a reading has an exact law, that is used; the others are simulated with a fixed seed. All
readings of a simulated sample are kept together, so that the largest of many rulers, which agree
with each other more or less, is compared with the largest of as many rulers of a perfect match
(Westfall and Young 1993).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from infovae_core import rulers
from infovae_core.kernels import Kernel
from infovae_core.prices import mean_norm
from infovae_core.randomness import generator
from infovae_core.rulers import Tick, quiet

# Samples are simulated of at most this many codes. A larger one has the same law but for its scale:
# of an unbiased MMD², a mean over pairs that are uncorrelated at equality, that is 1/√(n(n − 1)).
SIMULATED = 500
DIRECTIONS = 64
# How many samples, by what one of them costs: n (n + 10 d).
REPETITIONS = ((999, 1e5), (499, 1e6), (199, 5e6), (99, math.inf))
LEVEL = 0.05
# What was simulated in this process, the last few kinds.
_KEPT: dict[tuple[object, ...], np.ndarray] = {}


def repetitions(n: int, d: int) -> int:
    """Simulated samples, by their cost."""
    small = min(n, SIMULATED)
    work = small * (small + 10 * d)
    return next(count for count, most in REPETITIONS if work <= most)


@dataclass(frozen=True)
class Law:
    """A reading's law at a perfect match, as far as it is used.

    Attributes:
        centre: Its median, or its mean where that is known.
        floor: What 95 % of perfect matches do not exceed; of a ruler with two sides, the upper end
            of the middle 95 %.
        sides: 2 where a reading below the centre counts as well.
    """

    centre: float
    floor: float
    sides: int = 1

    @property
    def low(self) -> float | None:
        """The lower end of the middle 95 %, of a ruler with two sides."""
        return 2 * self.centre - self.floor if self.sides == 2 else None

    @property
    def blind(self) -> bool:
        """Whether perfect matches all read the same, so that nothing can be told from them."""
        return not self.floor - self.centre > 1e-30

    def excess(self, value: float) -> float:
        """How far a reading is from the centre, in units of the floor's distance."""
        if self.blind:
            return math.nan
        away = value - self.centre
        return (abs(away) if self.sides == 2 else away) / (self.floor - self.centre)


@dataclass(frozen=True)
class Perfect:
    """Of n codes in d dimensions.

    Attributes:
        laws: By ruler.
        excess: (B, rulers) what each simulated sample's reading exceeds, see `Law.excess`.
        names: The columns of `excess`.
    """

    laws: dict[str, Law]
    excess: np.ndarray
    names: tuple[str, ...]

    def p_values(self, excess: Mapping[str, float]) -> dict[str, float]:
        """p-values of readings by their excess, corrected for their number: step-down max T.

        The largest excess is compared with the largest of each simulated sample, the next with the
        largest among the rulers that are left (Westfall and Young 1993).
        """
        taken = [name for name in self.names if not math.isnan(excess.get(name, math.nan))]
        order = sorted(taken, key=lambda name: -excess[name])
        columns = [self.names.index(name) for name in order]
        found: dict[str, float] = {}
        least = 0.0
        for place, name in enumerate(order):
            most = self.excess[:, columns[place:]].max(1)
            p = (1 + int((most >= excess[name]).sum())) / (1 + len(most))
            found[name] = least = max(least, p)
        return found


def simulated(
    n: int, d: int, kernels: tuple[Kernel, ...], count: int, tick: Tick = quiet
) -> np.ndarray:
    """Readings of `count` samples of n draws each: (count, len(kernels) + 5), see `columns`."""
    key = (n, d, kernels, count)
    if key not in _KEPT:
        drawn = generator(0, f"perfect {n} {d}")
        rows = []
        for done in range(count):
            tick("perfect matches", done / count)
            z = torch.randn(n, d, generator=drawn, dtype=torch.float64)
            rows.append(statistics(z, kernels, rulers.directions(d, DIRECTIONS, drawn)))
        while len(_KEPT) >= 16:
            del _KEPT[next(iter(_KEPT))]
        _KEPT[key] = np.array(rows)
    return _KEPT[key]


def columns(kernels: Sequence[Kernel]) -> tuple[str, ...]:
    """What `statistics` reads, in order; kernels by their place."""
    own = tuple(f"kernel {place}" for place in range(len(kernels)))
    return (*own, "sliced_wasserstein", "ks", "norm_ratio", "gaussian_kl", "correlation")


def statistics(z: torch.Tensor, kernels: Sequence[Kernel], along: torch.Tensor) -> list[float]:
    """The rulers that are simulated, of codes (n, d)."""
    n, d = z.shape
    found = rulers.moments(z)
    return [
        *(value for value, _ in rulers.mmd2(z, kernels, rough=True)),
        rulers.sliced_wasserstein(z, along),
        float(rulers.kolmogorov_smirnov(z).max()),
        rulers.size(z),
        rulers.gaussian_kl(found) if n > d else math.nan,
        rulers.mean_squared_correlation(found.covariance),
    ]


# Laws ---------------------------------------------------------------------------------------------


def chi_law(n: int, d: int) -> Law:
    """The size ‖z‖/√d: a mean of n independent χ_d/√d, whose mean and variance are known."""
    mean = mean_norm(1, d) / math.sqrt(d)
    return Law(mean, mean + 1.96 * math.sqrt((1 - mean**2) / n), sides=2)


def ks_law(n: int, d: int) -> Law:
    """The largest of d independent Kolmogorov-Smirnov statistics, exactly."""
    from scipy.stats import kstwo

    half, high = (float(kstwo.isf(-math.expm1(math.log(q) / d), n)) for q in (0.5, 1 - LEVEL))
    return Law(half, high)


def gaussian_kl_draws(n: int, d: int, count: int = 4000) -> np.ndarray:
    """KL of the fitted normal law at a match, exactly, by Bartlett's decomposition; needs n > d.

    (n − 1) S is Wishart, LLᵀ with independent entries: log-χ² on the diagonal makes the
    determinant, the sum of all squares the trace.
    """
    drawn = np.random.default_rng([n, d])
    diagonal = drawn.chisquare(np.arange(n - 1, n - 1 - d, -1), (count, d))
    below = drawn.chisquare(d * (d - 1) / 2, count) if d > 1 else np.zeros(count)
    trace = (diagonal.sum(1) + below) / (n - 1)
    logdet = np.log(diagonal / (n - 1)).sum(1)
    return np.asarray((trace + drawn.chisquare(d, count) / n - d - logdet) / 2)


def correlation_deviation(n: int, d: int) -> float:
    """Standard deviation of the mean squared correlation, of a match (Schott 2005)."""
    return math.sqrt(2 * (n - 2) / ((n - 1) ** 2 * (n + 1)) / (d * (d - 1) / 2))


def auc_law(fitted: int, judged: int) -> Law:
    """Held-out AUC of a classifier: Mann and Whitney's law, whatever it has learned.

    Args:
        fitted: Codes among those judged.
        judged: Draws among them.
    """
    deviation = math.sqrt((fitted + judged + 1) / (12 * fitted * judged))
    return Law(0.5, 0.5 + 1.645 * deviation)


def wasserstein_mean(n: int) -> float:
    """E W₂² of n normal draws from the normal law, nearly.

    ∫ u(1 − u)/φ(Φ⁻¹(u))² du / n, without the tails beyond 1/n (del Barrio et al. 1999).
    """
    from scipy.special import ndtr

    x = np.linspace(0, 12, 20001)
    tail = ndtr(-x)
    inside = tail > 1 / (n + 1)
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    x, f = x[inside], (tail * (1 - tail) / density)[inside]
    return float(2 * np.sum((f[1:] + f[:-1]) / 2 * np.diff(x)) / n)


def perfect(
    n: int,
    d: int,
    kernels: Mapping[str, tuple[Kernel, int]],
    judged: tuple[int, int] | None = None,
    tick: Tick = quiet,
) -> Perfect:
    """The laws of all rulers at a perfect match.

    Args:
        n: Codes.
        d: Dimensions.
        kernels: By ruler, the kernel and how many of the codes it reads.
        judged: Codes and draws that the classifier is judged on; None if it is not asked.
        tick: Told how far the simulation is.
    """
    count = repetitions(n, d)
    # Told of here, and found again below.
    simulated(min(n, SIMULATED), d, tuple(kernel for kernel, _ in kernels.values()), count, tick)
    return _perfect(n, d, tuple(kernels.items()), judged, count)


@lru_cache(maxsize=64)
def _perfect(
    n: int,
    d: int,
    kernels: tuple[tuple[str, tuple[Kernel, int]], ...],
    judged: tuple[int, int] | None,
    count: int,
) -> Perfect:
    small = min(n, SIMULATED)
    listed = tuple(kernel for _, (kernel, _) in kernels)
    readings = simulated(small, d, listed, count)
    by_name = dict(zip(columns(listed), readings.T, strict=True))
    laws: dict[str, Law] = {}
    at_small: dict[str, Law] = {}
    excess: dict[str, np.ndarray] = {}

    def pairs(codes: int) -> float:
        return math.sqrt(small * (small - 1) / (codes * (codes - 1)))

    def enter(name: str, law: Law, base: Law, values: np.ndarray) -> None:
        laws[name], at_small[name] = law, base
        if not law.blind and not base.blind:
            excess[name] = np.array([base.excess(value) for value in values])

    for place, (name, (kernel, codes)) in enumerate(kernels):
        values = by_name[f"kernel {place}"]
        # Where a rare pair of close codes makes the noise, most samples show none of it: the exact
        # deviation does.
        level = max(float(np.quantile(values, 1 - LEVEL)), 1.645 * kernel.noise(d, small))
        base = Law(0.0, level)
        enter(name, Law(0.0, base.floor * pairs(codes)), base, values)
    values = by_name["sliced_wasserstein"]
    base = Law(float(np.median(values)), float(np.quantile(values, 1 - LEVEL)))
    if n == small:
        enter("sliced_wasserstein", base, base, values)
    else:  # Its law at more codes is only nearly known: a floor, and no p-value.
        ratio = math.sqrt(wasserstein_mean(n) / wasserstein_mean(small))
        laws["sliced_wasserstein"] = Law(base.centre * ratio, base.floor * ratio)
    enter("ks", ks_law(n, d), ks_law(small, d), by_name["ks"])
    enter("norm_ratio", chi_law(n, d), chi_law(small, d), by_name["norm_ratio"])
    if n > d:
        draws = gaussian_kl_draws(n, d)
        law = Law(float(np.median(draws)), float(np.quantile(draws, 1 - LEVEL)))
        if small > d:
            values = by_name["gaussian_kl"]
            own = gaussian_kl_draws(small, d)
            base = Law(float(np.median(own)), float(np.quantile(own, 1 - LEVEL)))
        else:  # As if it were independent of the others, which is on the safe side.
            base, values = law, draws[:count]
        enter("gaussian_kl", law, base, values)
    if d > 1:
        values = by_name["correlation"]
        centre = 1 / (small - 1)
        base = Law(centre, float(np.quantile(values, 1 - LEVEL)))
        scale = correlation_deviation(n, d) / correlation_deviation(small, d)
        enter(
            "correlation",
            Law(1 / (n - 1), 1 / (n - 1) + (base.floor - centre) * scale),
            base,
            values,
        )
    if judged is not None:
        law = auc_law(*judged)
        normal = np.random.default_rng([n, d, 1]).standard_normal(count) / 1.645
        enter("classifier_auc", law, Law(0.0, 1.0), normal)
    return Perfect(laws, np.stack(list(excess.values()), 1), tuple(excess))
