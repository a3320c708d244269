"""The objective as the composition it claims to be, its special cases and its refusals."""

import math
import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

from infovae_core import objectives
from infovae_core.divergences import mmd
from infovae_core.models import VAE, Architecture, Output
from infovae_core.names import UnknownName
from infovae_core.objectives import PRESETS, Objective, Preset, Terms, beta, info, preset
from infovae_core.study.experiments import EXPERIMENT2_MODELS, EXPERIMENT3_MODELS


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=rng(seed))


X = torch.rand(16, 1, 28, 28, generator=rng(0)).round()
EPS, PRIOR = normal(16, 3, seed=1), normal(16, 3, seed=2)


def encoded(dtype: torch.dtype = torch.float64) -> Output:
    """What a model might return, without the model."""
    mu, logvar, eps = (normal(16, 3, seed=seed).to(dtype) for seed in (3, 4, 5))
    logits = normal(16, 1, 28, 28, seed=6).to(dtype)
    return Output(logits, mu, logvar, mu + (logvar / 2).exp() * eps)


def step(objective: Objective, batch_norm: bool = False) -> tuple[Terms, list[Tensor]]:
    """Loss terms and the gradient of every parameter, of one and the same model."""
    model = VAE(Architecture(3, batch_norm=batch_norm), rng(7))
    terms = objective(X, model(X, EPS), PRIOR, objective.critic(3, rng(8)))
    return terms, list(torch.autograd.grad(terms.loss, list(model.parameters())))


# Special cases


@pytest.mark.parametrize(
    "same",
    [
        PRESETS["vae"].objective,
        beta(1),
        beta(1.0),
        Objective(alpha=0, lam=1, divergence="mmd"),
        Objective(alpha=0, lam=1, divergence="js"),
        Objective(alpha=0, lam=1, extras={}),
    ],
)
def test_vae_is_beta_vae_is_infovae_to_the_bit(same: Objective) -> None:
    model = VAE(Architecture(3), rng(7))
    output = model(X, EPS)
    elbo = objectives.bernoulli_nll(X, output.logits).mean()
    elbo = elbo + objectives.kl_per_dimension(output.mu, output.logvar).mean(0).sum()
    expected = torch.autograd.grad(elbo, list(model.parameters()))
    terms, gradients = step(same)
    assert torch.equal(terms.loss, elbo)
    assert all(map(torch.equal, gradients, expected))
    assert all(gradient.any() for gradient in gradients)
    assert terms.divergence == terms.extra == 0


def test_beta_weights_the_kl() -> None:
    terms, _ = step(beta(4))
    torch.testing.assert_close(terms.loss, terms.reconstruction + 4 * terms.kl)
    assert PRESETS["beta_vae"].objective == beta(4)


@settings(deadline=None)
@given(st.floats(0, 1e6))
def test_beta_vae_has_no_divergence(value: float) -> None:
    objective = beta(value)
    assert objective.weight == 0
    assert 1 - objective.alpha == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_autoencoder_ignores_an_infinite_kl() -> None:
    output = encoded()
    output = output._replace(logvar=torch.full_like(output.logvar, 1000.0))
    terms = Objective(alpha=1, lam=0)(X.double(), output, PRIOR.double())
    assert terms.kl == math.inf
    assert torch.equal(terms.loss, terms.reconstruction)
    assert terms.loss.isfinite()


# Composition


@pytest.mark.parametrize(("alpha", "lam"), [(0.3, 5.0), (-2.0, 4.5), (1.0, 1000.0), (1.5, 0.0)])
@pytest.mark.parametrize("free_bits", [0.0, 0.4])
@pytest.mark.parametrize("weight", [0.0, 2.5])
def test_loss_is_the_composition(alpha: float, lam: float, free_bits: float, weight: float) -> None:
    output, prior = encoded(), PRIOR.double()
    objective = Objective(
        alpha=alpha,
        lam=lam,
        divergence="mmd",
        options={"bandwidth": 2.0, "estimator": "biased"},
        free_bits=free_bits,
        extras={"info_nce": weight},
    )
    terms = objective(X.double(), output, prior)
    nll = -Bernoulli(logits=output.logits).log_prob(X.double()).sum() / 16
    posterior = Normal(output.mu, (output.logvar / 2).exp())
    kls = kl_divergence(posterior, Normal(0.0, 1.0)).mean(0)
    kl = sum(max(free_bits, float(kl)) for kl in kls)
    divergence = mmd(output.z, prior, bandwidth=2.0, estimator="biased")
    extra = weight * objectives.info_nce(output.z)
    expected = nll + (1 - alpha) * kl + (alpha + lam - 1) * divergence + extra
    torch.testing.assert_close(terms.loss, expected)
    torch.testing.assert_close(terms.reconstruction, nll)
    torch.testing.assert_close(terms.divergence, divergence)
    torch.testing.assert_close(terms.extra, extra)
    assert float(terms.kl) == pytest.approx(kl)


@pytest.mark.parametrize("name", PRESETS)
def test_the_loss_of_bernoulli_pixels_is_that_of_their_likelihood_to_the_bit(name: str) -> None:
    output, objective = encoded(torch.float32), PRESETS[name].objective
    critic = objective.critic(3, rng(8))
    nll = objectives.bernoulli_nll(X, output.logits)
    found = objective.terms(nll, output.mu, output.logvar, output.z, PRIOR, critic)
    assert all(map(torch.equal, found, objective(X, output, PRIOR, critic)))


def test_another_likelihood_has_the_same_penalties() -> None:
    _, mu, logvar, z = encoded()
    x, mean, prior = normal(16, 7, seed=20).double(), normal(16, 7, seed=21), PRIOR.double()
    objective = Objective(alpha=0.5, lam=3.0, divergence="cramer", extras={"info_nce": 2.0})
    nll = 0.5 * ((x - mean).square() / 0.04 + math.log(2 * math.pi * 0.04)).sum(-1)
    terms = objective.terms(nll, mu, logvar, z, prior)
    assert terms[2:] == objective(X.double(), encoded(), prior)[2:]
    density = Normal(mean.double(), 0.2).log_prob(x).sum() / 16
    torch.testing.assert_close(terms.reconstruction, -density)
    torch.testing.assert_close(
        terms.loss, -density + 0.5 * terms.kl + 2.5 * terms.divergence + terms.extra
    )


@pytest.mark.parametrize("name", objectives.registry())
def test_every_divergence_has_its_weight(name: str) -> None:
    terms, _ = step(Objective(alpha=0.5, lam=3.0, divergence=name))
    assert terms.divergence != 0
    torch.testing.assert_close(
        terms.loss, terms.reconstruction + 0.5 * terms.kl + 2.5 * terms.divergence
    )


def test_options_reach_the_divergence() -> None:
    output, prior = encoded(), PRIOR.double()
    values = {
        bandwidth: info("mmd", bandwidth=bandwidth)(X.double(), output, prior).divergence
        for bandwidth in (1.0, 3.0)
    }
    assert values[1.0] != values[3.0]
    for bandwidth, value in values.items():
        torch.testing.assert_close(value, mmd(output.z, prior, bandwidth=bandwidth))


def test_a_stated_default_is_the_default() -> None:
    assert info("mmd") == info("mmd", bandwidth=1.0, estimator="unbiased", prior="sampled")
    assert info("mmd") != info("mmd", bandwidth=2.0)
    assert (info("mmd").alpha, info("mmd").lam, info("mmd").weight) == (1, 1000, 1000)


# Terms


def test_reconstruction_is_the_log_likelihood_of_an_image() -> None:
    logits = 3 * normal(5, 1, 28, 28, seed=9)
    x = torch.rand(5, 1, 28, 28, generator=rng(10)).round()
    expected = -Bernoulli(logits=logits).log_prob(x).sum((1, 2, 3))
    found = objectives.bernoulli_nll(x, logits)
    assert found.shape == (5,)
    torch.testing.assert_close(found, expected)
    # In nats per image: an even guess costs 784 log 2.
    even = objectives.bernoulli_nll(x, torch.zeros_like(x))
    torch.testing.assert_close(even, torch.full((5,), 784 * math.log(2)))
    # Of grey levels, the cross-entropy.
    grey = torch.rand(5, 1, 28, 28, generator=rng(11))
    mean = logits.sigmoid()
    entropy = -(grey * mean.log() + (1 - grey) * (1 - mean).log()).sum((1, 2, 3))
    torch.testing.assert_close(objectives.bernoulli_nll(grey, logits), entropy)


def test_reconstruction_survives_large_logits() -> None:
    x, logits = torch.ones(1, 1, 28, 28), torch.full((1, 1, 28, 28), -200.0)
    assert objectives.bernoulli_nll(x, logits).item() == pytest.approx(784 * 200)
    assert objectives.bernoulli_nll(x, -logits).item() == pytest.approx(0, abs=1e-6)


def test_kl_is_that_of_the_gaussians() -> None:
    mu, logvar = 2 * normal(7, 4, seed=12), 2 * normal(7, 4, seed=13)
    expected = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0))
    found = objectives.kl_per_dimension(mu, logvar)
    assert found.shape == (7, 4)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert not objectives.kl_per_dimension(torch.zeros(2, 2), torch.zeros(2, 2)).any()


def with_kl(values: list[float]) -> Output:
    """A batch of two whose batch-mean KL is `values`: means off the prior's, variances on it."""
    base = torch.tensor(values, dtype=torch.float64).mul(2)
    # Mean over the batch of ½ μ²: unequal halves, so that a floor of each image would show.
    mu = torch.stack([(0.5 * base).sqrt(), (1.5 * base).sqrt()]).requires_grad_()
    logvar = torch.zeros_like(mu, requires_grad=True)
    return Output(torch.zeros(2, 1, 28, 28, dtype=torch.float64), mu, logvar, mu)


@pytest.mark.parametrize(
    ("values", "kl"),
    [
        ([0.2, 0.3], 1.0),  # below: two floors
        ([0.2, 0.9], 1.4),  # one on each side
        ([0.8, 0.9], 1.7),  # above: the KL itself
        ([0.4, 0.6], 1.1),  # an image below in a dimension above keeps its own
    ],
)
def test_free_bits_are_a_floor_of_each_dimensions_batch_mean(
    values: list[float], kl: float
) -> None:
    output = with_kl(values)
    x = torch.zeros(2, 1, 28, 28, dtype=torch.float64)
    terms = Objective(alpha=0, lam=1, free_bits=0.5)(x, output, output.z)
    assert terms.kl.item() == pytest.approx(kl)
    assert terms.loss.item() == pytest.approx(784 * math.log(2) + kl)
    (gradient,) = torch.autograd.grad(terms.loss, output.mu)
    # No pressure below the floor, and the KL's own above it: ∂/∂μ of the batch mean is μ/2.
    above = torch.tensor(values) > 0.5
    torch.testing.assert_close(gradient, output.mu.detach() / 2 * above)


def test_free_bits_at_the_floor_are_the_kl() -> None:
    output = with_kl([0.5, 0.5])
    x = torch.zeros(2, 1, 28, 28, dtype=torch.float64)
    terms = Objective(alpha=0, lam=1, free_bits=0.5)(x, output, output.z)
    assert terms.kl.item() == pytest.approx(1.0)
    none = Objective(alpha=0, lam=1)(x, output, output.z)
    assert none.kl.item() == pytest.approx(1.0)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_info_nce_is_its_formula(temperature: float) -> None:
    z = normal(6, 3, seed=14).double()
    u = [row / row.square().sum().sqrt() for row in z]
    expected = 0.0
    for a in u:
        others = [math.exp(float(a @ b) / temperature) for b in u]
        expected -= math.log(math.exp(float(a @ a) / temperature) / math.fsum(others)) / 6
    assert objectives.info_nce(z, temperature).item() == pytest.approx(expected, rel=1e-10)
    assert objectives.info_nce(5 * z, temperature).item() == pytest.approx(expected, rel=1e-10)


def test_info_nce_pushes_codes_apart() -> None:
    together = torch.ones(6, 3).double()
    assert objectives.info_nce(together).item() == pytest.approx(math.log(6))
    assert objectives.info_nce(torch.eye(6).double()).item() == pytest.approx(
        math.log1p(5 * math.exp(-10))
    )


# Refusals


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"alpha": 0.5, "lam": 0.25}, r"α \+ λ − 1 = -0.25 .*reward divergence: choose λ ≥ 0.5"),
        ({"alpha": 0, "lam": 0.5, "divergence": "mmd"}, "would reward divergence: choose λ ≥ 1"),
        ({"alpha": 1, "lam": 10}, "= 10 .*none is named: name one of mmd, .*, or set λ = 0"),
        ({"alpha": math.nan, "lam": 1}, "α and λ must be finite, got α = nan, λ = 1"),
        ({"alpha": 0, "lam": math.inf, "divergence": "mmd"}, "must be finite, got .*λ = inf"),
        ({"alpha": 0, "lam": 1, "free_bits": -0.1}, "floor in nats, at least 0; got -0.1"),
        ({"alpha": 0, "lam": 1, "free_bits": math.nan}, "floor in nats, at least 0; got nan"),
        ({"alpha": 0, "lam": 1, "options": {"blur": 1}}, "{'blur': 1} are given, but no diverg"),
    ],
)
def test_meaningless_objectives_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Objective(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"divergence": "mdd"}, "unknown divergence 'mdd': choose from .* Did you mean 'mmd'"),
        ({"divergence": "mmd", "options": {"bandwith": 1}}, "of mmd .* Did you mean 'bandwidth'"),
        ({"divergence": "js", "options": {"blur": 1}}, "of js 'blur': choose from hidden, learn"),
        ({"extras": {"infonce": 1.0}}, "unknown extra term .* Did you mean 'info_nce'"),
    ],
)
def test_unknown_names_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        Objective(alpha=0, lam=1, **given)


@pytest.mark.parametrize("shape", [(), (1,), (16, 7)])
def test_a_likelihood_that_is_not_one_number_an_image_is_refused(shape: tuple[int, ...]) -> None:
    _, mu, logvar, z = encoded()
    expected = rf"shape \(16,\) for codes \(16, 3\); got {re.escape(str(shape))}: sum"
    with pytest.raises(ValueError, match=expected):
        Objective(alpha=0, lam=1).terms(torch.ones(shape), mu, logvar, z, PRIOR)


def test_a_learned_divergence_without_its_critic_is_refused() -> None:
    with pytest.raises(ValueError, match=r"js is learned, and no critic is given: pass the one"):
        PRESETS["aae"].objective(X, encoded(torch.float32), PRIOR)


def test_unknown_preset_is_refused() -> None:
    with pytest.raises(UnknownName, match=r"unknown preset 'infovae_mdm'.*mean 'infovae_mmd'"):
        preset("infovae_mdm")


# Presets


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_trains_a_step(name: str) -> None:
    variant = preset(name)
    model = VAE(Architecture(3, batch_norm=variant.batch_norm), rng(7))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    critic = variant.objective.critic(3, rng(8))
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        terms = variant.objective(X, model(X, EPS), PRIOR, critic)
        assert all(term.shape == () and term.isfinite() for term in terms)
        terms.loss.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
        optimizer.step()
        losses.append(terms.loss.item())
    assert losses[1] < losses[0]


def test_presets_are_the_named_variants() -> None:
    for name, divergence in [
        ("infovae_mmd", "mmd"),
        ("infovae_stein", "stein"),
        ("infovae_sinkhorn", "sinkhorn"),
        ("infovae_cramer", "cramer"),
        ("infovae_chi2", "chi2"),
    ]:
        assert PRESETS[name] == Preset(Objective(alpha=1, lam=1000, divergence=divergence))
    assert PRESETS["aae"].objective == Objective(alpha=1, lam=1, divergence="js")
    assert PRESETS["bn_vae"] == Preset(PRESETS["vae"].objective, batch_norm=True)
    assert PRESETS["recon_ae"].objective.weight == 0
    # Of those that the experiments train.
    trained = {*EXPERIMENT2_MODELS, *EXPERIMENT3_MODELS}
    assert {name for name in trained if PRESETS[name].batch_norm} == {"bn_vae"}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_an_objective_with_a_gradient(name: str) -> None:
    objective = PRESETS[name].objective
    mu = torch.full((8, 3), 0.5, requires_grad=True)
    draw = torch.Generator().manual_seed(0)
    z = mu + torch.randn(8, 3, generator=draw)
    logits = z.sum(-1)[:, None, None, None].expand(8, 1, 28, 28)
    x, prior = torch.zeros(8, 1, 28, 28), torch.randn(8, 3, generator=draw)
    terms = objective(x, Output(logits, mu, mu - 1, z), prior, objective.critic(3, draw))
    terms.loss.backward()
    assert terms.loss.isfinite()
    assert mu.grad is not None and mu.grad.isfinite().all() and mu.grad.abs().sum() > 0
