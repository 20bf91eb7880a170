"""MobileNetV2 whose first inverted residual takes coefficients.

As Xu et al. built theirs (CVPR 2020): the first convolution, of stride 2, is gone, and the depthwise convolution
of the first inverted residual reads the channels. Made for a grid of 112 x 112 blocks (896 px), where it costs
what the network for 224 px does. Every tensor has the name that it has in torchvision's `MobileNetV2`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torchvision.models.mobilenetv2 import InvertedResidual, MobileNetV2

from dctdecode.models._channels import InputLike, check_width, input_channels
from dctdecode.models.folding import has_statistics, select_columns, select_statistics

__all__ = ["FrequencyMobileNetV2", "mobilenet_v2"]


class FrequencyMobileNetV2(MobileNetV2):
    """MobileNetV2 on coefficients; see `mobilenet_v2`."""

    def __init__(self, channels: InputLike = 24, *, width: float = 1.0, **options: Any) -> None:
        check_width(width)
        super().__init__(width_mult=width, **options)
        self.channels = input_channels(channels)
        if self.channels is None:
            return
        first = self.features[1].conv
        norm_layer = options.get("norm_layer") or nn.BatchNorm2d
        block = InvertedResidual(len(self.channels), first[1].out_channels, 1, 1, norm_layer=norm_layer)
        for module in block.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
        block.use_res_connect = False  # nor where the input happens to have as many channels as the output
        self.features[0] = nn.Identity()  # keeps the numbers of those that follow
        self.features[1] = block

    def select_inputs(self, index: list[int]) -> None:
        """Makes the network read only those of its input's channels, as if the others were zero.

        A channel of zeros still leaves the depthwise convolution's normalisation and activation as a constant,
        which the projection hands on, and which the projection's normalisation takes into its mean here. (Away
        from the image's edge or at it: zeros are zeros.) In training that normalisation removes constants by
        itself.

        Raises:
            TypeError: the normalisation keeps no running statistics: what zeros leave then depends on the image.
        """
        (depthwise, norm, activation), projection, last = self.features[1].conv
        if not (has_statistics(norm) and has_statistics(last)):
            raise TypeError(
                f"a MobileNetV2 with {type(norm).__name__} cannot be folded, only with batch normalisation"
            )
        dropped = [i for i in range(depthwise.in_channels) if i not in set(index)]
        with torch.no_grad():
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            constant = activation(norm.bias - norm.running_mean * scale)
            last.running_mean -= projection.weight[:, dropped, 0, 0] @ constant[dropped]
        select_columns(projection, index)
        weight = depthwise.weight
        depthwise.weight = nn.Parameter(weight.detach()[index].clone(), requires_grad=weight.requires_grad)
        depthwise.in_channels = depthwise.out_channels = depthwise.groups = len(index)
        select_statistics(norm, index)


def mobilenet_v2(channels: InputLike = 24, **options: Any) -> FrequencyMobileNetV2:
    """MobileNetV2 on coefficients.

    Args:
        channels: what the input holds, as for `dctdecode.read`, or "rgb" for pixels and torchvision's own stem.
        **options: `num_classes`; `width`, factor on the number of maps; `norm_layer` and `dropout` of
            torchvision's class.

    Raises:
        ValueError, TypeError, OSError: `channels` is refused by `dctdecode.channels.as_channel_set`.

    Example:
        >>> import torch
        >>> from dctdecode.models import mobilenet_v2
        >>> model = mobilenet_v2(24, num_classes=10).eval()
        >>> tuple(model(torch.zeros(1, 24, 56, 56)).shape)
        (1, 10)
    """
    return FrequencyMobileNetV2(channels, **options)
