"""The thesis's claims, with the verdicts seen when they were written down."""

from infovae_core.report.claims.thesis import (
    corrected,
    divergences,
    models,
    schedules,
    theory,
    usefulness,
)

__all__ = ["corrected", "divergences", "models", "schedules", "theory", "usefulness"]
