"""What the package shows to its users: public names, the docstrings' examples, the page's code."""

import doctest
import importlib
import inspect
import re
from pathlib import Path

import pytest
import torch

import infovae_core
from infovae_core import divergences
from infovae_core.objectives import registry
from tests.test_reading import WITHOUT, python

ROOT = Path(__file__).parents[1]
PUBLIC = infovae_core.__all__
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "infovae_core").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


# Names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_there_and_listed_in_the_reference(name: str) -> None:
    found = getattr(infovae_core, name)
    assert name in dir(infovae_core)
    full = found.__name__ if inspect.ismodule(found) else f"{found.__module__}.{name}"
    text = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\{py:\w+\}`~([\w.]+)`\n: ", text, re.MULTILINE)
    assert full in listed
    assert len(listed) == len(PUBLIC)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'infovae_core' has no attribute 'Objectve'"):
        infovae_core.Objectve  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Objectve'"):
        exec("from infovae_core import Objectve")


def test_names_that_compute_nothing_load_no_pytorch() -> None:
    script = WITHOUT + (
        "import infovae_core\n"
        "from infovae_core import Objective, Run, Schedule, closed_forms, preset\n"
        "print(preset('infovae_mmd').objective.weight, 'fit' in dir(infovae_core))\n"
        "try: infovae_core.fit\n"
        "except ImportError as error: print(error)"  # The script would see it.
    )
    assert python(script).splitlines() == ["1000 True", "torch is asked for"]


# Examples -----------------------------------------------------------------------------------------


def examples(thing: object) -> list[doctest.Example]:
    """Those of a function or a class, or of all that a module defines."""
    return [example for test in doctest.DocTestFinder().find(thing) for example in test.examples]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_give_what_they_show(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_an_example(name: str) -> None:
    assert examples(getattr(infovae_core, name))


@pytest.mark.parametrize("name", registry())
def test_a_divergence_has_an_example(name: str) -> None:
    assert examples(divergences.REGISTRY[name])


# Pages --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page() -> dict[str, object]:
    """The names that the code of the page leaves."""
    text = (ROOT / "book" / "use.md").read_text(encoding="utf-8")
    cells = re.findall(r"^```\{code-cell\} ipython3\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    for cell in cells:
        exec(compile(re.sub(r"\A:tags: .*", "", cell), "use.md", "exec"), names)
    return names


def test_the_penalty_of_the_page_holds_the_codes_and_without_it_they_leave(page) -> None:
    for likelihood in page["likelihoods"]:
        for name in ("VAE", "MMD, σ² = d"):
            assert 0.8 < page["sizes"][likelihood, name] < 1.2
        # At σ = 1, in ten dimensions, as without one.
        for name in ("no penalty", "MMD, σ = 1"):
            assert page["sizes"][likelihood, name] > 2
    assert 0.8 < page["learned_size"] < 1.2


def test_the_page_uses_every_public_name(page) -> None:
    assert {name for name in PUBLIC if page.get(name) is getattr(infovae_core, name)} == {*PUBLIC}


def test_the_code_of_the_readme_gives_the_codes_a_gradient() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    z = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    given = {"nll": torch.ones(8), "mu": z, "logvar": torch.zeros(8, 3), "z": z}
    exec(code, given)
    assert z.grad is not None and z.grad.any()
