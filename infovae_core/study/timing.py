"""What a training step costs, measured so that runs can be compared."""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from infovae_core import devices
from infovae_core.randomness import undisturbed
from infovae_core.run import Run
from infovae_core.step import Trainer
from infovae_core.study.grid import flush_denormals, load_once, on_device
from infovae_core.study.provenance import provenance
from infovae_core.study.store import Store, is_timed

REPETITIONS = 7
STEPS = 10


def time_grid(
    runs: Sequence[Run],
    store: Store,
    device: torch.device | str = "cpu",
    root: str | Path | None = None,
    again: bool = False,
) -> list[Run]:
    """Time the training step of every stored run, and store what it takes beside its metrics.

    All are timed anew if one of them has no time yet, since only those that took turns compare.

    `timed_seconds` is the median over repetitions times the run's steps, `timed_low` and
    `timed_high` its extremes; the machine goes to the provenance, under "timed". The seconds of
    training itself stay: they tell what happened, but to whatever machine did it, however busy.

    Args:
        runs: The runs; those that are not stored are passed over.
        store: Where their results are.
        device: What to time.
        root: Folder of the data set.
        again: Time them even if all have been timed.

    Returns:
        The runs timed.
    """
    device = torch.device(device)
    results = {run: result for run in runs if (result := store.load(run)) is not None}
    if not again and all(map(is_timed, results.values())):
        return []
    stored = list(results)
    splits = [on_device(load_once(run.data, root, run.pixels), device) for run in stored]
    images = [
        split.train.images[: run.batch_size] for run, split in zip(stored, splits, strict=True)
    ]
    with flush_denormals():
        timed = step_seconds(stored, images, REPETITIONS, STEPS)
    for (run, result), seconds in zip(results.items(), timed, strict=True):
        result.metrics |= {
            "timed_seconds": statistics.median(seconds) * run.steps,
            "timed_low": min(seconds) * run.steps,
            "timed_high": max(seconds) * run.steps,
        }
        result.provenance["timed"] = provenance(device, 0.0)
        store.save(run, result)
    return stored


@undisturbed()
def step_seconds(
    runs: Sequence[Run], images: Sequence[torch.Tensor], repetitions: int, steps: int
) -> list[list[float]]:
    """Seconds of one training step of each run, once for each repetition.

    The runs take turns, so that what slows the machine down slows all of them alike. A first turn
    warms up and is not counted. Models are as they are drawn, not as they are trained: the time of
    a step does not depend on it, but for Sinkhorn's, whose iterations grow with the logarithm of
    the clouds' extent, to which prior draws contribute as much.

    Args:
        runs: The runs.
        images: A minibatch for each, on the device to be timed.
        repetitions: Turns that are counted.
        steps: Training steps in each turn, at most a tenth of the run's own.
    """
    device = images[0].device if images else torch.device("cpu")
    trainers = [Trainer([run], device) for run in runs]
    found: list[list[float]] = [[] for _ in runs]
    for turn in tqdm(range(1 + repetitions), unit="turn"):
        for run, trainer, x, seconds in zip(runs, trainers, images, found, strict=True):
            made = max(1, min(steps, run.steps // 10))
            devices.synchronize(device)
            start = time.perf_counter()
            for _ in range(made):
                trainer.step(x[None])
            devices.synchronize(device)
            if turn:
                seconds.append((time.perf_counter() - start) / made)
    return found
