"""The guide: weights by their price, and the figures of what works, on results made up for them."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt

from infovae_core.divergences import REGISTRY
from infovae_core.objectives import PRESETS
from infovae_core.report import guide
from infovae_core.report.figures import remedy_plots
from infovae_core.report.frames import COLUMNS
from infovae_core.study.experiments import EXPERIMENTS, frontier


@pytest.mark.parametrize("model", guide.WORKING)
def test_a_weight_of_the_table_makes_codes_of_that_size_cost_so_many_nats(model):
    """Against the divergence itself, of samples of that size."""
    d = 10
    table = guide.weights((d,), guide.NATS)
    lam = float(table.iloc[0, guide.WORKING.index(model)].replace(",", ""))
    one = PRESETS[model].objective
    draws = torch.randn(2, 4000, d, generator=torch.Generator().manual_seed(0))
    read = float(REGISTRY[one.divergence](guide.SIZE * draws[0], draws[1], **one.options))
    # The table has two digits, and 4,000 draws leave some per cent.
    assert lam * read == pytest.approx(guide.NATS, rel=0.12)


def test_the_frontier_has_its_prices_by_series():
    prices = guide.frontier_prices()
    runs = {frontier.series(run): run for run in frontier()}
    assert set(runs) - set(prices) == {"recon_ae", "vae"}
    for series, (model, price) in prices.items():
        assert runs[series].model == model
        assert price == pytest.approx(guide.price(runs[series]))
    assert guide.price(runs["vae"]) == guide.price(runs["recon_ae"]) == 0
    ratio = prices["corrected_imq_10000"][1] / prices["corrected_imq_10"][1]
    assert ratio == pytest.approx(1000)


def made_up(name: str, dims: tuple[int, ...]) -> pd.DataFrame:
    """Every metric of a series is its place in the list, plus the dimension."""
    series = list(dict.fromkeys(EXPERIMENTS[name].series(run) for run in EXPERIMENTS[name]()))
    metrics = (*remedy_plots.ASKED, "active_units")
    rows = [
        (one, d, 0, "done", metric, float(at + 1 + d))
        for at, one in enumerate(series)
        for d in dims
        for metric in metrics
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def drawn(figure, panel: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Lines of a panel by label."""
    return {line.get_label(): line.get_data() for line in figure.axes[panel].lines}


def test_the_frontier_is_drawn_by_price():
    ours = made_up("frontier", (20,))
    figure = remedy_plots.frontier(ours, guide.frontier_prices())
    x, y = drawn(figure, 0)["MMD, IMQ kernel"]
    prices = guide.frontier_prices()
    expected = sorted(price for model, price in prices.values() if model == "corrected_imq")
    assert list(x) == pytest.approx(expected)
    assert list(y) == [21, 22, 23, 24, 25]
    assert drawn(figure, 2)["match"][1][0] == 1
    plt.close(figure)


def test_the_columns_are_drawn_against_the_dimension():
    ours = made_up("experiment2", (2, 20))
    figure = remedy_plots.columns(ours, ["infovae_mmd"], ["vae", "recon_ae"])
    for panel in range(4):
        x, y = drawn(figure, panel)["InfoVAE-MMD"]
        assert list(x) == [2, 20] and list(y) == pytest.approx([3, 21])
    assert [axis.get_yscale() for axis in figure.axes] == ["linear", "linear", "log", "log"]
    plt.close(figure)


def test_weights_over_decades_are_drawn_by_dimension():
    ours = made_up("experiment4", (10, 20))
    weights = {f"lam_1e{decade}": 10.0**decade for decade in range(3, 8)}
    figure = remedy_plots.weights(ours, weights)
    x, y = drawn(figure, 0)["d = 10"]
    assert list(x) == list(weights.values()) and list(y) == [11, 12, 13, 14, 15]
    share = drawn(figure, 2)["d = 20"][1]
    assert list(share) == pytest.approx([21 / 20, 22 / 20, 23 / 20, 24 / 20, 25 / 20])
    plt.close(figure)
