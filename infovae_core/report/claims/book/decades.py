"""What the book says of Experiment 4: λ over decades, for the MMD of σ = 1 at d = 10 and 20."""

import math
from collections.abc import Iterator

from infovae_core import gradient_noise, prices
from infovae_core.report.claims.checks import alone, between, fact, number, quote
from infovae_core.report.claims.ledger import LEDGER, Check
from infovae_core.report.claims.readings import FOUR
from infovae_core.report.claims.stored import Stored
from infovae_core.report.labels import LABELS
from infovae_core.run import BATCH_SIZE

DECADES = tuple(range(3, 8))
# ‖z‖/√d of codes far outside the prior.
GONE = 5.0


def held(stored: Stored, metric: str, decade: int, d: int) -> dict[int, float]:
    """A metric of the run at λ = 10^decade, by seed."""
    return dict(stored.value(FOUR, metric, f"lam_1e{decade}", d))


@LEDGER.book(
    "no-weight-holds",
    "collapse",
    "At d = 10 and 20 none of the weights from 10³ to 10⁷ makes an MMD of σ = 1 hold codes that "
    "say something: they have left, or no unit is active. At d = 10 it is {size_10:.0f} times the "
    "prior's size at λ = 10⁴ and {units_10:.0f} active units at 10⁵; at d = 20 {size_20:.0f} times "
    "at 10⁶ and {units_20:.0f} units at 10⁷.",
    needs=FOUR,
    tolerance=f"At every seed, ‖z‖/√d above {GONE:g}, or no active unit.",
)
def _(stored: Stored) -> Iterator[Check]:
    for d, last in ((10, 4), (20, 6)):
        for decade in DECADES:
            size, units = (held(stored, name, decade, d) for name in ("norm_ratio", "active_units"))
            told = ", ".join(f"{number(size[s])} and {units[s]:g} units" for s in size)
            lost = bool(size) and all(size[seed] > GONE or units[seed] == 0 for seed in size)
            yield fact(f"d = {d}, λ = 10^{decade}: ‖z‖/√d", told, f"above {GONE:g}, or none", lost)
        yield quote(f"size_{d}", f"d = {d}, ‖z‖/√d", held(stored, "norm_ratio", last, d))
        units = held(stored, "active_units", last + 1, d)
        yield quote(f"units_{d}", f"d = {d}, active units", units)


@LEDGER.book(
    "dear-leaving-is-left-for",
    "collapse",
    "A price of leaving does not hold by itself: at d = 10 codes go although it is {price_10:.0f} "
    "nats, at λ = 10⁴, and at d = 20 although it is {price_20:.0f} nats, at 10⁶.",
    needs=FOUR,
    tolerance=f"λ times the ceiling of the MMD above 10 nats, and ‖z‖/√d above {GONE:g}.",
    proof="prop-escape-threshold",
)
def _(stored: Stored) -> Iterator[Check]:
    for d, decade in ((10, 4), (20, 6)):
        price = 10**decade * prices.ceiling("mmd", {}, d)
        yield between(f"d = {d}, λ = 10^{decade}: nats", alone(price), 10, name=f"price_{d}")
        yield between(f"d = {d}: ‖z‖/√d", held(stored, "norm_ratio", decade, d), GONE)


@LEDGER.book(
    "crushed-by-noise",
    "collapse",
    "Where the units die, the noise of the penalty's gradient at the prior is {noise_10:.0f} nats "
    "per unit of length at d = 10 and {noise_20:.0f} at d = 20; at a tenth of the weight, where "
    "they live, a tenth of it.",
    needs=FOUR,
    tolerance="No active unit where λν exceeds 500, all of them where it is below 300.",
    proof="prop-gradient-noise",
)
def _(stored: Stored) -> Iterator[Check]:
    for d, last in ((10, 4), (20, 6)):
        noise = gradient_noise.noise("mmd", {}, d, BATCH_SIZE)
        yield quote(f"noise_{d}", f"d = {d}: λν", 10 ** (last + 1) * noise)
        for decade in DECADES:
            units, level = held(stored, "active_units", decade, d), 10**decade * noise
            if level > 500:
                yield between(f"d = {d}, λν = {number(level)}: active units", units, -1, 0.5)
            elif level < 300:
                yield between(f"d = {d}, λν = {number(level)}: active units", units, d - 0.5)


@LEDGER.book(
    "aligned-codes-are-pushed-out-too",
    "collapse",
    "So are codes of models that other penalties have aligned. Those that the inverse "
    "multiquadratic kernel and the Cramér distance (λ = 100) have made would pay the MMD of σ = 1 "
    "{imq_20:.0f} and {cramer_20:.0f} times as much as codes that have left at d = 20, and "
    "{imq_10:.1f} and {cramer_10:.1f} times at d = 10.",
    needs="experiment2/corrected",
    tolerance="The ratio at each seed above 10 at d = 20, between 0.7 and 1.5 at d = 10.",
    proof="prop-size-free",
)
def _(stored: Stored) -> Iterator[Check]:
    for name in ("imq", "cramer"):
        for d, low, high in ((10, 0.7, 1.5), (20, 10, math.inf)):
            found = stored.value("experiment2/corrected", "charge", f"corrected_{name}", d)
            what = f"{LABELS[f'corrected_{name}']}, d = {d}: charge over that of leaving"
            yield between(what, found, low, high, name=f"{name}_{d}")
