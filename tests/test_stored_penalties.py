"""What the chapters on divergences say of stored runs of Experiment 2, at every seed shown."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist

from infovae_core import closed_forms, divergences
from infovae_core.study.experiments import LATENT_DIMS
from infovae_core.study.selection import Selection
from infovae_core.study.store import Result


@pytest.fixture(scope="module")
def stored() -> dict[tuple[str, int], list[Result]]:
    """Results by model and dimension."""
    found: dict[tuple[str, int], list[Result]] = {}
    for run, result in Selection("experiment2").require().items():
        found.setdefault((run.model, run.latent_dim), []).append(result)
    return found


def cramer_loss(result: Result) -> float:
    """The loss with α = 1, λ = 1000 and the energy distance, on codes that were not trained on."""
    return result.metrics["test_bce"] + 1000 * result.metrics["energy_distance"]


def test_the_weight_1000_does_not_ask_for_the_collapse_of_the_cramer_runs(stored) -> None:
    """At d = 2 and 5 informative codes of other penalties have a lower value of its own loss."""
    for d in LATENT_DIMS:
        assert all(result.metrics["svm_error"] > 0.75 for result in stored["infovae_cramer", d])
    for d, others in ((2, ["infovae_mmd"]), (5, ["infovae_mmd", "infovae_stein"])):
        collapsed = min(cramer_loss(result) for result in stored["infovae_cramer", d])
        for other in others:
            informative = [
                result for result in stored[other, d] if result.metrics["active_units"] == d
            ]
            assert len(informative) >= 2  # At d = 2 one seed of MMD nearly collapsed.
            for result in informative:
                assert result.metrics["kl"] > 10 * stored["infovae_cramer", d][0].metrics["kl"]
                assert cramer_loss(result) < collapsed - 10


@pytest.mark.parametrize("d", [60, 80])
def test_trained_codes_read_above_the_escape_law_by_a_few_pairs_and_not_by_rounding(
    stored, d
) -> None:
    for result in stored["recon_ae", d]:
        found = result.metrics
        assert found["norm_ratio"] > 5
        assert found["val_mmd"] > closed_forms.escape(d, 1.0)
        # Were all minibatches alike, the mean would be near the square of the mean root.
        assert found["val_mmd2"] > 50 * found["val_mmd"] ** 2
        codes = result.arrays["codes"]
        exact = np.exp(-0.5 * pdist(codes.astype(np.float64), "sqeuclidean")).mean()
        z = torch.from_numpy(codes).float()
        kernel = torch.exp(-0.5 * divergences.squared_distances(z, z))
        single = divergences.mean_of_pairs(kernel, "unbiased")
        assert single.item() == pytest.approx(float(exact), rel=1e-2)
        if d == 80:
            assert found["val_mmd"] > 30 * closed_forms.escape(d, 1.0)
