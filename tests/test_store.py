"""The store: what is saved comes back, what is damaged is set aside, nothing is half-written."""

import errno
import hashlib
import io
import json
import math
import os
import pickle
import random
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infovae_core import data
from infovae_core.models import VAE
from infovae_core.randomness import generator
from infovae_core.report.frames import frame
from infovae_core.run import SCHEMA
from infovae_core.study import store
from infovae_core.study.store import Result, SetAside, Store, StoreError, default_root
from tests.runs import small_run

RUN = small_run()
PROVENANCE = {"device": "a CPU", "torch": "2.6.0", "commit": "0123456789abcdef", "seconds": 1.5}
METRICS = {
    "finite": 0.1,
    "whole": 3,
    "escaped": math.inf,
    "negative": -math.inf,
    "undefined": math.nan,
    "absent": None,
    "list": [1.0, math.nan, -math.inf],
    "empty": [],
}


def result(level: float = 1.0, size: int = 50, status: str = "done") -> Result:
    arrays = {
        "curve": np.full((size, 5), level, dtype=np.float32),
        "codes": np.random.default_rng(int(level)).standard_normal((size, 2)),
        "labels": np.arange(3, dtype=np.uint8),
        "none": np.zeros((0, 5), dtype=np.float32),
    }
    return Result(status, METRICS | {"level": level}, PROVENANCE.copy(), arrays)


def same(a: Result | None, b: Result) -> bool:
    """Whether two results agree in every value, type and bit."""
    return (
        a is not None
        and (a.status, repr(a.metrics), a.provenance) == (b.status, repr(b.metrics), b.provenance)
        and a.arrays.keys() == b.arrays.keys()
        and all(a.arrays[name].dtype == array.dtype for name, array in b.arrays.items())
        and all(np.array_equal(a.arrays[name], array) for name, array in b.arrays.items())
    )


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def edit(path: Path, change: Callable[[Any], Any]) -> None:
    """Change a JSON file's content in place, or put what `change` returns instead."""
    content = json.loads(path.read_text("utf8"))
    changed = change(content)
    path.write_text(json.dumps(content if changed is None else changed), "utf8")


def archive(one: Store, run: Any = RUN) -> Path:
    """The NPZ of a stored run."""
    return one.root / json.loads(one.path(run).read_text("utf8"))["arrays"]["file"]


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    """No waiting for the disk: what a killed process has written is there without it."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def one(tmp_path) -> Store:
    """A store with one result."""
    kept = Store(tmp_path / "results")
    kept.save(RUN, result())
    return kept


# Round trip ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["done", "diverged"])
def test_what_is_saved_comes_back(tmp_path, status):
    kept = Store(str(tmp_path / "a" / "b"))
    assert RUN not in kept
    assert kept.load(RUN) is None
    kept.save(RUN, result(status=status))
    assert RUN in kept
    assert same(kept.load(RUN), result(status=status))
    assert same(Store(tmp_path / "a" / "b").load(RUN), result(status=status))


def test_a_result_without_arrays_comes_back(tmp_path):
    kept = Store(tmp_path)
    kept.save(RUN, Result("done", {}, {}))
    assert same(kept.load(RUN), Result("done", {}, {}))


def test_another_run_is_not_this_one(one):
    assert small_run(seed=1) not in one
    assert "a text" not in one


def test_a_run_is_one_json_and_one_npz_that_it_names_by_content(one):
    npz = archive(one)
    assert files(one.root) == {f"{RUN.name}.json", npz.name}
    content = json.loads(one.path(RUN).read_text("utf8"))
    digest = hashlib.sha256(npz.read_bytes()).hexdigest()
    assert npz.name == f"{RUN.name}.{digest[:8]}.npz"
    assert content["arrays"] == {"file": npz.name, "sha256": digest}
    assert (content["schema"], content["key"], content["run"]) == (SCHEMA, RUN.key, RUN.spec)
    assert content["data_digest"] == data.DATASETS["digits"].digest
    assert {path.stat().st_mode & 0o777 for path in one.root.iterdir()} == {0o644}


def test_equal_results_are_equal_bytes(tmp_path):
    for name in ("a", "b"):
        Store(tmp_path / name).save(RUN, result())
    assert files(tmp_path / "a") == files(tmp_path / "b")
    for name in files(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_json_is_strict_json(one):
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    content = json.loads(one.path(RUN).read_text("utf8"), parse_constant=refuse)
    assert content["metrics"]["escaped"] == "inf"
    assert content["metrics"]["list"] == [1.0, "nan", "-inf"]


figures = st.none() | st.floats() | st.integers(-(2**60), 2**60) | st.lists(st.floats())


@given(st.dictionaries(st.text(), figures))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_metrics_come_back(tmp_path, values):
    kept = Store(tmp_path)
    kept.save(RUN, Result("done", values, {}))
    assert repr(kept.load(RUN).metrics) == repr(values)


def test_a_nested_provenance_with_numbers_that_json_lacks_is_saved(tmp_path):
    kept = Store(tmp_path)
    kept.save(RUN, Result("done", {}, {"measured": {"seconds": math.nan}}))
    assert kept.load(RUN).provenance == {"measured": {"seconds": "nan"}}


def test_each_file_is_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    events = []

    def fsync(descriptor: int) -> None:
        events.append(("synced", os.fstat(descriptor).st_ino, os.fstat(descriptor).st_size))

    def audit(path: Path, target: Path) -> Path:
        events.append(("named", path.stat().st_ino, path.stat().st_size))
        order.append(Path(target).suffix)
        return Path(os.replace(path, target) or target)

    order: list[str] = []
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", audit)
    Store(tmp_path).save(RUN, result())
    assert order == [".npz", ".json"]
    synced, named = events[::2], events[1::2]
    assert [event[0] for event in synced] == ["synced"] * 2
    assert [event[1:] for event in synced] == [event[1:] for event in named]
    assert all(size > 0 for _, _, size in synced)


def test_a_new_result_replaces_the_old_one_and_its_arrays(one):
    other = small_run(seed=1)
    one.save(other, result(7.0))
    one.save(RUN, result(2.0))
    assert same(one.load(RUN), result(2.0))
    assert same(one.load(other), result(7.0))
    assert files(one.root) == {
        f"{RUN.name}.json",
        f"{other.name}.json",
        archive(one).name,
        archive(one, other).name,
    }


# Damage -------------------------------------------------------------------------------------------


def stored(name: str, change: Callable[[dict], Any]) -> Any:
    return pytest.param(lambda one: edit(one.path(RUN), change), id=name)


def arrays_of(write: Callable[[Path], Any], name: str, recorded: bool = False) -> Any:
    """Damage to the NPZ; `recorded` makes the JSON agree with it."""

    def damage(one: Store) -> None:
        npz = archive(one)
        write(npz)
        if recorded:
            digest = hashlib.sha256(npz.read_bytes()).hexdigest()
            edit(one.path(RUN), lambda c: c["arrays"].update(sha256=digest))

    return pytest.param(damage, id=name)


def pickled(npz: Path) -> None:
    """An archive of an array of objects, which NumPy reads by unpickling."""
    buffer = io.BytesIO()
    np.savez(buffer, curve=np.array([{"a": 1}], dtype=object))
    npz.write_bytes(buffer.getvalue())


def flip_a_byte(npz: Path, where: int) -> None:
    content = bytearray(npz.read_bytes())
    content[where] ^= 0xFF
    npz.write_bytes(bytes(content))


DAMAGES = [
    pytest.param(lambda one: one.path(RUN).write_bytes(b""), id="empty JSON"),
    pytest.param(lambda one: one.path(RUN).write_bytes(b"\xff\xfe{}"), id="JSON that is not UTF-8"),
    stored("JSON of a list", lambda c: [c]),
    stored("JSON of a number", lambda c: 3),
    *(
        stored(f"JSON without {name}", lambda c, n=name: c.pop(n) and None)
        for name in sorted(store.FIELDS)
    ),
    stored("edited key", lambda c: c.update(key="0" * 64)),
    stored("edited spec", lambda c: c["run"].update(steps=5)),
    stored("edited objective", lambda c: c["run"]["objective"].update(lam=999)),
    stored("spec with a further field", lambda c: c["run"].update(more=1)),
    stored("metrics that are a list", lambda c: c.update(metrics=[1.0])),
    stored("a metric that is a word", lambda c: c["metrics"].update(val_mmd="small")),
    stored("arrays that are a list", lambda c: c.update(arrays=[])),
    stored("arrays without a digest", lambda c: c["arrays"].pop("sha256") and None),
    stored("arrays without a name", lambda c: c["arrays"].update(file=3)),
    stored("arrays of another name", lambda c: c["arrays"].update(file="other.npz")),
    stored("arrays outside the store", lambda c: c["arrays"].update(file="../../../etc/passwd")),
    stored("another digest", lambda c: c["arrays"].update(sha256="0" * 64)),
    arrays_of(lambda npz: npz.unlink(), "missing NPZ"),
    arrays_of(lambda npz: npz.write_bytes(npz.read_bytes()[:-9]), "truncated NPZ"),
    arrays_of(lambda npz: flip_a_byte(npz, 200), "edited NPZ"),
    arrays_of(lambda npz: npz.write_bytes(npz.read_bytes()[:-9]), "NPZ cut, recorded", True),
    arrays_of(lambda npz: flip_a_byte(npz, 70), "NPZ edited, recorded", True),
    arrays_of(lambda npz: npz.write_bytes(b""), "NPZ empty, recorded", True),
    arrays_of(pickled, "NPZ with a pickle, recorded", True),
    arrays_of(lambda npz: npz.write_bytes(pickle.dumps([1])), "a bare pickle, recorded", True),
    arrays_of(lambda npz: npz.write_bytes(b"PK\3\4" + bytes(60)), "no ZIP, recorded", True),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_result_is_set_aside_with_a_warning_and_counts_as_missing(one, damage):
    damage(one)
    broken = one.path(RUN).read_bytes()
    with pytest.warns(SetAside, match=r"is damaged \(.*counts as missing.*moved to") as warned:
        assert one.load(RUN) is None
    assert len(warned) == 1
    assert str(one.path(RUN)) in str(warned[0].message)
    assert (one.root / "set_aside" / f"{RUN.name}.json").read_bytes() == broken
    # From now on it is missing, silently, and can be stored again.
    assert RUN not in one
    one.save(RUN, result(2.0))
    assert same(one.load(RUN), result(2.0))


@given(st.data())
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_mutation_of_the_bytes_is_more_than_damage(one, draw):
    one.save(RUN, result())
    path = draw.draw(st.sampled_from([one.path(RUN), archive(one)]))
    content = path.read_bytes()
    start = draw.draw(st.integers(0, len(content)))
    end = draw.draw(st.integers(start, min(len(content), start + 20)))
    path.write_bytes(content[:start] + draw.draw(st.binary(max_size=4)) + content[end:])
    changed = path.read_bytes() != content
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        loaded = one.load(RUN)
    assert (loaded is None) == bool(warned)
    assert {warning.category for warning in warned} <= {SetAside}
    if not changed:
        assert same(loaded, result())
    elif path.suffix == ".npz":
        assert loaded is None


def test_a_damaged_file_that_cannot_be_moved_counts_as_missing_too(one):
    (one.root / "set_aside").write_text("a file where the folder should be")
    one.path(RUN).write_text("{")
    with pytest.warns(SetAside, match="could not be moved away"):
        assert one.load(RUN) is None
    assert one.path(RUN).exists()


# Writing that fails -------------------------------------------------------------------------------


def failing(code: int) -> Callable[..., Any]:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("call", ["check_writable", "save", "save_weights"])
@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("tempfile.NamedTemporaryFile", errno.EROFS),
        ("os.fsync", errno.ENOSPC),
        ("os.replace", errno.ENOSPC),
        ("os.mkdir", errno.EACCES),
    ],
)
def test_a_failing_disk_is_a_clear_error_and_leaves_nothing(
    tmp_path, monkeypatch, call, where, code
):
    kept = Store(tmp_path / "results")
    arguments = {
        "check_writable": (),
        "save": (RUN, result()),
        "save_weights": (RUN, {"w": torch.ones(3)}),
    }
    with monkeypatch.context() as patch:
        # pathlib may have bound the function before: both ways are cut.
        patch.setattr(where, failing(code))
        if where == "os.replace":
            patch.setattr(Path, "replace", failing(code))
        with pytest.raises(StoreError) as refusal:
            getattr(kept, call)(*arguments[call])
    assert f"cannot write {kept.root}" in str(refusal.value)
    assert os.strerror(code) in str(refusal.value)
    assert "Free space or choose a folder" in str(refusal.value)
    assert files(tmp_path) == set()
    getattr(kept, call)(*arguments[call])  # and works as soon as the disk does


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_disk_that_fills_up_leaves_the_old_result(one, monkeypatch, fails_at):
    # The first file written is the NPZ, the second the JSON.
    calls = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == fails_at:
            failing(errno.ENOSPC)()

    before = files(one.root)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        one.save(RUN, result(2.0))
    assert len(calls) == fails_at
    assert same(one.load(RUN), result())
    left = files(one.root) - before
    assert all(name.endswith(".npz") for name in left)
    assert len(left) == fails_at - 1
    one.save(RUN, result(3.0))  # which clears what a failed save left
    assert files(one.root) == {f"{RUN.name}.json", archive(one).name}


def test_the_kernels_refusal_in_mid_write_leaves_the_old_result(one):
    before = files(one.root)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    big = result(2.0, size=5000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(StoreError, match="File too large"):
            one.save(RUN, big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(one.root) == before
    assert same(one.load(RUN), result())
    one.save(RUN, big)
    assert same(one.load(RUN), big)


def test_a_file_where_the_folder_should_be_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    for kept in (Store(tmp_path / "file"), Store(tmp_path / "file" / "below")):
        assert kept.load(RUN) is None
        with pytest.raises(StoreError, match="cannot write"):
            kept.check_writable()
        with pytest.raises(StoreError, match="cannot write"):
            kept.save(RUN, result())
    assert files(tmp_path) == {"file"}


def test_a_writable_folder_is_made_and_left_empty(tmp_path):
    Store(tmp_path / "a" / "b").check_writable()
    assert (tmp_path / "a" / "b").is_dir()
    assert files(tmp_path) == set()


def test_ctrl_c_in_mid_write_leaves_the_old_result_and_no_temporary_file(one, monkeypatch):
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    before = files(one.root)
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        one.save(RUN, result(2.0))
    assert files(one.root) == before
    assert same(one.load(RUN), result())


# Sudden death -------------------------------------------------------------------------------------


def fork(work: Callable[[], None]) -> int:
    """The process of a child that does this work and ends without cleaning up."""
    with warnings.catch_warnings():
        # The child only packs and writes files: no thread of this process is needed for it.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def die_at_line(count: int) -> None:
    """Have this process killed before the count-th line that runs in the store's module."""
    left = count

    def trace(frame: Any, event: str, argument: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename != store.__file__:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


@pytest.mark.parametrize("old", [None, 1.0])
def test_a_kill_at_any_line_of_a_save_leaves_the_old_result_or_the_new(tmp_path, old):
    outcomes = []
    for count in range(1000):
        kept = Store(tmp_path / str(count))
        if old is not None:
            kept.save(RUN, result(old))

        def work(kept: Store = kept, count: int = count) -> None:
            die_at_line(count)
            kept.save(RUN, result(2.0))

        _, status = os.waitpid(fork(work), 0)
        loaded = kept.load(RUN)  # a warning would be an error
        outcomes.append("new" if same(loaded, result(2.0)) else "old")
        if outcomes[-1] == "old":
            assert loaded is None if old is None else same(loaded, result(old))
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            break
        # What the killed one left is no obstacle.
        kept.save(RUN, result(3.0))
        assert same(kept.load(RUN), result(3.0))
    assert not os.WIFSIGNALED(status)
    changes = outcomes.count("old")
    assert outcomes == ["old"] * changes + ["new"] * (len(outcomes) - changes)
    assert changes > 20
    assert len(outcomes) - changes > 1


def test_a_kill_at_any_moment_leaves_a_sound_result(one):
    moments = random.Random(0)
    possible = [result(level) for level in (1.0, 2.0)]

    def work() -> None:
        while True:
            for each in possible:
                one.save(RUN, each)

    for _ in range(25):
        child = fork(work)
        time.sleep(moments.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        loaded = one.load(RUN)
        assert any(same(loaded, each) for each in possible)


# Weights ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["infovae_mmd", "bn_vae"])
def test_weights_come_back(tmp_path, model):
    run = small_run(model)
    kept, trained = Store(tmp_path), VAE(run.architecture, generator(0, "init"))
    assert kept.load_weights(run) is None
    kept.save_weights(run, trained.state_dict())
    loaded = kept.load_weights(run)
    assert loaded.keys() == trained.state_dict().keys()
    for name, tensor in trained.state_dict().items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)
    VAE(run.architecture, generator(1, "init")).load_state_dict(loaded)
    assert files(tmp_path) == {f"weights/{run.name}.safetensors"}
    assert run not in kept


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:40],
        lambda content: pickle.dumps({"w": 1}),
    ],
    ids=["empty", "one byte short", "header cut", "a pickle"],
)
def test_damaged_weights_are_set_aside(one, damage):
    one.save_weights(RUN, {"w": torch.arange(6.0).reshape(2, 3).mT})
    path = one.root / "weights" / f"{RUN.name}.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(SetAside, match=r"safetensors is damaged"):
        assert one.load_weights(RUN) is None
    assert not path.exists()
    assert (one.root / "set_aside" / path.name).exists()
    assert one.load_weights(RUN) is None
    assert RUN in one  # the result itself is sound


# Tables -------------------------------------------------------------------------------------------


def test_require_gives_all_results_in_order(one):
    other = small_run(seed=1)
    one.save(other, result(2.0))
    found = one.require([other, RUN], "a command")
    assert list(found) == [other, RUN]
    assert same(found[other], result(2.0))


def test_require_counts_what_is_missing_and_names_the_command(one):
    runs = [RUN, *(small_run(seed=seed) for seed in (1, 2))]
    with pytest.raises(StoreError) as refusal:
        one.require(runs, "python -m infovae_core run experiment2")
    assert str(refusal.value) == (
        f"2 of 3 results are missing in {one.root} (first: {runs[1].name}). Train them with:\n"
        "    python -m infovae_core run experiment2"
    )


def test_a_frame_has_one_row_for_each_number():
    runs = [RUN, replace(RUN, seed=1)]
    first = Result("done", {"a": 1.5, "b": None, "c": [1.0, 2.0], "d": 2}, {})
    second = Result("diverged", {"a": math.inf}, {})
    expected = pd.DataFrame(
        [
            ("infovae_mmd", 2, 0, "done", "a", 1.5),
            ("infovae_mmd", 2, 0, "done", "d", 2.0),
            ("infovae_mmd", 2, 1, "diverged", "a", math.inf),
            # What others were measured by is lost, and not passed over.
            ("infovae_mmd", 2, 1, "diverged", "d", math.nan),
        ],
        columns=["model", "latent_dim", "seed", "status", "metric", "value"],
    )
    found = frame(dict(zip(runs, (first, second), strict=True)))
    pd.testing.assert_frame_equal(found, expected)


def test_a_frame_of_nothing_has_its_columns():
    assert list(frame({})) == ["model", "latent_dim", "seed", "status", "metric", "value"]
    assert len(frame({})) == 0


def test_a_line_says_where_results_come_from():
    other = PROVENANCE | {"device": "NVIDIA H200", "torch": "2.10.0"}
    results = [Result("done", {}, p) for p in (PROVENANCE, other, PROVENANCE)]
    assert store.provenance_line(results) == (
        "NVIDIA H200, a CPU; PyTorch 2.10.0, 2.6.0; commit 0123456789"
    )


# Where --------------------------------------------------------------------------------------------


def test_results_live_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.setenv("INFOVAE_RESULTS", str(tmp_path))
    assert default_root("cpu") == default_root("paper") == tmp_path
    assert default_root("smoke") == tmp_path / "smoke"


@pytest.mark.parametrize("value", [None, ""])
def test_results_live_in_the_checkout_by_default(monkeypatch, value):
    monkeypatch.delenv("INFOVAE_RESULTS", raising=False)
    if value is not None:
        monkeypatch.setenv("INFOVAE_RESULTS", value)
    checkout = Path(store.__file__).parents[2]
    assert default_root("cpu") == checkout / "notebooks" / "results"
    assert default_root("smoke") == checkout / "notebooks" / "results" / "smoke"
