"""The two kinds of transforms, and what their arguments have in common."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dctdecode.channels import PRESETS, ChannelSet, ChannelsLike, as_channel_set
from dctdecode.geometry import Geometry
from dctdecode.transforms.randomness import Random, TorchRandom

__all__ = [
    "PlanTransform",
    "TensorTransform",
    "channels_of",
    "check_geometry",
    "check_probability",
    "check_sides",
    "check_tensor",
    "draw_boxes",
    "interval",
    "two_sides",
]


class Transform:
    """Common to both kinds: printed like a call with its arguments, which are its public attributes."""

    def __repr__(self) -> str:
        arguments = (f"{k}={v!r}" for k, v in vars(self).items() if not k.startswith("_") and v is not None)
        return f"{type(self).__name__}({', '.join(arguments)})"


class PlanTransform(Transform, ABC):
    """Plan transform: edits the plan before decoding.

    A subclass has `apply`: `Geometry` in, `Geometry` out, all randomness from the given source. Geometry and sizes
    are in px of the image as it is when the transform's turn comes.

    Example:
        >>> from dctdecode.geometry import Geometry
        >>> from dctdecode.transforms import CenterCrop
        >>> CenterCrop(448)(Geometry.of(512, 683)).size
        (448, 448)
    """

    @property
    def sides_px(self) -> tuple[int, ...] | None:
        """Sides of the result that are known beforehand: none or both, or the shorter. None if chance decides."""
        return ()

    @abstractmethod
    def apply(self, geometry: Geometry, random: Random) -> Geometry:
        """The edited geometry."""

    def __call__(self, geometry: Geometry) -> Geometry:
        check_geometry(self, geometry)
        return self.apply(geometry, TorchRandom())

    def geometry(self, height: int, width: int) -> Geometry:
        """Of an upright image of this size: what ``read(geometry=transform.geometry)`` calls."""
        return self(Geometry.of(height, width))

    def split(self) -> tuple[PlanTransform, None]:
        """(plan part, tensor part): see `Compose.split`."""
        check_sides([self])
        return self, None


class TensorTransform(Transform, ABC):
    """Tensor transform: works on coefficients.

    A subclass has `apply`, which returns a new tensor of the same shape and draws all randomness from the given
    source, once for all images of a batch. `channels` says what the tensor holds: from `read` or a dataset; else
    the constructor's; else the preset of so many channels.

    Example:
        >>> import torch
        >>> from dctdecode.transforms import Grayscale
        >>> Grayscale()(torch.randn(24, 56, 56)).count_nonzero(dim=(1, 2))[15:18]
        tensor([3136,    0,    0])
    """

    channels: ChannelSet | None = None
    needs_raw = True
    """Wants coefficients that are not normalised yet."""

    @abstractmethod
    def apply(self, tensor: Tensor, random: Random, channels: ChannelSet | None = None) -> Tensor:
        """The transformed tensor (..., C, Hb, Wb)."""

    def __call__(self, tensor: Tensor, channels: ChannelsLike | None = None) -> Tensor:
        given = None if channels is None else as_channel_set(channels)
        return self.apply(tensor, TorchRandom(), given)

    def split(self) -> tuple[None, TensorTransform]:
        """(plan part, tensor part): see `Compose.split`."""
        return None, self


def check_geometry(transform: object, value: object) -> None:
    if not isinstance(value, Geometry):
        raise TypeError(
            f"{type(transform).__name__} edits the plan before decoding and needs a Geometry, "
            f"got {type(value).__name__}; pass it to read(transform=...), or begin with Geometry.of(height, width)"
        )


def check_sides(plan: Sequence[Any]) -> None:
    """The last size that is known beforehand must make whole blocks."""
    for transform in reversed(plan):
        if transform.sides_px is None:
            return
        if transform.sides_px:
            if any(side % 8 for side in transform.sides_px):
                raise ValueError(f"{transform} leaves a size that is no multiple of 8 px, and blocks are 8 x 8")
            return


def check_tensor(tensor: object, who: str) -> None:
    """A tensor (..., C, Hb, Wb) of floating point numbers.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
        got = tensor.dtype if isinstance(tensor, torch.Tensor) else type(tensor).__name__
        raise TypeError(f"{who} works on a tensor (..., C, Hb, Wb) of floating point numbers, got {got}")
    if tensor.ndim < 3:
        raise ValueError(f"{who} works on a tensor (..., C, Hb, Wb), got shape {tuple(tensor.shape)}")


def channels_of(tensor: Tensor, channels: ChannelSet | None, default: ChannelSet | None, who: str) -> ChannelSet:
    """What the tensor (..., C, Hb, Wb) holds.

    Raises:
        TypeError, ValueError: no such tensor, another number of channels, or no way to know which they are.
    """
    check_tensor(tensor, who)
    count = tensor.shape[-3]
    selected = channels or default or PRESETS.get(count)
    if selected is None:
        raise ValueError(
            f"{who} has to know which channels the {count} of the tensor are, and no preset has as many: "
            "say channels=, what read() got"
        )
    if len(selected) != count:
        raise ValueError(
            f"{who}: {len(selected)} channels selected, but the tensor has shape {tuple(tensor.shape)}"
        )
    return selected


def two_sides(size: int | Sequence[int], name: str) -> tuple[int, int]:
    """(height, width) that an int, or a sequence of one or two, stands for."""
    sides = tuple(size) if isinstance(size, Sequence) and not isinstance(size, str) else (size,)
    for side in sides:
        if isinstance(side, bool) or not isinstance(side, int):
            raise TypeError(f"{name} must be an integer, or a sequence of one or two, got {size!r}")
        if side < 1:
            raise ValueError(f"{name} must be positive, got {size!r}")
    if len(sides) not in (1, 2):
        raise ValueError(f"{name} must be an integer, or a sequence of one or two, got {size!r}")
    return sides[0], sides[-1]


def interval(values: Iterable[float], name: str, low: float, high: float = math.inf) -> tuple[float, float]:
    """(a, b) with low <= a <= b <= high."""
    pair = tuple(float(value) for value in values)
    if len(pair) != 2 or not low <= pair[0] <= pair[1] <= high:
        raise ValueError(f"{name} must be (min, max), {low:g} <= min <= max <= {high:g}, got {pair}")
    return pair[0], pair[1]


def draw_boxes(
    area: int, scale: tuple[float, float], ratio: tuple[float, float], random: Random
) -> Iterator[tuple[int, int]]:
    """Ten boxes of random area and ratio, as (dividend, divisor) of the ratio. Each is drawn when it is asked for.

    Numbers are rounded to float32 where torchvision has them so, for equal boxes after equal draws.
    """
    low, high = _log(ratio)
    for _ in range(10):
        box_area = area * random.uniform(*scale)
        box_ratio = _EXP(random.uniform(low, high))
        yield round(math.sqrt(box_area * box_ratio)), round(math.sqrt(box_area / box_ratio))


class _Exp(threading.local):
    """torch.exp of one float32, without a new tensor for each."""

    def __init__(self) -> None:
        self._array = np.empty((), np.float32)
        self._tensor = torch.from_numpy(self._array)

    def __call__(self, exponent: float) -> float:
        self._array[()] = exponent
        self._tensor.exp_()
        return self._array.item()


_EXP = _Exp()


@lru_cache(maxsize=64)
def _log(ratio: tuple[float, float]) -> tuple[float, float]:
    low, high = torch.log(torch.tensor(ratio)).tolist()
    return low, high


def check_probability(p: float) -> float:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"p must be a probability, 0 to 1, got {p}")
    return p
