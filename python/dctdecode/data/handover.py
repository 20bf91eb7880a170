"""Memory in which a DataLoader's worker process hands batches over, used again once the other side lets go.

torch takes new shared memory for each batch, which the system has to clear page by page: that costs half as much
again as decoding. Here a worker keeps its pieces. Each begins with a page in which the receiver counts how often
it let go; when that is as often as the piece was sent, and nobody in the worker refers to it, it is free. There it
says too when a piece must never be used again, since a forked child may look at it for ever.
"""

from __future__ import annotations

import copy
import itertools
import math
import mmap
import os
import threading
import weakref
from multiprocessing.reduction import DupFd, ForkingPickler
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.multiprocessing import get_sharing_strategy
from torch.multiprocessing.reductions import StorageWeakRef, reduce_tensor

from dctdecode._tensors import over

__all__ = ["SharedBatch", "is_possible", "lend", "shared_batch"]

_HEADER_BYTES = mmap.PAGESIZE
_MOST_FREE = 4  # pieces that a worker keeps for later
_MOST_KNOWN = 64  # pieces that it waits for; each costs it two file descriptors


def is_possible() -> bool:
    """On Linux, unless the program has asked torch for memory without file descriptors."""
    return hasattr(os, "memfd_create") and get_sharing_strategy() == "file_descriptor"  # type: ignore[no-untyped-call]


def lend(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A tensor of unknown content, in a piece that was used before where one is free.

    Raises:
        OSError: no memory, or no file descriptor.
    """
    return _PIECES.lend(shape, dtype)


def shared_batch(storage: torch.UntypedStorage, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor | None:
    """The first rows of a lent tensor, as what goes to the other process without a copy; None for other memory."""
    piece = _PIECES.lent.get(storage.data_ptr())
    if piece is None:
        return None
    batch: SharedBatch = Tensor._make_subclass(SharedBatch, over(storage, dtype, shape))
    batch.piece = piece
    return batch


class SharedBatch(Tensor):
    """A tensor like any other, but for the way in which multiprocessing sends it. What is computed of it is plain.

    Only in a worker: the main process gets a plain tensor.
    """

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]
    piece: _Piece

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return self.as_subclass(Tensor).__reduce_ex__(protocol)  # type: ignore[no-untyped-call]

    def __deepcopy__(self, memo: Any) -> Tensor:
        return copy.deepcopy(self.as_subclass(Tensor), memo)


class _Piece:
    """A page for the count, then `size_bytes` for a batch."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.fd = os.memfd_create("dctdecode-batch", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self.fd).atexit = False
        os.ftruncate(self.fd, _HEADER_BYTES + size_bytes)
        self._memory = mmap.mmap(self.fd, _HEADER_BYTES + size_bytes)
        self._header = _header_of(self._memory)
        self.sent = 0
        self.is_lent = False
        self.moved: StorageWeakRef | None = None  # the storage that was here and is elsewhere now

    def is_free(self) -> bool:
        if self.moved is not None and self.moved.expired():  # type: ignore[no-untyped-call]
            self.is_lent, self.moved = False, None
        return not self.is_lent and int(self._header[_RELEASED]) == self.sent

    def is_given_up(self) -> bool:
        return bool(self._header[_GIVEN_UP])

    def watched(self) -> npt.NDArray[np.uint8]:
        """An array that is made for one tensor alone, and lives as long as its storage."""
        return np.frombuffer(self._memory, np.uint8)[_HEADER_BYTES:]


class _Pieces:
    """Those of this process."""

    def __init__(self) -> None:
        self.lent: dict[int, _Piece] = {}  # by address
        self._all: list[_Piece] = []  # the one used last is the last
        self._lending = threading.RLock()  # a data set may read in several threads

    def lend(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        with self._lending:
            piece = self._free_piece(math.prod(shape) * dtype.itemsize)
            piece.is_lent = True
        watched = piece.watched()
        address = watched.ctypes.data
        self.lent[address] = piece
        storage = torch.from_numpy(watched).untyped_storage()
        weakref.finalize(watched, self._give_back, address, piece, StorageWeakRef(storage)).atexit = False  # type: ignore[no-untyped-call]
        return over(storage, dtype, shape)

    def _free_piece(self, size_bytes: int) -> _Piece:
        """Forgets those given up, free ones that are too many, and those waited for longest of too many."""
        self._all = [piece for piece in self._all if not piece.is_given_up()]
        free = [piece for piece in self._all if piece.is_free()]
        fitting = [piece for piece in free if piece.size_bytes >= size_bytes]
        chosen = fitting[0] if fitting else _Piece(size_bytes)
        dropped = {id(piece) for piece in free if piece is not chosen} if len(free) > _MOST_FREE else set()
        self._all = [piece for piece in self._all if piece is not chosen and id(piece) not in dropped]
        self._all = [*self._all[1 - _MOST_KNOWN :], chosen]
        return chosen

    def _give_back(self, address: int, piece: _Piece, storage: StorageWeakRef) -> None:
        """Takes no lock: a finalizer may run anywhere. What comes last lets another thread have the piece."""
        self.lent.pop(address, None)
        if _has_moved(storage):
            piece.moved = storage
        else:
            piece.is_lent = False


_PIECES = _Pieces()


def _has_moved(storage: StorageWeakRef) -> bool:
    """Whether it let go of its memory but lives, as after `share_memory_`, which gives it other memory.

    Arrays of its tensors and DLPack capsules still point to what it had, and live no longer than it does.
    """
    return not storage.expired()  # type: ignore[no-untyped-call]


def _send(batch: SharedBatch) -> Any:
    """For multiprocessing: what to call on the other side."""
    piece, storage = batch.piece, batch.untyped_storage()
    if _PIECES.lent.get(storage.data_ptr()) is not piece or batch.requires_grad:
        # Somebody gave it other memory, or a use for autograd; what is no leaf of it, torch refuses.
        plain = batch.detach().requires_grad_(batch.requires_grad) if batch.is_leaf else batch.as_subclass(Tensor)
        return reduce_tensor(plain)  # type: ignore[no-untyped-call]
    descriptor = DupFd(piece.fd)  # may fail, and is then not sent
    piece.sent += 1
    place = batch.storage_offset(), tuple(batch.shape), tuple(batch.stride())
    return _receive, (descriptor, _HEADER_BYTES + piece.size_bytes, batch.dtype, *place)


ForkingPickler.register(SharedBatch, _send)

_RELEASED, _GIVEN_UP = 0, 1  # places in the header
_RECEIVED: dict[int, npt.NDArray[np.uint64]] = {}  # headers of what is still in use here
_MOVED: dict[int, tuple[StorageWeakRef, npt.NDArray[np.uint64]]] = {}  # storages, headers of what they had
_NUMBERS = itertools.count()
_COUNTING = threading.RLock()  # finalizers may interrupt one another
_FORKS: list[None] = []  # one for each that is underway


def _receive(
    descriptor: Any,
    size_bytes: int,
    dtype: torch.dtype,
    begin: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
) -> Tensor:
    fd = descriptor.detach()
    try:
        memory = mmap.mmap(fd, size_bytes)
    finally:
        os.close(fd)
    watched = np.frombuffer(memory, np.uint8)[_HEADER_BYTES:]  # as in the sender
    number = next(_NUMBERS)
    _RECEIVED[number] = header = _header_of(memory)
    storage = torch.from_numpy(watched).untyped_storage()
    weakref.finalize(watched, _let_go, number, header, StorageWeakRef(storage)).atexit = False  # type: ignore[no-untyped-call]
    _free_moved()
    return torch.empty(0, dtype=dtype).set_(storage, begin, shape, strides)


def _let_go(number: int, header: npt.NDArray[np.uint64], storage: StorageWeakRef) -> None:
    with _COUNTING:
        has_moved = _has_moved(storage)
        if has_moved:
            _MOVED[number] = storage, header  # which keeps it mapped
        if _RECEIVED.pop(number, None) is None:
            return
        if has_moved or _FORKS:  # a forked child may have it
            header[_GIVEN_UP] = 1
        else:
            header[_RELEASED] += np.uint64(1)


def _free_moved() -> None:
    for number, (storage, _) in list(_MOVED.items()):
        if not _has_moved(storage):
            _MOVED.pop(number, None)


def _header_of(memory: mmap.mmap) -> npt.NDArray[np.uint64]:
    return np.frombuffer(memory, np.uint64, 2)


def _give_up_all() -> None:
    """A forked child has what is in use here too, for as long as it likes: none of it is used again."""
    global _PIECES
    for number in list(_RECEIVED):
        header = _RECEIVED.pop(number, None)
        if header is not None:
            header[_GIVEN_UP] = 1
    _PIECES = _Pieces()


def _before_fork() -> None:
    _FORKS.append(None)
    _give_up_all()


def _after_fork() -> None:
    _give_up_all()  # what other threads received or lent since
    _FORKS.pop()


def _after_fork_in_child() -> None:
    """Counts nothing that the parent counts. Another thread of it may have held the lock."""
    global _COUNTING
    _COUNTING = threading.RLock()
    _give_up_all()
    _FORKS.clear()


if hasattr(os, "memfd_create"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
