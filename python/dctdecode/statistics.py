"""Mean and standard deviation of the coefficients of a data set, for ``normalize=``."""

from __future__ import annotations

import json
import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

import dctdecode
from dctdecode.channels import ALL_CHANNELS, ChannelSet, ChannelsLike, as_channel_set
from dctdecode.geometry import GeometryLike
from dctdecode.limits import LimitsLike
from dctdecode.normalization import Normalization
from dctdecode.sources import Source
from dctdecode.threads import resolve_threads

__all__ = ["Statistics", "compute"]

_CONSTANT_BELOW = 1e-3  # a std that the rounding of float32 alone can cause, where DC is a thousand
_AHEAD = 4  # images submitted per thread: enough to keep all busy behind a large one
_GROUP = 16  # channels reduced together: 16 of 56 x 56 blocks in float64 fit into a core's second cache

_Vector = npt.NDArray[np.float64]
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, repr=False)
class Statistics:
    """Statistics of the coefficients, 192 numbers each, by flat index ``64 * component + 8 * v + u``.

    Units are those of dequantised coefficients (DC in [-1024, 1016]). NaN stands where a channel was not measured.

    Attributes:
        mean: over all blocks of all images.
        std: standard deviation over all blocks of all images, divided by their number (not that less one).
        std_of_image_means: standard deviation, over images, of the mean over one image. Much smaller than `std`
            except for DC, and no substitute for it; it is what "dctnet" has in its place.
        images: number of images.
        blocks: number of blocks of each channel, of all images together.
        failures: (name, error) of each file left out; its place in the list where it has no name.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    std_of_image_means: tuple[float, ...]
    images: int
    blocks: int
    failures: tuple[tuple[str, Exception], ...] = ()

    def __repr__(self) -> str:
        return (
            f"Statistics({len(self.channels)} channels, {self.images} images, {self.blocks} blocks, "
            f"{len(self.failures)} failures)"
        )

    @property
    def channels(self) -> ChannelSet:
        """The channels that were measured."""
        return ChannelSet.from_flat(index for index, std in enumerate(self.std) if not math.isnan(std))

    @property
    def constant(self) -> tuple[int, ...]:
        """Flat indices of channels that never vary: chroma of gray images, frequencies quantised away."""
        return tuple(index for index, std in enumerate(self.std) if std < _CONSTANT_BELOW)

    @property
    def normalization(self) -> Normalization:
        """For ``normalize=``. The std of constant channels is 1 here: nothing can bring theirs to 1."""
        constant = set(self.constant)
        return Normalization(self.mean, [1.0 if i in constant else std for i, std in enumerate(self.std)])

    def to_json(self, **about: Any) -> str:
        """The text of a file that ``normalize="file.json"`` takes; `about` are further keys of it.

        Example:
            >>> import dctdecode.statistics, json
            >>> statistics = dctdecode.statistics.compute([dctdecode_photo])
            >>> sorted(json.loads(statistics.to_json(dataset="one photo")))[:4]
            ['blocks', 'constant_channels', 'dataset', 'failed']
        """
        usable = self.normalization
        measured = {} if len(self.channels) == ALL_CHANNELS else {"channels": self.channels.flat}
        record = {
            **about,
            "images": self.images,
            "failed": len(self.failures),
            "blocks": self.blocks,
            "version": f"dctdecode {dctdecode.__version__}",
            "order": "flat index 64 * component + 8 * v + u; Y 0..63, Cb 64..127, Cr 128..191",
            "units": "dequantised coefficients; normalised = (coefficient - mean) / std",
            **measured,
            "constant_channels": self.constant,
            "mean": _nullable(usable.mean),
            "std": _nullable(usable.std),
            "std_of_image_means": _nullable(self.std_of_image_means),
        }
        rows = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items()]
        return "{\n" + ",\n".join(rows) + "\n}\n"  # a vector a line


def compute(
    sources: Sequence[Source],
    *,
    channels: ChannelsLike = ALL_CHANNELS,
    geometry: GeometryLike | None = None,
    interpolation: str = "bilinear",
    antialias: bool = True,
    threads: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    limits: LimitsLike = None,
    progress: Callable[[Sequence[Source]], Iterable[Source]] = iter,
) -> Statistics:
    """Mean and standard deviation of each coefficient over the blocks of many images.

    One pass, a few images in memory at a time. Each image's mean and sum of squared deviations are taken in
    float64 and merged in the order of `sources` (Chan, Golub and LeVeque, "Updating formulae and a pairwise
    algorithm for computing sample variances", 1979), so that nothing cancels, and the number of threads does not
    change a bit of the result. Every block counts the same: on the native grid a large image counts for more than
    a small one. Gray images count, with their zero chroma.

    Args:
        sources: as for :func:`dctdecode.read`, one per image.
        channels: as for ``read``: those to measure. Fewer are faster; a file of them can normalise no others.
        geometry, interpolation, antialias, limits: as for ``read``. Use those that the network is trained with.
            ``geometry=None`` is the native grid: the stored blocks.
        threads: ``None``: the cores this process may use.
        on_error: ``"raise"`` the error of the first file that cannot be read, or ``"skip"`` such files:
            they are listed in :attr:`Statistics.failures`.
        progress: wraps the sources to show how far the work is, as ``tqdm.tqdm`` does.

    Returns:
        :class:`Statistics`.

    Raises:
        ValueError: there is no image, or bad arguments.
        What ``read`` raises, for ``on_error="raise"``.

    Example:
        >>> import dctdecode.statistics
        >>> statistics = dctdecode.statistics.compute([dctdecode_photo] * 2)
        >>> statistics.images, statistics.blocks
        (2, 9600)
        >>> dctdecode.read(dctdecode_photo, 24, normalize=statistics.normalization).std().round().item()
        1.0
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f'on_error must be "raise" or "skip", got {on_error!r}')
    options: dict[str, Any] = {"interpolation": interpolation, "antialias": antialias, "limits": limits}
    if geometry is not None:
        options["geometry"] = geometry
    selected = as_channel_set(channels)
    options["channels"] = selected
    blocks, means = _Moments(len(selected)), _Moments(len(selected))
    failures: list[tuple[str, Exception]] = []
    measured = _in_order(partial(_measure, options=options), progress(sources), resolve_threads(threads))
    for index, found in enumerate(measured):
        if isinstance(found, Exception):
            if on_error == "raise":
                raise found
            failures.append((_name(sources[index], index), found.with_traceback(None)))
            continue
        blocks.merge(found)
        means.merge(_Moments(len(selected), 1, found.mean))
    if not means.count:
        raise ValueError(f"no image to measure: {len(sources)} sources, {len(failures)} of them failed")
    return Statistics(
        _by_flat_index(blocks.mean, selected),
        _by_flat_index(blocks.std, selected),
        _by_flat_index(means.std, selected),
        means.count,
        blocks.count,
        tuple(failures),
    )


class _Moments:
    """Number of samples, and mean and sum of squared deviations of each channel."""

    def __init__(self, channels: int, count: int = 0, mean: _Vector | float = 0.0) -> None:
        self.count = count
        self.mean = np.zeros(channels) + mean
        self.deviations = np.zeros(channels)

    def merge(self, other: _Moments) -> None:
        """Those of both sets of samples together."""
        total = self.count + other.count
        apart = other.mean - self.mean
        self.mean += apart * (other.count / total)
        self.deviations += other.deviations + apart**2 * (self.count * other.count / total)
        self.count = total

    @property
    def std(self) -> _Vector:
        return np.asarray(np.sqrt(self.deviations / self.count))


def _measure(source: Source, options: dict[str, Any]) -> _Moments | Exception:
    """The moments of one image, or why it cannot be read."""
    try:
        tensor = dctdecode.read(source, **options)
    except (dctdecode.errors.DctDecodeError, OSError) as error:
        return error
    channels = tensor.numpy().reshape(len(tensor), -1)
    moments = _Moments(*channels.shape)
    for first in range(0, len(channels), _GROUP):
        group = slice(first, first + _GROUP)
        values = channels[group].astype(np.float64)
        moments.mean[group] = mean = values.mean(axis=1)
        values -= mean[:, None]
        moments.deviations[group] = np.square(values, out=values).sum(axis=1)
    return moments


def _by_flat_index(values: _Vector, channels: ChannelSet) -> tuple[float, ...]:
    """192 numbers. The rest are one and the same NaN object: so that equal `Statistics` compare equal."""
    found = dict(zip(channels.flat, values.tolist(), strict=True))
    return tuple(found.get(index, math.nan) for index in range(ALL_CHANNELS))


def _nullable(values: Sequence[float]) -> list[float | None]:
    """JSON has no NaN."""
    return [None if math.isnan(value) else value for value in values]


def _in_order(function: Callable[[_Item], _Result], items: Iterable[_Item], threads: int) -> Iterator[_Result]:
    """``map(function, items)`` on threads. Only a few items ahead, for there may be millions."""
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[_Result]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) == _AHEAD * threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:  # an error or Ctrl-C: leave what has not begun
            for future in pending:
                future.cancel()


def _name(source: Source, index: int) -> str:
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else f"source {index}"
