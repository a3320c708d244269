"""Stored results and published values as tidy data frames, one row a number."""

import math
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import pandas as pd

from infovae_core import names
from infovae_core.objectives import Terms
from infovae_core.run import Run
from infovae_core.study.curves import CURVE_EVERY
from infovae_core.study.experiments import EXPERIMENTS, by_model
from infovae_core.study.store import Result

# Names of the thesis's series: those of our models, and of the schedules of Experiment 1.
PUBLISHED = {
    "experiment1": {
        "Fixed λ=500, α=0.0": "fixed_500_0",
        "Fixed λ=500, α=0.5": "fixed_500_0.5",
        "Fixed λ=500, α=1.0": "fixed_500_1",
        "Fixed λ=1000, α=0.0": "fixed_1000_0",
        "Fixed λ=1000, α=0.5": "fixed_1000_0.5",
        "Fixed λ=1000, α=1.0": "fixed_1000_1",
        "Adaptive λ only": "adaptive_lam",
        "Adaptive α only": "adaptive_alpha",
        "Adaptive λ and α": "adaptive_both",
    },
    "experiment2": {
        "MMD": "infovae_mmd",
        "Stein": "infovae_stein",
        "Sinkhorn": "infovae_sinkhorn",
        "Cramer": "infovae_cramer",
        "Chi2": "infovae_chi2",
    },
    "experiment3": {
        "ReconAE": "recon_ae",
        "FreeBitsVAE": "free_bits",
        "BNVAE": "bn_vae",
        "AAE": "aae",
        "InfoVAE-MMD": "infovae_mmd",
        "ContrastiveAE": "contrastive_ae",
    },
}
# Our names of the published metrics, where they differ.
PUBLISHED_METRICS = {
    "test_bce_nats": "test_bce",
    "train_seconds": "timed_seconds",
    "val_mmd_mean": "final_val_mmd",
}
# Steps at the end of a run over which Experiment 1 averages its validation MMD.
FINAL_STEPS = 1000
COLUMNS = ["model", "latent_dim", "seed", "status", "metric", "value"]


def frame(results: Mapping[Run, Result], series: Callable[[Run], str] = by_model) -> pd.DataFrame:
    """One row for each run and metric that is a number; the column `model` holds its series.

    A run that diverged was not measured afterwards: what others were measured by is NaN for it, so
    that its seed is counted as lost and not passed over. Times that were taken apart from training
    are missing where they were not taken.
    """
    numbers = {
        run: {m: float(v) for m, v in result.metrics.items() if isinstance(v, int | float)}
        for run, result in results.items()
    }
    measured = {
        metric: math.nan
        for run, values in numbers.items()
        for metric in values
        if results[run].status == "done" and not metric.startswith("timed_")
    }
    rows = [
        (series(run), run.latent_dim, run.seed, results[run].status, metric, value)
        for run, values in numbers.items()
        for metric, value in (
            values
            if results[run].status == "done"
            else values | {m: v for m, v in measured.items() if m not in results[run].metrics}
        ).items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def curves(results: Mapping[Run, Result], series: Callable[[Run], str] = by_model) -> pd.DataFrame:
    """One row for each run, metric and step at which a run was evaluated.

    Besides what each evaluation measured, and α and λ as they were in the update before it, there
    are the terms of the loss on training minibatches: means of the `CURVE_EVERY` steps that end
    at `step`.
    """
    parts = [pd.DataFrame(columns=["model", "seed", "metric", "step", "value"])]
    for run, result in results.items():
        steps = result.arrays["eval_step"]
        found: dict[str, tuple[Any, Any]] = {
            name.removeprefix("eval_"): (steps, values)
            for name, values in result.arrays.items()
            if name.startswith("eval_") and name != "eval_step"
        }
        # Before the first update there are none, and results from before schedules lack them.
        for weight in {"alpha", "lam"} & found.keys():
            found[weight] = (steps[1:], found[weight][1][1:])
        terms = result.arrays["curve"]
        at = CURVE_EVERY * (1 + pd.RangeIndex(len(terms)))
        for column, name in enumerate(Terms._fields):
            found[name] = (at, terms[:, column])
        parts += [
            pd.DataFrame(
                {
                    "model": series(run),
                    "seed": run.seed,
                    "metric": name,
                    "step": at,
                    "value": values,
                }
            )
            for name, (at, values) in found.items()
        ]
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def finals(followed: pd.DataFrame) -> pd.DataFrame:
    """Mean validation MMD over the last `FINAL_STEPS` steps: columns model, seed, value.

    It is NaN for a run that ended before the last step of the others, as one that diverged.
    """
    rows = followed[followed["metric"] == "val_mmd"]
    end = rows["step"].max()
    last = rows[rows["step"] > end - FINAL_STEPS].groupby(["model", "seed"])["value"].mean()
    reached = rows.groupby(["model", "seed"])["step"].max() == end
    found: pd.DataFrame = last.reindex(reached.index).where(reached).reset_index()
    return found


def unrest(followed: pd.DataFrame) -> pd.DataFrame:
    """How much the validation MMD moves over the last `FINAL_STEPS` steps, by model and seed.

    Metrics: `mmd_std`, its standard deviation over the evaluations; `mmd_variation`, the total
    variation, the sum of its moves from each evaluation to the next; `log_mmd_std`, the standard
    deviation of the natural logarithm of what is above 0, to compare different levels by.

    Returns:
        Columns model, seed, metric, value; NaN as in `finals`.
    """
    rows = followed[followed["metric"] == "val_mmd"].sort_values("step")
    end = rows["step"].max()
    late = rows[rows["step"] > end - FINAL_STEPS].groupby(["model", "seed"])["value"]
    reached = rows.groupby(["model", "seed"])["step"].max() == end
    measures = {
        "mmd_std": late.std(),
        "mmd_variation": late.apply(lambda values: values.diff().abs().sum()),
        "log_mmd_std": late.apply(
            lambda values: values[values > 0].astype(float).map(math.log).std()
        ),
    }
    found: pd.DataFrame = pd.concat(
        [one.reindex(reached.index).where(reached).rename(name) for name, one in measures.items()],
        axis=1,
    ).reset_index()
    return found.melt(["model", "seed"], var_name="metric")


def final_mmd(followed: pd.DataFrame) -> dict[str, float]:
    """`finals`, means over seeds, least first."""
    means = finals(followed).groupby("model")["value"].mean().sort_values()
    return {str(name): float(value) for name, value in means.items()}


def by_seed(rows: pd.DataFrame, metric: str) -> dict[int, float]:
    """Values of a metric by seed, of rows that belong to one series."""
    found = rows[rows["metric"] == metric]
    return {int(s): float(v) for s, v in zip(found["seed"], found["value"], strict=True)}


def published(experiment: str) -> pd.DataFrame:
    """The values behind the thesis's figures, to three digits (Ekici 2025, electronic appendix).

    Args:
        experiment: Name of the experiment.

    Returns:
        Columns model (our name of the series), latent_dim, metric, value, and iteration, a text,
        which only Experiment 1 has. Of an experiment that the thesis lacks there are no rows.

    Raises:
        UnknownName: If there is no such experiment.
    """
    names.check("experiment", experiment, EXPERIMENTS)
    with (
        resources.files("infovae_core.report")
        .joinpath("published.csv")
        .open(encoding="utf-8") as file
    ):
        rows = pd.read_csv(file, dtype={"iteration": str})
    rows = rows[rows["experiment"] == experiment]
    return rows.assign(
        model=rows["series"].map(PUBLISHED.get(experiment, {})),
        metric=rows["metric"].replace(PUBLISHED_METRICS),
    )[["model", "latent_dim", "metric", "iteration", "value"]].reset_index(drop=True)
