"""Sentences that depend on the results: captions, and what the text says of differences."""

import itertools
from collections.abc import Callable, Iterable, Mapping

import pandas as pd

from infovae_core import schedule_plots
from infovae_core.experiments import EXPERIMENT1_SCHEDULES
from infovae_core.frames import by_model, by_seed, finals
from infovae_core.intervals import LEVEL, difference, different, phrase
from infovae_core.parameters import Parameters
from infovae_core.plots import LABELS
from infovae_core.run import Run
from infovae_core.store import Result, provenance_line

# A percent sign stands apart from its number, on the same line.
PERCENT = f"{100 * LEVEL:g}\u00a0%"


def provenance(
    parameters: Parameters,
    results: Mapping[Run, Result],
    series: Callable[[Run], str] = by_model,
) -> str:
    """What a caption ends with: track, profile, seeds, data, machine, commit, and what diverged."""
    data = ", ".join(sorted({run.data for run in results}))
    text = (
        f"Track {parameters.track}, profile {parameters.profile}, {seed_list(results)}, {data}; "
        f"{provenance_line(results.values())}."
    )
    lost = [
        f"{(LABELS | schedule_plots.LABELS)[series(run)]}, d = {run.latent_dim}, seed {run.seed}"
        for run, result in results.items()
        if result.status == "diverged"
    ]
    return text + (f" Diverged, and in no mean: {'; '.join(lost)}." if lost else "")


def seed_list(results: Iterable[Run]) -> str:
    """The seeds of these runs: "seed 0", or "seeds 0, 1"."""
    seeds = sorted({run.seed for run in results})
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"


def means(results: Iterable[Run], shown: str) -> str:
    """The sentence of a caption on what is drawn: how many seeds, and how they spread.

    Args:
        results: The runs.
        shown: How a figure shows an interval, such as "bars"; or "±" in a table.
    """
    n = len({run.seed for run in results})
    if n == 1:
        return "One seed, so that no interval can be given."
    if n == 2:
        if shown == "±":
            return "Means of 2 seeds, ± half the distance of the two."
        return f"Means of 2 seeds; {shown}: from the one to the other."
    if shown == "±":
        return f"Means of {n} seeds, ± half the {PERCENT} t interval."
    return f"Means of {n} seeds; {shown}: {PERCENT} t intervals, cut off at the frame."


def basis(results: Iterable[Run]) -> str:
    """What the text may call a difference, with as many seeds as there are."""
    n = len({run.seed for run in results})
    if n == 1:
        return (
            "All numbers are from one seed; a difference that another seed could undo is no finding"
        )
    return (
        f"Numbers are means of {n} seeds. A difference is called one where its {PERCENT} "
        "interval, taken seed by seed, excludes 0; each interval stands by itself"
    )


def hours(results: Mapping[Run, Result]) -> float:
    """Hours that training and measuring took, all runs together, as they were made."""
    return sum(float(result.provenance["seconds"]) for result in results.values()) / 3600


def timed(results: Mapping[Run, Result]) -> str:
    """Where times were taken, of the results that have been timed: devices, commits and seeds."""
    runs = {run: one.provenance for run, one in results.items() if "timed" in one.provenance}
    seen = [made["timed"] for made in runs.values()]
    devices = sorted({str(one["device"]) for one in seen})
    commits = sorted({str(one["commit"])[:10] for one in seen})
    return f"timed on {', '.join(devices)}, commit {', '.join(commits)}, {seed_list(runs)}"


# What the text of Experiments 1 and 2 compares: by name, a metric, two series (of Experiment 2 at
# latent dimensions) and the format of the difference, first less second.
COMPARED1 = {
    "alpha_final": ("final_val_mmd", "fixed_500_0", "fixed_500_1", "{:.4f}"),
    "alpha_bce": ("test_bce", "fixed_500_0", "fixed_500_1", "{:.1f}"),
    "half_bce": ("test_bce", "fixed_500_0.5", "fixed_500_1", "{:.1f}"),
    "alpha_auc": ("classifier_auc", "fixed_500_0", "fixed_500_1", "{:.3f}"),
    "lam_final": ("final_val_mmd", "fixed_500_0", "fixed_1000_0", "{:.4f}"),
    "linear_final": ("final_val_mmd", "linear_annealing", "fixed_1000_0", "{:.5f}"),
    "cyclical_final": ("final_val_mmd", "cyclical_annealing", "fixed_1000_0", "{:.5f}"),
}
COMPARED2 = {
    "none_20_mmd": ("val_mmd", ("infovae_mmd", 20), ("recon_ae", 20), "{:.1e}"),
    "none_20_bce": ("test_bce", ("infovae_mmd", 20), ("recon_ae", 20), "{:.1f}"),
    "none_20_svm": ("svm_error", ("infovae_mmd", 20), ("recon_ae", 20), "{:.3f}"),
    "none_20_norm": ("norm_ratio", ("infovae_mmd", 20), ("recon_ae", 20), "{:.2f}"),
    "none_80_svm": ("svm_error", ("infovae_mmd", 80), ("recon_ae", 80), "{:.3f}"),
    "vae_20_svm": ("svm_error", ("vae", 20), ("infovae_mmd", 20), "{:.3f}"),
    "vae_80_svm": ("svm_error", ("vae", 80), ("infovae_mmd", 80), "{:.3f}"),
    "sinkhorn_20_mmd": ("val_mmd", ("infovae_sinkhorn", 20), ("infovae_mmd", 20), "{:.3f}"),
    "sinkhorn_80_svm": ("svm_error", ("infovae_sinkhorn", 80), ("infovae_mmd", 80), "{:.2f}"),
}


def comparisons1(ours: pd.DataFrame, followed: pd.DataFrame) -> dict[str, str]:
    """What the seeds say of `COMPARED1`, each for a pair of brackets (`intervals.phrase`).

    `order` tells how many pairs of the schedules without a KL term differ in their final MMD.

    Args:
        ours: `frames.frame`, its series named by `experiments.schedule_name`.
        followed: `frames.curves`, named so too.
    """
    rows = pd.concat([ours, finals(followed).assign(metric="final_val_mmd")])

    def values(metric: str, name: str) -> dict[int, float]:
        return by_seed(rows[rows["model"] == name], metric)

    found = {
        f"{name}_difference": phrase(difference(values(metric, a), values(metric, b)), form)
        for name, (metric, a, b, form) in COMPARED1.items()
    }
    free = [name for name, (alpha, *_) in EXPERIMENT1_SCHEDULES.items() if alpha == 1]
    return found | {"order": told_apart({name: values("final_val_mmd", name) for name in free})}


def comparisons2(ours: pd.DataFrame) -> dict[str, str]:
    """What the seeds say of `COMPARED2`, each for a pair of brackets (`intervals.phrase`).

    A comparison at a dimension that is not among the results is not known.

    Args:
        ours: `frames.frame`.
    """

    def values(metric: str, model: str, latent_dim: int) -> dict[int, float]:
        return by_seed(ours[(ours["model"] == model) & (ours["latent_dim"] == latent_dim)], metric)

    return {
        f"{name}_difference": phrase(difference(values(metric, *a), values(metric, *b)), form)
        for name, (metric, a, b, form) in COMPARED2.items()
    }


def told_apart(values: Mapping[str, Mapping[int, float]]) -> str:
    """How many pairs of series the seeds tell apart: "3 of the 10 pairs are told apart".

    Args:
        values: By series, its values by seed.
    """
    verdicts = [different(a, b) for a, b in itertools.combinations(values.values(), 2)]
    if all(verdict is None for verdict in verdicts):
        return f"one seed tests none of the {len(verdicts)} pairs"
    told = sum(verdict is True for verdict in verdicts)
    return f"the seeds tell {told} of the {len(verdicts)} pairs apart"
