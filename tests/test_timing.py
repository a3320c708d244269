"""Timing in turns: every run as often as the others, and stored beside what is known."""

import itertools
from dataclasses import replace

import pytest

from infovae_core import data
from infovae_core.study import timing
from infovae_core.study.grid import run_grid
from infovae_core.study.store import Store, StoreError, require_timed
from infovae_core.study.timing import step_seconds, time_grid
from tests.runs import small_run

RUNS = [small_run(), small_run("recon_ae"), small_run("infovae_chi2")]


def test_runs_take_turns_and_the_first_turn_is_not_counted(monkeypatch):
    clock, order = itertools.count(), []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock) ** 2)

    class Recorder:
        def __init__(self, runs, device):
            (self.run,) = runs

        def step(self, x):
            order.append((self.run.model, x.shape[1]))

    monkeypatch.setattr(timing, "Trainer", Recorder)
    x = data.load("digits").train.images[:16]
    runs = [replace(run, steps=steps) for run, steps in zip(RUNS, (100, 30, 4), strict=True)]
    made = (5, 3, 1)  # At most a tenth of the run's own.
    found = step_seconds(runs, [x] * 3, repetitions=2, steps=5)
    turn = [(run.model, 16) for run, n in zip(runs, made, strict=True) for _ in range(n)]
    assert order == 3 * turn
    # The clock reads 0, 1, 4, 9, …, once a run in the first turn and twice in those that count.
    assert found == [
        [(7 + 4 * (i + 3 * turn)) / n for turn in range(2)] for i, n in enumerate(made)
    ]


@pytest.fixture
def stored(tmp_path):
    store = Store(tmp_path)
    run_grid(RUNS[:2], store, progress=False)
    return store


def test_what_is_timed_is_stored_beside_the_metrics_and_nothing_else_moves(stored, monkeypatch):
    before = {run: stored.load(run) for run in RUNS[:2]}
    monkeypatch.setattr(timing, "step_seconds", lambda *_: [[0.2, 0.1, 0.4], [3.0, 1.0, 2.0]])
    assert time_grid(RUNS, stored) == RUNS[:2]
    assert RUNS[2] not in stored
    for run, (low, median, high) in zip(RUNS, [(0.1, 0.2, 0.4), (1.0, 2.0, 3.0)], strict=False):
        result = stored.load(run)
        assert result.metrics == before[run].metrics | {
            "timed_seconds": pytest.approx(median * run.steps),
            "timed_low": pytest.approx(low * run.steps),
            "timed_high": pytest.approx(high * run.steps),
        }
        assert result.provenance.keys() - before[run].provenance.keys() == {"timed"}
        assert result.provenance["timed"]["device"]
        for name, values in before[run].arrays.items():
            assert (result.arrays[name] == values).all()


def test_a_true_step_takes_time(stored):
    time_grid(RUNS[:1], stored)
    metrics = stored.load(RUNS[0]).metrics
    assert 0 < metrics["timed_low"] <= metrics["timed_seconds"] <= metrics["timed_high"]


def test_all_are_timed_anew_where_one_lacks_its_time_and_only_then(stored):
    assert time_grid(RUNS[:1], stored) == RUNS[:1]
    assert time_grid(RUNS[:1], stored) == []
    first = stored.load(RUNS[0]).metrics["timed_seconds"]
    assert time_grid(RUNS[:2], stored) == RUNS[:2]
    assert stored.load(RUNS[0]).metrics["timed_seconds"] != first
    assert time_grid(RUNS[:2], stored, again=True) == RUNS[:2]


def test_results_that_were_not_timed_are_refused_with_the_command(stored):
    time_grid(RUNS[:1], stored)
    results = stored.require(RUNS[:2], "")
    require_timed({RUNS[0]: results[RUNS[0]]}, "a command")
    with pytest.raises(StoreError, match=r"(?s)1 of 2 .*first: recon_ae-z2.*with:.*a command"):
        require_timed(results, "a command")


def test_nothing_stored_is_nothing_timed(tmp_path):
    assert time_grid(RUNS, Store(tmp_path)) == []
