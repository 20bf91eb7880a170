"""The C++ and C programs of this benchmark: built, run, and their answers held against the package's."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dctdecode
from dctdecode.bench.corpus import Photo
from shared.table import Seconds

__all__ = ["measure", "prepared_files"]


def prepared_files(programs: Path, photos: Sequence[Photo]) -> dict[bytes, bytes]:
    """Bytes of each photo -> those of a JPEG that holds nothing but its 24 channels."""
    with TemporaryDirectory() as folder:
        targets = [Path(folder) / f"{i}.jpg" for i in range(len(photos))]
        lines = [f"{photo.path}\n{target}\n" for photo, target in zip(photos, targets, strict=True)]
        channels = map(str, dctdecode.PRESETS[24].flat)
        _run([str(programs / "reading_prepare"), *channels], "".join(lines))
        return {photo.data: target.read_bytes() for photo, target in zip(photos, targets, strict=True)}


def measure(programs: Path, photos: Sequence[Photo], rounds: int, record: dict[str, Any]) -> Seconds:
    """Seconds an image of each contender and group; puts the program's versions into `record`."""
    lines = [f"{photo.group}\n{photo.path}\n" for photo in photos]
    found: Mapping[str, Any] = json.loads(_run([str(programs / "reading_native"), str(rounds)], "".join(lines)))
    for photo, checksum in zip(photos, found["checksums"], strict=True):
        if zlib.adler32(dctdecode.read(photo.data, 24).numpy().tobytes()) != checksum:
            raise SystemExit(
                f"{photo.path}: the package gives other channels than the program: are they of one build?"
            )
    record["native"] = {"compiler": found["compiler"], "its libjpeg-turbo": found["libjpeg-turbo"]}
    seconds: Seconds = {}
    for group, by_contender in found["seconds"].items():
        for contender, values in by_contender.items():
            seconds.setdefault(contender, {})[group] = values
    return seconds


def _run(command: list[str], text: str) -> str:
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed")
    return done.stdout
