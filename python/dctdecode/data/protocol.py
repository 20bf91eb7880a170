"""What a loader asks of a dataset that decodes whole batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor

from dctdecode.batch import Failure, OnError

if TYPE_CHECKING:
    from dctdecode.transforms.randomness import Random

__all__ = ["BatchDataset", "FinishBatch", "PreparingDataset"]

# (out, pin_memory) -> what `BatchDataset.read_batch` returns
FinishBatch: TypeAlias = Callable[[Any, bool], tuple[Tensor, Tensor, list[Failure]]]


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


@runtime_checkable
class PreparingDataset(BatchDataset, Protocol):
    """A `BatchDataset` that reads a batch in two halves, so that a loader prepares one while another is decoded.

    Where a subclass or somebody else has replaced `read_batch` alone, the loader calls that.
    """

    def prepare_batch(
        self,
        indices: Sequence[int],
        *,
        randoms: Sequence[Random] | None,
        threads: int | None,
        on_error: OnError,
        has_out: bool,
    ) -> FinishBatch:
        """Does all of `read_batch` that comes before decoding: opens files, draws crops.

        Args:
            has_out: memory will be given.
            Others as for `read_batch`.

        Returns:
            The other half: ``(out, pin_memory)`` -> what `read_batch` returns. Called once or never, perhaps on
            another thread.

        Raises:
            As `read_batch`; the rest is raised by the other half.
        """
        ...
