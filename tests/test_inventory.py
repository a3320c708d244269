"""The table of what is stored, from a store made up for the purpose."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from infovae_core.study import experiments
from infovae_core.study.inventory import inventory, strays
from infovae_core.study.store import Result, Store


def result(commit="0" * 40, day="01", status="done", seconds=1800.0, device="a machine") -> Result:
    made = {"device": device, "torch": "2.0", "commit": commit, "seconds": seconds}
    return Result(
        status, {}, made | {"finished": f"2026-01-{day}T10:00:00+00:00"}, {"x": np.ones(2)}
    )


def rows(store: Store, *titles: str) -> pd.DataFrame:
    """The inventory's rows of experiments, of what the thesis's text says."""
    table = inventory(store).loc[list(titles)]
    return table[table["track"] == "as_written"]


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


def test_a_row_says_what_is_stored_and_what_it_comes_from(store) -> None:
    first, second, *_ = experiments.runs("experiment1")
    again = next(run for run in experiments.runs("experiment1", seeds=[0, 2]) if run.seed == 2)
    store.save(first, result())
    store.save(second, result(commit="f" * 40 + "+", day="03", status="diverged"))
    store.save(again, result(day="02", seconds=5400.0, device="another"))
    table = inventory(store)
    assert dict(table.loc["Experiment 1"]) == {
        "track": "as_written",
        "profile": "brief, cpu, paper",
        "precision": "fp32",
        "runs": "3 of 22",
        "seeds": "0, 2",
        "diverged": "1",
        "device": "a machine, another",
        "PyTorch": "2.0",
        "commits": "0000000000, ffffffffff+",
        "finished": "2026-01-01 to 2026-01-03",
        "hours": "2.50",
    }
    (second_,) = rows(store, "Experiment 2").to_dict("records")
    assert second_["runs"] == "0 of 49"  # Nothing of its seed 2 is stored.
    assert second_["device"] == ""


def test_profiles_that_differ_have_a_row_each(store) -> None:
    store.save(experiments.runs("experiment3", profile="paper")[0], result())
    found = rows(store, "Experiment 3")
    assert found["profile"].tolist() == ["brief", "paper", "cpu"]
    assert found["precision"].tolist() == ["fp32", "fp32", "bf16"]
    assert found["runs"].tolist() == ["0 of 56", "1 of 56", "0 of 56"]
    assert found["finished"].tolist() == ["", "2026-01-01", ""]


def test_another_precision_has_a_row_where_any_of_it_is_stored(store) -> None:
    assert rows(store, "Experiment 1", "Experiment 2")["precision"].tolist() == ["fp32"] * 2
    store.save(experiments.runs("experiment2", precision="bf16")[0], result())
    found = rows(store, "Experiment 2")
    assert found["precision"].tolist() == ["fp32", "bf16"]
    assert found["runs"].tolist() == ["0 of 49", "1 of 49"]
    assert strays(store) == []


def test_a_result_whose_arrays_were_changed_is_not_counted(store) -> None:
    run = experiments.runs("experiment1")[0]
    store.save(run, result())
    (arrays,) = store.root.glob("*.npz")
    arrays.write_bytes(b"changed")
    with pytest.warns(UserWarning, match="SHA-256"):
        table = inventory(store)
    assert table.loc["Experiment 1", "runs"] == "0 of 11"


def test_what_no_experiment_asks_for_is_named(store) -> None:
    run = experiments.runs("experiment1")[0]
    other = dataclasses.replace(run, steps=7)
    store.save(run, result())
    store.save(other, result())
    assert strays(store) == [other.name]


def test_nothing_stored_is_nothing_counted(store) -> None:
    counts = inventory(store)["runs"]
    assert set(counts) >= {"0 of 11", "0 of 49", "0 of 56"}
    assert counts.str.startswith("0 of ").all()
    assert strays(store) == []
