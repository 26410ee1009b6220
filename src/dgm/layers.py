"""Layers that more than one lecture needs."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn


class MaskedLinear(nn.Linear):
    """``y = (mask * W) x + b``: a linear layer in which some connections do not exist.

    The weights behind a zero of the mask stay in ``weight``, unused and without
    gradient: the mask is applied in the product, never written into the parameters.

    Args:
        inputs: width of the input.
        outputs: width of the output.
        mask: ``mask[o, i]`` is true (or 1) where output ``o`` may see input ``i``.
        bias: whether to add ``b``.

    Raises:
        ValueError: if the mask's shape is not ``(outputs, inputs)``.

    Source: Germain et al. 2015, "MADE", section 3.
    """

    mask: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        mask: Bool[Tensor, "outputs inputs"] | Float[Tensor, "outputs inputs"],
        bias: bool = True,
    ) -> None:
        if tuple(mask.shape) != (outputs, inputs):
            raise ValueError(
                f"mask has shape {tuple(mask.shape)}; a layer from {inputs} inputs to "
                f"{outputs} outputs needs ({outputs}, {inputs}): transpose it?"
            )
        super().__init__(inputs, outputs, bias)
        self.register_buffer("mask", mask.to(torch.get_default_dtype()))

    def forward(
        self, x: Float[Tensor, "*batch inputs"]
    ) -> Float[Tensor, "*batch outputs"]:
        """Apply the layer to the last axis of ``x``."""
        return F.linear(x, self.mask * self.weight, self.bias)
