"""What a diagnosis takes: codes of any array type or file, checked once, with a clear refusal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infovae_core import names
from infovae_core.refusal import Refusal

LEAST, MOST_DIMENSIONS = 20, 4096
# Squares of squares of larger values overflow.
LARGEST = 1e50
SUFFIXES = (".npy", ".npz", ".csv", ".parquet", ".safetensors")
# Names under which a file of several arrays may hold each of them; the first is the documented one.
KEYS = {
    "codes": ("codes", "z", "latents", "embedding"),
    "mu": ("mu", "mean"),
    "logvar": ("logvar", "log_var", "log_covariance"),
    "labels": ("labels", "code_labels", "label", "y"),
}


class IntakeError(Refusal):
    """What was given cannot be diagnosed; the message says what was expected."""


@dataclass(frozen=True)
class Sample:
    """Codes to diagnose.

    Attributes:
        z: (n, d), codes in single or double precision.
        mu: (n, d), means of q(z|x), or None.
        logvar: (n, d), logarithms of the variances of q(z|x), or None.
        labels: (n,), classes, or None.
    """

    z: Tensor
    mu: Tensor | None = None
    logvar: Tensor | None = None
    labels: np.ndarray | None = None


def sample(codes: Any, mu: Any = None, logvar: Any = None, labels: Any = None) -> Sample:
    """Check what is given.

    Args:
        codes: (n, d), or (n,) for one dimension: a tensor, an array, a data frame, nested lists.
        mu: (n, d), with `logvar`.
        logvar: (n, d).
        labels: (n,), of any type.

    Raises:
        IntakeError: If shapes, types or values are not what a diagnosis can take.
    """
    z = _matrix("codes", codes)
    n, d = z.shape
    if n < LEAST:
        raise IntakeError(f"expected at least {LEAST} codes, got {n}: give more of them")
    if d > MOST_DIMENSIONS:
        raise IntakeError(
            f"expected codes of at most {MOST_DIMENSIONS:,} dimensions, got {d:,}: are these "
            "images "
            "and not codes?"
        )
    if (mu is None) != (logvar is None):
        given, absent = ("mu", "logvar") if logvar is None else ("logvar", "mu")
        raise IntakeError(f"{given} is given without {absent}: a posterior needs both")
    posterior = []
    for name, part in (("mu", mu), ("logvar", logvar)):
        if part is not None:
            made = _matrix(name, part).to(z.device)
            if made.shape != z.shape:
                raise IntakeError(
                    f"expected {name} of the codes' shape {tuple(z.shape)}, got {tuple(made.shape)}"
                )
            posterior.append(made)
    if labels is not None:
        labels = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels).reshape(-1)
        if len(labels) != n:
            raise IntakeError(f"expected a label for each of {n:,} codes, got {len(labels):,}")
    means, logarithms = posterior or (None, None)
    return Sample(z, means, logarithms, labels)


def _matrix(name: str, values: Any) -> Tensor:
    """A finite (n, d) tensor in single or double precision."""
    if isinstance(values, Tensor):
        given = values
    else:
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise IntakeError(
                f"expected {name} that are real numbers, got an array of type {array.dtype}"
            )
        given = torch.from_numpy(np.array(array, dtype=np.float64, order="C"))
        if array.dtype in (np.float32, np.float16):
            given = given.float()
    if given.is_complex() or given.is_sparse:
        raise IntakeError(f"expected {name} that are real and dense, got {given.dtype}")
    if given.ndim == 1:
        given = given[:, None]
    if given.ndim != 2:
        raise IntakeError(
            f"expected {name} of shape (n, d), one row for each input, got {tuple(given.shape)}: "
            "flatten a feature map first, with .reshape(n, -1)"
        )
    if 0 in given.shape:
        raise IntakeError(f"expected {name} of shape (n, d), got the empty {tuple(given.shape)}")
    exact = given.dtype in (torch.float32, torch.float64)
    half = given.dtype in (torch.float16, torch.bfloat16)
    made = given.detach() if exact else given.detach().to(torch.float32 if half else torch.float64)
    wrong = (~made.isfinite()).nonzero()
    if len(wrong):
        row, column = wrong[0].tolist()
        raise IntakeError(
            f"{len(wrong):,} of the {name}' values are not finite, the first {made[row, column]} "
            "in row "
            f"{row}, column {column} (from 0): a model that diverged? Leave such rows out to "
            "diagnose the others"
        )
    if float(made.abs().max()) > LARGEST:
        raise IntakeError(
            f"expected {name} of at most {LARGEST:g}, got {float(made.abs().max()):.3g}: their "
            "squares would overflow"
        )
    return made


# Files --------------------------------------------------------------------------------------------


def read(path: Path) -> dict[str, Any]:
    """The arrays of a file by what they are: "codes", and "mu", "logvar", "labels" if there.

    NPY holds codes. NPZ and safetensors hold arrays by name (see `KEYS`), or one alone. CSV and
    Parquet hold a row for each code; a column that is named like labels is taken for these.
    Nothing is unpickled.

    Raises:
        IntakeError: If there is no such file, or it is of another kind or cannot be read.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise IntakeError(f"expected a file that ends in {', '.join(SUFFIXES)}, got {path.name!r}")
    if not path.is_file():
        raise IntakeError(f"{path.absolute()} does not exist, or is no file")
    try:
        return READERS[path.suffix.lower()](path)
    except IntakeError:
        raise
    except Exception as error:
        # Whatever a reader of foreign files finds wrong with one.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise IntakeError(
            f"{path.absolute()} cannot be read as {path.suffix[1:]}: {reason}"
        ) from error


def one(path: Path, name: str) -> Any:
    """The array of this name in a file, or the only one: for `--mu`, `--logvar`, `--labels`."""
    found = read(path)
    if name in found:
        return found[name]
    if name == "labels" and np.ndim(found["codes"]) == 2 and found["codes"].shape[1] == 1:
        return np.asarray(found["codes"])[:, 0]
    return found["codes"]


def _named(arrays: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Arrays by what they are."""
    found = {
        what: next((arrays[key] for key in keys if key in arrays), None)
        for what, keys in KEYS.items()
    }
    found = {what: array for what, array in found.items() if array is not None}
    if "codes" not in found:
        if len(arrays) != 1:
            raise IntakeError(
                f"expected an array named {' or '.join(map(repr, KEYS['codes'][:2]))} in "
                f"{path.name}, "
                f"it has {', '.join(map(repr, arrays)) or 'none'}"
            )
        found["codes"] = next(iter(arrays.values()))
    return found


def _npy(path: Path) -> dict[str, Any]:
    return {"codes": np.load(path, allow_pickle=False)}


def _npz(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        wanted = [key for keys in KEYS.values() for key in keys if key in file.files]
        return _named({key: file[key] for key in wanted or file.files}, path)


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return _named(load_file(path), path)


def _columns(frame: Any) -> dict[str, Any]:
    """Codes, and labels where a column has such a name."""
    held = [name for name in frame.columns if str(name).lower() in KEYS["labels"]]
    found = {"labels": frame[held[0]].to_numpy()} if held else {}
    codes = frame.drop(columns=held)
    words = [str(name) for name in codes.columns if codes[name].dtype.kind not in "fiub"]
    if words:
        raise IntakeError(
            f"expected columns of numbers, got other values in {', '.join(map(repr, words[:3]))}: "
            f"leave them out, or call a column of classes 'label'"
        )
    return {"codes": codes.to_numpy(), **found}


def _csv(path: Path) -> dict[str, Any]:
    import pandas as pd

    first = pd.read_csv(path, header=None, nrows=1, comment="#", skipinitialspace=True)
    numbers = all(_is_number(value) for value in first.iloc[0])
    frame = pd.read_csv(path, header=None if numbers else 0, comment="#", skipinitialspace=True)
    return _columns(frame)


def _is_number(value: Any) -> bool:
    try:
        return not math.isnan(float(value))
    except ValueError:
        return False


def _parquet(path: Path) -> dict[str, Any]:
    try:
        import pyarrow  # type: ignore[import-not-found,unused-ignore]  # noqa: F401
    except ImportError:
        raise IntakeError(
            "Parquet needs pyarrow, which is not installed: pip install 'infovae_core[parquet]', "
            "or "
            "save the codes as .npy"
        ) from None
    import pandas as pd

    return _columns(pd.read_parquet(path, engine="pyarrow"))


READERS = {
    ".npy": _npy,
    ".npz": _npz,
    ".csv": _csv,
    ".parquet": _parquet,
    ".safetensors": _safetensors,
}


def kernel_choice(name: str) -> str:
    """The name of a kernel that one may have.

    Raises:
        UnknownName: If it is not one of them.
    """
    return names.check("kernel", name, ("rbf", "imq"))
