"""The benchmark of loaders: a process for each, a checked epoch, then rounds in which they take turns."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

import dctdecode
from dctdecode.bench.corpus import Photo
from dctdecode.bench.loader.job import Job
from dctdecode.bench.loader.process import Epoch, Failed, First, serve
from dctdecode.bench.loader.table import LoaderContender

__all__ = ["LUMA_TOLERANCE", "Result", "make_job", "measure", "reference"]

LUMA_TOLERANCE = (
    4.0  # mean absolute difference over an image's blocks, gray levels: filters differ, crops must not
)
_BATCHES = 8  # an epoch has at least so many
_CLOSING_S = 60.0  # killed earlier, a busy machine's DataLoader leaves semaphores behind, of which Python warns

Progress = Callable[[Sequence[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Result:
    """What was measured of a loader.

    Attributes:
        first: its checked epoch.
        epochs: the timed ones, one for each round.
        difference: mean absolute difference of block means of luma, gray levels, of the image that differs most;
            None where the loader draws its own crops.
    """

    contender: LoaderContender
    first: First
    epochs: tuple[Epoch, ...]
    difference: float | None

    @property
    def agrees(self) -> bool:
        return self.difference is None or self.difference <= LUMA_TOLERANCE

    @property
    def images_per_s(self) -> float:
        return median(epoch.images / epoch.seconds for epoch in self.epochs)

    @property
    def waited(self) -> float:
        """Share of an epoch in which the consumer waited."""
        return median(epoch.waited_s / epoch.seconds for epoch in self.epochs)

    @property
    def cpu_ms_per_image(self) -> float | None:
        known = [1e3 * epoch.cpu_s / epoch.images for epoch in self.epochs if epoch.cpu_s is not None]
        return median(known) if known else None


def make_job(photos: Sequence[Photo], *, passes: int = 1, **options: Any) -> Job:
    """`photos` in a random order that `seed` draws, `passes` times, or as often as a few whole batches need."""
    batch_size = options["batch_size"]
    order = random.Random(options["seed"]).sample(photos, len(photos))
    batches = max(_BATCHES, passes * len(photos) // batch_size)
    chosen = [order[index % len(order)] for index in range(batches * batch_size)]
    paths = tuple(str(Path(photo.path).absolute()) for photo in chosen)
    return Job(paths, tuple((photo.height, photo.width) for photo in chosen), **options)


def reference(job: Job) -> Tensor:
    """Block means of luma that every loader should come near, (N, size / 8, size / 8), gray levels, unrounded.

    The DC of Y, read image by image, with all that `dctdecode.read` checks.
    """
    found = []
    for index, (path, size) in enumerate(zip(job.paths, job.sizes, strict=True)):
        draw = job.draw(index, *size)
        found.append(dctdecode.read(path, [0], size=job.size, crop=draw.box, flip=draw.flip)[0] / 8 + 128)
    return torch.stack(found)


def measure(
    contenders: Sequence[LoaderContender],
    job: Job,
    *,
    rounds: int,
    consumer_s: float = 0.0,
    checking: Progress = iter,
    measuring: Progress = iter,
) -> tuple[list[Result], dict[str, str]]:
    """Results, and for each loader that takes no part the reason why.

    In every round the loaders take turns (A B C A B C), so that a slow spell hits them alike.
    """
    right = reference(job)
    firsts: dict[LoaderContender, First] = {}
    absent: dict[str, str] = {}
    epochs: dict[LoaderContender, list[Epoch]] = {}
    with ExitStack() as stack:
        lines = {}
        for contender in checking(contenders):
            if not _is_installed(contender.module):
                absent[contender.name] = "not installed"
                continue
            line = stack.enter_context(_Line(contender, job))
            answer = line.ask("first")
            if isinstance(answer, Failed):
                absent[contender.name] = answer.reason
            else:
                firsts[contender], lines[contender] = answer, line
        for contender in measuring([*lines] * rounds):
            if contender.name in absent:
                continue
            answer = lines[contender].ask(consumer_s)
            if isinstance(answer, Failed):
                absent[contender.name] = answer.reason
            else:
                epochs.setdefault(contender, []).append(answer)
    results = [
        Result(contender, first, tuple(epochs[contender]), _difference(contender, first, right))
        for contender, first in firsts.items()
        if contender.name not in absent
    ]
    return results, absent


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


class _Line:
    """To the process of a loader. It is spawned: nothing of this process is in it."""

    def __init__(self, contender: LoaderContender, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, contender.name, job))
        self._process.start()
        theirs.close()

    def ask(self, command: Any) -> Any:
        try:
            self._connection.send(command)
            return self._connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._process.join(_CLOSING_S)
            return Failed(f"its process ended with code {self._process.exitcode}")

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # it may have ended already
            self._connection.send(None)
        self._process.join(_CLOSING_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()
        self._connection.close()


def _difference(contender: LoaderContender, first: First, right: Tensor) -> float | None:
    if contender.own_crops:
        return None
    if first.luma.shape != right.shape:
        return float("inf")
    return float((first.luma - right).abs().mean(dim=(1, 2)).max())
