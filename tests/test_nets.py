"""The models in the reader's browser: exported, they compute what PyTorch does, to a tolerance.

In single precision on both sides, with the weights that an exported file stands for. Of files that
are in the book, and of small models made here, among them one with the masked decoder.
"""

import functools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from typer.testing import CliRunner

from infovae_core import data
from infovae_core.cli import app
from infovae_core.models import VAE
from infovae_core.objectives import bernoulli_nll
from infovae_core.randomness import generator
from infovae_core.report.figures import live
from infovae_core.run import Run
from infovae_core.study import export, grid
from infovae_core.study.export import ExportError
from infovae_core.study.store import Result, Store, StoreError
from tests.runs import small_run

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "book" / "_static" / "interactive"
BOOK = sorted(export.FOLDER.glob("*.safetensors"))
# Of a mean or log-variance, relative to the largest, and of a logit, in nats.
CODE, LOGIT = 1e-5, 1e-3


@functools.cache
def digits() -> data.Split:
    return data.load("digits")


def node(script: str, *arguments: object) -> Any:
    """What a script gives node, with the two modules at hand."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    text = (
        f"const nets = require({json.dumps(str(SCRIPTS / 'nets.js'))}), "
        f"pen = require({json.dumps(str(SCRIPTS / 'pen.js'))}), fs = require('fs'), "
        "given = JSON.parse(fs.readFileSync(0));"
        "const load = (path) => { const b = fs.readFileSync(path);"
        "return nets.parse(b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength)); };"
        f"console.log(JSON.stringify(({script})(...given)))"
    )
    done = subprocess.run(
        ["node", "-e", text], input=json.dumps(arguments), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found: Any = json.loads(done.stdout)
    return found


BOTH = """(path, images, codes) => { const model = load(path); return {
    encoded: images.map((x) => { const q = nets.encode(model, x);
        return [...q.mu, ...q.logvar]; }),
    decoded: codes.map((z) => [...nets.decode(model, z)]),
    nll: images.map((x, i) => nets.nll(x, nets.decode(model, codes[i]))) }; }"""


def images(count: int) -> torch.Tensor:
    return digits().test.images[:count]


@torch.no_grad()
def compare(model: VAE, found: dict[str, list[list[float]]], x: torch.Tensor, z: torch.Tensor):
    encoded = torch.cat(model.encoder(x), 1)
    logits = model.decoder(z)
    scale = float(encoded.abs().max())
    np.testing.assert_allclose(found["encoded"], encoded.numpy(), atol=CODE * scale)
    np.testing.assert_allclose(found["decoded"], logits.flatten(1).numpy(), atol=LOGIT)
    np.testing.assert_allclose(found["nll"], bernoulli_nll(x, logits).numpy(), rtol=1e-5)


@pytest.mark.parametrize("path", BOOK, ids=lambda path: path.stem)
def test_a_model_of_the_book_computes_in_node_what_it_does_in_pytorch(path):
    run, model = export.read(path)
    x, z = images(3), 2 * torch.randn(3, run.latent_dim, generator=generator(0, "test"))
    found = node(BOTH, str(path), x.flatten(1).tolist(), z.tolist())
    compare(model, found, x, z)


# Exporting --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> tuple[Store, list[Run]]:
    """Two small models with either decoder, trained and stored with their weights."""
    runs = [small_run(), small_run("vae", masked_channels=4)]
    store = Store(tmp_path_factory.mktemp("store"))
    grid.run_grid(runs, store, progress=False)
    return store, runs


@pytest.mark.parametrize("at", [0, 1], ids=["transposed", "masked"])
def test_an_exported_model_is_small_and_computes_in_node_what_it_does_in_pytorch(
    kept, at, tmp_path
):
    store, runs = kept
    run = runs[at]
    done = export.export(run, store, tmp_path)
    assert done.path == tmp_path / f"{run.name}.safetensors"
    assert abs(done.found - done.stored) < export.EXPORTED
    weights = store.load_weights(run)
    assert weights is not None
    assert done.path.stat().st_size < 0.4 * sum(4 * one.numel() for one in weights.values())
    again, model = export.read(done.path)
    assert again == run
    x, z = images(2), 3 * torch.randn(2, 2, generator=generator(1, "test"))
    compare(model, node(BOTH, str(done.path), x.flatten(1).tolist(), z.tolist()), x, z)


def test_each_number_is_within_half_a_step_of_its_own(kept):
    store, (run, _) = kept
    weights = store.load_weights(run)
    assert weights is not None
    tensors = export.quantize(weights)
    found = export.dequantize(tensors)
    assert found.keys() == weights.keys()
    for name, tensor in weights.items():
        off = (found[name] - tensor).abs().reshape(len(tensor), -1).max(1).values.numpy()
        if f"{name}.scale" in tensors:
            assert (off <= 0.501 * tensors[f"{name}.scale"]).all()
        else:
            assert (off <= 2**-11 * float(tensor.abs().max()) + 2**-25).all()
    assert {name for name in tensors if tensors[name].dtype == np.int8} == {
        "encoder.conv2.weight", "encoder.heads.weight", "decoder.deconv1.weight",
    }  # fmt: skip


def test_a_row_of_zeros_stays_and_what_does_not_fit_is_refused():
    zeros = export.dequantize(export.quantize({"w": torch.zeros(2, 64)}))["w"]
    assert zeros.equal(torch.zeros(2, 64))
    for values in (torch.full((2, 3), 1e6), torch.full((2, 64), np.inf)):
        with pytest.raises(ExportError, match="w has values that half precision cannot hold"):
            export.quantize({"w": values})


def test_weights_of_another_training_are_refused(kept, tmp_path):
    store, (run, _) = kept
    result = store.load(run)
    assert result is not None
    other = Store(tmp_path / "store")
    other.save(run, result)
    with pytest.raises(StoreError, match="has no stored weights"):
        export.export(run, other, tmp_path)
    other.save_weights(run, VAE(run.architecture, generator(5, "other")).state_dict())
    with pytest.raises(ExportError, match=r"test BCE with the weights as kept is [\d.]+ nats, and"):
        export.export(run, other, tmp_path)
    with pytest.raises(StoreError, match="has no stored result"):
        export.export(run, Store(tmp_path / "none"), tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))


def test_an_architecture_that_pages_do_not_compute_is_refused(kept, tmp_path):
    store, _ = kept
    run = small_run("bn_vae")
    store.save(run, Result("done", {"test_bce": 1.0}, {}))
    store.save_weights(run, VAE(run.architecture, generator(0, "x")).state_dict())
    with pytest.raises(ExportError, match="has batch norm or the decoder"):
        export.export(run, store, tmp_path)


def test_the_command_exports_one_run(kept, tmp_path):
    store, (run, _) = kept
    told = CliRunner().invoke(
        app, ["export", run.name, "--store", str(store.root), "--out", str(tmp_path)]
    )
    assert told.exit_code == 0, told.output
    assert re.search(r"[\d,]+ bytes; test BCE [\d.]+ nats, stored [\d.]+\.", told.output)
    assert (tmp_path / f"{run.name}.safetensors").is_file()


# The pen and the draws ---------------------------------------------------------------------------


def drawn(*strokes: list[tuple[float, float]], half: float = 1.25) -> np.ndarray:
    found = node("(strokes, half) => [...pen.pixels(strokes, half)]", strokes, half)
    return np.reshape(found, (28, 28))


@pytest.mark.parametrize("scale", [0.5, 0.8])
def test_a_drawing_is_the_same_wherever_and_however_large_it_is_drawn(scale):
    two = [(0.3, 0.35), (0.4, 0.2), (0.65, 0.25), (0.62, 0.45), (0.3, 0.8), (0.7, 0.8)]
    pixels = drawn(two)
    moved = [(scale * x + 0.05, scale * y + 0.1) for x, y in two]
    assert (drawn(moved) != pixels).sum() <= 2  # Where a pixel's centre is on the line's edge.
    rows, columns = np.nonzero(pixels)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20, 21)
    # The centre of mass is that of the line; where it crosses itself, pixels count once.
    np.testing.assert_allclose([rows.mean(), columns.mean()], 13.5, atol=1)


def test_a_drawing_has_as_much_ink_as_the_digits_do():
    seven = drawn([(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)])
    assert set(np.unique(seven)) == {0, 1}
    originals = live.plane()["originals"]
    ink = [one.count("1") for one in originals]
    assert min(ink) <= seven.sum() <= max(ink)


def test_a_dot_stays_small_and_nothing_is_nothing():
    assert 0 < drawn([(0.1, 0.9)]).sum() <= 9
    assert drawn().sum() == 0


def test_draws_are_normal_and_repeat():
    first, again, other = node("() => [pen.normals(1, 4000), pen.normals(1, 4000), "
                               "pen.normals(2, 4000)].map((one) => [...one])")  # fmt: skip
    assert first == again != other
    assert kstest(first, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(first[::2], first[1::2])[0, 1]) < 0.1
