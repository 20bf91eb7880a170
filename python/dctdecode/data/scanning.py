"""From a tree of folders to samples, by the rules of torchvision's ``datasets.folder`` (as of 0.28).

A class is a folder in the root, in the order of code points ("C" < "a" < "b"); hidden ones count. Folders inside
come in the order of their paths as strings, files in the order of their names.
"""

# Paths are strings, joined to what was given and not tidied, as torchvision has them.
# ruff: noqa: PTH111, PTH112, PTH118

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dctdecode.data.index import Samples

__all__ = [
    "IMG_EXTENSIONS",
    "JPEG_EXTENSIONS",
    "LOGGER",
    "Scan",
    "find_classes",
    "has_file_allowed_extension",
    "is_image_file",
    "make_dataset",
    "scan",
]

JPEG_EXTENSIONS = (".jpg", ".jpeg")
# What ImageFolder takes.
IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

LOGGER = logging.getLogger("dctdecode")
_NAMED = 3  # ignored files that the log names


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Whether the name ends in one of the extensions, in upper or lower case.

    Example:
        >>> has_file_allowed_extension("a/B.JPEG", (".jpg", ".jpeg"))
        True
    """
    return filename.lower().endswith(extensions if isinstance(extensions, str) else tuple(extensions))


def is_image_file(filename: str) -> bool:
    """Whether torchvision's ``ImageFolder`` would take a file of this name.

    Example:
        >>> is_image_file("a.webp"), is_image_file("a.txt")
        (True, False)
    """
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory: str | Path) -> tuple[list[str], dict[str, int]]:
    """Names of the folders in ``directory``, sorted, and the class index of each: its place.

    Raises:
        FileNotFoundError: no such directory, or no folder in it.
    """
    with os.scandir(directory) as entries:
        classes = sorted(entry.name for entry in entries if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
    return classes, {name: index for index, name in enumerate(classes)}


def make_dataset(
    directory: str | Path,
    class_to_idx: Mapping[str, int] | None = None,
    extensions: str | tuple[str, ...] | None = None,
    is_valid_file: Callable[[str], bool] | None = None,
    allow_empty: bool = False,
) -> Samples:
    """The files of all classes, as (path, class index).

    Args:
        directory: the root; ``~`` is expanded.
        class_to_idx: class index of each folder's name; None: what `find_classes` finds.
        extensions: of the files to take. Other images are left out and named in the log ("dctdecode").
        is_valid_file: gets a path and says whether to take the file. Either this or ``extensions``.
        allow_empty: classes without a file are no error.

    Raises:
        FileNotFoundError: a class without a file.
        ValueError: no class, or both or neither of ``extensions`` and ``is_valid_file``.
    """
    found = scan(directory, class_to_idx, extensions, is_valid_file)
    found.report(extensions, allow_empty)
    return found.samples


@dataclass
class Scan:
    """What a tree holds.

    Attributes:
        samples: the files.
        folders: all that was looked into, also where nothing was found.
        empty: classes without a file.
        ignored: how many images have another extension.
        first_ignored: paths of the first of them.
    """

    samples: Samples = field(default_factory=Samples)
    folders: list[str] = field(default_factory=list)
    empty: set[str] = field(default_factory=set)
    ignored: int = 0
    first_ignored: list[str] = field(default_factory=list)

    def report(self, extensions: str | tuple[str, ...] | None, allow_empty: bool) -> None:
        """Tells what was not taken.

        Raises:
            FileNotFoundError: a class without a file, unless ``allow_empty``.
        """
        if self.ignored:
            named = ", ".join(self.first_ignored) + (", ..." if self.ignored > len(self.first_ignored) else "")
            LOGGER.warning(
                'images that are no JPEGs are ignored: %d (%s); fallback="convert" reads them', self.ignored, named
            )
        if self.empty and not allow_empty:
            supported = ""
            if extensions is not None:
                names = extensions if isinstance(extensions, str) else ", ".join(extensions)
                supported = f"Supported extensions are: {names}"
            raise FileNotFoundError(
                f"Found no valid file for the classes {', '.join(sorted(self.empty))}. {supported}"
            )


def scan(
    directory: str | Path,
    class_to_idx: Mapping[str, int] | None,
    extensions: str | tuple[str, ...] | None,
    is_valid_file: Callable[[str], bool] | None,
) -> Scan:
    """`make_dataset` without its judgement of what is missing; raises ``ValueError`` as that does."""
    directory = os.path.expanduser(directory)
    if class_to_idx is None:
        _, class_to_idx = find_classes(directory)
    elif not class_to_idx:
        raise ValueError("'class_to_index' must have at least one entry to collect any samples.")
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same time")
    found = Scan(folders=[directory])
    for name in sorted(class_to_idx):
        files_before = len(found.samples)
        for folder, files in _walk(os.path.join(directory, name)):
            found.folders.append(folder)
            prefix = os.path.join(folder, "")
            if extensions is None:
                assert is_valid_file is not None
                taken = [file for file in files if is_valid_file(prefix + file)]
            else:
                taken = [file for file in files if has_file_allowed_extension(file, extensions)]
                _note_ignored(found, prefix, files, extensions)
            found.samples.extend(prefix, taken, class_to_idx[name])
        if len(found.samples) == files_before:
            found.empty.add(name)
    return found


def _walk(folder: str) -> Iterator[tuple[str, list[str]]]:
    """Folders and the names in them, sorted. Links to folders are followed. One that is not there has no names."""
    if not os.path.isdir(folder):
        yield folder, []
        return
    for inside, _, files in sorted(os.walk(folder, followlinks=True)):
        yield inside, sorted(files)


def _note_ignored(found: Scan, prefix: str, files: list[str], extensions: str | tuple[str, ...]) -> None:
    for file in files:
        if is_image_file(file) and not has_file_allowed_extension(file, extensions):
            found.ignored += 1
            if len(found.first_ignored) < _NAMED:
                found.first_ignored.append(prefix + file)
