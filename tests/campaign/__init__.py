"""Attacks on the store, the grid and the command line, driven by one seed and one count.

`python -m tests.campaign` makes all of them and stores what it found; a test makes a short form.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import numpy as np

from infovae_core import data, metrics
from infovae_core.run import Run
from infovae_core.study import grid
from infovae_core.study.store import Result, Store
from tests.runs import small_run


@dataclass
class Tally:
    """What an attack found.

    Attributes:
        words: The attack, for readers.
        cases: How often it was made.
        lost: Stored results that were lost or changed.
        silent: Wrong values that nobody was told of.
        tracebacks: Failures without a clear message.
        notes: The first wrong cases, in words.
        seconds: How long it took.
    """

    words: str
    cases: int = 0
    lost: int = 0
    silent: int = 0
    tracebacks: int = 0
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, kind: str, words: str) -> None:
        """Count something that went wrong."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.notes) < 5:
            self.notes.append(f"{kind}: {words}"[:300])


Attack = Callable[[random.Random, int, Path], Tally]


@contextmanager
def quick() -> Iterator[None]:
    """Leave out the two rulers that fit classifiers: the attacks are not on what is measured."""
    with (
        patch.object(metrics, "classifier_auc", lambda *given: 0.5),
        patch.object(metrics, "svm_error", lambda *given: 0.5),
    ):
        yield


def runs(count: int = 3) -> list[Run]:
    """Runs of four steps on the digits."""
    return [small_run(("infovae_mmd", "vae", "aae")[i % 3], seed=i) for i in range(count)]


def train(kept: Store, listed: list[Run]) -> None:
    """What is missing of them, as the command line trains it."""
    grid.run_grid(listed, kept, "cpu", progress=False)


def undisturbed(folder: Path, listed: list[Run]) -> Store:
    """A store whose runs were trained in peace."""
    kept = Store(folder)
    train(kept, listed)
    return kept


def differences(kept: Store, sound: Store, listed: list[Run]) -> list[str]:
    """The runs whose stored result or weights differ from the sound ones in more than times."""
    return [
        run.name
        for run in listed
        if not equal(kept.load(run), sound.load(run))
        or kept._weights_path(run).read_bytes() != sound._weights_path(run).read_bytes()
    ]


def equal(one: Result | None, other: Result | None) -> bool:
    """Whether two results agree in every bit but times."""
    if one is None or other is None:
        return False
    plain = [{k: v for k, v in r.metrics.items() if "second" not in k} for r in (one, other)]
    return (
        one.status == other.status
        and repr(plain[0]) == repr(plain[1])
        and one.arrays.keys() == other.arrays.keys()
        and all(np.array_equal(a, other.arrays[n], equal_nan=a.dtype.kind == "f")
                for n, a in one.arrays.items())
    )  # fmt: skip


def made(attacks: dict[str, Attack], seed: int, count: int, folder: Path) -> dict[str, Tally]:
    """Every attack, each with a generator of its own from the seed."""
    data.load("digits")
    found = {}
    with quick():
        for name, attack in attacks.items():
            own = folder / name
            own.mkdir()
            began = time.monotonic()
            found[name] = attack(random.Random(f"{seed} {name}"), count, own)
            found[name].seconds = round(time.monotonic() - began, 1)
            print(f"{name}: {found[name].cases} cases, {found[name].seconds} s", flush=True)
    return found
