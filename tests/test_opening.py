"""How a page of an experiment opens, and that its cells can run again in one kernel."""

import dataclasses
from pathlib import Path

import jupytext
import matplotlib.pyplot as plt
import pytest

from infovae_core.names import UnknownName
from infovae_core.report import page
from infovae_core.run import Run
from infovae_core.study import grid, timing
from infovae_core.study.experiments import experiment2
from infovae_core.study.parameters import plain_values
from infovae_core.study.selection import options
from infovae_core.study.store import Result, Store, StoreError

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
RUNS = experiment2("smoke", latent_dims=[2])
# What a kernel has among its globals before any cell of the notebook has run.
KERNEL = {"In": [""], "Out": {}, "_dh": ["/"], "__name__": "__main__", "exit": object(), "_i": ""}


def given(**values: object) -> dict[str, object]:
    """A notebook's variables: its parameters, the smoke profile's unless given otherwise."""
    defaults = {one.name: one.default for one in options()}
    chosen = {"profile": "smoke", "latent_dims": [2], "device": "auto", "train_missing": False}
    return KERNEL | defaults | chosen | values


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    """The results of a smoke test at seed 0, timed."""
    monkeypatch.setenv("INFOVAE_RESULTS", str(tmp_path))
    kept = Store(tmp_path / "smoke")
    for run in RUNS:
        metrics = {"val_mmd": run.latent_dim * 0.1, "timed_seconds": 1.0}
        kept.save(run, Result("done", metrics, {"device": "a machine"}))
    return kept


def test_a_page_has_its_selection_results_and_frames(store, capsys):
    this = page.open("experiment2", given(), timed=True)
    assert capsys.readouterr().out == "20 steps a run on digits\n"
    assert list(this.results) == RUNS
    assert this.selection.seeds == (0,)
    assert this.seeds == "seeds: 0"
    assert this.models == [run.model for run in RUNS]
    assert set(this.ours["model"]) == set(this.models)
    assert set(this.theirs["model"]) == {run.model for run in RUNS if "infovae" in run.model}


def test_a_page_shows_what_is_chosen_in_place_of_the_experiments_own(store):
    this = page.open("experiment2", given(divergence="cramer"))
    assert this.models == ["infovae_cramer", "recon_ae", "vae"]


def test_what_is_missing_stops_the_page_with_the_command_that_makes_it(store):
    with pytest.raises(StoreError, match=r"(?s)5 of 7 .* run experiment2 .*--lam 5.*"):
        page.open("experiment2", given(lam=5))
    for run in RUNS:
        store.save(run, Result("done", {"val_mmd": 1.0}, {}))
    with pytest.raises(StoreError, match=r"(?s)have not been timed.* time experiment2 --profile"):
        page.open("experiment2", given(), timed=True)


@pytest.fixture
def asked(monkeypatch) -> list[tuple[str, list[Run]]]:
    """Stands for training and timing: what was asked for."""
    calls: list[tuple[str, list[Run]]] = []

    def train(runs, kept, device):
        for run in runs:
            if run not in kept:
                kept.save(run, Result("done", {}, {}))
        calls.append((str(device), runs))

    def time(runs, kept, device):
        for run in runs:
            kept.save(run, Result("done", {"timed_seconds": 2.0}, {}))
        calls.append(("timed", runs))

    monkeypatch.setattr(grid, "run_grid", train)
    monkeypatch.setattr(timing, "time_grid", time)
    return calls


def test_what_is_missing_is_trained_and_timed_where_that_is_asked_for(store, asked):
    here = given(seeds=[0, 1], device="cpu", train_missing=True)
    this = page.open("experiment2", here, timed=True)
    # A step costs every seed the same.
    assert asked == [("cpu", list(this.results)), ("timed", RUNS)]
    assert len(this.results) == 14


def test_a_control_keeps_its_time_where_another_penalty_is_trained(store, asked):
    here = given(divergence="cramer", lam=5, device="cpu", train_missing=True)
    this = page.open("experiment2", here, timed=True)
    assert this.models == ["infovae_cramer", "recon_ae", "vae"]
    assert [(what, len(runs)) for what, runs in asked] == [("cpu", 3), ("timed", 1)]
    assert [one.metrics["timed_seconds"] for one in this.results.values()] == [2, 1, 1]


def test_curves_of_several_dimensions_are_refused(store):
    with pytest.raises(ValueError, match="runs of one latent dimension, got 2, 5: choose one"):
        other = dict.fromkeys(experiment2("smoke", latent_dims=[5]), Result("done", {}, {}))
        this = page.open("experiment2", given())
        dataclasses.replace(this, results=this.results | other).followed  # noqa: B018


@pytest.mark.slow
def test_a_page_whose_runs_are_short_is_drawn(monkeypatch, tmp_path, capsys):
    """The smoke profile trains less than a point of a curve needs, and a D without a preset."""
    monkeypatch.setenv("INFOVAE_RESULTS", str(tmp_path))
    monkeypatch.setattr(page, "glue", lambda **values: None)
    for name, chosen in (
        ("experiment3", {"latent_dims": [2]}),
        ("experiment2", {"divergence": "js"}),
    ):
        parameters = given(train_missing=True, device="cpu", latent_dims=[2]) | chosen
        cells = [
            cell.source
            for cell in jupytext.read(NOTEBOOKS / f"{name}.md").cells
            if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", [])
        ]
        for source in cells:
            exec(compile(source, name, "exec"), parameters)
        plt.close("all")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"profil": "cpu"}, "unknown parameter 'profil'.*Did you mean 'profile'"),
        ({"learning_rate": 1}, "unknown parameter 'learning_rate'"),
        ({"train_missing": "yes"}, "train_missing must be True or False, got 'yes'"),
        ({"device": ["cpu"], "train_missing": True}, "device must be a text"),
        ({"seeds": "zero"}, "seeds takes integers"),
    ],
)
def test_a_wrong_parameter_is_refused(store, values, complaint):
    with pytest.raises(ValueError, match=complaint):
        page.open("experiment2", given(**values))


def test_a_missing_parameter_is_refused(store):
    values = given()
    del values["precision"]
    with pytest.raises(ValueError, match="does not set 'precision'"):
        page.open("experiment2", values)


def test_what_cells_leave_behind_is_no_parameter_but_a_misspelt_one_is_refused():
    kernel = {**KERNEL, "seed": 0}
    assert plain_values(kernel, ["seed"]) == {"seed": 0}
    kernel |= {"name": "left by a loop", "seed": 1}
    assert plain_values(kernel, ["seed"]) == {"seed": 1}
    kernel["sed"] = 2
    with pytest.raises(UnknownName, match="unknown parameter 'sed'"):
        plain_values(kernel, ["seed"])


PARAMETERIZED = [
    path for path in sorted(NOTEBOOKS.glob("*.md")) if "[parameters" in path.read_text()
]


@pytest.mark.slow
@pytest.mark.parametrize("path", PARAMETERIZED, ids=lambda path: path.stem)
def test_all_cells_run_twice_in_one_kernel(path, monkeypatch, capsys):
    """As a reader does who changes a parameter and runs all cells again."""
    monkeypatch.setattr(page, "glue", lambda **values: None)  # It speaks to a kernel.
    monkeypatch.chdir(NOTEBOOKS)
    cells = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    if path.stem == "proposition1":  # The book runs it whole.
        cells = [cell.replace("steps: int = 1500", "steps: int = 150") for cell in cells]
        assert any("150  #" in cell for cell in cells)
    kernel = dict(KERNEL)
    for _ in range(2):
        for source in cells:
            exec(compile(source, path.name, "exec"), kernel)
        plt.close("all")
