"""What the thesis says of Experiment 2: five divergences, and two controls."""

import math
from collections.abc import Iterator

from infovae_core.report.claims.checks import (
    alone,
    between,
    fact,
    least,
    less,
    level,
    mean,
    number,
    quote,
    rank_correlation,
)
from infovae_core.report.claims.ledger import LEDGER, Check, Verdict
from infovae_core.report.claims.readings import (
    AAE,
    CHI2,
    CRAMER,
    MMD,
    NEAR,
    ORDER,
    PENALTIES,
    RECON,
    SINKHORN,
    STEIN,
    THREE,
    TWO,
    VAE,
    labelled,
    second,
)
from infovae_core.report.claims.stored import Stored
from infovae_core.report.labels import LABELS
from infovae_core.study.experiments import EXPERIMENTS, LATENT_DIMS

WIDE = (40, 60, 80)


@LEDGER.thesis(
    "t-kernel-and-ratio-align-best",
    "Abstract, 3.6, 4",
    Verdict.FAILS,
    "Penalties by kernels and by density ratios, MMD and χ² first, align best.",
    "At no d is the MMD or χ² the closest by the energy distance; where codes have collapsed onto "
    "the prior, nothing is closer.",
    needs=TWO,
    tolerance="At each d the least mean energy distance among the five is that of MMD or χ².",
)
def _(stored: Stored) -> Iterator[Check]:
    for d in LATENT_DIMS:
        series = labelled(stored, TWO, "energy_distance", PENALTIES, d)
        yield least(f"d = {d}: least energy distance", series, [LABELS[MMD], LABELS[CHI2]])


@LEDGER.thesis(
    "t-kernel-and-ratio-most-useful",
    "Abstract, 3.6",
    Verdict.PARTLY,
    "MMD and χ² give the most useful codes.",
    "MMD does, with Stein; but from d = 10 on those codes have left the prior. χ² does not.",
    needs=TWO,
    tolerance="At each d the SVM error of each is at most 0.02 above the least of the five.",
)
def _(stored: Stored) -> Iterator[Check]:
    for model in (MMD, CHI2):
        for d in LATENT_DIMS:
            best = min(
                mean(values) for values in labelled(stored, TWO, "svm_error", PENALTIES, d).values()
            )
            found = mean(second(stored, "svm_error", model, d))
            yield fact(
                f"{LABELS[model]}, d = {d}: SVM error",
                f"{number(found)}, the least is {number(best)}",
                "at most 0.02 above",
                found <= best + 0.02,
            )


@LEDGER.thesis(
    "t-mmd-consistently-effective",
    "4",
    Verdict.PARTLY,
    "The MMD is consistently effective.",
    "It holds the codes in five dimensions, and in two, with one seed nearly collapsed; from ten "
    "on it lets go.",
    needs=TWO,
    tolerance=f"‖z‖/√d between {NEAR[0]:g} and {NEAR[1]:g} at every seed.",
)
def _(stored: Stored) -> Iterator[Check]:
    for d in LATENT_DIMS:
        yield between(
            f"{LABELS[MMD]}, d = {d}: ‖z‖/√d", second(stored, "norm_ratio", MMD, d), *NEAR
        )


@LEDGER.thesis(
    "t-mmd-stable",
    "2.4",
    Verdict.PARTLY,
    "Training with the MMD is stable.",
    "Every run ends, all units active from d = 5 on. Of {runs:.0f} runs at d = 2, {few:.0f} did "
    "not keep both units: one of Experiment 2, and that of Experiment 3, which collapsed wholly.",
    needs=(TWO, THREE),
    tolerance="All d units active (variance of the posterior mean above 0.01) at every seed.",
)
def _(stored: Stored) -> Iterator[Check]:
    for experiment in (TWO, THREE):
        for d in LATENT_DIMS:
            units = stored.value(experiment, "active_units", MMD, d)
            what = f"{EXPERIMENTS[experiment].title}, d = {d}: active units"
            yield between(what, units, low=d - 0.5, form="{:.0f}")
    at_two = [
        value
        for experiment in (TWO, THREE)
        for value in stored.value(experiment, "active_units", MMD, 2).values()
    ]
    yield quote("few", "runs at d = 2 with fewer than two", float(sum(one < 2 for one in at_two)))
    yield quote("runs", "runs at d = 2", float(len(at_two)))


@LEDGER.thesis(
    "t-chi2-tighter",
    "2.4",
    Verdict.PARTLY,
    "χ² may align tighter than JS or MMD.",
    "Than the MMD from d = 10 to 60, where both have left the prior and the MMD's codes lie "
    "farther out; at d = 5 it is the looser one. JS and χ² share no experiment.",
    needs=TWO,
    tolerance=f"Energy distance, χ² less MMD. {ORDER}",
)
def _(stored: Stored) -> Iterator[Check]:
    for d in LATENT_DIMS:
        chi2, mmd = (second(stored, "energy_distance", model, d) for model in (CHI2, MMD))
        yield less(f"d = {d}: energy distance, χ² less MMD", chi2, mmd)


@LEDGER.thesis(
    "t-below-1e-5",
    "3.4",
    Verdict.PARTLY,
    "From d = 40 on the MMD² of MMD, Cramér and χ² falls below 10⁻⁵.",
    "That of MMD and Cramér does; so does that of the model without a penalty ({none:.0e} at d = "
    "40). That of χ² does not.",
    needs=TWO,
    tolerance="MMD² on validation codes, mean over seeds.",
)
def _(stored: Stored) -> Iterator[Check]:
    for model in (MMD, CRAMER, CHI2):
        for d in WIDE:
            found = second(stored, "val_mmd2", model, d)
            yield level(f"{LABELS[model]}, d = {d}: MMD²", found, high=1e-5)
    yield quote("none", f"{LABELS[RECON]}, d = 40: MMD²", second(stored, "val_mmd2", RECON, 40))


@LEDGER.thesis(
    "t-stein-and-sinkhorn-read-more",
    "3.4",
    Verdict.PARTLY,
    "From d = 40 on Stein stays above 0.1 and Sinkhorn near 0.01.",
    "Sinkhorn does at d = 40 and 60, and nearly at 80. Stein, with all terms of its definition, "
    "reads what the MMD reads.",
    needs=TWO,
    tolerance="MMD² on validation codes, mean over seeds: above 0.1, and of 0.003 to 0.03.",
)
def _(stored: Stored) -> Iterator[Check]:
    for model, bounds in ((STEIN, (0.1, math.inf)), (SINKHORN, (0.003, 0.03))):
        for d in WIDE:
            found = second(stored, "val_mmd2", model, d)
            yield level(f"{LABELS[model]}, d = {d}: MMD²", found, *bounds)


@LEDGER.thesis(
    "t-svm-below-10-percent",
    "3.4",
    Verdict.FAILS,
    "From d = 40 on the SVM error of MMD and χ² is below 10 %.",
    "At d = 40 it is {mmd:.3f} with the MMD (published {mmd_published:.3f}, above 10 % too), "
    "{none:.3f} without a penalty, and {chi2:.3f} with χ² (published {chi2_published:.3f}).",
    needs=TWO,
    tolerance="Means over seeds.",
)
def _(stored: Stored) -> Iterator[Check]:
    for name, model in (("mmd", MMD), ("chi2", CHI2), ("none", RECON)):
        found = second(stored, "svm_error", model, 40)
        yield quote(name, f"{LABELS[model]}, d = 40: SVM error", found)
        if model != RECON:
            published = stored.published(TWO, "svm_error", model, 40)
            yield quote(f"{name}_published", f"{LABELS[model]}, d = 40: published", published)
    for model in (MMD, CHI2):
        for d in WIDE:
            found = second(stored, "svm_error", model, d)
            yield level(f"{LABELS[model]}, d = {d}: SVM error", found, high=0.1)


@LEDGER.thesis(
    "t-svm-stein-and-cramer",
    "3.4",
    Verdict.PARTLY,
    "From d = 40 on the SVM error of Stein and Cramér is 10 to 25 %.",
    "That of Stein is. Cramér's codes are collapsed: guessing.",
    needs=TWO,
    tolerance="Means over seeds.",
)
def _(stored: Stored) -> Iterator[Check]:
    for model in (STEIN, CRAMER):
        for d in WIDE:
            found = second(stored, "svm_error", model, d)
            yield level(f"{LABELS[model]}, d = {d}: SVM error", found, 0.1, 0.25)


@LEDGER.thesis(
    "t-svm-sinkhorn",
    "3.4",
    Verdict.PARTLY,
    "With Sinkhorn the SVM error is 50 to 80 %, and better towards d = 80.",
    "From d = 40 on it is, and it falls; up to d = 10 the codes are collapsed.",
    needs=TWO,
    tolerance=f"Means over seeds of 0.5 to 0.8. {ORDER}",
)
def _(stored: Stored) -> Iterator[Check]:
    for d in LATENT_DIMS:
        found = second(stored, "svm_error", SINKHORN, d)
        yield level(f"{LABELS[SINKHORN]}, d = {d}: SVM error", found, 0.5, 0.8)
    for low, high in ((10, 40), (20, 80)):
        yield less(
            f"SVM error, d = {high} less d = {low}",
            second(stored, "svm_error", SINKHORN, high),
            second(stored, "svm_error", SINKHORN, low),
        )


@LEDGER.thesis(
    "t-alignment-and-usefulness",
    "3.4",
    Verdict.FAILS,
    "Alignment and usefulness go together.",
    "Among the five penalties the closer codes say less, with rank correlations of "
    "{far_least:.2f} to {far_greatest:.2f} by the energy distance; by the thesis's own ruler of "
    "{val_least:.2f} to {val_greatest:.2f}.",
    needs=TWO,
    tolerance="At each d, rank correlation of distance from the prior and SVM error above 0.5, by "
    "the energy distance and by the validation MMD.",
)
def _(stored: Stored) -> Iterator[Check]:
    for name, metric in (("far", "energy_distance"), ("val", "val_mmd")):
        found = []
        for d in LATENT_DIMS:
            far, error = (
                {
                    label: mean(values)
                    for label, values in labelled(stored, TWO, one, PENALTIES, d).items()
                }
                for one in (metric, "svm_error")
            )
            what = f"d = {d}: {metric.replace('_', ' ')} and error"
            found.append(rank_correlation(what, far, error, 0.5))
        yield from found
        yield quote(f"{name}_least", "least", min(check.value for check in found))
        yield quote(f"{name}_greatest", "greatest", max(check.value for check in found))


@LEDGER.thesis(
    "t-sinkhorn-costs",
    "3.4",
    Verdict.PARTLY,
    "Sinkhorn takes more than twice the time of the others.",
    "It is the slowest at every d, with {least:.2f} to {greatest:.2f} times the time of the MMD on "
    "two cores.",
    needs=TWO,
    tolerance="Timed training: slower than each other penalty; ratio to the MMD's time above 2.",
)
def _(stored: Stored) -> Iterator[Check]:
    ratios = []
    for d in LATENT_DIMS:
        times = {model: mean(second(stored, "timed_seconds", model, d)) for model in PENALTIES}
        others = max(value for model, value in times.items() if model != SINKHORN)
        found = f"{times[SINKHORN]:.0f} s, the next {others:.0f} s"
        yield fact(f"d = {d}: time", found, "slowest", times[SINKHORN] > others)
        ratios.append(times[SINKHORN] / times[MMD])
        found = f"{ratios[-1]:.2f}"
        yield fact(f"d = {d}: time beside the MMD's", found, "above 2", ratios[-1] > 2)
    yield quote("least", "least ratio", min(ratios))
    yield quote("greatest", "greatest ratio", max(ratios))


@LEDGER.thesis(
    "t-original-order",
    "3.6",
    Verdict.PARTLY,
    "As in the original study, MMD and Stein align better than the VAE and AAE.",
    "Than the VAE in five dimensions; in two as well, where Stein has collapsed onto the prior. "
    "From ten on the VAE is closer. The MMD and AAE, in Experiment 3, have no order that holds at "
    "all d.",
    needs=(TWO, THREE),
    tolerance=f"Energy distance. {ORDER}",
)
def _(stored: Stored) -> Iterator[Check]:
    for experiment, model, other in (
        (TWO, MMD, VAE),
        (TWO, STEIN, VAE),
        (THREE, MMD, AAE),
    ):
        for d in LATENT_DIMS:
            yield less(
                f"d = {d}: energy distance, {LABELS[model]} less {LABELS[other]}",
                stored.value(experiment, "energy_distance", model, d),
                stored.value(experiment, "energy_distance", other, d),
            )


@LEDGER.thesis(
    "t-sinkhorn-well-aligned",
    "3.6",
    Verdict.FAILS,
    "Sinkhorn keeps a high alignment at a high price.",
    "Its codes shrink: an energy distance of {far_20:.1f} at d = 20 and {far_80:.1f} at 80, where "
    "the VAE has {vae_20:.1f} and {vae_80:.1f}.",
    needs=TWO,
    tolerance=f"From d = 20 on: ‖z‖/√d between {NEAR[0]:g} and {NEAR[1]:g}, at every seed.",
)
def _(stored: Stored) -> Iterator[Check]:
    for d in (20, *WIDE):
        found = second(stored, "norm_ratio", SINKHORN, d)
        yield between(f"{LABELS[SINKHORN]}, d = {d}: ‖z‖/√d", found, *NEAR)
        for name, model in (("far", SINKHORN), ("vae", VAE)):
            far = second(stored, "energy_distance", model, d)
            yield quote(f"{name}_{d}", f"{LABELS[model]}, d = {d}: energy distance", far)


@LEDGER.thesis(
    "t-only-sinkhorn-costs",
    "3.4",
    Verdict.HOLDS,
    "Only Sinkhorn adds much to the training time.",
    "The other four stay within {greatest:.2f} of the time without a penalty, in the mean over d; "
    "Sinkhorn takes {sinkhorn:.2f} of it.",
    needs=TWO,
    tolerance="Mean time over d beside the model without a penalty: below 1.15, and above for "
    "Sinkhorn.",
)
def _(stored: Stored) -> Iterator[Check]:
    times = {
        model: sum(mean(second(stored, "timed_seconds", model, d)) for d in LATENT_DIMS)
        for model in (*PENALTIES, RECON)
    }
    ratios = {model: times[model] / times[RECON] for model in PENALTIES}
    for model, ratio in ratios.items():
        bounds = (1.15, math.inf) if model == SINKHORN else (0.0, 1.15)
        yield between(f"{LABELS[model]}: time beside none", alone(ratio), *bounds)
    others = [ratio for model, ratio in ratios.items() if model != SINKHORN]
    yield quote("greatest", "greatest of the other four", max(others))
    yield quote("sinkhorn", "Sinkhorn", ratios[SINKHORN])
