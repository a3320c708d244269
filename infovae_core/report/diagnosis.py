"""The report of a diagnosis: from files, with a progress bar, and as a page of its own."""

import base64
import html
import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from infovae_core import devices
from infovae_core.diagnosis import Diagnosis, diagnose, intake
from infovae_core.diagnosis.words import HEADINGS, posterior_line, rows
from infovae_core.refusal import Refusal

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


def from_files(
    codes: Path,
    others: Mapping[str, Path | None],
    *,
    kernel: str = "rbf",
    bandwidth: str | None = None,
    batch_size: int = 128,
    device: str = "cpu",
) -> Diagnosis:
    """Diagnose what lies in files, with a progress bar on a terminal.

    Args:
        codes: See `intake.read`; the file may hold the others too.
        others: Files of "mu", "logvar" and "labels", where these are apart.
        kernel: See `diagnose`.
        bandwidth: A number, several with commas, or a rule's name.
        batch_size: See `diagnose`.
        device: Where to compute.

    Raises:
        IntakeError: If a file cannot be read, or its codes not diagnosed.
        ValueError: If kernel, bandwidth or device do not exist.
    """
    given = intake.read(codes)
    given |= {name: intake.one(path, name) for name, path in others.items() if path is not None}
    taken = intake.sample(**given)
    on = devices.resolve(device)
    mu, logvar = (part if part is None else part.to(on) for part in (taken.mu, taken.logvar))
    with Bar() as bar:
        return diagnose(
            taken.z.to(on),
            mu=mu,
            logvar=logvar,
            labels=taken.labels,
            kernel=kernel,
            bandwidth=None if bandwidth is None else numbers(bandwidth),
            batch_size=batch_size,
            tick=bar,
        )


def numbers(text: str) -> str | float | Sequence[float]:
    """A bandwidth as it is written on a command line: a rule's name, a number, or several."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        return text
    return found[0] if len(found) == 1 else found


class Bar:
    """A progress bar of the part that is under way; none where nobody watches."""

    def __init__(self) -> None:
        """No part yet."""
        self.bar: tqdm[None] | None = None
        self.part = ""

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, part: str, share: float) -> None:
        """Show that this share of the part is done."""
        if part != self.part:
            self.__exit__()
            self.part = part
            layout = "{desc:26}{percentage:3.0f}%|{bar:40}| {elapsed}"
            self.bar = tqdm(total=1.0, desc=part, disable=None, leave=False, bar_format=layout)
        if self.bar is not None:
            self.bar.update(share - self.bar.n)


# The page -----------------------------------------------------------------------------------------

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
    import matplotlib.pyplot as plt

    from infovae_core.report.figures import diagnosis_plots

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
