"""Data sets: their partition, their pixels, and where MNIST's files may and may not come from."""

import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch
from urllib.error import URLError

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from infovae_core import (
    _torchvision,  # noqa: F401 - before torchvision, which may need it
    data,
)
from infovae_core.data import DataError, Partition, Split, load
from infovae_core.datasets import DATASETS
from infovae_core.names import UnknownName

SIZES = (60, 20, 30)  # of the synthetic MNIST, whose training file holds 90 images
TRAIN_IMAGES = "train-images-idx3-ubyte"
WITHOUT_FILES = [name for name in DATASETS if name != "mnist"]


def idx(array: np.ndarray) -> bytes:
    """An IDX file of unsigned bytes."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


def images(n: int, base: int) -> np.ndarray:
    """n images whose first pixel numbers them and whose others go through all grey levels."""
    pixels = np.arange(n * 784, dtype=np.uint64).reshape(n, 28, 28) * 7 % 256
    pixels[:, 0, 0] = base + np.arange(n)
    return pixels.astype(np.uint8)


FILES = {
    TRAIN_IMAGES: idx(images(90, 0)),
    "train-labels-idx1-ubyte": idx((np.arange(90) % 10).astype(np.uint8)),
    "t10k-images-idx3-ubyte": idx(images(30, 100)),
    "t10k-labels-idx1-ubyte": idx((np.arange(100, 130) % 10).astype(np.uint8)),
}


def place(folder: Path, end: str = "") -> None:
    """Write the synthetic MNIST into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in FILES.items():
        (folder / (file + end)).write_bytes(gzip.compress(content) if end else content)


def parts(split: Split) -> tuple[Partition, Partition, Partition]:
    return split.train, split.val, split.test


def same(a: Split, b: Split) -> bool:
    return all(
        torch.equal(s, t)
        for p, q in zip(parts(a), parts(b), strict=True)
        for s, t in zip(p, q, strict=True)
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user's cache, the synthetic MNIST as the true one, and no network."""

    def offline(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.delenv("INFOVAE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "MD5", {f: hashlib.md5(c).hexdigest() for f, c in FILES.items()})
    monkeypatch.setitem(DATASETS, "mnist", DATASETS["mnist"]._replace(sizes=SIZES))
    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", offline)
    return tmp_path / "cache" / "infovae_core"


@pytest.fixture
def online(cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A network that has the synthetic MNIST; the list grows with every file fetched."""
    fetched: list[str] = []

    def fetch(url: str, download_root: str, filename: str, md5: str) -> None:
        fetched.append(filename)
        file = filename.removesuffix(".gz")
        Path(download_root, file).write_bytes(FILES[file])

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", fetch)
    return fetched


# Any data set


def test_digests_are_the_published_ones() -> None:
    assert [DATASETS[name].digest for name in ("mnist", "digits")] == [
        "689ff270f6b2962d3cf79b6070b952d5d4200518f95a60bdf4f60708606f5f14",
        "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826",
    ]


def test_every_data_set_has_a_loader() -> None:
    assert data.LOADERS.keys() == DATASETS.keys()


@pytest.mark.parametrize(
    ("name", "pixels", "hint"),
    [("mnits", "binary", "Did you mean 'mnist'"), ("digits", "gray", "Did you mean 'grey'")],
)
def test_unknown_names_are_refused(name: str, pixels: str, hint: str) -> None:
    with pytest.raises(UnknownName, match=hint):
        load(name, pixels=pixels)


@pytest.mark.parametrize("pixels", data.PIXELS)
@pytest.mark.parametrize("name", WITHOUT_FILES)
def test_data_have_the_promised_form(name: str, pixels: str) -> None:
    split = load(name, pixels=pixels)
    assert (split.name, split.pixels, split.digest) == (name, pixels, DATASETS[name].digest)
    assert tuple(len(part.images) for part in parts(split)) == DATASETS[name].sizes
    for part in parts(split):
        assert part.images.shape == (len(part.labels), 1, 28, 28)
        assert (part.images.dtype, part.labels.dtype) == (torch.float32, torch.int64)
        assert 0 <= part.images.min() < part.images.max() <= 1
        assert part.labels.unique().tolist() == list(range(10))


def test_digits_are_divided_without_overlap_or_loss() -> None:
    keys = [
        (image.numpy().tobytes(), int(label))
        for part in parts(load("digits", pixels="grey"))
        for image, label in zip(*part, strict=True)
    ]
    assert len(set(keys)) == len(keys) == 1797
    assert np.array_equal(
        np.bincount([label for _, label in keys]), np.bincount(load_digits().target)
    )


def test_digits_are_scikit_learns_enlarged() -> None:
    grey = torch.cat([part.images for part in parts(load("digits", pixels="grey"))])
    order = np.random.RandomState(0).permutation(1797)
    original = torch.from_numpy(load_digits().images[order]).unsqueeze(1) / 16
    larger = torch.nn.functional.interpolate(original, size=(28, 28), mode="bilinear")
    torch.testing.assert_close(grey.double(), larger, rtol=0, atol=1e-6)
    # Levels are exact: bilinear weights in 1/14² of levels in 1/16.
    assert torch.equal(grey.double(), ((larger * 3136).round() / 3136).float().double())


@pytest.mark.parametrize("pixels", data.PIXELS)
@pytest.mark.parametrize("name", WITHOUT_FILES)
def test_loading_twice_gives_the_same(name: str, pixels: str) -> None:
    first = load(name, pixels=pixels)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    assert same(first, load(name, pixels=pixels))


@pytest.mark.parametrize("name", WITHOUT_FILES)
def test_loading_leaves_global_randomness_alone(name: str) -> None:
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    load(name, pixels="stochastic")
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.rand(3), expected[1])  # noqa: NPY002


def test_binary_is_grey_above_one_half() -> None:
    binary, grey = load("digits"), load("digits", pixels="grey")
    for b, g in zip(parts(binary), parts(grey), strict=True):
        assert torch.equal(b.images, (g.images > 0.5).float())
        assert torch.equal(b.labels, g.labels)
        at = g.images == 0.5
        assert at.any()
        assert not b.images[at].any()  # the threshold itself is black


def test_stochastic_draws_evaluation_images_and_keeps_training_grey() -> None:
    drawn, grey = load("digits", pixels="stochastic"), load("digits", pixels="grey")
    assert torch.equal(drawn.train.images, grey.train.images)
    for d, g in ((drawn.val, grey.val), (drawn.test, grey.test)):
        assert set(d.images.unique().tolist()) == {0.0, 1.0}
        # Pixels are independent given the grey levels, so sums have a known standard deviation;
        # five of them leave no room for a threshold or for a wrong level.
        for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)):
            of = (g.images > low) & (g.images < high)
            level, bit = g.images[of], d.images[of]
            deviation = (level * (1 - level)).sum().sqrt()
            assert abs(bit.sum() - level.sum()) < 5 * deviation
        certain = (g.images == 0) | (g.images == 1)
        assert torch.equal(d.images[certain], g.images[certain])


def test_everything_ends_on_the_device() -> None:
    split = load("digits", device="meta")
    assert {tensor.device.type for part in parts(split) for tensor in part} == {"meta"}


@pytest.mark.parametrize("name", WITHOUT_FILES)
def test_other_data_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = DATASETS[name].digest
    monkeypatch.setitem(DATASETS, name, DATASETS[name]._replace(digest="0" * 64))
    with pytest.raises(DataError, match=rf"{name}: .*0{{64}} expected, {digest} found.*Reinstall"):
        load(name)


def test_a_loader_without_a_row_is_refused() -> None:
    with pytest.raises(UnknownName, match="unknown data set 'cifar': choose from mnist, digits"):
        data.register("cifar")


# MNIST, on synthetic files


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("layout", ["MNIST/raw", "raw", "."])
def test_every_layout_is_read(cache: Path, tmp_path: Path, layout: str, end: str) -> None:
    place(tmp_path / "root" / layout, end)
    split = load("mnist", tmp_path / "root", pixels="grey")
    numbers = [(part.images[:, 0, 0, 0] * 255).round().long() for part in parts(split)]
    order = np.random.RandomState(0).permutation(90)
    assert numbers[0].tolist() == order[:60].tolist()
    assert numbers[1].tolist() == order[60:80].tolist()
    assert numbers[2].tolist() == list(range(100, 130))
    for part, number in zip(parts(split), numbers, strict=True):
        assert torch.equal(part.labels, number % 10)
        assert (part.images.dtype, part.labels.dtype) == (torch.float32, torch.int64)
    assert torch.equal(split.test.images[:, 0], torch.from_numpy(images(30, 100)).float() / 255)


def test_mnist_threshold_lies_between_levels_127_and_128(cache: Path, tmp_path: Path) -> None:
    place(tmp_path)
    levels = torch.from_numpy(images(30, 100))
    assert {127, 128} <= set(levels.unique().tolist())
    assert torch.equal(load("mnist", tmp_path).test.images[:, 0], (levels >= 128).float())


def test_environment_names_the_folder_and_root_precedes_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path / "good")
    monkeypatch.setenv("INFOVAE_DATA", str(tmp_path / "good"))
    assert load("mnist").name == "mnist"
    monkeypatch.setenv("INFOVAE_DATA", str(tmp_path / "bad"))
    assert load("mnist", str(tmp_path / "good")).name == "mnist"


@pytest.mark.parametrize("by", ["root", "environment"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_named_folder_without_files_is_an_error(
    cache: Path,
    online: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
    exists: bool,
) -> None:
    """Neither the cache nor the network, which both have the files, stands in for it."""
    place(cache)
    folder = tmp_path / "named"
    if exists:
        folder.mkdir()
    if by == "environment":
        monkeypatch.setenv("INFOVAE_DATA", str(folder))
    with pytest.raises(DataError) as caught:
        load("mnist", folder if by == "root" else None)
    message = str(caught.value)
    assert all(part in message for part in (TRAIN_IMAGES, str(folder), "unset root"))
    assert ("found neither" if exists else "found no such folder") in message
    assert not online


@pytest.mark.parametrize("file", FILES)
def test_each_missing_file_is_named(cache: Path, tmp_path: Path, file: str) -> None:
    place(tmp_path, ".gz")
    (tmp_path / f"{file}.gz").unlink()
    with pytest.raises(DataError, match=f"expected {file} or {file}.gz"):
        load("mnist", tmp_path)


def test_wrong_file_is_refused(cache: Path, tmp_path: Path) -> None:
    """Labels under the images' name: both sums are reported."""
    place(tmp_path)
    wrong = FILES["t10k-labels-idx1-ubyte"]
    (tmp_path / TRAIN_IMAGES).write_bytes(wrong)
    expected, found = data.MD5[TRAIN_IMAGES], hashlib.md5(wrong).hexdigest()
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES}: expected MD5 {expected}, found {found}"):
        load("mnist", tmp_path)


LABELS = FILES["t10k-labels-idx1-ubyte"]
ZIPPED = gzip.compress(LABELS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all the examples of a property."""
    return tmp_path_factory.mktemp("labels")


def read_one(folder: Path, end: str, content: bytes) -> bytes:
    """Read a file of labels with this content as MNIST's files are read."""
    file = "t10k-labels-idx1-ubyte"
    path = folder / (file + end)
    path.write_bytes(content)
    try:
        with patch.dict(data.MD5, {file: hashlib.md5(LABELS).hexdigest()}):
            return data._read(folder, file)
    finally:
        path.unlink()


def test_sound_file_is_read(folder: Path) -> None:
    assert read_one(folder, "", LABELS) == read_one(folder, ".gz", ZIPPED) == LABELS


@settings(deadline=None)
@given(cut=st.integers(1, len(ZIPPED) - 1))
def test_truncated_gzip_is_refused_wherever_it_ends(folder: Path, cut: int) -> None:
    with pytest.raises(DataError) as caught:
        read_one(folder, ".gz", ZIPPED[:cut])
    message = str(caught.value)
    assert str(folder / "t10k-labels-idx1-ubyte.gz") in message
    assert "Delete it" in message
    assert cut == 1 or "found a truncated gzip" in message


@settings(deadline=None)
@given(at=st.integers(0, len(LABELS) - 1), flip=st.integers(1, 255))
def test_one_changed_byte_is_refused(folder: Path, at: int, flip: int) -> None:
    """Wherever it is: in the magic number, in the sizes or in the data."""
    changed = bytearray(LABELS)
    changed[at] ^= flip
    with pytest.raises(DataError, match=f"found {hashlib.md5(changed).hexdigest()}"):
        read_one(folder, "", bytes(changed))


@settings(deadline=None)
@given(at=st.integers(0, len(ZIPPED) - 1), flip=st.integers(1, 255))
def test_damaged_gzip_gives_the_true_bytes_or_is_refused(folder: Path, at: int, flip: int) -> None:
    changed = bytearray(ZIPPED)
    changed[at] ^= flip
    try:
        content = read_one(folder, ".gz", bytes(changed))
    except DataError:
        return
    assert content == LABELS  # a time stamp, for instance, is of no consequence


def test_cache_is_used_without_network(cache: Path) -> None:
    place(cache / "MNIST" / "raw")
    assert len(load("mnist").train.images) == SIZES[0]


def test_empty_cache_without_network_says_how_to_place_the_files(cache: Path) -> None:
    with pytest.raises(DataError) as caught:
        load("mnist")
    message = str(caught.value)
    raw = str(cache / "MNIST" / "raw")
    assert all(part in message for part in ("no route to host", "INFOVAE_DATA", raw, *FILES))


def test_download_fills_the_cache_once(cache: Path, online: list[str]) -> None:
    first = load("mnist")
    assert sorted(online) == sorted(f"{file}.gz" for file in FILES)
    assert same(first, load("mnist"))
    assert len(online) == 4
    assert sorted(path.name for path in cache.rglob("*") if path.is_file()) == sorted(FILES)
    assert [path.name for path in cache.iterdir()] == ["MNIST"]  # nothing left of the folder aside


def test_damaged_cache_is_downloaded_again(cache: Path, online: list[str]) -> None:
    place(cache / "MNIST" / "raw")
    expected = load("mnist")
    assert not online
    (cache / "MNIST" / "raw" / TRAIN_IMAGES).write_bytes(FILES[TRAIN_IMAGES][:1000])
    assert same(load("mnist"), expected)
    assert len(online) == 4


def test_damaged_cache_without_network_names_the_file(cache: Path) -> None:
    place(cache / "MNIST" / "raw")
    damaged = cache / "MNIST" / "raw" / TRAIN_IMAGES
    damaged.write_bytes(FILES[TRAIN_IMAGES][:1000])
    with pytest.raises(DataError, match="no route to host") as caught:
        load("mnist")
    assert str(damaged) in str(caught.value)


def test_interrupted_download_leaves_nothing_that_passes_for_data(
    cache: Path, online: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(url: str, download_root: str, filename: str, md5: str) -> None:
        Path(download_root, filename.removesuffix(".gz")).write_bytes(b"half")
        if "labels" in filename:
            raise KeyboardInterrupt

    with monkeypatch.context() as now:
        now.setattr("torchvision.datasets.mnist.download_and_extract_archive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load("mnist")
    assert not [path for path in cache.rglob("*") if path.is_file()]
    assert len(load("mnist").test.images) == SIZES[2]
    assert len(online) == 4


def test_wrong_download_is_not_tried_forever(
    cache: Path, online: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(data.MD5, TRAIN_IMAGES, "0" * 32)
    with pytest.raises(DataError, match=f"expected MD5 {'0' * 32}"):
        load("mnist")
    assert len(online) == 4


# MNIST itself, where it is


@pytest.mark.data
@pytest.mark.slow
def test_true_mnist() -> None:
    """The official files, if they are already on this machine: nothing is downloaded."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "infovae_core")
    root = Path(os.environ.get("INFOVAE_DATA") or cache)
    if not any(root.rglob(f"{TRAIN_IMAGES}*")):
        pytest.skip(f"no MNIST in {root}: set INFOVAE_DATA to a folder that holds its four files")
    split = load("mnist", root)
    assert tuple(len(part.images) for part in parts(split)) == (50_000, 5_000, 10_000)
    assert split.digest == DATASETS["mnist"].digest
    # Published counts of the official test set, and its first labels.
    assert split.test.labels.bincount().tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert split.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert split.val.labels.unique().tolist() == list(range(10))
    grey = load("mnist", root, pixels="grey")
    train, val = ({image.numpy().tobytes() for image in p.images} for p in (grey.train, grey.val))
    assert not train & val
    for part in parts(split):
        assert part.images.shape[1:] == (1, 28, 28)
        assert part.images.unique().tolist() == [0, 1]


# torchvision


def import_beside(torchvision: str | None, tmp_path: Path, then: str) -> str:
    """Import the package's torchvision in a fresh interpreter, where a stand-in may hide it."""
    if torchvision is not None:
        (tmp_path / "torchvision").mkdir()
        (tmp_path / "torchvision" / "__init__.py").write_text(torchvision)
        (tmp_path / "torchvision" / "datasets.py").touch()
    here = Path(data.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", f"import torch\nfrom infovae_core import _torchvision\n{then}"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{here}"},
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


DECLARED = "print(hasattr(torch.ops.torchvision, 'nms'), hasattr(torch.ops.torchvision, 'qnms'))"


def test_torchvision_imports_with_or_without_compiled_operators(tmp_path: Path) -> None:
    then = f"{DECLARED}; import torchvision.utils; print(_torchvision.datasets.MNIST.__name__)"
    assert import_beside(None, tmp_path, then).splitlines() == ["True True", "MNIST"]


def test_nothing_is_declared_where_torchvision_imports(tmp_path: Path) -> None:
    assert import_beside("", tmp_path, DECLARED).split() == ["False", "False"]


def test_other_failures_of_torchvision_are_not_hidden(tmp_path: Path) -> None:
    output = import_beside("raise RuntimeError('something else')", tmp_path, DECLARED)
    assert output.rstrip().endswith("RuntimeError: something else")
