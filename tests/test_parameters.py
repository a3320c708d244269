"""The parameters of a notebook: what papermill may give, and what is refused."""

import pytest

from infovae_core.names import UnknownName
from infovae_core.study import experiments
from infovae_core.study.parameters import Parameters, integers
from infovae_core.study.store import Result, Store, StoreError

GOOD = {
    "profile": "cpu",
    "track": "as_written",
    "seeds": [0, 1],
    "latent_dims": None,
    "device": "auto",
    "train_missing": False,
}
# What a kernel has among its globals before any cell of the notebook has run.
KERNEL = {"In": [""], "Out": {}, "_dh": ["/"], "__name__": "__main__", "exit": object(), "_i": ""}


def test_reads_the_parameters_among_a_kernels_own_variables() -> None:
    found = Parameters.read({**KERNEL, **GOOD, "Parameters": Parameters})
    assert found.seeds == (0, 1)
    assert found.selection == {
        "profile": "cpu",
        "track": "as_written",
        "seeds": (0, 1),
        "latent_dims": None,
    }


def test_the_command_names_what_is_asked_for() -> None:
    command = Parameters.read({**GOOD, "latent_dims": [2, 20]}).command("experiment2")
    assert command == (
        "python -m infovae_core run experiment2 --profile cpu --track as_written --seeds 0,1 "
        "--latent-dims 2,20"
    )
    assert Parameters.read(GOOD).command("experiment2", "time").split()[3:5] == [
        "time",
        "experiment2",
    ]
    assert "--latent-dims" not in Parameters.read(GOOD).command("experiment2")


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"unknown parameter 'profil'.*Did you mean 'profile'"):
        Parameters.read({**GOOD, "profil": "cpu"})


def test_a_missing_parameter_is_refused() -> None:
    with pytest.raises(ValueError, match="does not set 'device'"):
        Parameters.read({name: value for name, value in GOOD.items() if name != "device"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("profile", 1),
        ("track", None),
        ("device", ["cpu"]),
        ("train_missing", "yes"),
        ("seeds", "zero"),
        ("seeds", [0.5]),
        ("seeds", True),
        ("latent_dims", "2;20"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        Parameters.read({**GOOD, name: value})


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0,1", (0, 1)), ("7", (7,)), (7, (7,)), ([2, 20], (2, 20)), ((3,), (3,)), (["4"], (4,))],
)
def test_integers_come_as_lists_numbers_or_text(value: object, expected: tuple[int, ...]) -> None:
    assert integers("seeds", value) == expected


def stored(tmp_path, *runs) -> Store:
    store = Store(tmp_path)
    for run in runs:
        store.save(run, Result("done", {}, {}))
    return store


UNNAMED = Parameters.read({**GOOD, "seeds": None})


def test_seeds_that_are_not_named_are_those_that_are_wholly_stored(tmp_path) -> None:
    whole = experiments.runs("experiment1", seeds=[0, 3])
    partly = experiments.runs("experiment1", seeds=[1])[:4]
    others = experiments.runs("experiment2", seeds=[2], latent_dims=[5])
    store = stored(tmp_path, *whole, *partly, *others)
    found, text = UNNAMED.with_stored_seeds("experiment1", store)
    assert found.seeds == (0, 3)
    assert text == "seeds: 0, 3 (only partly stored, and not used: 1)"
    assert len(store.require(experiments.runs("experiment1", **found.selection), "")) == 22
    # A selection is whole by itself.
    some = Parameters.read({**GOOD, "seeds": None, "latent_dims": [5]})
    assert some.with_stored_seeds("experiment2", store) == (
        Parameters.read({**GOOD, "seeds": [0, 2], "latent_dims": [5]}),
        "seeds: 0, 2",
    )


def test_seed_0_is_asked_for_where_nothing_is_stored(tmp_path) -> None:
    found, text = UNNAMED.with_stored_seeds("experiment1", stored(tmp_path))
    assert (found.seeds, text) == ((0,), "seeds: 0")
    assert found.command("experiment1").endswith("--seeds 0")
    assert UNNAMED.command("experiment1") == found.command("experiment1")
    assert UNNAMED.selection == found.selection


def test_a_partly_stored_seed_0_is_required(tmp_path) -> None:
    store = stored(tmp_path, *experiments.runs("experiment1", seeds=[0])[1:])
    found, _ = UNNAMED.with_stored_seeds("experiment1", store)
    with pytest.raises(StoreError, match="1 of 11 results are missing"):
        store.require(experiments.runs("experiment1", **found.selection), "")


def test_named_seeds_stay_whatever_is_stored(tmp_path) -> None:
    named = Parameters.read({**GOOD, "seeds": [1]})
    store = stored(tmp_path, *experiments.runs("experiment1", seeds=[0]))
    assert named.with_stored_seeds("experiment1", store) == (named, "seeds as named: 1")


def test_a_damaged_result_leaves_its_seed_partly_stored(tmp_path) -> None:
    runs = experiments.runs("experiment1", seeds=[0, 1])
    store = stored(tmp_path, *runs)
    store.path(runs[-1]).write_text("damaged")
    with pytest.warns(UserWarning, match="is damaged"):
        found, text = UNNAMED.with_stored_seeds("experiment1", store)
    assert found.seeds == (0,)
    assert "not used: 1" in text
