"""What is timed: our hot paths and their peers. Each maker returns a call of so many steps."""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv_transpose2d

from infovae_core import data, devices, divergences, evaluation
from infovae_core import loop as training
from infovae_core.layers import TransposedConvolution
from infovae_core.models import VAE
from infovae_core.randomness import generator
from infovae_core.run import Run
from infovae_core.step import Trainer
from infovae_core.study.experiments import experiment2
from infovae_core.study.grid import stacks

LATENT_DIM = 20
BATCH = 128
Call = Callable[[int], Any]


def flop_per_step(batch: int = BATCH) -> float:
    """Floating-point operations of one training step's matrix work.

    Multiply-adds of the four convolutions and the linear layers, forward and twice that backward
    (the first convolution has no gradient with respect to its input).
    """
    first, second = 14 * 14 * 32 * 16, 7 * 7 * 64 * 32 * 16
    linear = 7 * 7 * 64 * LATENT_DIM * 3
    return 2.0 * batch * (2 * first + 3 * second + 3 * second + 3 * first + 3 * linear)


def the_run(**changes: Any) -> Run:
    """InfoVAE-MMD as in Experiment 2."""
    return replace(experiment2(latent_dims=[LATENT_DIM])[0], **changes)


def load(name: str, device: torch.device) -> data.Split:
    """A data set; "random" is made up and small, for where memory is measured."""
    if name != "random":
        return data.load(name, device=device)
    images = (torch.rand(1024, 1, 28, 28, generator=generator(0, "pixels")) > 0.5).float()
    part = data.Partition(images.to(device), torch.arange(1024) % 10)
    return data.Split("digits", "binary", "", part, part, part)


def ours(
    device: torch.device,
    data_set: str,
    precision: str = "fp32",
    stack: int = 1,
    batch_size: int = BATCH,
    latent_dim: int = LATENT_DIM,
    fused: bool = True,
    keep_memory: bool = True,
    mixed: bool = False,
    compiled: bool = False,
    library: bool = False,
) -> Call:
    """Our training steps, of `stack` runs side by side: seeds of one, or those of Experiment 2.

    With `compiled` the model goes through torch.compile; with `library` the transposed
    convolutions are wholly PyTorch's.
    """
    if keep_memory:
        devices.keep_freed_memory()
    torch.set_flush_denormal(True)
    run = the_run(precision=precision, batch_size=batch_size, latent_dim=latent_dim)
    if mixed:
        others = [replace(other, precision=precision) for other in experiment2()[:stack]]
        (runs,) = stacks(others, stack)
    else:
        runs = [replace(run, seed=seed) for seed in range(stack)]
    trainer = Trainer(runs, device)
    if compiled:
        trainer.model.compile()
    if library:
        for layer in trainer.model.modules():
            if isinstance(layer, TransposedConvolution):
                layer.forward = partial(library_transposed, layer)  # type: ignore[method-assign]
    if not fused:
        trainer.optimizer = torch.optim.Adam(trainer.model.parameters(), lr=run.learning_rate)
    images = load(data_set, device).train.images
    batches: Iterator[Tensor] = training.minibatches(
        len(images), batch_size, trainer.shuffles, device
    )

    def call(count: int) -> float:
        for _ in range(count):
            terms = trainer.step(images[next(batches)])
        devices.synchronize(device)
        return float(terms.loss.mean())

    return call


def library_transposed(layer: TransposedConvolution, x: Tensor) -> Tensor:
    """The transposed convolution as PyTorch computes it."""
    return conv_transpose2d(x, layer.weight, layer.bias, stride=2, padding=1)


def plain(device: torch.device, data_set: str) -> Call:
    """The plain loop's steps."""
    from tests.benchmarks.plain import PlainLoop

    loop = PlainLoop(load(data_set, device).train, LATENT_DIM, BATCH)

    def call(count: int) -> float:
        before = loop.total
        for _ in range(count):
            loop.step()
        return (loop.total - before) / count

    return call


def pythae(device: torch.device, data_set: str) -> Call:
    """The steps of pythae's trainer."""
    from tests.benchmarks.pythae_loop import PythaeLoop

    return PythaeLoop(load(data_set, device).train, LATENT_DIM, BATCH).steps


def absent() -> dict[str, str]:
    """Peers that cannot be measured here, and why."""
    if importlib.util.find_spec("pythae") is None:
        return {
            "pythae": "pythae is not installed: python -m pip install --no-deps "
            "-r requirements-bench.txt"
        }
    return {}


def product(device: torch.device, size: int, precision: str = "fp32") -> Call:
    """Products of two matrices, 2 · size³ operations each: the machine's rate."""
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    a = torch.randn(size, size, device=device, dtype=dtype)
    out = torch.empty_like(a)

    def call(count: int) -> float:
        for _ in range(count):
            torch.mm(a, a, out=out)
        devices.synchronize(device)
        return float(out[0, 0])

    return call


def divergence(device: torch.device, name: str, n: int, d: int = LATENT_DIM) -> Call:
    """One of our divergences between n codes and n draws, and its gradient."""
    devices.keep_freed_memory()
    torch.set_flush_denormal(True)
    draws = generator(0, "prior")
    q = torch.randn(1, n, d, generator=draws).to(device).requires_grad_()
    p = torch.randn(1, n, d, generator=draws).to(device)

    def call(count: int) -> float:
        for _ in range(count):
            q.grad = None
            value = divergences.REGISTRY[name](q, p).sum()
            value.backward()
        devices.synchronize(device)
        return float(value.detach())

    return call


def validation(device: torch.device, data_set: str, **changes: Any) -> Call:
    """Our validation MMD: each image encoded once, minibatches gathered, batched kernels."""
    devices.keep_freed_memory()
    run = the_run(**changes)
    measured = evaluation.Evaluation(run, load(data_set, device))
    model = VAE(run.architecture, generator(0, "init"))
    return lambda count: [measured.during(model)["val_mmd2"] for _ in range(count)][-1]


def validation_loop(device: torch.device, data_set: str, **changes: Any) -> Call:
    """The same value by a loop over minibatches that encodes each."""
    run = the_run(**changes)
    split = load(data_set, device)
    measured = evaluation.Evaluation(run, split)
    model = VAE(run.architecture, generator(0, "init")).eval()
    eps = measured.noise("val", len(split.val.images), run.latent_dim)
    fixed = measured.validation_mmd

    @torch.no_grad()
    def loop() -> float:
        total = 0.0
        for rows, prior in zip(fixed.indices, fixed.prior, strict=True):
            mu, logvar = model.encoder(split.val.images[rows])
            z = mu + torch.exp(0.5 * logvar) * eps[rows]
            total += divergences.mmd(z, prior).item()
        return total / len(fixed.indices)

    return lambda count: [loop() for _ in range(count)][-1]


MAKERS: dict[str, Callable[..., Call]] = {
    "ours": ours,
    "plain": plain,
    "pythae": pythae,
    "product": product,
    "divergence": divergence,
    "validation": validation,
    "validation_loop": validation_loop,
}
