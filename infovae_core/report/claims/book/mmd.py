"""What the book says of Experiment 2: the MMD, beside no penalty and the VAE."""

from collections.abc import Iterator
from dataclasses import replace

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
    MMD,
    NEAR,
    ORDER,
    PENALTIES,
    RECON,
    TWO,
    VAE,
    second,
)
from infovae_core.report.claims.stored import Stored
from infovae_core.report.labels import LABELS
from infovae_core.study.experiments import LATENT_DIMS

# ‖z‖/√d of codes far outside the prior.
GONE = 5.0


@LEDGER.book(
    "mmd-lets-go",
    "experiment2",
    "As a penalty the MMD of σ = 1 lets go: it holds the codes at {norm_5:.2f} times the prior's "
    "size in five dimensions, and leaves them at {norm_10:.0f} times in ten and {norm_20:.0f} "
    "times in twenty.",
    needs=TWO,
    tolerance=f"‖z‖/√d between {NEAR[0]:g} and {NEAR[1]:g} at d = 2 and 5, above {GONE:g} beyond.",
)
def _(stored: Stored) -> Iterator[Check]:
    for d in LATENT_DIMS:
        bounds = NEAR if d <= 5 else (GONE, float("inf"))
        found = second(stored, "norm_ratio", MMD, d)
        yield between(f"{LABELS[MMD]}, d = {d}: ‖z‖/√d", found, *bounds, name=f"norm_{d}")


@LEDGER.book(
    "mmd-equals-no-penalty",
    "experiment2",
    "At d = 20 the model with the MMD penalty is nearly the model without one: their test "
    "reconstructions are {bce:.1f} nats apart, their classification errors {svm:.3f}, their codes "
    "{norm:.0f} and {norm_none:.0f} times as large as the prior's.",
    needs=TWO,
    tolerance="Means at most 1 nat, 0.01, 0.00002 and 10 % apart.",
    heading="At d = 20 the MMD penalty is nearly none",
)
def _(stored: Stored) -> Iterator[Check]:
    for name, metric, what, within in (
        ("bce", "test_bce", "test BCE (nats)", 1.0),
        ("svm", "svm_error", "SVM error", 0.01),
        ("mmd", "val_mmd", "validation MMD", 2e-5),
        ("size", "norm_ratio", "‖z‖/√d", 0.1 * mean(second(stored, "norm_ratio", RECON))),
    ):
        mine, none = (second(stored, metric, model) for model in (MMD, RECON))
        yield quote("norm" if name == "size" else "", f"{what}, with the penalty", mine)
        yield quote("norm_none" if name == "size" else "", f"{what}, without", none)
        apart = same(f"{what}: with less without", mine, none, within)
        yield replace(apart, name=name, value=abs(apart.value))


@LEDGER.book(
    "mmd-reads-escape",
    "experiment2",
    "With the MMD penalty and without one the codes read at d = 20 what escaped codes read "
    "({escape:.5f}), as the published value does ({published:.5f}), and a classifier tells the "
    "codes from prior draws without error.",
    needs=TWO,
    tolerance="Readings at most 1e-4 from 3^(−d/4) at d = 20; the classifier's AUC above 0.995.",
)
def _(stored: Stored) -> Iterator[Check]:
    level = escape(20, 1.0)
    published = stored.published(TWO, "val_mmd", MMD)
    yield quote("escape", "3^(−d/4) at d = 20", level, "{:.5f}")
    yield near("published", alone(published), level, 1e-4, "published", "{:.5f}")
    for model in (MMD, RECON):
        found = second(stored, "val_mmd", model)
        yield near(f"{LABELS[model]}: validation MMD", found, level, 1e-4, form="{:.5f}")
        yield between(f"{LABELS[model]}: AUC", second(stored, "classifier_auc", model), low=0.995)


@LEDGER.book(
    "mmd-at-two",
    "experiment2",
    "At d = 2 one of the MMD's seeds nearly collapsed: {units:.0f} of 2 units is active, with a "
    "classification error of {worst:.2f} where the best seed has {best:.2f}.",
    needs=TWO,
    tolerance="Exactly one seed with fewer than two active units; its error above 0.8.",
)
def _(stored: Stored) -> Iterator[Check]:
    units, errors = second(stored, "active_units", MMD, 2), second(stored, "svm_error", MMD, 2)
    few = [seed for seed, value in units.items() if value < 2]
    yield fact("seeds with a unit inactive", f"{few}", "one seed", len(few) == 1)
    yield quote("best", "least SVM error", min(errors.values()))
    worst = {seed: errors[seed] for seed in few}
    yield between("its SVM error", worst, low=0.8, name="worst")
    yield quote("units", "its active units", {seed: units[seed] for seed in few})


@LEDGER.book(
    "vae-reads-more",
    "experiment2",
    "By this ruler the VAE is the worse one: its codes, {norm:.2f} times the prior's size, read "
    "{vae:.3f} at d = 20, more than codes that have left ({mmd:.4f}).",
    needs=TWO,
    tolerance=f"{ORDER} ‖z‖/√d of the VAE between {NEAR[0]:g} and {NEAR[1]:g}.",
)
def _(stored: Stored) -> Iterator[Check]:
    yield quote("vae", "VAE: validation MMD", second(stored, "val_mmd", VAE))
    yield quote("mmd", f"{LABELS[MMD]}: validation MMD", second(stored, "val_mmd", MMD))
    yield less(
        "validation MMD, MMD less VAE",
        second(stored, "val_mmd", MMD),
        second(stored, "val_mmd", VAE),
    )
    yield between("VAE: ‖z‖/√d", second(stored, "norm_ratio", VAE), *NEAR, name="norm")


@LEDGER.book(
    "score-is-blind",
    "index",
    "The score that ranks these models cannot see where their codes are: at d = 20 it prefers "
    "codes that are {norm:.0f} times too large ({mmd:.4f}) to codes of the prior's own size "
    "({vae:.4f}).",
    needs=TWO,
    tolerance=f"At d = 10, 20 and 40: {ORDER} ‖z‖/√d of the MMD's codes above {GONE:g}, of the "
    f"VAE's between {NEAR[0]:g} and {NEAR[1]:g}.",
)
def _(stored: Stored) -> Iterator[Check]:
    for d in (10, 20, 40):
        mmd, vae = (second(stored, "val_mmd", model, d) for model in (MMD, VAE))
        yield less(f"d = {d}: validation MMD, {LABELS[MMD]} less VAE", mmd, vae)
        name = "norm" if d == 20 else ""
        size = second(stored, "norm_ratio", MMD, d)
        yield between(f"d = {d}: ‖z‖/√d, {LABELS[MMD]}", size, low=GONE, name=name)
        yield between(f"d = {d}: ‖z‖/√d, VAE", second(stored, "norm_ratio", VAE, d), *NEAR)
    yield quote("mmd", f"{LABELS[MMD]}: validation MMD", second(stored, "val_mmd", MMD))
    yield quote("vae", "VAE: validation MMD", second(stored, "val_mmd", VAE))


@LEDGER.book(
    "other-rulers-reverse",
    "experiment2",
    "Rulers that widen with d, or have no bandwidth, say the reverse: at d = 20 the energy "
    "distance of InfoVAE-MMD's codes is {mmd_energy:.0f} and that of the VAE's {vae_energy:.2f}, "
    "and MMD² with σ² = d reads {mmd_wide:.2f} and {vae_wide:.3f}.",
    needs=TWO,
    tolerance=ORDER,
    heading="Other rulers reverse the ranking",
)
def _(stored: Stored) -> Iterator[Check]:
    for name, metric, what in (
        ("wide", "mmd2_sqrt_d", "MMD² with σ² = d"),
        ("sliced", "sliced_wasserstein", "sliced Wasserstein distance"),
        ("energy", "energy_distance", "energy distance"),
        ("gaussian", "gaussian_kl", "Gaussian KL (nats)"),
    ):
        mmd, vae = second(stored, metric, MMD), second(stored, metric, VAE)
        yield quote(f"mmd_{name}", f"{LABELS[MMD]}: {what}", mmd)
        yield quote(f"vae_{name}", f"VAE: {what}", vae)
        yield less(f"{what}, VAE less MMD", vae, mmd)


@LEDGER.book(
    "best-classifiers-have-left",
    "experiment2",
    "From d = 10 on the codes that classify best have all left the prior, and those of the model "
    "without a penalty are among them.",
    needs=TWO,
    tolerance="At each seed the two least SVM errors belong to codes with ‖z‖/√d above 5; the "
    "model without a penalty is at most 0.02 above the least.",
    heading="The codes that classify best have left the prior",
)
def _(stored: Stored) -> Iterator[Check]:
    models = (*PENALTIES, RECON, VAE)
    for d in LATENT_DIMS[2:]:
        for seed in stored.seeds(TWO):
            errors = {model: second(stored, "svm_error", model, d)[seed] for model in models}
            best = sorted(errors, key=errors.__getitem__)[:2]
            sizes = [second(stored, "norm_ratio", model, d)[seed] for model in best]
            found = ", ".join(f"{LABELS[m]} {s:.1f}" for m, s in zip(best, sizes, strict=True))
            holds = min(sizes) > GONE and errors[RECON] < errors[best[0]] + 0.02
            yield fact(f"d = {d}, seed {seed}: ‖z‖/√d of the best two", found, "above 5", holds)


@LEDGER.book(
    "vae-classifies-near",
    "experiment2",
    "The VAE, whose codes have the prior's size ({norm:.2f}), classifies nearly as well as the "
    "MMD's model at d = 20, with {vae_20:.3f} against {mmd_20:.3f}. At d = 80 it is behind, with "
    "{vae_80:.3f} against {mmd_80:.3f}.",
    needs=TWO,
    tolerance=f"At most 0.05 above at d = 20, more at d = 80. {ORDER}",
)
def _(stored: Stored) -> Iterator[Check]:
    for d in (20, 80):
        vae, mmd = second(stored, "svm_error", VAE, d), second(stored, "svm_error", MMD, d)
        yield quote(f"vae_{d}", f"VAE, d = {d}: SVM error", vae)
        yield quote(f"mmd_{d}", f"{LABELS[MMD]}, d = {d}: SVM error", mmd)
        yield less(f"d = {d}: SVM error, MMD less VAE", mmd, vae)
        apart = mean(vae) - mean(mmd)
        wanted = "at most 0.05" if d == 20 else "above 0.05"
        yield fact(
            f"d = {d}: VAE above MMD by", number(apart), wanted, (apart <= 0.05) == (d == 20)
        )
    yield between("VAE, d = 20: ‖z‖/√d", second(stored, "norm_ratio", VAE), *NEAR, name="norm")
