"""Runs trained side by side: each comes out as it would on its own."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d
from torch.utils._python_dispatch import TorchDispatchMode

from infovae_core import data, divergences, evaluation, randomness
from infovae_core import step as trainer
from infovae_core.evaluation import Evaluation, Following
from infovae_core.layers import TransposedConvolution, to_one_channel
from infovae_core.loop import Fit, fit, fit_stack
from infovae_core.models import VAE, Architecture, Output
from infovae_core.objectives import PRESETS, Objective
from infovae_core.randomness import Streams
from infovae_core.run import Run
from infovae_core.stacks import each, stack, unstack, with_latent_dim
from infovae_core.step import Trainer
from infovae_core.study.experiments import experiment1, experiment2, experiment3
from infovae_core.study.grid import train_stack
from tests.runs import small_run

CPU = torch.device("cpu")


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def digits() -> data.Split:
    return data.load("digits")


@pytest.fixture
def double(digits, monkeypatch):
    """The data in float64, while all that is made is in float64 too."""
    monkeypatch.setattr(randomness, "DTYPE", torch.float64)
    torch.set_default_dtype(torch.float64)
    yield replace(digits, train=digits.train._replace(images=digits.train.images.double()))
    torch.set_default_dtype(torch.float32)


def gap(a: Tensor, b: Tensor) -> float:
    """Greatest difference, relative to the greatest value."""
    return float((a - b).abs().max() / b.abs().max().clamp_min(1e-300))


def furthest(ours: Fit, alone: Fit) -> float:
    """How far two fits of a run are apart, in the curve or in any parameter."""
    state, reference = ours.model.state_dict(), alone.model.state_dict()
    assert state.keys() == reference.keys()
    gaps = [gap(state[k].double(), reference[k].double()) for k in state]
    return max(gap(ours.curve, alone.curve), *gaps)


class Reads(TorchDispatchMode):
    """Counts the numbers that the host reads from a tensor."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


def family(run: Run) -> list[Run]:
    """Three runs that can be stacked: other seeds, and other weights where D has one."""
    if run.objective.divergence is None:
        return [run, replace(run, seed=1), replace(run, seed=2)]
    weights = [(run.objective.alpha, run.objective.lam), (0, 3), (0.5, 10)]
    return [
        replace(run, seed=seed, objective=replace(run.objective, alpha=alpha, lam=lam))
        for seed, (alpha, lam) in enumerate(weights)
    ]


# Training -----------------------------------------------------------------------------------------


def forgiving(module: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """An Adam that does not blow up gradients as small as rounding."""
    return torch.optim.Adam(module.parameters(), learning_rate, eps=1e-2)


@pytest.mark.parametrize("masked", [None, 4])
@pytest.mark.parametrize("model", PRESETS)
def test_a_stack_trains_each_run_as_it_trains_alone(double, model, masked, monkeypatch):
    runs = family(replace(small_run(model, learning_rate=1e-3), masked_channels=masked))
    if runs[0].batch_norm:
        # What scales or shifts a feature that is normalized gets no gradient but rounding.
        monkeypatch.setattr(trainer, "adam", forgiving)
    together = fit_stack(runs, double)
    for run, ours in zip(runs, together, strict=True):
        assert ours.diverged_at is None
        assert furthest(ours, fit(run, double)) < 1e-9
    assert gap(together[0].curve, together[1].curve) > 1e-3


def mixture(masked: int | None = None) -> list[Run]:
    """Runs that differ in all that runs of a stack may differ in; two kinds have several runs."""
    runs = [
        replace(small_run(model, learning_rate=1e-3), latent_dim=d, seed=seed)
        for seed, (model, d) in enumerate(
            [
                ("infovae_mmd", 2), ("infovae_mmd", 2), ("infovae_mmd", 5), ("aae", 3), ("aae", 3),
                ("infovae_chi2", 1), ("free_bits", 4), ("vae", 2), ("recon_ae", 2),
                ("contrastive_ae", 3), ("infovae_stein", 2), ("infovae_sinkhorn", 4),
            ]
        )
    ]  # fmt: skip
    runs.append(replace(runs[0], objective=Objective(0.5, 3, "mmd", {"bandwidth": 2.0})))
    return [replace(run, masked_channels=masked) for run in runs]


@pytest.mark.parametrize("masked", [None, 4])
def test_objectives_and_latent_dimensions_may_be_mixed(double, masked, monkeypatch):
    runs = mixture(masked)
    if masked:
        # A new masked decoder passes little gradient on.
        monkeypatch.setattr(trainer, "adam", forgiving)
    for run, ours in zip(runs, fit_stack(runs, double), strict=True):
        assert ours.model.encoder(double.train.images[:2])[0].shape == (2, run.latent_dim)
        assert furthest(ours, fit(run, double)) < 1e-9, run.name


def test_unused_latent_dimensions_stay_unused(double):
    runs = mixture()
    trained = Trainer(runs, CPU)
    x = double.train.images[:16].expand(len(runs), 16, 1, 28, 28)
    for _ in range(3):
        trained.step(x)
    heads, linear = trained.model.encoder.heads, trained.model.decoder.linear
    for index, run in enumerate(runs):
        for rows in (heads.weight[index], heads.bias[index]):
            both = rows.unflatten(0, (2, 5))
            assert (both[:, : run.latent_dim] != 0).any(-1).all()
            assert (both[:, run.latent_dim :] == 0).all()
        assert (linear.weight[index, :, : run.latent_dim] != 0).any(0).all()
        assert (linear.weight[index, :, run.latent_dim :] == 0).all()


@pytest.mark.parametrize("masked", [None, 4])
def test_a_model_with_unused_dimensions_is_the_same_model(masked):
    model = VAE(Architecture(3, masked_channels=masked), rng(0))
    wide = with_latent_dim(model, 5)
    x = (torch.rand(4, 1, 28, 28, generator=rng(1)) > 0.5).float()
    eps = torch.randn(4, 3, generator=rng(2))
    expected, found = model(x, eps), wide(x, torch.nn.functional.pad(eps, (0, 2)))
    torch.testing.assert_close(found.logits, expected.logits)
    for ours, reference in zip(found[1:], expected[1:], strict=True):
        torch.testing.assert_close(ours[:, :3], reference)
        assert (ours[:, 3:] == 0).all()
    again = with_latent_dim(wide, 3).state_dict()
    for name, tensor in model.state_dict().items():
        assert torch.equal(again[name], tensor), name
    assert with_latent_dim(model, 3) is model


@pytest.mark.parametrize("model", ["infovae_mmd", "bn_vae", "aae"])
def test_in_single_precision_they_agree_to_its_rounding(digits, model):
    runs = family(small_run(model))
    for run, ours in zip(runs, fit_stack(runs, digits), strict=True):
        assert gap(ours.curve, fit(run, digits).curve) < 1e-4


@pytest.mark.parametrize("model", ["infovae_mmd", "bn_vae", "aae"])
@pytest.mark.parametrize("masked", [None, 4])
def test_in_mixed_precision_they_agree_too(digits, model, masked):
    runs = family(small_run(model, precision="bf16", masked_channels=masked))
    for run, ours in zip(runs, fit_stack(runs, digits), strict=True):
        alone, full = fit(run, digits), fit(replace(run, precision="fp32"), digits)
        assert gap(ours.curve, alone.curve) < 1e-6
        assert gap(ours.curve, full.curve) > 1e-5


def test_the_company_a_run_keeps_does_not_matter(double):
    runs = family(small_run("infovae_mmd", learning_rate=1e-3))
    first = fit_stack(runs, double)[0]
    for others in ([runs[2], runs[0]], [runs[1], runs[0], runs[2], replace(runs[2], seed=7)]):
        ours = fit_stack(others, double)[others.index(runs[0])]
        assert furthest(ours, first) < 1e-9


def test_schedules_act_on_their_own_runs(double):
    runs = [
        replace(run, steps=6, eval_every=2, batch_size=16, val_batches=3, val_batch_size=16)
        for run in experiment1("smoke")
    ]
    assert len({run.kind for run in runs}) == 1

    together = fit_stack(runs, double, lambda model: [{"val_mmd": 5.0}] * len(runs))
    for run, ours in zip(runs, together, strict=True):
        alone = fit(run, double, lambda model: {"val_mmd": 5.0})
        assert furthest(ours, alone) < 1e-9
        assert ours.evaluations == alone.evaluations
    ends = {(fit.evaluations[-1]["alpha"], fit.evaluations[-1]["lam"]) for fit in together}
    assert len(ends) > 6


def test_a_broken_run_leaves_the_others_untouched(digits):
    base = replace(small_run("infovae_mmd"), steps=6, eval_every=2)
    sound = [base, replace(base, seed=1)]
    # A weight at the end of single precision: gradients are infinite, and the model is NaN then.
    broken = replace(base, seed=2, objective=replace(base.objective, lam=3e38))
    first, bad, second = fit_stack([sound[0], broken, sound[1]], digits)
    assert bad.diverged_at is not None
    assert bad.diverged_at <= 2
    assert not all(p.isfinite().all() for p in bad.model.parameters())
    for run, ours in zip(sound, (first, second), strict=True):
        assert ours.diverged_at is None
        assert len(ours.curve) == run.steps
        assert gap(ours.curve, fit(run, digits).curve) < 1e-4
        assert all(p.isfinite().all() for p in ours.model.parameters())


def test_a_stack_ends_when_all_have_diverged(digits):
    runs = [replace(small_run(), learning_rate=1e30, seed=seed, eval_every=1) for seed in (0, 1)]
    asked = []

    def evaluate(model):
        asked.append(0)
        return [{}, {}]

    found = fit_stack(runs, digits, evaluate)
    assert [one.diverged_at for one in found] == [2, 2]
    assert [len(one.evaluations) for one in found] == [2, 2]  # before the first step, and after it
    assert len(asked) == 3


def test_what_is_evaluated_is_the_stacks_model(digits):
    runs = [replace(small_run(), seed=seed) for seed in (0, 1)]
    seen: list[Tensor] = []

    def evaluate(model):
        seen.append(model.encoder.heads.weight.detach().clone())
        return [{"index": float(index)} for index in range(2)]

    found = fit_stack(runs, digits, evaluate)
    for index, run in enumerate(runs):
        start = VAE(run.architecture, Streams(run.seed).init).encoder.heads.weight
        assert torch.equal(seen[0][index], start)
        assert torch.equal(seen[-1][index], found[index].model.encoder.heads.weight)
        assert {point["index"] for point in found[index].evaluations} == {index}


@pytest.mark.parametrize("masked", [None, 4])
@pytest.mark.parametrize("at_once", [20, 500])
def test_a_stack_is_followed_as_each_of_its_runs_alone(double, monkeypatch, masked, at_once):
    monkeypatch.setattr(evaluation, "BATCH", at_once)
    split = replace(double, val=double.val._replace(images=double.val.images[:90].double()))
    groups = [mixture(masked), family(replace(small_run("bn_vae"), masked_channels=masked))]
    for runs in groups:
        runs = [replace(run, val_batches=5, val_batch_size=40) for run in runs]
        trained = Trainer(runs, CPU)
        x = double.train.images[:16].expand(len(runs), 16, 1, 28, 28)
        trained.step(x)
        alone = [Evaluation(run, split) for run in runs]
        together = Following(alone)(trained.model)
        for one, model, found in zip(alone, trained.models, together, strict=True):
            assert found == pytest.approx(one.during(model), rel=1e-9, abs=1e-12)
            assert found == pytest.approx(measured_slowly(one, model), rel=1e-6, abs=1e-9)
        assert len({found["norm_ratio"] for found in together}) == len(runs)


def measured_slowly(one: Evaluation, model: VAE) -> dict[str, float]:
    """The same by the rulers of one run, image by image and minibatch by minibatch."""
    model.eval()
    with torch.no_grad():
        parts = [model.encoder(image) for image in one.split.val.images.split(1)]
    mu, logvar = (torch.cat(part) for part in zip(*parts, strict=True))
    codes = mu + torch.exp(0.5 * logvar) * one.noise("val", *mu.shape)
    ruler = one.validation_mmd
    squares = torch.stack(
        [
            divergences.mmd(codes[rows], prior)
            for rows, prior in zip(ruler.indices, ruler.prior, strict=True)
        ]
    )
    return {
        "val_mmd2": float(squares.mean()),
        "val_mmd": float(squares.clamp_min(0).sqrt().mean()),
        "norm_ratio": float(codes.norm(dim=1).mean() / one.run.latent_dim**0.5),
    }


def test_following_reads_no_number_by_itself_from_the_device(digits):
    runs = [replace(run, val_batches=5, val_batch_size=40) for run in mixture()]
    together, model = Following([Evaluation(run, digits) for run in runs]), Trainer(runs, CPU).model
    with Reads() as reads:
        together(model)
    assert reads.count == 0  # A whole table, as is read at the end, does not count as a number.


def test_a_result_says_that_it_was_stacked(digits):
    runs = [replace(small_run("bn_vae"), seed=seed) for seed in (0, 1)]
    for result, _ in train_stack(runs, digits):
        assert result.provenance["stack"] == 2
        assert result.status == "done"
    ((alone, _),) = train_stack(runs[:1], digits)
    assert "stack" not in alone.provenance


@pytest.mark.parametrize(
    "change",
    [
        {"batch_norm": True},
        {"masked_channels": 4},
        {"batch_size": 8},
        {"steps": 5},
        {"precision": "bf16"},
    ],
)
def test_runs_of_other_shape_are_refused(digits, change):
    run = small_run("infovae_mmd")
    with pytest.raises(
        ValueError, match="differ in objective, latent dimension, seed and schedule alone"
    ):
        fit_stack([run, replace(run, **change)], digits)


def test_each_experiment_needs_few_stacks_and_few_calls_of_an_objective():
    def counts(runs: list[Run]) -> tuple[int, int]:
        return len({run.stacking for run in runs}), len({run.kind for run in runs})

    assert counts(experiment1()) == (1, 1)
    assert counts(experiment2()) == (1, 6 * 7)  # ReconAE and VAE differ in α and λ alone.
    # Batch norm is another architecture; it, β-VAE, ReconAE and VAE differ in α and λ alone.
    assert counts(experiment3(latent_dims=[20])) == (2, 8 - 3)


# The objective ------------------------------------------------------------------------------------


def test_a_kl_term_without_weight_may_overflow_beside_one_with_weight():
    mu = torch.zeros(2, 4, 3, requires_grad=True)
    logvar = torch.zeros(2, 4, 3)
    logvar[0] = 200  # its variance is infinite in single precision
    logvar.requires_grad_()
    logits = torch.zeros(2, 4, 1, 28, 28)
    output = Output(logits, mu, logvar, torch.randn(2, 4, 3, generator=rng(0)))
    terms = PRESETS["vae"].objective(
        torch.zeros_like(logits), output, output.z, weights=(torch.tensor([1.0, 0.0]), 0)
    )
    assert terms.kl.tolist() == [math.inf, 0]
    assert terms.loss.tolist() == pytest.approx([784 * math.log(2)] * 2)
    terms.loss.sum().backward()
    assert mu.grad.isfinite().all()
    assert logvar.grad.isfinite().all()


# Layers -------------------------------------------------------------------------------------------


def test_the_gradient_of_one_channel_is_that_of_finite_differences():
    weight = torch.randn(3, 1, 4, 4, generator=rng(2), dtype=torch.float64, requires_grad=True)
    h = torch.randn(2, 3, 2, 3, generator=rng(3), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(to_one_channel, (h, weight))


@pytest.mark.parametrize("channels", [(3, 2), (4, 1)])
def test_a_stacked_transposed_convolution_is_the_librarys(channels):
    layers = [TransposedConvolution(*channels).double() for _ in range(3)]
    x = torch.randn(3, 2, channels[0], 3, 4, generator=rng(0), dtype=torch.float64)
    direction = torch.randn(3, 2, channels[1], 6, 8, generator=rng(1), dtype=torch.float64)
    x.requires_grad_()
    stacked = stack(layers)
    found = each(stacked, x)
    expected = torch.stack(
        [
            conv_transpose2d(one, own.weight, own.bias, stride=2, padding=1)
            for one, own in zip(x, layers, strict=True)
        ]
    )
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)
    ours = torch.autograd.grad((found * direction).sum(), [x, stacked.weight, stacked.bias])
    of_x, *of_layers = torch.autograd.grad(
        (expected * direction).sum(), [x, *(p for own in layers for p in own.parameters())]
    )
    theirs = [of_x, torch.stack(of_layers[::2]), torch.stack(of_layers[1::2])]
    for mine, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-12, atol=1e-13)


def test_a_stack_of_batch_norms_is_each_of_them():
    """While training, in its running averages, and by them."""
    alone = [nn.BatchNorm1d(3).double() for _ in range(2)]
    for index, layer in enumerate(alone):
        nn.init.normal_(layer.weight, generator=rng(index))
        nn.init.normal_(layer.bias, generator=rng(9 + index))
    stacked = stack(alone)
    for seed in range(3):
        x = 2 + 3 * torch.randn(2, 5, 3, generator=rng(seed), dtype=torch.float64)
        expected = torch.stack([layer(one) for layer, one in zip(alone, x, strict=True)])
        torch.testing.assert_close(each(stacked, x), expected)
    for name, buffer in stacked.named_buffers():
        torch.testing.assert_close(
            buffer, torch.stack([layer.state_dict()[name] for layer in alone])
        )
    stacked.eval()
    expected = torch.stack([layer.eval()(one) for layer, one in zip(alone, x, strict=True)])
    torch.testing.assert_close(each(stacked, x), expected)


def test_the_models_of_a_stack_share_its_memory():
    models = [VAE(Architecture(3), rng(seed)) for seed in (0, 1)]
    stacked = stack(models)
    apart = unstack(stacked, 2)
    for model, one in zip(models, apart, strict=True):
        for ours, reference in zip(one.parameters(), model.parameters(), strict=True):
            assert torch.equal(ours, reference)
    with torch.no_grad():
        for parameter in stacked.parameters():
            parameter[1] += 1
    for ours, reference in zip(apart[1].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(ours, reference + 1)
    assert unstack(stack(models[:1]), 1) == models[:1]


def test_a_step_of_a_stack_never_waits_for_the_device(digits):
    stacks = {model: family(small_run(model)) for model in PRESETS if "sinkhorn" not in model}
    stacks["a mixture"] = [run for run in mixture() if "sinkhorn" not in run.model]
    for name, runs in stacks.items():
        together = Trainer(runs, CPU)
        x = digits.train.images[:16].expand(len(runs), 16, 1, 28, 28)
        with Reads() as reads:
            together.step(x)
        assert reads.count == 0, name
