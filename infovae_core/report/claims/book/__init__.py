"""The book's own claims: all have to hold."""

from infovae_core.report.claims.book import (
    costs,
    decades,
    divergences,
    escape,
    mmd,
    models,
    schedules,
)

__all__ = ["costs", "decades", "divergences", "escape", "mmd", "models", "schedules"]
