"""Wrong calls of the command line, of notebooks' parameters and of the package, by grammar."""

import io
import random
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from infovae_core import cli
from infovae_core.objectives import Objective
from infovae_core.report import page
from infovae_core.run import INTEGERS
from infovae_core.study import selection
from infovae_core.study.experiments import EXPERIMENTS
from tests.campaign import Tally
from tests.runs import small_run

# What is wrong for each reader of an option.
WRONG: dict[Callable[..., object], list[str]] = {
    selection.text: ["x", "", "smoke ", "MNIST", "as-written", "Ω", "0"],
    selection.integers: ["x", "", "1.5", "-1", "0,0", "1;2", "[0", "1e3", "None,1"],
    selection.number: ["x", "", "nan", "inf", "1,5", "0x1", "1 2"],
    selection.kernel_bandwidth: ["x", "", "0", "-1", "nan", "medain", "sqrt d"],
}
DEVICES = ["cuda:99", "gpu", "", "mps", "tpu:0"]


def misspelt(word: str, random_: random.Random) -> str:
    """The word with a letter gone."""
    at = random_.randrange(1, len(word))
    return word[:at] + word[at + 1 :] + "x"


def command(random_: random.Random) -> list[str]:
    """A call of the command line with one thing wrong."""
    verb = random_.choice(["run", "status", "measure", "time"])
    experiment = random_.choice(list(EXPERIMENTS))
    kind = random_.choice(["experiment", "option", "value", "value", "value", "device", "number"])
    one = random_.choice(selection.options())
    name = f"--{one.name.replace('_', '-')}"
    if kind == "experiment":
        return [verb, misspelt(experiment, random_)]
    if kind == "option":
        return [verb, experiment, misspelt(name, random_), "1"]
    if kind == "device":
        return ["run", experiment, "--profile", "smoke", "--device", random_.choice(DEVICES)]
    if kind == "number":
        option = random_.choice(["--stack", "--workers"])
        return ["run", experiment, option, random_.choice(["-1", "x", "1.5"])]
    return [verb, experiment, f"{name}={random_.choice(WRONG[one.metadata['read']])}"]


def notebook(random_: random.Random) -> dict[str, object]:
    """Parameters of a notebook as papermill leaves them, with one thing wrong."""
    known = {one.name: one.default for one in selection.options()}
    known |= {"device": "auto", "train_missing": False, "profile": "smoke"}
    one = random_.choice(selection.options())
    kind = random_.choice(["value", "value", "name", "missing", "train"])
    if kind == "name":
        return known | {misspelt(one.name, random_): 1}
    if kind == "missing":
        return {k: v for k, v in known.items() if k != one.name}
    if kind == "train":
        return known | {"train_missing": random_.choice(["maybe", 2, None])}
    return known | {one.name: random_.choice(WRONG[one.metadata["read"]])}


def value(random_: random.Random) -> Callable[[], object]:
    """A call of the package with one value wrong."""
    wrong = random_.choice([True, "x", None, float("nan"), [1, 2], -1, object(), {}])
    if random_.random() < 0.5:
        name = random_.choice(list(INTEGERS))
        return lambda: small_run(**{name: wrong})
    name = random_.choice(["bandwidth", "estimatr", "prio"])
    odd = wrong if name == "bandwidth" and wrong not in (-1, [1, 2], "x", None, {}) else object()
    return lambda: Objective(alpha=1, lam=1, divergence="mmd", options={name: odd})


def attack(random_: random.Random, count: int, folder: Path) -> Tally:
    """A third each."""
    tally = Tally("a wrong call: command line, notebook's parameters, package")
    for case in range(count):
        tally.cases += 1
        if case % 3 == 0:
            arguments = command(random_)
            out, err = io.StringIO(), io.StringIO()
            with (
                patch.dict("os.environ", {"INFOVAE_RESULTS": str(folder / "results")}),
                patch.object(sys, "argv", ["infovae", *arguments]),
                redirect_stdout(out),
                redirect_stderr(err),
            ):
                try:
                    cli.main()
                    code: object = 0
                except SystemExit as stop:
                    code = stop.code
                except BaseException as error:
                    tally.note("tracebacks", f"{arguments}: {type(error).__name__}: {error}")
                    continue
            said = err.getvalue().strip()
            if code != 2 or not said:
                tally.note("silent", f"{arguments}: exit {code}, {said!r}")
            elif said.startswith("error: ") and "\n" in said:
                tally.note("tracebacks", f"{arguments}: several lines: {said}")
            continue
        call: Callable[[], object]
        if case % 3 == 1:
            given = notebook(random_)
            call, words = lambda given=given: page.open("experiment2", given), str(given)
        else:
            call, words = value(random_), "a value"
        try:
            with redirect_stdout(io.StringIO()):
                call()
            tally.note("silent", f"accepted: {words}")
        except ValueError as error:
            if not str(error) or "\n" in str(error):
                tally.note("tracebacks", f"{words}: {error!r}")
        except Exception as error:
            tally.note("tracebacks", f"{words}: {type(error).__name__}: {error}")
    return tally
