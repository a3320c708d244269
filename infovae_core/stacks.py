"""Several models of one shape side by side: their parameters stacked, their passes by `vmap`.

A stack of R models is one such model whose every parameter and buffer has one more axis, (R,), in
front; a stack of one is that model as it is. Models and layers know nothing of it.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import pad
from torch.utils._pytree import tree_map

from infovae_core.models import VAE

Module = TypeVar("Module", bound=nn.Module)


def stack(modules: Sequence[Module]) -> Module:
    """One module of several with equal shapes: each parameter and buffer is (R, ...).

    Of one module, that module.
    """
    if len(modules) == 1:
        return modules[0]
    parameters, buffers = stack_module_state(list(modules))
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


def each(stacked: nn.Module, *inputs: Tensor) -> Any:
    """What each module of a stack makes of its own inputs: (R, ...) each → (R, ...).

    Args:
        stacked: What `stack` returned, or a part of it, as an encoder is of a model.
        inputs: What the module takes, with one entry for each of the R.

    Returns:
        What the module returns, each tensor with one entry for each of the R.
    """
    count = len(inputs[0])
    if count == 1:  # vmap would cost time, and change the order of sums.
        return tree_map(lambda one: one[None], stacked(*(given[0] for given in inputs)))
    state = dict(stacked.named_parameters()) | dict(stacked.named_buffers())
    if torch.is_autocast_enabled("cpu"):
        # One by one: below vmap, autocast on a CPU does not reach the convolutions.
        apart = {name: tensor.unbind() for name, tensor in state.items()}
        found = [
            functional_call(
                stacked,
                {name: parts[index] for name, parts in apart.items()},
                tuple(given[index] for given in inputs),
            )
            for index in range(count)
        ]
        return tree_map(lambda *parts: torch.stack(parts), *found)
    return vmap(functional_call, (None, 0, 0))(stacked, state, inputs)


def with_latent_dim(model: VAE, latent_dim: int) -> VAE:
    """The model with the first so many of its latent dimensions, or with more that are unused.

    All weights of an unused dimension are zero. Where its noise is zero, so is its code; it adds
    nothing to logits or KL, and as no gradient reaches its weights they stay zero in training.
    """
    heads, linear = model.encoder.heads, model.decoder.linear
    more = latent_dim - linear.weight.shape[-1]
    if more == 0:
        return model

    def of_each_head(rows: Tensor) -> Tensor:
        """Rows of μ and rows of log σ²: (2d, ...) → (2 · latent_dim, ...)."""
        halves = rows.unflatten(0, (2, -1)).movedim(1, -1)
        return pad(halves, (0, more)).movedim(-1, 1).flatten(0, 1)

    return with_tensors(
        model,
        {
            "encoder.heads.weight": of_each_head(heads.weight),
            "encoder.heads.bias": of_each_head(heads.bias),
            "decoder.linear.weight": pad(linear.weight, (0, more)),
        },
    )


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
