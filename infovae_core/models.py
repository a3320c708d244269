"""Encoder, decoder and the variational autoencoder of thesis §3.2.

Activations are kept channels-last in memory throughout: flattening and unflattening follow that
layout, so that no gradient has to be brought from one memory order into the other.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from infovae_core import names
from infovae_core.architecture import MASKED, TRANSPOSED, Architecture
from infovae_core.layers import MaskedConvolution, TransposedConvolution
from infovae_core.randomness import undisturbed


class Output(NamedTuple):
    """What every variant returns.

    Attributes:
        logits: (B, 1, 28, 28), logits of the pixel means.
        mu: (B, d), mean of q(z|x).
        logvar: (B, d), logarithm of the variance of q(z|x).
        z: (B, d), the code that was decoded, μ + σ ⊙ ε.
    """

    logits: Tensor
    mu: Tensor
    logvar: Tensor
    z: Tensor


class Encoder(nn.Module):
    """Two strided convolutions and two linear heads: (B, 1, 28, 28) → μ and log σ²."""

    def __init__(self, architecture: Architecture) -> None:
        """Build the layers; `initialize` draws their parameters."""
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 4, stride=2, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 4, stride=2, padding=1)
        self.norm = nn.BatchNorm1d(7 * 7 * 64) if architecture.batch_norm else nn.Identity()
        # One matrix product serves both heads.
        self.heads = nn.Linear(7 * 7 * 64, 2 * architecture.latent_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), each (B, d)."""
        h = torch.relu(self.conv1(x))
        h = torch.relu(self.conv2(h))
        mu, logvar = self.heads(self.norm(h.permute(0, 2, 3, 1).flatten(1))).chunk(2, dim=1)
        return mu, logvar


DECODERS: dict[str, Callable[[Architecture], Any]] = {}
Registered = TypeVar("Registered", bound=Callable[[Architecture], Any])


def register(name: str) -> Callable[[Registered], Registered]:
    """Enter a decoder under `name`: a class of modules that is made with an `Architecture`.

    It maps codes (B, d) to logits (B, 1, 28, 28). Codes enter by its layer `linear`, an `nn.Linear`
    of which `stacks.with_latent_dim` changes the number of columns.
    """

    def enter(decoder: Registered) -> Registered:
        DECODERS[name] = decoder
        return decoder

    return enter


@register(TRANSPOSED)
class Decoder(nn.Module):
    """A linear layer and two transposed convolutions: (B, d) → (B, 1, 28, 28)."""

    def __init__(self, architecture: Architecture) -> None:
        """Build the layers; `initialize` draws their parameters."""
        super().__init__()
        self.linear = nn.Linear(architecture.latent_dim, 7 * 7 * 64)
        self.relu = architecture.decoder_relu
        self.deconv1 = TransposedConvolution(64, 32)
        self.deconv2 = TransposedConvolution(32, 1)

    def forward(self, z: Tensor) -> Tensor:
        """Logits of p(x|z)."""
        h = self.linear(z)
        if self.relu:
            h = torch.relu(h)
        h = torch.relu(self.deconv1(h.unflatten(1, (7, 7, 64)).permute(0, 3, 1, 2)))
        logits: Tensor = self.deconv2(h)
        return logits


@register(MASKED)
class MaskedDecoder(nn.Module):
    """The decoder of Experiment 3 (thesis §3.2): (B, d) → logits (B, 1, 28, 28).

    A linear layer, two nearest-neighbour upsamplings each with a trained 3 × 3 convolution, five
    masked convolutions (one of type A, four of type B), a 1 × 1 convolution. The masks act on
    features of the code, never on pixels, so pixels are independent given the code. A ReLU
    follows each convolution but the last, as in the design that the thesis refers to; of those
    between masked convolutions its text says nothing.
    """

    def __init__(self, architecture: Architecture) -> None:
        """Build the layers; `initialize` draws their parameters."""
        super().__init__()
        h = architecture.masked_channels
        assert h is not None
        self.linear = nn.Linear(architecture.latent_dim, 7 * 7 * h)
        self.upsampled = nn.ModuleList(nn.Conv2d(h, h, 3, padding=1) for _ in range(2))
        self.masked = nn.ModuleList(MaskedConvolution(h, kind) for kind in "ABBBB")
        self.out = nn.Conv2d(h, 1, 1)

    def forward(self, z: Tensor) -> Tensor:
        """Logits of p(x|z)."""
        h = self.linear(z).unflatten(1, (7, 7, -1)).permute(0, 3, 1, 2)
        for convolution in self.upsampled:
            h = torch.relu(convolution(interpolate(h, scale_factor=2)))
        for convolution in self.masked:
            h = torch.relu(convolution(h))
        logits: Tensor = self.out(h)
        return logits


class VAE(nn.Module):
    """Encoder, reparameterization and decoder; the objective decides which variant it is.

    Example:
        >>> model = VAE(Architecture(latent_dim=2), torch.Generator().manual_seed(0))
        >>> output = model(torch.zeros(8, 1, 28, 28), torch.zeros(8, 2))
        >>> output.logits.shape, output.z.shape
        (torch.Size([8, 1, 28, 28]), torch.Size([8, 2]))
    """

    def __init__(self, architecture: Architecture, generator: torch.Generator) -> None:
        """Build the model and draw its parameters from `generator`."""
        super().__init__()
        kind = names.check("decoder", architecture.decoder, DECODERS)
        with undisturbed():
            self.encoder = Encoder(architecture)
            self.decoder = DECODERS[kind](architecture)
            initialize(self, generator)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor, eps: Tensor) -> Output:
        """Encode, draw z = μ + σ ⊙ ε, decode.

        Args:
            x: (B, 1, 28, 28), pixels in [0, 1].
            eps: (B, d), standard normal.
        """
        mu, logvar = self.encoder(x)
        # The code and all that is computed from it stay in single precision under autocast.
        mu, logvar = mu.float(), logvar.float()
        z = mu + torch.exp(0.5 * logvar) * eps
        return Output(self.decoder(z).float(), mu, logvar, z)


def initialize(module: nn.Module, generator: torch.Generator) -> None:
    """Draw weights and biases from U(−1/√fan_in, 1/√fan_in), PyTorch's default, in place.

    PyTorch's own initializers of layers read the global generator; a run reads only its own.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            # PyTorch counts dimension 1 of the weight, transposed convolutions included.
            fan_in = layer.weight[0].numel()
        elif isinstance(layer, MaskedConvolution):
            fan_in = 9 * layer.above.shape[1]  # Of the convolution before it is masked.
        else:
            continue
        bound = 1 / math.sqrt(fan_in)
        for parameter in layer.parameters():
            with torch.no_grad():
                parameter.uniform_(-bound, bound, generator=generator)
