"""What is measured: peers, stacks, growth, and a grid on worker processes."""

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from infovae_core.run import Run
from infovae_core.study.experiments import experiment2
from infovae_core.study.grid import run_grid
from infovae_core.study.store import Store
from tests.benchmarks.contenders import BATCH, LATENT_DIM, absent, flop_per_step
from tests.benchmarks.turns import Contender, take_turns

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
DIVERGENCES = ("mmd", "stein", "cramer", "sinkhorn")


@dataclass(frozen=True)
class Settings:
    """How much is measured.

    Attributes:
        data: Data set of the training steps.
        repetitions: Turns that count.
        calls: Training steps in a turn.
        cores: Threads of a process that has the machine to itself.
        at_once: Processes in the measure of several runs at once.
        matrix: Size of the product that gives the rate.
        stacks: Runs trained side by side, on the device.
        mixed: Runs of Experiment 2, all its objectives and latent dimensions, in one stack.
        stacked: R of the growth.
        batches: n of the growth of a step.
        samples: n of the growth of a divergence.
        latent_dims: d of the growth.
        compiled: Whether torch.compile is tried, which needs a compiler.
        val_batches: Minibatches of a validation.
        grid: Numbers of runs of the grids.
        grid_steps: Length of each of their runs.
        grid_repetitions: How often each grid is trained.
    """

    data: str = "mnist"
    repetitions: int = 7
    calls: int = 40
    cores: int = CORES
    at_once: int = min(CORES, 8)
    matrix: int = 1024
    stacks: tuple[int, ...] = (1, 8, 32)
    mixed: int = 49
    stacked: tuple[int, ...] = (1, 2, 4, 8)
    batches: tuple[int, ...] = (32, 64, 128, 256, 512)
    samples: tuple[int, ...] = (128, 256, 512, 1024, 2048)
    latent_dims: tuple[int, ...] = (2, 5, 10, 20, 40, 80)
    compiled: bool = bool(shutil.which("g++") or shutil.which("clang++"))
    val_batches: int = Run.val_batches
    grid: tuple[int, ...] = (2, 4, 8)
    grid_steps: int = 100
    grid_repetitions: int = 3


QUICK = Settings(repetitions=5, calls=8, grid=(2, 4), grid_steps=40, grid_repetitions=1)
Row = dict[str, Any]


def peers(settings: Settings) -> list[Row]:
    """Ours, the plain loop, pythae and the limit: one run on all cores, then one run a core."""
    on = {"data_set": settings.data}
    steps = {
        "ours, fp32": ("ours", on),
        "ours, bf16": ("ours", on | {"precision": "bf16"}),
        "plain loop": ("plain", on),
        "pythae": ("pythae", on),
    }
    steps = {name: made for name, made in steps.items() if name not in absent()}
    at_once = settings.at_once
    measures = [("one run, all cores", 1, settings.cores), ("one run a core", at_once, 1)]
    return [
        row
        for measure, copies, threads in measures
        for row in _measure(measure, "plain loop", steps, settings, copies, threads)
    ]


def details(settings: Settings) -> list[Row]:
    """Single findings, each beside our step or our validation without it; and compilation."""
    on = {"data_set": settings.data}
    steps = {
        "as it is": ("ours", on),
        "glibc's own thresholds": ("ours", on | {"keep_memory": False}),
        "Adam without fusing": ("ours", on | {"fused": False}),
        "the library's transposed convolutions": ("ours", on | {"library": True}),
    }
    if settings.compiled:
        steps["compiled"] = ("ours", on | {"compiled": True})
    rows = _measure(
        "one step, a finding left out", "as it is", steps, settings, 1, settings.cores, False
    )
    on = on | {"val_batches": settings.val_batches}
    both = {"batched": ("validation", on), "minibatch by minibatch": ("validation_loop", on)}
    once = replace(settings, calls=1)
    return rows + _measure("one validation", "batched", both, once, 1, settings.cores, False)


def stacks(settings: Settings, device: str) -> list[Row]:
    """R runs side by side on one device, in one process: seeds of one run, then different ones."""
    steps = {
        f"R = {r}, {precision}": (
            "ours",
            {"data_set": settings.data, "precision": precision, "stack": r},
        )
        for precision in ("fp32", "bf16")
        for r in settings.stacks
    } | {
        f"R = {settings.mixed}, Experiment 2, {precision}": (
            "ours",
            {
                "data_set": settings.data,
                "precision": precision,
                "stack": settings.mixed,
                "mixed": True,
            },
        )
        for precision in ("fp32", "bf16")
    }
    return _measure("stacks", f"R = {settings.stacks[0]}, fp32", steps, settings, 1, settings.cores,
                    device=device)  # fmt: skip


def _measure(
    measure: str,
    baseline: str,
    steps: dict[str, tuple[str, dict[str, Any]]],
    settings: Settings,
    copies: int,
    threads: int,
    limits: bool = True,
    device: str = "cpu",
) -> list[Row]:
    """Rows of one measure: these contenders, and the rates of matrix products."""
    contenders = [
        Contender(name, make, options, settings.calls, copies, threads)
        for name, (make, options) in steps.items()
    ]
    if limits:
        contenders += [
            Contender(
                f"limit, {precision}",
                "product",
                {"size": settings.matrix, "precision": precision},
                settings.calls,
                copies,
                threads,
            )
            for precision in ("fp32", "bf16")
        ]
    return [
        {
            "measure": measure,
            "contender": contender.name,
            "baseline": baseline,
            "precision": contender.options.get("precision", "fp32"),
            "threads": threads,
            "models": copies * contender.options.get("stack", 1),
            "operations": None if contender.make.startswith("validation")
            else 2.0 * copies * settings.matrix**3 if contender.make == "product"
            else flop_per_step() * copies * contender.options.get("stack", 1),
            "calls": contender.calls,
            "seconds": found.seconds,
            "peak_bytes": found.peak_bytes,
        }
        for contender, found in zip(
            contenders, take_turns(contenders, settings.repetitions, device), strict=True
        )
    ]  # fmt: skip


def growth(settings: Settings, device: str = "cpu") -> list[Row]:
    """Time and memory of a step against R, n and d, and of the divergences against n."""
    rows = []
    for quantity, option, values in (
        ("R", "stack", settings.stacked),
        ("n", "batch_size", settings.batches),
        ("d", "latent_dim", settings.latent_dims),
    ):
        usual = {"R": 1, "n": BATCH, "d": LATENT_DIM}[quantity]
        contenders = [
            Contender(
                f"{quantity} = {value}",
                "ours",
                {"data_set": "random", option: value},
                # Turns of about equal length, where time grows in proportion.
                max(1, round(settings.calls / (1 if quantity == "d" else max(1, value / usual)))),
                threads=settings.cores,
            )
            for value in values
        ]
        rows += _grow("step", quantity, values, contenders, settings, device)
    for name in DIVERGENCES:
        contenders = [
            Contender(
                f"{name}, n = {n}",
                "divergence",
                {"name": name, "n": n},
                max(1, round(settings.calls * (128 / n) ** 2)),
                threads=settings.cores,
            )
            for n in settings.samples
        ]
        rows += _grow(name, "n", settings.samples, contenders, settings, device)
    return rows


def _grow(
    of: str,
    quantity: str,
    values: Sequence[int],
    contenders: Sequence[Contender],
    settings: Settings,
    device: str,
) -> list[Row]:
    found = take_turns(contenders, settings.repetitions, device)
    return [
        {
            "of": of,
            "quantity": quantity,
            "value": value,
            "calls": contender.calls,
            "seconds": measured.seconds,
            "peak_bytes": measured.peak_bytes,
        }
        for value, contender, measured in zip(values, contenders, found, strict=True)
    ]


def grids(settings: Settings) -> list[Row]:
    """Wall time of whole grids, stored results included, against runs and worker processes."""
    workers = [count for count in (1, 2, 4, 8) if count <= max(settings.at_once, 1)]
    rows: list[Row] = [
        {"workers": count, "runs": runs, "steps": settings.grid_steps, "seconds": []}
        for count in workers
        for runs in settings.grid
    ]
    for _ in range(settings.grid_repetitions):
        for row in rows:
            with tempfile.TemporaryDirectory() as folder:
                runs = [
                    replace(run, steps=settings.grid_steps, eval_every=settings.grid_steps)
                    for seed in range(row["runs"])
                    for run in experiment2("smoke", seeds=[seed], latent_dims=[LATENT_DIM])[:1]
                ]
                start = time.perf_counter()
                run_grid(runs, Store(folder), progress=False, workers=row["workers"])
                row["seconds"].append(time.perf_counter() - start)
    return rows
