"""Pages are run once: what they give is kept by their code, and a failure is told."""

from concurrent.futures.process import BrokenProcessPool

import jupytext
import nbformat
import pytest
from jupyter_cache import get_cache

from infovae_core.report import execute

PAGE = """---
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---

{}

```{{code-cell}} ipython3
{}
```
"""


def test_pages_are_run_once_and_a_failure_is_told(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("JUPYTERCACHE", str(tmp_path / "kept"))
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text(PAGE.format("Words", "print(2 + 3)"), encoding="utf-8")
    bad.write_text(PAGE.format("Words", "1 / 0"), encoding="utf-8")
    assert execute.main([str(good), str(bad)]) == 1
    said = capsys.readouterr().out
    assert "division by zero" in said and "good.md: " in said
    # Other words need no run; the page that failed has nothing to be shown.
    good.write_text(PAGE.format("Other words", "print(2 + 3)"), encoding="utf-8")
    cache = get_cache(tmp_path / "kept")
    assert [execute.is_kept(page, cache) for page in (good, bad)] == [True, False]
    monkeypatch.setattr(execute, "run", lambda page: pytest.fail(f"{page} is run again"))
    assert execute.main([str(good)]) == 0
    made = cache.get_cache_bundle(cache.match_cache_notebook(jupytext.read(good)).pk).nb
    assert made.cells[0].outputs[0].text == "5\n"


def test_a_notebook_gets_its_outputs(tmp_path) -> None:
    cell = nbformat.v4.new_code_cell("import os\nprint(os.getcwd())")
    path = tmp_path / "page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    assert execute.main([str(path)]) == 0
    (made,) = nbformat.read(path, as_version=4).cells
    assert made.outputs[0].text == f"{tmp_path}\n"


def test_a_process_that_is_killed_ends_the_whole(tmp_path) -> None:
    cell = nbformat.v4.new_code_cell("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)")
    path = tmp_path / "page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    with pytest.raises(BrokenProcessPool):
        execute.main([str(path)])
