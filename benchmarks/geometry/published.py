"""How near our channels come to the published preprocessing of DCTNet, which goes through pixels and two JPEGs.

    python benchmarks/geometry/published.py FOLDER --images 100

Replays it (K. Xu et al., "Learning in the Frequency Domain", CVPR 2020, evaluation geometry): decode with OpenCV,
short side to 512 px (bilinear, no antialias), centre 448 px, a second copy enlarged twice, both encoded by
libjpeg-turbo at quality 100 with 4:2:0, luma's coefficients from the one, chroma's from the other. Then reads the
same files with the operator, bilinear, and prints how far the 24 channels are apart: PSNR (RMS of the difference;
the lowest PSNR of a file), each the median over the files.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import dctdecode
import jpeg2dct.numpy
import numpy as np
import simplejpeg
from dctdecode.bench.contenders import Pixels
from dctdecode.bench.corpus import find_files
from dctdecode.geometry import Geometry
from numpy.typing import NDArray

__all__ = ["Channels", "centre", "coefficients", "decode", "psnr", "square24"]

Channels = NDArray[np.float32]  # (C, Hb, Wb)

RESIZED_PX, CROPPED_PX = 512, 448
_PEAK = 255.0  # of pixels: the block DCT is orthonormal, so an RMS over coefficients is one over pixels
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_SQUARE24 = [list(dctdecode.PRESETS[24].flat[a:b]) for a, b in ((0, 16), (16, 20), (20, 24))]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=100, help="files, drawn with a fixed seed (default: 100)")
    args = parser.parse_args(argv)
    files = [path for path in find_files([str(args.folder)]) if dctdecode.info(path).num_components == 3]
    files = sorted(random.Random(0).sample(files, min(args.images, len(files))))
    by_class: dict[str, list[list[float]]] = {}
    for path in files:
        subsampling = dctdecode.info(path).subsampling or "other"
        found = compared(path.read_bytes())
        for name in ("all", subsampling):
            by_class.setdefault(name, []).append(found)
    sys.stdout.write(_table(by_class))
    return 0


def compared(data: bytes) -> list[float]:
    """For both ways to filter: PSNR of Y, Cb, Cr in dB and RMS of their differences in coefficient units."""
    theirs = square24(*coefficients(centre(decode(data))))
    found = []
    for antialias in (False, True):
        ours = dctdecode.read(data, 24, geometry=_centred, antialias=antialias).numpy()
        for part in (slice(0, 16), slice(16, 20), slice(20, 24)):
            found += psnr(ours[part], theirs[part])
    return found


def decode(data: bytes) -> Pixels:
    """BGR."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS), np.uint8)


def centre(image: Pixels) -> Pixels:
    """Short side to 512, centre 448; the long side is cut down to whole px, the crop's place rounded."""
    height, width = image.shape[:2]
    size = _resized(height, width)
    resized = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    top, left = (_offset(px) for px in size)
    return np.asarray(resized[top : top + CROPPED_PX, left : left + CROPPED_PX], np.uint8)


def coefficients(image: Pixels) -> tuple[Channels, Channels, Channels]:
    """Y of the image, Cb and Cr of the image enlarged twice, each (Hb, Wb, 64) with Hb = height / 8."""
    height, width = image.shape[:2]
    twice = cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    encoded = [
        simplejpeg.encode_jpeg(np.ascontiguousarray(x), quality=100, colorspace="BGR", colorsubsampling="420")
        for x in (image, twice)
    ]
    y = jpeg2dct.numpy.loads(encoded[0])[0]
    _, cb, cr = jpeg2dct.numpy.loads(encoded[1])
    return y, cb, cr


def square24(y: Channels, cb: Channels, cr: Channels) -> Channels:
    """The 16 + 4 + 4 published channels, (24, Hb, Wb) float32."""
    parts = zip((y, cb, cr), _SQUARE24, (0, 64, 128), strict=True)
    chosen = [plane[:, :, [i - first for i in flat]] for plane, flat, first in parts]
    return np.ascontiguousarray(np.concatenate(chosen, 2).transpose(2, 0, 1), np.float32)


def psnr(one: Channels, other: Channels) -> tuple[float, float]:
    """(dB, RMS of the difference), over the kept coefficients only, which hold most of the difference."""
    rms = float(np.sqrt(np.mean(np.square(one.astype(np.float64) - other))))
    return 20 * float(np.log10(_PEAK / max(rms, 1e-9))), rms


def _resized(height: int, width: int) -> tuple[int, int]:
    if height < width:
        return RESIZED_PX, int(RESIZED_PX * width / height)
    return int(RESIZED_PX * height / width), RESIZED_PX


def _offset(px: int) -> int:
    return round((px - CROPPED_PX) * 0.5)


def _centred(height: int, width: int) -> Geometry:
    size = _resized(height, width)
    return Geometry.of(height, width).resize(*size).crop(*map(_offset, size), CROPPED_PX, CROPPED_PX)


def _table(by_class: dict[str, list[list[float]]]) -> str:
    lines = [
        "| files | filter | Y | Cb | Cr |",
        "|---|---|---|---|---|",
    ]
    for name, rows in by_class.items():
        found = np.array(rows).reshape(-1, 2, 3, 2)  # files, filters, components, (dB, RMS)
        medians, lowest = np.median(found, 0), found[..., 0].min(0)
        for f, label in enumerate(("as OpenCV's, two samples wide", "antialiased")):
            cells = [
                f"{db:.1f} dB ({rms:.2f}; {low:.1f})" for (db, rms), low in zip(medians[f], lowest[f], strict=True)
            ]
            lines.append(f"| {name} ({len(rows)}) | {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
