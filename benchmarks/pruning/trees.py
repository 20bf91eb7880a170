"""How much a second core brings `prune_tree`, beside what it brings the pruning alone at the same moment.

usage: python benchmarks/pruning/trees.py FOLDER [--target FOLDER] [--rounds N]

The rounds take turns: pruning of all files from memory by 1 thread on one core and by 2 on two, then the whole
tree likewise: more threads than those that prune wait for the disk, so threads alone would not tell cores. The
shortest time of each is printed. Where the first pair is not close to two, others use the machine, and the second
pair says nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dctdecode.trees import PruneOptions, prune_tree

OPTIONS = PruneOptions(24)


def seconds(work: Callable[[int], object], cores: int) -> float:
    """Of work(threads) on so many cores, with a thread for each."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(usable)[-cores:])  # threads that are made now inherit it
    start = time.perf_counter()
    work(cores)
    spent = time.perf_counter() - start
    os.sched_setaffinity(0, usable)
    return spent


def in_memory(images: list[bytes], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(OPTIONS.prune, images))


def tree(source: Path, target: Path, threads: int) -> None:
    prune_tree(source, target, OPTIONS, threads=threads, sample=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--target", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    images = [path.read_bytes() for path in args.source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg")]
    times: dict[tuple[str, int], list[float]] = {}
    for _ in range(args.rounds):
        for threads in (1, 2):
            spent = seconds(lambda count: in_memory(images, count), threads)
            times.setdefault(("in memory", threads), []).append(spent)
        for threads in (1, 2):
            target = Path(tempfile.mkdtemp(dir=args.target))
            spent = seconds(lambda count, target=target: tree(args.source, target, count), threads)
            times.setdefault(("tree", threads), []).append(spent)
            shutil.rmtree(target)
    sys.stdout.write(f"{len(images)} images, load {os.getloadavg()[0]:.1f}\n")
    for what in ("in memory", "tree"):
        one, two = (1000 * min(times[what, threads]) / len(images) for threads in (1, 2))
        sys.stdout.write(f"{what:<10} {one:.3f} ms an image, {two:.3f} on two cores: {one / two:.2f}x\n")


if __name__ == "__main__":
    main()
