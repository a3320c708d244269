"""What is stored: a row for each experiment, read from the results themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

from infovae_core.names import UnknownName
from infovae_core.run import PRECISIONS, Run
from infovae_core.study.experiments import EXPERIMENTS, PROFILES, TRACKS
from infovae_core.study.selection import Selection
from infovae_core.study.store import Result, Store

if TYPE_CHECKING:
    import pandas as pd


def inventory(store: Store) -> "pd.DataFrame":
    """Where results come from: a row for each experiment, track, full-size profile and precision.

    Profiles that are the same runs share a row. Every result is read, and so verified; a seed
    counts as wanted if any result of the row has it.

    Args:
        store: The results, of all profiles but "smoke".

    Returns:
        A table of texts, its index the experiments.
    """
    import pandas as pd  # a slow import, and the command line does without it

    rows = []
    for (experiment, track, profiles, precision), runs in _wanted(store).items():
        found = [result for run in runs if (result := store.load(run)) is not None]
        rows.append(
            {
                "experiment": EXPERIMENTS[experiment].title,
                "track": track,
                "profile": ", ".join(profiles),
                "precision": precision,
                "runs": f"{len(found)} of {len(runs)}",
                **(_origin([run for run in runs if run in store], found) if found else {}),
            }
        )
    return pd.DataFrame(rows).fillna("").set_index("experiment")


def strays(store: Store) -> list[str]:
    """Stored results that no experiment asks for, by name."""
    wanted = {run.name for runs in _wanted(store).values() for run in runs}
    return sorted(path.stem for path in store.root.glob("*.json") if path.stem not in wanted)


def _wanted(store: Store) -> dict[tuple[str, str, tuple[str, ...], str], list[Run]]:
    """The runs of every experiment, track, set of equal profiles and precision, as far as begun.

    At the seeds that are stored of them; in the profile's own precision, at least at seed 0.
    """
    wanted: dict[tuple[str, str, tuple[str, ...], str], list[Run]] = {}
    for experiment, track, precision in product(EXPERIMENTS, TRACKS, PRECISIONS):
        same: dict[tuple[Run, ...], list[str]] = {}
        for profile in [profile for profile in PROFILES if profile != "smoke"]:
            try:
                own = Selection(experiment, profile, track)
            except UnknownName:  # Not every experiment has every profile and track.
                continue
            chosen = replace(own, precision=precision)
            least = (0,) if chosen.runs == own.runs else ()
            seeds = tuple(chosen.stored_seeds(store)) or least
            if seeds:
                runs = tuple(replace(chosen, seeds=seeds).runs)
                same.setdefault(runs, []).append(profile)
        for listed, profiles in same.items():
            wanted[experiment, track, tuple(profiles), precision] = list(listed)
    return wanted


def _origin(runs: Sequence[Run], results: Sequence[Result]) -> dict[str, Any]:
    """What the results of a row have in common, or what they differ in."""
    made = [result.provenance for result in results]
    days = sorted(str(one["finished"])[:10] for one in made)
    commits = {str(one["commit"]) for one in made}
    return {
        "seeds": _each(run.seed for run in runs),
        "diverged": str(sum(result.status == "diverged" for result in results)),
        "device": _each(one["device"] for one in made),
        "PyTorch": _each(one["torch"] for one in made),
        # A "+" after a commit says that the package had uncommitted changes.
        "commits": ", ".join(sorted(name[:10] + "+" * name.endswith("+") for name in commits)),
        "finished": days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}",
        "hours": f"{sum(float(one['seconds']) for one in made) / 3600:.2f}",
    }


def _each(values: Iterable[Any]) -> str:
    return ", ".join(map(str, sorted(set(values))))
