"""Every figure: which page shows it, and what a reader is told of it there."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import jupytext
import pytest
from matplotlib.figure import Figure
from nbformat import NotebookNode

from infovae_core.report import figures

ROOT = Path(__file__).parents[1]
MODULES = {
    name: importlib.import_module(f"{figures.__name__}.{name}")
    for _, name, _ in pkgutil.iter_modules(figures.__path__)
    # Pictures of the interactive figures; empty axes; what a report on a reader's codes shows.
    if not name.endswith("stills") and name not in ("style", "diagnosis_plots")
}
DRAWN = [
    f"{name}.{function}"
    for name, module in MODULES.items()
    for function, one in inspect.getmembers(module, inspect.isfunction)
    if one.__module__ == module.__name__
    and inspect.signature(one).return_annotation is Figure
    and not function.startswith("_")
]
SHOWN = re.compile(r"\bshow\(\s*\"([\w-]+)\"")
# Words of a caption.
MOST = 75
PAGES = {
    str(path.relative_to(ROOT)): jupytext.read(path, fmt="md:myst")
    for folder in ("notebooks", "book")
    for path in sorted((ROOT / folder).glob("*.md"))
}


def shown(page: str) -> list[NotebookNode]:
    """A page's cells that show a figure."""
    cells = [cell for cell in PAGES[page].cells if cell.cell_type == "code"]
    return [cell for cell in cells if SHOWN.search(cell.source) or "figure" in told(cell)]


def told(cell: NotebookNode) -> dict[str, dict[str, str]]:
    """What the page says of the figure."""
    found: dict[str, dict[str, str]] = cell.metadata.get("mystnb", {})
    return found


@pytest.mark.parametrize("figure", DRAWN)
def test_a_page_shows_every_figure(figure):
    assert any(re.search(rf"{figure}\b", cell.source) for page in PAGES for cell in shown(page))


@pytest.mark.parametrize("page", PAGES)
def test_every_figure_is_shown_by_its_name(page):
    for cell in shown(page):
        assert SHOWN.findall(cell.source) == [told(cell)["figure"]["name"]]


@pytest.mark.parametrize("page", PAGES)
def test_a_caption_is_short_and_holds_no_provenance(page):
    for cell in shown(page):
        words = told(cell)["figure"]["caption"].split()
        assert len(words) <= MOST, cell.source
        assert "provenance" not in " ".join(words), cell.source


@pytest.mark.parametrize("page", PAGES)
def test_every_figure_has_a_caption_and_a_text_in_its_place(page):
    for cell in shown(page):
        caption, alt = told(cell)["figure"]["caption"], told(cell)["image"]["alt"]
        assert re.match(r"\w.*[.`]\s*$", caption, re.S), cell.source
        assert re.match(r"\w.*\.\s*$", alt, re.S), cell.source


def test_every_figure_has_a_name_of_its_own():
    names = [told(cell)["figure"]["name"] for page in PAGES for cell in shown(page)]
    assert len(names) > 20
    assert len(set(names)) == len(names)
