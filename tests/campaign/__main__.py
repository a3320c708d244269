"""`python -m tests.campaign`: make every attack, print the table, store the record."""

import argparse
import platform
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import torch

from infovae_core.report import tested
from infovae_core.study.provenance import commit
from tests.campaign import (
    Attack,
    clocks,
    corruptions,
    disks,
    kills,
    made,
    together,
    workers,
    wrong_calls,
)

ATTACKS: dict[str, Attack] = {
    "kills": kills.local,
    "kills with workers": kills.with_workers,
    "corruptions": corruptions.attack,
    "wrong calls": wrong_calls.attack,
    "disks": disks.attack,
    "together": together.attack,
    "workers": workers.attack,
    "clocks": clocks.attack,
}


def main() -> None:
    """Read the options, and end with 1 if anything was lost, silent or a traceback."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=100, help="cases of an attack")
    parser.add_argument("--attacks", nargs="*", choices=ATTACKS, default=list(ATTACKS))
    parser.add_argument("--no-record", action="store_true", help="print, and store nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    chosen = {name: ATTACKS[name] for name in given.attacks}
    with tempfile.TemporaryDirectory() as folder:
        found = made(chosen, given.seed, given.count, Path(folder))
    made_with = {
        "seed": given.seed,
        "commit": commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    attacks = {name: asdict(tally) | made_with for name, tally in found.items()}
    # Attacks that were not made now keep what they found before.
    earlier = {} if given.no_record else tested.load().get("attacks", {})
    known = earlier | attacks
    record = {"attacks": {name: known[name] for name in ATTACKS if name in known}}
    print(tested.table(record).to_string())
    for tally in found.values():
        print(*tally.notes, sep="\n", end="\n" if tally.notes else "")
    if not given.no_record:
        print(f"stored in {tested.save(record)}")
    sys.exit(any(tally.notes for tally in found.values()))


if __name__ == "__main__":
    main()
