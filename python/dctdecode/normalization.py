"""Mean and standard deviation of each coefficient: ``normalised = (coefficient - mean) / std``."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from dctdecode.channels import ALL_CHANNELS, COEFFICIENTS, COMPONENT_NAMES, ChannelSet

__all__ = ["Normalization", "NormalizeLike", "as_normalization", "normalization_names"]


_SHIPPED = Path(__file__).with_name("stats")  # one file for each name


@dataclass(frozen=True, repr=False)
class Normalization:
    """Mean and std of all 192 coefficients, by flat index ``64 * component + 8 * v + u``.

    Units are those of dequantised coefficients (DC in [-1024, 1016]).

    Args:
        mean: 192 finite numbers. NaN in both vectors stands for a channel that was not measured.
        std: 192 finite numbers above zero.

    Raises:
        ValueError: a wrong length, or a value that is not finite; a std that is not above zero; NaN in only one
            of the two.

    Example:
        >>> from dctdecode import ChannelSet
        >>> from dctdecode.normalization import Normalization
        >>> halved = Normalization(mean=[0.0] * 192, std=[2.0] * 192)
        >>> halved.select(ChannelSet(y=[0], cb=[0]))
        ((0.0, 0.0), (2.0, 2.0))
    """

    mean: Sequence[float]
    std: Sequence[float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", _vector(self.mean, "mean", (ALL_CHANNELS,), or_nan=True))
        object.__setattr__(self, "std", _std(_vector(self.std, "std", (ALL_CHANNELS,), or_nan=True)))
        for i, pair in enumerate(zip(self.mean, self.std, strict=True)):
            if math.isnan(pair[0]) != math.isnan(pair[1]):
                raise ValueError(f"normalize: mean {pair[0]:g}, std {pair[1]:g} at position {i}: NaN in one alone")

    def __repr__(self) -> str:
        known = sum(not math.isnan(value) for value in self.mean)
        return f"Normalization(mean of Y DC {self.mean[0]:g}, std of Y DC {self.std[0]:g}, {known} of each)"

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Normalization:
        """Reads a JSON file ``{"mean": [192 numbers], "std": [192 numbers]}``; other keys may say more.

        ``null`` in both stands for a channel that was not measured, as ``dctdecode stats --channels`` writes it.

        Raises:
            OSError: the file cannot be read.
            ValueError: it holds something else.
        """
        where = os.fspath(path)
        try:
            data = json.loads(Path(path).read_text("utf-8"))
        except ValueError as error:
            raise ValueError(f"{where}: not a JSON file ({error})") from None
        if not isinstance(data, dict) or not {"mean", "std"} <= data.keys():
            raise ValueError(f'{where}: expected an object {{"mean": [192 numbers], "std": [192 numbers]}}')
        try:
            return cls(_without_null(data["mean"]), _without_null(data["std"]))
        except (TypeError, ValueError) as error:
            raise type(error)(f"{where}: {error}") from None

    @classmethod
    def named(cls, name: str) -> Normalization:
        """One of the vectors that come with the package; `normalization_names` lists them.

        - "dctnet": of the released ResNet-50 and MobileNetV2 classifiers of Xu et al. (CVPR 2020).
        - "dctnet-det": of their released Mask R-CNN and Faster R-CNN detectors.
        - "imagenet": mean and std of the coefficients of 1,000 ImageNet photographs at the published evaluation
          geometry (512, 448). For training from scratch; ``dctdecode stats`` measures your own.

        In the first two, std of the AC coefficients is the std, over images, of the mean over one image. It is
        about 20 times below the std of the coefficients themselves; the released checkpoints need it so.
        docs/statistics.md has the figures.

        Raises:
            ValueError: there is no such name.
        """
        return _shipped(name)

    def select(self, channels: ChannelSet) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(mean, std) of the selected channels, in their order.

        Raises:
            ValueError: one of them was not measured.
        """
        flat = channels.flat
        if missing := [i for i in flat if math.isnan(self.std[i])]:
            raise ValueError(
                f"normalize: {len(missing)} of the {len(flat)} channels have no mean and std, the first of them "
                f"{_channel_name(missing[0])}; measure them with dctdecode stats --channels"
            )
        return tuple(self.mean[i] for i in flat), tuple(self.std[i] for i in flat)


NormalizeLike: TypeAlias = "str | os.PathLike[str] | Normalization | tuple[Any, Any] | None"


def normalization_names() -> tuple[str, ...]:
    """Names that ``normalize=`` accepts.

    Example:
        >>> from dctdecode.normalization import normalization_names
        >>> normalization_names()
        ('dctnet', 'dctnet-det', 'imagenet')
    """
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.json")))


def as_normalization(
    normalize: NormalizeLike, channels: ChannelSet
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(mean, std) of each selected channel that a ``normalize=`` argument stands for.

    Args:
        normalize: None (mean 0, std 1), a name out of `normalization_names`, a `Normalization`, the path
            of a JSON file ``{"mean": [192], "std": [192]}`` (a string that ends in ".json" or a path
            object), or a pair (mean, std). Each of the pair is one number for all, or a sequence, array
            or tensor of 192 numbers (by flat index) or of ``len(channels)`` (in the channels' order).
        channels: the selected channels.

    Returns:
        Two tuples of ``len(channels)`` floats, in the channels' order.

    Raises:
        TypeError: `normalize` is none of these.
        ValueError: an unknown name, a wrong length, a value that is not finite, a std that is not above 0; vectors
            of some channels only, and others are selected.
        OSError: the file cannot be read.

    Example:
        >>> from dctdecode import ChannelSet
        >>> from dctdecode.normalization import as_normalization
        >>> as_normalization((0.0, [2.0, 4.0]), ChannelSet(y=[0, 1]))
        ((0.0, 0.0), (2.0, 4.0))
        >>> as_normalization("dctnet", ChannelSet(y=[0]))
        ((-88.397,), (259.96,))
    """
    if normalize is None:
        return (0.0,) * len(channels), (1.0,) * len(channels)
    if isinstance(normalize, Normalization):
        return normalize.select(channels)
    if isinstance(normalize, os.PathLike) or (isinstance(normalize, str) and normalize.endswith(".json")):
        return Normalization.load(normalize).select(channels)
    if isinstance(normalize, str):
        return Normalization.named(normalize).select(channels)
    if not isinstance(normalize, Iterable) or len(pair := tuple(normalize)) != 2:
        raise TypeError(
            f"normalize: expected None, one of {_quoted_names()}, a Normalization, the path of a JSON file "
            f"or a pair (mean, std), got {normalize!r}"
        )
    mean, std = (_spread(values, name, channels) for values, name in zip(pair, ("mean", "std"), strict=True))
    return mean, _std(std)


@cache
def _shipped(name: str) -> Normalization:
    if name not in normalization_names():
        raise ValueError(f"normalize: no vectors named {name!r}; there are {_quoted_names()}")
    return Normalization.load(_SHIPPED / f"{name}.json")


def _quoted_names() -> str:
    return ", ".join(map(repr, normalization_names()))


def _spread(values: Any, name: str, channels: ChannelSet) -> tuple[float, ...]:
    """One number, 192 or len(channels) of them, as one per selected channel."""
    if isinstance(values, (int, float)) or getattr(values, "ndim", None) == 0:
        values = [float(values)] * len(channels)
    vector = _vector(values, name, (len(channels), ALL_CHANNELS))
    return tuple(vector[i] for i in channels.flat) if len(vector) == ALL_CHANNELS else vector


def _channel_name(index: int) -> str:
    component, natural = divmod(index, COEFFICIENTS)
    return f"{COMPONENT_NAMES[component]} {divmod(natural, 8)}"


def _without_null(values: Any) -> Any:
    return [math.nan if value is None else value for value in values] if isinstance(values, list) else values


def _vector(values: Any, name: str, lengths: Sequence[int], or_nan: bool = False) -> tuple[float, ...]:
    expected = " or ".join(str(n) for n in dict.fromkeys(lengths)) + " numbers"
    if hasattr(values, "tolist"):  # numpy arrays and tensors, without importing either
        values = values.tolist()
    try:
        vector = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        raise TypeError(f"normalize: {name} must be {expected}, got {values!r}") from None
    if len(vector) not in lengths:
        raise ValueError(f"normalize: {name} must be {expected}, got {len(vector)}")
    for i, value in enumerate(vector):
        if not math.isfinite(value) and not (or_nan and math.isnan(value)):
            raise ValueError(f"normalize: {name} must be finite, got {value} at position {i}")
    return vector


def _std(std: tuple[float, ...]) -> tuple[float, ...]:
    for i, value in enumerate(std):
        if value <= 0:
            raise ValueError(f"normalize: std must be above 0, got {value:g} at position {i}")
    return std
