"""The layers that PyTorch lacks, or computes more slowly on a CPU than need be.

Images are (B, channels, height, width), kept channels-last in memory.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, fold, pad

KERNEL = 4


class TransposedConvolution(nn.ConvTranspose2d):
    """A 4 × 4 transposed convolution, stride 2, padding 1: (B, C, h, w) → (B, C', 2h, 2w)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Build the layer."""
        super().__init__(inputs, outputs, KERNEL, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Add up what each pixel contributes."""
        if self.out_channels == 1:
            h = to_one_channel(x, self.weight)
        else:
            h = conv_transpose2d(x, self.weight, None, stride=2, padding=1)
        assert self.bias is not None
        # Added here: the library takes as long for its gradient as for that of the weights.
        return h + self.bias.to(h.dtype)[:, None, None]


class _ToOneChannel(torch.autograd.Function):
    """`to_one_channel`: forward a product, backward the library's; each is the faster way."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        # The weight as autocast has it; the windows are added up where they overlap.
        windows = x.permute(0, 2, 3, 1).flatten(1, 2) @ weight.to(x.dtype).flatten(1)
        return fold(windows.mT, (2 * height, 2 * width), KERNEL, padding=1, stride=2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            grads[0], x, weight.to(x.dtype), None,
            [2, 2], [1, 1], [1, 1], True, [0, 0], 1, [True, True, False],
        )  # fmt: skip
        return of_x, of_weight


def to_one_channel(x: Tensor, weight: Tensor) -> Tensor:
    """A transposed convolution with one channel out: (B, C, h, w) → (B, 1, 2h, 2w)."""
    found: Tensor = _ToOneChannel.apply(x, weight)  # type: ignore[no-untyped-call]
    return found


class MaskedConvolution(nn.Module):
    """A 3 × 3 convolution of the pixels before each one in raster order: (B, C, H, W) → the same.

    Type "A" sees the three pixels above and the one to the left, "B" also the pixel itself (van
    den Oord et al. 2016, §3.4). Only these taps are parameters and only they are computed, as two
    small dense convolutions: one of the row above, one of the row itself.
    """

    def __init__(self, channels: int, kind: str) -> None:
        """Build the taps; `initialize` draws them as those of the 3 × 3 convolution they are in."""
        super().__init__()
        self.above = nn.Parameter(torch.empty(channels, channels, 1, 3))
        self.left = nn.Parameter(torch.empty(channels, channels, 1, {"A": 1, "B": 2}[kind]))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve the row above and the row itself."""
        # Shifts by `pad`, one row down and one column right: a slice's gradient would lose the
        # channels-last layout.
        above = pad(conv2d(x, self.above, padding=(0, 1)), (0, 0, 1, -1))
        left = pad(x, (1, self.left.shape[-1] - 2))
        return above + conv2d(left, self.left, self.bias)
