"""Where transforms draw their random numbers from."""

from __future__ import annotations

import operator
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
    that streams of different (seed, epoch, index, stream) never meet. A release of numpy may change how it makes
    other distributions of the same bits (NEP 19), so equal draws need equal versions of numpy.

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
        words = {"seed": seed, "epoch": epoch, "index": index, "stream": stream}
        for name, value in words.items():
            if not 0 <= operator.index(value) < 2**64:
                raise ValueError(f"{name} must be in 0 .. 2**64 - 1, got {value}")
        key = np.array([seed, epoch], np.uint64)
        counter = np.array([0, 0, stream, index], np.uint64)
        self._generator = np.random.Generator(np.random.Philox(key=key, counter=counter))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * self._generator.random()

    def integers(self, count: int) -> int:
        return int(self._generator.integers(count))

    def permutation(self, count: int) -> list[int]:
        order: list[int] = self._generator.permutation(count).tolist()
        return order

    def beta(self, alpha: float) -> float:
        return float(self._generator.beta(alpha, alpha))

    def normal(self, shape: Sequence[int]) -> Tensor:
        return torch.from_numpy(self._generator.standard_normal(tuple(shape), np.float32))
