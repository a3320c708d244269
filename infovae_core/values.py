"""The values that a run may hold, in one form: equal values are equal runs, stored under one key.

What NumPy and PyTorch call numbers become Python's own, several of them a tuple. What a stored run
cannot hold is refused by its name when it is given, and not when hours later it is to be stored.
"""

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

# A label is part of the names of files, for whose other parts it leaves room.
LONGEST = 100


def plain(name: str, value: Any) -> Any:
    """A value as Python's own: a number, a text, True, False, None, a tuple or dict of these.

    Raises:
        ValueError: If it is something else.
    """
    if hasattr(value, "tolist"):  # of NumPy or PyTorch
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real | Decimal):
        return float(value) + 0.0  # −0 is 0
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {str(key): plain(name, item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return tuple(plain(name, item) for item in value)
    raise ValueError(
        f"{name} must be a number, a text, True, False, None or several of these, which is what a "
        f"stored run can hold; got {value!r}, a {type(value).__name__}"
    )


def integer(name: str, value: Any) -> int:
    """An integer, whatever kind of number it is given as.

    Raises:
        ValueError: If it is none.
    """
    found = plain(name, value)
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int):
        raise ValueError(f"{name} must be an integer, got {value!r}")
    return found


def number(name: str, value: Any) -> float:
    """A float, whatever kind of number it is given as; NaN and infinities too.

    Raises:
        ValueError: If it is no number.
    """
    found = plain(name, value)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError(f"{name} must be a number, got {value!r}")
    try:
        return float(found) + 0.0
    except OverflowError:
        raise ValueError(f"{name} must be a number of double precision, got {value!r}") from None


def flag(name: str, value: Any) -> bool:
    """True or False.

    Raises:
        ValueError: If it is neither.
    """
    found = plain(name, value)
    if not isinstance(found, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return found


def label(name: str, value: Any) -> str:
    """A text that can be part of a file's name on every system.

    Raises:
        ValueError: If it cannot.
    """
    if (
        not isinstance(value, str)
        or not re.fullmatch(r"\w[\w.+-]*", value)
        or (len(value.encode()) > LONGEST)
    ):
        raise ValueError(
            f"{name} must be a text of at most {LONGEST} bytes that can name a file: letters, "
            f"digits and . _ + - after the first; got {value!r}"
        )
    return str(value)


def like(name: str, value: Any, default: Any) -> Any:
    """An option's value, a number as the option's default is one: 128.0 as 128, 1 as 1.0.

    Raises:
        ValueError: If a stored run cannot hold it, or a flag is given for a number.
    """
    found = plain(name, value)
    if isinstance(default, tuple):
        default = default[0] if default else None
    if isinstance(found, tuple):
        return tuple(like(name, item, default) for item in found)
    if isinstance(default, bool):
        return flag(name, found)
    if isinstance(found, bool) and isinstance(default, int | float):
        raise ValueError(f"{name} must not be {found}: its default is {default}")
    if isinstance(found, int | float) and not isinstance(found, bool):
        if not math.isfinite(found):
            raise ValueError(f"{name} must be finite, got {found}")
        whole = isinstance(default, int) or default is None
        return int(found) if whole and found == int(found) else number(name, found)
    return found
