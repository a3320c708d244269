"""Records of measurements as JSON with its own digest: no flipped bit is read as a number."""

import hashlib
import json
from typing import Any

Record = dict[str, Any]


def seal(record: Record) -> Record:
    """The record with the digest of all else that it holds."""
    return record | {"sha256": _digest(record)}


def unseal(record: Record) -> Record:
    """The record without its digest; one from before there were digests as it is.

    Raises:
        ValueError: If it is another record than the one that was sealed.
    """
    if not isinstance(record, dict):
        raise ValueError(f"expected a record, got {type(record).__name__}")
    content = {name: value for name, value in record.items() if name != "sha256"}
    if record.get("sha256", _digest(content)) != _digest(content):
        raise ValueError("it does not have the recorded SHA-256")
    return content


def _digest(record: Record) -> str:
    content = {name: value for name, value in record.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
