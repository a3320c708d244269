"""What the pages of Experiments 1 and 2 say in words, at every seed that they show.

Their numbers are read from the store when they are built. Words are not, and a further seed might
contradict them: here it would.
"""

import math

import pandas as pd
import pytest

from infovae_core import experiments, frames
from infovae_core.experiments import LATENT_DIMS
from infovae_core.grid import TARGET_MMD
from infovae_core.inventory import shown, stored_seeds
from infovae_core.store import Store, default_root

FREE = ("fixed_500_1", "fixed_1000_1", "adaptive_lam", "adaptive_alpha", "adaptive_both")
ANNEALED = ("linear_annealing", "cyclical_annealing")
# "About the prior's size", of codes.
NEAR = (0.8, 1.25)


class Shown:
    """The runs that an experiment's page shows: metrics at their ends and while they trained."""

    def __init__(self, experiment: str, series=frames.by_model) -> None:
        store = Store(default_root("cpu"))
        self.seeds = shown(stored_seeds(store, experiment))
        results = store.require(experiments.runs(experiment, seeds=self.seeds), "")
        self.ends = frames.frame(results, series)
        if experiment == "experiment1":
            self.curves = frames.curves(results, series)

    def end(self, metric: str, *models: str, d: tuple[int, ...] = LATENT_DIMS) -> pd.Series:
        """A metric at the end of these models' runs, at every seed."""
        rows = self.ends[self.ends["metric"] == metric]
        rows = rows[rows["model"].isin(models) & rows["latent_dim"].isin(d)]
        found = rows.set_index(["model", "latent_dim", "seed"])["value"]
        assert set(found.index.get_level_values("model")) == set(models)
        assert set(found.index.get_level_values("seed")) == set(self.seeds)
        return found

    def curve(self, metric: str, *models: str, after: int = 0) -> pd.Series:
        """A metric at all evaluations after a step."""
        rows = self.curves[(self.curves["metric"] == metric) & (self.curves["step"] > after)]
        rows = rows[rows["model"].isin(models)]
        assert set(rows["model"]) == set(models)
        return rows.set_index(["model", "seed", "step"])["value"]


@pytest.fixture(scope="module")
def first() -> Shown:
    return Shown("experiment1", experiments.schedule_name)


@pytest.fixture(scope="module")
def second() -> Shown:
    return Shown("experiment2")


def escape(d: int) -> float:
    """What an RBF-MMD of σ = 1 reads without any alignment."""
    return 3.0 ** (-d / 4)


# Experiment 1 -------------------------------------------------------------------------------------


def test_runs_without_a_kl_term_end_on_the_level_of_no_alignment(first):
    last = first.curve("val_mmd", *FREE, after=4000).groupby(["model", "seed"]).mean()
    assert (abs(last - escape(20)) < 1e-4).all()
    assert (last > TARGET_MMD).all()
    assert last.max() < 1.05 * TARGET_MMD  # "Just below it."
    assert (first.end("classifier_auc", *FREE, d=(20,)) > 0.995).all()
    assert (first.end("norm_ratio", *FREE, d=(20,)) > 5).all()


def test_the_untrained_model_reads_lower_than_any_evaluation_afterwards(first):
    every = [*experiments.EXPERIMENT1_SCHEDULES]
    untrained = first.curves.query("metric == 'val_mmd' and step == 0").groupby("seed")["value"]
    lowest = first.curve("val_mmd", *every).groupby("seed").min()
    assert (untrained.max() < lowest).all()
    assert untrained.max().max() < TARGET_MMD


def test_none_of_them_holds_the_target(first):
    rows = first.ends[first.ends["model"].isin(FREE)]
    assert rows[rows["metric"] == "steps_to_hold"].empty


def test_the_controllers_are_fixed_pairs_after_a_thousand_steps(first):
    assert (first.curve("lam", "adaptive_lam", "adaptive_both", after=1000) == 1500).all()
    assert (first.curve("alpha", "adaptive_alpha", "adaptive_both", after=1000) == 1).all()
    started = first.curve("alpha", "adaptive_alpha", "adaptive_both")
    assert started.max() > 1


def test_the_kl_term_holds_the_codes(first):
    held = first.end("norm_ratio", "fixed_500_0", "fixed_1000_0", *ANNEALED, d=(20,))
    assert held.between(*NEAR).all()
    for weight in (500, 1000):
        none, half, full = (
            first.end("norm_ratio", f"fixed_{weight}_{alpha}", d=(20,)) for alpha in (0, 0.5, 1)
        )
        assert none.max() < half.min() and half.max() < full.min()
    free = first.end("classifier_auc", *FREE, d=(20,)).min()
    assert first.end("classifier_auc", "fixed_500_0", d=(20,)).max() < free


# Experiment 2 -------------------------------------------------------------------------------------


def test_mmd_acts_in_two_and_five_dimensions_and_not_from_ten_on(second):
    assert second.end("norm_ratio", "infovae_mmd", d=(2, 5)).between(*NEAR).all()
    assert (second.end("norm_ratio", "infovae_mmd", d=(10, 20, 40, 60, 80)) > 5).all()
    assert (second.end("val_mmd", "infovae_mmd", d=(5,)) < escape(5) / 2).all()
    both = second.end("val_mmd", "infovae_mmd", "recon_ae", d=(20,))
    assert (abs(both - escape(20)) < 1e-4).all()
    assert (second.end("classifier_auc", "infovae_mmd", d=(20,)) > 0.995).all()


def test_stein_holds_at_five_lets_go_at_twenty_and_collapses_at_two(second):
    assert second.end("norm_ratio", "infovae_stein", d=(5,)).between(*NEAR).all()
    assert (second.end("norm_ratio", "infovae_stein", d=(20,)) > 5).all()
    assert (second.end("active_units", "infovae_stein", d=(2,)) == 0).all()


def test_cramer_collapses_at_every_dimension(second):
    assert (second.end("active_units", "infovae_cramer") == 0).all()
    assert (second.end("svm_error", "infovae_cramer", d=(20,)) > 0.85).all()
    assert (second.end("kl", "infovae_cramer", d=(20,)) < 0.5).all()


def test_chi_square_is_far_from_the_prior_at_every_seed(second):
    assert (second.end("classifier_auc", "infovae_chi2", d=(5, 10, 20, 40, 60, 80)) > 0.995).all()
    at_20 = second.end("val_mmd", "infovae_chi2", d=(20,))
    assert at_20.max() > 100 * at_20.min()  # Beside the prior, and escaped.
    assert abs(at_20.min() - escape(20)) < 1e-4


def test_sinkhorn_guesses_up_to_ten_dimensions_and_its_codes_are_small(second):
    assert (second.end("svm_error", "infovae_sinkhorn", d=(2, 5, 10)) > 0.8).all()
    assert (second.end("active_units", "infovae_sinkhorn", d=(2, 5, 10)) == 0).all()
    assert (second.end("norm_ratio", "infovae_sinkhorn") < 1).all()
    assert (second.end("svm_error", "infovae_sinkhorn", d=(80,)) < 0.6).all()


def test_the_codes_that_classify_best_have_left_the_prior(second):
    for d in (10, 20, 40, 60, 80):
        for seed in second.seeds:
            errors, sizes = (
                second.end(metric, *experiments.EXPERIMENT2_MODELS, d=(d,)).xs(seed, level="seed")
                for metric in ("svm_error", "norm_ratio")
            )
            assert (sizes[errors.nsmallest(2).index] > 5).all()
            assert float(errors["recon_ae"].iloc[0]) < errors.min() + 0.02
    assert second.end("norm_ratio", "vae", d=(10, 20, 40, 60, 80)).between(*NEAR).all()


def test_every_diverged_run_would_be_seen(first, second):
    for page in (first, second):
        assert set(page.ends["status"]) == {"done"}
        assert not page.ends["value"].map(math.isinf).any()
