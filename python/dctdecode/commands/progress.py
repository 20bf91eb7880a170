"""How far the work of a command is."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Any

__all__ = ["progress"]

_WIDTH = 30  # characters of the plain bar
_EVERY_S = 0.1


def progress(what: str, unit: str) -> Callable[[Sequence[Any]], Iterable[Any]]:
    """A bar on stderr where somebody looks: tqdm's where that is installed, else a plain one."""
    try:
        tqdm = import_module("tqdm").tqdm
    except ImportError:
        return partial(_plain, what, unit)
    # Its default is also a lock between processes, a semaphore that the system keeps if this one is killed.
    tqdm.set_lock(threading.RLock())
    # disable=None: no bar where stderr is no terminal
    return lambda items: tqdm(items, desc=what, unit=unit, leave=False, disable=None)


def _plain(what: str, unit: str, items: Sequence[Any]) -> Iterator[Any]:
    """One line, written over and over, and gone in the end."""
    if not sys.stderr.isatty():
        yield from items
        return
    shown_at, longest = -_EVERY_S, 0
    try:
        for done, item in enumerate(items):
            now = time.monotonic()
            if now - shown_at >= _EVERY_S:
                bar = "#" * (_WIDTH * done // len(items))
                line = f"{what}: [{bar:<{_WIDTH}}] {done}/{len(items)} {unit}s"
                shown_at, longest = now, max(longest, len(line))
                sys.stderr.write("\r" + line)
                sys.stderr.flush()
            yield item
    finally:
        if longest:
            sys.stderr.write("\r" + " " * longest + "\r")
            sys.stderr.flush()
