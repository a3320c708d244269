"""What the book says of time: of the experiments, and of the benchmark record of a CPU."""

from collections.abc import Iterator

from infovae_core.report.claims.checks import alone, between, fact, mean, quote
from infovae_core.report.claims.ledger import LEDGER, Check
from infovae_core.report.claims.readings import (
    AAE,
    CHI2,
    CRAMER,
    MMD,
    PENALTIES,
    RECON,
    SINKHORN,
    SIX,
    STEIN,
    THREE,
    TWO,
)
from infovae_core.report.claims.stored import Stored
from infovae_core.report.labels import LABELS

ON = "Medians over the turns of the record."


@LEDGER.book(
    "penalties-cost-little",
    "experiment2",
    "Beside the network most penalties cost little. At d = 20 a run takes {low:.0f} to {high:.0f} "
    "s with MMD, Stein, Cramér, χ² and none. With Sinkhorn it takes {sinkhorn:.0f} s, {ratio:.2f} "
    "times as long as with the MMD (published: {published:.2f}).",
    needs=TWO,
    tolerance="Within 15 % of the model without a penalty, but for Sinkhorn; its ratio to the MMD "
    "below the published one.",
    heading="Most penalties cost little",
)
def _(stored: Stored) -> Iterator[Check]:
    times = {
        model: mean(stored.value(TWO, "timed_seconds", model)) for model in (*PENALTIES, RECON)
    }
    for model in (MMD, STEIN, CRAMER, CHI2):
        ratio = times[model] / times[RECON]
        yield between(f"{LABELS[model]} beside none", alone(ratio), 0.85, 1.15)
    others = [time for model, time in times.items() if model != SINKHORN]
    yield quote("low", "fastest but Sinkhorn, s", min(others), "{:.0f}")
    yield quote("high", "slowest but Sinkhorn, s", max(others), "{:.0f}")
    yield quote("sinkhorn", "Sinkhorn, s", times[SINKHORN], "{:.0f}")
    quoted = [stored.published(TWO, "timed_seconds", model) for model in (SINKHORN, MMD)]
    published = quoted[0] / quoted[1]
    ours = alone(times[SINKHORN] / times[MMD])
    yield between("Sinkhorn beside MMD", ours, 1, published, "ratio")
    yield quote("published", "published", published, "{:.2f}")


@LEDGER.book(
    "models-cost-the-same",
    "experiment3",
    "The models cost nearly the same, in the thesis and here. At d = 20 ReconAE takes {recon:.0f} "
    "s, InfoVAE-MMD {mmd:.0f} s and AAE, with its discriminator, {aae:.0f} s; single repetitions "
    "of the first range from {low:.0f} to {high:.0f} s.",
    needs=THREE,
    tolerance="At d = 20 all six within 15 % of one another, published (the same rule) and ours.",
    heading="The models cost nearly the same",
)
def _(stored: Stored) -> Iterator[Check]:
    for name, model in (("recon", RECON), ("mmd", MMD), ("aae", AAE)):
        yield quote(name, f"{LABELS[model]}: seconds", stored.value(THREE, "timed_seconds", model))
    yield quote("low", "ReconAE, fastest repetition", stored.value(THREE, "timed_low", RECON))
    yield quote("high", "ReconAE, slowest repetition", stored.value(THREE, "timed_high", RECON))
    ours = [mean(stored.value(THREE, "timed_seconds", model)) for model in SIX]
    theirs = [stored.published(THREE, "timed_seconds", model) for model in SIX]
    for what, times in (("ours", ours), ("published", theirs)):
        ratio = max(times) / min(times)
        yield fact(f"{what}: slowest beside fastest", f"{ratio:.2f}", "at most 1.15", ratio <= 1.15)


# The benchmark record ----------------------------------------------------------------------------


@LEDGER.book(
    "loop-beside-plain",
    "costs",
    "On all cores our loop makes {ours:.1f} steps a second in single precision, {speed:.2f} times "
    "as many as the plain loop, and {percent:.0f} % of what the limit allows. With bfloat16 it "
    "makes {mixed:.1f}.",
    tolerance=f"{ON} Faster than the plain loop, below the limit, and faster with bfloat16.",
)
def _(stored: Stored) -> Iterator[Check]:
    found = stored.record()
    yield quote("ours", "steps a second, fp32", found["all_ours_fp32_rate"])
    yield between("beside the plain loop", alone(found["all_ours_fp32_speed"]), low=1, name="speed")
    yield between("% of the limit", alone(found["all_ours_fp32_percent"]), 0, 100, name="percent")
    mixed = alone(found["all_ours_bf16_rate"])
    yield between("steps a second, bf16", mixed, low=found["all_ours_fp32_rate"], name="mixed")


@LEDGER.book(
    "a-run-on-every-core",
    "costs",
    "With a run on every core it makes {single:.1f} and, with bfloat16, {mixed:.1f}, all runs "
    "together: {single_speed:.2f} and {mixed_speed:.2f} times the plain loop's.",
    tolerance=f"{ON} More than one run on all cores, and more than the plain loop.",
)
def _(stored: Stored) -> Iterator[Check]:
    found = stored.record()
    for name, precision in (("single", "fp32"), ("mixed", "bf16")):
        rate = alone(found[f"core_ours_{precision}_rate"])
        one = found[f"all_ours_{precision}_rate"]
        yield between(f"steps a second, {precision}", rate, low=one, name=name)
        speed = alone(found[f"core_ours_{precision}_speed"])
        yield between(f"beside the plain loop, {precision}", speed, low=1, name=f"{name}_speed")


@LEDGER.book(
    "little-to-gain",
    "costs",
    "A step that ran at the limit in single precision would be {all:.1f} times as fast as the "
    "plain loop on all cores, and {core:.1f} times with a run on every core; with bfloat16 the "
    "limit is {all_mixed:.1f} and {core_mixed:.1f} times its speed.",
    tolerance=f"{ON} Below 4 in single precision.",
)
def _(stored: Stored) -> Iterator[Check]:
    found = stored.record()
    for name in ("all", "core"):
        limit = alone(found[f"{name}_limit_fp32_speed"])
        yield between(f"{name}: limit beside the plain loop", limit, high=4, name=name)
        mixed = found[f"{name}_limit_bf16_speed"]
        yield quote(f"{name}_mixed", f"{name}: likewise, bf16", mixed)


@LEDGER.book(
    "stack-on-a-cpu",
    "costs",
    "On a CPU a stack gains nothing: of eight runs it takes {eight:.0f} ms a step where a single "
    "model takes {one:.0f} ms, {gain:.2f} times as many steps a second with all runs counted. A "
    "run on every core makes {core:.2f} times as many as one run on all cores.",
    tolerance=f"{ON} Below 1 for the stack, above 1 for a run a core.",
)
def _(stored: Stored) -> Iterator[Check]:
    found = stored.record()
    yield quote("eight", "a step of a stack of eight (ms)", found["step_R_8_ms"])
    yield quote("one", "a step of one model (ms)", found["step_R_1_ms"])
    yield between(
        "stack: steps a second beside one", alone(found["step_R_8_gain"]), high=1, name="gain"
    )
    yield between("a run a core beside one run", alone(found["core_fp32_gain"]), low=1, name="core")


@LEDGER.book(
    "step-does-not-grow-with-d",
    "costs",
    "Against the minibatch the exponent of a step's time is {batch:.2f} between the last two "
    "points, where 1 is proportional; against d it is {dims:.2f} over the whole range.",
    tolerance=f"{ON} Above 0.6, and below 0.2.",
)
def _(stored: Stored) -> Iterator[Check]:
    found = stored.record()
    yield between("minibatch", alone(found["step_n_time_end"]), low=0.6, name="batch")
    yield between("d", alone(found["step_d_time_all"]), high=0.2, name="dims")


@LEDGER.book(
    "divergences-beside-a-step",
    "costs",
    "At the 128 samples of a minibatch MMD takes {mmd:.1f} ms and Sinkhorn {sinkhorn:.1f} ms, "
    "beside {step:.0f} ms of the whole step with MMD.",
    tolerance=f"{ON} Sinkhorn takes longer than MMD, and either less than half of the step.",
)
def _(stored: Stored) -> Iterator[Check]:
    found = stored.record()
    mmd, half = found["mmd_n_128_ms"], found["step_n_128_ms"] / 2
    yield between("MMD (ms)", alone(mmd), high=half, name="mmd")
    yield between("Sinkhorn (ms)", alone(found["sinkhorn_n_128_ms"]), mmd, half, name="sinkhorn")
    yield quote("step", "whole step with MMD (ms)", found["step_n_128_ms"])
