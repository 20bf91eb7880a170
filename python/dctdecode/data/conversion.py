"""Images that are no JPEGs: pixels by Pillow, then the coefficients that a JPEG of them would hold.

The same steps as the core's operator, on samples in float64 and without its shortcuts: JFIF's YCbCr, one separable
filter for crop, resize and flip, 8 x 8 DCT-II. A JPEG of the same picture differs by its quantisation, and by its
chroma subsampling if it has one.
"""

from __future__ import annotations

import functools
import io
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dctdecode.channels import ChannelSet
from dctdecode.errors import LimitExceededError
from dctdecode.geometry import Axis, Geometry
from dctdecode.limits import Limits, LimitsLike
from dctdecode.normalization import NormalizeLike, as_normalization

if TYPE_CHECKING:
    from dctdecode.data.binding import Bound

__all__ = ["convert"]

Array = npt.NDArray[np.float64]

# Y, Cb - 128, Cr - 128 from R, G, B: JFIF 1.02, "Conversion to and from RGB" (ITU-R BT.601 luma weights).
_LUMA = np.array([0.299, 0.587, 0.114])
_JFIF = np.array([_LUMA, ([0, 0, 1] - _LUMA) / 1.772, ([1, 0, 0] - _LUMA) / 1.402])


def convert(
    source: Any,
    path: str,
    *,
    transform: Bound | None,
    channels: ChannelSet,
    size: tuple[int, int] | None,
    interpolation: str,
    antialias: bool,
    orientation: str,
    normalize: NormalizeLike,
    dtype: torch.dtype,
    limits: LimitsLike,
    **options: Any,
) -> Tensor:
    """What `dctdecode.read` gives for a JPEG of this picture, but for its quantisation.

    Args:
        source: path, bytes or file object, as Pillow opens it.
        path: for messages.
        options: of `dctdecode.read`, without meaning here.

    Raises:
        OSError: Pillow cannot read it; the path is named.
        LimitExceededError: more pixels than ``limits`` allow.
        ImportError: there is no Pillow.
    """
    planes = _ycbcr(_pixels(source, path, orientation == "apply", _max_pixels(limits)))
    plan, on_tensor = (None, None) if transform is None else transform.split()
    geometry = Geometry.of(*planes.shape[:2])
    if plan is not None:
        geometry = plan(geometry)
    elif size is not None:
        geometry = geometry.resize(*size)
    planes = _resampled(planes, geometry.vertical, interpolation, antialias)
    planes = _resampled(planes.swapaxes(0, 1), geometry.horizontal, interpolation, antialias).swapaxes(0, 1)
    blocks = torch.from_numpy(_block_dct(planes)[list(channels.flat)].astype(np.float32))
    if on_tensor is not None:
        blocks = on_tensor(blocks, channels)
    if normalize is not None:
        mean, std = (torch.tensor(v)[:, None, None] for v in as_normalization(normalize, channels))
        blocks = (blocks - mean) / std
    return blocks.to(dtype)


def _max_pixels(limits: LimitsLike) -> float:
    chosen = Limits(**limits) if isinstance(limits, Mapping) else limits or Limits()
    return math.inf if chosen.max_pixels is None else chosen.max_pixels


def _pixels(source: Any, path: str, upright: bool, max_pixels: float) -> npt.NDArray[np.uint8]:
    """(H, W, 3)"""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ImportError('fallback="convert" needs Pillow: pip install "dctdecode[convert]"') from None
    if isinstance(source, (bytes, bytearray, memoryview)):
        source = io.BytesIO(source)
    try:
        with Image.open(source) as image:
            if image.width * image.height > max_pixels:
                raise LimitExceededError(
                    f"{image.height} x {image.width} px, more than max_pixels = {max_pixels:.0f} (limits=)",
                    path=path,
                    reason="limit",
                )
            return np.asarray((ImageOps.exif_transpose(image) if upright else image).convert("RGB"))
    except (LimitExceededError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # Pillow's plugins raise what they like
        raise OSError(f"{path}: Pillow cannot read it: {error}") from error


def _ycbcr(pixels: npt.NDArray[np.uint8]) -> Array:
    """(H, W, 3), each about 0"""
    planes: Array = pixels @ _JFIF.T
    planes[..., 0] -= 128.0
    return planes


class _Window(NamedTuple):
    """As in the core: [start, stop) as 8 * blocks samples."""

    start: float
    stop: float
    blocks: int


def _window(axis: Axis) -> _Window:
    """Without an edit the native grid: whole blocks at scale 1, filled up past the image's end.

    Raises:
        ValueError: a last crop that is no multiple of 8 px.
    """
    if axis.start == 0 and axis.stop == axis.size_px == axis.source_px and not axis.resized_last:
        blocks = -(-axis.source_px // 8)
        start = axis.stop - 8 * blocks if axis.flip else 0.0  # mirrored, the end comes first
        return _Window(start, start + 8 * blocks, blocks)
    blocks = max(1, math.floor(axis.size_px / 8 + 0.5))
    if not axis.resized_last and abs(axis.size_px - 8 * blocks) > 1e-6 * axis.size_px:
        raise ValueError(f"the geometry ends in a crop to {axis.size_px:.9g} px, which is no multiple of 8")
    return _Window(axis.start, axis.stop, blocks)


def _resampled(samples: Array, axis: Axis, interpolation: str, antialias: bool) -> Array:
    """(n, ...) to (8 * blocks, ...): filter, flip, blur."""
    window = _window(axis)
    taps, weights = _taps(window, math.floor(axis.lo), math.ceil(axis.hi), interpolation, antialias)
    if axis.flip:
        taps, weights = taps[:, ::-1], weights[:, ::-1]
    column = (slice(None), *[None] * (samples.ndim - 1))
    result = _sum(samples[tap] * weight[column] for tap, weight in zip(taps, weights, strict=True))
    if axis.blur is None:
        return result
    x = np.arange(axis.blur.taps) - (axis.blur.taps - 1) / 2
    gauss = np.exp(-0.5 * (x / axis.blur.sigma) ** 2)
    around = np.pad(result, [(len(x) // 2, len(x) // 2)] + [(0, 0)] * (samples.ndim - 1), mode="reflect")
    return _sum(around[k : k + len(result)] * weight for k, weight in enumerate(gauss / gauss.sum()))


def _taps(
    window: _Window, lo: int, hi: int, interpolation: str, antialias: bool
) -> tuple[npt.NDArray[np.int64], Array]:
    """Places and weights (taps, n_out) of the samples in [lo, hi) that make each output sample: Pillow's filter.

    Where a sample's centre lies beyond, or no tap inside, it repeats the nearest one.
    """
    n_out = 8 * window.blocks
    scale = (window.stop - window.start) / n_out
    centres = window.start + (np.arange(n_out) + 0.5) * scale
    reach, kernel = _KERNELS[getattr(interpolation, "value", interpolation)]
    width = max(1.0, scale) if antialias else 1.0
    first = np.floor(centres - reach * width + 0.5).astype(np.int64)
    end = np.floor(centres + reach * width + 0.5).astype(np.int64)
    taps = first + np.arange((end - first).max(initial=1))[:, None]
    weights = kernel(np.abs(taps + 0.5 - centres) / width)
    weights[(taps >= end) | (taps < lo) | (taps >= hi) | (centres < lo) | (centres > hi)] = 0.0
    alone = weights.sum(0) == 0
    taps[0, alone] = np.floor(centres[alone])
    weights[0, alone] = 1.0
    return taps.clip(lo, hi - 1), weights / weights.sum(0)


def _lanczos(x: Array) -> Array:
    return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


def _bicubic(x: Array) -> Array:
    """Keys (1981), a = -1/2."""
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


# Reach and value at a distance, as in Pillow (src/libImaging/Resample.c).
_KERNELS: dict[str, tuple[float, Callable[[Array], Array]]] = {
    "box": (0.5, lambda x: (x <= 0.5).astype(np.float64)),
    "bilinear": (1.0, lambda x: np.maximum(0.0, 1.0 - x)),
    "bicubic": (2.0, _bicubic),
    "lanczos": (3.0, _lanczos),
}


def _sum(parts: Iterable[Array]) -> Array:
    """One at a time, for the memory."""
    return functools.reduce(operator.iadd, parts)


def _block_dct(planes: Array) -> Array:
    """(H, W, 3) to (192, Hb, Wb): the orthonormal 8 x 8 DCT-II (T.81 A.3.3)."""
    height, width, components = planes.shape
    k, n = np.arange(8)[:, None], np.arange(8)
    basis = np.where(k == 0, math.sqrt(1 / 8), 0.5) * np.cos((2 * n + 1) * k * np.pi / 16)
    tiles = planes.reshape(height // 8, 8, width // 8, 8, components).transpose(4, 0, 2, 1, 3)
    blocks: Array = basis @ np.ascontiguousarray(tiles) @ basis.T
    return np.asarray(blocks.transpose(0, 3, 4, 1, 2).reshape(64 * components, height // 8, width // 8))
