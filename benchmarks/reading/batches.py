"""`read_batch` on one thread and on two, for files of equal grid."""

from __future__ import annotations

import time
from collections.abc import Sequence

import dctdecode
import torch
from dctdecode.bench.corpus import Photo, groups_of
from table import Seconds

__all__ = ["measure"]

_LARGEST_GRIDS = 3  # of each group
_FEWEST_FILES = 4  # a grid of fewer files says little
_IMAGES = 64  # at least, in a batch


def measure(photos: Sequence[Photo], rounds: int) -> Seconds:
    """Wall seconds an image; the thread counts take turns. Groups without enough files of a grid are left out."""
    seconds: Seconds = {"batch 1": {}, "batch 2": {}}
    batches = {group: found for group, mine in groups_of(photos).items() if (found := _batches(mine))}
    for batch in (batch for found in batches.values() for batch in found):
        _check(batch)
    for _ in range(rounds):
        for group, found in batches.items():
            for threads in (1, 2):
                elapsed = sum(_wall_seconds(batch, threads) for batch in found)
                seconds[f"batch {threads}"].setdefault(group, []).append(elapsed / sum(map(len, found)))
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


def _wall_seconds(batch: Sequence[bytes], threads: int) -> float:
    start = time.perf_counter()
    dctdecode.read_batch(batch, 24, threads=threads)
    return time.perf_counter() - start
