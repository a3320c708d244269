"""The parameters that the notebooks take from papermill, checked in one place."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from infovae_core import names
from infovae_core.study.inventory import shown, stored_seeds
from infovae_core.study.store import Store

# Plain data that a kernel itself puts beside a notebook's variables.
KERNEL = {"In", "Out"}


@dataclass(frozen=True)
class Parameters:
    """What one may ask of an experiment's notebook.

    Attributes:
        profile: "smoke", "brief", "cpu" or "paper".
        track: Which reading of the thesis.
        seeds: Seeds of the runs; None for seed 0 and every other of which all runs are stored.
        latent_dims: Latent dimensions; None for the profile's own.
        device: Where to train.
        train_missing: Train what is not stored, instead of stopping.
    """

    profile: str
    track: str
    seeds: tuple[int, ...] | None
    latent_dims: tuple[int, ...] | None
    device: str
    train_missing: bool

    @classmethod
    def read(cls, namespace: Mapping[str, Any]) -> "Parameters":
        """Take the parameters from a notebook's `globals()`, in its first cell of code.

        Raises:
            UnknownName: If there is a variable that is no parameter.
            ValueError: If a parameter is missing or has the wrong type.
        """
        found = plain_values(namespace, [field.name for field in fields(cls)])
        for name, kind in (("profile", str), ("track", str), ("device", str)):
            if not isinstance(found[name], kind):
                raise ValueError(f"{name} must be a text, got {found[name]!r}")
        if not isinstance(found["train_missing"], bool):
            raise ValueError(f"train_missing must be True or False, got {found['train_missing']!r}")
        for name in ("seeds", "latent_dims"):
            if found[name] is not None:
                found[name] = integers(name, found[name])
        return cls(**found)

    def with_stored_seeds(self, experiment: str, store: Store) -> tuple["Parameters", str]:
        """These parameters with their seeds settled, and a line that tells which they are.

        Seeds that are named stay, whatever is stored. Seed 0 is always among those that are not
        named, so that a page stops, or trains, where nothing is stored; a seed of which only some
        runs are stored is not used.

        Args:
            experiment: Whose runs they choose.
            store: The results.
        """
        if self.seeds is not None:
            return self, f"seeds as named: {', '.join(map(str, self.seeds))}"
        chosen = {name: value for name, value in self.selection.items() if name != "seeds"}
        found = stored_seeds(store, experiment, **chosen)
        used = shown(found)
        partly = [str(seed) for seed in found if seed not in used]
        text = f"seeds: {', '.join(map(str, used))}"
        text += f" (only partly stored, and not used: {', '.join(partly)})" if partly else ""
        return replace(self, seeds=tuple(used)), text

    @property
    def selection(self) -> dict[str, Any]:
        """What chooses the runs: the arguments of an experiment, of seed 0 if none is named."""
        chosen = asdict(self) | {"seeds": (0,) if self.seeds is None else self.seeds}
        return {name: chosen[name] for name in ("profile", "track", "seeds", "latent_dims")}

    def command(self, experiment: str, verb: str = "run") -> str:
        """The command that trains (or does what `verb` says to) what these parameters need."""
        seeds = ",".join(map(str, self.selection["seeds"]))
        text = f"python -m infovae_core {verb} {experiment} --profile {self.profile}"
        text += f" --track {self.track} --seeds {seeds}"
        if self.latent_dims is not None:
            text += f" --latent-dims {','.join(map(str, self.latent_dims))}"
        return text


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
    def read(cls, namespace: Mapping[str, Any]) -> "ToyParameters":
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


def plain_values(namespace: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """The plain data among a notebook's `globals()`: its parameters, all of them and no others.

    papermill only warns of a parameter that a notebook does not have, so every plain value found
    must be one of them.

    Raises:
        UnknownName: If there is a variable that is no parameter.
        ValueError: If a parameter is missing.
    """
    found: dict[str, Any] = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_")
        and name not in KERNEL
        and isinstance(value, str | int | float | list | tuple | dict | None)
    }
    for name in found:
        names.check("parameter", name, known)
    for name in known:
        if name not in found:
            raise ValueError(f"the notebook does not set {name!r}")
    return found


def integers(name: str, value: Any) -> tuple[int, ...]:
    """Integers from a list, one number, or a text such as "0,1", as a command line gives it.

    Raises:
        ValueError: If `value` is none of these.
    """
    parts: Any = value.split(",") if isinstance(value, str) else value
    if isinstance(parts, int) and not isinstance(parts, bool):
        parts = [parts]
    try:
        if any(isinstance(part, bool | float) for part in parts):
            raise TypeError
        return tuple(int(part) for part in parts)
    except (TypeError, ValueError):
        raise ValueError(f"{name} takes integers, such as [0, 1] or 0,1; got {value!r}") from None
