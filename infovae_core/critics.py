"""Divergences that learn: a critic is trained beside the model to attain a variational bound.

A critic is never part of the model it criticises. It has a loss of its own, on codes without
gradient, and an optimizer of its own; the penalty it gives the encoder is the bound's value, whose
gradient reaches the codes.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from infovae_core.divergences import check, register
from infovae_core.models import initialize
from infovae_core.randomness import undisturbed


class Critic(nn.Module):
    """A scalar function T(z) and the bound on a divergence that it maximizes.

    Attributes:
        learning_rate: Step size of the critic's own Adam.
    """

    learning_rate: float

    def __init__(self, widths: list[int], learning_rate: float, generator: torch.Generator) -> None:
        """A multilayer perceptron of these widths, ReLU between its layers."""
        super().__init__()
        layers: list[nn.Module] = []
        with undisturbed():
            for wide, narrow in pairwise(widths):
                layers += [nn.Linear(wide, narrow), nn.ReLU()]
            self.network = nn.Sequential(*layers[:-1])
            initialize(self, generator)
        self.learning_rate = learning_rate

    def __call__(self, q: Tensor, p: Tensor) -> Tensor:
        """The bound's value, see `forward`, of samples that pass `divergences.check`."""
        check(q, p)
        value: Tensor = super().__call__(q, p)
        return value

    def score(self, z: Tensor) -> Tensor:
        """T(z): (..., n, d) → (..., n)."""
        value: Tensor = self.network(z)[..., 0]
        return value

    def forward(self, q: Tensor, p: Tensor) -> Tensor:
        """The bound's value for codes (..., n, d) and prior draws (..., m, d): shape (...)."""
        raise NotImplementedError

    def loss(self, q: Tensor, p: Tensor) -> Tensor:
        """What the critic minimizes, see `loss`."""
        return loss(self, q, p)


def loss(bound: Callable[[Tensor, Tensor], Tensor], q: Tensor, p: Tensor) -> Tensor:
    """What a critic minimizes: minus its bound, on codes detached from the encoder."""
    return -bound(q.detach(), p.detach()).sum()


@register(
    "chi2", title="χ² divergence", category="learned density ratio", source="Nguyen et al. 2010"
)
class ChiSquare(Critic):
    """χ²(q‖p) = sup_T E_q T − E_p[T + T²/4], attained at T = 2(q/p − 1).

    The f-divergence bound of Nguyen, Wainwright and Jordan (2010) for f(r) = (r − 1)². With a
    critic that is not optimal, or from few samples, the value may be negative.

    Example:
        >>> critic = ChiSquare(2, torch.Generator().manual_seed(0))
        >>> z, y = torch.ones(64, 2), torch.zeros(64, 2)
        >>> optimizer = torch.optim.Adam(critic.parameters(), critic.learning_rate)
        >>> critic.loss(z, y).backward()  # The critic's own step, on codes without gradient,
        >>> optimizer.step()
        >>> critic(z, y).shape  # before the penalty that the encoder pays.
        torch.Size([])
    """

    def __init__(
        self,
        latent_dim: int,
        generator: torch.Generator,
        *,
        hidden: int = 128,
        learning_rate: float = 1e-4,
    ) -> None:
        """FC(`hidden`), ReLU, FC(1)."""
        super().__init__([latent_dim, hidden, 1], learning_rate, generator)

    def forward(self, q: Tensor, p: Tensor) -> Tensor:
        """The bound: E_q T − E_p[T + T²/4], by sample means."""
        on_prior = self.score(p)
        return self.score(q).mean(-1) - (on_prior + on_prior.square() / 4).mean(-1)


@register(
    "js",
    title="Jensen–Shannon divergence",
    category="learned density ratio",
    source="Makhzani et al. 2016",
    original=True,
)
class JensenShannon(Critic):
    """JS(q‖p) = log 2 + ½ sup_T { E_p log s(T) + E_q log(1 − s(T)) }, s the logistic function.

    The discriminator s(T) estimates p/(p + q) (Goodfellow et al. 2014; Makhzani et al. 2016). The
    encoder descends the bound itself (the "saturating" generator loss), so that the penalty is
    the divergence that the objective names. At most log 2 nats.

    Example:
        >>> critic = JensenShannon(2, torch.Generator().manual_seed(0))
        >>> bool(critic(torch.ones(64, 2), torch.zeros(64, 2)) <= math.log(2))
        True
    """

    def __init__(
        self,
        latent_dim: int,
        generator: torch.Generator,
        *,
        hidden: int = 128,
        learning_rate: float = 1e-4,
    ) -> None:
        """Two hidden layers FC(`hidden`) with ReLU, then FC(1)."""
        super().__init__([latent_dim, hidden, hidden, 1], learning_rate, generator)

    def forward(self, q: Tensor, p: Tensor) -> Tensor:
        """The bound, by sample means, in nats."""
        on_prior, on_codes = logsigmoid(self.score(p)), logsigmoid(-self.score(q))
        return math.log(2) + (on_prior.mean(-1) + on_codes.mean(-1)) / 2
