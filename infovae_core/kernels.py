"""Radial kernels as mixtures of Gaussians, and what each reads of normal codes in closed form.

The RBF kernel, the inverse multiquadratic and minus the distance are all of the form
k(z, z') = Σᵢ wᵢ exp(−tᵢ‖z − z'‖²), up to a constant for the last. A Gaussian has closed forms under
a normal law, so each of them has: its mean over the prior, its reading of codes that match, escape
or shrink, and its noise. NumPy alone: what only reads needs no PyTorch.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from infovae_core.prices import mean_norm

if TYPE_CHECKING:
    from torch import Tensor

# The trapezoidal rule in log t: its error is below 1e−9 at this step, as the integrands are
# analytic in a strip.
STEP = 0.4


class Nodes(NamedTuple):
    """A mixture Σ wᵢ exp(−tᵢ r²), or Σ wᵢ (exp(−tᵢ r²) − 1) where `centred`: minus the distance."""

    weights: np.ndarray
    rates: np.ndarray
    centred: bool = False


@dataclass(frozen=True)
class Kernel:
    """A radial kernel; a mean of several where it has several scales.

    Attributes:
        kind: "rbf", exp(−r²/2s); "imq", s/(s + r²); "energy", −r, which makes MMD² the energy
            distance.
        scales: The s of each: σ² of an RBF kernel, C of an inverse multiquadratic one.
        total: Whether the kernels are summed, as some libraries do, and not averaged.
    """

    kind: str
    scales: tuple[float, ...] = (1.0,)
    total: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what is no kernel.

        Raises:
            ValueError: If the kind is unknown, or a scale is not positive and finite.
        """
        if self.kind not in VALUES:
            raise ValueError(f"unknown kernel {self.kind!r}: choose from {', '.join(VALUES)}")
        if not self.scales or not all(0 < s < math.inf for s in self.scales):
            raise ValueError(
                f"a kernel's scales are positive finite numbers, at least one; got {self.scales}"
            )

    def values(self, r2: "Tensor") -> "Tensor":
        """The kernel at squared distances r², of any shape."""
        parts = VALUES[self.kind](r2, self.scales)
        return parts if self.total else parts / len(self.scales)

    @property
    def nodes(self) -> Nodes:
        """The mixture."""
        share = 1.0 if self.total else 1 / len(self.scales)
        if self.kind == "rbf":
            rates = np.array([0.5 / s for s in self.scales])
            return Nodes(np.full(len(rates), share), rates)
        if self.kind == "energy":
            # √s = ∫ (1 − e^(−ts)) t^(−3/2) dt / 2√π.
            t = np.exp(np.arange(-80.0, 45.0, STEP))
            return Nodes(STEP * t**-0.5 / (2 * math.sqrt(math.pi)), t, centred=True)
        # s/(s + r²) = ∫ exp(−t(1 + r²/s)) dt.
        t = np.exp(np.arange(-40.0, 4.0, STEP))
        weights = np.concatenate([share * STEP * t * np.exp(-t) for _ in self.scales])
        return Nodes(weights, np.concatenate([t / s for s in self.scales]))

    def _mean(self, log_terms: np.ndarray) -> np.ndarray:
        """Σ wᵢ E exp(−tᵢ r²) from the logarithms of the means, nodes last."""
        weights, _, centred = self.nodes
        terms = np.expm1(log_terms) if centred else np.exp(log_terms)
        return np.asarray(terms @ weights)

    def mean(self, d: int, variance: float, shift: float = 0.0) -> float:
        """E k(w) for w ~ N(m, variance · I) in d dimensions, ‖m‖ = shift."""
        _, t, _ = self.nodes
        spread = 2 * t * variance
        return float(self._mean(-d / 2 * np.log1p(spread) - t * shift**2 / (1 + spread)))

    def mmd2(self, d: int, scale: float, shift: float = 0.0) -> float:
        """MMD² of codes N(m, scale² I), ‖m‖ = shift, from the prior."""
        return self.mean(d, 2 * scale**2) - 2 * self.mean(d, 1 + scale**2, shift) + self.mean(d, 2)

    def escape(self, d: int) -> float:
        """MMD² of codes that left the prior and each other; infinite for the energy distance.

        Example:
            >>> [round(Kernel("rbf", (s,)).escape(20), 6) for s in (1, 20)]
            [1.7e-05, 0.385543]
        """
        return math.inf if self.kind == "energy" else self.mean(d, 2)

    def collapse(self, d: int) -> float:
        """MMD² of codes that all lie at the origin."""
        return self.mmd2(d, 0.0)

    def noise(self, d: int, n: int, m: int | None = None) -> float:
        """Standard deviation of the unbiased MMD² of n codes that match.

        Args:
            d: Dimensions.
            n: Codes.
            m: Prior draws that they are compared with; None for the prior's exact terms.
        """
        pairs = 2 / (n * (n - 1))
        if m is not None:
            pairs += 2 / (m * (m - 1)) + 4 / (n * m)
        return math.sqrt(pairs * self.centred_second_moment(d))

    def centred_second_moment(self, d: int) -> float:
        """ζ = E k̃(y, y')² under the prior, k̃ the centred kernel: E k² − 2 E g² + (E k)²."""
        return _centred_second_moment(self, d)

    def prior_mean(self, d: int, norms2: np.ndarray) -> np.ndarray:
        """g(z) = E k(z, y) over the prior, for codes of squared length ‖z‖², (n,) → (n,)."""
        _, t, _ = self.nodes
        log = -d / 2 * np.log1p(2 * t)
        found = [
            self._mean(log - part[:, None] * (t / (1 + 2 * t)))
            for part in np.array_split(norms2, max(1, len(norms2) // 4096))
        ]
        return np.concatenate(found)


@cache
def _centred_second_moment(kernel: Kernel, d: int) -> float:
    w, t, centred = kernel.nodes
    if centred:
        # E r² = 2d. The variance of g, a function of a code's length alone, whose law is χ_d.
        from scipy.integrate import quad
        from scipy.stats import chi

        mean = -mean_norm(2, d)

        def part(r: float) -> float:
            g = float(kernel.prior_mean(d, np.array([r * r]))[0])
            return (g - mean) ** 2 * float(chi.pdf(r, d))

        low, high = max(0.0, math.sqrt(d) - 12), math.sqrt(d) + 12
        return 2 * d - mean**2 - 2 * float(quad(part, low, high, epsrel=1e-9, limit=200)[0])
    one, tail = np.log1p(2 * t), t / (1 + 2 * t)
    both = np.exp(-d / 2 * np.log1p(4 * (t[:, None] + t)))
    through = np.exp(-d / 2 * (one[:, None] + one + np.log1p(2 * (tail[:, None] + tail))))
    apart = np.exp(-d / 2 * (np.log1p(4 * t)[:, None] + np.log1p(4 * t)))
    return float(w @ (both - 2 * through + apart) @ w)


def _rbf(r2: "Tensor", scales: Sequence[float]) -> "Tensor":
    # An exponential that underflows takes a CPU ten times as long: none is below e^−80.
    return sum((r2 * (-0.5 / s)).clamp_min_(-80).exp_() for s in scales)  # type: ignore[return-value]


def _imq(r2: "Tensor", scales: Sequence[float]) -> "Tensor":
    return sum(s / (s + r2) for s in scales)  # type: ignore[return-value]


def _energy(r2: "Tensor", scales: Sequence[float]) -> "Tensor":
    return -r2.sqrt()


VALUES: dict[str, Callable[["Tensor", Sequence[float]], "Tensor"]] = {
    "rbf": _rbf,
    "imq": _imq,
    "energy": _energy,
}
