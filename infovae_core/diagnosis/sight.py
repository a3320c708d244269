"""What a kernel can see, and what the posterior carries: findings beside the codes' law."""

import math
from collections.abc import Sequence

from infovae_core.diagnosis.finding import Finding, differs, listed
from infovae_core.diagnosis.perfect import LEVEL
from infovae_core.diagnosis.readings import Posterior, Reading, described
from infovae_core.kernels import Kernel

# Share of the escape reading around 1 within which a reading is said to equal it.
EQUAL = 0.25
# A reading of escape that one would take for alignment, and how many times it may be passed.
SMALL, NEAR = 0.1, 5.0


def posterior_collapse(d: int, posterior: Posterior) -> list[Finding]:
    """Units that carry nothing of the input, and an estimate of information at its bound."""
    found = []
    idle = [k for k in range(d) if k not in posterior.active]
    if idle:
        whole = len(idle) == d
        found.append(
            Finding(
                "posterior collapse",
                ("no unit is" if whole else f"{len(idle)} of {d} units are not")
                + " active: the mean of q(z|x) hardly depends on x"
                + ("" if whole else f" in {listed(idle)}")
                + f". The mean KL is {sum(posterior.kl):.3g} nats in all.",
                "However well the codes match the prior, they say nothing there. Lower the KL "
                "term's "
                "weight (raise α), or hold it with free bits.",
                "alternatives",
            )
        )
    if posterior.information > posterior.bound - 0.5:
        found.append(
            Finding(
                "information at its bound",
                f"the estimate of I(x; z), {posterior.information:.3g} nats, is at what "
                f"{posterior.codes:,} "
                f"codes can show at most, log n = {posterior.bound:.3g}: the information may be "
                "larger.",
                "Give more codes to bound it higher.",
                "balance",
            )
        )
    return found


def of_kernel(
    kernel: Kernel, reading: Reading, others: Sequence[Reading], d: int, batch: int
) -> Finding:
    """Whether the user's own kernel can see what is the case.

    Args:
        kernel: The kernel.
        reading: What it reads.
        others: All readings.
        d: Dimensions.
        batch: The minibatch that the kernel is trained with.
    """
    name = described(kernel)
    escape = reading.escape or math.inf
    noise = 2 * kernel.noise(d, batch, batch)
    ratio = escape / noise if noise else math.inf
    training = (
        f" In a minibatch of {batch} codes and as many draws, escape reads {ratio:.2g} times two "
        "standard deviations of its noise."
    )
    change = (
        f"Take σ² = d, σ = {math.sqrt(d):.3g} here, or the inverse multiquadratic kernel with "
        f"C = 2d = {2 * d}."
    )
    away = differs([one for one in others if one.name != "own"])
    within = reading.p is None or reading.p > LEVEL
    share = reading.share
    if reading.blind:
        return Finding(
            "blind kernel",
            f"with {name} at d = {d} codes that left altogether read {escape:.2g}, and a perfect "
            "match "
            f"of {reading.codes:,} codes up to {reading.floor or 0:.2g}: this kernel cannot tell "
            f"them apart.{training}",
            change,
            "kernels",
        )
    if away and escape < SMALL and share is not None and 1 + EQUAL <= share < NEAR:
        return Finding(
            "kernel reads escape",
            f"with {name} at d = {d} your reading of {reading.value:.2g} is {share:.2g} times what "
            f"total escape reads, {escape:.2g}: values as near zero as this are what it says of "
            f"codes that left the prior and each other.{training}",
            change,
            "kernels",
        )
    if away and share is not None and abs(share - 1) < EQUAL:
        return Finding(
            "kernel reads escape",
            f"with {name} at d = {d} your reading of {reading.value:.2g} equals total escape, "
            f"{escape:.2g}: near zero is what it says of codes that left the prior and each "
            f"other.{training}"
            if escape < SMALL
            else f"with {name} at d = {d} your reading of {reading.value:.2g} equals total escape, "
            f"{escape:.2g}: the codes left, and this kernel says so.{training}",
            change if escape < SMALL else "",
            "kernels",
        )
    if away and within:
        return Finding(
            "kernel does not see it",
            f"with {name} at d = {d} your reading of {reading.value:.2g} is within the noise of a "
            "perfect "
            f"match, {reading.floor or 0:.2g}, while other rulers see a difference.{training}",
            change,
            "kernels",
        )
    return Finding(
        "kernel sees",
        f"with {name} at d = {d} a perfect match of {reading.codes:,} codes reads up to "
        f"{reading.floor or 0:.2g} and total escape {escape:.2g}; you read "
        f"{reading.value:.2g}.{training}",
        change if ratio < 1 else "",
        "kernels",
    )


def blind_rulers(readings: Sequence[Reading], d: int) -> Finding | None:
    """Which of the usual kernels could not see codes leave."""
    blind = [one for one in readings if one.blind and one.name != "own"]
    if not blind:
        return None
    return Finding(
        "blind ruler",
        "; ".join(
            f"{one.title} at d = {d}: escape reads {one.escape or 0:.2g}, a perfect match up to "
            f"{one.floor or 0:.2g}"
            for one in blind
        )
        + ". A small value says nothing here.",
        "Do not read these.",
        "kernels",
    )
