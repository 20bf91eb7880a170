"""From whatever names or holds a JPEG to its bytes, opened by the core."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch

from dctdecode import _core

__all__ = ["Source", "open_image"]

# str, os.PathLike, bytes-like, 1-D uint8 array or tensor, binary file object.
Source = Any

_ACCEPTED = (
    "a path (str or os.PathLike), a bytes-like object, a 1-D uint8 numpy array or tensor, or a binary file object"
)


def open_image(source: Source, limits: _core.Limits, max_bytes: int) -> _core.Image:
    """Reads the source's bytes (the GIL is free meanwhile for paths) and the header.

    Raises:
        TypeError, ValueError: the source is of no accepted kind.
        OSError: the file cannot be read.
        DctDecodeError: the header is refused.
    """
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        shown = os.fsdecode(path)
        return _core.Image.from_path(os.fsencode(path), shown, limits)
    if isinstance(source, torch.Tensor):
        source = _array_of(source)
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 1:
            raise ValueError(f"an array of JPEG bytes is 1-D uint8, got {source.ndim}-D {source.dtype}")
        return _core.Image.from_buffer(np.ascontiguousarray(source), None, limits)
    try:
        view = memoryview(source)
    except TypeError:
        return _from_file_object(source, limits, max_bytes)
    return _core.Image.from_buffer(view if view.c_contiguous else view.tobytes(), None, limits)


def _array_of(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    if tensor.device.type != "cpu":
        raise ValueError(f"a tensor of JPEG bytes lies on the CPU, got one on {tensor.device}")
    if tensor.dtype != torch.uint8 or tensor.dim() != 1:
        raise ValueError(f"a tensor of JPEG bytes is 1-D uint8, got {tensor.dim()}-D {tensor.dtype}")
    return tensor.detach().numpy()


def _from_file_object(source: Source, limits: _core.Limits, max_bytes: int) -> _core.Image:
    read = getattr(source, "read", None)
    if not callable(read):
        raise TypeError(f"source must be {_ACCEPTED}, got {type(source).__name__}")
    data = read(max_bytes + 1)  # one more, so that the core sees a file that is too large
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"the file object gave {type(data).__name__}, not bytes; open it in binary mode ('rb')")
    name = getattr(source, "name", None)
    return _core.Image.from_buffer(data, name if isinstance(name, str) else None, limits)
