"""What is timed: our hot paths and their peers, each served from a process of its own."""

import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import torch

from infovae_core import data, devices, divergences, evaluation, training
from infovae_core.experiments import experiment2
from infovae_core.models import VAE
from infovae_core.randomness import generator
from infovae_core.run import Run

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
    trainer = training.Trainer([run], torch.device("cpu"))
    images = split.train.images
    batches: Iterator[torch.Tensor] = training.minibatches(
        len(images), run.batch_size, trainer.shuffles, torch.device("cpu")
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
