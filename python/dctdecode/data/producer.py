"""The thread behind an iterator: has batches made ahead of the consumer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from queue import Empty
from typing import Any

import torch
from torch import Tensor

from dctdecode.batch import Failure, OnError
from dctdecode.data.collate import Batch, Request
from dctdecode.data.order import Indices
from dctdecode.data.protocol import BatchDataset
from dctdecode.data.ring import Inbox, Memory, Ring
from dctdecode.data.transfer import CudaTransfer
from dctdecode.data.workers import Finished, Workers, can_prepare
from dctdecode.transforms import CounterRandom

__all__ = ["Job", "Producer", "Ready"]

_BATCH_STREAM = 1  # of CounterRandom, beside 0 for images
_STOP_SECONDS = 5.0  # a batch may take longer; its thread then ends by itself, when the batch is done


@dataclass(frozen=True)
class Job:
    """All that the batches of one epoch depend on. Batches are numbered from 0; `first` is where to begin."""

    dataset: BatchDataset
    indices: Indices
    batch_size: int
    batches: int
    first: int
    seed: int
    epoch: int
    rank: int
    world_size: int
    threads: int | None
    prefetch: int
    pinned: bool
    cuda_index: int | None  # whose context pins, and which device batches are copied to if `to_device`
    to_device: bool
    on_error: OnError
    collate: str
    batch_transform: Any


@dataclass(frozen=True)
class Ready:
    """Result of one batch: it, or the error that it ended in. `copied` is when it is whole on the device."""

    batch: Batch | None = None
    error: BaseException | None = None
    transfer: CudaTransfer | None = None
    copied: torch.cuda.Event | None = None


class Producer:
    """A thread that has batches made by `Workers`; `take` and `stop` are for others.

    Batch k is prepared as soon as a worker is there, and decoded once k < taken + prefetch, or once the consumer
    waits for it, and memory is there: a buffer of the ring, or, if the consumer waits and holds all buffers
    itself, one beyond the ring's limit.

    Whatever may change that goes through `_inbox`.
    """

    def __init__(self, job: Job) -> None:
        self.taken = job.first
        self._job = job
        self._awaited = -1  # number of the batch that the consumer waits for
        # Numbers of the batches that are begun, decoded, and delivered to the consumer next.
        self._begun = self._next = self._delivered = job.first
        self._stopped = self._ended = self._looks_again = False
        self._inbox = Inbox()
        self._ring = self._new_ring()
        ahead = job.collate == "fixed" and job.prefetch > 0 and can_prepare(job.dataset)
        self._workers = Workers(
            2 if ahead else 1,
            job.first,
            self._request,
            job.collate,
            self._ring is not None,
            self._enter_device,
            self._inbox.put,
        )
        self._results: dict[int, Ready] = {}
        self._changed = threading.Condition()
        self._transfer: CudaTransfer | None = None
        self._thread = threading.Thread(target=self._run, name="dctdecode-loader", daemon=True)
        self._own_threads = {self._thread, *self._workers.threads}
        try:
            self._thread.start()
        except BaseException:  # no thread is left
            self._workers.close()
            del self._workers
            raise

    def take(self) -> Ready:
        """Waits for the next batch. An interrupt (Ctrl-C) while waiting loses none."""
        with self._changed:
            while self.taken not in self._results:
                if self._ended:
                    raise RuntimeError("the thread behind this iterator has ended; begin a new iterator")
                if self._awaited != self.taken:
                    self._awaited = self.taken
                    self._inbox.put(None)
                self._changed.wait()
            ready = self._results[self.taken]
            self.taken += 1  # from here on it counts as received
            del self._results[self.taken - 1]
        self._inbox.put(None)
        return ready

    def stop(self) -> None:
        """Ends the threads, frees what they hold. Called when the iterator goes, at the latest at exit."""
        self._stopped = True
        self._inbox.put(None)
        if threading.current_thread() in self._own_threads:  # as the garbage collector may have it
            return  # `_run` cannot end before this, and frees all
        self._thread.join(_STOP_SECONDS)
        self._free()

    def _free(self) -> None:
        self._results.clear()
        self._inbox.close()

    def _new_ring(self) -> Ring | None:
        job = self._job
        shape = job.dataset.batch_shape(job.batch_size) if job.collate == "fixed" else None
        if shape is None:
            return None
        return Ring(shape, job.dataset.dtype, job.prefetch + 2, job.pinned, self._inbox)

    def _run(self) -> None:
        try:
            self._enter_device()
            if self._job.cuda_index is not None and self._job.to_device:
                self._transfer = CudaTransfer(self._job.cuda_index)
            while self._delivered < self._job.batches and not self._stopped:
                if self._may_begin():
                    self._workers.prepare(self._begun)
                    self._begun += 1
                elif self._may_decode():
                    self._decode()
                elif not self._looks_again:  # what came will not come again
                    self._handle(self._inbox.get())
        except BaseException as error:  # else the consumer would wait for ever
            self._deliver(Ready(error=error))
        finally:
            self._workers.close()
            del self._workers  # it knows this object: a cycle, which would keep the dataset
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            if self._stopped:
                self._free()

    def _enter_device(self) -> None:
        if self._job.cuda_index is not None:  # a new thread's device is 0, and pinning would take memory on it
            torch.cuda.set_device(self._job.cuda_index)

    def _may_begin(self) -> bool:
        return self._begun < min(self._job.batches, self._delivered + self._workers.count)

    def _may_decode(self) -> bool:
        """Whether batch `_next` was begun, may be decoded, and memory is there for it."""
        awaited = self._is_awaited()  # first: what the consumer let go of before it waited is then in the inbox
        self._looks_again = self._empty_inbox()
        return self._next < self._begun and (awaited or (self._may_run_ahead() and self._memory_is_left()))

    def _is_awaited(self) -> bool:
        return self._awaited == self._next

    def _may_run_ahead(self) -> bool:
        return self._next < self.taken + self._job.prefetch

    def _memory_is_left(self) -> bool:
        return self._ring is None or self._ring.has_room()

    def _decode(self) -> None:
        """No variable here or above may hold the memory: it would not come back."""
        rows = len(self._indices(self._next))
        self._workers.decode(self._next, None if self._ring is None else self._ring.lend(rows))
        self._next += 1

    def _empty_inbox(self) -> bool:
        """Whether anything was in it."""
        found = False
        while True:
            try:
                self._handle(self._inbox.get_nowait())
            except Empty:
                return found
            found = True

    def _handle(self, message: Memory | Finished | None) -> None:
        if isinstance(message, Finished):
            self._deliver(self._ready(message))
        elif message is not None and self._ring is not None:
            self._ring.take_back(message)

    def _deliver(self, ready: Ready) -> None:
        with self._changed:
            self._results[self._delivered] = ready
            self._delivered += 1
            self._changed.notify_all()

    def _ready(self, finished: Finished) -> Ready:
        if finished.batch is None:
            return Ready(error=finished.error)
        try:
            return self._moved_and_mixed(finished.batch, finished.number)
        except BaseException as error:
            return Ready(error=error)

    def _moved_and_mixed(self, batch: Batch, number: int) -> Ready:
        if batch.failures:
            indices = self._indices(number)
            batch = replace(batch, failures=[_in_dataset(failure, indices) for failure in batch.failures])
        with self._on_device():
            if self._transfer is not None:
                batch = batch.map(self._transfer.copy)
            if self._job.batch_transform is not None:
                batch = self._mixed(batch, number)
            return Ready(batch, None, self._transfer, self._transfer.record() if self._transfer else None)

    def _indices(self, number: int) -> list[int]:
        size = self._job.batch_size
        indices: list[int] = self._job.indices[number * size : (number + 1) * size].tolist()
        return indices

    def _request(self, number: int) -> Request:
        job, indices = self._job, self._indices(number)
        randoms = [CounterRandom(job.seed, job.epoch, index) for index in indices]
        on_error = _by_index_of_dataset(job.on_error, indices)
        return Request(job.dataset, indices, randoms, job.threads, on_error, job.pinned)

    @contextmanager
    def _on_device(self) -> Iterator[None]:
        with nullcontext() if self._transfer is None else self._transfer.stream():
            yield

    def _mixed(self, batch: Batch, number: int) -> Batch:
        job, transform = self._job, self._job.batch_transform
        assert isinstance(batch.images, Tensor)
        if not hasattr(transform, "apply"):
            images, targets = transform(batch.images, batch.targets)
        else:
            place = number * job.world_size + job.rank  # ranks mix differently
            random = CounterRandom(job.seed, job.epoch, place, stream=_BATCH_STREAM)
            images, targets = transform.apply(batch.images, batch.targets, random)
        return replace(batch, images=images, targets=targets)


def _in_dataset(failure: Failure, indices: list[int]) -> Failure:
    return replace(failure, index=indices[failure.index])


def _by_index_of_dataset(on_error: OnError, indices: list[int]) -> OnError:
    if not callable(on_error):
        return on_error
    ask = on_error
    return lambda failure: ask(_in_dataset(failure, indices))
