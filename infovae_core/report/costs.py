"""What training costs: the stored measurements of `make bench`, and what they amount to.

A record is plain JSON. Its `turns` are contenders that took turns, one row each, with the seconds
of a step in every turn; its `growth` are times and memory against one quantity; its `grid` are wall
times of whole grids on worker processes.
"""

import json
import os
import re
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infovae_core.report.frames import published
from infovae_core.study.experiments import FULL_LENGTH
from infovae_core.study.sealed import seal, unseal
from infovae_core.study.store import StoreError, default_root

VERSION = 1
COMMANDS = {"cpu": "make bench", "cuda": 'make bench ARGS="--device cuda"'}
# The measures, and their names in the keys of `findings`.
SHORT = {
    "one run, all cores": "all",
    "one run a core": "core",
    "one step, a finding left out": "without",
    "one validation": "validation",
    "stacks": "stacks",
}
MANY = 10_000  # Runs of the study that is extrapolated to.
# Names for readers of what grows.
LABELS = {
    "step": "training step",
    "mmd": "MMD",
    "stein": "Stein",
    "cramer": "Cramér",
    "sinkhorn": "Sinkhorn",
}
# How time, and memory beyond a constant, should grow in the end.
EXPECTED = {("step", "R"): "1", ("step", "n"): "1", ("step", "d"): "0 to 1"}
Record = dict[str, Any]
Row = dict[str, Any]


def path(device: str) -> Path:
    """Where the record of "cpu" or "cuda" lies."""
    return default_root("cpu") / "benchmarks" / f"{device}.json"


def save(record: Record) -> Path:
    """Store a record, whole or not at all, in place of the device's last one.

    Raises:
        StoreError: If it cannot be written.
    """
    target = path(record["device"])
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-") as folder:
            new = Path(folder) / target.name
            text = json.dumps(seal(record), indent=1, allow_nan=False) + "\n"
            new.write_text(text, encoding="utf-8")
            os.replace(new, target)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def load(device: str) -> Record | None:
    """The device's record; None if there is none.

    Raises:
        StoreError: If it cannot be read, or is of another version.
    """
    try:
        record: Record = unseal(json.loads(path(device).read_text(encoding="utf-8")))
        version = record["version"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(
            f"{path(device)} cannot be read ({error!r}). Measure anew with:\n    {COMMANDS[device]}"
        ) from error
    if version != VERSION:
        raise StoreError(
            f"{path(device)} is of version {version}, not {VERSION}. Measure anew with:\n"
            f"    {COMMANDS[device]}"
        )
    return record


def require(device: str) -> Record:
    """The device's record.

    Raises:
        StoreError: If there is none; the message names the command.
    """
    record = load(device)
    if record is None:
        raise StoreError(
            f"{path(device)} is missing. Measure, on an otherwise idle machine, with:\n"
            f"    {COMMANDS[device]}"
        )
    return record


def provenance(record: Record) -> str:
    """Where a record comes from, in one line."""
    cores = "1 core" if record["cores"] == 1 else f"{record['cores']} cores"
    machine = (
        record["machine"].rsplit(", ", 1)[0] if record["device"] == "cpu" else record["machine"]
    )
    quick = ", a quick run for development" if record["quick"] else ""
    return (
        f"{machine}, {cores}; PyTorch {record['torch']}; commit {record['commit'][:10]}; "
        f"{record['finished'][:10]}; {record['settings']['repetitions']} turns{quick}."
    )


# Turns --------------------------------------------------------------------------------------------


def measures(record: Record) -> list[str]:
    """The measures of a record, in order."""
    return list(dict.fromkeys(row["measure"] for row in record["turns"]))


def rows_of(record: Record, measure: str) -> dict[str, Row]:
    """The contenders of a measure, by name."""
    return {row["contender"]: row for row in record["turns"] if row["measure"] == measure}


def rates(record: Record, row: Row) -> list[float]:
    """Steps per second in each turn, of all models together.

    Of the limit: those that a step's matrix work alone would allow at the rate of large products.
    """
    if row["contender"].startswith("limit"):
        work = row["operations"] / record["operations_per_step"]
        return [work / seconds for seconds in row["seconds"]]
    return [row["models"] / seconds for seconds in row["seconds"]]


def speed(record: Record, row: Row, base: Row) -> list[float]:
    """How many times as fast as another contender, turn by turn."""
    pairs = zip(rates(record, row), rates(record, base), strict=True)
    return [mine / theirs for mine, theirs in pairs]


def share(record: Record, row: Row, rows: dict[str, Row]) -> float | None:
    """Part of the machine's rate of matrix products that a contender's steps attain."""
    limit = rows.get(f"limit, {row['precision']}")
    return None if limit is None else statistics.median(speed(record, row, limit))


def table(record: Record, measure: str) -> pd.DataFrame:
    """One measure: medians over the turns, with the least and the greatest in brackets."""
    rows = rows_of(record, measure)
    base = next(iter(rows.values()))["baseline"]
    unit = "per second" if measure == "one validation" else "steps per second"
    found = []
    for name, row in rows.items():
        part = share(record, row, rows)
        shown = {
            unit: median_and_range(rates(record, row)),
            # A rate of products has no ratio to a loop but the share of it below.
            f"against “{base}”": median_and_range(speed(record, row, rows[base]))
            if base in rows
            else "–",
        }
        if any(name.startswith("limit") for name in rows):
            shown["of the limit"] = "–" if part is None else f"{part:.1%}"
        found.append(pd.Series(shown, name=name))
    return pd.DataFrame(found)


def median_and_range(values: Sequence[float]) -> str:
    """Median, least and greatest: "12.3 [11.9, 13]"; "1" where all are 1, as of a baseline."""
    if set(values) == {1}:
        return "1"
    return "{} [{}, {}]".format(
        *(f"{value:.3g}" for value in (statistics.median(values), min(values), max(values)))
    )


# Growth -------------------------------------------------------------------------------------------


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Exponent of a power law, by least squares on logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def sweeps(record: Record) -> dict[tuple[str, str], list[Row]]:
    """The growth, by what grows and against what."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in record["growth"]:
        found.setdefault((row["of"], row["quantity"]), []).append(row)
    return found


def exponents(rows: Sequence[Row]) -> dict[str, float]:
    """Exponents of time and memory in a sweep: over all of it, and between its last two points."""
    x = [row["value"] for row in rows]
    y = {"time": [statistics.median(row["seconds"]) for row in rows]}
    if all(row["peak_bytes"] for row in rows):
        y["memory"] = [row["peak_bytes"] for row in rows]
    return {
        f"{name}, {part}": slope(x[cut], values[cut])
        for name, values in y.items()
        for part, cut in (("all", slice(None)), ("end", slice(-2, None)))
    }


def growth_table(record: Record) -> pd.DataFrame:
    """Measured exponents beside the expected one, a row for each sweep."""
    found = []
    for (of, quantity), rows in sweeps(record).items():
        # Adding zero takes the sign from a negative one.
        measured = {name: f"{round(value, 2) + 0:.2f}" for name, value in exponents(rows).items()}
        values = [row["value"] for row in rows]
        shown = {
            "against": f"{quantity}, {min(values)}–{max(values)}",
            "expected": EXPECTED.get((of, quantity), "2"),
            **measured,
        }
        found.append(pd.Series(shown, name=LABELS[of]))
    return pd.DataFrame(found).fillna("–")


# Grids --------------------------------------------------------------------------------------------


def grid_lines(record: Record) -> dict[int, tuple[float, float]]:
    """For each number of workers: seconds a run, and seconds to start, by least squares."""
    found = {}
    for workers in sorted({row["workers"] for row in record["grid"]}):
        rows = [row for row in record["grid"] if row["workers"] == workers]
        seconds = [statistics.median(row["seconds"]) for row in rows]
        each, once = np.polyfit([row["runs"] for row in rows], seconds, 1)
        found[workers] = (float(each), float(once))
    return found


def grid_table(record: Record) -> pd.DataFrame:
    """Median wall seconds of grids by workers, the slope, and its extrapolation."""
    found = []
    for workers, (each, once) in grid_lines(record).items():
        rows = [row for row in record["grid"] if row["workers"] == workers]
        shown = {
            f"{row['runs']} runs (s)": f"{statistics.median(row['seconds']):.1f}" for row in rows
        }
        shown |= {
            "seconds a run": f"{each:.2f}",
            "seconds to start": f"{once:.1f}",
            f"{MANY:,} runs, extrapolated (h)": f"{MANY * each / 3600:.1f}",
        }
        found.append(pd.Series(shown, name=f"{workers} worker" + "s" * (workers > 1)))
    return pd.DataFrame(found)


# Together -----------------------------------------------------------------------------------------


def report(record: Record) -> str:
    """A record as text, for a terminal."""
    parts = [provenance(record), "medians of the turns [least, greatest]"]
    for measure in measures(record):
        parts.append(f"{measure}\n{table(record, measure).to_string()}")
    parts += list(record["absent"].values())
    if record["growth"]:
        parts.append(f"growth: exponents\n{growth_table(record).to_string()}")
    if record["grid"]:
        parts.append(f"grids\n{grid_table(record).to_string()}")
    return "\n\n".join(parts)


def published_seconds(experiment: str) -> tuple[float, float]:
    """Least and greatest training time of a run that the thesis reports."""
    rows = published(experiment)
    values = rows.loc[rows["metric"] == "timed_seconds", "value"]
    return float(values.min()), float(values.max())


def findings(record: Record) -> dict[str, float]:
    """Numbers for the text, by name."""
    found: dict[str, float] = {}
    for measure in measures(record):
        rows = rows_of(record, measure)
        for name, row in rows.items():
            key = SHORT[measure] + "_" + re.sub(r"\W+", "_", name.replace("'", ""))
            found[f"{key}_rate"] = statistics.median(rates(record, row))
            found[f"{key}_full"] = FULL_LENGTH / found[f"{key}_rate"]
            if (base := rows.get(row["baseline"])) is not None:
                found[f"{key}_speed"] = statistics.median(speed(record, row, base))
            if (part := share(record, row, rows)) is not None:
                found[f"{key}_percent"] = 100 * part
    for (of, quantity), grown in sweeps(record).items():
        for name, value in exponents(grown).items():
            found[f"{of}_{quantity}_{name.replace(', ', '_')}"] = value
        for row in grown:
            key = f"{of}_{quantity}_{row['value']}"
            found[f"{key}_ms"] = 1e3 * statistics.median(row["seconds"])
            if quantity == "R":  # Steps of all runs, beside those of the first.
                found[f"{key}_gain"] = row["value"] * found["step_R_1_ms"] / found[f"{key}_ms"]
            if row["peak_bytes"] is not None:
                found[f"{key}_mib"] = row["peak_bytes"] / 2**20
    for workers, (each, once) in grid_lines(record).items():
        found[f"grid_{workers}_each"], found[f"grid_{workers}_once"] = each, once
        found[f"grid_{workers}_hours"] = MANY * each / 3600
    for precision in ("fp32", "bf16"):
        if f"all_ours_{precision}_rate" in found and f"core_ours_{precision}_rate" in found:
            rate = found[f"core_ours_{precision}_rate"]
            found[f"many_{precision}_days"] = MANY * FULL_LENGTH / rate / 86400
            found["many_million_steps"] = MANY * FULL_LENGTH / 1e6
            found[f"core_{precision}_gain"] = rate / found[f"all_ours_{precision}_rate"]
    return found
