"""The rounds: every decoder over every group of files, one after another, several times over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Any

from dctdecode.bench.contenders import Contender, Decoder
from dctdecode.bench.corpus import Photo, groups_of

__all__ = ["ALL", "Measurement", "Round", "measure"]

ALL = "all"
_IMAGES_A_PASS = 128  # small groups are gone through more than once, so that starting threads counts for little
_CHUNKS_A_THREAD = 4  # so that threads end at nearly the same time

Progress = Callable[[Sequence["Round"]], Iterable["Round"]]


@dataclass(frozen=True)
class Round:
    """One step of the schedule."""

    number: int
    group: str
    threads: int
    contender: Contender


@dataclass(frozen=True)
class Measurement:
    """A decoder's time for all photos of a group.

    Attributes:
        contender, group, threads: what was measured; group "all" is the sum of the others, round by round.
        images, size_bytes, pixels: of the group.
        seconds: one figure for each round.
    """

    contender: Contender
    group: str
    threads: int
    images: int
    size_bytes: int
    pixels: int
    seconds: tuple[float, ...]

    @property
    def images_per_s(self) -> float:
        return self.images / median(self.seconds)

    @property
    def megabytes_per_s(self) -> float:
        return self.size_bytes / 1e6 / median(self.seconds)

    @property
    def megapixels_per_s(self) -> float:
        return self.pixels / 1e6 / median(self.seconds)


def measure(
    decoders: dict[Contender, Decoder],
    photos: Sequence[Photo],
    rounds: int,
    thread_counts: Sequence[int],
    progress: Progress = iter,
) -> list[Measurement]:
    """Times all decoders; in every round they take turns (A B C A B C), so that a slow spell hits them alike."""
    groups = groups_of(photos)
    schedule = [
        Round(number, group, threads, contender)
        for number in range(rounds)
        for threads in thread_counts
        for group in groups
        for contender in decoders
    ]
    inputs = {
        (contender, group): [decoder.prepare(photo.data) for photo in mine]
        for contender, decoder in decoders.items()
        for group, mine in groups.items()
    }
    seconds: dict[tuple[Contender, str, int], list[float]] = {}
    for step in progress(schedule):
        mine = inputs[step.contender, step.group]
        repeats = -(-_IMAGES_A_PASS // len(mine))
        elapsed = _pass_seconds(decoders[step.contender].decode, mine * repeats, step.threads)
        seconds.setdefault((step.contender, step.group, step.threads), []).append(elapsed / repeats)
    return [
        _measurement(contender, group, threads, groups, seconds)
        for threads in thread_counts
        for group in (ALL, *groups)
        for contender in decoders
    ]


def _pass_seconds(decode: Callable[[Any], Any], inputs: Sequence[Any], threads: int) -> float:
    def run(chunk: Sequence[Any]) -> None:
        for source in chunk:
            decode(source)

    if threads == 1:
        start = time.perf_counter()
        run(inputs)
        return time.perf_counter() - start
    count = min(len(inputs), threads * _CHUNKS_A_THREAD)
    chunks = [inputs[i::count] for i in range(count)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, [[]] * threads))  # starts the threads
        start = time.perf_counter()
        list(pool.map(run, chunks))
        return time.perf_counter() - start


def _measurement(
    contender: Contender,
    group: str,
    threads: int,
    groups: dict[str, list[Photo]],
    seconds: dict[tuple[Contender, str, int], list[float]],
) -> Measurement:
    members = list(groups) if group == ALL else [group]
    photos = [photo for member in members for photo in groups[member]]
    by_round = zip(*(seconds[contender, member, threads] for member in members), strict=True)
    return Measurement(
        contender,
        group,
        threads,
        len(photos),
        sum(len(photo.data) for photo in photos),
        sum(photo.height * photo.width for photo in photos),
        tuple(map(sum, by_round)),
    )
