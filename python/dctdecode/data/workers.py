"""The threads that make a loader's batches: one prepares the next batch while another's is decoded."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue
from typing import NamedTuple

from torch import Tensor

from dctdecode.batch import Failure, OnError, enter_queue
from dctdecode.data.collate import COLLATE, Batch, Request
from dctdecode.data.protocol import BatchDataset, PreparingDataset

__all__ = ["Finished", "Workers", "can_prepare"]

_QUEUES = itertools.count(1)  # of native calls, one for the workers of each iterator


def can_prepare(dataset: BatchDataset) -> bool:
    """Whether its `prepare_batch` stands for its `read_batch`: not where somebody has changed only the latter."""
    if not isinstance(dataset, PreparingDataset) or "read_batch" in getattr(dataset, "__dict__", ()):
        return False
    kinds = type(dataset).__mro__
    first = next((kind for kind in kinds if not {"prepare_batch", "read_batch"}.isdisjoint(vars(kind))), object)
    return "prepare_batch" in vars(first)


class Finished(NamedTuple):
    """A batch that was made, or the error that it ended in."""

    number: int
    batch: Batch | None
    error: BaseException | None


class _Closed(Exception):
    """A batch that nobody wants any more."""


class _Task:
    """A batch that was begun. `granted` gets the memory for it, or that it is not to be decoded."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.granted: SimpleQueue[Tensor | type[_Closed] | None] = SimpleQueue()


class Workers:
    """Threads that make batches; `prepare`, `decode` and `close` are for one other thread.

    With two of them, the batch begun last is prepared while the one before is decoded, and its native call waits
    in line: the decoding threads go from one to the next without Python between. Preparations, what an
    `on_error` is asked, and results come in the order of the batches all the same.

    Args:
        count: 1; or 2, for a `PreparingDataset`.
        first: number of the batch that is begun first; the others follow, one by one.
        request_of: number of a batch -> what to read. Called by a worker.
        collate: name in `COLLATE`.
        has_out: memory will be given.
        enter: called first for each batch, in its thread.
        done: gets each result, in a worker.
    """

    def __init__(
        self,
        count: int,
        first: int,
        request_of: Callable[[int], Request],
        collate: str,
        has_out: bool,
        enter: Callable[[], None],
        done: Callable[[Finished], None],
    ) -> None:
        self.count = count
        self._request_of, self._collate, self._has_out = request_of, collate, has_out
        self._enter, self._done = enter, done
        self._queue = next(_QUEUES)
        self._preparations, self._ends = _Turns(first), _Turns(first)
        self._begun: dict[int, _Task] = {}
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self.threads: list[threading.Thread] = []
        try:
            for _ in range(count):
                thread = threading.Thread(target=self._serve, name="dctdecode-batch", daemon=True)
                thread.start()
                self.threads.append(thread)
        except BaseException:  # no thread is left, or Ctrl-C
            self.close()
            raise

    def prepare(self, number: int) -> None:
        """Begins batch ``number``. At most `count` are under way at a time."""
        self._begun[number] = task = _Task(number)
        self._tasks.put(task)

    def decode(self, number: int, out: Tensor | None) -> None:
        """Batch ``number``, which was begun, goes on once it is prepared, into ``out`` where that is given."""
        self._begun.pop(number).granted.put(out)

    def close(self) -> None:
        """Ends the threads; batches that are prepared only are not decoded any more."""
        for task in self._begun.values():
            task.granted.put(_Closed)
        for _ in self.threads:
            self._tasks.put(None)
        for thread in self.threads:
            thread.join()

    def _serve(self) -> None:
        enter_queue(self._queue)
        while (task := self._tasks.get()) is not None:
            finished = self._finished(task)
            del task
            with self._ends.turn(finished.number):
                self._done(finished)
            del finished  # from here on the memory is the receiver's

    def _finished(self, task: _Task) -> Finished:
        """Nothing of a batch stays in a variable that outlives this call: it would keep the memory."""
        try:
            return Finished(task.number, self._make(task), None)
        except BaseException as error:
            return Finished(task.number, None, error)

    def _make(self, task: _Task) -> Batch:
        try:
            finish = self._prepared(task.number)
        finally:  # an error has its turn too, and the memory that goes with it
            out = task.granted.get()
        if isinstance(out, type):
            raise _Closed
        return finish(out)

    def _prepared(self, number: int) -> Callable[[Tensor | None], Batch]:
        with self._preparations.turn(number):
            self._enter()
            request = self._request_of(number)
            if callable(request.on_error):
                request = replace(request, on_error=self._asked_in_turn(number, request.on_error))
            if self.count == 1:
                return lambda out: COLLATE[self._collate](request, out)
            assert isinstance(request.dataset, PreparingDataset)
            finish = request.dataset.prepare_batch(
                request.indices,
                randoms=request.randoms,
                threads=request.threads,
                on_error=request.on_error,
                has_out=self._has_out,
            )
            return lambda out: Batch(*finish(out, request.pinned))

    def _asked_in_turn(self, number: int, on_error: OnError) -> OnError:
        assert callable(on_error)
        ask = on_error

        def wait_and_ask(failure: Failure) -> object:
            self._ends.wait(number)
            return ask(failure)

        return wait_and_ask  # type: ignore[return-value]


class _Turns:
    """Numbers from `first` on, each of which has its turn after the one before."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._changed = threading.Condition()

    def wait(self, number: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._next == number)

    @contextmanager
    def turn(self, number: int) -> Iterator[None]:
        """Every number has to come here, one time."""
        self.wait(number)
        try:
            yield
        finally:
            with self._changed:
                self._next = number + 1
                self._changed.notify_all()
