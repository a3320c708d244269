"""A page of all interactive figures as Sphinx would write it, open in a browser."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infovae_core.report.figures import live
from tests.browser import Browser, programs, served

ROOT = Path(__file__).parents[1]
FRAGMENTS = sorted((ROOT / "book" / "interactive").glob("*.md"))


def write(folder: Path, paths: list[Path]) -> None:
    """Write `book/page.html`, the figures' files and what they draw of the store."""
    static = folder / "_static"
    for part in ("interactive", "models"):
        shutil.copytree(ROOT / "book" / "_static" / part, static / part)
    live.write(static / "interactive")
    body = ""
    for path in paths:
        html = re.search(r"```\{raw\} html\n(.*?)```", path.read_text("utf8"), re.DOTALL)
        assert html
        picture = f"../_static/interactive/interactive-{path.stem}.svg"
        body += (
            f'<figure id="fig-interactive-{path.stem}"><a href="{picture}"><img src="{picture}">'
            f"</a><figcaption>caption</figcaption></figure>{html.group(1)}"
        )
    head = (
        '<meta charset=utf8><meta name="viewport" content="width=device-width"><title>t</title>'
        '<link rel="icon" href="data:,"><style>figure { margin: 0 }</style>'
    )
    (folder / "book").mkdir()
    page = f"<!doctype html><html lang=en>{head}<body>{body}"
    (folder / "book" / "page.html").write_text(page, encoding="utf8")


@contextmanager
def opened(folder: Path, names: list[str] | None = None) -> Iterator[Browser]:
    """A browser at the page.

    Args:
        folder: Where the page is written.
        names: Of the fragments on it; by default all.
    """
    found = programs()
    if found is None:
        pytest.skip("no Chromium with its driver here: apt-get install chromium chromium-driver")
    write(folder, [path for path in FRAGMENTS if names is None or path.stem in names])
    with served(folder) as address:
        browser = Browser(*found)
        browser.driver.get(f"{address}book/page.html")
        yield browser
        browser.close()


def said(driver, name: str) -> str:
    """What a figure announces."""
    output = driver.find_element("css selector", f"#fig-interactive-{name} output")
    return str(output.get_property("textContent"))
