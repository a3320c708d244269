"""Two grids on one store at once, and a reader meanwhile."""

import os
import random
import time
import warnings
from pathlib import Path

from infovae_core.report.frames import frame
from infovae_core.study.store import Store
from tests.campaign import Tally, differences, equal, runs, train, undisturbed
from tests.campaign.kills import forked


def attack(random_: random.Random, count: int, folder: Path) -> Tally:
    """A tenth as often as asked: each time all runs are trained twice at once."""
    tally, listed = Tally("two grids on one store at once, and a reader meanwhile"), runs()
    sound = undisturbed(folder / "sound", listed)
    for case in range(max(1, count // 10)):
        kept = Store(folder / str(case))
        orders = [random_.sample(listed, len(listed)) for _ in range(2)]
        children = [forked(lambda order=order, kept=kept: train(kept, order)) for order in orders]
        tally.cases += 1
        codes = {}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            while len(codes) < len(children):
                try:
                    found = {run: one for run in listed if (one := kept.load(run)) is not None}
                    frame(found)
                except Exception as error:
                    tally.note("tracebacks", f"the reader: {type(error).__name__}: {error}")
                    found = {}
                for run, one in found.items():
                    if not equal(one, sound.load(run)):
                        tally.note("silent", f"the reader saw another {run.name}")
                for child in children:
                    if child not in codes and (ended := os.waitpid(child, os.WNOHANG))[0]:
                        codes[child] = os.waitstatus_to_exitcode(ended[1])
                time.sleep(0.005)
        if any(codes.values()):
            tally.note("tracebacks", f"a grid ended with {codes}")
        for name in differences(kept, sound, listed):
            tally.note("lost", f"{name} ended otherwise")
    return tally
