"""What the interactive figures draw of stored results: written while the site is built.

Each is a small script that hands its values to the page, so that it is loaded from a folder as it
is from a server. As a Sphinx extension this module writes them beside the figures' own scripts.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sphinx.application import Sphinx

from infovae_core.report import frames
from infovae_core.report.figures import rank_plots
from infovae_core.report.labels import LABELS
from infovae_core.run import Run
from infovae_core.study.selection import Selection
from infovae_core.study.store import Result

# Codes that a picture shows, and the steps of its half width on which they are drawn.
SHOWN, STEPS = 150, 100
# Rulers of the first figure: the thesis's own, and two by which it can be judged.
READINGS = ("val_mmd", "norm_ratio", "classifier_auc")


def principal(codes: np.ndarray) -> np.ndarray:
    """Codes along two orthogonal directions in which they reach farthest from the prior's mean.

    The directions are those of one half of the codes, and the other half is shown: in many
    dimensions the codes that choose a direction reach farther along it than others do. The prior
    is standard normal in any two orthogonal directions.

    Args:
        codes: (n, d), d at least 2.

    Returns:
        (n − n/2, 2).
    """
    half = len(codes) // 2
    _, _, directions = np.linalg.svd(codes[:half].astype(np.float64), full_matrices=False)
    found: np.ndarray = codes[half:] @ directions[:2].T
    return found


def drawn(codes: np.ndarray) -> dict[str, Any]:
    """Points of a picture: its half width, and where each is, in hundredths of that."""
    points = principal(codes)[:SHOWN]
    # The circle that holds 95 % of the prior, with room around it, is always inside.
    width = max(3.2, 1.05 * float(np.abs(points).max()))
    return {"width": round(width, 3), "points": np.rint(STEPS * points / width).astype(int)}


def ruler_and_eye() -> dict[str, Any]:
    """By latent dimension and model of Experiment 2: the codes of seed 0, and what rulers read.

    Raises:
        StoreError: If a result is missing, with the command that makes it.
    """
    results = Selection("experiment2", seeds=(0,)).require()
    found: dict[str, Any] = {}
    for run, result in results.items():
        if result.status == "done":
            values = {name: float(f"{result.metrics[name]:.6g}") for name in READINGS}
            found.setdefault(str(run.latent_dim), {})[run.model] = {
                **drawn(result.arrays["codes"]),
                **values,
            }
    return {"labels": labels(results), "steps": STEPS, "dims": found}


def labels(results: dict[Run, Result]) -> dict[str, str]:
    """The models' names for readers, in the experiment's order."""
    return {run.model: LABELS[run.model] for run in results}


def rankings(experiment: str) -> dict[str, Any]:
    """What every ruler reads of an experiment's models, and their places by it.

    Means over the stored seeds, as `rank_plots.rulers` shows them for one latent dimension.

    Args:
        experiment: Its name.

    Raises:
        StoreError: If a result is missing, with the command that makes it.
    """
    results = Selection(experiment).require()
    ours, names = frames.frame(results), labels(results)
    dims = sorted({run.latent_dim for run in results})
    by_dim = {d: rank_plots.readings(ours, list(names), d) for d in dims}
    places = {d: rank_plots.ranks(found) for d, found in by_dim.items()}
    rulers = {
        ruler: {
            "heading": heading.replace("\n", " "),
            "places": [places[d][ruler].tolist() for d in dims],
            "readings": [[rank_plots.printed(v, ruler) for v in by_dim[d][ruler]] for d in dims],
        }
        for ruler, (heading, *_) in rank_plots.RULERS.items()
    }
    return {"labels": names, "dims": dims, "rulers": rulers}


def change_the_ruler() -> dict[str, Any]:
    """The rankings of Experiments 2 and 3."""
    return {number: rankings(f"experiment{number}") for number in "23"}


DATA: dict[str, Callable[[], dict[str, Any]]] = {
    "ruler-and-eye": ruler_and_eye,
    "change-the-ruler": change_the_ruler,
}


def write(folder: Path) -> None:
    """Write `data-NAME.js` of every figure that draws stored results.

    Args:
        folder: Where the figures' scripts are.
    """
    for name, read in DATA.items():
        text = json.dumps(
            read(), separators=(",", ":"), ensure_ascii=False, default=np.ndarray.tolist
        )
        script = f'(globalThis.InfoVAEData ??= {{}})["{name}"] = {text};\n'
        (folder / f"data-{name}.js").write_text(script, encoding="utf-8")


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Write them into a site that is built."""
    if exception is None:
        write(Path(app.outdir) / "_static" / "interactive")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
