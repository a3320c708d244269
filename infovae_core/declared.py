"""Divergences by name with the defaults of their options, to say what is run without running it.

An objective is a value that holds all of its options. To complete them PyTorch would have to be
loaded, if only the functions told their defaults, and with it all that merely reads results. So
the package's own divergences are declared here, and `divergences.register` holds them to it. One
that is not declared is as good: it is loaded when an objective names it.
"""

from collections.abc import Callable
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
# Rules that find the scale C of an inverse multiquadratic kernel, see `divergences.imq_scale`.
SCALE_RULES = ("2d",)


def hold(name: str, divergence: Callable[..., Any]) -> None:
    """Check a divergence against its declaration, if it has one.

    Raises:
        TypeError: If its options, or their defaults, are others.
    """
    found = names.defaults(divergence)
    if found != OPTIONS.get(name, found):
        raise TypeError(f"{name} is declared with the options {OPTIONS[name]}, and has {found}")
