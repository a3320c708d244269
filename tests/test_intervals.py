"""Intervals over seeds, against SciPy's, closed forms and their own coverage."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from infovae_core.report.intervals import (
    Interval,
    centre,
    difference,
    different,
    interval,
    shown,
    spread,
    summary,
)


def draws(n: int, repetitions: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((repetitions, n))


def test_of_two_values_the_two_are_shown_and_from_three_on_the_interval():
    rows = pd.DataFrame({"group": [*"abbccc"], "value": [1.0, 2.0, 5.0, 0.0, 1.0, math.nan]})
    shown, exact = spread(rows, "group"), summary(rows, "group")
    assert math.isnan(shown.loc["a", "low"])
    assert shown.loc["b", ["mean", "low", "high"]].tolist() == pytest.approx([3.5, 2, 5])
    assert shown.loc["c", ["low", "high"]].tolist() == pytest.approx([0, 1])  # One is lost.
    three = rows.fillna(2.0)
    pd.testing.assert_series_equal(
        spread(three, "group").loc["c"], summary(three, "group").loc["c"]
    )
    assert exact.loc["b", "high"] > 20


@pytest.mark.parametrize("n", [2, 3, 10])
def test_the_interval_is_scipys(n) -> None:
    values = 5 + draws(n, 1, seed=n)[0]
    found = interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert found.mean == pytest.approx(values.mean())
    assert (found.n, found.lost) == (n, 0)


def test_two_and_three_seeds_have_closed_forms() -> None:
    # Student's quantiles at 1 and 2 degrees of freedom: tan(0.475 π) and 0.95 √(2 / (1 − 0.95²)).
    half = math.tan(0.475 * math.pi) * math.sqrt(2) / math.sqrt(2)
    assert interval([1.0, 3.0])[:3] == pytest.approx((2, 2 - half, 2 + half))
    half = 0.95 * math.sqrt(2 / (1 - 0.95**2)) / math.sqrt(3)
    assert interval([0.0, 1.0, 2.0])[:3] == pytest.approx((1, 1 - half, 1 + half))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_ninety_five_of_a_hundred_intervals_hold_the_mean(n) -> None:
    values = 7 + draws(n, 4000, seed=n)
    rows = pd.DataFrame({"value": values.ravel(), "group": np.repeat(np.arange(4000), n)})
    found = summary(rows, "group")
    covered = ((found["low"] <= 7) & (found["high"] >= 7)).mean()
    assert covered == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 4000))


def test_a_difference_without_cause_is_found_in_five_of_a_hundred_whatever_seeds_share() -> None:
    # What the seeds share, ten times the rest, drops out of the pairs and spoils the samples.
    shared, a, b = (draws(3, 2000, seed) for seed in (1, 2, 3))
    first, second = 10 * shared + a, 10 * shared + b
    verdicts = [
        different(dict(enumerate(x)), dict(enumerate(y)))
        for x, y in zip(first, second, strict=True)
    ]
    tolerance = 4 * math.sqrt(0.05 * 0.95 / 2000)
    assert np.mean(verdicts) == pytest.approx(0.05, abs=tolerance)
    welch = stats.ttest_ind(first, second, axis=1, equal_var=False).pvalue < 0.05
    assert welch.mean() < 0.05 - tolerance


def test_the_centre_is_the_geometric_mean_on_logarithmic_axes_and_the_mean_on_linear_ones() -> None:
    rows = pd.DataFrame({"a": [*"xxxy"], "b": 1, "value": [1.0, 10.0, 100.0, 5.0]})
    found, name = centre(rows, ["a", "b"], log=True)
    assert name == "geometric mean"
    assert found.loc["x", 1].tolist() == pytest.approx([10, 1, 100, 3])
    assert found.loc["y", 1].tolist() == pytest.approx([5, 5, 5, 1])
    found, name = centre(rows, ["a", "b"], log=False)
    assert (name, found["centre"].tolist()) == ("mean", pytest.approx([37, 5]))


def test_where_a_value_has_no_logarithm_the_centre_is_the_median() -> None:
    rows = pd.DataFrame({"a": [*"xxxxy"], "value": [0.0, 10.0, 100.0, math.nan, 5.0]})
    found, name = centre(rows, ["a"], log=True)
    assert (name, found["centre"].tolist()) == ("median", [10, 5])
    assert found["n"].tolist() == [3, 1]


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (-1234.0, "{:,.0f}", "−1,234"),
        (-2e-7, "{:.1e}", "−2.0e−07"),
        (-0.01, "{:.1f}", "0.0"),
        (1e-6, "{:.0e}", "1e−06"),
    ],
)
def test_a_number_has_a_true_minus_sign_and_none_before_0(value, form, expected) -> None:
    assert shown(value, form) == expected


def test_a_difference_is_taken_over_the_seeds_that_both_have() -> None:
    first, second = {0: 5.0, 1: 7.0, 4: 100.0}, {1: 4.0, 0: 3.0, 9: -50.0}
    found = difference(first, second)
    expected = stats.ttest_rel([5, 7], [3, 4]).confidence_interval(0.95)
    assert found[:3] == pytest.approx((2.5, expected.low, expected.high))
    assert (found.n, found.lost) == (2, 0)
    assert different(first, second) is False
    assert different({0: 5.0, 1: 7.0}, {0: 3.0, 1: 5.01}) is True


def test_one_seed_has_no_interval_and_tests_nothing() -> None:
    found = interval([3.0])
    assert (found.mean, found.n) == (3, 1)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert different({0: 1.0}, {0: 2.0}) is None
    assert different({0: 1.0, 1: 1.0}, {0: 2.0}) is None
    assert different({0: 1.0}, {1: 2.0}) is None


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert interval([2.0, 2.0]) == Interval(2, 2, 2, 2, 0)
    assert different({0: 0.9, 1: 0.9}, {0: 0.9, 1: 0.9}) is False
    assert different({0: 3.0, 1: 4.0}, {0: 2.0, 1: 3.0}) is True


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_seed_without_a_value_is_counted_and_not_averaged(bad) -> None:
    found = interval([1.0, bad, 3.0])
    assert found[:3] == interval([1.0, 3.0])[:3]
    assert (found.n, found.lost) == (2, 1)
    nothing = interval([bad])
    assert math.isnan(nothing.mean)
    assert (nothing.n, nothing.lost) == (0, 1)
    apart = difference({0: 1.0, 1: bad, 2: 2.0}, {0: 0.0, 1: 0.0, 2: bad})
    assert (apart.n, apart.lost, apart.mean) == (1, 2, 1)
    assert interval([]).n == 0


def test_a_summary_has_a_row_for_each_group() -> None:
    rows = pd.DataFrame({"a": ["x", "x", "y"], "b": [1, 1, 2], "value": [1.0, 3.0, 5.0]})
    found = summary(rows, ["a", "b"])
    assert found.loc[("x", 1)].tolist() == pytest.approx([*interval([1.0, 3.0])])
    assert found.loc[("y", 2), "n"] == 1
    assert summary(rows.iloc[:0], "a").empty
