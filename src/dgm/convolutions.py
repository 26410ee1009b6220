"""Convolutions in which some taps of the kernel do not exist."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn


class MaskedConv2d(nn.Conv2d):
    """``y = (mask * W) * x + b``: a convolution that looks only where the mask is true.

    The output has the image's size; outside the image there are zeros. As in
    :class:`dgm.layers.MaskedLinear`, the weights behind a zero of the mask stay in
    ``weight``, unused and without gradient.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
        mask: ``mask[i, j]`` is true (or 1) where the kernel may look; its shape is the
            kernel's, both sides odd, and its middle is the output's own place.
        bias: whether to add ``b``.

    Raises:
        ValueError: if a side of the mask is even, so that it has no middle.

    Source: van den Oord et al. 2016, "Pixel Recurrent Neural Networks", section 3.4.
    """

    mask: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        mask: Bool[Tensor, "height width"] | Float[Tensor, "height width"],
        bias: bool = True,
    ) -> None:
        height, width = mask.shape
        if not (height % 2 and width % 2):
            raise ValueError(
                f"mask has shape {(height, width)}; give it odd sides, so that its "
                "middle is the place of the output."
            )
        middle = (height // 2, width // 2)
        super().__init__(inputs, outputs, (height, width), padding=middle, bias=bias)
        self.register_buffer("mask", mask.to(torch.get_default_dtype()))

    def forward(
        self, input: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs height width"]:
        """Convolve, stride 1, keeping the image's size."""
        return F.conv2d(input, self.mask * self.weight, self.bias, padding=self.padding)
