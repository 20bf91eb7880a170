"""Measure mean and standard deviation of each coefficient over the JPEGs of a data set, for normalize=.

Folders are searched to the bottom, as a tree with one folder a class is. The images are read as for evaluation:
short side resized to 512 px, then the 448 x 448 px in the centre, which is the published geometry of the ResNets.
Use the geometry and the filter that you train with."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from dctdecode.bench.corpus import find_files
from dctdecode.channels import ALL_CHANNELS, as_channel_set
from dctdecode.cli import CommandError
from dctdecode.commands.arguments import channels_argument, positive_argument
from dctdecode.commands.progress import progress
from dctdecode.errors import DctDecodeError
from dctdecode.statistics import Statistics, compute
from dctdecode.transforms import CenterCrop, Compose, Resize

EXAMPLES = """\
examples:
  dctdecode stats ~/datasets/imagenet/train -o mine.json
  dctdecode stats train/ --sample 10000 -o mine.json    10,000 files drawn at random
  dctdecode stats train/ --resize 1024 --crop 896       the published geometry of MobileNetV2
  dctdecode stats train/ --native                       the stored blocks, no resizing
  dctdecode stats train/ --channels learned.json        only those that "dctdecode select" took

then, in Python:
  dctdecode.read("photo.jpg", 24, transform=dctdecode.transforms.recipe("default"), normalize="mine.json")

Files that cannot be read are named on stderr and left out; the exit code is then 1, and the statistics of the
others are written all the same. The progress bar tells the time left, too, where tqdm is installed.
"""

_NAMED_FAILURES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="FOLDER|FILE", help="where the JPEGs are")
    parser.add_argument("-o", "--output", metavar="FILE.json", help="file to write (default: standard output)")
    parser.add_argument(
        "--channels",
        type=channels_argument,
        default=as_channel_set(ALL_CHANNELS),
        metavar="CHANNELS",
        help="what to measure: a preset, flat indices as 0,1,64 or a JSON file (default: all 192)",
    )
    shape = parser.add_argument_group("geometry")
    shape.add_argument(
        "--resize", type=positive_argument, default=512, metavar="PX", help="short side (default: 512)"
    )
    shape.add_argument(
        "--crop", type=_blocks, default=448, metavar="PX", help="side of the centre crop after it (default: 448)"
    )
    instead = shape.add_mutually_exclusive_group()
    instead.add_argument("--size", type=_blocks, metavar="PX", help="instead: the whole image, as a square")
    instead.add_argument("--native", action="store_true", help="instead: every image on its own grid, as stored")
    shape.add_argument(
        "--interpolation",
        choices=("box", "bilinear", "bicubic", "lanczos"),
        default="bilinear",
        help="filter (default: bilinear)",
    )
    shape.add_argument("--no-antialias", action="store_true", help="no wider filter where an image shrinks")
    parser.add_argument("--sample", type=positive_argument, metavar="N", help="draw N files (default: all)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="for drawing the files (default: 0)")
    parser.add_argument(
        "--threads", type=positive_argument, metavar="N", help="default: all cores; changes no digit of the result"
    )
    parser.add_argument(
        "--on-error",
        choices=("skip", "raise"),
        default="skip",
        help="leave out files that cannot be read, or stop at the first (default: skip)",
    )


def run(args: argparse.Namespace) -> int:
    geometry = _geometry(args)
    found = find_files(args.paths)
    files = _drawn(found, args.sample, args.seed)
    if not files:
        raise CommandError(f"no JPEG files (.jpg, .jpeg) in {' '.join(args.paths)}")
    try:
        statistics = compute(
            files,
            channels=args.channels,
            geometry=None if geometry is None else geometry.geometry,
            interpolation=args.interpolation,
            antialias=not args.no_antialias,
            threads=args.threads,
            on_error=args.on_error,
            progress=progress("measuring", "image"),
        )
    except (DctDecodeError, ValueError) as error:  # ValueError: all files failed
        raise CommandError(str(error)) from None
    text = statistics.to_json(
        source=args.paths,
        drawn=None if len(files) == len(found) else {"files": len(found), "seed": args.seed},
        geometry="native grid" if geometry is None else [repr(step) for step in geometry.transforms],
        interpolation=args.interpolation,
        antialias=not args.no_antialias,
    )
    if args.output:
        Path(args.output).write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
    _tell(statistics, args.output)
    return 1 if statistics.failures else 0


def _geometry(args: argparse.Namespace) -> Compose | None:
    """None: the native grid."""
    if args.native:
        return None
    if args.size:
        return Compose([Resize((args.size, args.size))])
    if args.crop > args.resize:
        raise CommandError(f"--crop {args.crop} is larger than the short side, --resize {args.resize}")
    return Compose([Resize(args.resize), CenterCrop(args.crop)])


def _drawn(files: Sequence[Path], number: int | None, seed: int) -> Sequence[Path]:
    """`number` of the files, in the order of their paths."""
    if number is None or number >= len(files):
        return files
    return sorted(random.Random(seed).sample(files, number))


def _tell(statistics: Statistics, output: str | None) -> None:
    """On stderr, what was measured, and what to know before using it."""
    number = len(statistics.channels)
    lines = [f"{statistics.images} images, {statistics.blocks} blocks of each of {number} channels"]
    if statistics.constant:
        channels = ", ".join(map(str, statistics.constant))
        lines.append(f"without any variation, so that their std is written as 1: channels {channels}")
    if statistics.failures:
        number = len(statistics.failures)
        lines.append(f"{number} file{'s' * (number > 1)} failed, left out:")
        lines += [f"  {error}" for _, error in statistics.failures[:_NAMED_FAILURES]]
        more = number - _NAMED_FAILURES
        lines += [f"  and {more} more"] if more > 0 else []
    if output:
        lines.append(f"wrote {output}")
    sys.stderr.writelines(f"dctdecode stats: {line}\n" for line in lines)


def _blocks(text: str) -> int:
    number = positive_argument(text)
    if number % 8:
        raise argparse.ArgumentTypeError(f"{text} is not a multiple of 8")
    return number
