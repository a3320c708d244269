"""What several claims read: names of runs, and what is taken from a run of Experiment 1."""

import math
from collections.abc import Iterable

import pandas as pd

from infovae_core.report.claims.checks import Values
from infovae_core.report.claims.stored import Stored
from infovae_core.report.labels import LABELS
from infovae_core.study.curves import steps_to_hold
from infovae_core.study.experiments import (
    CORRECTED_MODELS,
    EXPERIMENT1_SCHEDULES,
    EXPERIMENT2_MODELS,
    EXPERIMENT3_MODELS,
)

ONE, TWO, THREE, FOUR = "experiment1", "experiment2", "experiment3", "experiment4"
BETTER, FRONTIER, START = "experiment2/corrected", "frontier", "start"
MMD, STEIN, SINKHORN, CRAMER, CHI2, RECON, VAE = EXPERIMENT2_MODELS
PENALTIES = EXPERIMENT2_MODELS[:5]
WIDE, IMQ, LIGHT = CORRECTED_MODELS[:3]
WARM = "corrected_warm"
_, _, BETA, FREE_BITS, BN, AAE, _, CONTRASTIVE = EXPERIMENT3_MODELS
WITH_KL, WITHOUT_KL = (VAE, BETA, FREE_BITS, BN), (RECON, AAE, MMD, CONTRASTIVE)
# The thesis's six; the other two are in its electronic appendix.
SIX = (RECON, FREE_BITS, BN, AAE, MMD, CONTRASTIVE)
# Schedules without a KL term, and those of a controller.
FREE = tuple(name for name, one in EXPERIMENT1_SCHEDULES.items() if one.alpha == 1)
CONTROLLED = ("adaptive_lam", "adaptive_alpha", "adaptive_both")
# ‖z‖/√d of codes of about the prior's size.
NEAR = (0.8, 1.25)
ORDER = "An order holds where the 95 % interval of the differences, seed by seed, excludes 0."


def labels(*models: str) -> list[str]:
    """The models' names for readers."""
    return [LABELS[model] for model in models]


def labelled(
    stored: Stored, experiment: str, metric: str, models: Iterable[str], d: int
) -> dict[str, Values]:
    """A metric of several models at one dimension."""
    return {LABELS[model]: stored.value(experiment, metric, model, d) for model in models}


def second(stored: Stored, metric: str, model: str, d: int = 20) -> Values:
    """A metric of Experiment 2, by seed."""
    return stored.value(TWO, metric, model, d)


def better(stored: Stored, metric: str, model: str, d: int = 20) -> Values:
    """A metric of the track "corrected" of Experiment 2, by seed."""
    return stored.value(BETTER, metric, model, d)


def third(stored: Stored, metric: str, model: str, d: int = 20) -> Values:
    """A metric of Experiment 3, by seed."""
    return stored.value(THREE, metric, model, d)


def by_seed(values: "pd.Series[float]") -> Values:
    """A column for each seed as a mapping."""
    return {int(str(seed)): float(value) for seed, value in values.items()}


def final(stored: Stored, schedule: str) -> Values:
    """The mean validation MMD of the last steps, by seed."""
    return stored.late(ONE)["final", schedule]


def roughness(stored: Stored, schedule: str) -> Values:
    """The standard deviation of the validation MMD over the last steps, by seed."""
    return stored.late(ONE)["mmd_std", schedule]


def variation(stored: Stored, schedule: str) -> Values:
    """The total variation of the validation MMD over the last steps, by seed."""
    return stored.late(ONE)["mmd_variation", schedule]


def settled(stored: Stored, schedule: str) -> Values:
    """The step from which on the validation MMD stays within a tenth of its last level."""
    curve, level = stored.curve(ONE, "val_mmd", schedule), final(stored, schedule)
    found = {}
    for seed in curve.columns:
        apart = abs(curve[seed] / level[int(seed)] - 1)
        steps = steps_to_hold(list(zip(curve.index, apart, strict=True)), 0.1)
        found[int(seed)] = math.nan if steps is None else float(steps)
    return found


def size(stored: Stored, schedule: str) -> Values:
    """‖z‖/√d at the end of a run of Experiment 1."""
    return stored.value(ONE, "norm_ratio", schedule)
