"""The operator alone, measured by a C++ program whose answers are held against the package's."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import dctdecode
import numpy as np
from boxes import Box, drawn
from dctdecode.bench.corpus import Photo, groups_of
from shared.table import line

__all__ = ["as_markdown", "measure"]

_SIZES = {(375, 500), (500, 375)}  # (height, width)
_FILES = 8  # of each sampling class and kind of box
_GROUPS = ("4:2:0", "4:4:4")


def measure(
    programs: Path, photos: Sequence[Photo], rounds: int, versions: dict[str, str]
) -> list[dict[str, Any]]:
    """A record a file and kind of box, whole image or random-resized crop; puts the program's into `versions`."""
    tasks = [
        (group, kind, photo, box)
        for group, mine in groups_of([photo for photo in photos if (photo.height, photo.width) in _SIZES]).items()
        if group in _GROUPS
        for photo in mine[:_FILES]
        for kind, box in (("whole", Box(0, 0, photo.height, photo.width)), ("crop", drawn([photo])[photo.data]))
    ]
    if not tasks:
        return []
    lines = [f"{' '.join(map(str, box))} {photo.path}\n" for _, _, photo, box in tasks]
    with TemporaryDirectory() as folder:
        command = [str(programs / "geometry_native"), str(rounds), folder]
        done = subprocess.run(command, input="".join(lines), stdout=subprocess.PIPE, text=True, check=True)
        for i, (_, _, photo, box) in enumerate(tasks):
            own = dctdecode.read(photo.data, 24, size=448, crop=box).numpy()
            if not np.array_equal(own.ravel(), np.fromfile(Path(folder) / f"{i}.f32", np.float32)):
                raise SystemExit(f"{photo.path}: the package gives other channels than the program")
    found = json.loads(done.stdout)
    versions |= {"compiler": found["compiler"], "its libjpeg-turbo": found["libjpeg-turbo"]}
    return [
        {"path": photo.path, "group": group, "kind": kind, "box": list(box), "seconds": seconds}
        for (group, kind, photo, box), seconds in zip(tasks, found["images"], strict=True)
    ]


def as_markdown(records: Sequence[dict[str, Any]]) -> str:
    lines = [
        "**operator alone**, 500 x 375 px to 24 x 56 x 56, ms an image: medians over files of medians over rounds",
        "",
        line("class", "box", "build", "apply", "together"),
        "|---|---|---|---|---|",
    ]
    for group, kind in dict.fromkeys((r["group"], r["kind"]) for r in records):
        mine = [r["seconds"] for r in records if (r["group"], r["kind"]) == (group, kind)]
        build, apply = (median(1e3 * median(s[step]) for s in mine) for step in ("build", "apply"))
        both = median(1e3 * (median(s["build"]) + median(s["apply"])) for s in mine)
        lines.append(line(f"{group} ({len(mine)} files)", kind, f"{build:.3f}", f"{apply:.3f}", f"{both:.3f}"))
    return "\n".join(lines) + "\n"
