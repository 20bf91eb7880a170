"""What a run came to."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import dctdecode
from dctdecode.data.archive import ShardError
from dctdecode.trees.archives import jpegs_of
from dctdecode.trees.listing import Source, is_jpeg_name
from dctdecode.trees.manifest import Row
from dctdecode.trees.options import PruneOptions
from dctdecode.trees.work import ERRORS, Outcome

__all__ = ["Reading", "Summary", "estimate", "measure_reading"]

_ROUNDS = 3
_NAMED_FAILURES = 20


class Reading(NamedTuple):
    """Time of `dctdecode.read` of a sample, from memory, on one thread.

    Attributes:
        images: size of the sample.
        seconds_before, seconds_after: to read the sample before and after pruning; medians of three rounds, taken
            in turns.
    """

    images: int
    seconds_before: float
    seconds_after: float


@dataclass
class Summary:
    """Totals of a run, files of earlier runs that were found done among them.

    Attributes:
        files: number of files by status, see `Row`.
        verified: how many of these had been done before.
        images, failed: JPEGs pruned, and not to be pruned.
        bytes_before, bytes_after: of the files that are in the target.
        seconds: of the run.
        failures: path and what was wrong, of the first files with a failure.
        reading: None: not measured.
        estimated: nothing was done; ``bytes_after`` and ``seconds`` are what a sample lets expect.
    """

    files: dict[str, int] = field(default_factory=dict)
    verified: int = 0
    images: int = 0
    failed: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    seconds: float = 0.0
    failures: list[tuple[str, str]] = field(default_factory=list)
    reading: Reading | None = None
    estimated: bool = False

    def add(self, outcome: Outcome) -> None:
        """One file more."""
        row = outcome.row
        self.files[row.status] = self.files.get(row.status, 0) + 1
        self.verified += outcome.verified
        self.images += row.images
        self.failed += row.failed
        if row.status in ("pruned", "copied"):
            self.bytes_before += row.bytes_before
            self.bytes_after += row.bytes_after
        if row.failed and len(self.failures) < _NAMED_FAILURES:
            self.failures.append((row.file, row.error))

    def as_record(self) -> dict[str, Any]:
        """As JSON has it."""
        record = {**vars(self), "reading": None if self.reading is None else self.reading._asdict()}
        return {**record, "failures": [list(failure) for failure in self.failures]}


def measure_reading(source: Path, target: Path, rows: Iterable[Row], options: PruneOptions, count: int) -> Reading:
    """How much faster the pruned images are read, on up to ``count`` of those that ``rows`` tell of.

    Both are read as a network would: the same channels, at the size that pruning resampled to if it did.
    """
    before, after = [], []
    wanted: dict[str, Any] = {"channels": list(options.parameters()["channels"])}
    as_pruned: dict[str, Any] = {} if options.size is None else {"size": options.size}
    for large, small in islice(_pairs(source, target, rows), count):
        try:
            dctdecode.read(large, **wanted, **as_pruned)
            dctdecode.read(small, **wanted)
        except ERRORS:  # read() refuses what prune() takes, tables of zeros for one
            continue
        before.append(large)
        after.append(small)
    rounds = [(_seconds(before, {**wanted, **as_pruned}), _seconds(after, wanted)) for _ in range(_ROUNDS)]
    large_seconds, small_seconds = (statistics.median(times) for times in zip(*rounds, strict=True))
    return Reading(len(before), large_seconds, small_seconds)


def _seconds(images: list[bytes], arguments: dict[str, Any]) -> float:
    start = time.perf_counter()
    for image in images:
        dctdecode.read(image, **arguments)
    return time.perf_counter() - start


def _pairs(source: Path, target: Path, pruned: Iterable[Row]) -> Iterator[tuple[bytes, bytes]]:
    """Images before and after. Of an archive that lost members the pairs cannot be told, so it is left out."""
    for row in pruned:
        before, after = source / row.file, target / row.file
        try:
            if is_jpeg_name(row.file):
                yield before.read_bytes(), after.read_bytes()
            elif not row.failed:
                with before.open("rb") as large, after.open("rb") as small:
                    yield from zip(jpegs_of(large), jpegs_of(small), strict=True)
        except OSError:
            continue


def estimate(source: Path, files: list[Source], options: PruneOptions, count: int, threads: int) -> Summary:
    """What pruning these files would come to, by pruning ``count`` of the images in memory."""
    summary = Summary(estimated=True, bytes_before=sum(file.bytes_before for file in files))
    for file in files:
        summary.files[file.kind] = summary.files.get(file.kind, 0) + 1
    pruned = [file for file in files if file.kind in ("jpeg", "shard")]
    drawn = random.Random(0).sample(pruned, min(count, len(pruned)))
    large = small = 0
    start = time.perf_counter()
    for data in islice(_images(source, drawn, count), count):
        try:
            small += len(options.prune(data))
        except ERRORS:
            summary.failed += 1
        else:
            large += len(data)
            summary.images += 1
    total = sum(file.bytes_before for file in pruned)
    ratio = small / large if large else 1.0
    summary.bytes_after = round(summary.bytes_before - total * (1 - ratio))
    summary.seconds = (time.perf_counter() - start) * (total / large if large else 0.0) / threads
    return summary


def _images(source: Path, drawn: list[Source], count: int) -> Iterator[bytes]:
    each = -(-count // max(1, len(drawn)))
    for file in drawn:
        try:
            if file.kind == "jpeg":
                yield (source / file.file).read_bytes()
            else:
                with (source / file.file).open("rb") as archive:
                    yield from islice(jpegs_of(archive), each)
        except (OSError, ShardError):
            continue
