"""The commands that README, book and notebooks show exist and parse; none of them is run."""

import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock, Mock

import pytest
import typer
from distributed.cli import dask_scheduler, dask_worker
from distributed.deploy.cluster import Cluster

from infovae_core.cli import app
from infovae_core.study import grid

ROOT = Path(__file__).parents[1]


def commands(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [command for block in blocks for command in re.findall(r"^\$ (.*)$", block, re.M)]


README = commands("README.md")
LANDING = commands("book/index.md")
PAGES = ("book/reproduce.md", "book/cluster.md")
NOTEBOOKS = sorted(f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.md"))
SHOWN = [command for page in [*NOTEBOOKS, *PAGES] for command in commands(page)]


def check_make(arguments: list[str]) -> None:
    subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, check=True, capture_output=True)


def check_module(arguments: list[str]) -> None:
    group = typer.main.get_command(app)
    context = group.make_context("infovae_core", list(arguments))
    name, command, rest = group.resolve_command(context, arguments)
    # Parses and validates names and values; the command itself is not called.
    command.make_context(name, rest, parent=context)


def check_dask(name: str, arguments: list[str]) -> None:
    known = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}
    known[name].make_context(name, list(arguments))


@pytest.mark.parametrize("command", list(dict.fromkeys(README + LANDING + SHOWN)))
def test_a_shown_command_parses(command):
    words = shlex.split(command, comments=True)
    if re.fullmatch(r"[A-Z_]+=\S*", words[0]):  # a variable, for this command alone
        del words[0]
    match words:
        case ["make", *arguments]:
            check_make(arguments)
        case ["python", "-m", "infovae_core", *arguments]:
            check_module(arguments)
        case ["dask", name, *arguments]:
            check_dask(name, arguments)
        case [".", path]:
            assert path == ".venv/bin/activate"
        case ["conda", "env", "create", "-f", path]:
            assert (ROOT / path).is_file()
        case _:
            pytest.fail(f"no check for this command: {command}")


def test_every_page_shows_commands():
    assert all(commands(page) for page in PAGES)


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
    again = {"costs": "make bench", "tested": "make campaign"}.get(name, "make book")
    assert last == again or last.startswith(f"make reproduce EXPERIMENT={name} ")


@pytest.mark.parametrize(
    ("name", "trains"), [("experiment1", True), ("grids", True), ("proposition1", False)]
)
def test_a_notebook_with_stored_results_is_run_again_at_a_profile(name, trains):
    command = ["make", "--dry-run", "reproduce", f"EXPERIMENT={name}", "PROFILE=brief"]
    shown = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert ("-p profile brief -p train_missing True" in shown) is trains
    assert (f"_build/reproduced/{name}-brief.ipynb" in shown) is trains


def test_the_scripts_of_the_cluster_page_hand_their_workers_to_the_grid(monkeypatch, tmp_path):
    cluster, calls = MagicMock(spec=Cluster, scheduler_address="tcp://login:1"), []
    cluster.__enter__.return_value = cluster
    queue = Mock(return_value=cluster)
    monkeypatch.setitem(sys.modules, "dask_jobqueue", SimpleNamespace(SLURMCluster=queue))
    monkeypatch.setenv("INFOVAE_RESULTS", str(tmp_path))
    signature = inspect.signature(grid.run_grid)
    monkeypatch.setattr(grid, "run_grid", lambda *a, **k: calls.append(signature.bind(*a, **k)))
    text = (ROOT / "book" / "cluster.md").read_text(encoding="utf8")
    scripts = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    for script in scripts:
        exec(compile(script, "cluster.md", "exec"), {"__name__": "__main__"})
        exec(compile(script, "cluster.md", "exec"), {"__name__": "__mp_main__"})  # in a worker
    local, slurm = (call.arguments for call in calls)
    assert (len(local["runs"]), local["workers"]) == (14, 2)
    assert (len(slurm["runs"]), slurm["device"]) == (490, "cuda")
    assert slurm["scheduler"] == "tcp://login:1"
    assert slurm["store"].root == tmp_path
    assert [name for name, *_ in cluster.method_calls] == ["scale", "wait_for_workers"]


def test_the_cluster_page_names_the_default_size_of_a_stack():
    text = (ROOT / "book" / "cluster.md").read_text(encoding="utf8")
    assert f"| `--stack` | 1 on a CPU, {grid.STACK} on a GPU |" in text
