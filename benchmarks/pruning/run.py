"""How much faster JPEGs are pruned than jpegtran optimises them, and encoded than libjpeg-turbo does it in full.

    python benchmarks/pruning/run.py FOLDER --json pruning.json

FOLDER holds `imagenet`, or is itself a folder of JPEGs. Answers are checked before anything is timed. Then the
contenders take turns, round by round, on one core. benchmarks/README.md says how to read the table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dctdecode
import numpy as np
import simplejpeg
from dctdecode.bench.contenders import package_version
from dctdecode.bench.corpus import Photo, find_files, groups_of, load
from dctdecode.bench.machine import machine

sys.path.append(str(Path(__file__).resolve().parents[1]))  # benchmarks: for what they share
from rows import ROWS
from shared import session
from shared.table import Seconds, as_markdown, as_records

_QUALITY = 90  # as in native.cpp
_GROUPS = {"4:2:0": "420", "4:4:4": "444", "4:2:2": "422"}  # simplejpeg's words


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    session.add_arguments(parser)
    parser.add_argument("--images", type=int, default=sys.maxsize, help="fewer files, for a try")
    args = parser.parse_args(argv)
    core = max(os.sched_getaffinity(0)) if args.core is None else args.core
    programs = session.build(args.build)
    os.sched_setaffinity(0, {core})
    record: dict[str, Any] = {
        "command": ["benchmarks/pruning/run.py", *(sys.argv[1:] if argv is None else argv)],
        "rounds": args.rounds,
        "core": core,
        "threads_per_core": session.threads_per_core(core),
        "machine": machine() | {"simplejpeg": package_version("simplejpeg")},
        "corpora": {},
    }
    for name, folder in session.corpora(args.folder, ("imagenet",)).items():
        found = load(find_files([str(folder)]), args.images, 0).photos
        photos = [photo for photo in found if photo.group in _GROUPS]
        _require_right(photos)
        seconds = _native(programs, photos, args.rounds, record)
        seconds |= _python(photos, args.rounds)
        record["corpora"][name] = {"rows": as_records(seconds, ROWS), "seconds_per_image": seconds}
        images = {group: len(mine) for group, mine in groups_of(photos).items()}
        sys.stdout.write(as_markdown(name, images, seconds, ROWS) + "\n")
    sys.stdout.write(session.footer(record))
    if args.json:
        args.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


def _require_right(photos: Sequence[Photo]) -> None:
    """The package's answers; the program checks its own."""
    for photo in photos:
        stored, pruned = dctdecode.read_planes(photo.data), dctdecode.read_planes(dctdecode.prune(photo.data, 24))
        for c, side in enumerate((4, 2, 2)):
            if not np.array_equal(stored.quantized(c)[..., :side, :side], pruned.quantized(c)[..., :side, :side]):
                raise SystemExit(f"{photo.path}: other coefficients")
            if pruned.quantized(c)[..., side:, :].any() or pruned.quantized(c)[..., side:].any():
                raise SystemExit(f"{photo.path}: coefficients that were to go")


def _native(programs: Path, photos: Sequence[Photo], rounds: int, record: dict[str, Any]) -> Seconds:
    lines = "".join(f"{photo.group}\n{photo.path}\n" for photo in photos)
    command = [str(programs / "pruning_native"), str(rounds)]
    done = subprocess.run(command, input=lines, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed")
    found: Mapping[str, Any] = json.loads(done.stdout)
    record["native"] = {"compiler": found["compiler"], "its libjpeg-turbo": found["libjpeg-turbo"]}
    seconds: Seconds = {}
    for group, by_contender in found["seconds"].items():
        for contender, values in by_contender.items():
            seconds.setdefault(contender, {})[group] = values
    return seconds


def _python(photos: Sequence[Photo], rounds: int) -> Seconds:
    """Calls of the package and of simplejpeg, in turns."""
    pixels = {photo.path: simplejpeg.decode_jpeg(photo.data) for photo in photos}

    def ours(photo: Photo) -> bytes:
        return dctdecode.encode(pixels[photo.path], 24, _QUALITY, photo.group)

    def theirs(photo: Photo, fast: bool) -> bytes:
        return simplejpeg.encode_jpeg(pixels[photo.path], _QUALITY, "RGB", _GROUPS[photo.group], fastdct=fast)

    contenders: dict[str, Callable[[Photo], object]] = {
        "python prune 24": lambda photo: dctdecode.prune(photo.data, 24),
        "python encode 24": ours,
        "simplejpeg": lambda photo: theirs(photo, False),
        "simplejpeg fast": lambda photo: theirs(photo, True),
    }
    seconds: Seconds = {name: {} for name in contenders}
    for _ in range(rounds):
        for group, mine in groups_of(photos).items():
            for name, call in contenders.items():
                start = time.perf_counter()
                for photo in mine:
                    call(photo)
                seconds[name].setdefault(group, []).append((time.perf_counter() - start) / len(mine))
    return seconds


if __name__ == "__main__":
    sys.exit(main())
