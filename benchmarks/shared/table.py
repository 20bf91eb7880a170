"""What is compared with what, and the table of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple, TypeAlias

__all__ = ["Row", "Seconds", "as_markdown", "as_records", "line", "ratio"]

# Contender -> group -> seconds an image, one figure for each round.
Seconds: TypeAlias = dict[str, dict[str, list[float]]]


class Row(NamedTuple):
    what: str
    against: str
    ours: str  # contender
    theirs: str  # contender


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times faster we are: the median over rounds, each a pair of passes over the same files."""
    return median(their / our for our, their in zip(ours, theirs, strict=True))


def as_records(seconds: Seconds, rows: Sequence[Row]) -> list[dict[str, Any]]:
    records = []
    for row in rows:
        ours, theirs = seconds.get(row.ours, {}), seconds.get(row.theirs, {})
        for group in ours:
            record = {
                "what": row.what,
                "against": row.against,
                "group": group,
                "ratio": ratio(ours[group], theirs[group]),
                "ours_ms": 1e3 * median(ours[group]),
                "theirs_ms": 1e3 * median(theirs[group]),
            }
            records.append(record)
    return records


def as_markdown(name: str, images: Mapping[str, int], seconds: Seconds, rows: Sequence[Row]) -> str:
    """One column a sampling class of so many images: ratio (our ms an image / theirs)."""
    found = {(r["what"], r["against"], r["group"]): r for r in as_records(seconds, rows)}
    lines = [
        f"**{name}**",
        "",
        line("what", "against", *(f"{group} ({count} files)" for group, count in images.items())),
        "|---" * (2 + len(images)) + "|",
    ]
    for row in rows:
        cells = [found.get((row.what, row.against, group)) for group in images]
        lines.append(line(row.what, row.against, *(_cell(cell) if cell else "" for cell in cells)))
    return "\n".join(lines) + "\n"


def line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(record: Mapping[str, Any]) -> str:
    return f"{record['ratio']:.2f}x ({record['ours_ms']:.3f} / {record['theirs_ms']:.3f})"
