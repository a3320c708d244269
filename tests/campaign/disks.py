"""A disk that is full, read-only or failing at each write of a grid in turn."""

import errno
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count as counting
from pathlib import Path
from unittest.mock import patch

from infovae_core.study.store import Store, StoreError
from tests.campaign import Tally, differences, runs, train, undisturbed

CODES = (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO, errno.EACCES)


@contextmanager
def failing(at: int, code: int) -> Iterator[list[int]]:
    """The call number `at` to the disk, of those that write, fails; counts the calls."""
    made, numbers = [0], counting()

    def guarded(real: object) -> object:
        def call(*given: object, **options: object) -> object:
            made[0] += 1
            if next(numbers) == at:
                raise OSError(code, os.strerror(code))
            return real(*given, **options)  # type: ignore[operator]

        return call

    with (
        patch.object(tempfile, "NamedTemporaryFile", guarded(tempfile.NamedTemporaryFile)),
        patch.object(os, "fsync", guarded(os.fsync)),
        patch.object(Path, "replace", guarded(Path.replace)),
        patch.object(Path, "chmod", guarded(Path.chmod)),
    ):
        yield made


def attack(random_: random.Random, count: int, folder: Path) -> Tally:
    """Each write of a grid in turn, with a random failure."""
    tally, listed = Tally("a write that fails: disk full, read-only, quota, permission"), runs(2)
    sound = undisturbed(folder / "sound", listed)
    with failing(-1, 0) as made:
        train(Store(folder / "counted"), listed)
    for case in range(min(count, made[0])):
        at = case if count >= made[0] else random_.randrange(made[0])
        kept = Store(folder / str(case))
        tally.cases += 1
        with failing(at, random_.choice(CODES)):
            try:
                train(kept, listed)
                tally.note("silent", f"call {at} failed and nothing was said")
            except StoreError:
                pass
            except Exception as error:
                tally.note("tracebacks", f"call {at}: {type(error).__name__}: {error}")
        if left := [path.name for path in kept.root.rglob(".tmp-*")]:
            tally.note("lost", f"call {at} left {left}")
        train(kept, listed)
        for name in differences(kept, sound, listed):
            tally.note("lost", f"call {at}: {name} ended otherwise")
    return tally
