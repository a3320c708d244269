"""Tables and single numbers for the pages, computed from stored results."""

from collections.abc import Mapping
from typing import cast

import pandas as pd

from infovae_core.experiments import Run
from infovae_core.parameters import Parameters
from infovae_core.plots import LABELS
from infovae_core.store import Result, provenance_line

# Columns of the comparison: metric, heading, format.
COLUMNS = (
    ("val_mmd", "validation MMD", "{:.2g}"),
    ("svm_error", "SVM error", "{:.3f}"),
    ("train_seconds", "training (s)", "{:.0f}"),
    ("test_bce", "test BCE (nats)", "{:.1f}"),
    ("norm_ratio", "‖z‖/√d", "{:.2f}"),
    ("classifier_auc", "classifier AUC", "{:.2f}"),
)


def provenance(parameters: Parameters, results: Mapping[Run, Result]) -> str:
    """The sentence a caption ends with: track, profile, seeds, data, machine and commit."""
    seeds = ", ".join(map(str, parameters.seeds))
    data = ", ".join(sorted({run.data for run in results}))
    return (
        f"Track {parameters.track}, profile {parameters.profile}, "
        f"{'seed' if len(parameters.seeds) == 1 else 'seeds'} {seeds}, {data}; "
        f"{provenance_line(results.values())}."
    )


def beside(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """One row for each model and dimension: mean over seeds, the published value in brackets."""
    keys = ["model", "latent_dim", "metric"]
    mine = ours.groupby(keys)["value"].mean()
    published = theirs.set_index(keys)["value"]
    rows = {}
    for model in LABELS:
        for latent_dim in sorted(ours["latent_dim"].unique()):
            cells = {}
            for metric, heading, form in COLUMNS:
                key = (model, latent_dim, metric)
                text = form.format(mine[key]) if key in mine.index else "diverged"
                if key in published.index:
                    text += f" [{form.format(published[key])}]"
                cells[heading] = text
            rows[LABELS[model], latent_dim] = cells
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.names = ["divergence", "d"]
    return table


def findings2(ours: pd.DataFrame, theirs: pd.DataFrame) -> dict[str, float]:
    """Numbers that the text of Experiment 2 quotes, by name.

    `infovae_mmd_20_val_mmd` is our mean over seeds, `published_infovae_mmd_20_val_mmd` the
    published value, `escape_20` what an RBF-MMD of σ = 1 reads without any alignment.
    """
    found = {f"escape_{d}": float(3.0 ** (-d / 4)) for d in ours["latent_dim"].unique()}
    for prefix, rows in (("", ours), ("published_", theirs)):
        for key, value in rows.groupby(["model", "latent_dim", "metric"])["value"].mean().items():
            model, latent_dim, metric = cast("tuple[str, int, str]", key)
            found[f"{prefix}{model}_{latent_dim}_{metric}"] = float(value)
    return found
