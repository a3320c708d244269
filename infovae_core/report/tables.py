"""Tables and single numbers for the pages, computed from the specs and from stored results."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import pandas as pd

from infovae_core.closed_forms import escape
from infovae_core.datasets import steps_per_epoch
from infovae_core.objectives import PRESETS
from infovae_core.report.frames import final_mmd
from infovae_core.report.intervals import shown, spread
from infovae_core.report.labels import LABELS
from infovae_core.run import Run
from infovae_core.study.curves import steps_to_hold
from infovae_core.study.experiments import EXPERIMENT1_SCHEDULES, EXPERIMENTS

# Columns of the comparison: metric, heading, format.
COLUMNS = (
    ("val_mmd", "validation MMD", "{:.2g}"),
    ("svm_error", "SVM error", "{:.3f}"),
    ("timed_seconds", "training (s)", "{:.0f}"),
    ("test_bce", "test BCE (nats)", "{:.1f}"),
    ("norm_ratio", "‖z‖/√d", "{:.2f}"),
    ("classifier_auc", "classifier AUC", "{:.2f}"),
)


# What is run -------------------------------------------------------------------------------------


def divergence_table() -> pd.DataFrame:
    """Table 1: every divergence of the registry, with its options in the preset that uses it."""
    from infovae_core import critics, divergences  # noqa: F401 - critics enter themselves

    rows = {}
    # Those of Zhao et al. first, and of each group the youngest source.
    for name, (title, category, source, original) in sorted(
        divergences.ORIGINS.items(),
        key=lambda item: (not item[1].original, -_year(item[1].source), item[1].title),
    ):
        users = [model for model, one in PRESETS.items() if one.objective.divergence == name]
        given = PRESETS[users[0]].objective.options if users else {}
        rows[title] = {
            "category": category,
            "source": source,
            "in Zhao et al. 2019": "yes" if original else "no",
            "learned": "yes" if isinstance(divergences.REGISTRY[name], type) else "no",
            "options": _options(divergences.options(name, **given)),
            "model": ", ".join(LABELS[model] for model in users),
        }
    return _table(rows, "divergence")


def variant_table() -> pd.DataFrame:
    """Every preset: what it weighs, and the experiments that train it."""
    users = {
        one.title.removeprefix("Experiment "): {
            run.model for track in one.tracks for run in one(track=track)
        }
        for one in EXPERIMENTS.values()
    }
    rows = {}
    for model, preset in PRESETS.items():
        objective = preset.objective
        further = [f"{weight:g} × {name}" for name, weight in objective.extras.items()]
        further += [f"at least {objective.free_bits:g} nats of KL a dimension"] * bool(
            objective.free_bits
        )
        further += ["batch norm before the heads"] * preset.batch_norm
        rows[LABELS[model]] = {
            "α": f"{objective.alpha:g}",
            "λ": f"{objective.lam:g}",
            "weight of KL": f"{1 - objective.alpha:g}",
            "weight of D": f"{objective.weight:g}",
            "D": objective.divergence if objective.weight else "",
            "besides": ", ".join(further),
            "experiments": ", ".join(short for short, models in users.items() if model in models),
        }
    return _table(rows, "model")


def setting_table(profile: str | None = None) -> pd.DataFrame:
    """Table 2: the settings of every experiment, read from its runs.

    Args:
        profile: "smoke", "brief", "cpu" or "paper"; None for those that the pages show.
    """
    rows = {}
    for experiment in EXPERIMENTS.values():
        runs = experiment(profile=profile or experiment.shown)
        every = {run.eval_every for run in runs}
        penalized = [run for run in runs if run.objective.weight]
        rows[experiment.title] = {
            "runs a seed": len(runs),
            "updates": _each(runs, lambda run: f"{run.steps:,}"),
            "epochs": _each(
                runs, lambda run: f"{run.steps / steps_per_epoch(run.data, run.batch_size):.3g}"
            ),
            "B": _each(runs, lambda run: run.batch_size),
            "Adam's rate": _each(runs, lambda run: f"{run.learning_rate:g}"),
            "d": _each(runs, lambda run: run.latent_dim),
            "decoder": _each(
                runs,
                lambda run: (
                    run.decoder.replace("_", " ")
                    + (f", {run.masked_channels} channels" if run.masked_channels else "")
                ),
            ),
            "α of penalties": _each(penalized, lambda run: f"{run.objective.alpha:g}"),
            "λ of penalties": _each(penalized, lambda run: f"{run.objective.lam:g}"),
            "validation": _each(runs, lambda run: f"{run.val_batches} × {run.val_batch_size}")
            + f", every {', '.join(map(str, sorted(every)))} updates",
        }
    return _table(rows, "").T


def _table(rows: dict[str, dict[str, Any]], corner: str) -> pd.DataFrame:
    """Rows by name, with what they are in the corner of the heading."""
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(columns=corner or None)


def _each(runs: Iterable[Run], form: Callable[[Run], Any]) -> str:
    """The different values among runs, in the order of the runs."""
    return ", ".join(dict.fromkeys(str(form(run)) for run in runs))


def _year(source: str) -> int:
    """Of "Author year"; 0 where there is none."""
    return int(source[-4:]) if source[-4:].isdigit() else 0


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in options.items())


# What was found ----------------------------------------------------------------------------------


def beside(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """One row for each model and dimension: mean over seeds, the published value in brackets.

    With several seeds the mean has half its interval behind it, and the seeds that diverged are
    counted. What was not measured is "–".
    """
    keys = ["model", "latent_dim", "metric"]
    mine = summary(ours, keys)
    published = theirs.set_index(keys)["value"]
    rows = {}
    for model in ours["model"].unique():
        for latent_dim in sorted(ours["latent_dim"].unique()):
            cells = {}
            for metric, heading, form in COLUMNS:
                key = (model, latent_dim, metric)
                text = cell(mine, key, form)
                if key in published.index:
                    text += f"\u00a0[{shown(published[key], form)}]"
                cells[heading] = text
            rows[LABELS[model], latent_dim] = cells
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.names = ["model", "d"]
    return table


def summary(ours: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """`intervals.spread` of a `frames.frame`, where `lost` counts the seeds that diverged."""
    found = spread(ours, by)
    diverged = (ours["status"] == "diverged").groupby([ours[one] for one in by]).sum()
    return found.assign(lost=diverged)


def cell(values: pd.DataFrame, key: Any, form: str, lost: str = "diverged") -> str:
    """A mean of an `intervals.spread`, with ± half its interval if there is one.

    Args:
        values: The summary.
        key: Its row; where it has none, or no number, nothing was measured: "–".
        form: Format of the numbers.
        lost: What became of the seeds that the summary counts as lost.
    """
    if key not in values.index:
        return "–"
    row = values.loc[key]
    if row["n"] == 0:
        return lost if row["lost"] else "–"
    text = shown(row["mean"], form)
    if row["n"] > 1:
        text += f"\u00a0±\u00a0{shown((row['high'] - row['low']) / 2, form)}"
    return text + (f" ({row['lost']:.0f} {lost})" if row["lost"] else "")


def findings1(ours: pd.DataFrame, followed: pd.DataFrame, theirs: pd.DataFrame) -> dict[str, float]:
    """`findings` of Experiment 1, and what its text says of curves and times.

    `fixed_500_1_final` is the mean validation MMD of the last steps, `difference` the greatest
    one between ours and a published one; `spread` is that among the runs without a KL term, and
    `settled_first`, `settled_last` the steps after which those stay within a tenth of their level;
    `untrained` is what is read before the first step, and `alpha_excess` the most that a
    controlled α exceeds 1 by.
    """
    found = findings(ours, theirs)
    final = final_mmd(followed)
    rows = theirs[theirs["metric"] == "final_val_mmd"]
    quoted = dict(zip(rows["model"], rows["value"], strict=True))
    for prefix, values in (("", final), ("published_", quoted)):
        found |= {f"{prefix}{name}_final": float(value) for name, value in values.items()}
    free = [name for name, one in EXPERIMENT1_SCHEDULES.items() if one.alpha == 1]
    read = followed[followed["metric"] == "val_mmd"].groupby(["model", "step"])["value"].mean()
    settled = [
        steps_to_hold(list(read[name].items()), 1.1 * final[name]) or math.nan for name in free
    ]
    found |= {
        "difference": max(abs(final[name] - value) for name, value in quoted.items()),
        "spread": max(final[name] for name in free) - min(final[name] for name in free),
        "settled_first": float(min(settled)),
        "settled_last": float(max(settled)),
        "untrained": float(read["fixed_500_1", 0]),
        "alpha_excess": float(
            followed[
                (followed["metric"] == "alpha")
                & followed["model"].isin(("adaptive_alpha", "adaptive_both"))
            ]["value"].max()
        )
        - 1,
    }
    weights = followed[followed["metric"].isin(("lam", "alpha"))]
    extremes = weights.groupby(["model", "metric"])["value"].agg(["min", "max"])
    for key, row in extremes.iterrows():
        model, metric = cast("tuple[str, str]", key)
        found |= {f"{model}_{metric}_{which}": float(row[which]) for which in ("min", "max")}
    return found


def findings3(ours: pd.DataFrame, theirs: pd.DataFrame) -> dict[str, float]:
    """`findings` of Experiment 3, and two of the models without a KL term.

    `recon_spread` is the range, in nats, of their test reconstruction losses at the largest latent
    dimension, `free_norm` the greatest of their ‖z‖/√d.
    """
    found = findings(ours, theirs)
    free = [name for name, preset in PRESETS.items() if preset.objective.alpha == 1]
    rows = ours[ours["model"].isin(free)]
    means = rows.groupby(["metric", "latent_dim", "model"])["value"].mean()
    losses = means["test_bce", ours["latent_dim"].max()]
    return found | {
        "recon_spread": float(losses.max() - losses.min()),
        "free_norm": float(means["norm_ratio"].max()),
    }


def findings(ours: pd.DataFrame, theirs: pd.DataFrame) -> dict[str, float]:
    """Numbers that the text of an experiment quotes, by name.

    `infovae_mmd_20_val_mmd` is our mean over seeds, with `_least` and `_greatest` the extremes;
    `published_infovae_mmd_20_val_mmd` is the published value, `escape_20` what an RBF-MMD of σ = 1
    reads of escaped codes.
    """
    found = {f"escape_{d}": escape(d, 1.0) for d in ours["latent_dim"].unique()}
    for prefix, rows in (("", ours), ("published_", theirs)):
        values = rows.groupby(["model", "latent_dim", "metric"])["value"]
        for key, row in values.agg(["mean", "min", "max"]).iterrows():
            model, latent_dim, metric = cast("tuple[str, int, str]", key)
            name = f"{prefix}{model}_{latent_dim}_{metric}"
            found[name] = float(row["mean"])
            found[f"{name}_least"], found[f"{name}_greatest"] = float(row["min"]), float(row["max"])
    return found
