"""The facade over the core: ``info``, ``read_planes``, ``read``."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch

from dctdecode import _core
from dctdecode._tensors import Out, address_of_out, allocate, check_out
from dctdecode.errors import CorruptJpegWarning, damage
from dctdecode.info import JpegInfo, info_of
from dctdecode.limits import LimitsLike, as_core_limits, max_bytes_of
from dctdecode.plan import Channels, as_plan, check_orientation, refuse_what_is_missing
from dctdecode.planes import Planes
from dctdecode.sources import Source, open_image

__all__ = ["info", "read", "read_planes"]


def info(source: Source, *, limits: LimitsLike = None) -> JpegInfo:
    """Reads the header of a JPEG, without its coefficients.

    Args:
        source: path (``str``, ``os.PathLike``), bytes-like object, 1-D uint8 numpy array or tensor, or binary
            file object.
        limits: see :class:`dctdecode.Limits`.

    Raises:
        CorruptJpegError: not a JPEG, or its header is damaged.
        UnsupportedJpegError: 12-bit, lossless, hierarchical, JPEG-LS, height in a DNL marker.
        LimitExceededError: more pixels or bytes than ``limits`` allow.
        OSError: the file cannot be read.

    Example:
        >>> import dctdecode
        >>> dctdecode.info(dctdecode_photo).subsampling
        '4:2:0'
    """
    return info_of(_open(source, limits))


def read_planes(source: Source, *, strict: bool = True, limits: LimitsLike = None) -> Planes:
    """Reads all coefficients of every component, exactly as libjpeg-turbo stores them.

    Args:
        source, limits: as in :func:`info`.
        strict: raise where any data is missing or damaged. With ``False`` the result is what libjpeg-turbo
            makes of the file, with a :class:`~dctdecode.errors.CorruptJpegWarning`.

    Returns:
        :class:`Planes`; int16 (Hb, Wb, 8, 8) per component, indices [row, column, v, u].

    Raises:
        As :func:`info`, and ``CorruptJpegError`` for damaged data.

    Example:
        >>> import dctdecode
        >>> dctdecode.read_planes(dctdecode_photo).component(0).dtype
        dtype('int32')
    """
    image = _open(source, limits)
    shapes = [(hb, wb, 8, 8) for hb, wb in image.grids]
    image.check_memory(sum(2 * math.prod(shape) for shape in shapes))
    arrays = [np.empty(shape, np.int16) for shape in shapes]
    found, notes, decoder = image.read_planes_into([int(a.ctypes.data) for a in arrays], bool(strict))
    _warn(found, image)
    return Planes(info_of(image), found, notes, decoder, arrays)


def read(
    source: Source,
    channels: Channels = 192,
    *,
    size: int | tuple[int, int] | None = None,
    crop: tuple[float, float, float, float] | None = None,
    flip: bool = False,
    interpolation: str = "bilinear",
    antialias: bool = True,
    orientation: str = "ignore",
    fast: bool = False,
    normalize: Any = None,
    dtype: torch.dtype = torch.float32,
    out: Out | None = None,
    pin_memory: bool = False,
    strict: bool = True,
    limits: LimitsLike = None,
) -> torch.Tensor:
    """Reads the selected DCT channels of a JPEG as feature maps on luma's block grid.

    Luma and chroma of full resolution are the stored blocks. Subsampled chroma is brought to luma's grid by
    the resampling operator (inverse DCT, interpolation, block DCT, as one linear map); beyond the image's true
    edge its last valid sample repeats. Gray files give zero chroma; Adobe RGB is converted to YCbCr on
    coefficients (T.871 section 7).

    Args:
        source: path (``str``, ``os.PathLike``), bytes-like object, 1-D uint8 numpy array or tensor, or binary
            file object. The GIL is free while a path is read and while any source is decoded.
        channels: number or name of a preset (6, 24, 32, 48, 64, 192, ``"learned-24"``, ...), a
            :class:`ChannelSet`, or flat indices 64 * component + 8 * v + u.
        size, crop, flip: not available yet.
        interpolation, antialias: filter of the resampling operator, ``"box"``, ``"bilinear"``, ``"bicubic"``
            or ``"lanczos"``.
        orientation: ``"ignore"`` the EXIF orientation, or ``"apply"`` it (not available yet for files that are
            not upright).
        fast: allow the operator to leave out input frequencies that hardly matter. Without ``size`` there are
            none: native chroma is always exact.
        normalize: ``None``, ``"dctnet"``, ``"dctnet-det"``, a (mean, std) pair or a JSON file; every channel
            becomes (coefficient - mean) / std.
        dtype: float32, float16, bfloat16 (rounded after normalisation), or int16 (only where every value is
            an exact integer that fits).
        out: tensor or array to write into, of this very shape and dtype, contiguous. After an error its
            contents are undefined.
        pin_memory: allocate in pinned memory; where there is no accelerator, one warning, then ordinary memory.
        strict, limits: as in :func:`read_planes`.

    Returns:
        Tensor (C, Hb, Wb), or ``out`` itself. Hb = ceil(H / 8), Wb = ceil(W / 8). Units: dequantised
        coefficients of the orthonormal DCT-II of (sample - 128), DC in [-1024, 1016], unless normalised.

    Raises:
        As :func:`read_planes`; ``UnsupportedJpegError`` also for CMYK, YCCK and two-component files, which
        have no luma and chroma; ``ValueError``, ``TypeError`` for arguments.

    Example:
        >>> import dctdecode
        >>> dctdecode.read(dctdecode_photo, channels=24).shape
        torch.Size([24, 75, 64])
    """
    refuse_what_is_missing(size, crop, flip)
    check_orientation(orientation)
    plan = as_plan(channels, normalize, dtype, interpolation, antialias, strict)
    if out is not None:
        check_out(out, dtype)
    image = _open(source, limits)
    if orientation == "apply" and image.orientation != 1:
        raise NotImplementedError(
            f'orientation="apply" is not available yet for a file with EXIF orientation {image.orientation}'
        )
    shape = (len(plan), -(-image.height // 8), -(-image.width // 8))
    image.check_memory(math.prod(shape) * dtype.itemsize if out is None else 0)
    result = allocate(shape, dtype, pin_memory) if out is None else out
    found, _, _ = image.read_into(plan, address_of_out(result, shape))
    _warn(found, image)
    return result


def _open(source: Source, limits: LimitsLike) -> _core.Image:
    return open_image(source, as_core_limits(limits), max_bytes_of(limits))


def _warn(found: list[str], image: _core.Image) -> None:
    if found:
        warnings.warn(damage(found, image.path), CorruptJpegWarning, stacklevel=3)
