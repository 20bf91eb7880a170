"""Ceilings that keep hostile files cheap."""

from __future__ import annotations

import operator
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache

from dctdecode import _core

__all__ = ["Limits", "LimitsLike"]

_NO_LIMIT = {"max_scans": 2**32 - 1}  # the others are 64-bit in the core
_NO_LIMIT_64 = 2**64 - 1


@dataclass(frozen=True)
class Limits:
    """What a single image may cost; ``None`` lifts a limit. All are checked before memory is taken.

    Attributes:
        max_pixels: height times width, of the file and of an output with ``size``. Default 2**26, 67 megapixels.
        max_memory_bytes: stored coefficients (2 bytes each) plus the tensor that ``read`` allocates.
            Default 512 MiB.
        max_bytes: size of the file. Default 256 MiB.
        max_block_visits: blocks touched, summed over all scans: bounds the time of progressive files.
            Default 30 million, about 1.5 s at the worst cost of a visit. An arithmetic-coded block counts
            up to 192: it can cost that much without any data behind it.
        max_scans: Default 100, the number that Chromium and Skia use.

    Raises:
        ValueError: a limit is not a positive integer or ``None``.

    Example:
        >>> Limits(max_pixels=None).max_scans
        100
    """

    max_pixels: int | None = 2**26
    max_memory_bytes: int | None = 512 * 2**20
    max_bytes: int | None = 256 * 2**20
    max_block_visits: int | None = 30_000_000
    max_scans: int | None = 100

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            number = 0 if isinstance(value, bool) or not hasattr(value, "__index__") else operator.index(value)
            object.__setattr__(self, field.name, number)
            if number < 1:
                raise ValueError(f"{field.name} must be a positive integer or None (no limit), got {value!r}")

    @classmethod
    def none(cls) -> Limits:
        """No limits at all, for files that you trust."""
        return cls(**{field.name: None for field in fields(cls)})


@lru_cache(maxsize=64)
def _to_core(limits: Limits) -> _core.Limits:
    values = {}
    for field in fields(limits):
        top = _NO_LIMIT.get(field.name, _NO_LIMIT_64)
        value = getattr(limits, field.name)
        values[field.name] = top if value is None else min(value, top)
    return _core.Limits(**values)


_DEFAULT = Limits()

LimitsLike = Limits | Mapping[str, int | None] | None


def as_core_limits(limits: LimitsLike) -> _core.Limits:
    """Resolves the ``limits=`` argument: defaults, a :class:`Limits`, or a mapping of its fields."""
    if limits is None:
        return _to_core(_DEFAULT)
    if isinstance(limits, Limits):
        return _to_core(limits)
    if isinstance(limits, Mapping):
        known = {field.name for field in fields(Limits)}
        unknown = sorted(set(limits) - known)
        if unknown:
            raise ValueError(f"unknown limit {unknown[0]!r}; known are {sorted(known)}")
        return _to_core(Limits(**limits))
    raise TypeError(f"limits must be a dctdecode.Limits, a mapping or None, got {type(limits).__name__}")


def max_bytes_of(limits: LimitsLike) -> int:
    """How many bytes of a stream are worth reading, in the terms of ``limits=``."""
    return _ceiling(limits, "max_bytes")


def max_pixels_of(limits: LimitsLike) -> int:
    """How many pixels an output may stand for, in the terms of ``limits=``."""
    return _ceiling(limits, "max_pixels")


def _ceiling(limits: LimitsLike, name: str) -> int:
    if limits is None:
        limits = _DEFAULT
    chosen = limits.get(name, getattr(_DEFAULT, name)) if isinstance(limits, Mapping) else getattr(limits, name)
    return sys.maxsize if chosen is None else operator.index(chosen)
