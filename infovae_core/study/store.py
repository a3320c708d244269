"""The store: one JSON file (and one NPZ of arrays) for each run, written atomically.

The JSON is the commit point: it names its NPZ by content, so a kill at any moment leaves either
the old result or the new one. No pickle is written or loaded.
"""

import hashlib
import io
import json
import math
import os
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from infovae_core import datasets
from infovae_core.refusal import Refusal, folder, refusing
from infovae_core.run import SCHEMA, Run
from infovae_core.study.sealed import seal, unseal

if TYPE_CHECKING:
    from torch import Tensor

# What reading a damaged file can raise, below JSON, ZIP and NPY.
DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    RecursionError,
    TypeError,
    AttributeError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
FIELDS = {"schema", "key", "data_digest", "run", "status", "metrics", "provenance", "arrays"}


def default_root(profile: str) -> Path:
    """Where a profile's results live: $INFOVAE_RESULTS, else the checkout's notebooks/results.

    Without a checkout around the package they live in the user's own data folder, and never beside
    installed packages. Results of the profile "smoke" show only that all works, and stay in a
    folder of their own.
    """
    named, checkout = os.environ.get("INFOVAE_RESULTS"), Path(__file__).parents[2]
    if named:
        root = folder(named)
    elif (checkout / "pyproject.toml").is_file() and (checkout / "notebooks").is_dir():
        root = checkout / "notebooks" / "results"
    else:
        data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
        root = folder(data) / "infovae_core" / "results"
    return root / "smoke" if profile == "smoke" else root


class StoreError(Refusal):
    """The store cannot be written, or lacks a result that is needed."""


class SetAside(UserWarning):
    """A stored file was damaged; it was moved away and its run counts as missing."""


@dataclass
class Result:
    """What is known of one run.

    Attributes:
        status: "done", or "diverged" where the loss stopped being finite.
        metrics: By name: a number, a list of numbers, or None where it has no value.
        provenance: Machine, versions and commit the result comes from.
        arrays: Curves, pictures and codes.
    """

    status: str
    metrics: dict[str, Any]
    provenance: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


class Store:
    """A folder of results."""

    def __init__(self, root: str | Path) -> None:
        """Name the folder; it is made at the first write."""
        self.root = folder(root)

    # Writing --------------------------------------------------------------------------------------

    def check_writable(self) -> None:
        """Fail before hours of training, not after.

        Raises:
            StoreError: If a file cannot be written here.
        """
        path = self.root / f".writable-{os.getpid()}"
        self.write(path, b"")
        with suppress(OSError):
            path.unlink()

    def save(self, run: Run, result: Result) -> None:
        """Write one result, in place of an earlier one.

        Raises:
            StoreError: If the disk is full or the folder read-only; nothing half-written stays.
        """
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **result.arrays)  # type: ignore[arg-type]
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        arrays = f"{run.name}.{digest[:8]}.npz"
        content = {
            "schema": SCHEMA,
            "key": run.key,
            "data_digest": datasets.DATASETS[run.data].digest,
            "run": run.spec,
            "status": result.status,
            "metrics": _encode(result.metrics),
            "provenance": _encode(result.provenance),
            "arrays": {"file": arrays, "sha256": digest},
        }
        text = json.dumps(seal(content), indent=1, ensure_ascii=False, allow_nan=False)
        self.write(self.root / arrays, buffer.getvalue())
        self.write(self.path(run), (text + "\n").encode())
        for stale in self.root.glob(f"{run.name}.*.npz"):
            if stale.name != arrays:
                with suppress(OSError):  # The result is stored; a later save removes it too.
                    stale.unlink(missing_ok=True)

    def save_weights(self, run: Run, weights: dict[str, "Tensor"]) -> None:
        """Keep a model's parameters, so that a further metric needs no retraining."""
        from safetensors.torch import save  # needs PyTorch, which nothing else here does

        tensors = {name: tensor.contiguous().cpu() for name, tensor in weights.items()}
        # One entry, as the order of several would differ from file to file.
        content = save(tensors, {"run": f"{run.key} {_digest(tensors)}"})
        self.write(self._weights_path(run), content)

    def write(self, path: Path, content: bytes) -> None:
        """Write a file atomically, for all to read.

        Raises:
            StoreError: If it cannot be written; nothing half-written stays.
        """
        temporary = None
        remedy = (
            "Nothing was changed there. Free space or choose a folder that can be written, and run "
            "again: what is stored is not trained again"
        )
        try:
            with refusing(StoreError, f"cannot write {path}", remedy):
                path.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.NamedTemporaryFile(
                    dir=path.parent, prefix=".tmp-", delete=False
                ) as file:
                    temporary = Path(file.name)
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.chmod(0o644)
                temporary.replace(path)
        finally:
            if temporary is not None:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)

    # Reading --------------------------------------------------------------------------------------

    def path(self, run: Run) -> Path:
        """The JSON file of a run."""
        return self.root / f"{run.name}.json"

    def _weights_path(self, run: Run) -> Path:
        return self.root / "weights" / f"{run.name}.safetensors"

    def __contains__(self, run: object) -> bool:
        """Whether a sound result of the run is stored."""
        return isinstance(run, Run) and self.load(run) is not None

    def load(self, run: Run) -> Result | None:
        """The stored result, or None. A damaged one is set aside, with a warning, and is None."""
        path = self.path(run)
        with self._reading(path):
            while path.exists():
                text = b""
                try:
                    text = path.read_bytes()
                    return self._read(text, run)
                except DAMAGE as error:
                    if unreadable(error):
                        raise
                    # Another process may have saved the run again, and removed the old arrays.
                    if not path.exists() or (path.is_file() and path.read_bytes() != text):
                        continue
                    self._set_aside(path, f"{type(error).__name__}: {error}")
                    return None
        return None

    def _reading(self, path: Path) -> AbstractContextManager[None]:
        """Refuses where a file is there and the system does not let it be read: it is not damaged.

        Raises:
            StoreError: If so.
        """
        remedy = (
            "It stays where it is. Make it readable for this user, or name another folder with "
            "--store or INFOVAE_RESULTS, and give the command again"
        )
        return refusing(StoreError, f"cannot read {path}", remedy)

    def _read(self, text: bytes, run: Run) -> Result:
        content = unseal(json.loads(text.decode("utf-8")))
        if not isinstance(content, dict) or not content.keys() >= FIELDS:
            raise ValueError(f"expected the fields {', '.join(sorted(FIELDS))}")
        if content["key"] != run.key or content["run"] != run.spec:
            raise ValueError(f"it holds another run than its key {run.key[:12]} says")
        arrays = content["arrays"]
        archive = (self.root / Path(arrays["file"]).name).read_bytes()
        if hashlib.sha256(archive).hexdigest() != arrays["sha256"]:
            raise ValueError(f"{arrays['file']} does not have the recorded SHA-256")
        with np.load(io.BytesIO(archive), allow_pickle=False) as loaded:
            values = {name: loaded[name] for name in loaded.files}
        return Result(content["status"], _decode(content["metrics"]), content["provenance"], values)

    def load_weights(self, run: Run) -> "dict[str, Tensor] | None":
        """The cached parameters, or None. A damaged file is set aside with a warning."""
        path = self._weights_path(run)
        with self._reading(path):
            if not path.exists():
                return None
        from safetensors import SafetensorError
        from safetensors.torch import load  # needs PyTorch, which nothing else here does

        try:
            content = path.read_bytes()
            tensors: dict[str, Tensor] = load(content)
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            told = header.get("__metadata__", {}).get("run")  # Older files tell nothing.
            if told not in (None, f"{run.key} {_digest(tensors)}"):
                raise ValueError("it holds other weights than those that were saved for this run")
            return tensors
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            if unreadable(error):
                with self._reading(path):
                    raise
            self._set_aside(path, str(error))
            return None

    def _set_aside(self, path: Path, why: str) -> None:
        aside = self.root / "set_aside" / path.name
        message = f"{path} is damaged ({why}); its run counts as missing and can be trained again"
        try:
            aside.parent.mkdir(exist_ok=True)
            path.replace(aside)
            message += f". The file was moved to {aside}"
        except OSError as error:
            message += f". It could not be moved away: {error.strerror}"
        warnings.warn(message, SetAside, stacklevel=3)

    # Tables ---------------------------------------------------------------------------------------

    def require(self, runs: Sequence[Run], command: str) -> dict[Run, Result]:
        """The results of all runs.

        Raises:
            StoreError: If any is missing; the message counts them and names the command.
        """
        found = {run: result for run in runs if (result := self.load(run)) is not None}
        missing = [run.name for run in runs if run not in found]
        if missing:
            raise StoreError(
                f"{len(missing)} of {len(runs)} results are missing in {self.root} (first: "
                f"{missing[0]}). Train them with:\n    {command}"
            )
        return found


def _digest(tensors: "Mapping[str, Tensor]") -> str:
    """SHA-256 of tensors, their names, kinds and shapes."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        values = tensor.detach().numpy()
        found.update(f"{name} {values.dtype} {values.shape};".encode())
        found.update(values.tobytes())
    return found.hexdigest()


def unreadable(error: BaseException) -> bool:
    """Whether the system would not let a file be read, which says nothing of what it holds."""
    absent = FileNotFoundError | IsADirectoryError | NotADirectoryError
    return isinstance(error, OSError) and error.errno is not None and not isinstance(error, absent)


def is_timed(result: Result) -> bool:
    """Whether the run's training steps have been timed, see `timing`."""
    return "timed_seconds" in result.metrics


def require_timed(results: Mapping[Run, Result], command: str) -> None:
    """Stop where results that are to be compared in time were not timed.

    Raises:
        StoreError: If any lacks its time; the message counts them and names the command.
    """
    lacking = [run.name for run, result in results.items() if not is_timed(result)]
    if lacking:
        raise StoreError(
            f"{len(lacking)} of {len(results)} results have not been timed (first: {lacking[0]}). "
            f"Time them, on an otherwise idle machine, with:\n    {command}"
        )


def provenance_line(results: Iterable[Result]) -> str:
    """Where results come from, in one line: devices, PyTorch versions and commits."""
    seen = [result.provenance for result in results]
    parts = [
        ("", sorted({str(p["device"]) for p in seen})),
        ("PyTorch ", sorted({str(p["torch"]) for p in seen})),
        ("commit ", sorted({str(p["commit"])[:10] for p in seen})),
    ]
    return "; ".join(prefix + ", ".join(values) for prefix, values in parts)


def _encode(value: Any) -> Any:
    """Numbers that JSON lacks, as strings."""
    if isinstance(value, dict):
        return {name: _encode(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_encode(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _decode(metrics: dict[str, Any]) -> dict[str, Any]:
    """The inverse of `_encode` for metrics, which hold no other strings."""

    def number(value: Any) -> Any:
        if isinstance(value, list):
            return [number(item) for item in value]
        return float(value) if isinstance(value, str) else value

    return {name: number(value) for name, value in metrics.items()}
