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
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import batches
import contenders
import native
import torch
from dctdecode.bench.check import check
from dctdecode.bench.contenders import Contender, package_version
from dctdecode.bench.corpus import Photo, find_files, groups_of, load
from dctdecode.bench.machine import machine
from dctdecode.bench.timing import ALL, measure
from table import ROWS, Seconds, as_markdown, as_records

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
        "threads_per_core": _threads_per_core(core),
        "machine": machine() | {"simplejpeg": package_version("simplejpeg"), "numpy": package_version("numpy")},
        "corpora": {},
    }
    programs = native.build(args.build)
    for name, folder in _corpora(args.folder).items():
        photos = load(find_files([str(folder)]), sys.maxsize, 0).photos
        os.sched_setaffinity(0, {core})
        photos = _checked(contenders.on_originals(photos), photos)
        prepared = native.prepared_files(programs, photos)
        contenders.check_prepared(photos, prepared)
        seconds = native.measure(programs, photos, args.rounds, record)
        taking_part = contenders.on_originals(photos) | contenders.on_prepared(prepared)
        seconds |= _measured(taking_part, photos, args.rounds)
        os.sched_setaffinity(0, allowed)
        if len(allowed) > 1:
            seconds |= batches.measure(photos, args.rounds)
        corpus = _described(photos, prepared)
        record["corpora"][name] = corpus | {"rows": as_records(seconds), "seconds_per_image": seconds}
        sys.stdout.write(as_markdown(name, corpus["groups"], seconds, ROWS) + "\n")
    sys.stdout.write(_footer(record))
    if args.json:
        args.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=11, help="times to measure each (default: 11)")
    parser.add_argument("--core", type=int, help="core to run on (default: the last that may be used)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument(
        "--build", type=Path, default=native.ROOT / "build" / "benchmarks", help="where the C++ part is built"
    )
    return parser.parse_args(argv)


def _corpora(folder: Path) -> dict[str, Path]:
    named = {name: folder / name for name in _CORPORA if (folder / name).is_dir()}
    return named or {folder.name: folder}


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


def _measured(taking_part: Mapping[Contender, Any], photos: Sequence[Photo], rounds: int) -> Seconds:
    seconds: Seconds = {}
    for found in measure(dict(taking_part), photos, rounds, [1]):
        if found.group != ALL:
            by_round = [value / found.images for value in found.seconds]
            seconds.setdefault(found.contender.name, {})[found.group] = by_round
    return seconds


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


def _threads_per_core(core: int) -> int:
    """More than 1 where two of the machine's cores are halves of one, which two threads then share."""
    siblings = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    try:
        return len(list(_cores(siblings.read_text("utf-8").strip())))
    except OSError:
        return 1


def _cores(ranges: str) -> Iterable[int]:
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _footer(record: Mapping[str, Any]) -> str:
    versions = [f"{name} {value}" for name, value in (record["machine"] | record["native"]).items()]
    return (
        f"Medians of {record['rounds']} rounds on core {record['core']} ({record['threads_per_core']} thread(s) "
        f"a core). {'; '.join(versions)}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
