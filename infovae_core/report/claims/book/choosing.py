"""What the guide recommends, from the runs of the frontier: weights by their price in nats."""

from collections.abc import Iterator

from infovae_core.report.claims.checks import between, fact, less, listed, quote
from infovae_core.report.claims.ledger import LEDGER, Check
from infovae_core.report.claims.readings import FRONTIER, RECON, TWO, VAE, WIDE, second
from infovae_core.report.claims.stored import Stored
from infovae_core.report.guide import SHORT, frontier_prices

# The inverse multiquadratic kernel and the energy distance, which is the Cramér distance here.
FAR_SIGHTED = ("corrected_imq", "infovae_cramer")
# Nats that codes of 1.5 times the prior's size cost.
WORKS = (3.0, 50.0)
HIGH = 90.0
UNITS = 19.5
ONE_SEED = "One seed."


def priced(low: float, high: float, *models: str) -> Iterator[tuple[str, str]]:
    """The series between two prices, of these penalties: name, and words."""
    for series, (model, price) in frontier_prices().items():
        if model in models and low <= price <= high:
            yield series, f"{SHORT[model]}, {price:.3g} nats"


def read(stored: Stored, metric: str, series: str) -> dict[int, float]:
    """A metric of the frontier, by seed."""
    return dict(stored.value(FRONTIER, metric, series))


@LEDGER.book(
    "price-works",
    "choosing",
    "Between {low:.0f} and {high:.0f} nats the inverse multiquadratic kernel and the energy "
    "distance work at every weight that was tried: all units active, codes of the prior's size, "
    "and a better reconstruction, a smaller classification error and a smaller energy distance "
    "than the VAE.",
    needs=FRONTIER,
    tolerance="Every weight in this range: 20 active units, ‖z‖/√d between 0.9 and 1.1, and each "
    f"metric below the VAE's. {ONE_SEED}",
)
def _(stored: Stored) -> Iterator[Check]:
    yield quote("low", "least price", WORKS[0])
    yield quote("high", "greatest price", WORKS[1])
    for series, words in priced(*WORKS, *FAR_SIGHTED):
        yield between(f"{words}: units", read(stored, "active_units", series), low=UNITS)
        yield between(f"{words}: ‖z‖/√d", read(stored, "norm_ratio", series), 0.9, 1.1)
        for metric in ("test_bce", "svm_error", "energy_distance"):
            mine, vae = read(stored, metric, series), read(stored, metric, VAE)
            yield less(f"{words}: {metric.replace('_', ' ')}, less the VAE's", mine, vae)


@LEDGER.book(
    "a-light-penalty-helps",
    "choosing",
    "A light one even helps: at {cramer_price:.0f} nats of the energy distance the test "
    "reconstruction is {cramer:.1f} nats, and at {imq_price:.0f} of the kernel {imq:.1f}, where "
    "the least of the seeds without a penalty has {none:.1f}.",
    needs=(FRONTIER, TWO),
    tolerance=f"Both below every seed of ReconAE in Experiment 2 at d = 20. {ONE_SEED}",
)
def _(stored: Stored) -> Iterator[Check]:
    least = min(second(stored, "test_bce", RECON).values())
    yield quote("none", "ReconAE: least test BCE (nats)", least)
    for name, series in (("cramer", "infovae_cramer_10"), ("imq", "corrected_imq_100")):
        model, price = frontier_prices()[series]
        yield quote(f"{name}_price", f"{SHORT[model]}: price (nats)", price)
        found = read(stored, "test_bce", series)
        yield between(f"{SHORT[model]}, {price:.3g} nats: test BCE", found, 0, least, name=name)


@LEDGER.book(
    "a-gaussian-needs-more",
    "choosing",
    "A Gaussian kernel with σ² = d lets go where these two hold: at {low:.0f} nats its codes are "
    "{size_low:.0f} times the prior's size, at {high:.0f} nats {size_high:.2f} times.",
    needs=FRONTIER,
    tolerance=f"‖z‖/√d above 5 at λ = 100, between 0.9 and 1.1 at λ = 1000. {ONE_SEED}",
)
def _(stored: Stored) -> Iterator[Check]:
    for name, lam, bounds in (("low", 100, (5.0, float("inf"))), ("high", 1000, (0.9, 1.1))):
        series = f"{WIDE}_{lam}"
        yield quote(name, f"λ = {lam}: price (nats)", frontier_prices()[series][1])
        size = read(stored, "norm_ratio", series)
        yield between(f"λ = {lam}: ‖z‖/√d", size, *bounds, name=f"size_{name}")


@LEDGER.book(
    "price-too-high",
    "choosing",
    "Above {high:.0f} nats every penalty costs more than it gives, or crushes: each such run "
    "reconstructs worse than the VAE, and from {crushed:.0f} nats on next to no unit is active.",
    needs=FRONTIER,
    tolerance="Every weight above 90 nats: test BCE above the VAE's; every weight above 300: at "
    f"most two active units. {ONE_SEED}",
)
def _(stored: Stored) -> Iterator[Check]:
    yield quote("high", "least price", HIGH)
    crushed = []
    for series, words in priced(HIGH, float("inf"), *FAR_SIGHTED, WIDE):
        mine, vae = read(stored, "test_bce", series), read(stored, "test_bce", VAE)
        yield less(f"{words}: test BCE of the VAE, less its own", vae, mine)
        price = frontier_prices()[series][1]
        if price > 300:
            crushed.append(price)
            units = read(stored, "active_units", series)
            yield fact(f"{words}: units", listed(units), "at most 2", max(units.values()) <= 2)
    yield quote("crushed", "least price of these", min(crushed))


@LEDGER.book(
    "a-code-earns",
    "choosing",
    "A code of twenty dimensions earns {earned:.0f} nats here: {silent:.0f} are lost by one that "
    "says nothing, and {free:.0f} by one without a penalty.",
    needs=FRONTIER,
    tolerance="The collapsed run (Cramér, λ = 1000) has no active unit; the difference is above 0.",
)
def _(stored: Stored) -> Iterator[Check]:
    silent = read(stored, "test_bce", "infovae_cramer_1000")
    free = read(stored, "test_bce", RECON)
    units = read(stored, "active_units", "infovae_cramer_1000")
    yield between("active units of the collapsed run", units, high=0.5)
    yield quote("silent", "its test BCE (nats)", silent)
    yield quote("free", "test BCE without a penalty (nats)", free)
    earned = {seed: silent[seed] - free[seed] for seed in silent}
    yield between("what a code earns (nats)", earned, low=0, name="earned")
