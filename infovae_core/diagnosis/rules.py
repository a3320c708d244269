"""From readings and facts to findings in words: each rule a pure function, tested alone.

A finding about the law of the codes is made only where the corrected test of all rulers together
rejects a perfect match, so that a match is called anything else with a probability of 5 %. Which
finding it is, the rules say, from the codes' moments and neighbourhoods.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from infovae_core.diagnosis.facts import Facts
from infovae_core.diagnosis.finding import Finding, differs, listed, plural
from infovae_core.diagnosis.readings import Reading

# A dimension or direction counts as collapsed below this standard deviation, as a unit does whose
# variance is below 0.01 (Burda et al. 2016), and as escaped above the next. All together have
# escaped where they spread twice as far as the prior on the whole.
COLLAPSED, ESCAPED = 0.1, 3.0
ESCAPED_ALL = 2.0
# Deviations from what is expected at which a rule names a cause, once a match is rejected.
CLEAR = 3.0
CROWDED, CROWDED_P = 0.9, 0.01


# The law of the codes -----------------------------------------------------------------------------


def collapsed(f: Facts) -> Finding | None:
    """All codes at one point, or some dimensions without spread."""
    flat = np.flatnonzero(f.sd < COLLAPSED)
    advice = (
        "Such a dimension carries nothing: lower the weight of the penalty or of the KL term, or "
        "take "
        "fewer dimensions."
    )
    if f.scale < COLLAPSED:
        return Finding(
            "collapsed",
            f"all codes lie at one point: they spread by {f.scale:.2g} where the prior spreads by "
            "1.",
            advice,
            "alternatives",
        )
    if len(flat):
        return Finding(
            "collapsed",
            f"{plural(len(flat), 'dimension')} of {f.d} hardly vary, with a standard deviation "
            f"below {COLLAPSED}: {listed(flat)}.",
            advice,
            "alternatives",
        )
    # Directions across dimensions; a sample of fewer codes than dimensions has such in any case.
    thin = int((f.spectrum < COLLAPSED**2).sum())
    if thin and f.n > 4 * f.d:
        return Finding(
            "collapsed",
            f"in {plural(thin, 'direction')} of {f.d}, across dimensions, the codes hardly vary, "
            f"with a standard deviation below {COLLAPSED}.",
            advice,
            "alternatives",
        )
    return None


def escaped_directions(f: Facts) -> int:
    """Principal directions along which codes spread far more than a sample of the prior does."""
    edge = (1 + math.sqrt(f.d / f.distinct)) ** 2  # Marchenko and Pastur's, of a sample's spectrum.
    bar = ESCAPED_ALL if f.scale > ESCAPED_ALL else ESCAPED
    return int((f.spectrum > bar**2 * edge).sum())


def escaped(f: Facts) -> Finding | None:
    """Codes have left the prior: along which directions, how far."""
    count = escaped_directions(f)
    if not count:
        return None
    wide = np.flatnonzero(f.sd > (ESCAPED_ALL if f.scale > ESCAPED_ALL else ESCAPED))
    far = math.sqrt(f.spectrum[0])
    where = f"in {f'all {f.d}' if count == f.d else f'{count} of {f.d}'} principal directions"
    if f.d == 1:
        where = "in the one dimension"
    elif len(wide) == f.d:
        where += ", all dimensions alike"
    elif len(wide):
        order = wide[np.argsort(-f.sd[wide])]
        where += f", most in the dimension{'s' if len(wide) > 1 else ''} {listed(order)}"
    elif f.axes is not None:
        order = np.argsort(-np.abs(f.axes[:, 0]))
        where += f", the first across the dimensions {listed(order[:3])}"
    return Finding(
        "escaped",
        f"the codes have left the prior {where}: they spread up to {far:.3g} times as far as its "
        "draws do, so that draws from the prior land where the decoder has seen no code.",
        "If samples from the prior decode to noise, this is why. Take a penalty that grows with "
        "the "
        "distance, or a kernel that is wide enough: bandwidth σ² = d, or the inverse "
        "multiquadratic "
        "one with C = 2d; or raise its weight, or give the KL term some.",
        "kernels",
    )


def wrong_size(f: Facts) -> Finding | None:
    """Codes that are smaller or larger than the prior's, all of them or in some dimensions."""
    if f.scale < COLLAPSED or escaped_directions(f):
        return None
    deviations = (f.sd**2 - 1) * math.sqrt(max(1, f.distinct - 1) / 2)
    bar = CLEAR + math.sqrt(2 * math.log(f.d))  # Of the largest of d.
    small = np.flatnonzero((deviations < -bar) & (f.sd >= COLLAPSED))
    large = np.flatnonzero(deviations > bar)
    live = f.sd[f.sd >= COLLAPSED]  # The others are a finding of their own.
    scale = float(np.sqrt(np.mean(live**2)))
    z = (scale**2 - 1) * math.sqrt(len(live) * max(1, f.distinct - 1) / 2)
    away = f"{abs(scale - 1):.1%}"
    if z < -CLEAR and len(small) >= len(large):
        return Finding(
            "too small",
            f"the codes spread {away} less than the prior ({scale:.3g} where it has 1)"
            + (
                f", most in {listed(small[np.argsort(f.sd[small])])}."
                if 0 < len(small) < f.d
                else "."
            ),
            "Draws from the prior reach beyond the codes. The penalty or the KL term weighs too "
            "much "
            "against the reconstruction, or it shrinks codes by its bias.",
            "weights",
        )
    if z > CLEAR and len(large) >= len(small):
        return Finding(
            "too large",
            f"the codes spread {away} more than the prior ({scale:.3g} where it has 1)"
            + (
                f", most in {listed(large[np.argsort(-f.sd[large])])}."
                if 0 < len(large) < f.d
                else "."
            ),
            "Raise the weight of the penalty, or give the KL term some.",
            "weights",
        )
    if len(small) or len(large):
        parts = [
            f"{word} in {plural(len(which), 'dimension')} ({listed(which)})"
            for word, which in (("too small", small), ("too large", large))
            if len(which)
        ]
        return Finding(
            "too small" if len(small) >= len(large) else "too large",
            f"the codes are {' and '.join(parts)}, though not on the whole.",
            "The dimensions are not used alike.",
            "weights",
        )
    return None


def shifted(f: Facts) -> Finding | None:
    """The codes' mean is not the prior's."""
    if not f.shift_z > CLEAR:
        return None
    if escaped_directions(f) and f.shift < math.sqrt(f.spectrum[0]):
        return None  # Beside how far they spread it does not matter.
    order = np.argsort(-np.abs(f.mean))
    most = ", ".join(f"{f.mean[k]:+.2g} in {k}" for k in order[:3])
    left = " They have left the prior together." if f.shift > ESCAPED_ALL * math.sqrt(f.d) else ""
    return Finding(
        "shifted",
        f"the mean of the codes lies {f.shift:.3g} from the origin, where the prior spreads by 1 "
        "in "
        f"each dimension: {most}.{left}",
        "Draw from a prior with the codes' mean, or raise the weight of the penalty.",
        "weights",
    )


def correlated(f: Facts) -> Finding | None:
    """Dimensions go together."""
    if not f.correlation_z > CLEAR or f.worst_pair is None:
        return None
    i, j, r = f.worst_pair
    return Finding(
        "correlated",
        f"dimensions go together, {i} and {j} most, with a correlation of {r:+.2f}; the root mean "
        f"square over pairs is {math.sqrt(f.correlation):.3g}, and "
        f"{math.sqrt(1 / max(1, f.distinct - 1)):.3g} at a match.",
        "A penalty on sizes or on single dimensions does not see this; the KL of the fitted "
        "normal law "
        "does. Sampling from a normal law with the codes' covariance mends it without training.",
        "metrics",
    )


def clustered(f: Facts) -> Finding | None:
    """Codes are closer to each other than normal codes of their mean and covariance."""
    if f.crowding is None:
        return None
    ratio, p = f.crowding
    if not (ratio < CROWDED and p <= CROWDED_P):
        return None
    share = (
        ""
        if f.class_share is None
        else f" {f.class_share:.0%} of the variance lies between the classes that are given."
    )
    return Finding(
        "clustered",
        f"codes crowd together: the nearest one is {ratio:.2g} times as far as among normal codes "
        "of "
        f"the same mean and covariance. There are clusters, or a thin surface.{share}",
        "Draws from the prior fall into the gaps between. Posteriors with more noise fill them: "
        "give "
        "the KL term some weight; or sample from a mixture fitted to the codes.",
        "balance",
    )


def duplicated(f: Facts) -> Finding | None:
    """Codes that repeat others exactly."""
    if not f.copies:
        return None
    return Finding(
        "duplicated",
        f"{f.copies:,} of {f.n:,} codes repeat another one exactly. No continuous law gives that, "
        "and "
        "the rulers, which take codes for independent, read too much.",
        "Were inputs given twice, or codes rounded? Give each input once. An encoder without noise "
        "repeats itself on equal inputs.",
        "metrics",
    )


def unlike(f: Facts, readings: Sequence[Reading]) -> Finding:
    """What is left: a match is rejected, and moments and neighbours give no reason."""
    worst = max((one for one in readings if one.p is not None), key=lambda one: one.excess or 0)
    order = np.argsort(-f.ks)[:3]
    return Finding(
        "unlike in shape",
        "the codes do not follow the prior, though no cause stands out in mean, size or "
        "correlation; "
        f"“{worst.title}” tells it best. The dimensions whose distribution differs most: "
        f"{listed(order)}.",
        "Look at the histograms of these dimensions.",
        "metrics",
    )


def matched(f: Facts, readings: Sequence[Reading]) -> Finding:
    """Nothing found."""
    seen = [one for one in readings if one.p is not None]
    least = min((one.p for one in seen if one.p is not None), default=1.0)
    return Finding(
        "matched",
        f"within noise. None of {len(seen)} rulers tells these {f.n:,} codes from as many draws "
        "from "
        f"the prior (least corrected p-value {least:.2g}).",
        "A difference too small for so many codes may remain.",
        "metrics",
    )


CAUSES: tuple[Callable[[Facts], Finding | None], ...] = (
    collapsed,
    escaped,
    wrong_size,
    shifted,
    correlated,
    clustered,
)


def law(f: Facts, readings: Sequence[Reading]) -> list[Finding]:
    """Findings about the law of the codes; at least one."""
    found = [cause(f) for cause in CAUSES] if differs(readings) else [collapsed(f)]
    said = [one for one in (*found, duplicated(f)) if one is not None]
    if said:
        return said
    return [unlike(f, readings) if differs(readings) else matched(f, readings)]
