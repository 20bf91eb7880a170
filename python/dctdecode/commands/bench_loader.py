"""Measure whole loaders on your own JPEGs: files on disk to batches in memory. DCTLoader, read_batch alone and
a plain DataLoader over DCTImageFolder, against DataLoaders over Pillow (what ImageFolder does), simplejpeg, OpenCV
and torchvision, a pool of threads, and SPDL, FFCV and DALI, as far as they are installed here.

All read the same files in the same order with the same random crops and flips, each in a process of its own.
What they give is compared before anything is timed. RGB loaders give half of --size: a network on coefficients at
448 px stands for one on pixels at 224 px."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import dctdecode
from dctdecode.bench.corpus import GROUPS, Corpus, find_files, load
from dctdecode.bench.loader.contenders import LOADERS
from dctdecode.bench.loader.measure import make_job, measure
from dctdecode.bench.loader.report import LoaderReport, as_record, as_text
from dctdecode.bench.machine import available_cores, machine
from dctdecode.channels import as_channel_set
from dctdecode.cli import CommandError
from dctdecode.commands.arguments import channels_argument, positive_argument
from dctdecode.commands.progress import progress
from dctdecode.errors import DctDecodeError

EXAMPLES = """\
examples:
  dctdecode bench loader ~/datasets/imagenet/val
  dctdecode bench loader photos/ --group 4:2:0 4:4:4 --max-images 2000 --rounds 9 --json loaders.json
  dctdecode bench loader photos/ --consumer-ms 120       a training step takes 120 ms: who keeps up with it?
  dctdecode bench loader photos/ --only DCTLoader "DataLoader + Pillow" --workers 16 --threads 16

how to read it:
  images/s      the consumer does nothing but ask for the next batch
  waited        with --consumer-ms: the share of the time in which a training step would have stood still. Near 0 %
                the loader is fast enough for this step, and a faster one changes nothing
  CPU ms/image  what is taken from everything else that runs on the machine
  MB a batch    what goes over the bus to the device

Close other programs; the load before and after is in the report. After the first epoch files come from the page
cache: a slow disk is not measured. To have more to compare with: pip install "dctdecode[bench]"
opencv-python-headless. A folder that is called "loader": dctdecode bench ./loader.
The exit code is 1 if an answer of dctdecode itself was wrong.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="FOLDER|FILE", help="where the JPEGs are, searched to the bottom"
    )
    parser.add_argument(
        "--channels",
        type=channels_argument,
        default=as_channel_set(24),
        metavar="PRESET|0,1,64,...",
        help="of the coefficients; with luma's DC, channel 0, by which answers are compared (default: 24)",
    )
    parser.add_argument(
        "--size", type=_size_argument, default=448, metavar="PX", help="of the coefficients' square (default: 448)"
    )
    parser.add_argument("--batch-size", type=positive_argument, default=64, metavar="N", help="(default: 64)")
    cores = available_cores()
    parser.add_argument(
        "--threads", type=positive_argument, default=cores, metavar="N", help="native threads (default: the cores)"
    )
    parser.add_argument(
        "--workers", type=positive_argument, default=cores, metavar="N", help="processes of a DataLoader (same)"
    )
    parser.add_argument(
        "--consumer-ms", type=_time_argument, default=0.0, metavar="MS", help="sleep so long for each batch"
    )
    parser.add_argument(
        "--group", nargs="+", choices=GROUPS, metavar="GROUP", help=f"only these of {', '.join(GROUPS)}"
    )
    names = [contender.name for contender in LOADERS]
    parser.add_argument(
        "--only", nargs="+", choices=names, metavar="LOADER", help=f"only these of {', '.join(names)}"
    )
    parser.add_argument(
        "--max-images", type=positive_argument, default=512, metavar="N", help="most files to draw (default: 512)"
    )
    parser.add_argument(
        "--passes",
        type=positive_argument,
        default=1,
        metavar="N",
        help="times an epoch goes through the files, with other crops each time: few files make short epochs, "
        "in which beginning and end count for much (default: 1)",
    )
    parser.add_argument(
        "--rounds", type=positive_argument, default=5, metavar="N", help="times to measure each (default: 5)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="for files, order and crops (default: 0)")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")


def run(args: argparse.Namespace) -> int:
    if 0 not in args.channels.flat:
        raise CommandError("--channels needs channel 0, luma's DC, by which the answers are compared")
    corpus = _load(args)
    job = make_job(
        corpus.photos,
        passes=args.passes,
        channels=args.channels,
        size=args.size,
        batch_size=args.batch_size,
        threads=args.threads,
        workers=args.workers,
        seed=args.seed,
    )
    before = os.getloadavg()[0]
    results, absent = measure(
        [contender for contender in LOADERS if args.only is None or contender.name in args.only],
        job,
        rounds=args.rounds,
        consumer_s=args.consumer_ms / 1e3,
        checking=progress("checking", "loader"),
        measuring=progress("measuring", "epoch"),
    )
    report = LoaderReport(
        machine(),
        (before, os.getloadavg()[0]),
        args.paths,
        (corpus.found, len(corpus.photos)),
        job,
        args.rounds,
        args.consumer_ms,
        results,
        corpus.unreadable,
        absent,
    )
    sys.stdout.write(as_text(report))
    if args.json:
        Path(args.json).write_text(json.dumps(as_record(report), indent=1) + "\n", "utf-8")
    wrong = [r.contender.name for r in results if r.contender.kind == "ours" and not r.agrees]
    if wrong:
        raise CommandError(f"wrong answers from {', '.join(wrong)}; please report this, with the files")
    return 0


def _load(args: argparse.Namespace) -> Corpus:
    """The files of the wanted groups that can be read to the end; what is wrong with the others."""
    files = find_files(args.paths)
    if not files:
        raise CommandError(f"no JPEG files (.jpg, .jpeg) in {' '.join(args.paths)}")
    corpus = load(files, args.max_images, args.seed)
    photos, unreadable = [], dict(corpus.unreadable)
    for photo in corpus.photos:
        if args.group is not None and photo.group not in args.group:
            continue
        try:
            dctdecode.read(photo.data, args.channels)
        except DctDecodeError as error:
            unreadable[photo.path] = str(error)
        else:
            photos.append(photo)
    if not photos:
        reason = next((f"; {path}: {error}" for path, error in unreadable.items()), "")
        raise CommandError(f"none of {len(files)} files is of use{reason}")
    return Corpus(photos, len(files), unreadable)


def _size_argument(text: str) -> int:
    """A multiple of 16: of 8 for the coefficients, and half of it of 8 for the check of pixels."""
    number = int(text)
    if number < 16 or number % 16:
        raise argparse.ArgumentTypeError(f"{text} is no multiple of 16")
    return number


def _time_argument(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time")
    return number
