"""The answers of all contenders, before anything is timed.

Ours against the definition (inverse DCT, Pillow's float resize, block DCT: tests/reference), the pixels against
each other, and the published preprocessing against ours without antialias, which it has not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import contenders
import cv2
import dctdecode
import numpy as np
import published
import simplejpeg
from boxes import Box
from dctdecode.bench.contenders import Contender, Decoder
from dctdecode.bench.corpus import Photo
from reference.geometry import Window, channels, components, picture

__all__ = ["readable", "require_right"]

_PX = 448
_PIXEL_TOLERANCE = 1.0  # mean absolute difference over an image, gray levels
_REDUCED_TOLERANCE = 20.0
_EXACT = 1e-5  # of the largest coefficient
_PUBLISHED_DB = 25.0  # of luma: two JPEGs of quality 100 and pixels of 8 bits lie between


def readable(
    taking_part: Mapping[Contender, Decoder], photos: Sequence[Photo], boxes: Mapping[bytes, Box]
) -> tuple[list[Photo], dict[str, str]]:
    """The photos that all can read, and why the others are left out; ends the program where an answer is wrong."""
    kept, left_out = [], {}
    for photo in photos:
        try:
            answers = {
                contender.name: decoder.decode(decoder.prepare(photo.data))
                for contender, decoder in taking_part.items()
            }
        except Exception as error:  # whatever a foreign decoder raises means that it cannot read the file
            left_out[photo.path] = f"{type(error).__name__}: {error}"
            continue
        for problem in _problems(photo, boxes[photo.data], answers):
            raise SystemExit(f"{photo.path}: {problem}")
        kept.append(photo)
    return kept, left_out


def require_right(photos: Sequence[Photo]) -> None:
    """The same for whole images. OpenCV's reduced decode gives other pixels by design: it is held loosely."""
    calls = contenders.whole()
    for photo in photos:
        box = Box(0, 0, photo.height, photo.width)
        answers = {name: call((photo.data, box)) for name, call in calls.items()}
        pixels = {name: contenders.denormalised(answers[name]) for name in ("opencv", "opencv reduced")}
        problem = _off(answers["read 24"], _definition(photo.data, box))
        if np.abs(pixels["opencv"] - _linear(photo.data, box)).mean() > _PIXEL_TOLERANCE:
            problem = problem or "opencv: its pixels are off"
        if np.abs(pixels["opencv"] - pixels["opencv reduced"]).mean() > _REDUCED_TOLERANCE:
            problem = problem or "opencv reduced: its pixels are off"
        if problem:
            raise SystemExit(f"{photo.path}: {problem}")


def _off(result: object, want: np.ndarray) -> str:
    """What is wrong with our normalised channels, if anything is."""
    own = np.asarray(result, np.float64)
    error = np.abs(_unscaled(own) - want[list(dctdecode.channels.as_channel_set(len(own)).flat)]).max()
    return f"read {len(own)}: a coefficient is {error:.2g} off" if error > _EXACT * np.abs(want).max() else ""


def _problems(photo: Photo, box: Box, answers: Mapping[str, object]) -> list[str]:
    problems = []
    want = _definition(photo.data, box)
    problems += [problem for name in ("read 24", "read 192 out") if (problem := _off(answers[name], want))]
    pixels = {name: contenders.denormalised(answers[name]) for name in ("opencv", "torch antialias", "pillow")}
    for one, other in (("torch antialias", pixels["pillow"]), ("opencv", _linear(photo.data, box))):
        difference = np.abs(pixels[one] - other).mean()
        if difference > _PIXEL_TOLERANCE:
            problems.append(f"{one}: pixels are {difference:.2g} gray levels off on average")
    sharp = dctdecode.read(photo.data, 24, size=_PX, crop=box, antialias=False, normalize="dctnet").numpy()
    decibels, _ = published.psnr(*(_unscaled(np.asarray(x))[:16] for x in (sharp, answers["published"])))
    if decibels < _PUBLISHED_DB:
        problems.append(f"published: its luma is {decibels:.1f} dB from ours")
    return problems


def _definition(data: bytes, box: Box) -> np.ndarray:
    planes = dctdecode.read_planes(data)
    info = planes.info
    stored = [planes.component(c) for c in range(info.num_components)]
    parts = components(stored, info.sampling, info.height, info.width)
    windows = []
    for first, count in ((box.top, box.height), (box.left, box.width)):
        start, stop = Fraction(first), Fraction(first + count)
        windows.append(Window(start, stop, start, stop, _PX))
    return channels(picture(parts, *windows), rgb=info.color_space == "RGB")


def _linear(data: bytes, box: Box) -> np.ndarray:
    """Another implementation of OpenCV's linear resize: in float32, by OpenCV's warp at the same centres."""
    image = simplejpeg.decode_jpeg(data, "RGB")[box.top : box.top + box.height, box.left : box.left + box.width]
    place = [(np.arange(224, dtype=np.float32) + 0.5) * px / 224 - 0.5 for px in image.shape[:2]]
    x, y = np.meshgrid(place[1], place[0])
    warped = cv2.remap(image.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped.transpose(2, 0, 1)


def _unscaled(normalised: np.ndarray) -> np.ndarray:
    """Back to coefficients, from the published statistics of these many channels."""
    selection = dctdecode.channels.as_channel_set(len(normalised))
    mean, std = dctdecode.normalization.as_normalization("dctnet", selection)
    return normalised * np.reshape(std, (-1, 1, 1)) + np.reshape(mean, (-1, 1, 1))
