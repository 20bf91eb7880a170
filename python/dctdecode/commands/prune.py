"""Write smaller copies of all JPEGs of a folder: still JPEGs that every decoder opens, with only the coefficients
that matter to a network that reads these channels. What is kept is bit for bit what the file holds.

SRC is a folder, searched to the bottom, or one file. JPEGs in it, and JPEGs in tar archives in it, come to the
same place in the folder DST; other files are copied. SRC is only read. Each file appears in DST whole or not at
all, so a run can be killed and started again: what is done is verified and left alone. What became of each file
is in DST/prune-manifest-0-of-1.jsonl."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from dctdecode.cli import CommandError
from dctdecode.commands.arguments import channels_argument, positive_argument
from dctdecode.trees import Progress, PruneError, PruneOptions, Reading, Summary, prune_tree

EXAMPLES = """\
examples:
  dctdecode prune imagenet/train imagenet-24/train --channels 24
  dctdecode prune train/ train-24/ --channels 24 --dry-run       what it would bring; writes nothing
  dctdecode prune train/ train-24/ --channels 24 --margin 1      with the neighbours that chroma's resampling uses
  dctdecode prune shards/ shards-24/ --channels 24 --on-error copy
  dctdecode prune train/ small/ --channels 64 --size 512 --quality 90     resampled as well
  dctdecode prune train/ train-24/ --channels 24 --num-shards 8 --shard-index 0    one of eight machines
  dctdecode prune train/ train-24/ --channels 24 --engine ray    on a Ray cluster

What pruning keeps and what it costs: docs/pruning.md. Trees, archives and clusters: docs/pruning-trees.md.
For a progress bar: pip install tqdm. The exit code is 1 if a file could not be pruned.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SRC", help="folder or file to read")
    parser.add_argument("target", metavar="DST", help="folder to write to")
    _add_what(parser.add_argument_group("what to keep"))
    run = parser.add_argument_group("how")
    run.add_argument(
        "--on-error",
        choices=("skip", "copy", "raise"),
        default="skip",
        help="images that cannot be pruned (damaged, CMYK): leave them out, copy them as they are, "
        "or stop at the first (default: skip)",
    )
    run.add_argument(
        "--others",
        choices=("copy", "list"),
        default="copy",
        help="files that are no JPEGs by their name: copy them, or only list them in the manifest (default: copy)",
    )
    run.add_argument("--threads", type=positive_argument, metavar="N", help="default: all cores")
    run.add_argument(
        "--num-shards", type=positive_argument, default=1, metavar="N", help="share the work among N processes"
    )
    run.add_argument("--shard-index", type=int, default=0, metavar="I", help="which of them this is, from 0")
    run.add_argument(
        "--engine",
        choices=("threads", "ray"),
        default="threads",
        help="threads of this process, or Ray (needs dctdecode[ray]; SRC and DST are seen by all machines; "
        "--threads: so many tasks at once)",
    )
    run.add_argument("--dry-run", action="store_true", help="only estimate, from a sample; write nothing")
    run.add_argument(
        "--sample",
        type=int,
        default=64,
        metavar="N",
        help="images to estimate from and to measure reading on (default: 64; 0: do not)",
    )
    run.add_argument("--json", metavar="FILE", help="write the summary as JSON, too")


def _add_what(what: Any) -> None:
    what.add_argument(
        "--channels",
        type=channels_argument,
        required=True,
        metavar="CHANNELS",
        help="preset (24, learned-24, ...), flat indices (0,1,64) or a JSON file",
    )
    what.add_argument(
        "--margin", type=int, default=0, metavar="N", help="neighbours to keep, steps in v and u (default: 0)"
    )
    what.add_argument("--size", type=_size, metavar="PX", help="resample to this square, or to HEIGHTxWIDTH")
    what.add_argument("--quality", type=int, metavar="Q", help="of the quantisation after --size (default: 90)")
    what.add_argument(
        "--subsampling", choices=("4:4:4", "4:2:2", "4:2:0"), help="of chroma after --size (default: 4:4:4)"
    )
    what.add_argument(
        "--orientation",
        choices=("keep", "apply"),
        default="keep",
        help="keep the EXIF orientation as a note, or turn the image (default: keep)",
    )
    what.add_argument(
        "--metadata",
        choices=("orientation", "all"),
        default="orientation",
        help="keep only that note, or EXIF, XMP, ICC profile and comments (default: orientation)",
    )
    what.add_argument("--progressive", action="store_true", help="write progressive JPEGs")


def run(args: argparse.Namespace) -> int:
    names = ("channels", "margin", "size", "quality", "subsampling", "orientation", "metadata", "progressive")
    with _Bar() as bar:
        try:
            summary = prune_tree(
                args.source,
                args.target,
                PruneOptions(**{name: getattr(args, name) for name in names}),
                on_error=args.on_error,
                others=args.others,
                engine=args.engine,
                threads=args.threads,
                num_shards=args.num_shards,
                shard_index=args.shard_index,
                sample=args.sample,
                dry_run=args.dry_run,
                progress=bar,
            )
        except (PruneError, ValueError, ImportError) as error:
            raise CommandError(str(error)) from None
    sys.stdout.write(_text(summary))
    for _, what in summary.failures:
        sys.stderr.write(f"dctdecode prune: {what}\n")
    if args.json:
        Path(args.json).write_text(json.dumps(summary.as_record(), indent=1) + "\n", "utf-8")
    return 1 if summary.failed else 0


def _size(text: str) -> int | tuple[int, int]:
    sides = [positive_argument(side) for side in text.split("x")]
    if len(sides) > 2 or any(side % 8 for side in sides):
        raise argparse.ArgumentTypeError(f"{text} is not PX or HEIGHTxWIDTH in multiples of 8")
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


class _Bar(Progress):
    """tqdm's, on stderr, where it is installed and somebody looks."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def start(self, files: int, bytes_total: int) -> None:
        try:
            tqdm = import_module("tqdm").tqdm
        except ImportError:
            return
        # disable=None: no bar where stderr is no terminal
        self._bar = tqdm(
            desc="pruning", total=bytes_total, unit="B", unit_scale=True, leave=False, disable=None, miniters=1
        )

    def advance(self, bytes_done: int) -> None:
        if self._bar is not None:
            self._bar.update(bytes_done)

    def outcome(self, summary: Summary) -> None:
        if self._bar is not None:
            saved = summary.bytes_before - summary.bytes_after
            failed = f", {summary.failed} failed" if summary.failed else ""
            self._bar.set_postfix_str(f"saved {_bytes(saved)} ({_share(summary)}){failed}", refresh=False)


def _text(summary: Summary) -> str:
    files = ", ".join(f"{number:,} {status}" for status, number in sorted(summary.files.items()))
    lines = [("files", files or "none")]
    if summary.verified:
        lines.append(("done before", f"{summary.verified:,}, verified"))
    if summary.estimated:
        lines.append(("sample", f"{summary.images:,} images, {summary.failed} could not be pruned"))
    else:
        lines.append(("images", f"{summary.images:,} pruned, {summary.failed:,} could not be"))
    about = "about " if summary.estimated else ""
    before, after = _bytes(summary.bytes_before), _bytes(summary.bytes_after)
    lines.append(("bytes", f"{before} before, {about}{after} after ({_share(summary)} saved)"))
    lines.append(("time", f"{about}{summary.seconds:,.0f} s"))
    if summary.reading is not None and summary.reading.images:
        lines.append(("reading", _reading(summary.reading)))
    return "".join(f"{label:<12} {value}\n" for label, value in lines)


def _reading(reading: Reading) -> str:
    before, after = (1000 * s / reading.images for s in (reading.seconds_before, reading.seconds_after))
    return (
        f"{before:.3f} ms before, {after:.3f} ms after: {before / after:.2f}x "
        f"({reading.images} images from memory, one thread, these channels)"
    )


def _share(summary: Summary) -> str:
    return f"{1 - summary.bytes_after / summary.bytes_before:.0%}" if summary.bytes_before else "0%"


def _bytes(number: float) -> str:
    if abs(number) < 1000:
        return f"{number:.0f} B"
    power = min(len(str(int(abs(number)))) - 1, 14) // 3
    return f"{number / 1000**power:.1f} {' kMGT'[power]}B"
