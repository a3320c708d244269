"""The claims ledger: what the thesis and this book say of results, each with a test.

`LEDGER` holds all claims. `find` gives what the stored results say to one of them.
"""

import functools

from infovae_core.report.claims import book, stored, thesis
from infovae_core.report.claims.ledger import LEDGER, Claim, Finding, Verdict

__all__ = ["LEDGER", "Claim", "Finding", "Verdict", "book", "find", "thesis"]


@functools.cache
def find(name: str, track: str = "") -> Finding:
    """What the results that the pages show say to the claim of this id.

    Args:
        name: The claim's id.
        track: The track on which it is tried again, see `Ledger.again`; by default its own runs.

    Raises:
        UnknownName: If there is no such claim.
        KeyError: If it has not been tried on this track.
        StoreError: If a result is missing; with the command that makes it.
    """
    claim = LEDGER.tried(name)[track] if track else LEDGER[name]
    return claim.find(stored.read())
