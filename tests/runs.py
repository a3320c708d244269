"""Runs and splits small enough for a test."""

from typing import Any

import torch

from infovae_core.data import Partition, Split
from infovae_core.objectives import preset
from infovae_core.run import Run


def small_run(model: str = "infovae_mmd", **changes: Any) -> Run:
    """A run of a preset on the digits: four steps of 16 images, two evaluations after the first."""
    values = {
        "latent_dim": 2,
        "seed": 0,
        "steps": 4,
        "data": "digits",
        "batch_size": 16,
        "eval_every": 2,
        "val_batches": 3,
        "val_batch_size": 16,
        "objective": preset(model).objective,
        "batch_norm": preset(model).batch_norm,
    }
    return Run(model=model, **values | changes)


def flat_split(n: int, level: float, pixels: str = "binary") -> Split:
    """A split whose partitions are n images of one level each."""
    part = Partition(torch.full((n, 1, 28, 28), level), torch.arange(n) % 10)
    return Split("digits", pixels, "", part, part, part)
