"""A batch out of images that lie together already."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import default_collate, get_worker_info

from dctdecode._tensors import over
from dctdecode.data import handover

__all__ = ["Row", "collate_views", "memory_for_worker", "rows_of"]

try:  # where torch's documentation of `default_collate` says to register types
    from torch.utils.data._utils.collate import collate, collate_tensor_fn, default_collate_fn_map
except ImportError:  # a torch that has them elsewhere copies each batch once more
    default_collate_fn_map = {}


class Row(tuple[Tensor, Any]):
    """(coefficients, target) of an image that lies in one tensor with others.

    A tuple like any other, but for its type, by which torch's ``default_collate`` finds `_collate_rows`. Pickled,
    it is a plain tuple.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[type, tuple[tuple[Any, ...]]]:
        return tuple, (tuple(self),)


def rows_of(tensors: Iterable[Tensor], targets: Iterable[Any]) -> list[tuple[Tensor, Any]]:
    """Images with their targets. Their memory must be nobody else's: it may become a batch again."""
    return [Row(pair) for pair in zip(tensors, targets, strict=True)]


def memory_for_worker(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor | None:
    """In a worker process of a DataLoader a tensor that goes to the main process without a copy, else None."""
    if get_worker_info() is None:
        return None
    if handover.is_possible():
        with suppress(OSError):  # then torch may have a way
            return handover.lend(shape, dtype)
    size_bytes = math.prod(shape) * dtype.itemsize
    storage = torch.UntypedStorage._new_shared(size_bytes, device="cpu")  # type: ignore[no-untyped-call]
    return over(storage, dtype, shape)


def collate_views(batch: Sequence[tuple[Tensor, Any]]) -> list[Any]:
    """``DataLoader(collate_fn=...)``: torch's ``default_collate``, but for the copy of what lies together.

    Parts of one tensor, in their order, become that tensor, where ``default_collate`` would copy them into a new
    one. It does so too with what `DCTImageFolder` gives a DataLoader; this function is for data sets that make
    tuples of their own of it. They must not keep the tensors: the batch may be changed in place.

    Args:
        batch: (coefficients, target) of each image.

    Returns:
        [coefficients (N, C, Hb, Wb), targets].

    Example:
        >>> import torch
        >>> from dctdecode.data import collate_views
        >>> together = torch.zeros(3, 24, 56, 56)
        >>> images, targets = collate_views([(image, 0) for image in together])
        >>> images.data_ptr() == together.data_ptr(), targets
        (True, tensor([0, 0, 0]))
    """
    images = [image for image, _ in batch]
    if not _lie_together(images):
        collated: list[Any] = default_collate([tuple(sample) for sample in batch])
        return collated
    targets: Any = tuple(target for _, target in batch)
    return [_whole(images), default_collate(targets)]


def _collate_rows(batch: Sequence[Any], *, collate_fn_map: Any = None) -> list[Any]:
    """What ``default_collate`` does with a batch of tuples, without a copy where it cannot be told from one.

    Not where somebody else tells how tensors are collated, or keeps rows, as a data set around this one may that
    remembers what it has read: the batch may be changed in place.
    """
    ours = all(type(sample) is Row for sample in batch)
    if ours and collate_fn_map.get(Tensor) is collate_tensor_fn and not _are_kept(batch):
        images = [image for image, _ in batch]
        if _lie_together(images):
            targets = tuple(target for _, target in batch)
            return [_whole(images), collate(targets, collate_fn_map=collate_fn_map)]
    return collate([tuple(sample) for sample in batch], collate_fn_map=collate_fn_map)  # type: ignore[no-any-return]


default_collate_fn_map[Row] = _collate_rows


def _are_kept(batch: Sequence[Row]) -> bool:
    """Whether anybody but the batch, and `collate` with its variable for the first row, refers to one of them."""
    for place in range(len(batch)):
        row_is_kept = sys.getrefcount(batch[place]) > (3 if place == 0 else 2)
        if row_is_kept or sys.getrefcount(batch[place][0]) > 2:
            return True
    return False


def _lie_together(images: Sequence[Tensor]) -> bool:
    first = images[0]
    storage, begin = first.untyped_storage().data_ptr(), first.storage_offset()
    return first.is_contiguous() and all(
        image.untyped_storage().data_ptr() == storage
        and image.storage_offset() == begin + place * first.numel()
        and (image.shape, image.stride(), image.dtype) == (first.shape, first.stride(), first.dtype)
        for place, image in enumerate(images)
    )


def _whole(images: Sequence[Tensor]) -> Tensor:
    """The tensor whose parts these are; nobody's view, as one that was copied."""
    first = images[0]
    storage, begin, shape = first.untyped_storage(), int(first.storage_offset()), (len(images), *first.shape)
    shared = None if begin else handover.shared_batch(storage, first.dtype, shape)
    return over(storage, first.dtype, shape, begin) if shared is None else shared
