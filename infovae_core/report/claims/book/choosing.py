"""What the guide recommends, from the runs of the frontier: weights by their price in nats."""

from collections.abc import Iterator

from infovae_core.report.claims.checks import between, less, quote
from infovae_core.report.claims.ledger import LEDGER, Check
from infovae_core.report.claims.readings import FRONTIER, RECON, VAE
from infovae_core.report.claims.stored import Stored
from infovae_core.report.guide import SHORT, frontier_prices

# Nats that codes of 1.5 times the prior's size cost.
WORKS = (13.0, 100.0)
LOW, HIGH = 1.0, 200.0
BY_PRICE = ("corrected_imq", "corrected_mmd", "infovae_cramer")
UNITS = 19.5


def priced(low: float, high: float) -> Iterator[tuple[str, str]]:
    """The series of the three penalties between two prices: name, and words."""
    for series, (model, price) in frontier_prices().items():
        if model in BY_PRICE and low <= price <= high:
            yield series, f"{SHORT[model]}, {price:.3g} nats"


@LEDGER.book(
    "price-works",
    "choosing",
    "Between {low:.0f} and {high:.0f} nats all three penalties work, whatever their unit: every "
    "run has all its units active, codes of the prior's size, and a better reconstruction, a "
    "smaller classification error and a smaller energy distance than the VAE.",
    needs=FRONTIER,
    tolerance="Every weight in this range: 20 active units, ‖z‖/√d between 0.9 and 1.1, and each "
    "metric below the VAE's. One seed.",
)
def _(stored: Stored) -> Iterator[Check]:
    yield quote("low", "least price", WORKS[0])
    yield quote("high", "greatest price", WORKS[1])
    for series, words in priced(*WORKS):
        units = stored.value(FRONTIER, "active_units", series)
        yield between(f"{words}: active units", units, low=UNITS)
        yield between(f"{words}: ‖z‖/√d", stored.value(FRONTIER, "norm_ratio", series), 0.9, 1.1)
        for metric in ("test_bce", "svm_error", "energy_distance"):
            mine, vae = (stored.value(FRONTIER, metric, one) for one in (series, VAE))
            yield less(f"{words}: {metric.replace('_', ' ')}, less the VAE's", mine, vae)


@LEDGER.book(
    "price-too-low",
    "choosing",
    "Below one nat they let go: the codes are at least {least:.1f} times the prior's size.",
    needs=FRONTIER,
    tolerance="Every weight below one nat: ‖z‖/√d above 1.25. One seed.",
)
def _(stored: Stored) -> Iterator[Check]:
    sizes: list[float] = []
    for series, words in priced(0, LOW):
        found = stored.value(FRONTIER, "norm_ratio", series)
        sizes += found.values()
        yield between(f"{words}: ‖z‖/√d", found, low=1.25)
    yield quote("least", "least size", min(sizes))


@LEDGER.book(
    "price-too-high",
    "choosing",
    "Above {high:.0f} nats they cost more than they give, or crush: every such run reconstructs "
    "worse than the VAE.",
    needs=FRONTIER,
    tolerance="Every weight above 200 nats: test BCE above the VAE's. One seed.",
)
def _(stored: Stored) -> Iterator[Check]:
    yield quote("high", "least price", HIGH)
    for series, words in priced(HIGH, float("inf")):
        mine, vae = (stored.value(FRONTIER, "test_bce", one) for one in (series, VAE))
        yield less(f"{words}: test BCE of the VAE, less its own", vae, mine)


@LEDGER.book(
    "a-code-earns",
    "choosing",
    "A code of twenty dimensions earns {earned:.0f} nats here: {silent:.0f} are lost by one that "
    "says nothing, and {free:.0f} by one without a penalty.",
    needs=FRONTIER,
    tolerance="The collapsed run (Cramér, λ = 1000) has no active unit; the difference is above 0.",
)
def _(stored: Stored) -> Iterator[Check]:
    silent = stored.value(FRONTIER, "test_bce", "infovae_cramer_1000")
    free = stored.value(FRONTIER, "test_bce", RECON)
    units = stored.value(FRONTIER, "active_units", "infovae_cramer_1000")
    yield between("active units of the collapsed run", units, high=0.5)
    yield quote("silent", "its test BCE (nats)", silent)
    yield quote("free", "test BCE without a penalty (nats)", free)
    earned = {seed: silent[seed] - free[seed] for seed in silent}
    yield between("what a code earns (nats)", earned, low=0, name="earned")


@LEDGER.book(
    "stein-lets-go-too",
    "choosing",
    "Stein's discrepancy does so even with σ² = d, at {low:.0f} times the prior's size with λ = "
    "100 and {high:.1f} times with λ = 1000: what it charges for leaving tends to nothing.",
    needs=FRONTIER,
    tolerance="‖z‖/√d above 1.25 at both weights. One seed.",
    proof="prop-ksd-escape",
)
def _(stored: Stored) -> Iterator[Check]:
    for name, lam in (("low", 100), ("high", 1000)):
        found = stored.value(FRONTIER, "norm_ratio", f"corrected_stein_{lam}")
        yield between(f"λ = {lam}: ‖z‖/√d", found, low=1.25, name=name)
