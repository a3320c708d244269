"""A diagnosis of what lies in files, with a progress bar."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from infovae_core import devices
from infovae_core.diagnosis import Diagnosis, diagnose, intake


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
