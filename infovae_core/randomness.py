"""Named random streams: a run draws each kind of chance from a generator of its own."""

import hashlib

import torch

NAMES = ("init", "shuffle", "noise", "prior", "pixels", "critic", "eval")
# Weights, data order and evaluation choices are drawn on the CPU, so that they are the same
# whatever device trains; the draws of a step stay on the device.
ON_CPU = ("init", "shuffle", "critic", "eval")


def generator(seed: int, name: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator seeded from (seed, name), so that a further stream moves no other."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    # 2**63 - 1 keeps the seed inside what every backend accepts.
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") % (2**63 - 1))


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
