"""Brightness, contrast, saturation and hue as one linear map, however many of them follow each other."""

from __future__ import annotations

import cmath
from dataclasses import dataclass, replace

from torch import Tensor

from dctdecode.channels import ChannelSet

__all__ = ["ColorMap"]


@dataclass(frozen=True)
class ColorMap:
    """What happens to every coefficient of an image. Each step added gives a new map.

    Attributes:
        luma: factor of luma's coefficients.
        shift, mean_share: luma's DC becomes luma * DC + shift + mean_share * (mean of the DCs of the whole image).
        chroma: Cb + i Cr is multiplied by it. Its angle is the turn of the hue.
    """

    luma: float = 1.0
    shift: float = 0.0
    mean_share: float = 0.0
    chroma: complex = 1.0

    def brightness(self, factor: float) -> ColorMap:
        """All pixels times the factor. Black is at DC = -1024."""
        black = -8 * 128
        shift = factor * self.shift + black * (1 - factor)
        return ColorMap(factor * self.luma, shift, factor * self.mean_share, factor * self.chroma)

    def contrast(self, factor: float) -> ColorMap:
        """Pixels blended with the mean grey: shift + (luma + mean_share) * mean after the steps so far."""
        mean_share = factor * self.mean_share + (1 - factor) * (self.luma + self.mean_share)
        return ColorMap(factor * self.luma, self.shift, mean_share, factor * self.chroma)

    def saturation(self, factor: float) -> ColorMap:
        """Pixels blended with their own grey."""
        return replace(self, chroma=factor * self.chroma)

    def hue(self, factor: float) -> ColorMap:
        """Colours turned by this part of a full turn."""
        return replace(self, chroma=cmath.rect(1.0, 2 * cmath.pi * factor) * self.chroma)

    def apply(self, tensor: Tensor, channels: ChannelSet) -> Tensor:
        """The map of a tensor (..., C, Hb, Wb); each image of a batch has its own mean.

        Raises:
            ValueError: hue turns, and a frequency of Cb or Cr lacks its partner.
        """
        chroma = complex(self.chroma)
        lumas, chromas = len(channels.y), len(channels) - len(channels.y)
        factors = tensor.new_tensor([self.luma] * lumas + [chroma.real] * chromas)
        result = tensor * factors[:, None, None]
        if chroma.imag and chromas:
            cb, cr = _pairs(channels)
            result[..., cb, :, :] -= chroma.imag * tensor[..., cr, :, :]
            result[..., cr, :, :] += chroma.imag * tensor[..., cb, :, :]
        if 0 in channels.y:
            dc = channels.y.index(0)
            moved = result[..., dc, :, :]  # a view
            moved += self.shift
            if self.mean_share:
                moved += self.mean_share * tensor[..., dc, :, :].mean((-2, -1), keepdim=True)
        return result


def _pairs(channels: ChannelSet) -> tuple[slice | list[int], slice | list[int]]:
    """Where Cb's channels stand, and where in the same order their partners of Cr."""
    alone = sorted(set(channels.cb) ^ set(channels.cr))
    if alone:
        raise ValueError(
            "hue turns Cb and Cr into each other and needs the same frequencies of both, "
            f"but only one of them has {alone} (natural indices)"
        )
    first, count = len(channels.y), len(channels.cb)
    cb = slice(first, first + count)
    if channels.cb == channels.cr:
        return cb, slice(first + count, first + 2 * count)
    return cb, [first + count + channels.cr.index(index) for index in channels.cb]
