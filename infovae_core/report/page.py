"""How a page of an experiment opens: parameters, results, and what its text quotes of them."""

from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from infovae_core.report import captions, frames
from infovae_core.run import Run
from infovae_core.study import selection as selections
from infovae_core.study.experiments import EXPERIMENTS, Experiment
from infovae_core.study.parameters import plain_values
from infovae_core.study.selection import Selection
from infovae_core.study.store import Result, Store, is_timed, require_timed

# A notebook's parameters besides those that select runs.
TRAINING = ("device", "train_missing")


@dataclass(frozen=True)
class Page:
    """The stored results of an experiment's runs, as its page shows them.

    Attributes:
        selection: Which runs; its seeds are named.
        seeds: A line that tells which seeds these are, and which are stored only in part.
        results: The results, by run.
        timed: Whether the runs' steps have been timed.
    """

    selection: Selection
    seeds: str
    results: dict[Run, Result]
    timed: bool

    @property
    def experiment(self) -> Experiment:
        """What is run."""
        return EXPERIMENTS[self.selection.experiment]

    @cached_property
    def ours(self) -> pd.DataFrame:
        """The metrics, see `frames.frame`."""
        return frames.frame(self.results, self.experiment.series)

    @cached_property
    def followed(self) -> pd.DataFrame:
        """What was measured while the runs trained, see `frames.curves`.

        Raises:
            ValueError: If there are several latent dimensions, which a curve does not tell apart.
        """
        if len(dims := sorted({run.latent_dim for run in self.results})) > 1:
            raise ValueError(
                f"this page follows runs of one latent dimension, got {', '.join(map(str, dims))}: "
                "choose one of them"
            )
        return frames.curves(self.results, self.experiment.series)

    @cached_property
    def theirs(self) -> pd.DataFrame:
        """The published values, see `frames.published`."""
        return frames.published(self.selection.experiment)

    @property
    def of_first_seed(self) -> dict[Run, Result]:
        """The results of the first seed, which a command without seeds trains."""
        first = min(run.seed for run in self.results)
        return {run: one for run, one in self.results.items() if run.seed == first}

    @property
    def one_model(self) -> dict[Run, Result]:
        """Of the first seed, the InfoVAE runs at one dimension: 20, or the last."""
        dims = [run.latent_dim for run in self.results]
        d = 20 if 20 in dims else dims[-1]
        return {
            run: one
            for run, one in self.of_first_seed.items()
            if run.latent_dim == d and run.model.startswith("infovae_")
        }

    def numbers(self) -> pd.DataFrame:
        """Every metric of every run beside the published value: a row a number."""
        keys = ["model", "latent_dim", "metric"]
        published = self.theirs[[*keys, "value"]].dropna()
        return self.ours.merge(
            published.rename(columns={"value": "published"}).drop_duplicates(keys), "left", keys
        )

    @property
    def models(self) -> list[str]:
        """The models that there are, in the experiment's order."""
        return list(dict.fromkeys(run.model for run in self.results))

    def glue(self, **findings: Any) -> None:
        """Give the page's text what it quotes: these, and the sentences that all captions share."""
        shared = {
            "provenance": captions.provenance(self.selection, self.results),
            "basis": captions.basis(self.results),
            "dots": captions.means(self.results, "dots"),
            "log_dots": captions.means(self.results, "log dots"),
            "bands": captions.means(self.results, "bands"),
            "log_bands": captions.means(self.results, "log bands"),
            "halves": captions.means(self.results, "±"),
            "duration": captions.duration(self.of_first_seed),
            "one_model": captions.duration(self.one_model),
        } | captions.prices()
        if self.timed:
            shared["timed"] = captions.timed(self.results)
        glue(**shared, **findings)


def open(
    experiment: str,
    namespace: MutableMapping[str, Any],
    *,
    timed: bool = False,
    available: bool = False,
) -> Page:
    """Read a notebook's parameters and the results that they name; train those that lack, or stop.

    Args:
        experiment: Name of the experiment.
        namespace: The notebook's `globals()`.
        timed: The page shows times, so that the first seed's steps must have been timed.
        available: Where no seeds are named, the page shows whatever is stored of seeds that are not
            whole, see `Selection.available`.

    Raises:
        UnknownName: If a parameter, or a name that one gives, does not exist.
        ValueError: If a parameter is missing, of the wrong type or out of range.
        StoreError: If a result is missing and not to be trained; with the command that makes it.
    """
    known = [one.name for one in selections.options()]
    given = plain_values(namespace, [*known, *TRAINING])
    typed = {"true": True, "false": False}  # As papermill's command gives "true".
    given["train_missing"] = typed.get(str(given["train_missing"]).lower(), given["train_missing"])
    if not isinstance(given["train_missing"], bool):
        raise ValueError(f"train_missing must be True or False, got {given['train_missing']!r}")
    asked = Selection(experiment, **{name: given[name] for name in known})
    store = asked.store()
    chosen, seeds = asked.settled(store)
    first = replace(chosen, seeds=chosen.seeds and chosen.seeds[:1])
    if given["train_missing"]:
        train(chosen, first if timed else None, store, selections.text("device", given["device"]))
    results = chosen.require(store)
    if available and asked.seeds is None:
        results = asked.available(store)
        seeds = f"seeds: {', '.join(map(str, sorted({run.seed for run in results})))}"
    if timed:  # A step costs every seed the same.
        require_timed({run: results[run] for run in first.runs}, first.command("time"))
    run = chosen.runs[0]
    print(f"{run.steps:,} steps a run on {run.data}")
    return Page(chosen, seeds, results, timed)


def train(chosen: Selection, timed: Selection | None, store: Store, device: str) -> None:
    """Train and time what is missing."""
    from infovae_core import devices  # PyTorch, which a page of stored results does without
    from infovae_core.study import grid, timing

    where = devices.resolve(device)
    grid.run_grid(chosen.runs, store, where)
    if timed is not None:
        runs = timed.runs
        if timed != timed.plain:  # Controls keep the times that the experiment's own page shows.
            runs = [run for run, one in store.require(runs, "").items() if not is_timed(one)]
        timing.time_grid(runs, store, where)


def glue(**values: Any) -> None:
    """Give the page's text values to quote, by name."""
    from myst_nb import glue as show  # Sphinx, which only pages need

    for name, value in values.items():
        show(name, value, display=False)
