"""What the benchmarks of Python calls have in common: arguments, the core, rounds, words about the machine."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dctdecode.bench.contenders import Contender, Decoder
from dctdecode.bench.corpus import Photo
from dctdecode.bench.timing import ALL
from dctdecode.bench.timing import measure as measure_all
from shared.table import Seconds

__all__ = ["ROOT", "add_arguments", "build", "corpora", "footer", "measure", "threads_per_core"]

ROOT = Path(__file__).resolve().parents[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=11, help="times to measure each (default: 11)")
    parser.add_argument("--core", type=int, help="core to run on (default: the last that may be used)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument(
        "--build", type=Path, default=ROOT / "build" / "benchmarks", help="where the C++ part is built"
    )


def build(folder: Path) -> Path:
    """Builds the programs of all benchmarks in `folder`; returns where they are."""
    configure = ["cmake", "-S", str(ROOT), "-B", str(folder), "-DDCTDECODE_BENCHMARKS=ON"]
    for command in (
        [*configure, "-DCMAKE_BUILD_TYPE=Release"],
        ["cmake", "--build", str(folder), "--parallel"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return folder / "benchmarks"


def corpora(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    """The folders of these names in `folder`; if there are none, `folder` itself."""
    named = {name: folder / name for name in names if (folder / name).is_dir()}
    return named or {folder.name: folder}


def measure(taking_part: Mapping[Contender, Decoder], photos: Sequence[Photo], rounds: int) -> Seconds:
    """Seconds an image of each contender and group, round by round, on one thread."""
    seconds: Seconds = {}
    for found in measure_all(dict(taking_part), photos, rounds, [1]):
        if found.group != ALL:
            by_round = [value / found.images for value in found.seconds]
            seconds.setdefault(found.contender.name, {})[found.group] = by_round
    return seconds


def threads_per_core(core: int) -> int:
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


def footer(record: Mapping[str, Any]) -> str:
    """The line that names the machine and the versions."""
    versions = [f"{name} {value}" for name, value in (record["machine"] | record["native"]).items()]
    return (
        f"Medians of {record['rounds']} rounds on core {record['core']} ({record['threads_per_core']} thread(s) "
        f"a core). {'; '.join(versions)}.\n"
    )
