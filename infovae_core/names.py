"""Names a user may give: one check, one error, for every registry of the package."""

from collections.abc import Iterable
from difflib import get_close_matches


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
