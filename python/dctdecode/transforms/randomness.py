"""Where transforms draw their random numbers from."""

from __future__ import annotations

import operator
import threading
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

__all__ = ["CounterRandom", "Random", "TorchRandom"]


class Random(Protocol):
    """What a transform may ask for. Two sources have it: `TorchRandom` and `CounterRandom`."""

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number from [low, high)."""
        ...

    def integers(self, count: int) -> int:
        """One of 0 .. count - 1."""
        ...

    def permutation(self, count: int) -> list[int]:
        """0 .. count - 1 in any order."""
        ...

    def beta(self, alpha: float) -> float:
        """A number of the distribution Beta(alpha, alpha)."""
        ...

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Standard normal numbers, float32 on the CPU."""
        ...


class TorchRandom:
    """Draws from one of torch's generators, in the same way as torchvision's transforms.

    What a plain Dataset under a DataLoader uses: torch gives each worker and each epoch another seed.
    After the same ``torch.manual_seed``, RandomCrop, RandomResizedCrop, the flips, GaussianBlur's sigma,
    ColorJitter's order and factors, RandomErasing's box, MixUp and CutMix come out as in torchvision v2.

    Args:
        generator: None stands for torch's global one.

    Example:
        >>> import torch
        >>> from dctdecode.transforms import TorchRandom
        >>> a = TorchRandom(torch.Generator().manual_seed(3))
        >>> b = TorchRandom(torch.Generator().manual_seed(3))
        >>> a.uniform() == b.uniform()
        True
    """

    def __init__(self, generator: torch.Generator | None = None) -> None:
        self._generator = generator

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        return float(torch.empty(1).uniform_(low, high, generator=self._generator).item())

    def integers(self, count: int) -> int:
        return int(torch.randint(0, count, (1,), generator=self._generator).item())

    def permutation(self, count: int) -> list[int]:
        order: list[int] = torch.randperm(count, generator=self._generator).tolist()
        return order

    def beta(self, alpha: float) -> float:
        # torch.distributions.Beta draws with this very function, but takes no generator.
        drawn = torch._sample_dirichlet(torch.tensor([[alpha, alpha]]), generator=self._generator)
        return float(drawn[0, 0])

    def normal(self, shape: Sequence[int]) -> Tensor:
        return torch.randn(tuple(shape), generator=self._generator)


class CounterRandom:
    """Draws that depend on (seed, epoch, index) alone: not on threads, workers, or what was drawn elsewhere.

    numpy's Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) with key
    (seed, epoch) and counter (0, 0, stream, index), lowest word first. Philox counts up the two lowest words, so
    that streams of different (seed, epoch, index, stream) never meet. All draws are those of a
    ``numpy.random.Generator`` there. A release of numpy may change how it makes permutations, beta and normal
    numbers of the same bits (NEP 19), so these need equal versions of numpy to be equal.

    Args:
        seed, epoch, index: integers 0 .. 2**64 - 1; `index` is the image's place in the dataset.
        stream: for more than one use of an index: images have 0, whole batches 1 by convention.

    Raises:
        TypeError, ValueError: one of them is no integer, or out of range.

    Example:
        >>> from dctdecode.transforms import CounterRandom
        >>> first = CounterRandom(seed=0, epoch=2, index=17)
        >>> again = CounterRandom(seed=0, epoch=2, index=17)
        >>> [first.integers(100) for _ in range(3)] == [again.integers(100) for _ in range(3)]
        True
    """

    def __init__(self, seed: int, epoch: int, index: int, *, stream: int = 0) -> None:
        for name, value in (("seed", seed), ("epoch", epoch), ("index", index), ("stream", stream)):
            if not 0 <= operator.index(value) < 2**64:
                raise ValueError(f"{name} must be in 0 .. 2**64 - 1, got {value}")
        self._key = operator.index(seed), operator.index(epoch)
        self._counter = operator.index(index) << 192 | operator.index(stream) << 128
        self._words: list[int] = []  # of 64 bits, the next one last
        self._blocks = 0  # that these and all before them came from
        self._half: int | None = None  # of a word, for the next draw that needs only 32 bits
        self._generator: np.random.Generator | None = None

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        if self._generator is not None:
            return low + (high - low) * self._generator.random()
        return low + (high - low) * ((self._word() >> 11) * 2.0**-53)

    def integers(self, count: int) -> int:
        """One of 0 .. count - 1, by numpy's rule for fewer than 2**32: Lemire, "Fast random integer generation in
        an interval", ACM TOMACS 2019, on halves of words, the lower one first."""
        if self._generator is not None or not 1 < count < 2**32:
            return int(self._numpy().integers(count))
        product = self._half_word() * count
        if product & _LOW_HALF < count:
            unfair = 2**32 % count
            while product & _LOW_HALF < unfair:
                product = self._half_word() * count
        return product >> 32

    def permutation(self, count: int) -> list[int]:
        order: list[int] = self._numpy().permutation(count).tolist()
        return order

    def beta(self, alpha: float) -> float:
        return float(self._numpy().beta(alpha, alpha))

    def normal(self, shape: Sequence[int]) -> Tensor:
        return torch.from_numpy(self._numpy().standard_normal(tuple(shape), np.float32))

    def _word(self) -> int:
        if not self._words:
            self._words = _PHILOX.words(self._key, self._counter + self._blocks)
            self._blocks += _FETCHED_BLOCKS
        return self._words.pop()

    def _half_word(self) -> int:
        half, self._half = self._half, None
        if half is None:
            word = self._word()
            half, self._half = word & _LOW_HALF, word >> 32
        return half

    def _numpy(self) -> np.random.Generator:
        """For all draws from here on: numpy's generator, behind what was drawn before."""
        if self._generator is None:
            bits = _philox(self._key, self._counter)
            bits.random_raw(_BLOCK_WORDS * self._blocks - len(self._words), output=False)
            if self._half is not None:
                bits.state = {**bits.state, "has_uint32": 1, "uinteger": self._half}
            self._generator = np.random.Generator(bits)
        return self._generator


_LOW_HALF = 2**32 - 1
_BLOCK_WORDS = 4
_FETCHED_BLOCKS = 2  # enough for a crop and a flip in most cases


def _philox(key: tuple[int, int], counter: int) -> np.random.Philox:
    words = [counter >> shift & 2**64 - 1 for shift in (0, 64, 128, 192)]
    return np.random.Philox(key=np.array(key, np.uint64), counter=np.array(words, np.uint64))


class _Philox(threading.local):
    """One generator of bits for each thread, moved to wherever it is wanted: making one takes twice as long."""

    def __init__(self) -> None:
        self._last: tuple[tuple[int, int], int, np.random.Philox] | None = None  # key, counter, and what is there

    def words(self, key: tuple[int, int], counter: int) -> list[int]:
        """The words of `_FETCHED_BLOCKS` blocks from ``counter`` on, the first one last."""
        last, self._last = self._last, None  # until it is known again: Ctrl-C may come at any time
        if last is None or last[0] != key:
            bits = _philox(key, counter)
        else:
            bits = last[2]
            bits.advance((counter - last[1]) % 2**256)
        words: list[int] = bits.random_raw(_BLOCK_WORDS * _FETCHED_BLOCKS).tolist()
        words.reverse()
        self._last = key, counter + _FETCHED_BLOCKS, bits
        return words


_PHILOX = _Philox()
