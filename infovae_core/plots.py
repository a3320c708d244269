"""Figures from data frames; nothing else. Colours are fixed for each model, throughout the book."""

import math
from collections.abc import Sequence
from importlib import resources

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

# Names for readers, and one colour each from a palette made for colour-blind eyes.
LABELS = {
    "infovae_mmd": "MMD",
    "infovae_stein": "Stein",
    "infovae_sinkhorn": "Sinkhorn",
    "infovae_cramer": "Cramér",
    "infovae_chi2": "χ²",
    "recon_ae": "no penalty",
    "vae": "VAE",
}
COLOURS = dict(zip(LABELS, sns.color_palette("colorblind", 10), strict=False))
# The controls stand behind every panel, told apart by their dashes.
CONTROLS = {"recon_ae": (0, (1, 1.2)), "vae": (0, (5, 1.5, 1, 1.5))}
PUBLISHED = {
    "MMD": "infovae_mmd",
    "Stein": "infovae_stein",
    "Sinkhorn": "infovae_sinkhorn",
    "Cramer": "infovae_cramer",
    "Chi2": "infovae_chi2",
}
GREY = "#6b6b6b"


def style() -> None:
    """The book's look: legible at column width, on a white ground in light and dark pages."""
    sns.set_theme(context="notebook", style="ticks", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 200,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "figure.constrained_layout.use": True,
        }
    )


def published() -> pd.DataFrame:
    """The values behind the thesis's figures, to three digits (Ekici 2025, electronic appendix)."""
    with resources.files("infovae_core").joinpath("published.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


def published_experiment2() -> pd.DataFrame:
    """Published values of Experiment 2, tidy as our own: model, latent_dim, metric, value."""
    rows = published().query("experiment == 'exp2'")
    return rows.assign(model=rows["series"].map(PUBLISHED))[
        ["model", "latent_dim", "metric", "value"]
    ]


def sweep(
    ours: pd.DataFrame,
    theirs: pd.DataFrame,
    metric: str,
    ylabel: str,
    log: bool = False,
    reference: bool = False,
) -> Figure:
    """One panel for each divergence: a metric against the latent dimension, ours and theirs.

    Args:
        ours: Tidy frame of stored results, `store.frame`.
        theirs: Published values, or an empty frame where there are none.
        metric: Name of the metric in both.
        ylabel: Label of the vertical axis.
        log: Logarithmic vertical axis; values of 0 or less cannot be drawn there.
        reference: Draw 3^(−d/4), which an RBF-MMD of σ = 1 reads for codes without any alignment.
    """
    ours = ours[ours["metric"] == metric]
    theirs = theirs[theirs["metric"] == metric]
    figure, axes = plt.subplots(2, 3, figsize=(9.6, 6.0), sharex=True, sharey=True)
    panels: Sequence[Axes] = axes.flat
    dims = np.union1d(ours["latent_dim"].unique(), theirs["latent_dim"].unique())
    for axis, model in zip(panels, PUBLISHED.values(), strict=False):
        for control, dashes in CONTROLS.items():
            _line(axis, ours[ours["model"] == control], color=GREY, linestyle=dashes, linewidth=1.2)
        if reference:
            grid = np.linspace(dims.min(), dims.max(), 200)
            axis.plot(grid, 3.0 ** (-grid / 4), color=GREY, linewidth=0.8, alpha=0.8)
        _line(
            axis,
            theirs[theirs["model"] == model],
            color="black",
            linestyle="--",
            marker="o",
            markersize=5,
            markerfacecolor="white",
            linewidth=1,
        )
        _line(
            axis,
            ours[ours["model"] == model],
            color=COLOURS[model],
            marker="s",
            markersize=5,
            linewidth=2,
        )
        axis.set_title(LABELS[model])
        axis.label_outer()
    if log:
        axes[0, 0].set_yscale("log")
        low, high = axes[0, 0].get_ylim()
        if high < 1000 * low:  # Few decades: plain numbers, at 1, 3, 10, 30, …
            axes[0, 0].yaxis.set_major_locator(LogLocator(subs=(1, 3)))
            axes[0, 0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axes[0, 0].yaxis.set_minor_formatter(NullFormatter())
    # Of the first dimensions, which stand close, one tick is enough.
    axes[0, 0].set_xticks([d for d in dims if d not in (5, 10)] if len(dims) > 4 else dims)
    for axis in (axes[1, 0], axes[1, 1], axes[0, 2]):
        axis.set_xlabel("latent dimension d")
        axis.tick_params(labelbottom=True)
    figure.supylabel(ylabel, fontsize="medium")
    _legend(axes[1, 2], len(theirs) > 0, reference)
    return figure


def _line(axis: Axes, rows: pd.DataFrame, **style: object) -> None:
    """Mean over seeds against the latent dimension; seeds spread as a faint band."""
    if rows.empty:
        return
    values = rows.groupby("latent_dim")["value"].agg(["mean", "min", "max"])
    values = values.where(values > -math.inf)
    axis.plot(values.index, values["mean"], **style)  # type: ignore[arg-type]
    axis.fill_between(values.index, values["min"], values["max"], color=style["color"], alpha=0.2)


def _legend(axis: Axes, published: bool, reference: bool) -> None:
    """The empty sixth panel says what the lines are."""
    handles = [Line2D([], [], color=GREY, marker="s", linewidth=2, label="ours (panel's colour)")]
    if published:
        handles.append(
            Line2D(
                [],
                [],
                color="black",
                linestyle="--",
                marker="o",
                markerfacecolor="white",
                linewidth=1,
                label="published",
            )
        )
    for control, dashes in CONTROLS.items():
        handles.append(
            Line2D([], [], color=GREY, linestyle=dashes, label=f"control: {LABELS[control]}")
        )
    if reference:
        handles.append(
            Line2D([], [], color=GREY, linewidth=0.8, label=r"no alignment reads $3^{-d/4}$")
        )
    axis.set_axis_off()
    axis.legend(handles=handles, loc="center left", frameon=False)


def digits(rows: dict[str, np.ndarray]) -> Figure:
    """Rows of images under one another: each an array (n, 28, 28) of bytes, with its name."""
    n = max(len(images) for images in rows.values())
    figure, axes = plt.subplots(
        len(rows), n, figsize=(0.8 * n + 1, 0.85 * len(rows)), squeeze=False
    )
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis in line:
            axis.set_axis_off()
        for axis, image in zip(line, images, strict=False):
            axis.imshow(image, cmap="gray_r", vmin=0, vmax=255)
        line[0].text(-0.2, 0.5, name, ha="right", va="center", transform=line[0].transAxes)
    return figure


def latent_plane(codes: np.ndarray, labels: np.ndarray) -> Figure:
    """Codes (n, 2) coloured by digit, over circles that hold half and 95 % of the prior."""
    figure, axis = plt.subplots(figsize=(5.6, 4.8))
    for share in (0.5, 0.95):
        radius = math.sqrt(-2 * math.log(1 - share))
        axis.add_patch(Circle((0, 0), radius, fill=False, color=GREY, linestyle="--"))
        axis.annotate(f"{share:.0%}", (0, radius), ha="center", va="bottom", color=GREY)
    for digit in range(10):
        x, y = codes[labels == digit].T
        axis.scatter(x, y, s=14, color=sns.color_palette("colorblind", 10)[digit], label=str(digit))
    axis.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    axis.legend(title="digit", bbox_to_anchor=(1, 0.5), loc="center left", frameon=False)
    return figure
