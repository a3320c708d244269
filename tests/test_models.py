"""Encoder, decoder and random streams against PyTorch's plain layers."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, linear

from infovae_core import randomness
from infovae_core.architecture import MASKED
from infovae_core.layers import MaskedConvolution
from infovae_core.models import (
    DECODERS,
    VAE,
    Architecture,
    Decoder,
    Encoder,
    initialize,
)
from infovae_core.names import UnknownName
from infovae_core.randomness import NAMES, Streams
from infovae_core.stacks import each, stack, with_latent_dim


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int, seed: int = 0) -> Tensor:
    return torch.rand(n, 1, 28, 28, generator=rng(seed))


def features(encoder: Encoder, x: Tensor) -> Tensor:
    """(B, 64, 7, 7), by functional convolutions."""
    one, two = encoder.conv1, encoder.conv2
    h = conv2d(x, one.weight, one.bias, stride=2, padding=1).clamp_min(0)
    return conv2d(h, two.weight, two.bias, stride=2, padding=1).clamp_min(0)


# Encoder and decoder


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("d", [1, 2, 80])
def test_shapes(n: int, d: int) -> None:
    model = VAE(Architecture(d), rng(1))
    output = model(images(n), torch.randn(n, d, generator=rng(2)))
    assert output.logits.shape == (n, 1, 28, 28)
    assert output.mu.shape == output.logvar.shape == output.z.shape == (n, d)
    assert all(tensor.dtype == torch.float32 for tensor in output)


def test_code_is_mean_plus_deviation_times_noise() -> None:
    model, x, eps = VAE(Architecture(3), rng(1)), images(4), torch.randn(4, 3, generator=rng(2))
    output = model(x, eps)
    torch.testing.assert_close(output.z, output.mu + output.logvar.exp().sqrt() * eps)
    torch.testing.assert_close(output.logits, model.decoder(output.z))
    for ours, theirs in zip(model.encoder(x), (output.mu, output.logvar), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert torch.equal(model(x, torch.zeros(4, 3)).z, output.mu)


def test_encoder_is_its_layers() -> None:
    """Features are flattened row by row, column by column, channels innermost."""
    encoder = VAE(Architecture(3), rng(1)).encoder
    x = images(4)
    h = features(encoder, x)
    assert h.shape == (4, 64, 7, 7)
    flat = torch.stack(
        [h[:, c, i, j] for i in range(7) for j in range(7) for c in range(64)], dim=1
    )
    both = linear(flat, encoder.heads.weight, encoder.heads.bias)
    mu, logvar = encoder(x)
    torch.testing.assert_close(mu, both[:, :3])
    torch.testing.assert_close(logvar, both[:, 3:])
    assert (h > 0).float().mean() > 0.1  # the order is of consequence


@pytest.mark.parametrize("relu", [False, True])
def test_decoder_is_its_transposed_convolutions(relu: bool) -> None:
    """Value and gradients; the last layer is computed as a product and a fold."""
    decoder = VAE(Architecture(3, decoder_relu=relu), rng(1)).decoder.double()
    z = torch.randn(4, 3, generator=rng(2), dtype=torch.float64)
    h = decoder.linear(z)
    if relu:
        h = h.clamp_min(0)
    h = torch.stack([h[:, c::64].view(4, 7, 7) for c in range(64)], dim=1)
    one, two = decoder.deconv1, decoder.deconv2
    h = conv_transpose2d(h, one.weight, one.bias, stride=2, padding=1).clamp_min(0)
    expected = conv_transpose2d(h, two.weight, two.bias, stride=2, padding=1)
    logits = decoder(z)
    torch.testing.assert_close(logits, expected, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(decoder.deconv2(h), expected, rtol=1e-12, atol=1e-14)
    direction = torch.randn(4, 1, 28, 28, generator=rng(3), dtype=torch.float64)
    parameters = list(decoder.parameters())
    for ours, theirs in zip(
        torch.autograd.grad((logits * direction).sum(), parameters),
        torch.autograd.grad((expected * direction).sum(), parameters),
        strict=True,
    ):
        assert ours.any()
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_decoder_relu_is_an_option_and_no_parameter() -> None:
    plain, rectified = (VAE(Architecture(3, decoder_relu=relu), rng(1)) for relu in (False, True))
    assert plain.state_dict().keys() == rectified.state_dict().keys()
    assert all(map(torch.equal, plain.parameters(), rectified.parameters()))
    z = torch.randn(4, 3, generator=rng(2))
    assert not torch.allclose(plain.decoder(z), rectified.decoder(z))
    assert not Architecture(3).decoder_relu


def test_parameters_are_counted() -> None:
    d = 20
    convolutions = 2 * (32 * 16 + 64 * 32 * 16) + 32 + 64 + 32 + 1
    linears = 2 * d * (3136 + 1) + 3136 * (d + 1)
    count = sum(parameter.numel() for parameter in VAE(Architecture(d), rng(0)).parameters())
    assert count == convolutions + linears


@pytest.mark.parametrize("d", [0, -1])
def test_a_code_needs_a_coordinate(d: int) -> None:
    with pytest.raises(ValueError, match=f"latent_dim must be at least 1, got {d}"):
        Architecture(d)


# Batch norm


def flat(h: Tensor) -> Tensor:
    return h.permute(0, 2, 3, 1).flatten(1)


def test_batch_norm_stands_between_features_and_heads() -> None:
    encoder = VAE(Architecture(2, batch_norm=True), rng(1)).encoder
    with torch.no_grad():
        encoder.norm.weight.uniform_(0.5, 2, generator=rng(2))
        encoder.norm.bias.uniform_(-1, 1, generator=rng(3))
    x = images(6)
    h = flat(features(encoder, x))
    centred = h - h.mean(0)
    scaled = centred / (centred.square().mean(0) + 1e-5).sqrt()
    expected = encoder.heads(scaled * encoder.norm.weight + encoder.norm.bias)
    torch.testing.assert_close(torch.cat(encoder(x), dim=1), expected, rtol=1e-4, atol=1e-5)
    # One step of the running statistics: a tenth of the batch's mean and unbiased variance.
    torch.testing.assert_close(encoder.norm.running_mean, 0.1 * h.mean(0))
    torch.testing.assert_close(encoder.norm.running_var, 0.9 + 0.1 * h.var(0))


def test_batch_norm_in_evaluation_treats_images_one_by_one() -> None:
    encoder = VAE(Architecture(2, batch_norm=True), rng(1)).encoder
    x = images(6)
    together = torch.cat(encoder(x), dim=1)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(
            torch.cat([torch.cat(encoder(part), dim=1) for part in x.split(3)]), together
        )
    encoder.eval()
    h = flat(features(encoder, x))
    scaled = (h - encoder.norm.running_mean) / (encoder.norm.running_var + 1e-5).sqrt()
    together = torch.cat(encoder(x), dim=1)
    torch.testing.assert_close(together, encoder.heads(scaled), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        torch.cat([torch.cat(encoder(image[None]), dim=1) for image in x]), together
    )


def test_without_batch_norm_training_and_evaluation_are_one() -> None:
    model, x, eps = VAE(Architecture(2), rng(1)), images(4), torch.zeros(4, 2)
    trained = model(x, eps)
    assert all(map(torch.equal, trained, model.eval()(x, eps)))
    assert not list(model.buffers())


# Parameters


def test_initialization_fills_pytorchs_bounds() -> None:
    model = VAE(Architecture(20), rng(1))
    fan_in = {
        "encoder.conv1": 1 * 4 * 4,
        "encoder.conv2": 32 * 4 * 4,
        "encoder.heads": 7 * 7 * 64,
        "decoder.linear": 20,
        "decoder.deconv1": 32 * 4 * 4,  # PyTorch counts the channels out
        "decoder.deconv2": 1 * 4 * 4,
    }
    found = {key.rpartition(".")[0] for key, _ in model.named_parameters()}
    assert found == set(fan_in)
    for key, parameter in model.state_dict().items():
        bound = 1 / math.sqrt(fan_in[key.rpartition(".")[0]])
        assert parameter.abs().max() <= bound
        if parameter.numel() >= 500:
            # A uniform variable's range, mean and variance.
            assert parameter.abs().max() > 0.98 * bound
            deviation = bound / math.sqrt(3)
            assert abs(parameter.mean()) < 5 * deviation / math.sqrt(parameter.numel())
            assert parameter.std().item() == pytest.approx(deviation, rel=0.1)


@pytest.mark.parametrize(
    "layer",
    [nn.Linear(30, 50), nn.Conv2d(3, 5, 4), nn.ConvTranspose2d(6, 3, 4)],
    ids=["Linear", "Conv2d", "ConvTranspose2d"],
)
def test_bounds_are_those_of_pytorch(layer: nn.Module) -> None:
    """Of its own initializers' bounds, drawn many times."""
    largest: dict[str, list[float]] = {"theirs": [], "ours": []}
    state = torch.get_rng_state()
    torch.manual_seed(0)
    for seed in range(20):
        layer.reset_parameters()
        largest["theirs"].append(max(p.detach().abs().max().item() for p in layer.parameters()))
        initialize(layer, rng(seed))
        largest["ours"].append(max(p.detach().abs().max().item() for p in layer.parameters()))
    torch.set_rng_state(state)
    assert max(largest["ours"]) == pytest.approx(max(largest["theirs"]), rel=1e-2)


def test_initialization_is_determined_by_its_generator() -> None:
    one, again, other = (VAE(Architecture(2), rng(seed)) for seed in (1, 1, 2))
    assert all(map(torch.equal, one.parameters(), again.parameters()))
    assert not any(map(torch.equal, one.parameters(), other.parameters()))
    torch.manual_seed(99)
    assert all(map(torch.equal, one.parameters(), VAE(Architecture(2), rng(1)).parameters()))


def test_initialization_leaves_the_global_generator_alone() -> None:
    decoder = Decoder(Architecture(2))
    before = torch.get_rng_state()
    initialize(decoder, rng(1))
    assert torch.equal(torch.get_rng_state(), before)


def test_forward_draws_nothing() -> None:
    model, x, eps = VAE(Architecture(2), rng(1)), images(4), torch.randn(4, 2, generator=rng(2))
    before = torch.get_rng_state()
    first = model(x, eps)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(map(torch.equal, first, model(x, eps)))


# Streams


def draws(streams: Streams) -> dict[str, Tensor]:
    return {name: torch.rand(4, generator=getattr(streams, name)) for name in NAMES}


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**40), other=st.integers(0, 2**40))
def test_streams_follow_their_seed_and_differ_by_name(seed: int, other: int) -> None:
    first, again = draws(Streams(seed)), draws(Streams(seed))
    assert all(torch.equal(first[name], again[name]) for name in NAMES)
    assert len({tuple(values.tolist()) for values in first.values()}) == len(NAMES)
    if other != seed:
        different = draws(Streams(other))
        assert not any(torch.equal(first[name], different[name]) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_one_stream_moves_no_other(name: str) -> None:
    quiet, busy = Streams(3), Streams(3)
    torch.rand(1000, generator=getattr(busy, name))
    after, expected = draws(busy), draws(quiet)
    assert {key for key in NAMES if not torch.equal(after[key], expected[key])} == {name}


def test_streams_are_named_generators() -> None:
    streams = Streams(5)
    for name in NAMES:
        alone = torch.rand(4, generator=randomness.generator(5, name))
        assert torch.equal(torch.rand(4, generator=getattr(streams, name)), alone)
    assert set(NAMES) == set(Streams.__annotations__)


def test_streams_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    draws(Streams(1))
    assert torch.equal(torch.get_rng_state(), before)


# The masked-CNN decoder ---------------------------------------------------------------------------


def dense_weight(layer: MaskedConvolution) -> Tensor:
    """The masked 3 × 3 kernel that the layer's taps are part of."""
    channels = layer.bias.shape[0]
    weight = torch.zeros(channels, channels, 3, 3, dtype=layer.bias.dtype)
    weight[:, :, 0] = layer.above[:, :, 0]
    weight[:, :, 1, : layer.left.shape[-1]] = layer.left[:, :, 0]
    return weight


@pytest.mark.parametrize(("kind", "taps"), [("A", 4), ("B", 5)])
def test_a_masked_convolution_equals_the_dense_one_with_its_mask(kind, taps):
    layer = MaskedConvolution(3, kind).double()
    generator = torch.Generator().manual_seed(0)
    initialize(layer, generator)
    x = torch.randn(2, 3, 7, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    dense = dense_weight(layer)
    assert (dense != 0).sum() == taps * 9
    expected = conv2d(x, dense, layer.bias, padding=1)
    assert torch.allclose(layer(x), expected, rtol=0, atol=1e-14)
    ours = torch.autograd.grad(layer(x).square().sum(), x)[0]
    theirs = torch.autograd.grad(expected.square().sum(), x)[0]
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)
    assert layer.above.numel() + layer.left.numel() == taps * 9


@pytest.mark.parametrize("kind", ["A", "B"])
def test_masked_weights_are_drawn_as_those_of_the_convolution_they_are_in(kind):
    layer = MaskedConvolution(16, kind)
    initialize(layer, torch.Generator().manual_seed(0))
    bound = 1 / math.sqrt(9 * 16)
    assert all(parameter.abs().max() <= bound for parameter in layer.parameters())
    for weight in (layer.above, layer.left):
        assert weight.detach().std() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_no_pixel_depends_on_a_later_one_in_raster_order():
    """By gradient: through type A and four of type B, pixel (4, 3) sees only what comes before."""
    stack = torch.nn.Sequential(*(MaskedConvolution(2, kind) for kind in "ABBBB")).double()
    initialize(stack, torch.Generator().manual_seed(1))
    x = torch.randn(1, 2, 8, 8, dtype=torch.float64, requires_grad=True)
    gradient = torch.autograd.grad(stack(x)[0, :, 4, 3].sum(), x)[0].abs().sum((0, 1)).flatten()
    pixel = 4 * 8 + 3
    assert (gradient[pixel:] == 0).all()
    assert gradient[pixel - 1] > 0
    assert gradient[pixel - 8] > 0


def test_the_masked_decoder_has_the_layers_of_the_text():
    architecture = Architecture(latent_dim=3, masked_channels=4)
    model = VAE(architecture, torch.Generator().manual_seed(0))
    h, d = 4, 3
    linear = (d + 1) * 49 * h
    upsampled = 2 * (9 * h * h + h)
    masked = (4 + 4 * 5) * h * h + 5 * h
    assert sum(p.numel() for p in model.decoder.parameters()) == linear + upsampled + masked + h + 1
    output = model(torch.zeros(2, 1, 28, 28), torch.zeros(2, d))
    assert output.logits.shape == (2, 1, 28, 28)


def test_a_masked_decoder_without_channels_is_refused():
    with pytest.raises(ValueError, match="masked_channels must be at least 1, got 0"):
        Architecture(latent_dim=2, masked_channels=0)


# Any decoder


def shaped(decoder: str) -> Architecture:
    """Three latent dimensions and a decoder."""
    return Architecture(3, decoder=decoder, masked_channels=4 if decoder == MASKED else None)


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_decoder_is_chosen_by_its_name(decoder):
    assert type(VAE(shaped(decoder), rng(0)).decoder) is DECODERS[decoder]


def test_masked_channels_choose_the_masked_decoder_and_no_other_has_them(monkeypatch):
    assert Architecture(3, masked_channels=4) == shaped(MASKED)
    monkeypatch.setitem(DECODERS, "another", Decoder)
    for chosen in ({"decoder": MASKED}, {"decoder": "another", "masked_channels": 4}):
        with pytest.raises(ValueError, match="Give both or neither"):
            Architecture(3, **chosen)
    with pytest.raises(UnknownName, match=r"unknown decoder 'maskd': .*Did you mean 'masked'"):
        VAE(Architecture(3, decoder="maskd"), rng(0))


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_stack_decodes_what_its_decoders_do(decoder):
    alone = [VAE(shaped(decoder), rng(seed)).decoder.double() for seed in range(3)]
    z = torch.randn(3, 4, 3, generator=rng(5), dtype=torch.float64)
    expected = torch.stack([one(codes) for one, codes in zip(alone, z, strict=True)])
    assert expected.shape == (3, 4, 1, 28, 28)
    assert (expected.std(1) > 0).any()
    torch.testing.assert_close(each(stack(alone), z), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("decoder", DECODERS)
def test_an_unused_dimension_changes_no_picture(decoder):
    model = VAE(shaped(decoder), rng(0))
    z = torch.randn(4, 3, generator=rng(1))
    wider = torch.cat([z, torch.ones(4, 2)], dim=1)
    torch.testing.assert_close(with_latent_dim(model, 5).decoder(wider), model.decoder(z))


@pytest.mark.parametrize("decoder", DECODERS)
def test_every_layer_is_trained(decoder):
    model = VAE(shaped(decoder), rng(0))
    noise = rng(1)
    x = torch.rand(8, 1, 28, 28, generator=noise)
    model(x, torch.randn(8, 3, generator=noise)).logits.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
