"""`python -m tests.lock pylock.toml`: write requirements.lock from what a resolver found.

    uv pip compile requirements.lock --no-deps --universal --python-version 3.11 -o pylock.toml

With each version stand the day on which it was published and the hashes of its files: the source,
and the wheels for Python 3.11 to 3.13 on Linux with glibc and on macOS.
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name, parse_wheel_filename

LOCK = Path(__file__).parents[1] / "requirements.lock"
PYTHONS = ("cp311", "cp312", "cp313")
PLATFORMS = re.compile(r"any|(many)?linux\w*_(x86_64|aarch64)|macosx_\w+")


def fits(wheel: str) -> bool:
    """Whether one of our Pythons takes a wheel on one of our platforms."""
    for tag in parse_wheel_filename(wheel)[3]:
        older = re.fullmatch(r"cp3\d+", tag.interpreter) and int(tag.interpreter[3:]) <= 13
        pythons = (
            (tag.interpreter in PYTHONS and tag.abi == tag.interpreter)
            or (older and tag.abi == "abi3")
            or (tag.interpreter.startswith("py3") and tag.abi == "none")
        )
        if pythons and PLATFORMS.fullmatch(tag.platform):
            return True
    return False


def entry(name: str, package: dict[str, Any]) -> str:
    """A package in the lock."""
    wheels = [one for one in package.get("wheels", ()) if fits(one["url"].rpartition("/")[2])]
    files = [*wheels, *([package["sdist"]] if "sdist" in package else [])]
    day = min(one["upload-time"] for one in files).date()
    hashes = sorted(one["hashes"]["sha256"] for one in files)
    options = [f"    --hash=sha256:{one}" for one in hashes]
    return " \\\n".join([f"# {day}\n{name}=={package['version']}", *options]) + "\n"


def main(found: Path) -> None:
    """Write the lock, each name as it was spelt there."""
    packages = tomllib.loads(found.read_text(encoding="utf-8"))["packages"]
    spelt = re.findall(r"^([\w.-]+)==", LOCK.read_text(encoding="utf-8"), re.M)
    names = {canonicalize_name(name): name for name in spelt}
    made = [entry(names.get(one["name"], one["name"]), one) for one in packages]
    LOCK.write_text("".join(sorted(made, key=lambda one: one.split("\n")[1].lower())), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
