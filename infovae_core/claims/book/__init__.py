"""The book's own claims: all have to hold."""

from infovae_core.claims.book import costs, divergences, models, schedules

__all__ = ["costs", "divergences", "models", "schedules"]
