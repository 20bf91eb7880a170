"""What pruning costs and saves: the numbers for a user's decision; plot.py draws them.

    python benchmarks/pruning/decision.py FOLDER --images 200 --json decision.json

For 6, 24, 48, 64 and 192 channels: bytes kept, PSNR and SSIM of the picture that any decoder shows, and how much
faster the channels are read. For margins 0 to 3: what the resampling operator misses of the dropped frequencies.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import cv2
import dctdecode
import numpy as np
import numpy.typing as npt
import simplejpeg
from dctdecode.bench.corpus import Photo, find_files, groups_of, load

_CHANNELS = (6, 24, 48, 64, 192)
_MARGINS = range(4)
_SIZES = (None, 448, 224)  # None: the native grid
_STD = json.loads((Path(dctdecode.__file__).parent / "stats" / "imagenet.json").read_text("utf-8"))["std"]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=200, help="drawn at random, the same ones every time")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args(argv)
    photos = load(find_files([str(args.folder)]), args.images, 0).photos
    groups = {group: mine for group, mine in groups_of(photos).items() if group in ("4:2:0", "4:4:4")}
    record = {
        group: {
            "images": len(mine),
            "channels": {k: _of_channels(mine, k) for k in _CHANNELS},
            "margins": {m: _of_margin(mine, m) for m in _MARGINS},
        }
        for group, mine in groups.items()
    }
    _print(record)
    if args.json:
        args.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


def _of_channels(photos: Sequence[Photo], channels: int) -> dict[str, float]:
    pruned = [dctdecode.prune(photo.data, channels) for photo in photos]
    pairs = [
        (simplejpeg.decode_jpeg(photo.data), simplejpeg.decode_jpeg(jpeg))
        for photo, jpeg in zip(photos, pruned, strict=True)
    ]
    whole = [photo.data for photo in photos]
    return {
        "bytes": sum(map(len, pruned)) / sum(map(len, whole)),
        "psnr_db": mean(min(_psnr(a, b), 99.0) for a, b in pairs),
        "ssim": mean(_ssim(a, b) for a, b in pairs),
        "read_speedup": _ratio(lambda data: dctdecode.read(data, channels), whole, pruned),
        "rgb_speedup": _ratio(simplejpeg.decode_jpeg, whole, pruned),
    }


def _ratio(read: Callable[[bytes], object], whole: Sequence[bytes], pruned: Sequence[bytes]) -> float:
    """Time of all whole files over that of the pruned ones: the median of rounds in turns."""
    ratios = []
    for _ in range(5):
        times = []
        for files in (whole, pruned):
            start = time.perf_counter()
            for data in files:
                read(data)
            times.append(time.perf_counter() - start)
        ratios.append(times[0] / times[1])
    return sorted(ratios)[2]


def _psnr(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    error = np.square(a.astype(np.float64) - b).mean()
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def _ssim(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    """Of luma; Wang, Bovik, Sheikh, Simoncelli 2004: Gaussian window of 11 x 11, sigma 1.5."""
    x, y = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64) for image in (a, b))

    def blur(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5))

    mx, my = blur(x), blur(y)
    vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float((((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())


def _of_margin(photos: Sequence[Photo], margin: int) -> dict[str, Any]:
    """RMS of what reading 24 channels gives off the unpruned file's, in units and in the channels' own std."""
    pruned = [dctdecode.prune(photo.data, 24, margin=margin) for photo in photos]
    flat = list(dctdecode.PRESETS[24].flat)
    std = np.asarray(_STD)[flat]
    found: dict[str, Any] = {"bytes": sum(map(len, pruned)) / sum(len(photo.data) for photo in photos)}
    for size in _SIZES:
        squares, count = np.zeros(24), 0
        for photo, jpeg in zip(photos, pruned, strict=True):
            error = dctdecode.read(jpeg, 24, size=size) - dctdecode.read(photo.data, 24, size=size)
            squares += error.double().square().sum((1, 2)).numpy()
            count += error[0].numel()
        rms = np.sqrt(squares / count)
        for name, part in (("luma", slice(0, 16)), ("chroma", slice(16, 24))):
            found[f"{size or 'native'} {name} units"] = float(np.sqrt(np.square(rms[part]).mean()))
            found[f"{size or 'native'} {name} of std"] = float((rms[part] / std[part]).max())
    return found


def _print(record: dict[str, Any]) -> None:
    for group, facts in record.items():
        for kind in ("channels", "margins"):
            names = list(next(iter(facts[kind].values())))
            sys.stdout.write(f"\n{group}, {facts['images']} files\n\n")
            sys.stdout.write(f"| {kind} | " + " | ".join(names) + " |\n" + "|---" * (1 + len(names)) + "|\n")
            for key, values in facts[kind].items():
                sys.stdout.write(f"| {key} | " + " | ".join(f"{values[name]:.4g}" for name in names) + " |\n")


if __name__ == "__main__":
    sys.exit(main())
