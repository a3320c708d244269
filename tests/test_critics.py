"""The learned divergences: bounds that no critic exceeds and a trained one attains."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from infovae_core import critics
from infovae_core.critics import ChiSquare, Critic, JensenShannon
from infovae_core.divergences import REGISTRY
from infovae_core.models import VAE, Architecture
from infovae_core.objectives import Objective
from tests import oracles

CRITICS = ["chi2", "js"]
# Mean of the codes along the first axis, scale along it: N(m, s²) × N(0, 1) against N(0, I).
CODES = [(0.6, 1.0), (0.0, 0.6)]


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randn(*shape, generator=generator)


def codes(n: int, mean: float, scale: float, generator: torch.Generator) -> Tensor:
    z = normal(n, 2, generator=generator)
    return z * torch.tensor([scale, 1.0]) + torch.tensor([mean, 0.0])


def truth(name: str, mean: float, scale: float) -> float:
    """Of the first coordinate alone: the others are alike, and add nothing."""
    value = oracles.ORACLES[name](oracles.log_normal(mean, scale), oracles.log_normal())
    assert isinstance(value, float)
    return value


def log_ratio(z: Tensor, mean: float, scale: float) -> Tensor:
    """log q/p."""
    x = z[..., 0]
    return 0.5 * x.square() - 0.5 * ((x - mean) / scale).square() - math.log(scale)


# T(z) at which each bound is attained.
OPTIMA: dict[str, Callable[[Tensor], Tensor]] = {
    "chi2": lambda log_r: 2 * log_r.expm1(),
    "js": lambda log_r: -log_r,
}


def per_sample(name: str, on_codes: Tensor, on_prior: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """What the bound averages over codes and over draws, in numpy."""
    t, u = (x.detach().double().numpy() for x in (on_codes, on_prior))
    if name == "chi2":
        return t, -u - u**2 / 4
    return 0.5 * np.log(2 / (1 + np.exp(t))), 0.5 * np.log(2 / (1 + np.exp(-u)))


def bound(name: str, on_codes: Tensor, on_prior: Tensor) -> tuple[float, float]:
    """The bound and its standard error."""
    parts = per_sample(name, on_codes, on_prior)
    return (
        float(sum(part.mean() for part in parts)),
        math.sqrt(sum(part.var() / part.size for part in parts)),
    )


@pytest.mark.parametrize("name", CRITICS)
def test_value_is_the_bounds_formula(name: str) -> None:
    critic = REGISTRY[name](2, rng(0)).double()
    q, p = codes(7, 1, 2, rng(1)).double(), normal(5, 2, generator=rng(2)).double()
    on_codes, on_prior = 3 * critic.score(q), 3 * critic.score(p)
    with torch.no_grad():
        for parameter in (critic.network[-1].weight, critic.network[-1].bias):
            parameter *= 3
    expected, _ = bound(name, on_codes, on_prior)
    assert critic(q, p).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("mean", "scale"), CODES)
@pytest.mark.parametrize("name", CRITICS)
def test_bound_is_attained_at_the_optimal_critic(
    name: str, mean: float, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    critic = REGISTRY[name](2, rng(0))
    monkeypatch.setattr(critic, "score", lambda z: OPTIMA[name](log_ratio(z.double(), mean, scale)))
    q, p = codes(200_000, mean, scale, rng(3)), normal(200_000, 2, generator=rng(4))
    expected, error = truth(name, mean, scale), bound(name, critic.score(q), critic.score(p))[1]
    assert (critic(q, p).item() - expected) / error == pytest.approx(0, abs=4)
    assert error < 0.03 * expected


@pytest.mark.parametrize(("mean", "scale"), CODES)
@pytest.mark.parametrize("name", CRITICS)
def test_no_critic_exceeds_the_divergence(
    name: str, mean: float, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither random ones nor the optimum distorted."""
    expected = truth(name, mean, scale)
    q, p = codes(20_000, mean, scale, rng(5)), normal(20_000, 2, generator=rng(6))
    ratios = [log_ratio(z, mean, scale) for z in (q, p)]
    tries = [
        [factor * OPTIMA[name](r) + shift for r in ratios]
        for factor in (0.5, 1.5, -1.0)
        for shift in (-0.5, 0.5)
    ]
    for seed in range(4):
        with torch.no_grad():
            scores = [REGISTRY[name](2, rng(seed)).score(z) for z in (q, p)]
        tries += [[factor * score for score in scores] for factor in (-5.0, 1.0, 5.0)]
    critic = REGISTRY[name](2, rng(0))
    for on_codes, on_prior in tries:
        monkeypatch.setattr(critic, "score", lambda z, a=on_codes, b=on_prior: a if z is q else b)
        error = bound(name, on_codes, on_prior)[1]
        assert critic(q, p).item() < expected + 4 * error


@pytest.mark.parametrize(("mean", "scale"), CODES)
@pytest.mark.parametrize("name", CRITICS)
def test_trained_critic_comes_close_from_below(name: str, mean: float, scale: float) -> None:
    critic = REGISTRY[name](2, rng(7), hidden=64, learning_rate=5e-3)
    optimizer = torch.optim.Adam(critic.parameters(), lr=critic.learning_rate)
    generator = rng(8)
    untrained = None
    for step in range(400):
        # The last steps are smaller, to settle.
        for group in optimizer.param_groups:
            group["lr"] = critic.learning_rate * (1 - step / 400)
        q, p = codes(512, mean, scale, generator), normal(512, 2, generator=generator)
        loss = critics.loss(critic, q, p)
        untrained = untrained if untrained is not None else -loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    q, p = codes(100_000, mean, scale, rng(9)), normal(100_000, 2, generator=rng(10))
    with torch.no_grad():
        value = critic(q, p).item()
        error = bound(name, critic.score(q), critic.score(p))[1]
    expected = truth(name, mean, scale)
    assert 0.85 * expected < value < expected + 4 * error
    assert untrained is not None
    assert untrained < 0.5 * expected


def test_oracles_know_their_limits() -> None:
    far = oracles.js(oracles.log_normal(12.0), oracles.log_normal())
    assert far == pytest.approx(math.log(2), rel=1e-6)
    for oracle in (oracles.js, oracles.chi2):
        assert oracle(oracles.log_normal(), oracles.log_normal()) == pytest.approx(0, abs=1e-12)
    shrunk = oracles.chi2(oracles.log_normal(0, 0.6), oracles.log_normal())
    # ∫ q²/p for centred Gaussians: 1/(s √(2 − s²)).
    assert shrunk == pytest.approx(1 / (0.6 * math.sqrt(2 - 0.36)) - 1)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), factor=st.floats(-100, 100))
def test_jensen_shannon_is_at_most_log_2(seed: int, factor: float) -> None:
    critic = JensenShannon(2, rng(seed))
    with torch.no_grad():
        critic.network[-1].weight *= factor
    q, p = codes(16, 50, 1, rng(seed + 1)), normal(16, 2, generator=rng(seed + 2))
    assert critic(q, p).item() <= math.log(2) + 1e-6


@pytest.mark.parametrize("name", CRITICS)
def test_a_critic_that_says_nothing_finds_nothing(name: str) -> None:
    critic = REGISTRY[name](2, rng(0))
    with torch.no_grad():
        critic.network[-1].weight.zero_()
        critic.network[-1].bias.zero_()
    q, p = codes(16, 5, 1, rng(1)), normal(16, 2, generator=rng(2))
    assert critic(q, p).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", CRITICS)
def test_the_critics_loss_stops_at_the_codes(name: str) -> None:
    critic = REGISTRY[name](2, rng(0))
    q = codes(3 * 16, 1, 1, rng(1)).view(3, 16, 2).requires_grad_()
    p = normal(3, 16, 2, generator=rng(2)).requires_grad_()
    loss = critics.loss(critic, q, p)
    loss.backward()
    assert q.grad is None
    assert p.grad is None
    for key, parameter in critic.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.any(), key
    torch.testing.assert_close(loss, -critic(q, p).sum())


@pytest.mark.parametrize("name", CRITICS)
def test_the_penalty_reaches_the_codes(name: str) -> None:
    critic = REGISTRY[name](2, rng(0))
    q, p = codes(16, 1, 1, rng(1)).requires_grad_(), normal(16, 2, generator=rng(2))
    critic(q, p).backward()
    assert q.grad is not None
    assert q.grad.isfinite().all()
    assert (q.grad.norm(dim=1) > 0).all()


@pytest.mark.parametrize("name", CRITICS)
def test_critic_is_no_part_of_the_model(name: str) -> None:
    objective = Objective(alpha=1, lam=1, divergence=name, options={"hidden": 8})
    model, critic = VAE(Architecture(2), rng(0)), objective.critic(2, rng(1))
    assert isinstance(critic, Critic)
    models = {id(parameter) for parameter in model.parameters()}
    assert models.isdisjoint(id(parameter) for parameter in critic.parameters())
    # A step of the model moves the model and leaves the critic, although gradients reach both.
    before = [parameter.detach().clone() for parameter in critic.parameters()]
    x = torch.rand(4, 1, 28, 28, generator=rng(2))
    eps, prior = normal(4, 2, generator=rng(3)), normal(4, 2, generator=rng(4))
    bias = model.encoder.heads.bias.detach().clone()
    optimizer = torch.optim.Adam(model.parameters())
    objective(x, model(x, eps), prior, critic).divergence.backward()
    optimizer.step()
    assert not torch.equal(bias, model.encoder.heads.bias)
    assert all(map(torch.equal, before, critic.parameters()))


@pytest.mark.parametrize("name", CRITICS)
def test_options_reach_the_critic(name: str) -> None:
    objective = Objective(
        alpha=1, lam=1, divergence=name, options={"hidden": 5, "learning_rate": 0.25}
    )
    critic = objective.critic(3, rng(0))
    assert critic is not None
    assert critic.learning_rate == 0.25
    assert critic.network[0].weight.shape == (5, 3)
    assert critic.network[-1].weight.shape == (1, 5)
    assert critic.score(torch.zeros(2, 4, 3)).shape == (2, 4)


@pytest.mark.parametrize(("kind", "layers"), [(ChiSquare, 2), (JensenShannon, 3)])
def test_critics_have_their_layers(kind: type[Critic], layers: int) -> None:
    critic = kind(3, rng(0))  # type: ignore[call-arg,arg-type]
    linear = [module for module in critic.network if isinstance(module, torch.nn.Linear)]
    assert len(linear) == layers
    z = normal(6, 3, generator=rng(1))
    h = z
    for layer in linear[:-1]:
        h = (h @ layer.weight.T + layer.bias).clamp_min(0)
    expected = (h @ linear[-1].weight.T + linear[-1].bias)[:, 0]
    torch.testing.assert_close(critic.score(z), expected)


@pytest.mark.parametrize("name", CRITICS)
def test_critics_parameters_are_those_of_their_generator(name: str) -> None:
    first, again, other = (REGISTRY[name](2, rng(seed)) for seed in (0, 0, 1))
    assert all(map(torch.equal, first.parameters(), again.parameters()))
    assert not any(map(torch.equal, first.parameters(), other.parameters()))


def test_divergences_of_samples_have_no_critic() -> None:
    assert Objective(alpha=1, lam=1, divergence="mmd").critic(2, rng(0)) is None
    assert Objective(alpha=0, lam=1).critic(2, rng(0)) is None
