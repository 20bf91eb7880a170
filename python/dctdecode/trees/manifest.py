"""What a run has done, one JSON object a line, in the target: the record for people and for resuming.

The first line tells format, source and parameters, each other one a file. Lines are only ever appended; of several
about one file the last counts. A line that a kill or a power failure left unfinished counts as not written.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from dctdecode.trees.atomic import TargetError

__all__ = ["Manifest", "Row", "is_manifest", "load_rows", "manifest_name"]

_NAME = re.compile(r"prune-manifest-(\d+-of-(\d+))\.jsonl")
_FORMAT = 1


class Row(NamedTuple):
    """What became of a file.

    Attributes:
        file: path below the source, with ``/``.
        status: ``"pruned"``; ``"copied"`` byte for byte; ``"listed"``: left out, for it is no JPEG; ``"failed"``:
            left out, for it could not be pruned; ``"unwritable"``: the target could not be written: the run ends.
        bytes_before, bytes_after: sizes of the file in source and target; 0 where it is not there.
        images: JPEGs that were pruned: 1, or members of an archive.
        failed: JPEGs that could not be.
        mtime_ns: time of the last change of the source.
        digest: of the file in the target, 128 bits of BLAKE2b in hexadecimal digits; empty where there is none.
        error: what was wrong, or empty.
    """

    file: str
    status: str
    bytes_before: int = 0
    bytes_after: int = 0
    images: int = 0
    failed: int = 0
    mtime_ns: int = 0
    digest: str = ""
    error: str = ""


def manifest_name(owner: str) -> str:
    """Of the manifest of an owner such as ``"0-of-1"``."""
    return f"prune-manifest-{owner}.jsonl"


def is_manifest(name: str) -> bool:
    """Whether a file of this name is a manifest."""
    return _NAME.fullmatch(name) is not None


class Manifest:
    """The manifest of one run, open for appending and locked against a second run of the same part.

    Args:
        target: the folder it lies in.
        owner: which part of the work the run does: ``"0-of-1"``, or the shard.
        header: source and parameters.

    Attributes:
        ended: owners that are not at work: this one before it begins, and those of runs that split the work
            into another number of parts, none of which can begin before this run ends.

    Raises:
        ValueError: the target holds the work of other parameters or of another source, or things that no run
            made; or the same part is being worked on, or one of another splitting.
        TargetError: it cannot be written.
    """

    def __init__(self, target: Path, owner: str, header: dict[str, Any]) -> None:
        header = {"format": _FORMAT, **header}
        others = [name for name in _names(target) if is_manifest(name)]
        if not others and any(target.iterdir()):
            raise ValueError(f"{target} is not empty, and what is in it is not the work of this command")
        for name in others:
            _refuse_other(target / name, header)
        self._path = path = target / manifest_name(owner)
        self._open: list[int] = []
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self._open.append(self._descriptor)
            self._lock(self._descriptor, path, fcntl.LOCK_EX)
            self.ended = [owner]
            for name in others:
                self._lock_if_of_another_splitting(name, owner)
            self._cut_unfinished_line()
            if os.fstat(self._descriptor).st_size == 0:
                self._append(header)
        except OSError as error:
            self._close()
            raise TargetError.of(path, error) from error

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise TargetError.of(self._path, error) from error
        finally:
            self._close()

    def append(self, row: Row) -> None:
        """Writes the line of a file.

        Raises:
            TargetError: it cannot be.
        """
        try:
            self._append({key: value for key, value in row._asdict().items() if value not in (0, "")})
        except OSError as error:
            raise TargetError.of(self._path, error) from error

    def _append(self, record: dict[str, Any]) -> None:
        line = memoryview(json.dumps(record).encode("ascii") + b"\n")
        while line:
            line = line[os.write(self._descriptor, line) :]

    def _lock_if_of_another_splitting(self, name: str, owner: str) -> None:
        """Several parts may hold this lock at once."""
        found, own = _NAME.fullmatch(name), _NAME.fullmatch(manifest_name(owner))
        assert found is not None
        assert own is not None
        if found[2] != own[2]:
            path = self._path.parent / name
            self._open.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
            self._lock(self._open[-1], path, fcntl.LOCK_SH)
            self.ended.append(found[1])

    def _lock(self, descriptor: int, path: Path, how: int) -> None:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            self._close()
            raise ValueError(f"{path} is locked: another process is at work on {path.parent}") from None

    def _close(self) -> None:
        """Which unlocks, too."""
        for descriptor in self._open:
            os.close(descriptor)

    def _cut_unfinished_line(self) -> None:
        size = os.fstat(self._descriptor).st_size
        end = size
        while end > 0:
            start = max(0, end - 4096)
            newline = os.pread(self._descriptor, end - start, start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end != size:
            os.ftruncate(self._descriptor, end)


def load_rows(target: Path) -> dict[str, Row]:
    """The last word of all manifests in a folder about each file.

    Raises:
        OSError: one cannot be read.
    """
    rows: dict[str, Row] = {}
    for name in _names(target):
        if not is_manifest(name):
            continue
        with (target / name).open("rb") as lines:
            next(lines, b"")
            for line in lines:
                row = _parsed(line)
                if row is not None:
                    rows[row.file] = row
    return rows


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _parsed(line: bytes) -> Row | None:
    """None: damaged."""
    try:
        return Row(**json.loads(line))
    except (ValueError, TypeError):
        return None


def _refuse_other(path: Path, header: dict[str, Any]) -> None:
    """A manifest without even its first line holds no work of anybody."""
    with path.open("rb") as lines:
        first = next(lines, b"")
    if not first.endswith(b"\n"):
        return
    try:
        found = json.loads(first)
        differing = [key for key in header if key != "parameters" and found.get(key) != header[key]]
        parameters = found.get("parameters", {})
        differing += [key for key in header["parameters"] if parameters.get(key) != header["parameters"][key]]
    except (ValueError, AttributeError):
        raise ValueError(f"{path} is damaged") from None
    if differing:
        merged = {**found, **parameters}
        was = ", ".join(f"{key} {merged.get(key)!r}" for key in differing)
        raise ValueError(f"{path.parent} holds the work of other arguments ({was}): take another target")
