"""A batch out of images that lie together already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.utils.data import default_collate

__all__ = ["collate_views"]


def collate_views(batch: Sequence[tuple[Tensor, Any]]) -> list[Any]:
    """``DataLoader(collate_fn=...)``: torch's ``default_collate``, but for the copy of what lies together.

    What `DCTImageFolder` gives a DataLoader for a batch are views of one tensor; this one is returned, where
    ``default_collate`` would copy its parts into a new one.

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
        collated: list[Any] = default_collate(list(batch))
        return collated
    first = images[0]
    whole = first.as_strided((len(images), *first.shape), (first.numel(), *first.stride()))
    return [whole, default_collate([target for _, target in batch])]


def _lie_together(images: Sequence[Tensor]) -> bool:
    first = images[0]
    storage, begin = first.untyped_storage().data_ptr(), first.storage_offset()
    return first.is_contiguous() and all(
        image.untyped_storage().data_ptr() == storage
        and image.storage_offset() == begin + place * first.numel()
        and (image.shape, image.stride(), image.dtype) == (first.shape, first.stride(), first.dtype)
        for place, image in enumerate(images)
    )
