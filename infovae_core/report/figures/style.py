"""The book's look: colours, sizes, and how figures fit a column or a telephone.

Figures are drawn by day, in two layouts. What they look like at night follows from their colours
(`night`), so that no figure is drawn for it again.
"""

from collections.abc import Iterable, Iterator, Sequence
from colorsys import hls_to_rgb
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain, count
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from infovae_core.objectives import PRESETS

# Width in inches, so that a figure stands on a page at its own size: 96 pixels an inch.
WIDTHS = {"wide": 7.4, "narrow": 3.6}
# Points; the least that is used, 12 pixels.
SMALL, TEXT = 9.0, 9.5
# What figures stand on at night, of the site's theme.
NIGHT = "#14181e"

# Made for colour-blind eyes.
PALETTE = [*sns.color_palette("colorblind", 6).as_hex(), "#882255", "#44aa99", "#999933"]
PALETTE += ["#56b4e9", "#332288", "#117733"]
GREY = "#6b6b6b"
FAINT = "#bbbbbb"


class Colours(dict[str, str]):
    """One colour for each name: the palette's, and beyond it hues that are far from the last.

    A name that is added at the end changes no other's colour; one that is not among them, as of a
    run whose model is no preset, gets the next.
    """

    def __init__(self, names: Iterable[str], palette: Sequence[str] = ()) -> None:
        """Give each name its colour.

        Args:
            names: What is drawn.
            palette: The first colours; by default `PALETTE`.
        """
        # Steps of the golden ratio on the circle of hues never come back to a hue.
        hues = (to_hex(hls_to_rgb(k * 0.618034 % 1, 0.4, 0.6)) for k in count(1))
        self.left = chain(palette or PALETTE, hues)
        super().__init__(zip(names, self.left, strict=False))

    def __missing__(self, name: str) -> str:
        """The next colour, which is the name's from now on."""
        self[name] = next(self.left)
        return self[name]


# The penalties have the first colours, but come after the other presets.
COLOURS = Colours(PRESETS, [PALETTE[k] for k in (6, 7, 5, 8, 9, 10, 11, 0, 1, 2, 3, 4)])

# Oklab (Ottosson 2020): linear sRGB to cone responses, and their cube roots to lightness, a and b.
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(colour: str) -> np.ndarray:
    """Lightness from 0 to 1, a and b of a colour."""
    s = np.array(to_rgb(colour))
    linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    found: np.ndarray = TO_LAB @ np.cbrt(TO_CONES @ linear)
    return found


def from_oklab(lab: np.ndarray) -> str:
    """The colour; one that no screen has is brought to the nearest by channel."""
    linear = np.linalg.solve(TO_CONES, np.linalg.solve(TO_LAB, lab) ** 3).clip(0, 1)
    s = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return to_hex((float(s[0]), float(s[1]), float(s[2])))


def night(colour: str) -> str:
    """The colour at night, of the same hue: white is the dark ground, and black nearly white."""
    ground = oklab(NIGHT)
    lightness, *hue = oklab(colour)
    # Of a power, so that the middle tones, which tell series apart, stay well above the ground.
    share = lightness**1.7
    dark = 0.94 + (ground[0] - 0.94) * share
    return from_oklab(np.array([dark, *(np.array(hue) + ground[1:] * share)]))


def ink(colour: str) -> str:
    """The colour, dark enough to write with on white: 4.5 to 1."""
    lab = oklab(colour)
    while contrast(from_oklab(lab), "#ffffff") < 4.5:
        lab = lab * [0.97, 1, 1]
    return from_oklab(lab)


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' luminances (WCAG 2)."""

    def luminance(colour: str) -> float:
        s = np.array(to_rgb(colour))
        linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


# Layouts -----------------------------------------------------------------------------------------

_layout: ContextVar[str] = ContextVar("layout", default="wide")


def narrow() -> bool:
    """Whether figures are drawn for a telephone now, with their panels under one another."""
    return _layout.get() == "narrow"


@contextmanager
def layout(name: str) -> Iterator[None]:
    """Draw in a layout, "wide" or "narrow"."""
    token = _layout.set(name)
    try:
        yield
    finally:
        _layout.reset(token)


def style() -> None:
    """The book's look, for all figures that are drawn from now on."""
    sns.set_theme(context="notebook", style="ticks", palette="colorblind")
    sizes = ("font.size", "axes.titlesize", "axes.labelsize", "figure.titlesize")
    small = ("xtick.labelsize", "ytick.labelsize", "legend.fontsize", "legend.title_fontsize")
    look: dict[Any, Any] = (
        dict.fromkeys(sizes, TEXT)
        | dict.fromkeys(small, SMALL)
        | {
            "figure.dpi": 110,
            "savefig.dpi": 200,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.8,
            "xtick.major.width": 0.8,
            "ytick.major.width": 0.8,
            "xtick.major.size": 4,
            "ytick.major.size": 4,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "figure.constrained_layout.use": True,
            "legend.frameon": False,
        }
    )
    plt.rcParams.update(look)


def panels(
    rows: int, columns: int, height: float, extra: float = 0.0, **subplots: Any
) -> tuple[Figure, np.ndarray]:
    """Axes in rows and columns; on a telephone one column, row after row.

    Args:
        rows: Of the wide layout.
        columns: Likewise.
        height: Of each panel, in inches.
        extra: Height of what stands beside the panels.
        **subplots: As `plt.subplots` takes them.

    Returns:
        The figure, and its axes (rows, columns), whatever their place.
    """
    shape = (rows * columns, 1) if narrow() else (rows, columns)
    if narrow() and "sharex" in subplots:
        subplots["sharex"] = {"col": False}.get(subplots["sharex"], subplots["sharex"])
    size = (WIDTHS[_layout.get()], height * shape[0] + extra)
    figure, axes = plt.subplots(*shape, figsize=size, squeeze=False, **subplots)
    return figure, axes.reshape(rows, columns)


def canvas(height: float, tall: float | None = None) -> tuple[Figure, Axes]:
    """One panel of a height in inches, and of another on a telephone."""
    high = tall if narrow() and tall is not None else height
    return plt.subplots(figsize=(WIDTHS[_layout.get()], high))


# Axes --------------------------------------------------------------------------------------------


def decade(value: float, _: object = None) -> str:
    """A power of ten for readers: "0.01", "1", "1e−6"; no exponent that is set small."""
    plain = value == 0 or 1e-3 <= abs(value) < 1e5
    text = f"{value:g}" if plain else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return text.replace("-", "−")


def logarithmic(axis: Axes, which: str = "y", ticks: int = 6) -> None:
    """A logarithmic axis whose numbers are legible: at 1, 3, 10, … where it has few decades."""
    side: Axis = {"x": axis.xaxis, "y": axis.yaxis}[which]
    if which == "x":
        axis.set_xscale("log")
    else:
        axis.set_yscale("log", nonpositive="mask")
    low, high = side.get_view_interval()
    subs = (1.0, 3.0) if high < 300 * low else (1.0,)
    side.set_major_locator(LogLocator(subs=subs, numticks=ticks + 2))
    side.set_major_formatter(FuncFormatter(decade))
    side.set_minor_locator(NullLocator())


def at(axis: Axes, places: Iterable[float], which: str = "x") -> None:
    """Ticks at these places, and no others."""
    side: Axis = {"x": axis.xaxis, "y": axis.yaxis}[which]
    side.set_major_locator(FixedLocator(list(places)))
    side.set_major_formatter(FuncFormatter(decade))
    side.set_minor_locator(NullLocator())


def dimensions(dims: Iterable[int]) -> list[int]:
    """Ticks for latent dimensions: of the first, which stand close, one is enough."""
    listed = sorted(dims)
    return [d for d in listed if d not in (5, 10)] if len(listed) > 4 else listed


def name_lines(axis: Axes, ends: dict[str, tuple[float, str]], right: float) -> None:
    """Names beside the right ends of lines, moved apart where they would overlap.

    The axis has its limits and scale already.

    Args:
        axis: The panel.
        ends: By label, where its line ends in y, and its colour.
        right: Where the lines end in x.
    """
    if not ends:
        return
    figure = axis.figure
    assert figure is not None
    # In inches of the panel's height, which constrained layout will not change by much.
    high = axis.get_window_extent().height / figure.dpi
    low, top = axis.transData.inverted().transform(axis.transAxes.transform([(0, 0), (0, 1)]))[:, 1]
    places = axis.transData.transform([(right, min(max(y, low), top)) for y, _ in ends.values()])
    wanted = axis.transAxes.inverted().transform(places)[:, 1] * high
    heights = spread_out(wanted, (SMALL + 2.5) / 72, high) / high
    for (label, (_, colour)), height in zip(ends.items(), heights, strict=True):
        axis.annotate(
            label, (1.0, float(height)), (5, 0), xycoords="axes fraction",
            textcoords="offset points", va="center", color=ink(colour), size=SMALL,
            annotation_clip=False,
        )  # fmt: skip


def spread_out(wanted: np.ndarray, apart: float, high: float) -> np.ndarray:
    """The places nearest to those wanted, in their order, at least so far apart and within 0, high.

    Least squares under an order is the pool-adjacent-violators algorithm.
    """
    order = np.argsort(wanted, kind="stable")
    steps = apart * np.arange(len(wanted))
    pools: list[list[float]] = []
    for value in wanted[order] - steps:
        pools.append([value])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    level = np.concatenate([np.full(len(pool), np.mean(pool)) for pool in pools])
    found = np.empty(len(wanted))
    found[order] = level.clip(0, max(high - steps[-1], 0)) + steps
    return found
