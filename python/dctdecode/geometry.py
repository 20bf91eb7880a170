"""What part of an image, and how it lies on the output's grid: crop, resize, flip and blur as data."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

    from dctdecode.channels import ChannelSet

__all__ = ["Axis", "Blur", "Geometry", "GeometryLike", "SplitTransform", "TransformLike"]


class Blur(NamedTuple):
    """A Gaussian on the output's samples: odd number of taps, standard deviation in samples."""

    taps: int
    sigma: float


class Axis(NamedTuple):
    """One axis of a `Geometry`, in px of the upright source.

    Attributes:
        source_px: the image's size.
        size_px: samples after the edits so far: not always a multiple of 8 yet, nor whole after a crop with
            fractions.
        start, stop: window that these samples cover, before any flip; fractions allowed.
        lo, hi: filter taps stay inside. Narrowed to the window when a resize follows a crop, as in pixels.
        flip: the samples are reversed.
        blur: of the samples, reflected at the ends of the window.
        resized_last: no crop followed the last resize. Such a size stands for "about so large": decoding rounds it
            to whole blocks.
    """

    source_px: int
    size_px: float
    start: float
    stop: float
    lo: float
    hi: float
    flip: bool = False
    blur: Blur | None = None
    resized_last: bool = False

    @classmethod
    def of(cls, source_px: int) -> Axis:
        """The whole image as it is."""
        return cls(source_px, source_px, 0.0, float(source_px), 0.0, float(source_px))

    @property
    def scale(self) -> float:
        """Source px per sample."""
        return (self.stop - self.start) / self.size_px

    def crop(self, first: float, count: float) -> Axis:
        """Samples ``first`` to ``first + count`` of what is there; beyond the ends the edge repeats."""
        if self.blur is not None:
            raise ValueError("a crop cannot follow a GaussianBlur in one plan: blur last")
        if not (math.isfinite(first) and math.isfinite(count) and count > 0):
            raise ValueError(f"a crop needs a finite start and a positive size, got {first:g} and {count:g} px")
        scale = self.scale
        if self.flip:
            first = self.size_px - first - count
        start = self.start + first * scale
        # Not _replace, which takes three times as long: a training's images all come through here.
        return Axis(self.source_px, count, start, start + count * scale, self.lo, self.hi, self.flip)

    def resize(self, size_px: int) -> Axis:
        """The same window as ``size_px`` samples. Several resizes are one, straight from the source."""
        if self.blur is not None:
            raise ValueError("a resize cannot follow a GaussianBlur in one plan: blur last")
        if operator.index(size_px) < 1:
            raise ValueError(f"a resize needs a positive size, got {size_px} px")
        lo, hi = max(self.lo, self.start), min(self.hi, self.stop)
        if lo >= hi:
            raise ValueError("a crop beyond the image's edge left nothing to resize")
        return Axis(self.source_px, size_px, self.start, self.stop, lo, hi, self.flip, resized_last=True)


@dataclass(frozen=True)
class Geometry:
    """Crop, resize, flip and blur of one image, written down before it is decoded.

    Made by `Geometry.of`, changed by its methods, which return a new one and take sizes and boxes in px of the
    image as it is at that point. All of them together are carried out as one linear map on coefficients: the
    resampling operator, whose filter reads the source once, however many resizes were asked for.

    Example:
        >>> from dctdecode.geometry import Geometry
        >>> Geometry.of(375, 500).resize(512, 683).crop(32, 118, 448, 448).size
        (448, 448)
    """

    vertical: Axis
    horizontal: Axis

    @classmethod
    def of(cls, height: int, width: int) -> Geometry:
        """The whole upright image of ``height`` x ``width`` px."""
        return cls(Axis.of(height), Axis.of(width))

    @property
    def size(self) -> tuple[float, float]:
        """(height, width) in px after the edits so far."""
        return self.vertical.size_px, self.horizontal.size_px

    def crop(self, top: float, left: float, height: float, width: float) -> Geometry:
        """A box of the image; taps of a later resize stay inside it."""
        return Geometry(self.vertical.crop(top, height), self.horizontal.crop(left, width))

    def resize(self, height: int, width: int) -> Geometry:
        """Another size in px."""
        return Geometry(self.vertical.resize(height), self.horizontal.resize(width))

    def hflip(self) -> Geometry:
        """Left and right change places."""
        return Geometry(self.vertical, self.horizontal._replace(flip=not self.horizontal.flip))

    def vflip(self) -> Geometry:
        """Top and bottom change places."""
        return Geometry(self.vertical._replace(flip=not self.vertical.flip), self.horizontal)

    def blur(self, kernel_size: tuple[int, int], sigma: float) -> Geometry:
        """Gaussian blur, ``kernel_size`` (vertical, horizontal) taps, both odd, sigma in px of the result."""
        return Geometry(
            self.vertical._replace(blur=Blur(kernel_size[0], sigma)),
            self.horizontal._replace(blur=Blur(kernel_size[1], sigma)),
        )


@runtime_checkable
class SplitTransform(Protocol):
    """A transform that says which of its steps come before decoding: ``dctdecode.transforms`` are of this kind.

    `split` gives the leading steps that edit a `Geometry`, and the rest, which gets the decoded float32 tensor,
    not yet normalised, and the channels that it holds. Either is None where there is nothing of its kind. Both
    draw from torch's global generator.
    """

    def split(
        self,
    ) -> tuple[Callable[[Geometry], Geometry] | None, Callable[[Tensor, ChannelSet], Tensor] | None]:
        """(plan part, tensor part)"""
        ...


# ``(height, width)`` of the upright image -> Geometry; or one for images of one size.
GeometryLike: TypeAlias = Geometry | Callable[[int, int], Geometry]
# A callable without `split` works on the tensor alone.
TransformLike: TypeAlias = "SplitTransform | Callable[[Tensor], Tensor]"
