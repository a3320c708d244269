"""What the book says of codes that leave: what trained codes would pay at every size."""

import math
from collections.abc import Iterator

from infovae_core.report.claims.checks import between
from infovae_core.report.claims.ledger import LEDGER, Check
from infovae_core.report.claims.readings import RECON, TWO, VAE, second
from infovae_core.report.claims.stored import Stored
from infovae_core.report.labels import LABELS
from infovae_core.report.leaving import DIMS

METRICS = {
    "charge": "charge at the prior's size over that of leaving",
    "least_charge": "least charge of all sizes over that of leaving",
    "wide_charge": "charge at the prior's size over that of leaving, σ² = d",
}


def charges(
    stored: Stored, metric: str, model: str, name: str, bounds: dict[int, tuple[float, float]]
) -> Iterator[Check]:
    """What codes are charged over what leaving is, by dimension, each between two bounds."""
    for d, (low, high) in bounds.items():
        found = second(stored, metric, model, d)
        what = f"{LABELS[model]}, d = {d}: {METRICS[metric]}"
        yield between(what, found, low, high, name=f"{name}_{d}")


@LEDGER.book(
    "leaving-is-cheaper-from-ten",
    "collapse",
    "Put to the prior's mean and variance in every coordinate, the codes of the autoencoder "
    "without a penalty pay an MMD of σ = 1 less than codes that have left at d = 2 and 5 "
    "({charge_2:.2f} and {charge_5:.2f} times as much), and more at d = 10 and 20 "
    "({charge_10:.1f} and {charge_20:.0f} times).",
    needs=TWO,
    tolerance="The ratio of the two charges, at each seed below 1 at d = 2 and 5, above 1 beyond.",
    proof="prop-size-free",
)
def _(stored: Stored) -> Iterator[Check]:
    yield from charges(
        stored,
        "charge",
        RECON,
        "charge",
        {2: (-1, 1), 5: (-1, 1), 10: (1, math.inf), 20: (1, math.inf)},
    )


@LEDGER.book(
    "no-size-is-cheaper-than-leaving",
    "collapse",
    "At d = 10 and 20 no size from half to eight times the prior's makes them pay less than "
    "leaving does. At d = 2 and 5 the best size pays {least_2:.2f} and {least_5:.2f} of it.",
    needs=TWO,
    tolerance="The least ratio over sizes, at each seed above 1 from d = 10 on, below 0.5 before.",
    proof="prop-size-free",
)
def _(stored: Stored) -> Iterator[Check]:
    yield from charges(
        stored,
        "least_charge",
        RECON,
        "least",
        {2: (-1, 0.5), 5: (-1, 0.5), 10: (1, math.inf), 20: (1, math.inf)},
    )


@LEDGER.book(
    "a-vae-is-pushed-out-too",
    "collapse",
    "Codes of a VAE are pushed out as well at d = 20, where they pay {charge_20:.0f} times as "
    "much as codes that have left; at d = 10 the two are about the same ({charge_10:.2f} times).",
    needs=TWO,
    tolerance="The ratio at each seed above 2 at d = 20, between 0.8 and 1.2 at d = 10.",
    proof="prop-size-free",
)
def _(stored: Stored) -> Iterator[Check]:
    yield from charges(stored, "charge", VAE, "charge", {10: (0.8, 1.2), 20: (2, math.inf)})


@LEDGER.book(
    "a-wider-kernel-charges-for-leaving",
    "collapse",
    "With σ² = d the same codes pay for leaving many times what they pay for staying: at the "
    "prior's size {wide_2:.3f}, {wide_5:.3f}, {wide_10:.3f} and {wide_20:.3f} of it at d = 2, 5, "
    "10 and 20.",
    needs=TWO,
    tolerance="The ratio below 0.1 at each seed and d.",
    proof="prop-filling",
)
def _(stored: Stored) -> Iterator[Check]:
    bounds = dict.fromkeys(DIMS, (-1.0, 0.1))
    yield from charges(stored, "wide_charge", RECON, "wide", bounds)
