"""What the interactive figures draw of stored results: written while the site is built.

Each is a small script that hands its values to the page, so that it is loaded from a folder as it
is from a server. As a Sphinx extension this module writes them beside the figures' own scripts.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler
from sphinx.application import Sphinx

from infovae_core.architecture import MASKED
from infovae_core.report import frames
from infovae_core.report.figures import rank_plots
from infovae_core.report.labels import LABELS
from infovae_core.run import EPOCH, Run
from infovae_core.study.selection import Selection
from infovae_core.study.store import Result, Store, default_root

MODELS = Path(__file__).parents[3] / "book" / "_static" / "models"
# Of the circle that holds 95 % of a standard normal in the plane.
RADIUS = math.sqrt(-2 * math.log(0.05))
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


def exported() -> list[tuple[str, Run]]:
    """The models whose weights the pages load: each file's name and run, in the presets' order.

    What a safetensors file says of itself stands in its header, whose length its first eight bytes
    tell.
    """
    found = []
    for path in MODELS.glob("*.safetensors"):
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        found.append((path.stem, Run.of(json.loads(header["__metadata__"]["run"]))))
    order = list(LABELS)
    return sorted(found, key=lambda one: (one[1].decoder == MASKED, order.index(one[1].model)))


def label(run: Run) -> str:
    """A model's name for readers, with its decoder where that is not the usual one."""
    return LABELS[run.model] + (", masked decoder" if run.decoder == MASKED else "")


def exported_models() -> pd.DataFrame:
    """What is known of the exported models, a row for each, with the bytes of its file.

    Raises:
        StoreError: If the result of a model is missing.
    """
    rows = pd.DataFrame(plane()["models"]).drop(columns=["codes", "digits", "half"])
    runs = dict(exported())
    return rows.assign(
        alpha=[runs[name].objective.alpha for name in rows["name"]],
        lam=[runs[name].objective.lam for name in rows["name"]],
        divergence=[runs[name].objective.divergence or "–" for name in rows["name"]],
        epochs=[runs[name].steps / EPOCH for name in rows["name"]],
        bytes=[(MODELS / f"{name}.safetensors").stat().st_size for name in rows["name"]],
    ).set_index("name")


def shown(models: pd.DataFrame) -> Styler:
    """A table of them, for readers."""
    columns = {
        "label": "model",
        "alpha": "α",
        "lam": "λ",
        "divergence": "D",
        "epochs": "epochs",
        "test_bce": "test BCE (nats)",
        "kl": "KL term (nats)",
        "inside": "codes in the circle",
        "bytes": "kB",
    }
    formats: dict[str, Any] = {
        "α": "{:g}",
        "λ": "{:g}",
        "epochs": "{:g}",
        "test BCE (nats)": "{:.1f}",
        "KL term (nats)": "{:.3g}",
        "codes in the circle": "{:.0%}",
        "kB": lambda size: f"{size / 1000:.0f}",
    }
    return models[list(columns)].rename(columns=columns).style.format(formats).hide(axis="index")


def plane() -> dict[str, Any]:
    """The exported models: their stored codes with digits, and the test images that all encode.

    Raises:
        StoreError: If the result of a model is missing.
    """
    models, originals = [], None
    store = Store(default_root("cpu"))
    for name, run in exported():
        result = store.require([run], f"python -m infovae_core show {name}")[run]
        codes = result.arrays["codes"]
        originals = result.arrays["originals"]
        models.append(
            {
                "name": name,
                "model": run.model,
                "label": label(run),
                "half": round(max(3.4, 1.04 * float(np.abs(codes).max())), 2),
                "codes": [[float(f"{value:.4g}") for value in code] for code in codes],
                "digits": result.arrays["code_labels"],
                "inside": float((np.linalg.norm(codes, axis=1) <= RADIUS).mean()),
                **{metric: float(f"{result.metrics[metric]:.6g}") for metric in ("test_bce", "kl")},
            }
        )
    assert originals is not None
    bits = ["".join(str(int(level > 127)) for level in image.ravel()) for image in originals]
    return {"models": models, "originals": bits}


DATA: dict[str, Callable[[], dict[str, Any]]] = {
    "ruler-and-eye": ruler_and_eye,
    "change-the-ruler": change_the_ruler,
    "plane": plane,
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
