"""The encoder's quality setting, guessed from a quantisation table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Quality", "estimate_quality"]

# T.81 table K.1 (luminance), natural order. libjpeg's encoder and most others scale it.
_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.int64,
)


class Quality(NamedTuple):
    """libjpeg quality 1..100; `exact` if the table is the very one that libjpeg writes at that setting."""

    value: int
    exact: bool


def estimate_quality(luma: npt.ArrayLike) -> Quality:
    """The libjpeg quality whose luma quantisation table comes nearest (least sum of absolute differences).

    libjpeg scales table K.1 of T.81 by 5000 / q percent below quality 50 and by 200 - 2 q percent from there
    (jcparam.c, `jpeg_quality_scaling`), and limits the entries to 1..255. Cameras and editors have tables of
    their own; for them the number is a rough equivalent.

    Args:
        luma: (8, 8) quantisation table of component 0.

    Example:
        >>> import dctdecode
        >>> from dctdecode.quality import estimate_quality
        >>> estimate_quality(dctdecode.info(dctdecode_photo).quant_tables[0])
        Quality(value=80, exact=True)
    """
    table = np.asarray(luma, np.int64).reshape(8, 8)
    distances = {quality: int(np.abs(_scaled(quality) - table).sum()) for quality in range(1, 101)}
    # Of equal distances the highest: near 100 and near 1 neighbouring settings give one and the same table.
    best = min(reversed(distances), key=distances.__getitem__)
    return Quality(best, distances[best] == 0)


def _scaled(quality: int) -> npt.NDArray[np.int64]:
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((_LUMINANCE * percent + 50) // 100, 1, 255)
