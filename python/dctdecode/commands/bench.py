"""Measure decoding on your own JPEGs: dctdecode at 24, 64 and 192 channels and whole planes, against the RGB
decoders and coefficient readers that are installed here. Every answer is checked before anything is timed;
files that one of the decoders cannot read are named and left out for all.

FOLDER is searched to the bottom. Without any, a photograph that comes with matplotlib or scikit-learn is used:
enough to see that it runs, not to judge by."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dctdecode.bench.check import check
from dctdecode.bench.contenders import CONTENDERS, load_all
from dctdecode.bench.corpus import Corpus, find_files, load, sample_photo
from dctdecode.bench.machine import available_cores, machine
from dctdecode.bench.report import Report, as_record, as_text
from dctdecode.bench.timing import measure
from dctdecode.cli import CommandError
from dctdecode.commands.arguments import positive_argument
from dctdecode.commands.progress import progress

EXAMPLES = """\
examples:
  dctdecode bench ~/datasets/imagenet/val
  dctdecode bench photos/ --max-images 2000 --rounds 9 --json bench.json --plot bench.png
  dctdecode bench photos/ --threads 1 16

To have more to compare with: pip install "dctdecode[bench]" opencv-python-headless. Close other programs, and
trust a difference that is larger than the spread of the rounds (--json has them all).
The exit code is 1 if an answer of dctdecode itself was wrong.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="FOLDER|FILE", help="where the JPEGs are")
    parser.add_argument(
        "--max-images", type=positive_argument, default=250, metavar="N", help="most files to draw (default: 250)"
    )
    parser.add_argument(
        "--rounds", type=positive_argument, default=5, metavar="N", help="times to measure each (default: 5)"
    )
    parser.add_argument(
        "--threads",
        type=positive_argument,
        nargs="+",
        metavar="N",
        help="numbers of Python threads to measure with (default: 1 and the number of cores)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="for drawing the files (default: 0)")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    parser.add_argument("--plot", metavar="PICTURE", help="draw it (needs matplotlib)")


def run(args: argparse.Namespace) -> int:
    if args.plot:
        _figure()  # a missing matplotlib is told now, not after minutes of measuring
    paths = args.paths or [_sample()]
    corpus = _load(paths, args.max_images, args.seed)
    decoders, absent = load_all(CONTENDERS)
    checked = check(decoders, corpus.photos, progress("checking", "file"))
    if not checked.photos:
        path, reason = next(iter(checked.left_out.items()))
        raise CommandError(f"no file that all decoders can read; the first: {path}: {reason}")
    threads = sorted(set(args.threads or (1, available_cores())))
    steps = progress("measuring", "pass")
    measurements = measure(checked.decoders, checked.photos, args.rounds, threads, steps)
    report = Report(machine(), paths, corpus, checked, measurements, absent, args.rounds, args.seed)
    sys.stdout.write(as_text(report))
    if args.json:
        Path(args.json).write_text(json.dumps(as_record(report), indent=1) + "\n", "utf-8")
    if args.plot:
        _plot(report, args.plot)
    wrong = [c.name for c, answers in checked.answers.items() if c.kind == "ours" and not answers.agree]
    if wrong:
        raise CommandError(f"wrong answers from {', '.join(wrong)}; please report this, with the files")
    return 0


def _load(paths: Sequence[str], max_images: int, seed: int) -> Corpus:
    files = find_files(paths)
    if not files:
        raise CommandError(f"no JPEG files (.jpg, .jpeg) in {' '.join(paths)}")
    corpus = load(files, max_images, seed)
    if not corpus.photos:
        path, reason = next(iter(corpus.unreadable.items()))
        raise CommandError(f"none of {len(files)} files can be read; the first: {path}: {reason}")
    return corpus


def _sample() -> str:
    photo = sample_photo()
    if photo is None:
        raise CommandError("name a folder of JPEGs (no sample photograph: matplotlib is not installed)")
    sys.stderr.write(f"no folder given: using {photo}. A figure to judge by needs a folder of your own files.\n")
    return str(photo)


def _figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise CommandError('--plot needs matplotlib: pip install "dctdecode[plot]"') from None
    return Figure()


def _plot(report: Report, path: str) -> None:
    from dctdecode.bench.plot import draw

    try:
        draw(_figure(), report).savefig(path, dpi=150)
    except ValueError as error:  # unknown picture format
        raise CommandError(str(error)) from None
