"""The landing page: its figure's closed form is the package's estimator, its numbers are stored."""

from dataclasses import replace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from infovae_core import closed_forms, divergences
from infovae_core.report import overview
from infovae_core.report.figures import ruler_plots
from infovae_core.report.frames import PUBLISHED
from infovae_core.study.experiments import (
    EXPERIMENT2_MODELS,
    EXPERIMENTS,
    LATENT_DIMS,
    experiment2,
)
from infovae_core.study.store import Result

matplotlib.use("Agg")


# In many dimensions close pairs are too rare to average. From 20 on the prior's own pairs are
# therefore integrated, and at the prior's size, where the codes' pairs are as rare, 20 is the end.
CASES = [(d, scale) for d in LATENT_DIMS for scale in (1.0, 1.5, 8.0) if scale > 1 or d <= 20]


@pytest.mark.parametrize(("d", "scale"), CASES)
def test_the_closed_form_is_what_the_estimator_reads_on_average(d, scale):
    draw, batches = torch.Generator().manual_seed(d), 400
    q, p = torch.randn(2, batches, 64, d, generator=draw, dtype=torch.float64)
    prior = "sampled" if d < 20 else "exact"
    values = divergences.mmd(scale * q, p, bandwidth=ruler_plots.SIGMA, prior=prior)
    expected = closed_forms.mmd(scale, d, ruler_plots.SIGMA) ** 2
    error = float(values.std()) / batches**0.5
    assert float(values.mean()) == pytest.approx(expected, abs=max(4 * error, 1e-3 * expected))


def test_a_simulated_reading_is_the_mean_root_of_the_clipped_estimate():
    found = ruler_plots.simulate([2, 5], [1.0, 4.0], batch=64, batches=100)
    assert list(found) == [2, 5]
    for d, (match, far) in found.items():
        assert 0 < match < closed_forms.mmd_noise(d, 1.0, 64)
        assert far == pytest.approx(closed_forms.mmd(4.0, d, 1.0), rel=0.1)
    again = ruler_plots.simulate([2, 5], [1.0, 4.0], batch=64, batches=100)
    assert all(np.array_equal(found[d], again[d]) for d in found)


def test_the_figure_has_a_line_for_each_dimension_and_the_models_where_they_are():
    rows = [
        {"model": model, "latent_dim": d, "metric": metric, "value": value * d, "seed": 0}
        for model in ruler_plots.MARKERS
        for d in (2, 20, 60)
        for metric, value in (("norm_ratio", 0.5), ("val_mmd", 0.01))
    ]
    simulated = {2: np.array([0.01, 0.3]), 20: np.array([0.001, 0.004])}
    figure = ruler_plots.ruler(simulated, pd.DataFrame(rows), scales=[1.0, 4.0])
    (axis,) = figure.axes
    lines = [line for line in axis.lines if len(line.get_xdata()) > 2]
    assert len(lines) == 2
    for line, d in zip(lines, simulated, strict=True):
        x, y = line.get_data()
        assert y[-1] == pytest.approx(closed_forms.mmd(x[-1], d, 1.0))
        assert y[-1] == pytest.approx(closed_forms.escape(d, 1.0), rel=0.01)
    # The dimensions shown are those simulated.
    assert [c.get_offsets().tolist() for c in axis.collections] == [[[1, 0.02], [10, 0.2]]] * 2
    plt.close(figure)


def made_up() -> overview.Overview:
    provenance = {"device": "a machine", "torch": "2.0", "commit": "0123456789abcdef"}
    steps = np.arange(0, 80, 20)
    found = {}
    for name in PUBLISHED:
        results = found.setdefault(name, {})
        for run in EXPERIMENTS[name](seeds=(0,)):
            metrics = ("val_mmd", "norm_ratio", "test_bce", "active_units", "svm_error")
            arrays = {"eval_step": steps, "curve": np.full((3, 5), 7.0)}
            arrays |= {f"eval_{m}": steps + 1.0 for m in ("val_mmd", "norm_ratio", "alpha", "lam")}
            values = {m: run.latent_dim + i for i, m in enumerate(metrics)}
            results[run] = Result("done", values, provenance, arrays)
    return overview.overview(found)


def test_the_numbers_are_plain_floats_of_the_results():
    found = made_up()
    assert {type(value) for value in found.numbers.values()} == {float}
    assert found.numbers["runs"] == 11 + 49 + 56
    assert found.numbers["published"] == 0.00403
    assert set(found.ours["model"]) == set(EXPERIMENT2_MODELS)
    assert found.numbers["escape"] == pytest.approx(3**-5)
    assert found.provenance == "Experiment 2: seed 0; a machine; PyTorch 2.0; commit 0123456789"
    assert found.seeds.startswith("Experiment 1 from seed 0, Experiment 2 from seed 0, ")


def test_an_experiment_of_ones_own_is_not_asked_of_the_landing_page(monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "ablation", replace(experiment2, title="Ablation"))
    assert "Ablation" not in overview.read().seeds


def test_a_missing_result_is_refused_with_its_command(monkeypatch, tmp_path):
    monkeypatch.setenv("INFOVAE_RESULTS", str(tmp_path))
    with pytest.raises(overview.store.StoreError, match="infovae_core run experiment1"):
        overview.read()
