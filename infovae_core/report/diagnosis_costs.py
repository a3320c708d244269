"""What a diagnosis costs and how often it is wrong: the record of `tests.benchmarks.diagnosis`."""

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from infovae_core.study.store import StoreError, default_root

COMMAND = "python -m tests.benchmarks.diagnosis"
Record = dict[str, Any]


def path() -> Path:
    """Where the record lies."""
    return default_root("cpu") / "benchmarks" / "diagnosis.json"


def save(record: Record) -> Path:
    """Store a record, whole or not at all.

    Raises:
        StoreError: If it cannot be written.
    """
    target = path()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-") as folder:
            new = Path(folder) / target.name
            new.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")
            os.replace(new, target)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def load() -> Record:
    """The stored record.

    Raises:
        StoreError: If there is none; the message names the command.
    """
    try:
        found: Record = json.loads(path().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path()} cannot be read ({error!r}). Measure with:\n    {COMMAND}"
        ) from error
    return found


def provenance(record: Record) -> str:
    """Where a record comes from, in one line."""
    return (
        f"{record['machine']}; PyTorch {record['torch']}; commit {record['commit'][:10]}; "
        f"{record['finished'][:10]}; load of the machine while measuring, {record['load']:.0f} "
        f"processes on {record['cores']} cores."
    )


def table(record: Record) -> pd.DataFrame:
    """Seconds and memory of one diagnosis, by n and d."""
    return pd.DataFrame(
        [
            {
                "n": f"{row['n']:,}",
                "d": f"{row['d']:,}",
                "wall time (s)": f"{row['seconds']:.0f}",
                "processor time (s)": f"{row['cpu_seconds']:.0f}",
                "peak memory (GiB)": (
                    f"{row['peak_bytes'] / 2**30:.2f} ({row['before_bytes'] / 2**30:.2f})"
                ),
            }
            for row in record["costs"]
        ]
    ).set_index(["n", "d"])


def alarms(record: Record) -> pd.DataFrame:
    """Share of samples that are called anything but matched, with its standard error."""
    return pd.DataFrame(
        [
            {
                "codes": row["law"] + (", with the classifier" if row["classifier"] else ""),
                "n": f"{row['n']:,}",
                "d": row["d"],
                "samples": row["samples"],
                "a match is rejected": share(row["rejected"], row["samples"]),
                "the fault is found": (
                    "–" if row["found"] is None else share(row["found"], row["samples"])
                ),
            }
            for row in record["alarms"]
        ]
    ).set_index("codes")


def share(count: int, of: int) -> str:
    """A share in per cent with its standard error."""
    p = count / of
    return f"{100 * p:.1f} % ± {100 * math.sqrt(p * (1 - p) / of):.1f}"
