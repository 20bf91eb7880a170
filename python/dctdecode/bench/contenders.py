"""The decoders that are measured: one row each, imported only when they are asked for.

To add one, write a function that imports it and returns a `Decoder`, and give it a row in `CONTENDERS`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions, version
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

import dctdecode

__all__ = ["CONTENDERS", "Contender", "Decoder", "Kind", "load_all", "package_version"]

Kind = Literal["ours", "rgb", "coefficients"]
Pixels = npt.NDArray[np.uint8]  # (height, width, 3), RGB


class Decoder(NamedTuple):
    """An imported decoder.

    Attributes:
        decode: what is timed: prepared source -> result.
        comparable: turns a result into what the checks compare, not timed: RGB `Pixels` (kind "rgb"), a
            tensor of channels or `dctdecode.Planes` ("ours"), or a list of (Hb, Wb, 64) arrays
            ("coefficients").
        prepare: bytes of a file -> what `decode` takes, not timed: the files are in memory beforehand.
    """

    decode: Callable[[Any], Any]
    comparable: Callable[[Any], Any] = lambda result: result
    prepare: Callable[[bytes], Any] = lambda data: data


class Contender(NamedTuple):
    name: str
    kind: Kind
    returns: str  # what the caller gets
    module: str  # by which the version is found, whatever distribution it came in
    load: Callable[[], Decoder]


def load_all(
    contenders: tuple[Contender, ...],
) -> tuple[dict[Contender, Decoder], dict[str, str]]:
    """The decoders that can be imported here, and for each of the others the reason why not."""
    decoders: dict[Contender, Decoder] = {}
    absent: dict[str, str] = {}
    for contender in contenders:
        try:
            decoders[contender] = contender.load()
        except ModuleNotFoundError:
            absent[contender.name] = "not installed"
        # torchvision and torchcodec raise RuntimeError or OSError where their binaries do not fit torch
        except (ImportError, RuntimeError, OSError) as error:
            absent[contender.name] = f"cannot be imported ({str(error).strip().splitlines()[0]})"
    return decoders, absent


@cache
def package_version(module: str) -> str:
    """Version of the distribution that a module came in."""
    names = packages_distributions().get(module)
    return version(names[0]) if names else "of unknown version"


def _read(channels: int) -> Callable[[], Decoder]:
    return lambda: Decoder(lambda data: dctdecode.read(data, channels))


def _planes() -> Decoder:
    return Decoder(dctdecode.read_planes)


def _pillow() -> Decoder:
    from PIL import Image

    def decode(data: bytes) -> Image.Image:
        image = Image.open(io.BytesIO(data))
        if image.mode == "RGB":
            image.load()
            return image
        return image.convert("RGB")

    return Decoder(decode, np.asarray)


def _simplejpeg() -> Decoder:
    decode_jpeg = import_module("simplejpeg").decode_jpeg
    return Decoder(lambda data: decode_jpeg(data, "RGB", strict=False))


def _opencv() -> Decoder:
    cv2 = import_module("cv2")
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION

    def decode(data: npt.NDArray[np.uint8]) -> Pixels:
        image = cv2.imdecode(data, flags)
        if image is None:
            raise ValueError("imdecode gave no image")
        return np.asarray(image, np.uint8)

    return Decoder(decode, lambda image: image[..., ::-1], lambda data: np.frombuffer(data, np.uint8))


def _torchvision() -> Decoder:
    io = import_module("torchvision.io")

    def prepare(data: bytes) -> torch.Tensor:
        return torch.frombuffer(bytearray(data), dtype=torch.uint8)

    return Decoder(lambda data: io.decode_jpeg(data, mode=io.ImageReadMode.RGB), _channels_last, prepare)


def _torchcodec() -> Decoder:
    decode_jpeg = import_module("torchcodec.decoders").decode_jpeg
    return Decoder(lambda data: decode_jpeg(data, mode="RGB"), _channels_last)


def _channels_last(image: torch.Tensor) -> Pixels:
    pixels: Pixels = image.permute(1, 2, 0).numpy()
    return pixels


def _jpeg2dct() -> Decoder:
    return Decoder(import_module("jpeg2dct.numpy").loads)


_OURS = "dctdecode"
CONTENDERS = (
    Contender("dctdecode 24", "ours", "float32 tensor, 24 channels", _OURS, _read(24)),
    Contender("dctdecode 64", "ours", "float32 tensor, 64 channels", _OURS, _read(64)),
    Contender("dctdecode 192", "ours", "float32 tensor, 192 channels", _OURS, _read(192)),
    Contender("dctdecode planes", "ours", "int16 coefficients as stored", _OURS, _planes),
    Contender("Pillow", "rgb", "RGB image", "PIL", _pillow),
    Contender("simplejpeg", "rgb", "RGB array", "simplejpeg", _simplejpeg),
    Contender("OpenCV", "rgb", "BGR array", "cv2", _opencv),
    Contender("torchvision", "rgb", "RGB tensor", "torchvision", _torchvision),
    Contender("torchcodec", "rgb", "RGB tensor", "torchcodec", _torchcodec),
    Contender("jpeg2dct", "coefficients", "int16 coefficients, dequantised", "jpeg2dct", _jpeg2dct),
)
