"""A plugin for nbval: what has just been executed for the book is compared, and not executed again.

`make` executes the pages with code once and keeps what they gave (the Makefile's `executed`). With
`-p tests.replay`, and JUPYTERCACHE naming the place, nbval gets from there what each cell of a
notebook gives now, and compares it with the notebook as always. It starts a kernel only where
nothing is kept: for a page that failed, or one with other code.
"""

import os
from collections import deque
from itertools import count
from pathlib import Path
from typing import Any

import jupytext
from jupyter_cache import get_cache
from nbformat import NotebookNode
from nbval.plugin import IPyNbFile

START = IPyNbFile.setup


class Replay:
    """What nbval asks of a kernel, answered with what the cells gave when they were executed."""

    def __init__(self, notebook: NotebookNode) -> None:
        """Hold the code cells of an executed notebook."""
        self.cells = deque(cell for cell in notebook.cells if cell.cell_type == "code")
        self.messages: deque[dict[str, Any]] = deque()
        self.ids = count()

    def execute_cell_input(self, source: str, allow_stdin: bool = False) -> int:
        """Queue the messages of the next cell with this source, after which it is idle."""
        while (cell := self.cells.popleft()).source != source:
            pass  # nbval was told to skip it.
        asked = next(self.ids)
        answers = [(dict(output).pop("output_type"), output) for output in cell.outputs]
        self.messages = deque(
            {"msg_type": kind, "content": content, "parent_header": {"msg_id": asked}}
            for kind, content in [*answers, ("status", {"execution_state": "idle"})]
        )
        return asked

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        """The next message."""
        return self.messages.popleft()

    def await_reply(self, asked: int, timeout: float | None = None) -> None:
        """Return at once: it has been executed."""

    await_idle = await_reply

    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return True

    def stop(self) -> None:
        """Forget the rest."""
        self.messages.clear()


def executed(path: Path) -> NotebookNode | None:
    """The page that a notebook is made from, as last executed; None if that is not kept."""
    cache = get_cache(os.environ["JUPYTERCACHE"])
    try:
        page = cache.match_cache_notebook(jupytext.read(path.with_suffix(".md")))
    except KeyError:
        return None
    made = cache.get_cache_bundle(page.pk).nb
    own = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    return made if own == [cell.source for cell in made.cells] else None


def setup(self: IPyNbFile) -> None:
    """Answer from what is kept, or start a kernel."""
    found = executed(self.path)
    if found is None:
        START(self)
        return
    self.kernel = Replay(found)
    self.setup_sanitize_files()


IPyNbFile.setup = setup
