"""The benchmarks: same model, sound harness, sound arithmetic. Nothing here depends on a time."""

import importlib.util
import itertools
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from infovae_core import devices
from infovae_core.objectives import Terms
from infovae_core.report import costs
from infovae_core.report.figures import cost_plots
from infovae_core.step import Trainer
from infovae_core.study.sealed import seal
from infovae_core.study.store import StoreError
from tests.benchmarks import __main__ as command
from tests.benchmarks import contenders, plain, suites, turns
from tests.benchmarks.suites import Settings
from tests.benchmarks.turns import Contender, Measured, serve, take_turns

CPU = torch.device("cpu")
TINY = Settings(
    data="digits",
    repetitions=2,
    calls=2,
    cores=1,  # Threads that wait for one another would wait long on a busy machine.
    at_once=2,
    matrix=16,
    stacks=(1, 2),
    mixed=3,
    stacked=(1, 2),
    batches=(32, 64),
    samples=(8, 16),
    latent_dims=(2, 4),
    compiled=False,
    val_batches=4,
    grid=(1, 2),
    grid_steps=2,
    grid_repetitions=1,
)


# The same model -----------------------------------------------------------------------------------


def ours_as_plain(model: torch.nn.Module, d: int) -> plain.PlainVAE:
    """The plain network with the parameters of ours, in PyTorch's order of channels."""
    network, state = plain.PlainVAE(d), model.state_dict()
    channels_first = lambda w: w.unflatten(0, (7, 7, 64)).movedim(2, 0).flatten(0, 2)  # noqa: E731
    heads = channels_first(state["encoder.heads.weight"].T).T
    given = {
        "mu.weight": heads[:d],
        "logvar.weight": heads[d:],
        "mu.bias": state["encoder.heads.bias"][:d],
        "logvar.bias": state["encoder.heads.bias"][d:],
        "decoder.0.weight": channels_first(state["decoder.linear.weight"]),
        "decoder.0.bias": channels_first(state["decoder.linear.bias"]),
    }
    layers = {"encoder.conv1": "features.0", "encoder.conv2": "features.2"}
    layers |= {"decoder.deconv1": "decoder.2", "decoder.deconv2": "decoder.4"}
    for name, theirs in layers.items():
        given |= {f"{theirs}.{part}": state[f"{name}.{part}"] for part in ("weight", "bias")}
    network.load_state_dict(given)
    return network


def one_step(monkeypatch) -> tuple[Terms, plain.PlainVAE, torch.Tensor, float]:
    """Our loss and its gradient's norm, and the plain network about to make the same step.

    Its `randn_like` gives the draws that ours made: the posterior's noise, then the prior's.
    """
    trainer = Trainer([contenders.the_run()], CPU)
    network = ours_as_plain(trainer.model, contenders.LATENT_DIM)
    x = contenders.load("random", CPU).train.images[: contenders.BATCH]
    drawn = []
    normal = trainer.normal

    def recorded(generators):
        drawn.append(normal(generators))
        return drawn[-1]

    monkeypatch.setattr(trainer, "normal", recorded)
    terms = trainer.step(x[None])
    gradients = [parameter.grad for parameter in trainer.model.parameters()]
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    draws = itertools.cycle([drawn[0][0], drawn[1][0]])
    monkeypatch.setattr(torch, "randn_like", lambda like, **_: next(draws))
    return terms, network, x, float(norm)


def norm_of_gradients(module: torch.nn.Module) -> float:
    return float(torch.stack([p.grad.norm() for p in module.parameters()]).norm())


def test_the_plain_loop_has_our_loss_and_gradient_on_our_weights(monkeypatch):
    terms, network, x, norm = one_step(monkeypatch)
    loss = plain.infovae_mmd_loss(network, x)
    loss.backward()
    assert loss.item() == pytest.approx(float(terms.loss), rel=1e-5, abs=1e-4)
    assert norm_of_gradients(network) == pytest.approx(norm, rel=1e-4)


def test_pythae_has_our_loss_and_gradient_on_our_weights(monkeypatch):
    pytest.importorskip("pythae", reason="only `make bench` installs it")
    from tests.benchmarks import pythae_loop

    terms, network, x, norm = one_step(monkeypatch)
    model = pythae_loop.model(network, contenders.LATENT_DIM)
    loss = model({"data": x}).loss
    loss.backward()
    assert loss.item() == pytest.approx(float(terms.loss), rel=1e-5, abs=1e-4)
    assert norm_of_gradients(model) == pytest.approx(norm, rel=1e-4)


def test_the_operations_of_a_step_are_those_that_pytorch_counts():
    from torch.utils.flop_counter import FlopCounterMode

    network = plain.PlainVAE(contenders.LATENT_DIM)
    x = contenders.load("random", CPU).train.images[:8]
    with FlopCounterMode(display=False) as counter:
        logits, z = network(x)
        (logits.sum() + z.sum()).backward()
    assert contenders.flop_per_step(8) == pytest.approx(counter.get_total_flops(), rel=0.01)


# Contenders ---------------------------------------------------------------------------------------

SMALL = [
    ("ours", {"data_set": "random", "batch_size": 8, "latent_dim": 2}),
    ("ours", {"data_set": "random", "batch_size": 8, "stack": 2, "precision": "bf16"}),
    ("ours", {"data_set": "random", "batch_size": 128, "stack": 3, "mixed": True}),
    ("ours", {"data_set": "random", "batch_size": 8, "fused": False, "keep_memory": False}),
    ("product", {"size": 8}),
    ("product", {"size": 8, "precision": "bf16"}),
    *[("divergence", {"name": name, "n": 8, "d": 2}) for name in suites.DIVERGENCES],
]


@pytest.mark.parametrize(("make", "options"), SMALL)
def test_a_contender_gives_a_finite_value(make, options):
    try:
        assert math.isfinite(contenders.MAKERS[make](CPU, **options)(2))
    finally:
        torch.set_flush_denormal(False)


def test_what_is_left_out_changes_no_loss(monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda model: compiled.append(model))
    options = {"data_set": "random", "batch_size": 8, "latent_dim": 2}
    expected = contenders.ours(CPU, **options)(3)
    for change in ("library", "compiled"):
        assert contenders.ours(CPU, **options, **{change: True})(3) == pytest.approx(expected, 1e-4)
    torch.set_flush_denormal(False)
    (model,) = compiled
    assert type(model).__name__ == "VAE"


def test_pythae_makes_the_steps_it_is_asked_for():
    pytest.importorskip("pythae", reason="only `make bench` installs it")
    call = contenders.pythae(CPU, "random")
    loop = call.__self__
    assert math.isfinite(call(3)) and math.isfinite(call(2))
    (state, *_) = loop.trainer.optimizer.state.values()
    assert int(state["step"]) == 5
    loop.folder.cleanup()


def test_both_ways_of_validating_give_one_value():
    batched = contenders.validation(CPU, "digits", val_batches=20)(1)
    assert contenders.validation_loop(CPU, "digits", val_batches=20)(1) == pytest.approx(
        batched, abs=1e-6
    )


def test_a_missing_peer_is_said_and_left_out(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "not installed" in contenders.absent()["pythae"]
    asked = []
    monkeypatch.setattr(
        suites,
        "take_turns",
        lambda given, *_: asked.append(given) or [Measured([1.0])] * len(given),
    )
    names = [row["contender"] for row in suites.peers(replace(TINY, cores=3))]
    assert "pythae" not in names and names[:3] == ["ours, fp32", "ours, bf16", "plain loop"]
    assert {(c.copies, c.threads) for c in asked[0]} == {(1, 3)}
    assert {(c.copies, c.threads) for c in asked[1]} == {(2, 1)}


def test_the_peers_versions_are_pinned():
    lines = (Path(__file__).parents[1] / "requirements-bench.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins == ["pythae==0.1.2"] and all(re.fullmatch(r"\w+==[\d.]+", pin) for pin in pins)


# Harness ------------------------------------------------------------------------------------------


class Pipe:
    """A connection that asks for these counts, and keeps the replies."""

    def __init__(self, *counts: int) -> None:
        self.counts, self.replies = iter([*counts, None]), []

    def recv(self):
        return next(self.counts)

    def send(self, reply) -> None:
        self.replies.append(reply)


def test_a_contender_is_timed_by_the_call_and_its_making_is_not_counted(monkeypatch):
    clock, made = itertools.count(), []
    monkeypatch.setattr(turns.time, "perf_counter", lambda: 10.0 * next(clock))
    monkeypatch.setattr(torch, "set_num_threads", made.append)
    monkeypatch.setattr(turns, "memory", lambda device, kind: {"VmRSS": 100, "VmHWM": 350}[kind])
    monkeypatch.setitem(turns.MAKERS, "counter", lambda device: lambda count: made.append(count))
    pipe = Pipe(5, 2)
    serve(Contender("x", "counter", threads=3), "cpu", pipe)
    assert made == [3, 1, 5, 2]
    assert pipe.replies == [(2.0, None, 250), (5.0, None, 250)]


def test_turns_interleave_and_the_slowest_copy_counts(monkeypatch):
    order = []

    class End:
        def __init__(self, name, seconds):
            self.name, self.seconds = name, iter(seconds)

        def send(self, count):
            order.append((self.name, count))

        def recv(self):
            return next(self.seconds), self.name, 7

        def close(self):
            pass

    class Context:
        ends = iter(
            [End("a", (9.0, 1.0, 2.0)), End("b", (9.0, 5.0, 3.0)), End("b'", (9.0, 4.0, 6.0))]
        )

        def Pipe(self):
            return next(self.ends), End("theirs", ())

        class Process:
            def __init__(self, **_):
                pass

            def start(self):
                pass

            join = start

    monkeypatch.setattr(turns.multiprocessing, "get_context", lambda _: Context())
    given = [Contender("a", "", calls=3), Contender("b", "", calls=4, copies=2)]
    found = take_turns(given, repetitions=2)
    assert order[:9] == 3 * [("a", 3), ("b", 4), ("b'", 4)]
    assert order[9:] == [("a", None), ("b", None), ("b'", None)]
    assert [measured.seconds for measured in found] == [[1.0, 2.0], [5.0, 6.0]]
    assert found[1].value == "b" and found[1].peak_bytes == 7


@pytest.mark.slow
def test_a_process_that_fails_is_named(capfd):
    with pytest.raises(RuntimeError, match="'wrong' ended before its time"):
        take_turns([Contender("wrong", "product", {"size": -1})], 1)
    assert "Trying to create tensor with negative dimension" in capfd.readouterr().err


@pytest.mark.parametrize("kind", ["VmRSS", "VmHWM"])
def test_memory_is_that_of_this_process(kind):
    found = turns.memory(CPU, kind)
    if not Path("/proc/self/status").exists():
        assert found is None
        return
    block = torch.ones(64 << 20, dtype=torch.uint8)
    assert found > 50 << 20
    assert turns.memory(CPU, "VmHWM") >= turns.memory(CPU, "VmRSS") >= block.numel()


@pytest.mark.slow
def test_all_is_measured_printed_stored_and_shown(tmp_path, monkeypatch, capsys):
    """The whole command on a tiny scale, with true processes; then tables, figures and numbers."""
    monkeypatch.setenv("INFOVAE_RESULTS", str(tmp_path))
    command.main([], TINY)
    printed = capsys.readouterr().out
    record = costs.require("cpu")
    assert json.loads(costs.path("cpu").read_text()) == seal(record)
    assert [path.name for path in costs.path("cpu").parent.iterdir()] == ["cpu.json"]
    assert {"plain loop", "ours, fp32", "limit, bf16"} <= {
        row["contender"] for row in record["turns"]
    }
    assert ("pythae" in record["absent"]) == (importlib.util.find_spec("pythae") is None)
    for row in record["turns"] + record["growth"] + record["grid"]:
        assert all(0 < seconds < math.inf for seconds in row["seconds"])
    for row in record["turns"] + record["growth"]:
        assert len(row["seconds"]) == TINY.repetitions
    for measure in costs.measures(record):
        assert costs.table(record, measure).to_string() in printed
    assert costs.growth_table(record).to_string() in printed
    assert costs.grid_table(record).to_string() in printed
    assert all(math.isfinite(value) for value in costs.findings(record).values())
    for figure in (
        cost_plots.contenders(record, ["one run, all cores", "one run a core"]),
        cost_plots.growth(record),
        cost_plots.divergences(record),
        cost_plots.grids(record),
    ):
        figure.canvas.draw()
        plt.close(figure)


@pytest.mark.slow
def test_stacks_are_measured_on_whatever_device_there_is(capsys, monkeypatch):
    monkeypatch.setattr(costs, "save", lambda record: pytest.fail("a part is not stored"))
    command.main(["stacks"], TINY)
    printed = capsys.readouterr().out
    assert "R = 2, bf16" in printed and "nothing is stored" in printed


def test_a_wrong_part_or_device_is_refused(capsys, monkeypatch):
    with pytest.raises(SystemExit):
        command.main(["speed"])
    assert "unknown part speed: choose from peers" in capsys.readouterr().err
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(SystemExit):
        command.main(["--device", "cuda"])
    assert "0 CUDA devices" in capsys.readouterr().err


def test_a_gpu_is_measured_by_stacks_and_growth_with_a_large_product(monkeypatch):
    asked = {}
    monkeypatch.setattr(devices, "resolve", torch.device)

    def record(parts, settings, device, quick):
        asked.update(parts=parts, matrix=settings.matrix, device=device, data=settings.data)
        return {"device": device}

    monkeypatch.setattr(command, "record", record)
    monkeypatch.setattr(costs, "report", lambda made: "")
    monkeypatch.setattr(costs, "save", lambda made: "")
    command.main(["--device", "cuda", "--data", "digits"])
    assert asked == {
        "parts": ("stacks", "growth"), "matrix": 8192, "device": "cuda", "data": "digits",
    }  # fmt: skip


# Arithmetic ---------------------------------------------------------------------------------------


def turn(contender, seconds, models=1, operations=100.0, **changes):
    return {
        "measure": "one run a core", "contender": contender, "baseline": "plain loop",
        "precision": "fp32", "threads": 1, "models": models, "operations": operations,
        "calls": 1, "seconds": seconds, "peak_bytes": None,
    } | changes  # fmt: skip


def grown(of, quantity, value, seconds, peak):
    return {"of": of, "quantity": quantity, "value": value, "calls": 1, "seconds": seconds,
            "peak_bytes": peak}  # fmt: skip


@pytest.fixture
def record():
    return {
        "version": costs.VERSION, "device": "cpu", "machine": "A Chip, 2 threads", "cores": 2,
        "torch": "2.0", "python": "3.11", "commit": "0123456789ab", "quick": False,
        "settings": {"repetitions": 3}, "batch_size": 128, "latent_dim": 20,
        "operations_per_step": 100.0, "absent": {"pythae": "pythae is not installed: …"},
        "turns": [
            turn("ours, fp32", [0.5, 0.25, 1.0], models=2),
            turn("plain loop", [1.0, 1.0, 1.0], models=2),
            # In a second 1000 operations, so ten steps.
            turn("limit, fp32", [2.0, 1.0, 2.0], models=2, operations=2000.0),
        ],
        "growth": [
            *[grown("step", "n", n, [3e-3 * n, 2e-3 * n, 1e-3 * n], n << 20) for n in (2, 4, 8)],
            *[grown("mmd", "n", n, [1e-3 * n**2], None) for n in (8, 16)],
        ],
        "grid": [
            {"workers": w, "runs": r, "steps": 5, "seconds": [3 + 8 * r / w] * 2}
            for w in (1, 2) for r in (2, 4, 8)
        ],
        "finished": "2026-01-02T03:04:05+00:00",
    }  # fmt: skip


def test_ratios_are_medians_over_turns_of_pairs(record):
    table = costs.table(record, "one run a core")
    assert dict(table.loc["ours, fp32"]) == {
        "steps per second": "4 [2, 8]",
        "against “plain loop”": "2 [1, 4]",
        # Limits 10, 20, 10 and rates 4, 8, 2 give 0.4, 0.4, 0.2.
        "of the limit": "40.0%",
    }
    assert table.loc["limit, fp32", "steps per second"] == "10 [10, 20]"
    assert table.loc["plain loop", "against “plain loop”"] == "1"
    found = costs.findings(record)
    assert found["core_ours_fp32_rate"] == 4
    assert found["core_ours_fp32_speed"] == 2
    assert found["core_ours_fp32_percent"] == pytest.approx(40)
    assert found["core_plain_loop_full"] == costs.FULL_LENGTH / 2


def test_a_measure_without_its_baseline_or_a_limit_has_no_ratio(record):
    del record["turns"][1:]
    table = costs.table(record, "one run a core")
    assert list(table.columns) == ["steps per second", "against “plain loop”"]
    assert table.loc["ours, fp32", "against “plain loop”"] == "–"
    assert "core_ours_fp32_speed" not in costs.findings(record)


def test_exponents_are_those_of_power_laws(record):
    rows = costs.sweeps(record)["step", "n"]
    assert costs.exponents(rows) == pytest.approx(
        {"time, all": 1, "time, end": 1, "memory, all": 1, "memory, end": 1}
    )
    # A constant flattens the whole more than the end.
    for row in rows:
        row["seconds"] = [1e-2 + second for second in row["seconds"]]
    bent = costs.exponents(rows)
    x, y = np.log([2, 4, 8]), np.log([0.014, 0.018, 0.026])
    assert bent["time, end"] == pytest.approx((y[2] - y[1]) / math.log(2))
    assert bent["time, all"] == pytest.approx(np.cov(x, y)[0, 1] / np.var(x, ddof=1))
    table = costs.growth_table(record)
    assert table.loc["MMD", "expected"] == "2" and table.loc["MMD", "time, all"] == "2.00"
    assert table.loc["MMD", "memory, all"] == "–"


def test_gains_count_the_steps_of_all_runs(record):
    record["growth"] = [grown("step", "R", r, [0.1 * r**0.5], None) for r in (1, 4)]
    record["turns"] += [turn("ours, fp32", [0.5], 1, measure="one run, all cores")]
    found = costs.findings(record)
    assert found["step_R_4_gain"] == pytest.approx(2)
    assert found["core_fp32_gain"] == pytest.approx(2)
    assert found["many_fp32_days"] == pytest.approx(1e4 * costs.FULL_LENGTH / 4 / 86400)


def test_ten_thousand_runs_are_the_slope_times_ten_thousand(record):
    assert costs.grid_lines(record) == {1: pytest.approx((8, 3)), 2: pytest.approx((4, 3))}
    assert costs.findings(record)["grid_2_hours"] == pytest.approx(40_000 / 3600)
    assert costs.grid_table(record).loc["1 worker", "10,000 runs, extrapolated (h)"] == "22.2"


def test_the_report_says_all_of_it(record):
    text = costs.report(record)
    assert text.startswith(
        "A Chip, 2 cores; PyTorch 2.0; commit 0123456789; 2026-01-02; 3 turns.\n"
    )
    assert "pythae is not installed: …" in text
    assert "a quick run" in costs.provenance(record | {"quick": True})
    bare = costs.report(record | {"growth": [], "grid": []})
    assert "growth" not in bare and "grids" not in bare


def test_the_published_times_are_those_of_the_appendix():
    assert costs.published_seconds("experiment2") == (30.3, 82.1)
    assert costs.published_seconds("experiment3") == (64.6, 72.3)


# The record ---------------------------------------------------------------------------------------


def test_a_record_is_stored_whole_and_read_back(record, tmp_path, monkeypatch):
    monkeypatch.setenv("INFOVAE_RESULTS", str(tmp_path))
    assert costs.load("cpu") is None
    with pytest.raises(StoreError, match=r"(?s)cpu\.json is missing.*make bench$"):
        costs.require("cpu")
    assert costs.save(record) == tmp_path / "benchmarks" / "cpu.json"
    assert costs.require("cpu") == record
    with pytest.raises(ValueError, match="not JSON compliant"):
        costs.save(record | {"growth": [math.nan]})
    assert costs.require("cpu") == record
    assert [path.name for path in (tmp_path / "benchmarks").iterdir()] == ["cpu.json"]


def test_a_record_that_cannot_be_read_or_written_is_an_error(record, tmp_path, monkeypatch):
    monkeypatch.setenv("INFOVAE_RESULTS", str(tmp_path))
    path = costs.save(record)
    path.write_text("{")
    with pytest.raises(StoreError, match=r"(?s)cannot be read.*make bench"):
        costs.load("cpu")
    path.write_text(json.dumps(record | {"version": 0}))
    with pytest.raises(StoreError, match="of version 0, not 1"):
        costs.load("cpu")
    monkeypatch.setenv("INFOVAE_RESULTS", str(path))
    with pytest.raises(StoreError, match="cannot write"):
        costs.save(record)


def test_the_record_of_the_book_has_all_its_parts():
    found = costs.require("cpu")
    assert costs.measures(found) == list(costs.SHORT)[:4]
    assert {(of, quantity) for of, quantity in costs.sweeps(found)} == {
        ("step", "R"), ("step", "n"), ("step", "d"), *((name, "n") for name in suites.DIVERGENCES),
    }  # fmt: skip
    assert len(found["turns"][0]["seconds"]) >= 5
    assert set(costs.LABELS) == {"step", *suites.DIVERGENCES}
