"""From a dataset and indices to one batch: of one size, padded, or as a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dctdecode._tensors import allocate
from dctdecode.batch import Failure, OnError
from dctdecode.data.protocol import BatchDataset
from dctdecode.errors import DctDecodeError
from dctdecode.threads import resolve_threads
from dctdecode.transforms import Random

__all__ = ["COLLATE", "Batch", "Request"]


@dataclass(frozen=True)
class Batch:
    """A batch on its way to the consumer, who sees `parts`."""

    images: Tensor | list[Tensor]
    targets: Tensor
    failures: list[Failure]
    mask: Tensor | None = None

    def parts(self) -> tuple[Any, ...]:
        if self.mask is None:
            return self.images, self.targets
        return self.images, self.mask, self.targets

    def tensors(self) -> list[Tensor]:
        images = self.images if isinstance(self.images, list) else [self.images]
        return [*images, self.targets, *([] if self.mask is None else [self.mask])]

    def map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        return replace(
            self,
            images=[change(image) for image in self.images]
            if isinstance(self.images, list)
            else change(self.images),
            targets=change(self.targets),
            mask=None if self.mask is None else change(self.mask),
        )


@dataclass(frozen=True)
class Request:
    """Which images, and how; a `Failure` that `on_error` gets has the image's place in `indices`."""

    dataset: BatchDataset
    indices: Sequence[int]
    randoms: Sequence[Random]
    threads: int | None
    on_error: OnError
    pinned: bool


def read_fixed(request: Request, out: Tensor | None) -> Batch:
    """One native call, into `out`."""
    images, targets, failures = request.dataset.read_batch(
        request.indices,
        randoms=request.randoms,
        out=out,
        threads=request.threads,
        on_error=request.on_error,
        pin_memory=request.pinned,
    )
    return Batch(images, targets, failures)


def read_list(request: Request, out: Tensor | None) -> Batch:
    """Images (C, Hb, Wb), each as large as it is."""
    batches, failures = _read_each(request)
    targets = torch.cat([torch.zeros(0, dtype=torch.int64), *(targets for _, targets in batches)])
    return Batch([image for images, _ in batches for image in images], targets, failures)


def read_padded(request: Request, out: Tensor | None) -> Batch:
    """Images in the upper left corners of (N, C, Hmax, Wmax), zeros elsewhere; the mask is True on images."""
    batch = read_list(replace(request, pinned=False), out)
    images = batch.images
    rows = max((image.shape[1] for image in images), default=0)
    columns = max((image.shape[2] for image in images), default=0)
    channels = images[0].shape[0] if len(images) > 0 else 0
    shape = (len(images), channels, rows, columns)
    padded = allocate(shape, request.dataset.dtype, request.pinned).zero_()
    mask = allocate((shape[0], rows, columns), torch.bool, request.pinned).zero_()
    for number, image in enumerate(images):
        padded[number, :, : image.shape[1], : image.shape[2]] = image
        mask[number, : image.shape[1], : image.shape[2]] = True
    return replace(batch, images=padded, mask=mask)


def _read_each(request: Request) -> tuple[list[tuple[Tensor, Tensor]], list[Failure]]:
    """A native call for each image, for there is no tensor that holds images of several sizes."""

    def read(place: int) -> tuple[Tensor, Tensor, list[Failure]]:
        try:
            return request.dataset.read_batch(
                [request.indices[place]],
                randoms=[request.randoms[place]],
                threads=1,
                on_error=_at(place, request.on_error),
                pin_memory=request.pinned,
            )
        except DctDecodeError as error:
            error.index = place  # of the batch of one it was 0
            raise

    with ThreadPoolExecutor(resolve_threads(request.threads)) as pool:
        answers = list(pool.map(read, range(len(request.indices))))
    failures = [replace(f, index=place) for place, (_, _, found) in enumerate(answers) for f in found]
    return [(images, targets) for images, targets, _ in answers], failures


def _at(place: int, on_error: OnError) -> OnError:
    if not callable(on_error):
        return on_error
    ask = on_error
    return lambda failure: ask(replace(failure, index=place))


COLLATE: dict[str, Callable[[Request, Tensor | None], Batch]] = {
    "fixed": read_fixed,
    "pad": read_padded,
    "list": read_list,
}
