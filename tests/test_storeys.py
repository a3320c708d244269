"""The package's storeys: what imports what, read from the source."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "infovae_core"
MODULES = sorted(PACKAGE.rglob("*.py"))
# What draws one figure alone, and what puts figures into the site.
OPENERS = ("infovae_core.report.alone", "infovae_core.report.presenting")
# From the ground up; the command line stands on all of them.
STOREYS = ("core", "study", "report", "top")


def storey(module: str) -> str:
    """Of a module by its dotted name."""
    rooms = module.split(".")[1:]
    if rooms[:1] in (["study"], ["report"]):
        return rooms[0]
    return "top" if rooms[:1] in (["cli"], ["__main__"]) else "core"


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )


def imported(source: str) -> set[str]:
    """The modules of the package that a source imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    known = {dotted(path) for path in MODULES}
    return {name for name in names if name in known}


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_lead_down_or_stay(path):
    own = STOREYS.index(storey(dotted(path)))
    above = {
        name
        for name in imported(path.read_text(encoding="utf-8"))
        if STOREYS.index(storey(name)) > own
    }
    assert not above


def test_an_import_that_leads_up_is_seen():
    assert imported("from infovae_core.report import tables") == {
        "infovae_core.report",
        "infovae_core.report.tables",
    }
    assert storey("infovae_core.report.tables") == "report"
    assert storey("infovae_core.metrics") == "core"
    assert storey("infovae_core.cli") == "top"


def test_no_module_imports_itself_by_way_of_others():
    graph = {dotted(path): imported(path.read_text(encoding="utf-8")) for path in MODULES}
    # A package is not what it holds: its own imports of its rooms are the order of loading.
    graph = {
        name: {one for one in others if not name.startswith(one) and not one.startswith(name)}
        for name, others in graph.items()
    }
    while leaves := [name for name, others in graph.items() if not others & graph.keys()]:
        for name in leaves:
            del graph[name]
    assert not graph, f"these import one another: {sorted(graph)}"


def test_only_figures_and_what_opens_a_page_import_figures():
    for path in MODULES:
        name = dotted(path)
        if storey(name) == "report" and "figures" not in name and name not in OPENERS:
            drawn = {one for one in imported(path.read_text(encoding="utf-8")) if "figures" in one}
            assert not drawn, name
