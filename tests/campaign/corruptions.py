"""Damage to results, weights, data and records: told, set aside or refused, never in silence."""

import gzip
import hashlib
import json
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import torch

from infovae_core import data
from infovae_core.refusal import Refusal
from infovae_core.report import costs
from infovae_core.study.sealed import seal
from infovae_core.study.store import SetAside
from tests.campaign import Tally, equal, runs, undisturbed

Damage = Callable[[bytes, bytes, random.Random], bytes]


def _flip(content: bytes, other: bytes, random_: random.Random) -> bytes:
    at = random_.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << random_.randrange(8)]) + content[at + 1 :]


DAMAGES: dict[str, Damage] = {
    "flipped bit": _flip,
    "truncated": lambda content, other, random_: content[: random_.randrange(len(content))],
    "empty": lambda content, other, random_: b"",
    "swapped": lambda content, other, random_: other,
    "foreign JSON": lambda content, other, random_: json.dumps({"a": [1, None]}).encode(),
    "wrong key": lambda content, other, random_: content.replace(b'"key": "', b'"key": "0', 1)[:-1],
    "huge header": lambda content, other, random_: (2**62).to_bytes(8, "little") + content,
    "nested": lambda content, other, random_: b"[" * 50_000,
    "HTML": lambda content, other, random_: b"<!DOCTYPE html><title>404</title>",
}


def attack(random_: random.Random, count: int, folder: Path) -> Tally:
    """Every kind of file in turn, with every kind of damage."""
    tally, listed = Tally("a damaged file: results, arrays, weights, data, records"), runs(2)
    kept = undisturbed(folder / "store", listed)
    sound = {run: (kept.load(run), kept.load_weights(run)) for run in listed}
    images = {file: file.encode() * 50 for file in data.MD5}
    digests = {file: hashlib.md5(content).hexdigest() for file, content in images.items()}
    raw, record = folder / "raw", folder / "cpu.json"
    raw.mkdir()
    for file, content in images.items():
        (raw / f"{file}.gz").write_bytes(gzip.compress(content, mtime=0))
    told = {"device": "cpu", "version": costs.VERSION, "turns": []}
    record.write_text(json.dumps(seal(told)))

    def stored(run: object = listed[0]) -> bool:
        found = kept.load(run)
        return found is None or equal(found, sound[run][0])

    def weights() -> bool:
        found = kept.load_weights(listed[0])
        return found is None or all(
            torch.equal(t, found[n]) for n, t in sound[listed[0]][1].items()
        )

    def read() -> bool:
        return data._read(raw, next(iter(images))) == next(iter(images.values()))

    def measured() -> bool:
        found = costs.load("cpu") or {}
        return {name: found.get(name) for name in told} == told

    arrays = [
        kept.root / json.loads(kept.path(run).read_text())["arrays"]["file"] for run in listed
    ]
    kinds: list[tuple[Path, Path, Callable[[], bool]]] = [
        (kept.path(listed[0]), kept.path(listed[1]), stored),
        (arrays[0], arrays[1], stored),
        (kept._weights_path(listed[0]), kept._weights_path(listed[1]), weights),
        (*sorted(raw.iterdir(), key=lambda p: p.name != f"{next(iter(images))}.gz")[:2], read),
        (record, kept.path(listed[1]), measured),
    ]
    files = {place: place.read_bytes() for path, other, _ in kinds for place in (path, other)}
    with patch.dict(data.MD5, digests), patch.object(costs, "path", lambda device: record):
        for case in range(count):
            path, other, sees = kinds[case % len(kinds)]
            name = list(DAMAGES)[case // len(kinds) % len(DAMAGES)]
            content = path.read_bytes()
            damaged = DAMAGES[name](content, other.read_bytes(), random_)
            path.write_bytes(damaged)
            tally.cases += 1
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", SetAside)
                    right = sees()
                if not right:
                    tally.note("silent", f"{name} of {path.name}")
            except Refusal:
                pass
            except Exception as error:
                tally.note("tracebacks", f"{name} of {path.name}: {type(error).__name__}: {error}")
            for place, whole in files.items():  # What was set aside is put back too.
                place.write_bytes(whole)
    return tally
