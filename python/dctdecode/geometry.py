"""What part of an image, and how it lies on the output's grid: crop, resize, flip and blur as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

__all__ = ["Axis", "Blur", "Geometry", "GeometryLike"]


class Blur(NamedTuple):
    """A Gaussian on the output's samples: odd number of taps, standard deviation in samples."""

    taps: int
    sigma: float


@dataclass(frozen=True)
class Axis:
    """One axis of a `Geometry`, in px of the upright source.

    Attributes:
        source_px: the image's size.
        size_px: samples after the edits so far: not always a multiple of 8 yet, nor whole after a crop with fractions.
        start, stop: window that these samples cover, before any flip; fractions allowed.
        lo, hi: filter taps stay inside. Narrowed to the window when a resize follows a crop, as in pixels.
        flip: the samples are reversed.
        blur: of the samples, reflected at the ends of the window.
    """

    source_px: int
    size_px: float
    start: float
    stop: float
    lo: float
    hi: float
    flip: bool = False
    blur: Blur | None = None

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
        scale = self.scale
        if self.flip:
            first = self.size_px - first - count
        start = self.start + first * scale
        return replace(self, size_px=count, start=start, stop=start + count * scale)

    def resize(self, size_px: int) -> Axis:
        """The same window as ``size_px`` samples. Several resizes are one, straight from the source."""
        if self.blur is not None:
            raise ValueError("a resize cannot follow a GaussianBlur in one plan: blur last")
        lo, hi = max(self.lo, self.start), min(self.hi, self.stop)
        return replace(self, size_px=size_px, lo=lo, hi=hi)


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
        return replace(self, horizontal=replace(self.horizontal, flip=not self.horizontal.flip))

    def vflip(self) -> Geometry:
        """Top and bottom change places."""
        return replace(self, vertical=replace(self.vertical, flip=not self.vertical.flip))

    def blur(self, kernel_size: tuple[int, int], sigma: float) -> Geometry:
        """Gaussian blur, ``kernel_size`` (vertical, horizontal) taps, both odd, sigma in px of the result."""
        return Geometry(
            replace(self.vertical, blur=Blur(kernel_size[0], sigma)),
            replace(self.horizontal, blur=Blur(kernel_size[1], sigma)),
        )


GeometryLike: TypeAlias = Geometry | Callable[[int, int], Geometry]
