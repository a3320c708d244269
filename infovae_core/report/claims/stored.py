"""What the tests of claims read: results by experiment, metric, series, dimension and seed."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from infovae_core.report import costs, frames, generalization, leaving
from infovae_core.report.claims.checks import Values
from infovae_core.run import Run
from infovae_core.study.experiments import EXPERIMENTS
from infovae_core.study.selection import Selection
from infovae_core.study.store import Result, Store, default_root


class Stored:
    """Results as frames, made or read when they are first asked for."""

    def __init__(
        self,
        ends: Callable[[str], pd.DataFrame],
        curves: Callable[[str], pd.DataFrame],
        record: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        """Say where the frames come from.

        Args:
            ends: `frames.frame` of an experiment, by its name.
            curves: `frames.curves` likewise.
            record: The benchmark record of a CPU, see `costs`.
        """
        self.ends = functools.cache(ends)
        self.curves = functools.cache(curves)
        self.record = functools.cache(record)

    def seeds(self, experiment: str) -> tuple[int, ...]:
        """The seeds that there are of an experiment."""
        return tuple(sorted(int(seed) for seed in self.ends(experiment)["seed"].unique()))

    def value(self, experiment: str, metric: str, series: str, d: int = 20) -> Values:
        """A metric at the end of a series' runs, by seed; empty where it has none."""
        return self._values(experiment).get((metric, series, d), {})

    def lost(self, experiment: str) -> list[str]:
        """The series of which a run diverged."""
        rows = self.ends(experiment)
        return sorted(set(rows[rows["status"] != "done"]["model"]))

    def published(self, experiment: str, metric: str, series: str, d: int = 20) -> float:
        """The published value.

        Raises:
            KeyError: If the thesis has none.
        """
        return _published(experiment)[metric, series, d]

    def curve(self, experiment: str, metric: str, series: str, after: int = -1) -> pd.DataFrame:
        """A metric while a series trained, after a step: (step) × (seed)."""
        rows = self.curves(experiment)
        rows = rows[(rows["metric"] == metric) & (rows["model"] == series) & (rows["step"] > after)]
        found: pd.DataFrame = rows.pivot(index="step", columns="seed", values="value")
        return found

    @functools.cache  # noqa: B019 - one instance lives as long as the process
    def late(self, experiment: str) -> dict[tuple[str, str], dict[int, float]]:
        """Of the validation MMD's last steps: `frames.finals` as "final", and `frames.unrest`.

        Returns:
            By metric and series, values by seed.
        """
        followed = self.curves(experiment)
        rows = pd.concat([frames.finals(followed).assign(metric="final"), frames.unrest(followed)])
        found: dict[tuple[str, str], dict[int, float]] = {}
        for metric, model, seed, value in rows[["metric", "model", "seed", "value"]].itertuples(
            index=False
        ):
            found.setdefault((metric, model), {})[int(seed)] = float(value)
        return found

    @functools.cache  # noqa: B019 - one instance lives as long as the process
    def _values(self, experiment: str) -> dict[tuple[str, str, int], dict[int, float]]:
        found: dict[tuple[str, str, int], dict[int, float]] = {}
        rows = self.ends(experiment)[["metric", "model", "latent_dim", "seed", "value"]]
        for metric, model, d, seed, value in rows.itertuples(index=False):
            found.setdefault((metric, model, int(d)), {})[int(seed)] = float(value)
        return found


@functools.cache
def _published(experiment: str) -> dict[tuple[str, str, int], float]:
    rows = frames.published(experiment)
    keys = zip(rows["metric"], rows["model"], rows["latent_dim"].astype(int), strict=True)
    return dict(zip(keys, rows["value"], strict=True))


def greyness(results: Mapping[Run, Result]) -> pd.DataFrame:
    """How undecided reconstructions are: 4 p (1 − p), mean over pixels; 0 is sharpest."""
    rows = []
    for run, result in results.items():
        if "reconstructions" in result.arrays:
            p = result.arrays["reconstructions"] / 255
            value = float((4 * p * (1 - p)).mean())
            rows.append((run.model, run.latent_dim, run.seed, result.status, "greyness", value))
    return pd.DataFrame(rows, columns=frames.COLUMNS)


def asked(name: str) -> Selection:
    """The runs behind a claim: an experiment's, or those of its track, "experiment2/corrected".

    Raises:
        UnknownName: If there is no such experiment, or it has no such track.
    """
    experiment, _, track = name.partition("/")
    return Selection(experiment, track=track) if track else Selection(experiment)


@functools.cache
def read() -> Stored:
    """The results that the pages show.

    Raises:
        StoreError: Once they are asked for, if one is missing; with the command that makes it.
    """
    store = Store(default_root("cpu"))

    @functools.cache
    def results(name: str) -> Mapping[Run, Result]:
        chosen = asked(name)
        return chosen.available(store) if "/" in name else chosen.require(store)

    def series(name: str) -> Callable[[Run], str]:
        return EXPERIMENTS[asked(name).experiment].series

    def ends(name: str) -> pd.DataFrame:
        found = frames.frame(results(name), series(name))
        if name == "experiment1":
            return found
        more = [generalization.train_test(results(name)), greyness(results(name))]
        if name.startswith("experiment2"):
            more.append(leaving.frame(results(name)))
        return pd.concat([found, *more])

    return Stored(
        ends,
        lambda name: frames.curves(results(name), series(name)),
        lambda: costs.findings(costs.require("cpu")),
    )
