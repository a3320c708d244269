"""Still pictures of the interactive figures, for pages without scripts and for print.

`python -m infovae_core.report.figures.stills` writes them anew into `book/_static/interactive/`.
Their settings are those that the interactive figures start with.
"""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from infovae_core import closed_forms
from infovae_core.report.figures import live, model_stills

FOLDER = Path(__file__).parents[3] / "book" / "_static" / "interactive"
FIRST, SECOND, GREY = "#0072b2", "#b34700", "#6b6b6b"


def _axes(columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Axes at fixed places, so that a picture is the same whatever fonts there are."""
    figure, axes = plt.subplots(1, columns, figsize=(7.2, 3.4), squeeze=False)
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.16, top=0.96, wspace=0.3)
    for axis in axes[0]:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(axes[0])


def bandwidth() -> Figure:
    """What an RBF-MMD of σ = 1 reads in 20 dimensions, against the size of the codes."""
    d, sigma, batch = 20, 1.0, 128
    figure, (axis,) = _axes()
    scales = np.geomspace(0.1, 10**1.5, 241)
    read = [closed_forms.mmd(c, d, sigma) or math.nan for c in scales]
    gone, noise = closed_forms.escape(d, sigma), closed_forms.mmd_noise(d, sigma, batch)
    axis.plot(scales, read, color=FIRST, linewidth=2, gid="reading")
    axis.axhline(gone, color=SECOND, linestyle="--", linewidth=1.2, gid="escape")
    axis.axhspan(1e-4, noise, color=GREY, alpha=0.2, linewidth=0)
    right: dict[str, Any] = {"ha": "right", "transform": axis.get_yaxis_transform()}
    axis.text(0.99, gone * 1.15, "codes that have left read this", va="bottom", **right)
    axis.text(0.99, noise / 1.15, "scatter of a minibatch at a match", va="top", **right)
    axis.set(xscale="log", yscale="log", ylim=(1e-4, 10), ylabel="MMD")
    axis.set_xlabel("size of the codes c (prior: 1)")
    return figure


def sinkhorn() -> Figure:
    """The Sinkhorn divergence in 20 dimensions, means at distance 1, scale ½, against ε."""
    shift, scale, d = 1.0, 0.5, 20
    figure, (axis,) = _axes()
    eps = np.geomspace(1e-4, 1e4, 241)
    value = [closed_forms.sinkhorn(shift, scale, d, e) for e in eps]
    axis.plot(eps, value, color=FIRST, linewidth=2, gid="divergence")
    near, far = closed_forms.half_w2(shift, scale, d), shift**2 / 2
    axis.axhline(near, color=SECOND, linestyle="--", linewidth=1.2)
    axis.text(1.2e-4, near + 0.05, "½ W₂²", va="bottom")
    axis.axhline(far, color=SECOND, linestyle=":", linewidth=1.2)
    axis.text(9e3, far - 0.05, "½ ‖difference of means‖²", va="top", ha="right")
    axis.axvline(0.01, color=GREY, linewidth=0.8)
    axis.text(0.012, 0.05, "blur 0.1", color=GREY)
    axis.set(xscale="log", xlim=(1e-4, 1e4), ylim=(0, 1.15 * near), ylabel="divergence")
    axis.set_xlabel("regularization ε")
    return figure


def weights() -> Figure:
    """Codes of three points on the Gaussian line, and the price of a size on 20 such lines."""
    alpha, lam, noise, d, sigma = 0.5, 1000.0, 0.25, 20, 1.0
    figure, (left, right) = _axes(2)
    share = closed_forms.noise_share(alpha, noise)
    z = np.linspace(-3.5, 3.5, 241)
    left.fill_between(z, _density(z, 0, 1), color=GREY, alpha=0.2, linewidth=0)
    for x, colour, style in ((-1, SECOND, "--"), (0, "black", ":"), (1, FIRST, "-")):
        code = _density(z, x * math.sqrt(1 - share), share)
        left.plot(z, code, color=colour, linestyle=style, linewidth=2, gid=f"code{x}")
    left.set(xlabel="z, codes of x = −1, 0, 1", ylabel="density", ylim=(0, 1.6))
    size = np.linspace(0.5, 2, 241)
    price = [d * closed_forms.size_cost(s**2, lam) for s in size]
    right.plot(size, price, color=FIRST, linewidth=2, gid="price", label="D = KL")
    price = [closed_forms.mmd_size_cost(s**2, alpha, lam, d, sigma) for s in size]
    dashed: dict[str, Any] = {"color": SECOND, "linestyle": "--", "linewidth": 2}
    right.plot(size, price, **dashed, gid="bounded", label="D = MMD², σ = 1")
    right.axvline(1, color=GREY, linewidth=0.8)
    right.set(xlabel="size of the codes (prior: 1)", ylabel="price (nats)", ylim=(0, 10))
    right.legend(loc="upper right", frameon=False, handlelength=1.2, borderaxespad=0, fontsize=10)
    return figure


def ruler_and_eye() -> Figure:
    """Codes of InfoVAE-MMD in 20 dimensions, and three rulers with all models of Experiment 2."""
    models = live.ruler_and_eye()["dims"]["20"]
    own = models["infovae_mmd"]
    figure = plt.figure(figsize=(7.2, 3.4))
    left = figure.add_axes((0.06, 0.16, 0.4, 0.8))
    points = own["points"] * own["width"] / live.STEPS
    left.plot(*points.T, "o", color=FIRST, alpha=0.55, markersize=3, gid="codes")
    left.add_patch(
        Circle((0, 0), live.RADIUS, fill=False, color=SECOND, linewidth=1.5, gid="prior")
    )
    left.text(0, 1.5 * live.RADIUS, "prior, 95 %", ha="center", va="bottom")
    left.set(xlim=(-own["width"], own["width"]), ylim=(-own["width"], own["width"]))
    left.set(xlabel="codes, along two directions", aspect="equal")
    rows: tuple[tuple[str, str, float, dict[str, Any]], ...] = (
        ("val_mmd", "the thesis’s ruler: MMD, σ = 1", closed_forms.escape(20, 1.0), {}),
        ("norm_ratio", "size of the codes, prior: 1", 1.0, {}),
        ("classifier_auc", "a classifier, codes or prior? AUC", 0.5, {"xlim": (0.45, 1.02)}),
    )
    for row, (metric, title, mark, limits) in enumerate(rows):
        axis = figure.add_axes((0.55, 0.77 - 0.3 * row, 0.42, 0.06))
        others = [one[metric] for one in models.values()]
        ring: dict[str, Any] = {"markerfacecolor": "none", "markersize": 6, "color": GREY}
        axis.plot(others, [0] * len(others), "o", **ring)
        axis.plot(own[metric], 0, "o", color=FIRST, markersize=9, gid=f"chosen-{row}")
        own_ruler = metric == "val_mmd"
        colour, dashes = (SECOND, "--") if own_ruler else (GREY, "-")
        axis.axvline(mark, linewidth=1, color=colour, linestyle=dashes)
        axis.set(xscale="linear" if limits else "log", yticks=[], **limits)
        axis.set_title(title, loc="left", fontsize=10)
        axis.text(1, 1.4, f"{own[metric]:.3g}", ha="right", weight="bold", transform=axis.transAxes)
        for spine in axis.spines.values():
            spine.set_visible(False)
    return figure


def calculator() -> Figure:
    """What an RBF-MMD of σ = 1 reads in 20 dimensions of four kinds of codes, on one axis."""
    d, sigma, batch, mine = 20, 1.0, 128, 0.0041
    figure = plt.figure(figsize=(7.2, 1.6))
    axis = figure.add_axes((0.03, 0.42, 0.94, 0.2))
    marks = (
        (closed_forms.match_bound(d, sigma, batch), "a match reads less", GREY, -2.6),
        (closed_forms.escape(d, sigma), "codes that left", SECOND, -1.9),
        (closed_forms.mmd(0.0, d, sigma), "codes at one point", GREY, 1.9),
        (mine, "my reading", FIRST, 1.2),
    )
    for row, (value, label, colour, height) in enumerate(marks):
        axis.axvline(value, color=colour, linewidth=2, gid=f"reading-{row}")
        place: dict[str, Any] = {"transform": axis.get_xaxis_transform(), "ha": "center"}
        axis.text(value, height, label, color=colour, **place)
    axis.set(xscale="log", xlim=(1e-3, 4), yticks=[])
    axis.spines[["left", "top", "right"]].set_visible(False)
    return figure


def _ranking(number: str) -> Figure:
    """Places of an experiment's models by the MMD of σ = 1, for each latent dimension."""
    data = live.rankings(f"experiment{number}")
    names, places = list(data["labels"]), np.array(data["rulers"]["val_mmd"]["places"])
    figure, (axis,) = _axes()
    figure.subplots_adjust(left=0.04, right=0.8, top=0.9)
    columns = range(len(data["dims"]))
    looks: dict[str, dict[str, Any]] = {
        "infovae_mmd": {"color": FIRST, "linewidth": 2.5, "zorder": 3},
        "vae": {"color": SECOND, "linewidth": 2.5, "zorder": 3, "linestyle": "--"},
    }
    for name, place in zip(names, places.T, strict=True):
        look = looks.get(name, {"color": GREY, "linewidth": 1, "alpha": 0.6})
        axis.plot(columns, place, marker="o", markersize=4, **look)
        # Apart from its marks, which repeat it.
        axis.plot(columns, place, **look, gid=f"place-{name.replace('_', '-')}")
        weight = "bold" if name in looks else "normal"
        axis.text(len(columns) - 0.85, place[-1], data["labels"][name], va="center", weight=weight)
    axis.set_xticks(columns, data["dims"])
    axis.set_yticks([])
    axis.invert_yaxis()
    axis.spines["left"].set_visible(False)
    axis.set(xlabel="latent dimension d", title="by MMD, σ = 1; top: nearest to the prior")
    axis.title.set_fontsize(11)
    return figure


def _density(z: np.ndarray, mean: float, variance: float) -> np.ndarray:
    values: np.ndarray = np.exp(-((z - mean) ** 2) / (2 * variance))
    return values / math.sqrt(2 * math.pi * variance)


STILLS: dict[str, Callable[[], Figure]] = {
    "bandwidth": bandwidth,
    "sinkhorn": sinkhorn,
    "weights": weights,
    "ruler-and-eye": ruler_and_eye,
    "calculator": calculator,
    "change-the-ruler-2": partial(_ranking, "2"),
    "change-the-ruler-3": partial(_ranking, "3"),
    **model_stills.STILLS,
}


def write(folder: Path) -> None:
    """Write all of them as `interactive-NAME.svg`, text as text and without a date."""
    # From matplotlib's own defaults, whatever style a caller has set.
    settings = {"svg.fonttype": "none", "svg.hashsalt": "infovae", "font.size": 11}
    with mpl.style.context(["default", settings]):
        for name, draw in STILLS.items():
            figure = draw()
            figure.savefig(folder / f"interactive-{name}.svg", metadata={"Date": None})
            plt.close(figure)


if __name__ == "__main__":
    write(FOLDER)
