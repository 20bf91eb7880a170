"""Processor time and memory of a process and all that it started."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cpu_seconds", "memory_bytes"]

_PROC = Path("/proc")


def cpu_seconds() -> float | None:
    """Of this process, its living children and those that it has waited for. None without /proc."""
    if not _PROC.is_dir():
        return None
    ticks = sum(sum(map(int, _stat(pid)[11:15])) for pid in _tree())
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_bytes() -> int | None:
    """Resident, of this process and its children; a page that several share counts once. None without /proc."""
    return sum(map(_resident, _tree())) if _PROC.is_dir() else None


def _tree() -> list[int]:
    parents = {pid: int(stat[1]) for pid in _pids() if (stat := _stat(pid))}
    found = [os.getpid()]
    for pid in found:  # grows while it is gone through
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def _pids() -> list[int]:
    return [int(path.name) for path in _PROC.iterdir() if path.name.isdecimal()]


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat behind the name: state, parent, ... (proc(5)); zeros where the process has gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 15


def _resident(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
