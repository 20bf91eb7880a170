"""Paths and classes of many files, in a few flat arrays in place of a list of tuples.

A file costs 12 bytes and its name, in memory that a worker process shares after a fork. For files named as those
of ImageNet that is a fifth of a list of tuples, of which each process makes its own copy bit by bit as reference
counts change (pytorch/pytorch issue 13246).
"""

from __future__ import annotations

import operator
import os
from abc import abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, SupportsIndex, TypeVar, overload

import numpy as np
import numpy.typing as npt

__all__ = ["Samples", "Targets"]

T = TypeVar("T")
_SHOWN = 3  # entries of a long list that repr shows


class _ListLike(Sequence[T]):
    """What a list of the same entries does, but for changing it."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # as a list

    @abstractmethod
    def _at(self, place: int) -> T:
        """Entry of a place that exists, counted from 0."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self._at(place) for place in range(len(self))[index]]
        place, length = operator.index(index), len(self)
        if not -length <= place < length:
            raise IndexError("list index out of range")
        return self._at(place % length)

    def __iter__(self) -> Iterator[T]:
        return map(self._at, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (list, _ListLike)):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    def __add__(self, other: Iterable[T]) -> list[T]:
        return [*self, *other]

    def __radd__(self, other: Iterable[T]) -> list[T]:
        return [*other, *self]

    def __repr__(self) -> str:
        if len(self) <= 2 * _SHOWN:
            return repr(list(self))
        return f"[{', '.join(map(repr, self[:_SHOWN]))}, ..., {self[-1]!r}] ({len(self)} entries)"


class Targets(_ListLike[int]):
    """Class index of each sample; `numpy.asarray` takes it as a whole.

    Example:
        >>> import numpy as np
        >>> from dctdecode.data.index import Targets
        >>> targets = Targets([0, 0, 1])
        >>> targets, targets[-1], np.bincount(targets)
        ([0, 0, 1], 1, array([2, 1]))
    """

    __slots__ = ("_values",)

    def __init__(self, values: Iterable[int]) -> None:
        self._values = values if isinstance(values, array) else array("i", values)

    def __len__(self) -> int:
        return len(self._values)

    def _at(self, place: int) -> int:
        return int(self._values[place])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("targets are stored as int32 and given out as a copy")
        return np.array(self._values, dtype or np.int64)


class Samples(_ListLike[tuple[str, int]]):
    """(path, class index) of each file, like the list of tuples that torchvision's ``make_dataset`` returns.

    Files that follow each other in one folder share its name. Read-only: to change entries, make a list of it
    (``dataset.samples = [sample for sample in dataset.samples if ...]``).

    Args:
        entries: pairs of a path (str) and a class index.

    Raises:
        TypeError, ValueError, OverflowError: an entry is no such pair.

    Example:
        >>> from dctdecode.data.index import Samples
        >>> samples = Samples([("train/cat/1.jpg", 0), ("train/cat/2.jpg", 0), ("train/dog/1.jpg", 1)])
        >>> samples[-1], samples.targets
        (('train/dog/1.jpg', 1), [0, 0, 1])
    """

    __slots__ = ("_ends", "_firsts", "_folders", "_names", "_targets")

    def __init__(self, entries: Iterable[tuple[str, int]] = ()) -> None:
        self._folders: list[str] = []  # with the separator
        self._firsts = array("q")  # of each folder: the place of its first file
        self._names = bytearray()  # of all files, one after the other
        self._ends = array("q", [0])  # where the name of file i - 1 ends, and that of file i begins
        self._targets = array("i")
        pairs = ((*_split(path), target) for path, target in entries)
        for (folder, target), group in groupby(pairs, key=lambda entry: (entry[0], entry[2])):
            self.extend(folder, [name for _, name, _ in group], target)

    def extend(self, folder: str, names: Sequence[str], target: int) -> None:
        """Adds files of one folder and one class. ``folder + name`` is the path."""
        if not names:
            return
        if not self._folders or self._folders[-1] != folder:
            self._folders.append(folder)
            self._firsts.append(len(self))
        self._targets.extend([target] * len(names))
        for name in names:
            self._names += os.fsencode(name)
            self._ends.append(len(self._names))

    def __len__(self) -> int:
        return len(self._targets)

    def _at(self, place: int) -> tuple[str, int]:
        folder = self._folders[bisect_right(self._firsts, place) - 1]
        name = self._names[self._ends[place] : self._ends[place + 1]]
        return folder + os.fsdecode(bytes(name)), self._targets[place]

    @property
    def targets(self) -> Targets:
        """The class indices alone; nothing is copied."""
        return Targets(self._targets)

    def to_arrays(self) -> tuple[list[str], dict[str, npt.NDArray[Any]]]:
        """Names of folders, and the rest as arrays: what `from_arrays` takes."""
        return self._folders, {
            "firsts": np.array(self._firsts, np.int64),
            "names": np.frombuffer(self._names, np.uint8),
            "ends": np.array(self._ends, np.int64),
            "targets": np.array(self._targets, np.int32),
        }

    @classmethod
    def from_arrays(cls, folders: list[str], arrays: dict[str, npt.NDArray[Any]]) -> Samples:
        """What `to_arrays` gave.

        Raises:
            ValueError: the arrays do not fit together.
        """
        firsts, names, ends, targets = (arrays[name] for name in ("firsts", "names", "ends", "targets"))
        if (
            [array.dtype for array in (firsts, names, ends, targets)] != [np.int64, np.uint8, np.int64, np.int32]
            or (len(folders), len(targets)) != (len(firsts), len(ends) - 1)
            or (ends[0], ends[-1]) != (0, len(names))
        ):
            raise ValueError("arrays of samples do not fit together")
        made = cls()
        made._folders, made._names = list(folders), bytearray(names.tobytes())
        for kept, found in ((made._firsts, firsts), (made._targets, targets)):
            kept.frombytes(found.tobytes())
        made._ends = array("q", ends.tobytes())
        return made


def _split(path: str) -> tuple[str, str]:
    """(folder with its separator, name), which put together are the path."""
    begin = path.rfind(os.sep) + 1
    return path[:begin], path[begin:]
