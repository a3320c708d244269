"""`python -m infovae_core.report.execute PAGE …`: run pages, as many at once as there are cores.

What a page in Markdown gives is kept in the cache that JUPYTERCACHE names, by its code, and a page
that is kept is not run again. A notebook, `.ipynb`, gets its outputs written into it.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import jupytext
import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

LONGEST = 300  # Seconds for a cell, and for its outputs to arrive.


def run(page: Path) -> tuple[Path, nbformat.NotebookNode, float, str]:
    """Run a page in a kernel of its own, in its folder.

    Outputs travel apart from the word that a cell is done. By default those that are some seconds
    late, as on a busy machine, are left out without a word; here they are waited for, or missed.

    Returns:
        The page, its notebook with outputs, the seconds it took, and what went wrong, if anything.
    """
    notebook, start, wrong = jupytext.read(page), time.perf_counter(), ""
    client = NotebookClient(
        notebook,
        timeout=LONGEST,
        iopub_timeout=LONGEST,
        raise_on_iopub_timeout=True,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(page.parent)}},
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        wrong = str(error)
    return page, notebook, time.perf_counter() - start, wrong


def is_kept(page: Path, cache: JupyterCacheAbstract) -> bool:
    """Whether what a page's code gives is known."""
    try:
        cache.match_cache_notebook(jupytext.read(page))
    except KeyError:
        return False
    return True


def main(names: Sequence[str]) -> int:
    """Run these pages; returns how many of them failed."""
    pages = [Path(name).resolve() for name in names]
    if any(page.suffix != ".ipynb" for page in pages):
        cache = get_cache(os.environ["JUPYTERCACHE"])
        pages = [page for page in pages if page.suffix == ".ipynb" or not is_kept(page, cache)]
    if not pages:
        return 0
    failed = 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(cores or 1, 8, len(pages)), spawn) as pool:
        # One that is killed ends it all, instead of being waited for.
        for done in as_completed([pool.submit(run, page) for page in pages]):
            page, notebook, seconds, wrong = done.result()
            print(f"{page.name}: {wrong or f'{seconds:.0f} s'}", flush=True)
            failed += bool(wrong)
            if wrong:
                continue
            if page.suffix == ".ipynb":
                nbformat.write(notebook, page)
            else:
                made = CacheBundleIn(notebook, str(page), data={"execution_seconds": seconds})
                cache.cache_notebook_bundle(made, check_validity=False, overwrite=True)
    return failed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
