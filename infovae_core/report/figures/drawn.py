"""What a figure draws, as numbers: read from its artists, so that it is what is on the page."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import Collection, FillBetweenPolyCollection, PathCollection
from matplotlib.figure import Figure

COLUMNS = ["panel", "series", "mark", "x", "y"]


def data(figure: Figure) -> pd.DataFrame:
    """A row for each point of every line, marker and band that stands for data.

    Args:
        figure: What has been drawn. An artist counts whose label is a name; matplotlib gives the
            others one that begins with "_".

    Returns:
        Columns panel, series, mark ("line", "points", "low", "high"), x and y, named in `panel`.
    """
    rows = [row for k, axis in enumerate(figure.axes, 1) for row in _panel(axis, k)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _panel(axis: Axes, k: int) -> Iterator[tuple[Any, ...]]:
    title = axis.get_title("left") or axis.get_title() or str(k)
    name = " ".join(f"{title}: {axis.get_ylabel()}".removesuffix(": ").split())
    for line in axis.lines:
        if named(line.get_label()):
            points = line.get_linestyle() in ("None", "")
            xy = np.asarray(line.get_xydata(), dtype=object)
            for x, y in xy:
                yield name, line.get_label(), "points" if points else "line", x, y
    for collection in axis.collections:
        if named(collection.get_label()):
            for mark, x, y in _collection(collection):
                yield name, collection.get_label(), mark, x, y


def _collection(collection: Collection) -> Iterator[tuple[str, float, float]]:
    if isinstance(collection, PathCollection):
        for x, y in np.asarray(collection.get_offsets()):
            yield "points", float(x), float(y)
    if isinstance(collection, FillBetweenPolyCollection):
        for path in collection.get_paths():
            # Around the band: a point of its lower end, the lower curve, the upper one backwards.
            vertices = np.asarray(path.vertices)
            n = (len(vertices) - 3) // 2
            for mark, start in (("low", 1), ("high", n + 2)):
                part = vertices[start : start + n]
                for x, y in part[:: 1 if mark == "low" else -1]:
                    yield mark, float(x), float(y)


def named(label: object) -> bool:
    """Whether a label was given, and not made up by matplotlib."""
    return bool(label) and not str(label).startswith("_")
