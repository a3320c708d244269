"""What the landing page says of the three experiments, read from the stored results."""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from infovae_core import captions, closed_forms, experiments, frames, store, tables
from infovae_core.inventory import shown, stored_seeds
from infovae_core.run import Run
from infovae_core.store import Result


class Overview(NamedTuple):
    """Experiment 2 as a frame, and where it comes from; the numbers to quote, by name.

    `seeds` says which seeds each experiment has.
    """

    ours: pd.DataFrame
    numbers: dict[str, float]
    provenance: str
    seeds: str


def read() -> Overview:
    """Read the stored results of all experiments: seed 0, and every seed that is complete.

    Raises:
        StoreError: If a result is missing, with the command that makes it.
    """
    kept = store.Store(store.default_root("cpu"))
    found = {}
    for name in experiments.EXPERIMENTS:
        profile = experiments.SHOWN[name]
        seeds = shown(stored_seeds(kept, name, profile=profile))
        found[name] = kept.require(
            experiments.runs(name, profile=profile, seeds=seeds),
            f"python -m infovae_core run {name} --profile {profile}",
        )
    return overview(found)


def overview(found: Mapping[str, Mapping[Run, Result]]) -> Overview:
    """The numbers of these results, by experiment; of the third, how many there are."""
    one, two = found["experiment1"], found["experiment2"]
    schedules = tables.findings1(
        frames.frame(one, experiments.schedule_name),
        frames.curves(one, experiments.schedule_name),
        frames.published("exp1"),
    )
    ours = frames.frame(two)
    divergences = tables.findings(ours, frames.published("exp2"))
    numbers = {
        "runs": float(len({run for runs in found.values() for run in runs})),
        "escape": closed_forms.escape(20, 1.0),
        "difference": schedules["difference"],
        "spread": schedules["spread"],
    }
    for key in (
        "published_infovae_mmd_20_val_mmd",
        "published_infovae_sinkhorn_20_val_mmd",
        "infovae_mmd_5_norm_ratio",
        "infovae_mmd_10_norm_ratio",
        "infovae_mmd_20_norm_ratio",
        "infovae_mmd_20_test_bce",
        "recon_ae_20_test_bce",
        "vae_20_val_mmd",
        "vae_20_norm_ratio",
        "infovae_sinkhorn_20_val_mmd",
        "infovae_cramer_20_active_units",
    ):
        numbers[key] = divergences[key]
    seeds = ", ".join(
        f"Experiment {name[-1]} from {captions.seed_list(runs)}" for name, runs in found.items()
    )
    return Overview(
        ours,
        numbers,
        f"Experiment 2: {captions.seed_list(two)}; {store.provenance_line(two.values())}",
        seeds,
    )
