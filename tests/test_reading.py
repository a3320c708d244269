"""What only reads results loads no PyTorch, and what the reader's side repeats is held to it."""

import json
import subprocess
import sys

import pytest

from infovae_core import declared, divergences, names, objectives
from infovae_core.objectives import PRESETS, Objective
from infovae_core.study.experiments import experiment2
from infovae_core.study.store import Result, Store

HEAVY = ("torch", "torchvision", "sklearn", "geomloss")
# What the command line reads with, and what pages read with.
QUICK = ("cli", "run", "study.store", "study.experiments", "study.inventory", "study.selection")
READING = (
    *QUICK,
    "study.curves",
    *(
        f"report.{name}"
        for name in (
            "frames",
            "intervals",
            "tables",
            "schedule_tables",
            "generalization",
            "captions",
            "page",
            "overview",
            "precision",
            "costs",
            "rulers",
            "figures.plots",
            "claims",
        )
    ),
)
RUN = experiment2("smoke", latent_dims=[3])[0]


def python(script: str, *arguments: object) -> str:
    """What a fresh process prints."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def stored(tmp_path) -> Store:
    kept = Store(tmp_path)
    kept.save(RUN, Result("done", {"val_mmd": 0.5}, {"device": "a machine"}))
    return kept


def loaded(modules: tuple[str, ...], watched: tuple[str, ...]) -> dict[str, list[str]]:
    """What is there after each import, of the packages that are watched for."""
    script = (
        "import importlib, json, sys\n"
        "found, (modules, watched) = {}, map(json.loads, sys.argv[1:])\n"
        "for name in modules:\n"
        "    importlib.import_module(f'infovae_core.{name}')\n"
        "    found[name] = [one for one in watched if one in sys.modules]\n"
        "print(json.dumps(found))"
    )
    found: dict[str, list[str]] = json.loads(
        python(script, json.dumps(modules), json.dumps(watched))
    )
    return found


def test_what_only_reads_loads_no_pytorch() -> None:
    assert loaded(READING, HEAVY) == {name: [] for name in READING}
    # The test would see it.
    assert "torch" in loaded(("step",), HEAVY)["step"]


def test_the_command_line_loads_no_data_frames_either() -> None:
    assert loaded(QUICK, ("pandas", "scipy", "matplotlib", "tqdm")) == {name: [] for name in QUICK}


def test_what_trains_loads_what_one_kind_of_run_needs_when_it_does() -> None:
    """torchvision's import takes longer than PyTorch's."""
    assert loaded(("study.grid",), HEAVY[1:3]) == {"study.grid": []}


# Begins a script in which they cannot be imported.
WITHOUT = f"""
import sys
class Missing:
    def find_spec(self, name, *_):
        if name.split(".")[0] in {HEAVY}:
            raise ImportError(f"{{name}} is asked for")
sys.meta_path.insert(0, Missing())
"""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--help"], "Train and store what is not stored yet."),
        (["run", "--help"], "One of experiment1, experiment2, experiment3"),
        (["status", "experiment2", "--profile", "smoke", "--latent-dims", "3"], "1 of 7 runs"),
        (["show", RUN.name[:20]], '"val_mmd": 0.5'),
    ],
)
def test_commands_that_read_need_no_pytorch(stored, arguments, expected) -> None:
    options = ["--store", stored.root] if "--help" not in arguments else []
    script = WITHOUT + (
        "from infovae_core.cli import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit as end: assert end.code in (None, 0, 1), end.code"
    )
    assert expected in " ".join(python(script, *arguments, *options).split())


def test_results_are_read_and_tables_made_without_pytorch(stored) -> None:
    script = WITHOUT + (
        "from infovae_core.report import claims, frames, tables\n"
        "from infovae_core.study.experiments import experiment2\n"
        "from infovae_core.study.store import Store\n"
        "run = experiment2('smoke', latent_dims=[3])[0]\n"
        "rows = frames.frame({run: Store(sys.argv[1]).load(run)})\n"
        "print(rows['value'].item(), len(tables.variant_table()), len(tables.setting_table()))\n"
        "print(list(claims.LEDGER) != [])"
    )
    value, variants, settings, claims = python(script, stored.root).split()
    assert (float(value), int(variants)) == (0.5, len(PRESETS))
    assert int(settings) > 5
    assert claims == "True"


# Options that are declared ------------------------------------------------------------------------


def test_declared_options_are_those_of_the_functions() -> None:
    registry = objectives.registry()
    assert [name for name in registry if name in declared.OPTIONS] == [*declared.OPTIONS]
    for name, known in declared.OPTIONS.items():
        assert list(names.defaults(registry[name]).items()) == list(known.items())


def test_every_preset_is_declared() -> None:
    used = {one.objective.divergence for one in PRESETS.values()} - {None}
    assert used <= declared.OPTIONS.keys()


def test_a_divergence_with_other_options_than_declared_is_refused() -> None:
    def mmd(q, p, *, bandwidth=2.0, estimator="unbiased", prior="sampled"):
        raise NotImplementedError

    with pytest.raises(TypeError, match=r"mmd is declared with .* 1\.0, .* and has .* 2\.0, "):
        divergences.register("mmd")(mmd)
    assert divergences.REGISTRY["mmd"] is divergences.mmd


def test_one_that_is_not_declared_is_found_by_its_function(monkeypatch) -> None:
    def moments(q, p, *, degree=2):
        raise NotImplementedError

    monkeypatch.setitem(divergences.REGISTRY, "moments", moments)
    assert Objective(alpha=1, lam=1, divergence="moments").options == {"degree": 2}
    assert Objective(1, 1, "moments", {"degree": 3}).options == {"degree": 3}
    with pytest.raises(names.UnknownName, match="unknown option of moments 'degre'"):
        Objective(1, 1, "moments", {"degre": 3})
