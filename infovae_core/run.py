"""A run is a value: everything that decides a result, and the key it is stored under."""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any

from infovae_core import datasets, names, values
from infovae_core.architecture import MASKED, TRANSPOSED, Architecture
from infovae_core.objectives import Objective
from infovae_core.schedules import Schedule

# Raised whenever the same spec would train or measure something else than before.
SCHEMA = 1
PRECISIONS = ("fp32", "bf16")
# Integers that a run has in any case, and the least that each can be.
INTEGERS = {
    "latent_dim": 1,
    "steps": 1,
    "eval_every": 1,
    "val_batches": 1,
    "batch_size": 2,
    "val_batch_size": 2,
    "seed": 0,
}


# The thesis's minibatch, and the updates of an epoch of MNIST with it.
BATCH_SIZE = 128
EPOCH = datasets.steps_per_epoch("mnist", BATCH_SIZE)


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything that decides a result; two equal runs on one device give equal bits.

    Attributes:
        model: Name of the variant; a label, as `objective` and `batch_norm` say what it is.
        objective: The loss.
        latent_dim: d.
        seed: Seed of all of the run's random streams.
        data: Name of the data set.
        pixels: "binary", "grey" or "stochastic".
        steps: Number of updates.
        batch_size: B, images a step.
        learning_rate: Of Adam.
        batch_norm: Batch norm before the encoder's heads.
        precision: "fp32", or "bf16" for autocast.
        eval_every: Steps between evaluations of the validation MMD.
        val_batches: Number of fixed validation minibatches.
        val_batch_size: Images in each of them.
        masked_channels: h of the masked-CNN decoder; None for any other.
        schedule: How α and λ change while training; None for those of the objective throughout.
        decoder: Its name in `models.DECODERS`; "masked" wherever there are masked channels.

    Raises:
        UnknownName: If the data set, the kind of pixels or the precision does not exist.
        ValueError: If a number is too small, or a value is of another kind.

    Example:
        >>> from dataclasses import replace
        >>> plain = Objective(alpha=1, lam=0)
        >>> run = Run(model="plain", objective=plain, latent_dim=2, seed=0, steps=100)
        >>> replace(run, objective=Objective(alpha=1.0, lam=0.0)).key == run.key
        True
        >>> replace(run, seed=1).key == run.key
        False
    """

    model: str
    objective: Objective
    latent_dim: int
    seed: int
    steps: int
    data: str = "mnist"
    pixels: str = "binary"
    batch_size: int = BATCH_SIZE
    learning_rate: float = 1e-4
    batch_norm: bool = False
    precision: str = "fp32"
    eval_every: int = EPOCH
    val_batches: int = 500
    val_batch_size: int = 128
    # Younger fields: "before" are the values that runs had before they existed.
    masked_channels: int | None = field(default=None, metadata={"before": (None,)})
    schedule: Schedule | None = field(default=None, metadata={"before": (None,)})
    # Which of the two it was, `masked_channels` said and still says.
    decoder: str = field(default=TRANSPOSED, metadata={"before": (TRANSPOSED, MASKED)})

    def __post_init__(self) -> None:
        self._in_one_form()
        names.check("data set", self.data, datasets.DATASETS)
        names.check("pixels", self.pixels, datasets.PIXELS)
        names.check("precision", self.precision, PRECISIONS)
        for name, least in INTEGERS.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")
        object.__setattr__(self, "decoder", self.architecture.decoder)
        if self.decoder not in (TRANSPOSED, MASKED):
            from infovae_core.models import DECODERS  # needs PyTorch

            names.check("decoder", self.decoder, DECODERS)

    def _in_one_form(self) -> None:
        """Put the values into the form of `values`, so that equal runs have equal keys."""
        for kind, known in ((Objective, "objective"), (Schedule, "schedule")):
            given = getattr(self, known)
            if not isinstance(given, kind) and (given is not None or known == "objective"):
                raise ValueError(f"{known} must be of the class {kind.__name__}, got {given!r}")
        read: dict[str, Any] = {
            **dict.fromkeys(INTEGERS, values.integer),
            "model": values.label,
            "learning_rate": values.number,
            "batch_norm": values.flag,
        }
        if self.masked_channels is not None:
            read["masked_channels"] = values.integer
        for name, form in read.items():
            object.__setattr__(self, name, form(name, getattr(self, name)))

    @classmethod
    def of(cls, spec: dict[str, Any]) -> "Run":
        """The run that a `spec` describes, as a stored result holds it.

        Example:
            >>> run = Run(model="plain", objective=Objective(1, 0), latent_dim=2, seed=0, steps=9)
            >>> Run.of(run.spec) == run
            True
        """
        schedule = spec.get("schedule") and Schedule(**spec["schedule"])
        objective = Objective(**spec["objective"])
        return cls(**{**spec, "objective": objective, "schedule": schedule})

    @property
    def architecture(self) -> Architecture:
        """The shape of the model."""
        return Architecture(
            self.latent_dim,
            batch_norm=self.batch_norm,
            masked_channels=self.masked_channels,
            decoder=self.decoder,
        )

    @property
    def stacking(self) -> "Run":
        """What runs that can be trained in one stack have in common: a run that stands for all.

        They may differ in name, seed, objective, latent dimension and schedule.
        """
        whatever = Objective(alpha=1, lam=0)
        return dataclasses.replace(
            self, model="stack", seed=0, objective=whatever, latent_dim=1, schedule=None
        )

    @property
    def kind(self) -> tuple[Objective, int]:
        """What runs have in common whose losses one call can give: all but α and λ, and d."""
        lam = 1 if self.objective.divergence else 0
        return dataclasses.replace(self.objective, alpha=1, lam=lam), self.latent_dim

    @property
    def spec(self) -> dict[str, Any]:
        """The run as plain JSON values.

        A younger field is left out where it has a value of the time before it, so that adding one
        changes no key.
        """
        content = dataclasses.asdict(self)
        for one in dataclasses.fields(self):
            if "before" in one.metadata and content[one.name] in one.metadata["before"]:
                del content[one.name]
        return json.loads(json.dumps(content))  # type: ignore[no-any-return]

    @property
    def key(self) -> str:
        """Hash of the canonical spec, the store's schema version and the data's digest."""
        digest = datasets.DATASETS[self.data].digest
        content = {"schema": SCHEMA, "data_digest": digest, "run": self.spec}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def name(self) -> str:
        """A readable name, unique by the first digits of the key."""
        return f"{self.model}-z{self.latent_dim}-s{self.seed}-{self.key[:12]}"
