"""Measuring a model: every ruler is asked, everything random is fixed, nothing is changed."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.distributions import Bernoulli

from infovae_core import data, evaluation, metrics
from infovae_core.evaluation import Evaluation
from infovae_core.models import VAE
from infovae_core.randomness import generator
from tests.runs import flat_split, small_run

RUN = small_run(latent_dim=3)
# What pages read.
FIGURES = {
    "val_mmd2",
    "val_mmd",
    "mmd2_sqrt_d",
    "mmd2_median",
    "energy_distance",
    "sliced_wasserstein",
    "gaussian_kl",
    "classifier_auc",
    "norm_ratio",
    "kl",
    "active_units",
    "test_bce",
    "test_expected_log_likelihood",
    "svm_error",
}


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


@pytest.fixture(scope="module")
def evaluate(digits):
    return Evaluation(RUN, digits)


@pytest.fixture(scope="module")
def model():
    return VAE(RUN.architecture, generator(0, "init"))


@pytest.fixture(scope="module")
def measured(evaluate, model):
    return evaluate.measure(model)


# Metrics ------------------------------------------------------------------------------------------


def test_every_metric_is_measured_and_finite(measured):
    vectors = {"code_mean", "code_std"}
    assert measured.keys() >= FIGURES | vectors
    figures = [value for name, value in measured.items() if name not in vectors]
    assert all(type(value) is float for value in figures)
    assert len(measured["code_mean"]) == len(measured["code_std"]) == 3
    assert np.isfinite([*figures, *measured["code_mean"], *measured["code_std"]]).all()
    assert json.loads(json.dumps(measured, allow_nan=False)) == measured


def test_a_repeated_measurement_is_identical(digits, evaluate, model, measured):
    assert evaluate.measure(model) == measured
    torch.manual_seed(3)
    assert Evaluation(RUN, digits).measure(model) == measured


def test_another_seed_draws_anew(digits, model, measured):
    other = Evaluation(replace(RUN, seed=1), digits).measure(model)
    assert all(other[name] != measured[name] for name in FIGURES - {"active_units", "kl"})


def test_what_is_followed_is_what_is_measured_at_the_end(evaluate, model, measured):
    during = evaluate.during(model)
    assert during.keys() == {"val_mmd2", "val_mmd", "norm_ratio"}
    assert during == {name: pytest.approx(measured[name], rel=1e-12) for name in during}


def test_each_ruler_is_given_its_own_partition(digits, evaluate, model, measured):
    val = evaluate.encode(model, digits.val.images, "val")
    assert measured["val_mmd2"] == evaluate.validation_mmd(val.z)["val_mmd2"]
    assert measured["gaussian_kl"] == metrics.gaussian_kl(val.z)
    assert_allclose(measured["code_mean"], val.z.double().mean(0).numpy())
    normal = torch.distributions.Normal(val.mu.double(), torch.exp(val.logvar.double() / 2))
    prior = torch.distributions.Normal(torch.zeros(3).double(), torch.ones(3).double())
    kl = torch.distributions.kl_divergence(normal, prior).sum(1).mean()
    assert measured["kl"] == pytest.approx(float(kl), rel=1e-4)
    test = evaluate.encode(model, digits.test.images, "test")
    labelled = evaluate.encode(model, evaluate.labelled.images, "labelled")
    assert measured["svm_error"] == metrics.svm_error(
        labelled.z, evaluate.labelled.labels, test.z, digits.test.labels
    )


def test_a_hundred_training_images_of_each_class_are_labelled(digits, evaluate):
    images, labels = evaluate.labelled
    assert labels.bincount().tolist() == [100] * 10
    bytes_of = {image.numpy().tobytes(): int(c) for image, c in zip(*digits.train, strict=True)}
    assert [bytes_of[image.numpy().tobytes()] for image in images] == labels.tolist()


def test_too_few_labelled_images_are_refused():
    with pytest.raises(ValueError, match="100 labelled images of each class, and class 0 has 10"):
        Evaluation(RUN, flat_split(100, 0.0))


# Reconstruction -----------------------------------------------------------------------------------


def test_the_expected_log_likelihood_is_about_minus_the_bce(measured):
    assert measured["test_bce"] == pytest.approx(
        -measured["test_expected_log_likelihood"], rel=0.01
    )
    assert measured["test_bce"] != -measured["test_expected_log_likelihood"]


def test_reconstruction_is_bernoullis_log_probability(digits, evaluate, model):
    test = evaluate.encode(model, digits.test.images, "test")

    def nll(z):
        with torch.no_grad():
            law = Bernoulli(logits=model.decoder(z).double())
        return -float(law.log_prob(digits.test.images.double()).sum((1, 2, 3)).mean())

    found = evaluate.reconstruction(model, test)
    assert found["test_bce"] == pytest.approx(nll(test.z), rel=1e-5)
    draws = [
        nll(
            test.mu
            + torch.exp(test.logvar / 2)
            * torch.randn(250, 3, generator=generator(RUN.seed, f"eval test {draw}"))
        )
        for draw in range(evaluation.DRAWS)
    ]
    assert len(set(draws)) == evaluation.DRAWS
    assert found["test_expected_log_likelihood"] == pytest.approx(-np.mean(draws), rel=1e-5)


# Encoding -----------------------------------------------------------------------------------------


def test_encoding_is_the_encoder_and_one_draw(digits, evaluate, model):
    images = digits.val.images[:40]
    codes = evaluate.encode(model, images, "val")
    with torch.no_grad():
        mu, logvar = model.encoder(images)
    assert torch.equal(codes.mu, mu)
    assert torch.equal(codes.logvar, logvar)
    eps = (codes.z - codes.mu) / torch.exp(0.5 * codes.logvar)
    assert eps.std() == pytest.approx(1, abs=0.25)
    assert not codes.z.requires_grad
    again, other = (evaluate.encode(model, images, name) for name in ("val", "test"))
    assert torch.equal(again.z, codes.z)
    assert not torch.equal(other.z, codes.z)
    assert torch.equal(other.mu, codes.mu)


def test_encoding_does_not_depend_on_how_images_are_batched(monkeypatch, evaluate, model, digits):
    images = digits.val.images
    whole = evaluate.encode(model, images, "val")
    bce = evaluate.reconstruction(model, evaluate.encode(model, digits.test.images, "test"))
    monkeypatch.setattr(evaluation, "BATCH", 90)
    parts = evaluate.encode(model, images, "val")
    torch.testing.assert_close(parts.z, whole.z)
    again = evaluate.reconstruction(model, evaluate.encode(model, digits.test.images, "test"))
    assert again == pytest.approx(bce, rel=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_a_measurement_does_not_move_batch_norm(digits, training):
    run = small_run("bn_vae")
    evaluate, model = Evaluation(run, digits), VAE(run.architecture, generator(0, "init"))
    model.train()
    with torch.no_grad():
        model(digits.train.images[:64], torch.zeros(64, 2))  # statistics other than the first
    model.train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    codes = evaluate.encode(model, digits.val.images[:30], "val")
    evaluate.during(model)
    assert model.training is training
    assert model.encoder.norm.training is training
    evaluate.measure(model)
    evaluate.pictures(model)
    after = model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    # In evaluation mode an image's code does not depend on the others of its batch.
    alone = torch.cat(
        [evaluate.encode(model, image[None], "val").mu for image in digits.val.images[:30]]
    )
    torch.testing.assert_close(codes.mu, alone)


# Pictures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pixels", ["binary", "grey"])
def test_pictures_are_ten_digits_their_likes_and_some_codes(monkeypatch, model, pixels):
    split = data.load("digits", pixels=pixels)
    evaluate = Evaluation(replace(RUN, pixels=pixels), split)
    monkeypatch.setattr(evaluation, "CODES_KEPT", 120)
    pictures = evaluate.pictures(model)
    assert {name: (value.shape, value.dtype) for name, value in pictures.items()} == {
        "originals": ((10, 28, 28), np.dtype("uint8")),
        "reconstructions": ((10, 28, 28), np.dtype("uint8")),
        "samples": ((10, 28, 28), np.dtype("uint8")),
        "codes": ((120, 3), np.dtype("float32")),
        "code_labels": ((120,), np.dtype("uint8")),
    }
    for digit, original in enumerate(pictures["originals"]):
        first = split.test.labels.tolist().index(digit)
        assert_allclose(original, 255 * split.test.images[first, 0].numpy(), atol=0.501)
    val = evaluate.encode(model, split.val.images, "val")
    assert np.array_equal(pictures["codes"], val.z[:120].numpy())
    assert np.array_equal(pictures["code_labels"], split.val.labels[:120].numpy())
    again = evaluate.pictures(model)
    assert all(np.array_equal(again[name], value) for name, value in pictures.items())


def test_reconstructions_and_samples_are_the_decoders_means(digits, evaluate, model):
    pictures = evaluate.pictures(model)
    first = [digits.test.labels.tolist().index(digit) for digit in range(10)]
    z = evaluate.encode(model, digits.test.images[first], "pictures").z
    draws = torch.randn(10, 3, generator=generator(RUN.seed, "eval samples"))
    with torch.no_grad():
        for name, codes in (("reconstructions", z), ("samples", draws)):
            means = Bernoulli(logits=model.decoder(codes)).mean[:, 0]
            assert_allclose(pictures[name], 255 * means.numpy(), atol=0.51)
    assert not np.array_equal(pictures["samples"], pictures["reconstructions"])


def test_all_codes_are_kept_where_there_are_few(evaluate, model):
    assert math.inf > evaluation.CODES_KEPT >= 250
    assert evaluate.pictures(model)["codes"].shape == (250, 3)


def test_streams_of_a_measurement_are_its_own(evaluate):
    names = ("val", "test", "labelled", "pictures", "samples", "test 0")
    draws = [evaluate.noise(name, 4, 3) for name in names]
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(draws, 2))
