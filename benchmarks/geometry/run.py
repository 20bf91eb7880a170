"""How much faster tensors of a fixed size come from coefficients than through pixels.

    python benchmarks/geometry/run.py FOLDER --json geometry.json

FOLDER holds `imagenet` (random-resized crops) and `large` (whole images), or is itself a folder of JPEGs, taken as
imagenet is. Answers are checked before anything is timed; then the contenders take turns, round by round, on one
core. benchmarks/README.md says how to read the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import torch
from dctdecode.bench.contenders import package_version
from dctdecode.bench.corpus import Photo, find_files, groups_of, load
from dctdecode.bench.machine import machine

sys.path.append(str(Path(__file__).resolve().parents[1]))  # benchmarks: for what they share
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))  # for the reference in numpy
import boxes
import check
import contenders
import large
import native
from rows import CROPPED
from shared import session
from shared.table import as_markdown, as_records


def main(argv: Sequence[str] | None = None) -> int:
    args = _arguments(argv)
    core = max(os.sched_getaffinity(0)) if args.core is None else args.core
    programs = session.build(args.build)
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    modules = ("simplejpeg", "cv2", "PIL", "jpeg2dct", "numpy")
    record: dict[str, Any] = {
        "command": ["benchmarks/geometry/run.py", *(sys.argv[1:] if argv is None else argv)],
        "rounds": args.rounds,
        "core": core,
        "threads_per_core": session.threads_per_core(core),
        "machine": machine() | {name: package_version(name) for name in modules},
        "native": {},
    }
    for name, folder in session.corpora(args.folder, ("imagenet", "large")).items():
        photos = load(find_files([str(folder)]), args.images or sys.maxsize, 0).photos
        if name == "large":
            check.require_right(photos)
            record["large"] = large.measure(photos, args.rounds)
            sys.stdout.write(large.as_markdown(record["large"]) + "\n")
        else:
            sys.stdout.write(_cropped(name, photos, args.rounds, record) + "\n")
            record["operator"] = native.measure(programs, photos, args.rounds, record["native"])
            sys.stdout.write(native.as_markdown(record["operator"]) + "\n")
    sys.stdout.write(session.footer(record))
    if args.json:
        args.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    session.add_arguments(parser)
    parser.add_argument("--images", type=int, help="at most so many files of each folder, drawn with a fixed seed")
    return parser.parse_args(argv)


def _cropped(name: str, photos: Sequence[Photo], rounds: int, record: dict[str, Any]) -> str:
    drawn = boxes.drawn(photos)
    taking_part = contenders.cropped(drawn)
    kept, left_out = check.readable(taking_part, photos, drawn)
    for path, reason in left_out.items():
        sys.stderr.write(f"left out: {path}: {reason}\n")
    seconds = session.measure(taking_part, kept, rounds)
    images = {group: len(mine) for group, mine in groups_of(kept).items()}
    record[name] = {"images": images, "rows": as_records(seconds, CROPPED), "seconds_per_image": seconds}
    return as_markdown(name, images, seconds, CROPPED)


if __name__ == "__main__":
    sys.exit(main())
