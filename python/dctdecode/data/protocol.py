"""What a loader asks of a dataset that decodes whole batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from dctdecode.batch import Failure, OnError

if TYPE_CHECKING:
    from dctdecode.transforms.randomness import Random

__all__ = ["BatchDataset"]


@runtime_checkable
class BatchDataset(Protocol):
    """Images by index, a batch of them in one native call. `DCTImageFolder` is one; `DCTLoader` takes any.

    Attributes:
        dtype: of the tensors that `read_batch` gives.
    """

    dtype: torch.dtype

    def __len__(self) -> int: ...

    def batch_shape(self, n: int) -> tuple[int, int, int, int] | None:
        """(n, C, Hb, Wb) of a batch of ``n`` images; None where that depends on the images."""
        ...

    def read_batch(
        self,
        indices: Sequence[int],
        *,
        randoms: Sequence[Random] | None = None,
        out: Any = None,
        threads: int | None = None,
        on_error: OnError = "raise",
        pin_memory: bool = False,
    ) -> tuple[Tensor, Tensor, list[Failure]]:
        """The images at ``indices``, decoded by one native call.

        Args:
            indices: places in the dataset; negative ones count from the end.
            randoms: where the transforms of each image draw from, one for each index. None: torch's global
                generator, in the order of ``indices``.
            out: tensor (n, C, Hb, Wb) to write into. After an error its contents are undefined.
            threads, on_error, pin_memory: as for :func:`dctdecode.read_batch`.

        Returns:
            Coefficients (n', C, Hb, Wb), targets int64 (n',), and a `Failure` for each image that could not be
            read: its ``index`` is the place in ``indices``, its ``path`` names the file. Rows of failed images
            are left out of both tensors or zero, as ``on_error`` says; n' <= n.

        Raises:
            IndexError: no such place.
            ValueError: the images differ in grid.
            What :func:`dctdecode.read` raises, for ``on_error="raise"``.
        """
        ...
