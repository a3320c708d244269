"""The command line: what it does, what it prints, and how it refuses."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from infovae_core import cli, data, devices
from infovae_core.run import PRECISIONS
from infovae_core.study import experiments, grid
from infovae_core.study.cluster import ClusterError
from infovae_core.study.experiments import experiment2
from infovae_core.study.store import Result, SetAside, Store, StoreError

SELECTION = ["experiment2", "--profile", "smoke", "--latent-dims", "3"]
RUNS = experiment2("smoke", latent_dims=[3])


def invoke(*arguments, **options):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments], **options)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Without --store, results go to a temporary folder."""
    monkeypatch.setenv("INFOVAE_RESULTS", str(tmp_path / "default"))


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> tuple[Store, str]:
    """A store after a smoke run of one latent dimension, and what the run printed."""
    root = tmp_path_factory.mktemp("results")
    outcome = invoke("run", *SELECTION, "--store", root, "--device", "cpu")
    assert outcome.exit_code == 0, outcome.output
    return Store(root), outcome.stdout


@pytest.fixture
def main(monkeypatch, capsys):
    """Run the command line as the shell does: (exit code, what was printed, complaints)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["infovae", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        return stop.value.code, *capsys.readouterr()

    return call


def grid_calls(monkeypatch) -> list[tuple]:
    """Calls of `run_grid`, which trains nothing: its arguments, and its options as a dict."""
    calls = []

    def run_grid(*arguments, **options):
        calls.append((*arguments, options))
        return []

    monkeypatch.setattr(grid, "run_grid", run_grid)
    return calls


def stored(root: Path, count: int = 1, status: str = "done") -> Store:
    kept = Store(root)
    for run in RUNS[:count]:
        kept.save(run, Result(status, {"val_mmd": 0.5}, {"device": "Gerät"}))
    return kept


# What it does -------------------------------------------------------------------------------------


def test_run_trains_all_and_says_so(smoke):
    kept, printed = smoke
    assert f"7 runs stored in {kept.root}, 7 of them trained now." in printed
    assert "diverged" not in printed
    assert all(kept.load(run).status == "done" for run in RUNS)


def test_a_second_run_trains_nothing(smoke, monkeypatch):
    kept, _ = smoke
    monkeypatch.setattr(grid, "train_stack", None)
    outcome = invoke("run", *SELECTION, "--store", kept.root)
    assert outcome.exit_code == 0
    assert f"7 runs stored in {kept.root}, 0 of them trained now." in outcome.stdout


def test_status_of_a_full_store(smoke):
    kept, _ = smoke
    outcome = invoke("status", *SELECTION, "--store", kept.root)
    assert outcome.exit_code == 0
    assert outcome.stdout.splitlines() == [
        *(f"done      {run.name}" for run in RUNS),
        f"7 of 7 runs stored in {kept.root}.",
    ]


def test_measure_takes_the_cached_weights(smoke):
    kept, _ = smoke
    before = kept.load(RUNS[-1]).metrics
    outcome = invoke("measure", *SELECTION, "--store", kept.root, "--device", "cpu")
    assert outcome.exit_code == 0
    assert "7 of 7 runs measured anew" in outcome.stdout
    assert kept.load(RUNS[-1]).metrics == before


def test_status_counts_what_is_missing_and_exits_with_one(tmp_path):
    stored(tmp_path, 2, "diverged")
    outcome = invoke("status", *SELECTION, "--store", tmp_path)
    assert outcome.exit_code == 1
    assert outcome.stdout.splitlines() == [
        *(f"diverged  {run.name}" for run in RUNS[:2]),
        *(f"missing   {run.name}" for run in RUNS[2:]),
        f"2 of 7 runs stored in {tmp_path}.",
    ]


def test_a_damaged_result_is_missing(tmp_path):
    kept = stored(tmp_path, 7)
    kept.path(RUNS[3]).write_text("{")
    with pytest.warns(SetAside):
        outcome = invoke("status", *SELECTION, "--store", tmp_path)
    assert outcome.exit_code == 1
    assert f"missing   {RUNS[3].name}" in outcome.stdout


def test_run_names_what_diverged(tmp_path):
    stored(tmp_path, 7, "diverged")
    outcome = invoke("run", *SELECTION, "--store", tmp_path)
    assert outcome.exit_code == 0
    assert [f"diverged: {run.name}" for run in RUNS] == outcome.stdout.splitlines()[1:]


def test_options_reach_the_experiment_and_the_grid(tmp_path, monkeypatch):
    asked = grid_calls(monkeypatch)
    monkeypatch.setattr(devices, "resolve", lambda name, elsewhere: f"{name}, {elsewhere}")
    options = "--profile paper --track as_written --seeds 3,1 --latent-dims 9,4 --data digits"
    more = ["--precision", "bf16", "--device", "cuda:1", "--data-root", tmp_path]
    more += ["--stack", 5, "--scheduler", "tcp://host:8786"]
    outcome = invoke("run", "experiment2", *options.split(), *more)
    assert outcome.exit_code == 0
    ((runs, kept, device, root, options),) = asked
    expected = {"seeds": [3, 1], "latent_dims": [9, 4], "data": "digits", "precision": "bf16"}
    assert runs == experiment2("paper", **expected)
    assert (kept.root, device, root) == (tmp_path / "default", "cuda:1, True", tmp_path)
    assert options == {"stack": 5, "workers": 0, "scheduler": "tcp://host:8786"}


def test_by_default_this_process_trains_and_the_grid_chooses_the_stack(monkeypatch):
    asked = grid_calls(monkeypatch)
    assert invoke("run", *SELECTION, "--device", "cpu").exit_code == 0
    assert invoke("run", *SELECTION, "--device", "cpu", "--workers", 3).exit_code == 0
    assert [(device, options) for _, _, device, _, options in asked] == [
        (torch.device("cpu"), {"stack": None, "workers": workers, "scheduler": None})
        for workers in (0, 3)
    ]


def test_the_profiles_own_selection_is_the_default(tmp_path, monkeypatch):
    asked = grid_calls(monkeypatch)
    for options in ([], ["--profile", "smoke"]):
        assert invoke("run", "experiment2", *options).exit_code == 0
    assert [(runs, kept.root) for runs, kept, *_ in asked] == [
        (experiment2("cpu"), tmp_path / "default"),
        (experiment2("smoke"), tmp_path / "default" / "smoke"),
    ]


def test_measure_says_how_many_lack_weights(tmp_path):
    stored(tmp_path, 2)
    outcome = invoke("measure", *SELECTION, "--store", tmp_path)
    assert outcome.exit_code == 0
    assert "0 of 7 runs measured anew; the others lack cached weights." in outcome.stdout


# Show ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [RUNS[0].name, RUNS[0].name[:-5]])
def test_show_prints_a_result_by_the_beginning_of_its_name(tmp_path, name):
    kept = stored(tmp_path, 3)
    outcome = invoke("show", name, "--store", tmp_path)
    assert outcome.exit_code == 0
    assert json.loads(outcome.stdout) == json.loads(kept.path(RUNS[0]).read_text("utf8"))
    assert "Gerät" in outcome.stdout


def test_show_finds_smoke_runs_too(tmp_path):
    stored(tmp_path / "default" / "smoke")
    outcome = invoke("show", RUNS[0].name)
    assert json.loads(outcome.stdout)["key"] == RUNS[0].key


@pytest.mark.parametrize(
    ("name", "count"),
    [("infovae_", 2), ("nothing", 0), ("*", 0), ("[i]", 0), ("/", 0), ("**", 0), ("", 2)],
)
def test_show_lists_the_choices_where_a_name_is_not_one_run(tmp_path, main, name, count):
    stored(tmp_path, 2)
    code, printed, complaint = main("show", name, "--store", tmp_path)
    assert (code, printed) == (2, "")
    assert complaint.startswith(
        f"error: {count} runs in {tmp_path} begin with {name!r}, expected one of:\n"
    )
    assert complaint.splitlines()[1:] == sorted(f"  {run.name}" for run in RUNS[:2])


def test_show_of_a_store_that_is_not_there(tmp_path, main):
    code, _, complaint = main("show", "infovae", "--store", tmp_path / "none")
    assert code == 2
    assert complaint.startswith(f"error: 0 runs in {tmp_path / 'none'} begin with 'infovae'")


# Refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "status", "measure", "time"])
@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["exprimant2"], "unknown experiment 'exprimant2': .*Did you mean 'experiment2'"),
        (["experiment2", "--profile", "papr"], "unknown profile 'papr': .*Did you mean 'paper'"),
        (["experiment2", "--track", "x"], "unknown track 'x': choose from as_written."),
        (["experiment2", "--data", "digit"], "unknown data set 'digit': .*mean 'digits'"),
        (
            ["experiment2", "--precision", "fp8"],
            "unknown precision 'fp8': choose from fp32, bf16",
        ),
        (["experiment2", "--seeds", "0,x"], "seeds takes integers.*got '0,x'"),
        (["experiment2", "--seeds", ""], "seeds takes integers.*got ''"),
        (["experiment2", "--seeds", "1.5"], "seeds takes integers.*got '1.5'"),
        (["experiment2", "--seeds=-1"], "seed must be at least 0, got -1"),
        (["experiment2", "--latent-dims", "2;5"], "latent_dims takes integers.*got '2;5'"),
        (["experiment2", "--latent-dims", "0"], "latent_dim must be at least 1, got 0"),
    ],
)
def test_a_wrong_selection_is_one_line_and_exit_code_two(main, command, options, complaint):
    code, printed, complaints = main(command, *options)
    assert (code, printed) == (2, "")
    assert complaints.count("\n") == 1
    assert re.match(f"error: {complaint}", complaints)


@pytest.mark.parametrize("command", ["run", "measure", "time"])
def test_a_device_that_is_not_there_is_refused(main, monkeypatch, command):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    code, printed, complaint = main(command, *SELECTION, "--device", "cuda")
    assert (code, printed) == (2, "")
    assert complaint.startswith("error: device 'cuda' was asked for")
    assert complaint.count("\n") == 1


def test_with_a_scheduler_the_device_is_one_of_its_workers(main, monkeypatch):
    asked = grid_calls(monkeypatch)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    elsewhere = [*SELECTION, "--scheduler", "tcp://host:8786"]
    code, _, complaint = main("run", *elsewhere)
    assert code == 2
    assert complaint == "error: other machines may have other devices: name theirs, cpu or cuda\n"
    assert main("run", *elsewhere, "--device", "cuda")[0] == 0
    assert [device for _, _, device, *_ in asked] == [torch.device("cuda")]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--stack", "0"], "Invalid value for '--stack'"),
        (["--workers", "-1"], "Invalid value for '--workers'"),
        (["--workers", "2", "--scheduler", "tcp://host:1"], "either a number of workers or"),
    ],
)
def test_options_that_name_no_way_to_train_are_refused(main, options, complaint):
    code, printed, complaints = main("run", *SELECTION, "--device", "cpu", *options)
    assert (code, printed) == (2, "")
    assert complaint in complaints


@pytest.mark.parametrize(
    "error",
    [
        data.DataError("no data"),
        StoreError("no space"),
        ValueError("no value"),
        ClusterError("no worker"),
    ],
)
def test_an_expected_failure_is_one_line(main, monkeypatch, error):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(grid, "run_grid", fail)
    assert main("run", *SELECTION) == (2, "", f"error: {error}\n")


def test_an_unexpected_failure_is_not_hidden(monkeypatch):
    def fail(*arguments, **options):
        raise ZeroDivisionError

    monkeypatch.setattr(grid, "run_grid", fail)
    monkeypatch.setattr(sys, "argv", ["infovae", "run", *SELECTION])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_ctrl_c_says_what_is_stored_and_that_one_can_go_on(tmp_path, main, monkeypatch):
    def interrupted(runs, kept, *arguments, **options):
        stored(kept.root, 2)
        raise KeyboardInterrupt

    monkeypatch.setattr(grid, "run_grid", interrupted)
    code, printed, _ = main("run", *SELECTION, "--store", tmp_path)
    assert code == 130
    assert printed == "\nStopped: 2 of 7 runs are stored. The same command goes on.\n"


def test_help_names_the_choices():
    outcome = invoke("run", "--help", env={"COLUMNS": "200"})
    assert outcome.exit_code == 0
    for choice in (*experiments.EXPERIMENTS, *experiments.PROFILES, *PRECISIONS):
        assert choice in outcome.stdout


def test_help_and_status_do_without_the_cluster():
    """They stay quick: importing it takes longer than either."""
    script = (
        "import sys; from infovae_core.cli import app\n"
        "for arguments in (['run', '--help'], ['status', 'experiment2', '--profile', 'smoke']):\n"
        "    try: app(arguments)\n"
        "    except SystemExit: pass\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('dask', 'distributed')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    assert "14 runs stored" in done.stdout


def test_the_module_is_the_command(tmp_path):
    command = [sys.executable, "-m", "infovae_core", "status", "experiment2", "--profile", "smok"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "error: unknown profile 'smok': choose from smoke, brief, cpu, paper. "
        "Did you mean 'smoke'?\n"
    )
