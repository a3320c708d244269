"""`python -m tests.benchmarks`: our hot paths beside a plain peer's, interleaved, with medians.

Each contender lives in a process of its own, so that what one does to its allocator or threads
does not help or hurt another; the processes take turns, so that all see the same machine.
"""

import argparse
import json
import multiprocessing
import statistics
from pathlib import Path

import torch

from infovae_core import data, devices
from tests.benchmarks.contenders import CONTENDERS, flop_per_step, serve, the_run


def measure(names: list[str], data_set: str, repetitions: int, counts: dict[str, int]) -> dict:
    """Seconds a call of each contender, over interleaved repetitions, and its last value."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for name in names:
        pipes[name], theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(name, data_set, theirs)))
        processes[-1].start()
    times: dict[str, list[float]] = {name: [] for name in names}
    values = {}
    for repetition in range(repetitions + 1):
        for name in names:
            pipes[name].send(counts[name])
            seconds, values[name] = pipes[name].recv()
            if repetition:  # The first is a warm-up.
                times[name].append(seconds)
    for name in names:
        pipes[name].send(None)
    for process in processes:
        process.join()
    return {"times": times, "values": values}


def main() -> None:
    """Measure, print one table, write it to _build/bench.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits", choices=data.DATASETS)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--steps", type=int, default=40, help="steps a repetition")
    arguments = parser.parse_args()
    counts = dict.fromkeys(CONTENDERS, arguments.steps) | {
        "validation MMD": 1,
        "validation MMD, loop": 1,
    }
    names = list(CONTENDERS)
    found = measure(names, arguments.data, arguments.repetitions, counts)
    times, values = found["times"], found["values"]
    middle = {name: statistics.median(times[name]) for name in names}
    print(f"{devices.describe(torch.device('cpu'))}, PyTorch {torch.__version__}, {arguments.data}")
    print(f"medians of {arguments.repetitions} interleaved repetitions, least and greatest beside")
    for name in names:
        low, high = min(times[name]), max(times[name])
        print(f"{name:22} {middle[name] * 1e3:9.2f} ms  ({low * 1e3:.2f} to {high * 1e3:.2f})")
    rate = 2 * 1024**3 / middle["matrix product"]
    limit = flop_per_step(the_run().batch_size) / rate
    rows = {
        "plain loop / ours fp32": middle["plain loop"] / middle["ours fp32"],
        "plain loop / ours bf16": middle["plain loop"] / middle["ours bf16"],
        "matrix-rate limit / ours fp32": limit / middle["ours fp32"],
        "validation loop / ours": middle["validation MMD, loop"] / middle["validation MMD"],
    }
    for name, ratio in rows.items():
        print(f"{name:30} {ratio:6.2f}")
    gap = abs(values["validation MMD"] - values["validation MMD, loop"])
    print(f"validation MMD² {values['validation MMD']:.6g}, by the loop it differs by {gap:.1g}")
    path = Path("_build/bench.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"times": times, "ratios": rows}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
