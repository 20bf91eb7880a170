"""Crop, resize and flip of a component the long way: inverse DCT, dense matrices on samples, DCT.

What the operator on coefficients has to equal. The filters are Pillow's (``src/libImaging/Resample.c``), the
bicubic one that of Keys (1981) with a = -1/2.
"""

from __future__ import annotations

import math

import numpy as np
from reference.dct import Array, block_dct, block_idct

SUPPORT = {"box": 0.5, "bilinear": 1.0, "bicubic": 2.0, "lanczos": 3.0}


def sinc(x: float) -> float:
    return 1.0 if x == 0 else math.sin(math.pi * x) / (math.pi * x)


def phi(interpolation: str, x: float) -> float:
    """The filter's kernel at distance ``x`` from its centre."""
    distance = abs(x)
    if interpolation == "box":
        return 1.0 if -0.5 < x <= 0.5 else 0.0
    if interpolation == "bilinear":
        return max(0.0, 1.0 - distance)
    if interpolation == "bicubic":
        if distance < 1:
            return 1.5 * distance**3 - 2.5 * distance**2 + 1
        return -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2 if distance < 2 else 0.0
    if interpolation == "lanczos":
        return sinc(x) * sinc(x / 3) if distance < 3 else 0.0
    raise ValueError(f"interpolation must be one of {sorted(SUPPORT)}, not {interpolation!r}")


def resampling_row(centre: float, width: float, lo: int, hi: int, in_samples: int, interpolation: str) -> Array:
    """Weights ``(in_samples,)`` of one output sample; ``width`` is how far the filter is stretched."""
    row = np.zeros(in_samples)
    if centre < lo:
        row[lo] = 1.0
        return row
    if centre > hi:
        row[hi - 1] = 1.0
        return row
    radius = SUPPORT[interpolation] * width
    first = max(lo, math.floor(centre - radius + 0.5))
    end = min(hi, math.floor(centre + radius + 0.5))
    for j in range(first, end):
        row[j] = phi(interpolation, (j + 0.5 - centre) / width)
    if first >= end:
        row[min(math.floor(centre), hi - 1)] = 1.0
    return np.asarray(row / row.sum())


def resampling_matrix(
    start: float,
    stop: float,
    n_out: int,
    in_samples: int,
    interpolation: str = "bilinear",
    *,
    antialias: bool = True,
    flip: bool = False,
    lo: int = 0,
    hi: int | None = None,
) -> Array:
    """R, ``(n_out, in_samples)``: the window [start, stop) of the input as ``n_out`` samples.

    Taps stay in [lo, hi) (default: the whole input). A sample whose centre lies beyond repeats the nearest one.

    Example:
        >>> resampling_matrix(0, 2, 4, 2)[:, 0].tolist()
        [1.0, 0.75, 0.25, 0.0]
    """
    hi = in_samples if hi is None else hi
    scale = (stop - start) / n_out
    width = max(1.0, scale) if antialias else 1.0
    centres = [start + (i + 0.5) * scale for i in range(n_out)]
    rows = [resampling_row(c, width, lo, hi, in_samples, interpolation) for c in centres]
    return np.stack(rows[::-1] if flip else rows)


def native_matrix(
    size_px: int,
    in_samples: int,
    factor: int,
    factor_max: int,
    interpolation: str = "bilinear",
    *,
    flip: bool = False,
) -> Array:
    """R that brings a component to luma's block grid, at scale exactly factor / factor_max.

    With ``flip`` the true image is mirrored first, then its edge is extended to the grid.
    """
    n_out = 8 * math.ceil(size_px / 8)
    stop = (size_px if flip else n_out) * factor / factor_max
    start = stop - n_out * factor / factor_max
    return resampling_matrix(start, stop, n_out, in_samples, interpolation, flip=flip)


def resample_component(
    coefficients: Array, height_samples: int, width_samples: int, vertical: Array, horizontal: Array
) -> Array:
    """Dequantised ``(Hb, Wb, 8, 8)`` to ``(out Hb, out Wb, 8, 8)``.

    ``vertical`` is ``(8 * out Hb, height_samples)``, ``horizontal`` ``(8 * out Wb, width_samples)``; samples
    beyond the component's true size are the encoder's padding and are cut off.
    """
    samples = block_idct(coefficients)[:height_samples, :width_samples]
    return block_dct(vertical @ samples @ horizontal.T)
