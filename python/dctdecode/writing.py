"""Arguments that all writers of JPEGs take, checked."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

from dctdecode.channels import ChannelSet

__all__ = ["as_bits", "as_luma_factors", "as_quality"]

_LUMA_FACTORS = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:2:0": (2, 2)}  # (v, h); chroma's are 1


def as_quality(quality: object) -> int:
    """libjpeg's 1..100.

    Raises:
        ValueError: anything else.
    """
    number = operator.index(quality) if hasattr(quality, "__index__") and not isinstance(quality, bool) else 0
    if not 1 <= number <= 100:
        raise ValueError(f"quality must be an integer 1..100, got {quality!r}")
    return number


def as_luma_factors(subsampling: object) -> tuple[int, int]:
    """Luma's sampling factors (v, h), chroma's being 1.

    Raises:
        ValueError: no such subsampling.
    """
    if not isinstance(subsampling, str) or subsampling not in _LUMA_FACTORS:
        raise ValueError(f"subsampling must be one of {list(_LUMA_FACTORS)}, got {subsampling!r}")
    return _LUMA_FACTORS[subsampling]


@functools.lru_cache(maxsize=64)
def as_bits(channels: ChannelSet, margin: int = 0) -> tuple[int, int, int]:
    """What to keep of Y, Cb and Cr: bit 8 * v + u for each frequency and those up to ``margin`` steps away."""
    y, cb, cr = (_bits(indices, margin) for indices in (channels.y, channels.cb, channels.cr))
    return y, cb, cr


def _bits(indices: Sequence[int], margin: int) -> int:
    bits = 0
    for index in indices:
        v, u = divmod(index, 8)
        for near_v in range(max(v - margin, 0), min(v + margin, 7) + 1):
            for near_u in range(max(u - margin, 0), min(u + margin, 7) + 1):
                bits |= 1 << (8 * near_v + near_u)
    return bits
