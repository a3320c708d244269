"""kill -9 at random instants of a grid, in one process or with workers."""

import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from infovae_core.study import grid
from infovae_core.study.store import Store
from tests.campaign import Tally, differences, equal, runs, train, undisturbed


def forked(work: Callable[[], object]) -> int:
    """A child process that does this, and says by its exit code whether it could."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        work()
        code = 0
    finally:
        os._exit(code)


def _attack(
    words: str, random_: random.Random, count: int, folder: Path, work: Callable[[Store], object]
) -> Tally:
    tally, listed = Tally(words), runs()
    sound = undisturbed(folder / "sound", listed)
    began = time.monotonic()
    os.waitpid(forked(lambda: work(Store(folder / "paced"))), 0)
    whole = time.monotonic() - began
    kept, stores = Store(folder / "0"), 1
    while tally.cases < count:
        before = {run: result for run in listed if (result := kept.load(run)) is not None}
        child = forked(lambda kept=kept: work(kept))
        time.sleep(random_.uniform(0, whole))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        tally.cases += 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Nothing may have to be set aside.
            for run, result in before.items():
                if not equal(kept.load(run), result) or not equal(result, sound.load(run)):
                    tally.note("lost", run.name)
        if len(before) == len(listed) or tally.cases == count:
            train(kept, listed)
            for name in differences(kept, sound, listed):
                tally.note("silent", f"{name} ended otherwise")
            kept, stores = Store(folder / str(stores)), stores + 1
    return tally


def local(random_: random.Random, count: int, folder: Path) -> Tally:
    """One process trains and stores, and is killed."""
    words = "kill -9 at a random instant of a grid in one process"
    return _attack(words, random_, count, folder, lambda kept: train(kept, runs()))


def with_workers(random_: random.Random, count: int, folder: Path) -> Tally:
    """The coordinator of a worker process is killed; a tenth as often, as each start takes long."""

    def work(kept: Store) -> None:
        grid.run_grid(runs(), kept, "cpu", progress=False, workers=1)

    words = "kill -9 at a random instant of a grid with a worker process"
    return _attack(words, random_, max(1, count // 25), folder, work)
