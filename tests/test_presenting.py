"""How the site presents figures, set-up, icons and the source; and a figure drawn alone."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from sphinx.testing.util import SphinxTestApp

from infovae_core.cli import app as command_line
from infovae_core.names import UnknownName
from infovae_core.refusal import Refusal
from infovae_core.report import alone, presenting, site
from infovae_core.report.figures import showing
from infovae_core.study.experiments import EXPERIMENTS

ROOT = Path(__file__).parents[1]
PAGE = """---
file_format: mystnb
kernelspec:
  name: python3
---

# Page

```{code-cell} ipython3
---
tags: [parameters, set-up]
---
size = 3
```

## A figure

```{code-cell} ipython3
---
tags: [hide-input]
mystnb:
  figure:
    name: fig-line
    caption: A line.
  image:
    alt: A "rising" line.
---
import matplotlib.pyplot as plt
from infovae_core.report.figures.showing import show

def draw():
    figure, axis = plt.subplots()
    axis.plot([0, size], label="it")
    return figure

show("fig-line", draw)
```

The figure {numref}`fig-line`, and a table: {data}`fig-line`.

:::{set-up}
Words on it.
:::
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The HTML of `PAGE`, in a folder, as a book shows it."""
    source = tmp_path_factory.mktemp("source")
    (source / "conf.py").write_text(
        'extensions = ["myst_nb", "infovae_core.report.presenting"]\n'
        'myst_enable_extensions = ["colon_fence"]\nnumfig = True\nnb_execution_mode = "force"\n'
        "nb_execution_raise_on_error = True\n"
    )
    (source / "index.md").write_text("# Home\n\n```{toctree}\nfolder/page\n```\n")
    (source / "folder").mkdir()
    (source / "folder" / "page.md").write_text(PAGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(showing.FOLDER, str(source / "figures"))
        patch.setenv("PYTHONPATH", str(ROOT))
        app = SphinxTestApp("html", srcdir=source, warning=io.StringIO())
        app.build()
        warnings = app.warning.getvalue()
        app.cleanup()
    assert "fig-line" not in warnings, warnings
    return Path(app.outdir)


def test_a_figure_is_vector_graphics_by_day_and_night_with_its_links(built) -> None:
    from bs4 import BeautifulSoup

    page = BeautifulSoup((built / "folder" / "page.html").read_text("utf-8"), "html.parser")
    figure = page.select_one("figure#fig-line")
    shown = [image["src"] for image in figure.select("picture > img")]
    assert shown == ["../_images/fig-line.svg", "../_images/fig-line-night.svg"]
    assert {image["alt"] for image in figure.select("img")} == {'A "rising" line.'}
    narrow = [source["srcset"] for source in figure.select("picture > source")]
    assert narrow == ["../_images/fig-line-narrow.svg", "../_images/fig-line-narrow-night.svg"]
    for name in [*shown, *narrow, figure.select_one(".figure-links a")["href"]]:
        assert (built / "folder" / name).is_file()
    assert "python -m infovae_core figure page fig-line" in figure.get_text()
    assert 'show("fig-line", draw)' in figure.select_one("details").get_text()
    assert "Fig. 1" in page.select_one("p a.reference.internal").get_text()
    csv = built / "_images" / "fig-line.csv"
    assert csv.read_text().splitlines() == [
        "panel,series,mark,x,y",
        "1,it,line,0,0",
        "1,it,line,1,3",
    ]
    assert not list((built / "_images").glob("*.png"))


def test_what_sets_a_page_up_is_folded_where_the_page_says(built) -> None:
    text = (built / "folder" / "page.html").read_text("utf-8")
    opening, fold = text.split('<details class="set-up">')
    assert "size" not in opening.split("<h1>")[1].split("A figure")[0]
    fold = fold.split("</details>")[0]
    assert "Words on it." in fold and "size" in fold


def test_a_figure_that_was_not_drawn_stops_the_build(tmp_path, monkeypatch) -> None:
    text = PAGE.replace('show("fig-line", draw)', "draw(); plt.show()")
    (tmp_path / "conf.py").write_text(
        'extensions = ["myst_nb", "infovae_core.report.presenting"]\n'
        'myst_enable_extensions = ["colon_fence"]\nnb_execution_mode = "force"\n'
    )
    (tmp_path / "index.md").write_text(text)
    (tmp_path / "figures").mkdir()
    monkeypatch.setenv(showing.FOLDER, str(tmp_path / "figures"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    app = SphinxTestApp("html", srcdir=tmp_path, warning=io.StringIO())
    with pytest.raises(presenting.SphinxError, match="fig-line was not drawn: show it by `show`"):
        app.build()
    app.cleanup()


# A figure alone -----------------------------------------------------------------------------------


def test_one_figure_is_drawn_alone_after_the_cells_before_it(tmp_path, monkeypatch, capsys) -> None:
    path = tmp_path / "page.md"
    path.write_text(PAGE.replace("size = 3", "size = 3\nprint('unheard')"), "utf-8")
    monkeypatch.setattr(alone, "pages", lambda: {"page": path})
    alone.draw("page", "fig-line", tmp_path / "x.svg")
    assert "<svg" in (tmp_path / "x.svg").read_text("utf-8")
    assert "unheard" not in capsys.readouterr().out
    with pytest.raises(UnknownName, match=r"unknown figure 'fig-lin'.*Did you mean 'fig-line'"):
        alone.draw("page", "fig-lin", tmp_path / "x.svg")
    with pytest.raises(UnknownName, match="unknown page 'pages'"):
        alone.draw("pages", "fig-line", tmp_path / "x.svg")
    with pytest.raises(Refusal, match=r"x\.doc: end the name in one of .*svg"):
        alone.draw("page", "fig-line", tmp_path / "x.doc")


def test_every_page_of_an_experiment_has_figures_to_draw_and_the_command_line_does() -> None:
    known = alone.pages()
    for name in ("experiment1", "experiment2", "experiment3"):
        assert name in EXPERIMENTS
        names = [figure for figure, _ in alone.cells(known[name]) if figure]
        assert len(names) >= 4
    assert "figure" in {command.callback.__name__ for command in command_line.registered_commands}


# Icons and source ---------------------------------------------------------------------------------


def test_icons_that_pages_use_are_in_the_style_sheet_and_the_script_is_gone(tmp_path) -> None:
    static = tmp_path / "_static"
    for folder in ("scripts", "styles", "vendor/fontawesome"):
        (static / folder).mkdir(parents=True)
    (static / "scripts" / "fontawesome.js").write_text(
        'a={bars:[448,512,["navicon"],"f0c9","M0 1z"],"arrow-up":[384,512,[],"f062","M2 3z"],'
        'sun:[512,512,[9],"f185","outline"]};b={sun:[512,512,[9],"f185","M4 5z"]}'
    )
    sheet = '.a{color:red}.fa-0:before{content:"\\30 "}.fa-1:before,.fa-2:before{content:"\\31"}'
    fonts = "@font-face{src:url(../vendor/fontawesome/x.woff2)}"
    (static / "styles" / "pydata-sphinx-theme.css").write_text(sheet + fonts)
    (static / "custom.css").write_text("p{}")
    (static / "toggle.js").write_text('x.className = "fa-solid fa-sun"')
    page = tmp_path / "index.html"
    script = '<script defer src="_static/scripts/fontawesome.js?digest=1"></script>'
    page.write_text(f'<head>{script}</head><i class="fa-solid fa-bars"></i>')
    site.icons(tmp_path, static)
    css = (static / "custom.css").read_text()
    assert css.count("--icon: url(") == 2
    assert ".fa-bars" in css and "M0 1z" in css and "M4 5z" in css and "outline" not in css
    assert "fontawesome" not in page.read_text() and "</head>" in page.read_text()
    assert not list(static.rglob("*fontawesome*"))
    assert (static / "styles" / "pydata-sphinx-theme.css").read_text() == ".a{color:red}"


def test_the_source_is_that_of_the_commit(tmp_path, monkeypatch) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "kept.txt").write_text("as committed")
    identity = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for who in ("AUTHOR", "COMMITTER"):
        identity |= {f"GIT_{who}_NAME": "a", f"GIT_{who}_EMAIL": "a@a.example"}
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "One"]):
        git = ["git", "-C", str(repository), *command]
        subprocess.run(git, check=True, env=os.environ | identity)
    (repository / "kept.txt").write_text("changed since")
    monkeypatch.setattr(site, "ROOT", repository)
    site.archive(tmp_path / "source.tar.gz")
    with tarfile.open(tmp_path / "source.tar.gz") as packed:
        (member,) = [one for one in packed.getmembers() if one.isfile()]
        assert member.name == f"infovae-{site.commit()[:10]}/kept.txt"
        held = packed.extractfile(member)
        assert held is not None and held.read() == b"as committed"


def test_without_a_checkout_there_is_no_archive(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(site, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    site.archive(tmp_path / "source.tar.gz")
    assert site.commit() == "" and not list(tmp_path.iterdir())


def test_fresh_results_have_a_store_of_their_own(tmp_path) -> None:
    """make runs a program in place of papermill, which tells where results go."""
    (tmp_path / "papermill").write_text('#!/bin/sh\necho "results: $INFOVAE_RESULTS"\n')
    (tmp_path / "papermill").chmod(0o755)
    for given, expected in ((["FRESH=1"], f"{ROOT}/_build/fresh"), ([], "")):
        command = ["make", "reproduce", f"BIN={tmp_path}", "INSTALLED=", *given]
        clean = {key: one for key, one in os.environ.items() if key != "INFOVAE_RESULTS"}
        done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True)
        assert f"results: {expected}\n" in done.stdout, done.stderr
