"""The guide's table and the frontier's frame: weights by their price in nats."""

from collections.abc import Iterable, Mapping

import pandas as pd

from infovae_core import prices
from infovae_core.objectives import PRESETS
from infovae_core.report import captions, frames
from infovae_core.report.labels import LABELS
from infovae_core.run import Run
from infovae_core.study.experiments import FRONTIER, frontier
from infovae_core.study.selection import Selection
from infovae_core.study.store import Result

# Those whose runs are found to work, see the claims of the pages "What works" and "Choosing".
WORKING = ("corrected_imq", "corrected_cramer")
SIZE = 1.5
# The price that the guide recommends, in nats per image.
NATS = 30.0
# Names of penalties without their weight, which the frontier varies.
SHORT = {
    "corrected_imq": "MMD, IMQ kernel",
    "corrected_mmd": "MMD, σ² = d",
    "infovae_cramer": "Cramér",
    "infovae_sinkhorn": "Sinkhorn",
    "corrected_stein": "Stein, σ² = d",
}


def price(run: Run) -> float:
    """What codes of 1.5 times the prior's size cost a run, in nats per image; 0 without D."""
    objective = run.objective
    if not objective.divergence or not objective.weight:
        return 0.0
    read = prices.price(objective.divergence, objective.options, run.latent_dim, SIZE)
    return objective.weight * read


def frontier_prices() -> dict[str, tuple[str, float]]:
    """Of each series of the frontier, its penalty and its price in nats."""
    return {
        frontier.series(run): (run.model, price(run)) for run in frontier() if run.model in FRONTIER
    }


def weights(dims: Iterable[int], nats: float, models: Iterable[str] = WORKING) -> pd.DataFrame:
    """λ at α = 1 at which codes of 1.5 times the prior's size cost so many nats.

    Args:
        dims: Latent dimensions, the rows.
        nats: The price, per image.
        models: Presets, the columns.

    Returns:
        Texts, to two digits.
    """
    found = {}
    for model in models:
        own = PRESETS[model].objective
        by_d = {d: prices.weight_for(own.divergence or "", own.options, d, nats) for d in dims}
        found[SHORT.get(model, LABELS[model].split(",")[0])] = {
            f"d = {d}": f"{_two_digits(lam):,}" for d, lam in by_d.items()
        }
    return pd.DataFrame(found)


def _two_digits(value: float) -> int:
    return int(float(f"{value:.1e}"))


def frame(results: Mapping[Run, Result]) -> pd.DataFrame:
    """The frontier's results, see `frames.frame`."""
    return frames.frame(results, frontier.series)


def provenance(results: Mapping[Run, Result]) -> str:
    """Where they come from."""
    return captions.provenance(Selection("frontier"), results)
