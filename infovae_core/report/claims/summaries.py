"""Directives that sum claims up: how many got which verdict, several in a line each, an answer."""

from collections import Counter
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from infovae_core.names import UnknownName
from infovae_core.report import captions
from infovae_core.report.claims import LEDGER, Verdict, find
from infovae_core.report.claims.directive import badge, chosen, link
from infovae_core.report.claims.stored import asked
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


class AnswerDirective(SphinxDirective):
    """What a page of an experiment answers: question, the thesis's claim, ours, and how sure.

    The argument is the experiment; options are the question, and the claims on both sides, by id.
    """

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "question": directives.unchanged_required,
        "thesis": directives.unchanged_required,
        "ours": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """A list of four terms."""
        listed = nodes.definition_list(classes=["answer"])
        try:
            sure = captions.sure(asked(self.arguments[0]))
            parts = {
                "Question": [self.words(self.options["question"])],
                "The thesis": self.claims("thesis"),
                "Here": self.claims("ours"),
                "How sure": [self.words(sure)],
            }
        except (KeyError, UnknownName, ValueError, StoreError) as error:
            raise self.error(str(error)) from error
        for term, paragraphs in parts.items():
            listed += nodes.definition_list_item(
                "", nodes.term("", term), nodes.definition("", *paragraphs)
            )
        return [listed]

    def words(self, text: str) -> nodes.paragraph:
        """A paragraph of these words."""
        found, messages = self.state.inline_text(text, self.lineno)
        return nodes.paragraph("", "", *found, *messages)

    def claims(self, side: str) -> list[nodes.paragraph]:
        """Each claim's words; those of the thesis with their verdict."""
        found = []
        for name in self.options[side].split():
            claim, finding = LEDGER[name], find(name)
            line = self.words(finding.words)
            if claim.whose == "thesis":
                line[:0] = [badge(finding), nodes.Text(" ")]
            line += [nodes.Text(" "), link(claim, "evidence", self.env.docname)]
            found.append(line)
        return found


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives with Sphinx."""
    app.add_directive("claim-tally", TallyDirective)
    app.add_directive("verdicts", VerdictsDirective)
    app.add_directive("answer", AnswerDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
