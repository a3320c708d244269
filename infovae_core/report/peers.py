"""The kernels of other people's code, by what closed forms say that each can see.

Each row was read in the file and version that it names; none of their code is here. The stored
codes of pythae's own model, from `python -m tests.benchmarks.pythae_codes`, are read here too.
"""

import io
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infovae_core.kernels import Kernel
from infovae_core.study.store import StoreError, default_root

COMMAND = "python -m tests.benchmarks.pythae_codes"
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
# The largest dimension that is looked at.
LARGEST = 4096


@dataclass(frozen=True)
class Peer:
    """A kernel as a project computes it.

    Attributes:
        name: The project, and the setting where it is not the default.
        where: Repository, version and file.
        formula: The kernel in words.
        kernel: The kernel in d dimensions.
        biased: Whether it is the V-statistic, which counts pairs of a point with itself.
        batch: Its default minibatch.
    """

    name: str
    where: str
    formula: str
    kernel: Callable[[int], Kernel]
    biased: bool
    batch: int


def several(d: int) -> Kernel:
    """The sum of seven inverse multiquadratic kernels around C = 2d."""
    return Kernel("imq", tuple(2 * d * scale for scale in SCALES), total=True)


ZHAO = "exp(−mean (z − z')²/d): RBF, σ² = d²/2"
PEERS = (
    Peer(
        "this thesis", "text, §3.3", "RBF, σ = 1", lambda d: Kernel("rbf", (1.0,)), False, 128
    ),
    Peer(
        "pythae, InfoVAE-MMD and WAE-MMD",
        "clementchadebec/benchmark_VAE, release 0.1.2, "
        "pythae/models/info_vae/info_vae_model.py and wae_mmd/wae_mmd_model.py",
        "seven IMQ summed, C = 2d · 0.1 to 10",
        several,
        False,
        64,
    ),
    Peer(
        "pythae, kernel_choice='rbf'",
        "the same files",
        "RBF, σ² = d",
        lambda d: Kernel("rbf", (float(d),)),
        False,
        64,
    ),
    Peer(
        "PyTorch-VAE, InfoVAE and WAE-MMD (imq)",
        "AntixK/PyTorch-VAE, a6896b9, models/info_vae.py and models/wae_mmd.py",
        "IMQ, C = 4d",
        lambda d: Kernel("imq", (4.0 * d,)),
        False,
        64,
    ),
    Peer(
        "PyTorch-VAE, kernel_type='rbf'",
        "the same files",
        "exp(−mean (z − z')²/4d): RBF, σ² = 2d²",
        lambda d: Kernel("rbf", (2.0 * d**2,)),
        True,
        64,
    ),
    Peer(
        "WAE, IMQ",
        "tolstikhin/wae, 6351565, wae.py (mmd_penalty) and configs.py",
        "seven IMQ summed, C = 2d · 0.1 to 10",
        several,
        False,
        100,
    ),
    Peer(
        "MMD-VAE of Zhao",
        "ShengjiaZhao/MMD-Variational-Autoencoder, e33606e, mmd_vae.py",
        ZHAO,
        lambda d: Kernel("rbf", (d**2 / 2,)),
        True,
        200,
    ),
    Peer(
        "InfoVAE of Zhao et al.",
        "the author's history to 58f41c2 (2018), as LordHui/InfoVAE keeps it, mmd_vae_eval.py",
        ZHAO,
        lambda d: Kernel("rbf", (d**2 / 2,)),
        True,
        200,
    ),
)  # fmt: skip


def visible(peer: Peer, d: int, reading: float) -> float:
    """A reading in multiples of two standard deviations of a minibatch's noise."""
    noise = 2 * peer.kernel(d).noise(d, peer.batch, peer.batch)
    return reading / noise if noise > 0 else math.nan


def seen(peer: Peer, reads: Callable[[Kernel, int], float]) -> tuple[int, int] | None:
    """The least and the greatest d at which a reading exceeds a minibatch's noise; None: nowhere.

    It exceeds it in one stretch of dimensions: 1 to 32, and then multiples of √2, are tried, and
    its ends found by halving.
    """

    def sees(d: int) -> bool:
        return visible(peer, d, reads(peer.kernel(d), d)) > 1

    tried = sorted({*range(1, 33), *(round(2 ** (k / 2)) for k in range(10, 25))})
    found = [d for d in tried if sees(d)]
    if not found:
        return None
    low, high = found[0], found[-1]
    if high == tried[-1]:
        return low, high
    blind = tried[tried.index(high) + 1]
    while blind - high > 1:
        middle = (high + blind) // 2
        high, blind = (middle, blind) if sees(middle) else (high, middle)
    return low, high


def samples(kernel: Kernel, d: int, reading: float) -> float:
    """The least minibatch whose two standard deviations of noise are below a reading.

    The variance of n codes and n draws that match is ζ (4/n(n − 1) + 4/n²).
    """
    if not reading > 0:
        return math.inf
    zeta = kernel.centred_second_moment(d)
    n = max(2, math.ceil(math.sqrt(32 * zeta) / reading))
    while 2 * kernel.noise(d, n, n) > reading:
        n += 1
    return n


def escapes(kernel: Kernel, d: int) -> float:
    """Codes that left the prior and each other."""
    return kernel.escape(d)


def larger(kernel: Kernel, d: int) -> float:
    """Codes that are a fifth larger than the prior's."""
    return kernel.mmd2(d, 1.2)


def at_match(peer: Peer, d: int) -> float:
    """What a perfect match reads in the mean: the diagonals of a V-statistic, else 0."""
    if not peer.biased:
        return 0.0
    kernel = peer.kernel(d)
    return 2 / peer.batch * (kernel.mean(d, 0) - kernel.mean(d, 2))


def table(dims: tuple[int, ...] = (2, 20, 128)) -> pd.DataFrame:
    """One row a peer: kernel, statistic, what it loses from which d, and from which n it sees."""
    rows = []
    for peer in PEERS:
        shown: dict[str, Any] = {
            "kernel": peer.formula,
            "statistic": ("V" if peer.biased else "U") + f", n = {peer.batch}",
        }
        for what, reads in (("escape", escapes), ("a fifth larger", larger)):
            shown[f"{what}: seen at d"] = stretch(seen(peer, reads))
            for d in dims:
                kernel = peer.kernel(d)
                shown[f"{what}: n at d = {d}"] = short(samples(kernel, d, reads(kernel, d)))
        rows.append(pd.Series(shown, name=peer.name))
    return pd.DataFrame(rows)


def stretch(found: tuple[int, int] | None) -> str:
    """A stretch of dimensions in words."""
    if found is None:
        return "none"
    low, high = found
    if high == LARGEST:
        return "all" if low == 1 else f"{low} on"
    return f"{low} to {high}"


def short(count: float) -> str:
    """A number of codes, rounded where it is large."""
    return f"{count:,.0f}" if count < 1e4 else f"{count:.0e}".replace("e+0", "e")


def sources() -> pd.DataFrame:
    """Where each was read."""
    return pd.DataFrame([pd.Series({"read in": p.where}, name=p.name) for p in PEERS])


# Stored codes of pythae's model -------------------------------------------------------------------


def path() -> Path:
    """Where they lie."""
    return default_root("cpu") / "benchmarks" / "pythae_digits.npz"


def save(arrays: Mapping[str, np.ndarray]) -> Path:
    """Store the codes, whole or not at all.

    Raises:
        StoreError: If they cannot be written.
    """
    target = path()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-") as folder:
            new = Path(folder) / target.name
            new.write_bytes(buffer.getvalue())
            os.replace(new, target)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def codes(model: str) -> dict[str, np.ndarray]:
    """What the encoder of a stored model says of held-out digits, as `diagnose` takes it.

    Args:
        model: "default" or "narrow", see `tests/benchmarks/pythae_codes.py`.

    Raises:
        StoreError: If nothing is stored.
    """
    try:
        with np.load(path(), allow_pickle=False) as file:
            found = {what: file[f"{model}_{what}"] for what in ("codes", "mu", "logvar")}
            return {**found, "labels": file["labels"]}
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(
            f"{path()} cannot be read ({error!r}). Make it anew with:\n    {COMMAND}"
        ) from error
