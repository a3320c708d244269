"""A grid of runs: skip what is stored, train and measure the rest, store each run alone."""

import functools
import math
import platform
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from infovae_core import data, devices, metrics, training
from infovae_core.evaluation import Evaluation
from infovae_core.models import VAE
from infovae_core.randomness import generator
from infovae_core.run import Run
from infovae_core.store import Result, Store

# Steps averaged into one point of a stored training curve.
CURVE_EVERY = 20
# The validation MMD that thesis §3.3 names as its target.
TARGET_MMD = 4e-3


def run_grid(
    runs: Sequence[Run],
    store: Store,
    device: torch.device | str = "cpu",
    root: str | Path | None = None,
    progress: bool = True,
) -> list[Run]:
    """Train every run that is not stored, and store each as soon as it is measured.

    Args:
        runs: The runs; their order is the order of training.
        store: Where results go.
        device: Where to train.
        root: Folder of the data set, if not in a usual place.
        progress: Show a bar with runs done, steps per second and time left.

    Returns:
        The runs trained now.

    Raises:
        DataError: If the data cannot be had.
        StoreError: If the store cannot be written.
    """
    missing = [run for run in runs if run not in store]
    if not missing:
        return []
    store.check_writable()
    commit_at_start()
    devices.keep_freed_memory()
    device = torch.device(device)
    splits: dict[tuple[str, str], data.Split] = {}
    trained = []
    total = sum(run.steps for run in missing)
    with tqdm(total=total, unit="step", disable=not progress, smoothing=0.05) as bar:
        for count, run in enumerate(missing):
            bar.set_description(f"{count}/{len(missing)} runs, {run.model} z={run.latent_dim}")
            if run in store:  # Another process on the same store was here first.
                bar.update(run.steps)
                continue
            if (run.data, run.pixels) not in splits:
                splits[run.data, run.pixels] = data.load(run.data, root, device, run.pixels)
            before = bar.n
            result, model = train(run, splits[run.data, run.pixels], bar.update)
            # A run that diverged made fewer steps than were planned.
            bar.update(before + run.steps - bar.n)
            store.save_weights(run, model.state_dict())
            store.save(run, result)
            trained.append(run)
        bar.set_description(f"{len(missing)}/{len(missing)} runs")
    return trained


def train(run: Run, split: data.Split, progress: Any = lambda steps: None) -> tuple[Result, VAE]:
    """Train and measure one run."""
    evaluation = Evaluation(run, split)
    start = time.perf_counter()
    with flush_denormals():
        fit = training.fit(run, split, evaluation.during, progress)
    if fit.diverged_at is None and not math.isfinite(fit.evaluations[-1]["norm_ratio"]):
        # The very last update broke a model whose every loss was finite.
        fit.diverged_at = run.steps
    device = split.train.images.device
    followed = [(point["step"], point["val_mmd"]) for point in fit.evaluations]
    found: dict[str, Any] = {
        "train_seconds": fit.seconds,
        "steps_per_second": len(fit.curve) / fit.seconds,
        "diverged_at": fit.diverged_at,
        "evaluation_seconds": fit.evaluation_seconds,
        "steps_to_target": metrics.steps_to_target(followed, TARGET_MMD),
        "steps_to_hold": metrics.steps_to_hold(followed, TARGET_MMD),
    }
    arrays = {"curve": _thin(fit.curve.cpu().numpy())}
    for name in fit.evaluations[0]:
        arrays[f"eval_{name}"] = np.array([point[name] for point in fit.evaluations])
    if fit.diverged_at is None:
        found |= evaluation.measure(fit.model)
        arrays |= evaluation.pictures(fit.model)
    status = "done" if fit.diverged_at is None else "diverged"
    seconds = time.perf_counter() - start
    return Result(status, found, provenance(device, seconds), arrays), fit.model


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
    splits: dict[tuple[str, str], data.Split] = {}
    for run in tqdm(runs, unit="run"):
        result, weights = store.load(run), store.load_weights(run)
        if result is None or weights is None or result.status != "done":
            continue
        if (run.data, run.pixels) not in splits:
            splits[run.data, run.pixels] = data.load(run.data, root, device, run.pixels)
        evaluation = Evaluation(run, splits[run.data, run.pixels])
        model = VAE(run.architecture, generator(run.seed, "init")).to(device)
        model.load_state_dict(weights)
        result.metrics |= evaluation.measure(model)
        result.arrays |= evaluation.pictures(model)
        result.provenance["measured"] = provenance(torch.device(device), 0.0)
        store.save(run, result)
        done.append(run)
    return done


@contextmanager
def flush_denormals() -> Iterator[None]:
    """Treat denormal numbers as zero on the CPU, where they are up to a hundred times slower.

    They arise in kernels of codes that are far apart, and in Adam's averages of dead gradients.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _thin(curve: np.ndarray) -> np.ndarray:
    """Means over `CURVE_EVERY` steps, whole groups only: (steps, terms) → (points, terms)."""
    points = len(curve) // CURVE_EVERY
    whole = curve[: points * CURVE_EVERY]
    means: np.ndarray = whole.reshape(points, CURVE_EVERY, curve.shape[1]).mean(1)
    return means.astype(np.float32)


def provenance(device: torch.device, seconds: float) -> dict[str, Any]:
    """What a result was made with; `seconds` are those of training and measuring together."""
    return {
        "device": devices.describe(device),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "commit": commit_at_start(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
    }


def commit() -> str:
    """The checkout's commit, with "+" where tracked files of the package differ; else "unknown"."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("diff", "--name-only", "HEAD", "--", ".")
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@functools.cache
def commit_at_start() -> str:
    """The commit when first asked: what this process runs, whatever is edited meanwhile."""
    return commit()
