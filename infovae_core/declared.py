"""Divergences by name with the defaults of their options, to say what is run without running it.

An objective is a value that holds all of its options. To complete them PyTorch would have to be
loaded, if only the functions told their defaults, and with it all that merely reads results. So
the package's own divergences are declared here, and `divergences.register` holds them to it. One
that is not declared is as good: it is loaded when an objective names it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from infovae_core import names

OPTIONS: dict[str, dict[str, Any]] = {
    "mmd": {"bandwidth": 1.0, "estimator": "unbiased", "prior": "sampled"},
    "imq": {"scale": "2d", "estimator": "unbiased"},
    "stein": {"bandwidth": 1.0, "estimator": "unbiased"},
    "cramer": {"estimator": "unbiased"},
    "sinkhorn": {"blur": 0.1, "scaling": 0.5},
    "chi2": {"hidden": 128, "learning_rate": 1e-4},
    "js": {"hidden": 128, "learning_rate": 1e-4},
}
# Rules that find a kernel bandwidth σ, see `divergences.bandwidths`.
BANDWIDTH_RULES = ("sqrt_d", "median")
# Rules that find the scale C of an inverse multiquadratic kernel, see `imq_scale`.
SCALE_RULES = ("2d",)


def bandwidths(rule: float | str | Sequence[float], d: int) -> list[float]:
    """The bandwidths σ that a rule gives in d dimensions, where it needs no samples for that.

    Raises:
        UnknownName: If there is no such rule.
        ValueError: If a number is not positive and finite, or the rule is "median".
    """
    if isinstance(rule, str):
        if names.check("bandwidth rule", rule, BANDWIDTH_RULES) == "median":
            raise ValueError(
                "the bandwidth 'median' follows the samples, so that no formula has it: expected "
                "a number, several numbers or 'sqrt_d'"
            )
        return [math.sqrt(d)]
    sigmas = [rule] if isinstance(rule, int | float) else list(rule)
    numbers = all(
        isinstance(sigma, int | float) and not isinstance(sigma, bool) for sigma in sigmas
    )
    if not sigmas or not numbers or not all(0 < sigma < math.inf for sigma in sigmas):
        raise ValueError(
            f"a kernel bandwidth is a positive finite number, a rule's name, or several numbers; "
            f"got {rule!r}"
        )
    return [*sigmas]


def imq_scale(rule: float | str, d: int) -> float:
    """C of the inverse multiquadratic kernel in d dimensions: the number itself, or what "2d" says.

    Under the prior E‖z − z'‖² = 2d, so that C = 2d puts typical pairs where the kernel is steep, in
    every dimension (Tolstikhin et al. 2018, Section 4).

    Raises:
        UnknownName: If there is no such rule.
        ValueError: If the number is not positive and finite.
    """
    if isinstance(rule, str):
        return {"2d": 2.0 * d}[names.check("kernel scale", rule, SCALE_RULES)]
    if isinstance(rule, bool) or not isinstance(rule, int | float) or not 0 < rule < math.inf:
        raise ValueError(
            f"a kernel scale C is a positive finite number or one of "
            f"{', '.join(SCALE_RULES)}; got {rule!r}"
        )
    return float(rule)


def hold(name: str, divergence: Callable[..., Any]) -> None:
    """Check a divergence against its declaration, if it has one.

    Raises:
        TypeError: If its options, or their defaults, are others.
    """
    found = names.defaults(divergence)
    if found != OPTIONS.get(name, found):
        raise TypeError(f"{name} is declared with the options {OPTIONS[name]}, and has {found}")
