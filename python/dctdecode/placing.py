"""Where an image of known size lies on the output's grid: a `Layout` made into what the core reads with."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

from dctdecode import _core
from dctdecode.errors import LimitExceededError, prefix
from dctdecode.framing import MOST_PX, SLACK, Box, Flips, Layout, check_pixels, nearest_blocks, shown
from dctdecode.geometry import Axis, Geometry, GeometryLike

__all__ = ["Extent", "place"]

Extent: TypeAlias = tuple[int, int, int, int, int]  # height, width, orientation, MCU's height and width; as stored
_CoreAxis: TypeAlias = tuple[float, float, float, float, int, bool, int, float]


def place(
    layout: Layout, extent: Extent, upright: bool, path: str | None, index: int | None = None
) -> _core.Geometry:
    """Where the image of this ``extent`` lies. ``upright``: its EXIF orientation comes first.

    Raises:
        ValueError: a crop outside the image, or one without size that is not aligned to the file's MCUs; a
            geometry of another image, or whose last crop is no multiple of 8 px. Path and index are named.
        LimitExceededError: a geometry of more than ``max_pixels``. The same.
    """
    height, width, orientation, mcu_height, mcu_width = extent
    if not upright:
        orientation = 1
    elif orientation >= 5:
        height, width, mcu_height, mcu_width = width, height, mcu_width, mcu_height
    size, box, flips, geometry, max_pixels = layout
    if geometry is None and box is None:
        return _whole(height, width, orientation, size, flips)
    try:
        if geometry is not None:
            return _edited(geometry, height, width, orientation, max_pixels)
        assert box is not None
        if size is not None:
            return _cropped(box, height, width, orientation, size, flips)
        return _sliced(box, height, width, orientation, flips, mcu_height, mcu_width)
    except ValueError as error:
        where = prefix(path, index)
        if not where:
            raise
        raise ValueError(f"{where}{error}") from error
    except LimitExceededError as error:
        raise LimitExceededError(error.message, path=path, reason=error.reason, index=index) from None


@lru_cache(maxsize=256)
def _whole(
    height: int, width: int, orientation: int, size: tuple[int, int] | None, flips: Flips
) -> _core.Geometry:
    """Kept, since many images of a dataset are of one size."""
    if size is None:
        vertical, horizontal = (_native_axis(height, flips[0]), _native_axis(width, flips[1]))
    else:
        vertical = _sized_axis(0.0, float(height), size[0], flips[0])
        horizontal = _sized_axis(0.0, float(width), size[1], flips[1])
    return _core.Geometry(orientation, size is None, vertical, horizontal)


def _native_axis(side: int, flip: bool, first: int = 0, end: int | None = None) -> _CoreAxis:
    """Samples ``first`` to ``end`` at scale 1, filled up to whole blocks with what lies behind the last of them.

    Mirrored, the last one is the first: there the image goes on, or its edge repeats.
    """
    stop = side if end is None else end
    blocks = -(-(stop - first) // 8)
    start = stop - 8 * blocks if flip else first
    return (float(start), float(start + 8 * blocks), 0.0, float(side), blocks, flip, 0, 0.0)


def _sized_axis(start: float, stop: float, size_px: int, flip: bool) -> _CoreAxis:
    return start, stop, start, stop, size_px // 8, flip, 0, 0.0


def _cropped(
    box: Box, height: int, width: int, orientation: int, size: tuple[int, int], flips: Flips
) -> _core.Geometry:
    """Crop, then resize: filter taps stay inside the box, as in torchvision's ``resized_crop``."""
    top, left, bottom, right = _inside(box, height, width)
    return _core.Geometry(
        orientation,
        False,
        _sized_axis(top, bottom, size[0], flips[0]),
        _sized_axis(left, right, size[1], flips[1]),
    )


def _inside(box: Box, height: int, width: int) -> Box:
    """(top, left, bottom, right), rid of what rounding put outside the image."""
    top, left, bottom, right = box[0], box[1], box[0] + box[2], box[1] + box[3]
    over_v, over_h = SLACK * height, SLACK * width
    if top < -over_v or left < -over_h or bottom > height + over_v or right > width + over_h:
        raise ValueError(f"{shown(box)} reaches beyond the image of {height} x {width} px (height x width)")
    top, left, bottom, right = (
        max(top, 0.0),
        max(left, 0.0),
        min(bottom, float(height)),
        min(right, float(width)),
    )
    if top >= bottom or left >= right:  # a box of less than the rounding
        raise ValueError(f"{shown(box)} is empty in an image of {height} x {width} px (height x width)")
    return top, left, bottom, right


def _sliced(
    box: Box, height: int, width: int, orientation: int, flips: Flips, mcu_height: int, mcu_width: int
) -> _core.Geometry:
    """Part of the native grid: whole MCUs, so that every component has its own blocks there."""
    top, left, bottom, right = _inside(box, height, width)
    first_v, end_v = _aligned(top, bottom, height, mcu_height)
    first_h, end_h = _aligned(left, right, width, mcu_width)
    if (first_v, first_h, end_v, end_h) != (top, left, bottom, right):
        nearest = (first_v, first_h, end_v - first_v, end_h - first_h)
        raise ValueError(
            f"{shown(box)} without size is a slice of the file's own grid: it must begin and end at "
            f"multiples of its MCU, {mcu_height} x {mcu_width} px, or end at the edge of the image of {height} x "
            f"{width} px; nearest: crop={nearest}. With size= any box is possible"
        )
    return _core.Geometry(
        orientation,
        True,
        _native_axis(height, flips[0], first_v, end_v),
        _native_axis(width, flips[1], first_h, end_h),
    )


def _aligned(start: float, stop: float, side: int, mcu: int) -> tuple[int, int]:
    """The nearest whole MCUs, one at least; the last may end at the image's edge."""
    first = round(start / mcu) * mcu
    end = min(round(stop / mcu) * mcu, side)
    if side - stop < abs(end - stop):
        end = side
    if first >= end:  # less than an MCU: the one around its middle
        first = int((start + stop) / 2 // mcu) * mcu
        end = min(first + mcu, side)
    return first, end


def _edited(geometry: GeometryLike, height: int, width: int, orientation: int, max_pixels: int) -> _core.Geometry:
    if not isinstance(geometry, Geometry):
        geometry = geometry(height, width)
        if not isinstance(geometry, Geometry):
            raise TypeError(f"geometry must return a dctdecode.geometry.Geometry, got {type(geometry).__name__}")
    vertical, horizontal = geometry.vertical, geometry.horizontal
    if (vertical.source_px, horizontal.source_px) != (height, width):
        raise ValueError(
            f"the geometry is of an image of {vertical.source_px} x {horizontal.source_px} px, this one has "
            f"{height} x {width} px (height x width)"
        )
    native = _is_untouched(vertical) and _is_untouched(horizontal)
    axes = _axis_of(vertical), _axis_of(horizontal)
    if not native:
        check_pixels(8 * axes[0][4], 8 * axes[1][4], max_pixels)
    return _core.Geometry(orientation, native, *axes)


def _is_untouched(axis: Axis) -> bool:
    whole = axis.start == 0 and axis.stop == axis.source_px == axis.size_px
    return whole and axis.lo == 0 and axis.hi == axis.source_px and not axis.resized_last


def _axis_of(axis: Axis) -> _CoreAxis:
    if _is_untouched(axis):
        placed = _native_axis(axis.source_px, axis.flip)
    else:
        placed = (axis.start, axis.stop, axis.lo, axis.hi, _blocks_of(axis), axis.flip, 0, 0.0)
    return placed if axis.blur is None else (*placed[:6], axis.blur.taps, axis.blur.sigma)


def _blocks_of(axis: Axis) -> int:
    nearest = nearest_blocks(axis.size_px)
    if not axis.resized_last and abs(axis.size_px - 8 * nearest) > SLACK * axis.size_px:
        raise ValueError(
            f"the geometry ends in a crop to {axis.size_px:.9g} px, which is no multiple of 8; nearest: "
            f"{8 * nearest}"
        )
    if 8 * nearest > MOST_PX:
        raise ValueError(f"the geometry ends in {axis.size_px:.9g} px; a side has at most {MOST_PX} px")
    return nearest
