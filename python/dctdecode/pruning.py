"""Smaller JPEGs out of JPEGs: ``prune``."""

from __future__ import annotations

import operator
import warnings

from dctdecode import _core
from dctdecode.channels import as_channel_set
from dctdecode.errors import CorruptJpegWarning, damage
from dctdecode.framing import as_layout
from dctdecode.geometry import GeometryLike
from dctdecode.limits import LimitsLike, as_core_limits, max_bytes_of, max_pixels_of
from dctdecode.placing import place
from dctdecode.plan import Channels, as_filter, as_switch
from dctdecode.sources import Source, open_image
from dctdecode.writing import as_bits, as_luma_factors, as_quality

__all__ = ["prune"]


def prune(
    source: Source,
    channels: Channels,
    *,
    margin: int = 0,
    size: int | tuple[int, int] | None = None,
    quality: int | None = None,
    subsampling: str | None = None,
    interpolation: str = "bilinear",
    antialias: bool = True,
    orientation: str = "keep",
    metadata: str = "orientation",
    progressive: bool = False,
    strict: bool = True,
    limits: LimitsLike = None,
    geometry: GeometryLike | None = None,
) -> bytes:
    """Makes a JPEG that holds only the selected channels: smaller, quicker to read, and open to every decoder.

    Without ``size`` the kept coefficients are those of the file, bit for bit, the others zero. So
    ``read(prune(x, c), c)`` equals ``read(x, c)`` wherever no resampling follows; where it does (subsampled
    chroma, ``size=``, crops), the operator draws a little on the dropped frequencies, and ``margin`` keeps
    those that matter (docs/pruning.md gives the RMS). The result is baseline with optimised Huffman tables and
    without restart markers, whatever the file is: progressive, arithmetic-coded, of several scans.

    Gray files stay gray. An RGB (Adobe) file stays RGB: its Y, Cb and Cr are combinations of the same frequency
    of all three components, so each keeps what any of the channels needs.

    Args:
        source: as in :func:`dctdecode.read`.
        channels: as in :func:`dctdecode.read`. Their order does not matter.
        margin: keep neighbours as well: frequency (v, u) of a component is kept if a selected one is at most so
            many steps away in v and in u. 0 to 7.
        size: of the image in px, (height, width) or one number for a square: multiples of 8. The image is
            resampled by the operator, straight from all stored frequencies, and quantised anew.
        quality: libjpeg's quality setting 1..100 of what ``size`` or ``geometry`` makes; 90 where not given.
            Without them there is nothing to quantise, and a ``ValueError`` says so.
        subsampling: of what ``size`` or ``geometry`` makes: ``"4:4:4"``, ``"4:2:2"`` or ``"4:2:0"``, each
            component resampled from its own grid straight to its new one; ``"4:4:4"`` where not given.
        interpolation, antialias: of the resampling operator, as in :func:`dctdecode.read`.
        orientation: ``"keep"`` the EXIF orientation as a note in the file, or ``"apply"`` it. Without ``size``
            that is done on coefficients, and exact; an image that would have to be mirrored along a side which
            is no multiple of its MCU cannot be, and is refused.
        metadata: ``"orientation"`` keeps the EXIF orientation (where it is not 1) and nothing else; ``"all"``
            keeps all APPn and COM segments before the first scan: EXIF, XMP, ICC profile, comments. (The JFIF
            and Adobe segments are written anew, and the index of a multi-picture file is left out.)
        progressive: write a progressive JPEG instead.
        strict, limits: as in :func:`dctdecode.read_planes`; but of a progressive file only what is kept has to be
            whole, and every component's DC. ``max_memory_bytes`` also bounds the result.
        geometry: instead of ``size``, as in :func:`dctdecode.read`.

    Returns:
        The bytes of the JPEG. Equal arguments give equal bytes, and pruning twice gives the same as once.

    Raises:
        As :func:`dctdecode.read_planes`; ``UnsupportedJpegError`` also for CMYK, YCCK and two-component files,
        which have no luma and chroma, and for what a baseline JPEG cannot hold: 16-bit quantisation tables or
        zeros in them, AC coefficients beyond +-1023, DC coefficients more than 2047 apart.

    Example:
        >>> import dctdecode
        >>> small = dctdecode.prune(dctdecode_photo, 24)
        >>> dctdecode.info(small).sampling == dctdecode.info(dctdecode_photo).sampling
        True
        >>> stored, kept = dctdecode.read_planes(dctdecode_photo), dctdecode.read_planes(small)
        >>> bool((kept.quantized(0)[..., :4, :4] == stored.quantized(0)[..., :4, :4]).all())
        True
    """
    if orientation not in ("keep", "apply"):
        raise ValueError(f'orientation must be "keep" or "apply", got {orientation!r}')
    if metadata not in ("orientation", "all"):
        raise ValueError(f'metadata must be "orientation" or "all", got {metadata!r}')
    resampled = size is not None or geometry is not None
    if not resampled and (quality is not None or subsampling is not None):
        raise ValueError("quality and subsampling are for an image that size or geometry resamples")
    upright = orientation == "apply"
    pruning = _core.Pruning(
        kept=as_bits(as_channel_set(channels), _steps(margin)),
        metadata=_core.Metadata.all if metadata == "all" else _core.Metadata.orientation,
        upright=upright,
        progressive=as_switch("progressive", progressive),
        strict=as_switch("strict", strict),
        quality=as_quality(90 if quality is None else quality),
        luma_factors=as_luma_factors("4:4:4" if subsampling is None else subsampling),
        filter=as_filter(interpolation),
        antialias=as_switch("antialias", antialias),
    )
    layout = as_layout(size, None, False, geometry, None, max_pixels_of(limits))
    image = open_image(source, as_core_limits(limits), max_bytes_of(limits))
    placed = place(layout, image.extent, upright, image.path) if resampled else None
    jpeg, (found, _, _) = image.prune(pruning, placed)
    if found:
        warnings.warn(damage(found, image.path), CorruptJpegWarning, stacklevel=2)
    return jpeg


def _steps(margin: object) -> int:
    steps = operator.index(margin) if hasattr(margin, "__index__") and not isinstance(margin, bool) else -1
    if not 0 <= steps <= 7:
        raise ValueError(f"margin must be an integer 0..7, got {margin!r}")
    return steps
