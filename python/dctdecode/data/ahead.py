"""Preparing the next batch while one is decoded, so that what Python does for it costs no time of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

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
    """Reads batches of a `PreparingDataset`, in turn; for one thread, which starts another one for each batch.

    Args:
        request_of: number of a batch -> what to read.
        batches: numbers end before it.
        has_out: memory will be given.
    """

    def __init__(self, request_of: Callable[[int], Request], batches: int, has_out: bool) -> None:
        self._request_of, self._batches, self._has_out = request_of, batches, has_out
        self._next: _Preparation | None = None

    def read(self, number: int, out: Tensor | None) -> tuple[Tensor, Tensor, list[Failure]]:
        """Batch ``number``. The one behind it is prepared meanwhile."""
        mine, self._next = self._next, None
        if mine is None or mine.number != number:
            mine = self._begin(number)
        finish = mine.result()
        if number + 1 < self._batches:
            self._next = self._begin(number + 1)
        return finish(out, mine.request.pinned)

    def close(self) -> None:
        """Waits for the thread and forgets what it has prepared."""
        if self._next is not None:
            self._next.thread.join()
        self._next = None

    def _begin(self, number: int) -> _Preparation:
        return _Preparation(number, self._request_of(number), self._has_out)


class _Preparation:
    """Of one batch, on a thread of its own."""

    def __init__(self, number: int, request: Request, has_out: bool) -> None:
        self.number, self.request, self._has_out = number, request, has_out
        self._finish: FinishBatch | None = None
        self._error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name="dctdecode-prepare", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        request, dataset = self.request, self.request.dataset
        assert isinstance(dataset, PreparingDataset)
        try:
            self._finish = dataset.prepare_batch(
                request.indices,
                randoms=request.randoms,
                threads=request.threads,
                on_error=request.on_error,
                has_out=self._has_out,
            )
        except BaseException as error:  # of this batch: raised at its turn
            self._error = error

    def result(self) -> FinishBatch:
        self.thread.join()
        error, self._error = self._error, None  # else error -> traceback -> this -> error
        try:
            if error is not None:
                raise error
        finally:
            del error
        assert self._finish is not None
        return self._finish
