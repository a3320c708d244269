"""Dask workers killed, stopped and continued at random while a grid trains on them."""

import os
import random
import signal
import time
from pathlib import Path
from threading import Thread

from distributed import Client, LocalCluster

from infovae_core.refusal import Refusal
from infovae_core.study import grid
from infovae_core.study.cluster import ANY_PORT
from infovae_core.study.store import Store
from tests.campaign import Tally, differences, runs

# Seconds in which every worker answers again.
PATIENCE = 60


def attack(random_: random.Random, count: int, folder: Path) -> Tally:
    """A twenty-fifth as often as asked; a worker that is killed is started anew by its nanny."""
    tally = Tally("a Dask worker killed, or stopped and continued, at a random instant")
    listed = runs(4)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=ANY_PORT) as cluster,
        Client(cluster) as client,
    ):
        sound = Store(folder / "sound")
        began = time.monotonic()
        grid.run_grid(listed, sound, "cpu", progress=False, scheduler=cluster.scheduler_address)
        whole = time.monotonic() - began
        for case in range(max(1, count // 25)):
            client.wait_for_workers(2, timeout=PATIENCE)
            victim = random_.choice(list(client.run(os.getpid).values()))
            kill = random_.random() < 0.5
            at, rest = random_.uniform(0, whole), random_.uniform(0, whole)

            def strike(victim: int = victim, kill: bool = kill, at: float = at) -> None:
                time.sleep(at)
                os.kill(victim, signal.SIGKILL if kill else signal.SIGSTOP)
                if not kill:
                    time.sleep(rest)  # noqa: B023 - this case's own
                    os.kill(victim, signal.SIGCONT)

            kept, thread = Store(folder / str(case)), Thread(target=strike)
            thread.start()
            tally.cases += 1
            for _ in range(3):
                try:
                    address = cluster.scheduler_address
                    grid.run_grid(listed, kept, "cpu", progress=False, scheduler=address)
                    break
                except Refusal:
                    continue
                except Exception as error:
                    tally.note("tracebacks", f"{type(error).__name__}: {error}")
            thread.join()
            for name in differences(kept, sound, listed):
                tally.note("lost", f"{name} ended otherwise")
    return tally
