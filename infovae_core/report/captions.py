"""Sentences that depend on the results: captions, and the differences that figures show."""

import math
from collections.abc import Iterable, Mapping

import pandas as pd

from infovae_core import closed_forms
from infovae_core.datasets import steps_per_epoch
from infovae_core.report.frames import by_seed, finals
from infovae_core.report.intervals import LEVEL, difference
from infovae_core.report.labels import LABELS, SCHEDULES
from infovae_core.run import Run
from infovae_core.study.experiments import EXPERIMENTS
from infovae_core.study.selection import Selection, as_text
from infovae_core.study.store import Result, provenance_line

# A percent sign stands apart from its number, on the same line.
PERCENT = f"{100 * LEVEL:g}\u00a0%"

# What a selection may have in place of an experiment's own, as captions say it.
CHOSEN = {
    "precision": "precision",
    "divergence": "all InfoVAE with D =",
    "bandwidth": "σ =",
    "alpha": "α =",
    "lam": "λ =",
}


def provenance(
    selection: Selection,
    results: Mapping[Run, Result],
) -> str:
    """What a caption ends with: track, profile, seeds, data, machine, commit, and what diverged.

    Also what was chosen in place of the experiment's own: precision, D, bandwidth, α or λ.
    """
    series = EXPERIMENTS[selection.experiment].series
    data = ", ".join(sorted({run.data for run in results}))
    chosen = [
        f"{CHOSEN[name]} {as_text(value)}"
        for name, value in selection.chosen.items()
        if name in CHOSEN
    ]
    text = (
        f"Track {selection.track}, profile {selection.profile}, {seed_list(results)}, "
        f"{', '.join([data, *chosen])}; {provenance_line(results.values())}."
    )
    lost = [
        f"{SCHEDULES.get(series(run), LABELS[series(run)])}, d = {run.latent_dim}, seed {run.seed}"
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
        shown: "dots", "log dots" on a logarithmic axis, "bands", "log bands", or "±" in a table.
    """
    n = len({run.seed for run in results})
    if n == 1:
        return "One seed, and no interval."
    if shown == "±":
        half = "distance of the two" if n == 2 else f"{PERCENT} t interval"
        return f"Means of {n} seeds, ± half the {half}."
    kind = "geometric means" if shown.startswith("log") else "means"
    if shown.endswith("bands"):
        return f"Lines: {kind} of {n} seeds; bands: their range."
    return f"Dots: {n} seeds; lines: their {kind}."


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


def sure(selection: Selection) -> str:
    """How sure the answer of an experiment is: seeds, runs, their length, and what is smaller.

    Args:
        selection: An experiment's runs, as its page shows them.

    Raises:
        StoreError: If a result is missing; with the command that makes it.
    """
    results = selection.require()
    run = next(iter(results))
    n = len({one.seed for one in results})
    epochs = run.steps / steps_per_epoch(run.data, run.batch_size)
    text = (
        f"{n} {'seed' if n == 1 else 'seeds'} of {len(results) // n} runs, {run.steps:,} updates "
        f"each ({epochs:.2g} epochs of {run.data.upper()})"
    )
    full = Selection(selection.experiment, profile="paper").runs[0]
    if full.masked_channels != run.masked_channels:
        text += f"; {run.masked_channels} of the thesis's {full.masked_channels} channels"
    if full.steps != run.steps:
        text += f"; {run.steps / full.steps:.0%} of the thesis's updates"
    if n == 1:
        return text + ". One seed: a difference that another seed could undo is no finding."
    return text + f". An order is one where its {PERCENT} interval, seed by seed, excludes 0."


def duration(results: Mapping[Run, Result]) -> str:
    """How long these runs take on two cores, as they were made: two runs at once, a thread each."""
    made = sum(
        float(one.provenance["seconds"]) / (2 if "1 thread" in one.provenance["device"] else 1)
        for one in results.values()
    )
    if made < 90:
        return f"{made:.0f} s"
    return f"{made / 60:.0f} min" if made < 5400 else f"{made / 3600:.1f} h"


def prices(lam: float = 1000.0) -> dict[str, float]:
    """What codes pay that leave the prior under an RBF-MMD, in nats at λ, in words' names.

    At σ = 1, `price_5` and `price_20` by the latent dimension; `price_wide` and its reading,
    `escape_wide`, at σ² = d in 20.
    """
    wide = closed_forms.escape(20, math.sqrt(20))
    found = {f"price_{d}": lam * closed_forms.escape(d, 1.0) ** 2 for d in (5, 20)}
    return found | {"price_wide": lam * wide**2, "escape_wide": wide}


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


def differences1(ours: pd.DataFrame, followed: pd.DataFrame) -> pd.DataFrame:
    """The differences of `COMPARED1`, see `differences2`.

    Args:
        ours: `frames.frame`, its series named by `experiments.schedule_name`.
        followed: `frames.curves`, named so too.
    """
    rows = pd.concat([ours, finals(followed).assign(metric="final_val_mmd")])

    def bracketed(label: str) -> str:
        return f"({label})" if "," in label else label

    return _differences(
        {
            name: (metric, form, rows[rows["model"] == a], rows[rows["model"] == b])
            for name, (metric, a, b, form) in COMPARED1.items()
        },
        {
            name: f"{bracketed(SCHEDULES[a])} − {bracketed(SCHEDULES[b])}"
            for name, (_, a, b, _) in COMPARED1.items()
        },
    )


def differences2(ours: pd.DataFrame) -> pd.DataFrame:
    """The differences of `COMPARED2`, first less second, as `forest_plots.differences` draws them.

    Args:
        ours: `frames.frame`.

    Returns:
        A row for each comparison, by its name: the columns label, metric, form (of its numbers) and
        those of `intervals.Interval`. One at a dimension that is not among the results has n = 0.
    """

    def part(model: str, latent_dim: int) -> pd.DataFrame:
        return ours[(ours["model"] == model) & (ours["latent_dim"] == latent_dim)]

    return _differences(
        {
            name: (metric, form, part(*a), part(*b))
            for name, (metric, a, b, form) in COMPARED2.items()
        },
        {
            name: f"{LABELS[a]} − {LABELS[b]}, d\u00a0=\u00a0{d}"
            for name, (_, (a, d), (b, _), _) in COMPARED2.items()
        },
    )


def _differences(
    compared: Mapping[str, tuple[str, str, pd.DataFrame, pd.DataFrame]], labels: Mapping[str, str]
) -> pd.DataFrame:
    """Paired differences of a metric between two parts of a frame, by the comparison's name."""
    return pd.DataFrame.from_dict(
        {
            name: {"label": labels[name], "metric": metric, "form": form}
            | difference(by_seed(first, metric), by_seed(second, metric))._asdict()
            for name, (metric, form, first, second) in compared.items()
        },
        orient="index",
    )
