"""The arguments that say what part of an image is wanted, and how large: size, crop, flip, geometry.

Checked here as far as they can be without the image; `placing` goes on when its size is known.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from dctdecode.errors import LimitExceededError, prefix
from dctdecode.geometry import Geometry, GeometryLike

__all__ = [
    "MOST_PX",
    "SLACK",
    "Box",
    "Each",
    "Flips",
    "Layout",
    "Layouts",
    "as_layout",
    "as_layouts",
    "check_pixels",
    "is_no_sequence",
    "nearest_blocks",
    "shown",
]

_T = TypeVar("_T")

MOST_PX = 65_536  # of an output's side, as of a JPEG's
SLACK = 1e-6  # of the image's side: a box may lie so far outside by rounding

Box: TypeAlias = tuple[float, float, float, float]  # top, left, height, width
Flips: TypeAlias = tuple[bool, bool]  # top and bottom, left and right change places

_FLIPS: dict[object, Flips] = {
    False: (False, False),
    None: (False, False),
    True: (False, True),
    "horizontal": (False, True),
    "vertical": (True, False),
    "both": (True, True),
}


@dataclass(frozen=True)
class Each(Generic[_T]):
    """An argument of a batch: one value for all images, or one each."""

    name: str
    values: list[_T]
    shared: bool

    @classmethod
    def parse(cls, name: str, value: Any, is_one: Callable[[Any], bool], convert: Callable[[Any], _T]) -> Each[_T]:
        """Converts what was given; errors of one value among several name its index."""
        if hasattr(value, "tolist"):  # arrays and tensors
            value = value.tolist()
        if is_one(value) or not isinstance(value, Sequence):
            return cls(name, [convert(value)], True)
        converted = []
        for index, one in enumerate(value):
            try:
                converted.append(convert(one))
            except (TypeError, ValueError) as error:
                raise type(error)(f"{prefix(None, index)}{error}") from None
        return cls(name, converted, False)

    def of(self, count: int) -> list[_T]:
        """One for each of ``count`` images; ValueError where there are more or fewer."""
        if self.shared:
            return self.values * count
        if len(self.values) != count:
            raise ValueError(
                f"{self.name} must be one for all images or one each: got {len(self.values)} for {count} images"
            )
        return self.values


class Layout(NamedTuple):
    """What one call asks of one image, checked as far as is possible without the image."""

    size: tuple[int, int] | None
    box: Box | None
    flips: Flips
    geometry: GeometryLike | None
    max_pixels: int


def as_layout(
    size: object,
    crop: object,
    flip: object,
    geometry: GeometryLike | None,
    planned: GeometryLike | None,
    max_pixels: int,
) -> Layout:
    """The arguments of ``read``. ``planned``: what a transform does to the geometry.

    Raises:
        ValueError, TypeError: an argument has no meaning; the message shows it and what is allowed.
        LimitExceededError: an output of more than ``max_pixels``.
    """
    _check_alone(planned is not None, geometry, size=size, crop=crop, flip=flip)
    chosen = planned or _as_geometry(geometry)
    return Layout(_as_size(size, max_pixels), _as_box(crop), _as_flips(flip), chosen, max_pixels)


class Layouts(NamedTuple):
    """The same of a batch."""

    size: tuple[int, int] | None
    boxes: Each[Box | None]
    flips: Each[Flips]
    geometries: Each[GeometryLike | None]
    max_pixels: int

    def of(self, count: int) -> list[Layout]:
        """For each of ``count`` images; ValueError where there are more or fewer."""
        each = zip(self.boxes.of(count), self.flips.of(count), self.geometries.of(count), strict=True)
        return [Layout(self.size, box, flips, geometry, self.max_pixels) for box, flips, geometry in each]


def as_layouts(
    size: object, crop: object, flip: object, geometry: object, planned: Each[GeometryLike | None], max_pixels: int
) -> Layouts:
    """The arguments of ``read_batch``. Raises as `as_layout`."""
    by_transform = any(one is not None for one in planned.values)
    _check_alone(by_transform, geometry, size=size, crop=crop, flip=flip)
    return Layouts(
        _as_size(size, max_pixels),
        Each.parse("crop", crop, _is_box, _as_box),
        Each.parse("flip", flip, _is_flip, _as_flips),
        planned if by_transform else Each.parse("geometry", geometry, is_no_sequence, _as_geometry),
        max_pixels,
    )


def _check_alone(planned: bool, geometry: object, **others: object) -> None:
    """One way at a time to say where an image lies."""
    if planned:
        others["geometry"] = geometry
    elif geometry is None:
        return
    for name, value in others.items():
        if value is not None and value is not False:
            other = "a transform that works on the geometry" if planned else "geometry="
            raise ValueError(f"{name}= and {other} exclude each other")


def _as_size(size: Any, max_pixels: int) -> tuple[int, int] | None:
    if size is None:
        return None
    pair = isinstance(size, Iterable) and getattr(size, "ndim", 1) > 0
    try:
        height, width = map(operator.index, size if pair else (size, size))
    except (TypeError, ValueError):
        height = width = None  # type: ignore[assignment]
    if height is None or width is None or isinstance(size, bool):
        raise TypeError(f"size must be an integer or a pair (height, width) of integers, in px, got {size!r}")
    if height < 1 or width < 1 or height % 8 or width % 8:
        nearest = tuple(8 * nearest_blocks(side) for side in (height, width))
        raise ValueError(
            f"size must be positive multiples of 8 px, got {size!r}; nearest: {nearest if pair else nearest[0]}"
        )
    check_pixels(height, width, max_pixels)
    if max(height, width) > MOST_PX:
        raise ValueError(f"size must be at most {MOST_PX} px a side, got {size!r}")
    return height, width


def check_pixels(height: int, width: int, max_pixels: int) -> None:
    """LimitExceededError for an output of more than ``max_pixels``."""
    if height * width > max_pixels:
        raise LimitExceededError(
            f"an output of {height} x {width} px has more than max_pixels = {max_pixels} (limits=)", reason="limit"
        )


def nearest_blocks(size_px: float) -> int:
    """Blocks of 8 px that come nearest to a side: halves up, and never none."""
    return max(1, math.floor(size_px / 8 + 0.5))


def _as_box(crop: Any) -> Box | None:
    if crop is None:
        return None
    values = crop.tolist() if hasattr(crop, "tolist") else crop
    try:
        top, left, height, width = (float(value) for value in values)
    except (TypeError, ValueError):
        raise TypeError(f"crop must be four numbers (top, left, height, width), in px, got {crop!r}") from None
    box = (top, left, height, width)
    if not all(map(math.isfinite, box)) or height <= 0 or width <= 0:
        raise ValueError(
            f"crop must be finite, of positive height and width, got {shown(box)} (top, left, height, width)"
        )
    return box


def shown(box: Box) -> str:
    """A box for messages."""
    return "crop=({:.9g}, {:.9g}, {:.9g}, {:.9g})".format(*box)


def _as_geometry(geometry: object) -> GeometryLike | None:
    if geometry is None or isinstance(geometry, Geometry) or callable(geometry):
        return geometry
    raise TypeError(f"geometry must be a Geometry or a callable that returns one, got {type(geometry).__name__}")


def _as_flips(flip: object) -> Flips:
    if hasattr(flip, "tolist"):  # numpy's bool, a tensor without axes
        flip = flip.tolist()
    if not (flip is None or isinstance(flip, (bool, str))) or flip not in _FLIPS:
        raise ValueError(f'flip must be False, True, "horizontal", "vertical" or "both", got {flip!r}')
    return _FLIPS[flip]


def _is_box(crop: object) -> bool:
    return crop is None or (isinstance(crop, Sequence) and len(crop) == 4 and all(map(_is_number, crop)))


def _is_number(value: object) -> bool:
    """numpy's scalars and tensors without axes are numbers too."""
    return isinstance(value, numbers.Real) or getattr(value, "ndim", None) == 0


def _is_flip(flip: object) -> bool:
    return flip is None or isinstance(flip, (bool, str))


def is_no_sequence(value: object) -> bool:
    """One for all, of what is itself no sequence."""
    return not isinstance(value, Sequence)
