"""Every ruler on one sample, beside what a perfect match and total escape read."""

import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infovae_core import declared, metrics, rulers
from infovae_core.diagnosis.intake import Sample
from infovae_core.diagnosis.perfect import DIRECTIONS, Perfect, perfect
from infovae_core.kernels import Kernel
from infovae_core.randomness import generator
from infovae_core.rulers import Tick

# Pairs of codes, times dimensions, that a kernel compares: some seconds of a core.
PAIRS, PRODUCTS = 1 << 26, 1 << 32
# Values that the classifier is shown.
CLASSIFIED = 1 << 21


@dataclass(frozen=True)
class Reading:
    """What one ruler says.

    Attributes:
        name: Its key.
        title: Its name for readers.
        value: What it reads.
        codes: How many of the codes it was read on: the first so many, if not all.
        centre: What a perfect match reads in the middle, or None where no law is known.
        floor: What 95 % of perfect matches of this n and d do not exceed: the noise floor.
        escape: What codes read that left the prior and each other; infinite where it grows without
            bound, None where the ruler does not see it.
        excess: `value` from the centre, in units of the floor's distance: above 1, beyond noise.
        p: p-value at a perfect match, corrected for the number of rulers; None where none is
            claimed.
        error: Standard error of the value, as an estimate for all codes, if it was read on some.
        low: Of a ruler with two sides, what 2.5 % of perfect matches are below; else None.
    """

    name: str
    title: str
    value: float
    codes: int
    centre: float | None = None
    floor: float | None = None
    escape: float | None = None
    excess: float | None = None
    p: float | None = None
    error: float | None = None
    low: float | None = None

    @property
    def blind(self) -> bool:
        """Whether codes that left altogether would read less than twice the noise floor."""
        if self.escape is None or self.floor is None or self.centre is None:
            return False
        return not self.escape - self.centre > 2 * (self.floor - self.centre)

    @property
    def share(self) -> float | None:
        """Where the reading is between a perfect match (0) and escape (1); None without an end."""
        if self.escape is None or self.centre is None or not math.isfinite(self.escape):
            return None
        span = self.escape - self.centre
        return (self.value - self.centre) / span if span > 0 else None


def kernel_codes(n: int, d: int) -> int:
    """Codes that kernels compare: all, up to 8,192 of 64 dimensions and fewer of more."""
    return min(n, math.isqrt(min(PAIRS, PRODUCTS // d)))


def median_escape(d: int) -> float:
    """MMD² of normal codes far out, with the median distance of the pooled sample for a bandwidth.

    The bandwidth goes with the codes, at whose scale the prior is a point.
    """
    from scipy.optimize import brentq
    from scipy.stats import chi2

    def above(s: float) -> float:
        return float(0.25 + chi2.cdf(s, d) / 2 + chi2.cdf(s / 2, d) / 4) - 0.5

    s = brentq(above, 1e-9, 4 * d + 100)
    return float((1 + 2 / s) ** (-d / 2) - 2 * (1 + 1 / s) ** (-d / 2) + 1)


def kernels_for(z: Tensor, own: Kernel | None = None) -> dict[str, tuple[str, Kernel, float]]:
    """The kernels by ruler: title, kernel, and what codes that escaped read."""
    d = z.shape[1]
    wide = Kernel("rbf", (float(d),))
    mixture = Kernel("rbf", (d / 4, float(d), 4.0 * d))
    imq = Kernel("imq", (declared.imq_scale("2d", d),))
    chosen = {
        "mmd2": ("MMD², σ = 1", Kernel("rbf", (1.0,))),
        "mmd2_sqrt_d": ("MMD², σ² = d", wide),
        "mmd2_median": ("MMD², median bandwidth", Kernel("rbf", (median_of(z) ** 2,))),
        "mmd2_mixture": ("MMD², mixture of σ² = d/4, d, 4d", mixture),
        "mmd2_imq": ("MMD², inverse multiquadratic, C = 2d", imq),
        "energy_distance": ("energy distance", Kernel("energy")),
    }
    found = {
        name: (title, kernel, median_escape(d) if name == "mmd2_median" else kernel.escape(d))
        for name, (title, kernel) in chosen.items()
    }
    if own is not None:
        found["own"] = (f"your kernel: {described(own)}", own, own.escape(d))
    return found


def described(kernel: Kernel) -> str:
    """A kernel in words."""
    symbol, root = ("C", 1.0) if kernel.kind == "imq" else ("σ", 0.5)
    scales = ", ".join(f"{scale**root:.4g}" for scale in kernel.scales)
    name = {"imq": "inverse multiquadratic", "rbf": "RBF"}[kernel.kind]
    return f"{name}, {symbol} = {scales}"


def median_of(z: Tensor) -> float:
    """`metrics.median_bandwidth` against draws from the prior; as exact far out as near 0."""
    codes = z[:1000].double()
    draws = torch.randn(codes.shape, generator=generator(0, "median"), dtype=torch.float64)
    centre = codes.mean(0) / 2
    return metrics.median_bandwidth(codes - centre, draws.to(codes) - centre)


def null_median(d: int) -> float:
    """σ² of the median rule at a perfect match: twice the median of χ²_d."""
    from scipy.stats import chi2

    return 2 * float(chi2.median(d))


def measure(
    sample: Sample, own: Kernel | None, classifier: bool, tick: Tick
) -> tuple[list[Reading], rulers.Moments, Tensor]:
    """All rulers of alignment, with the codes' moments and each dimension's Kolmogorov-Smirnov."""
    z = sample.z
    n, d = z.shape
    used = kernel_codes(n, d)
    kernels = kernels_for(z, own)
    read = rulers.mmd2(z[:used], [kernel for _, kernel, _ in kernels.values()], tick=tick)
    values: dict[str, tuple[float, int, float | None]] = {
        name: (value, used, error if used < n else None)
        for name, (value, error) in zip(kernels, read, strict=True)
    }
    tick("moments", 0)
    found = rulers.moments(z)
    along = rulers.directions(d, DIRECTIONS, generator(0, "directions"))
    values["gaussian_kl"] = (rulers.gaussian_kl(found), n, None)
    values["norm_ratio"] = (rulers.size(z), n, None)
    values["correlation"] = (rulers.mean_squared_correlation(found.covariance), found.rows, None)
    spectrum = torch.linalg.eigvalsh(found.covariance)
    values["effective_rank"] = (rulers.effective_rank(spectrum), found.rows, None)
    tick("dimensions and directions", 0)
    values["sliced_wasserstein"] = (rulers.sliced_wasserstein(z, along), n, None)
    ks = rulers.kolmogorov_smirnov(z)
    values["ks"] = (float(ks.max()), n, None)
    judged = None
    if classifier:
        tick("classifier", 0)
        shown = min(n, max(500, CLASSIFIED // d))
        some = z[:shown].cpu().double()
        # Other codes get other draws, as one unlucky set would tell all of them apart; equal codes
        # get the same.
        seed = zlib.crc32(some.numpy().tobytes())
        drawn = generator(seed, "classifier")
        draws = torch.randn(shown, d, generator=drawn, dtype=torch.float64)
        auc = metrics.classifier_auc(some, draws, seed)
        judged = (shown // 2, shown - shown // 2)
        values["classifier_auc"] = (auc, shown, None)
    null = {name: (kernel, used) for name, (_, kernel, _) in kernels.items()}
    null["mmd2_median"] = (Kernel("rbf", (null_median(d),)), used)
    return readings(values, kernels, perfect(n, d, null, judged, tick)), found, ks


TITLES = {
    "sliced_wasserstein": ("sliced Wasserstein distance", math.inf),
    "gaussian_kl": ("KL of the fitted normal law (nats)", math.inf),
    "ks": ("Kolmogorov-Smirnov, worst dimension", 0.5),
    "classifier_auc": ("AUC of a classifier", 1.0),
    "norm_ratio": ("size, mean of ‖z‖/√d", math.inf),
    "correlation": ("mean squared correlation of dimensions", None),
    "effective_rank": ("effective rank", None),
}


def readings(
    values: dict[str, tuple[float, int, float | None]],
    kernels: dict[str, tuple[str, Kernel, float]],
    null: Perfect,
) -> list[Reading]:
    """Values beside their laws, with corrected p-values."""
    titles: dict[str, tuple[str, float | None]] = {
        **{name: (title, escape) for name, (title, _, escape) in kernels.items()}, **TITLES
    }  # fmt: skip
    laws = null.laws
    excess = {
        name: laws[name].excess(value) for name, (value, _, _) in values.items() if name in laws
    }
    p = null.p_values(excess)
    found = []
    for name, (title, escape) in titles.items():
        if name not in values:
            continue
        value, codes, error = values[name]
        law = laws.get(name)
        beyond = excess.get(name, math.nan)
        found.append(
            Reading(
                name,
                title,
                value,
                codes,
                law.centre if law else None,
                law.floor if law else None,
                escape,
                None if math.isnan(beyond) else beyond,
                p.get(name),
                error,
                law.low if law else None,
            )
        )
    return found


# The posterior ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Posterior:
    """What q(z|x) carries.

    Attributes:
        active: Dimensions whose mean varies by more than 0.01 over inputs (Burda et al. 2016).
        kl: Mean KL(q(z|x) ‖ p(z)) of each dimension, nats.
        information: I(x; z), nats, see `rulers.mutual_information`, and its standard error.
        error: See there.
        codes: Codes it was estimated from.
    """

    active: tuple[int, ...]
    kl: tuple[float, ...]
    information: float
    error: float
    codes: int

    @property
    def bound(self) -> float:
        """Of the estimate: log n, which the estimate cannot exceed."""
        return math.log(self.codes)


def posterior(sample: Sample) -> Posterior | None:
    """The posterior's readings; None without μ and log σ²."""
    if sample.mu is None or sample.logvar is None:
        return None
    n, d = sample.z.shape
    kl = rulers.mean_kl(sample.mu, sample.logvar)
    varies = rulers.variances(sample.mu) > 0.01
    used = kernel_codes(n, d)
    parts = (part[:used] for part in (sample.z, sample.mu, sample.logvar))
    information, error = rulers.mutual_information(*parts)
    active = tuple(int(k) for k in varies.nonzero()[:, 0])
    return Posterior(active, tuple(kl.tolist()), information, error, used)


def as_numbers(values: Any) -> np.ndarray:
    """A tensor as an array in double precision."""
    return np.asarray(values.detach().cpu().double().numpy())
