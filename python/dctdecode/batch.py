"""Many images in one call, decoded by native threads."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

import torch

from dctdecode import _core
from dctdecode._tensors import Out, address_of_out, allocate, check_out, core_dtype
from dctdecode.errors import CorruptJpegWarning, damage
from dctdecode.finishing import Finish, TensorPart, bytes_each, core_part, split
from dctdecode.framing import Each, Layout, as_layouts, is_no_sequence
from dctdecode.geometry import GeometryLike, TransformLike
from dctdecode.limits import LimitsLike, as_core_limits, max_bytes_of, max_pixels_of
from dctdecode.placing import place
from dctdecode.plan import Channels, as_plan, check_orientation
from dctdecode.sources import Resolved, Source, check_decoder, resolve
from dctdecode.threads import resolve_threads

__all__ = ["Failure", "OnError", "PreparedBatch", "enter_queue", "prepare_batch", "read_batch"]


@dataclass(frozen=True)
class Failure:
    """An image of a batch that could not be read.

    Attributes:
        index: its place in ``sources``.
        path: its name, or ``None`` where the source was no path.
        error: what ``read`` would have raised for it.
    """

    index: int
    path: str | None
    error: Exception


OnError = Literal["raise", "skip", "zero"] | Callable[[Failure], Literal["skip", "zero"] | None]


@overload
def read_batch(
    sources: Sequence[Source], channels: Channels = ..., *, return_failures: Literal[False] = ..., **options: Any
) -> torch.Tensor: ...
@overload
def read_batch(
    sources: Sequence[Source], channels: Channels = ..., *, return_failures: Literal[True], **options: Any
) -> tuple[torch.Tensor, list[Failure]]: ...
def read_batch(  # type: ignore[misc]  # the overloads tell return types apart, `options` are the arguments below
    sources: Sequence[Source],
    channels: Channels = 192,
    *,
    size: int | tuple[int, int] | None = None,
    crop: Any = None,
    flip: Any = None,
    interpolation: str = "bilinear",
    antialias: bool = True,
    orientation: str = "ignore",
    fast: bool = False,
    normalize: Any = None,
    dtype: torch.dtype = torch.float32,
    threads: int | None = None,
    on_error: OnError = "raise",
    return_failures: bool = False,
    out: Out | None = None,
    pin_memory: bool = False,
    strict: bool = True,
    limits: LimitsLike = None,
    geometry: GeometryLike | Sequence[GeometryLike | None] | None = None,
    transform: TransformLike | Sequence[TransformLike | None] | None = None,
) -> torch.Tensor | tuple[torch.Tensor, list[Failure]]:
    """Reads images into one tensor, on native threads, with the GIL free.

    Args:
        sources: as for :func:`dctdecode.read`, one per image. With ``size`` they may be of any sizes; without, all
            readable ones must give the same grid.
        channels, size, interpolation, antialias, orientation, fast, normalize, dtype, strict, limits: as for
            ``read``, the same for all. Limits hold per image.
        crop, flip, geometry, transform: as for ``read``; one for all images or a sequence with one each. Crops may
            be an array or tensor (N, 4), flips one of N bools. Callables and random transforms are asked in the
            order of the images, by the calling thread, and only for images whose header could be read:
            first every geometry, before anything is decoded, then every tensor.
        threads: the calling one included. ``None``: the cores this process may use, divided by
            LOCAL_WORLD_SIZE. The result does not depend on it.
        on_error: what becomes of an image that cannot be read. ``"raise"``: its error, with path and index;
            of several the one of lowest index. ``"zero"``: a row of zeros. ``"skip"``: no row. Or a callable that
            is given the :class:`Failure` and returns ``"zero"``, ``"skip"`` or ``None`` (zero), or raises.
        return_failures: also return the failures.
        out: tensor or array (N, C, Hb, Wb) to write into; with skipped rows the result is its first rows. After
            an error its contents are undefined.
        pin_memory: as for ``read``.

    Returns:
        Tensor (N, C, Hb, Wb), fewer rows where images were skipped; with ``return_failures`` also a list of
        :class:`Failure`. Where no image could be read, the grid is that of ``out``, else (0, 0).

    Raises:
        ValueError: the images differ in grid (both named), or bad arguments; a crop or geometry that its image
            cannot have is one, whatever ``on_error`` says, and its index is named.
        What ``read`` raises, for ``on_error="raise"``.

    Example:
        >>> import dctdecode
        >>> dctdecode.read_batch([dctdecode_photo] * 3, channels=24).shape
        torch.Size([3, 24, 75, 64])
        >>> boxes = [(0, 0, 300.5, 300.5), (10, 20, 400, 300)]
        >>> dctdecode.read_batch([dctdecode_photo] * 2, 24, size=224, crop=boxes, flip=[True, False]).shape
        torch.Size([2, 24, 28, 28])
    """
    core_dtype(dtype)
    if out is not None:
        check_out(out, dtype)
    prepared = prepare_batch(
        sources,
        channels,
        size=size,
        crop=crop,
        flip=flip,
        interpolation=interpolation,
        antialias=antialias,
        orientation=orientation,
        fast=fast,
        normalize=normalize,
        dtype=dtype,
        threads=threads,
        on_error=on_error,
        strict=strict,
        limits=limits,
        geometry=geometry,
        transform=transform,
        has_out=out is not None,
    )
    result, failures = prepared.read(out, pin_memory)
    return (result, failures) if return_failures else result


def prepare_batch(
    sources: Sequence[Source],
    channels: Channels = 192,
    *,
    size: int | tuple[int, int] | None = None,
    crop: Any = None,
    flip: Any = None,
    interpolation: str = "bilinear",
    antialias: bool = True,
    orientation: str = "ignore",
    fast: bool = False,
    normalize: Any = None,
    dtype: torch.dtype = torch.float32,
    threads: int | None = None,
    on_error: OnError = "raise",
    strict: bool = True,
    limits: LimitsLike = None,
    geometry: GeometryLike | Sequence[GeometryLike | None] | None = None,
    transform: TransformLike | Sequence[TransformLike | None] | None = None,
    has_out: bool = False,
) -> PreparedBatch:
    """The first half of `read_batch`: opens the files, reads their headers and asks for every geometry.

    What is native in either half leaves the GIL free, so one batch can be prepared while another is decoded.

    Args:
        has_out: memory for the result will be given.
        Others as for `read_batch`.

    Raises:
        As `read_batch`, but for what is wrong behind the headers.
    """
    check_decoder()
    check_orientation(orientation)
    decide = _policy(on_error)
    core_limits, max_bytes = as_core_limits(limits), max_bytes_of(limits)
    splits = Each.parse("transform", transform, is_no_sequence, split)
    planned = Each("transform", [plan for plan, _ in splits.values], splits.shared)
    layouts = as_layouts(size, crop, flip, geometry, planned, max_pixels_of(limits))
    works_on_tensors = any(part is not None for _, part in splits.values)
    finish = Finish(channels, normalize, dtype) if works_on_tensors else None
    core_normalize, decoded_dtype = core_part(finish, normalize, dtype)
    plan = as_plan(channels, core_normalize, decoded_dtype, interpolation, antialias, fast, strict)
    threads = resolve_threads(threads)
    resolved = _resolve_all(sources, max_bytes)
    layout_of_each, split_of_each = layouts.of(len(resolved)), splits.of(len(resolved))
    batch = _core.Batch(resolved, core_limits, min(threads, max(1, len(resolved))))
    if on_error == "raise":
        _raise_first(batch)
    _place_all(batch, layout_of_each, orientation == "apply", resolved)
    batch.check_memory(len(plan) * bytes_each(finish, dtype, has_out))
    if on_error == "raise":
        _raise_first(batch)
    parts = [part for _, part in split_of_each]
    return PreparedBatch(batch, resolved, plan, layouts.size, dtype, finish, parts, decide, on_error == "raise")


def enter_queue(queue: int) -> None:
    """From now on, batches that the calling thread decodes wait for those of other threads in the same queue.

    Their threads go from one to the next without a pause. 0: no queue.
    """
    _core.enter_queue(queue)


@dataclass(frozen=True)
class PreparedBatch:
    """The second half of `read_batch`, to be called once."""

    _batch: _core.Batch
    _resolved: list[Resolved]
    _plan: _core.Plan
    _size: tuple[int, int] | None
    _dtype: torch.dtype
    _finish: Finish | None
    _parts: list[TensorPart | None]
    _decide: Callable[[Failure], Literal["skip", "zero"]]
    _raises: bool

    def read(self, out: Out | None = None, pin_memory: bool = False) -> tuple[Any, list[Failure]]:
        """(result, failures) of `read_batch`. ``out`` has been checked but for its shape."""
        batch, finish = self._batch, self._finish
        shape = (len(self._resolved), len(self._plan), *_common_grid(batch, self._size, out))
        if finish is not None:
            result: Any = torch.empty(shape)
        else:
            result = allocate(shape, self._dtype, pin_memory) if out is None else out
        stride_bytes = math.prod(shape[1:]) * result.itemsize
        batch.read_into(self._plan, address_of_out(result, shape), stride_bytes)
        for index, found in batch.warnings():
            message = damage(found, self._resolved[index].shown, index)
            warnings.warn(message, CorruptJpegWarning, stacklevel=3)
        if self._raises:
            _raise_first(batch)
        failures = [Failure(i, self._resolved[i].shown, error) for i, error in batch.failures()]
        if finish is not None:
            failed = {failure.index for failure in failures}
            result = finish.batch(result, self._parts, failed, out, pin_memory)
        skipped = {failure.index for failure in failures if self._decide(failure) == "skip"}
        return (_without(result, skipped) if skipped else result), failures


def _place_all(batch: _core.Batch, layouts: list[Layout], upright: bool, resolved: list[Resolved]) -> None:
    batch.set_geometries(
        [
            None if extent is None else place(layout, extent, upright, resolved[index].shown, index)
            for index, (layout, extent) in enumerate(zip(layouts, batch.extents, strict=True))
        ]
    )


def _resolve_all(sources: Sequence[Source], max_bytes: int) -> list[Resolved]:
    if isinstance(sources, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(sources, "read"):
        given = type(sources).__name__
        raise TypeError(f"sources must be a sequence with one source per image, got a single {given}")
    resolved = []
    for index, source in enumerate(sources):
        try:
            resolved.append(resolve(source, max_bytes))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"sources[{index}]: {error}") from error
    return resolved


def _policy(on_error: OnError) -> Callable[[Failure], Literal["skip", "zero"]]:
    """One function for all policies: tells what becomes of a failed image, or raises."""

    def ask(failure: Failure) -> Literal["skip", "zero"]:
        assert callable(on_error)
        answer = on_error(failure)
        if answer is None:
            return "zero"
        if answer not in ("skip", "zero"):
            raise ValueError(f'the on_error callable must return "skip", "zero" or None, got {answer!r}')
        return answer

    table: dict[str, Callable[[Failure], Literal["skip", "zero"]]] = {
        "raise": lambda failure: "zero",  # never asked: _raise_first comes before
        "skip": lambda failure: "skip",
        "zero": lambda failure: "zero",
    }
    if callable(on_error):
        return ask
    if not isinstance(on_error, str) or on_error not in table:
        raise ValueError(f"on_error must be one of {list(table)} or a callable, got {on_error!r}")
    return table[on_error]


def _raise_first(batch: _core.Batch) -> None:
    errors = [error for _, error in batch.failures()]
    try:
        if errors:
            raise errors[0]
    finally:
        del errors  # else error -> traceback -> this frame -> error, which keeps the batch until the next gc


def _common_grid(batch: _core.Batch, size: tuple[int, int] | None, out: Out | None) -> tuple[int, int]:
    if size is not None:
        return size[0] // 8, size[1] // 8
    found: tuple[int, tuple[int, int]] | None = None
    for index, grid in enumerate(batch.grids):
        if grid is None:
            continue
        if found is None:
            found = (index, grid)
        elif grid != found[1]:
            raise ValueError(
                f"a batch needs images of equal grid: index {found[0]} has {found[1]} blocks (Hb, Wb), index "
                f"{index} has {grid}; size= brings all to one"
            )
    if found is not None:
        return found[1]
    return (0, 0) if out is None or len(out.shape) != 4 else (int(out.shape[2]), int(out.shape[3]))


def _without(result: Any, skipped: set[int]) -> Any:
    """The kept rows, moved together in place: a view of the first rows."""
    kept = [index for index in range(len(result)) if index not in skipped]
    for row, index in enumerate(kept):
        if row != index:
            result[row] = result[index]
    return result[: len(kept)]
