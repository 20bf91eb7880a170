"""How much faster coefficients are read than libjpeg-turbo reads them, and than simplejpeg decodes to RGB.

    python benchmarks/reading/run.py FOLDER --json reading.json

FOLDER holds `imagenet` (and `large`, reported beside it), or is itself a folder of JPEGs. Answers are checked
before anything is timed. Then the contenders take turns, round by round, on one core; only batches on two
threads may use more. benchmarks/README.md says how to read the table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from dctdecode.bench.check import check
from dctdecode.bench.contenders import Contender, package_version
from dctdecode.bench.corpus import Photo, find_files, groups_of, load
from dctdecode.bench.machine import machine

sys.path.append(str(Path(__file__).resolve().parents[1]))  # benchmarks: for what they share
import batches
import contenders
import native
from rows import ROWS
from shared import session
from shared.table import as_markdown, as_records, line

_CORPORA = ("imagenet", "large")


def main(argv: Sequence[str] | None = None) -> int:
    args = _arguments(argv)
    allowed = os.sched_getaffinity(0)
    core = max(allowed) if args.core is None else args.core
    torch.set_num_threads(1)
    record: dict[str, Any] = {
        "command": ["benchmarks/reading/run.py", *(sys.argv[1:] if argv is None else argv)],
        "rounds": args.rounds,
        "core": core,
        "threads_per_core": session.threads_per_core(core),
        "machine": machine() | {"simplejpeg": package_version("simplejpeg"), "numpy": package_version("numpy")},
        "corpora": {},
    }
    programs = session.build(args.build)
    for name, folder in session.corpora(args.folder, _CORPORA).items():
        photos = load(find_files([str(folder)]), sys.maxsize, 0).photos
        os.sched_setaffinity(0, {core})
        photos = _checked(contenders.on_originals(photos), photos)
        prepared = native.prepared_files(programs, photos)
        contenders.check_prepared(photos, prepared)
        seconds = native.measure(programs, photos, args.rounds, record)
        taking_part = contenders.on_originals(photos) | contenders.on_prepared(prepared)
        seconds |= session.measure(taking_part, photos, args.rounds)
        os.sched_setaffinity(0, allowed)
        if len(allowed) > 1:
            seconds |= batches.measure(photos, args.rounds)
        corpus = _described(photos, prepared)
        record["corpora"][name] = corpus | {"rows": as_records(seconds, ROWS), "seconds_per_image": seconds}
        images = {group: facts["images"] for group, facts in corpus["groups"].items()}
        sys.stdout.write(as_markdown(name, images, seconds, ROWS) + _sizes(corpus["groups"]) + "\n")
    sys.stdout.write(session.footer(record))
    if args.json:
        args.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    session.add_arguments(parser)
    return parser.parse_args(argv)


def _checked(taking_part: Mapping[Contender, Any], photos: Sequence[Photo]) -> Sequence[Photo]:
    """The photos that all can read; ends the program where an answer is wrong."""
    checked = check(dict(taking_part), photos)
    if checked.dropped:
        raise SystemExit(f"cannot take part: {checked.dropped}")
    for path, reason in checked.left_out.items():
        sys.stderr.write(f"left out: {path}: {reason}\n")
    for contender, answers in checked.answers.items():
        if not answers.agree:
            raise SystemExit(f"{contender.name} differs from {answers.against}: {dict(answers.differing)} files")
    return checked.photos


def _described(photos: Sequence[Photo], prepared: Mapping[bytes, bytes]) -> dict[str, Any]:
    return {
        "groups": {
            group: {
                "images": len(mine),
                "bytes": sum(len(photo.data) for photo in mine),
                "prepared_bytes": sum(len(prepared[photo.data]) for photo in mine),
                "pixels": sum(photo.height * photo.width for photo in mine),
            }
            for group, mine in groups_of(photos).items()
        }
    }


def _sizes(groups: Mapping[str, Mapping[str, int]]) -> str:
    sizes = (f"{facts['prepared_bytes'] / facts['bytes']:.0%}" for facts in groups.values())
    return line("size of the prepared files", "originals", *sizes) + "\n"


if __name__ == "__main__":
    sys.exit(main())
