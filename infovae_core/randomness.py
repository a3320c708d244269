"""Named random streams: a run draws each kind of chance from a generator of its own."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

NAMES = ("init", "shuffle", "noise", "prior", "pixels", "critic", "eval")
# Weights, data order and evaluation choices are drawn on the CPU, so that they are the same
# whatever device trains; the draws of a step stay on the device.
ON_CPU = ("init", "shuffle", "critic", "eval")
# What a run computes in, whatever the caller's default is.
DTYPE = torch.float32


def generator(seed: int, name: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator seeded from (seed, name), so that a further stream moves no other."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    # 2**63 - 1 keeps the seed inside what every backend accepts.
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") % (2**63 - 1))


def single(generator: torch.Generator, *shape: int) -> torch.Tensor:
    """Standard normal draws of single precision, whatever the caller's default is."""
    return torch.randn(shape, generator=generator, device=generator.device, dtype=DTYPE)


@contextmanager
def undisturbed() -> Iterator[None]:
    """What is made here depends on nothing that the caller set in PyTorch, and changes none of it.

    Inside, tensors are of single precision on the CPU unless told otherwise, gradients are
    recorded, and there is no mixed precision but a run's own. PyTorch's global generator, which
    layers draw from when they are built, is afterwards what it was.
    """
    dtype = torch.get_default_dtype()
    mixed = {device: torch.is_autocast_enabled(device) for device in ("cpu", "cuda")}
    torch.set_default_dtype(DTYPE)
    try:
        with (
            torch.device("cpu") if torch.get_default_device().type != "cpu" else nullcontext(),
            torch.random.fork_rng(devices=[]),
            torch.enable_grad(),
        ):
            # Not by a context of autocast's, which keeps rounded weights until the outermost ends.
            for device in mixed:
                torch.set_autocast_enabled(device, False)
            yield
    finally:
        torch.set_default_dtype(dtype)
        for device, enabled in mixed.items():
            torch.set_autocast_enabled(device, enabled)


class Streams:
    """One generator per purpose: `streams.noise`, `streams.prior`, …

    Attributes:
        init: Parameters of encoder and decoder.
        shuffle: Order of the training images.
        noise: ε of the reparameterization z = μ + σ ⊙ ε.
        prior: Draws from the prior that a divergence compares codes with.
        pixels: Stochastic binarization of training images.
        critic: Parameters of a learned divergence's critic.
        eval: Everything random in a measurement.
    """

    init: torch.Generator
    shuffle: torch.Generator
    noise: torch.Generator
    prior: torch.Generator
    pixels: torch.Generator
    critic: torch.Generator
    eval: torch.Generator

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        """Seed every stream from `seed`; per-step streams live on `device`."""
        for name in NAMES:
            setattr(self, name, generator(seed, name, "cpu" if name in ON_CPU else device))
