"""The Python contenders, as `dctdecode.bench` measures them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import dctdecode
import numpy as np
import torch
from dctdecode.bench.contenders import Contender, Decoder, Kind
from dctdecode.bench.corpus import Photo

__all__ = ["check_prepared", "on_originals", "on_prepared"]


def on_originals(photos: Sequence[Photo]) -> dict[Contender, Decoder]:
    """Those that get the photos as they are. Memory that is reused is as large as the largest photo needs."""
    pixels = np.empty(3 * max(photo.height * photo.width for photo in photos), np.uint8)
    channels = torch.empty(max(math.prod(_shape(photo.data)) for photo in photos))
    return dict(
        (
            _named("simplejpeg", "rgb", _simplejpeg()),
            _named("read 24", "ours", Decoder(_read24)),
            _named("simplejpeg buffer", "rgb", _simplejpeg(buffer=pixels)),
            _named("read 192 out", "ours", _read_into(channels)),
        )
    )


def on_prepared(prepared: Mapping[bytes, bytes]) -> dict[Contender, Decoder]:
    """The one that gets files of 24 channels instead; `check_prepared` is its check."""
    return dict((_named("prepared 24", "ours", Decoder(_read24, prepare=prepared.__getitem__)),))


def check_prepared(photos: Sequence[Photo], prepared: Mapping[bytes, bytes]) -> None:
    """Ends the program unless each prepared file holds its 24 channels as the original does, and nothing else."""
    keep = np.zeros((3, 64), bool)
    keep.reshape(-1)[list(dctdecode.PRESETS[24].flat)] = True
    for photo in photos:
        before, after = (dctdecode.read_planes(data) for data in (photo.data, prepared[photo.data]))
        for i in range(len(before)):
            expected = np.where(keep[i].reshape(8, 8), before.quantized(i), 0)
            if not np.array_equal(after.quantized(i), expected):
                raise SystemExit(f"{photo.path}: its prepared file holds something else")


def _named(name: str, kind: Kind, decoder: Decoder) -> tuple[Contender, Decoder]:
    return Contender(name, kind, name, "simplejpeg" if kind == "rgb" else "dctdecode", lambda: decoder), decoder


def _read24(data: bytes) -> torch.Tensor:
    return dctdecode.read(data, channels=24)


def _shape(data: bytes) -> tuple[int, int, int]:
    info = dctdecode.info(data)
    return 192, -(-info.height // 8), -(-info.width // 8)


def _read_into(memory: torch.Tensor) -> Decoder:
    """All channels into memory that is used again for every image; its view for each image is made beforehand."""

    def prepare(data: bytes) -> tuple[bytes, torch.Tensor]:
        shape = _shape(data)
        return data, memory[: math.prod(shape)].view(shape)

    return Decoder(lambda source: dctdecode.read(source[0], channels=192, out=source[1]), prepare=prepare)


def _simplejpeg(**options: Any) -> Decoder:
    decode_jpeg = import_module("simplejpeg").decode_jpeg
    return Decoder(lambda data: decode_jpeg(data, "RGB", **options))
