"""Still pictures of the figures in which trained models run; they are written by `stills`."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from infovae_core.report.figures import live
from infovae_core.study import export
from infovae_core.study.store import Store, default_root


def _strip(axis: Axes, images: np.ndarray, label: str) -> None:
    """Images (n, 28, 28) side by side, dark on light, behind a label."""
    axis.imshow(np.hstack(list(images)), cmap="gray_r", interpolation="none", vmin=0, vmax=255)
    axis.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_visible(False)


def _strips(rows: list[tuple[str, np.ndarray]]) -> Figure:
    """Rows of images, each behind its label."""
    figure, axes = plt.subplots(len(rows), 1, figsize=(7.2, 0.56 * len(rows)), squeeze=False)
    figure.subplots_adjust(left=0.27, right=0.99, top=0.98, bottom=0.02, hspace=0.08)
    for axis, (label, images) in zip(axes[:, 0], rows, strict=True):
        _strip(axis, images, label)
    return figure


def _stored() -> list[tuple[str, str, dict[str, np.ndarray]]]:
    """Of each exported model its name, label and stored arrays."""
    store = Store(default_root("cpu"))
    return [
        (name, live.label(run), store.require([run], "")[run].arrays)
        for name, run in live.exported()
    ]


def _decoded(name: str, codes: np.ndarray) -> np.ndarray:
    """What an exported model decodes codes (n, 2) to, as bytes (n, 28, 28)."""
    _, model = export.read(export.FOLDER / f"{name}.safetensors")
    with torch.no_grad():
        means = model.decoder(torch.from_numpy(codes).float()).sigmoid()
    found: np.ndarray = (255 * means).round().to(torch.uint8).reshape(-1, 28, 28).numpy()
    return found


def plane() -> Figure:
    """The codes of InfoVAE-MMD as digits in their plane, and what a grid of places decodes to."""
    name, label, arrays = next(one for one in _stored() if one[0].startswith("infovae_mmd"))
    figure = plt.figure(figsize=(7.2, 4.4))
    axis = figure.add_axes((0.08, 0.12, 0.52, 0.85))
    for digit in range(10):
        x, y = arrays["codes"][:250][arrays["code_labels"][:250] == digit].T
        axis.plot(x, y, marker=f"${digit}$", linestyle="", markersize=5, color=f"C{digit}")
    prior = Circle((0, 0), live.RADIUS, fill=False, color="#b34700", linewidth=1.5, gid="prior")
    axis.add_patch(prior)
    axis.set(xlim=(-3.4, 3.4), ylim=(-3.4, 3.4), xlabel="z₁", ylabel="z₂", aspect="equal")
    places = np.linspace(-2, 2, 7)
    grid = np.array([(x, y) for y in places[::-1] for x in places])
    images = _decoded(name, grid).reshape(7, 7, 28, 28)
    right = figure.add_axes((0.64, 0.17, 0.35, 0.75))
    _strip(right, np.stack([np.vstack(list(images[:, column])) for column in range(7)]), "")
    right.set_title(f"{label}, decoded from −2 to 2", fontsize=9)
    return figure


def draw() -> Figure:
    """Ten test images and what each model rebuilds of them."""
    stored = _stored()
    rows = [("test images", stored[0][2]["originals"])]
    return _strips(rows + [(label, arrays["reconstructions"]) for _, label, arrays in stored])


def between() -> Figure:
    """For each model the way from the code of a 0 to that of a 7, at eight stops."""
    rows = []
    for name, label, arrays in _stored():
        _, model = export.read(export.FOLDER / f"{name}.safetensors")
        ends = torch.from_numpy(arrays["originals"][[0, 7]]).float()[:, None] / 255
        with torch.no_grad():
            a, b = model.encoder(ends)[0].numpy()
        rows.append((label, _decoded(name, a + np.linspace(0, 1, 8)[:, None] * (b - a))))
    return _strips(rows)


def samples() -> Figure:
    """For each model ten draws from the prior, decoded."""
    return _strips([(label, arrays["samples"]) for _, label, arrays in _stored()])


STILLS: dict[str, Callable[[], Figure]] = {
    "plane": plane,
    "draw": draw,
    "between": between,
    "samples": samples,
}
