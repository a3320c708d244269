"""Names a user may give: one check, one error, for every registry of the package."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from infovae_core import values


class UnknownName(ValueError):
    """A name that is in no registry; the message lists the choices and the nearest one."""


def check(kind: str, name: str, choices: Iterable[str]) -> str:
    """Return `name` if it is among `choices`.

    Args:
        kind: What the name stands for, as the message should call it ("divergence").
        name: The name that came in.
        choices: The names that exist.

    Raises:
        UnknownName: If the name is not among the choices.
    """
    choices = list(choices)
    if name in choices:
        return name
    nearest = get_close_matches(str(name), choices, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    raise UnknownName(f"unknown {kind} {name!r}: choose from {', '.join(choices)}.{hint}")


def options(name: str, function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """All options of what is registered as `name`: those given, and the defaults of the others.

    Raises:
        UnknownName: If there is no such option.
    """
    return complete(name, defaults(function), given)


def defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """The options of a function, or of a class: its keyword-only parameters with a default."""
    return {
        key: parameter.default
        for key, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is not parameter.empty
    }


def complete(name: str, known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The known options of `name`, with the values that are given, in the form of `values`.

    Raises:
        UnknownName: If one that is given is not known.
        ValueError: If a stored run could not hold a value.
    """
    return {key: values.like(f"{key} of {name}", own, own) for key, own in known.items()} | {
        check(f"option of {name}", key, known): values.like(f"{key} of {name}", value, known[key])
        for key, value in given.items()
    }
