"""Mixed precision against seeds: the statistic, and the stored runs."""

import numpy as np
import pandas as pd
import pytest

from infovae_core.report.precision import COMPARED, against_seeds, stored_gaps, table
from infovae_core.study.experiments import runs
from infovae_core.study.store import Result, Store, StoreError


def made_up(rng: np.random.Generator, models: int, seeds: int, spread: float) -> pd.DataFrame:
    """Metrics whose logarithms vary over seeds with this standard deviation."""
    rows = [
        (f"model {model}", 20, seed, metric, float(np.exp(model + spread * rng.normal())))
        for model in range(models)
        for seed in range(seeds)
        for metric in COMPARED
    ]
    return pd.DataFrame(rows, columns=["model", "latent_dim", "seed", "metric", "value"])


def test_by_hand():
    columns = ["model", "latent_dim", "seed", "metric", "value"]
    e = float(np.e)
    full = [("a", 2, 0, m, 1.0) for m in COMPARED] + [("a", 2, 1, m, e**2) for m in COMPARED]
    mixed = [("a", 2, 0, m, e**3) for m in COMPARED] + [("b", 2, 0, m, 9.0) for m in COMPARED]
    gaps = against_seeds(pd.DataFrame(full, columns=columns), pd.DataFrame(mixed, columns=columns))
    for _, row in gaps.iterrows():
        # Logarithms 0 and 2 have variance 2; the gap is 3, and "b" has no run to be compared with.
        assert row["gap"] == pytest.approx(3)
        assert row["seeds"] == pytest.approx(2)
        assert row["ratio"] == pytest.approx(9 / 4)
        assert (row["pairs"], row["freedom"]) == (1, 1)
        assert row["limit"] == pytest.approx(161.4476, rel=1e-5)  # F(1, 1), from a table
        assert row["within"]


def test_a_further_seed_is_called_another_result_in_one_case_of_twenty():
    rng = np.random.default_rng(0)
    outside = [
        not row["within"]
        for _ in range(300)
        for _, row in against_seeds(made_up(rng, 7, 3, 0.1), made_up(rng, 7, 1, 0.1)).iterrows()
    ]
    # Five standard deviations about 0.05, of 1,200 independent cases.
    assert abs(np.mean(outside) - 0.05) < 5 * (0.05 * 0.95 / len(outside)) ** 0.5


def test_a_shift_beyond_the_seeds_is_found():
    rng = np.random.default_rng(0)
    full, mixed = made_up(rng, 7, 3, 0.1), made_up(rng, 7, 1, 0.1)
    mixed.loc[mixed["metric"] == "svm_error", "value"] *= 1.6
    gaps = against_seeds(full, mixed)
    assert not gaps.loc["svm_error", "within"]
    assert gaps.drop("svm_error")["within"].all()
    assert table({"experiment2": gaps}).loc[("Experiment 2", "SVM error"), "within"] == "no"
    assert table({"experiment2": gaps})["within"].tolist().count("yes") == len(COMPARED) - 1


@pytest.mark.parametrize(("seeds", "shift"), [(1, 0), (3, 5)])
def test_what_cannot_be_compared_is_refused(seeds, shift):
    rng = np.random.default_rng(0)
    full, mixed = made_up(rng, 2, seeds, 0.1), made_up(rng, 2, 1, 0.1)
    mixed["seed"] += shift
    with pytest.raises(StoreError, match="at least one of each is needed"):
        against_seeds(full, mixed)


def test_stored_runs_are_compared_at_the_seeds_that_are_whole(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(StoreError, match="--latent-dims 20"):
        stored_gaps("experiment2", store)
    rng = np.random.default_rng(0)
    wanted = {"fp32": [0, 1, 2], "bf16": [0]}
    for precision, seeds in wanted.items():
        for run in runs("experiment2", seeds=seeds, latent_dims=[20], precision=precision):
            if (run.seed, run.model) != (2, "vae"):  # seed 2 is not whole
                values = {metric: float(np.exp(0.1 * rng.normal())) for metric in COMPARED}
                store.save(run, Result("done", values, {}))
    gaps = stored_gaps("experiment2", store)
    assert gaps["pairs"].tolist() == [6] * len(COMPARED)
    assert gaps["freedom"].tolist() == [6] * len(COMPARED)
    assert stored_gaps("experiment2", store, but=None)["pairs"].tolist() == [7] * len(COMPARED)


@pytest.mark.parametrize(
    ("experiment", "but", "models"),
    [("experiment2", "infovae_chi2", 6), ("experiment2", None, 7), ("experiment3", None, 8)],
)
def test_bfloat16_changes_no_stored_result_further_than_a_seed_does(experiment, but, models):
    gaps = stored_gaps(experiment, but=but)
    assert (gaps["pairs"] >= models).all()
    assert (gaps["freedom"] >= models).all()
    assert gaps["within"].all(), table({experiment: gaps})
