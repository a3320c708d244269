"""What the validation MMD reads where nothing is aligned, computed as the runs compute it."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from infovae_core.datasets import DATASETS
from infovae_core.run import Run


def unaligned(dims: Iterable[int], seeds: Sequence[int], data: str = "mnist") -> dict[int, float]:
    """The validation MMD of codes that are far from every prior draw and from each other.

    Of such codes all kernels are 0, and what is left is the term between prior draws: those of the
    runs themselves, so that nothing is simulated. Its root has a mean below the root of its mean,
    3^(−d/4): from some 40 dimensions on few pairs of draws are close enough to count.

    A trained model may read more without being aligned, where two of its codes come near each
    other. In many dimensions one such pair, in one or two of 500 minibatches, is the whole reading.

    Args:
        dims: The latent dimensions.
        seeds: Seeds of the runs.
        data: Their data set.

    Returns:
        By dimension, the geometric mean over seeds.
    """
    return {
        int(d): float(np.exp(np.mean([np.log(_far(int(d), int(seed), data)) for seed in seeds])))
        for d in dims
    }


@lru_cache
def _far(latent_dim: int, seed: int, data: str) -> float:
    # Needs PyTorch, which what else is read does not.
    from infovae_core.metrics import ValidationMMD, validation_summary
    from infovae_core.randomness import generator

    ruler = ValidationMMD(
        DATASETS[data].sizes[1],
        Run.val_batches,
        Run.val_batch_size,
        latent_dim,
        generator(seed, "eval"),
    )
    return float(validation_summary(ruler.prior_term)["val_mmd"])
