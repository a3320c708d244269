"""What a result was made with: machine, versions, commit."""

import functools
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from infovae_core import devices


def provenance(device: torch.device, seconds: float) -> dict[str, Any]:
    """What a result was made with; `seconds` are those of training and measuring together."""
    return {
        "device": devices.describe(device),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "commit": commit_at_start(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
    }


def commit() -> str:
    """The checkout's commit, with "+" where tracked files of the package differ; else "unknown"."""
    here = Path(__file__).parents[1]  # The package, whatever of it is edited.

    # Not those of a hook or a shell that is about another repository.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(here), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=True,
            env=environment,
        ).stdout.strip()

    try:
        # Installed inside another checkout, the package is not what that one's commit describes.
        git("ls-files", "--error-unmatch", "--", str(Path(__file__).relative_to(here)))
        changed = git("diff", "--name-only", "HEAD", "--", ".")
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@functools.cache
def commit_at_start() -> str:
    """The commit when first asked: what this process runs, whatever is edited meanwhile."""
    return commit()
