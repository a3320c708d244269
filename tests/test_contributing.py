"""The example of CONTRIBUTING.md, followed to the letter in a copy of the package."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
# A paragraph that ends in the name of a file and a colon, and the block after it.
STEP = re.compile(r"((?:[^\n]|\n(?!\n))+?`([\w/]+\.\w+)`):\n\n```\w+\n(.*?)```", re.DOTALL)
# Where in the file it belongs, if not at the end.
PLACE = re.compile(r"(One row in|Before) `(\w+)` (?:of|in) `")


def follow(text: str, checkout: Path) -> list[str]:
    """Write each block into the file that the text names; the files written, in order."""
    written = []
    for paragraph, name, block in STEP.findall(text):
        path = checkout / name
        content = path.read_text(encoding="utf-8") if path.exists() else ""
        if place := PLACE.search(" ".join(paragraph.split())):
            before, opening, after = re.split(rf"^({place[2]}\b.*{{\n)", content, flags=re.M)
            if place[1] == "Before":
                content = f"{before}{block}\n\n{opening}{after}"
            else:
                content = f"{before}{opening}{block}{after}"
        else:
            content += "\n\n" + block
        path.write_text(content, encoding="utf-8")
        written.append(name)
    return written


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """The package and its tests, with the example added."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("infovae_core", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "book").mkdir()
    for name in ("book/references.bib", "pyproject.toml"):
        shutil.copy(ROOT / name, copy / name)
    assert follow(TEXT, copy) == [
        "infovae_core/divergences.py",
        "tests/oracles.py",
        "tests/oracles.py",
        "infovae_core/report/tables.py",
        "book/references.bib",
        "try_it.py",
    ]
    return copy


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    python, *arguments = shlex.split(command)
    assert python == "python"
    arguments = [sys.executable, *arguments]
    # Models this small are trained faster by one thread, above all on a busy machine.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


COMMANDS = re.findall(r"^\$ (python .*)$", TEXT, re.M)


@pytest.mark.slow
def test_the_example_passes_the_tests_that_it_names(checkout) -> None:
    done = run(COMMANDS[0], checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = int(re.search(r"(\d+) passed", done.stdout)[1])
    # Every test that walks the registry has taken it up.
    assert passed >= 10
    assert not re.search(r"failed|error|xfail", done.stdout)


@pytest.mark.slow
def test_without_its_oracle_the_example_fails(checkout, tmp_path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(checkout, copy)
    oracles = copy / "tests" / "oracles.py"
    text = oracles.read_text(encoding="utf-8")
    oracles.write_text(text.replace('    "polynomial_mmd": polynomial_mmd,\n', ""), "utf-8")
    done = run("python -m pytest tests/test_divergences.py -k has_an_oracle", copy)
    assert done.returncode == 1
    assert "polynomial_mmd" in done.stdout


@pytest.mark.slow
def test_the_example_trains_and_the_penalty_holds_the_codes(checkout) -> None:
    assert COMMANDS[1] == "python try_it.py"
    done = run(COMMANDS[1], checkout)
    assert done.returncode == 0, done.stderr
    free, held = re.findall(r"λ = \d+: done, ‖z‖/√d = ([\d.]+)", done.stdout)
    assert 0.8 < float(held) < 1.25
    assert float(free) > 1.5


def test_the_example_is_written_as_the_package_is(checkout) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    assert ruff is not None
    for arguments in (["check"], ["format", "--check"]):
        command = [ruff, *arguments, "infovae_core", "tests"]
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
