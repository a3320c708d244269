"""A clock that jumps, another time zone, another locale."""

import locale
import random
import time
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from infovae_core.study.store import Store
from tests.campaign import Tally, differences, runs, train, undisturbed

ZONES = ("UTC", "Pacific/Kiritimati", "America/St_Johns", "Asia/Kathmandu", "nowhere")
LOCALES = ("C", "C.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8")


def attack(random_: random.Random, count: int, folder: Path) -> Tally:
    """A tenth as often as asked."""
    tally, listed = Tally("the clock jumps, in another time zone and locale"), runs(2)
    sound = undisturbed(folder / "sound", listed)
    real, before = time.time, locale.setlocale(locale.LC_ALL)
    for case in range(max(1, count // 10)):
        tally.cases += 1
        kept = Store(folder / str(case))
        with patch.dict("os.environ", {"TZ": random_.choice(ZONES)}):
            time.tzset()
            with suppress(locale.Error):  # Not every machine has every locale.
                locale.setlocale(locale.LC_ALL, random_.choice(LOCALES))
            try:
                with patch.object(time, "time", lambda: real() + random_.uniform(-1e9, 1e9)):
                    train(kept, listed)
            except Exception as error:
                tally.note("tracebacks", f"{type(error).__name__}: {error}")
            finally:
                locale.setlocale(locale.LC_ALL, before)
        time.tzset()
        for name in differences(kept, sound, listed):
            tally.note("lost", f"{name} ended otherwise")
    return tally
