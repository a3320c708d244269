"""Diagnosis of anyone's codes: every ruler, its noise, and a finding in words.

`intake` checks codes and reads files; `readings` holds the rulers (`infovae_core.rulers`) against
what `perfect` knows of a match; `facts` says where the codes lie; `rules` puts it into words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infovae_core import declared
from infovae_core.diagnosis import rules, sight
from infovae_core.diagnosis.facts import Facts, facts
from infovae_core.diagnosis.finding import Finding, differs
from infovae_core.diagnosis.intake import IntakeError, Sample, kernel_choice, sample
from infovae_core.diagnosis.readings import Posterior, Reading, measure, median_of, posterior
from infovae_core.kernels import Kernel
from infovae_core.rulers import Tick, quiet

__all__ = ["Diagnosis", "Finding", "IntakeError", "Reading", "diagnose"]


@dataclass(frozen=True)
class Diagnosis:
    """What was found of some codes; printed, it is a report.

    Attributes:
        findings: In words, the most important first.
        readings: One for each ruler.
        facts: Where the codes lie.
        posterior: What q(z|x) carries, where μ and log σ² were given.
        sample: The codes, as they were taken.
    """

    findings: tuple[Finding, ...]
    readings: tuple[Reading, ...]
    facts: Facts
    posterior: Posterior | None
    sample: Sample

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the findings."""
        return tuple(one.kind for one in self.findings)

    @property
    def differs(self) -> bool:
        """Whether the rulers together reject a perfect match at 5 %."""
        return differs(self.readings)

    def __getitem__(self, name: str) -> Reading:
        """The reading of a ruler by its name.

        Raises:
            KeyError: If there is none.
        """
        found = {one.name: one for one in self.readings}
        if name not in found:
            raise KeyError(f"no ruler {name!r} here: {', '.join(found)}")
        return found[name]

    def __str__(self) -> str:
        """Findings and readings as text."""
        from infovae_core.diagnosis.words import as_text

        return as_text(self)


def own_kernel(
    kernel: str, bandwidth: float | str | Sequence[float] | None, codes: Sample
) -> Kernel | None:
    """The user's kernel from what is said of it; None if nothing is.

    Args:
        kernel: "rbf" or "imq".
        bandwidth: σ of an RBF kernel: a number, "sqrt_d", "median", or several numbers; C of an
            inverse multiquadratic one: a number, "2d", or several.
        codes: For the median.
    """
    kernel_choice(kernel)
    d = codes.z.shape[1]
    if bandwidth is None:
        if kernel == "rbf":
            return None
        bandwidth = "2d"
    if kernel == "imq":
        given = [bandwidth] if isinstance(bandwidth, str | int | float) else list(bandwidth)
        return Kernel("imq", tuple(declared.imq_scale(one, d) for one in given))
    if bandwidth == "median":
        return Kernel("rbf", (median_of(codes.z) ** 2,))
    return Kernel("rbf", tuple(sigma**2 for sigma in declared.bandwidths(bandwidth, d)))


def diagnose(
    codes: Any,
    *,
    mu: Any = None,
    logvar: Any = None,
    labels: Any = None,
    kernel: str = "rbf",
    bandwidth: float | str | Sequence[float] | None = None,
    batch_size: int = 128,
    classifier: bool = True,
    tick: Tick = quiet,
) -> Diagnosis:
    """Hold codes against the prior N(0, I) by every ruler, and say what is the case.

    Works on codes of any model: draws z ~ q(z|x), one for each input, or the codes themselves of an
    encoder without noise. Nothing random is left open: equal codes have equal diagnoses.

    Args:
        codes: (n, d), n from 20 on, d up to 4,096: a tensor on any device, an array, a data frame.
        mu: (n, d), means of q(z|x); with `logvar`, says what the posterior carries.
        logvar: (n, d), logarithms of the variances of q(z|x).
        labels: (n,), classes, for how the codes fall into clusters and for the figure.
        kernel: The kernel of your own penalty, "rbf" or "imq".
        bandwidth: Its σ, or C: numbers, or a rule ("sqrt_d", "median"; "2d"). None: no finding
            about a kernel of your own, unless it is "imq", whose C is then 2d.
        batch_size: The minibatch your penalty is computed on.
        classifier: Whether to train the classifier, the slowest ruler of a small sample.
        tick: Told what is being done, and the share of it that is done.

    Returns:
        Findings, readings and facts; printed, a report.

    Raises:
        IntakeError: If the codes cannot be diagnosed: too few, not finite, of another shape.
        ValueError: If the kernel or its bandwidth does not exist.

    Example:
        >>> import torch
        >>> codes = 5 * torch.randn(200, 10, generator=torch.Generator().manual_seed(0))
        >>> found = diagnose(codes, bandwidth=1.0, classifier=False)
        >>> found.kinds
        ('escaped', 'kernel reads escape')
    """
    if not isinstance(batch_size, int) or batch_size < 2:
        raise ValueError(f"a minibatch has at least 2 codes, got {batch_size!r}")
    taken = sample(codes, mu, logvar, labels)
    own = own_kernel(kernel, bandwidth, taken)
    d = taken.z.shape[1]
    readings, moments, ks = measure(taken, own, classifier, tick)
    tick("neighbours", 0)
    seen = facts(taken, moments, ks, shape=differs(readings))
    findings = rules.law(seen, readings)
    tick("posterior", 0)
    carried = posterior(taken)
    if carried is not None:
        findings += sight.posterior_collapse(d, carried)
    if own is not None:
        reading = next(one for one in readings if one.name == "own")
        findings.append(sight.of_kernel(own, reading, readings, d, batch_size))
    if (blind := sight.blind_rulers(readings, d)) is not None:
        findings.append(blind)
    return Diagnosis(tuple(findings), tuple(readings), seen, carried, taken)
