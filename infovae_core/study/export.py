"""Trained models for a reader's browser: parameters in eight and sixteen bits, checked on the data.

A file is a safetensors file, that is a JSON header and the numbers; nothing in it is executed. A
tensor whose rows are long is stored as int8 with one scale for each row, "NAME.scale"; any other in
half precision. `book/_static/interactive/nets.js` computes with what `read` gives.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save
from torch import Tensor

from infovae_core.architecture import MASKED, TRANSPOSED
from infovae_core.evaluation import Evaluation
from infovae_core.models import VAE
from infovae_core.randomness import generator
from infovae_core.refusal import Refusal
from infovae_core.run import Run
from infovae_core.study.grid import load_once
from infovae_core.study.store import Store, StoreError

FOLDER = Path(__file__).parents[2] / "book" / "_static" / "models"
# Numbers in a row from which on a scale for it pays.
LONG = 64
# How far test BCE may be from the stored one, in nats per image: with the weights as they are
# kept, whose arithmetic another machine rounds otherwise, and with those that are exported.
KEPT, EXPORTED = 0.01, 0.1


class ExportError(Refusal):
    """A model that cannot be exported; the message says why."""


class Exported(NamedTuple):
    """What was written, and test BCE in nats per image.

    Attributes:
        path: The file.
        stored: The stored result's.
        found: That of the model which the file holds.
    """

    path: Path
    stored: float
    found: float


def quantize(weights: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Parameters as they are stored: int8 with a scale for each row, or half precision.

    Raises:
        ExportError: If one is not finite, or too large for half precision.
    """
    found = {}
    for name, tensor in weights.items():
        values = tensor.detach().float().cpu().contiguous().numpy()
        if not np.abs(values).max() <= np.finfo(np.float16).max:
            raise ExportError(f"{name} has values that half precision cannot hold")
        rows = values.reshape(len(values), -1)
        if rows.shape[1] >= LONG:
            scale = np.abs(rows).max(1, keepdims=True) / 127
            steps = np.rint(rows / np.where(scale > 0, scale, 1))
            found[name] = steps.astype(np.int8).reshape(values.shape)
            found[f"{name}.scale"] = scale[:, 0].astype(np.float32)
        else:
            found[name] = values.astype(np.float16)
    return found


def dequantize(stored: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """The parameters that stored ones stand for, in single precision."""
    found = {}
    for name, values in stored.items():
        if name.endswith(".scale"):
            continue
        tensor = torch.from_numpy(values.astype(np.float32))
        if f"{name}.scale" in stored:
            scale = torch.from_numpy(stored[f"{name}.scale"])
            tensor *= scale.reshape(-1, *[1] * (tensor.dim() - 1))
        found[name] = tensor
    return found


def model(run: Run, weights: Mapping[str, Tensor]) -> VAE:
    """A run's model with these parameters."""
    made = VAE(run.architecture, generator(run.seed, "init"))
    made.load_state_dict(dict(weights))
    return made.eval()


def read(path: Path) -> tuple[Run, VAE]:
    """An exported file's run and model."""
    with safe_open(path, framework="numpy") as file:
        run = Run.of(json.loads(file.metadata()["run"]))
        names = file.keys()
        return run, model(run, dequantize({name: file.get_tensor(name) for name in names}))


def export(run: Run, store: Store, out: Path = FOLDER, root: str | Path | None = None) -> Exported:
    """Write a stored run's model as `NAME.safetensors`, if what it computes is what was stored.

    Args:
        run: A run on `store` with its weights.
        store: Where they are.
        out: The folder to write to.
        root: Folder of the data set, if not in a usual place.

    Raises:
        StoreError: If the result or its weights are missing.
        ExportError: If the architecture is one that pages do not compute, or the model's test BCE
            is farther from the stored one than `KEPT` before, or `EXPORTED` after.
    """
    result, weights = store.load(run), store.load_weights(run)
    if result is None or weights is None:
        lacking = "result" if result is None else "weights"
        raise StoreError(f"{run.name} has no stored {lacking} in {store.root}: train it there")
    if run.batch_norm or run.decoder not in (TRANSPOSED, MASKED):
        raise ExportError(
            f"{run.name} has batch norm or the decoder {run.decoder!r}: pages compute models "
            f"without, and with the decoders {TRANSPOSED!r} and {MASKED!r}"
        )
    evaluation = Evaluation(run, load_once(run.data, root, run.pixels))

    def bce(weights: Mapping[str, Tensor]) -> float:
        made = model(run, weights)
        test = evaluation.encode(made, evaluation.split.test.images, "test")
        return evaluation.reconstruction(made, test)["test_bce"]

    stored, tensors = result.metrics["test_bce"], quantize(weights)
    found = {"kept": bce(weights), "exported": bce(dequantize(tensors))}
    for kind, most in (("kept", KEPT), ("exported", EXPORTED)):
        if not abs(found[kind] - stored) <= most:
            raise ExportError(
                f"{run.name}: test BCE with the weights as {kind} is {found[kind]:.3f} nats, and "
                f"the stored result's is {stored:.3f}; they may differ by {most:g}"
            )
    header = {"run": json.dumps(run.spec), "name": run.name, "test_bce": repr(found["exported"])}
    path = out / f"{run.name}.safetensors"
    store.write(path, save(tensors, metadata=header))
    return Exported(path, stored, found["exported"])
