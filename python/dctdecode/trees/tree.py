"""A whole tree: what `dctdecode prune` does."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from dctdecode.threads import resolve_threads
from dctdecode.trees.atomic import TargetError, remove_leftovers
from dctdecode.trees.listing import Listing, list_source, make_folders, refuse_overlap
from dctdecode.trees.manifest import Manifest, Row, load_rows
from dctdecode.trees.on_ray import run_ray
from dctdecode.trees.options import PruneOptions
from dctdecode.trees.summary import Summary, estimate, measure_reading
from dctdecode.trees.threads import run_threads
from dctdecode.trees.work import Job, Outcome, Task

__all__ = ["Progress", "PruneError", "prune_tree"]


class PruneError(Exception):
    """A run that ended early: ``on_error="raise"`` and a file that cannot be pruned. What was done stays."""


class Progress:
    """What a run tells about itself; all of it does nothing here."""

    def start(self, files: int, bytes_total: int) -> None:
        """The work is known."""

    def advance(self, bytes_done: int) -> None:
        """So many more bytes of the source are done. Called from any thread."""

    def outcome(self, summary: Summary) -> None:
        """Another file is done, and counted."""


def prune_tree(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    options: PruneOptions,
    *,
    on_error: str = "skip",
    others: str = "copy",
    engine: str = "threads",
    threads: int | None = None,
    num_shards: int = 1,
    shard_index: int = 0,
    sample: int = 64,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Prunes all JPEGs of a folder, and those in its tar archives, into another folder of the same layout.

    Files keep path and permission bits. Links are followed. A file appears in ``target`` whole or not at all,
    whatever ends the process; ``source`` is only read. The manifest in ``target``
    (``prune-manifest-0-of-1.jsonl``) has a line for each file. Called again, files that it names are verified, to
    the last byte, and left alone; whatever else is there to do is done.

    Args:
        source: a folder, or one file.
        target: a folder: new, empty, or of an earlier run with the same arguments.
        options: what to keep.
        on_error: of files that cannot be pruned: ``"raise"`` ends the run, ``"skip"`` leaves them out, ``"copy"``
            takes them over as they are. Inside an archive, the same for its members.
        others: files that are no JPEGs by their name: ``"copy"`` or just ``"list"`` them.
        engine: ``"threads"`` of this process, or ``"ray"``.
        threads: how many, or how many tasks of Ray; None: all usable cores.
        num_shards, shard_index: do only every ``num_shards``-th file, from this one: a process's share.
        sample: number of images to measure the speed of reading on, or to estimate from; 0: do not.
        dry_run: write nothing, estimate.
        progress: is told what happens.

    Raises:
        ValueError: arguments that do not go together; ``target`` inside ``source`` or the other way; a target of
            other work; a run on the same part is at work.
        TargetError: something cannot be written.
        PruneError: ``on_error="raise"``, and there was something.
        OSError: the source cannot be listed.
        ImportError: ``engine="ray"`` without Ray.

    Example:
        >>> import shutil, tempfile
        >>> from dctdecode.trees import PruneOptions, prune_tree
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "train" / "cat").mkdir(parents=True)
        >>> _ = shutil.copy(dctdecode_photo, folder / "train" / "cat" / "1.jpg")
        >>> summary = prune_tree(folder / "train", folder / "train-24", PruneOptions(24))
        >>> summary.files, summary.bytes_after < summary.bytes_before
        ({'pruned': 1}, True)
        >>> prune_tree(folder / "train", folder / "train-24", PruneOptions(24)).verified
        1
        >>> shutil.rmtree(folder)
    """
    started = time.perf_counter()
    source, target, progress = Path(source), Path(target), progress or Progress()
    _check(on_error, others, engine, num_shards, shard_index)
    count = resolve_threads(threads)
    refuse_overlap(source, target)
    listing = list_source(source)
    mine = replace(listing, files=listing.files[shard_index::num_shards])
    if dry_run:
        return estimate(mine.root, mine.files, options, sample, count)
    task = Task(mine.root, target, f"{shard_index}-of-{num_shards}", options, on_error, others)
    header = {"source": os.path.realpath(source), "parameters": options.parameters()}
    make_folders(target, {})
    with Manifest(target, task.owner, header) as manifest:
        folders = make_folders(target, listing.folders)
        remove_leftovers(folders, manifest.ended)
        progress.start(len(mine.files), sum(file.bytes_before for file in mine.files))
        jobs = _jobs(mine, target)
        if engine == "ray":
            outcomes = run_ray(jobs, task, threads, progress.advance)
        else:
            outcomes = run_threads(jobs, task, count, progress.advance)
        with contextlib.closing(outcomes):
            summary, rows = _collected(outcomes, manifest, on_error, progress, sample)
        if engine == "ray":  # a worker of it may have died without the run
            remove_leftovers(folders, [task.owner])
    summary.seconds = time.perf_counter() - started
    if rows:
        summary.reading = measure_reading(mine.root, target, rows, options, sample)
    return summary


def _check(on_error: str, others: str, engine: str, num_shards: int, shard_index: int) -> None:
    for name, value, allowed in (
        ("on_error", on_error, ("raise", "skip", "copy")),
        ("others", others, ("copy", "list")),
        ("engine", engine, ("threads", "ray")),
    ):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {list(allowed)}, got {value!r}")
    if not 0 <= shard_index < num_shards:
        raise ValueError(f"shard_index must be in 0..num_shards - 1, got {shard_index} of {num_shards}")


def _jobs(listing: Listing, target: Path) -> Iterator[Job]:
    before: dict[str, Row] = load_rows(target)
    return (Job(file, before.get(file.file)) for file in listing.files)


def _collected(
    outcomes: Iterable[Outcome], manifest: Manifest, on_error: str, progress: Progress, sample: int
) -> tuple[Summary, list[Row]]:
    """Writes the manifest, and draws the rows whose images reading will be measured on."""
    summary, drawn = Summary(), _Drawn(sample)
    for outcome in outcomes:
        row = outcome.row
        if row.status == "unwritable":
            raise TargetError(row.error)
        if not outcome.verified:
            manifest.append(row)
        summary.add(outcome)
        if row.status == "pruned":
            drawn.add(row)
        progress.outcome(summary)
        if row.failed and on_error == "raise":
            raise PruneError(row.error)
    return summary, drawn.rows


class _Drawn:
    """A random sample of rows that come one after the other (reservoir sampling; Vitter 1985, algorithm R)."""

    def __init__(self, count: int) -> None:
        self.rows: list[Row] = []
        self._count = count
        self._seen = 0
        self._random = random.Random(0)

    def add(self, row: Row) -> None:
        self._seen += 1
        if len(self.rows) < self._count:
            self.rows.append(row)
        elif (place := self._random.randrange(self._seen)) < self._count:
            self.rows[place] = row
