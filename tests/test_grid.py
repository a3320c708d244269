"""A grid: what is stored is not trained again, and each run is kept as soon as it is measured."""

import json
import math
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from infovae_core import data, devices
from infovae_core.devices import DeviceError
from infovae_core.loop import fit
from infovae_core.objectives import Terms
from infovae_core.run import Run
from infovae_core.schedules import Schedule
from infovae_core.step import Trainer
from infovae_core.study import cluster, grid
from infovae_core.study import provenance as made
from infovae_core.study.experiments import experiment2
from infovae_core.study.grid import run_grid, stacks
from infovae_core.study.store import Result, SetAside, Store, StoreError
from tests.runs import flat_split, small_run

RUNS = experiment2("smoke", latent_dims=(2, 5))
# Evaluated at 0, 10, 20 and 25; its curve has one whole group of twenty steps.
REAL = small_run(steps=25, eval_every=10)


@pytest.fixture
def kept(tmp_path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture
def trained(monkeypatch) -> list[Run]:
    """Training that is only noted."""
    calls = []

    def train_stack(runs, split, progress):
        outcomes = []
        for run in runs:
            calls.append(run)
            progress(run.steps // 10 * 10)
            result = Result("done", {"level": float(len(calls))}, {}, {})
            outcomes.append((result, SimpleNamespace(state_dict=lambda: {"w": torch.ones(2)})))
        return outcomes

    monkeypatch.setattr(grid, "train_stack", train_stack)
    return calls


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Store:
    """A store with one run that was truly trained."""
    kept = Store(tmp_path_factory.mktemp("results"))
    assert run_grid([REAL], kept, progress=False) == [REAL]
    return kept


# Which runs are trained ---------------------------------------------------------------------------


def test_every_run_is_trained_once_and_stored(kept, trained):
    assert run_grid(RUNS, kept, progress=False) == RUNS == trained
    assert all(run in kept for run in RUNS)
    assert all(kept.load_weights(run) is not None for run in RUNS)
    assert [kept.load(run).metrics["level"] for run in RUNS] == list(range(1, 15))
    assert run_grid(RUNS, kept, progress=False) == []
    assert len(trained) == 14


def test_a_new_dimension_trains_only_its_own_runs(kept, trained):
    run_grid(RUNS, kept, progress=False)
    trained.clear()
    more = experiment2("smoke", latent_dims=(2, 5, 7))
    new = run_grid(more, kept, progress=False)
    assert new == trained == [run for run in more if run.latent_dim == 7]
    assert len(new) == 7


def test_a_finished_grid_touches_neither_disk_nor_data(kept, trained, monkeypatch):
    run_grid(RUNS, kept, progress=False)
    monkeypatch.setattr(Store, "write", None)
    monkeypatch.setattr(data, "load", None)
    assert run_grid(RUNS, kept, progress=False) == []


def test_a_damaged_result_is_trained_again_and_no_other(kept, trained):
    run_grid(RUNS[:3], kept, progress=False)
    kept.path(RUNS[1]).write_text("{")
    trained.clear()
    with pytest.warns(SetAside, match="is damaged"):
        assert run_grid(RUNS[:3], kept, progress=False) == [RUNS[1]]
    assert trained == [RUNS[1]]
    assert all(run in kept for run in RUNS[:3])


def test_an_interrupt_keeps_what_is_finished_and_the_next_call_goes_on(kept, trained, monkeypatch):
    train_stack = grid.train_stack

    def interrupted(runs, split, progress):
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train_stack(runs, split, progress)

    with monkeypatch.context() as patch:
        patch.setattr(grid, "train_stack", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_grid(RUNS, kept, progress=False)
    assert [run in kept for run in RUNS] == [True] * 2 + [False] * 12
    assert run_grid(RUNS, kept, progress=False) == RUNS[2:]
    assert trained == RUNS


def test_what_another_process_stored_meanwhile_is_left_to_it(kept, trained, monkeypatch):
    train_stack = grid.train_stack

    def beside(runs, split, progress):
        kept.save(RUNS[1], Result("done", {"theirs": 1.0}, {}))
        return train_stack(runs, split, progress)

    monkeypatch.setattr(grid, "train_stack", beside)
    assert run_grid(RUNS[:3], kept, progress=False) == [RUNS[0], RUNS[2]]
    assert kept.load(RUNS[1]).metrics == {"theirs": 1.0}


def test_a_store_that_cannot_be_written_is_refused_before_training(tmp_path, trained):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(StoreError, match="cannot write"):
        run_grid(RUNS, Store(tmp_path / "results"), progress=False)
    assert trained == []


def test_each_data_set_is_loaded_once(kept, trained, tmp_path, monkeypatch):
    loaded = []

    def load(name, root, pixels):
        loaded.append((name, root, pixels))
        return flat_split(3, 1.0, pixels)

    monkeypatch.setattr(data, "load", load)
    runs = [small_run(pixels=p, seed=s) for s in (0, 1) for p in ("binary", "grey")]
    for seeds in (runs[:2], runs):
        run_grid(seeds, kept, "cpu", tmp_path, progress=False)
    assert loaded == [("digits", tmp_path, p) for p in ("binary", "grey")]


def test_each_stack_trains_on_its_own_data(kept, monkeypatch):
    seen = []

    def train_stack(runs, split, progress):
        seen.append(([run.pixels for run in runs], split.pixels, split.train.images.device))
        return [(Result("done", {}, {}), SimpleNamespace(state_dict=dict)) for _ in runs]

    monkeypatch.setattr(grid, "train_stack", train_stack)
    runs = [small_run(pixels=p, seed=s) for s in (0, 1) for p in ("binary", "grey")]
    run_grid(runs, kept, stack=2, progress=False)
    cpu = torch.device("cpu")
    assert seen == [([p] * 2, p, cpu) for p in ("binary", "grey")]


def test_the_bar_ends_full_and_says_where_it_is(kept, trained, monkeypatch):
    bars = []

    class Bar(grid.tqdm):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.said = []
            bars.append(self)

        def set_description(self, text):
            self.said.append(text)

    def beside(job, split, progress, train_stack=grid.train_stack):
        kept.save(runs[2], Result("done", {}, {}))
        return train_stack(job, split, progress)

    monkeypatch.setattr(grid, "tqdm", Bar)
    monkeypatch.setattr(grid, "train_stack", beside)
    runs = [small_run(seed=seed, steps=25) for seed in range(3)]
    run_grid(runs, kept)
    (bar,) = bars
    assert (bar.total, bar.n) == (75, 75)
    # Before each job and after it; the last one is left to its process.
    assert bar.said == [
        *(f"{done}/3 runs, infovae_mmd z=2" for done in (0, 1, 1, 2, 2, 2)),
        "3/3 runs",
    ]


def test_progress_is_shown_only_if_asked_for(kept, trained, capsys):
    run_grid(RUNS[:1], kept, progress=False)
    assert capsys.readouterr() == ("", "")
    run_grid(RUNS[1:2], kept)
    assert "1/1 runs" in capsys.readouterr().err


# Stacks -------------------------------------------------------------------------------------------


@pytest.fixture
def jobs(trained, monkeypatch) -> list[list[Run]]:
    """The stacks that were trained."""
    seen = []

    def train_stack(runs, split, progress, train_stack=grid.train_stack):
        seen.append(list(runs))
        return train_stack(runs, split, progress)

    monkeypatch.setattr(grid, "train_stack", train_stack)
    return seen


def test_runs_that_differ_in_objective_d_seed_or_schedule_alone_are_stacked():
    alike = [
        small_run(),
        small_run(seed=1),
        small_run(objective=replace(small_run().objective, lam=7)),
        small_run(objective=replace(small_run().objective, alpha=0.5)),
        small_run(schedule=Schedule("linear_annealing")),
        small_run("infovae_cramer"),
        small_run(latent_dim=3),
    ]
    for other in (
        small_run("bn_vae"),
        small_run(steps=5),
        small_run(batch_size=17),
        small_run(pixels="grey"),
        small_run(precision="bf16"),
        small_run(learning_rate=2e-4),
        small_run(masked_channels=8),
        small_run(eval_every=3),
    ):
        assert stacks([*alike[:2], other, *alike[2:]], 99) == [alike, [other]]


def test_stacks_keep_the_order_of_their_first_runs_and_hold_no_more_than_asked():
    a, b, c, d, e = (small_run(seed=seed) for seed in range(5))
    v, w = (small_run(seed=seed, batch_size=8) for seed in range(2))
    runs = [a, v, b, c, w, d, e]
    assert stacks(runs, 2) == [[a, b], [v, w], [c, d], [e]]
    assert stacks(runs, 4) == [[a, b, c, d], [v, w], [e]]
    assert stacks(runs, 1) == [[run] for run in runs]
    assert stacks([], 2) == []


def test_in_a_stack_runs_of_one_kind_are_neighbours():
    a, b, c = (small_run(seed=seed) for seed in range(3))
    v, w = (small_run(seed=seed, latent_dim=3) for seed in range(2))
    runs = [a, v, b, w, c]
    assert stacks(runs, 5) == [[a, b, c, v, w]]
    assert stacks(runs, 3) == [[a, b, c], [v, w]]
    assert stacks(runs, 1) == [[run] for run in runs]


@pytest.mark.parametrize("most", [0, -3])
def test_a_stack_of_no_run_is_refused(kept, trained, most):
    with pytest.raises(ValueError, match=f"a stack holds at least 1 run, got {most}"):
        stacks(RUNS, most)
    with pytest.raises(ValueError, match=f"at least 1 run, got {most}"):
        run_grid(RUNS, kept, stack=most, progress=False)
    assert trained == []


def test_a_grid_trains_stack_by_stack_and_stores_each_run(kept, jobs):
    runs = experiment2("smoke", latent_dims=[2], seeds=[0, 1, 2])
    run_grid(runs, kept, stack=2, progress=False)
    assert jobs == stacks(runs, 2)
    assert [len(job) for job in jobs] == [2] * 10 + [1]
    assert all(run in kept for run in runs)
    assert all(kept.load_weights(run) is not None for run in runs)


def test_stacks_are_made_of_what_is_missing(kept, jobs):
    runs = [small_run(seed=seed) for seed in range(5)]
    kept.save(runs[1], Result("done", {}, {}))
    assert run_grid(runs, kept, stack=2, progress=False) == [runs[0], *runs[2:]]
    assert jobs == [[runs[0], runs[2]], [runs[3], runs[4]]]


def test_without_a_number_a_stack_is_one_run_on_a_cpu_and_many_on_a_gpu(kept, jobs, monkeypatch):
    runs = [small_run(seed=seed) for seed in range(grid.STACK + 1)]
    run_grid(runs[:3], kept, "cpu", progress=False)
    assert jobs == [[run] for run in runs[:3]]
    # A GPU that is not needed, as training is only noted.
    monkeypatch.setattr(devices, "resolve", lambda name: torch.device("cpu"))
    jobs.clear()
    run_grid(runs, Store(kept.root / "gpu"), "cuda", progress=False)
    assert jobs == [runs[: grid.STACK], runs[grid.STACK :]]


def test_within_a_stack_too_a_run_stored_meanwhile_is_left_to_its_process(
    kept, jobs, trained, monkeypatch
):
    runs = [small_run(seed=seed) for seed in range(6)]

    def beside(job, split, progress, train_stack=grid.train_stack):
        for run in (runs[3], runs[4], runs[5]):
            kept.save(run, Result("done", {"theirs": 1.0}, {}))
        return train_stack(job, split, progress)

    monkeypatch.setattr(grid, "train_stack", beside)
    assert run_grid(runs, kept, stack=2, progress=False) == runs[:3] == trained
    assert jobs == [[runs[0], runs[1]], [runs[2]]]
    assert [kept.load(run).metrics for run in runs[3:]] == [{"theirs": 1.0}] * 3


def test_a_run_that_is_asked_for_twice_is_trained_once(kept, trained):
    runs = [small_run(), small_run(seed=1), small_run()]
    assert run_grid(runs, kept, stack=3, progress=False) == runs[:2] == trained


def test_a_true_stack_stores_each_run_with_its_own_figures(kept, tmp_path):
    runs = [small_run(seed=seed) for seed in range(3)]
    run_grid(runs, kept, stack=3, progress=False)
    alone = Store(tmp_path / "alone")
    run_grid(runs, alone, stack=1, progress=False)
    for run in runs:
        stacked, single = kept.load(run), alone.load(run)
        assert stacked.provenance["stack"] == 3
        assert "stack" not in single.provenance
        for name in ("val_mmd", "test_bce", "code_std"):
            assert stacked.metrics[name] == pytest.approx(single.metrics[name], rel=1e-4), name
        np.testing.assert_allclose(
            stacked.arrays["eval_val_mmd"], single.arrays["eval_val_mmd"], rtol=1e-4
        )
        weights = alone.load_weights(run)
        assert kept.load_weights(run).keys() == weights.keys()
        for name, tensor in kept.load_weights(run).items():
            torch.testing.assert_close(tensor, weights[name], rtol=1e-3, atol=1e-5)


# Elsewhere ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"workers": 2}, (2, None)), ({"scheduler": "tcp://a:1"}, (0, "tcp://a:1"))],
)
def test_workers_and_scheduler_reach_the_cluster(kept, monkeypatch, options, expected):
    asked = []

    def distribute(work, jobs, load, device, workers, scheduler):
        asked.append((work, jobs, device, workers, scheduler))
        assert load("digits", "grey") is grid.load_once("digits", None, "grey")
        yield jobs[0], [(jobs[0][0], Result("done", {}, {}), {"w": torch.ones(2)})]

    monkeypatch.setattr(cluster, "distribute", distribute)
    assert run_grid([REAL], kept, progress=False, **options) == [REAL]
    assert asked == [(grid.train_job, [[REAL]], torch.device("cpu"), *expected)]
    assert REAL in kept


def test_a_cluster_is_left_at_once_where_a_result_cannot_be_stored(kept, monkeypatch):
    left = []

    def distribute(work, jobs, load, device, workers, scheduler):
        try:
            for job in jobs:
                yield job, [(run, Result("done", {}, {}), {}) for run in job]
        finally:
            left.append(True)

    def full(store, run, result):
        raise StoreError("no space")

    monkeypatch.setattr(cluster, "distribute", distribute)
    monkeypatch.setattr(Store, "save", full)
    with pytest.raises(StoreError, match="no space"):
        run_grid(RUNS, kept, workers=2, progress=False)
    assert left == [True]


def test_a_device_that_is_not_there_is_refused_where_it_is_to_train(kept, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(DeviceError, match="'cuda' was asked for"):
        run_grid([REAL], kept, "cuda", progress=False)
    assert REAL not in kept


# A true run ---------------------------------------------------------------------------------------


def test_a_true_run_is_stored_with_its_figures(real):
    result = real.load(REAL)
    assert result.status == "done"
    assert result.metrics.keys() >= {"val_mmd", "svm_error", "test_bce", "code_std"}
    assert result.metrics["diverged_at"] is None
    assert result.metrics["train_seconds"] > 0
    assert result.metrics["steps_per_second"] == pytest.approx(25 / result.metrics["train_seconds"])
    assert result.arrays.keys() == {
        "curve",
        "eval_step",
        "eval_val_mmd2",
        "eval_val_mmd",
        "eval_norm_ratio",
        "eval_alpha",
        "eval_lam",
        "originals",
        "reconstructions",
        "samples",
        "codes",
        "code_labels",
    }
    assert result.arrays["eval_step"].tolist() == [0, 10, 20, 25]
    assert result.arrays["eval_val_mmd"][-1] == pytest.approx(result.metrics["val_mmd"], rel=1e-9)


def test_the_stored_curve_is_means_of_twenty_steps(real):
    curve = fit(REAL, data.load("digits")).curve.numpy()
    stored = real.load(REAL).arrays["curve"]
    assert stored.shape == (1, 5)
    np.testing.assert_allclose(stored[0], curve[:20].mean(0), rtol=1e-5, atol=1e-6)


def test_steps_to_target_is_read_from_the_evaluations(monkeypatch):
    monkeypatch.setattr(grid, "TARGET_MMD", math.inf)
    split = data.load("digits")
    run = small_run(steps=2)
    assert grid.train(run, split)[0].metrics["steps_to_target"] == 0
    monkeypatch.setattr(grid, "TARGET_MMD", -math.inf)
    assert grid.train(run, split)[0].metrics["steps_to_target"] is None


def test_a_run_shorter_than_a_curves_point_is_stored(kept):
    run = small_run(steps=2)
    run_grid([run], kept, progress=False)
    assert kept.load(run).arrays["curve"].shape == (0, 5)


def test_a_run_that_diverges_is_stored_and_the_grid_goes_on(kept):
    broken = small_run(learning_rate=1e30)
    assert run_grid([broken, small_run()], kept, progress=False) == [broken, small_run()]
    result = kept.load(broken)
    assert result.status == "diverged"
    assert result.metrics["diverged_at"] == 2
    assert "val_mmd" not in result.metrics
    assert result.arrays["curve"].shape == (0, 5)
    assert result.arrays["eval_step"].tolist() == [0]
    assert kept.load(small_run()).status == "done"
    assert run_grid([broken], kept, progress=False) == []


def test_a_model_broken_by_its_last_update_counts_as_diverged(kept):
    broken = small_run(learning_rate=1e30, steps=1)
    assert run_grid([broken, small_run()], kept, progress=False) == [broken, small_run()]
    result = kept.load(broken)
    assert (result.status, result.metrics["diverged_at"]) == ("diverged", 1)


def test_measuring_from_the_weights_gives_the_same_metrics(real):
    before = real.load(REAL)
    assert grid.measure([REAL], real) == [REAL]
    after = real.load(REAL)
    assert after.metrics == before.metrics
    assert after.arrays.keys() == before.arrays.keys()
    for name, array in before.arrays.items():
        assert np.array_equal(after.arrays[name], array), name
    measured = after.provenance.pop("measured")
    assert after.provenance == {k: v for k, v in before.provenance.items() if k != "measured"}
    assert measured["commit"] == made.commit()


def test_measuring_replaces_metrics_and_keeps_training_figures(real, tmp_path):
    kept = Store(tmp_path)
    result = real.load(REAL)
    sound = result.metrics["val_mmd"]
    result.metrics |= {"val_mmd": -1.0, "train_seconds": 12.5, "old": 1.0}
    kept.save(REAL, result)
    kept.save_weights(REAL, real.load_weights(REAL))
    grid.measure([REAL], kept)
    metrics = kept.load(REAL).metrics
    assert (metrics["val_mmd"], metrics["train_seconds"], metrics["old"]) == (sound, 12.5, 1.0)


def test_only_sound_runs_with_weights_are_measured(kept, monkeypatch):
    measured = []

    class Measured:
        def __init__(self, run, split):
            measured.append(run)

        def measure(self, model):
            return {"new": 1.0}

        def pictures(self, model):
            return {}

    monkeypatch.setattr(grid, "Evaluation", Measured)
    names = ("missing", "bare", "diverged", "a", "b")
    runs = {name: small_run(seed=seed) for seed, name in enumerate(names)}
    for name, run in runs.items():
        if name != "missing":
            status = "diverged" if name == "diverged" else "done"
            kept.save(run, Result(status, {"old": 1.0}, {}))
        if name != "bare":
            model = Trainer([run], torch.device("cpu")).model
            kept.save_weights(run, model.state_dict())
    expected = [runs["a"], runs["b"]]
    assert grid.measure(list(runs.values()), kept) == measured == expected
    assert kept.load(runs["b"]).metrics == {"old": 1.0, "new": 1.0}
    assert kept.load(runs["bare"]).metrics == {"old": 1.0}


def test_denormals_are_flushed_while_training_and_only_then(monkeypatch):
    if not torch.set_flush_denormal(False):
        pytest.skip("this CPU cannot flush denormals")
    tiny = torch.full((16,), 1e-310, dtype=torch.float64)
    assert (tiny * 1).count_nonzero() == 16
    with grid.flush_denormals():
        assert (tiny * 1).count_nonzero() == 0
    assert (tiny * 1).count_nonzero() == 16
    with pytest.raises(ZeroDivisionError), grid.flush_denormals():
        raise ZeroDivisionError
    assert (tiny * 1).count_nonzero() == 16


def test_training_flushes_denormals(monkeypatch):
    if not torch.set_flush_denormal(False):
        pytest.skip("this CPU cannot flush denormals")
    seen = []
    tiny = torch.full((16,), 1e-310, dtype=torch.float64)

    def step(trainer, x):
        seen.append(int((tiny * 1).count_nonzero()))
        return Terms(*[torch.tensor(math.nan)] * 5)

    monkeypatch.setattr(Trainer, "step", step)
    grid.train(small_run(steps=1), data.load("digits"))
    assert seen == [0]


# Provenance ---------------------------------------------------------------------------------------


def test_provenance_says_what_a_result_was_made_with(real):
    provenance = real.load(REAL).provenance
    expected = {"device", "torch", "python", "commit", "finished", "seconds"}
    assert provenance.keys() - {"measured"} == expected
    assert provenance["torch"] == torch.__version__
    assert re.fullmatch(r"3\.\d+\.\d+\S*", provenance["python"])
    assert provenance["commit"] == made.commit()
    assert provenance["seconds"] >= 0
    finished = datetime.fromisoformat(provenance["finished"])
    assert finished.tzinfo == UTC
    assert json.loads(json.dumps(provenance)) == provenance


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_commit_is_marked_where_tracked_files_of_the_package_differ(tmp_path, monkeypatch):
    package = tmp_path / "package"
    (package / "study").mkdir(parents=True)
    (package / "study" / "provenance.py").write_text("1")
    (package / "core.py").write_text("1")
    (tmp_path / "README").write_text("1")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    monkeypatch.setattr(made, "__file__", str(package / "study" / "provenance.py"))
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert made.commit() == commit
    (tmp_path / "README").write_text("2")
    (package / "untracked").write_text("1")
    assert made.commit() == commit
    (package / "core.py").write_text("2")  # Another room of the same house.
    assert made.commit() == commit + "+"
    git(tmp_path, "add", "package/core.py")
    assert made.commit() == commit + "+"


def test_outside_a_checkout_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(made, "__file__", str(tmp_path / "study" / "provenance.py"))
    assert made.commit() == "unknown"


def test_without_git_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert made.commit() == "unknown"


def test_seeds_differ_in_what_is_stored(real, kept):
    other = replace(REAL, seed=1)
    run_grid([other], kept, progress=False)
    assert kept.load(other).metrics["val_mmd"] != real.load(REAL).metrics["val_mmd"]


def test_the_data_move_to_a_device_once(monkeypatch):
    moved = []
    to = data.Split.to
    monkeypatch.setattr(
        data.Split, "to", lambda self, device: moved.append(device) or to(self, device)
    )
    split = data.load("digits")
    first, second = (grid.on_device(split, torch.device("meta")) for _ in range(2))
    assert first is second
    assert first.train.images.device.type == "meta"
    assert len(moved) == 1
