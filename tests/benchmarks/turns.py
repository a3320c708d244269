"""Contenders take turns, each in a process of its own.

What one does to its allocator or threads does not help or hurt another, and all see the same
machine.
"""

import multiprocessing
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from tests.benchmarks.contenders import MAKERS


@dataclass(frozen=True)
class Contender:
    """One row of what is measured.

    Attributes:
        name: For readers.
        make: Its maker, a name in `MAKERS`.
        options: The maker's.
        calls: Steps in each turn.
        copies: Processes that do the same at once.
        threads: Of each process.
    """

    name: str
    make: str
    options: dict[str, Any] = field(default_factory=dict)
    calls: int = 1
    copies: int = 1
    threads: int = 1


@dataclass
class Measured:
    """Of one contender: seconds a step in each turn, its last value, and its memory.

    Attributes:
        seconds: Of several copies, those of the slowest.
        value: What its last call returned.
        peak_bytes: What one process needed at most beyond what it held before it was made; None
            where the system does not tell.
    """

    seconds: list[float]
    value: Any = None
    peak_bytes: int | None = None


def take_turns(
    contenders: Sequence[Contender], repetitions: int, device: str = "cpu"
) -> list[Measured]:
    """Measure in turns; a first turn warms up and is not counted.

    Raises:
        RuntimeError: If a contender's process ends before its time.
    """
    # Forked from a process that has imported all and done nothing: each starts alike, and at once.
    # The last two would else be imported by each, with the digits and with its first optimizer.
    multiprocessing.set_forkserver_preload(
        ["tests.benchmarks.contenders", "sklearn.datasets", "torch._dynamo"]
    )
    context = multiprocessing.get_context("forkserver")
    pipes: list[list[Connection]] = []
    processes = []
    found = [Measured([]) for _ in contenders]
    try:
        for contender in contenders:
            pipes.append([])
            for _ in range(contender.copies):
                mine, theirs = context.Pipe()
                process = context.Process(target=serve, args=(contender, device, theirs))
                process.start()
                theirs.close()
                pipes[-1].append(mine)
                processes.append(process)
        for turn in range(1 + repetitions):
            for contender, ends, measured in zip(contenders, pipes, found, strict=True):
                try:
                    for end in ends:
                        end.send(contender.calls)
                    replies = [end.recv() for end in ends]
                except (EOFError, OSError) as error:
                    raise RuntimeError(
                        f"the process of {contender.name!r} ended before its time; what it said is "
                        "above"
                    ) from error
                if turn:  # The first is a warm-up.
                    measured.seconds.append(max(seconds for seconds, _, _ in replies))
                    _, measured.value, measured.peak_bytes = replies[0]
    finally:
        for end in (end for ends in pipes for end in ends):
            with suppress(OSError):  # Of a process that is gone.
                end.send(None)
        for process in processes:
            process.join()
    return found


def serve(contender: Contender, device: str, pipe: Connection) -> None:
    """A contender's process: time as many calls as the other end asks for, until it asks None."""
    torch.set_num_threads(contender.threads)
    on = torch.device(device)
    before = memory(on, "VmRSS")
    call = MAKERS[contender.make](device=on, **contender.options)
    call(1)
    with suppress(EOFError, BrokenPipeError):  # Whoever asked may be interrupted.
        while (count := pipe.recv()) is not None:
            start = time.perf_counter()
            value = call(count)
            seconds = (time.perf_counter() - start) / count
            peak = memory(on, "VmHWM")
            known = peak is not None and before is not None
            pipe.send((seconds, value, peak - before if known else None))


def memory(device: torch.device, kind: str) -> int | None:
    """Bytes this process holds ("VmRSS"), or has held at most ("VmHWM").

    From Linux's /proc: the system call for the peak counts that of the parent process too.
    """
    if device.type == "cuda":
        now, peak = torch.cuda.memory_allocated, torch.cuda.max_memory_allocated
        return {"VmRSS": now, "VmHWM": peak}[kind](device)
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return 1024 * int(lines[kind].split()[0])
