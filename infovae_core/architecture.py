"""The shape of a model as a value; `models` builds it."""

from dataclasses import dataclass

# Those of the thesis, told here so that PyTorch need not be loaded to name them.
TRANSPOSED, MASKED = "transposed_convolutions", "masked"


@dataclass(frozen=True)
class Architecture:
    """The shape of a model: the part of a run that decides which parameters exist.

    Attributes:
        latent_dim: d, the dimension of the code.
        batch_norm: Normalize the flattened features before the two heads (BN-VAE).
        decoder_relu: A ReLU between the decoder's linear layer and its first transposed
            convolution; the thesis's text lists none.
        masked_channels: h, the channels of the masked-CNN decoder of Experiment 3; None for any
            other.
        decoder: Its name in `models.DECODERS`; "masked" wherever there are masked channels.

    Raises:
        ValueError: If a number is out of range, or masked channels and decoder do not go together.
    """

    latent_dim: int
    batch_norm: bool = False
    decoder_relu: bool = False
    masked_channels: int | None = None
    decoder: str = TRANSPOSED

    def __post_init__(self) -> None:
        if self.latent_dim < 1:
            raise ValueError(
                f"latent_dim must be at least 1, got {self.latent_dim}: a code needs a coordinate"
            )
        if self.masked_channels is not None and self.masked_channels < 1:
            raise ValueError(f"masked_channels must be at least 1, got {self.masked_channels}")
        if self.masked_channels is not None and self.decoder == TRANSPOSED:
            object.__setattr__(self, "decoder", MASKED)
        if (self.decoder == MASKED) != (self.masked_channels is not None):
            raise ValueError(
                f"masked_channels are those of the decoder {MASKED!r} and of no other: got "
                f"{self.masked_channels} with the decoder {self.decoder!r}. Give both or neither"
            )
