"""How pages show a figure: in a notebook as it is, for the site as vector graphics with its data.

While the site is built, `INFOVAE_FIGURES` names the folder that takes, of each figure:
`NAME.svg` and `NAME-night.svg`, for a column; `NAME-narrow.svg` and `NAME-narrow-night.svg`, for a
telephone; and `NAME.csv`, the data that it draws, unless it consists of pictures.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from infovae_core.report.figures import drawn
from infovae_core.report.figures.style import layout, night, style

FOLDER = "INFOVAE_FIGURES"
# Text as outlines, which look alike whatever fonts a reader has; equal figures, equal files.
SVG: dict[Any, Any] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "infovae",
    "image.interpolation": "none",
}

# The one figure that is wanted, and where it goes; else all of them.
_only: ContextVar[tuple[str, Path] | None] = ContextVar("only", default=None)


def show(name: str, draw: Callable[..., Figure], *args: Any, **kwargs: Any) -> None:
    """Draw a figure and show it.

    Args:
        name: Its name on the page, unique in the book.
        draw: Draws it, in the layout of that moment.
        *args: What it takes.
        **kwargs: Likewise.
    """
    style()
    only = _only.get()
    if only is not None:
        if only[0] == name:
            draw(*args, **kwargs).savefig(only[1])
        plt.close("all")
        return
    figure = draw(*args, **kwargs)
    if folder := os.environ.get(FOLDER):
        write(Path(folder), name, figure)
        with layout("narrow"):
            write_svg(Path(folder), f"{name}-narrow", small := draw(*args, **kwargs))
        plt.close(small)
    plt.show()


def save(name: str, rows: pd.DataFrame) -> None:
    """Leave a table beside the site's figures, to download; elsewhere nothing is left."""
    if (folder := os.environ.get(FOLDER)) and _only.get() is None:
        rows.to_csv(Path(folder) / f"{name}.csv", index=False)


@contextmanager
def only(name: str, path: Path) -> Iterator[None]:
    """Draw no figure but that of this name, into this file."""
    token = _only.set((name, path))
    try:
        yield
    finally:
        _only.reset(token)


def write(folder: Path, name: str, figure: Figure) -> None:
    """Write a figure, by day and by night, and its data."""
    write_svg(folder, name, figure)
    rows = drawn.data(figure)
    if len(rows):
        rows.to_csv(folder / f"{name}.csv", index=False, float_format="%.10g")


def write_svg(folder: Path, name: str, figure: Figure) -> None:
    """Write `NAME.svg`, and the same in the colours of the night."""
    folder.mkdir(parents=True, exist_ok=True)
    written = StringIO()
    with mpl.rc_context(SVG):
        figure.savefig(written, format="svg", metadata={"Date": None})
    day = compact(written.getvalue())
    (folder / f"{name}.svg").write_text(day, encoding="utf-8")
    (folder / f"{name}-night.svg").write_text(at_night(day), encoding="utf-8")


def compact(svg: str) -> str:
    """Without comments and metadata, coordinates to a hundredth of a point."""
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    paths = re.compile(r' d="[^"]*"')
    svg = paths.sub(lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]), svg)
    return re.sub(r"\n\s*", "\n", svg)


def at_night(svg: str) -> str:
    """The same in the colours of the night; images of ink on paper become light on dark."""
    # What is black has no fill of its own.
    svg = svg.replace("<svg ", '<svg fill="#000000" ', 1)
    svg = svg.replace("<image ", '<image style="filter: invert(0.9)" ')
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: night(found[0]), svg)
