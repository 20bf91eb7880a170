"""The other side of the comparison: RGB pixels of the same crops, behind the same loader."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dctdecode import DCTImageFolder, Failure
from dctdecode.geometry import Axis, Geometry
from dctdecode.transforms import Compose, Random, TorchRandom
from PIL import Image
from torch import Tensor

# torchvision's constants of ImageNet's training set, of values 0 .. 1.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PixelFolder:
    """A `dctdecode.data.BatchDataset` of pixels: (N, 3, H, W), normalised.

    The plan transforms are those of the coefficients and draw the same boxes and flips from the same randomness;
    Pillow carries them out with the same filter (bilinear, antialiased).

    Args:
        root: a folder for each class.
        transform: plan transforms only, that come to one size.
        decoder: "pillow" or "simplejpeg".
    """

    dtype = torch.float32

    def __init__(self, root: Path, transform: Compose, decoder: str = "pillow") -> None:
        self._folder = DCTImageFolder(root, transform, channels=6)  # for its list of files
        self._transform = transform
        self._decode = _DECODERS[decoder]
        self.classes = self._folder.classes

    def __len__(self) -> int:
        return len(self._folder)

    def batch_shape(self, n: int) -> tuple[int, int, int, int]:
        """(n, 3, H, W)."""
        shape = self._folder.batch_shape(n)
        assert shape is not None
        return n, 3, shape[2] * 8, shape[3] * 8

    def read_batch(
        self,
        indices: Sequence[int],
        *,
        randoms: Sequence[Random] | None = None,
        out: Any = None,
        threads: int | None = None,
        on_error: Any = "raise",
        pin_memory: bool = False,
    ) -> tuple[Tensor, Tensor, list[Failure]]:
        """As `dctdecode.data.BatchDataset` says, but files that cannot be read always raise."""
        samples = [self._folder.samples[index] for index in indices]
        sources = randoms or [TorchRandom()] * len(samples)
        images = torch.empty(self.batch_shape(len(samples))) if out is None else out

        def read(place: int) -> None:
            image = self._decode(samples[place][0])
            geometry = self._transform.apply(Geometry.of(image.height, image.width), sources[place])
            array = np.array(cut(image, geometry))  # (H, W, 3)
            images[place] = torch.from_numpy(array).permute(2, 0, 1)

        if threads == 1:
            for place in range(len(samples)):
                read(place)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(read, range(len(samples))))
        mean, std = (torch.tensor(values).view(3, 1, 1) * 255 for values in (MEAN, STD))
        return images.sub_(mean).div_(std), torch.tensor([target for _, target in samples]), []


def cut(image: Image.Image, geometry: Geometry) -> Image.Image:
    """Crop, resize and flip as the geometry says, in pixels of 8 bits."""
    rows, columns = geometry.vertical, geometry.horizontal
    left, top = math.floor(columns.lo), math.floor(rows.lo)
    image = image.crop((left, top, math.ceil(columns.hi), math.ceil(rows.hi)))  # taps stay inside
    (upper, lower), (first, last) = _inside(rows, top), _inside(columns, left)
    size = round(columns.size_px), round(rows.size_px)
    image = image.resize(size, Image.Resampling.BILINEAR, (first, upper, last, lower))
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if columns.flip else image


def _inside(axis: Axis, origin: int) -> tuple[float, float]:
    """The window in px of the cropped image, rounding errors beyond its edges cut off."""
    return max(0.0, axis.start - origin), min(math.ceil(axis.hi) - origin, axis.stop - origin)


def _pillow(path: str) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _simplejpeg(path: str) -> Image.Image:
    from simplejpeg import decode_jpeg

    data = Path(path).read_bytes()
    try:
        return Image.fromarray(decode_jpeg(data, "RGB"))
    except ValueError:  # CMYK
        return Image.open(io.BytesIO(data)).convert("RGB")


_DECODERS: dict[str, Callable[[str], Image.Image]] = {"pillow": _pillow, "simplejpeg": _simplejpeg}
