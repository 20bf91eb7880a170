"""`read_batch` on one thread and on two, for files of equal grid; and what two processes reach instead.

Two cores need not be twice as fast as one: they may share a clock, caches, or be two threads of one core. Two
processes of one thread each share nothing else, so their gain is what this machine has to give.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection

import dctdecode
import torch
from dctdecode.bench.corpus import Photo, groups_of
from shared.table import Seconds

__all__ = ["measure"]

_LARGEST_GRIDS = 3  # of each group
_FEWEST_FILES = 4  # a grid of fewer files says little
_IMAGES = 64  # at least, in a batch


def measure(photos: Sequence[Photo], rounds: int) -> Seconds:
    """Wall seconds an image; the ways take turns. Groups without enough files of a grid are left out."""
    seconds: Seconds = {}
    batches = {group: found for group, mine in groups_of(photos).items() if (found := _batches(mine))}
    for batch in (batch for found in batches.values() for batch in found):
        _check(batch)
    for group, found in batches.items():
        for batch in found:
            with _ways(batch) as ways:
                for name, run in ways.items():
                    run()  # warm
                    seconds.setdefault(name, {}).setdefault(group, [0.0] * rounds)
                for i in range(rounds):
                    for name, run in ways.items():
                        seconds[name][group][i] += run() / sum(map(len, found))
    return seconds


def _batches(photos: Sequence[Photo]) -> list[list[bytes]]:
    by_grid: dict[tuple[int, int], list[bytes]] = {}
    for photo in photos:
        by_grid.setdefault((-(-photo.height // 8), -(-photo.width // 8)), []).append(photo.data)
    largest = sorted(by_grid.values(), key=len, reverse=True)[:_LARGEST_GRIDS]
    return [files * -(-_IMAGES // len(files)) for files in largest if len(files) >= _FEWEST_FILES]


def _check(batch: Sequence[bytes]) -> None:
    expected = torch.stack([dctdecode.read(data, 24) for data in batch])
    for threads in (1, 2):
        if not torch.equal(dctdecode.read_batch(batch, 24, threads=threads), expected):
            raise SystemExit(f"read_batch on {threads} thread(s) differs from read")


@contextmanager
def _ways(batch: Sequence[bytes]) -> Iterator[dict[str, Callable[[], float]]]:
    """Name -> call that decodes the batch once and tells the wall seconds."""
    out = dctdecode.read_batch(batch, 24)
    context = multiprocessing.get_context("fork")  # nobody holds a thread's lock here: this program has one
    halves = [list(batch[::2]), list(batch[1::2])]
    ends: list[Connection] = []
    for half in halves:
        mine, theirs = context.Pipe()
        context.Process(target=_serve, args=(theirs, half), daemon=True).start()
        ends.append(mine)
    yield {
        "batch 1": lambda: _seconds(lambda: dctdecode.read_batch(batch, 24, threads=1)),
        "batch 2": lambda: _seconds(lambda: dctdecode.read_batch(batch, 24, threads=2)),
        "batch 1 out": lambda: _seconds(lambda: dctdecode.read_batch(batch, 24, threads=1, out=out)),
        "batch 2 out": lambda: _seconds(lambda: dctdecode.read_batch(batch, 24, threads=2, out=out)),
        "processes": lambda: _seconds(lambda: _ask(ends)),
    }
    for end in ends:
        end.send(False)


def _serve(end: Connection, half: list[bytes]) -> None:
    torch.set_num_threads(1)
    out = dctdecode.read_batch(half, 24, threads=1)
    while end.recv():
        dctdecode.read_batch(half, 24, threads=1, out=out)
        end.send(True)


def _ask(ends: Sequence[Connection]) -> None:
    for end in ends:
        end.send(True)
    for end in ends:
        end.recv()


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
