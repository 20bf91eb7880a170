"""Runs prune_tree again and again, kills it (SIGKILL) at random moments, and looks at what each kill left.

usage: python prune_kills.py SOURCE TARGET EXPECTED KILLS

SOURCE is pruned into TARGET; EXPECTED is the same by a run that nobody disturbed. Children are forked, so that
the kills do not wait for imports. Prints how many kills fell into a run at work, and how many unfinished files
they left.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from dctdecode.trees import PruneOptions, prune_tree
from dctdecode.trees.atomic import is_leftover
from dctdecode.trees.manifest import is_manifest


def main(source: Path, target: Path, expected: Path, kills: int) -> None:
    whole = {path: data for path, data in files_of(expected).items() if not is_manifest(path.name)}
    before = files_of(source)
    draw = random.Random(0)
    started = time.perf_counter()
    run(source, target)
    longest = time.perf_counter() - started
    shutil.rmtree(target)
    hits = leftovers = done = 0
    while hits < kills:
        killed = run(source, target, draw.uniform(0, longest))
        found = files_of(target) if target.exists() else {}
        unfinished = [path for path in found if is_leftover(path.name)]
        final = {p: d for p, d in found.items() if not is_leftover(p.name) and not is_manifest(p.name)}
        assert all(whole[path] == data for path, data in final.items()), "a broken file"
        assert files_of(source) == before, "the source was touched"
        assert len(final) >= done, "a file was lost"
        hits += killed
        leftovers += len(unfinished)
        done = len(final)
        if not killed:
            assert final == whole, "not all was done"
            assert not unfinished, unfinished
            shutil.rmtree(target)
            done = 0
    run(source, target)
    assert {p: d for p, d in files_of(target).items() if not is_manifest(p.name)} == whole
    print(hits, leftovers)  # noqa: T201


def run(source: Path, target: Path, seconds: float | None = None) -> bool:
    """One run in a process of its own, killed after so many seconds. Whether it was still at work then."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            prune_tree(source, target, PruneOptions(24), threads=3, sample=0)
            os._exit(0)
        os._exit(1)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0, "a run failed"
    return False


def files_of(root: Path) -> dict[Path, bytes]:
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), int(sys.argv[4]))
