"""What a row of the table of loaders is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

from torch import Tensor

from dctdecode.bench.loader.job import Job

__all__ = ["Loader", "LoaderContender"]


class Loader(NamedTuple):
    """A loader that is ready to begin.

    Attributes:
        epoch: gives the batches of one epoch: sequences whose first item are the images.
        luma: images of a batch -> (N, size / 8, size / 8) mean luma of each block, gray levels.
        images: batch -> the images.
    """

    epoch: Callable[[], Iterable[Any]]
    luma: Callable[[Any], Tensor]
    images: Callable[[Any], Tensor] = lambda batch: batch[0]


class LoaderContender(NamedTuple):
    """A row of the table.

    Attributes:
        returns: what the consumer gets.
        module: by which the version is found.
        own_crops: it draws its own crops; what it gives cannot be compared, only its shape.
    """

    name: str
    kind: Literal["ours", "rgb"]
    returns: str
    module: str
    load: Callable[[Job], Loader]
    own_crops: bool = False
