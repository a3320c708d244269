"""nbval compares what was executed for the book as it compares what it executes itself."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.replay import Replay, executed

ROOT = Path(__file__).parents[1]
CELLS = {  # Sources, and what they gave.
    "print(1)": new_output("stream", text="1\n"),
    "2": new_output("execute_result", {"text/plain": "2"}, execution_count=2),
    "# NBVAL_IGNORE_OUTPUT\nprint(3)": new_output("stream", text="3\n"),
    "# NBVAL_SKIP\nlong()": new_output("stream", text="long\n"),
    "print('took 5 s')": new_output("stream", text="took 5 s\n"),
}
KERNEL = {"kernelspec": {"display_name": "None", "language": "python", "name": "none"}}


def notebook(**changes: str) -> nbformat.NotebookNode:
    """Those cells with their outputs, of which some are changed."""
    cells = []
    for number, (source, output) in enumerate(CELLS.items(), 1):
        made = nbformat.from_dict(output)
        if new := changes.get(f"cell{number}"):
            made.update({"data": {"text/plain": new}} if "data" in made else {"text": new})
        cells.append(new_code_cell(source, execution_count=number, outputs=[made]))
    return new_notebook(cells=cells, metadata=KERNEL)


@pytest.fixture
def page(tmp_path, monkeypatch) -> Path:
    """A notebook's path, beside its page, which has been executed."""
    path = tmp_path / "page.ipynb"
    nbformat.write(notebook(), path)
    cache = get_cache(tmp_path / "kept")
    cache.cache_notebook_file(path, check_validity=False)
    blocks = [f"```{{code-cell}} ipython3\n{source}\n```" for source in CELLS]
    head = "---\nkernelspec: {display_name: None, language: python, name: none}\n---"
    path.with_suffix(".md").write_text("\n\n".join([head, *blocks]), encoding="utf-8")
    monkeypatch.setenv("JUPYTERCACHE", str(tmp_path / "kept"))
    return path


def test_a_changed_output_fails_and_no_kernel_is_started(page) -> None:
    # There is no kernel of that name; a time, and what is to be ignored, may change.
    nbformat.write(notebook(cell2="4", cell3="5", cell5="took 6 s\n"), page)
    command = [sys.executable, "-m", "pytest", "-p", "tests.replay", "--nbval", page, "-q"]
    done = subprocess.run(
        [*command, "--rootdir", page.parent, "--nbval-sanitize-with", ROOT / "tests" / "nbval.cfg"],
        cwd=page.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 3 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert "Cell 1" in done.stdout and "Cell outputs differ" in done.stdout


def test_what_was_executed_is_found_by_its_code_alone(page) -> None:
    assert executed(page) is not None
    changed = notebook()
    changed.cells[0].source = "print(1.0)"
    nbformat.write(changed, page)
    assert executed(page) is None
    nbformat.write(notebook(), page)
    markdown = page.with_suffix(".md")
    markdown.write_text(markdown.read_text("utf-8").replace("print(1)", "print(7)"), "utf-8")
    assert executed(page) is None


def test_an_error_is_told_as_a_kernel_tells_it() -> None:
    error = new_output("error", ename="ValueError", evalue="no", traceback=["line"])
    kernel = Replay(new_notebook(cells=[new_code_cell("f()", outputs=[error])]))
    asked = kernel.execute_cell_input("f()")
    kernel.await_reply(asked)
    first, last = kernel.get_message("iopub"), kernel.get_message("iopub")
    assert (first["msg_type"], first["content"]["ename"]) == ("error", "ValueError")
    assert last["content"] == {"execution_state": "idle"}
    assert {one["parent_header"]["msg_id"] for one in (first, last)} == {asked}
