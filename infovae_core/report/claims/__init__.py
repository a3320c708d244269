"""The claims ledger: what the thesis and this book say of results, each with a test.

`LEDGER` holds all claims. `find` gives what the stored results say to one of them.
"""

import functools

from infovae_core.report.claims import book, stored, thesis
from infovae_core.report.claims.ledger import LEDGER, Claim, Finding, Verdict

__all__ = ["LEDGER", "Claim", "Finding", "Verdict", "book", "find", "thesis"]


@functools.cache
def find(name: str) -> Finding:
    """What the results that the pages show say to the claim of this id.

    Raises:
        UnknownName: If there is no such claim.
        StoreError: If a result is missing; with the command that makes it.
    """
    return LEDGER[name].find(stored.read())
