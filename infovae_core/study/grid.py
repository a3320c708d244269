"""A grid of runs: skip what is stored, train and measure the rest, store each run alone."""

import functools
import math
import time
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from infovae_core import data, devices, loop
from infovae_core.evaluation import Evaluation, Following
from infovae_core.models import VAE
from infovae_core.randomness import generator, undisturbed
from infovae_core.run import Run
from infovae_core.schedules import TARGET_MMD
from infovae_core.study import cluster
from infovae_core.study.curves import CURVE_EVERY, steps_to_hold, steps_to_target
from infovae_core.study.provenance import commit_at_start, provenance
from infovae_core.study.store import Result, Store, StoreError

# Runs trained side by side on a GPU.
STACK = 32


def run_grid(
    runs: Sequence[Run],
    store: Store,
    device: torch.device | str = "cpu",
    root: str | Path | None = None,
    progress: bool = True,
    stack: int | None = None,
    workers: int = 0,
    scheduler: str | None = None,
) -> list[Run]:
    """Train every run that is not stored, and store each as soon as it is measured.

    Args:
        runs: The runs; their order is the order of training, but that runs of one stack are
            trained with its first.
        store: Where results go. This process alone reads and writes it, whoever trains.
        device: Where to train.
        root: Folder of the data set, if not in a usual place.
        progress: Show a bar with runs done, steps per second and time left.
        stack: The most runs trained side by side in one program, by default 1 on a CPU, where a
            second one makes neither faster, and `STACK` on a GPU.
        workers: Train in this many processes of this machine, with one thread each, instead of
            this one.
        scheduler: Address of a Dask scheduler whose workers train.

    Returns:
        The runs trained now.

    Raises:
        DataError: If the data cannot be had.
        DeviceError: If the device is not there.
        StoreError: If the store cannot be written.
        ClusterError: If there is no such scheduler, or workers failed.
        ValueError: If a stack is to hold no run, or both workers and a scheduler are named.
    """
    device = torch.device(device)
    missing = [run for run in dict.fromkeys(runs) if run not in store]
    jobs = stacks(missing, (STACK if device.type == "cuda" else 1) if stack is None else stack)
    if not missing:
        return []
    store.check_writable()
    trained: list[Run] = []
    total = sum(run.steps for run in missing)
    with tqdm(total=total, unit="step", disable=not progress, smoothing=0.05) as bar:

        def say(job: Sequence[Run]) -> None:
            bar.set_description(
                f"{len(trained)}/{len(missing)} runs, {job[0].model} z={job[0].latent_dim}"
            )

        def here() -> Generator[tuple[list[Run], list[Outcome]], None, None]:
            """Job by job in this process; runs that another process stored meanwhile are left."""
            for job in jobs:
                say(job)
                left = [run for run in job if run not in store]
                split = load_once(job[0].data, root, job[0].pixels)
                yield job, train_job(left, split, device, bar.update)

        if workers or scheduler is not None:
            outcomes = cluster.distribute(
                train_job, jobs, lambda name, pixels: load_once(name, root, pixels), device,
                workers, scheduler,
            )  # fmt: skip
        else:
            outcomes = here()
        planned = 0
        # Closed, so that workers end at once where a result cannot be stored.
        with closing(outcomes):
            for job, found in outcomes:
                for run, result, weights in found:
                    store.save_weights(run, weights)
                    store.save(run, result)
                    trained.append(run)
                # What a diverged run, or one of another process, did not do here counts as done.
                planned += sum(run.steps for run in job)
                bar.update(planned - bar.n)
                say(job)
        bar.set_description(f"{len(missing)}/{len(missing)} runs")
    return trained


def stacks(runs: Sequence[Run], most: int) -> list[list[Run]]:
    """The runs in groups of at most `most` that can be trained side by side, in order.

    In a group, runs of one kind are neighbours: their losses are then computed together.

    Raises:
        ValueError: If a group is to hold no run.
    """
    if most < 1:
        raise ValueError(f"a stack holds at least 1 run, got {most}")
    alike: dict[Run, dict[Hashable, list[Run]]] = {}
    for run in runs:
        alike.setdefault(run.stacking, {}).setdefault(run.kind, []).append(run)
    groups = []
    for kinds in alike.values():
        neighbours = [run for kind in kinds.values() for run in kind]
        groups += [neighbours[at : at + most] for at in range(0, len(neighbours), most)]
    order = {run: position for position, run in enumerate(runs)}
    return sorted(groups, key=lambda group: min(order[run] for run in group))


Outcome = tuple[Run, Result, dict[str, Tensor]]


def train_job(
    runs: Sequence[Run],
    split: data.Split,
    device: torch.device,
    progress: Callable[[int], object] = lambda steps: None,
) -> list[Outcome]:
    """Train and measure a stack: what one process does of a grid, whoever asked for it.

    Returns:
        Each run with its result and its model's parameters.

    Raises:
        DeviceError: If the device is not there.
    """
    if not runs:
        return []
    commit_at_start()
    devices.keep_freed_memory()
    try:
        split = on_device(split, devices.resolve(str(device)))
        found = train_stack(runs, split, progress)
    except torch.OutOfMemoryError as error:
        raise devices.DeviceError(
            f"the memory of {device} does not hold {len(runs)} runs of batch size "
            f"{runs[0].batch_size} side by side: choose fewer with --stack, as --stack "
            f"{max(1, len(runs) // 2)} does, or free the device of other programs"
        ) from error
    trained = zip(runs, found, strict=True)
    return [
        (run, result, {name: value.cpu() for name, value in model.state_dict().items()})
        for run, (result, model) in trained
    ]


@functools.lru_cache(maxsize=2)
def load_once(name: str, root: str | Path | None, pixels: str) -> data.Split:
    """The data, kept by the process for all that follows."""
    return data.load(name, root, pixels=pixels)


@functools.lru_cache(maxsize=2)
def on_device(split: data.Split, device: torch.device) -> data.Split:
    """The data on a device, moved there once for all jobs of the process."""
    return split.to(device)


def train(
    run: Run, split: data.Split, progress: Callable[[int], object] = lambda steps: None
) -> tuple[Result, VAE]:
    """Train and measure one run."""
    return train_stack([run], split, progress)[0]


@undisturbed()
def train_stack(
    runs: Sequence[Run],
    split: data.Split,
    progress: Callable[[int], object] = lambda steps: None,
) -> list[tuple[Result, VAE]]:
    """Train runs side by side and measure each."""
    evaluations = [Evaluation(run, split) for run in runs]
    with flush_denormals():
        fits = loop.fit_stack(runs, split, Following(evaluations), progress)
    device = split.train.images.device
    results = []
    for run, evaluation, fit in zip(runs, evaluations, fits, strict=True):
        start = time.perf_counter()
        if fit.diverged_at is None and not math.isfinite(fit.evaluations[-1]["norm_ratio"]):
            # The very last update broke a model whose every loss was finite.
            fit.diverged_at = run.steps
        followed = [(point["step"], point["val_mmd"]) for point in fit.evaluations]
        found: dict[str, Any] = {
            "train_seconds": fit.seconds,
            "steps_per_second": len(fit.curve) / fit.seconds,
            "diverged_at": fit.diverged_at,
            "evaluation_seconds": fit.evaluation_seconds,
            "steps_to_target": steps_to_target(followed, TARGET_MMD),
            "steps_to_hold": steps_to_hold(followed, TARGET_MMD),
        }
        arrays = {"curve": _thin(fit.curve.cpu().numpy())}
        for name in fit.evaluations[0]:
            arrays[f"eval_{name}"] = np.array([point[name] for point in fit.evaluations])
        if fit.diverged_at is None:
            found |= evaluation.measure(fit.model)
            arrays |= evaluation.pictures(fit.model)
        status = "done" if fit.diverged_at is None else "diverged"
        seconds = fit.seconds + fit.evaluation_seconds + time.perf_counter() - start
        made = provenance(device, seconds)
        if len(runs) > 1:
            made["stack"] = len(runs)
        results.append((Result(status, found, made, arrays), fit.model))
    return results


@undisturbed()
def measure(
    runs: Sequence[Run],
    store: Store,
    device: torch.device | str = "cpu",
    root: str | Path | None = None,
) -> list[Run]:
    """Measure anew, from cached weights, every stored run that has them; training figures stay.

    Returns:
        The runs measured.
    """
    done = []
    device = torch.device(device)
    for run in tqdm(runs, unit="run"):
        result, weights = store.load(run), store.load_weights(run)
        if result is None or weights is None or result.status != "done":
            continue
        evaluation = Evaluation(run, on_device(load_once(run.data, root, run.pixels), device))
        model = VAE(run.architecture, generator(run.seed, "init")).to(device)
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            raise StoreError(
                f"the cached weights of {run.name} are not those of its model. Delete them from "
                f"{store.root / 'weights'}, or train the run again"
            ) from error
        result.metrics |= evaluation.measure(model)
        result.arrays |= evaluation.pictures(model)
        result.provenance["measured"] = provenance(device, 0.0)
        store.save(run, result)
        done.append(run)
    return done


@contextmanager
def flush_denormals() -> Iterator[None]:
    """Treat denormal numbers as zero on the CPU, where they are up to a hundred times slower.

    They arise in kernels of codes that are far apart, and in Adam's averages of dead gradients.
    """
    least = torch.tensor(math.ulp(0.0), dtype=torch.float64, device="cpu")
    flushed = bool(least * 1 == 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed)


def _thin(curve: np.ndarray) -> np.ndarray:
    """Means over `CURVE_EVERY` steps, whole groups only: (steps, terms) → (points, terms)."""
    points = len(curve) // CURVE_EVERY
    whole = curve[: points * CURVE_EVERY]
    means: np.ndarray = whole.reshape(points, CURVE_EVERY, curve.shape[1]).mean(1)
    return means.astype(np.float32)
