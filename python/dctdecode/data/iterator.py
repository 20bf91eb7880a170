"""The consumer's side of one epoch."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dctdecode.batch import Failure
from dctdecode.data.producer import Job, Producer

__all__ = ["BatchIterator", "Progress"]

_SHOWN_FAILURES = 5


@dataclass
class Progress:
    """How far the consumer is: the number of the batch that it receives next, and what failed in those before."""

    epoch: int
    next_batch: int = 0
    order: int | None = None  # check sum of a sampler's order
    failures: list[Failure] = field(default_factory=list)


class BatchIterator:
    """One epoch of a `DCTLoader`. Its thread ends with it, however it goes; `close` ends it at once.

    Args:
        job: what to read.
        progress: kept up to date.
        max_failures: how many images may fail.
        finished: called with `progress` after the last batch.
    """

    def __init__(
        self, job: Job, progress: Progress, max_failures: int | None, finished: Callable[[Progress], None]
    ) -> None:
        self._progress, self._finished = progress, finished
        self._max_failures = max_failures
        self._batches = job.batches
        self._process = os.getpid()
        self._producer: Producer | None = Producer(job)
        self._stop = weakref.finalize(self, self._producer.stop)  # at exit too, before Python ends daemon threads

    def __iter__(self) -> BatchIterator:
        return self

    def __len__(self) -> int:
        """Batches that are left."""
        return 0 if self._producer is None else self._batches - self._producer.taken

    def __next__(self) -> tuple[Any, ...]:
        if self._producer is None:
            raise StopIteration
        if self._process != os.getpid():
            raise RuntimeError("this iterator's thread is in the process that was forked: begin a new iterator")
        if self._producer.taken == self._batches:
            self.close()
            self._finished(self._progress)
            raise StopIteration
        ready = self._producer.take()
        self._progress.next_batch = self._producer.taken
        if ready.batch is None:
            assert ready.error is not None
            try:
                raise ready.error
            finally:
                del ready  # else error -> traceback -> this frame -> error
        if ready.transfer is not None and ready.copied is not None:
            ready.transfer.hand_over(ready.batch.tensors(), ready.copied)
        self._progress.failures.extend(ready.batch.failures)
        self._check_failures()
        return ready.batch.parts()

    def _check_failures(self) -> None:
        failures, allowed = self._progress.failures, self._max_failures
        if allowed is None or len(failures) <= allowed:
            return
        self.close()
        shown = "\n".join(f"  {failure.error}" for failure in failures[-_SHOWN_FAILURES:])
        raise RuntimeError(
            f"{len(failures)} images could not be read, max_errors allows {allowed}; the last:\n{shown}"
        )

    def close(self) -> None:
        """Ends the thread and frees the batches that were made ahead."""
        self._stop()
        self._producer = None

    def __enter__(self) -> BatchIterator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
