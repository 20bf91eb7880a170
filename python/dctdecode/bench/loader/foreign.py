"""Loaders of other frameworks. What each of them needs is installed by the user; see docs/limits.md for those that
were never run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dctdecode.bench.loader.job import Job
from dctdecode.bench.loader.pixels import luma_of_pixels, opencv
from dctdecode.bench.loader.table import Loader, LoaderContender

__all__ = ["LOADERS"]


def _spdl(job: Job) -> Loader:
    """A pipeline of threads around OpenCV's decoder."""
    builder = import_module("spdl.pipeline").PipelineBuilder
    cut = opencv(job)

    def epoch() -> Iterator[Any]:
        pipeline = (
            builder()
            .add_source(range(len(job.paths)))
            .pipe(lambda index: cut(index, job.paths[index]), concurrency=job.threads, output_order="input")
            .aggregate(job.batch_size)
            .pipe(torch.stack)
            .add_sink(2)
            .build(num_threads=job.threads)
        )
        with pipeline.auto_stop():
            for images in pipeline:
                yield images, torch.zeros(len(images), dtype=torch.int64)

    return Loader(epoch, luma_of_pixels)


def _ffcv(job: Job) -> Loader:
    """Its own file format: the photos encoded once more, as JPEG of quality 90. It draws its own crops."""
    fields, decoders = import_module("ffcv.fields"), import_module("ffcv.fields.decoders")
    writer, loaders = import_module("ffcv.writer"), import_module("ffcv.loader")
    transforms, pillow = import_module("ffcv.transforms"), import_module("PIL.Image")

    class Photos:
        def __len__(self) -> int:
            return len(job.paths)

        def __getitem__(self, index: int) -> tuple[Any, int]:
            with pillow.open(job.paths[index]) as file:
                return file.convert("RGB"), job.target(index)

    folder = tempfile.TemporaryDirectory(prefix="dctdecode-bench-")
    path = str(Path(folder.name, "photos.beton"))
    image_field = fields.RGBImageField(write_mode="jpg", jpeg_quality=90)
    made = writer.DatasetWriter(path, {"image": image_field, "label": fields.IntField()}, num_workers=job.workers)
    made.from_indexed_dataset(Photos())
    loader = loaders.Loader(
        path,
        batch_size=job.batch_size,
        num_workers=job.threads,
        order=loaders.OrderOption.SEQUENTIAL,
        drop_last=True,
        pipelines={
            "image": [
                decoders.RandomResizedCropRGBImageDecoder((job.side, job.side)),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
            ],
            "label": [decoders.IntDecoder(), transforms.ToTensor()],
        },
    )

    def epoch(folder: Any = folder) -> Any:  # keeps the folder as long as it can be called
        return iter(loader)

    return Loader(epoch, luma_of_pixels)


def _dali(job: Job) -> Loader:
    """On the processor, with the job's crops: cut out while decoding, resized and flipped by DALI."""
    dali, fn = import_module("nvidia.dali"), import_module("nvidia.dali.fn")
    types = import_module("nvidia.dali.types")
    draws = [job.draw(index, *size) for index, size in enumerate(job.sizes)]
    batches = len(job.paths) // job.batch_size

    def numbers(of: Any, dtype: Any) -> Any:
        def batch(info: Any) -> Any:
            first = (info.iteration % batches) * job.batch_size
            return np.array([of(draw) for draw in draws[first : first + job.batch_size]], dtype)

        return fn.external_source(source=batch, batch_info=True, batch=True)

    pipeline = dali.Pipeline(job.batch_size, job.threads, device_id=None)
    with pipeline:
        encoded, _ = fn.readers.file(files=list(job.paths), name="photos")
        start = numbers(lambda draw: draw.box[:2], np.int64)
        shape = numbers(lambda draw: draw.box[2:], np.int64)
        flip = numbers(lambda draw: draw.flip, np.int32)
        images = fn.decoders.image_slice(encoded, start=start, shape=shape, axes=[0, 1], output_type=types.RGB)
        images = fn.resize(images, size=[job.side, job.side], antialias=True)
        pipeline.set_outputs(fn.flip(images, horizontal=flip))
    pipeline.build()

    def epoch() -> Iterator[Any]:
        for _ in range(batches):
            (found,) = pipeline.run()
            images = torch.from_numpy(np.array(found.as_array()))  # DALI uses its memory again
            yield images, torch.zeros(len(images), dtype=torch.int64)

    return Loader(epoch, luma_of_pixels)


_BYTES = "uint8 RGB, to be normalised on the device"
LOADERS = (
    LoaderContender("SPDL + OpenCV", "rgb", _BYTES, "spdl", _spdl),
    LoaderContender("FFCV", "rgb", _BYTES, "ffcv", _ffcv, own_crops=True),
    LoaderContender("DALI on the processor", "rgb", _BYTES, "nvidia.dali", _dali),
)
