"""The commands that README, book and notebooks show exist and parse; none of them is run."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer

from infovae_core.cli import app

ROOT = Path(__file__).parents[1]


def commands(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf8")
    if page.endswith(".py"):  # A notebook's words are comments there.
        text = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [command for block in blocks for command in re.findall(r"^\$ (.*)$", block, re.M)]


README = commands("README.md")
LANDING = commands("book/index.md")
NOTEBOOKS = sorted(f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.py"))
SHOWN = [command for page in [*NOTEBOOKS, "book/reproduce.md"] for command in commands(page)]


def check_make(arguments: list[str]) -> None:
    subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, check=True, capture_output=True)


def check_module(arguments: list[str]) -> None:
    group = typer.main.get_command(app)
    context = group.make_context("infovae_core", list(arguments))
    name, command, rest = group.resolve_command(context, arguments)
    # Parses and validates names and values; the command itself is not called.
    command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("command", list(dict.fromkeys(README + LANDING + SHOWN)))
def test_a_shown_command_parses(command):
    match shlex.split(command, comments=True):
        case ["make", *arguments]:
            check_make(arguments)
        case ["python", "-m", "infovae_core", *arguments]:
            check_module(arguments)
        case [".", path]:
            assert path == ".venv/bin/activate"
        case ["conda", "env", "create", "-f", path]:
            assert (ROOT / path).is_file()
        case _:
            pytest.fail(f"no check for this command: {command}")


def test_the_readme_names_its_two_commands():
    assert {"make test", "make book"} <= {command.split("#")[0].strip() for command in README}


def test_the_landing_page_leads_to_the_pages_and_to_a_figure_made_anew():
    assert "make book" in LANDING
    assert any(command.startswith("make reproduce EXPERIMENT=") for command in LANDING)


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_a_notebook_ends_with_the_command_that_runs_it_again(page):
    assert ":::{admonition} Run it again" in (ROOT / page).read_text(encoding="utf8")
    name = Path(page).stem
    last = commands(page)[-1]
    again = "make bench" if name == "costs" else "make book"
    assert last == again or last.startswith(f"make reproduce EXPERIMENT={name} ")
