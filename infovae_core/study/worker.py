"""What a Dask worker holds and does. Apart from `cluster`, as it needs a slow import."""

import signal
from collections.abc import Callable, Mapping
from typing import Any

import torch
from distributed import Worker, WorkerPlugin, get_worker

from infovae_core.data import Split
from infovae_core.names import UnknownName
from infovae_core.run import Run


class Data(WorkerPlugin):
    """Data sets by name and pixels.

    Unlike scattered data, a plugin stays with the scheduler, which gives it once to each worker,
    and to one that joins later before it gets work: no death of workers loses it.
    """

    def __init__(self, splits: Mapping[tuple[str, str], Split]) -> None:
        """Hold the data."""
        self.splits = splits


class Uninterrupted(WorkerPlugin):
    """Leaves Ctrl-C, which a terminal sends to all processes, to the coordinator that ends them."""

    def setup(self, worker: Worker) -> None:
        """Ignore it in this process."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def do(work: Callable[..., Any], job: list[Run], plugin: str, device: torch.device) -> Any:
    """`work(job, split, device)` with the data that the plugin of this name holds."""
    held = get_worker().plugins[plugin]
    assert isinstance(held, Data)
    try:
        return work(job, held.splits[job[0].data, job[0].pixels], device)
    except UnknownName as error:
        raise UnknownName(
            f"{error} What a script registers is not known to workers that were started apart from "
            "it: start them with `dask worker --preload FILE.py`, which registers it there"
        ) from error
