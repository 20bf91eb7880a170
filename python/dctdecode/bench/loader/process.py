"""The process of one loader: does what the benchmark's process tells it, and measures itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor

from dctdecode.bench.loader.contenders import LOADERS
from dctdecode.bench.loader.job import Job
from dctdecode.bench.loader.table import Loader
from dctdecode.bench.loader.usage import cpu_seconds, memory_bytes

__all__ = ["Epoch", "Failed", "First", "serve"]

_LOOKS = 8  # at memory, in the first epoch


@dataclass(frozen=True)
class First:
    """The first epoch, which is not timed as a whole.

    Attributes:
        first_batch_s: from asking for an iterator to the first batch; worker processes start in this time.
        memory_bytes: the most seen, of the process and its workers.
        shape: of the images of a batch.
        batch_bytes: what would go to the device for each batch, targets too.
        luma: (N, size / 8, size / 8) of all images, uint8.
    """

    first_batch_s: float
    memory_bytes: int | None
    shape: tuple[int, ...]
    batch_bytes: int
    luma: Tensor


@dataclass(frozen=True)
class Epoch:
    """A timed epoch. `waited_s` is the part in which the consumer waited for batches, the first one's too."""

    seconds: float
    waited_s: float
    cpu_s: float | None
    images: int


@dataclass(frozen=True)
class Failed:
    """The loader is not installed here, or does not work."""

    reason: str


def serve(connection: Connection, name: str, job: Job) -> None:
    """Answers "first" with a `First`, (consumer seconds) with an `Epoch`, None by ending."""
    contender = next(contender for contender in LOADERS if contender.name == name)
    try:
        loader = contender.load(job)
        while (command := connection.recv()) is not None:
            connection.send(_first(loader, job) if command == "first" else _epoch(loader, command))
    except ModuleNotFoundError as error:
        connection.send(Failed(f"not installed ({error.name})"))
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        pass  # the benchmark has ended
    except Exception as error:  # whatever a foreign loader raises means that it does not work here
        connection.send(Failed(" ".join(f"{type(error).__name__}: {error}".split())[:300]))


def _first(loader: Loader, job: Job) -> First:
    batches = len(job.paths) // job.batch_size
    memory, luma, size = [], [], 0
    shape: tuple[int, ...] = ()
    began = time.perf_counter()
    first_batch_s = 0.0
    for number, batch in enumerate(loader.epoch()):
        if number == 0:
            first_batch_s = time.perf_counter() - began
            shape, size = tuple(loader.images(batch).shape), _size_bytes(batch)
        if number % max(1, batches // _LOOKS) == 0:
            memory.append(memory_bytes())
        luma.append(loader.luma(loader.images(batch)).round().clamp(0, 255).to(torch.uint8))
    known = [found for found in memory if found is not None]
    return First(first_batch_s, max(known, default=None), shape, size, torch.cat(luma))


def _epoch(loader: Loader, consumer_s: float) -> Epoch:
    waited, images = 0.0, 0
    cpu = cpu_seconds()
    began = asked = time.perf_counter()
    for batch in loader.epoch():
        waited += time.perf_counter() - asked
        images += len(loader.images(batch))
        if consumer_s:
            time.sleep(consumer_s)
        asked = time.perf_counter()
    seconds = time.perf_counter() - began
    after = cpu_seconds()
    used = None if cpu is None or after is None else after - cpu
    return Epoch(seconds, waited, used, images)


def _size_bytes(batch: Any) -> int:
    if isinstance(batch, Tensor):
        return batch.nbytes
    return sum(map(_size_bytes, batch)) if isinstance(batch, (list, tuple)) else 0
