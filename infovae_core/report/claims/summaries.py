"""Directives that sum claims up: how many got which verdict, and several in a line each."""

from collections import Counter

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from infovae_core.names import UnknownName
from infovae_core.report.claims import LEDGER, Verdict, find
from infovae_core.report.claims.directive import badge, chosen, link
from infovae_core.study.store import StoreError


class TallyDirective(SphinxDirective):
    """How many claims of the thesis got which verdict, in one sentence."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """A paragraph."""
        try:
            found = Counter(find(claim.id).verdict for claim in chosen("thesis"))
        except StoreError as error:
            raise self.error(str(error)) from error
        text = (
            f"Of {found.total()} claims of the thesis, {found[Verdict.HOLDS]} hold, "
            f"{found[Verdict.PARTLY]} hold partly, {found[Verdict.FAILS]} fail and "
            f"{found[Verdict.UNTESTED]} cannot be tested here. The book adds "
            f"{len(chosen('book'))} of its own."
        )
        return [nodes.paragraph("", text)]


class VerdictsDirective(SphinxDirective):
    """The claims of these ids, a line each: verdict, words, and a link to what decided."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """A list."""
        listed = nodes.bullet_list(classes=["verdicts"])
        try:
            for name in self.arguments[0].split():
                claim, finding = LEDGER[name], find(name)
                words, messages = self.state.inline_text(finding.words, self.lineno)
                line = nodes.paragraph("", "", badge(finding), nodes.Text(" "), *words, *messages)
                line += [nodes.Text(" "), link(claim, "why", self.env.docname)]
                listed += nodes.list_item("", line)
        except (UnknownName, StoreError) as error:
            raise self.error(str(error)) from error
        return [listed]
