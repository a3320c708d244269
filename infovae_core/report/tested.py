"""What the campaign of attacks found: its stored record, and what a page shows of it."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from infovae_core.refusal import refusing
from infovae_core.study.sealed import seal, unseal
from infovae_core.study.store import StoreError, default_root

COMMAND = "make campaign"
COLUMNS = {
    "words": "attack",
    "cases": "cases",
    "lost": "lost or changed",
    "silent": "wrong in silence",
    "tracebacks": "tracebacks",
}
Record = dict[str, Any]


def path() -> Path:
    """Where the record lies."""
    return default_root("cpu") / "benchmarks" / "campaign.json"


def save(record: Record) -> Path:
    """Store a record in place of the last one.

    Raises:
        StoreError: If it cannot be written.
    """
    target = path()
    with refusing(StoreError, f"cannot write {target}", "Free space, or make it writable"):
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_suffix(".tmp")
        aside.write_text(json.dumps(seal(record), indent=1, ensure_ascii=False) + "\n", "utf-8")
        aside.replace(target)
    return target


def load() -> Record:
    """The stored record; empty if there is none."""
    target = path()
    return unseal(json.loads(target.read_text("utf-8"))) if target.exists() else {}


def require() -> Record:
    """The stored record.

    Raises:
        StoreError: If there is none, or it is damaged; with the command that makes it.
    """
    target = path()
    try:
        record = load()
        table(record)
        findings(record)
    except (OSError, ValueError, LookupError, RecursionError, TypeError, AttributeError) as error:
        raise StoreError(
            f"no sound record of the campaign in {target} ({error}). Make it with: {COMMAND}"
        ) from error
    return record


def table(record: Record) -> pd.DataFrame:
    """One row for each attack, and their sum."""
    rows = [{name: one[key] for key, name in COLUMNS.items()} for one in record["attacks"].values()]
    shown = pd.DataFrame(rows).set_index("attack")
    shown.loc["all"] = shown.sum()
    return shown


def findings(record: Record) -> dict[str, Any]:
    """What a page quotes of the record."""
    return {
        **{
            key: sum(int(one[key]) for one in record["attacks"].values())
            for key in COLUMNS
            if key != "words"
        },
        "kinds": len(record["attacks"]),
        "seeds": ", ".join(sorted({str(one["seed"]) for one in record["attacks"].values()})),
        "minutes": sum(float(one["seconds"]) for one in record["attacks"].values()) / 60,
        "commits": ", ".join(
            sorted({str(one["commit"])[:10] for one in record["attacks"].values()})
        ),
    }
