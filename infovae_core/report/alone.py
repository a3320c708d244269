"""One figure of a page, drawn alone into a file."""

import os
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import matplotlib as mpl

from infovae_core import names
from infovae_core.refusal import Refusal
from infovae_core.report.figures import showing

ROOT = Path(__file__).parents[2]
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HEADER = re.compile(r"\A(---\n.*?^---\n|(?::\w[^\n]*\n)+)", re.DOTALL | re.MULTILINE)


def pages() -> dict[str, Path]:
    """The pages with figures, by name."""
    listed = sorted([*ROOT.glob("notebooks/*.md"), *ROOT.glob("book/*.md")])
    return {path.stem: path for path in listed if "figure:\n" in path.read_text("utf-8")}


def cells(path: Path) -> list[tuple[str, str]]:
    """The cells of a page: the name of the figure, or "", and the code."""
    found = []
    for body in CELL.findall(path.read_text(encoding="utf-8")):
        header = match[0] if (match := HEADER.match(body)) else ""
        name = re.search(r"^ +name: (\S+)$", header, re.MULTILINE)
        found.append((name[1] if name else "", body.removeprefix(header)))
    return found


def draw(page: str, figure: str, path: Path) -> None:
    """Draw a page's figure into a file; the cells before it run, and their figures are not drawn.

    Args:
        page: Name of the page.
        figure: Name of the figure.
        path: The file; its ending says of which kind, such as svg, pdf or png.

    Raises:
        UnknownName: If there is no such page, or no such figure on it.
        Refusal: If the ending is of no kind that can be written.
    """
    known = pages()
    listed = cells(known[names.check("page", page, known)])
    names.check("figure", figure, [name for name, _ in listed if name])
    mpl.use("svg")  # Draws into files alone.
    kinds = mpl.figure.Figure().canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".") not in kinds:
        raise Refusal(f"{path}: end the name in one of {', '.join(sorted(kinds))}")
    scope: dict[str, Any] = {"__name__": "__main__"}
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), showing.only(figure, path):
        for name, code in listed:
            if name in ("", figure):
                exec(compile(code, str(known[page]), "exec"), scope)
            if name == figure:
                return
