"""One value selects runs: what command line, notebooks and pages may give, and what is refused."""

import dataclasses
import shlex
from pathlib import Path

import jupytext
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from infovae_core import cli
from infovae_core.names import UnknownName
from infovae_core.study import experiments, selection
from infovae_core.study.experiments import LATENT_DIMS, experiment1, experiment2, experiment3
from infovae_core.study.selection import Selection, integers, kernel_bandwidth, number
from infovae_core.study.store import Result, Store, StoreError

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
OPENED = [path.stem for path in sorted(NOTEBOOKS.glob("*.md")) if "page.open(" in path.read_text()]
OPTIONS = [one.name for one in selection.options()]


# What it selects ----------------------------------------------------------------------------------


def test_by_default_it_is_what_the_pages_show_of_seed_0():
    assert Selection("experiment1").runs == experiment1()
    assert Selection("experiment2").runs == experiment2("cpu")
    shown = experiments.EXPERIMENTS["experiment3"].shown
    assert Selection("experiment3").runs == experiment3(shown)


def test_values_and_texts_select_the_same():
    values = Selection("experiment2", "smoke", seeds=(0, 2), latent_dims=(2, 5), lam=100.0)
    texts = Selection("experiment2", "smoke", seeds="0, 2", latent_dims="2,5", lam="100")
    assert (
        values
        == texts
        == Selection("experiment2", "smoke", seeds=[0, 2], latent_dims=["2", 5], lam=100)
    )
    assert len(values.runs) == 2 * 2 * 7
    assert dataclasses.replace(values, seeds=None).runs == [
        run for run in values.runs if run.seed == 0
    ]


def test_data_and_precision_are_those_of_the_runs():
    chosen = Selection("experiment2", data="digits", precision="bf16", latent_dims=2).runs
    assert {(run.data, run.precision, run.latent_dim) for run in chosen} == {("digits", "bf16", 2)}
    assert chosen == experiment2(data="digits", precision="bf16", latent_dims=[2])


def test_weights_and_bandwidth_are_those_of_every_infovae_and_of_no_control():
    chosen = Selection("experiment2", latent_dims=20, lam=50, alpha=0.5, bandwidth="sqrt_d").runs
    before = experiment2(latent_dims=[20])
    for run, own in zip(chosen, before, strict=True):
        if not run.model.startswith("infovae_"):
            assert run == own
            continue
        assert (run.objective.lam, run.objective.alpha) == (50, 0.5)
        assert run.objective.divergence == own.objective.divergence
        expected = dict(own.objective.options)
        if "bandwidth" in expected:
            expected["bandwidth"] = "sqrt_d"
        assert run.objective.options == expected


def test_a_divergence_stands_for_that_of_every_infovae_once():
    chosen = Selection("experiment2", divergence="cramer", latent_dims=20).runs
    stored = {run.model: run for run in experiment2(latent_dims=[20])}
    assert chosen == [stored[name] for name in ("infovae_cramer", "recon_ae", "vae")]
    # One that no preset has is named as they are.
    assert Selection("experiment3", divergence="js", latent_dims=20).runs[6].model == "infovae_js"
    # Nothing else of a run changes.
    (first, *_), (own, *_) = Selection("experiment1", divergence="stein").runs, experiment1()
    restored = dataclasses.replace(first, model=own.model, objective=own.objective)
    assert (restored, first.objective.divergence) == (own, "stein")


def test_a_choice_that_changes_nothing_keeps_the_keys():
    chosen = Selection("experiment1", divergence="mmd", bandwidth=1)
    assert [run.key for run in chosen.runs] == [run.key for run in experiment1()]
    chosen = Selection("experiment2", alpha=1, lam=1000)
    assert [run.key for run in chosen.runs] == [run.key for run in experiment2()]


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"profile": 1}, "profile must be a text, got 1"),
        ({"profile": "papr"}, "unknown profile 'papr'.*Did you mean 'paper'"),
        ({"track": None}, "track must be a text, got None"),
        ({"seeds": "zero"}, "seeds takes integers, such as .* got 'zero'"),
        ({"seeds": [0.5]}, "seeds takes integers"),
        ({"seeds": True}, "seeds takes integers"),
        ({"seeds": ()}, "seeds must name at least one value"),
        ({"latent_dims": "2;20"}, "latent_dims takes integers"),
        ({"data": "mnits"}, "unknown data set 'mnits'.*'mnist'"),
        ({"divergence": "cramr"}, "unknown divergence 'cramr'.*'cramer'"),
        ({"divergence": 3}, "divergence must be a text"),
        ({"bandwidth": "wide"}, "bandwidth must be a positive number or one of sqrt_d, median"),
        ({"bandwidth": 0}, "bandwidth must be a positive number"),
        ({"bandwidth": "nan"}, "bandwidth must be a positive number"),
        ({"bandwidth": 2, "divergence": "cramer"}, "a bandwidth is chosen, and no D of these runs"),
        ({"data": ""}, "unknown data set ''"),
        ({"precision": ""}, "unknown precision ''"),
        ({"seeds": "0,0"}, "seeds names one of its values twice: '0,0'"),
        ({"seeds": b"01"}, "seeds takes integers"),
        ({"seeds": [np.float32(0.5)]}, "seeds takes integers"),
        ({"lam": 10**400}, "lam must be a finite number"),
        ({"lam": "many"}, "lam must be a finite number, got 'many'"),
        ({"lam": True}, "lam must be a finite number"),
        ({"alpha": float("inf")}, "alpha must be a finite number"),
        ({"alpha": -1, "lam": 1}, "α \\+ λ − 1 = -1"),
    ],
)
def test_a_wrong_choice_is_refused(options, complaint):
    with pytest.raises(ValueError, match=complaint):
        Selection("experiment2", **options)


def test_an_unknown_experiment_is_refused():
    with pytest.raises(UnknownName, match="unknown experiment 'experiment9'"):
        Selection("experiment9")


def test_what_an_experiment_sweeps_itself_cannot_be_chosen():
    for name in ("alpha", "lam"):
        with pytest.raises(ValueError, match=f"experiment1 sweeps {name} itself"):
            Selection("experiment1", **{name: 1})


def grid(**variants):
    """An experiment of these variants of Experiment 2, by name, and what tells them apart."""
    variants = {name: experiment2.variants[own] | more for name, (own, more) in variants.items()}
    return dataclasses.replace(experiment2, variants=variants)


def test_what_no_run_takes_is_refused(monkeypatch):
    controls = grid(vae=("vae", {}), none=("recon_ae", {}))
    monkeypatch.setitem(experiments.EXPERIMENTS, "controls", controls)
    for name, value in {"lam": 5, "alpha": 0.5, "divergence": "nonsense", "bandwidth": 2}.items():
        with pytest.raises(ValueError, match=f"{name} is chosen, and controls has no InfoVAE"):
            Selection("controls", **{name: value})


def test_different_runs_of_one_name_are_refused(monkeypatch):
    pair = grid(plain=("infovae_mmd", {}), normed=("infovae_stein", {"batch_norm": True}))
    monkeypatch.setitem(experiments.EXPERIMENTS, "pair", pair)
    assert len(Selection("pair", latent_dims=2).runs) == 2
    with pytest.raises(
        ValueError, match="divergence chosen, different runs of pair would bear one"
    ):
        Selection("pair", divergence="cramer")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), (3,)),
        (range(2), (0, 1)),
        ("0,1", (0, 1)),
        ("7", (7,)),
        (7, (7,)),
        ([2, 20], (2, 20)),
        ((3,), (3,)),
        (["4"], (4,)),
    ],
)
def test_integers_come_as_lists_numbers_or_text(value, expected):
    assert integers("seeds", value) == expected


def test_numbers_and_bandwidths_come_as_numbers_or_text():
    assert number("lam", "1e3") == number("lam", 1000) == 1000
    assert kernel_bandwidth("bandwidth", "2.5") == 2.5
    assert kernel_bandwidth("bandwidth", "median") == "median"


# One set of options -------------------------------------------------------------------------------


def invoke(*arguments: object):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


@given(
    st.fixed_dictionaries(
        {"profile": st.sampled_from(["smoke", "cpu", "paper"])},
        optional={
            "seeds": st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True).map(tuple),
            "latent_dims": st.lists(st.sampled_from(LATENT_DIMS), min_size=1, unique=True).map(
                tuple
            ),
            "data": st.sampled_from(["digits", "mnist"]),
            "precision": st.sampled_from(["fp32", "bf16"]),
            "divergence": st.sampled_from(["mmd", "stein"]),
            "bandwidth": st.sampled_from(["sqrt_d", "median"]) | st.floats(1e-3, 1e3),
            "alpha": st.floats(0, 1),
            "lam": st.floats(1, 1e7),
        },
    )
)
def test_its_command_selects_it_again(tmp_path_factory, values):
    chosen = Selection("experiment2", **values)
    selected = []

    def take(one: Selection) -> None:
        selected.append(one)

    python, dash, module, verb, *words = shlex.split(chosen.command("status"))
    assert (python, dash, module, verb) == ("python", "-m", "infovae_core", "status")
    app = cli.typer.Typer()
    app.command()(cli.selecting(take))
    outcome = CliRunner().invoke(app, words)
    assert outcome.exit_code == 0, outcome.output
    assert selected[0].runs == chosen.runs


def test_the_command_names_what_is_chosen_and_no_more():
    assert Selection("experiment2").command() == (
        "python -m infovae_core run experiment2 --profile cpu --seeds 0"
    )
    chosen = Selection("experiment2", "paper", latent_dims=(2, 20), lam=100, bandwidth=2)
    assert chosen.command("time") == (
        "python -m infovae_core time experiment2 --profile paper --seeds 0 --latent-dims 2,20 "
        "--bandwidth 2 --lam 100"
    )


@pytest.mark.parametrize("command", ["run", "status", "measure", "time"])
def test_every_command_has_every_option_and_its_words(command):
    printed = invoke(command, "--help").stdout
    words = " ".join(printed.replace("│", " ").split())
    for one in selection.options():
        assert f"--{one.name.replace('_', '-')}" in words
        assert one.metadata["help"].split(";")[0][:40].strip() in words


@pytest.mark.parametrize("page", OPENED)
def test_every_notebook_has_every_option_and_its_default(page):
    (cell,) = [
        cell
        for cell in jupytext.read(NOTEBOOKS / f"{page}.md").cells
        if "parameters" in cell.metadata.get("tags", [])
    ]
    found: dict[str, object] = {}
    exec(cell.source, found)
    values = {name: value for name, value in found.items() if not name.startswith("__")}
    assert list(values) == [*OPTIONS, "device", "train_missing"]
    defaults = {one.name: one.default for one in selection.options()}
    if page == "remedies":
        defaults["track"] = "corrected"
    if page == "grids":  # It shows one seed at three dimensions.
        defaults |= {"seeds": [0], "latent_dims": [5, 20, 60]}
    assert values == defaults | {"device": "auto", "train_missing": False}


# What is stored of it -----------------------------------------------------------------------------


def stored(tmp_path, *runs) -> Store:
    store = Store(tmp_path)
    for run in runs:
        store.save(run, Result("done", {}, {}))
    return store


def test_seeds_that_are_not_named_are_those_that_are_wholly_stored(tmp_path):
    whole, partly = experiment1(seeds=[0, 3]), experiment1(seeds=[1])[:4]
    others = experiment2(seeds=[2], latent_dims=[5])
    store = stored(tmp_path, *whole, *partly, *others)
    found, text = Selection("experiment1").settled(store)
    assert found.seeds == (0, 3)
    assert text == "seeds: 0, 3 (only partly stored, and not used: 1)"
    assert list(Selection("experiment1").require(store)) == whole
    # A selection is whole by itself.
    assert Selection("experiment2", latent_dims=5).settled(store) == (
        Selection("experiment2", seeds=(0, 2), latent_dims=5),
        "seeds: 0, 2",
    )


def test_seed_0_is_asked_for_where_nothing_is_stored(tmp_path):
    found, text = Selection("experiment1").settled(stored(tmp_path))
    assert (found.seeds, text) == ((0,), "seeds: 0")
    with pytest.raises(
        StoreError, match=r"11 of 11 .*\n.* run experiment1 --profile cpu --seeds 0"
    ):
        Selection("experiment1").require(stored(tmp_path))


def test_a_partly_stored_seed_0_is_required(tmp_path):
    store = stored(tmp_path, *experiment1()[1:])
    with pytest.raises(StoreError, match="1 of 11 results are missing"):
        Selection("experiment1").require(store)


def test_named_seeds_stay_whatever_is_stored(tmp_path):
    named = Selection("experiment1", seeds=1)
    store = stored(tmp_path, *experiment1())
    assert named.settled(store) == (named, "seeds as named: 1")


def test_a_damaged_result_leaves_its_seed_partly_stored(tmp_path):
    runs = experiment1(seeds=[0, 1])
    store = stored(tmp_path, *runs)
    store.path(runs[-1]).write_text("damaged")
    with pytest.warns(UserWarning, match="is damaged"):
        found, text = Selection("experiment1").settled(store)
    assert found.seeds == (0,)
    assert "not used: 1" in text
