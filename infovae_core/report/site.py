"""What the site is made of: MathJax beside the pages, and nothing that none of them loads."""

import shutil
from importlib import resources
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.fileutil import copy_asset


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Copy MathJax, and drop what the theme brings for its makers.

    MathJax comes in several bundles of the same parts, of which the pages load one. The folders
    beside the bundles hold its fonts, and what it loads when a formula or its menu asks for more.

    Args:
        app: Of a build that is over.
        exception: What ended it, if it failed.
    """
    if exception is not None:
        return
    static = Path(app.outdir) / "_static"
    folder, bundle = Path(app.config.mathjax_path).parts

    def other_bundle(path: str) -> bool:
        return path.endswith(".js") and "/" not in path and path != bundle

    with resources.as_file(resources.files("sphinx-mathjax-offline") / "static") as source:
        copy_asset(source / folder, static / folder, excluded=other_bundle)
    for source_map in static.rglob("*.map"):
        source_map.unlink()
    shutil.rmtree(static / "locales")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
