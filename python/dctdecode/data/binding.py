"""Transforms of one image, each with its own source of random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from dctdecode.channels import ChannelSet
from dctdecode.geometry import Geometry, SplitTransform
from dctdecode.transforms.base import TensorTransform

if TYPE_CHECKING:
    from dctdecode.transforms.randomness import Random

__all__ = ["Bound", "fixed_size", "keeps_shape", "parts_of"]

PlanPart: TypeAlias = Callable[[Geometry], Geometry]
TensorPart: TypeAlias = Callable[[Tensor, ChannelSet], Tensor]


class Bound:
    """A dataset's transform for one image, in the form that `dctdecode.read` takes.

    Args:
        parts: of the transform, by `parts_of`: once a batch, since asking it costs as much as drawing a crop.
        random: where it draws from. None: torch's global generator, by a rule that gives a batch the draws that
            its images would have got one by one. What happens to the geometry is drawn at once. Transforms on
            tensors come when the whole batch is decoded, so they find the generator set to a seed that was drawn
            at their image's turn; afterwards it goes on from where it was.
    """

    def __init__(self, parts: tuple[Any, Any], random: Random | None) -> None:
        self._random = random
        self._plan, self._tensor = parts
        self._seed = 0
        if self._plan is None:
            self._draw_seed()

    def split(self) -> tuple[PlanPart | None, TensorPart | None]:
        """(plan part, tensor part)"""
        return None if self._plan is None else self._edit, None if self._tensor is None else self._change

    def __call__(self, tensor: Tensor) -> Tensor:
        raise TypeError("a bound transform has two parts, see split()")

    def _draw_seed(self) -> None:
        if self._random is None and self._tensor is not None:
            self._seed = int(torch.empty((), dtype=torch.int64).random_().item())

    def _edit(self, geometry: Geometry) -> Geometry:
        if self._random is None:
            edited: Geometry = self._plan(geometry)
            self._draw_seed()
        else:
            edited = self._plan.apply(geometry, self._random)
        return edited

    def _change(self, tensor: Tensor, channels: ChannelSet) -> Tensor:
        changed: Tensor
        if self._random is None:
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(self._seed)
                changed = self._tensor(tensor, channels)
        else:
            changed = self._tensor.apply(tensor, self._random, channels)
        return changed


class _OnTensor:
    """A callable from elsewhere, which knows neither channels nor our random numbers."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self.function = function

    def __call__(self, tensor: Tensor, channels: ChannelSet) -> Tensor:
        return self.function(tensor)

    def apply(self, tensor: Tensor, random: Random, channels: ChannelSet) -> Tensor:
        return self.function(tensor)


def parts_of(transform: Any) -> tuple[Any, Any]:
    """(plan part, tensor part), each None or with an ``apply`` that takes a source of random numbers."""
    return transform.split() if isinstance(transform, SplitTransform) else (None, _OnTensor(transform))


def fixed_size(transform: Any, size: tuple[int, int] | None) -> tuple[int, int] | None:
    """(height, width) in px that every image comes to; None where that depends on the image or on chance.

    Raises:
        ValueError: both a size and a transform that edits the plan.
    """
    plan = None if transform is None else parts_of(transform)[0]
    if plan is None:
        return size
    if size is not None:
        raise ValueError(
            f"size={size} and a transform that crops, resizes or flips exclude each other: put Resize({size}) "
            "into the transform"
        )
    for step in reversed(getattr(plan, "transforms", [plan])):
        sides = getattr(step, "sides_px", None)
        if sides != ():
            return sides if sides is not None and len(sides) == 2 else None
    return None


def keeps_shape(transform: Any) -> bool:
    """Whether all that works on the tensor is known to leave its shape alone."""
    part = None if transform is None else parts_of(transform)[1]
    return part is None or _is_ours(part)


def _is_ours(part: Any) -> bool:
    inside = getattr(part, "transforms", None)
    return isinstance(part, TensorTransform) if inside is None else all(map(_is_ours, inside))
