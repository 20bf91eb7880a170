"""Preparing the next batch while one is decoded, so that what Python does for it costs no time of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from torch import Tensor

from dctdecode.batch import Failure
from dctdecode.data.collate import Request
from dctdecode.data.protocol import BatchDataset, FinishBatch, PreparingDataset

__all__ = ["Ahead", "can_prepare"]


def can_prepare(dataset: BatchDataset) -> bool:
    """Whether its `prepare_batch` stands for its `read_batch`: not where somebody has changed only the latter."""
    if not isinstance(dataset, PreparingDataset) or "read_batch" in getattr(dataset, "__dict__", ()):
        return False
    kinds = type(dataset).__mro__
    first = next((kind for kind in kinds if not {"prepare_batch", "read_batch"}.isdisjoint(vars(kind))), object)
    return "prepare_batch" in vars(first)


class Ahead:
    """Reads batches of a `PreparingDataset`, in turn; for one thread. Has one of its own.

    Args:
        request_of: number of a batch -> what to read. Called by the own thread.
        batches: numbers end before it.
        has_out: memory will be given.
    """

    def __init__(self, request_of: Callable[[int], Request], batches: int, has_out: bool) -> None:
        self._request_of, self._batches, self._has_out = request_of, batches, has_out
        self._next: _Preparation | None = None
        self._tasks: SimpleQueue[_Preparation | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="dctdecode-prepare", daemon=True)
        self._thread.start()

    def read(self, number: int, out: Tensor | None) -> tuple[Tensor, Tensor, list[Failure]]:
        """Batch ``number``. The one behind it is prepared meanwhile."""
        mine, self._next = self._next, None
        if mine is None:
            mine = self._begin(number)
        finish, pinned = mine.result()
        if number + 1 < self._batches:
            self._next = self._begin(number + 1)
        return finish(out, pinned)

    def close(self) -> None:
        """Ends the thread and forgets what it has prepared."""
        self._tasks.put(None)
        self._thread.join()
        self._next = None

    def _begin(self, number: int) -> _Preparation:
        """Starting a thread here would wait for it, and the decoding threads with it."""
        task = _Preparation(number)
        self._tasks.put(task)
        return task

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            task.run(self._request_of, self._has_out)
            del task  # else it would keep a batch's files until the next one comes


class _Preparation:
    """Of one batch: `run` by one thread, `result` for another."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._finish: FinishBatch | None = None
        self._pinned = False
        self._error: BaseException | None = None
        self._done = threading.Event()

    def run(self, request_of: Callable[[int], Request], has_out: bool) -> None:
        try:
            request = request_of(self._number)
            assert isinstance(request.dataset, PreparingDataset)
            self._pinned = request.pinned
            self._finish = request.dataset.prepare_batch(
                request.indices,
                randoms=request.randoms,
                threads=request.threads,
                on_error=request.on_error,
                has_out=has_out,
            )
        except BaseException as error:  # of this batch: raised at its turn
            self._error = error
        self._done.set()

    def result(self) -> tuple[FinishBatch, bool]:
        """The other half, and whether memory is to be pinned."""
        self._done.wait()
        error, self._error = self._error, None  # else error -> traceback -> this -> error
        try:
            if error is not None:
                raise error
        finally:
            del error
        assert self._finish is not None
        return self._finish, self._pinned
