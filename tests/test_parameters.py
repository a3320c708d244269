"""The parameters of a notebook: what papermill may give, and what is refused."""

import pytest

from infovae_core.names import UnknownName
from infovae_core.parameters import Parameters, integers

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
        ("seeds", None),
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
