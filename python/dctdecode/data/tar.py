"""`DCTTarDataset`: samples from tar archives, in the form of WebDataset."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

import dctdecode
from dctdecode.batch import Failure, OnError
from dctdecode.channels import ChannelsLike, as_channel_set
from dctdecode.data.archive import Member, ShardError, members_of, unpacked
from dctdecode.data.binding import fixed_size
from dctdecode.data.order import find_rank
from dctdecode.data.reading import Reader
from dctdecode.data.samples import (
    IMAGE_SUFFIXES,
    TARGET_SUFFIXES,
    key_and_suffix,
    samples_of,
    shuffled,
    target_of,
)
from dctdecode.data.scanning import LOGGER
from dctdecode.data.shards import Readers, Shard, expand, of_reader, open_shard
from dctdecode.errors import DctDecodeError, prefix
from dctdecode.limits import LimitsLike, max_bytes_of
from dctdecode.normalization import NormalizeLike
from dctdecode.threads import resolve_threads
from dctdecode.transforms import CounterRandom

__all__ = ["DCTTarDataset"]

_SHARD_STREAM, _BUFFER_STREAM = 3, 4  # beside those of images (0), batches (1) and a loader's permutation (2)
_STREAMS_A_ROUND = 16


class _Image(str):
    """Name of an image for messages, which carries its bytes: what reads it by name finds them there."""

    data: bytes

    def __new__(cls, name: str, data: bytes) -> _Image:
        made = super().__new__(cls, name)
        made.data = data
        return made


class _Item(NamedTuple):
    """A sample on its way: its shard's number, its place among the shard's samples."""

    image: _Image
    target: Any
    shard: int
    place: int


@dataclass(frozen=True)
class _Draws:
    """Where an epoch's random numbers come from. ``common``: all readers have the same."""

    seed: int
    epoch: int
    common: bool

    def of(self, index: int, stream: int, round: int) -> CounterRandom:
        return CounterRandom(self.seed, self.epoch, index, stream=stream + _STREAMS_A_ROUND * round)


class DCTTarDataset(IterableDataset[tuple[Tensor, Any]]):
    """Images from tar archives ("shards") in the form of WebDataset, read as DCT coefficients.

    A sample is what lies together in a shard and shares a name up to the first dot of its last part:
    ``a/1.jpg`` (or .jpeg) with ``a/1.cls``, a number as text, or ``a/1.json``. Iterating gives ``(coefficients
    (C, Hb, Wb), target)``. Shards are streamed and may be compressed with gzip, bzip2 or xz; nothing is written to
    disk. Links, devices, folders and other files are passed over.

    Args:
        urls: a path, a pattern as "train-{000000..000146}.tar", "pipe:COMMAND", a binary file object, or a list of
            these. A pipe hands the command to the shell and reads what it prints: never take one from others; of
            its braces only those that count are replaced. A ``Path`` is taken as it is, braces and all. File
            objects cannot be read in worker processes.
        transform: one of ``dctdecode.transforms``, or a callable on the tensor.
        target_transform: callable on the target.
        channels, normalize, dtype, strict, orientation, interpolation, antialias, fast, limits: as for
            :func:`dctdecode.read`.
        size: (height, width) in px, or one number, to which whole images are resized; without a plan transform.
            With neither, every image has its own size.
        on_error: "raise", "skip", "zero" (coefficients are zero; needs a fixed size), or a callable that gets the
            :class:`dctdecode.Failure` (``path``: shard and member, ``index``: number of the sample in its shard)
            and returns one of the two. All that is skipped is named in the log ("dctdecode"). Without "raise", a
            shard that is missing, damaged or breaks off loses the samples behind the damage, and a sample without
            a readable target is left out.
        threads: native threads that decode a group. None: as for :func:`dctdecode.read_batch`; 1 in a worker
            process. Where images keep sizes of their own, the callables of ``transform`` run in these threads.
        group_size: samples that are decoded together, by one native call where all come to one size.
        shuffle: 0: shards and samples in order. Else shards in random order, and samples through a buffer of so
            many undecoded ones (that many files are in memory); 1 shuffles shards alone.
        seed: see below.
        split: "shards": ranks and workers share the shards, dealt out one by one, and each must get one.
            "samples": each reads all shards, and keeps its share of the samples.
        target: "cls" or "json"; None: the .cls where there is one, else the .json.
        length: samples of an epoch on each rank. The epoch ends after so many; where the rank's shards hold fewer,
            it goes through them again. Without it the dataset has no ``len()`` and ranks may get unequal
            shares. Batches are as many as ``len(loader)`` says where ``batch_size * num_workers`` divides it.
        rank, world_size: by default as torch.distributed has them, else RANK and WORLD_SIZE, else 0 and 1.

    Order and random transforms depend on (seed, epoch) once `set_epoch` was called: the order also on the number
    of readers, the draws of an image only on its shard's place in ``urls`` and its own place in the shard. Without
    `set_epoch` they come from torch's global generator, so that epochs differ; readers then still share the
    shards without overlap, always in the same way.

    Raises:
        ValueError, TypeError: an argument has no meaning. When iterated, ``ValueError`` for fewer shards than
            readers.
        OSError: a shard cannot be read; it is named, and a damaged archive or one that breaks off gives
            `dctdecode.data.ShardError`. Images raise what :func:`dctdecode.read` raises, shard and member named.

    Example:
        >>> import io, tarfile
        >>> import dctdecode
        >>> shard = io.BytesIO()
        >>> with tarfile.open(fileobj=shard, mode="w") as tar:
        ...     tar.add(dctdecode_photo, "portrait.jpg")
        ...     label = tarfile.TarInfo("portrait.cls")
        ...     label.size = 1
        ...     tar.addfile(label, io.BytesIO(b"7"))
        >>> _ = shard.seek(0)
        >>> for coefficients, target in dctdecode.DCTTarDataset(shard, channels=24, size=448):
        ...     print(coefficients.shape, target)
        torch.Size([24, 56, 56]) 7
    """

    def __init__(
        self,
        urls: Any,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        *,
        channels: ChannelsLike = 192,
        size: int | tuple[int, int] | None = None,
        normalize: NormalizeLike = None,
        dtype: torch.dtype = torch.float32,
        strict: bool = True,
        on_error: OnError = "raise",
        orientation: str = "ignore",
        interpolation: str = "bilinear",
        antialias: bool = True,
        fast: bool = False,
        limits: LimitsLike = None,
        threads: int | None = None,
        group_size: int = 32,
        shuffle: int = 0,
        seed: int = 0,
        split: str = "shards",
        target: str | None = None,
        length: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        self.shards = expand(urls)
        self.transform, self.target_transform = transform, target_transform
        self.channels, self.on_error, self.threads = as_channel_set(channels), on_error, threads
        self._options: dict[str, Any] = {
            "channels": self.channels,
            "size": (size, size) if isinstance(size, int) else size,
            "normalize": normalize,
            "dtype": dtype,
            "strict": strict,
            "orientation": orientation,
            "interpolation": interpolation,
            "antialias": antialias,
            "fast": fast,
            "limits": limits,
        }
        self.group_size = _count("group_size", group_size, 1)
        self.shuffle, self.seed = _count("shuffle", shuffle, 0), _count("seed", seed, 0)
        self.length = None if length is None else _count("length", length, 1)
        self.split, self.target = split, target
        if split not in ("shards", "samples"):
            raise ValueError(f'split must be "shards" or "samples", got {split!r}')
        if target not in (None, *TARGET_SUFFIXES):
            raise ValueError(f'target must be None, "cls" or "json", got {target!r}')
        self._check_options()
        find_rank(rank, world_size)
        self._rank, self._world_size = rank, world_size
        # Workers that persist over epochs see what `set_epoch` writes here; -1 until then.
        self._epoch = torch.full((), -1, dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    def set_epoch(self, epoch: int) -> None:
        """Makes order and random transforms of the next iteration those of (seed, epoch).

        Example:
            >>> import dctdecode
            >>> dataset = dctdecode.DCTTarDataset("train-{000..146}.tar", channels=24, size=448, shuffle=1000)
            >>> dataset.set_epoch(3)
        """
        self._epoch.fill_(_count("epoch", epoch, 0))

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError("a stream of shards has no length but what length= says")
        return self.length

    def __iter__(self) -> Iterator[tuple[Tensor, Any]]:
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        if info is not None and any(not isinstance(shard.source, str) for shard in self.shards):
            raise ValueError("file objects cannot be read in worker processes: give paths, or num_workers=0")
        readers = Readers.of(*find_rank(self._rank, self._world_size), worker, workers)
        whole = range(len(self.shards))
        if self.split == "shards":
            of_reader(whole, readers)  # says now if there are too few
        share = None if self.length is None else self.length // workers + (worker < self.length % workers)
        return self._epoch_of(self._draws(), readers, share)

    def __getstate__(self) -> dict[str, Any]:
        """What spawned workers get: torch.distributed is not initialised there, so the rank goes along."""
        state = dict(self.__dict__)
        distributed = torch.distributed
        if self._rank is None and distributed.is_available() and distributed.is_initialized():
            state["_rank"], state["_world_size"] = find_rank(None, None)
        return state

    def _draws(self) -> _Draws:
        epoch = int(self._epoch)
        if epoch >= 0:
            return _Draws(self.seed, epoch, True)
        return _Draws(int(torch.empty((), dtype=torch.int64).random_().item()), 0, False)

    def _epoch_of(self, draws: _Draws, readers: Readers, share: int | None) -> Iterator[tuple[Tensor, Any]]:
        given = 0
        for round in range(1) if share is None else count():
            before = given
            if given == share:
                return
            items = self._items(draws, readers, round)
            while group := list(islice(items, self.group_size)):
                for pair in self._read(group, draws, round):
                    yield pair
                    given += 1
                    if given == share:
                        return
            if given == before and share is not None:
                raise ValueError(f"no sample to be read in {self.shards[0].name} ... {self.shards[-1].name}")

    def _items(self, draws: _Draws, readers: Readers, round: int) -> Iterator[_Item]:
        """Undecoded samples of this reader, in the order of the epoch."""
        order = list(range(len(self.shards)))
        if self.shuffle and draws.common:
            order = draws.of(0, _SHARD_STREAM, round).permutation(len(order))
        if self.split == "shards":
            order = of_reader(order, readers)
        if self.shuffle and not draws.common:
            order = [order[i] for i in draws.of(0, _SHARD_STREAM, round).permutation(len(order))]
        items = (
            item
            for number in order
            for item in self._items_in(number)
            if self.split == "shards" or (item.shard + item.place) % readers.total == readers.number
        )
        if self.shuffle > 1:
            return shuffled(items, self.shuffle, draws.of(readers.number, _BUFFER_STREAM, round))
        return items

    def _items_in(self, number: int) -> Iterator[_Item]:
        shard = self.shards[number]
        place = 0
        try:
            with open_shard(shard) as stream:
                for place, sample in enumerate(samples_of(self._members(stream))):
                    name = f"{shard.name}: {sample.name}"
                    try:
                        target = target_of(sample, self.target)
                    except ValueError as error:
                        self._refuse(Failure(place, name, ValueError(f"{prefix(name)}{error}")))
                        continue
                    yield _Item(_Image(name, sample.image), target, number, place)
        except OSError as error:
            self._refuse(Failure(place, shard.name, _naming(shard, error)))

    def _members(self, stream: Any) -> Iterator[Member]:
        suffixes = (*IMAGE_SUFFIXES, *TARGET_SUFFIXES)

        def wanted(name: str) -> bool:
            key, suffix = key_and_suffix(name)
            return suffix in suffixes and not key.endswith("/") and key != ""

        return members_of(unpacked(stream), wanted, max_bytes_of(self._options["limits"]))

    def _read(self, group: list[_Item], draws: _Draws, round: int) -> Iterator[tuple[Tensor, Any]]:
        randoms = [draws.of(item.shard << 32 | item.place, 0, round) for item in group]
        images = [item.image for item in group]
        reader = Reader(lambda image: image.data, self.transform, self._options, None, None)  # type: ignore[attr-defined]
        try:
            if self._size() is None:
                tensors: Sequence[Tensor | None] = self._each(reader, group, randoms)
            else:
                on_error: OnError = "raise" if self.on_error == "raise" else lambda f: self._decide(group, f)
                found = reader.batch(images, randoms, threads=self.threads, on_error=on_error)
                rows = dict(zip(found.kept, found.tensor, strict=True))
                tensors = [rows.get(place) for place in range(len(group))]
        except DctDecodeError as error:
            raise _without_index(error) from None
        for tensor, item in zip(tensors, group, strict=True):
            if tensor is not None:
                target = item.target
                yield tensor, target if self.target_transform is None else self.target_transform(target)

    def _each(self, reader: Reader, group: list[_Item], randoms: list[CounterRandom]) -> list[Tensor | None]:
        """Images of any sizes, each by itself, on several threads."""

        def read(place: int) -> Tensor | DctDecodeError:
            try:
                return reader.one(group[place].image, randoms[place])
            except DctDecodeError as error:
                return error

        threads = 1 if self.threads is None and get_worker_info() is not None else resolve_threads(self.threads)
        with ThreadPoolExecutor(min(threads, len(group))) as pool:
            answers = list(pool.map(read, range(len(group))))
        tensors: list[Tensor | None] = []
        for place, answer in enumerate(answers):
            if isinstance(answer, DctDecodeError):
                if self.on_error == "raise" or self._decide(group, Failure(place, None, answer)) != "skip":
                    raise answer
                tensors.append(None)
            else:
                tensors.append(answer)
        return tensors

    def _decide(self, group: list[_Item], failure: Failure) -> Any:
        """What becomes of an image of a group."""
        item = group[failure.index]
        error = failure.error
        if isinstance(error, DctDecodeError):
            error = _without_index(error)
        LOGGER.warning("not read: %s", error)
        answer = self.on_error
        return answer(Failure(item.place, str(item.image), error)) if callable(answer) else answer

    def _refuse(self, failure: Failure) -> None:
        """What becomes of a damaged shard, or a sample without a target: raised or left out."""
        if self.on_error == "raise":
            raise failure.error
        LOGGER.warning("not read: %s", failure.error)
        if callable(self.on_error):
            self.on_error(failure)

    def _size(self) -> tuple[int, int] | None:
        return fixed_size(self.transform, self._options["size"])

    def _check_options(self) -> None:
        """Refuses now what would be refused at the first image."""
        dctdecode.read_batch([], threads=self.threads, on_error=self.on_error, **self._options)
        if self._size() is None and self.on_error == "zero":
            raise ValueError('on_error="zero" needs images of one size: size=, or a transform that ends in one')


def _without_index(error: DctDecodeError) -> DctDecodeError:
    """Its place in the group says nothing to the user; its name goes on without the bytes."""
    error.index = None
    error.path = None if error.path is None else str(error.path)
    return error


def _naming(shard: Shard, error: OSError) -> OSError:
    if isinstance(error, ShardError):
        return ShardError(f"{prefix(shard.name)}{error}")
    if error.filename is not None or isinstance(error, DctDecodeError):
        return error
    return OSError(f"{prefix(shard.name)}{error}")


def _count(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if operator.index(value) < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return operator.index(value)
