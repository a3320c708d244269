"""The parameters that the notebooks take from papermill, checked in one place."""

import math
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from infovae_core import names

# Plain data that a kernel itself puts beside a notebook's variables.
KERNEL = {"In", "Out"}
# Set among a notebook's variables once its parameters have been read.
READ = "_parameters_were_read"


@dataclass(frozen=True)
class ToyParameters:
    """What one may ask of the notebook that shows Proposition 1 (see `toy`).

    Attributes:
        seed: Of the start, the only thing that is drawn.
        steps: Updates of each training.
        learning_rate: Adam's.
        alpha: α of the two InfoVAE objectives.
        lam: λ of the first of them.
        weak_lam: λ of the second, to compare.
        bandwidth: The kernel's σ.
    """

    seed: int
    steps: int
    learning_rate: float
    alpha: float
    lam: float
    weak_lam: float
    bandwidth: float

    @classmethod
    def read(cls, namespace: MutableMapping[str, Any]) -> "ToyParameters":
        """Take the parameters from the notebook's `globals()`, in its first cell of code.

        Raises:
            UnknownName: If there is a variable that is no parameter.
            ValueError: If a parameter is missing, of the wrong type or out of range.
        """
        return cls(**plain_values(namespace, [field.name for field in fields(cls)]))

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("steps", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
        for name in ("learning_rate", "alpha", "lam", "weak_lam", "bandwidth"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name} must be a number, got {value!r}")
            if not math.isfinite(value):
                raise ValueError(f"{name} must be finite, got {value!r}")
        for name in ("learning_rate", "bandwidth"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        for name in ("lam", "weak_lam"):
            if self.alpha + getattr(self, name) < 1:
                raise ValueError(
                    f"α + λ − 1 would be negative and reward divergence: choose {name} ≥ "
                    f"{1 - self.alpha:g}, got {getattr(self, name)!r}"
                )


def plain_values(namespace: MutableMapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """The plain data among a notebook's `globals()`: its parameters, all of them and no others.

    papermill only warns of a parameter that a notebook does not have, so every plain value found
    must be one of them. Where the cells run again in one kernel, the values that they left are
    there too; of these only one that is nearly a parameter's name is refused.

    Raises:
        UnknownName: If there is a variable that is no parameter.
        ValueError: If a parameter is missing.
    """
    found: dict[str, Any] = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_")
        and name not in KERNEL
        and (name in known or isinstance(value, str | int | float | list | tuple | dict | None))
    }
    again = READ in namespace
    for name in found:
        if not again or get_close_matches(name, known, cutoff=0.85):
            names.check("parameter", name, known)
    for name in known:
        if name not in found:
            raise ValueError(f"the notebook does not set {name!r}")
    namespace[READ] = True
    return {name: found[name] for name in known}
