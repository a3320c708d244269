"""The training loop, over a stack of runs; one run is a stack of one.

All data stay on the device; a step touches no loader and never waits for the device. What a step
measures goes into a buffer there, which is read at each evaluation. (Three exceptions wait:
Sinkhorn reads its samples' diameter, a median bandwidth whether it can trust its rounding, and a
schedule may ask for a term of the last minibatch's loss.)
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from infovae_core import devices, names
from infovae_core.data import Split
from infovae_core.models import VAE
from infovae_core.objectives import Terms
from infovae_core.randomness import undisturbed
from infovae_core.run import Run
from infovae_core.schedules import Moment, Weights
from infovae_core.step import Trainer

TERMS = Terms._fields


@dataclass
class Fit:
    """What training leaves.

    Attributes:
        model: The trained model.
        curve: (steps, 5), every step's `Terms` in nats per image; to the last finite step where
            the run diverged.
        evaluations: One record for each evaluation: `step`, the `alpha` and `lam` of the update
            before it, and what the callback returned.
        seconds: Seconds spent in training steps alone, device synchronized; of a stack's, the
            run's share.
        evaluation_seconds: Seconds spent in the callback; of a stack's, the run's share.
        diverged_at: The first step (from 1) whose loss was not finite, else None.
    """

    model: VAE = field(init=False)
    curve: Tensor
    evaluations: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    evaluation_seconds: float = 0.0
    diverged_at: int | None = None


def fit(
    run: Run,
    split: Split,
    evaluate: Callable[[VAE], dict[str, float]] | None = None,
    progress: Callable[[int], object] = lambda steps: None,
) -> Fit:
    """Train the model that `run` describes: a stack of one, see `fit_stack`.

    Example:
        >>> from infovae_core import data
        >>> from infovae_core.objectives import Objective
        >>> run = Run(model="plain", objective=Objective(alpha=1, lam=0), latent_dim=2, seed=0,
        ...           steps=3, data="digits", batch_size=16)
        >>> fit(run, data.load("digits")).curve.shape  # Every step's `Terms`.
        torch.Size([3, 5])
    """
    return fit_stack(
        [run], split, None if evaluate is None else lambda model: [evaluate(model)], progress
    )[0]


@undisturbed()
def fit_stack(
    runs: Sequence[Run],
    split: Split,
    evaluate: Callable[[VAE], Sequence[dict[str, float]]] | None = None,
    progress: Callable[[int], object] = lambda steps: None,
) -> list[Fit]:
    """Train the models that the runs describe, side by side in one program.

    What becomes of a run does not depend on those it is stacked with: each has random streams of
    its own, and nothing of one model enters another.

    Args:
        runs: The runs, alike in all but objective, latent dimension, seed and schedule: see
            `Run.stacking`.
        split: Their data, on the device that trains.
        evaluate: Called with the stack's model before the first step and after every
            `run.eval_every` steps; returns what is recorded of each run. It takes no part in
            training time and moves no random stream.
        progress: Called with a number of steps just made, those of all runs together.

    Raises:
        ValueError: If runs cannot be stacked, or there are fewer training images than a minibatch
            takes.
    """
    first, images = runs[0], split.train.images
    check(runs, split)
    trainer = Trainer(runs, images.device)
    recorder = Recorder(runs, images.device)
    batches = minibatches(len(images), first.batch_size, trainer.shuffles, images.device)
    if evaluate is not None:
        recorder.evaluate(0, evaluate, trainer.model)
    for start in range(0, first.steps, first.eval_every):
        stop = min(start + first.eval_every, first.steps)
        began = recorder.now()
        for step in range(start, stop):
            x = images[next(batches)]
            if split.pixels == "stochastic":
                x = trainer.binarize(x)
            trainer.weigh(recorder.schedule(step))
            recorder.curve[step] = torch.stack(trainer.step(x), dim=-1)
            if step % 10 == 9:
                progress(10 * len(runs))
        recorder.trained(start, stop, recorder.now() - began)
        if evaluate is not None:
            recorder.evaluate(stop, evaluate, trainer.model)
        if not recorder.going:
            break
    for fitted, model in zip(recorder.fits, trainer.models, strict=True):
        fitted.model = model
    return recorder.fits


def check(runs: Sequence[Run], split: Split) -> None:
    """See that the runs can be stacked, and that there are images enough for a minibatch.

    Raises:
        ValueError: If not.
    """
    first, n = runs[0], len(split.train.images)
    if other := next((run for run in runs if run.stacking != first.stacking), None):
        raise ValueError(
            "runs of one stack may differ in objective, latent dimension, seed and schedule "
            f"alone: {first.name} and {other.name} differ in more"
        )
    if n < first.batch_size:
        raise ValueError(
            f"a minibatch takes {first.batch_size} images and {split.name} has {n} for "
            "training: choose a smaller batch size"
        )


class Recorder:
    """What is known of a stack's runs while they train, and what their schedules make of it.

    Attributes:
        curve: (steps, R, 5), every step's `Terms`; step by step, so that what one writes lies
            together.
        fits: What is kept of each run.
        weights: Each run's α and λ of the latest update.
    """

    def __init__(self, runs: Sequence[Run], device: torch.device) -> None:
        """Make room for what the steps measure."""
        self.runs, self.device = runs, device
        self.curve = torch.zeros(runs[0].steps, len(runs), len(TERMS), device=device)
        self.fits = [Fit(self.curve[:, index]) for index in range(len(runs))]
        self.base = [Weights(run.objective.alpha, run.objective.lam) for run in runs]
        self.weights = list(self.base)

    @property
    def going(self) -> list[Fit]:
        """Those that have not diverged."""
        return [fitted for fitted in self.fits if fitted.diverged_at is None]

    def now(self) -> float:
        """Seconds on the clock, when the device has done all that it was asked."""
        devices.synchronize(self.device)
        return time.perf_counter()

    def schedule(self, step: int) -> list[Weights]:
        """Each run's α and λ for the update that follows so many steps."""
        self.weights = [
            weights if run.schedule is None else run.schedule(self.moment(index, step))
            for index, (run, weights) in enumerate(zip(self.runs, self.weights, strict=True))
        ]
        return self.weights

    def moment(self, index: int, step: int) -> Moment:
        """What the schedule of a run sees after so many steps."""
        return Moment(
            step,
            self.runs[index].steps,
            self.base[index],
            self.weights[index],
            partial(self.signal, index, step),
        )

    def signal(self, index: int, step: int, name: str) -> float:
        """A run's latest value of what evaluations record, or of a term of its loss."""
        if name in TERMS:
            return float(self.curve[step - 1, index, TERMS.index(name)])
        evaluations = self.fits[index].evaluations
        known = evaluations[-1] if evaluations else {}
        return known[names.check("signal", name, [*known, *TERMS])]

    def trained(self, start: int, stop: int, seconds: float) -> None:
        """Note what steps took, and which runs diverged in them."""
        finite = self.curve[start:stop, :, 0].isfinite().cpu()
        for index, fitted in enumerate(self.fits):
            if fitted.diverged_at is not None:
                continue
            fitted.seconds += seconds / len(self.runs)
            if not finite[:, index].all():
                last = start + int((~finite[:, index]).int().argmax())
                fitted.diverged_at, fitted.curve = last + 1, fitted.curve[:last]

    def evaluate(
        self, step: int, evaluate: Callable[[VAE], Sequence[dict[str, float]]], model: VAE
    ) -> None:
        """Measure the stack's model and note what is found, and how long it took."""
        began = self.now()
        found = evaluate(model)
        seconds = (self.now() - began) / len(self.runs)
        for fitted, (alpha, lam), values in zip(self.fits, self.weights, found, strict=True):
            if fitted.diverged_at is None:
                fitted.evaluation_seconds += seconds
                fitted.evaluations.append(
                    {"step": float(step), "alpha": alpha, "lam": lam} | values
                )


def minibatches(
    n: int, size: int, generators: Sequence[torch.Generator], device: torch.device
) -> Iterator[Tensor]:
    """Indices (R, size) of one minibatch after the other, without end, reshuffled every epoch.

    The n mod size images left at an epoch's end wait for the next one, so that every estimate is
    made from equally many images.
    """
    while True:
        orders = torch.stack([torch.randperm(n, generator=own) for own in generators]).to(device)
        yield from orders[:, : n // size * size].split(size, dim=1)
