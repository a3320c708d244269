"""PyTorch's layers, for one model or for a stack of R models trained side by side.

A layer's parameters are those of PyTorch's own layer; in a stack of several they have one more
axis, (R,), in front. Activations are (..., B, height, width, channels), channels last, for a stack
(R, B, ...). One model is computed by the library's convolutions, which on a CPU are the fastest.
Several are computed by batched matrix products: a 4 × 4 convolution of stride 2 is a product with
the windows it sees, and its transpose a product whose windows are added up where they overlap.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, fold, linear, pad, unfold

KERNEL = 4
Module = TypeVar("Module", bound=nn.Module)


# Windows ------------------------------------------------------------------------------------------


class _Windows(torch.autograd.Function):
    """`windows`, whose derivative is `overlap_add`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        *lead, height, width, channels = x.shape
        if channels == 1:  # The library's own takes half the time, and has the same order then.
            found = unfold(x.reshape(-1, 1, height, width), KERNEL, padding=1, stride=2)
            return found.mT.reshape(*lead, height // 2, width // 2, KERNEL * KERNEL)
        padded = pad(x.reshape(-1, height, width, channels), (0, 0, 1, 1, 1, 1))
        n, row, column, _ = padded.stride()
        found = padded.as_strided(
            (len(padded), height // 2, width // 2, KERNEL, KERNEL, channels),
            (n, 2 * row, 2 * column, row, column, 1),
        )
        return found.reshape(*lead, height // 2, width // 2, KERNEL * KERNEL * channels)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return overlap_add(grads[0])


class _OverlapAdd(torch.autograd.Function):
    """`overlap_add`, whose derivative is `windows`."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        *lead, h, w, size = values.shape
        channels = size // KERNEL**2
        if channels == 1:
            columns = values.reshape(-1, h * w, size).mT
            found = fold(columns, (2 * h, 2 * w), KERNEL, padding=1, stride=2)
            return found.reshape(*lead, 2 * h, 2 * w, 1)
        # A window's row lies in one of two blocks of two rows, and so does its column.
        split = values.reshape(-1, h, w, 2, 2, 2, 2, channels)
        sums = values.new_zeros(len(split), h + 1, 2, w + 1, 2, channels)
        for i in range(2):
            for j in range(2):
                sums[:, i : i + h, :, j : j + w] += split[:, :, :, i, :, j].transpose(2, 3)
        whole = sums.view(len(split), 2 * h + 2, 2 * w + 2, channels)
        return whole[:, 1:-1, 1:-1].reshape(*lead, 2 * h, 2 * w, channels)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return windows(grads[0])


def windows(x: Tensor) -> Tensor:
    """The 4 × 4 windows, stride 2, of x padded by one: (..., H, W, C) → (..., H/2, W/2, 16 C).

    The values of a window are ordered row, column, channel.
    """
    found: Tensor = _Windows.apply(x)  # type: ignore[no-untyped-call]
    return found


def overlap_add(values: Tensor) -> Tensor:
    """Windows added up where they overlap: (..., h, w, 16 C) → (..., 2h, 2w, C).

    The adjoint of `windows`: ⟨windows(x), y⟩ = ⟨x, overlap_add(y)⟩.
    """
    found: Tensor = _OverlapAdd.apply(values)  # type: ignore[no-untyped-call]
    return found


class _ToOneChannel(torch.autograd.Function):
    """`to_one_channel`: forward a product, backward the library's; each is the faster way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        weight = weight.to(x.dtype)  # As autocast does.
        ctx.save_for_backward(x, weight)
        return overlap_add(x @ weight.flatten(1))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            library_layout(grads[0]), library_layout(x), weight, None,
            [2, 2], [1, 1], [1, 1], True, [0, 0], 1, [True, True, False],
        )  # fmt: skip
        return our_layout(of_x, x), of_weight


def to_one_channel(x: Tensor, weight: Tensor) -> Tensor:
    """A transposed convolution with one channel out: (..., h, w, C) → (..., 2h, 2w, 1)."""
    found: Tensor = _ToOneChannel.apply(x, weight)  # type: ignore[no-untyped-call]
    return found


# Layers -------------------------------------------------------------------------------------------


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Of each model of a stack, x Wᵀ + b: (R, n, k), (R, m, k) and (R, m) → (R, n, m)."""
    return torch.baddbmm(bias[:, None, :], x, weight.mT)


class Linear(nn.Linear):
    """x Wᵀ + b over the last axis: (..., B, k) → (..., B, m)."""

    def forward(self, x: Tensor) -> Tensor:
        """Multiply and add."""
        product = linear if self.weight.dim() == 2 else affine
        found: Tensor = product(x, self.weight, self.bias)
        return found


class Convolution(nn.Conv2d):
    """A 4 × 4 convolution, stride 2, padding 1: (..., B, H, W, C) → (..., B, H/2, W/2, C')."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Build the layer."""
        super().__init__(inputs, outputs, KERNEL, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        weight, bias = self.weight, self.get_parameter("bias")
        if weight.dim() == 4:
            h = conv2d(library_layout(x), weight, bias, stride=2, padding=1)
            return our_layout(h, x)
        seen = windows(x)
        matrix = weight.permute(0, 1, 3, 4, 2).flatten(2)
        found: Tensor = affine(seen.flatten(1, 3), matrix, bias).unflatten(1, seen.shape[1:4])
        return found


class TransposedConvolution(nn.ConvTranspose2d):
    """The transpose of such a convolution: (..., B, h, w, C) → (..., B, 2h, 2w, C')."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Build the layer."""
        super().__init__(inputs, outputs, KERNEL, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """Add up what each pixel contributes."""
        weight = self.weight
        if weight.dim() == 5:
            matrix = weight.permute(0, 1, 3, 4, 2).flatten(2)
            h = overlap_add(torch.bmm(x.flatten(1, 3), matrix).unflatten(1, x.shape[1:4]))
        elif self.out_channels == 1:
            h = to_one_channel(x, weight)
        else:
            h = conv_transpose2d(library_layout(x), weight, None, stride=2, padding=1)
            h = our_layout(h, x)
        # Added here: the library takes as long for its gradient as for that of the weights.
        bias = self.get_parameter("bias").to(h.dtype)
        return h + (bias if bias.dim() == 1 else bias[:, None, None, None, :])


def library_layout(x: Tensor) -> Tensor:
    """Our layout as the library's: (..., H, W, C) → (N, C, H, W), a view."""
    x = x.flatten(0, -4)
    # With one channel, strides of channels-last would send the library on a slower path.
    return x.permute(0, 3, 1, 2) if x.shape[-1] > 1 else x.view(len(x), 1, *x.shape[1:3])


def our_layout(h: Tensor, like: Tensor) -> Tensor:
    """The library's layout as ours: (N, C, H, W) → (..., H, W, C), leading axes as in `like`."""
    found: Tensor = h.permute(0, 2, 3, 1).unflatten(0, like.shape[:-3])
    return found


class MaskedConvolution(nn.Module):
    """A 3 × 3 convolution of the pixels before each one in raster order: (B, R·C, H, W) → the same.

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
        above = pad(grouped(x, self.above, None, (0, 1)), (0, 0, 1, -1))
        left = pad(x, (1, self.left.shape[-1] - 2))
        return above + grouped(left, self.left, self.bias)


class GroupedConvolution(nn.Conv2d):
    """A convolution that keeps height and width: (B, R·C, H, W) → (B, R·C', H, W)."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        """Build the layer."""
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        return grouped(x, self.weight, self.bias, self.kernel_size[0] // 2)


def grouped(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: int | tuple[int, int] = 0
) -> Tensor:
    """A convolution in which each model of a stack has a group of channels to itself."""
    groups = len(weight) if weight.dim() == 5 else 1
    weight = weight.reshape(-1, *weight.shape[-3:]).contiguous(memory_format=torch.channels_last)
    return conv2d(x, weight, None if bias is None else bias.flatten(), 1, padding, 1, groups)


class BatchNorm(nn.BatchNorm1d):
    """Batch normalization of features over the minibatch: (..., B, k) → the same."""

    running_mean: Tensor
    running_var: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Normalize by the minibatch while training, else by the running averages."""
        if self.weight.dim() == 1:
            return super().forward(x.flatten(0, -2)).view_as(x)
        if self.training:
            n = x.shape[-2]
            var, mean = torch.var_mean(x.to(self.weight.dtype), -2, correction=0)
            with torch.no_grad():
                assert self.momentum is not None
                assert self.num_batches_tracked is not None
                self.num_batches_tracked += 1
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * n / (n - 1), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        scale = self.weight * torch.rsqrt(var + self.eps)
        shift = self.bias - mean * scale
        return (x * scale[..., None, :] + shift[..., None, :]).to(x.dtype)


# Stacks -------------------------------------------------------------------------------------------


def stack(modules: Sequence[Module]) -> Module:
    """One module of several with equal shapes: each parameter and buffer is (R, ...).

    Of one module, that module.
    """
    if len(modules) == 1:
        return modules[0]
    parameters, buffers = torch.func.stack_module_state(list(modules))
    return with_tensors(modules[0], parameters | buffers)


def unstack(stacked: Module, count: int) -> list[Module]:
    """The `count` modules of a stack, each on its own: views of the stack's tensors."""
    if count == 1:
        return [stacked]
    state = stacked.state_dict()
    return [
        with_tensors(stacked, {name: tensor[index] for name, tensor in state.items()})
        for index in range(count)
    ]


def with_tensors(module: Module, tensors: Mapping[str, Tensor]) -> Module:
    """The module with these tensors in place of its own; it shares the others."""
    state = module.state_dict(keep_vars=True)
    new = copy.deepcopy(module, {id(tensor): tensor for tensor in state.values()})
    for name, tensor in tensors.items():
        owner, _, attribute = name.rpartition(".")
        place = new.get_submodule(owner)
        kept = tensor.detach()
        setattr(place, attribute, nn.Parameter(kept) if attribute in place._parameters else kept)
    return new
