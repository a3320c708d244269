"""The examples of CONTRIBUTING.md, followed to the letter in a copy of the package."""

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
STEP = re.compile(r"((?:[^\n]|\n(?!\n))+?`([\w/]+\.\w+)`):\n\n(`{3,})\w+\n(.*?)\3", re.DOTALL)
# Where in the file it belongs, if not at the end.
PLACE = re.compile(r"(One row at the end of|Before|One line after) `([\w/]+)` in `")
# What each section touches, in order.
PLACES = {
    "divergence": [
        "infovae_core/divergences.py",
        "tests/oracles.py",
        "tests/oracles.py",
        "book/references.bib",
        "try_it.py",
    ],
    "variant": ["infovae_core/objectives.py"],
    "schedule": ["infovae_core/schedules.py"],
    "metric": [
        "infovae_core/metrics.py",
        "infovae_core/evaluation.py",
        "infovae_core/report/labels.py",
        "tests/test_metrics.py",
    ],
    "data set": ["infovae_core/datasets.py", "infovae_core/data.py"],
    "decoder": ["infovae_core/models.py"],
    "figure": ["infovae_core/report/figures/trade_off.py", "notebooks/experiment2.md"],
    "experiment": ["infovae_core/study/experiments.py", "notebooks/capacity.md", "_toc.yml"],
}
SECTIONS = {
    heading.split(":")[0].removeprefix("Add ").split(" ", 1)[1]: body
    for heading, body in re.findall(r"^## (Add an? .*?)\n(.*?)(?=^## )", TEXT, re.M | re.S)
}


def placed(content: str, how: str, name: str, block: str) -> str:
    """The file with a block before the statement of a name, at the end of its braces, or after."""
    if how == "One line after":
        (line,) = re.findall(rf"^.*{name}\n", content, re.M)
        return content.replace(line, line + block)
    statement = re.compile(rf"^ *(?:def {name}\(|{name}(?:: .*)? = ).*\n", re.M)
    (opening,) = statement.finditer(content)
    if how == "Before":
        return f"{content[: opening.start()]}{block}\n\n{content[opening.start() :]}"
    brace = re.compile(r"^( *).*{\n", re.M).search(content, opening.start())
    assert brace is not None
    close = re.compile(rf"^{brace[1]}}}", re.M).search(content, brace.end())
    assert close is not None
    return content[: close.start()] + block + content[close.start() :]


def follow(text: str, checkout: Path) -> list[str]:
    """Write each block into the file that the text names; the files written, in order."""
    written = []
    for paragraph, name, _, block in STEP.findall(text):
        path = checkout / name
        content = path.read_text(encoding="utf-8") if path.exists() else ""
        if place := PLACE.search(" ".join(paragraph.split())):
            content = placed(content, place[1], place[2], block)
        else:
            content = f"{content}\n\n{block}" if content else block
        path.write_text(content, encoding="utf-8")
        written.append(name)
    return written


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """The package and its tests, with the examples added."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("infovae_core", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("book", "notebooks"):
        (copy / folder).mkdir()
    pages = [f"notebooks/{path.name}" for path in ROOT.glob("notebooks/*.md")]
    for name in ("book/references.bib", "pyproject.toml", "_toc.yml", *pages):
        shutil.copy(ROOT / name, copy / name)
    assert {name: follow(text, copy) for name, text in SECTIONS.items()} == PLACES
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


COMMANDS = {name: re.findall(r"^\$ (python .*)$", text, re.M) for name, text in SECTIONS.items()}


def passes(command: str, folder: Path) -> int:
    """How many tests pass of those that a command names; all must."""
    done = run(command, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"failed|error|xfail", done.stdout)
    return int(re.search(r"(\d+) passed", done.stdout)[1])


@pytest.mark.slow
def test_the_examples_pass_the_tests_that_they_name(checkout) -> None:
    """All at once: most of the time is that of starting."""
    commands = [
        re.fullmatch(r'(python -m pytest) (.*) -k "?(.*?)"?', COMMANDS[name][0]) for name in PLACES
    ]
    files = " ".join(one[2] for one in commands)
    chosen = " or ".join(one[3] for one in commands)
    assert passes(f'{commands[0][1]} {files} -k "{chosen}"', checkout) >= 40


@pytest.mark.slow
def test_an_experiment_takes_the_data_set_by_its_name(checkout) -> None:
    done = run(COMMANDS["data set"][1], checkout)
    assert done.returncode == 0, done.stderr
    assert re.search(r"7 runs stored in .*smoke, 7 of them trained now", done.stdout)


PAGE = """
import jupytext
import matplotlib

matplotlib.use("svg")  # Shows nothing.
page = jupytext.read("notebooks/capacity.md")
parameters, *cells = [cell.source for cell in page.cells if cell.cell_type == "code"]
scope = {}
exec(parameters, scope)
scope["profile"] = "smoke"
for cell in cells:
    exec(cell, scope)
print(scope["plt"].gcf().axes[0].get_title("left"))
"""


@pytest.mark.slow
def test_the_experiment_is_run_and_its_page_shows_it(checkout) -> None:
    done = run(COMMANDS["experiment"][1], checkout)
    assert re.search(r"3 runs stored in .*smoke, 3 of them trained now", done.stdout), done.stderr
    (checkout / "page.py").write_text(PAGE, encoding="utf-8")
    done = run("python page.py", checkout)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert (said[0], said[-1]) == ("20 steps a run on digits", "InfoVAE")


SEEN = """
from infovae_core import metrics
from infovae_core.data import load
from infovae_core.models import PerceptronDecoder
from infovae_core.objectives import preset
from infovae_core.report import frames, labels, tables
from infovae_core.report.figures import style, trade_off
from infovae_core.run import Run
from infovae_core.schedules import Schedule
from infovae_core.study import grid

print(tables.variant_table().loc["InfoVAE-MMD, σ = 4", "D"])
print(tables.divergence_table().loc["Polynomial MMD, squared", "source"])
print(list(style.COLOURS.values()).count(style.COLOURS["infovae_mmd_wide"]))
run = Run(
    model="infovae_mmd_wide",
    objective=preset("infovae_mmd_wide").objective,
    schedule=Schedule("warm_up", {"steps": 4}),
    decoder="perceptron",
    latent_dim=2, seed=0, data="bars", batch_size=32, steps=4, eval_every=2, val_batches=2,
    val_batch_size=32,
)
result, model = grid.train(run, load("bars"))
print(0 < result.metrics["effective_dimensions"] <= 2, result.arrays["eval_lam"].tolist())
print(labels.METRICS["effective_dimensions"])
print(isinstance(model.decoder, PerceptronDecoder), run.spec["decoder"])
figure = trade_off.rate_distortion(frames.frame({run: result}), [run.model])
print(figure.axes[0].lines[0].get_ydata().tolist() == [result.metrics["test_bce"]])
"""


def test_what_was_added_is_trained_measured_and_shown(checkout) -> None:
    (checkout / "seen.py").write_text(SEEN, encoding="utf-8")
    done = run("python seen.py", checkout)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "mmd",
        "Li et al. 2015",
        "1",
        "True [1000.0, 250.75, 750.25]",  # Of the update before each evaluation.
        "effective dimensions",
        "True perceptron",
        "True",
    ]


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
    assert COMMANDS["divergence"][1] == "python try_it.py"
    done = run(COMMANDS["divergence"][1], checkout)
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
