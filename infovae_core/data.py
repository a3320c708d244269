"""The data sets: MNIST, and scikit-learn's digits, which need no download.

A data set is loaded once, whole, onto the device it is trained on: there is no per-step loader.
All are images of 28×28 pixels in [0, 1] with ten classes, split by a permutation that is fixed
for good. MNIST is 50,000 training and 5,000 validation images of the official training set (the
other 5,000 are left unused) and the official 10,000 test images.
"""

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from infovae_core import names
from infovae_core.datasets import DATASETS, MD5, PIXELS
from infovae_core.randomness import undisturbed
from infovae_core.refusal import Refusal, folder, refusing


class DataError(Refusal):
    """Data that are missing or damaged; the message says which, and what to do."""


class Partition(NamedTuple):
    """Images and their classes.

    Attributes:
        images: (N, 1, 28, 28), float32 in [0, 1].
        labels: (N,), int64, 0 to 9.
    """

    images: Tensor
    labels: Tensor


@dataclass(frozen=True, eq=False)
class Split:
    """A data set, divided.

    Attributes:
        name: One of `DATASETS`.
        pixels: One of `PIXELS`.
        digest: Identifies the raw data, whatever the pixels: that of `DATASETS`.
        train: For fitting.
        val: For choosing.
        test: For reporting.
    """

    name: str
    pixels: str
    digest: str
    train: Partition
    val: Partition
    test: Partition

    def to(self, device: torch.device | str) -> "Split":
        """The same data on a device; tensors that are there already are shared."""

        def moved(part: Partition) -> Partition:
            return Partition(part.images.to(device), part.labels.to(device))

        train, val, test = map(moved, (self.train, self.val, self.test))
        return replace(self, train=train, val=val, test=test)


@undisturbed()
def load(
    name: str,
    root: str | Path | None = None,
    device: torch.device | str = "cpu",
    pixels: str = "binary",
) -> Split:
    """Load a data set onto a device; the same call gives the same tensors everywhere.

    Args:
        name: One of `DATASETS`.
        root: Where MNIST's four files lie, plain or gzipped: in this folder, in its `raw` or in
            its `MNIST/raw`. Default: $INFOVAE_DATA; where that is not set either, the user's
            cache, into which missing files are downloaded. Other data sets read no files.
        device: Where the tensors live.
        pixels: "binary" is 1 where the grey level exceeds 0.5, else 0. "grey" keeps the levels.
            "stochastic" keeps them for training, where each step is to draw Bernoulli pixels with
            these means, and draws validation and test pixels here, once, from a fixed seed.

    Raises:
        UnknownName: If there is no such data set, or no such kind of pixels.
        DataError: If MNIST's files are missing or damaged and cannot be downloaded, or if the data
            of another set are not those of its digest.

    Example:
        >>> digits = load("digits")
        >>> digits.train.images.shape, digits.test.labels.shape
        (torch.Size([1297, 1, 28, 28]), torch.Size([250]))
        >>> digits.train.images.unique()
        tensor([0., 1.])
    """
    names.check("data set", name, LOADERS)
    names.check("pixels", pixels, PIXELS)
    draws = torch.Generator().manual_seed(0)

    def finish(grey: Partition, training: bool = False) -> Partition:
        images = grey.images
        if pixels == "binary":
            images.gt_(0.5)  # in place, to hold MNIST once
        elif pixels == "stochastic" and not training:
            images = torch.bernoulli(images, generator=draws)
        return Partition(images.to(device), grey.labels.to(device))

    parts = LOADERS[name](root)
    train = finish(next(parts), training=True)
    return Split(name, pixels, DATASETS[name].digest, train, *map(finish, parts))


# A loader takes the folder of the data and yields training, validation and test images in [0, 1].
Loader = Callable[[str | Path | None], Iterator[Partition]]
LOADERS: dict[str, Loader] = {}


def register(name: str) -> Callable[[Loader], Loader]:
    """Enter a loader under the name of a row of `DATASETS`.

    Raises:
        UnknownName: If there is no such row.
    """
    names.check("data set", name, DATASETS)

    def enter(loader: Loader) -> Loader:
        LOADERS[name] = loader
        return loader

    return enter


def verify(name: str, raw: np.ndarray, classes: np.ndarray) -> None:
    """Hold raw pixels and classes, integers below 256, to the digest of a data set.

    Raises:
        DataError: If it is another one.
    """
    content = raw.astype(np.uint8).tobytes() + classes.astype(np.uint8).tobytes()
    found = hashlib.sha256(content).hexdigest()
    if found != DATASETS[name].digest:
        raise DataError(
            f"{name}: data with SHA-256 {DATASETS[name].digest} expected, {found} found. Reinstall "
            "the package that makes them; if they are meant to be others, give them a row of their "
            "own in infovae_core/datasets.py."
        )


def divided(name: str, images: Tensor, classes: np.ndarray) -> Iterator[Partition]:
    """The training, validation and test images of a data set, by the fixed permutation.

    Args:
        name: Whose sizes the parts have.
        images: (N, 1, 28, 28), in [0, 1].
        classes: (N,), 0 to 9.
    """
    labels = torch.from_numpy(classes).long()
    for part in torch.split(_order(len(images)), list(DATASETS[name].sizes)):
        yield Partition(images[part], labels[part])


def _order(n: int) -> Tensor:
    """The fixed permutation of n images."""
    return torch.from_numpy(np.random.RandomState(0).permutation(n))


@register("digits")
def _digits(root: str | Path | None) -> Iterator[Partition]:
    """Scikit-learn's digits, enlarged from 8×8."""
    from sklearn.datasets import load_digits  # a slow import, and MNIST does without it

    raw, classes = load_digits(return_X_y=True)
    verify("digits", raw, classes)
    small = torch.from_numpy(raw).float().view(-1, 1, 8, 8)
    # From 8 to 28 pixels the bilinear weights are multiples of 1/14²: rounding to the exact value
    # keeps levels at the threshold on the same side of it on every machine.
    images = (interpolate(small, size=(28, 28), mode="bilinear") * 14**2).round() / (14**2 * 16)
    return divided("digits", images, classes)


@register("mnist")
def _mnist(root: str | Path | None) -> Iterator[Partition]:
    """MNIST's training, validation and test images, parsed by torchvision."""
    from infovae_core._torchvision import datasets  # a slow import, and the digits do without it

    contents = _contents(root)
    remedy = "About 55 MB are needed for a moment: free them, or name another folder by TMPDIR"
    with (
        refusing(DataError, f"MNIST cannot be unpacked in {gettempdir()}", remedy),
        TemporaryDirectory() as verified,
    ):
        raw = Path(verified, "MNIST", "raw")
        raw.mkdir(parents=True)
        for file, content in contents.items():
            (raw / file).write_bytes(content)
        official = datasets.MNIST(verified, train=True), datasets.MNIST(verified, train=False)
    n, n_val, _ = DATASETS["mnist"].sizes
    order = _order(len(official[0]))
    for source, part in ((0, order[:n]), (0, order[n : n + n_val]), (1, slice(None))):
        images, labels = official[source].data[part], official[source].targets[part]
        yield Partition(images.unsqueeze(1).float().div_(255), labels)


def _contents(root: str | Path | None) -> dict[str, bytes]:
    """The verified bytes of MNIST's files, downloaded if they are looked for in the cache."""
    if root is None:
        root = os.environ.get("INFOVAE_DATA") or None
    if root is not None:
        return {file: _read(folder(root), file) for file in MD5}
    cache = folder(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "infovae_core"
    try:
        return {file: _read(cache, file) for file in MD5}
    except DataError as reason:
        _download(cache, reason)
    return {file: _read(cache, file) for file in MD5}


def _read(within: Path, file: str) -> bytes:
    """The uncompressed bytes of one file of MNIST, verified."""
    layouts = ("MNIST/raw", "raw", "")
    places = (within / layout / (file + end) for layout in layouts for end in ("", ".gz"))
    remedy = "Make it readable for this user, or name another folder by --data-root or INFOVAE_DATA"
    with refusing(DataError, f"MNIST cannot be looked for in {within}", remedy):
        path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise DataError(
            f"MNIST: expected {file} or {file}.gz in {within}, in its raw or in its MNIST/raw; "
            f"found {'neither' if within.is_dir() else 'no such folder'}. Place MNIST's four files "
            "there, or unset root and INFOVAE_DATA to have them downloaded into the cache."
        )
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    except EOFError:
        found = "a truncated gzip"
    except (OSError, zlib.error) as error:
        found = str(error)
    if found == MD5[file]:
        return content
    raise DataError(
        f"{path}: expected MD5 {MD5[file]}, found {found}. Delete it, then place a fresh copy, or "
        "unset root and INFOVAE_DATA to have it downloaded into the cache."
    )


def _download(cache: Path, reason: DataError) -> None:
    """Have torchvision fetch MNIST aside, then move it into the cache, file by whole file."""
    from infovae_core._torchvision import datasets

    raw = cache / "MNIST" / "raw"
    try:
        raw.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache, prefix="download-") as aside:
            datasets.MNIST(aside, download=True)
            for file in MD5:
                os.replace(Path(aside, "MNIST", "raw", file), raw / file)
    except (OSError, RuntimeError, HTTPException) as error:
        raise DataError(
            f"{reason}\nThe download into {cache} failed: {error}\nWithout network, place "
            f"{', '.join(MD5)}, plain or gzipped, in {raw}, or where root or INFOVAE_DATA says."
        ) from error
