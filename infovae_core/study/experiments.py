"""What is run: an experiment is a grid of runs."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from infovae_core import names
from infovae_core.objectives import preset
from infovae_core.run import EPOCH, Run
from infovae_core.schedules import Schedule

LATENT_DIMS = (2, 5, 10, 20, 40, 60, 80)
PROFILES = ("smoke", "brief", "cpu", "paper")
# The thesis's text taken at its word, and what is recommended in its place.
TRACKS = ("as_written", "corrected")
# Updates of a run of the thesis's ten epochs: Experiments 2 and 3.
FULL_LENGTH = 10 * EPOCH


def by_model(run: Run) -> str:
    """The series that a run belongs to, unless an experiment says otherwise: its model."""
    return run.model


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A grid of runs: every variant at every latent dimension, from every seed.

    Attributes:
        title: Its name for readers.
        variants: What tells its runs apart, fields of `Run`, by the name of the series; those of
            the track "as_written".
        corrected: Those of the track "corrected", if it has one.
        profiles: What all runs of a profile have in common, fields of `Run`.
        latent_dims: The sweep of every profile but "smoke".
        smoke_dims: That of "smoke".
        shown: The profile whose results the pages show.
        series: The series that a run belongs to.
        sweeps: Those of the weights "alpha" and "lam" that it sweeps itself, so that they cannot be
            chosen for all of its runs.
    """

    title: str
    variants: Mapping[str, Mapping[str, Any]]
    profiles: Mapping[str, Mapping[str, Any]]
    corrected: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    latent_dims: Sequence[int] = LATENT_DIMS
    smoke_dims: Sequence[int] = (2, 20)
    shown: str = "cpu"
    series: Callable[[Run], str] = by_model
    sweeps: Sequence[str] = ()

    def __call__(
        self,
        profile: str = "cpu",
        track: str = "as_written",
        seeds: Iterable[int] = (0,),
        latent_dims: Sequence[int] | None = None,
        data: str | None = None,
        precision: str | None = None,
    ) -> list[Run]:
        """List the runs: seed by seed, then by latent dimension, then by variant.

        Args:
            profile: "smoke" (digits, some steps), or on MNIST "brief", "cpu" or "paper".
            track: Which reading of the thesis.
            seeds: One run of every cell for each.
            latent_dims: By default the experiment's own.
            data: Data set; by default the profile's own.
            precision: "fp32" or "bf16"; by default the profile's own.

        Raises:
            UnknownName: If profile, data set or precision do not exist, or it has no such track.
            ValueError: If there are no seeds or no latent dimensions, or one is out of range.
        """
        settings: dict[str, Any] = dict(
            self.profiles[names.check("profile", profile, self.profiles)]
        )
        settings |= {} if data is None else {"data": data}
        settings |= {} if precision is None else {"precision": precision}
        variants = self.tracks[names.check("track", track, self.tracks)]
        if latent_dims is None:
            latent_dims = self.smoke_dims if profile == "smoke" else self.latent_dims
        seeds = list(seeds)
        for what, values in (("seeds", seeds), ("latent_dims", latent_dims)):
            if not values:
                raise ValueError(f"{what} must name at least one value, got none")
        return [
            Run(latent_dim=latent_dim, seed=seed, **settings, **variant)
            for seed in seeds
            for latent_dim in latent_dims
            for variant in variants.values()
        ]

    @property
    def tracks(self) -> dict[str, Mapping[str, Mapping[str, Any]]]:
        """The variants of each track that it has."""
        found = dict(zip(TRACKS, (self.variants, self.corrected), strict=True))
        return {track: variants for track, variants in found.items() if variants}


# What every profile "smoke" has: no download, and a short look at few minibatches.
SMOKE: dict[str, Any] = {"data": "digits", "val_batches": 20}


def presets(*models: str) -> dict[str, dict[str, Any]]:
    """Variants that are presets, by name."""
    return {
        model: {
            "model": model,
            "objective": preset(model).objective,
            "batch_norm": preset(model).batch_norm,
            "schedule": preset(model).schedule,
        }
        for model in models
    }


def same(smoke: Mapping[str, Any], full: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Profiles of an experiment whose full length fits two cores: all but "smoke" are alike."""
    return {profile: {**SMOKE, **smoke} if profile == "smoke" else full for profile in PROFILES}


class Weighting(NamedTuple):
    """α and λ of a run of Experiment 1.

    Attributes:
        label: Its name for readers.
        alpha: α at the start.
        lam: λ at the start.
        schedule: How they change; None if they stay.
    """

    label: str
    alpha: float
    lam: float
    schedule: Schedule | None = None


def fixed(alpha: float, lam: float) -> Weighting:
    """α and λ that stay."""
    return Weighting(f"λ\u00a0=\u00a0{lam:g}, α\u00a0=\u00a0{alpha:g}", alpha, lam)


def controlled(label: str, **gains: float) -> Weighting:
    """The thesis's controllers, from α = 1 and λ = 500."""
    return Weighting(label, 1, 500, Schedule("controller", gains))


# The thesis's nine, then two that anneal the KL term's weight.
EXPERIMENT1_SCHEDULES: dict[str, Weighting] = {
    **{f"fixed_{lam}_{alpha:g}": fixed(alpha, lam) for lam in (500, 1000) for alpha in (0, 0.5, 1)},
    "adaptive_lam": controlled("adaptive λ", gain_lam=5000.0),
    "adaptive_alpha": controlled("adaptive α", gain_alpha=0.7),
    "adaptive_both": controlled("adaptive λ and α", gain_lam=5000.0, gain_alpha=0.7),
    "linear_annealing": Weighting("linear annealing", 0, 1000, Schedule("linear_annealing")),
    "cyclical_annealing": Weighting("cyclical annealing", 0, 1000, Schedule("cyclical_annealing")),
}
EXPERIMENT2_MODELS = (
    "infovae_mmd",
    "infovae_stein",
    "infovae_sinkhorn",
    "infovae_cramer",
    "infovae_chi2",
    "recon_ae",
    "vae",
)
# Two that the thesis's own models are held against, and what is put in place of its penalties.
CORRECTED_MODELS = (
    "corrected_mmd",
    "corrected_imq",
    "corrected_cramer",
    "recon_ae",
    "vae",
)
EXPERIMENT3_MODELS = (
    "recon_ae",
    "vae",
    "beta_vae",
    "free_bits",
    "bn_vae",
    "aae",
    "infovae_mmd",
    "contrastive_ae",
)


def schedule_name(run: Run) -> str:
    """The name of a run of Experiment 1 in `EXPERIMENT1_SCHEDULES`.

    Raises:
        LookupError: If the run has none of these schedules.
    """
    given = (run.objective.alpha, run.objective.lam, run.schedule)
    for name, (_, *weights) in EXPERIMENT1_SCHEDULES.items():
        if tuple(weights) == given:
            return name
    raise LookupError(f"{run.name} has none of the schedules of Experiment 1")


# Sensitivity to α and λ (thesis §3.3): InfoVAE-MMD under fixed and changing weights. The
# controllers start from α = 1, λ = 500, which the text leaves open.
experiment1 = Experiment(
    title="Experiment 1",
    variants={
        name: {
            "model": "infovae_mmd",
            "objective": replace(preset("infovae_mmd").objective, alpha=one.alpha, lam=one.lam),
            "schedule": one.schedule,
            "learning_rate": 5e-5,
        }
        for name, one in EXPERIMENT1_SCHEDULES.items()
    },
    profiles=same(
        {"steps": 40, "eval_every": 20},
        {"steps": 5000, "eval_every": 20, "val_batch_size": 256},
    ),
    latent_dims=(20,),
    smoke_dims=(20,),
    series=schedule_name,
    sweeps=("alpha", "lam"),
)
# Divergence substitution (thesis §3.4): five at α = 1, λ = 1000, and two controls that it lacks at
# the same settings, what no penalty and what the classical one does.
experiment2 = Experiment(
    title="Experiment 2",
    variants=presets(*EXPERIMENT2_MODELS),
    corrected=presets(*CORRECTED_MODELS),
    profiles=same({"steps": 20, "eval_every": 10}, {"steps": FULL_LENGTH}),
)
# Can a larger weight hold the codes that the MMD of σ = 1 lets go? λ over five decades.
experiment4 = Experiment(
    title="Experiment 4",
    variants={
        f"lam_1e{decade}": {
            "model": "infovae_mmd",
            "objective": replace(preset("infovae_mmd").objective, lam=10**decade),
        }
        for decade in range(3, 8)
    },
    profiles=same({"steps": 20, "eval_every": 10}, {"steps": FULL_LENGTH}),
    latent_dims=(10, 20),
    smoke_dims=(10, 20),
    series=lambda run: f"lam_1e{round(math.log10(run.objective.lam))}",
    sweeps=("lam",),
)
# The Cramér distance at the thesis's weight, from a fresh start and from one that informs.
start = Experiment(
    title="Warm start",
    variants=presets("infovae_cramer", "corrected_warm"),
    profiles=same({"steps": 20, "eval_every": 10}, {"steps": FULL_LENGTH}),
    latent_dims=(5, 20),
    smoke_dims=(5, 20),
)
# Weights over decades, to see what each buys: reconstruction, usefulness and alignment at d = 20.
FRONTIER: dict[str, tuple[int, ...]] = {
    "corrected_imq": (10, 100, 1000, 3000, 10_000),
    "corrected_mmd": (10, 100, 1000, 3000, 10_000),
    "infovae_cramer": (1, 10, 30, 100, 300, 1000),
    "infovae_sinkhorn": (30, 1000),
    "corrected_stein": (1000,),
}
frontier = Experiment(
    title="Frontier",
    variants={
        f"{model}_{lam}": {
            "model": model,
            "objective": replace(preset(model).objective, lam=lam),
        }
        for model, weights in FRONTIER.items()
        for lam in weights
    }
    | presets("recon_ae", "vae"),
    profiles=same(
        {"steps": 20, "eval_every": 10},
        # Mixed precision moves no result of Experiment 2 further than another seed does.
        {"steps": FULL_LENGTH, "precision": "bf16"},
    ),
    latent_dims=(20,),
    smoke_dims=(20,),
    series=lambda run: f"{run.model}_{run.objective.lam:g}" if run.model in FRONTIER else run.model,
    sweeps=("lam",),
)
# Model comparison (thesis §3.5), with the masked-CNN decoder: the thesis's six models, and the two
# that its electronic appendix also trains, vae and beta_vae. Its full size needs a GPU.
experiment3 = Experiment(
    title="Experiment 3",
    variants={
        name: variant | {"learning_rate": 1e-3}
        for name, variant in presets(*EXPERIMENT3_MODELS).items()
    },
    profiles={
        "smoke": SMOKE | {"masked_channels": 8, "steps": 10, "eval_every": 10},
        "brief": {"masked_channels": 16, "steps": 2 * EPOCH},
        # In mixed precision, which moves no result further than another seed does: see the costs.
        "cpu": {"masked_channels": 16, "steps": FULL_LENGTH, "precision": "bf16"},
        "paper": {"masked_channels": 128, "steps": FULL_LENGTH},
    },
    shown="brief",  # The ten epochs are still being trained.
)
EXPERIMENTS: dict[str, Experiment] = {
    "experiment1": experiment1,
    "experiment2": experiment2,
    "experiment3": experiment3,
    "experiment4": experiment4,
    "start": start,
    "frontier": frontier,
}


def runs(experiment: str, **parameters: Any) -> list[Run]:
    """The runs of an experiment, by its name, see `Experiment`.

    Raises:
        UnknownName: If there is no such experiment.
    """
    return EXPERIMENTS[names.check("experiment", experiment, EXPERIMENTS)](**parameters)
