"""Devices: choose one, wait for it, describe it."""

import ctypes
import platform
from pathlib import Path

import torch

from infovae_core.refusal import Refusal

DEVICES = ("auto", "cpu", "cuda")


class DeviceError(Refusal):
    """A device was asked for that is not there."""


def resolve(name: str = "auto", elsewhere: bool = False) -> torch.device:
    """The device of this name; "auto" is a GPU where PyTorch sees one, else the CPU.

    Args:
        name: See `DEVICES`; also "cuda:1" and the like.
        elsewhere: Whether it is a device of other machines, which need not be on this one.

    Raises:
        DeviceError: If the device is not there, or PyTorch knows no such name; or for "auto"
            elsewhere, as nothing is known of the devices there.
    """
    if name == "auto":
        if elsewhere:
            raise DeviceError("other machines may have other devices: name theirs, cpu or cuda")
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {name!r}: choose from {', '.join(DEVICES)}") from error
    if device.type == "cuda" and not elsewhere and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"device {name!r} was asked for, and PyTorch {torch.__version__} sees "
            f"{torch.cuda.device_count()} CUDA devices: use --device auto or cpu"
        )
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"device {name!r} is not supported: choose from {', '.join(DEVICES)}")
    return device


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def describe(device: torch.device) -> str:
    """The device in words: "NVIDIA H200", or "AMD EPYC, 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    threads = torch.get_num_threads()
    return f"{name}, {threads} {'thread' if threads == 1 else 'threads'}"


def keep_freed_memory() -> None:
    """Let glibc keep large freed blocks, instead of mapping every temporary anew.

    By default each large temporary of a training step is mapped from the kernel and page-faulted
    in again. Does nothing where the C library has no `mallopt`.
    """
    mmap_threshold, trim_threshold = -3, -1
    try:
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, 32 << 20)
        libc.mallopt(trim_threshold, 1 << 30)
    except (AttributeError, OSError, TypeError):
        pass
