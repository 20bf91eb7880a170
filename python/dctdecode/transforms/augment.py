"""Noise and missing parts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dctdecode.channels import ChannelSet, ChannelsLike, as_channel_set
from dctdecode.transforms import functional
from dctdecode.transforms.base import (
    TensorTransform,
    channels_of,
    check_probability,
    check_tensor,
    draw_boxes,
    interval,
)
from dctdecode.transforms.randomness import Random

__all__ = ["ChannelDropout", "GaussianNoise", "RandomErasing"]

# Of a number that is uniform in 0..255.
_UNIFORM_MEAN, _UNIFORM_SIGMA = 127.5, 255 / 12**0.5


class RandomErasing(TensorTransform):
    """Tensor transform: works on coefficients. A random box of whole blocks gets one colour, or noise.

    Zhong et al., "Random erasing data augmentation", AAAI 2020, on the grid of blocks: areas and ratios are those
    of torchvision's transform for an image of Hb x Wb pixels.

    Args:
        p: probability that anything is erased.
        scale: erased area, as a fraction of the image's, drawn uniformly.
        ratio: height / width of the box; its logarithm is drawn uniformly.
        value: one number, or R, G, B, in 0..255; 0 is black. Or "random": every pixel normal, with the mean and
            standard deviation of uniform numbers in 0..255.
        channels: what a tensor holds where nobody says so.

    Ten boxes are tried; if none fits, nothing is erased.

    Raises:
        TypeError, ValueError: an interval that is none, another value, or `p` is no probability.

    Example:
        >>> import torch
        >>> from dctdecode.transforms import RandomErasing
        >>> _ = torch.manual_seed(0)
        >>> erased = RandomErasing(p=1.0)(torch.ones(24, 56, 56))
        >>> erased[0].min(), (erased[1] == 0).sum()
        (tensor(-1024.), tensor(799))
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | Sequence[float] | str = 0.0,
        *,
        channels: ChannelsLike | None = None,
    ) -> None:
        self.p = check_probability(p)
        self.scale = interval(scale, "scale", 0.0, 1.0)
        self.ratio = interval(ratio, "ratio", 1e-6)
        self.value: str | tuple[float, ...]
        if isinstance(value, str):
            self.value = value
        else:
            self.value = tuple(float(v) for v in (value if isinstance(value, Sequence) else (value,)))
        if self.value != "random" and (
            isinstance(self.value, str) or len(self.value) not in (1, 3) or not all(map(math.isfinite, self.value))
        ):
            raise ValueError(f'value must be a number, R, G, B or "random", got {value!r}')
        self.channels = None if channels is None else as_channel_set(channels)

    def apply(self, tensor: Tensor, random: Random, channels: ChannelSet | None = None) -> Tensor:
        selected = channels_of(tensor, channels, self.channels, "RandomErasing")
        if random.uniform() >= self.p:
            return tensor
        rows, columns = tensor.shape[-2:]
        for height, width in draw_boxes(rows * columns, self.scale, self.ratio, random):
            if height < rows and width < columns:
                top = random.integers(rows - height + 1)
                left = random.integers(columns - width + 1)
                return functional.erase(
                    tensor, top, left, height, width, self._filling(height, width, random, selected)
                )
        return tensor

    def _filling(self, height: int, width: int, random: Random, channels: ChannelSet) -> Tensor:
        if isinstance(self.value, str):
            grey = functional.flat_color([_UNIFORM_MEAN] * 3, channels).expand(-1, height, width)
            return functional.gaussian_noise(grey, 0.0, _UNIFORM_SIGMA, channels, random=random)
        return functional.flat_color(self.value if len(self.value) == 3 else self.value * 3, channels)


class GaussianNoise(TensorTransform):
    """Tensor transform: works on coefficients. Independent normal noise on R, G and B of every pixel.

    Exact in distribution, drawn for the selected coefficients alone. torchvision's `clip` is not linear and does
    not exist here.

    Args:
        mean, sigma: in grey levels of 0..255; torchvision's are fractions of 255.
        channels: what a tensor holds where nobody says so.

    Raises:
        ValueError: sigma is negative or one of the two is not finite.

    Example:
        >>> import torch
        >>> from dctdecode.transforms import GaussianNoise
        >>> GaussianNoise(sigma=8.0)(torch.zeros(24, 56, 56)).shape
        torch.Size([24, 56, 56])
    """

    def __init__(self, mean: float = 0.0, sigma: float = 25.5, *, channels: ChannelsLike | None = None) -> None:
        if not 0 <= sigma < math.inf:
            raise ValueError(f"sigma must be finite and not negative, got {sigma}")
        if not math.isfinite(mean):
            raise ValueError(f"mean must be finite, got {mean}")
        self.mean = mean
        self.sigma = sigma
        self.channels = None if channels is None else as_channel_set(channels)

    def apply(self, tensor: Tensor, random: Random, channels: ChannelSet | None = None) -> Tensor:
        selected = channels_of(tensor, channels, self.channels, "GaussianNoise")
        return functional.gaussian_noise(tensor, self.mean, self.sigma, selected, random=random)


class ChannelDropout(TensorTransform):
    """Tensor transform: works on coefficients. Each channel becomes zero with probability `p`, each on its own.

    Works on any number of channels, normalised or not. Before normalisation zero is mid-grey in a DC and "nothing
    of this frequency" elsewhere; after it, zero is the channel's mean. The others are not scaled up.

    Raises:
        ValueError: `p` is no probability.

    Example:
        >>> import torch
        >>> from dctdecode.transforms import ChannelDropout
        >>> ChannelDropout(p=1.0)(torch.ones(24, 56, 56)).count_nonzero()
        tensor(0)
    """

    needs_raw = False

    def __init__(self, p: float = 0.1) -> None:
        self.p = check_probability(p)

    def apply(self, tensor: Tensor, random: Random, channels: ChannelSet | None = None) -> Tensor:
        check_tensor(tensor, "ChannelDropout")
        kept = [random.uniform() >= self.p for _ in range(tensor.shape[-3])]
        mask = torch.tensor(kept, device=tensor.device)[:, None, None]
        return torch.where(mask, tensor, 0)
