"""The thesis's claims, with the verdicts seen when they were written down."""

from infovae_core.report.claims.thesis import divergences, models, schedules, theory, usefulness

__all__ = ["divergences", "models", "schedules", "theory", "usefulness"]
