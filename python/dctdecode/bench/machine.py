"""The machine and the versions that a benchmark ran on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

import dctdecode

__all__ = ["available_cores", "machine"]


def available_cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> dict[str, str | int]:
    """What to know about the machine to judge a figure.

    Example:
        >>> from dctdecode.bench.machine import machine
        >>> sorted(machine())
        ['cores', 'cpu', 'dctdecode', 'libjpeg-turbo', 'python', 'system', 'torch']
    """
    return {
        "cpu": _cpu_model(),
        "cores": available_cores(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "dctdecode": dctdecode.__version__,
        "libjpeg-turbo": dctdecode.__libjpeg_turbo_version__,
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # no Linux
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
