"""What to make of an image, checked and handed to the core as data."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from dctdecode import _core
from dctdecode._tensors import core_dtype
from dctdecode.channels import ChannelSet, as_channel_set
from dctdecode.normalization import as_normalization

__all__ = ["Channels", "as_filter", "as_plan", "as_switch", "check_orientation"]

Channels = int | str | ChannelSet | Sequence[int]


def check_orientation(orientation: object) -> None:
    """ValueError unless it is one of the two words."""
    if orientation not in ("ignore", "apply"):
        raise ValueError(f'orientation must be "ignore" or "apply", got {orientation!r}')


def as_switch(name: str, value: object) -> bool:
    """A bool, numpy's too. TypeError for anything else: the string "no" would count as True."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise TypeError(f"{name} must be True or False, got {value!r}")


_FILTERS: dict[object, _core.Filter] = {
    name: getattr(_core.Filter, name) for name in ("box", "bilinear", "bicubic", "lanczos")
}


def as_filter(interpolation: object) -> _core.Filter:
    """The core's word for it; ValueError where there is none."""
    name = getattr(interpolation, "value", interpolation)  # torchvision's InterpolationMode
    if not isinstance(name, str) or name not in _FILTERS:
        raise ValueError(f"interpolation must be one of {list(_FILTERS)}, got {interpolation!r}")
    return _FILTERS[name]


def as_plan(
    channels: Channels,
    normalize: Any,
    dtype: torch.dtype,
    interpolation: object,
    antialias: bool,
    fast: bool,
    strict: bool,
) -> _core.Plan:
    """The core's plan for these arguments of ``read``; plans are cached.

    Raises:
        ValueError, TypeError: an argument has no meaning; the message shows it and what is allowed.
    """
    switches = as_switch("antialias", antialias), as_switch("fast", fast), as_switch("strict", strict)
    arguments = (channels, normalize, dtype, interpolation, *switches)
    if _FIXED.issuperset(map(type, arguments)) and not _is_file(channels) and not _is_file(normalize):
        return _plan_of_fixed(*arguments)
    return _make_plan(*arguments)


# Of these very types, equal arguments always mean the same plan. A list can change, and so can a JSON file.
_FIXED = frozenset((int, str, bool, type(None), ChannelSet, torch.dtype))


def _is_file(argument: object) -> bool:
    return isinstance(argument, str) and argument.endswith(".json")


def _make_plan(
    channels: Channels,
    normalize: Any,
    dtype: torch.dtype,
    interpolation: object,
    antialias: bool,
    fast: bool,
    strict: bool,
) -> _core.Plan:
    selection = as_channel_set(channels)
    kind = core_dtype(dtype)
    if normalize is not None and dtype == torch.int16:
        raise ValueError("int16 holds coefficients as they are; normalize= needs a float dtype")
    statistics = as_normalization(normalize, selection)
    return _cached_plan(selection.flat, statistics, kind, as_filter(interpolation), antialias, fast, strict)


# Typed: True is no channel number, though it equals 1.
_plan_of_fixed = lru_cache(maxsize=64, typed=True)(_make_plan)


@lru_cache(maxsize=64)
def _cached_plan(
    flat: tuple[int, ...],
    statistics: tuple[tuple[float, ...], tuple[float, ...]] | None,
    dtype: _core.DType,
    kind: _core.Filter,
    antialias: bool,
    fast: bool,
    strict: bool,
) -> _core.Plan:
    mean, std = statistics if statistics is not None else ((0.0,) * len(flat), (1.0,) * len(flat))
    rows = [(index // 64, index % 64, m, 1.0 / s) for index, m, s in zip(flat, mean, std, strict=True)]
    return _core.Plan(rows, dtype, kind, antialias, fast, strict)
