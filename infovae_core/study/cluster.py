"""A grid's stacks on Dask workers: processes of this machine, or of a cluster.

The coordinator alone touches the store. Workers get the data once each, then runs, and return
results; one that is lost is replaced, and what it had under way is trained again by another.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import torch

from infovae_core.data import Split
from infovae_core.refusal import Refusal
from infovae_core.run import Run

if TYPE_CHECKING:
    from distributed import Client

# Seconds to wait for a scheduler, or for its first worker.
PATIENCE = 30
# Where a scheduler of this machine serves its pages: not at the port of a lasting one.
ANY_PORT = "127.0.0.1:0"
# Failed jobs that a message lists: all may have failed for one reason.
SHOWN = 10


class ClusterError(Refusal):
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

    from infovae_core.study.worker import Uninterrupted

    with ExitStack() as entered:
        if scheduler is None:
            local = LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=ANY_PORT
            )
            client = entered.enter_context(Client(entered.enter_context(local)))
            client.register_plugin(Uninterrupted())
        else:
            try:
                client = entered.enter_context(Client(scheduler, timeout=PATIENCE))
                client.wait_for_workers(1, timeout=PATIENCE)
            except (OSError, ValueError, TimeoutError) as error:
                raise ClusterError(
                    f"no scheduler with a worker answered at {scheduler} within {PATIENCE} s "
                    f"({error}). Start them with `dask scheduler` and `dask worker "
                    "tcp://HOST:8786`, or train in processes of this machine with --workers"
                ) from error
        yield client


def distribute(
    work: Callable[..., Any],
    jobs: Sequence[list[Run]],
    load: Callable[[str, str], Split],
    device: torch.device,
    workers: int = 0,
    scheduler: str | None = None,
) -> Generator[tuple[list[Run], Any], None, None]:
    """Each job with what `work(job, split, device)` made of it, as they are done.

    Args:
        work: What a worker is to do.
        jobs: Runs to be trained in one stack, the most urgent first.
        load: The data of this name and with these pixels.
        device: Where each worker trains.
        workers: See `connect`.
        scheduler: See `connect`.

    Raises:
        ClusterError: If jobs failed, once all others are done; or if the scheduler was lost.
    """
    with connect(workers, scheduler) as client:
        from distributed import CancelledError, as_completed

        from infovae_core.study.worker import Data, do

        kinds = {(job[0].data, job[0].pixels) for job in jobs}
        plugin = f"data-{uuid4().hex}"
        client.register_plugin(Data({kind: load(*kind) for kind in kinds}), plugin)
        failures = []
        try:
            # Not pure: jobs of two coordinators are never taken for the same.
            futures = {
                client.submit(do, work, job, plugin, device, pure=False, priority=-position): job
                for position, job in enumerate(jobs)
            }
            for future in as_completed(futures):
                job = futures[future]
                try:
                    found = future.result()
                except CancelledError as error:
                    raise ClusterError(
                        f"the connection to the scheduler was lost ({error}). The same command "
                        "goes on with the runs that are not stored"
                    ) from error
                except Exception as error:
                    names = ", ".join(run.name for run in job)
                    failures.append(f"{names}: {type(error).__name__}: {error}")
                else:
                    yield job, found
                future.release()
        finally:
            with suppress(OSError):  # if the scheduler is gone, so is what it held
                client.unregister_worker_plugin(plugin)
    if failures:
        raise ClusterError(
            f"{len(failures)} of {len(jobs)} jobs failed, the others are stored; the first:\n  "
            + "\n  ".join(failures[:SHOWN])
        )
