"""Crops, sizes, flips and blur, with the argument names and rules of torchvision.transforms.v2.

Filter and antialiasing belong to the whole plan, not to one step: ``read(..., interpolation=, antialias=)``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from dctdecode.geometry import Geometry
from dctdecode.transforms.base import PlanTransform, check_probability, draw_boxes, interval, two_sides
from dctdecode.transforms.randomness import Random

__all__ = [
    "CenterCrop",
    "GaussianBlur",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Resize",
]


class Resize(PlanTransform):
    """Plan transform: edits the plan before decoding. Another size in px.

    Args:
        size: (height, width), or one number for the shorter side, the other being
            ``int(size * longer / shorter)`` (torchvision's rule). None: `max_size` is the longer side.
        max_size: limit of the longer side; the shorter then becomes ``int(max_size * shorter / longer)``.

    Where no crop follows, `read` rounds the longer side to the nearest multiple of 8.

    Raises:
        TypeError, ValueError: no sizes, or `max_size` is not above `size` or comes with two sides.

    Example:
        >>> from dctdecode.geometry import Geometry
        >>> from dctdecode.transforms import Resize
        >>> Resize(512)(Geometry.of(375, 500)).size
        (512, 682)
        >>> Resize(512, max_size=600)(Geometry.of(375, 500)).size
        (450, 600)
    """

    def __init__(self, size: int | Sequence[int] | None, *, max_size: int | None = None) -> None:
        self.size: int | tuple[int, int] | None
        if size is None:
            if max_size is None:
                raise ValueError("Resize needs size or max_size")
            self.size = None
        else:
            sides = two_sides(size, "size")
            one = isinstance(size, int) or len(size) == 1
            self.size = sides[0] if one else sides
            if max_size is not None and not (one and max_size > sides[0]):
                raise ValueError(
                    f"max_size must be above a single size, got size {size!r} and max_size {max_size!r}"
                )
        self.max_size = None if max_size is None else two_sides(max_size, "max_size")[0]

    @property
    def sides_px(self) -> tuple[int, ...]:
        if isinstance(self.size, tuple):
            return self.size
        return (self.size,) if self.size is not None and self.max_size is None else ()

    def apply(self, geometry: Geometry, random: Random) -> Geometry:
        if isinstance(self.size, tuple):
            return geometry.resize(*self.size)
        height, width = _size(geometry)
        shorter, longer = self._sides(min(height, width), max(height, width))
        return geometry.resize(longer, shorter) if width <= height else geometry.resize(shorter, longer)

    def _sides(self, shorter: int, longer: int) -> tuple[int, int]:
        if not isinstance(self.size, int):
            assert self.max_size is not None
            return int(self.max_size * shorter / longer), self.max_size
        new_shorter, new_longer = self.size, int(self.size * longer / shorter)
        if self.max_size is not None and new_longer > self.max_size:
            return int(self.max_size * new_shorter / new_longer), self.max_size
        return new_shorter, new_longer


class CenterCrop(PlanTransform):
    """Plan transform: edits the plan before decoding. The middle of the image.

    Begins at ``round((image - size) / 2.0)``, torchvision's rule: half goes to the even number.

    Args:
        size: px, one number for a square, or (height, width).

    Raises:
        TypeError, ValueError: no size. When applied, ``ValueError`` for an image smaller than the crop:
            torchvision would pad it with black, which no linear map of the image does.

    Example:
        >>> from dctdecode.geometry import Geometry
        >>> from dctdecode.transforms import CenterCrop
        >>> CenterCrop(448)(Geometry.of(512, 683)).horizontal.start
        118.0
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = two_sides(size, "size")

    @property
    def sides_px(self) -> tuple[int, ...]:
        return self.size

    def apply(self, geometry: Geometry, random: Random) -> Geometry:
        height, width = _size(geometry)
        if self.size[0] > height or self.size[1] > width:
            raise ValueError(
                f"{self} does not fit into an image of {height} x {width} px. Resize first, or take "
                f'RandomCrop({self.size}, pad_if_needed=True, padding_mode="edge")'
            )
        top, left = round((height - self.size[0]) / 2.0), round((width - self.size[1]) / 2.0)
        return geometry.crop(top, left, *self.size)


class RandomCrop(PlanTransform):
    """Plan transform: edits the plan before decoding. A box of fixed size anywhere in the image.

    Args:
        size: px, one number for a square, or (height, width).
        padding: px added around the image before: one number, (left and right, top and bottom), or (left, top,
            right, bottom).
        pad_if_needed: an image smaller than the crop is padded on both sides by what it lacks.
        padding_mode: "edge", which repeats the image's edge, is the only one that the resampling operator can do.
            The default is torchvision's, which is refused where there is anything to pad.

    With a Resize in the same plan, padding repeats the edge of the image as it was before, not of the resized one:
    blocks at the padding differ a little from what pixels would give.

    Raises:
        TypeError, ValueError: no sizes, or padding with another mode. When applied, ``ValueError`` for an image
            smaller than the crop, without `pad_if_needed`.

    Example:
        >>> import torch
        >>> from dctdecode.geometry import Geometry
        >>> from dctdecode.transforms import RandomCrop
        >>> _ = torch.manual_seed(0)
        >>> crop = RandomCrop(64, padding=4, padding_mode="edge")(Geometry.of(64, 64))
        >>> crop.vertical.start, crop.horizontal.start
        (4.0, -4.0)
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        *,
        padding_mode: str = "constant",
    ) -> None:
        self.size = two_sides(size, "size")
        self.padding = None if padding is None else _padding(padding)
        self.pad_if_needed = pad_if_needed
        self.padding_mode = padding_mode
        pads = pad_if_needed or (self.padding is not None and any(self.padding))
        if padding_mode != "edge" and (pads or padding_mode != "constant"):
            raise ValueError(
                f'padding_mode {padding_mode!r}: the resampling operator repeats the edge, padding_mode="edge"'
            )

    @property
    def sides_px(self) -> tuple[int, ...]:
        return self.size

    def apply(self, geometry: Geometry, random: Random) -> Geometry:
        height, width = _size(geometry)
        left, top, right, bottom = self.padding or (0, 0, 0, 0)
        more_px = [0, 0]
        if self.pad_if_needed:
            more_px = [max(0, self.size[0] - height - top - bottom), max(0, self.size[1] - width - left - right)]
        free_height = height + top + bottom + 2 * more_px[0] - self.size[0]
        free_width = width + left + right + 2 * more_px[1] - self.size[1]
        if free_height < 0 or free_width < 0:
            raise ValueError(f"{self} does not fit into an image of {height} x {width} px; see pad_if_needed")
        # As torchvision: nothing is drawn for an axis that leaves no choice.
        first_row = random.integers(free_height + 1) if free_height else 0
        first_column = random.integers(free_width + 1) if free_width else 0
        return geometry.crop(first_row - top - more_px[0], first_column - left - more_px[1], *self.size)


class RandomResizedCrop(PlanTransform):
    """Plan transform: edits the plan before decoding. A box of random area and shape, brought to one size.

    The filter's taps stay inside the box, as in pixels.

    Args:
        size: px of the result, one number for a square, or (height, width).
        scale: area of the box, as a fraction of the image's, drawn uniformly.
        ratio: width / height of the box; its logarithm is drawn uniformly.

    Ten boxes are tried. If none fits, the box is the middle of the image, with the nearest allowed ratio.

    Raises:
        TypeError, ValueError: no size, or an interval that is none.

    Example:
        >>> import torch
        >>> from dctdecode.geometry import Geometry
        >>> from dctdecode.transforms import RandomResizedCrop
        >>> _ = torch.manual_seed(0)
        >>> RandomResizedCrop(448)(Geometry.of(375, 500)).size
        (448, 448)
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
    ) -> None:
        self.size = two_sides(size, "size")
        self.scale, self.ratio = interval(scale, "scale", 0.0), interval(ratio, "ratio", math.ulp(0.0))

    @property
    def sides_px(self) -> tuple[int, ...]:
        return self.size

    def apply(self, geometry: Geometry, random: Random) -> Geometry:
        return geometry.crop(*self.box(*_size(geometry), random)).resize(*self.size)

    def box(self, height: int, width: int, random: Random) -> tuple[int, int, int, int]:
        """(top, left, height, width) of the box in an image of this size, px."""
        for box_width, box_height in draw_boxes(height * width, self.scale, self.ratio, random):
            if 0 < box_width <= width and 0 < box_height <= height:
                top = random.integers(height - box_height + 1)
                left = random.integers(width - box_width + 1)
                return top, left, box_height, box_width
        box_height, box_width = height, width
        if width / height < self.ratio[0]:
            box_height = round(width / self.ratio[0])
        elif width / height > self.ratio[1]:
            box_width = round(height * self.ratio[1])
        return (height - box_height) // 2, (width - box_width) // 2, box_height, box_width


class RandomHorizontalFlip(PlanTransform):
    """Plan transform: edits the plan before decoding. Left and right change places with probability `p`.

    Raises:
        ValueError: `p` is no probability.

    Example:
        >>> from dctdecode.geometry import Geometry
        >>> from dctdecode.transforms import RandomHorizontalFlip
        >>> RandomHorizontalFlip(p=1.0)(Geometry.of(375, 500)).horizontal.flip
        True
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = check_probability(p)

    def apply(self, geometry: Geometry, random: Random) -> Geometry:
        return geometry.hflip() if random.uniform() < self.p else geometry


class RandomVerticalFlip(PlanTransform):
    """Plan transform: edits the plan before decoding. Top and bottom change places with probability `p`.

    Raises:
        ValueError: `p` is no probability.

    Example:
        >>> from dctdecode.geometry import Geometry
        >>> from dctdecode.transforms import RandomVerticalFlip
        >>> RandomVerticalFlip(p=1.0)(Geometry.of(375, 500)).vertical.flip
        True
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = check_probability(p)

    def apply(self, geometry: Geometry, random: Random) -> Geometry:
        return geometry.vflip() if random.uniform() < self.p else geometry


class GaussianBlur(PlanTransform):
    """Plan transform: edits the plan before decoding. Gaussian blur as part of the resampling operator.

    Weights exp(-k^2 / (2 sigma^2)) over `kernel_size` taps, normalised; the image is reflected at its ends.
    Crops and sizes come before it; one blur a plan.

    Args:
        kernel_size: odd number of taps, or (horizontal, vertical), in this order as in torchvision.
        sigma: standard deviation in px of the result, or (min, max) of which one is drawn uniformly.

    Raises:
        TypeError, ValueError: an even kernel, or a sigma that is not positive. When applied, ``ValueError`` for a
            second blur.

    Example:
        >>> from dctdecode.geometry import Geometry
        >>> from dctdecode.transforms import GaussianBlur
        >>> GaussianBlur((9, 5), sigma=1.5)(Geometry.of(448, 448)).vertical.blur
        Blur(taps=5, sigma=1.5)
    """

    def __init__(self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)) -> None:
        self.kernel_size = two_sides(kernel_size, "kernel_size")
        if any(taps % 2 == 0 for taps in self.kernel_size):
            raise ValueError(f"kernel_size must be odd, got {kernel_size!r}")
        pair = sigma if isinstance(sigma, Sequence) else (sigma, sigma)
        self.sigma = interval(pair, "sigma", math.ulp(0.0))

    def apply(self, geometry: Geometry, random: Random) -> Geometry:
        if geometry.vertical.blur is not None:
            raise ValueError("a GaussianBlur cannot follow another one in the same plan")
        horizontal, vertical = self.kernel_size
        low, high = self.sigma
        # A fixed sigma is drawn too, as in torchvision: what comes after draws the same numbers.
        sigma = random.uniform(low, high)
        return geometry.blur((vertical, horizontal), low if low == high else sigma)


def _size(geometry: Geometry) -> tuple[int, int]:
    height, width = geometry.size
    return int(height), int(width)


def _padding(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom)."""
    sides = tuple(padding) if isinstance(padding, Sequence) else (padding,)
    if len(sides) not in (1, 2, 4) or not all(isinstance(side, int) and side >= 0 for side in sides):
        raise ValueError(f"padding must be one, two or four numbers of px, none below 0, got {padding!r}")
    left, top, right, bottom = (sides * 4)[:4]
    return left, top, right, bottom
