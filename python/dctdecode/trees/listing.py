"""What lies in a source, and whether a target may take it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from dctdecode.trees.atomic import TargetError, is_leftover
from dctdecode.trees.manifest import is_manifest

__all__ = ["Listing", "Source", "list_source", "make_folders", "refuse_overlap"]

_JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
_ARCHIVE = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

Kind = Literal["jpeg", "shard", "other", "special"]


class Source(NamedTuple):
    """A file of the source.

    Attributes:
        file: path below the source, with ``/``.
        kind: by its name: a JPEG, a tar archive, anything else; ``"special"``: no file, or a link that leads
            nowhere or to a folder that it lies in.
        bytes_before: its size; 0 if special.
        mtime_ns: time of the last change.
        mode: permission bits.
    """

    file: str
    kind: Kind
    bytes_before: int
    mtime_ns: int
    mode: int


@dataclass
class Listing:
    """Files in the order of their paths, and all folders below the source with their permission bits."""

    root: Path
    files: list[Source] = field(default_factory=list)
    folders: dict[str, int] = field(default_factory=dict)


def is_jpeg_name(name: str) -> bool:
    """Whether a file of this name, in a tree or an archive, is to be pruned."""
    return name.lower().endswith(_JPEG)


def list_source(source: Path) -> Listing:
    """All files below a folder, links followed; or the one file that `source` is.

    Manifests and unfinished files of other runs are left out.

    Raises:
        OSError: there is no such file or folder, or one of its folders cannot be read.
    """
    if not source.is_dir():
        return Listing(source.parent, [_classified(source.name, source.name, source.stat())])
    listing = Listing(source)
    top = source.stat()
    for entry in _walk(source, "", ((top.st_dev, top.st_ino),)):
        if isinstance(entry, Source):
            listing.files.append(entry)
        else:
            listing.folders[entry[0]] = entry[1]
    listing.files.sort()
    return listing


def _walk(folder: Path, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[Source | tuple[str, int]]:
    """`above`: device and inode of the folders on the way here, so that a link back to one is not followed."""
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        if is_leftover(entry.name) or (not prefix and is_manifest(entry.name)):
            continue
        file = prefix + entry.name
        try:
            status = entry.stat()
        except OSError:  # a link to nothing
            yield Source(file, "special", 0, 0, 0)
            continue
        place = (status.st_dev, status.st_ino)
        if not stat.S_ISDIR(status.st_mode):
            yield _classified(file, entry.name, status)
        elif place in above:
            yield Source(file, "special", 0, 0, 0)
        else:
            yield file, stat.S_IMODE(status.st_mode) & 0o777
            yield from _walk(folder / entry.name, f"{file}/", (*above, place))


def _classified(file: str, name: str, status: os.stat_result) -> Source:
    kind: Kind = "other"
    if not stat.S_ISREG(status.st_mode):
        return Source(file, "special", 0, 0, 0)
    if is_jpeg_name(name):
        kind = "jpeg"
    elif name.lower().endswith(_ARCHIVE):
        kind = "shard"
    return Source(file, kind, status.st_size, status.st_mtime_ns, stat.S_IMODE(status.st_mode) & 0o777)


def refuse_overlap(source: Path, target: Path) -> None:
    """Compares by device and inode all the way up, so neither links nor mounts hide one folder in another.

    Raises:
        ValueError: the target is the source or lies in it, or the source lies in the target.
    """
    real_source, real_target = Path(os.path.realpath(source)), Path(os.path.realpath(target))
    if source.is_dir():
        if _lies_in(real_target, real_source):
            raise ValueError(f"{target} is {source} or lies in it: the source is never written to")
        if _lies_in(real_source, real_target):
            raise ValueError(f"{source} lies in {target}: the source is never written to")
    elif real_target.exists() and real_target.samefile(real_source.parent):
        raise ValueError(f"{source} lies in {target}: it would be replaced, and the source is never written to")


def _lies_in(inner: Path, outer: Path) -> bool:
    if not outer.exists():
        return False
    return any(folder.exists() and folder.samefile(outer) for folder in (inner, *inner.parents))


def make_folders(target: Path, folders: dict[str, int]) -> list[Path]:
    """Makes the target and the folders in it with the source's modes, writable for their owner in any case.

    Returns:
        All of them.

    Raises:
        TargetError: one cannot be made, or a link or a file is in its place: it might lead into the source.
    """
    made = []
    for folder, mode in {"": 0o777, **folders}.items():
        path = target / folder
        try:
            if not folder:
                path.mkdir(parents=True, exist_ok=True)
            elif not _is_plain_folder(path):
                path.mkdir()
                path.chmod(mode | 0o700)
        except OSError as error:
            raise TargetError.of(path, error) from error
        made.append(path)
    return made


def _is_plain_folder(path: Path) -> bool:
    """Raises FileExistsError where something else is."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(mode):
        raise FileExistsError(0, "a link or a file is where a folder has to be")
    return True
