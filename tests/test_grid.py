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

from infovae_core import data, grid, training
from infovae_core.experiments import experiment2
from infovae_core.grid import run_grid
from infovae_core.objectives import Terms
from infovae_core.run import Run
from infovae_core.store import Result, SetAside, Store, StoreError
from infovae_core.training import Trainer, fit
from tests.runs import small_run

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

    def train(run, split, progress):
        calls.append(run)
        progress(run.steps // 10 * 10)
        result = Result("done", {"level": float(len(calls))}, {}, {})
        return result, SimpleNamespace(state_dict=lambda: {"w": torch.ones(2)})

    monkeypatch.setattr(grid, "train", train)
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
    monkeypatch.setattr(Store, "_write", None)
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
    train = grid.train

    def interrupted(run, split, progress):
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train(run, split, progress)

    with monkeypatch.context() as patch:
        patch.setattr(grid, "train", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_grid(RUNS, kept, progress=False)
    assert [run in kept for run in RUNS] == [True] * 2 + [False] * 12
    assert run_grid(RUNS, kept, progress=False) == RUNS[2:]
    assert trained == RUNS


def test_what_another_process_stored_meanwhile_is_left_to_it(kept, trained, monkeypatch):
    train = grid.train

    def beside(run, split, progress):
        kept.save(RUNS[1], Result("done", {"theirs": 1.0}, {}))
        return train(run, split, progress)

    monkeypatch.setattr(grid, "train", beside)
    assert run_grid(RUNS[:3], kept, progress=False) == [RUNS[0], RUNS[2]]
    assert kept.load(RUNS[1]).metrics == {"theirs": 1.0}


def test_a_store_that_cannot_be_written_is_refused_before_training(tmp_path, trained):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(StoreError, match="cannot write"):
        run_grid(RUNS, Store(tmp_path / "results"), progress=False)
    assert trained == []


def test_each_data_set_is_loaded_once(kept, trained, monkeypatch):
    loaded = []

    def load(name, root, device, pixels):
        loaded.append((name, root, device, pixels))

    monkeypatch.setattr(data, "load", load)
    runs = [small_run(pixels=p, seed=s) for s in (0, 1) for p in ("binary", "grey")]
    run_grid(runs, kept, "cpu", "a folder", progress=False)
    cpu = torch.device("cpu")
    assert loaded == [("digits", "a folder", cpu, p) for p in ("binary", "grey")]


def test_the_bar_ends_full_and_says_where_it_is(kept, trained, monkeypatch):
    bars = []

    class Bar(grid.tqdm):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.said = []
            bars.append(self)

        def set_description(self, text):
            self.said.append(text)

    def beside(run, split, progress, train=grid.train):
        kept.save(runs[2], Result("done", {}, {}))
        return train(run, split, progress)

    monkeypatch.setattr(grid, "tqdm", Bar)
    monkeypatch.setattr(grid, "train", beside)
    runs = [small_run(seed=seed, steps=25) for seed in range(3)]
    run_grid(runs, kept)
    (bar,) = bars
    assert (bar.total, bar.n) == (75, 75)
    assert bar.said == [
        "0/3 runs, infovae_mmd z=2",
        "1/3 runs, infovae_mmd z=2",
        "2/3 runs, infovae_mmd z=2",
        "3/3 runs",
    ]


def test_progress_is_shown_only_if_asked_for(kept, trained, capsys):
    run_grid(RUNS[:1], kept, progress=False)
    assert capsys.readouterr() == ("", "")
    run_grid(RUNS[1:2], kept)
    assert "1/1 runs" in capsys.readouterr().err


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
    assert measured["commit"] == grid.commit()


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

    monkeypatch.setattr(training.Trainer, "step", step)
    grid.train(small_run(steps=1), data.load("digits"))
    assert seen == [0]


# Provenance ---------------------------------------------------------------------------------------


def test_provenance_says_what_a_result_was_made_with(real):
    provenance = real.load(REAL).provenance
    expected = {"device", "torch", "python", "commit", "finished", "seconds"}
    assert provenance.keys() - {"measured"} == expected
    assert provenance["torch"] == torch.__version__
    assert re.fullmatch(r"3\.\d+\.\d+\S*", provenance["python"])
    assert provenance["commit"] == grid.commit()
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
    package.mkdir()
    (package / "grid.py").write_text("1")
    (tmp_path / "README").write_text("1")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    monkeypatch.setattr(grid, "__file__", str(package / "grid.py"))
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert grid.commit() == commit
    (tmp_path / "README").write_text("2")
    (package / "untracked").write_text("1")
    assert grid.commit() == commit
    (package / "grid.py").write_text("2")
    assert grid.commit() == commit + "+"
    git(tmp_path, "add", "package/grid.py")
    assert grid.commit() == commit + "+"


def test_outside_a_checkout_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(grid, "__file__", str(tmp_path / "grid.py"))
    assert grid.commit() == "unknown"


def test_without_git_the_commit_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert grid.commit() == "unknown"


def test_seeds_differ_in_what_is_stored(real, kept):
    other = replace(REAL, seed=1)
    run_grid([other], kept, progress=False)
    assert kept.load(other).metrics["val_mmd"] != real.load(REAL).metrics["val_mmd"]
