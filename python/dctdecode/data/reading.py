"""What datasets of files have in common: paths in, coefficients out, one policy for what cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import get_worker_info

import dctdecode
from dctdecode.batch import Failure, OnError, prepare_batch
from dctdecode.data.binding import Bound, parts_of
from dctdecode.data.conversion import convert
from dctdecode.data.scanning import IMG_EXTENSIONS, JPEG_EXTENSIONS, has_file_allowed_extension
from dctdecode.errors import DctDecodeError

if TYPE_CHECKING:
    from dctdecode.transforms.randomness import Random

__all__ = ["ReadBatch", "ReadList", "Reader", "default_loader"]

_CONVERTED = tuple(extension for extension in IMG_EXTENSIONS if extension not in JPEG_EXTENSIONS)


def default_loader(path: str) -> str:
    """The path itself: the threads that decode also read the files."""
    return path


class ReadBatch(NamedTuple):
    """One tensor.

    Attributes:
        tensor: (n', C, Hb, Wb).
        kept: for each row its place in what was asked for.
        failures: of images that could not be read.
    """

    tensor: Tensor
    kept: list[int]
    failures: list[Failure]


class ReadList(NamedTuple):
    """A tensor for each image, of any sizes; else as `ReadBatch`."""

    tensors: list[Tensor]
    kept: list[int]
    failures: list[Failure]


class Reader:
    """Reads images of a dataset.

    Args:
        loader: path -> what `dctdecode.read` accepts.
        transform: as of `dctdecode.read`, or None.
        options: the other arguments of `dctdecode.read`.
        fallback: "convert" or None.
        shape: (C, Hb, Wb) of every image, or None where they differ.
    """

    def __init__(
        self,
        loader: Callable[[str], Any],
        transform: Any,
        options: dict[str, Any],
        fallback: str | None,
        shape: tuple[int, int, int] | None,
    ) -> None:
        self._loader, self._transform, self._options = loader, transform, options
        self._fallback, self._shape = fallback, shape

    def one(self, path: str, random: Random | None = None) -> Tensor:
        """(C, Hb, Wb).

        Raises:
            What `dctdecode.read` raises; the error names the path.
        """
        transform = None if self._transform is None else Bound(parts_of(self._transform), random)
        source = self._loader(path)
        with _named([path]):
            if self._converts(path):
                return convert(source, path, transform=transform, **self._options)
            return dctdecode.read(source, transform=transform, **self._options)

    def each(self, paths: Sequence[str], randoms: Sequence[Random] | None, on_error: OnError) -> ReadList:
        """One after the other.

        Raises:
            As `one`, for ``on_error="raise"``, and for "zero" where the shape is not known beforehand.
        """
        policy = _Policy(paths, on_error)
        tensors = []
        for place, path in enumerate(paths):
            try:
                tensors.append(self.one(path, None if randoms is None else randoms[place]))
            except (OSError, DctDecodeError) as error:
                if on_error == "raise":
                    raise
                if policy.decide(Failure(place, path, error)) == "skip":
                    continue
                if self._shape is None:
                    raise
                tensors.append(torch.zeros(self._shape, dtype=self._options["dtype"]))
        return ReadList(tensors, policy.kept, policy.failures)

    def batch(
        self,
        paths: Sequence[str],
        randoms: Sequence[Random] | None = None,
        *,
        out: Any = None,
        threads: int | None = None,
        on_error: OnError = "raise",
        pin_memory: bool = False,
    ) -> ReadBatch:
        """All in one native call, but for a batch with an image to convert.

        Raises:
            What `dctdecode.read_batch` raises; errors and failures name the path, whatever the loader gave.
        """
        has_out = out is not None
        return self.prepare(paths, randoms, threads=threads, on_error=on_error, has_out=has_out)(out, pin_memory)

    def prepare(
        self,
        paths: Sequence[str],
        randoms: Sequence[Random] | None,
        *,
        threads: int | None,
        on_error: OnError,
        has_out: bool,
    ) -> Callable[[Any, bool], ReadBatch]:
        """The first half of `batch`: the second takes ``out``, which has been checked, and ``pin_memory``."""
        if any(map(self._converts, paths)):
            return lambda out, pin_memory: _stacked(self.each(paths, randoms, on_error), out, pin_memory)
        policy = _Policy(paths, on_error)
        transforms = None
        if self._transform is not None:
            sources_of_chance = [None] * len(paths) if randoms is None else randoms
            parts = parts_of(self._transform)
            transforms = [Bound(parts, random) for random in sources_of_chance]
        with _named(paths):
            prepared = prepare_batch(
                [policy.load(place, self._loader) for place in range(len(paths))],
                transform=transforms,
                threads=1 if threads is None and get_worker_info() is not None else threads,
                on_error="raise" if on_error == "raise" else policy.decide,
                has_out=has_out,
                **self._options,
            )

        def read(out: Any, pin_memory: bool) -> ReadBatch:
            with _named(paths):
                tensor, _ = prepared.read(out, pin_memory)
            return ReadBatch(tensor, policy.kept, policy.failures)

        return read

    def _converts(self, path: str) -> bool:
        return self._fallback is not None and has_file_allowed_extension(path, _CONVERTED)


class _Policy:
    """``on_error`` for one batch, with the paths that the loader's bytes have lost."""

    def __init__(self, paths: Sequence[str], on_error: OnError) -> None:
        if not callable(on_error) and on_error not in ("raise", "skip", "zero"):
            raise ValueError(f'on_error must be "raise", "skip", "zero" or a callable, got {on_error!r}')
        self._paths, self._on_error = paths, on_error
        self._not_loaded: dict[int, Exception] = {}
        self._skipped: set[int] = set()
        self.failures: list[Failure] = []

    @property
    def kept(self) -> list[int]:
        return [place for place in range(len(self._paths)) if place not in self._skipped]

    def load(self, place: int, loader: Callable[[str], Any]) -> Any:
        """What the loader gives; where it fails, something that the decoder refuses in its place."""
        try:
            return loader(self._paths[place])
        except OSError as error:
            if self._on_error == "raise":
                raise
            self._not_loaded[place] = error
            return b""

    def decide(self, failure: Failure) -> Literal["skip", "zero"]:
        place = failure.index
        error = self._not_loaded.get(place, failure.error)
        named = Failure(place, self._paths[place], _with_path(error, self._paths[place]))
        self.failures.append(named)
        answer = self._on_error(named) if callable(self._on_error) else self._on_error
        if answer not in ("skip", "zero", None):
            raise ValueError(f'the on_error callable must return "skip", "zero" or None, got {answer!r}')
        if answer == "skip":
            self._skipped.add(place)
            return "skip"
        return "zero"


@contextmanager
def _named(paths: Sequence[str]) -> Iterator[None]:
    """Errors of a source that was no path get its path."""
    try:
        yield
    except DctDecodeError as error:
        _with_path(error, paths[error.index or 0])
        raise


def _with_path(error: Exception, path: str) -> Exception:
    if isinstance(error, DctDecodeError) and error.path is None:
        error.path = path
    return error


def _stacked(read: ReadList, out: Any, pin_memory: bool) -> ReadBatch:
    if out is None:
        tensor = torch.stack(read.tensors) if read.tensors else torch.zeros(0, 0, 0, 0)
        if pin_memory and torch.cuda.is_available():
            tensor = tensor.pin_memory()
    else:
        tensor = out[: len(read.tensors)]
        for row, found in zip(tensor, read.tensors, strict=True):
            row.copy_(found)
    return ReadBatch(tensor, read.kept, read.failures)
