"""The files of a benchmark, in memory."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import dctdecode

__all__ = ["GROUPS", "Corpus", "Photo", "find_files", "groups_of", "load", "sample_photo"]

GROUPS = ("4:2:0", "4:4:4", "4:2:2", "gray", "other", "progressive")
_SAMPLES = (  # installed module, photograph in its folder
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ("sklearn", "datasets/images/china.jpg"),
)
_SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif"}


@dataclass(frozen=True)
class Photo:
    """A JPEG in memory. `group` is one of `GROUPS`; sizes in pixels."""

    path: str
    data: bytes
    height: int
    width: int
    group: str


@dataclass(frozen=True)
class Corpus:
    """The photos to decode, how many files there were to choose from, and the files that are no use.

    Attributes:
        photos: in the order of their paths.
        found: number of files before sampling.
        unreadable: path -> what is wrong with it.
    """

    photos: Sequence[Photo]
    found: int
    unreadable: dict[str, str]


def find_files(paths: Iterable[str]) -> list[Path]:
    """The JPEGs among `paths`: files as named, folders searched to the bottom by suffix; sorted.

    Raises:
        FileNotFoundError: a path does not exist.
    """
    files: set[Path] = set()
    for path in map(Path, paths):
        if path.is_dir():
            files.update(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
        elif path.exists():
            files.add(path)
        else:
            raise FileNotFoundError(f"{path}: no such file or folder")
    return sorted(files)


def load(files: Sequence[Path], max_images: int, seed: int) -> Corpus:
    """Reads at most `max_images` files, drawn with `seed`, into memory, with what their headers say."""
    chosen = sorted(random.Random(seed).sample(files, max_images)) if len(files) > max_images else files
    photos, unreadable = [], {}
    for path in chosen:
        try:
            data = path.read_bytes()
            info = dctdecode.info(data)
        except (dctdecode.errors.DctDecodeError, OSError) as error:
            unreadable[str(path)] = str(error)
            continue
        photos.append(Photo(str(path), data, info.height, info.width, _group(info)))
    return Corpus(photos, len(files), unreadable)


def sample_photo() -> Path | None:
    """A photograph that comes with matplotlib or scikit-learn, if one of them is installed."""
    for module, place in _SAMPLES:
        found = find_spec(module)
        if found is not None and found.origin is not None:
            photo = Path(found.origin).parent / place
            if photo.is_file():
                return photo
    return None


def groups_of(photos: Sequence[Photo]) -> dict[str, list[Photo]]:
    """Photos by group, in the order of `GROUPS`, without empty groups."""
    return {g: mine for g in GROUPS if (mine := [photo for photo in photos if photo.group == g])}


def _group(info: dctdecode.JpegInfo) -> str:
    if info.progressive:
        return "progressive"
    return info.subsampling if info.subsampling in GROUPS else "other"
