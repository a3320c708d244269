"""What seeds can tell: means with 95 % intervals, and differences taken seed by seed.

Seeds are the sample: each is one training with its own initial weights, order of the data and
noise. Intervals are Student's, on the linear scale: the text quotes means
and their differences in the units of the metric, and a validation MMD may be 0, which has no
logarithm. Figures of a metric draw every seed and no interval: of few seeds it is wide, and its
lower end may be one that the metric cannot have. Tables, and the figures of differences, have them.

Two series share their seeds, and runs of one seed share initial weights and data order where their
architectures do. Their values are therefore no independent samples, as Welch's test has them, and a
difference is taken seed by seed (the paired t interval), which is exact whatever they share. Each
interval is at 95 % by itself; of twenty comparisons without any difference one is expected to
show one.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.95


class Interval(NamedTuple):
    """A mean over seeds and its interval.

    Attributes:
        mean: Mean of the finite values; NaN if there are none.
        low: Lower end; NaN with fewer than two values.
        high: Upper end; NaN likewise.
        n: Number of finite values, of one seed each.
        lost: Number of values that are not finite, as of a run that diverged.
    """

    mean: float
    low: float
    high: float
    n: int
    lost: int

    @property
    def half(self) -> float:
        """Half the interval's width."""
        return (self.high - self.low) / 2

    @property
    def excludes_zero(self) -> bool | None:
        """Whether 0 lies outside; None where there is no interval."""
        return None if self.n < 2 else not self.low <= 0 <= self.high


def summary(rows: pd.DataFrame, by: str | Sequence[str]) -> pd.DataFrame:
    """`Interval` of the column `value` for each group: its fields as columns.

    Student's two-sided interval, mean ± t(n − 1) s / √n. Equal values have an interval of width 0.

    Args:
        rows: A tidy frame with one row for each seed of a group, such as `frames.frame`.
        by: The column or columns that make the groups.
    """
    by = [by] if isinstance(by, str) else list(by)
    finite = rows.assign(value=rows["value"].where(np.isfinite(rows["value"].astype(float))))
    found = finite.groupby(by if len(by) > 1 else by[0])["value"].agg(
        ["mean", "std", "count", "size"]
    )
    n = found["count"]
    half = stats.t.ppf((1 + LEVEL) / 2, (n - 1).where(n > 1)) * found["std"] / np.sqrt(n)
    return pd.DataFrame(
        {
            "mean": found["mean"],
            "low": found["mean"] - half,
            "high": found["mean"] + half,
            "n": n,
            "lost": found["size"] - n,
        }
    )


def spread(rows: pd.DataFrame, by: str | Sequence[str]) -> pd.DataFrame:
    """`summary` as tables show it: of two values, the two in place of the interval.

    That would be twelve times as wide as the values are apart, and would hide everything else.
    """
    found = summary(rows, by)
    two = found["n"] == 2
    half = (found["high"] - found["low"]) / 2 / stats.t.ppf((1 + LEVEL) / 2, 1)
    found.loc[two, "low"] = found["mean"] - half
    found.loc[two, "high"] = found["mean"] + half
    return found


def centre(rows: pd.DataFrame, by: Sequence[str], log: bool) -> tuple[pd.DataFrame, str]:
    """What the line of a figure goes through, for each group of seeds.

    The geometric mean on a logarithmic axis, where it lies amid the seeds; the median if any value
    has no logarithm.

    Args:
        rows: A tidy frame with one row for each seed of a group; values not finite are left out.
        by: The columns that make the groups.
        log: Whether the axis is logarithmic.

    Returns:
        Columns centre, least, greatest and n, the number of values; and the name of the centre.
    """
    seen = rows[np.isfinite(rows["value"].astype(float))]
    groups = seen.groupby(list(by))["value"]
    found = groups.agg(["mean", "min", "max", "count"])
    found.columns = pd.Index(["centre", "least", "greatest", "n"])
    if not log:
        return found, "mean"
    if (seen["value"] <= 0).any():
        return found.assign(centre=groups.median()), "median"
    logarithms = seen.assign(value=np.log(seen["value"].astype(float)))
    means = logarithms.groupby(list(by))["value"].mean()
    return found.assign(centre=np.exp(means)), "geometric mean"


def interval(values: Iterable[float]) -> Interval:
    """The interval of one sample, a value for each seed; one that is not finite counts as lost."""
    given = list(values)
    if not given:
        return Interval(math.nan, math.nan, math.nan, 0, 0)
    row = summary(pd.DataFrame({"value": given, "group": 0}), "group").iloc[0]
    mean, low, high = (float(row[name]) for name in ("mean", "low", "high"))
    return Interval(mean, low, high, int(row["n"]), int(row["lost"]))


def difference(first: Mapping[int, float], second: Mapping[int, float]) -> Interval:
    """The interval of first − second, by the seeds that both have (paired).

    Args:
        first: Values by seed.
        second: Values by seed.

    Returns:
        The interval; a seed of which either value is not finite counts as lost.
    """
    return interval(first[seed] - second[seed] for seed in first if seed in second)


def different(first: Mapping[int, float], second: Mapping[int, float]) -> bool | None:
    """Whether the interval of the difference excludes 0; None, untested, below two seeds."""
    return difference(first, second).excludes_zero


def shown(value: float, form: str) -> str:
    """A number in a format, with a true minus sign, and none before 0."""
    text = form.format(value)
    return text.replace("-", "−") if float(text.replace(",", "")) else text.lstrip("-")
