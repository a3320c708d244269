"""Names: what is known passes, what is not is refused with the choices."""

import pytest

from infovae_core.names import UnknownName, check


@pytest.mark.parametrize("choices", [["mmd", "stein"], {"mmd": 1, "stein": 2}, iter(["mmd"])])
def test_a_known_name_is_returned(choices):
    assert check("divergence", "mmd", choices) == "mmd"


def test_an_unknown_name_is_refused_with_the_choices_in_order_and_the_nearest():
    with pytest.raises(UnknownName) as refusal:
        check("divergence", "sinkhron", (name for name in ("stein", "sinkhorn", "mmd")))
    assert str(refusal.value) == (
        "unknown divergence 'sinkhron': choose from stein, sinkhorn, mmd. Did you mean 'sinkhorn'?"
    )


def test_nothing_is_suggested_where_nothing_is_near():
    with pytest.raises(UnknownName) as refusal:
        check("profile", "xyz", ["smoke", "cpu"])
    assert str(refusal.value) == "unknown profile 'xyz': choose from smoke, cpu."


@pytest.mark.parametrize("name", [None, 3, "", "MMD"])
def test_what_is_not_exactly_a_choice_is_refused(name):
    with pytest.raises(UnknownName, match="unknown divergence"):
        check("divergence", name, ["mmd"])


def test_the_refusal_is_a_value_error():
    assert issubclass(UnknownName, ValueError)
