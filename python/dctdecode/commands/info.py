"""Tell what JPEG files are made of: size, components and their sampling, process, restart interval,
orientation, quantisation tables, quality. Reads headers only, so it is quick and works on files whose image
data is damaged."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

import dctdecode
from dctdecode.quality import Quality, estimate_quality

EXAMPLES = """\
examples:
  dctdecode info photo.jpg
  dctdecode info --json *.jpg | jq '.[] | select(.progressive) | .path'

The exit code is 1 if a file cannot be read as a JPEG; the others are shown all the same.
"""

_ORIENTATIONS = (  # EXIF 2.3, tag 0x0112: what to do to see the image upright
    "upright",
    "mirror left to right",
    "turn by 180 degrees",
    "mirror top to bottom",
    "transpose",
    "turn clockwise by 90 degrees",
    "transverse",
    "turn counterclockwise by 90 degrees",
)
_COMPONENT_NAMES = {
    "gray": ("Y",),
    "YCbCr": ("Y", "Cb", "Cr"),
    "RGB": ("R", "G", "B"),
    "CMYK": ("C", "M", "Y", "K"),
    "YCCK": ("Y", "Cb", "Cr", "K"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="JPEG file")
    parser.add_argument("--json", action="store_true", help="print a JSON array with one object for each file")


def run(args: argparse.Namespace) -> int:
    records: list[dict[str, Any]] = []
    failed = False
    for path in args.files:
        try:
            info = dctdecode.info(path)
        except (dctdecode.errors.DctDecodeError, OSError, ValueError) as error:  # ValueError: DCTDECODE_DECODER
            failed = True
            records.append({"path": path, "error": str(error)})
            sys.stderr.write(f"dctdecode info: {error}\n")
            continue
        if args.json:
            records.append(as_record(path, info))
        else:
            sys.stdout.write(as_text(path, info) + "\n")
    if args.json:
        sys.stdout.write(json.dumps(records, indent=2) + "\n")
    return 1 if failed else 0


def as_record(path: str, info: dctdecode.JpegInfo) -> dict[str, Any]:
    """The header as values that JSON can hold."""
    quality = _quality(info)
    return {
        "path": path,
        "height": info.height,
        "width": info.width,
        "size_bytes": info.size_bytes,
        "bits_per_pixel": round(_bits_per_pixel(info), 4),
        "color_space": info.color_space,
        "subsampling": info.subsampling,
        "progressive": info.progressive,
        "arithmetic": info.arithmetic,
        "decoder": info.decoder,
        "precision": info.precision,
        "restart_interval": info.restart_interval,
        "orientation": info.orientation,
        "quality": quality and {"value": quality.value, "exact": quality.exact},
        "components": [
            {
                "name": name,
                "sampling": {"v": v, "h": h},
                "grid_blocks": {"height": grid[0], "width": grid[1]},
                "quant_table": None if table is None else table.tolist(),
            }
            for name, (v, h), grid, table in zip(
                component_names(info), info.sampling, info.grids, info.quant_tables, strict=True
            )
        ],
    }


def as_text(path: str, info: dctdecode.JpegInfo) -> str:
    """The header for people; ends in a blank line."""
    rows = [
        ("size", f"{info.width} x {info.height} px (width x height), {_megapixels(info):.2f} MP"),
        ("file", f"{info.size_bytes:,} bytes, {_bits_per_pixel(info):.2f} bits per pixel"),
        ("colour", f"{info.color_space}{'' if info.num_components == 1 else ', ' + info.subsampling}"),
        ("process", f"{info.process}, {info.precision} bit"),
        ("decoder", info.decoder),
        ("quality", _quality_text(info)),
        ("restarts", f"every {info.restart_interval} MCUs" if info.restart_interval else "none"),
        ("orientation", f"{info.orientation} ({_ORIENTATIONS[info.orientation - 1]})"),
    ]
    lines = [path, *(f"  {label:<13}{value}" for label, value in rows)]
    lines += ["", "  component    sampling (h x v)   grid of blocks (W x H)   quantisation table"]
    names, letters = component_names(info), _table_letters(info)
    for name, (v, h), grid, letter in zip(names, info.sampling, info.grids, letters, strict=True):
        lines.append(f"  {name:<13}{f'{h} x {v}':<19}{f'{grid[1]} x {grid[0]}':<25}{letter}")
    return "\n".join([*lines, "", *_tables(info, names, letters), ""])


def component_names(info: dctdecode.JpegInfo) -> Sequence[str]:
    return _COMPONENT_NAMES.get(info.color_space, [f"#{i}" for i in range(info.num_components)])


def _tables(info: dctdecode.JpegInfo, names: Sequence[str], letters: Sequence[str]) -> list[str]:
    """The distinct quantisation tables side by side, v down, u across."""
    blocks = []
    for letter in sorted(set(letters) - {"-"}):
        users = [i for i, one in enumerate(letters) if one == letter]
        table = info.quant_tables[users[0]]
        assert table is not None  # only "-" stands for a missing one
        width = len(str(table.max()))
        rows = [" ".join(f"{value:>{width}}" for value in row) for row in table.tolist()]
        title = f"table {letter} ({', '.join(names[i] for i in users)})"
        column = max(len(title), len(rows[0]))
        blocks.append([f"{text:<{column}}" for text in (title, *rows)])
    return [("  " + "    ".join(row)).rstrip() for row in zip(*blocks, strict=True)]


def _table_letters(info: dctdecode.JpegInfo) -> list[str]:
    """A letter for each component's table; equal tables have the same one. "-" where there is none yet."""
    keys = [None if table is None else table.tobytes() for table in info.quant_tables]
    distinct = list(dict.fromkeys(key for key in keys if key is not None))
    return ["-" if key is None else "ABCD"[distinct.index(key)] for key in keys]


def _quality(info: dctdecode.JpegInfo) -> Quality | None:
    table = info.quant_tables[0]
    return None if table is None else estimate_quality(table)


def _quality_text(info: dctdecode.JpegInfo) -> str:
    quality = _quality(info)
    if quality is None:
        return "unknown: the quantisation table comes later in the file"
    if quality.exact:
        return f"{quality.value} (libjpeg's table for this setting)"
    return f"about {quality.value} (nearest of libjpeg's tables)"


def _megapixels(info: dctdecode.JpegInfo) -> float:
    return info.height * info.width / 1e6


def _bits_per_pixel(info: dctdecode.JpegInfo) -> float:
    return 8 * info.size_bytes / (info.height * info.width)
