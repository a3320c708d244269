"""The training step, over a stack of runs: models, critics, optimizers, random streams."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import groupby

import torch
from torch import Tensor
from torch.nn.functional import pad

from infovae_core import critics
from infovae_core.critics import Critic
from infovae_core.models import VAE, Output
from infovae_core.objectives import Terms, Weight
from infovae_core.randomness import Streams
from infovae_core.run import Run
from infovae_core.schedules import Weights
from infovae_core.stacks import each, stack, unstack, with_latent_dim


class Trainer:
    """A stack of models and their optimizer; the objectives are those of its groups.

    The models have the latent dimension of the largest; what a smaller one has no use for is zero
    and stays zero, see `stacks.with_latent_dim`.
    """

    def __init__(self, runs: Sequence[Run], device: torch.device) -> None:
        """Draw each run's parameters from its own streams."""
        first = runs[0]
        self.runs, self.device = list(runs), device
        self.streams = [Streams(run.seed, device) for run in runs]
        self.batch_size, self.precision = first.batch_size, first.precision
        self.latent_dim = max(run.latent_dim for run in runs)
        pairs = list(zip(self.runs, self.streams, strict=True))
        models = [VAE(run.architecture, own.init) for run, own in pairs]
        self.model = stack([with_latent_dim(one, self.latent_dim) for one in models]).to(device)
        self.optimizer = adam(self.model, first.learning_rate)
        self.groups = [
            Group(list(group), device) for _, group in groupby(pairs, lambda pair: pair[0].kind)
        ]
        self._given: list[Weights] = []
        self.weigh([Weights(run.objective.alpha, run.objective.lam) for run in runs])

    @property
    def models(self) -> list[VAE]:
        """Each run's model as it is now: of one run, what is trained, else a view or a copy."""
        return [
            with_latent_dim(model, run.latent_dim)
            for run, model in zip(self.runs, unstack(self.model, len(self.runs)), strict=True)
        ]

    @property
    def shuffles(self) -> list[torch.Generator]:
        """The stream of each run that orders its images."""
        return [own.shuffle for own in self.streams]

    def weigh(self, weights: Sequence[Weights]) -> None:
        """Give each run's objective its α and λ.

        Raises:
            ValueError: If they are no weights of an objective, such as a negative α + λ − 1.
        """
        if list(weights) == self._given:
            return
        self._given = list(weights)
        left = iter(weights)
        for group in self.groups:
            group.weigh([next(left) for _ in range(len(group))])

    def binarize(self, x: Tensor) -> Tensor:
        """Bernoulli pixels of these means, (R, B, 1, 28, 28), from each run's own stream."""
        parts = zip(x, self.streams, strict=True)
        return torch.stack([torch.bernoulli(one, generator=own.pixels) for one, own in parts])

    def normal(self, choose: Callable[[Streams], torch.Generator]) -> Tensor:
        """Standard normal draws (R, B, d) from a stream of each run; 0 beyond a run's own d."""
        return torch.stack(
            [
                pad(
                    torch.randn(
                        self.batch_size, run.latent_dim, generator=choose(own), device=self.device
                    ),
                    (0, self.latent_dim - run.latent_dim),
                )
                for run, own in zip(self.runs, self.streams, strict=True)
            ]
        )

    def step(self, x: Tensor) -> Terms:
        """One update on minibatches (R, B, 1, 28, 28); the loss terms (R,), without gradient."""
        eps, prior = self.normal(lambda own: own.noise), self.normal(lambda own: own.prior)
        with autocast(self.device, self.precision):
            output = each(self.model, x, eps)
        terms = self._terms(x, output, prior)
        self.optimizer.zero_grad()
        # Gradients that reach a critic here are cleared before its next own step.
        terms.loss.sum().backward()
        self.optimizer.step()
        return Terms(*(term.detach() for term in terms))

    def _terms(self, x: Tensor, output: Output, prior: Tensor) -> Terms:
        """The loss terms (R,), group by group."""
        if len(self.groups) == 1:
            return self.groups[0](x, output, prior)
        sizes = [len(group) for group in self.groups]
        parts = zip(*(whole.split(sizes) for whole in (x, prior, *output)), strict=True)
        found = [
            group(x, Output(*output), prior)
            for group, (x, prior, *output) in zip(self.groups, parts, strict=True)
        ]
        return Terms(*(torch.cat(term) for term in zip(*found, strict=True)))


class Group:
    """Neighbours in a stack whose objectives differ in α and λ alone, and their critics."""

    def __init__(self, members: Sequence[tuple[Run, Streams]], device: torch.device) -> None:
        """Draw the critics, where D is learned, from each run's own streams."""
        self.latent_dim, self.device = members[0][0].latent_dim, device
        self.objectives = [run.objective for run, _ in members]
        drawn = [
            critic
            for run, own in members
            if (critic := run.objective.critic(run.latent_dim, own.critic)) is not None
        ]
        self.critic: Critic | None = stack(drawn).to(device) if drawn else None
        if self.critic is not None:
            self.critic_optimizer = adam(self.critic, self.critic.learning_rate)

    def __len__(self) -> int:
        """Number of runs."""
        return len(self.objectives)

    def weigh(self, weights: Iterable[Weights]) -> None:
        """Give each run's objective its α and λ."""
        self.objectives = [
            replace(objective, alpha=alpha, lam=lam)
            for objective, (alpha, lam) in zip(self.objectives, weights, strict=True)
        ]
        self.weights = (
            self._shared([objective.alpha for objective in self.objectives]),
            self._shared([objective.weight for objective in self.objectives]),
        )

    def _shared(self, values: list[float]) -> Weight:
        """The number that all models share, or a tensor (R,)."""
        if len(set(values)) == 1:
            return values[0]
        return torch.tensor([float(value) for value in values], device=self.device)

    def __call__(self, x: Tensor, output: Output, prior: Tensor) -> Terms:
        """The loss terms (R,) of the group's runs; the critics make a step of their own first."""
        if self.latent_dim < prior.shape[-1]:
            logits, *codes = output
            *codes, prior = (part[..., : self.latent_dim] for part in (*codes, prior))
            output = Output(logits, *codes)
        bound = None
        if self.critic is not None:
            bound = partial(each, self.critic)
            # The critic moves first, so that the penalty is the tightest bound at hand.
            self.critic_optimizer.zero_grad()
            critics.loss(bound, output.z, prior).backward()
            self.critic_optimizer.step()
        return self.objectives[0](x, output, prior, bound, self.weights)


def adam(module: torch.nn.Module, learning_rate: float) -> torch.optim.Adam:
    """Adam with β = (0.9, 0.999), ε = 1e-8 (thesis §3.2), one fused kernel an update."""
    return torch.optim.Adam(module.parameters(), lr=learning_rate, fused=True)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Mixed precision for "bf16"; nothing for "fp32"."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
