"""Figures of Proposition 1: trainings on two data points (see `toy`)."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from infovae_core.report import toy
from infovae_core.report.figures.style import (
    COLOURS,
    GREY,
    SMALL,
    WIDTHS,
    at,
    canvas,
    decade,
    narrow,
    panels,
)

# The objectives in the order of the notebook: colour and dashes.
LINES: tuple[dict[str, Any], ...] = (
    {"color": COLOURS["vae"], "linestyle": "-"},
    {"color": COLOURS["infovae_mmd"], "linestyle": "-"},
    {"color": COLOURS["infovae_mmd"], "linestyle": (0, (4, 2))},
)
# The ways through the trained family: two ascents and the ray.
PATHS: tuple[dict[str, Any], ...] = (
    {"color": COLOURS["vae"], "linestyle": "-"},
    {"color": COLOURS["vae"], "linestyle": (0, (4, 2))},
    {"color": "#0072b2", "linestyle": "-"},
)
NOTE: dict[str, Any] = {
    "xycoords": ("data", "axes fraction"),
    "xytext": (-4, 0),
    "textcoords": "offset points",
    "rotation": 90,
    "ha": "right",
    "va": "top",
    "size": SMALL,
    "color": GREY,
}
# One colour for each data point.
POINTS = {-1: "#d55e00", 1: "#0072b2"}


def bound_and_gap(trainings: Mapping[str, Sequence[toy.Snapshot]]) -> Figure:
    """The evidence lower bound and the distance to the true posterior, against the step."""
    figure, axes = panels(1, 2, 2.9, 0.3)
    labels = {"elbo": "ELBO (nats per point)", "gap": "KL(q(z|x) ‖ p(z|x)) (nats)"}
    for axis, (name, label) in zip(axes.flat, labels.items(), strict=True):
        for (title, moments), line in zip(trainings.items(), LINES, strict=False):
            values = [getattr(moment, name) for moment in moments]
            axis.plot([m.step for m in moments], values, label=title, linewidth=2, **line)
        axis.set_yscale("symlog", linthresh=1, linscale=0.6)
        axis.yaxis.set_major_formatter(FuncFormatter(decade))
        axis.axhline(0, color=GREY, linewidth=0.6)
        axis.set(xlabel="training step", ylabel=label)
    axes[0, 1].set_ylim(bottom=-0.05)
    handles, names = axes[0, 0].get_legend_handles_labels()
    columns = 1 if narrow() else 3
    figure.legend(handles, names, loc="outside upper center", ncols=columns)
    return figure


def gap_against_bound(
    paths: Mapping[str, Sequence[toy.Snapshot]], sign_decoder: np.ndarray
) -> Figure:
    """The distance to the true posterior against the evidence lower bound, from 1 nat on.

    Args:
        paths: Adam's and plain ascent's training, and the ray, in this order, by their names.
        sign_decoder: `toy.sign_decoder` (n, 2).
    """
    figure, axis = canvas(4.0)
    for (title, moments), line in zip(paths.items(), PATHS, strict=True):
        far = [moment for moment in moments if moment.elbo > 1]
        axis.plot([m.elbo for m in far], [m.gap for m in far], label=title, linewidth=2, **line)
    bound, gap = sign_decoder[sign_decoder[:, 0] > 1].T
    label = "decoder of the sign: the least"
    axis.plot(bound, gap, color=GREY, linewidth=2, linestyle=(0, (5, 1, 1, 1)), label=label)
    axis.set(xscale="log", yscale="log")
    axis.set(xlabel="ELBO (nats per point)", ylabel="KL(q(z|x) ‖ p(z|x)) (nats)")
    for scale in (axis.xaxis, axis.yaxis):
        scale.set_major_formatter(FuncFormatter(decade))
    figure.legend(loc="outside upper center", ncols=1 if narrow() else 2)
    return figure


def portraits(moments: Sequence[toy.Snapshot]) -> Figure:
    """Codes above, decoder below, at the start, after a tenth and two fifths, and at the end."""
    chosen = [moments[round(share * (len(moments) - 1))] for share in (0, 0.1, 0.4, 1)]
    if narrow():  # A moment a row: codes left, decoder right.
        size = (WIDTHS["narrow"], 1.9 * len(chosen) + 0.9)
        figure, grid = plt.subplots(len(chosen), 2, figsize=size, sharey="col")
        axes = grid.T
    else:
        size = (WIDTHS["wide"], 4.2)
        figure, axes = plt.subplots(2, len(chosen), figsize=size, sharex="col", sharey="row")
    for top, bottom, moment in zip(*axes, chosen, strict=True):
        # Wide enough for the prior, the codes and the true posteriors, around ±w.
        reach = max(3.5, float(moment.state.w.abs()) + 4, float(moment.state.mu.abs().max()) + 4)
        _codes(top, moment.state, reach)
        _decoder(bottom, moment.state, reach)
        top.set_title(f"step {moment.step:,}")
        bottom.set_xlabel("z")
    axes[0, 0].set(ylabel="density", ylim=(0, 0.9))
    axes[1, 0].set(ylabel="p(x|z)", ylim=(-2.4, 2.4), yticks=[-1, 0, 1])
    handles, names = axes[0, 0].get_legend_handles_labels()
    more = axes[1, 0].get_legend_handles_labels()
    figure.legend(
        [*handles, *more[0]],
        [*names, *more[1]],
        loc="outside lower center",
        ncols=2 if narrow() else 4,
    )
    return figure


def _codes(axis: Axes, state: toy.State, reach: float) -> None:
    """Halves of q(z|x), which add up to q(z), of the true posteriors, and the prior."""
    z = torch.linspace(-reach, reach, 601, dtype=toy.DOUBLE)
    standard = (z - state.mu[:, None]) / state.sigma[:, None]
    codes = torch.exp(-0.5 * standard**2 - toy.HALF_LOG_2PI) / state.sigma[:, None] / 2
    truth = toy.posterior(state, z) / 2
    prior = torch.exp(-0.5 * z**2 - toy.HALF_LOG_2PI)
    axis.fill_between(z, prior, color=GREY, alpha=0.25, linewidth=0, label="prior p(z)")
    for x, code, posterior in zip(POINTS, codes, truth, strict=True):
        colour = POINTS[x]
        label = f"½ q(z|x = {x})".replace("-", "−")
        axis.fill_between(z, code, color=colour, alpha=0.35, linewidth=0, label=label)
        axis.plot(z, posterior, color=colour, linewidth=1.3, linestyle=(0, (4, 2)))
    axis.plot(z, codes.sum(0), color="black", linewidth=1.2, label="their sum, q(z)")
    axis.plot([], [], color=GREY, linewidth=1.3, linestyle=(0, (4, 2)), label="½ true p(z|x)")


def _decoder(axis: Axes, state: toy.State, reach: float) -> None:
    """Mean and two standard deviations of p(x|z), and where the codes lie."""
    z = np.linspace(-reach, reach, 601)
    u = float(state.w) * z + float(state.b)
    mean, spread = np.tanh(u), np.exp(-toy.log_cosh(torch.from_numpy(u)).numpy())
    band = (mean - 2 * spread, mean + 2 * spread)
    axis.fill_between(z, *band, color=GREY, alpha=0.35, linewidth=0, label="two deviations")
    axis.plot(z, mean, color="black", linewidth=1.2, label="decoder's mean")
    for x, mu, sigma in zip(POINTS, state.mu.tolist(), state.sigma.tolist(), strict=True):
        label = f"data point x = {x}".replace("-", "−")
        ends = [mu - 2 * sigma, mu + 2 * sigma]
        axis.plot(ends, [x, x], color=POINTS[x], linewidth=4, solid_capstyle="round", label=label)


def landscape(sigma: np.ndarray, values: Mapping[float, np.ndarray], mark: float) -> Figure:
    """The best the objective reaches with codes of spread σ, one line for each λ.

    Args:
        sigma: Spreads (n,).
        values: By λ, at most four, `toy.best_for_spread` (n,).
        mark: The spread at which training stopped.
    """
    figure, axis = canvas(3.6)
    dashes: tuple[Any, ...] = ("-", (0, (6, 1.5)), (0, (3, 1.5)), (0, (1, 1.2)))
    for (lam, line), dash in zip(sorted(values.items(), reverse=True), dashes, strict=False):
        axis.plot(sigma, line, linestyle=dash, color=COLOURS["infovae_mmd"], label=f"λ = {lam:g}")
    axis.axvline(mark, color=GREY, linewidth=0.8)
    axis.annotate("training ended here", (mark, 0.97), **NOTE)
    axis.set(xlabel="spread σ of each q(z|x)", ylabel="best objective (nats)")
    axis.set_xscale("log")
    axis.set_yscale("symlog", linthresh=1)
    axis.yaxis.set_major_formatter(FuncFormatter(decade))
    at(axis, [1, 0.5, 0.2, 0.1, 0.05])
    axis.set_xlim(sigma.max(), sigma.min())
    axis.legend(loc="lower right")
    return figure
