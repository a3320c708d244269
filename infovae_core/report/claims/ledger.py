"""What a claim is: words, the runs they need, and a test that gives the verdict.

A test is a pure function of stored results. It yields checks (`Check`), each a number held against
what the words ask of it; the verdict follows from them and from nothing else:

- all checks hold: the claim holds; none does: it fails; some do: it holds partly;
- no check can be made: it cannot be tested here.

The verdict that was seen when the words were written is recorded beside them. Where results move,
`tests/test_ledger.py` finds the two apart, and the words are read again.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from infovae_core import names


class Results(Protocol):
    """What the ledger itself asks of results; its tests ask for more (`stored.Stored`)."""

    def seeds(self, experiment: str) -> tuple[int, ...]:
        """The seeds that there are of an experiment."""


class Verdict(StrEnum):
    """What became of a claim."""

    HOLDS = "holds"
    PARTLY = "partly"
    FAILS = "fails"
    UNTESTED = "cannot be tested here"


@dataclass(frozen=True)
class Check:
    """One number, held against what the claim asks of it.

    Attributes:
        what: What was measured, and of which runs.
        found: The number, with its seeds or its interval.
        wanted: What the claim asks of it.
        holds: Whether it is so; None for a number that is only quoted.
        name: How the claim's words quote `value`, if they do.
        value: The number to quote: the mean over seeds.
    """

    what: str
    found: str
    wanted: str
    holds: bool | None
    name: str = ""
    value: float = 0.0


class CannotBeTested(Exception):
    """Raised by a test: the stored runs do not decide the claim; the message says why."""


Test = Callable[[Any], Iterable[Check]]


@dataclass(frozen=True)
class Finding:
    """What a test found.

    Attributes:
        verdict: Follows from the checks.
        checks: In the order of the test.
        words: The claim's words, with the numbers that they quote.
        why: In one line, likewise.
        seeds: By experiment, the seeds behind it.
    """

    verdict: Verdict
    checks: tuple[Check, ...]
    words: str
    why: str
    seeds: Mapping[str, tuple[int, ...]]

    @property
    def tally(self) -> str:
        """How many checks hold, in words."""
        decided = [check for check in self.checks if check.holds is not None]
        if not decided:
            return ""
        return f"{sum(check.holds is True for check in decided)} of {len(decided)} checks hold"


@dataclass(frozen=True)
class Claim:
    """A statement of fact, and what decides it.

    Attributes:
        id: Unique; pages name the claim by it.
        whose: "thesis" or "book".
        section: The thesis's section, or the book's page.
        words: The statement, in our own words. A name in braces, with a format, quotes the value of
            the check of that name: `{norm_20:.1f}`.
        why: In one line, what decided; may quote likewise.
        needs: Names of the experiments whose runs decide it; none for a matter of proof.
        tolerance: When its checks hold, in words.
        recorded: The verdict that the words were written for.
        test: What decides.
        proof: Label of the proof in the book, where there is one.
        heading: The words in a heading's length, for a page whose section it opens.
    """

    id: str
    whose: str
    section: str
    words: str
    why: str
    needs: tuple[str, ...]
    tolerance: str
    recorded: Verdict
    test: Test
    proof: str = ""
    heading: str = ""

    def find(self, stored: Results) -> Finding:
        """Run the test on stored results."""
        seeds = {name: stored.seeds(name) for name in self.needs}
        try:
            checks = tuple(self.test(stored))
        except CannotBeTested as reason:
            return Finding(Verdict.UNTESTED, (), self.words, str(reason), seeds)
        quoted = {check.name: Quoted(check.value) for check in checks if check.name}
        return Finding(
            verdict(check.holds for check in checks),
            checks,
            self.words.format(**quoted),
            self.why.format(**quoted),
            seeds,
        )


class Quoted(float):
    """A number in a sentence: its minus is a minus sign, and its exponent is short."""

    def __format__(self, form: str) -> str:
        """Format as a float."""
        return re.sub(r"e\+?(−?)0*", r"e\1", super().__format__(form).replace("-", "−"))


def verdict(holds: Iterable[bool | None]) -> Verdict:
    """The verdict of these checks; those that only quote (None) do not count."""
    decided = [one for one in holds if one is not None]
    if not decided:
        return Verdict.UNTESTED
    if all(decided):
        return Verdict.HOLDS
    return Verdict.PARTLY if any(decided) else Verdict.FAILS


class Ledger:
    """All claims, by id, in the order in which they were written down."""

    def __init__(self) -> None:
        """Empty."""
        self._claims: dict[str, Claim] = {}
        self._again: dict[tuple[str, str], dict[str, Any]] = {}

    def __iter__(self) -> Iterator[Claim]:
        """Claim after claim."""
        return iter(self._claims.values())

    def __len__(self) -> int:
        """How many."""
        return len(self._claims)

    def __getitem__(self, name: str) -> Claim:
        """The claim of this id.

        Raises:
            UnknownName: If there is none.
        """
        return self._claims[names.check("claim", name, self._claims)]

    def add(self, claim: Claim) -> None:
        """Add a claim.

        Raises:
            ValueError: If its id is taken.
        """
        if claim.id in self._claims:
            raise ValueError(f"there are two claims {claim.id!r}: give one of them another id")
        self._claims[claim.id] = claim

    def thesis(
        self,
        name: str,
        section: str,
        recorded: Verdict,
        words: str,
        why: str,
        *,
        needs: str | tuple[str, ...] = (),
        tolerance: str = "",
        proof: str = "",
    ) -> Callable[[Test], Test]:
        """Decorate the test of a claim of the thesis, see `Claim`."""
        return self._entering(
            id=name,
            whose="thesis",
            section=section,
            words=words,
            why=why,
            needs=_several(needs),
            tolerance=tolerance,
            recorded=recorded,
            proof=proof,
        )

    def book(
        self,
        name: str,
        page: str,
        words: str,
        *,
        needs: str | tuple[str, ...] = (),
        tolerance: str = "",
        proof: str = "",
        heading: str = "",
    ) -> Callable[[Test], Test]:
        """Decorate the test of a sentence of the book: it has to hold, or may not be written."""
        return self._entering(
            id=name,
            whose="book",
            section=page,
            words=words,
            why="",
            needs=_several(needs),
            tolerance=tolerance,
            recorded=Verdict.HOLDS,
            proof=proof,
            heading=heading,
        )

    def again(
        self,
        name: str,
        track: str,
        recorded: Verdict,
        why: str,
        *,
        needs: str | tuple[str, ...],
        tolerance: str,
    ) -> Callable[[Test], Test]:
        """Decorate the test of a claim on the runs of another track: the same words, tried anew.

        Args:
            name: The claim's id.
            track: The track, "corrected" for instance.
            recorded: See `Claim`, as the others.
            why: In one line, what decided.
            needs: Names of the experiments.
            tolerance: When its checks hold.

        Raises:
            ValueError: If the claim has been tried on this track.
        """

        def decorate(test: Test) -> Test:
            if (name, track) in self._again:
                raise ValueError(f"{name!r} is tried twice on the track {track!r}: drop one test")
            self._again[name, track] = {
                "recorded": recorded,
                "why": why,
                "needs": _several(needs),
                "tolerance": tolerance,
                "test": test,
                "proof": "",
            }
            return test

        return decorate

    def tried(self, name: str) -> dict[str, Claim]:
        """The claim as it is tried on other tracks, by track."""
        return {
            track: replace(self[name], **fields)
            for (one, track), fields in self._again.items()
            if one == name
        }

    def _entering(self, **fields: Any) -> Callable[[Test], Test]:
        """A decorator that enters the claim of these fields with the test that it decorates."""

        def decorate(test: Test) -> Test:
            self.add(Claim(test=test, **fields))
            return test

        return decorate


def _several(needs: str | tuple[str, ...]) -> tuple[str, ...]:
    return (needs,) if isinstance(needs, str) else needs


LEDGER = Ledger()
