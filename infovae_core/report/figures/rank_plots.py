"""How every ruler ranks the models, from the codes that it reads nearest to the prior's."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infovae_core.report.figures.plots import dots, line, of
from infovae_core.report.figures.style import (
    COLOURS,
    FAINT,
    GREY,
    SMALL,
    WIDTHS,
    dimensions,
    ink,
    logarithmic,
    narrow,
    panels,
)
from infovae_core.report.intervals import centre
from infovae_core.report.labels import LABELS

# Each ruler's heading, the reading of a perfect match, and the format of a reading.
RULERS = {
    "val_mmd": ("MMD\nσ = 1", 0.0, "{:#.2g}"),
    "mmd2_sqrt_d": ("MMD²\nσ² = d", 0.0, "{:#.2g}"),
    "mmd2_median": ("MMD²\nmedian σ", 0.0, "{:#.2g}"),
    "energy_distance": ("energy\ndistance", 0.0, "{:#.2g}"),
    "sliced_wasserstein": ("sliced\nWasserstein", 0.0, "{:#.2g}"),
    "gaussian_kl": ("Gaussian KL\n(nats)", 0.0, "{:#.3g}"),
    "classifier_auc": ("classifier\nAUC", 0.5, "{:.3f}"),
    "norm_ratio": ("‖z‖ / √d", 1.0, "{:.2f}"),
}


def printed(reading: float, ruler: str) -> str:
    """A reading as the figure prints it."""
    if not np.isfinite(reading):
        return "–"
    text = f"{reading:,.0f}" if abs(reading) >= 100 else RULERS[ruler][2].format(reading)
    return text.rstrip(".").replace("-", "−")


def readings(ours: pd.DataFrame, models: Sequence[str], latent_dim: int) -> pd.DataFrame:
    """What each ruler (columns) reads of each model's codes: means over seeds.

    Args:
        ours: `frames.frame`.
        models: The models.
        latent_dim: Their latent dimension.
    """
    rows = ours[(ours["latent_dim"] == latent_dim) & np.isfinite(ours["value"])]
    means = rows.groupby(["model", "metric"])["value"].mean().unstack()
    found: pd.DataFrame = means.reindex(index=list(models), columns=list(RULERS))
    return found


def ranks(found: pd.DataFrame) -> pd.DataFrame:
    """The place of each model by each ruler, from 0, the one that is read nearest to a match.

    A ratio is as far from 1 as its inverse. Readings that print alike keep the order of the ruler
    before, and share no claim.

    Args:
        found: `readings`; a reading that is lacking comes last.
    """
    places = pd.DataFrame(index=found.index)
    before = pd.Series(range(len(found)), index=found.index)
    for ruler in found:
        _, match, form = RULERS[str(ruler)]
        seen = found[ruler].map(form.format).astype(float)
        far = (seen.map(math.log) if match == 1 else seen - match).abs()
        order = pd.DataFrame({"far": far, "before": before}).sort_values(["far", "before"])
        before = pd.Series(range(len(found)), index=order.index)
        places[ruler] = before
    return places


def rulers(
    ours: pd.DataFrame,
    models: Sequence[str],
    latent_dim: int = 20,
    highlighted: Sequence[str] = ("infovae_mmd", "vae"),
) -> Figure:
    """One column for each ruler, in which the models stand in its order, with its readings.

    Args:
        ours: `frames.frame`.
        models: The models, each a line through the columns.
        latent_dim: Their latent dimension.
        highlighted: Models whose lines stand out.
    """
    found = readings(ours, models, latent_dim)
    places = ranks(found)
    # On a telephone the columns stand in two rows; the thesis's ruler begins both.
    listed = list(RULERS)
    split = [listed[:4], [listed[0], *listed[4:]]] if narrow() else [listed]
    high = (1.6 if narrow() else 1.1) + (0.36 if narrow() else 0.42) * len(models)
    figure, axes = plt.subplots(
        len(split), 1, figsize=(WIDTHS["narrow" if narrow() else "wide"], high * len(split)),
        squeeze=False,
    )  # fmt: skip
    for axis, part in zip(axes.flat, split, strict=True):
        _bumps(axis, found[part], places[part], highlighted)
    axes[-1, 0].set_xlabel(f"d = {latent_dim}; top: read nearest to the prior", size=SMALL)
    return figure


def _bumps(
    axis: Axes, found: pd.DataFrame, places: pd.DataFrame, highlighted: Sequence[str]
) -> None:
    """One panel: the models' lines through the columns, and the readings."""
    columns = np.arange(len(found.columns))
    axis.axvspan(-0.46, 0.46, color="#eeeeee", zorder=0)
    for model in found.index:
        values, heights = found.loc[model].to_numpy(float), places.loc[model].to_numpy(float)
        strong = model in highlighted
        weight = "bold" if strong else "normal"
        style = {"linewidth": 4, "zorder": 2} if strong else {"linewidth": 1.4, "alpha": 0.6}
        axis.plot(columns, heights, color=COLOURS[model], label=LABELS[model], **style)
        for column, height, ruler, value in zip(columns, heights, found, values, strict=True):
            axis.annotate(
                printed(value, str(ruler)), (column, height), ha="center", va="center", size=SMALL,
                fontweight=weight, zorder=3,
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white",
                      "edgecolor": COLOURS[model]},
            )  # fmt: skip
        axis.text(
            columns[-1] + 0.55, heights[-1], LABELS[model], va="center", size=SMALL,
            fontweight=weight, color=ink(COLOURS[model]),
        )  # fmt: skip
    axis.set_xlim(-0.5, len(columns) - 0.5)
    axis.set_ylim(len(found) - 0.4, -0.6)
    headings = [RULERS[str(ruler)][0] for ruler in found]
    if narrow():
        headings = [heading.replace("\n", " ") for heading in headings]
    axis.set_xticks(columns, headings, size=SMALL, rotation=90 if narrow() else 0)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)


def by_dimension(
    ours: pd.DataFrame,
    models: Sequence[str],
    highlighted: Sequence[str] = ("infovae_mmd", "vae"),
) -> Figure:
    """One panel for each ruler: its readings against the latent dimension.

    Each seed is a dot, and lines go through `intervals.centre`. Axes are logarithmic, but for the
    AUC's; a reading of 0 or less cannot be drawn on them. Dashed: what a match reads, where not 0.

    Args:
        ours: `frames.frame`.
        models: The models.
        highlighted: Models that have their colour; the others are grey.
    """
    figure, axes = panels(4, 2, 1.75, 0.3, sharex=True)
    order = [*(m for m in models if m not in highlighted), *highlighted]
    for axis, (ruler, (heading, match, _)) in zip(axes.flat, RULERS.items(), strict=True):
        log = ruler != "classifier_auc"
        rows = ours[ours["model"].isin(models) & (ours["metric"] == ruler)]
        values, _ = centre(rows, ["model", "latent_dim"], log)
        for model in order:
            strong = model in highlighted
            colour = COLOURS[model] if strong else FAINT
            dots(axis, rows, model, colour, markersize=4 if strong else 2.5)
            style = {"color": colour, "linewidth": 2.2 if strong else 1}
            line(axis, of(values, model), label=LABELS[model], **style)
        if log:
            logarithmic(axis, ticks=5)
        if match:
            axis.axhline(match, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        axis.set_title(heading.replace("\n", ", " if "σ" in heading else " "))
        axis.set_xticks(dimensions(int(d) for d in rows["latent_dim"].unique()))
    for axis in axes[-1]:
        axis.set_xlabel("latent dimension d")
    handles = [
        Line2D([], [], color=COLOURS[m], linewidth=2.2, label=LABELS[m]) for m in highlighted
    ]
    handles.append(Line2D([], [], color=FAINT, label="the other models"))
    figure.legend(handles=handles, loc="outside lower center", ncols=2 if narrow() else 3)
    return figure
