"""Grids on Dask workers: true schedulers and true worker processes, all on this machine."""

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import dask
import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster
from threadpoolctl import threadpool_limits

from infovae_core import data
from infovae_core.run import Run
from infovae_core.study import cluster, grid
from infovae_core.study.cluster import ANY_PORT, ClusterError, connect
from infovae_core.study.experiments import experiment2
from infovae_core.study.grid import run_grid, train_job
from infovae_core.study.store import Store
from tests.runs import small_run

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")
# With a critic and without; the last two can share a stack.
MODELS = ("infovae_mmd", "infovae_chi2", "recon_ae", "vae")
RUNS = [run for run in experiment2("smoke", latent_dims=[2]) if run.model in MODELS]
SEEDS = [small_run(seed=seed) for seed in range(6)]
# What differs between two trainings of one run.
CLOCKS = {"train_seconds", "steps_per_second", "evaluation_seconds"}
WHEN = {"finished", "seconds"}
# A worker has one thread, unless one of these says otherwise.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# Only a guard: nothing that works takes as long.
LONG = 120


def until(there: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


@contextmanager
def dask_process(*arguments: str | Path, folder: Path) -> Iterator[subprocess.Popen]:
    """`dask …` as a process that knows neither data nor results; ended with all its children."""
    known = {k: v for k, v in os.environ.items() if not k.startswith(("INFOVAE_", *THREADS))}
    with (
        (folder / f"{arguments[0]}.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "dask", *map(str, arguments)],
            cwd=folder,
            env=known | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"},
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait(LONG)


@contextmanager
def cluster_by_hand(folder: Path, workers: int) -> Iterator[str]:
    """A scheduler's address, once its workers are there."""
    file = folder / "scheduler.json"
    listen = ("--host", "127.0.0.1", "--port", "0", "--dashboard-address", ANY_PORT)
    options = ("--nworkers", str(workers), "--nthreads", "1", "--no-dashboard")
    with dask_process("scheduler", *listen, "--scheduler-file", file, folder=folder):
        until(file.exists)
        address = json.loads(file.read_text())["address"]
        with dask_process("worker", address, *options, "--local-directory", folder, folder=folder):
            with Client(address) as client:
                client.wait_for_workers(workers, timeout=LONG)
            yield address


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """Of a scheduler with two workers."""
    with cluster_by_hand(tmp_path_factory.mktemp("cluster"), 2) as address:
        yield address


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Store:
    """What this process makes of the runs, with one thread as workers have."""
    kept = Store(tmp_path_factory.mktemp("here"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            run_grid(RUNS, kept, stack=2, progress=False)
    finally:
        torch.set_num_threads(threads)
    return kept


@pytest.fixture(autouse=True)
def one_thread(monkeypatch) -> None:
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def kept(tmp_path) -> Store:
    return Store(tmp_path / "results")


def assert_equal(kept: Store, reference: Store) -> None:
    """The same bits, but for what a clock says."""
    for run in RUNS:
        one, other = kept.load(run), reference.load(run)
        assert one.status == other.status == "done"
        assert one.metrics.keys() == other.metrics.keys() >= CLOCKS
        for name in one.metrics.keys() - CLOCKS:
            assert one.metrics[name] == other.metrics[name], (run.name, name)
        assert one.arrays.keys() == other.arrays.keys()
        for name, array in one.arrays.items():
            assert np.array_equal(array, other.arrays[name]), (run.name, name)
        assert one.provenance.keys() == other.provenance.keys() >= WHEN
        for name in one.provenance.keys() - WHEN:
            assert one.provenance[name] == other.provenance[name], (run.name, name)
        weights, expected = kept.load_weights(run), reference.load_weights(run)
        assert weights.keys() == expected.keys()
        assert all(torch.equal(weights[name], expected[name]) for name in weights)


# What is done -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("way", ["workers", "scheduler"])
def test_workers_give_the_bits_that_this_process_gives(kept, here, request, way):
    found = 2 if way == "workers" else request.getfixturevalue("address")
    elsewhere = {way: found}
    trained = run_grid(RUNS, kept, stack=2, progress=False, **elsewhere)
    assert sorted(run.name for run in trained) == sorted(run.name for run in RUNS)
    assert_equal(kept, here)
    assert kept.load(RUNS[0]).provenance["device"].endswith(", 1 thread")
    assert run_grid(RUNS, kept, progress=False, **elsewhere) == []


@pytest.mark.parametrize("workers", [1, 3])
def test_as_many_workers_are_made_as_asked_for_with_one_thread_each(workers):
    with connect(workers) as client:
        client.wait_for_workers(workers, timeout=LONG)
        assert list(client.nthreads().values()) == [1] * workers
        found = set(client.run(os.getpid).values())
        assert len(found) == workers
        assert os.getpid() not in found
    assert client.status == "closed"


def die_once(marker: Path, runs: list[Run], split: data.Split, device: torch.device):
    """Training that is killed after ten steps, the first time."""

    def progress(steps: int) -> None:
        try:
            with marker.open("x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    return train_job(runs, split, device, progress)


def test_workers_leave_ctrl_c_to_the_coordinator():
    with connect(workers=1) as client:
        (worker,) = client.run(os.getpid).values()
        os.kill(worker, signal.SIGINT)
        time.sleep(0.5)  # Else the answer might come before the end.
        assert client.submit(os.getpid, pure=False).result(LONG) == worker


@pytest.mark.slow
def test_a_worker_killed_while_it_trains_is_replaced_and_its_runs_are_trained_again(
    kept, here, tmp_path, monkeypatch
):
    # The only worker, and with it every copy of the data but the scheduler's.
    marker = tmp_path / "killed"
    monkeypatch.setattr(grid, "train_job", functools.partial(die_once, marker))
    trained = run_grid(RUNS, kept, stack=2, progress=False, workers=1)
    assert int(marker.read_text()) != os.getpid()
    assert sorted(run.name for run in trained) == sorted(run.name for run in RUNS)
    assert_equal(kept, here)


# Who knows what -----------------------------------------------------------------------------------


def note(folder: Path, runs: list[Run], split: data.Split, device: torch.device):
    """Training, and a note of the process, of its data, and of what it touched in the folder."""
    touched = []

    def hook(event: str, arguments: tuple) -> None:
        texts = [os.fsdecode(one) for one in arguments if isinstance(one, str | bytes)]
        touched.extend((event, text) for text in texts if str(folder) in text)

    sys.addaudithook(hook)
    notes = folder / "notes"
    notes.mkdir(exist_ok=True)
    outcomes = train_job(runs, split, device)
    found = {
        "pid": os.getpid(),
        "split": id(split),
        "loads": grid.load_once.cache_info().misses,
        "environment": [name for name in os.environ if name.startswith("INFOVAE_")],
        "touched": touched,
    }
    (notes / f"{uuid4().hex}.json").write_text(json.dumps(found))
    return outcomes


@pytest.fixture
def noted(kept, address, tmp_path, monkeypatch) -> list[dict]:
    """What workers noted of six jobs, and the process of each write to the store."""
    writes = []

    def write(store: Store, path: Path, content: bytes, write=Store.write) -> None:
        writes.append(path.name)
        write(store, path, content)

    monkeypatch.setenv("INFOVAE_DATA", "/nowhere")
    monkeypatch.setattr(Store, "write", write)
    monkeypatch.setattr(grid, "train_job", functools.partial(note, tmp_path))
    run_grid(SEEDS, kept, progress=False, scheduler=address)
    # All that is stored was written here: arrays, JSON and weights of each, and one trial.
    assert len(writes) == 3 * len(SEEDS) + 1
    assert set(writes) >= {path.name for path in kept.root.rglob("*") if path.is_file()}
    return [json.loads(path.read_text()) for path in (tmp_path / "notes").iterdir()]


def test_the_coordinator_alone_touches_the_store(kept, noted):
    assert len(noted) == 6
    assert all(run in kept for run in SEEDS)
    for one in noted:
        assert one["pid"] != os.getpid()
        # The hook does see what happens near the store, and nothing happens in it.
        assert one["touched"]
        assert not [path for _, path in one["touched"] if str(kept.root) in path]


def test_a_worker_gets_the_data_once_and_loads_none(noted):
    splits = defaultdict(set)
    for one in noted:
        splits[one["pid"]].add(one["split"])
        assert one["loads"] == 0
        assert one["environment"] == []
    assert len(splits) <= 2 < len(noted)  # so that one worker did several jobs
    assert all(len(ids) == 1 for ids in splits.values())


def test_the_coordinator_loads_each_kind_of_data_once_and_leaves_none_with_the_workers(
    kept, address, monkeypatch
):
    loaded = []

    def load(name, root, pixels):
        loaded.append(pixels)
        return data.load(name, root, pixels=pixels)

    monkeypatch.setattr(grid, "load_once", load)
    runs = [small_run(pixels=pixels, seed=seed) for seed in (0, 1) for pixels in ("binary", "grey")]
    run_grid(runs, kept, progress=False, scheduler=address)
    assert sorted(loaded) == ["binary", "grey"]
    for run in runs:
        extreme = np.isin(kept.load(run).arrays["originals"], (0, 255))
        assert extreme.all() == (run.pixels == "binary")
    with Client(address) as client:
        held = client.run(lambda dask_worker: list(dask_worker.plugins))
    assert len(held) == 2
    assert not [name for names in held.values() for name in names if name.startswith("data-")]


# Failures -----------------------------------------------------------------------------------------


def test_a_failed_job_is_named_once_all_others_are_stored(kept, address):
    broken = small_run(batch_size=5000)
    with pytest.raises(ClusterError) as failure:
        run_grid([broken, *SEEDS], kept, progress=False, scheduler=address)
    first, second = str(failure.value).splitlines()
    assert first == "1 of 7 jobs failed, the others are stored; the first:"
    assert second.startswith(f"  {broken.name}: ValueError: a minibatch takes 5000 images")
    assert [run in kept for run in [broken, *SEEDS]] == [False] + [True] * 6


def test_each_run_of_a_failed_stack_is_named_and_the_message_stays_short(address, monkeypatch):
    monkeypatch.setattr(cluster, "SHOWN", 2)
    jobs = [[small_run(batch_size=5000, seed=s), small_run(seed=s)] for s in range(3)]
    load = functools.partial(data.load, pixels="binary")
    with pytest.raises(ClusterError, match=r"^3 of 3 jobs failed") as failure:
        list(
            cluster.distribute(train_job, jobs, lambda name, _: load(name), CPU, scheduler=address)
        )
    _, *lines = str(failure.value).splitlines()
    assert len(lines) == 2
    for line in lines:
        assert any(f"{a.name}, {b.name}: ValueError: runs of one stack" in line for a, b in jobs)


def test_a_scheduler_that_is_lost_ends_the_grid_in_words_and_keeps_what_is_stored(
    kept, monkeypatch
):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with (
        dask.config.set({"distributed.comm.timeouts.connect": 1}),
        LocalCluster(
            n_workers=1, processes=False, threads_per_worker=1, dashboard_address=ANY_PORT
        ) as local,
    ):

        def save(store: Store, run: Run, result, save=Store.save) -> None:
            save(store, run, result)
            local.sync(local.scheduler.close)

        monkeypatch.setattr(Store, "save", save)
        with pytest.raises(ClusterError, match=r"(?s)to the scheduler was lost.*goes on"):
            run_grid(SEEDS, kept, progress=False, scheduler=local.scheduler_address)
    assert sum(run in kept for run in SEEDS) == 1


@pytest.fixture
def free() -> str:
    """An address where nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{one.getsockname()[1]}"


@pytest.mark.parametrize("scheduler", [None, "nonsense", "http://127.0.0.1:8786", ""])
def test_a_scheduler_that_does_not_answer_is_refused(kept, free, monkeypatch, scheduler):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    there = free if scheduler is None else scheduler
    with pytest.raises(ClusterError, match=f"answered at {there} within 1 s .*--workers"):
        run_grid(SEEDS, kept, progress=False, scheduler=there)


def test_a_scheduler_without_workers_is_refused(monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    with LocalCluster(n_workers=0, dashboard_address=ANY_PORT) as local:
        address = local.scheduler_address
        with pytest.raises(ClusterError, match=f"no scheduler with a worker answered at {address}"):
            connect(scheduler=address).__enter__()
        assert not [one for one in local.scheduler.clients if one.startswith("Client")]


@pytest.mark.parametrize(
    ("workers", "scheduler", "complaint"),
    [
        (0, None, "either a number of workers or the address"),
        (2, "tcp://127.0.0.1:8786", "either a number of workers or the address"),
        (-1, None, "workers must be at least 1, got -1"),
        (-1, "tcp://127.0.0.1:8786", "either a number of workers or the address"),
    ],
)
def test_none_both_and_fewer_than_one_are_refused(workers, scheduler, complaint):
    with pytest.raises(ValueError, match=complaint):
        connect(workers, scheduler).__enter__()


def test_a_grid_refuses_a_number_of_workers_below_one(kept):
    with pytest.raises(ValueError, match="workers must be at least 1, got -2"):
        run_grid(SEEDS, kept, progress=False, workers=-2)
