"""Batches of images of several sizes, each with a dict of what is on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["collate_lists", "collate_padded"]


def collate_lists(batch: Sequence[tuple[Tensor, Any]]) -> tuple[list[Tensor], list[Any]]:
    """``DataLoader(collate_fn=...)``: a list of images and a list of targets, as detectors take them.

    Args:
        batch: (coefficients (C, Hb, Wb), target) of each image.

    Example:
        >>> import torch
        >>> from dctdecode.data import collate_lists
        >>> images, targets = collate_lists([(torch.zeros(24, 3, 5), {}), (torch.zeros(24, 4, 2), {})])
        >>> [tuple(image.shape) for image in images]
        [(24, 3, 5), (24, 4, 2)]
    """
    return [image for image, _ in batch], [target for _, target in batch]


def collate_padded(batch: Sequence[tuple[Tensor, Any]]) -> tuple[Tensor, Tensor, list[Any]]:
    """``DataLoader(collate_fn=...)``: one tensor, zeros where an image ends before the largest does.

    Args:
        batch: (coefficients (C, Hb, Wb), target) of each image.

    Returns:
        Coefficients (N, C, Hmax, Wmax), images in the upper left corners; a mask, bool (N, Hmax, Wmax), True on
        images; targets, whose px stay what they were.

    Example:
        >>> import torch
        >>> from dctdecode.data import collate_padded
        >>> images, mask, targets = collate_padded([(torch.ones(24, 3, 5), {}), (torch.ones(24, 4, 2), {})])
        >>> tuple(images.shape), mask.sum((1, 2))
        ((2, 24, 4, 5), tensor([15,  8]))
    """
    images = [image for image, _ in batch]
    rows, columns = (max(image.shape[axis] for image in images) for axis in (1, 2))
    padded = images[0].new_zeros(len(images), len(images[0]), rows, columns)
    mask = torch.zeros(len(images), rows, columns, dtype=torch.bool)
    for place, image in enumerate(images):
        padded[place, :, : image.shape[1], : image.shape[2]] = image
        mask[place, : image.shape[1], : image.shape[2]] = True
    return padded, mask, [target for _, target in batch]
