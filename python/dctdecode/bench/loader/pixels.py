"""RGB loaders: torch's DataLoader over files, with one decoder or another, and a pool of threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dctdecode.bench.loader.job import Draw, Job
from dctdecode.bench.loader.table import Loader, LoaderContender

__all__ = ["LOADERS", "Pixels", "luma_of_pixels", "opencv"]

Pixels = npt.NDArray[np.uint8]  # (height, width, 3), RGB
Cut = Callable[[int, str], Any]  # index and path of an image -> the tensor that goes into the batch

_MEAN, _STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])  # of ImageNet's pixels
_AHEAD = 2  # batches, as a DataLoader's worker makes them ahead


class _Images(Dataset[tuple[Any, int]]):
    def __init__(self, job: Job, cut: Callable[[Job], Cut]) -> None:
        self._job, self._make = job, cut
        self._cut: Cut | None = None

    def __len__(self) -> int:
        return len(self._job.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        if self._cut is None:  # made in the worker: closures are not pickled
            self._cut = self._make(self._job)
        return self._cut(index, self._job.paths[index]), self._job.target(index)


def _data_loader(cut: Callable[[Job], Cut], luma: Callable[[Tensor], Tensor]) -> Callable[[Job], Loader]:
    def load(job: Job) -> Loader:
        cut(job)  # what is not installed is told now, and not by a worker
        loader = DataLoader(
            _Images(job, cut), job.batch_size, num_workers=job.workers, persistent_workers=job.workers > 0
        )
        return Loader(lambda: iter(loader), luma)

    return load


def _threads(job: Job) -> Loader:
    """A pool of threads, each image written into its batch: no processes, no copies."""
    cut = opencv(job)

    def batch(first: int, pool: ThreadPoolExecutor) -> Any:
        images = torch.empty(job.batch_size, job.side, job.side, 3, dtype=torch.uint8)

        def fill(place: int) -> None:
            images[place] = cut(first + place, job.paths[first + place])

        return images, [pool.submit(fill, place) for place in range(job.batch_size)]

    def epoch() -> Iterator[Any]:
        with ThreadPoolExecutor(job.threads) as pool:
            ahead: deque[Any] = deque()
            firsts = iter(range(0, len(job.paths), job.batch_size))
            for first in firsts:
                ahead.append(batch(first, pool))
                if len(ahead) > _AHEAD:
                    yield _done(ahead.popleft())
            while ahead:
                yield _done(ahead.popleft())

    return Loader(epoch, luma_of_pixels)


def _done(batch: Any) -> tuple[Tensor, Tensor]:
    images, tasks = batch
    for task in tasks:
        task.result()
    return images, torch.zeros(len(images), dtype=torch.int64)


def _pillow(job: Job) -> Cut:
    """As torchvision's ImageFolder, resized_crop, ToTensor and Normalize do it."""
    image = import_module("PIL.Image")

    def cut(index: int, path: str) -> Tensor:
        with image.open(path) as file:
            picture = file.convert("RGB")
        (top, left, height, width), flip = job.draw(index, picture.height, picture.width)
        picture = picture.crop((left, top, left + width, top + height))
        picture = picture.resize((job.side, job.side), image.Resampling.BILINEAR)
        if flip:
            picture = picture.transpose(image.Transpose.FLIP_LEFT_RIGHT)
        tensor = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()
        scaled = tensor.to(torch.float32).div(255)
        return scaled.sub_(_MEAN[:, None, None]).div_(_STD[:, None, None])

    return cut


def _simplejpeg(job: Job) -> Cut:
    decode = import_module("simplejpeg").decode_jpeg
    resize = _resize(job)
    return lambda index, path: resize(decode(Path(path).read_bytes(), "RGB", strict=False), index)


def opencv(job: Job) -> Cut:
    """Index and path -> uint8 (side, side, 3), RGB."""
    cv2 = import_module("cv2")
    cv2.setNumThreads(0)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    resize = _resize(job)

    def cut(index: int, path: str) -> Tensor:
        image = cv2.imdecode(np.fromfile(path, np.uint8), flags)
        return torch.from_numpy(cv2.cvtColor(resize(image, index).numpy(), cv2.COLOR_BGR2RGB))

    return cut


def _resize(job: Job) -> Callable[[Pixels, int], Tensor]:
    """Crop, resize and flip by OpenCV; an average where it shrinks, as FFCV does."""
    cv2 = import_module("cv2")

    def resize(image: Pixels, index: int) -> Tensor:
        draw: Draw = job.draw(index, *image.shape[:2])
        top, left, height, width = draw.box
        how = cv2.INTER_AREA if min(height, width) > job.side else cv2.INTER_LINEAR
        small = cv2.resize(image[top : top + height, left : left + width], (job.side, job.side), interpolation=how)
        return torch.from_numpy(cv2.flip(small, 1) if draw.flip else small)

    return resize


def _torchvision(job: Job) -> Cut:
    io, functional = import_module("torchvision.io"), import_module("torchvision.transforms.v2.functional")

    def cut(index: int, path: str) -> Tensor:
        image = io.decode_jpeg(io.read_file(path), mode=io.ImageReadMode.RGB)
        draw = job.draw(index, *image.shape[1:])
        image = functional.resized_crop(image, *draw.box, [job.side, job.side], antialias=True)
        tensor: Tensor = functional.horizontal_flip(image) if draw.flip else image
        return tensor

    return cut


def luma_of_pixels(images: Tensor) -> Tensor:
    """(N, side, side, 3) RGB, uint8 -> mean luma of 4 x 4 pixels (N, side / 4, side / 4), gray levels (BT.601)."""
    luma = images.to(torch.float32) @ torch.tensor([0.299, 0.587, 0.114])
    return torch.nn.functional.avg_pool2d(luma[:, None], 4)[:, 0]


def _luma_of_planes(images: Tensor) -> Tensor:
    return luma_of_pixels(images.permute(0, 2, 3, 1))


def _luma_of_normalised(images: Tensor) -> Tensor:
    return luma_of_pixels((images.permute(0, 2, 3, 1) * _STD + _MEAN) * 255)


_BYTES = "uint8 RGB, to be normalised on the device"
_FLOATS = "float32 RGB, normalised"
LOADERS = (
    LoaderContender("DataLoader + Pillow", "rgb", _FLOATS, "PIL", _data_loader(_pillow, _luma_of_normalised)),
    LoaderContender(
        "DataLoader + simplejpeg", "rgb", _BYTES, "simplejpeg", _data_loader(_simplejpeg, luma_of_pixels)
    ),
    LoaderContender("DataLoader + OpenCV", "rgb", _BYTES, "cv2", _data_loader(opencv, luma_of_pixels)),
    LoaderContender(
        "DataLoader + torchvision", "rgb", _BYTES, "torchvision", _data_loader(_torchvision, _luma_of_planes)
    ),
    LoaderContender("threads + OpenCV", "rgb", _BYTES, "cv2", _threads),
)
