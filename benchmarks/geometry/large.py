"""Large files as a whole to 24 x 56 x 56: one ratio a file, and the median of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import contenders
from boxes import Box
from dctdecode.bench.corpus import Photo
from shared.table import line, ratio

__all__ = ["as_markdown", "measure"]

_AGAINST = {"opencv": "simplejpeg + OpenCV, full decode", "opencv reduced": "OpenCV's reduced decode"}


def measure(photos: Sequence[Photo], rounds: int) -> list[dict[str, Any]]:
    """A record a file; in every round the contenders take turns on it."""
    calls = contenders.whole()
    records = []
    for photo in photos:
        task = (photo.data, Box(0, 0, photo.height, photo.width))
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(rounds):
            for name, call in calls.items():
                start = time.perf_counter()
                call(task)
                seconds[name].append(time.perf_counter() - start)
        megapixels = photo.height * photo.width / 1e6
        records.append({"path": photo.path, "group": photo.group, "megapixels": megapixels, "seconds": seconds})
    return records


def as_markdown(records: Sequence[dict[str, Any]]) -> str:
    """Progressive files apart: libjpeg-turbo decodes them for all."""
    groups = {
        "baseline": [r for r in records if r["group"] != "progressive"],
        "progressive": [r for r in records if r["group"] == "progressive"],
    }
    groups = {group: mine for group, mine in groups.items() if mine}
    lines = [
        "**large**: `read(bytes, 24, size=448, normalize=)`, the whole image; medians of the files' own ratios",
        "",
        line("against", *(f"{group} ({len(mine)} files)" for group, mine in groups.items())),
        "|---" * (1 + len(groups)) + "|",
    ]
    for name, against in _AGAINST.items():
        cells = []
        for mine in groups.values():
            ratios = sorted(ratio(r["seconds"]["read 24"], r["seconds"][name]) for r in mine)
            cells.append(f"{median(ratios):.2f}x ({ratios[0]:.2f} to {ratios[-1]:.2f})")
        lines.append(line(against, *cells))
    return "\n".join(lines) + "\n"
