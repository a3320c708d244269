"""What the book says of Experiment 1: schedules of α and λ, InfoVAE-MMD at d = 20."""

import itertools
from collections.abc import Iterator

import numpy as np

from infovae_core.closed_forms import escape
from infovae_core.report.claims.checks import (
    alone,
    between,
    fact,
    less,
    mean,
    near,
    number,
    quote,
    same,
)
from infovae_core.report.claims.ledger import LEDGER, Check
from infovae_core.report.claims.readings import (
    FREE,
    NEAR,
    ONE,
    ORDER,
    by_seed,
    final,
    size,
)
from infovae_core.report.claims.stored import Stored
from infovae_core.report.intervals import different
from infovae_core.report.labels import SCHEDULES as LABELS
from infovae_core.schedules import TARGET_MMD
from infovae_core.study.experiments import EXPERIMENT1_SCHEDULES

ANNEALED = ("linear_annealing", "cyclical_annealing")


@LEDGER.book(
    "levels-of-experiment-1",
    "experiment1",
    "In Experiment 1 each of the nine published schedules ends on its published level, to within "
    "{difference:.1%}.",
    needs=ONE,
    tolerance="Means over the last 1,000 steps at most 15 % apart, for each of the nine schedules.",
)
def _(stored: Stored) -> Iterator[Check]:
    apart = []
    for name in list(EXPERIMENT1_SCHEDULES)[:9]:
        quoted = stored.published(ONE, "final_val_mmd", name)
        found = mean(final(stored, name))
        apart.append(abs(found / quoted - 1))
        yield fact(
            f"{LABELS[name]}: last validation MMD",
            f"{number(found)}, published {number(quoted)}",
            "at most 15 % apart",
            apart[-1] <= 0.15,
        )
    yield quote("difference", "the greatest difference", max(apart), "{:.1%}")


@LEDGER.book(
    "one-level",
    "experiment1",
    "The five schedules without a KL term end within {spread:.0e} of one another, fixed or "
    "controlled, on {escape:.5f}, which is what this ruler reads of *escaped* codes, those that "
    "have left the prior and one another.",
    needs=ONE,
    tolerance="At most 1e-4 from 3^(−d/4), at every seed; the classifier's AUC above 0.995.",
)
def _(stored: Stored) -> Iterator[Check]:
    level = escape(20, 1.0)
    means = [mean(final(stored, name)) for name in FREE]
    yield quote("spread", "greatest less least", max(means) - min(means), "{:.0e}")
    yield quote("escape", "3^(−d/4) at d = 20", level, "{:.5f}")
    for name in FREE:
        yield near(f"{LABELS[name]}: last reading", final(stored, name), level, 1e-4, form="{:.5f}")
        auc = stored.value(ONE, "classifier_auc", name)
        yield between(f"{LABELS[name]}: classifier AUC", auc, low=0.995)


@LEDGER.book(
    "target-below-escape",
    "experiment1",
    "The controllers' target, {target:.3f}, lies just below the {escape:.5f} that escaped codes "
    "read, and no schedule holds it.",
    needs=ONE,
    tolerance="The target is at most 5 % below; no run stays at or below it.",
)
def _(stored: Stored) -> Iterator[Check]:
    level = escape(20, 1.0)
    yield quote("target", "the target", TARGET_MMD)
    ratio = TARGET_MMD / level
    yield quote("escape", "3^(−d/4) at d = 20", level, "{:.5f}")
    yield fact("target / level", number(ratio), "0.95 to 1", 0.95 < ratio < 1)
    for name in FREE:
        held = stored.value(ONE, "steps_to_hold", name)
        yield fact(f"{LABELS[name]}: target held", f"in {len(held)} runs", "in none", not held)


@LEDGER.book(
    "untrained-reads-lowest",
    "experiment1",
    "The untrained model reads {untrained:.5f}, lower than any schedule ever does afterwards.",
    needs=ONE,
    tolerance="At every seed, below every later evaluation of every schedule.",
)
def _(stored: Stored) -> Iterator[Check]:
    start = stored.curve(ONE, "val_mmd", "fixed_500_1").iloc[0]
    untrained = by_seed(start)
    yield quote("untrained", "before the first step", untrained, "{:.5f}")
    for name in EXPERIMENT1_SCHEDULES:
        lowest = stored.curve(ONE, "val_mmd", name, after=0).min()
        later = by_seed(lowest)
        holds = all(untrained[seed] < later[seed] for seed in later)
        found = f"least {number(min(later.values()))}"
        yield fact(f"{LABELS[name]}: every later evaluation", found, "above", holds)


@LEDGER.book(
    "controllers-are-fixed-pairs",
    "experiment1",
    "After a thousand steps the controllers are fixed pairs: λ stands at its upper limit, "
    "{lam:.0f}, and α at its lower one, {alpha:.0f}.",
    needs=ONE,
    tolerance="Exactly, at every evaluation after step 1,000.",
    heading="After a thousand steps the controllers are fixed pairs",
)
def _(stored: Stored) -> Iterator[Check]:
    for weight, limit, names in (
        ("lam", 1500, ("adaptive_lam", "adaptive_both")),
        ("alpha", 1, ("adaptive_alpha", "adaptive_both")),
    ):
        for index, name in enumerate(names):
            found = stored.curve(ONE, weight, name, after=1000).to_numpy()
            yield Check(
                f"{LABELS[name]}: {'λ' if weight == 'lam' else 'α'} after 1,000 steps",
                f"{found.min():g} to {found.max():g}",
                f"{limit}",
                bool((found == limit).all()),
                weight if index == 0 else "",
                float(np.median(found)),
            )


@LEDGER.book(
    "controlled-alpha-starts-above-one",
    "experiment1",
    "The controlled α leaves 1 in the first steps only, and by {excess:.4f} at most.",
    needs=ONE,
    tolerance="Above 1 at some evaluation, by less than 0.05.",
)
def _(stored: Stored) -> Iterator[Check]:
    found = [
        stored.curve(ONE, "alpha", name).to_numpy().max()
        for name in ("adaptive_alpha", "adaptive_both")
    ]
    excess = alone(float(max(found)) - 1)
    yield between("greatest α, less 1", excess, 0, 0.05, "excess")


@LEDGER.book(
    "kl-term-holds",
    "experiment1",
    "The KL term holds the codes: with λ = 500 they end at {held:.2f} times the prior's size with "
    "α = 0, and at {free:.0f} times with α = 1.",
    needs=ONE,
    tolerance=f"With α = 0 between {NEAR[0]:g} and {NEAR[1]:g}; with α = 1 above 5; α = 0.5 "
    f"between.",
    heading="The KL term holds the codes",
)
def _(stored: Stored) -> Iterator[Check]:
    for name in ("fixed_500_0", "fixed_1000_0", *ANNEALED):
        quoted = "held" if name == "fixed_500_0" else ""
        yield between(f"{LABELS[name]}: ‖z‖/√d", size(stored, name), *NEAR, name=quoted)
    for name in FREE:
        quoted = "free" if name == "fixed_500_1" else ""
        yield between(f"{LABELS[name]}: ‖z‖/√d", size(stored, name), low=5, name=quoted)
    for lam in (500, 1000):
        for low, high in ((0, 0.5), (0.5, 1)):
            first, second = f"fixed_{lam}_{low:g}", f"fixed_{lam}_{high:g}"
            yield less(
                f"{LABELS[first]} less {LABELS[second]}: ‖z‖/√d",
                size(stored, first),
                size(stored, second),
            )


@LEDGER.book(
    "held-codes-are-told-less-surely",
    "experiment1",
    "A classifier tells the codes of α = 1 from prior draws without error (AUC {free:.2f}), and "
    "those of α = 0 less surely ({held:.2f}).",
    needs=ONE,
    tolerance=f"{ORDER} The first above 0.995.",
)
def _(stored: Stored) -> Iterator[Check]:
    auc = {
        name: stored.value(ONE, "classifier_auc", name) for name in ("fixed_500_0", "fixed_500_1")
    }
    yield between("λ = 500, α = 1: AUC", auc["fixed_500_1"], low=0.995, name="free")
    yield quote("held", "λ = 500, α = 0: AUC", auc["fixed_500_0"])
    yield less("AUC, α = 0 less α = 1", auc["fixed_500_0"], auc["fixed_500_1"])


@LEDGER.book(
    "whole-kl-term-costs-reconstruction",
    "experiment1",
    "A whole KL term costs reconstruction: {held:.1f} nats per test image at α = 0, {free:.1f} at "
    "α = 1, both with λ = 500. Half of one does not: {half:.1f} at α = 0.5.",
    needs=ONE,
    tolerance=ORDER,
)
def _(stored: Stored) -> Iterator[Check]:
    bce = {
        alpha: stored.value(ONE, "test_bce", f"fixed_500_{alpha}") for alpha in ("0", "0.5", "1")
    }
    for name, alpha in (("held", "0"), ("half", "0.5"), ("free", "1")):
        yield quote(name, f"λ = 500, α = {alpha}: test BCE", bce[alpha], "{:.1f}")
    yield less("test BCE, α = 1 less α = 0", bce["1"], bce["0"])
    yield less("test BCE, α = 0.5 less α = 0", bce["0.5"], bce["0"])


@LEDGER.book(
    "lam-changes-little",
    "experiment1",
    "Between λ = 500 and 1000 little changes: at α = 0 the last reading is {at_500:.4f} and "
    "{at_1000:.4f}.",
    needs=ONE,
    tolerance="Last readings at most 10 % apart at every α.",
)
def _(stored: Stored) -> Iterator[Check]:
    for alpha in ("0", "0.5", "1"):
        first, second = final(stored, f"fixed_500_{alpha}"), final(stored, f"fixed_1000_{alpha}")
        if alpha == "0":
            yield quote("at_500", "λ = 500, α = 0", first, "{:.4f}")
            yield quote("at_1000", "λ = 1000, α = 0", second, "{:.4f}")
        yield same(
            f"α = {alpha}: λ = 500 less 1000", first, second, 0.1 * mean(first), form="{:.1e}"
        )


@LEDGER.book(
    "annealed-end-near-alpha-zero",
    "experiment1",
    "The annealed runs end near the fixed pair of their last weights, at {linear:.4f} (linear) and "
    "{cyclical:.4f} (cyclical) where it reads {fixed:.4f}, with codes of the prior's size.",
    needs=ONE,
    tolerance="Last readings at most 15 % apart; ‖z‖/√d between 0.8 and 1.25.",
)
def _(stored: Stored) -> Iterator[Check]:
    fixed = final(stored, "fixed_1000_0")
    yield quote("fixed", "λ = 1000, α = 0", fixed, "{:.4f}")
    for name in ANNEALED:
        found = final(stored, name)
        yield quote(name.split("_")[0], LABELS[name], found, "{:.4f}")
        yield same(f"{LABELS[name]} less the pair", found, fixed, 0.15 * mean(fixed), form="{:.1e}")
        yield between(f"{LABELS[name]}: ‖z‖/√d", size(stored, name), *NEAR)


@LEDGER.book(
    "few-pairs-told-apart",
    "experiment1",
    "Of the {pairs:.0f} pairs among the five schedules without a KL term the seeds tell {told:.0f} "
    "apart by their last reading; a difference there would be none in alignment.",
    needs=ONE,
    tolerance="Fewer than half of the pairs.",
    heading="Few pairs of schedules are told apart",
)
def _(stored: Stored) -> Iterator[Check]:
    pairs = list(itertools.combinations(FREE, 2))
    told = sum(different(final(stored, a), final(stored, b)) is True for a, b in pairs)
    yield quote("pairs", "pairs", float(len(pairs)), "{:.0f}")
    found = alone(float(told))
    yield between("pairs whose interval excludes 0", found, -1, len(pairs) / 2, "told")
