"""What the last epoch of training costs against what the same terms cost on images held out."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from infovae_core.datasets import steps_per_epoch
from infovae_core.objectives import Terms
from infovae_core.report.frames import COLUMNS
from infovae_core.report.intervals import spread
from infovae_core.report.labels import LABELS
from infovae_core.report.tables import cell
from infovae_core.run import Run
from infovae_core.study.curves import CURVE_EVERY
from infovae_core.study.store import Result


def train_test(results: Mapping[Run, Result]) -> pd.DataFrame:
    """Terms of the loss in the last epoch of training, and on held-out images: nats per image.

    For reconstruction and KL: `epoch_…` is the mean of the stored curve's points that lie in the
    last epoch whole (of one point, if an epoch is shorter), `train_…` where the straight line
    through them ends, `held_…` minus the expected log-likelihood of test images or the KL term of
    validation images, `gap_…` the last less the second; `gap_elbo` the sum of both gaps. The mean
    alone would hide overfitting behind what the epoch itself has taught.

    A loss that still falls steeply falls less than a line: there the gap is too large.

    The KL term is that of models which are trained with one: nothing holds it in the others.

    Terms are measured as they are trained. Two gaps have therefore another part: batch norm
    (`bn_vae`) takes the minibatch's own statistics in training and running ones afterwards, and the
    KL term of `free_bits` has its floor in training only.

    Args:
        results: Runs that diverged, or are shorter than one point of the curve, have no rows.

    Returns:
        The columns of `frames.frame`, so that `plots.sweep` draws it.
    """
    rows = []
    for run, result in results.items():
        points = result.arrays["curve"]
        if result.status != "done" or not len(points):
            continue
        epoch = steps_per_epoch(run.data, run.batch_size)
        points = points[-max(1, epoch // CURVE_EVERY) :].astype(float)
        held = {"reconstruction": -result.metrics["test_expected_log_likelihood"]}
        if run.objective.alpha != 1:
            held["kl"] = result.metrics["kl"]
        values: dict[str, float] = {}
        for name, value in held.items():
            term = points[:, Terms._fields.index(name)]
            end = _end(term)
            values |= {f"epoch_{name}": term.mean(), f"train_{name}": end}
            values |= {f"held_{name}": value, f"gap_{name}": value - end}
        if "kl" in held:
            values["gap_elbo"] = values["gap_reconstruction"] + values["gap_kl"]
        rows += [
            (run.model, run.latent_dim, run.seed, result.status, metric, float(value))
            for metric, value in values.items()
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _end(term: np.ndarray) -> float:
    """Where the straight line through means of equally many steps ends, with the last step."""
    if len(term) == 1:
        return float(term[0])
    slope, start = np.polyfit(np.arange(len(term)), term, 1)
    return float(start + slope * (len(term) - 0.5))


def table(rows: pd.DataFrame, latent_dim: int) -> pd.DataFrame:
    """`train_test` at one latent dimension, a row for each model, in nats per image."""
    values = spread(rows[rows["latent_dim"] == latent_dim], ["model", "metric"])
    columns = {
        "reconstruction: mean of the last epoch": "epoch_reconstruction",
        "at its end": "train_reconstruction",
        "test": "held_reconstruction",
        "test − end": "gap_reconstruction",
        "KL: validation − end": "gap_kl",
        "−ELBO: held out − end": "gap_elbo",
    }
    return pd.DataFrame.from_dict(
        {
            LABELS[model]: {
                heading: cell(values, (model, metric), "{:.1f}")
                for heading, metric in columns.items()
            }
            for model in rows["model"].unique()
        },
        orient="index",
    ).rename_axis(columns=f"d = {latent_dim}")
