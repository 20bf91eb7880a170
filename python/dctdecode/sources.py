"""From whatever names or holds a JPEG to its bytes, opened by the core."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from dctdecode import _core

__all__ = ["Resolved", "Source", "check_decoder", "open_image", "resolve"]

# str, os.PathLike, bytes-like, 1-D uint8 array or tensor, binary file object.
Source = Any

_DECODERS = ("dctdecode", "libjpeg-turbo")

_PIECE_BYTES = 4 * 2**20  # streams take memory for all that they are asked for, before they look what is there

_ACCEPTED = (
    "a path (str or os.PathLike), a bytes-like object, a 1-D uint8 numpy array or tensor, or a binary file object"
)


class Resolved(NamedTuple):
    """Where the bytes are: a ``path`` for the core to read, or a ``buffer``. ``shown`` names it in messages."""

    path: bytes | None
    shown: str | None
    buffer: object


def resolve(source: Source, max_bytes: int) -> Resolved:
    """Tells the kinds of source apart. Paths are not opened yet; file objects are read here.

    Raises:
        TypeError, ValueError: the source is of no accepted kind.
    """
    if isinstance(source, bytes):  # first: it is the quickest to tell, and what loaders hand over
        return Resolved(None, None, source)
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        return Resolved(os.fsencode(path), os.fsdecode(path), None)
    if isinstance(source, torch.Tensor):
        source = _array_of(source)
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 1:
            raise ValueError(f"an array of JPEG bytes is 1-D uint8, got {source.ndim}-D {source.dtype}")
        return Resolved(None, None, np.ascontiguousarray(source))
    try:
        view = memoryview(source)
    except TypeError:
        return _from_file_object(source, max_bytes)
    return Resolved(None, None, view if view.c_contiguous else view.tobytes())


def check_decoder() -> None:
    """ValueError where the environment asks for a decoder that there is not: ignored, it would compare one with
    itself."""
    name = os.environ.get("DCTDECODE_DECODER")
    if name and name not in _DECODERS:
        raise ValueError(f"DCTDECODE_DECODER in the environment must be unset or one of {_DECODERS}, got {name!r}")


def open_image(source: Source, limits: _core.Limits, max_bytes: int) -> _core.Image:
    """Reads the source's bytes (the GIL is free meanwhile for paths) and the header.

    Raises:
        TypeError, ValueError: the source is of no accepted kind; `check_decoder`.
        OSError: the file cannot be read.
        DctDecodeError: the header is refused.
    """
    check_decoder()
    resolved = resolve(source, max_bytes)
    if resolved.path is not None:
        return _core.Image.from_path(resolved.path, resolved.shown, limits)
    return _core.Image.from_buffer(resolved.buffer, resolved.shown, limits)


def _array_of(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    if tensor.device.type != "cpu":
        raise ValueError(f"a tensor of JPEG bytes lies on the CPU, got one on {tensor.device}")
    if tensor.dtype != torch.uint8 or tensor.dim() != 1:
        raise ValueError(f"a tensor of JPEG bytes is 1-D uint8, got {tensor.dim()}-D {tensor.dtype}")
    return tensor.detach().numpy()


def _from_file_object(source: Source, max_bytes: int) -> Resolved:
    read = getattr(source, "read", None)
    if not callable(read):
        raise TypeError(f"source must be {_ACCEPTED}, got {type(source).__name__}") from None
    name = getattr(source, "name", None)
    return Resolved(None, name if isinstance(name, str) else None, _read_all(read, max_bytes + 1))


def _read_all(read: Callable[[int], object], size: int) -> object:
    """Up to `size` bytes (one more than are allowed, so that the core sees a file that is too large).

    A raw stream may give fewer at a time than asked for; only an empty answer is the end.
    """
    pieces: list[Any] = []
    missing = size
    while missing > 0:
        try:
            piece = read(min(missing, _PIECE_BYTES))
        except UnicodeDecodeError:  # a file in text mode, which no JPEG survives
            piece = ""
        if not isinstance(piece, (bytes, bytearray, memoryview)):
            given = type(piece).__name__
            raise TypeError(f"the file object gave {given}, not bytes; open it in binary mode ('rb')") from None
        if len(piece) == 0:
            break
        pieces.append(piece)
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
