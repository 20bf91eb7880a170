"""What follows the core where a transform works on the tensor: transform, then normalise, then cast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor

from dctdecode._tensors import Out, address_of_out, allocate, core_dtype
from dctdecode.channels import ChannelSet, as_channel_set
from dctdecode.geometry import Geometry, GeometryLike, SplitTransform, TransformLike
from dctdecode.normalization import as_normalization

__all__ = ["Finish", "TensorPart", "bytes_each", "core_part", "split"]

TensorPart: TypeAlias = Callable[[Tensor, ChannelSet], Tensor]


def split(transform: TransformLike | None) -> tuple[GeometryLike | None, TensorPart | None]:
    """The part of a transform that comes before decoding, as a geometry, and the part that comes after it.

    Raises:
        TypeError: it is no transform.
    """
    if transform is None:
        return None, None
    if not callable(transform):
        raise TypeError(f"transform must be callable, got {type(transform).__name__}")
    if not hasattr(transform, "split"):  # isinstance of a Protocol costs as much as drawing a crop
        return None, lambda tensor, channels: transform(tensor)
    plan_part, tensor_part = cast(SplitTransform, transform).split()
    if plan_part is None:
        return None, tensor_part
    return lambda height, width: plan_part(Geometry.of(height, width)), tensor_part


def core_part(finish: Finish | None, normalize: Any, dtype: torch.dtype) -> tuple[Any, torch.dtype]:
    """The normalize and dtype that the core itself carries out."""
    return (normalize, dtype) if finish is None else (None, torch.float32)


def bytes_each(finish: Finish | None, dtype: torch.dtype, has_out: bool) -> int:
    """Memory that a call takes for each element of its result."""
    return (0 if finish is None else 4) + (0 if has_out else dtype.itemsize)


class Finish:
    """Makes the caller's tensor out of the coefficients that the core decoded to float32.

    Raises:
        ValueError: of ``dtype``, where that is int16: transformed coefficients are no integers.
    """

    def __init__(self, channels: Any, normalize: Any, dtype: torch.dtype) -> None:
        core_dtype(dtype)
        if dtype == torch.int16:
            raise ValueError("int16 holds coefficients as they are; transform= needs a float dtype")
        self.dtype = dtype
        self.channels = as_channel_set(channels)
        self.statistics = None if normalize is None else _columns(*as_normalization(normalize, self.channels))

    def image(self, tensor: Tensor, part: TensorPart | None, out: Out | None, pin_memory: bool) -> Any:
        """(C, Hb, Wb) as `read` returns it."""
        done = self._transformed(tensor, part)
        result = allocate(tuple(done.shape), self.dtype, pin_memory) if out is None else out
        address_of_out(result, tuple(done.shape))  # its shape
        _view(result).copy_(done)
        return result

    def batch(
        self, tensor: Tensor, parts: Sequence[TensorPart | None], failed: set[int], out: Out | None, pin: bool
    ) -> Any:
        """(N, C, Hb, Wb) as `read_batch` returns it; rows that failed stay zero."""
        rows = {i: self._transformed(tensor[i], part) for i, part in enumerate(parts) if i not in failed}
        shapes = {tuple(row.shape): i for i, row in reversed(rows.items())}
        if len(shapes) > 1:
            (one, first), (other, second) = list(shapes.items())[-1:-3:-1]
            raise ValueError(f"transform gave shapes that differ: index {first} {one}, index {second} {other}")
        shape = (len(tensor), *next(iter(shapes), tuple(tensor.shape[1:])))
        result = allocate(shape, self.dtype, pin) if out is None else out
        address_of_out(result, shape)  # its shape
        target = _view(result)
        for i in range(len(tensor)):
            if i in rows:
                target[i].copy_(rows[i])
            else:
                target[i].zero_()
        return result

    def _transformed(self, tensor: Tensor, part: TensorPart | None) -> Tensor:
        done = tensor if part is None else part(tensor, self.channels)
        if not isinstance(done, Tensor):
            raise TypeError(f"transform must return a tensor, got {type(done).__name__}")
        if self.statistics is None:
            return done
        mean, std = self.statistics
        if done.dim() != 3 or len(done) != len(mean):
            raise ValueError(
                f"transform gave shape {tuple(done.shape)}; normalize= needs ({len(mean)}, Hb, Wb), one plane for "
                "each channel"
            )
        return (done - mean) / std


@lru_cache(maxsize=64)
def _columns(mean: tuple[float, ...], std: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    columns = torch.tensor((mean, std), dtype=torch.float32)[:, :, None, None]
    return columns[0], columns[1]


def _view(out: Out) -> Tensor:
    return out if isinstance(out, Tensor) else torch.from_numpy(out)
