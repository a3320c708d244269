"""A diagnosis as text and as rows of a table, without any library."""

import math
from typing import TYPE_CHECKING

from infovae_core.diagnosis.readings import Reading

if TYPE_CHECKING:
    from infovae_core.diagnosis import Diagnosis

HEADINGS = ("ruler", "reads", "a match reads up to", "escape reads", "where it stands", "p")


def number(value: float | None) -> str:
    """A value for readers; "–" where there is none, "∞" where it is infinite."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    return f"{value:.3g}"


def stands(one: Reading) -> str:
    """Where a reading is between a perfect match and escape."""
    if one.blind:
        return "cannot tell a match from escape"
    if one.excess is None:
        return "–"
    if one.excess <= 1:
        return "within noise"
    noise = "" if one.excess < 1e-6 else f"{one.excess:.3g} × noise"
    if math.isinf(one.excess):
        noise = "beyond any noise"
    share = one.share
    if share is None or share > 1.5:
        return noise
    return f"{noise}, {share:.0%} of escape"


def rows(found: "Diagnosis") -> list[tuple[str, ...]]:
    """The rulers, one row each under `HEADINGS`."""
    return [
        (
            one.title + (f" ({one.codes:,} codes)" if one.codes < found.facts.n else ""),
            number(one.value) + ("" if one.error is None else f" ± {one.error:.1g}"),
            number(one.floor) if one.low is None else f"{one.low:.4g} to {one.floor:.4g}",
            "grows" if one.escape == math.inf else number(one.escape),
            stands(one),
            "–" if one.p is None else f"{one.p:.2g}",
        )
        for one in found.readings
    ]


def as_text(found: "Diagnosis") -> str:
    """The whole report."""
    lines = [f"{found.facts.n:,} codes in {found.facts.d} dimensions"]
    lines += [f"• {one}" for one in found.findings]
    table = [HEADINGS, *rows(found)]
    widths = [max(len(row[k]) for row in table) for k in range(len(HEADINGS))]
    lines += [""]
    lines += [
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    if posterior := posterior_line(found):
        lines += ["", f"posterior: {posterior}"]
    return "\n".join(lines)


def posterior_line(found: "Diagnosis") -> str:
    """What the posterior carries; empty where it is not known."""
    if (one := found.posterior) is None:
        return ""
    return (
        f"{len(one.active)} of {found.facts.d} units active, mean KL {sum(one.kl):.3g} nats, "
        f"I(x; z) ≈ {one.information:.3g} ± {one.error:.1g} nats "
        f"(at most log {one.codes:,} = {one.bound:.3g})"
    )
