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
from dctdecode.finishing import Finish, bytes_each, core_part, split
from dctdecode.framing import as_layout
from dctdecode.geometry import GeometryLike, TransformLike
from dctdecode.info import JpegInfo, info_of
from dctdecode.limits import LimitsLike, as_core_limits, max_bytes_of, max_pixels_of
from dctdecode.placing import place
from dctdecode.plan import Channels, as_plan, as_switch, check_orientation
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
    found, notes, decoder = image.read_planes_into(
        [int(a.ctypes.data) for a in arrays], as_switch("strict", strict)
    )
    _warn(found, image)
    return Planes(info_of(image), found, notes, decoder, arrays)


def read(
    source: Source,
    channels: Channels = 192,
    *,
    size: int | tuple[int, int] | None = None,
    crop: tuple[float, float, float, float] | None = None,
    flip: bool | str = False,
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
    geometry: GeometryLike | None = None,
    transform: TransformLike | None = None,
) -> torch.Tensor:
    """Reads the selected DCT channels of a JPEG as feature maps, on its own block grid or cropped and resized.

    Without ``size`` the grid is luma's own. Luma and chroma of full resolution are the stored blocks; subsampled
    chroma is brought to luma's grid by the resampling operator (inverse DCT, interpolation, block DCT, as one
    linear map); beyond the image's true edge its last valid sample repeats. With ``size`` the operator crops,
    resizes and flips all components, each straight from its own resolution: the result is that of doing so in
    pixels, without their rounding to 8 bits. Gray files give zero chroma; Adobe RGB is converted to YCbCr on
    coefficients (T.871 section 7).

    Args:
        source: path (``str``, ``os.PathLike``), bytes-like object, 1-D uint8 numpy array or tensor, or binary
            file object. The GIL is free while a path is read and while any source is decoded.
        channels: number or name of a preset (6, 24, 32, 48, 64, 192, ``"learned-24"``, ...), a
            :class:`ChannelSet`, or flat indices 64 * component + 8 * v + u.
        size: of the output in px, (height, width) or one number for a square: multiples of 8. The grid is an
            eighth of it.
        crop: (top, left, height, width) in px. With ``size``, fractions are allowed: crop, then resize; the filter
            does not look outside the box, as in torchvision's RandomResizedCrop. Without ``size``, that part of
            the native grid, exactly: the box begins and ends at multiples of the file's MCU (16 px for 4:2:0, 8 px
            for 4:4:4), or ends at the image's edge.
        flip: ``True`` or ``"horizontal"`` (left and right change places), ``"vertical"``, ``"both"``. After
            crop and resize. On the native grid the true image is mirrored, not its blocks with their padding.
        interpolation, antialias: filter of the resampling operator, ``"box"``, ``"bilinear"``, ``"bicubic"``
            or ``"lanczos"``, Pillow's definitions: antialias widens it when the image shrinks. ``"bicubic"`` has
            a = -0.5 with and without antialias (torchvision's tensors have -0.75 without, -0.5 with it).
        orientation: ``"ignore"`` the EXIF orientation, or ``"apply"`` it: first of all, so that crop, size and
            flip speak of the upright image.
        fast: where the operator does not enlarge, leave out the input frequencies that hardly matter. Measured on
            60 photographs with 24 channels: RMS error 0.4 to 0.9 units, at most 8 % of a channel's own standard
            deviation (docs/limits.md). The native grid without a flip stays exact.
        normalize: ``None``, ``"imagenet"``, ``"dctnet"``, ``"dctnet-det"``, a (mean, std) pair or a JSON file;
            every channel becomes (coefficient - mean) / std.
        dtype: float32, float16, bfloat16 (rounded after normalisation), or int16 (only where every value is
            an exact integer that fits).
        out: tensor or array to write into, of this very shape and dtype, contiguous. After an error its
            contents are undefined.
        pin_memory: allocate in pinned memory; where there is no accelerator, one warning, then ordinary memory.
        strict, limits: as in :func:`read_planes`; ``max_pixels`` also holds for the output.
        geometry: a :class:`dctdecode.geometry.Geometry` of this image, or a callable that makes one of the upright
            image's (height, width), instead of ``size``, ``crop`` and ``flip``. A side that a resize left is
            rounded to the nearest multiple of 8; one that a crop left must be one.
        transform: one of ``dctdecode.transforms``, or a callable on the tensor. What it does to the geometry
            comes before decoding (then without ``size``, ``crop``, ``flip``, ``geometry``); the rest gets the
            float32 coefficients, and normalisation and ``dtype`` come last.

    Returns:
        Tensor (C, Hb, Wb), or ``out`` itself. Hb, Wb: ceil(H / 8), ceil(W / 8) of the upright image or of the
        crop, or ``size`` / 8. Units: dequantised coefficients of the orthonormal DCT-II of (sample - 128), DC in
        [-1024, 1016] (beyond that where a filter overshoots), unless normalised.

    Raises:
        As :func:`read_planes`; ``UnsupportedJpegError`` also for CMYK, YCCK and two-component files, which
        have no luma and chroma; ``LimitExceededError`` also for an output beyond ``limits``; ``ValueError``,
        ``TypeError`` for arguments.

    Example:
        >>> import dctdecode
        >>> dctdecode.read(dctdecode_photo, channels=24).shape
        torch.Size([24, 75, 64])
        >>> dctdecode.read(dctdecode_photo, channels=24, size=448, crop=(75.5, 32, 400, 400), flip=True).shape
        torch.Size([24, 56, 56])
        >>> dctdecode.read(dctdecode_photo, channels=24, crop=(64, 32, 128, 256)).shape  # a slice of the first
        torch.Size([24, 16, 32])
        >>> from dctdecode.geometry import Geometry
        >>> def evaluation(height, width):  # the published one: short side 512, centre 448
        ...     sides = round(512 * height / min(height, width)), round(512 * width / min(height, width))
        ...     top, left = ((side - 448) // 2 for side in sides)
        ...     return Geometry.of(height, width).resize(*sides).crop(top, left, 448, 448)
        >>> dctdecode.read(dctdecode_photo, channels=24, geometry=evaluation).shape
        torch.Size([24, 56, 56])
    """
    check_orientation(orientation)
    core_limits = as_core_limits(limits)
    planned, tensor_part = split(transform)
    layout = as_layout(size, crop, flip, geometry, planned, max_pixels_of(limits))
    if out is not None:
        check_out(out, dtype)
    finish = None if tensor_part is None else Finish(channels, normalize, dtype)
    core_normalize, core_dtype = core_part(finish, normalize, dtype)
    plan = as_plan(channels, core_normalize, core_dtype, interpolation, antialias, fast, strict)
    image = open_image(source, core_limits, max_bytes_of(limits))
    placed = place(layout, image.extent, orientation == "apply", image.path)
    shape = (len(plan), *placed.grid)
    image.check_memory(math.prod(shape) * bytes_each(finish, dtype, out is not None))
    if finish is not None:
        result = torch.empty(shape)
    else:
        result = allocate(shape, dtype, pin_memory) if out is None else out
    found, _, _ = image.read_into(plan, placed, address_of_out(result, shape))
    _warn(found, image)
    return result if finish is None else finish.image(result, tensor_part, out, pin_memory)


def _open(source: Source, limits: LimitsLike) -> _core.Image:
    return open_image(source, as_core_limits(limits), max_bytes_of(limits))


def _warn(found: list[str], image: _core.Image) -> None:
    if found:
        warnings.warn(damage(found, image.path), CorruptJpegWarning, stacklevel=3)
