"""Several transforms as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, TypeVar, overload

from torch import Tensor

from dctdecode.channels import ChannelSet, ChannelsLike, as_channel_set
from dctdecode.geometry import Geometry
from dctdecode.transforms.base import (
    PlanTransform,
    TensorTransform,
    check_geometry,
    check_probability,
    check_sides,
)
from dctdecode.transforms.color import Normalize
from dctdecode.transforms.mixing import BatchTransform
from dctdecode.transforms.randomness import Random, TorchRandom

__all__ = ["Compose", "RandomApply", "RandomChoice"]

X = TypeVar("X", Geometry, Tensor)


class _Container:
    """Holds transforms, applies some of them, and prints them one a line."""

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        name = type(self).__name__
        if not isinstance(transforms, Sequence):
            raise TypeError(f"{name} takes a sequence of transforms, got {type(transforms).__name__}")
        for transform in transforms:
            if isinstance(transform, BatchTransform):
                raise ValueError(
                    f"{transform} works on a batch and its labels: call it on what the DataLoader gives"
                )
            if not callable(transform):
                raise TypeError(f"{name} takes callables, got {transform!r}")
        self.transforms = list(transforms)

    def apply(self, x: Any, random: Random, channels: ChannelSet | None = None) -> Any:
        raise NotImplementedError

    @overload
    def __call__(self, x: Geometry, channels: ChannelsLike | None = None) -> Geometry: ...
    @overload
    def __call__(self, x: Tensor, channels: ChannelsLike | None = None) -> Tensor: ...
    def __call__(self, x: Any, channels: ChannelsLike | None = None) -> Any:
        return self.apply(x, TorchRandom(), None if channels is None else as_channel_set(channels))

    def __repr__(self) -> str:
        inside = "\n".join(f"{transform!r}" for transform in self.transforms).replace("\n", "\n    ")
        return f"{type(self).__name__}({self._options()}\n    {inside}\n)"

    def _options(self) -> str:
        return ""


class _Chance(_Container):
    """A container that stands for one step, so that all it holds has to be of one kind."""

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        super().__init__(transforms)
        if not self.transforms:
            raise ValueError(f"{type(self).__name__} needs at least one transform")
        if len({_edits_plan(transform) for transform in _leaves(self)}) > 1:
            raise ValueError(
                f"{type(self).__name__}: some of {self.transforms} edit the plan before decoding, others work on "
                "the tensor: take one for each kind"
            )

    @property
    def sides_px(self) -> tuple[int, ...] | None:
        sized = any(
            transform.sides_px != () for transform in _leaves(self) if isinstance(transform, PlanTransform)
        )
        return None if sized else ()

    def split(self) -> tuple[_Chance | None, _Chance | None]:
        """(plan part, tensor part): see `Compose.split`."""
        return (self, None) if _edits_plan(self) else (None, self)


class Compose(_Container):
    """One transform after the other; leading plan transforms edit the plan, the rest gets the tensor.

    ``read(..., transform=)`` and datasets `split` it: the plan transforms at its beginning decide, before
    decoding, which part of the image is decoded to which size. From the first other callable on, each gets the
    tensor, not yet normalised; ``read(normalize=)`` comes last. Composes inside are taken apart; any callable that
    takes and returns a tensor may be among the tensor transforms.

    Args:
        transforms: callables, in order.

    Raises:
        TypeError: not a sequence of callables.
        ValueError: a plan transform after another callable, MixUp or CutMix, a transform that needs coefficients
            as they are after Normalize, or a final size that is no multiple of 8 px.

    Example:
        >>> from dctdecode import transforms
        >>> augment = transforms.Compose([
        ...     transforms.RandomResizedCrop(448),
        ...     transforms.RandomHorizontalFlip(),
        ...     transforms.RandomErasing(),
        ... ])
        >>> plan, tensor = augment.split()
        >>> plan
        Compose(
            RandomResizedCrop(size=(448, 448), scale=(0.08, 1.0), ratio=(0.75, 1.3333333333333333))
            RandomHorizontalFlip(p=0.5)
        )
        >>> plan.geometry(375, 500).size
        (448, 448)
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        super().__init__(transforms)
        self.transforms = [
            step
            for transform in transforms
            for step in (transform.transforms if isinstance(transform, Compose) else [transform])
        ]
        _check_order(self.transforms)
        check_sides([transform for transform in self.transforms if _edits_plan(transform)])

    def apply(self, x: X, random: Random, channels: ChannelSet | None = None) -> X:
        """The transforms in order.

        Args:
            x: a `Geometry` for plan transforms, a tensor (..., C, Hb, Wb) for the others.
            random: where they draw from.
            channels: what the tensor holds.

        Raises:
            TypeError: the wrong one of the two, as for a Compose of both kinds: `split` it.
        """
        for transform in self.transforms:
            x = _step(transform, x, random, channels)
        return x

    def geometry(self, height: int, width: int) -> Geometry:
        """Of an upright image of this size: what ``read(geometry=transform.geometry)`` calls."""
        return self(Geometry.of(height, width))

    def split(self) -> tuple[Compose | None, Compose | None]:
        """(plan part, tensor part); None where there is nothing of its kind.

        Both have ``apply`` with an explicit source of random numbers. Called, they draw from torch's global
        generator: ``plan(geometry)``, ``tensor(coefficients, channels)``.
        """
        parts = [[t for t in self.transforms if _edits_plan(t) is kind] for kind in (True, False)]
        plan, tensor = (Compose(part) if part else None for part in parts)
        return plan, tensor


class RandomApply(_Chance):
    """All of its transforms with probability `p`, else none. It is of the kind of what it holds.

    Raises:
        TypeError, ValueError: no transforms, both kinds among them, or `p` is no probability.

    Example:
        >>> from dctdecode.transforms import GaussianBlur, RandomApply
        >>> RandomApply([GaussianBlur(23)], p=0.5)
        RandomApply(p=0.5
            GaussianBlur(kernel_size=(23, 23), sigma=(0.1, 2.0))
        )
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]], p: float = 0.5) -> None:
        super().__init__(transforms)
        self.p = check_probability(p)

    def apply(self, x: X, random: Random, channels: ChannelSet | None = None) -> X:
        if random.uniform() >= self.p:
            return x
        for transform in self.transforms:
            x = _step(transform, x, random, channels)
        return x

    def _options(self) -> str:
        return f"p={self.p}"


class RandomChoice(_Chance):
    """One of its transforms. It is of the kind of what it holds.

    Args:
        transforms: callables of one kind.
        p: their weights, by default equal.

    Raises:
        TypeError, ValueError: no transforms, both kinds among them, or weights that do not fit.

    Example:
        >>> from dctdecode.geometry import Geometry
        >>> from dctdecode.transforms import RandomChoice, Resize
        >>> RandomChoice([Resize(256), Resize(512)], p=[0, 1])(Geometry.of(300, 300)).size
        (512, 512)
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        weights = [1.0] * len(self.transforms) if p is None else [float(weight) for weight in p]
        if len(weights) != len(self.transforms) or min(weights) < 0 or sum(weights) <= 0:
            raise ValueError(f"p must be a weight for each of {len(self.transforms)} transforms, got {p!r}")
        self.p = [weight / sum(weights) for weight in weights]

    def apply(self, x: X, random: Random, channels: ChannelSet | None = None) -> X:
        drawn = random.uniform()
        # Sums of weights may end just below 1, and nothing of weight 0 may be taken.
        last = max(place for place, weight in enumerate(self.p) if weight)
        place = next((i for i, upto in enumerate(accumulate(self.p)) if drawn < upto), last)
        result: X = _step(self.transforms[place], x, random, channels)
        return result

    def _options(self) -> str:
        return f"p={self.p}"


def _step(transform: Callable[..., Any], x: Any, random: Random, channels: ChannelSet | None) -> Any:
    if isinstance(transform, PlanTransform):
        check_geometry(transform, x)
        return transform.apply(x, random)
    if isinstance(transform, (TensorTransform, _Container)):
        return transform.apply(x, random, channels)
    return transform(x)


def _leaves(transform: Any) -> Iterator[Any]:
    if isinstance(transform, _Container):
        for inside in transform.transforms:
            yield from _leaves(inside)
    else:
        yield transform


def _edits_plan(transform: Any) -> bool:
    """Of the kind that works before decoding. What is left of an empty Compose has no kind."""
    return any(isinstance(leaf, PlanTransform) for leaf in _leaves(transform))


def _check_order(transforms: Sequence[Any]) -> None:
    after: Any = None
    normalized = False
    for transform in transforms:
        if _edits_plan(transform):
            if after is not None:
                raise ValueError(
                    f"{transform} edits the plan before decoding and cannot follow {after}, which works on the "
                    "decoded tensor: put it before all of these"
                )
            continue
        after = transform
        for leaf in _leaves(transform):
            if normalized and isinstance(leaf, TensorTransform) and leaf.needs_raw:
                raise ValueError(f"{leaf} works on coefficients that are not normalised: put Normalize after it")
            normalized = normalized or isinstance(leaf, Normalize)
