"""Batches of a dataset, decoded ahead by native threads."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Mapping
from typing import Any, Literal

import torch

from dctdecode._tensors import allocate
from dctdecode.batch import Failure, OnError
from dctdecode.data.collate import COLLATE
from dctdecode.data.iterator import BatchIterator, Progress
from dctdecode.data.order import Indices, Order, SamplerOrder, SeededOrder, find_rank
from dctdecode.data.producer import Job
from dctdecode.data.protocol import BatchDataset
from dctdecode.data.transfer import as_device, device_index
from dctdecode.threads import resolve_threads

__all__ = ["DCTLoader"]


class DCTLoader:
    """Batches of coefficients, decoded ahead of the consumer by native threads; no worker processes.

    A batch is made by one native call, into memory that is used again once no tensor refers to it. Each iterator
    has a thread that decides what to make when, and one or (for a `PreparingDataset`) two that make it, of which
    one prepares a batch while the other's is decoded. What an epoch yields depends on (seed, epoch) and the
    dataset alone, not on threads or timing: the order is a permutation of (seed, epoch), and an image's transforms
    draw from (seed, epoch, index).
    Epochs are counted from 0, one on after each full iteration; after leaving one half-way, say `set_epoch`, else
    the same epoch begins again.

    Args:
        dataset: `DCTImageFolder`, or any `BatchDataset`.
        batch_size: images a batch; the last one of an epoch may have fewer.
        shuffle: another order each epoch.
        sampler: a sampler of torch's, which then decides about order, ranks and randomness of the order.
        drop_last: leave out an incomplete last batch, and samples that do not fill all ranks.
        seed: 0 .. 2**64 - 1, the same on all ranks.
        threads: native threads that decode; ``None`` as for :func:`dctdecode.read_batch`.
        prefetch: batches made ahead of the consumer. There are at most ``prefetch + 2`` in memory, unless the
            consumer keeps more itself.
        pin_memory: pinned batches, where there is an accelerator; else one warning.
        device: CUDA device to copy batches to, on a stream of its own; memory is then pinned in any case.
            ``"cpu"`` is no copy.
        rank, world_size: of this process; by default those of torch.distributed if it is initialised, else of
            RANK and WORLD_SIZE, else 0 and 1.
        on_error: what becomes of images that cannot be read, as for :func:`dctdecode.read_batch`; a
            :class:`Failure` has the place in the dataset as its index. After ``"raise"``, iterating may go on with
            the next batch. ``"skip"`` makes the batch smaller.
        max_errors: how many images an epoch may fail, or which share of this rank's samples if a float.
        batch_transform: `MixUp`, `CutMix`, or any callable (images, targets) -> (images, targets). Those with
            ``apply(images, targets, random)`` draw from (seed, epoch, number of the batch).
        collate: ``"fixed"``: one size for all. ``"pad"``: images of any size in the corner of a zero tensor.
            ``"list"``: a list of tensors.

    Yields:
        (images (N, C, Hb, Wb), targets int64 (N,)). With ``"pad"`` (images (N, C, Hmax, Wmax), mask (N, Hmax,
        Wmax), targets), the mask True where an image is. With ``"list"`` (list of (C, Hb, Wb), targets).

    Raises:
        TypeError, ValueError: bad arguments.
        RuntimeError: while iterating, more than ``max_errors`` images failed.

    Attributes:
        epoch: the one that the next iteration runs.
        failures: of this epoch, those in batches that the consumer has received.
        padding: how many samples at the end of an epoch are there only so that all ranks have equally many. An
            evaluation leaves out the last ``padding`` rows.

    Example:
        >>> import dctdecode, torch
        >>> from dctdecode.data import DCTLoader
        >>> class Copies:  # a BatchDataset: one photograph, many times
        ...     dtype = torch.float32
        ...     def __len__(self):
        ...         return 10
        ...     def batch_shape(self, n):
        ...         return (n, 24, 75, 64)
        ...     def read_batch(self, indices, *, randoms, out, threads, on_error, pin_memory):
        ...         images = dctdecode.read_batch([dctdecode_photo] * len(indices), 24, out=out, threads=threads)
        ...         return images, torch.tensor(indices), []
        >>> loader = DCTLoader(Copies(), batch_size=4, shuffle=True)
        >>> for images, targets in loader:
        ...     print(images.shape)
        torch.Size([4, 24, 75, 64])
        torch.Size([4, 24, 75, 64])
        torch.Size([2, 24, 75, 64])
        >>> len(loader), loader.epoch
        (3, 1)
    """

    def __init__(
        self,
        dataset: BatchDataset,
        batch_size: int,
        *,
        shuffle: bool = False,
        sampler: Any = None,
        drop_last: bool = False,
        seed: int = 0,
        threads: int | None = None,
        prefetch: int = 2,
        pin_memory: bool = False,
        device: Any = None,
        rank: int | None = None,
        world_size: int | None = None,
        on_error: OnError = "raise",
        max_errors: int | float | None = None,
        batch_transform: Any = None,
        collate: Literal["fixed", "pad", "list"] = "fixed",
    ) -> None:
        if not isinstance(dataset, BatchDataset):
            raise TypeError(
                f"dataset must have read_batch, batch_shape, dtype and a length, as DCTImageFolder has, got "
                f"{type(dataset).__name__}"
            )
        if threads is not None:
            resolve_threads(threads)
        self.dataset = dataset
        self.batch_size = _integer("batch_size", batch_size, 1)
        self.shuffle, self.drop_last, self.sampler = bool(shuffle), bool(drop_last), sampler
        self.seed = _integer("seed", seed, 0, 2**64 - 1)
        self.threads, self.prefetch = threads, _integer("prefetch", prefetch, 0)
        self.pin_memory, self.device = bool(pin_memory), as_device(device)
        self._order = self._new_order(rank, world_size)
        self.on_error, self.max_errors = _check_policy(on_error), _check_max_errors(max_errors, on_error)
        if collate not in COLLATE:
            raise ValueError(f"collate must be one of {list(COLLATE)}, got {collate!r}")
        if batch_transform is not None and (collate != "fixed" or not callable(batch_transform)):
            raise ValueError(
                f'batch_transform must be callable and needs collate="fixed", got {batch_transform!r}'
            )
        self.batch_transform, self.collate = batch_transform, collate
        self.epoch = 0
        self._progress = Progress(0)  # of the newest iterator, or where the next one begins
        self._resumes = False
        self.failures: list[Failure] = []
        self._iterators: list[weakref.ref[BatchIterator]] = []

    def _new_order(self, rank: int | None, world_size: int | None) -> Order:
        if self.sampler is None:
            self.rank, self.world_size = find_rank(rank, world_size)
            return SeededOrder(
                len(self.dataset),
                shuffle=self.shuffle,
                seed=self.seed,
                rank=self.rank,
                world_size=self.world_size,
                drop_last=self.drop_last,
            )
        if self.shuffle or rank is not None or world_size is not None:
            raise ValueError(
                "a sampler decides about order and ranks by itself: leave out shuffle, rank, world_size"
            )
        self.rank, self.world_size = 0, 1
        return SamplerOrder(self.sampler)

    @property
    def padding(self) -> int:
        return self._order.padding

    def __len__(self) -> int:
        """Batches of a whole epoch, on each rank."""
        return self._batches(len(self._order))

    def _batches(self, samples: int) -> int:
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes next. After `load_state_dict`, naming the loaded epoch leaves its position alone."""
        if _integer("epoch", epoch, 0, 2**64 - 1) != self.epoch:
            self._begin(Progress(epoch))
        self._order.set_epoch(epoch)

    def _begin(self, progress: Progress) -> None:
        self.epoch, self._progress, self._resumes = progress.epoch, progress, False
        self._order.set_epoch(progress.epoch)

    def _next_progress(self, check_sum: int | None) -> Progress:
        loaded, self._resumes, resumes = self._progress, False, self._resumes
        if not resumes:
            return Progress(self.epoch, 0, check_sum)
        if loaded.order not in (None, check_sum):
            raise RuntimeError(
                "the sampler gives another order than when the state was saved: seed it from the epoch, or "
                "restore its generator first"
            )
        return Progress(self.epoch, loaded.next_batch, check_sum)

    def __iter__(self) -> BatchIterator:
        indices = self._order.indices(self.epoch)
        self._progress = self._next_progress(self._order.check_sum(indices))
        self.failures = self._progress.failures
        job = self._job(indices, self._progress.next_batch)
        allowed = self.max_errors
        if isinstance(allowed, float):
            allowed = int(allowed * len(indices))
        iterator = BatchIterator(job, self._progress, allowed, self._finished)
        self._iterators = [known for known in self._iterators if known() is not None]
        self._iterators.append(weakref.ref(iterator))
        return iterator

    def _job(self, indices: Indices, first: int) -> Job:
        pinning = self.pin_memory or self.device is not None
        uses_cuda = pinning and torch.cuda.is_available()
        return Job(
            dataset=self.dataset,
            indices=indices,
            batch_size=self.batch_size,
            batches=self._batches(len(indices)),
            first=first,
            seed=self.seed,
            epoch=self.epoch,
            rank=self.rank,
            world_size=self.world_size,
            threads=self.threads,
            prefetch=self.prefetch,
            pinned=uses_cuda or (pinning and _pinning_works()),
            cuda_index=device_index(self.device) if uses_cuda else None,
            to_device=self.device is not None,
            on_error=self.on_error,
            collate=self.collate,
            batch_transform=self.batch_transform,
        )

    def _finished(self, progress: Progress) -> None:
        """After the last batch of the newest iterator, or of an older one, which counts no more."""
        if progress is self._progress:
            self._begin(Progress(self.epoch + 1))

    def state_dict(self) -> dict[str, Any]:
        """Where the consumer is: counts batches that it received, not those made ahead. The same on all ranks.

        Numbers, strings and None only, so that it can be saved as JSON too.
        """
        at = self._progress
        return {"epoch": at.epoch, "next_batch": at.next_batch, "order": at.order, **self._configuration()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The next iteration goes on where the state was taken.

        Raises:
            ValueError: the state of another configuration, under which the rest of the epoch would be another one.
        """
        mine = self._configuration()
        missing = [name for name in ("epoch", "next_batch", "order", *mine) if name not in state]
        if missing:
            raise ValueError(f"not a state of DCTLoader: it has no {', '.join(missing)}")
        differs = [
            f"{name} was {state[name]!r}, is {value!r}" for name, value in mine.items() if state[name] != value
        ]
        if differs:
            raise ValueError(f"the state is of another configuration: {'; '.join(differs)}")
        first = _integer("next_batch", state["next_batch"], 0, len(self))
        epoch = _integer("epoch", state["epoch"], 0, 2**64 - 1)
        self._begin(Progress(epoch, first, state["order"]))
        self._resumes = True

    def _configuration(self) -> dict[str, Any]:
        return {
            "length": len(self.dataset),
            "batch_size": self.batch_size,
            "world_size": self.world_size,
            "seed": self.seed,
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "sampler": None if self.sampler is None else type(self.sampler).__name__,
        }

    def close(self) -> None:
        """Ends the threads of all iterators. The loader can be used again afterwards."""
        for known in self._iterators:
            iterator = known()
            if iterator is not None:
                iterator.close()
        self._iterators = []

    def __enter__(self) -> DCTLoader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_iterators": []}

    def __repr__(self) -> str:
        order = f"seed {self.seed}" if self.shuffle else "as they come"
        if self.sampler is not None:
            order = type(self.sampler).__name__
        rank = f"rank {self.rank} of {self.world_size}"
        lines = [
            f"{type(self).__name__}: {len(self)} batches of {self.batch_size}, {rank}",
            f"    dataset: {type(self.dataset).__name__}, {len(self.dataset)} images",
            f"    order: {order}, epoch {self.epoch}" + (", drop_last" if self.drop_last else ""),
            f"    threads: {resolve_threads(self.threads)}, prefetch: {self.prefetch}",
        ]
        for name, default in _SHOWN.items():
            value = getattr(self, name)
            if value != default:
                lines.append(f"    {name}: {value}")
        return "\n".join(lines)


_SHOWN = {
    "collate": "fixed",
    "on_error": "raise",
    "max_errors": None,
    "batch_transform": None,
    "pin_memory": False,
    "device": None,
}


def _integer(name: str, value: Any, low: int, high: int | None = None) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if operator.index(value) < low or (high is not None and operator.index(value) > high):
        raise ValueError(
            f"{name} must be {f'at least {low}' if high is None else f'in {low} .. {high}'}, got {value}"
        )
    return operator.index(value)


def _check_policy(on_error: Any) -> OnError:
    if not callable(on_error) and on_error not in ("raise", "skip", "zero"):
        raise ValueError(f"on_error must be one of ['raise', 'skip', 'zero'] or a callable, got {on_error!r}")
    checked: OnError = on_error
    return checked


def _check_max_errors(max_errors: Any, on_error: OnError) -> int | float | None:
    if max_errors is None:
        return None
    if on_error == "raise":
        raise ValueError('max_errors limits on_error="skip", "zero" or a callable; "raise" allows no error')
    if isinstance(max_errors, float):
        if not 0.0 <= max_errors <= 1.0:
            raise ValueError(f"max_errors is a count, or a share 0.0 .. 1.0, got {max_errors}")
        return max_errors
    return _integer("max_errors", max_errors, 0)


def _pinning_works() -> bool:
    """Warns, once a process, where it does not."""
    return allocate((1,), torch.uint8, pin_memory=True).is_pinned()
