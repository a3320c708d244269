"""The book's own claims: all have to hold."""

from infovae_core.report.claims.book import (
    choosing,
    costs,
    decades,
    divergences,
    escape,
    mmd,
    models,
    remedies,
    schedules,
)

__all__ = [
    "choosing",
    "costs",
    "decades",
    "divergences",
    "escape",
    "mmd",
    "models",
    "remedies",
    "schedules",
]
