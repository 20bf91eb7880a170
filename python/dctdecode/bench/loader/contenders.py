"""The loaders that are measured: one row each, imported only in the process that measures it.

To add one, write a function that imports it and returns a `Loader`, and give it a row in `LOADERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader

import dctdecode
from dctdecode.bench.loader import foreign, pixels
from dctdecode.bench.loader.job import NORMALIZE, Files, Job
from dctdecode.bench.loader.table import Loader, LoaderContender

__all__ = ["LOADERS"]


def _luma(job: Job) -> Callable[[torch.Tensor], torch.Tensor]:
    """Mean luma of each 8 x 8 block, gray levels, from the DC of Y.

    The orthonormal DCT gives 8 * (mean - 128), and `NORMALIZE` divides by 8.
    """
    place = list(job.channels.flat).index(0)
    return lambda images: images[:, place] + 128


def _dct_loader(job: Job) -> Loader:
    loader = dctdecode.DCTLoader(
        Files(job), job.batch_size, seed=job.seed, threads=job.threads, rank=0, world_size=1
    )

    def epoch() -> Any:
        loader.set_epoch(0)  # the crops of every other epoch would be others
        return iter(loader)

    return Loader(epoch, _luma(job))


def _decoder_alone(job: Job) -> Loader:
    """One call of `read_batch` after the other, into the same memory, crops drawn beforehand."""
    draws = [job.draw(index, *size) for index, size in enumerate(job.sizes)]
    out = dctdecode.read_batch(
        job.paths[: job.batch_size], job.channels, size=job.size, normalize=NORMALIZE, threads=job.threads
    )

    def epoch() -> Iterator[Any]:
        for first in range(0, len(job.paths), job.batch_size):
            mine = slice(first, first + job.batch_size)
            images = dctdecode.read_batch(
                job.paths[mine],
                job.channels,
                size=job.size,
                crop=[draw.box for draw in draws[mine]],
                flip=[draw.flip for draw in draws[mine]],
                normalize=NORMALIZE,
                threads=job.threads,
                out=out,
            )
            yield images, torch.arange(first, first + job.batch_size)

    return Loader(epoch, _luma(job))


def _data_loader(job: Job) -> Loader:
    dataset = Files(job)
    loader = DataLoader(dataset, job.batch_size, num_workers=job.workers, persistent_workers=job.workers > 0)
    return Loader(lambda: iter(loader), _luma(job))


_COEFFICIENTS = "float32 coefficients"
LOADERS = (
    LoaderContender("DCTLoader", "ours", _COEFFICIENTS, "dctdecode", _dct_loader),
    LoaderContender("read_batch alone", "ours", _COEFFICIENTS, "dctdecode", _decoder_alone),
    LoaderContender("DataLoader + DCTImageFolder", "ours", _COEFFICIENTS, "dctdecode", _data_loader),
    *pixels.LOADERS,
    *foreign.LOADERS,
)
