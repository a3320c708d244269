"""α and λ over time: a schedule says, before every update, which weights the objective has.

A schedule is a rule for one step. It keeps no state: what it needs of the past, the weights of the
step before and what was measured last, is handed to it, so a sequence can be cut and continued.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from infovae_core import names

# The validation MMD that the thesis's controllers aim at (§3.3).
TARGET_MMD = 4e-3


class Weights(NamedTuple):
    """α and λ of thesis §2.3."""

    alpha: float
    lam: float


@dataclass(frozen=True)
class Moment:
    """What a schedule sees before an update.

    Attributes:
        step: Updates made so far.
        steps: Updates of the whole run.
        base: The weights that the run's own objective names.
        weights: Those of the step before; at step 0, `base`.
        signal: The latest value of a measured quantity, by its name: one that the evaluations
            record ("val_mmd", "norm_ratio"), or a term of the last minibatch's loss
            ("divergence", "kl"), which makes the device wait.
    """

    step: int
    steps: int
    base: Weights
    weights: Weights
    signal: Callable[[str], float]


REGISTRY: dict[str, Callable[..., Weights]] = {}
Registered = TypeVar("Registered", bound=Callable[..., Weights])


def register(name: str) -> Callable[[Registered], Registered]:
    """Enter a rule, any callable `rule(moment, *, option=default) -> Weights`, under `name`."""

    def enter(rule: Registered) -> Registered:
        REGISTRY[name] = rule
        return rule

    return enter


@dataclass(frozen=True)
class Schedule:
    """A rule of the registry with its options: a value, as a run is.

    Attributes:
        name: The rule.
        options: Its options; completed with the defaults, so that a schedule says all.

    Raises:
        UnknownName: If the rule, or an option of it, does not exist.

    Example:
        >>> schedule, vae = Schedule("linear_annealing", {"ramp": 0.5}), Weights(alpha=0, lam=1)
        >>> moments = [Moment(step, 100, vae, vae, signal=float) for step in (0, 25, 50)]
        >>> [schedule(moment).alpha for moment in moments]
        [1.0, 0.5, 0.0]
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        rule = REGISTRY[names.check("schedule", self.name, REGISTRY)]
        object.__setattr__(self, "options", names.options(self.name, rule, self.options))

    def __call__(self, moment: Moment) -> Weights:
        """The weights of the update that follows `moment`."""
        rule = REGISTRY[names.check("schedule", self.name, REGISTRY)]
        return rule(moment, **self.options)


@register("controller")
def controller(
    moment: Moment,
    *,
    gain_lam: float = 0.0,
    gain_alpha: float = 0.0,
    target: float = TARGET_MMD,
    lam_range: tuple[float, float] = (500.0, 1500.0),
    alpha_range: tuple[float, float] = (1.0, 3.0),
    signal: str = "val_mmd",
    every: int = 20,
) -> Weights:
    """The controllers of thesis §3.3, there called proportional, on λ, on α, or on both.

    With e = signal − target: λ ← clip(λ + K_λ e), α ← clip(α − K_α e).

    Args:
        moment: What is known.
        gain_lam: K_λ; at 0, λ stays as it is, clip or no clip.
        gain_alpha: K_α; at 0, α stays as it is.
        target: What the signal is to become.
        lam_range: Least and greatest λ.
        alpha_range: Least and greatest α. Above 1 the objective rewards KL.
        signal: The measured quantity that is followed.
        every: Steps between two actions; the first is after `every` steps.

    Example:
        >>> given = Weights(alpha=1, lam=1000)
        >>> moment = Moment(20, 100, given, given, signal={"val_mmd": 0.014}.__getitem__)
        >>> controller(moment, gain_lam=5000).lam  # 1000 + 5000 (0.014 − 0.004)
        1050.0
    """
    if moment.step == 0 or moment.step % every:
        return moment.weights
    error = moment.signal(signal) - target
    alpha, lam = moment.weights
    if math.isnan(error):  # The run is about to be reported as diverged.
        return moment.weights
    if gain_lam:
        lam = clip(lam + gain_lam * error, *lam_range)
    if gain_alpha:
        alpha = clip(alpha - gain_alpha * error, *alpha_range)
    return Weights(alpha, lam)


@register("warm_start")
def warm_start(moment: Moment, *, share: float = 0.2) -> Weights:
    """A plain VAE (α = 0, λ = 1) for the first part of a run, then the run's own weights.

    A penalty that is far stronger than what a code can earn at the start keeps a fresh model where
    codes say nothing; one that is met by codes that already inform leaves them informative.

    Args:
        moment: What is known.
        share: The part of the run, in [0, 1), that is trained as a VAE.

    Raises:
        ValueError: If nothing of the run would be left.

    Example:
        >>> own, vae = Weights(alpha=1, lam=1000), Weights(alpha=0, lam=1)
        >>> [warm_start(Moment(step, 100, own, own, signal=float)) == vae for step in (19, 20)]
        [True, False]
    """
    if not 0 <= share < 1:
        raise ValueError(f"share must be at least 0 and below 1, got {share}")
    return Weights(0, 1) if moment.step < share * moment.steps else moment.base


@register("cyclical_annealing")
def cyclical_annealing(moment: Moment, *, cycles: int = 4, ramp: float = 0.5) -> Weights:
    """The KL term's weight 1 − α rises from 0 to its own value in every cycle, and holds.

    Cyclical annealing (Fu et al. 2019, §4, there M = 4 and R = 0.5), with one cycle the monotonic
    annealing of Bowman et al. (2016). λ stays as it is.

    Args:
        moment: What is known.
        cycles: Number of equal cycles in a run.
        ramp: The part of a cycle, in (0, 1], in which the weight rises, linearly.

    Raises:
        ValueError: If there is no cycle, or no part of it to rise in.
    """
    if cycles < 1 or not 0 < ramp <= 1:
        raise ValueError(f"expected cycles ≥ 1 and 0 < ramp ≤ 1, got {cycles} and {ramp}")
    within = moment.step * cycles / moment.steps % 1
    share = min(1.0, within / ramp)
    return Weights(1 - share * (1 - moment.base.alpha), moment.base.lam)


@register("linear_annealing")
def linear_annealing(moment: Moment, *, ramp: float = 0.5) -> Weights:
    """The KL term's weight 1 − α rises once from 0 to its own value (Bowman et al. 2016)."""
    return cyclical_annealing(moment, cycles=1, ramp=ramp)


def clip(value: float, low: float, high: float) -> float:
    """The nearest number to `value` in [low, high]."""
    return min(max(value, low), high)
