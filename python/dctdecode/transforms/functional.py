"""What the tensor transforms do, as functions, named as in torchvision.transforms.v2.functional.

All work on a tensor (..., C, Hb, Wb) of coefficients that are *not normalised*, and return a new one. `channels`
says which ones it holds, as in `dctdecode.read`; left out, it is the preset of C channels.

Each is the linear form of an operation on pixels, carried over to coefficients: exact as long as no pixel leaves
0..255, where operations on 8-bit images clip and these do not. DC is 8 * (mean of the block's samples - 128), so
that zero is mid-grey in luma and colourless in chroma. Grey is JFIF's luma; torchvision rounds the weight of red
from 0.299 to 0.2989, which is 0.026 grey levels at most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from dctdecode.channels import ChannelSet, ChannelsLike, as_channel_set
from dctdecode.transforms.base import channels_of
from dctdecode.transforms.color_map import ColorMap
from dctdecode.transforms.randomness import Random, TorchRandom

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "erase",
    "flat_color",
    "gaussian_noise",
    "to_grayscale",
]

# Y, Cb, Cr from R, G, B: T.871 section 7, whose luma weights are those of ITU-R BT.601.
_JFIF = (
    (0.299, 0.587, 0.114),
    (-0.299 / 1.772, -0.587 / 1.772, 0.5),
    (0.5, -0.587 / 1.402, -0.114 / 1.402),
)


def adjust_brightness(tensor: Tensor, brightness_factor: float, channels: ChannelsLike | None = None) -> Tensor:
    """All pixels times a factor: every coefficient times it, and luma's DC moved by 1024 * (factor - 1).

    Args:
        tensor: (..., C, Hb, Wb), not normalised.
        brightness_factor: 0 black, 1 as it is.
        channels: as in `dctdecode.read`.

    Raises:
        TypeError, ValueError: another tensor, a negative factor, or channels that are not known.

    Example:
        >>> import torch
        >>> from dctdecode.transforms.functional import adjust_brightness
        >>> adjust_brightness(torch.zeros(6, 2, 2), 0.5)[:2, 0, 0]  # mid-grey becomes 64: DC 8 * (64 - 128)
        tensor([-512.,    0.])
    """
    selected = _selected(tensor, channels, "adjust_brightness")
    return ColorMap().brightness(_factor(brightness_factor, "brightness_factor")).apply(tensor, selected)


def adjust_contrast(tensor: Tensor, contrast_factor: float, channels: ChannelsLike | None = None) -> Tensor:
    """Pixels blended with the image's mean grey, which is the mean of luma's DC over all blocks.

    Args:
        tensor: (..., C, Hb, Wb), not normalised; each image of a batch has its own mean.
        contrast_factor: 0 grey, 1 as it is.
        channels: as in `dctdecode.read`.

    Raises:
        TypeError, ValueError: another tensor, a negative factor, or channels that are not known.

    Example:
        >>> import torch
        >>> from dctdecode.transforms.functional import adjust_contrast
        >>> adjust_contrast(torch.tensor([[[80.0, 120.0]]]), 0.5, channels=[0])
        tensor([[[ 90., 110.]]])
    """
    selected = _selected(tensor, channels, "adjust_contrast")
    return ColorMap().contrast(_factor(contrast_factor, "contrast_factor")).apply(tensor, selected)


def adjust_saturation(tensor: Tensor, saturation_factor: float, channels: ChannelsLike | None = None) -> Tensor:
    """Pixels blended with their own grey: chroma times the factor.

    Args:
        tensor: (..., C, Hb, Wb), not normalised.
        saturation_factor: 0 grey, 1 as it is.
        channels: as in `dctdecode.read`.

    Raises:
        TypeError, ValueError: another tensor, a negative factor, or channels that are not known.

    Example:
        >>> import torch
        >>> from dctdecode.transforms.functional import adjust_saturation
        >>> adjust_saturation(torch.ones(3, 1, 1), 2.0, channels=[0, 64, 128]).flatten()
        tensor([1., 2., 2.])
    """
    selected = _selected(tensor, channels, "adjust_saturation")
    return ColorMap().saturation(_factor(saturation_factor, "saturation_factor")).apply(tensor, selected)


def to_grayscale(tensor: Tensor, channels: ChannelsLike | None = None) -> Tensor:
    """Chroma becomes zero; the number of channels stays.

    Args:
        tensor: (..., C, Hb, Wb), not normalised.
        channels: as in `dctdecode.read`.

    Raises:
        TypeError, ValueError: another tensor, or channels that are not known.

    Example:
        >>> import torch
        >>> from dctdecode.transforms.functional import to_grayscale
        >>> to_grayscale(torch.ones(3, 1, 1), channels=[0, 64, 128]).flatten()
        tensor([1., 0., 0.])
    """
    return adjust_saturation(tensor, 0.0, _selected(tensor, channels, "to_grayscale"))


def adjust_hue(tensor: Tensor, hue_factor: float, channels: ChannelsLike | None = None) -> Tensor:
    """Colours turned around the grey axis: (Cb, Cr) rotated by 2 pi * factor, luma unchanged.

    This is *not* torchvision's rotation of HSV's hue, which is not linear. It goes the same way around (red,
    yellow, green for positive factors) and keeps luma and the distance from grey instead of HSV's value and
    saturation.

    Args:
        tensor: (..., C, Hb, Wb), not normalised.
        hue_factor: -0.5 to 0.5 of a full turn.
        channels: as in `dctdecode.read`; Cb and Cr with the same frequencies.

    Raises:
        TypeError, ValueError: another tensor or factor, channels that are not known, or a frequency of Cb or Cr
            without its partner.

    Example:
        >>> import torch
        >>> from dctdecode.transforms.functional import adjust_hue
        >>> adjust_hue(torch.tensor([5.0, 3.0, 4.0]).view(3, 1, 1), 0.25, channels=[0, 64, 128]).flatten().round()
        tensor([ 5., -4.,  3.])
    """
    selected = _selected(tensor, channels, "adjust_hue")
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor must be in -0.5 .. 0.5, got {hue_factor}")
    return ColorMap().hue(hue_factor).apply(tensor, selected)


def erase(tensor: Tensor, i: int, j: int, h: int, w: int, v: Tensor) -> Tensor:
    """A box of blocks gets other coefficients.

    Args:
        tensor: (..., C, Hb, Wb), normalised or not.
        i, j, h, w: top, left, height and width in blocks.
        v: the new coefficients, in the tensor's units, of a shape that broadcasts to (..., C, h, w); `flat_color`
            gives those of a colour.

    Example:
        >>> import torch
        >>> from dctdecode.transforms.functional import erase, flat_color
        >>> erase(torch.zeros(6, 2, 2), 0, 1, 2, 1, flat_color((0, 0, 0), 6))[0]
        tensor([[    0., -1024.],
                [    0., -1024.]])
    """
    result = tensor.clone()
    result[..., i : i + h, j : j + w] = v.to(tensor)
    return result


def flat_color(rgb: Sequence[float], channels: ChannelsLike) -> Tensor:
    """Coefficients (C, 1, 1) of a block of one colour: all zero, but for the DCs.

    Args:
        rgb: R, G, B in 0..255.
        channels: as in `dctdecode.read`.

    Raises:
        ValueError: not three numbers.

    Example:
        >>> from dctdecode.transforms.functional import flat_color
        >>> flat_color((255, 255, 255), [0, 1, 64]).flatten()
        tensor([1016.,    0.,    0.])
    """
    if len(rgb) != 3:
        raise ValueError(f"a colour is R, G, B, got {rgb!r}")
    selected = as_channel_set(channels)
    red, green, blue = rgb
    luma = green + 0.299 * (red - green) + 0.114 * (blue - green)  # so that grey has no chroma to the last bit
    dc = [8 * (luma - 128), 8 * (blue - luma) / 1.772, 8 * (red - luma) / 1.402]
    return torch.tensor([dc[flat // 64] if flat % 64 == 0 else 0.0 for flat in selected.flat])[:, None, None]


def gaussian_noise(
    tensor: Tensor,
    mean: float = 0.0,
    sigma: float = 25.5,
    channels: ChannelsLike | None = None,
    *,
    random: Random | None = None,
) -> Tensor:
    """Independent normal noise on R, G and B of every pixel.

    Noise is drawn for the selected coefficients alone. Its distribution is exact, because the block transform is
    orthonormal; but nothing is clipped to 0..255.

    Args:
        tensor: (..., C, Hb, Wb), not normalised.
        mean, sigma: in grey levels, of 0..255.
        channels: as in `dctdecode.read`.
        random: where the noise comes from, by default torch's global generator.

    Raises:
        TypeError, ValueError: another tensor, a negative sigma, or channels that are not known.

    Example:
        >>> import torch
        >>> from dctdecode.transforms.functional import gaussian_noise
        >>> noisy = gaussian_noise(torch.zeros(64, 50, 50), sigma=10.0, channels=range(64))
        >>> round(noisy.std().item(), 1)  # luma: 10 * sqrt(.299^2 + .587^2 + .114^2)
        6.7
    """
    selected = _selected(tensor, channels, "gaussian_noise")
    if not 0 <= sigma < math.inf:
        raise ValueError(f"sigma must not be negative, got {sigma}")
    drawn = (random or TorchRandom()).normal(tensor.shape)
    noise = torch.einsum("cd,...dhw->...chw", sigma * _noise_factor(selected), drawn)
    return tensor + (noise + flat_color([128 + mean] * 3, selected)).to(tensor)


@lru_cache(maxsize=32)
def _noise_factor(channels: ChannelSet) -> Tensor:
    """(C, C) matrix that makes, of C independent standard normals, the coefficients of white noise in R, G and B.

    Noise of standard deviation 1 has, in each frequency on its own, the covariance J J^T between Y, Cb and Cr,
    with J: R, G, B -> Y, Cb, Cr. The matrix is the Cholesky factor of what of it belongs to the selected channels.
    """
    jfif = torch.tensor(_JFIF, dtype=torch.float64)
    flat = torch.tensor(channels.flat)
    component, frequency = flat // 64, flat % 64
    covariance = (jfif @ jfif.T)[component[:, None], component] * (frequency[:, None] == frequency)
    factor: Tensor = torch.linalg.cholesky(covariance)
    return factor.to(torch.float32)


def _selected(tensor: Tensor, channels: ChannelsLike | None, who: str) -> ChannelSet:
    return channels_of(tensor, None if channels is None else as_channel_set(channels), None, who)


def _factor(factor: float, name: str) -> float:
    if not 0 <= factor < math.inf:
        raise ValueError(f"{name} must not be negative, got {factor}")
    return factor
