"""What a page of the site may load and run: its content security policy, written into its head.

Everything comes from the site itself. A script stands in a file of the site, or in the page as it
was built, known by its hash; what else would run, and whatever makes code of text, is refused by
the browser. Styles may stand in pages, since MathJax writes them while it sets a formula.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from html import escape
from html.parser import HTMLParser
from pathlib import Path

# `file:` is for a site that is opened from a disk, where "self" is nothing.
SOURCES = {
    "default-src": "'self' file:",
    "script-src": "'self' file:",
    "style-src": "'self' file: 'unsafe-inline'",
    "img-src": "'self' file: data:",
    "font-src": "'self' file: data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self' file:",
}


class Inline(HTMLParser):
    """The scripts that stand in a page, and the handlers of events in its tags."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.scripts: list[str] = []
        self.handlers: list[str] = []
        self.within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take handlers, and note where a script begins."""
        self.handlers += [value for name, value in attrs if name.startswith("on") and value]
        if tag == "script" and "src" not in dict(attrs):
            self.within = True
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        """Note where a script ends."""
        self.within = self.within and tag != "script"

    def handle_data(self, data: str) -> None:
        """Take a script's text."""
        if self.within:
            self.scripts[-1] += data


def digest(code: str) -> str:
    """The source expression of an inline script."""
    found = hashlib.sha256(code.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(found).decode()}'"


def read(page: str) -> Inline:
    """What stands in a page."""
    found = Inline()
    found.feed(page)
    found.close()
    return found


def policy(scripts: Iterable[str], handlers: Iterable[str] = ()) -> str:
    """The policy of a page that holds these scripts and handlers.

    Example:
        >>> policy(["x = 1"]).split("; ")[1]
        "script-src 'self' file: 'sha256-j/Q23vFFEoVZmhsa1wgASTuNyv3ikS4aODRWMwVOTCY='"
    """
    handlers = {digest(code) for code in handlers}
    known = sorted({digest(code) for code in scripts} | handlers)
    allowed = [SOURCES["script-src"], *(["'unsafe-hashes'"] if handlers else []), *known]
    sources = SOURCES | {"script-src": " ".join(allowed)}
    return "; ".join(f"{kind} {value}" for kind, value in sources.items())


def guard(pages: Sequence[Path]) -> None:
    """Write the policy of each page of a site before anything that it loads.

    Handlers are allowed to all pages, since the search takes the pages that it finds apart.
    """
    texts = [page.read_text(encoding="utf-8") for page in pages]
    inline = [read(text) for text in texts]
    handlers = {code for found in inline for code in found.handlers}
    for page, text, found in zip(pages, texts, inline, strict=True):
        content = escape(policy(found.scripts, handlers), quote=False)
        meta = f'<meta http-equiv="Content-Security-Policy" content="{content}" />'
        head = re.search(r'<meta charset="utf-8" ?/?>', text)
        place = head.end() if head else 0  # A page that only leads on has no head.
        page.write_text(f"{text[:place]}{meta}{text[place:]}", encoding="utf-8")
