"""What the landing page says of the thesis's experiments, read from the stored results."""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from infovae_core import closed_forms
from infovae_core.report import captions, frames
from infovae_core.run import Run
from infovae_core.study import experiments, store
from infovae_core.study.selection import Selection
from infovae_core.study.store import Result


class Overview(NamedTuple):
    """Experiment 2 as a frame, and where it comes from; the numbers to quote, by name.

    `seeds` says which seeds each experiment has.
    """

    ours: pd.DataFrame
    numbers: dict[str, float]
    provenance: str
    seeds: str


def read() -> Overview:
    """Read the stored results of the thesis's experiments: seed 0, and every seed that is complete.

    Raises:
        StoreError: If a result is missing, with the command that makes it.
    """
    return overview({name: Selection(name).require() for name in frames.PUBLISHED})


def overview(found: Mapping[str, Mapping[Run, Result]]) -> Overview:
    """The numbers of these results, by experiment; of the third, how many there are."""
    two = found["experiment2"]
    numbers = {
        "runs": float(len({run for runs in found.values() for run in runs})),
        "escape": closed_forms.escape(20, 1.0),
        "published": float(
            frames.published("experiment2")
            .set_index(["model", "metric", "latent_dim"])["value"]
            .loc["infovae_mmd", "val_mmd", 20]
        ),
    }
    titles = {name: experiments.EXPERIMENTS[name].title for name in found}
    seeds = {name: captions.seed_list(runs) for name, runs in found.items()}
    return Overview(
        frames.frame(two),
        numbers,
        f"{titles['experiment2']}: {seeds['experiment2']}; {store.provenance_line(two.values())}",
        ", ".join(f"{titles[name]} from {listed}" for name, listed in seeds.items()),
    )
