"""Colour and normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from dctdecode.channels import ChannelSet, ChannelsLike, as_channel_set
from dctdecode.normalization import NormalizeLike, as_normalization
from dctdecode.transforms import functional
from dctdecode.transforms.base import TensorTransform, channels_of, interval
from dctdecode.transforms.color_map import ColorMap
from dctdecode.transforms.randomness import Random

__all__ = ["ColorJitter", "Grayscale", "Normalize"]


class ColorJitter(TensorTransform):
    """Tensor transform: works on coefficients. Random brightness, contrast, saturation and hue, in random order.

    Brightness, contrast and saturation are torchvision's, before clipping; hue rotates (Cb, Cr) and is not HSV's:
    see `dctdecode.transforms.functional`.

    Args:
        brightness, contrast, saturation: a number x for a factor from [max(0, 1 - x), 1 + x], or (min, max).
        hue: a number x for a factor from [-x, x], or (min, max), inside -0.5 .. 0.5.
        channels: what a tensor holds where nobody says so; needed for hue: the same frequencies of Cb and Cr.

    Raises:
        TypeError, ValueError: an interval that is none, or out of range.

    Example:
        >>> import torch
        >>> from dctdecode.transforms import ColorJitter
        >>> jitter = ColorJitter(0.4, 0.4, 0.4, 0.1)
        >>> jitter
        ColorJitter(brightness=(0.6, 1.4), contrast=(0.6, 1.4), saturation=(0.6, 1.4), hue=(-0.1, 0.1))
        >>> jitter(torch.randn(24, 56, 56)).shape
        torch.Size([24, 56, 56])
    """

    def __init__(
        self,
        brightness: float | Sequence[float] | None = None,
        contrast: float | Sequence[float] | None = None,
        saturation: float | Sequence[float] | None = None,
        hue: float | Sequence[float] | None = None,
        *,
        channels: ChannelsLike | None = None,
    ) -> None:
        self.brightness = _range(brightness, "brightness")
        self.contrast = _range(contrast, "contrast")
        self.saturation = _range(saturation, "saturation")
        self.hue = _range(hue, "hue", middle=0.0, low=-0.5, high=0.5)
        self.channels = None if channels is None else as_channel_set(channels)

    def apply(self, tensor: Tensor, random: Random, channels: ChannelSet | None = None) -> Tensor:
        selected = channels_of(tensor, channels, self.channels, "ColorJitter")
        # The order is drawn before the factors, as in torchvision.
        order = random.permutation(4)
        limits = (self.brightness, self.contrast, self.saturation, self.hue)
        factors = [None if pair is None else random.uniform(*pair) for pair in limits]
        colors = ColorMap()
        for place in order:
            factor = factors[place]
            if factor is not None:
                colors = (colors.brightness, colors.contrast, colors.saturation, colors.hue)[place](factor)
        return colors.apply(tensor, selected)


class Grayscale(TensorTransform):
    """Tensor transform: works on coefficients. Chroma becomes zero; the number of channels stays.

    torchvision's RandomGrayscale(p) is ``RandomApply([Grayscale()], p)``.

    Args:
        channels: what a tensor holds where nobody says so.

    Example:
        >>> import torch
        >>> from dctdecode.transforms import Grayscale
        >>> Grayscale()(torch.ones(6, 1, 1)).flatten()
        tensor([1., 1., 1., 1., 0., 0.])
    """

    def __init__(self, *, channels: ChannelsLike | None = None) -> None:
        self.channels = None if channels is None else as_channel_set(channels)

    def apply(self, tensor: Tensor, random: Random, channels: ChannelSet | None = None) -> Tensor:
        return functional.to_grayscale(tensor, channels_of(tensor, channels, self.channels, "Grayscale"))


class Normalize(TensorTransform):
    """Tensor transform: works on coefficients. (coefficient - mean) / std for each channel.

    ``read(..., normalize=)`` does the same while it writes the tensor, at no cost; this is for tensors that are
    already there. Not both. Transforms that need coefficients as they are cannot come after it.

    Args:
        mean, std: one number, one for each channel, or 192 by flat index. Or `mean` alone: whatever
            ``read(normalize=)`` takes, a name ("dctnet"), a file or a `Normalization`.
        channels: what a tensor holds where nobody says so.

    Raises:
        TypeError, ValueError: when applied; see `dctdecode.normalization.as_normalization`.

    Example:
        >>> import torch
        >>> from dctdecode.transforms import Normalize
        >>> Normalize("dctnet")(torch.zeros(24, 1, 1)).shape
        torch.Size([24, 1, 1])
        >>> Normalize(1.0, 2.0)(torch.full((6, 1, 1), 5.0)).flatten()
        tensor([2., 2., 2., 2., 2., 2.])
    """

    needs_raw = False

    def __init__(self, mean: Any, std: Any = None, *, channels: ChannelsLike | None = None) -> None:
        self.mean = mean
        self.std = std
        self.channels = None if channels is None else as_channel_set(channels)

    def apply(self, tensor: Tensor, random: Random, channels: ChannelSet | None = None) -> Tensor:
        selected = channels_of(tensor, channels, self.channels, "Normalize")
        normalize: NormalizeLike = self.mean if self.std is None else (self.mean, self.std)
        mean, std = (tensor.new_tensor(v)[:, None, None] for v in as_normalization(normalize, selected))
        return (tensor - mean) / std


def _range(
    value: float | Sequence[float] | None,
    name: str,
    middle: float = 1.0,
    low: float = 0.0,
    high: float = float("inf"),
) -> tuple[float, float] | None:
    """(min, max) of a factor; None if it never changes anything."""
    if value is None:
        return None
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"{name} must not be negative, got {value}")
        first = max(0.0, middle - value) if middle else middle - value
        limits = interval((first, middle + value), name, low, high)
    else:
        limits = interval(value, name, low, high)
    return None if limits == (middle, middle) else limits
