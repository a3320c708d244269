"""Which runs: one value, for the command line, the notebooks' parameters and the pages alike."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from functools import cached_property
from operator import index
from pathlib import Path
from typing import Any

from infovae_core import datasets, declared, names
from infovae_core.run import PRECISIONS, Run
from infovae_core.study import experiments
from infovae_core.study.experiments import EXPERIMENTS, PROFILES, TRACKS
from infovae_core.study.store import Result, Store, default_root

# What a choice of D, or of its bandwidth and weights, changes; all other runs are controls.
VARIED = ("infovae_", "corrected_")
VARIATIONS = ("divergence", "bandwidth", "alpha", "lam")


def text(name: str, value: Any) -> str:
    """A name, as it is.

    Raises:
        ValueError: If it is no text.
    """
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, got {value!r}")
    return value


def integers(name: str, value: Any) -> tuple[int, ...]:
    """Integers from a list, one number, or a text such as "0,1", as a command line gives it.

    Raises:
        ValueError: If `value` is none of these.
    """
    parts: Any = value
    if isinstance(value, str):  # "0,1", or a list as a notebook's author writes it: "[0, 1]"
        inner = re.fullmatch(r"\s*[\[(](.*?),?\s*[\])]\s*", value)
        parts = (inner[1] if inner else value).split(",")
    parts = parts if isinstance(parts, Iterable) else [parts]
    try:
        if isinstance(parts, bytes | Mapping) or any(isinstance(part, bool) for part in parts):
            raise TypeError
        found = [int(part) if isinstance(part, str) else index(part) for part in parts]
    except (TypeError, ValueError):
        raise ValueError(f"{name} takes integers, such as [0, 1] or 0,1; got {value!r}") from None
    if len(set(found)) < len(found):
        raise ValueError(f"{name} names one of its values twice: {value!r}")
    return tuple(found)


def number(name: str, value: Any) -> float:
    """A finite number, or a text that is one.

    Raises:
        ValueError: If `value` is neither.
    """
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{name} must be a finite number, got {value!r}")
    return found


def kernel_bandwidth(name: str, value: Any) -> str | float:
    """A positive number, or the name of a rule that finds one.

    Raises:
        ValueError: If `value` is neither.
    """
    if value in declared.BANDWIDTH_RULES:
        return str(value)
    try:
        found = number(name, value)
    except ValueError:
        found = 0
    if found <= 0:
        rules = ", ".join(declared.BANDWIDTH_RULES)
        raise ValueError(f"{name} must be a positive number or one of {rules}, got {value!r}")
    return found


def as_text(value: Any) -> str:
    """A value as a command line gives it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).removesuffix(".0")


def option(default: Any, read: Callable[[str, Any], Any], words: str) -> Any:
    """A field with the function that reads it and the words that explain it."""
    return field(default=default, metadata={"read": read, "help": words})


@dataclass(frozen=True)
class Selection:
    """Runs of an experiment.

    Every field but the first is an option of the command line and a parameter of the notebooks, and
    is read from what either gives: a value, or a text.

    Raises:
        UnknownName: If experiment, profile, track, data, precision, divergence or bandwidth rule do
            not exist.
        ValueError: If a value is of the wrong type or out of range, or chooses for no run.
    """

    experiment: str
    profile: str | None = option(
        None, text, f"One of {', '.join(PROFILES)}; by default the one that the pages show."
    )
    track: str = option("as_written", text, f"Reading of the thesis: {', '.join(TRACKS)}.")
    seeds: tuple[int, ...] | None = option(
        None, integers, "Seeds, such as 0,1; by default 0 and all others that are stored whole."
    )
    latent_dims: tuple[int, ...] | None = option(
        None, integers, "Latent dimensions, such as 2,20; by default the profile's."
    )
    data: str | None = option(
        None, text, f"One of {', '.join(datasets.DATASETS)}; by default the profile's."
    )
    precision: str | None = option(
        None, text, f"One of {', '.join(PRECISIONS)}; by default the profile's."
    )
    divergence: str | None = option(
        None,
        text,
        f"D of all InfoVAE runs, in place of their own: {', '.join(declared.OPTIONS)}.",
    )
    bandwidth: str | float | None = option(
        None,
        kernel_bandwidth,
        "Kernel bandwidth σ of those whose D has one: a number, or a rule that finds it: "
        f"{', '.join(declared.BANDWIDTH_RULES)}.",
    )
    alpha: float | None = option(None, number, "α of all InfoVAE runs, in place of their own.")
    lam: float | None = option(None, number, "λ of all InfoVAE runs, in place of their own.")

    def __post_init__(self) -> None:
        names.check("experiment", self.experiment, EXPERIMENTS)
        for one in options():
            value = getattr(self, one.name)
            if value is not None or one.default is not None:
                object.__setattr__(self, one.name, one.metadata["read"](one.name, value))
        if self.profile is None:
            object.__setattr__(self, "profile", EXPERIMENTS[self.experiment].shown)
        for name in EXPERIMENTS[self.experiment].sweeps:
            if getattr(self, name) is not None:
                raise ValueError(f"{self.experiment} sweeps {name} itself, which cannot be chosen")
        self.runs  # noqa: B018 - what it refuses is refused here.

    @cached_property
    def runs(self) -> list[Run]:
        """The runs, of seed 0 if none is named."""
        listed = experiments.runs(
            self.experiment,
            profile=self.profile,
            track=self.track,
            seeds=(0,) if self.seeds is None else self.seeds,
            latent_dims=self.latent_dims,
            data=self.data,
            precision=self.precision,
        )
        chosen = list(dict.fromkeys(self._varied(run) for run in listed))
        varied = [run for run in chosen if run.model.startswith(VARIED)]
        for name in VARIATIONS:
            if getattr(self, name) is not None and not varied:
                raise ValueError(f"{name} is chosen, and {self.experiment} has no InfoVAE runs")
        if self.bandwidth is not None and not any(
            "bandwidth" in run.objective.options for run in varied
        ):
            raise ValueError("a bandwidth is chosen, and no D of these runs has one")
        series = EXPERIMENTS[self.experiment].series
        if len({(series(run), run.latent_dim, run.seed) for run in chosen}) < len(chosen):
            raise ValueError(
                f"with {', '.join(name for name in VARIATIONS if getattr(self, name) is not None)} "
                f"chosen, different runs of {self.experiment} would bear one name"
            )
        return chosen

    def _varied(self, run: Run) -> Run:
        """The run with the D, bandwidth and weights that are chosen, if it is an InfoVAE."""
        if not run.model.startswith(VARIED):
            return run
        changes: dict[str, Any] = {
            name: value for name in ("alpha", "lam") if (value := getattr(self, name)) is not None
        }
        if self.divergence not in (None, run.objective.divergence):
            prefix, _, _ = run.model.partition("_")
            run = replace(run, model=f"{prefix}_{self.divergence}")
            changes |= {"divergence": self.divergence, "options": {}}
        objective = replace(run.objective, **changes)
        if self.bandwidth is not None and "bandwidth" in objective.options:
            own = {**objective.options, "bandwidth": self.bandwidth}
            objective = replace(objective, options=own)
        return replace(run, objective=objective)

    @property
    def plain(self) -> "Selection":
        """The selection with the experiment's own D, bandwidth and weights."""
        return replace(self, divergence=None, bandwidth=None, alpha=None, lam=None)

    @property
    def chosen(self) -> dict[str, Any]:
        """The options that are not left at their default, as they were read; never the profile."""
        return {
            one.name: value
            for one in options()
            if one.name != "profile" and (value := getattr(self, one.name)) != one.default
        }

    def command(self, verb: str = "run") -> str:
        """The command that trains these runs, or does with them what another verb says."""
        listed = {"profile": self.profile, "seeds": (0,), **self.chosen}
        given = [f" --{name.replace('_', '-')} {as_text(value)}" for name, value in listed.items()]
        return f"python -m infovae_core {verb} {self.experiment}{''.join(given)}"

    # What is stored of them -----------------------------------------------------------------------

    def store(self, root: Path | None = None) -> Store:
        """The folder where their results are, by default the profile's own."""
        assert self.profile is not None
        return Store(root or default_root(self.profile))

    def stored_seeds(self, store: Store) -> dict[int, bool]:
        """The seeds of which any run is stored, in order, and whether all runs are.

        Every result is read, and so verified.
        """
        known = [path.stem for path in store.root.glob("*.json")]
        found = {}
        for seed in sorted(
            {int(one[1]) for name in known if (one := re.search(r"-s(\d+)-", name))}
        ):
            there = [run in store for run in replace(self, seeds=(seed,)).runs]
            if any(there):
                found[seed] = all(there)
        return found

    def settled(self, store: Store) -> tuple["Selection", str]:
        """The selection with its seeds named, and a line that tells which they are.

        Seeds that are named stay, whatever is stored. Seed 0 is always among those that are not
        named, so that a page stops, or trains, where nothing is stored; a seed of which only some
        runs are stored is not used.
        """
        if self.seeds is not None:
            return self, f"seeds as named: {', '.join(map(str, self.seeds))}"
        found = self.stored_seeds(store)
        used = sorted({0} | {seed for seed, whole in found.items() if whole})
        partly = [str(seed) for seed in found if seed not in used]
        line = f"seeds: {', '.join(map(str, used))}"
        line += f" (only partly stored, and not used: {', '.join(partly)})" if partly else ""
        return replace(self, seeds=tuple(used)), line

    def require(self, store: Store | None = None) -> dict[Run, Result]:
        """The results, at the seeds that are named or else stored whole.

        Raises:
            StoreError: If one is missing; with the command that makes it.
        """
        store = store or self.store()
        settled, _ = self.settled(store)
        return store.require(settled.runs, settled.command())

    def available(self, store: Store | None = None) -> dict[Run, Result]:
        """The results of seed 0, all of them, and whatever is stored of the other seeds.

        For results that are shown seed by seed while further seeds are being trained.

        Raises:
            StoreError: If one of seed 0 is missing; with the command that makes it.
        """
        store = store or self.store()
        first = replace(self, seeds=(0,))
        found = dict(store.require(first.runs, first.command()))
        for seed in self.stored_seeds(store).keys() - {0}:
            runs = replace(self, seeds=(seed,)).runs
            found |= {run: one for run in runs if (one := store.load(run)) is not None}
        return found


def options() -> list[Field[Any]]:
    """The fields that are options of the command line and parameters of the notebooks."""
    return [one for one in fields(Selection) if "help" in one.metadata]
