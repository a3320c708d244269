"""What others' work is shipped with, and what code of ours may not do."""

import ast
import shutil
from importlib.metadata import distribution
from pathlib import Path

import pytest

from infovae_core.report import supply

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "infovae_core").rglob("*.py"))
# They make code of what they read.
MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
CALLS = {"eval", "exec", "compile", "__import__"}
LOADERS = {"torch.load", "np.load", "numpy.load", "yaml.load", "pd.read_pickle"}

# It runs the cells of this book's pages, as a kernel does.
KNOWN = {"infovae_core/report/alone.py": ["exec", "compile"]}


def dotted(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def dangers(source: str) -> list[str]:
    """Imports of what makes code of data, and calls of it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names if one.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            found += [node.module] if (node.module or "").split(".")[0] in MODULES else []
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in CALLS:
            found.append(node.id)
        elif isinstance(node, ast.Call) and dotted(node.func) in LOADERS:
            safe = {one.arg: ast.unparse(one.value) for one in node.keywords}
            if safe.get("weights_only") != "True" and safe.get("allow_pickle") != "False":
                found.append(dotted(node.func))
        elif isinstance(node, ast.Attribute) and node.attr in ("to_pickle", "read_pickle"):
            found.append(node.attr)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_makes_code_of_data(path) -> None:
    found = dangers(path.read_text(encoding="utf-8"))
    assert found == KNOWN.get(path.relative_to(ROOT).as_posix(), [])


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import pickle", ["pickle"]),
        ("from cloudpickle import loads", ["cloudpickle"]),
        ("x = eval('1')", ["eval"]),
        ("f = exec", ["exec"]),
        ("torch.load(path)", ["torch.load"]),
        ("torch.load(path, weights_only=False)", ["torch.load"]),
        ("np.load(path, allow_pickle=True)", ["np.load"]),
        ("frame.to_pickle(path)", ["to_pickle"]),
        ("np.load(path, allow_pickle=False); re.compile('x'); model.eval()", []),
    ],
)
def test_what_makes_code_of_data_is_seen(source, found) -> None:
    assert dangers(source) == found


def test_every_licence_is_gathered(tmp_path) -> None:
    name = supply.THEME.replace("-", "_")
    theme = distribution(supply.THEME).locate_file(f"{name}/theme/{name}/static/scripts")
    shutil.copytree(str(theme), tmp_path / "scripts")
    shutil.copytree(ROOT / "book" / "_static" / supply.FOLDER, tmp_path / supply.FOLDER)
    supply.copy(tmp_path)
    assert len({part.path for part in supply.PARTS}) == len(supply.PARTS)
    for part in supply.PARTS:
        words = (tmp_path / part.path).read_text(encoding="utf-8").lower()
        kind = part.licence.split()[0].lower()
        sign = {"apache": "apache license", "bsd": "redistribution", "cc": "cc by 4.0"}
        assert sign.get(kind, "mit") in words and "copyright" in words, part


def test_a_package_without_a_licence_is_refused() -> None:
    with pytest.raises(FileNotFoundError, match=r"sphinx-mathjax-offline .* brings no licence"):
        supply.licence_of(distribution("sphinx-mathjax-offline"))


def test_every_locked_version_is_listed_with_its_day() -> None:
    text = supply.LOCK.read_text(encoding="utf-8")
    assert len(supply.locked()) == text.count("==") > 100
    assert all(day.startswith("20") for *_, day in supply.locked())
