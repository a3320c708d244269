"""What the site and its results rest on: others' work that it ships, and versions with their days.

The directive `shipped` lists the parts of others in the built site, each with its licence, which is
shipped beside it; the directive `versions` lists the packages of requirements.lock.
"""

import re
import shutil
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

LOCK = Path(__file__).parents[2] / "requirements.lock"
FOLDER = "licenses"  # Below the site's static files.


class Part(NamedTuple):
    """A part that the site ships.

    Attributes:
        name: For readers.
        licence: Its licence's usual name.
        package: The distribution that brings it, whose version is shown.
        text: Where its licence stands below the static files; empty: the package's own is taken.
    """

    name: str
    licence: str
    package: str
    text: str = ""

    @property
    def path(self) -> str:
        """Where the site has the licence, below its static files."""
        name = re.sub(r"\W+", "-", self.name.split(",")[0].lower())
        return f"{FOLDER}/{name}.txt"


THEME = "pydata-sphinx-theme"
PARTS = (
    Part("MathJax", "Apache 2.0", "sphinx-mathjax-offline", f"{FOLDER}/mathjax.txt"),
    Part("Bootstrap", "MIT", THEME, "scripts/bootstrap.js.LICENSE.txt"),
    Part("Icons of Font Awesome Free", "CC BY 4.0", THEME, "scripts/fontawesome.js.LICENSE.txt"),
    Part("PyData Sphinx Theme", "BSD 3-Clause", THEME),
    Part("Sphinx Book Theme", "BSD 3-Clause", "sphinx-book-theme"),
    Part("Sphinx", "BSD 2-Clause", "Sphinx"),
    Part("sphinx-design", "MIT", "sphinx-design"),
    Part("sphinx-copybutton, with clipboard.js", "MIT", "sphinx-copybutton"),
    Part("sphinx-togglebutton", "MIT", "sphinx-togglebutton"),
    Part("sphinx-proof", "MIT", "sphinx-proof"),
    Part("MyST-NB", "BSD 3-Clause", "myst-nb"),
)


def licence_of(package: Distribution) -> Path:
    """The file of a distribution that holds its licence.

    Raises:
        FileNotFoundError: If it brings none.
    """
    for file in package.files or ():
        if ".dist-info" in file.parts[0] and re.match(r"LICEN[CS]E|COPYING", file.name):
            return Path(str(file.locate()))
    raise FileNotFoundError(f"{package.name} {package.version} brings no licence: name one here")


def copy(static: Path) -> None:
    """Gather the licences in a folder of the site's static files."""
    (static / FOLDER).mkdir(exist_ok=True)
    for part in PARTS:
        text = static / part.text if part.text else licence_of(distribution(part.package))
        if text != static / part.path:
            shutil.copyfile(text, static / part.path)


def locked() -> list[tuple[str, str, str]]:
    """Name, version and day of publication of each package of the lock."""
    text = LOCK.read_text(encoding="utf-8")
    return [(name, version, day) for day, name, version in
            re.findall(r"^# ([\d-]+)\n([\w.-]+)==(\S+)", text, re.M)]  # fmt: skip


def table(heads: tuple[str, ...], rows: list[tuple[str | nodes.Node, ...]]) -> nodes.table:
    """A table of texts, or of what is shown in their place."""
    group = nodes.tgroup(cols=len(heads))
    group += [nodes.colspec(colwidth=1) for _ in heads]
    for part, lines in ((nodes.thead(), [heads]), (nodes.tbody(), rows)):
        for line in lines:
            row = nodes.row()
            for cell in line:
                words = nodes.Text(cell) if isinstance(cell, str) else cell
                row += nodes.entry("", nodes.paragraph("", "", words))
            part += row
        group += part
    return nodes.table("", group)


class Shipped(SphinxDirective):
    """The parts that the site ships."""

    def run(self) -> list[nodes.Node]:
        """Make the table; a licence's address is that of a page of this depth."""
        up = "../" * self.env.docname.count("/")
        rows: list[tuple[str | nodes.Node, ...]] = [
            (
                part.name,
                f"{part.package} {distribution(part.package).version}",
                nodes.reference("", part.licence, refuri=f"{up}_static/{part.path}"),
            )
            for part in PARTS
        ]
        return [table(("part", "comes with", "licence"), rows)]


class Versions(SphinxDirective):
    """The packages of the lock."""

    def run(self) -> list[nodes.Node]:
        """Make the table."""
        self.env.note_dependency(str(LOCK))
        return [table(("package", "version", "published"), [*locked()])]


def setup(app: Sphinx) -> None:
    """Register the directives with Sphinx."""
    app.add_directive("shipped", Shipped)
    app.add_directive("versions", Versions)
