"""The figure of a diagnosis: six views of some codes beside the prior."""

import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from infovae_core.diagnosis import Diagnosis
from infovae_core.diagnosis.readings import as_numbers
from infovae_core.report.figures.style import GREY, PALETTE, narrow

OURS = PALETTE[0]
# Codes that are drawn as points, and that histograms are made of.
POINTS, COUNTED = 2_000, 100_000


def overview(found: Diagnosis) -> Figure:
    """Sizes, spectrum, worst dimension; plane, rulers, spread by dimension."""
    with plt.rc_context({"axes.spines.top": False, "axes.spines.right": False, "font.size": 9}):
        rows, columns, size = (6, 1, (3.6, 16)) if narrow() else (2, 3, (9.6, 6.0))
        figure, grid = plt.subplots(rows, columns, figsize=size, layout="constrained")
        axes = grid.reshape(2, 3)
        codes = as_numbers(found.sample.z[:COUNTED])
        _sizes(axes[0, 0], found, codes)
        _spectrum(axes[0, 1], found)
        _worst(axes[0, 2], found, codes)
        _plane(axes[1, 0], found, codes[:POINTS])
        _rulers(axes[1, 1], found)
        _dimensions(axes[1, 2], found)
    return figure


def _sizes(axis: Axes, found: Diagnosis, codes: np.ndarray) -> None:
    """Lengths ‖z‖/√d over the density of χ_d/√d."""
    from scipy.stats import chi

    d = found.facts.d
    lengths = np.linalg.norm(codes, axis=1) / math.sqrt(d)
    low, high = (float(q) / math.sqrt(d) for q in chi.ppf([1e-4, 1 - 1e-4], d))
    edges = np.linspace(min(low, lengths.min()), max(high, lengths.max()), 50)
    axis.hist(lengths, edges.tolist(), density=True, color=OURS, alpha=0.6, label="codes")
    x = np.linspace(edges[0], edges[-1], 2000)
    axis.plot(x, chi.pdf(x * math.sqrt(d), d) * math.sqrt(d), color="black", label="prior")
    axis.set(title="size", xlabel="‖z‖/√d", yticks=[])
    axis.legend(frameon=False)


def _spectrum(axis: Axes, found: Diagnosis) -> None:
    """Standard deviations along the principal directions, over those of a sample of the prior."""
    facts = found.facts
    roots = np.sqrt(facts.spectrum)
    place = np.arange(1, facts.d + 1)
    axis.plot(place, roots, "o-", markersize=3, color=OURS, label="codes")
    ratio = math.sqrt(facts.d / facts.n)
    ends = (1 + ratio, max(0.0, 1 - ratio))
    axis.fill_between([1, max(2, facts.d)], *ends, color=GREY, alpha=0.25, label="prior's sample")
    axis.set(title="spectrum", xlabel="principal direction", ylabel="standard deviation")
    if roots.max() > 10:
        axis.set_yscale("symlog", linthresh=1)
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False)


def _worst(axis: Axes, found: Diagnosis, codes: np.ndarray) -> None:
    """The dimension whose distribution is furthest from the normal one."""
    worst = int(found.facts.ks.argmax())
    values = codes[:, worst]
    low, high = min(-3.5, values.min()), max(3.5, values.max())
    axis.hist(values, np.linspace(low, high, 60).tolist(), density=True, color=OURS, alpha=0.6)
    x = np.linspace(low, high, 2000)
    axis.plot(x, np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi), color="black")
    axis.set(title="worst dimension", xlabel=f"dimension {worst}", yticks=[])


def _plane(axis: Axes, found: Diagnosis, codes: np.ndarray) -> None:
    """Two principal coordinates, over circles that hold half and 95 % of the prior."""
    facts = found.facts
    if facts.d == 1:
        points = np.stack([codes[:, 0], np.random.default_rng(0).standard_normal(len(codes))], 1)
        names = ("the dimension", "(scattered)")
    elif facts.axes is None or facts.d == 2:
        points, names = codes[:, :2], ("dimension 0", "dimension 1")
    else:
        points, names = codes @ facts.axes[:, :2], ("1st direction", "2nd direction")
    labels = found.sample.labels
    if labels is None:
        axis.scatter(points[:, 0], points[:, 1], s=5, color=OURS, linewidths=0, alpha=0.6)
    else:
        for k, label in enumerate(np.unique(labels)[:12]):
            chosen = points[labels[: len(points)] == label]
            axis.scatter(
                chosen[:, 0],
                chosen[:, 1],
                s=6,
                linewidths=0,
                color=PALETTE[k % len(PALETTE)],
                label=str(label),
            )
        axis.legend(frameon=False, fontsize="x-small", ncols=2, handletextpad=0, columnspacing=0.5)
    for share in (0.5, 0.95):
        radius = math.sqrt(-2 * math.log(1 - share))
        axis.add_patch(Circle((0, 0), radius, fill=False, color="black", linestyle="--"))
    reach = max(3.0, 1.05 * float(np.abs(points).max()))
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axis.set(title="principal plane", xlabel=names[0], ylabel=names[1])


def _rulers(axis: Axes, found: Diagnosis) -> None:
    """Each reading in multiples of its noise, up to what escape reads."""
    shown = [one for one in found.readings if one.excess is not None and one.p is not None]
    shown = shown[::-1]
    top = 1e4
    for place, one in enumerate(shown):
        assert one.excess is not None
        value = min(max(one.excess, 0.1), top)
        if one.escape is not None and math.isfinite(one.escape) and not one.blind:
            assert one.floor is not None and one.centre is not None
            far = min((one.escape - one.centre) / (one.floor - one.centre), top)
            axis.plot([far], [place], "|", color="#d55e00", markersize=11, markeredgewidth=2)
        filled = OURS if one.p is not None and one.p <= 0.05 else "white"
        axis.plot([value], [place], "o", color=OURS, markerfacecolor=filled)
    axis.axvline(1, color=GREY, linestyle="--", linewidth=1)
    names = [one.title.split(",")[0] if "MMD" not in one.title else one.title for one in shown]
    axis.set_yticks(range(len(shown)), [_short(name) for name in names], fontsize="small")
    axis.set(xscale="log", title="rulers", xlabel="multiples of the noise (| escape)")


def _short(title: str) -> str:
    return title if len(title) < 27 else title[:25] + "…"


def _dimensions(axis: Axes, found: Diagnosis) -> None:
    """Mean and standard deviation of each dimension; its KL, where the posterior is known."""
    facts = found.facts
    place = np.arange(facts.d)
    if found.posterior is not None:
        axis.bar(place, found.posterior.kl, width=1, color=OURS)
        axis.set(title="KL by dimension", xlabel="dimension", ylabel="nats")
        return
    axis.axhspan(-0.02, 0.02, color=GREY, alpha=0.3)
    axis.axhline(1, color=GREY, linestyle="--", linewidth=1)
    axis.plot(place, facts.sd, "o", markersize=3, color=OURS, label="standard deviation")
    axis.plot(place, facts.mean, "x", markersize=4, color="#d55e00", label="mean")
    axis.set(title="dimensions", xlabel="dimension")
    axis.legend(frameon=False)
