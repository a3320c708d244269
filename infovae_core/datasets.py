"""Which data sets there are, how large, and what identifies each; `data` loads them."""

import hashlib
from typing import NamedTuple

PIXELS = ("binary", "grey", "stochastic")


class Dataset(NamedTuple):
    """What a run has to know of a data set.

    Attributes:
        sizes: Numbers of training, validation and test images.
        digest: SHA-256 of the raw data, part of the key of every run on them.
    """

    sizes: tuple[int, int, int]
    digest: str


# MNIST's files and the MD5 of each one's uncompressed bytes.
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}

# MNIST's digest is over its four MD5s, the others' are over the bytes of pixels and labels.
DATASETS = {
    "mnist": Dataset(
        (50_000, 5_000, 10_000), hashlib.sha256("".join(MD5.values()).encode()).hexdigest()
    ),
    "digits": Dataset(
        (1_297, 250, 250), "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
    ),
}


def steps_per_epoch(name: str, batch_size: int) -> int:
    """Updates in one pass over a data set's training images; a rest that fills no batch waits."""
    return DATASETS[name].sizes[0] // batch_size
