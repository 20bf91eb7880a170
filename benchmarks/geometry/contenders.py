"""What is compared: from the bytes of a file and a box to a normalised float32 tensor for a network."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import cv2
import dctdecode
import numpy as np
import published
import simplejpeg
import torch
from boxes import Box
from dctdecode.bench.contenders import Contender, Decoder, Kind, Pixels
from numpy.typing import NDArray
from PIL import Image

__all__ = ["REDUCED", "cropped", "denormalised", "whole"]

Task: TypeAlias = tuple[bytes, Box]

_OURS_PX, _PIXELS_PX = 448, 224  # 56 x 56 blocks, and the size that RGB networks take
_MEAN = np.array([123.675, 116.28, 103.53], np.float32)  # torchvision's, RGB, in gray levels
_STD = np.array([58.395, 57.12, 57.375], np.float32)
_INV, _OFFSET = 1 / _STD, -_MEAN / _STD
REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


def cropped(boxes: Mapping[bytes, Box]) -> dict[Contender, Decoder]:
    """A random-resized crop of each file: ours to 56 x 56 blocks, pixels to 224 x 224."""
    memory = torch.empty(192, 56, 56)

    def row(name: str, kind: Kind, call: Callable[[Task], object]) -> tuple[Contender, Decoder]:
        return Contender(name, kind, name, "", lambda: decoder), (
            decoder := Decoder(call, prepare=lambda data: (data, boxes[data]))
        )

    return dict(
        (
            row("read 24", "ours", lambda task: _read(task, 24, None)),
            row("opencv", "rgb", _opencv),
            row("torch antialias", "rgb", _torch),
            row("pillow", "rgb", _pillow),
            row("read 192 out", "ours", lambda task: _read(task, 192, memory)),
            row("published", "coefficients", _published),
        )
    )


def whole() -> dict[str, Callable[[Task], object]]:
    """Large files as a whole: the box is the image. Not one of them keeps the aspect ratio."""
    return {
        "read 24": lambda task: _read_whole(task[0]),
        "opencv": _opencv,
        "opencv reduced": _opencv_reduced,
    }


def _read(task: Task, channels: int, out: torch.Tensor | None) -> torch.Tensor:
    data, box = task
    return dctdecode.read(data, channels, size=_OURS_PX, crop=box, normalize="dctnet", out=out)


def _read_whole(data: bytes) -> torch.Tensor:
    return dctdecode.read(data, 24, size=_OURS_PX, normalize="dctnet")


def _opencv(task: Task) -> NDArray[np.float32]:
    """simplejpeg, then OpenCV's bilinear resize, whose taps are two samples apart at any scale."""
    data, box = task
    return _normalised(_resized_linear(_cut(simplejpeg.decode_jpeg(data, "RGB"), box)))


def _opencv_reduced(task: Task) -> NDArray[np.float32]:
    """libjpeg-turbo's reduced inverse DCT, the smallest that is not below the result's size."""
    data, box = task
    step = max((k for k in REDUCED if min(box.height, box.width) >= k * _PIXELS_PX), default=1)
    flags = REDUCED.get(step, cv2.IMREAD_COLOR) | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    return _normalised(_resized_linear(np.asarray(image, np.uint8)), order=(2, 1, 0))


def _torch(task: Task) -> torch.Tensor:
    """simplejpeg, then torch's antialiased resize of uint8, which has vector kernels of its own."""
    data, box = task
    image = torch.from_numpy(_cut(simplejpeg.decode_jpeg(data, "RGB"), box)).permute(2, 0, 1)
    size = (_PIXELS_PX, _PIXELS_PX)
    resized = torch.nn.functional.interpolate(image[None], size, mode="bilinear", antialias=True)[0]
    return resized.contiguous().float().mul_(_COLUMN_INV).add_(_COLUMN_OFFSET)


_COLUMN_INV, _COLUMN_OFFSET = (torch.from_numpy(x).reshape(3, 1, 1) for x in (_INV, _OFFSET))


def _pillow(task: Task) -> NDArray[np.float32]:
    data, box = task
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image = image.crop((box.left, box.top, box.left + box.width, box.top + box.height))
    resized = image.resize((_PIXELS_PX, _PIXELS_PX), Image.Resampling.BILINEAR)
    return _normalised(np.asarray(resized))


def _published(task: Task) -> NDArray[np.float32]:
    data, box = task
    image = np.ascontiguousarray(_cut(published.decode(data), box))
    resized = cv2.resize(image, (_OURS_PX, _OURS_PX), interpolation=cv2.INTER_LINEAR)
    found = published.square24(*published.coefficients(np.asarray(resized, np.uint8)))
    found -= _DCTNET[0]
    found *= _DCTNET[1]
    return found


def _dctnet() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and 1/std of the 24 channels, each (24, 1, 1)."""
    selection = dctdecode.channels.as_channel_set(24)
    found = dctdecode.normalization.as_normalization("dctnet", selection)
    assert found is not None
    mean, std = (np.array(x, np.float32).reshape(-1, 1, 1) for x in found)
    return mean, 1 / std


_DCTNET = _dctnet()


def denormalised(result: NDArray[np.float32] | torch.Tensor) -> NDArray[np.float64]:
    """(3, H, W) back to gray levels."""
    values = np.asarray(result, np.float64)
    return values * _STD[:, None, None] + _MEAN[:, None, None]


def _cut(image: Pixels, box: Box) -> Pixels:
    return image[box.top : box.top + box.height, box.left : box.left + box.width]


def _resized_linear(image: Pixels) -> Pixels:
    resized = cv2.resize(image, (_PIXELS_PX, _PIXELS_PX), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def _normalised(image: Pixels, order: Sequence[int] = (0, 1, 2)) -> NDArray[np.float32]:
    """uint8 HWC to float32 CHW in RGB; by far the fastest of the ways that numpy, OpenCV and torch offer."""
    result = np.empty((3, *image.shape[:2]), np.float32)
    planes = cv2.split(image)
    for c, source in enumerate(order):
        np.multiply(planes[source], _INV[c], out=result[c])
        result[c] += _OFFSET[c]
    return result
