"""Choosing channels and normalising them, in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from reference.dct import Array


def dequantise(quantised: Array, quant_table: Array) -> Array:
    """``(Hb, Wb, 8, 8)`` times ``(8, 8)``."""
    return np.asarray(quantised, np.float64) * quant_table


def select(coefficients: Array, indices: Sequence[int]) -> Array:
    """``(Hb, Wb, 8, 8)`` to ``(len(indices), Hb, Wb)``; an index is ``8 * v + u``."""
    return np.stack([coefficients[:, :, index // 8, index % 8] for index in indices])


def normalise(channels: Array, mean: Sequence[float], std: Sequence[float]) -> Array:
    """``(channel - mean) / std`` for every channel of ``(C, Hb, Wb)``."""
    return np.asarray((channels - np.reshape(mean, (-1, 1, 1))) / np.reshape(std, (-1, 1, 1)))
