"""Checks: what claims ask of numbers, each with a rule for several seeds.

A value is a mapping from seed to number. A bound holds if it does at every seed. An order of two
series holds if the 95 % interval of their differences, taken seed by seed, excludes 0 on the right
side; one seed has no interval, and then it holds by its sign, and says that it is one seed.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import replace

from scipy import stats

from infovae_core.report.claims.ledger import Check, Quoted
from infovae_core.report.intervals import difference

Values = Mapping[int, float]


# Stands for a seed where a number is of no seed.
NO_SEED = -1


def alone(value: float) -> Values:
    """A number that is of no seed: computed, published, or a mean already."""
    return {NO_SEED: value}


def mean(values: Values) -> float:
    """The mean over seeds; NaN if there are none."""
    return sum(values.values()) / len(values) if values else math.nan


def number(value: float, form: str = "{:.3g}") -> str:
    """A number for readers."""
    return f"{Quoted(value):{form[2:-1]}}"


def listed(values: Values, form: str = "{:.3g}") -> str:
    """The values of all seeds."""
    found = ", ".join(number(value, form) for value in values.values())
    return found + (" (one seed)" if len(values) == 1 and NO_SEED not in values else "")


def quote(name: str, what: str, value: float | Values, form: str = "{:.3g}") -> Check:
    """A number that the words quote, of which nothing is asked."""
    if isinstance(value, Mapping):
        return Check(what, listed(value, form), "", None, name, mean(value))
    return Check(what, number(value, form), "", None, name, value)


def between(
    what: str,
    values: Values,
    low: float = -math.inf,
    high: float = math.inf,
    name: str = "",
    form: str = "{:.3g}",
) -> Check:
    """Every seed's value lies between the two, ends excluded."""
    bounds = [f"above {number(low)}"] if low > -math.inf else []
    bounds += [f"below {number(high)}"] if high < math.inf else []
    holds = bool(values) and all(low < value < high for value in values.values())
    return Check(what, listed(values, form), " and ".join(bounds), holds, name, mean(values))


def level(what: str, values: Values, low: float = -math.inf, high: float = math.inf) -> Check:
    """The mean over seeds lies between the two: as a claim of one run's level is held."""
    return replace(between(what, alone(mean(values)), low, high), found=listed(values))


def near(
    what: str,
    values: Values,
    target: float,
    within: float,
    name: str = "",
    form: str = "{:.3g}",
) -> Check:
    """Every seed's value is as near to the target."""
    holds = bool(values) and all(abs(value - target) <= within for value in values.values())
    wanted = f"{number(target)} ± {number(within)}"
    return Check(what, listed(values, form), wanted, holds, name, mean(values))


def less(what: str, first: Values, second: Values, name: str = "", form: str = "{:.3g}") -> Check:
    """The first is smaller than the second, seed by seed."""
    found = difference(first, second)
    if found.n < 2:
        text = f"difference {number(found.mean, form)} (one seed)"
        return Check(what, text, "below 0", found.mean < 0, name, found.mean)
    text = (
        f"difference {number(found.mean, form)} "
        f"({number(found.low, form)} to {number(found.high, form)})"
    )
    return Check(what, text, "interval below 0", found.high < 0, name, found.mean)


def same(
    what: str,
    first: Values,
    second: Values,
    within: float,
    name: str = "",
    form: str = "{:.3g}",
) -> Check:
    """The means of the two differ by no more than that."""
    apart = mean(first) - mean(second)
    wanted = f"at most {number(within)} apart"
    holds = abs(apart) <= within
    return Check(what, f"difference {number(apart, form)}", wanted, holds, name, apart)


def least(
    what: str,
    series: Mapping[str, Values],
    expected: Collection[str],
    form: str = "{:.3g}",
) -> Check:
    """The series with the least mean is among the expected ones."""
    means = {label: mean(values) for label, values in series.items()}
    first = min(means, key=means.__getitem__)
    found = f"{first}, {number(means[first], form)}"
    return Check(what, found, " or ".join(expected), first in expected)


def leads(
    what: str,
    series: Mapping[str, Values],
    leaders: Collection[str],
    form: str = "{:.3g}",
) -> Check:
    """Every one of the leaders has a smaller mean than every other series."""
    means = {label: mean(values) for label, values in series.items()}
    last = max(leaders, key=means.__getitem__)
    other = min((label for label in means if label not in leaders), key=means.__getitem__)
    found = f"{last} {number(means[last], form)}, {other} {number(means[other], form)}"
    return Check(what, found, f"{last} below {other}", means[last] < means[other])


def rank_correlation(
    what: str, first: Mapping[str, float], second: Mapping[str, float], above: float, name: str = ""
) -> Check:
    """Spearman's correlation of two rankings of the same things exceeds a bound."""
    keys = list(first)
    pairs = [first[key] for key in keys], [second[key] for key in keys]
    # Undefined, and no correlation, where a ranking is all ties.
    tied = any(len(set(values)) == 1 for values in pairs)
    value = math.nan if tied else float(stats.spearmanr(*pairs).statistic)
    return Check(
        what, number(value, "{:.2f}"), f"above {number(above)}", value > above, name, value
    )


def fact(what: str, found: str, wanted: str, holds: bool) -> Check:
    """A matter of yes or no."""
    return Check(what, found, wanted, bool(holds))
