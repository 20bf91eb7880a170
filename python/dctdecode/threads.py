"""How many threads this process may use."""

from __future__ import annotations

import operator
import os

__all__ = ["resolve_threads"]


def resolve_threads(threads: int | None) -> int:
    """``None``: the cores this process may run on, shared among the processes of a node (LOCAL_WORLD_SIZE,
    as torchrun sets it). OMP_NUM_THREADS is not asked: torchrun sets it to 1 for reasons of its own.

    Raises:
        ValueError: not a positive integer or ``None``.
    """
    if threads is None:
        try:
            cores = len(os.sched_getaffinity(0))
        except AttributeError:  # macOS
            cores = os.cpu_count() or 1
        return max(1, cores // _local_world_size())
    count = 0 if isinstance(threads, bool) or not hasattr(threads, "__index__") else operator.index(threads)
    if count < 1:
        raise ValueError(f"threads must be a positive integer or None (all usable cores), got {threads!r}")
    return count


def _local_world_size() -> int:
    text = os.environ.get("LOCAL_WORLD_SIZE", "1")
    return int(text) if text.isdecimal() and int(text) > 0 else 1
