"""The crops of the benchmark: torchvision's RandomResizedCrop, drawn once for each file."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from dctdecode.bench.corpus import Photo

__all__ = ["Box", "drawn"]

_AREA = (0.08, 1.0)  # of the image's
_RATIO = (3 / 4, 4 / 3)  # width over height
_TRIES = 10


class Box(NamedTuple):
    """In px of the stored image."""

    top: int
    left: int
    height: int
    width: int


def drawn(photos: Sequence[Photo]) -> dict[bytes, Box]:
    """Bytes of each photo -> its box, the same for a file's name in every run."""
    return {photo.data: _draw(photo) for photo in photos}


def _draw(photo: Photo) -> Box:
    rng = np.random.default_rng(zlib.crc32(Path(photo.path).name.encode()))
    for _ in range(_TRIES):
        area = photo.height * photo.width * rng.uniform(*_AREA)
        ratio = math.exp(rng.uniform(*map(math.log, _RATIO)))
        height, width = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
        if 0 < height <= photo.height and 0 < width <= photo.width:
            top = int(rng.integers(photo.height - height, endpoint=True))
            return Box(top, int(rng.integers(photo.width - width, endpoint=True)), height, width)
    height = min(photo.height, round(photo.width / _RATIO[0]))
    width = min(photo.width, round(photo.height * _RATIO[1]))
    return Box((photo.height - height) // 2, (photo.width - width) // 2, height, width)
