"""pyproject.toml, requirements.lock and environment.yml tell one story."""

import re
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.lock import fits

ROOT = Path(__file__).parents[1]
# What conda brings besides Python packages, and the packages it calls by another name.
TOOLCHAIN = {"python", "pip", "make", "c-compiler"}
CONDA_NAMES = {"pytorch": "torch", "pytorch-cpu": "torch"}


# Each with the day it was published and its hashes.
ENTRY = re.compile(r"# (\d{4}-\d\d-\d\d)\n(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf8")
LOCKED = ENTRY.findall(LOCK)


def pins(lines: list[str]) -> dict[str, str]:
    """Versions by canonical name; a line that does not pin one exactly is refused."""
    versions = {}
    for line in lines:
        match = re.fullmatch(r"([A-Za-z0-9._-]+)(?:==|=)([A-Za-z0-9.]+)", line)
        assert match, f"not one exact version: {line!r}"
        name = canonicalize_name(CONDA_NAMES.get(match[1], match[1]))
        assert name not in versions, f"pinned twice: {name}"
        versions[name] = match[2]
    return versions


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]


@pytest.fixture(scope="module")
def lock() -> dict[str, str]:
    return pins([pin for _, pin, _ in LOCKED])


@pytest.fixture(scope="module")
def conda() -> list[str | dict[str, list[str]]]:
    text = (ROOT / "environment.yml").read_text(encoding="utf8")
    return yaml.safe_load(text)["dependencies"]


@pytest.fixture(scope="module")
def environment(conda: list[str | dict[str, list[str]]]) -> dict[str, str]:
    lines = []
    for entry in conda:
        if isinstance(entry, dict):
            lines += [line for line in entry["pip"] if not line.startswith("--")]
        elif entry.split("=")[0] not in TOOLCHAIN:
            lines.append(entry)
    return pins(lines)


@pytest.fixture(scope="module")
def direct(project: dict) -> dict[str, Requirement]:
    # What else may be installed, as for Parquet, neither command needs.
    extras = [project["optional-dependencies"][name] for name in ("book", "test")]
    lines = chain(project["dependencies"], *extras)
    return {canonicalize_name(each.name): each for each in map(Requirement, lines)}


def test_the_lock_satisfies_every_direct_dependency(lock, direct):
    assert direct.keys() <= lock.keys()
    for name, requirement in direct.items():
        assert requirement.specifier.contains(lock[name]), f"{requirement} against {lock[name]}"


def test_the_conda_environment_carries_what_is_locked(lock, environment):
    assert environment == lock


def test_everything_locked_has_its_day_and_its_hashes():
    assert ENTRY.sub("", LOCK) == ""
    assert len({digest for *_, hashes in LOCKED for digest in hashes.split()}) > 3 * len(LOCKED)


@pytest.mark.parametrize(
    ("wheel", "taken"),
    [
        ("a-1-py3-none-any.whl", True),
        ("a-1-py2.py3-none-any.whl", True),
        ("a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", True),
        ("a-1-cp313-cp313-macosx_11_0_arm64.whl", True),
        ("a-1-cp39-abi3-manylinux_2_28_aarch64.whl", True),
        ("a-1-cp314-abi3-manylinux_2_28_aarch64.whl", False),
        ("a-1-cp313-cp313t-manylinux_2_28_x86_64.whl", False),
        ("a-1-cp310-cp310-manylinux_2_28_x86_64.whl", False),
        ("a-1-cp311-cp311-musllinux_1_2_x86_64.whl", False),
        ("a-1-cp311-cp311-win_amd64.whl", False),
        ("a-1-pp311-pypy311_pp73-macosx_11_0_arm64.whl", False),
    ],
)
def test_the_lock_takes_the_wheels_of_our_pythons_and_platforms(wheel, taken):
    assert fits(wheel) is taken


def test_the_conda_python_is_one_that_the_package_supports(conda, project):
    (python,) = [e for e in conda if isinstance(e, str) and e.startswith("python=")]
    supported = Requirement(f"python{project['requires-python']}").specifier
    assert supported.contains(python.removeprefix("python=") + ".0")


def test_what_is_locked_asks_for_nothing_else(lock):
    """But for PyTorch, whose usual wheel for Linux brings NVIDIA's libraries."""
    missing = {
        (name, asked.name)
        for name in lock.keys() - {"torch"}
        for asked in map(Requirement, metadata.requires(name) or ())
        if (asked.marker is None or asked.marker.evaluate({"extra": ""}))
        and canonicalize_name(asked.name) not in lock
    }
    assert missing == set()
