"""Which images an epoch shows to this process, and in which order."""

from __future__ import annotations

import operator
import os
import zlib
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["Indices", "Order", "SamplerOrder", "SeededOrder", "find_rank"]

Indices = npt.NDArray[np.int64]

_PERMUTATION_STREAM = 2  # beside CounterRandom's: 0 for images, 1 for batches


class Order(Protocol):
    """One epoch after the other; the same epoch always gives the same indices."""

    padding: int

    def __len__(self) -> int:
        """Samples of this rank in an epoch, repeated ones too."""
        ...

    def set_epoch(self, epoch: int) -> None: ...

    def indices(self, epoch: int) -> Indices: ...

    def check_sum(self, indices: Indices) -> int | None:
        """Tells two orders of one epoch apart where that is not already clear from the state."""
        ...


class SeededOrder:
    """A permutation of (seed, epoch), dealt out to the ranks one by one.

    Rank r has the places r, r + world_size, r + 2 * world_size, ... So that all have equally many, the permutation
    begins anew at its end (`padding`: how many of this rank's last samples are such repeats) or, with `drop_last`,
    loses its last ``length % world_size``.

    Example:
        >>> from dctdecode.data.order import SeededOrder
        >>> [SeededOrder(5, rank=rank, world_size=2).indices(0).tolist() for rank in (0, 1)]
        [[0, 2, 4], [1, 3, 0]]
        >>> SeededOrder(5, rank=1, world_size=2).padding
        1
    """

    def __init__(
        self,
        length: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
    ) -> None:
        self._length, self._shuffle, self._seed = length, shuffle, seed
        self._rank, self._world_size = rank, world_size
        self._share = length // world_size if drop_last else -(-length // world_size)
        self.padding = self._share - len(range(rank, min(length, self._share * world_size), world_size))

    def __len__(self) -> int:
        return self._share

    def set_epoch(self, epoch: int) -> None:
        pass

    def indices(self, epoch: int) -> Indices:
        if self._shuffle:
            bits = np.random.Philox(
                key=np.array([self._seed, epoch], np.uint64),
                counter=np.array([0, 0, _PERMUTATION_STREAM, 0], np.uint64),
            )
            order = np.random.Generator(bits).permutation(self._length)
        else:
            order = np.arange(self._length)
        places = np.arange(self._rank, self._share * self._world_size, self._world_size)
        shard: Indices = order[places % max(1, self._length)].astype(np.int64, copy=False)
        return shard

    def check_sum(self, indices: Indices) -> int | None:
        return None


class SamplerOrder:
    """What a sampler of torch's says. It sees to ranks and randomness by itself."""

    padding = 0

    def __init__(self, sampler: Any) -> None:
        self._sampler: Iterable[Any] = sampler

    def __len__(self) -> int:
        return len(self._sampler)  # type: ignore[arg-type]  # a sampler without a length says so itself

    def set_epoch(self, epoch: int) -> None:
        forward = getattr(self._sampler, "set_epoch", None)
        if forward is not None:
            forward(epoch)

    def indices(self, epoch: int) -> Indices:
        return np.fromiter((_as_index(item) for item in self._sampler), np.int64)

    def check_sum(self, indices: Indices) -> int | None:
        return zlib.crc32(indices.tobytes())


def _as_index(item: Any) -> int:
    try:
        return operator.index(item)
    except TypeError:
        raise TypeError(
            f"the sampler must give one index at a time, got {item!r}; a BatchSampler cannot be used, batch_size "
            "makes the batches"
        ) from None


def find_rank(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """(rank, world size): the arguments, else torch.distributed if it is initialised, else RANK and WORLD_SIZE as
    torchrun sets them, else (0, 1).

    Raises:
        ValueError: only one of the arguments, or a rank that is not below the world size.
    """
    if (rank is None) != (world_size is None):
        raise ValueError(f"rank and world_size go together, got rank={rank}, world_size={world_size}")
    if rank is None or world_size is None:
        rank, world_size = _rank_of_process()
    rank, world_size = operator.index(rank), operator.index(world_size)
    if not 0 <= rank < world_size:
        raise ValueError(f"rank must be in 0 .. world_size - 1, got rank={rank}, world_size={world_size}")
    return rank, world_size


def _rank_of_process() -> tuple[int, int]:
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    texts = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if texts[0] is None or texts[1] is None:
        return 0, 1
    try:
        return int(texts[0]), int(texts[1])
    except ValueError:
        raise ValueError(f"RANK and WORLD_SIZE must be integers, got {texts[0]!r} and {texts[1]!r}") from None
