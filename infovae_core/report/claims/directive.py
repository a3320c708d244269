"""The directive that shows claims on a page, with what the stored results say to them.

Its argument is one id or several. The book's own claims are sentences of the text, each a paragraph
that ends with a link to its evidence; what the directive holds opens the first. The thesis's are a
table: words, verdict, why, and the evidence folded. In place of ids the options `whose` ("thesis"
or "book") and `section` choose; `home` marks the ledger itself, where links to claims lead.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, cast

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.std import StandardDomain
from sphinx.util.docutils import SphinxDirective

from infovae_core.names import UnknownName
from infovae_core.report.claims import LEDGER, Claim, Finding, find
from infovae_core.report.claims.stored import asked
from infovae_core.study.experiments import EXPERIMENTS
from infovae_core.study.store import StoreError

# Where runs are shown that have no page of their experiment's name.
PAGES = {
    "experiment2/corrected": "/notebooks/remedies.ipynb",
    "start": "/notebooks/remedies.ipynb",
    "frontier": "/book/choosing.md",
}


def chosen(whose: str = "", section: str = "") -> list[Claim]:
    """The claims of a party, and of those that name this section of the thesis or page.

    A section stands for all below it: "2" for 2.1 and 2.4. Raises ValueError if there are none.
    """
    found = [
        claim
        for claim in LEDGER
        if whose in ("", claim.whose)
        and (
            not section
            or any(
                one == section or one.startswith((f"{section}.", f"{section},"))
                for one in re.split(r", ", claim.section)
            )
        )
    ]
    if not found:
        raise ValueError(f"no claim of {whose or 'anybody'} in section {section!r}")
    return sorted(found, key=lambda claim: _order(claim.section)) if whose == "thesis" else found


def _order(section: str) -> tuple[float, ...]:
    """Sections as they follow one another, the abstract first."""
    return tuple(float(part) for part in re.findall(r"\d+", section.split(",")[0]))


class ClaimDirective(SphinxDirective):
    """See the module's docstring."""

    required_arguments = 0
    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "whose": lambda text: directives.choice(text, ("thesis", "book")),
        "section": directives.unchanged_required,
        "home": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        """The claims as paragraphs, or as a table where any of them is the thesis's."""
        try:
            if self.arguments:
                claims = [LEDGER[name] for name in self.arguments[0].split()]
            else:
                claims = chosen(self.options.get("whose", ""), self.options.get("section", ""))
            findings = [(claim, find(claim.id)) for claim in claims]
        except (UnknownName, ValueError, StoreError) as error:
            raise self.error(str(error)) from error
        home = "home" in self.options
        if home or any(claim.whose == "thesis" for claim in claims):
            return [self.table(findings, home)]
        lead = self.inline(" ".join(self.content)) if self.content else []
        found = [self.sentence(claim, finding) for claim, finding in findings]
        if lead:
            found[0][:0] = [*lead, nodes.Text(" ")]
        return found

    def inline(self, text: str) -> list[nodes.Node]:
        """Words, parsed."""
        found, messages = self.state.inline_text(text, self.lineno)
        return [*found, *messages]

    def sentence(self, claim: Claim, finding: Finding) -> nodes.paragraph:
        """A paragraph of the text."""
        words = nodes.paragraph("", "", *self.inline(finding.words), classes=["claim"])
        words += nodes.Text(" ")
        words += link(claim, "evidence", self.env.docname, "claim-evidence")
        return words

    def table(self, findings: Sequence[tuple[Claim, Finding]], home: bool) -> nodes.Node:
        """One row a claim; at home, in the ledger, with targets for links."""
        group = nodes.tgroup(cols=2)
        group += [nodes.colspec(colwidth=18), nodes.colspec(colwidth=82)]
        head, body = nodes.thead(), nodes.tbody()
        head += row(
            [nodes.paragraph("", "verdict")], [nodes.paragraph("", "claim, and what decided")]
        )
        body += [self.row(claim, finding, home) for claim, finding in findings]
        group += [head, body]
        found = nodes.table("", group, classes=["claims"])
        return found

    def row(self, claim: Claim, finding: Finding, home: bool) -> nodes.Node:
        """Verdict and source; words, why, evidence."""
        verdict = nodes.paragraph("", "", badge(finding))
        where = f"thesis {source(claim)}" if claim.whose == "thesis" else f"book, {claim.section}"
        place = nodes.paragraph("", "", nodes.inline(where, where, classes=["claim-source"]))
        words = nodes.paragraph("", "", *self.inline(finding.words))
        cell: list[nodes.Node] = [words]
        if finding.why:
            cell.append(nodes.paragraph("", "", *self.inline(finding.why), classes=["claim-why"]))
        if finding.checks:
            cell += self.evidence(claim, finding)
        side = [verdict, place]
        for track, tried in LEDGER.tried(claim.id).items():
            again = find(claim.id, track)
            side.append(nodes.paragraph("", f"{track}: ", badge(again), classes=["claim-track"]))
            why = nodes.paragraph("", "", nodes.strong("", f"Track {track}."), nodes.Text(" "))
            why += self.inline(again.why)
            why["classes"].append("claim-why")
            cell += [why, *self.evidence(tried, again)]
        found = row(side, cell)
        found["classes"] += [f"verdict-{finding.verdict.name.lower()}", f"whose-{claim.whose}"]
        if home:
            name = f"claim-{claim.id}"
            words["ids"].append(name)
            domain = cast("StandardDomain", self.env.get_domain("std"))
            domain.anonlabels[name] = self.env.docname, name
            domain.labels[name] = self.env.docname, name, claim.id
        return found

    def evidence(self, claim: Claim, finding: Finding) -> list[nodes.Node]:
        """Every check, folded; and where its runs are."""
        group = nodes.tgroup(cols=4)
        group += [nodes.colspec(colwidth=width) for width in (40, 30, 20, 10)]
        body = nodes.tbody()
        for check in finding.checks:
            mark = {True: "yes", False: "no", None: ""}[check.holds]
            body += row(*([nodes.paragraph("", text)] for text in
                          (check.what, check.found, check.wanted, mark)))  # fmt: skip
        head = nodes.thead()
        head += row(
            *([nodes.paragraph("", text)] for text in ("measured", "found", "asked", "holds"))
        )
        group += [head, body]
        summary = f"Evidence: {finding.tally}" if finding.tally else "Evidence"
        last = nodes.paragraph("", f"{claim.tolerance} " if claim.tolerance else "")
        last += self.inline(origin(claim, finding))
        opening = f'<details class="claim-checks"><summary>{summary}</summary>'
        return [
            nodes.raw("", opening, format="html"),
            nodes.table("", group, classes=["claim-check-table"]),
            last,
            nodes.raw("", "</details>", format="html"),
        ]


def link(claim: Claim, text: str, docname: str, *classes: str) -> nodes.Node:
    """From a page to the claim's row in the ledger."""
    return pending_xref(
        "", nodes.inline(text, text, classes=list(classes)), refdomain="std", reftype="ref",
        reftarget=f"claim-{claim.id}", refexplicit=True, refwarn=True, refdoc=docname,
    )  # fmt: skip


def row(*cells: Iterable[nodes.Node]) -> nodes.Node:
    """A table's row of these cells."""
    found = nodes.row()
    for cell in cells:
        entry = nodes.entry()
        entry += list(cell)
        found += entry
    return found


def badge(finding: Finding) -> nodes.Node:
    """The verdict, coloured and in words."""
    text = str(finding.verdict)
    return nodes.inline(text, text, classes=["verdict", f"verdict-{finding.verdict.name.lower()}"])


def source(claim: Claim) -> str:
    """Sections with their sign: "§3.3, 4" and "Abstract"."""
    return re.sub(r"(^|, )(\d)", r"\1§\2", claim.section)


def origin(claim: Claim, finding: Finding) -> str:
    """Which runs or which proof: in Markdown, with links."""
    parts = []
    for name, seeds in finding.seeds.items():
        chosen = asked(name)
        title, page = (
            EXPERIMENTS[chosen.experiment].title,
            PAGES.get(name, f"/notebooks/{name}.ipynb"),
        )
        track = f", track {chosen.track}" if "/" in name else ""
        listed = f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
        parts.append(f"Runs: [{title}{track}]({page}), {listed}.")
    if parts:
        parts.append("[Where results come from](/notebooks/provenance.ipynb).")
    if claim.proof:
        parts.append(f"Proof: {{prf:ref}}`{claim.proof}`.")
    return " ".join(parts)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("claim", ClaimDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
