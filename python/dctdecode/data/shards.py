"""Where shards come from, and who reads which."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, NamedTuple

from dctdecode.data.archive import ShardError

__all__ = ["Readers", "Shard", "expand", "of_reader", "open_shard"]

_PIPE = "pipe:"
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")
_DRAINED_BYTES = 2**16
_PATIENCE_S = 0.2


class Shard(NamedTuple):
    """A tar archive.

    Attributes:
        source: path, "pipe:COMMAND", or a binary file object.
        name: what messages call it.
        start: where a file object stood when it was given; None where it cannot be rewound.
    """

    source: str | IO[bytes]
    name: str
    start: int | None = None


class Readers(NamedTuple):
    """Who reads: the worker processes of all ranks, counted so that neighbours are of different ranks.

    Attributes:
        number: this one.
        total: how many there are.
        described: for messages.
    """

    number: int
    total: int
    described: str

    @classmethod
    def of(cls, rank: int, world_size: int, worker: int, workers: int) -> Readers:
        """This reader.

        Example:
            >>> from dctdecode.data.shards import Readers
            >>> Readers.of(rank=1, world_size=2, worker=2, workers=3)
            Readers(number=5, total=6, described='2 ranks x 3 workers')
        """
        described = f"{world_size} rank{'s' * (world_size != 1)} x {workers} worker{'s' * (workers != 1)}"
        return cls(rank + world_size * worker, world_size * workers, described)


def expand(urls: Any) -> list[Shard]:
    """One or several paths, patterns with braces, commands or file objects, as a list of shards.

    ``{000..146}`` counts, with leading zeros where a bound has them; ``{a,b}`` lists. Several braces in a pattern
    give all combinations, the last one counting fastest. In commands only what counts is replaced: the shell has
    other uses for braces.

    Raises:
        TypeError, ValueError: something else, no shard at all, or braces that do not pair.

    Example:
        >>> from dctdecode.data.shards import expand
        >>> [shard.name for shard in expand("train-{08..10}.tar")]
        ['train-08.tar', 'train-09.tar', 'train-10.tar']
    """
    single = isinstance(urls, (str, os.PathLike)) or hasattr(urls, "read")
    if not single and not isinstance(urls, Iterable):
        raise TypeError(f"urls must be paths, patterns, commands or file objects, got {type(urls).__name__}")
    shards = [shard for url in ([urls] if single else urls) for shard in _shards_of(url)]
    if not shards:
        raise ValueError("urls names no shard")
    return shards


def _shards_of(url: Any) -> Iterator[Shard]:
    if isinstance(url, os.PathLike):
        path = os.fsdecode(os.fspath(url))
        yield Shard(path, path)
    elif isinstance(url, str):
        for text in _counted(url) if url.startswith(_PIPE) else _braces(url):
            yield Shard(text, text)
    elif hasattr(url, "read"):
        name = getattr(url, "name", None)
        rewinds = getattr(url, "seekable", bool)()
        yield Shard(url, name if isinstance(name, str) else repr(url), url.tell() if rewinds else None)
    else:
        raise TypeError(f"urls must be paths, patterns, commands or file objects, got {type(url).__name__}")


def _braces(pattern: str) -> Iterator[str]:
    parts = re.split(r"\{([^{}]*)\}", pattern)
    if any(brace in part for part in parts[::2] for brace in "{}"):
        raise ValueError(f"{pattern!r}: braces do not pair, or stand in each other; a Path is taken as it is")
    return _combined(parts)


def _counted(command: str) -> Iterator[str]:
    return _combined(re.split(rf"\{{({_RANGE.pattern.replace('(', '(?:')})\}}", command))


def _combined(parts: list[str]) -> Iterator[str]:
    """Every second part is what stood in braces."""
    choices = [[part] if place % 2 == 0 else _alternatives(part) for place, part in enumerate(parts)]
    return map("".join, itertools.product(*choices))


def _alternatives(inside: str) -> list[str]:
    counted = _RANGE.fullmatch(inside)
    if counted is None:
        return inside.split(",")
    first, last = counted.groups()
    if int(first) > int(last):
        raise ValueError(f"{{{inside}}} counts down: {first} > {last}")
    padded = any(len(bound.lstrip("-")) > 1 and bound.lstrip("-")[0] == "0" for bound in (first, last))
    width = max(len(first), len(last)) if padded else 0
    return [f"{number:0{width}d}" for number in range(int(first), int(last) + 1)]


@contextmanager
def open_shard(shard: Shard) -> Iterator[IO[bytes]]:
    """The shard's bytes, from their beginning.

    Raises:
        OSError: it cannot be opened, or the command ended with an error although all it gave was read.
        ValueError: a file object that cannot be rewound, for the second time.
    """
    if not isinstance(shard.source, str):
        if shard.start is not None:
            shard.source.seek(shard.start)
        yield shard.source
    elif shard.source.startswith(_PIPE):
        with _command(shard.source[len(_PIPE) :]) as stream:
            yield stream
    else:
        with open(shard.source, "rb", buffering=0) as stream:  # noqa: PTH123  # names are no paths to tidy up
            yield stream


@contextmanager
def _command(command: str) -> Iterator[IO[bytes]]:
    process = subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    try:
        yield process.stdout
        while process.stdout.read(
            _DRAINED_BYTES
        ):  # what follows the archive's end, lest the command fail to write
            pass
        status = process.wait()
        if status != 0:
            raise OSError(f"the command ended with status {status}")
    except ShardError as error:  # most often since the command failed
        process.stdout.close()
        with suppress(subprocess.TimeoutExpired):
            if process.wait(_PATIENCE_S) > 0:
                raise ShardError(f"{error}; the command ended with status {process.returncode}") from error
        raise
    finally:
        process.stdout.close()
        if process.returncode is None:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a command that nobody reads from any more, and what its shell started."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def of_reader(shards: Sequence[int], readers: Readers) -> list[int]:
    """Whole shards, dealt out one by one.

    Raises:
        ValueError: there are fewer shards than readers.
    """
    if len(shards) < readers.total:
        raise ValueError(
            f"{len(shards)} shard{'s' * (len(shards) != 1)} for {readers.total} readers ({readers.described}): "
            f'make more shards, take fewer workers, or split="samples", with which each reader goes through all '
            "shards and keeps its share of the samples"
        )
    return list(shards[readers.number :: readers.total])
