"""Devices: chosen by name, refused in words, described."""

import ctypes
import platform

import pytest
import torch

from infovae_core import devices
from infovae_core.devices import DeviceError


@pytest.fixture
def gpus(monkeypatch):
    """Make PyTorch see so many GPUs."""

    def see(count: int) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)

    return see


@pytest.mark.parametrize(
    ("count", "name", "device"),
    [
        (0, "auto", "cpu"),
        (1, "auto", "cuda"),
        (0, "cpu", "cpu"),
        (1, "cpu", "cpu"),
        (1, "cuda", "cuda"),
        (2, "cuda:1", "cuda:1"),
    ],
)
def test_a_device_that_is_there_is_chosen(gpus, count, name, device):
    gpus(count)
    assert devices.resolve(name) == torch.device(device)


def test_auto_is_the_default(gpus):
    gpus(0)
    assert devices.resolve() == torch.device("cpu")


@pytest.mark.parametrize(("count", "name"), [(0, "cuda"), (0, "cuda:0"), (1, "cuda:1")])
def test_a_gpu_that_is_not_there_is_refused(gpus, count, name):
    gpus(count)
    with pytest.raises(DeviceError) as refusal:
        devices.resolve(name)
    assert f"device {name!r} was asked for" in str(refusal.value)
    assert f"sees {count} CUDA devices: use --device auto or cpu" in str(refusal.value)


def test_a_gpu_elsewhere_need_not_be_here(gpus):
    gpus(0)
    assert devices.resolve("cuda:3", elsewhere=True) == torch.device("cuda:3")
    assert devices.resolve("cpu", elsewhere=True) == torch.device("cpu")
    with pytest.raises(DeviceError, match="unknown device 'gpu'"):
        devices.resolve("gpu", elsewhere=True)


@pytest.mark.parametrize("count", [0, 1])
def test_a_device_elsewhere_must_be_named(gpus, count):
    gpus(count)
    with pytest.raises(DeviceError, match="name theirs, cpu or cuda"):
        devices.resolve("auto", elsewhere=True)


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(DeviceError, match=rf"unknown device '{name}': choose from auto, cpu, cuda"):
        devices.resolve(name)


def test_other_devices_of_pytorch_are_refused():
    with pytest.raises(DeviceError, match="device 'meta' is not supported: choose from auto"):
        devices.resolve("meta")


def test_only_a_gpu_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    devices.synchronize(torch.device("cpu"))
    assert waited == []
    devices.synchronize(torch.device("cuda:1"))
    assert waited == [torch.device("cuda:1")]


class FakeInfo:
    """/proc/cpuinfo with other content, or missing."""

    def __init__(self, text: str | None) -> None:
        self.text = text

    def __call__(self, path: str) -> "FakeInfo":
        assert path == "/proc/cpuinfo"
        return self

    def exists(self) -> bool:
        return self.text is not None

    def read_text(self) -> str:
        return self.text


@pytest.mark.parametrize(
    ("info", "processor", "expected"),
    [
        (
            "flags\t: fpu\nmodel name\t: Some CPU: fast\nmodel name\t: Other\n",
            "x",
            "Some CPU: fast",
        ),
        ("processor\t: 0\n", "armv8", "armv8"),
        (None, "armv8", "armv8"),
        (None, "", "machine"),
    ],
)
def test_a_cpu_is_described_by_its_model_or_architecture(monkeypatch, info, processor, expected):
    monkeypatch.setattr(devices, "Path", FakeInfo(info))
    monkeypatch.setattr(platform, "processor", lambda: processor)
    monkeypatch.setattr(platform, "machine", lambda: "machine")
    for threads, words in ((3, "3 threads"), (1, "1 thread")):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        assert devices.describe(torch.device("cpu")) == f"{expected}, {words}"


def test_this_machine_is_described():
    name, threads = devices.describe(torch.device("cpu")).rsplit(", ", 1)
    assert name.strip()
    assert threads.split()[0] == str(torch.get_num_threads())


def test_a_gpu_is_described_by_its_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"a GPU at {device}")
    assert devices.describe(torch.device("cuda:0")) == "a GPU at cuda:0"


def test_freed_memory_is_kept_by_thresholds_of_glibc(monkeypatch):
    calls = []

    class Libc:
        def mallopt(self, option: int, value: int) -> None:
            calls.append((option, value))

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Libc())
    devices.keep_freed_memory()
    # M_MMAP_THRESHOLD is -3 and M_TRIM_THRESHOLD -1 in glibc's malloc.h.
    assert dict(calls).keys() == {-3, -1}
    assert all(value >= 1 << 20 for _, value in calls)


@pytest.mark.parametrize("failure", [OSError, TypeError, AttributeError])
def test_a_c_library_without_mallopt_is_let_be(monkeypatch, failure):
    asked = []

    def library(name: None) -> None:
        asked.append(name)
        raise failure("no such thing")

    monkeypatch.setattr(ctypes, "CDLL", library)
    devices.keep_freed_memory()
    assert asked == [None]
