"""`python -m tests.benchmarks`: our hot paths beside a plain peer's, interleaved, with medians.

Each contender lives in a process of its own, so that what one does to its allocator or threads
does not help or hurt another; the processes take turns, so that all see the same machine.
"""

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from infovae_core import data, devices, divergences, evaluation, training
from infovae_core.experiments import Run, experiment2
from infovae_core.models import VAE
from infovae_core.randomness import generator

# Multiply-adds of the four convolutions and the linear layers, forward and twice that backward
# (the first convolution has no gradient with respect to its input).
LATENT_DIM = 20


def flop_per_step(batch: int) -> float:
    """Floating-point operations of one training step's matrix work."""
    first, second = 14 * 14 * 32 * 16, 7 * 7 * 64 * 32 * 16
    linear = 7 * 7 * 64 * LATENT_DIM * 3
    return 2.0 * batch * (2 * first + 3 * second + 3 * second + 3 * first + 3 * linear)


def the_run(precision: str = "fp32") -> Run:
    return experiment2(latent_dims=[LATENT_DIM], precision=precision)[0]


def ours(split: data.Split, precision: str) -> Callable[[], None]:
    """Our step."""
    devices.keep_freed_memory()
    torch.set_flush_denormal(True)
    run = the_run(precision)
    trainer = training.Trainer(run, torch.device("cpu"))
    images = split.train.images
    batches: Iterator[torch.Tensor] = training.minibatches(
        len(images), run.batch_size, trainer.streams.shuffle, torch.device("cpu")
    )
    return lambda: trainer.step(images[next(batches)])


def plain(split: data.Split) -> Callable[[], None]:
    """The plain loop's step."""
    from tests.benchmarks.plain import PlainLoop

    return PlainLoop(split.train, LATENT_DIM, the_run().batch_size).step


def matrix_product() -> Callable[[], None]:
    """One matrix product of 2 · 1024³ operations: the machine's single-precision rate."""
    a = torch.randn(1024, 1024)
    return lambda: a @ a


def validation(split: data.Split) -> Callable[[], float]:
    """Our validation MMD: each image encoded once, minibatches gathered, batched kernels."""
    devices.keep_freed_memory()
    run = the_run()
    measured = evaluation.Evaluation(run, split)
    model = VAE(run.architecture, generator(0, "init"))
    return lambda: measured.during(model)["val_mmd2"]


def validation_loop(split: data.Split) -> Callable[[], float]:
    """The same value by a loop over minibatches that encodes each."""
    run = the_run()
    measured = evaluation.Evaluation(run, split)
    model = VAE(run.architecture, generator(0, "init")).eval()
    eps = measured._noise("val", len(split.val.images), run.latent_dim)
    fixed = measured.validation_mmd

    @torch.no_grad()
    def loop() -> float:
        total = 0.0
        for rows, prior in zip(fixed.indices, fixed.prior, strict=True):
            mu, logvar = model.encoder(split.val.images[rows])
            z = mu + torch.exp(0.5 * logvar) * eps[rows]
            total += divergences.mmd(z, prior).item()
        return total / len(fixed.indices)

    return loop


CONTENDERS = {
    "ours fp32": lambda split: ours(split, "fp32"),
    "ours bf16": lambda split: ours(split, "bf16"),
    "plain loop": plain,
    "matrix product": lambda split: matrix_product(),
    "validation MMD": validation,
    "validation MMD, loop": validation_loop,
}


def serve(name: str, data_set: str, pipe: Connection) -> None:
    """A contender's process: time as many calls as the other end asks for."""
    call = CONTENDERS[name](data.load(data_set))
    value = call()
    while (count := pipe.recv()) is not None:
        start = time.perf_counter()
        for _ in range(count):
            value = call()
        pipe.send(((time.perf_counter() - start) / count, value))


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
