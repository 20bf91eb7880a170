"""One file: pruned, copied or found done. What every engine calls, in whatever process."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple

from dctdecode.data.archive import ShardError
from dctdecode.errors import DctDecodeError
from dctdecode.trees.archives import Answer, Members, prune_archive
from dctdecode.trees.atomic import AtomicFile, TargetError, digest_of
from dctdecode.trees.listing import Source
from dctdecode.trees.manifest import Row
from dctdecode.trees.options import PruneOptions

__all__ = ["ERRORS", "Job", "Outcome", "Stopped", "Task", "Threads", "work"]

# What an image can raise; ValueError: an image that does not go with the arguments.
ERRORS = (DctDecodeError, OSError, ValueError, MemoryError)


class Stopped(Exception):
    """The run ends before this file is done."""


class Task(NamedTuple):
    """What is the same for all files of a run. Can be pickled.

    Attributes:
        source, target: folders.
        owner: which part of the work this run does, such as ``"0-of-1"``.
        options: what to keep.
        on_error: ``"raise"``, ``"skip"`` or ``"copy"``. Here ``"raise"`` differs from ``"skip"`` only in archives.
        others: ``"copy"`` or ``"list"`` files that are no JPEGs.
    """

    source: Path
    target: Path
    owner: str
    options: PruneOptions
    on_error: str
    others: str


class Job(NamedTuple):
    """A file, and what the manifest says about it."""

    source: Source
    before: Row | None = None


class Outcome(NamedTuple):
    """`verified`: the file had been done, and is as the manifest says."""

    row: Row
    verified: bool


class Threads:
    """Prunes images on the threads of a pool, or at once, if there is none.

    Args:
        options: what to keep.
        pool: of ``count`` threads.
        advanced: told the bytes of every image that was given as bytes, and is done.
    """

    def __init__(
        self,
        options: PruneOptions,
        pool: ThreadPoolExecutor | None = None,
        count: int = 1,
        advanced: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._options, self._pool, self._advanced = options, pool, advanced
        self.ahead = 16 * count
        self._free = threading.Semaphore(8 * count)  # so that many archives at once do not fill the memory
        self.stop = threading.Event()

    def begin(self, source: bytes | Path) -> Future[Answer]:
        """Errors of the image are the future's result.

        Raises:
            Stopped: `stop` was set.
        """
        if self.stop.is_set():
            raise Stopped
        if self._pool is not None:
            self._free.acquire()
            begun = self._pool.submit(self._prune, source)
            begun.add_done_callback(lambda _: self._free.release())
            return begun
        future: Future[Answer] = Future()
        future.set_result(self._prune(source))
        return future

    def _prune(self, source: bytes | Path) -> Answer:
        try:
            return self._options.prune(source)
        except ERRORS as error:
            return error
        finally:
            if isinstance(source, bytes):
                self._advanced(len(source))


def work(job: Job, task: Task, threads: Threads) -> Outcome:
    """Does one file. What goes wrong with it is in the row.

    Raises:
        Stopped: `threads.stop` was set.
    """
    if job.before is not None and is_done(job.source, job.before, task.target):
        return Outcome(job.before, True)
    source, path = job.source, task.source / job.source.file
    row = Row(source.file, "listed", source.bytes_before, mtime_ns=source.mtime_ns)
    try:
        if source.kind == "special":
            return Outcome(
                row._replace(error="no regular file, or a link that leads nowhere or in a circle"), False
            )
        if source.kind == "other":
            return Outcome(row if task.others == "list" else _copied(row, path, source, task), False)
        return Outcome(_pruned(row, path, source, task, threads), False)
    except TargetError as error:
        return Outcome(row._replace(status="unwritable", error=str(error)), False)
    except ERRORS as error:
        return Outcome(row._replace(status="failed", failed=1, error=_message(error, path)), False)


def is_done(source: Source, row: Row, target: Path) -> bool:
    """Whether the source is as it was, and the target what was made of it, to the last byte."""
    if row.status not in ("pruned", "copied"):
        return False
    if (row.bytes_before, row.mtime_ns) != (source.bytes_before, source.mtime_ns):
        return False
    path = target / source.file
    try:
        return path.lstat().st_size == row.bytes_after and digest_of(path) == row.digest
    except OSError:
        return False


def _pruned(row: Row, path: Path, source: Source, task: Task, threads: Threads) -> Row:
    try:
        if source.kind == "shard":
            return _pruned_archive(row, path, source, task, threads)
        answer = threads.begin(path).result()
        if isinstance(answer, Exception):
            raise answer
    except TargetError:
        raise
    except ERRORS as error:
        if task.on_error != "copy" or not path.is_file():
            raise
        return _copied(row, path, source, task)._replace(failed=1, error=_message(error, path))
    with AtomicFile(task.target / source.file, task.owner, source.mode) as file:
        file.write(answer)
    return row._replace(status="pruned", images=1, bytes_after=file.size, digest=file.digest)


def _pruned_archive(row: Row, path: Path, source: Source, task: Task, threads: Threads) -> Row:
    members = Members(0, 0, "")

    def fill(archive: IO[bytes], file: AtomicFile) -> None:
        nonlocal members
        members = prune_archive(archive, file, threads.begin, task.on_error, ahead=threads.ahead)

    row = _written(row, path, source, task, fill)
    return row._replace(status="pruned", images=members.images, failed=members.failed, error=members.error)


def _copied(row: Row, path: Path, source: Source, task: Task) -> Row:
    return _written(row, path, source, task, shutil.copyfileobj)._replace(status="copied")


def _written(
    row: Row, path: Path, source: Source, task: Task, fill: Callable[[IO[bytes], AtomicFile], None]
) -> Row:
    with path.open("rb") as stream, AtomicFile(task.target / source.file, task.owner, source.mode) as file:
        fill(stream, file)
    return row._replace(bytes_after=file.size, digest=file.digest)


def _message(error: BaseException, path: Path) -> str:
    """With the path, which not every error has in it."""
    text = str(error) or type(error).__name__
    named = isinstance(error, DctDecodeError) or (isinstance(error, OSError) and not isinstance(error, ShardError))
    return text if named else f"{path}: {text}"
