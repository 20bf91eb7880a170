"""Datasets to load from: made-up numbers that tell what was asked for, and small files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dctdecode
import torch
from dctdecode.errors import CorruptJpegError
from torch import Tensor

SMALL = Path(__file__).parent / "data" / "small"


class Numbers:
    """Row of index i: channel 0 is i, channel 1 a number drawn for it. The target is i.

    `broken` indices fail as files do. `calls` are the indices of each batch, `addresses` where it was written.
    """

    dtype = torch.float32

    def __init__(
        self,
        length: int = 50,
        *,
        broken: Sequence[int] = (),
        seconds: float = 0.0,
        sizes: Sequence[int] | None = None,
    ) -> None:
        self.length, self.broken, self.seconds, self.sizes = length, set(broken), seconds, sizes
        self.calls: list[list[int]] = []
        self.addresses: list[int] = []
        self.threads: set[int | None] = set()
        self.callers: set[int] = set()

    def __len__(self) -> int:
        return self.length

    def batch_shape(self, n: int) -> tuple[int, int, int, int] | None:
        return None if self.sizes else (n, 2, 3, 5)

    def read_batch(
        self,
        indices: Sequence[int],
        *,
        randoms: Any = None,
        out: Any = None,
        threads: int | None = None,
        on_error: Any = "raise",
        pin_memory: bool = False,
    ) -> tuple[Tensor, Tensor, list[dctdecode.Failure]]:
        time.sleep(self.seconds)
        self.calls.append(list(indices))
        self.callers.add(threading.get_ident())
        self.threads.add(threads)
        if out is None:
            side = 3 if self.sizes is None else self.sizes[indices[0]]
            out = torch.empty(len(indices), 2, side, 5)
        self.addresses.append(out.data_ptr())
        kept, failures = [], []
        for place, (index, random) in enumerate(zip(indices, randoms, strict=True)):
            if not 0 <= index < self.length:
                raise IndexError(f"no image {index}")
            out[place, 0], out[place, 1] = index, random.uniform()
            if index in self.broken:
                out[place] = 0
                if on_error == "raise":
                    raise self.failure(place, index).error  # in no variable: that would be a cycle
                failure = self.failure(place, index)
                failures.append(failure)
                if (on_error(failure) if callable(on_error) else on_error) == "skip":
                    continue
            kept.append(place)
        targets = torch.tensor([indices[place] for place in kept], dtype=torch.int64)
        if len(kept) == len(indices):
            return out, targets, failures
        for row, place in enumerate(kept):
            out[row] = out[place]
        return out[: len(kept)], targets, failures

    @staticmethod
    def failure(place: int, index: int) -> dctdecode.Failure:
        path = f"photos/{index}.jpg"
        return dctdecode.Failure(place, path, CorruptJpegError("broken", path=path, index=place))


class Files:
    """Small photographs, in turn, decoded by the native threads into crops that are drawn for each index."""

    dtype = torch.float32
    names = ("baseline-420", "progressive-444", "restart-420", "gray", "baseline-444-q100")

    def __init__(self, length: int) -> None:
        self.length = length
        self.sources = [(SMALL / f"{name}.jpg").read_bytes() for name in self.names]

    def __len__(self) -> int:
        return self.length

    def batch_shape(self, n: int) -> tuple[int, int, int, int]:
        return (n, 24, 3, 3)

    def read_batch(
        self,
        indices: Sequence[int],
        *,
        randoms: Any = None,
        out: Any = None,
        threads: int | None = None,
        on_error: Any = "raise",
        pin_memory: bool = False,
    ) -> tuple[Tensor, Tensor, list[dctdecode.Failure]]:
        sources = [self.sources[index % len(self.sources)] for index in indices]
        boxes = [(random.uniform(0, 8), random.uniform(0, 3), 20.0, 16.0) for random in randoms]
        images, failures = dctdecode.read_batch(
            sources,
            24,
            size=24,
            crop=[(top / 2, left, height / 2, width) for top, left, height, width in boxes],
            out=out,
            threads=threads,
            on_error=on_error,
            return_failures=True,
        )
        return images, torch.tensor(list(indices)), failures


def targets_of(batches: Any) -> list[list[int]]:
    return [batch[-1].tolist() for batch in batches]


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)
