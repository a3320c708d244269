"""What users of neighbouring projects reported, tried here: each kind with its right value."""

import ast
import dataclasses
import errno
import io
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jupytext
import numpy as np
import pytest
import torch
from torch import Tensor

from infovae_core import cli, data, devices, divergences, legible, metrics, schedules
from infovae_core.divergences import REGISTRY
from infovae_core.names import UnknownName
from infovae_core.objectives import Objective, preset
from infovae_core.run import INTEGERS, Run
from infovae_core.schedules import Schedule
from infovae_core.study import grid, provenance, store, worker
from infovae_core.study.parameters import plain_values
from infovae_core.study.selection import integers
from infovae_core.study.store import Store, default_root
from tests.runs import small_run

ROOT = Path(__file__).parents[1]
SAMPLES = [name for name, kind in REGISTRY.items() if not isinstance(kind, type)]
KERNELS = [
    partial(divergences.mmd, bandwidth="median"),
    partial(divergences.stein, bandwidth="median"),
]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def divergence(name: str, d: int = 2) -> Any:
    """A divergence as a function of samples; a critic with fresh parameters."""
    kind = REGISTRY[name]
    return kind(d, torch.Generator().manual_seed(0)) if isinstance(kind, type) else kind


def named(of: Any) -> str:
    """A name that every process gives alike; with an address in it, cores collect other tests."""
    kernel = of.func if isinstance(of, partial) else of
    return getattr(kernel, "__name__", type(kernel).__name__) + "-median" * (kernel is not of)


# Purity: nothing of the caller's changes, and nothing of the caller's shows -----------------------


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
@pytest.mark.parametrize("name", REGISTRY)
def test_a_divergence_leaves_gradients_as_they_were(name, mode):
    q, p = normal(16, 2).requires_grad_(mode is torch.enable_grad), normal(16, 2, seed=1)
    of = divergence(name)
    with mode():
        before = torch.is_grad_enabled()
        value = of(q, p)
        assert torch.is_grad_enabled() == before
    assert value.requires_grad == (mode is torch.enable_grad)


@contextmanager
def unusual() -> Iterator[None]:
    """What a caller may have set in PyTorch before."""
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            yield
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)


def numpys_state() -> list[int]:
    return np.random.get_state()[1].tolist()  # noqa: NPY002


@pytest.fixture(scope="module")
def digits() -> data.Split:
    return data.load("digits")


@pytest.mark.parametrize("model", ["infovae_mmd", "infovae_chi2"])
def test_a_run_is_the_same_whatever_the_caller_set(digits, model):
    run = small_run(model)
    result, plain = grid.train(run, digits)
    state = torch.get_rng_state(), numpys_state(), random.getstate()
    with unusual():
        again = data.load("digits")
        other, model = grid.train(run, again)
        assert torch.get_default_dtype() == torch.float64
        assert torch.get_default_device().type == "meta"
        assert not torch.is_grad_enabled()
        assert torch.is_autocast_enabled("cpu")
    assert all(torch.equal(a, b) for a, b in zip(again.train, digits.train, strict=True))
    assert model.state_dict().keys() == plain.state_dict().keys()
    for name, tensor in plain.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)
    timed = {name for name in result.metrics if "second" in name}
    assert {k: v for k, v in other.metrics.items() if k not in timed} == {
        k: v for k, v in result.metrics.items() if k not in timed
    }
    assert torch.equal(torch.get_rng_state(), state[0])
    assert numpys_state() == state[1]
    assert random.getstate() == state[2]


@pytest.mark.parametrize("flushed", [True, False])
def test_denormals_are_afterwards_what_they_were(flushed):
    if not torch.set_flush_denormal(flushed):
        pytest.skip("this machine cannot flush them")
    try:
        with grid.flush_denormals():
            pass
        found = bool(torch.tensor(math.ulp(0.0), dtype=torch.float64) * 1 == 0)
        assert found == flushed
    finally:
        torch.set_flush_denormal(False)


# Degenerate samples, which collapse yields --------------------------------------------------------

DEGENERATE = {
    "constant against draws": (torch.zeros(300, 2), normal(64, 2)),
    "constant, not 0, against draws": (torch.full((300, 2), 0.7), normal(64, 2)),
    "both constant": (torch.full((64, 2), 0.7), torch.full((32, 2), 0.7)),
    "two points": (torch.ones(64, 2).cumsum(0).clamp_max(2), torch.ones(64, 2)),
    "duplicates": (normal(8, 2).repeat(20, 1), normal(64, 2, seed=1)),
}


@pytest.mark.parametrize("kind", DEGENERATE)
@pytest.mark.parametrize("of", [*map(divergence, REGISTRY), *KERNELS], ids=named)
def test_degenerate_samples_have_finite_values_and_gradients(kind, of):
    q, p = DEGENERATE[kind]
    q = q.clone().requires_grad_()
    value = of(q, p)
    value.backward()
    assert value.isfinite()
    assert q.grad.isfinite().all()


def test_the_median_of_coinciding_points_is_that_of_those_that_do_not():
    q, p = DEGENERATE["constant against draws"]
    apart = torch.cdist(torch.cat([q[:1], p]).double(), p.double())
    pairs = torch.cat([apart[0].repeat(len(q)), apart[1:][*torch.triu_indices(64, 64, 1)]])
    expected = pairs.median()
    assert float(divergences.bandwidths("median", q, p)[0]) == pytest.approx(float(expected))
    same = torch.full((64, 2), 0.7)
    assert float(divergences.bandwidths("median", same, same)[0]) == 1


def test_every_ruler_of_constant_codes_has_a_value():
    found = metrics.alignment(torch.full((300, 2), 0.7), torch.Generator().manual_seed(0))
    assert found.pop("gaussian_kl") == math.inf
    assert all(math.isfinite(value) for value in found.values()), found


@pytest.mark.parametrize("sigma", [0, 0.0, -1.0, math.inf])
def test_a_ruler_without_a_kernel_is_refused(sigma):
    with pytest.raises(ValueError, match="bandwidth is a positive finite number, got"):
        metrics.mmd2(torch.zeros(100, 2), sigma)
    with pytest.raises(ValueError, match="bandwidth is a positive finite number, got"):
        metrics.ValidationMMD(9, 1, 3, 2, torch.Generator(), bandwidth=sigma)


# Far from the origin ------------------------------------------------------------------------------


@pytest.mark.parametrize("c", [30.0, 300.0, 3000.0, 10_000.0])
@pytest.mark.parametrize("of", [*map(REGISTRY.get, SAMPLES), *KERNELS], ids=named)
def test_far_from_the_origin_single_precision_is_as_double(of, c):
    q, p = normal(256, 2) + 0.3 + c, normal(256, 2, seed=1) + c
    assert float(of(q, p)) == pytest.approx(float(of(q.double(), p.double())), rel=2e-3)


@pytest.mark.parametrize("c", [300.0, 10_000.0])
@pytest.mark.parametrize("of", [*map(REGISTRY.get, SAMPLES), *KERNELS], ids=named)
def test_codes_alone_far_from_the_origin_are_as_in_double_precision(of, c):
    q, p = normal(256, 2) + c, normal(64, 2, seed=1)
    single, double = q.clone().requires_grad_(), q.double().requires_grad_()
    value = of(single, p)
    value.backward()
    exact = of(double, p.double())
    exact.backward()
    assert value.item() == pytest.approx(exact.item(), rel=2e-3)
    scale = float(double.grad.abs().max())
    assert torch.allclose(single.grad.double(), double.grad, rtol=2e-2, atol=5e-3 * scale)


def test_samples_of_a_stack_are_each_moved_on_their_own():
    q, p = normal(3, 32, 2), normal(3, 32, 2, seed=1)
    away = torch.tensor([0.0, 5000.0, 0.0])[:, None, None]
    moved = divergences.mmd(q + away, p + away)
    assert torch.equal(moved[[0, 2]], divergences.mmd(q, p)[[0, 2]])
    assert float(moved[1]) == pytest.approx(float(divergences.mmd(q, p)[1]), rel=1e-2)


LAYOUTS = {
    "shifted": lambda d: normal(400, d) + 5000 / math.sqrt(d),
    "spread": lambda d: 5000 / math.sqrt(d) * normal(400, d),
    "clustered": lambda d: (
        5000 / math.sqrt(d) * normal(8, d).repeat(50, 1) + normal(400, d, seed=1)
    ),
    "overflowing": lambda d: 1e20 * normal(400, d),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_ruler_reads_codes_far_out_as_in_double_precision(layout):
    codes = LAYOUTS[layout](5)
    ruler = metrics.ValidationMMD(400, 10, 64, 5, torch.Generator().manual_seed(0))
    found = ruler(codes)["val_mmd"]
    ruler.prior = ruler.prior.double()
    assert found == pytest.approx(ruler(codes.double())["val_mmd"], rel=1e-4)


def test_a_minibatch_far_out_changes_no_bit_of_the_others():
    ruler = metrics.ValidationMMD(400, 10, 64, 2, torch.Generator().manual_seed(0))
    codes = normal(400, 2)
    near = ruler.per_batch(codes)
    codes[ruler.indices[0, 0]] = 1e5
    without = ~(ruler.indices == ruler.indices[0, 0]).any(1)
    assert 0 < without.sum() < 10
    far = ruler.unrounded(codes, ruler.per_batch(codes))
    assert torch.equal(far[without], near[without])
    assert not torch.equal(far[~without], near[~without])


# Shapes and dtypes --------------------------------------------------------------------------------

GOOD = normal(16, 2)
BAD = {
    "an array": (GOOD.numpy(), GOOD, r"q must be a tensor, got ndarray: convert it"),
    "integers": (GOOD.long(), GOOD.long(), r"single or double precision.*got torch.int64: convert"),
    "bfloat16": (GOOD.bfloat16(), GOOD.bfloat16(), r"got torch.bfloat16: convert it"),
    "a point": (GOOD[0], GOOD, r"q must be of shape \(n, d\).*got \(2,\)"),
    "a feature map": (normal(16, 4, 25, 40), normal(16, 4, 25, 40), r"got \(16, 4, 25, 40\): a f"),
    "no points": (GOOD[:0], GOOD, r"q must be of shape .*got \(0, 2\)"),
    "another dimension": (
        GOOD,
        normal(16, 3),
        r"equally many coordinates, got .*\(16, 3\): draw p",
    ),
    "another stack": (normal(3, 16, 2), normal(2, 16, 2), r"stacks must hold equally many"),
    "another dtype": (
        GOOD,
        GOOD.double(),
        r"one dtype on one device, got torch.float32 on cpu and",
    ),
    "another device": (
        GOOD,
        GOOD.to("meta"),
        r"got torch.float32 on cpu and torch.float32 on meta",
    ),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("name", REGISTRY)
def test_what_are_no_samples_is_refused_by_every_divergence_alike(name, kind):
    q, p, message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        divergence(name)(q, p)


@pytest.mark.parametrize("name", REGISTRY)
def test_one_sample_of_draws_serves_a_whole_stack(name):
    q, p, of = normal(3, 16, 2), normal(24, 2, seed=1), divergence(name)
    values = of(q, p)
    assert values.shape == (3,)
    torch.testing.assert_close(values, torch.stack([of(one, p) for one in q]))
    if name in SAMPLES and "bandwidth" in divergences.options(name):
        values = of(q, p, bandwidth="median")
        looped = torch.stack([of(one, p, bandwidth="median") for one in q])
        torch.testing.assert_close(values, looped)


@pytest.mark.parametrize("codes", [GOOD[0], normal(2, 16, 2), GOOD.half(), GOOD.numpy(), GOOD[:1]])
@pytest.mark.parametrize(
    "ruler",
    [
        lambda codes: metrics.mmd2(codes, 1.0),
        lambda codes: metrics.gaussian_kl(codes),
        lambda codes: metrics.alignment(codes, torch.Generator()),
    ],
)
def test_a_ruler_refuses_what_are_no_codes(ruler, codes):
    with pytest.raises(ValueError, match=r"expected codes of shape|must be of|must be a tensor"):
        ruler(codes)


# Values that a run can hold -----------------------------------------------------------------------

SAME = {
    "latent_dim": [np.int64(2), np.array(2), torch.tensor(2), 2.0, np.float32(2)],
    "seed": [np.uint8(0), 0.0, -0.0, Fraction(0)],
    "steps": [4.0, np.int32(4), Decimal(4)],
    "learning_rate": [np.float64(1e-4), torch.tensor(1e-4, dtype=torch.float64)],
    "batch_norm": [np.bool_(False), torch.tensor(False)],
    "model": [np.str_("infovae_mmd")],
}


@pytest.mark.parametrize(("name", "values"), SAME.items())
def test_equal_values_are_equal_runs_with_equal_keys(name, values):
    run = small_run()
    for value in values:
        other = dataclasses.replace(run, **{name: value})
        assert (other, other.key, other.name, hash(other)) == (run, run.key, run.name, hash(run))
        assert type(getattr(other, name)) is type(getattr(run, name))


def test_equal_options_and_weights_are_equal_objectives_with_equal_keys():
    def key(alpha: Any, lam: Any, options: Any) -> str:
        objective = Objective(alpha=alpha, lam=lam, divergence="mmd", options=options)
        return small_run(objective=objective, learning_rate=1).key

    assert key(1, 10, {"bandwidth": 1}) == key(np.float32(1), torch.tensor(10), {})
    several = [[0.5, 1], (0.5, 1.0), np.array([0.5, 1.0]), torch.tensor([0.5, 1.0])]
    assert len({key(1, 10, {"bandwidth": one}) for one in several}) == 1
    whole = Objective(alpha=1, lam=1, divergence="js", options={"hidden": 64.0})
    assert whole == Objective(alpha=1, lam=1, divergence="js", options={"hidden": np.int64(64)})
    assert small_run(objective=whole).spec["objective"]["options"]["hidden"] == 64
    assert small_run(learning_rate=1).key == small_run(learning_rate=1.0).key
    floor = [Objective(alpha=0, lam=1, free_bits=value) for value in (1, 1.0, np.float32(1))]
    assert len({small_run(objective=one).key for one in floor}) == 1
    schedules = [
        Schedule("controller", {"gain_lam": gain, "every": every, "lam_range": pair})
        for gain, every, pair in (
            (5000, 20.0, [500, 1500]),
            (np.float64(5000), np.int8(20), np.array([500, 1500])),
        )
    ]
    assert len({small_run(schedule=one).key for one in schedules}) == 1
    assert schedules[0] == schedules[1] == Schedule("controller", {"gain_lam": 5000.0})


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize(
    "value", [True, "3", 2.5, None, math.nan, [3], np.array([3]), 3j, object()]
)
def test_what_is_no_integer_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be "):
        small_run(**{name: value})


@pytest.mark.parametrize("value", [1, "yes", None, 0.0])
def test_what_is_no_flag_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"batch_norm must be True or False, got"):
        small_run(batch_norm=value)


LABELS = [
    "",
    ".",
    "..",
    "a/b",
    "../up",
    "a\\b",
    "a b",
    "a\n",
    "a*",
    "[a]",
    "a:b",
    "x" * 101,
    3,
    None,
]


@pytest.mark.parametrize("label", LABELS)
def test_a_name_that_is_no_files_name_is_refused(label):
    with pytest.raises(ValueError, match="model must be a text of at most 100 bytes that can name"):
        dataclasses.replace(small_run(), model=label)


def test_any_letters_can_name_a_run(tmp_path):
    run = dataclasses.replace(small_run(), model="β-VAE_größer+1.5")
    kept = Store(tmp_path)
    kept.save(run, grid.Result("done", {}, {}))
    assert run in kept


@pytest.mark.parametrize(
    "value", [True, math.nan, math.inf, {1, 2}, object(), b"1", np.datetime64(1, "s")]
)
def test_an_option_that_the_store_cannot_hold_is_refused_by_name(value):
    with pytest.raises(ValueError, match=r"bandwidth of mmd must "):
        Objective(alpha=1, lam=1, divergence="mmd", options={"bandwidth": value})


@pytest.mark.parametrize("name", ["alpha", "lam", "free_bits"])
@pytest.mark.parametrize("value", ["1", True, None, 1j, [1.0]])
def test_a_weight_that_is_no_number_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be a "):
        Objective(**{"alpha": 0, "lam": 1, name: value})


def test_what_is_no_objective_or_schedule_is_refused_by_name():
    with pytest.raises(ValueError, match="objective must be of the class Objective, got 'mmd'"):
        small_run(objective="mmd")
    with pytest.raises(ValueError, match="schedule must be of the class Schedule, got 'linear"):
        small_run(schedule="linear_annealing")


def test_a_spec_of_any_run_reads_back_as_the_same_run():
    for name in ("infovae_mmd", "contrastive_ae", "aae"):
        run = small_run(name, schedule=Schedule("controller"))
        spec = run.spec | {
            "objective": Objective(**run.spec["objective"]),
            "schedule": Schedule(**run.spec["schedule"]),
        }
        assert Run(**spec) == run
        assert Run(**spec).key == run.key
    assert preset("aae").objective.options["hidden"] == 128


# Streams, folders, disks and permissions ----------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "cp1252", "utf-8"])
def test_help_and_messages_are_shown_on_any_stream(encoding, monkeypatch):
    """In this process, as each way in another one would take seconds."""
    for arguments in (["run", "--help"], ["status", "experimant2"]):
        streams = {name: io.TextIOWrapper(io.BytesIO(), encoding) for name in ("stdout", "stderr")}
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["infovae", *arguments])
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            with pytest.raises(SystemExit):
                cli.main()
        for stream in streams.values():
            stream.flush()
        shown = b"".join(one.buffer.getvalue() for one in streams.values()).decode(encoding)
        assert "experiment2" in shown
        assert "Traceback" not in shown
        if encoding == "ascii" and arguments[-1] == "--help":
            assert "lambda of all InfoVAE runs" in shown


def test_signs_that_a_stream_lacks_are_told_by_others():
    legible.anywhere()
    plain = "α + λ − 1 … ≥ 2, Cramér 𝄞".encode("ascii", "infovae_core.legible")
    assert plain == b"alpha + lambda - 1 ... >= 2, Cramer ?"
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", "infovae_core.legible")


FOLDERS = ["with space", "Grüße", "it's", 'a "quote"', "x" * 200, "%s {x} $HOME", "-dash"]


@pytest.mark.parametrize("name", FOLDERS)
def test_a_store_may_lie_in_any_folder(tmp_path, name):
    kept, run = Store(tmp_path / name), small_run()
    kept.save(run, grid.Result("done", {"x": 1.0}, {}))
    kept.save_weights(run, {"w": torch.ones(2)})
    assert kept.load(run).metrics == {"x": 1.0}
    assert torch.equal(kept.load_weights(run)["w"], torch.ones(2))


def test_a_relative_or_home_relative_folder_is_resolved_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    kept = Store("res")
    monkeypatch.chdir("/")
    assert kept.root == tmp_path / "res"
    assert Store("~/res").root == tmp_path / "home" / "res"
    for variable, found in (("~/r", tmp_path / "home" / "r"), ("a/../b", Path("/b"))):
        monkeypatch.setenv("INFOVAE_RESULTS", variable)
        assert default_root("cpu") == found
    monkeypatch.setenv("INFOVAE_DATA", "nowhere")
    with pytest.raises(data.DataError, match=r"ubyte.gz in /nowhere, in its raw"):
        data.load("mnist")


def test_without_a_checkout_results_are_the_users(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "__file__", str(tmp_path / "lib/site-packages/infovae_core/study/x"))
    monkeypatch.delenv("INFOVAE_RESULTS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_root("cpu") == tmp_path / "data" / "infovae_core" / "results"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_root("smoke") == tmp_path / ".local/share/infovae_core/results/smoke"


def test_the_commit_of_another_project_is_not_the_packages(tmp_path, monkeypatch):
    package = tmp_path / ".venv" / "infovae_core"
    (package / "study").mkdir(parents=True)
    (package / "__init__.py").touch()
    environment = os.environ | {
        f"GIT_{who}_{what}": "someone"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "theirs"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, env=environment)
    monkeypatch.setattr(provenance, "__file__", str(package / "study" / "provenance.py"))
    assert provenance.commit() == "unknown"
    monkeypatch.setenv("GIT_DIR", str(ROOT / ".git"))
    assert provenance.commit() == "unknown"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.EMFILE, errno.ESTALE])
def test_a_result_that_cannot_be_read_is_refused_and_not_set_aside(tmp_path, monkeypatch, code):
    kept, run = Store(tmp_path), small_run()
    kept.save(run, grid.Result("done", {"x": 1.0}, {}))
    kept.save_weights(run, {"w": torch.ones(2)})

    def fail(path: Path) -> bytes:
        raise OSError(code, os.strerror(code), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        for read in (kept.load, kept.load_weights, kept.__contains__):
            with pytest.raises(store.StoreError, match=rf"cannot read .*{os.strerror(code)}"):
                read(run)
    assert kept.load(run).metrics == {"x": 1.0}
    assert not (tmp_path / "set_aside").exists()


def test_a_name_that_is_too_long_for_the_disk_is_refused(tmp_path):
    with pytest.raises(store.StoreError, match=r"cannot read .*too long"):
        Store(tmp_path).load(small_run(seed=10**300))


def test_weights_of_another_run_or_with_a_flipped_bit_are_set_aside(tmp_path):
    kept, run, other = Store(tmp_path), small_run(), small_run(seed=1)
    for one, value in ((run, 1.0), (other, 2.0)):
        kept.save_weights(one, {"w": torch.full((8,), value), "n": torch.tensor(3)})
    path, content = kept._weights_path(run), kept._weights_path(run).read_bytes()
    for damaged in (kept._weights_path(other).read_bytes(), content[:-1] + b"\x41"):
        path.write_bytes(damaged)
        with pytest.warns(store.SetAside, match="other weights than those that were saved"):
            assert kept.load_weights(run) is None
    path.write_bytes(content)
    assert torch.equal(kept.load_weights(run)["w"], torch.ones(8))


def test_json_nested_without_end_is_damage(tmp_path):
    kept, run = Store(tmp_path), small_run()
    kept.path(run).write_text("[" * 100_000)
    with pytest.warns(store.SetAside, match="Recursion"):
        assert kept.load(run) is None


def test_a_full_folder_for_temporary_files_is_named(monkeypatch):
    monkeypatch.setattr(data, "_contents", lambda root: {"train-labels-idx1-ubyte": b"1"})

    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(data.DataError, match=r"unpacked in /.*No space left.*TMPDIR"):
        data.load("mnist")


def test_any_failure_of_the_disk_is_one_line(monkeypatch, capsys):
    def fail(*arguments: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/a/file")

    monkeypatch.setattr(Store, "__contains__", fail)
    monkeypatch.setattr(Store, "load", fail)
    monkeypatch.setattr(sys, "argv", ["infovae", "status", "experiment2", "--profile", "smoke"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith(
        "error: the disk or the system refused: Permission denied (/a/file)"
    )
    assert complaint.count("\n") == 1


# Parameters as people type them, and notebooks run again ------------------------------------------


@pytest.mark.parametrize("typed", ["[0, 1]", "(0, 1)", "[0,1,]", " [ 0 , 1 ] ", "0, 1", [0, 1]])
def test_a_list_may_be_typed_as_a_notebook_writes_it(typed):
    assert integers("seeds", typed) == (0, 1)


@pytest.mark.parametrize("typed", ["[0, 1", "0]", "[]", "[0;1]", "{0}", "[[0]]"])
def test_what_is_no_list_of_integers_is_refused(typed):
    with pytest.raises(ValueError, match=r"seeds takes integers, such as \[0, 1\] or 0,1; got"):
        integers("seeds", typed)


PAGES = sorted(
    page for page in (ROOT / "notebooks").glob("*.md") if "tags: [parameters" in page.read_text()
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_all_cells_of_a_notebook_may_run_twice_in_one_kernel(page):
    """Whatever plain values its cells leave, they are not taken for parameters."""
    cells = jupytext.read(page).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    known = assigned(next(c.source for c in cells if "parameters" in c.metadata.get("tags", [])))
    namespace = dict.fromkeys(known, 0)
    plain_values(namespace, known)
    namespace |= {name: 0 for cell in code for name in assigned(cell)}
    assert plain_values(namespace, known) == dict.fromkeys(known, 0)


def assigned(cell: str) -> list[str]:
    """The names that a cell of code gives values to."""
    tree = ast.parse("\n".join(line for line in cell.splitlines() if not line.startswith("%")))
    return [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


# Workers ------------------------------------------------------------------------------------------


def test_what_workers_do_not_know_is_named_with_the_remedy(digits, monkeypatch):
    schedule = Schedule("linear_annealing")
    run = small_run(schedule=schedule)
    monkeypatch.delitem(schedules.REGISTRY, "linear_annealing")  # As where no script registered it.
    held = SimpleNamespace(plugins={"data": worker.Data({("digits", "binary"): digits})})
    monkeypatch.setattr(worker, "get_worker", lambda: held)
    with pytest.raises(UnknownName, match=r"unknown schedule 'linear_.*dask worker --preload"):
        worker.do(grid.train_job, [run], "data", torch.device("cpu"))


def test_a_divergence_that_a_worker_does_not_know_is_named(monkeypatch):
    objective = Objective(alpha=1, lam=1, divergence="cramer")
    monkeypatch.delitem(divergences.REGISTRY, "cramer")
    with pytest.raises(UnknownName, match="unknown divergence 'cramer'"):
        objective.critic(2, torch.Generator())


def test_a_device_without_memory_names_the_stack(digits, monkeypatch):
    def fail(*arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(grid, "train_stack", fail)
    runs = [small_run(seed=seed) for seed in range(4)]
    with pytest.raises(devices.DeviceError, match=r"does not hold 4 runs .*--stack 2 does"):
        grid.train_job(runs, digits, torch.device("cpu"))
