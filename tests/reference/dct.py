"""The 8 x 8 DCT-II as JPEG defines it (T.81 A.3.3), in float64.

Shapes: a plane of samples is ``(8 * Hb, 8 * Wb)``, its coefficients ``(Hb, Wb, 8, 8)`` with ``[v, u]`` last,
``v`` the vertical frequency. The worked image, 37 x 21 px, has Hb = 3 and Wb = 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def dct_matrix() -> Array:
    """``D[k, n] = c_k cos((2n + 1) k pi / 16)``, ``c_0 = sqrt(1/8)``, ``c_k = 1/2``: a row is a frequency."""
    k = np.arange(8)[:, None]
    n = np.arange(8)[None, :]
    scale = np.where(k == 0, np.sqrt(1 / 8), 1 / 2)
    return np.asarray(scale * np.cos((2 * n + 1) * k * np.pi / 16))


def split_blocks(plane: Array) -> Array:
    """``(8 * Hb, 8 * Wb)`` to ``(Hb, Wb, 8, 8)``."""
    height, width = plane.shape
    return np.asarray(plane.reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3))


def join_blocks(blocks: Array) -> Array:
    """``(Hb, Wb, 8, 8)`` to ``(8 * Hb, 8 * Wb)``: the inverse of `split_blocks`."""
    hb, wb = blocks.shape[:2]
    return np.asarray(blocks.transpose(0, 2, 1, 3).reshape(8 * hb, 8 * wb))


def block_dct(samples: Array) -> Array:
    """Samples (level shift already taken off) to coefficients: ``D x D^T`` for every block."""
    d = dct_matrix()
    return np.asarray(d @ split_blocks(samples) @ d.T)


def block_idct(coefficients: Array) -> Array:
    """Coefficients to samples without the level shift, not clamped: ``D^T X D`` for every block."""
    d = dct_matrix()
    return join_blocks(d.T @ coefficients @ d)
