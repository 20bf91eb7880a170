"""`DCTImageFolder`: a folder for each class, as torchvision's ``ImageFolder``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

import dctdecode
from dctdecode._tensors import check_out
from dctdecode.batch import Failure, OnError
from dctdecode.channels import ChannelsLike, as_channel_set
from dctdecode.data import cache, scanning
from dctdecode.data.binding import fixed_size, keeps_shape
from dctdecode.data.index import Samples
from dctdecode.data.protocol import FinishBatch
from dctdecode.data.reading import Reader, default_loader
from dctdecode.data.scanning import IMG_EXTENSIONS, JPEG_EXTENSIONS, LOGGER, Scan
from dctdecode.data.standard_transform import StandardTransform
from dctdecode.data.views import memory_for_worker, rows_of
from dctdecode.limits import LimitsLike
from dctdecode.normalization import NormalizeLike

if TYPE_CHECKING:
    from dctdecode.transforms.randomness import Random

__all__ = ["DCTImageFolder"]


class DCTImageFolder(Dataset[tuple[Tensor, Any]]):
    """Images in a folder for each class, read as DCT coefficients: in place of torchvision's ``ImageFolder``.

    ``dataset[i]`` is ``(coefficients (C, Hb, Wb), target)``. Arguments, attributes, order of samples and error
    texts are those of ``torchvision.datasets.ImageFolder``; torchvision need not be installed. A DataLoader gets
    each batch by one native call (`__getitems__`).

    Args:
        root: folder that holds the folders of the classes.
        transform: one of ``dctdecode.transforms``, whose plan transforms decide before decoding which part of the
            image comes to which size, or a callable on the tensor. It draws from torch's global generator.
        target_transform: callable on the target.
        loader: path -> what :func:`dctdecode.read` accepts, such as the file's bytes from elsewhere. By default
            the path itself, which native threads read.
        is_valid_file: path -> whether to take the file, in place of looking at its extension.
        allow_empty: a class without a file is no error.
        channels, normalize, dtype, strict, orientation, interpolation, antialias, fast, limits: as for
            :func:`dctdecode.read`.
        size: (height, width) in px, or one number, to which whole images are resized; without a plan transform.
            With neither, every image has its own size.
        on_error: "raise", or, in batches, "skip" (the batch is shorter) or "zero" (coefficients are zero), or a
            callable that gets the :class:`dctdecode.Failure` and returns one of the two. Files skipped or replaced
            are named in the log ("dctdecode"). An image that is asked for alone cannot be skipped: its error is
            raised.
        threads: native threads for a batch. None: as for :func:`dctdecode.read_batch`; 1 in a worker process.
        index_cache: file that spares the next scan of the tree. It is written when there is none that fits, and
            fits as long as no file or folder was added, removed or renamed. Not with ``is_valid_file``.
        fallback: "convert" also takes the other images that ``ImageFolder`` takes (png, ppm, bmp, pgm, tif, tiff,
            webp), decodes them with Pillow and computes their coefficients. Without it they are left out, and
            named in the log.

    Attributes:
        classes: names of the classes, sorted.
        class_to_idx: class index of each name.
        samples: (path, class index) of each file; a compact, read-only sequence that equals the list. Another
            sequence of such pairs may be assigned.
        imgs: the same object.
        targets: class index of each file; a compact, read-only sequence.
        root, transform, target_transform, transforms, loader, extensions: as in ``ImageFolder``.

    Raises:
        FileNotFoundError: no such folder, no folder in it, or a class without a file.
        ValueError, TypeError: an argument has no meaning.

    Example:
        >>> import pathlib, shutil, tempfile
        >>> import dctdecode
        >>> from dctdecode import transforms
        >>> folder = tempfile.TemporaryDirectory()
        >>> for name in ("cat", "dog"):
        ...     pathlib.Path(folder.name, name).mkdir()
        ...     _ = shutil.copy(dctdecode_photo, f"{folder.name}/{name}/1.jpg")
        >>> dataset = dctdecode.DCTImageFolder(folder.name, transforms.RandomResizedCrop(448), channels=24)
        >>> len(dataset), dataset.classes, dataset.targets
        (2, ['cat', 'dog'], [0, 1])
        >>> coefficients, target = dataset[1]
        >>> coefficients.shape, target
        (torch.Size([24, 56, 56]), 1)
        >>> folder.cleanup()
    """

    def __init__(
        self,
        root: str | Path,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
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
        index_cache: str | os.PathLike[str] | None = None,
        fallback: str | None = None,
    ) -> None:
        self.root = os.path.expanduser(root) if isinstance(root, str) else root  # noqa: PTH111  # as torchvision
        self.transform, self.target_transform = transform, target_transform
        separate = transform is not None or target_transform is not None
        self.transforms = StandardTransform(transform, target_transform) if separate else None
        self.loader = loader
        self.channels, self.dtype, self.on_error = as_channel_set(channels), dtype, on_error
        self.threads, self.fallback = threads, fallback
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
        self._check_options()
        extensions = JPEG_EXTENSIONS if fallback is None else IMG_EXTENSIONS
        self.extensions = extensions if is_valid_file is None else None
        self.classes, self.class_to_idx = self.find_classes(self.root)
        if index_cache is None:
            found = self.make_dataset(
                self.root,
                class_to_idx=self.class_to_idx,
                extensions=self.extensions,
                is_valid_file=is_valid_file,
                allow_empty=allow_empty,
            )
        else:
            found = self._cached_samples(index_cache, is_valid_file, allow_empty)
        self.samples: Sequence[tuple[str, int]] = found
        self.targets: Sequence[int] = found.targets if isinstance(found, Samples) else [s[1] for s in found]
        self.imgs = self.samples

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """Names of the classes and the class index of each; may be overridden, to take some of the folders only.

        Raises:
            FileNotFoundError: no such folder, or no folder in it.
        """
        return scanning.find_classes(directory)

    @staticmethod
    def make_dataset(
        directory: str | Path,
        class_to_idx: Mapping[str, int] | None,
        extensions: tuple[str, ...] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> Sequence[tuple[str, int]]:
        """(path, class index) of the files of all classes; may be overridden, to return any list of such pairs.

        Raises:
            FileNotFoundError: a class without a file.
            ValueError: no classes, or both or neither of ``extensions`` and ``is_valid_file``.
        """
        if class_to_idx is None:
            raise ValueError("The class_to_idx parameter cannot be None.")
        return scanning.make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        path, target = self.samples[index]
        found = self._reader().each([path], None, self.on_error)
        self._log(found.failures)
        if not found.kept:
            raise found.failures[0].error
        return found.tensors[0], self._target(target)

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, Any]]:
        """(coefficients, target) of several images: what a DataLoader asks for, once a batch.

        Where all images come to one size, the tensors are views of one, filled by one native call. torch's
        ``default_collate`` then makes a batch of it without a copy, and worker processes hand it over without one.

        Raises:
            What :func:`dctdecode.read` raises, for ``on_error="raise"``, and where no image of all was readable.
        """
        return self._samples_at(indices, None)

    def _samples_at(self, indices: Sequence[int], randoms: Sequence[Random] | None) -> list[tuple[Tensor, Any]]:
        samples = [self.samples[index] for index in indices]
        paths = [path for path, _ in samples]
        reader = self._reader()
        tensors: Iterable[Tensor]
        if self._size() is None:
            tensors, kept, failures = reader.each(paths, randoms, self.on_error)
        else:
            shape = self.batch_shape(len(samples))
            out = None if shape is None else memory_for_worker(shape, self.dtype)
            tensors, kept, failures = reader.batch(
                paths, randoms, out=out, threads=self.threads, on_error=self.on_error
            )
        self._log(failures)
        if samples and not kept:
            raise failures[0].error
        return rows_of(tensors, [self._target(samples[place][1]) for place in kept])

    def batch_shape(self, n: int) -> tuple[int, int, int, int] | None:
        """(n, C, Hb, Wb) of a batch of ``n`` images; None where that depends on the images, or on a callable."""
        size = self._size()
        if size is None or not keeps_shape(self.transform):
            return None
        return n, len(self.channels), size[0] // 8, size[1] // 8

    def read_batch(
        self,
        indices: Sequence[int],
        *,
        randoms: Sequence[Random] | None = None,
        out: Any = None,
        threads: int | None = None,
        on_error: OnError = "raise",
        pin_memory: bool = False,
    ) -> tuple[Tensor, Tensor, list[Failure]]:
        """The images at ``indices`` in one tensor: see `dctdecode.data.BatchDataset`."""
        if out is not None:
            check_out(out, self.dtype)
        prepared = self.prepare_batch(
            indices, randoms=randoms, threads=threads, on_error=on_error, has_out=out is not None
        )
        return prepared(out, pin_memory)

    def prepare_batch(
        self,
        indices: Sequence[int],
        *,
        randoms: Sequence[Random] | None,
        threads: int | None,
        on_error: OnError,
        has_out: bool,
    ) -> FinishBatch:
        """The first half of `read_batch`: see `dctdecode.data.PreparingDataset`."""
        samples = [self.samples[index] for index in indices]
        read = self._reader().prepare(
            [path for path, _ in samples],
            randoms,
            threads=self.threads if threads is None else threads,
            on_error=on_error,
            has_out=has_out,
        )

        def finish(out: Any, pin_memory: bool) -> tuple[Tensor, Tensor, list[Failure]]:
            found = read(out, pin_memory)
            targets = [self._target(samples[place][1]) for place in found.kept]
            return found.tensor, torch.tensor(targets, dtype=torch.int64), found.failures

        return finish

    def __repr__(self) -> str:
        lines = [
            f"Dataset {type(self).__name__}",
            f"    Number of datapoints: {len(self)}",
            f"    Root location: {self.root}",
            *(f"    {line}" for line in self.extra_repr().splitlines()),
            *([] if self.transforms is None else [f"    {self.transforms!r}"]),
        ]
        return "\n".join(lines)

    def extra_repr(self) -> str:
        """More lines for repr; for subclasses."""
        return ""

    def _check_options(self) -> None:
        """Refuses now what would be refused at the first image."""
        if self.fallback not in (None, "convert"):
            raise ValueError(f'fallback must be None or "convert", got {self.fallback!r}')
        if self.fallback is not None and self.dtype == torch.int16:
            raise ValueError('int16 holds coefficients as a file has them; fallback="convert" needs a float dtype')
        dctdecode.read_batch([], threads=self.threads, on_error=self.on_error, **self._options)
        self._size()

    def _size(self) -> tuple[int, int] | None:
        return fixed_size(self.transform, self._options["size"])

    def _reader(self) -> Reader:
        """Made anew, since ``transform`` and ``loader`` may be assigned."""
        shape = self.batch_shape(1)
        return Reader(self.loader, self.transform, self._options, self.fallback, shape and shape[1:])

    def _target(self, target: Any) -> Any:
        return target if self.target_transform is None else self.target_transform(target)

    def _log(self, failures: Sequence[Failure]) -> None:
        for failure in failures:
            LOGGER.warning("not read: %s", failure.error)

    def _cached_samples(self, path: str | os.PathLike[str], is_valid_file: object, allow_empty: bool) -> Samples:
        if is_valid_file is not None or type(self).make_dataset is not DCTImageFolder.make_dataset:
            raise ValueError("index_cache cannot tell whether is_valid_file or an own make_dataset has changed")
        key = cache.key_of(self.root, self.class_to_idx, self.extensions or ())
        found: Scan | None = cache.load(path, key)
        if found is None:
            started_ns = time.time_ns()
            found = scanning.scan(self.root, self.class_to_idx, self.extensions, None)
            cache.store(path, key, found, started_ns)
        found.report(self.extensions, allow_empty)
        return found.samples
