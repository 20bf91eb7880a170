"""Makers of tar shards for the tests of datasets."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

SMALL = Path(__file__).parent / "data" / "small"
# All 37 x 21 px; every reader of a shard can tell them apart by what is in them.
PHOTOS = [(SMALL / f"{name}.jpg").read_bytes() for name in ("baseline-420", "progressive-444", "gray", "rgb")]


def shard(members: list[tuple[str, bytes]], mode: str = "w", **options: Any) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, **options) as tar:
        for name, data in members:
            add(tar, name, data)
    return buffer.getvalue()


def add(tar: tarfile.TarFile, name: str, data: bytes = b"", **fields: Any) -> None:
    header = tarfile.TarInfo(name)
    header.size = len(data)
    for key, value in fields.items():
        setattr(header, key, value)
    tar.addfile(header, io.BytesIO(data))


def sample(number: int, suffix: str = "jpg") -> list[tuple[str, bytes]]:
    """A photo with its number as the class."""
    return [
        (f"d/{number:04d}.{suffix}", PHOTOS[number % len(PHOTOS)]),
        (f"d/{number:04d}.cls", f"{number}\n".encode()),
    ]


def described(number: int) -> list[tuple[str, bytes]]:
    photo = PHOTOS[number % len(PHOTOS)]
    return [(f"{number}.jpeg", photo), (f"{number}.json", json.dumps({"number": number}).encode())]


def write_shards(folder: Path, count: int, each: int) -> list[str]:
    """`count` shards of `each` samples, classes 0, 1, 2, ..."""
    paths = []
    for place in range(count):
        numbers = range(place * each, (place + 1) * each)
        path = folder / f"train-{place:03d}.tar"
        path.write_bytes(shard([member for number in numbers for member in sample(number)]))
        paths.append(str(path))
    return paths
