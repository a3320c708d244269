"""How the site presents what cells gave: figures with their links, and set-up that is folded away.

A figure of a cell is shown as the vector graphics that `figures.showing` wrote while the page ran,
by day and by night, for a column and for a telephone. Below its caption it leads to its data, its
code and the command that draws it alone. Cells tagged `set-up` are moved to where the directive
`set-up` stands, and folded.
"""

import os
import shutil
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective, SphinxRole

from infovae_core.report.figures.showing import FOLDER

# Windows up to this width show the narrow layout.
NARROW = 760
IMAGES = "_images"


def folder() -> Path | None:
    """Where the pages that ran left their figures; None where they left none."""
    given = os.environ.get(FOLDER)
    return Path(given) if given else None


def is_cell(node: nodes.Node) -> bool:
    """Whether a node is a cell with code, its source and what it gave."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def raw(html: str) -> nodes.raw:
    """HTML as it is."""
    return nodes.raw("", html, format="html")


class Present(SphinxTransform):
    """See the module's docstring."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Figures first, as set-up is no figure's."""
        for cell in list(self.document.findall(is_cell)):
            for figure in list(cell.findall(nodes.figure)):
                self.figure(cell, figure)
        self.set_up()

    def figure(self, cell: nodes.container, figure: nodes.figure) -> None:
        """Exchange the picture, and add the links."""
        (name,) = figure["names"][:1] or figure["ids"][:1]
        docname = self.env.docname
        up = "../" * docname.count("/") + IMAGES
        made = folder()
        if made is not None:
            (image,) = list(figure.findall(nodes.image))[:1]
            if not (made / f"{name}-narrow.svg").is_file():
                raise SphinxError(f"{docname}: figure {name} was not drawn: show it by `show`")
            captions = [one for one in figure if isinstance(one, nodes.caption | nodes.legend)]
            figure.children = []
            figure += raw(picture(up, name, image["alt"], size(made / f"{name}.svg")))
            figure += captions
        links = []
        if made is not None and (made / f"{name}.csv").is_file():
            links.append(f'<a href="{up}/{name}.csv" download>data</a>')
        page = docname.rpartition("/")[2]
        command = f"python -m infovae_core figure {page} {name}"
        source = [one for one in cell if one.get("nb_element") == "cell_code_source"]
        figure += raw(f'<div class="figure-links">{" ".join(links)}')
        for part in source:
            figure += raw("<details><summary>code</summary>")
            figure += list(part.children)
            figure += raw("</details>")
            cell.remove(part)
        figure += raw(
            f"<details><summary>command</summary><pre><code>{escape(command)}</code></pre>"
            "</details></div>"
        )
        cell.attributes.pop("hide_mode", None)

    def set_up(self) -> None:
        """Move the cells of the set-up to their place."""
        for place in list(self.document.findall(SetUp)):
            cells = [
                cell for cell in self.document.findall(is_cell) if "tag_set-up" in cell["classes"]
            ]
            for cell in cells:
                cell.parent.remove(cell)
                cell.attributes.pop("hide_mode", None)
            opening = '<details class="set-up"><summary>How this page is set up</summary>'
            place.replace_self([raw(opening), *place.children, *cells, raw("</details>")])


def size(path: Path) -> tuple[int, int]:
    """Width and height of a written figure, in pixels of a page."""
    head = path.read_text(encoding="utf-8")[:1000]
    width, high = (
        float(head.split(f'{name}="')[1].split("pt")[0]) * 96 / 72 for name in ("width", "height")
    )
    return round(width), round(high)


def picture(up: str, name: str, text: str, shape: tuple[int, int]) -> str:
    """A figure by day and by night, of which the page's theme shows one."""
    found = []
    for time, ending in (("day", ""), ("night", "-night")):
        found.append(
            f'<picture class="by-{time}">'
            f'<source media="(max-width: {NARROW}px)" srcset="{up}/{name}-narrow{ending}.svg">'
            f'<img src="{up}/{name}{ending}.svg" alt="{escape(text, quote=True)}" '
            f'width="{shape[0]}" height="{shape[1]}" loading="lazy"></picture>'
        )
    return "".join(found)


class SetUp(nodes.container):  # type: ignore[misc]
    """Stands for the cells of the set-up until they are moved here."""


class SetUpDirective(SphinxDirective):
    """Where the set-up stands, folded, after these words."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The place."""
        place = SetUp()
        self.state.nested_parse(self.content, self.content_offset, place)
        return [place]


class DataRole(SphinxRole):
    """A link to a table that a cell saved: its name."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The link; words alone where the site is built without what cells leave."""
        made = folder()
        if made is None:
            return [nodes.inline("", "CSV")], []
        if not (made / f"{self.text}.csv").is_file():
            message = self.inliner.reporter.error(f"no cell saved a table {self.text!r}")
            return [], [message]
        up = "../" * self.env.docname.count("/") + IMAGES
        link = f'<a href="{up}/{self.text}.csv" download>CSV</a>'
        return [raw(link)], []


def copy(app: Sphinx, exception: Exception | None) -> None:
    """Put the figures and their data beside the pages."""
    made = folder()
    if exception is None and made is not None and app.builder.format == "html":
        target = Path(app.outdir) / IMAGES
        target.mkdir(exist_ok=True)
        for path in sorted(made.iterdir()):
            shutil.copy(path, target / path.name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_node(SetUp)
    app.add_transform(Present)
    app.add_directive("set-up", SetUpDirective)
    app.add_role("data", DataRole())
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
