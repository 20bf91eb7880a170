"""Files that are there whole or not at all.

A file is written under a name of its own beside its place, flushed to the disk, and renamed. Whatever ends the
process meanwhile leaves the place as it was, and at most such a leftover, which the next run removes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

__all__ = ["AtomicFile", "TargetError", "digest_of", "is_leftover", "remove_leftovers"]

_PREFIX, _SUFFIX = ".dctdecode-", ".part"
_PIECE_BYTES = 2**20
_names = random.Random()  # a generator of our own, which no one seeds; asking the system each time costs a call
os.register_at_fork(after_in_child=_names.seed)


class TargetError(OSError):
    """Something cannot be written; the message names it. No use in going on with the next file."""

    @classmethod
    def of(cls, path: Path, error: OSError) -> TargetError:
        return cls(f"{path}: cannot be written: {error.strerror or error}")


def _digest() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16)


def digest_of(path: Path) -> str:
    """128 bits of BLAKE2b, as `AtomicFile.digest`.

    Raises:
        OSError: it cannot be read.
    """
    digest = _digest()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


class AtomicFile:
    """Appears at ``path`` when its ``with`` block ends well; else nothing changes.

    Args:
        path: replaced if it is there. A link is replaced, not followed.
        owner: whose leftover the unfinished file would be: letters, digits and ``-``.
        mode: permission bits.

    Raises:
        TargetError: whatever goes wrong with writing.
    """

    def __init__(self, path: Path, owner: str, mode: int) -> None:
        self._path = path
        self._mode = mode
        self._part = path.parent / f"{_PREFIX}{owner}-{_names.getrandbits(48):012x}{_SUFFIX}"
        self._hash = _digest()
        self._renamed = False
        self.size = 0

    @property
    def digest(self) -> str:
        """Of what has been written."""
        return self._hash.hexdigest()

    def __enter__(self) -> AtomicFile:
        try:
            self._descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TargetError.of(self._path, error) from error
        return self

    def write(self, data: bytes | memoryview) -> int:
        """All of ``data``, whose length it returns."""
        view = memoryview(data)
        self._hash.update(view)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise TargetError.of(self._path, error) from error
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """For compressors that ask for it: nothing is held back."""

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
            else:
                os.close(self._descriptor)
        except OSError as error:
            raise TargetError.of(self._path, error) from error
        finally:
            if not self._renamed:
                with contextlib.suppress(OSError):  # on a disk that has gone
                    self._part.unlink()

    def _finish(self) -> None:
        try:
            os.fchmod(self._descriptor, self._mode)
            os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)
        self._part.replace(self._path)
        self._renamed = True


def is_leftover(name: str) -> bool:
    """Whether a file of this name is an unfinished one of some run."""
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX)


def remove_leftovers(folders: Iterable[Path], owners: Iterable[str]) -> int:
    """Deletes the unfinished files of these owners, none of which may be at work. Their number.

    Raises:
        TargetError: one cannot be deleted.
    """
    beginnings = tuple(f"{_PREFIX}{owner}-" for owner in owners)
    removed = 0
    for folder in folders:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if is_leftover(e.name) and e.name.startswith(beginnings)]
        for name in names:
            try:
                (folder / name).unlink()
            except OSError as error:
                raise TargetError.of(folder / name, error) from error
            removed += 1
    return removed
