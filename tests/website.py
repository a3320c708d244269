"""Checks of a built site's files, by parsing them.

Each check returns the faults it finds, one line each, and none for a sound page.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

from bs4 import BeautifulSoup

# Attributes whose address a browser asks for by itself.
LOADED = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),
    "img": ("src",),
    "input": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src",),
    "track": ("src",),
    "use": ("href", "xlink:href"),
    "video": ("src", "poster"),
}
FOLLOWED = {"a": ("href",), "area": ("href",), "form": ("action",)}


def pages(root: Path) -> list[Path]:
    """Every HTML page that a reader can open; not the fragments of the theme in `_static`."""
    return sorted(p for p in root.rglob("*.html") if "_static" not in p.relative_to(root).parts)


def chapters(contents: Path) -> list[str]:
    """The files that `_toc.yml` names, root included, as it names them."""
    return re.findall(r"^\W*(?:file|root): *(\S+)", contents.read_text(encoding="utf-8"), re.M)


@cache
def parse(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def anchors(path: Path) -> frozenset[str]:
    named = [*parse(path).select("[id]"), *parse(path).select("a[name]")]
    return frozenset(str(tag.get("id") or tag.get("name")) for tag in named)


def addresses(page: Path, kinds: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """The addresses in these attributes of a page, those of `srcset` and `url(…)` included."""
    for tag in parse(page).find_all(list(kinds)):
        if "canonical" not in tag.get_attribute_list("rel"):
            yield from (str(tag[name]) for name in kinds[tag.name] if tag.has_attr(name))
    if kinds is LOADED:
        for tag in parse(page).select("[srcset]"):
            yield from (part.split()[0] for part in str(tag["srcset"]).split(",") if part.strip())
        for tag in parse(page).select("style"):
            yield from styled(tag.get_text())
        for tag in parse(page).select("[style]"):
            yield from styled(str(tag["style"]))


def redirect(page: Path) -> str | None:
    """Where a page that only leads on leads to."""
    for tag in parse(page).select("meta[http-equiv]"):
        if str(tag["http-equiv"]).lower() == "refresh":
            return str(tag["content"]).partition("url=")[2]
    return None


def styled(css: str) -> Iterator[str]:
    """The addresses that a style sheet asks for."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    for quoted, bare in re.findall(r"url\(\s*(?:[\"'](.*?)[\"']|([^\"')]*?))\s*\)", css):
        yield quoted or bare
    yield from re.findall(r"@import\s+[\"'](.*?)[\"']", css)


def lacking(root: Path, source: Path, address: str) -> str:
    """Why an address does not resolve inside the site; empty if it does, or leads elsewhere."""
    plain, anchor = urldefrag(address)
    parts = urlsplit(plain)
    if parts.scheme or parts.netloc:
        return ""
    target = source
    if parts.path:
        target = (source.parent / unquote(parts.path)).resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(root.resolve()):
        return "leads out of the site"
    if not target.is_file():
        return "no such file"
    if anchor and target.suffix == ".html" and unquote(anchor) not in anchors(target):
        return "no such anchor"
    return ""


def unguarded(root: Path) -> list[str]:
    """Pages without a content security policy before all they load, or with a wide one."""
    faults = []
    for page in pages(root):
        name, first = (
            page.relative_to(root),
            parse(page).select_one("meta[http-equiv], script, link"),
        )
        if first is None or first.get("http-equiv") != "Content-Security-Policy":
            faults.append(f"{name}: no policy before all else")
            continue
        sources = {
            kind: given
            for kind, *given in (part.split() for part in str(first["content"]).split(";"))
        }
        if "'self'" not in sources.get("default-src", []):
            faults.append(f"{name}: no default")
        for kind, given in sources.items():
            known = r"'self'|'none'|file:|'unsafe-hashes'|'sha256-[\w+/=]{44}'"
            if kind in ("img-src", "font-src"):
                known += "|data:"
            if kind == "style-src":
                known += "|'unsafe-inline'"
            faults += [f"{name}: {kind} {one}" for one in given if not re.fullmatch(known, one)]
    return faults


def unresolved(root: Path) -> list[str]:
    """Links, anchors, pictures, scripts and references that lead nowhere."""
    faults = []
    for page in pages(root):
        name = page.relative_to(root)
        for address in {
            redirect(page) or "",
            *addresses(page, LOADED),
            *addresses(page, FOLLOWED),
        }:
            if why := lacking(root, page.resolve(), address):
                faults.append(f"{name}: {address}: {why}")
        for tag in parse(page).select(".problematic, span.xref, .bibtex-citation"):
            cited = "bibtex-citation" in tag.get_attribute_list("class")
            if not (tag.select("a[href]") if cited else tag.find_parent("a")):
                faults.append(f"{name}: {tag.get_text()!r}: a reference to nothing")
    for sheet in root.rglob("*.css"):
        for address in set(styled(sheet.read_text(encoding="utf-8"))):
            if why := lacking(root, sheet.resolve(), address):
                faults.append(f"{sheet.relative_to(root)}: {address}: {why}")
    return sorted(faults)


def foreign(root: Path) -> list[str]:
    """What pages and style sheets would load from another host."""
    asked = [(page, address) for page in pages(root) for address in addresses(page, LOADED)]
    for sheet in root.rglob("*.css"):
        asked += [(sheet, address) for address in styled(sheet.read_text(encoding="utf-8"))]
    return sorted(
        {f"{path.relative_to(root)}: {url}" for path, url in asked if urlsplit(url).netloc}
    )
