"""Boxes and masks that follow an image through crop, resize, flip and padding.

All of them together are, along each axis, one straight line: x px of the file lie at (x - start) / scale of the
result, or at that much from its other end where it is mirrored (`dctdecode.geometry.Axis`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dctdecode.geometry import Axis, Geometry

__all__ = ["area_factor", "follow_boxes", "follow_masks", "on_blocks", "size_of"]


def on_blocks(geometry: Geometry, enlarge: int) -> Geometry:
    """The geometry, enlarged, with as many px as whole blocks have: the last repeat the image's edge.

    Decoding alone would stretch the image to whole blocks where it ends in a resize, and boxes would be off by up
    to 4 px.
    """
    return Geometry(_axis_on_blocks(geometry.vertical, enlarge), _axis_on_blocks(geometry.horizontal, enlarge))


def _axis_on_blocks(axis: Axis, enlarge: int) -> Axis:
    if enlarge == 1 and axis._replace(flip=False, blur=None) == Axis.of(axis.source_px):
        return axis  # the file's own blocks, of which the last is filled up already
    sharp = axis._replace(blur=None)  # which forbids what comes now
    if enlarge != 1:
        sharp = sharp.resize(round(enlarge * sharp.size_px))
    whole = sharp.crop(0, 8 * math.ceil(sharp.size_px / 8))
    return whole._replace(blur=axis.blur)


def size_of(geometry: Geometry) -> tuple[int, int]:
    """(height, width) in px; a crop with fractions counts its last px as a whole one."""
    return math.ceil(geometry.vertical.size_px), math.ceil(geometry.horizontal.size_px)


def area_factor(geometry: Geometry) -> float:
    """Square px of the result for one of the file."""
    return 1 / (geometry.vertical.scale * geometry.horizontal.scale)


def follow_boxes(boxes: Tensor, geometry: Geometry) -> Tensor:
    """Boxes, float64 (n, 4), x1, y1, x2, y2 in px of the file, in px of the result, cut off at its edges.

    Of a box that lies outside nothing is left: a side is 0 or less.

    Example:
        >>> import torch
        >>> from dctdecode.data.coco_follow import follow_boxes
        >>> from dctdecode.geometry import Geometry
        >>> geometry = Geometry.of(100, 200).crop(0, 100, 100, 100).resize(50, 50).hflip()
        >>> follow_boxes(torch.tensor([[90.0, 20.0, 120.0, 40.0]], dtype=torch.float64), geometry)
        tensor([[40., 10., 50., 20.]], dtype=torch.float64)
    """
    x1, x2 = _follow(boxes[:, 0], boxes[:, 2], geometry.horizontal)
    y1, y2 = _follow(boxes[:, 1], boxes[:, 3], geometry.vertical)
    return torch.stack([x1, y1, x2, y2], 1)


def _follow(first: Tensor, last: Tensor, axis: Axis) -> tuple[Tensor, Tensor]:
    low, high = max(axis.lo, axis.start), min(axis.hi, axis.stop)
    first, last = ((x.clamp(low, high) - axis.start) / axis.scale for x in (first, last))
    return (axis.size_px - last, axis.size_px - first) if axis.flip else (first, last)


def follow_masks(masks: Tensor, geometry: Geometry) -> Tensor:
    """Masks (n, height, width) of the file's size as those of the result: each px has the value at its middle.

    What lies beyond the image's edge, where the image itself repeats it, is 0.
    """
    rows, inside_v = _sources(geometry.vertical)
    columns, inside_h = _sources(geometry.horizontal)
    followed = masks[:, rows][:, :, columns]
    return followed * (inside_v[:, None] & inside_h)


def _sources(axis: Axis) -> tuple[Tensor, Tensor]:
    """For each px of the result the px of the file under its middle, and whether that is one of the image's."""
    middles = torch.arange(math.ceil(axis.size_px), dtype=torch.float64) + 0.5
    if axis.flip:
        middles = axis.size_px - middles
    at = axis.start + middles * axis.scale
    inside = (at >= axis.lo) & (at < axis.hi) & (middles >= 0) & (middles <= axis.size_px)
    return at.floor().clamp(0, axis.source_px - 1).long(), inside
