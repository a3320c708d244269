"""The training loop, over a stack of runs; one run is a stack of one.

All data stay on the device; a step touches no loader and never waits for the device. What a step
measures goes into a buffer there, which is read at each evaluation. (Two exceptions wait: Sinkhorn
reads its samples' diameter, and a schedule may ask for a term of the last minibatch's loss.)
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from infovae_core import devices, names
from infovae_core.data import Split
from infovae_core.models import VAE
from infovae_core.objectives import Terms
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
    first = runs[0]
    if any(run.stacking != first.stacking for run in runs):
        raise ValueError(
            "runs of one stack may differ in objective, latent dimension, seed and schedule "
            f"alone: {first.name} and "
            f"{next(run for run in runs if run.stacking != first.stacking).name} differ in more"
        )
    images = split.train.images
    device = images.device
    if len(images) < first.batch_size:
        raise ValueError(
            f"a minibatch takes {first.batch_size} images and {split.name} has {len(images)} for "
            "training: choose a smaller batch size"
        )
    trainer = Trainer(runs, device)
    # Step by step, so that what a step writes lies together.
    curve = torch.zeros(first.steps, len(runs), len(TERMS), device=device)
    results = [Fit(curve[:, index]) for index in range(len(runs))]
    batches = minibatches(len(images), first.batch_size, trainer.shuffles, device)
    base = [Weights(run.objective.alpha, run.objective.lam) for run in runs]
    weights = list(base)
    done = 0

    def record(step: int) -> None:
        if evaluate is None:
            return
        start = time.perf_counter()
        measured = evaluate(trainer.model)
        devices.synchronize(device)
        seconds = (time.perf_counter() - start) / len(runs)
        for result, (alpha, lam), found in zip(results, weights, measured, strict=True):
            if result.diverged_at is None:
                result.evaluation_seconds += seconds
                result.evaluations.append({"step": float(step), "alpha": alpha, "lam": lam} | found)

    def moment(index: int, step: int) -> Moment:
        def signal(name: str) -> float:
            """The latest value of what the evaluations record, or of a term of the loss."""
            if name in TERMS:
                return float(curve[step - 1, index, TERMS.index(name)])
            evaluations = results[index].evaluations
            known = evaluations[-1] if evaluations else {}
            return known[names.check("signal", name, [*known, *TERMS])]

        return Moment(step, first.steps, base[index], weights[index], signal)

    record(0)
    while done < first.steps and any(result.diverged_at is None for result in results):
        chunk = min(first.eval_every, first.steps - done)
        devices.synchronize(device)
        start = time.perf_counter()
        for step in range(done, done + chunk):
            x = images[next(batches)]
            if split.pixels == "stochastic":
                x = trainer.binarize(x)
            if any(run.schedule is not None for run in runs):
                weights = [
                    run.schedule(moment(index, step)) if run.schedule else weights[index]
                    for index, run in enumerate(runs)
                ]
                trainer.weigh(weights)
            curve[step] = torch.stack(trainer.step(x), dim=-1)
            if step % 10 == 9:
                progress(10 * len(runs))
        devices.synchronize(device)
        seconds = (time.perf_counter() - start) / len(runs)
        finite = curve[done : done + chunk, :, 0].isfinite().cpu()
        for index, result in enumerate(results):
            if result.diverged_at is None:
                result.seconds += seconds
                if not finite[:, index].all():
                    first_bad = int((~finite[:, index]).int().argmax())
                    result.diverged_at = done + first_bad + 1
                    result.curve = result.curve[: done + first_bad]
        done += chunk
        record(done)
    for result, model in zip(results, trainer.models, strict=True):
        result.model = model
    return results


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
