"""Samples of a shard: files that lie together and share a name up to its first dot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from dctdecode.data.archive import Member, ShardError
from dctdecode.transforms import Random

__all__ = ["IMAGE_SUFFIXES", "TARGET_SUFFIXES", "Sample", "key_and_suffix", "samples_of", "shuffled", "target_of"]

IMAGE_SUFFIXES = ("jpg", "jpeg")
TARGET_SUFFIXES = ("cls", "json")


class Sample(NamedTuple):
    """An image with what belongs to it.

    Attributes:
        name: of the image's member.
        image: its bytes.
        beside: the other members that were read, by suffix.
    """

    name: str
    image: bytes
    beside: dict[str, bytes]


def key_and_suffix(name: str) -> tuple[str, str]:
    """What is before and behind the first dot of the base name, the latter in lower case.

    Example:
        >>> from dctdecode.data.samples import key_and_suffix
        >>> key_and_suffix("./train.1/n01440764_18.JPEG")
        ('./train.1/n01440764_18', 'jpeg')
    """
    folder, slash, base = name.rpartition("/")
    stem, _, suffix = base.partition(".")
    return folder + slash + stem, suffix.lower()


def samples_of(members: Iterable[Member]) -> Iterator[Sample]:
    """Members that follow each other and have one key are one sample; those without an image are left out.

    Raises:
        ShardError: two members of a sample have the same suffix.
    """
    key: str | None = None
    found: dict[str, Member] = {}
    for member in members:
        its_key, suffix = key_and_suffix(member.name)
        if its_key != key:
            yield from _sample(found)
            key, found = its_key, {}
        if suffix in found:
            raise ShardError(f"{member.name!r} is there twice in one sample")
        found[suffix] = member
    yield from _sample(found)


def _sample(found: dict[str, Member]) -> Iterator[Sample]:
    for suffix in IMAGE_SUFFIXES:
        if suffix in found:
            beside = {other: member.data for other, member in found.items() if other not in IMAGE_SUFFIXES}
            yield Sample(found[suffix].name, found[suffix].data, beside)
            return


def target_of(sample: Sample, suffix: str | None) -> Any:
    """The number in its .cls, or what its .json holds. ``suffix``: which; None: the first that is there.

    Raises:
        ValueError: there is none, or it is damaged. The message does not name the sample.
    """
    allowed = TARGET_SUFFIXES if suffix is None else (suffix,)
    for one in allowed:
        if one in sample.beside:
            try:
                text = sample.beside[one].decode("utf-8")
                return int(text) if one == "cls" else json.loads(text)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"its .{one} cannot be read: {error}") from error
    raise ValueError(f"there is no {' or '.join(f'.{one}' for one in allowed)} beside it")


def shuffled(samples: Iterable[Any], size: int, random: Random) -> Iterator[Any]:
    """All samples through a buffer of ``size``: each new one takes the place of one drawn from it."""
    buffer: list[Any] = []
    for sample in samples:
        if len(buffer) < size:
            buffer.append(sample)
        else:
            place = random.integers(size)
            drawn, buffer[place] = buffer[place], sample
            yield drawn
    for place in random.permutation(len(buffer)):
        yield buffer[place]
