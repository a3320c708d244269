"""The crosswalk: every place of the thesis has a row that leads somewhere or says why not."""

import re
from pathlib import Path

import pytest

from infovae_core.report.claims import LEDGER
from tests import website

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "book" / "crosswalk.md"
# The thesis from its first page to its last; then what it numbers.
SECTIONS = (
    *("1", "2", "2.1", "2.1.1", "2.1.2", "2.1.3", "2.2", "2.2.1", "2.2.2", "2.3", "2.4", "2.5"),
    *("3", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "4"),
)
FIGURES = ("1", "2(a)", "2(b)", "3", "4(a)", "4(b)", "5(a)", "5(b)", "6", "7", "8", "9")
PLACES = [
    "Abstract",
    *(f"§{section}" for section in SECTIONS),
    *("Appendix A", "Appendix B", "References", "Declaration of authorship"),
    *("Proposition 1", "Proposition 2", "Equation (1)", "Equation (2)", "Equation (3)"),
    *("Table 1", "Table 2"),
    *(f"Figure {figure}" for figure in FIGURES),
]

CHAPTERS = {ROOT / f"{name}.md" for name in website.chapters(ROOT / "_toc.yml")}
# By role, how a page sets the labels that it leads to.
LABELS = {
    "ref": r"^\(([\w-]+)\)=$",
    "numref": r"^ *name: (fig-[\w-]+)$",
    "eq": r"^(?::label: |\$\$ \()(eq-[\w-]+)\)?$",
    "prf:ref": r"^:label: ((?:def|prop)-[\w-]+)$",
}
SOURCES = "\n".join(page.read_text(encoding="utf-8") for page in sorted(CHAPTERS))
SET = {role: set(re.findall(label, SOURCES, re.M)) for role, label in LABELS.items()}

ROWS = [
    (place, here)
    for place, here in re.findall(
        r"^\| (.+?) \| .+? \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.M
    )
    if place not in ("thesis", "---")
]


def faults(here: str) -> list[str]:
    """What is wrong with the last cell of a row."""
    roles = re.findall(r"\{([\w:]+)\}`([^`]*)`", here)
    links = re.findall(r"\]\(([^)]*)\)", here)
    if here.startswith("None"):
        reason = re.fullmatch(r"None: \w+( \S+){3,}\.", here)
        return [
            *(["has no counterpart, and a target"] if roles or links else []),
            *([] if reason else ["gives no reason in a sentence"]),
        ]
    return [
        *([] if roles or links else ["leads nowhere"]),
        *(f"no {role} {label}" for role, label in roles if label not in SET.get(role, ())),
        *(f"no page {link}" for link in links if (PAGE.parent / link).resolve() not in CHAPTERS),
    ]


def test_every_place_of_the_thesis_has_one_row_in_its_order() -> None:
    assert [place for place, _ in ROWS] == PLACES


@pytest.mark.parametrize(("place", "here"), ROWS, ids=[place for place, _ in ROWS])
def test_a_row_leads_to_what_exists_or_says_why_not(place: str, here: str) -> None:
    assert faults(here) == [], place


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_leads_to_the_one_of_its_number(figure: str) -> None:
    label = "fig-" + re.sub(r"\W", "", figure)
    assert dict(ROWS)[f"Figure {figure}"] == f"{{numref}}`{label}`"


def test_every_place_that_a_claim_names_has_a_row() -> None:
    named = {
        place if place[0].isalpha() else f"§{place}"
        for claim in LEDGER
        if claim.whose == "thesis"
        for place in claim.section.split(", ")
    }
    assert {"Abstract", "§3.6", "Proposition 1"} <= named
    assert named <= set(PLACES)


@pytest.mark.parametrize(
    ("here", "fault"),
    [
        ("the chapter on weights", "leads nowhere"),
        ("{ref}`ch-weight`", "no ref ch-weight"),
        ("{numref}`prop-escape`", "no numref prop-escape"),
        ("{eq}`fig-1`", "no eq fig-1"),
        ("{prf:ref}`eq-mmd`", "no prf:ref eq-mmd"),
        ("{doc}`ch-weights`", "no doc ch-weights"),
        ("[Weights](weight.md)", "no page weight.md"),
        ("None", "gives no reason in a sentence"),
        ("None: left out.", "gives no reason in a sentence"),
        ("None: the author's word, as in {ref}`ch-weights`.", "has no counterpart, and a target"),
        ("None: the author's word, as in [one](weights.md).", "has no counterpart, and a target"),
    ],
)
def test_a_fault_is_seen(here: str, fault: str) -> None:
    assert faults(here) == [fault]
