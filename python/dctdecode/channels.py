"""Which of the 192 DCT coefficients of a block to keep, and in what order.

A *channel* is one frequency of one component over the grid of blocks. Inside a component it has the
natural row-major index ``8 * v + u``, where ``v`` counts vertical and ``u`` horizontal frequency. That is
the order in which libjpeg, jpeg2dct and the published networks hold a block. It is not the zigzag order in
which a file stores it (T.81 A.3.6, Figure A.6)::

         natural index 8 * v + u                  position in zigzag order
      u  0  1  2  3  4  5  6  7              u  0  1  2  3  4  5  6  7
    v 0  0  1  2  3  4  5  6  7            v 0  0  1  5  6 14 15 27 28
      1  8  9 10 11 12 13 14 15              1  2  4  7 13 16 26 29 42
      2 16 17 18 19 20 21 22 23              2  3  8 12 17 25 30 41 43
      3 24 25 26 27 28 29 30 31              3  9 11 18 24 31 40 44 53
      4 32 33 34 35 36 37 38 39              4 10 19 23 32 39 45 52 54
      5 40 41 42 43 44 45 46 47              5 20 22 33 38 46 51 55 60
      6 48 49 50 51 52 53 54 55              6 21 34 37 47 50 56 59 61
      7 56 57 58 59 60 61 62 63              7 35 36 48 49 57 58 62 63

The *flat index* ``64 * component + 8 * v + u`` numbers all three components: Y 0..63, Cb 64..127,
Cr 128..191.
"""

from __future__ import annotations

import json
import operator
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, SupportsIndex, TypeAlias

__all__ = ["PRESETS", "ChannelSet", "ChannelsLike", "as_channel_set"]

COMPONENTS = ("y", "cb", "cr")
COMPONENT_NAMES = ("Y", "Cb", "Cr")
COEFFICIENTS = 64  # of one component
ALL_CHANNELS = COEFFICIENTS * len(COMPONENTS)


@dataclass(frozen=True, repr=False)
class ChannelSet:
    """Channels to keep, for each component the natural indices 0..63 in output order.

    The output holds Y's channels, then Cb's, then Cr's, each in the order of its list.

    Args:
        y, cb, cr: natural indices ``8 * v + u``, each at most once. A list may be empty, not all three.

    Raises:
        TypeError: an index is not an integer.
        ValueError: an index is outside 0..63 or given twice, or no channel is selected.

    Example:
        >>> from dctdecode import ChannelSet
        >>> channels = ChannelSet(y=[0, 1, 8], cb=[0], cr=[0])
        >>> channels
        ChannelSet(y=[0, 1, 8], cb=[0], cr=[0])
        >>> len(channels), channels.flat
        (5, (0, 1, 8, 64, 128))
        >>> print(channels)
        5 channels: 3 Y, 1 Cb, 1 Cr
        Y                Cb               Cr
        # # . . . . . .  # . . . . . . .  # . . . . . . .
        # . . . . . . .  . . . . . . . .  . . . . . . . .
        . . . . . . . .  . . . . . . . .  . . . . . . . .
        . . . . . . . .  . . . . . . . .  . . . . . . . .
        . . . . . . . .  . . . . . . . .  . . . . . . . .
        . . . . . . . .  . . . . . . . .  . . . . . . . .
        . . . . . . . .  . . . . . . . .  . . . . . . . .
        . . . . . . . .  . . . . . . . .  . . . . . . . .
    """

    y: Sequence[int] = ()
    cb: Sequence[int] = ()
    cr: Sequence[int] = ()

    def __post_init__(self) -> None:
        for name in COMPONENTS:
            indices = _indices(getattr(self, name), COEFFICIENTS, f"{name} of a ChannelSet")
            object.__setattr__(self, name, indices)
        if not len(self):
            raise ValueError("a ChannelSet needs at least one channel, and y, cb and cr are all empty")

    @classmethod
    def from_flat(cls, indices: Iterable[int]) -> ChannelSet:
        """The channels with these flat indices (0..191), sorted ascending whatever order they came in.

        Raises:
            TypeError: an index is not an integer.
            ValueError: an index is outside 0..191 or given twice, or there is none.

        Example:
            >>> from dctdecode import ChannelSet
            >>> ChannelSet.from_flat([64, 0, 128, 8])
            ChannelSet(y=[0, 8], cb=[0], cr=[0])
        """
        flat = sorted(_indices(indices, ALL_CHANNELS, "flat indices"))
        return cls(*([i % COEFFICIENTS for i in flat if i // COEFFICIENTS == c] for c in range(3)))

    @property
    def flat(self) -> tuple[int, ...]:
        """Flat indices ``64 * component + 8 * v + u``, in output order."""
        return tuple(COEFFICIENTS * c + i for c, indices in enumerate((self.y, self.cb, self.cr)) for i in indices)

    def __len__(self) -> int:
        return len(self.y) + len(self.cb) + len(self.cr)

    def __iter__(self) -> Iterator[int]:
        return iter(self.flat)

    def __repr__(self) -> str:
        every = tuple(range(COEFFICIENTS))
        lists = ("range(64)" if i == every else str(list(i)) for i in (self.y, self.cb, self.cr))
        return "ChannelSet(" + ", ".join(map("{}={}".format, COMPONENTS, lists)) + ")"

    def __str__(self) -> str:
        split = ", ".join(
            f"{len(getattr(self, c))} {name}" for c, name in zip(COMPONENTS, COMPONENT_NAMES, strict=True)
        )
        titles = "  ".join(f"{name:15}" for name in COMPONENT_NAMES).rstrip()
        kept = frozenset(self.flat)
        rows = (
            "  ".join(" ".join("#" if 64 * c + 8 * v + u in kept else "." for u in range(8)) for c in range(3))
            for v in range(8)
        )
        return "\n".join([f"{len(self)} channels: {split}", titles, *rows])


ChannelsLike: TypeAlias = "int | str | os.PathLike[str] | ChannelSet | Iterable[int]"


def _indices(values: Iterable[Any], stop: int, where: str) -> tuple[int, ...]:
    """`values` as distinct integers in 0..stop-1, in their order."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{where}: expected a sequence of integers 0..{stop - 1}, got {values!r}")
    indices: list[int] = []
    for value in values:
        try:
            index = operator.index(value)
        except TypeError:
            index = None
        if index is None or isinstance(value, bool):
            raise TypeError(f"{where}: expected integers 0..{stop - 1}, got {value!r}")
        if not 0 <= index < stop:
            raise ValueError(f"{where}: {index} is outside 0..{stop - 1}")
        indices.append(index)
    if len(set(indices)) < len(indices):
        twice = next(i for n, i in enumerate(indices) if i in indices[:n])
        raise ValueError(f"{where}: {twice} is given twice")
    return tuple(indices)


def _from_file(path: str | os.PathLike[str]) -> ChannelSet:
    where = os.fspath(path)
    try:
        row = json.loads(Path(path).read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{where}: not a JSON file ({error})") from None
    if not isinstance(row, dict) or not any(name in row for name in COMPONENTS):
        raise ValueError(f'{where}: expected an object like {{"y": [0, 1], "cb": [0], "cr": [0]}}')
    try:
        return ChannelSet(*(row.get(name, ()) for name in COMPONENTS))
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where}: {error}") from None


def _load_presets() -> tuple[Mapping[int | str, ChannelSet], Mapping[str, int | str]]:
    rows = json.loads(Path(__file__).with_name("presets.json").read_text("utf-8"))["presets"]
    presets = {row["name"]: ChannelSet(row["y"], row["cb"], row["cr"]) for row in rows}
    names = {str(key): key for key in presets}
    names |= {f"square-{key}": key for key in presets if isinstance(key, int)}
    return MappingProxyType(presets), MappingProxyType(names)


PRESETS, _PRESET_NAMES = _load_presets()
"""The published channel selections: read-only, preset's number or name -> `ChannelSet`.

==================================  ==========================================================
6, 24, 32, 48, 64                   "square": low frequencies, as released with DCTNet
192                                 everything
"learned-24"                        those that the paper's gate kept most often
"triangle-24", "-48", "-64"         lowest u + v of each component
==================================  ==========================================================

From Xu et al., "Learning in the Frequency Domain", CVPR 2020; presets.json names each list's source.
"""


def as_channel_set(channels: ChannelsLike) -> ChannelSet:
    """The `ChannelSet` that a ``channels=`` argument stands for.

    Args:
        channels: a key of `PRESETS` (``24``, ``"learned-24"``; ``"24"`` and ``"square-24"`` mean ``24``),
            a `ChannelSet` (returned as it is, with its order), a sequence of flat indices 0..191 (lists,
            arrays, tensors; sorted ascending), or the path of a JSON file
            ``{"y": [...], "cb": [...], "cr": [...]}``: a string that ends in ".json" or a path object.

    Raises:
        TypeError: `channels` is none of these.
        ValueError: no such preset, an index out of range or given twice, or a file with other content.
        OSError: the file cannot be read.

    Example:
        >>> from dctdecode.channels import as_channel_set
        >>> as_channel_set([0, 64, 128])
        ChannelSet(y=[0], cb=[0], cr=[0])
        >>> len(as_channel_set("learned-24"))
        24
    """
    if isinstance(channels, ChannelSet):
        return channels
    if isinstance(channels, os.PathLike) or (isinstance(channels, str) and channels.endswith(".json")):
        return _from_file(channels)
    if isinstance(channels, bool):
        raise TypeError(f"channels: expected {_EXPECTED}, got {channels!r}")
    if isinstance(channels, str):
        return _preset(_PRESET_NAMES.get(channels), channels)
    if isinstance(channels, SupportsIndex) and getattr(channels, "ndim", 0) == 0:
        return _preset(operator.index(channels), channels)
    if not isinstance(channels, Iterable):
        raise TypeError(f"channels: expected {_EXPECTED}, got {channels!r}")
    return ChannelSet.from_flat(channels)


_EXPECTED = "a preset's number or name, a ChannelSet or a sequence of flat indices 0..191"


def _preset(key: int | str | None, asked: object) -> ChannelSet:
    if key is None or key not in PRESETS:
        allowed = ", ".join(map(repr, PRESETS))
        raise ValueError(
            f"channels: no preset {asked!r}; there are {allowed}. "
            "For other channels pass a ChannelSet or a sequence of flat indices 0..191"
        )
    return PRESETS[key]
