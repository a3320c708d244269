"""Training: the same spec gives the same bits, and the loop keeps its promises."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from infovae_core import data
from infovae_core import loop as training
from infovae_core.data import Split
from infovae_core.evaluation import Evaluation
from infovae_core.loop import Fit, fit, minibatches
from infovae_core.objectives import PRESETS, Terms, preset
from infovae_core.randomness import Streams
from infovae_core.run import Run
from infovae_core.stacks import each
from infovae_core.step import Trainer, adam, autocast
from tests.runs import flat_split, small_run

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits() -> Split:
    return data.load("digits")


def identical(a: Fit, b: Fit) -> bool:
    """Whether two fits agree in every bit of curve, parameters and buffers."""
    first, second = a.model.state_dict(), b.model.state_dict()
    assert first.keys() == second.keys()
    return torch.equal(a.curve, b.curve) and all(
        torch.equal(first[name], second[name]) for name in first
    )


def batch_indices(run: Run, n: int) -> list[torch.Tensor]:
    """The minibatches that a run draws from n images."""
    batches = minibatches(n, run.batch_size, [Streams(run.seed).shuffle], CPU)
    return list(itertools.islice(batches, run.steps))


# Reproducibility ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", ["infovae_mmd", "infovae_sinkhorn", "infovae_chi2", "aae", "bn_vae"]
)
def test_equal_specs_give_equal_bits(digits, model):
    first, second = (fit(small_run(model), digits) for _ in range(2))
    assert identical(first, second)


def test_another_seed_gives_another_run(digits):
    first, second = (fit(small_run(seed=seed), digits) for seed in (0, 1))
    assert not torch.equal(first.curve, second.curve)
    for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert not torch.equal(a, b)


def test_the_global_generator_decides_nothing(digits):
    fits = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        fits.append(fit(small_run("infovae_chi2"), digits))
    assert identical(*fits)


@pytest.mark.parametrize("model", ["infovae_mmd", "bn_vae"])
def test_how_often_a_run_is_evaluated_does_not_move_it(digits, model):
    seldom = small_run(model, eval_every=4)
    often = replace(seldom, eval_every=1)
    never = fit(seldom, digits)
    assert identical(never, fit(seldom, digits, Evaluation(seldom, digits).during))
    assert identical(never, fit(often, digits, Evaluation(often, digits).during))


def test_a_longer_run_begins_like_a_shorter_one(digits):
    short, long = (fit(small_run(steps=steps), digits) for steps in (2, 4))
    assert torch.equal(long.curve[:2], short.curve)


# The loop -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", PRESETS)
def test_every_preset_trains(digits, model):
    run = small_run(model, steps=3)
    result = fit(run, digits)
    assert result.diverged_at is None
    assert result.curve.shape == (3, len(Terms._fields))
    assert result.curve.isfinite().all()
    assert not result.curve.requires_grad
    start = Trainer([run], CPU).model.state_dict()
    for name, parameter in result.model.named_parameters():
        assert parameter.isfinite().all()
        assert not torch.equal(parameter, start[name]), name


def test_the_curve_is_each_steps_terms(digits):
    run = small_run("infovae_chi2", steps=3)
    trainer = Trainer([run], CPU)
    images = digits.train.images
    expected = [torch.cat(trainer.step(images[i])) for i in batch_indices(run, len(images))]
    assert torch.equal(fit(run, digits).curve, torch.stack(expected))


def test_training_lowers_the_loss(digits):
    curve = fit(small_run("recon_ae", steps=30, learning_rate=1e-3), digits).curve[:, 0]
    assert curve[-5:].mean() < 0.7 * curve[:5].mean()


@pytest.mark.parametrize(
    ("steps", "every", "expected"),
    [(4, 2, [0, 2, 4]), (4, 3, [0, 3, 4]), (2, 9, [0, 2]), (3, 1, [0, 1, 2, 3])],
)
def test_it_evaluates_before_the_first_step_then_regularly_and_at_the_end(
    digits, steps, every, expected
):
    seen = []

    def evaluate(model):
        seen.append(model)
        return {"calls": float(len(seen))}

    result = fit(small_run(steps=steps, eval_every=every), digits, evaluate)
    calls = range(1, len(expected) + 1)
    assert result.evaluations == [
        {"step": step, "calls": call, "alpha": 1, "lam": 1000}
        for step, call in zip(expected, calls, strict=True)
    ]
    assert all(model is result.model for model in seen)


def test_without_an_evaluation_none_is_recorded(digits):
    assert fit(small_run(steps=1), digits).evaluations == []


def test_seconds_are_those_of_training_steps_alone(monkeypatch):
    clock = [0.0]
    step = Trainer.step

    def timed_step(trainer, x):
        clock[0] += 1
        return step(trainer, x)

    def evaluate(model):
        clock[0] += 1000
        return {}

    monkeypatch.setattr(training.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(Trainer, "step", timed_step)
    run = small_run(steps=5, eval_every=2, batch_size=2)
    assert fit(run, flat_split(4, 0.0), evaluate).seconds == 5


def test_progress_is_told_of_every_ten_steps():
    told = []
    run = small_run(steps=23, eval_every=7, batch_size=2)
    fit(run, flat_split(4, 1.0), progress=told.append)
    assert told == [10, 10]


def test_as_many_images_as_a_minibatch_takes_are_enough():
    run = small_run(steps=2, batch_size=6)
    assert fit(run, flat_split(6, 1.0)).curve.isfinite().all()


def test_fewer_images_than_a_minibatch_takes_are_refused():
    with pytest.raises(ValueError, match=r"takes 7 images and digits has 6 .*smaller batch size"):
        fit(small_run(batch_size=7), flat_split(6, 1.0))


def test_a_step_never_waits_for_the_device():
    # What would make a GPU wait is reading a value back. Sinkhorn's diameter is such a value.
    class Reads(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.count += function is torch.ops.aten._local_scalar_dense.default
            return function(*args, **(kwargs or {}))

    split = flat_split(32, 0.4, "stochastic")
    for model in PRESETS.keys() - {"infovae_sinkhorn"}:
        trainer = Trainer([small_run(model)], CPU)
        with Reads() as reads:
            trainer.step(split.train.images[None, :16])
        assert reads.count == 0, model
    with Reads() as reads:
        fit(small_run(steps=9, eval_every=3), split)
    assert reads.count == 3  # one test for divergence at each evaluation


# Divergence ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [1, 2, 3, 4, 5])
def test_a_loss_that_is_not_finite_ends_the_run_at_its_step(digits, first):
    run = small_run(steps=5, eval_every=2)
    images = digits.train.images.clone()
    images[batch_indices(run, len(images))[first - 1][0, 3]] = math.nan
    train = digits.train._replace(images=images)
    steps = []
    result = fit(run, replace(digits, train=train), lambda model: steps.append(0) or {})
    assert result.diverged_at == first
    assert torch.equal(result.curve, fit(run, digits).curve[: first - 1])
    assert [point["step"] for point in result.evaluations] == list(range(0, first, 2))


@pytest.mark.parametrize("model", ["vae", "infovae_mmd", "infovae_sinkhorn", "infovae_chi2"])
def test_an_absurd_learning_rate_diverges_and_is_reported(digits, model):
    result = fit(small_run(model, learning_rate=1e30), digits)
    # The first update is what breaks the model.
    assert result.diverged_at == 2
    assert result.curve.shape == (1, 5)
    assert result.curve.isfinite().all()


def stub_steps(monkeypatch, term, value):
    """From its third step on, training reports `value` for one of the terms."""
    count = itertools.count(1)

    def step(trainer, x):
        terms = [torch.ones(1)] * len(Terms._fields)
        if next(count) >= 3:
            terms[term] = torch.tensor([value])
        return Terms(*terms)

    monkeypatch.setattr(Trainer, "step", step)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_of_any_kind_that_is_not_finite_ends_the_run(monkeypatch, value):
    stub_steps(monkeypatch, Terms._fields.index("loss"), value)
    result = fit(small_run(eval_every=4), flat_split(16, 1.0))
    assert result.diverged_at == 3
    assert torch.equal(result.curve, torch.ones(2, 5))


@pytest.mark.parametrize("term", ["reconstruction", "kl", "divergence", "extra"])
def test_a_term_without_weight_may_be_infinite(monkeypatch, term):
    # A plain autoencoder's KL can overflow and is no part of its loss.
    stub_steps(monkeypatch, Terms._fields.index(term), math.inf)
    result = fit(small_run(eval_every=4), flat_split(16, 1.0))
    assert result.diverged_at is None
    assert len(result.curve) == 4


# Optimizers ---------------------------------------------------------------------------------------


def owned(optimizer: torch.optim.Optimizer) -> set[int]:
    return {id(p) for group in optimizer.param_groups for p in group["params"]}


@pytest.mark.parametrize("model", PRESETS)
def test_each_optimizer_owns_one_networks_parameters(model):
    trainer = Trainer([small_run(model, learning_rate=3e-4)], CPU)
    assert owned(trainer.optimizer) == {id(p) for p in trainer.model.parameters()}
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [3e-4]
    (group,) = trainer.groups
    assert (group.critic is not None) == (preset(model).objective.divergence in ("chi2", "js"))
    if group.critic is not None:
        critic = {id(p) for p in group.critic.parameters()}
        assert owned(group.critic_optimizer) == critic
        assert critic.isdisjoint(owned(trainer.optimizer))
        rates = [settings["lr"] for settings in group.critic_optimizer.param_groups]
        assert rates == [group.critic.learning_rate]


def test_adam_has_the_thesiss_settings():
    (group,) = adam(torch.nn.Linear(1, 1), 2e-4).param_groups
    assert group["lr"] == 2e-4
    assert group["betas"] == (0.9, 0.999)
    assert group["eps"] == 1e-8
    assert group["weight_decay"] == 0
    assert not group["amsgrad"]


def move(optimizer: torch.optim.Optimizer, network: torch.nn.Module, loss: torch.Tensor) -> None:
    """One step of an optimizer on the loss's gradient with respect to this network alone."""
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(loss, parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


@pytest.mark.parametrize("model", ["infovae_chi2", "aae"])
def test_the_critic_moves_first_and_on_its_own_loss_alone(digits, model):
    run = small_run(model, learning_rate=1e-3)
    trainer, other = Trainer([run], CPU), Trainer([run], CPU)
    (streams,), vae, (group,) = other.streams, other.model, other.groups
    critic = group.critic
    for indices in batch_indices(run, len(digits.train.images)):
        x = digits.train.images[indices]
        trainer.step(x)
        # The same by explicit gradients: nothing can leak from one network into the other.
        eps = torch.randn(1, 16, 2, generator=streams.noise)
        prior = torch.randn(1, 16, 2, generator=streams.prior)
        output = each(vae, x, eps)
        move(group.critic_optimizer, critic, -critic(output.z.detach(), prior))
        move(other.optimizer, vae, run.objective(x, output, prior, critic).loss)
    for mine, reference in ((trainer.groups[0].critic, critic), (trainer.model, vae)):
        for a, b in zip(mine.parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


# Minibatches and pixels ---------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_an_epoch_is_a_permutation_cut_into_whole_minibatches(n, size, seed):
    size = min(n, size)
    batches = minibatches(n, size, [torch.Generator().manual_seed(seed)], CPU)
    orders = torch.Generator().manual_seed(seed)
    for _ in range(3):
        epoch = [next(batches)[0] for _ in range(n // size)]
        assert {len(batch) for batch in epoch} == {size}
        seen = torch.cat(epoch)
        assert len(seen.unique()) == len(seen)
        assert 0 <= seen.min() <= seen.max() < n
        assert torch.equal(seen, torch.randperm(n, generator=orders)[: len(seen)])


def test_every_epoch_is_reshuffled_and_leaves_out_other_images():
    batches = minibatches(50, 8, [torch.Generator().manual_seed(0)], CPU)
    epochs = [torch.cat([next(batches)[0] for _ in range(6)]).tolist() for _ in range(20)]
    assert len({tuple(epoch) for epoch in epochs}) == 20
    assert len({frozenset(epoch) for epoch in epochs}) > 10
    assert set().union(*epochs) == set(range(50))


@pytest.fixture
def drawn(monkeypatch) -> list[torch.Tensor]:
    """What the steps of a training are given."""
    seen = []
    step = Trainer.step
    monkeypatch.setattr(Trainer, "step", lambda self, x: seen.append(x) or step(self, x))
    return seen


def test_stochastic_pixels_are_drawn_anew_at_every_step(drawn):
    fit(small_run(batch_size=8), flat_split(8, 0.3, "stochastic"))
    pixels = torch.cat(drawn)
    assert pixels.shape == (4, 8, 1, 28, 28)
    assert set(pixels.unique().tolist()) == {0.0, 1.0}
    # Five standard deviations of the mean of 4·8·784 draws.
    assert abs(pixels.mean() - 0.3) < 5 * math.sqrt(0.3 * 0.7 / pixels.numel())
    for a, b in itertools.combinations(pixels.flatten(0, 1), 2):
        assert not torch.equal(a, b)


@pytest.mark.parametrize("pixels", ["binary", "grey"])
def test_other_pixels_are_taken_as_they_are(drawn, pixels):
    fit(small_run(batch_size=8), flat_split(8, 0.3, pixels))
    assert torch.equal(torch.cat(drawn), torch.full((4, 8, 1, 28, 28), 0.3))


def test_drawing_pixels_moves_no_other_stream(drawn):
    # Pixels of probability one are the binary image itself, however they are drawn.
    run = small_run(batch_size=8)
    binary, stochastic = (fit(run, flat_split(8, 1.0, p)) for p in ("binary", "stochastic"))
    assert identical(binary, stochastic)


# Precision ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["infovae_mmd", "infovae_sinkhorn", "infovae_chi2", "bn_vae"])
def test_bf16_stays_close_to_fp32(digits, model):
    full, mixed = (fit(small_run(model, precision=p), digits) for p in ("fp32", "bf16"))
    assert mixed.curve.isfinite().all()
    assert mixed.curve.dtype == torch.float32
    assert {p.dtype for p in mixed.model.parameters()} == {torch.float32}
    # The reconstruction is a sum of 784 pixels; bfloat16 has eight bits of precision.
    torch.testing.assert_close(mixed.curve[:, 1], full.curve[:, 1], rtol=0.01, atol=0)
    assert not torch.equal(mixed.curve, full.curve)


def test_autocast_is_of_the_devices_kind():
    product = torch.ones(2, 2)
    with autocast(CPU, "bf16"):
        assert (product @ product).dtype == torch.bfloat16
    with autocast(CPU, "fp32"):
        assert (product @ product).dtype == torch.float32
