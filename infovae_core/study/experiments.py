"""What is run: an experiment is a list of runs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from infovae_core import names
from infovae_core.objectives import preset
from infovae_core.run import EPOCH, Run
from infovae_core.schedules import Schedule

LATENT_DIMS = (2, 5, 10, 20, 40, 60, 80)
PROFILES = ("smoke", "brief", "cpu", "paper")
TRACKS = ("as_written",)
# Updates of a run of the thesis's ten epochs: Experiments 2 and 3.
FULL_LENGTH = 10 * EPOCH


def experiment1(
    profile: str = "cpu",
    track: str = "as_written",
    seeds: Iterable[int] = (0,),
    latent_dims: Sequence[int] | None = None,
    data: str | None = None,
    precision: str = "fp32",
) -> list[Run]:
    """Sensitivity to α and λ (thesis §3.3): InfoVAE-MMD under fixed and changing weights.

    The thesis's nine schedules, and two that anneal the KL term. The controllers start from
    α = 1, λ = 500, which the text leaves open. All profiles but `smoke` are the same runs.

    Args:
        profile: "smoke" (40 steps), "brief", "cpu" or "paper".
        track: Which reading of the thesis.
        seeds: One run of every schedule for each.
        latent_dims: By default 20, the thesis's.
        data: Data set; by default the profile's own, digits for smoke, else MNIST.
        precision: "fp32" or "bf16".

    Raises:
        UnknownName: If profile, track, data set or precision do not exist.
        ValueError: If there are no seeds or no latent dimensions, or one of them is out of range.
    """
    smoke, seeds, latent_dims = _sweep(profile, track, seeds, latent_dims, (20,), (20,))
    length: dict[str, Any] = (
        {"steps": 40, "eval_every": 20, "val_batches": 20}
        if smoke
        else {"steps": 5000, "eval_every": 20, "val_batch_size": 256}
    )
    return [
        Run(
            model="infovae_mmd",
            objective=replace(preset("infovae_mmd").objective, alpha=one.alpha, lam=one.lam),
            schedule=one.schedule,
            latent_dim=latent_dim,
            seed=seed,
            learning_rate=5e-5,
            data=data or ("digits" if smoke else "mnist"),
            precision=precision,
            **length,
        )
        for seed in seeds
        for latent_dim in latent_dims
        for one in EXPERIMENT1_SCHEDULES.values()
    ]


def experiment2(
    profile: str = "cpu",
    track: str = "as_written",
    seeds: Iterable[int] = (0,),
    latent_dims: Sequence[int] | None = None,
    data: str | None = None,
    precision: str = "fp32",
) -> list[Run]:
    """Divergence substitution (thesis §3.4), and two controls that it lacks.

    Five divergences at α = 1, λ = 1000, and recon_ae and vae at the same settings: what no
    penalty, and what the classical one does. Full length fits two cores, so that all profiles but
    `smoke` are the same runs.

    Args:
        profile: "smoke" (20 steps, and latent dimensions 2 and 20 unless given), "brief", "cpu" or
            "paper".
        track: Which reading of the thesis.
        seeds: One run of every cell for each.
        latent_dims: The sweep; by default the thesis's seven.
        data: Data set; by default the profile's own, digits for smoke, else MNIST.
        precision: "fp32" or "bf16".

    Raises:
        UnknownName: If profile, track, data set or precision do not exist.
        ValueError: If there are no seeds or no latent dimensions, or one of them is out of range.
    """
    smoke, seeds, latent_dims = _sweep(profile, track, seeds, latent_dims, (2, 20))
    length: dict[str, Any] = (
        {"steps": 20, "eval_every": 10, "val_batches": 20} if smoke else {"steps": FULL_LENGTH}
    )
    return _cells(
        EXPERIMENT2_MODELS,
        seeds,
        latent_dims,
        data=data or ("digits" if smoke else "mnist"),
        precision=precision,
        **length,
    )


def experiment3(
    profile: str = "cpu",
    track: str = "as_written",
    seeds: Iterable[int] = (0,),
    latent_dims: Sequence[int] | None = None,
    data: str | None = None,
    precision: str = "fp32",
) -> list[Run]:
    """Model comparison (thesis §3.5): eight models with the masked-CNN decoder.

    The thesis's six, and the two that its electronic appendix also trains, vae and beta_vae.

    Args:
        profile: "smoke" (h = 8, 10 steps, and latent dimensions 2 and 20 unless given), "brief"
            (h = 16, 2 epochs), "cpu" (h = 16) or "paper" (h = 128: needs a GPU), both of the
            thesis's 10 epochs.
        track: Which reading of the thesis.
        seeds: One run of every cell for each.
        latent_dims: The sweep; by default the thesis's seven.
        data: Data set; by default the profile's own, digits for smoke, else MNIST.
        precision: "fp32" or "bf16".

    Raises:
        UnknownName: If profile, track, data set or precision do not exist.
        ValueError: If there are no seeds or no latent dimensions, or one of them is out of range.
    """
    smoke, seeds, latent_dims = _sweep(profile, track, seeds, latent_dims, (2, 20))
    size: dict[str, Any] = {
        "smoke": {"masked_channels": 8, "steps": 10, "eval_every": 10, "val_batches": 20},
        "brief": {"masked_channels": 16, "steps": 2 * EPOCH},
        "cpu": {"masked_channels": 16, "steps": FULL_LENGTH},
        "paper": {"masked_channels": 128, "steps": FULL_LENGTH},
    }[profile]
    return _cells(
        EXPERIMENT3_MODELS,
        seeds,
        latent_dims,
        learning_rate=1e-3,
        data=data or ("digits" if smoke else "mnist"),
        precision=precision,
        **size,
    )


def _sweep(
    profile: str,
    track: str,
    seeds: Iterable[int],
    latent_dims: Sequence[int] | None,
    smoke_dims: Sequence[int],
    full_dims: Sequence[int] = LATENT_DIMS,
) -> tuple[bool, list[int], list[int]]:
    """Whether the profile is "smoke", and the checked seeds and latent dimensions."""
    smoke = names.check("profile", profile, PROFILES) == "smoke"
    names.check("track", track, TRACKS)
    seeds = list(seeds)
    if latent_dims is None:
        latent_dims = smoke_dims if smoke else full_dims
    for what, values in (("seeds", seeds), ("latent_dims", latent_dims)):
        if not values:
            raise ValueError(f"{what} must name at least one value, got none")
    return smoke, seeds, list(latent_dims)


def _cells(
    models: Iterable[str], seeds: Iterable[int], latent_dims: Sequence[int], **settings: Any
) -> list[Run]:
    """One run of each preset for each seed and latent dimension, all at the same settings."""
    return [
        Run(
            model=model,
            objective=preset(model).objective,
            batch_norm=preset(model).batch_norm,
            latent_dim=latent_dim,
            seed=seed,
            **settings,
        )
        for seed in seeds
        for latent_dim in latent_dims
        for model in models
    ]


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


@dataclass(frozen=True)
class Experiment:
    """What is run.

    Attributes:
        runs: Lists the runs, see `experiment1` for what it takes.
        title: Its name for readers.
        shown: The profile whose results the pages show.
    """

    runs: Callable[..., list[Run]]
    title: str
    shown: str = "cpu"


EXPERIMENTS = {
    "experiment1": Experiment(experiment1, "Experiment 1"),
    "experiment2": Experiment(experiment2, "Experiment 2"),
    # The ten epochs are still being trained.
    "experiment3": Experiment(experiment3, "Experiment 3", shown="brief"),
}


def runs(experiment: str, **parameters: Any) -> list[Run]:
    """The runs of an experiment, by its name.

    Raises:
        UnknownName: If there is no such experiment.
    """
    return EXPERIMENTS[names.check("experiment", experiment, EXPERIMENTS)].runs(**parameters)


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
