"""How far the work of a command is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any

__all__ = ["progress"]


def progress(what: str, unit: str) -> Callable[[Sequence[Any]], Iterable[Any]]:
    """A bar on stderr where tqdm is installed and somebody looks, else nothing."""
    try:
        tqdm = import_module("tqdm").tqdm
    except ImportError:
        return iter
    # disable=None: no bar where stderr is no terminal
    return lambda items: tqdm(items, desc=what, unit=unit, leave=False, disable=None)
