"""Pairs of images, mixed together with their labels."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from dctdecode.transforms.base import Transform
from dctdecode.transforms.randomness import Random, TorchRandom

__all__ = ["BatchTransform", "CutMix", "MixUp"]


class BatchTransform(Transform, ABC):
    """Tensor transform: works on coefficients, of a whole batch and its labels.

    Each image meets the one before it in the batch, the first one the last: shuffle the data. Normalised or not,
    any channels.

    Args:
        alpha: of Beta(alpha, alpha), from which the first image's share is drawn, once a batch.
        num_classes: of the one-hot labels that are made; None if labels come as (N, classes).

    Raises:
        ValueError: alpha is not positive. When called, no batch (N, C, Hb, Wb), or labels that do not fit.
    """

    def __init__(self, *, alpha: float = 1.0, num_classes: int | None = None) -> None:
        if not 0 < alpha < math.inf:
            raise ValueError(f"alpha must be positive, got {alpha}")
        self.alpha = float(alpha)
        self.num_classes = num_classes

    @abstractmethod
    def mix(self, batch: Tensor, share: float, random: Random) -> tuple[Tensor, float]:
        """The mixed batch, and the share that each image kept."""

    def apply(self, batch: Tensor, labels: Tensor, random: Random) -> tuple[Tensor, Tensor]:
        """(batch, labels) with labels (N, classes) of float."""
        if batch.ndim != 4 or labels.ndim not in (1, 2) or len(batch) != len(labels):
            raise ValueError(
                f"{type(self).__name__} works on a batch (N, C, Hb, Wb) with labels (N,) or (N, classes), got "
                f"{tuple(batch.shape)} with {tuple(labels.shape)}"
            )
        soft = self._one_hot(labels)
        mixed, share = self.mix(batch, random.beta(self.alpha), random)
        return mixed, torch.lerp(soft.roll(1, 0), soft, share)

    def __call__(self, batch: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return self.apply(batch, labels, TorchRandom())

    def _one_hot(self, labels: Tensor) -> Tensor:
        if labels.ndim == 2:
            if self.num_classes not in (None, labels.shape[1]):
                raise ValueError(
                    f"labels are for {labels.shape[1]} classes, but num_classes is {self.num_classes}"
                )
            return labels if labels.is_floating_point() else labels.float()
        if self.num_classes is None:
            raise ValueError("num_classes is needed for labels that are indices")
        return one_hot(labels, self.num_classes).float()


class MixUp(BatchTransform):
    """Tensor transform: works on coefficients, of a whole batch and its labels. Weighted sum of two images.

    Zhang et al., "mixup: Beyond empirical risk minimization", ICLR 2018. The transform is linear: mixing
    coefficients mixes the images.

    Args:
        alpha: of Beta(alpha, alpha), from which the first image's share is drawn, once a batch.
        num_classes: of the one-hot labels that are made; None if labels come as (N, classes).

    Raises:
        ValueError: alpha is not positive. When called, no batch (N, C, Hb, Wb), or labels that do not fit.

    Example:
        >>> import torch
        >>> from dctdecode.transforms import MixUp
        >>> batch, labels = MixUp(num_classes=10)(torch.randn(4, 24, 56, 56), torch.tensor([1, 2, 3, 4]))
        >>> batch.shape, labels.shape
        (torch.Size([4, 24, 56, 56]), torch.Size([4, 10]))
    """

    def mix(self, batch: Tensor, share: float, random: Random) -> tuple[Tensor, float]:
        return torch.lerp(batch.roll(1, 0), batch, share), share


class CutMix(BatchTransform):
    """Tensor transform: works on coefficients, of a whole batch and its labels. A box of blocks of another image.

    Yun et al., "CutMix: Regularization strategy to train strong classifiers with localizable features", ICCV 2019,
    on the grid of blocks. Labels are weighted by the exact number of blocks.

    Args:
        alpha: of Beta(alpha, alpha), from which the first image's share is drawn, once a batch.
        num_classes: of the one-hot labels that are made; None if labels come as (N, classes).

    Raises:
        ValueError: alpha is not positive. When called, no batch (N, C, Hb, Wb), or labels that do not fit.

    Example:
        >>> import torch
        >>> from dctdecode.transforms import CutMix
        >>> batch, labels = CutMix(num_classes=10)(torch.randn(4, 24, 56, 56), torch.tensor([1, 2, 3, 4]))
        >>> batch.shape, labels.sum(dim=1)
        (torch.Size([4, 24, 56, 56]), tensor([1., 1., 1., 1.]))
    """

    def mix(self, batch: Tensor, share: float, random: Random) -> tuple[Tensor, float]:
        rows, columns = batch.shape[-2:]
        column, row = random.integers(columns), random.integers(rows)
        reach = 0.5 * math.sqrt(1.0 - share)
        left, right = max(0, column - int(reach * columns)), min(columns, column + int(reach * columns))
        top, bottom = max(0, row - int(reach * rows)), min(rows, row + int(reach * rows))
        mixed = batch.clone()
        mixed[..., top:bottom, left:right] = batch.roll(1, 0)[..., top:bottom, left:right]
        return mixed, 1.0 - (right - left) * (bottom - top) / (rows * columns)
