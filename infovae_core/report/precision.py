"""Whether training in bfloat16 gives other results: its gap to single precision, against seeds.

A training is chaotic: a rounding early on makes another model at its end. What can be asked is
whether mixed precision moves a result further than another seed does. Were a run in bfloat16 one
more independent seed, its squared gap to the run in single precision would have, in the mean, twice
the variance that seeds have; the ratio of the two has Fisher's F distribution if logarithms of the
metrics are normal.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from infovae_core.report import frames
from infovae_core.report.labels import WORDS
from infovae_core.study.experiments import EXPERIMENTS
from infovae_core.study.selection import Selection
from infovae_core.study.store import Store, StoreError

# Alignment, reconstruction, usefulness, and where the codes are.
COMPARED = ("val_mmd", "test_bce", "svm_error", "norm_ratio")
LEVEL = 0.95


def against_seeds(full: pd.DataFrame, mixed: pd.DataFrame) -> pd.DataFrame:
    """Gaps between precisions beside those between seeds, of the natural logarithm of each metric.

    Args:
        full: Tidy frame of runs in single precision, several seeds of each series
            (`frames.frame`).
        mixed: The same of runs in bfloat16; those that have a run of the same series, dimension
            and seed in `full` count.

    Returns:
        A row for each metric: `gap`, root mean square of bfloat16 − single precision over the runs
        that have both; `seeds`, what independent seeds would give, √2 times the pooled standard
        deviation; `ratio`, the square of their quotient; `limit`, which F exceeds in 5 % of cases;
        `within`, whether the ratio stays below; `pairs` and `freedom`, the degrees of freedom.

    Raises:
        StoreError: If no run has both precisions, or no series has two seeds.
    """
    cell = ["model", "latent_dim"]
    rows = {}
    for metric in COMPARED:
        ours, theirs = (
            frame[frame["metric"] == metric].assign(log=lambda part: np.log(part["value"]))
            for frame in (full, mixed)
        )
        both = ours.merge(theirs, on=[*cell, "seed"], suffixes=("", "_mixed"))
        variances = ours.groupby(cell)["log"].agg(["var", "count"])
        variances = variances[variances["count"] > 1]
        if both.empty or variances.empty:
            raise StoreError(
                f"{metric}: {len(both)} runs have both precisions and {len(variances)} series have "
                "several seeds in single precision; at least one of each is needed"
            )
        weights = variances["count"] - 1
        pooled = float((variances["var"] * weights).sum() / weights.sum())
        gap = float(((both["log_mixed"] - both["log"]) ** 2).mean())
        limit = float(stats.f.ppf(LEVEL, len(both), weights.sum()))
        rows[metric] = {
            "gap": gap**0.5,
            "seeds": (2 * pooled) ** 0.5,
            "ratio": gap / (2 * pooled),
            "limit": limit,
            "within": gap / (2 * pooled) < limit,
            "pairs": len(both),
            "freedom": int(weights.sum()),
        }
    return pd.DataFrame(rows).T.rename_axis("metric")


def stored_gaps(
    experiment: str, store: Store | None = None, but: str | None = "infovae_chi2"
) -> pd.DataFrame:
    """`against_seeds` of an experiment's stored runs at d = 20, at every seed they have.

    All models but one: the outcome of χ² is so much a matter of the seed that beside its variance
    any gap would look small.

    Raises:
        StoreError: If seed 0 is not stored in bfloat16, or fewer than two seeds are in fp32.
    """

    def frame(precision: str) -> pd.DataFrame:
        chosen = Selection(experiment, "cpu", latent_dims=(20,), precision=precision)
        found = frames.frame(chosen.require(store))
        return found[found["model"] != but]

    return against_seeds(frame("fp32"), frame("bf16"))


def table(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What `against_seeds` found of each experiment, for readers."""
    return pd.DataFrame(
        {
            (EXPERIMENTS[experiment].title, WORDS[str(metric)]): {
                "between precisions": f"{row['gap']:.3f}",
                "between seeds": f"{row['seeds']:.3f}",
                "ratio of squares": f"{row['ratio']:.2f}",
                "limit": f"{row['limit']:.2f}",
                "within": "yes" if row["within"] else "no",
            }
            for experiment, gaps in found.items()
            for metric, row in gaps.iterrows()
        }
    ).T
