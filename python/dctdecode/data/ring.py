"""Memory of batches, lent out as tensors and recycled once no tensor refers to it."""

from __future__ import annotations

import mmap
import weakref
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dctdecode._tensors import allocate, over

__all__ = ["Inbox", "Memory", "Ring"]


class Memory:
    """What comes back: the buffer, or None where torch itself recycles it."""

    def __init__(self, buffer: npt.NDArray[np.uint8] | None) -> None:
        self.buffer = buffer


class Inbox:
    """What a loader's thread waits for: memory that comes back, a batch, or None for "look again".

    `put` is for finalizers too, which run in any thread at any time, in the middle of another `put` as well:
    SimpleQueue allows that.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._closed = False

    def put(self, message: Any) -> None:
        self._queue.put(message)
        if self._closed:
            self._empty()

    def get(self) -> Any:
        return self._queue.get()

    def get_nowait(self) -> Any:
        return self._queue.get_nowait()

    def close(self) -> None:
        """Nobody reads any more: frees memory that came back, and that will."""
        self._closed = True
        self._empty()

    def _empty(self) -> None:
        with suppress(Empty):
            while True:
                self._queue.get_nowait()


class Ring:
    """Buffers, each of one batch (N, C, Hb, Wb), at most `limit` unless asked for more; for one thread.

    A lent tensor's storage is watched: when it is freed, no view, slice, numpy array or other tensor can reach the
    memory any more, and it is put into `returned`, from whichever thread that happens in.

    - Pageable buffers are kept here. The storage of a lent tensor is borrowed from an array that is made for it
      alone and lives as long as the storage.
    - Pinned ones are torch's own: its allocator of pinned memory keeps freed blocks, and hands one out again only
      when copies to the device that still read it are done, which nobody here could know of.
    """

    def __init__(
        self,
        batch_shape: tuple[int, ...],
        dtype: torch.dtype,
        limit: int,
        pinned: bool,
        returned: Inbox,
    ) -> None:
        self._row_shape = batch_shape[1:]
        self._dtype = dtype
        self._size_bytes = int(np.prod(batch_shape)) * dtype.itemsize
        self._limit = limit
        self._pinned = pinned
        self._returned = returned
        self._idle: list[npt.NDArray[np.uint8]] = []
        self._lent = 0

    def has_room(self) -> bool:
        return self._lent < self._limit

    def lend(self, rows: int) -> Tensor:
        """A tensor (rows, C, Hb, Wb) of unknown content. Beyond the limit its memory is not kept afterwards."""
        shape = (rows, *self._row_shape)
        watched: Any
        if self._pinned:
            tensor = allocate(shape, self._dtype, pin_memory=True)
            watched, memory = tensor.untyped_storage(), Memory(None)
        else:
            buffer = self._idle.pop() if self._idle else self._new_buffer()
            watched, memory = buffer[:], Memory(buffer)
            tensor = over(torch.from_numpy(watched).untyped_storage(), self._dtype, shape)
        weakref.finalize(watched, self._returned.put, memory).atexit = False
        self._lent += 1
        return tensor

    def take_back(self, memory: Memory) -> None:
        self._lent -= 1
        if memory.buffer is not None and self._lent + len(self._idle) < self._limit:
            self._idle.append(memory.buffer)

    def _new_buffer(self) -> npt.NDArray[np.uint8]:
        """From the system and not from malloc, whose heaps keep what other threads freed.

        In large pages where Linux has them: a new buffer then costs tens of page faults and not thousands.
        """
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        memory = mmap.mmap(-1, max(1, self._size_bytes), flags=private)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with suppress(OSError):  # a kernel built without them
                memory.madvise(mmap.MADV_HUGEPAGE)
        return np.frombuffer(memory, np.uint8)
