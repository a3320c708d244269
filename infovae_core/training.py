"""One run's training: the step and the loop.

All data stay on the device; a step touches no loader and never waits for the device. What a step
measures goes into a buffer there, which is read at each evaluation. (Two exceptions wait: Sinkhorn
reads its samples' diameter, and a schedule may ask for a term of the last minibatch's loss.)
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from infovae_core import devices, names
from infovae_core.critics import Critic
from infovae_core.data import Split
from infovae_core.models import VAE
from infovae_core.objectives import Objective, Terms
from infovae_core.randomness import Streams
from infovae_core.run import Run
from infovae_core.schedules import Moment, Weights

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
        seconds: Seconds spent in training steps alone, device synchronized.
        evaluation_seconds: Seconds spent in the callback.
        diverged_at: The first step (from 1) whose loss was not finite, else None.
    """

    model: VAE
    curve: Tensor
    evaluations: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    evaluation_seconds: float = 0.0
    diverged_at: int | None = None


def fit(
    run: Run,
    split: Split,
    evaluate: Callable[[VAE], dict[str, float]] | None = None,
    progress: Callable[[int], None] = lambda steps: None,
) -> Fit:
    """Train the model that `run` describes.

    Args:
        run: The run.
        split: Its data, on the device that trains.
        evaluate: Called before the first step and after every `run.eval_every` steps; what it
            returns is recorded. It takes no part in training time and moves no random stream.
        progress: Called with a number of steps just made.

    Raises:
        ValueError: If there are fewer training images than a minibatch takes.
    """
    images = split.train.images
    device = images.device
    if len(images) < run.batch_size:
        raise ValueError(
            f"a minibatch takes {run.batch_size} images and {split.name} has {len(images)} for "
            "training: choose a smaller batch size"
        )
    trainer = Trainer(run, device)
    result = Fit(trainer.model, torch.zeros(run.steps, len(TERMS), device=device))
    batches = minibatches(len(images), run.batch_size, trainer.streams.shuffle, device)

    base = weights = Weights(run.objective.alpha, run.objective.lam)
    done = 0

    def record(step: int) -> None:
        if evaluate is None:
            return
        start = time.perf_counter()
        found = evaluate(trainer.model)
        devices.synchronize(device)
        result.evaluation_seconds += time.perf_counter() - start
        result.evaluations.append(
            {"step": float(step), "alpha": weights.alpha, "lam": weights.lam, **found}
        )

    def signal(name: str) -> float:
        """The latest value of what the evaluations record, or of a term of the loss."""
        known = result.evaluations[-1] if result.evaluations else {}
        if name in TERMS:
            return float(result.curve[step - 1, TERMS.index(name)])
        return known[names.check("signal", name, [*known, *TERMS])]

    record(0)
    while done < run.steps and result.diverged_at is None:
        chunk = min(run.eval_every, run.steps - done)
        devices.synchronize(device)
        start = time.perf_counter()
        for step in range(done, done + chunk):
            x = images[next(batches)]
            if split.pixels == "stochastic":
                x = torch.bernoulli(x, generator=trainer.streams.pixels)
            if run.schedule is not None:
                weights = run.schedule(Moment(step, run.steps, base, weights, signal))
                trainer.weigh(weights)
            result.curve[step] = torch.stack(trainer.step(x))
            if step % 10 == 9:
                progress(10)
        devices.synchronize(device)
        result.seconds += time.perf_counter() - start
        finite = result.curve[done : done + chunk, 0].isfinite()
        if not finite.all():
            first = int((~finite).int().argmax())
            result.diverged_at = done + first + 1
            result.curve = result.curve[: done + first]
        else:
            done += chunk
            record(done)
    return result


class Trainer:
    """A model, its critic if D is learned, and one optimizer for each."""

    def __init__(self, run: Run, device: torch.device) -> None:
        """Draw the parameters from the run's own streams."""
        self.streams = Streams(run.seed, device)
        self.precision = run.precision
        self.objective: Objective = run.objective
        self.model = VAE(run.architecture, self.streams.init).to(device)
        self.optimizer = adam(self.model, run.learning_rate)
        critic = self.objective.critic(run.latent_dim, self.streams.critic)
        self.critic: Critic | None = critic.to(device) if critic is not None else None
        if self.critic is not None:
            self.critic_optimizer = adam(self.critic, self.critic.learning_rate)

    def weigh(self, weights: Weights) -> None:
        """Give the objective these α and λ.

        Raises:
            ValueError: If they are no weights of an objective, such as a negative α + λ − 1.
        """
        if weights != (self.objective.alpha, self.objective.lam):
            self.objective = replace(self.objective, alpha=weights.alpha, lam=weights.lam)

    def step(self, x: Tensor) -> Terms:
        """One update on the minibatch (B, 1, 28, 28); its loss terms, without gradient."""
        noise, draws = self.streams.noise, self.streams.prior
        shape = (len(x), self.model.encoder.heads.out_features // 2)
        eps = torch.randn(shape, generator=noise, device=x.device)
        prior = torch.randn(shape, generator=draws, device=x.device)
        with autocast(x.device, self.precision):
            output = self.model(x, eps)
        if self.critic is not None:
            # The critic moves first, so that the penalty is the tightest bound at hand.
            self.critic_optimizer.zero_grad()
            self.critic.loss(output.z, prior).backward()
            self.critic_optimizer.step()
        terms = self.objective(x, output, prior, self.critic)
        self.optimizer.zero_grad()
        # Gradients that reach the critic here are cleared before its next own step.
        terms.loss.backward()
        self.optimizer.step()
        return Terms(*(term.detach() for term in terms))


def adam(module: torch.nn.Module, learning_rate: float) -> torch.optim.Adam:
    """Adam with β = (0.9, 0.999), ε = 1e-8 (thesis §3.2), one fused kernel an update."""
    return torch.optim.Adam(module.parameters(), lr=learning_rate, fused=True)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Mixed precision for "bf16"; nothing for "fp32"."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def minibatches(n: int, size: int, generator: torch.Generator, device: torch.device):  # type: ignore[no-untyped-def]
    """Indices (size,) of one minibatch after the other, without end, reshuffled every epoch.

    The n mod size images left at an epoch's end wait for the next one, so that every estimate is
    made from equally many images.
    """
    while True:
        order = torch.randperm(n, generator=generator).to(device)
        yield from order[: n // size * size].split(size)
