"""`python -m tests.benchmarks.diagnosis`: what a diagnosis costs, and how often it is wrong.

Each size is diagnosed in a process of its own, with all cores, every ruler included; then samples
of the prior and of faulty laws. The record is stored under notebooks/results/benchmarks/.
"""

import argparse
import multiprocessing
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import torch
from torch import Tensor

from infovae_core import devices, diagnose
from infovae_core.report import diagnosis_costs
from infovae_core.study.provenance import commit
from tests.benchmarks.turns import memory

CPU = torch.device("cpu")
SIZES = ((1_000, 20), (100_000, 64), (1_000_000, 64), (2_000, 4_096))
# Codes, dimensions, samples; whether the classifier is asked.
MATCHES = ((50, 2, 400, False), (200, 20, 400, False), (2_000, 8, 100, False), (100, 5, 200, True))
FAULTY = (200, 16, 20, False)
LAWS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "shifted by 0.3 in each dimension": ("shifted", lambda z: z + 0.3),
    "a tenth too small": ("too small", lambda z: 0.9 * z),
    "a tenth too large": ("too large", lambda z: 1.1 * z),
    "correlated by 0.2": ("correlated", lambda z: 0.8**0.5 * z + 0.2**0.5 * z[:, :1].flip(0)),
    "one dimension collapsed": ("collapsed", lambda z: torch.cat([0 * z[:, :1], z[:, 1:]], 1)),
    "escaped in one dimension": ("escaped", lambda z: torch.cat([5 * z[:, :1], z[:, 1:]], 1)),
    "four clusters": ("clustered", lambda z: 0.5 * z + 0.75**0.5 * around(z)),
    "half of them twice": ("duplicated", lambda z: z[: len(z) // 2].repeat(2, 1)),
}


def around(z: Tensor) -> Tensor:
    """Four centres, code by code."""
    return z[:4][torch.arange(len(z)) % 4]


def normal(n: int, d: int, seed: int) -> Tensor:
    """Codes that match."""
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def cost(n: int, d: int) -> dict[str, Any]:
    """One diagnosis, in this process."""
    codes = normal(n, d, 0)
    before, start, cpu = memory(CPU, "VmRSS"), time.perf_counter(), time.process_time()
    diagnose(codes, bandwidth=1.0)
    return {
        "n": n,
        "d": d,
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
        "before_bytes": before,
        "peak_bytes": memory(CPU, "VmHWM"),
    }


def rate(n: int, d: int, samples: int, classifier: bool, name: str = "the prior") -> dict[str, Any]:
    """How often a law is called anything but matched, and its fault found."""
    torch.set_num_threads(1)
    kind, law = LAWS.get(name, ("", lambda z: z))
    codes = (law(normal(n, d, seed)) for seed in range(samples))
    reports = [diagnose(one, classifier=classifier) for one in codes]
    return {
        "law": name,
        "n": n,
        "d": d,
        "samples": samples,
        "classifier": classifier,
        "rejected": sum("matched" not in one.kinds for one in reports),
        "found": sum(kind in one.kinds for one in reports) if kind else None,
    }


def main() -> None:
    """Measure and store."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.diagnosis", description=__doc__
    )
    parser.parse_args()
    fresh = multiprocessing.get_context("spawn")
    made: dict[str, Any] = {
        "machine": devices.describe(CPU),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "commit": commit(),
        "costs": [],
    }
    loads = []
    for size in SIZES:
        with fresh.Pool(1) as pool:
            made["costs"].append(pool.apply(cost, size))
        loads.append(os.getloadavg()[0])
        print(made["costs"][-1], flush=True)
    jobs = [*MATCHES, *((*FAULTY, name) for name in LAWS)]
    with fresh.Pool(os.cpu_count()) as pool:
        made["alarms"] = pool.starmap(rate, jobs, chunksize=1)
    made["load"] = sum(loads) / len(loads)
    made["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
    print(diagnosis_costs.alarms(made))
    print(f"stored in {diagnosis_costs.save(made)}")


if __name__ == "__main__":
    main()
