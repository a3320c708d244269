"""What leaving the prior costs, what staying costs, and how noisy the pull back is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from infovae_core import gradient_noise, prices
from infovae_core.report import leaving
from infovae_core.report.figures.style import COLOURS, GREY, at, logarithmic, narrow, panels
from infovae_core.run import Run
from infovae_core.study.store import Result

GRID = tuple(float(size) for size in np.geomspace(0.5, 8, 17))
BANDWIDTHS: dict[str, float | str] = {"σ = 1": 1.0, "σ² = d": "sqrt_d"}
# Penalties with a price and a known noise: colour, line, divergence, options.
PENALTIES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "MMD, σ = 1": (COLOURS["infovae_mmd"], "-", "mmd", {}),
    "MMD, σ² = d": (COLOURS["infovae_mmd"], "--", "mmd", {"bandwidth": "sqrt_d"}),
    "MMD, IMQ kernel": (GREY, "--", "imq", {}),
    "Stein, σ = 1": (COLOURS["infovae_stein"], "-", "stein", {}),
    "Stein, σ² = d": (COLOURS["infovae_stein"], "--", "stein", {"bandwidth": "sqrt_d"}),
    "Cramér": (COLOURS["infovae_cramer"], "-", "cramer", {}),
}


def charges(results: Mapping[Run, Result], model: str = "recon_ae") -> Figure:
    """What a model's codes pay at every size, over what leaving costs: a line for each dimension.

    Args:
        results: Of Experiment 2; runs of the model that have stored codes, means over seeds.
        model: Whose codes.
    """
    figure, axes = panels(1, len(BANDWIDTHS), 3.2, 0.3, sharey=True)
    codes: dict[int, list[np.ndarray]] = {}
    for run, result in results.items():
        if run.model == model and run.latent_dim in leaving.DIMS:
            codes.setdefault(run.latent_dim, []).append(leaving.matched(result.arrays["codes"]))
    palette = sns.color_palette("viridis", len(codes))
    for axis, (title, bandwidth) in zip(axes.flat, BANDWIDTHS.items(), strict=True):
        axis.axhline(1, color="black", linewidth=1, label="leaving")
        for (d, several), colour in zip(sorted(codes.items()), palette, strict=True):
            paid = np.mean([leaving.charges(one, bandwidth, GRID) for one in several], axis=0)
            axis.plot(GRID, paid, color=colour, linewidth=2, label=f"d = {d}")
        axis.set(xscale="log", yscale="log", ylim=(5e-3, 3e3), title=title)
        axis.set(xlabel="size of the codes (the prior's: 1)", ylabel="charge, over that of leaving")
        logarithmic(axis)
        at(axis, [0.5, 1, 2, 4, 8])
        if not narrow():
            axis.label_outer()
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3 if narrow() else 5)
    return figure


def window(
    dims: Sequence[int], lam: float = 1000, nats: float = 50, n: int = 128, c: float = 1.5
) -> Figure:
    """By dimension: what leaving costs at one λ, and the noise at a weight that holds.

    Args:
        dims: Latent dimensions.
        lam: λ of the first panel.
        nats: What codes of size `c` cost at the weight of the second.
        n: Codes, and draws, of a minibatch.
        c: Size of codes.
    """
    figure, grid = panels(1, 2, 3.2, 0.6)
    axes = list(grid.flat)
    for label, (colour, line, divergence, options) in PENALTIES.items():
        style: dict[str, Any] = {"color": colour, "linestyle": line, "marker": "o", "label": label}
        ceilings = [lam * prices.ceiling(divergence, options, d) for d in dims]
        if np.isfinite(ceilings).all() and all(ceilings):
            axes[0].plot(dims, ceilings, **style)
        weights = (prices.weight_for(divergence, options, d, nats, c) for d in dims)
        noises = [
            weight * gradient_noise.noise(divergence, options, d, n)
            for weight, d in zip(weights, dims, strict=True)
        ]
        axes[1].plot(dims, noises, **style)
    axes[0].set(yscale="log", ylim=(1e-3, 2e3), title=f"leaving, at λ = {lam:g}", ylabel="nats")
    axes[1].set(yscale="log", ylim=(3, 3e4), title=f"noise; size {c:g} costs {nats:g} nats")
    axes[1].set_ylabel("nats per unit of length")
    for axis in axes:
        axis.set_xlabel("latent dimension d")
        logarithmic(axis)
    handles, labels = axes[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2 if narrow() else 3)
    return figure
