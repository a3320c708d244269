"""`python -m tests.benchmarks`: what training costs; one table, and a stored result for the book.

Without PARTs all that the device has is measured and stored under notebooks/results/benchmarks/.
With some of them, these alone are measured and printed, and nothing is stored.
"""

import argparse
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import torch

from infovae_core import data, devices
from infovae_core.report import costs
from infovae_core.study.provenance import commit
from tests.benchmarks import suites
from tests.benchmarks.contenders import BATCH, LATENT_DIM, absent, flop_per_step
from tests.benchmarks.suites import CORES, QUICK, Settings

PARTS = {"cpu": ("peers", "details", "growth", "grid"), "cuda": ("stacks", "growth")}
EVERY = ("peers", "details", "stacks", "growth", "grid")


def record(parts: Sequence[str], settings: Settings, device: str, quick: bool) -> dict[str, Any]:
    """Measure these parts."""
    made: dict[str, Any] = {
        "version": costs.VERSION,
        "device": device,
        "machine": devices.describe(torch.device(device)),
        "cores": CORES,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "commit": commit(),
        "quick": quick,
        "settings": asdict(settings),
        "batch_size": BATCH,
        "latent_dim": LATENT_DIM,
        "operations_per_step": flop_per_step(),
        "absent": absent() if "peers" in parts else {},
        "turns": [],
        "growth": [],
        "grid": [],
    }
    measure: dict[str, tuple[str, Callable[[], list[dict[str, Any]]]]] = {
        "peers": ("turns", lambda: suites.peers(settings)),
        "details": ("turns", lambda: suites.details(settings)),
        "stacks": ("turns", lambda: suites.stacks(settings, device)),
        "growth": ("growth", lambda: suites.growth(settings, device)),
        "grid": ("grid", lambda: suites.grids(settings)),
    }
    for part in parts:
        print(f"{datetime.now():%H:%M:%S} {part}", flush=True)
        place, rows = measure[part]
        made[place] += rows()
    made["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
    return made


def main(arguments: Sequence[str] | None = None, settings: Settings | None = None) -> None:
    """Measure, print one table, store it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(EVERY))
    parser.add_argument("--device", default="cpu", choices=sorted(PARTS))
    parser.add_argument("--data", choices=data.DATASETS, help="of the training steps")
    parser.add_argument("--quick", action="store_true", help="short turns, for development")
    given = parser.parse_args(arguments)
    if wrong := set(given.parts) - set(EVERY):
        parser.error(f"unknown part {', '.join(sorted(wrong))}: choose from {', '.join(EVERY)}")
    try:
        devices.resolve(given.device)
    except devices.DeviceError as error:
        parser.error(str(error))
    settings = settings or (QUICK if given.quick else Settings())
    if given.data:
        settings = replace(settings, data=given.data)
    if given.device == "cuda":  # A small product would measure how fast it can be launched.
        settings = replace(settings, matrix=max(settings.matrix, 8192))
    try:  # Once, before many processes want it.
        data.load(settings.data)
    except data.DataError as error:
        parser.error(str(error))
    made = record(given.parts or PARTS[given.device], settings, given.device, given.quick)
    print(costs.report(made))
    if given.parts:
        print("only parts were measured: nothing is stored")
    else:
        print(f"stored in {costs.save(made)}")


if __name__ == "__main__":
    main()
