"""What is compared with what, and the table of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple, TypeAlias

__all__ = ["ROWS", "Row", "Seconds", "as_markdown", "as_records", "ratio"]

# Contender -> group -> seconds an image, one figure for each round.
Seconds: TypeAlias = dict[str, dict[str, list[float]]]


class Row(NamedTuple):
    what: str
    against: str
    ours: str  # contender
    theirs: str  # contender


_KEPT = "`jpeg_read_coefficients`, memory kept"
_MALLOC = "`jpeg_read_coefficients`, malloc tuned"
ROWS = (
    Row("all coefficients to int16 planes, C++", _KEPT, "planes", "turbo kept"),
    Row("all coefficients to int16 planes, C++", _MALLOC, "planes", "turbo malloc"),
    Row("24 channels, C++", _KEPT, "read 24 native", "turbo kept"),
    Row("24 channels, C++", _MALLOC, "read 24 native", "turbo malloc"),
    Row("`read(bytes, 24)`", "simplejpeg RGB", "read 24", "simplejpeg"),
    Row("`read(bytes, 192, out=)`", "simplejpeg RGB", "read 192 out", "simplejpeg"),
    Row("`read(bytes, 192, out=)`", "simplejpeg RGB, `buffer=`", "read 192 out", "simplejpeg buffer"),
    Row("`read(prepared, 24)`", "simplejpeg RGB of the original", "prepared 24", "simplejpeg"),
    Row("`read_batch(bytes, 24, threads=2)`", "`threads=1`", "batch 2", "batch 1"),
    Row("`read_batch(bytes, 24, out=, threads=2)`", "`threads=1`", "batch 2 out", "batch 1 out"),
    Row("two processes of one thread each", "one thread, `out=`", "processes", "batch 1 out"),
)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times faster we are: the median over rounds, each a pair of passes over the same files."""
    return median(their / our for our, their in zip(ours, theirs, strict=True))


def as_records(seconds: Seconds) -> list[dict[str, Any]]:
    records = []
    for row in ROWS:
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


def as_markdown(name: str, groups: Mapping[str, Mapping[str, int]], seconds: Seconds, rows: Sequence[Row]) -> str:
    """One column a sampling class: ratio (our ms an image / theirs)."""
    found = {(r["what"], r["against"], r["group"]): r for r in as_records(seconds)}
    lines = [
        f"**{name}**",
        "",
        _line("what", "against", *(f"{group} ({facts['images']} files)" for group, facts in groups.items())),
        "|---" * (2 + len(groups)) + "|",
    ]
    for row in rows:
        cells = [found.get((row.what, row.against, group)) for group in groups]
        lines.append(_line(row.what, row.against, *(_cell(cell) if cell else "" for cell in cells)))
    sizes = (f"{facts['prepared_bytes'] / facts['bytes']:.0%}" for facts in groups.values())
    lines += [_line("size of the prepared files", "originals", *sizes), ""]
    return "\n".join(lines)


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(record: Mapping[str, Any]) -> str:
    return f"{record['ratio']:.2f}x ({record['ours_ms']:.3f} / {record['theirs_ms']:.3f})"
