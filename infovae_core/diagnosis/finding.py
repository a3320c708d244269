"""A finding in words, and what findings are worded with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infovae_core.diagnosis.perfect import LEVEL
from infovae_core.diagnosis.readings import Reading


@dataclass(frozen=True)
class Finding:
    """What is the case, in words.

    Attributes:
        kind: One word or two: "escaped", "matched", …
        text: What was found.
        advice: What to change, or where to look; may be empty.
        page: The chapter of the book that says why, a file's name.
    """

    kind: str
    text: str
    advice: str = ""
    page: str = "metrics"

    def __str__(self) -> str:
        """The finding as a paragraph."""
        return " ".join(part for part in (f"{self.kind}: {self.text}", self.advice) if part)


def differs(readings: Sequence[Reading]) -> bool:
    """Whether the rulers together reject a perfect match at 5 %."""
    return any(one.p is not None and one.p <= LEVEL for one in readings)


def listed(dimensions: Iterable[int], most: int = 8) -> str:
    """Numbers of dimensions, in short: "0, 3 and 7", "0, 1, 2, … (40 in all)"."""
    numbers = [str(int(one)) for one in dimensions]
    if len(numbers) > most:
        return f"{', '.join(numbers[:most])}, … ({len(numbers)} in all)"
    return " and ".join([", ".join(numbers[:-1]), numbers[-1]] if len(numbers) > 1 else numbers)


def plural(count: int, word: str) -> str:
    """A count with its noun."""
    return f"{count} {word}{'' if count == 1 else 's'}"
