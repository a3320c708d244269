"""The report of a diagnosis as a page of its own, that needs no other file."""

import base64
import html
import io
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from infovae_core.diagnosis import Diagnosis
from infovae_core.diagnosis.words import HEADINGS, posterior_line, rows
from infovae_core.refusal import Refusal
from infovae_core.report.figures import diagnosis_plots

# The chapters that findings name.
PAGES = {
    "kernels": "Kernel discrepancies: MMD and Stein",
    "weights": "The weights λ and α",
    "alternatives": "Alternatives for latent utility",
    "balance": "Balancing learning and inference",
    "metrics": "Evaluation metrics",
}


class ReportError(Refusal):
    """The page cannot be written."""


STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.finding { border-left: 4px solid #d55e00; padding: .2rem 1rem; margin: 1rem 0; }
.finding.matched, .finding.kernel-sees { border-color: #009e73; }
.kind { font-weight: 600; } .page { opacity: .7; font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #8884; }
th { vertical-align: bottom; }
img { max-width: 100%; background: white; }
"""


def page(found: Diagnosis, name: str = "codes") -> str:
    """A page that needs nothing else: findings, figure, table, what the columns mean."""
    facts = found.facts
    title = f"{name}: {facts.n:,} codes in {facts.d} dimensions"
    paragraphs = "\n".join(
        f'<div class="finding {one.kind.replace(" ", "-")}"><p><span class="kind">'
        f"{html.escape(one.kind.capitalize())}:</span> {html.escape(one.text)}</p>"
        + (f"<p>{html.escape(one.advice)}</p>" if one.advice else "")
        + f'<p class="page">Why: the chapter “{html.escape(PAGES[one.page])}”</p></div>'
        for one in found.findings
    )
    head = "".join(f"<th>{html.escape(one)}</th>" for one in HEADINGS)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows(found)
    )
    posterior = posterior_line(found)
    extra = f"<h2>The posterior</h2><p>{html.escape(posterior)}.</p>" if posterior else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>
<h1>{html.escape(title)}</h1>
{paragraphs}
<h2>Where the codes lie</h2>
<img alt="{html.escape(description(found))}" src="data:image/png;base64,{picture(found)}">
<h2>What each ruler reads</h2>
<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>
{body}
</tbody></table></div>
<p>“A match reads up to” is what 95 % of samples from the prior do not exceed, of as many
codes in as many dimensions. “Escape reads” is what codes read that have left the prior and each
other. The distance of a reading from what a match reads in the middle is given in multiples of
that noise. The p-values are corrected for the number of rulers: the largest distance is compared
with the largest of simulated samples.</p>
{extra}
</body></html>
"""


def description(found: Diagnosis) -> str:
    """The figure in words."""
    kinds = ", ".join(found.kinds)
    return (
        "Lengths of the codes beside the law of the prior's, spectrum of their covariance, the "
        "dimension that differs most, two principal coordinates over circles of the prior, rulers "
        f"between noise and escape, spread by dimension. Found: {kinds}."
    )


def picture(found: Diagnosis) -> str:
    """The figure as a PNG in base64."""
    figure = diagnosis_plots.overview(found)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    plt.close(figure)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def save(found: Diagnosis, target: Path, name: str = "codes") -> Path:
    """Write the page, whole or not at all.

    Raises:
        ReportError: If it cannot be written.
    """
    target = target.absolute()
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-") as folder:
            new = Path(folder) / target.name
            new.write_text(page(found, name), encoding="utf-8")
            os.replace(new, target)
    except OSError as error:
        raise ReportError(f"cannot write {target}: {error.strerror or error}") from error
    return target
