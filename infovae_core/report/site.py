"""What the site is made of: MathJax, icons, source, licences, policies; nothing unused."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole
from sphinx.util.fileutil import copy_asset

from infovae_core.report import supply
from infovae_core.report.policy import guard

ROOT = Path(__file__).parents[2]
# Components of MathJax that a page loads, beside the script that it names; no menu.
COMPONENTS = ("core",)
SOURCE = "infovae-source.tar.gz"

# In Font Awesome's script: name, width, height, other names, code point, outline.
ICON = re.compile(r'[{,]"?([a-z0-9-]+)"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","([^"]+)"')
# In the theme's style sheet: characters of icon fonts, and the fonts.
CHARACTERS = re.compile(r'(?:\.fa-[\w-]+:before,)*\.fa-[\w-]+:before\{content:"\\[^"]*"\}')
FONTS = re.compile(r"@font-face\{[^}]*fontawesome[^}]*\}", re.IGNORECASE)
STYLE = """
.fa, .fas, .fa-solid, .fa-brands {
  background: currentColor;
  display: inline-block;
  height: 1em;
  mask: var(--icon) center / contain no-repeat;
  vertical-align: -0.125em;
  width: 1.25em;
}
:is(.fa, .fas, .fa-solid, .fa-brands)::before { content: none; }
@media (forced-colors: active) {
  .fa, .fas, .fa-solid, .fa-brands { background: CanvasText; forced-color-adjust: none; }
}
"""


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Copy MathJax, licences and the source, drop what is not used, and write the policies.

    Args:
        app: Of a build that is over.
        exception: What ended it, if it failed.
    """
    if exception is not None:
        return
    static = Path(app.outdir) / "_static"
    mathjax(static, *Path(app.config.mathjax_path).parts)
    for source_map in static.rglob("*.map"):
        source_map.unlink()
    shutil.rmtree(static / "locales")
    supply.copy(static)
    icons(Path(app.outdir), static)
    archive(static / SOURCE)
    guard([page for page in Path(app.outdir).rglob("*.html") if static not in page.parents])


def mathjax(static: Path, folder: str, script: str) -> None:
    """Copy MathJax without its bundles.

    They hold the same parts several times over. The folders beside them hold these, the fonts, and
    what is loaded when a formula asks for more.
    """
    kept = {script, *(f"{name}.js" for name in COMPONENTS)}

    def bundle(path: str) -> bool:
        return path.endswith(".js") and "/" not in path and path not in kept

    with resources.as_file(resources.files("sphinx-mathjax-offline") / "static") as source:
        copy_asset(source / folder, static / folder, excluded=bundle)


def icons(pages: Path, static: Path) -> None:
    """Put the icons that the pages use into the style sheet, for a script of 1.5 MB with all.

    Raises:
        ValueError: If an icon is used that the script does not have.
    """
    script = static / "scripts" / "fontawesome.js"
    html = {path: path.read_text(encoding="utf-8") for path in pages.rglob("*.html")}
    scripts = [path for path in static.rglob("*.js") if path != script]
    texts = [*html.values(), *(path.read_text(encoding="utf-8") for path in scripts)]
    used = {name for text in texts for name in re.findall(r"\bfa-([a-z0-9-]+)", text)}
    # Of an icon that is there as outline and filled, the filled one comes last.
    known: Mapping[str, tuple[str, ...]] = {
        name: tuple(rest) for name, *rest in ICON.findall(script.read_text(encoding="utf-8"))
    }
    rules = [STYLE]
    for name in sorted(used & known.keys()):
        width, height, outline = known[name]
        svg = (
            f"%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}'%3E"
            f"%3Cpath d='{outline}'/%3E%3C/svg%3E"
        )
        rules.append(f'.fa-{name} {{ --icon: url("data:image/svg+xml,{svg}"); }}\n')
    if len(rules) == 1:
        raise ValueError(f"{script}: none of the icons {', '.join(sorted(used))} was found")
    with (static / "custom.css").open("a", encoding="utf-8") as sheet:
        sheet.write("".join(rules))
    tag = re.compile(r"<(?:script|link)[^>]*fontawesome[^>]*>(?:\s*</script>)?\s*")
    for path, text in html.items():
        if "fontawesome" in text:
            path.write_text(tag.sub("", text), encoding="utf-8")
    for path in [script, *static.glob("scripts/fontawesome*")]:
        path.unlink(missing_ok=True)
    shutil.rmtree(static / "vendor" / "fontawesome", ignore_errors=True)
    theme = static / "styles" / "pydata-sphinx-theme.css"
    css = theme.read_text(encoding="utf-8")
    theme.write_text(FONTS.sub("", CHARACTERS.sub("", css)), encoding="utf-8")


def commit() -> str:
    """The checkout's commit; empty where there is no checkout, as in what was downloaded."""
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def archive(path: Path) -> None:
    """Write the source of the commit that the pages are built from, if there is one."""
    if found := commit():
        name = f"infovae-{found[:10]}"
        command = ["git", "-C", str(ROOT), "archive", "--format=tar.gz", f"--prefix={name}/"]
        subprocess.run([*command, f"--output={path}", found], check=True)


class SourceRole(SphinxRole):
    """A link to the archive of the source, with these words and the commit."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The link; without a checkout, words that say where the source is."""
        if not (found := commit()):
            return [nodes.Text("the folder that these pages were built in")], []
        up = "../" * self.env.docname.count("/")
        link = f'<a href="{up}_static/{SOURCE}" download>{self.text}</a> (commit {found[:10]})'
        return [nodes.raw("", link, format="html")], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_role("source", SourceRole())
    supply.setup(app)
    app.connect("build-finished", finish, priority=900)  # After the last page is written.
    return {"parallel_read_safe": True, "parallel_write_safe": True}
