"""Tables of Experiment 1: a row for each schedule, from the best final validation MMD to the worst.

Two, so that each is as wide as the page's column.
"""

import pandas as pd

from infovae_core.report.frames import FINAL_STEPS, finals, unrest
from infovae_core.report.intervals import spread
from infovae_core.report.labels import SCHEDULES
from infovae_core.report.tables import cell, summary

# Metrics that a run has no value of where it never reached the target.
STEPS = ("steps_to_target", "steps_to_hold")
# `frames.unrest`: metric, heading, unit's inverse, format.
UNREST = (
    ("mmd_std", "its s.d. (10⁻⁶)", 1e6, "{:.1f}"),
    ("mmd_variation", "total variation (10⁻⁶)", 1e6, "{:,.0f}"),
    ("log_mmd_std", "s.d. of log MMD (%)", 1e2, "{:.2f}"),
)


def alignment(followed: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """The validation MMD of the last steps: its mean, and how much it moves (`frames.unrest`).

    Args:
        followed: `frames.curves`, its series named by `experiments.schedule_name`.
        theirs: `frames.published("experiment1")`, whose values stand in brackets.
    """
    published = theirs[theirs["metric"] == "final_val_mmd"].set_index("model")["value"]
    moves = unrest(followed)
    scale = moves["metric"].map({metric: factor for metric, _, factor, _ in UNREST})
    moves = spread(moves.assign(value=moves["value"] * scale), ["model", "metric"])
    last = _last(followed)
    rows = {}
    for name in map(str, last.index):
        known = f"\u00a0[{published[name]:.5f}]" if name in published.index else ""
        rows[SCHEDULES[name]] = {
            f"MMD, last {FINAL_STEPS:,} steps": cell(last, name, "{:.5f}") + known,
            **{heading: cell(moves, (name, metric), form) for metric, heading, _, form in UNREST},
        }
    return _table(rows)


def codes(ours: pd.DataFrame, followed: pd.DataFrame) -> pd.DataFrame:
    """When the target is reached and held, and what the codes are like at the end.

    Args:
        ours: `frames.frame`, its series named by `experiments.schedule_name`.
        followed: `frames.curves`, named so too.
    """
    # A seed that never reached the target has no row of its own; here it is counted.
    seeds = ours["seed"].unique()
    names = [str(name) for name in _last(followed).index]
    every = [(name, metric, seed) for name in names for metric in STEPS for seed in seeds]
    reached = ours[ours["metric"].isin(STEPS)].set_index(["model", "metric", "seed"])["value"]
    steps = spread(reached.reindex(every).reset_index(), ["model", "metric"])
    mine = summary(ours, ["model", "metric"])
    rows = {
        SCHEDULES[name]: {
            "target reached": cell(steps, (name, "steps_to_target"), "{:,.0f}", "never"),
            "held from": cell(steps, (name, "steps_to_hold"), "{:,.0f}", "never"),
            "‖z‖/√d": cell(mine, (name, "norm_ratio"), "{:.2f}"),
            "test BCE (nats)": cell(mine, (name, "test_bce"), "{:.1f}"),
            "SVM error": cell(mine, (name, "svm_error"), "{:.3f}"),
            "classifier AUC": cell(mine, (name, "classifier_auc"), "{:.2f}"),
        }
        for name in names
    }
    return _table(rows)


def _last(followed: pd.DataFrame) -> pd.DataFrame:
    return spread(finals(followed), "model").sort_values("mean")


def _table(rows: dict[str, dict[str, str]]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(columns="schedule")
