"""What the command line tells in one line, without a traceback."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Refusal(RuntimeError):
    """Something that whoever asked can put right; the message says how."""


@contextmanager
def refusing(kind: type[Refusal], what: object, remedy: str) -> Iterator[None]:
    """Tell a failure of the disk in words: what could not be done, why, and the remedy.

    Args:
        kind: The refusal to raise.
        what: "cannot write FILE".
        remedy: What to do.

    Raises:
        Refusal: In place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise kind(f"{what}: {error.strerror or error}. {remedy}") from error


def folder(given: str | Path) -> Path:
    """The absolute path of a folder, as an option or a variable names it: relative, or from ~."""
    return Path(os.path.abspath(Path(given).expanduser()))
