"""A grid's stacks on Dask workers: processes of this machine, or of a cluster.

The coordinator alone touches the store. Workers get the data once each, then runs, and return
results; one that is lost is replaced, and what it had under way is trained again by another.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from infovae_core.data import Split
from infovae_core.run import Run

if TYPE_CHECKING:
    from distributed import Client

# Seconds to wait for a scheduler, or for its first worker.
PATIENCE = 30


class ClusterError(RuntimeError):
    """There is no scheduler, no worker, or some work could not be done."""


@contextmanager
def connect(workers: int = 0, scheduler: str | None = None) -> Iterator["Client"]:
    """A client of the scheduler at an address, or of worker processes made for the purpose.

    Args:
        workers: Processes of this machine, each with one thread.
        scheduler: "tcp://host:port".

    Raises:
        ValueError: If both are given, or a number of workers below one.
        ClusterError: If nothing answers at the address, or no worker appears.
    """
    if (scheduler is None) == (workers == 0):
        raise ValueError("name either a number of workers or the address of a scheduler")
    if workers < 0:
        raise ValueError(f"workers must be at least 1, got {workers}")
    from distributed import Client, LocalCluster  # a slow import, and most uses do without it

    if scheduler is None:
        with (
            LocalCluster(workers, threads_per_worker=1, dashboard_address=None) as local,
            Client(local) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=PATIENCE)
        client.wait_for_workers(1, timeout=PATIENCE)
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(
            f"no scheduler with a worker answered at {scheduler} within {PATIENCE} s ({error}). "
            "Start them with `dask scheduler` and `dask worker tcp://HOST:8786`, or train in "
            "processes of this machine with --workers"
        ) from error
    with client:
        yield client


def train(
    work: Callable[..., Any],
    jobs: Sequence[list[Run]],
    load: Callable[[str, str], Split],
    device: torch.device,
    workers: int = 0,
    scheduler: str | None = None,
) -> Iterator[tuple[list[Run], Any]]:
    """Each job with what `work(job, split, device)` made of it, as they are done.

    Args:
        work: What a worker is to do.
        jobs: Runs to be trained in one stack, the most urgent first.
        load: The data of this name and with these pixels.
        device: Where each worker trains.
        workers: See `connect`.
        scheduler: See `connect`.

    Raises:
        ClusterError: If jobs failed, once all others are done.
    """
    from distributed import as_completed

    with connect(workers, scheduler) as client:
        kinds = {(job[0].data, job[0].pixels) for job in jobs}
        splits = {kind: client.scatter(load(*kind), broadcast=True) for kind in kinds}
        futures = {
            client.submit(
                work,
                job,
                splits[job[0].data, job[0].pixels],
                device,
                key=f"{job[0].name}-{len(job)}",
                priority=-position,
            ): job
            for position, job in enumerate(jobs)
        }
        failures = []
        for future in as_completed(futures):
            job = futures[future]
            if future.status == "finished":
                yield job, future.result()
            else:
                failures.append(f"{job[0].name}: {future.exception()!r}")
            future.release()
    if failures:
        raise ClusterError(
            f"{len(failures)} of {len(jobs)} jobs failed, the others are stored:\n  "
            + "\n  ".join(failures)
        )
