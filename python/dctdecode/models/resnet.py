"""Residual networks whose first stage takes coefficients.

As Xu et al. built theirs (CVPR 2020, section 3): the 7x7 convolution, its normalisation and the max-pooling are
gone, and the first block of layer1 reads the channels, so that layer1 works on the grid of blocks itself. What
the 56 x 56 maps of a 224 px image are to the network for pixels, a grid of 56 x 56 blocks (448 px) is to this.

Blocks are torchvision's, and every tensor has the name that it has in torchvision's `ResNet`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.ops import SqueezeExcitation

from dctdecode.models._channels import InputLike, check_width, input_channels
from dctdecode.models.folding import has_statistics, select_columns

__all__ = ["FrequencyResNet", "resnet18", "resnet34", "resnet50", "resnet101", "se_resnet50"]

_REDUCTION = 16  # of squeeze-and-excitation


class SEBottleneck(Bottleneck):
    """Bottleneck that scales its maps by squeeze-and-excitation (Hu et al., CVPR 2018) before the addition.

    Its tensors have the names of timm's `seresnet50`.
    """

    def __init__(self, inplanes: int, planes: int, *args: Any, **options: Any) -> None:
        super().__init__(inplanes, planes, *args, **options)
        width = planes * self.expansion
        self.se = SqueezeExcitation(width, max(1, width // _REDUCTION))

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.se(self.bn3(self.conv3(out)))
        identity = x if self.downsample is None else self.downsample(x)
        return cast(Tensor, self.relu(out + identity))


class FrequencyResNet(nn.Module):
    """A residual network on coefficients; see `resnet50`.

    Args:
        block: torchvision's `BasicBlock` or `Bottleneck`, or a class that is made like them.
        layers: number of blocks in each of the four stages.
        channels: what the input holds, as for `dctdecode.read`, or "rgb" for pixels and torchvision's own stem.
        num_classes: outputs of `fc`.
        stage2_stride: 2, or 1 as in the networks that Xu et al. published, whose layer2 keeps layer1's grid.
        width: factor on the number of maps of every stage.
        norm_layer: takes a number of maps, gives a module. Default: `torch.nn.BatchNorm2d`.
        zero_init_residual: the last normalisation of each block begins as zero.

    Shape:
        (N, C, Hb, Wb) to (N, num_classes); layer1..layer4 give ``stage_channels`` maps at 1, 1/2, 1/4, 1/8 of
        the grid.

    Raises:
        ValueError: another `stage2_stride`, a `width` that is not positive, or a `channels` that
            `dctdecode.channels.as_channel_set` refuses.
    """

    def __init__(
        self,
        block: type[nn.Module],
        layers: Sequence[int],
        channels: InputLike = 24,
        *,
        num_classes: int = 1000,
        stage2_stride: int = 2,
        width: float = 1.0,
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        zero_init_residual: bool = False,
    ) -> None:
        super().__init__()
        if stage2_stride not in (1, 2):
            raise ValueError(f"stage2_stride: expected 1 or 2, got {stage2_stride!r}")
        self.channels = input_channels(channels)
        self.stage2_stride = stage2_stride
        expansion = _expansion(block)
        check_width(width)
        planes = [max(1, round(number * width)) for number in (64, 128, 256, 512)]
        strides = (1, stage2_stride, 2, 2)
        self.stage_channels = [number * expansion for number in planes]
        if self.channels is None:
            self.conv1 = nn.Conv2d(3, planes[0], 7, stride=2, padding=3, bias=False)
            self.bn1 = norm_layer(planes[0])
            self.relu = nn.ReLU(inplace=True)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = planes[0] if self.channels is None else len(self.channels)
        stages = []
        for stage in range(4):
            blocks = []
            for index in range(layers[stage]):
                stride = strides[stage] if index == 0 else 1
                blocks.append(_block(block, inputs, planes[stage], stride, norm_layer))
                inputs = planes[stage] * expansion
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inputs, num_classes)
        self._initialize(zero_init_residual)

    def forward(self, x: Tensor) -> Tensor:
        if self.channels is None:
            x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return cast(Tensor, self.fc(torch.flatten(self.avgpool(x), 1)))

    def select_inputs(self, index: list[int]) -> None:
        """Makes the network read only those of its input's channels, as if the others were zero."""
        select_inputs_of_block(self.layer1[0], index)

    def _initialize(self, zero_init_residual: bool) -> None:
        """As torchvision does: He et al., "Delving Deep into Rectifiers", fan out."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, BasicBlock | Bottleneck):
                    last = module.bn3 if isinstance(module, Bottleneck) else module.bn2
                    nn.init.zeros_(last.weight)


def _expansion(block: Any) -> int:
    """Maps that a block puts out, as a multiple of its `planes`."""
    return cast(int, block.expansion)


def _block(
    block: Callable[..., nn.Module], inputs: int, planes: int, stride: int, norm_layer: Callable[[int], nn.Module]
) -> nn.Module:
    """One block, with a projection on its shortcut where the shape changes."""
    outputs = planes * _expansion(block)
    shortcut = None
    if stride != 1 or inputs != outputs:
        shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), norm_layer(outputs))
    return block(inputs, planes, stride, shortcut, norm_layer=norm_layer)


def select_inputs_of_block(block: Any, index: list[int]) -> None:
    """Makes the first block of a network read only those of its inputs."""
    if block.downsample is None:  # an identity, which here becomes a selection
        block.downsample = _identity(block.conv1, block.bn1)
    select_columns(block.conv1, index)
    select_columns(block.downsample[0], index)


def _identity(like: nn.Conv2d, like_norm: Any) -> nn.Sequential:
    """A projection that changes nothing; on the device, of the dtype and in the mode of `like`.

    Its normalisation is of the network's kind, so that the tensors have the names and shapes of a network that was
    made for these channels. Kinds that compute from the image itself cannot be an identity, and are left out.
    """
    number = like.in_channels
    convolution = nn.Conv2d(number, number, 1, bias=False)
    nn.init.dirac_(convolution.weight)
    norm: nn.Module = nn.Identity()
    if has_statistics(like_norm):
        norm = type(like_norm)(number, eps=like_norm.eps)
        nn.init.constant_(cast(Tensor, norm.running_var), 1 - like_norm.eps)
    return nn.Sequential(convolution, norm).to(like.weight).train(like.training)


def resnet18(channels: InputLike = 24, **options: Any) -> FrequencyResNet:
    """ResNet-18 on coefficients. Arguments as for `resnet50`."""
    return FrequencyResNet(BasicBlock, (2, 2, 2, 2), channels, **options)


def resnet34(channels: InputLike = 24, **options: Any) -> FrequencyResNet:
    """ResNet-34 on coefficients. Arguments as for `resnet50`."""
    return FrequencyResNet(BasicBlock, (3, 4, 6, 3), channels, **options)


def resnet50(channels: InputLike = 24, **options: Any) -> FrequencyResNet:
    """ResNet-50 on coefficients.

    Args:
        channels: what the input holds, as for `dctdecode.read`, or "rgb" for pixels and torchvision's own stem.
        **options: `num_classes`, `stage2_stride`, `width`, `norm_layer`, `zero_init_residual` of
            `FrequencyResNet`. ``stage2_stride=1`` is the network of the published weights; it takes 13.5 GMAC
            on 56 x 56 blocks, with the default of 2 it takes 3.9.

    Raises:
        ValueError, TypeError, OSError: as from `FrequencyResNet`.

    Example:
        >>> import torch
        >>> from dctdecode.models import resnet50
        >>> model = resnet50(24, num_classes=10).eval()
        >>> tuple(model(torch.zeros(1, 24, 28, 28)).shape)
        (1, 10)
    """
    return FrequencyResNet(Bottleneck, (3, 4, 6, 3), channels, **options)


def resnet101(channels: InputLike = 24, **options: Any) -> FrequencyResNet:
    """ResNet-101 on coefficients. Arguments as for `resnet50`."""
    return FrequencyResNet(Bottleneck, (3, 4, 23, 3), channels, **options)


def se_resnet50(channels: InputLike = 24, **options: Any) -> FrequencyResNet:
    """SE-ResNet-50 on coefficients. Arguments as for `resnet50`; body weights are those of timm's `seresnet50`."""
    return FrequencyResNet(SEBottleneck, (3, 4, 6, 3), channels, **options)
