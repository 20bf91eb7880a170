"""Trees of images for the tests of datasets."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch
from generate import SUBSAMPLINGS, Recipe

# What an ImageFolder makes of `odd_tree`: code points sort, folders by their path as a string, files by name.
ODD_CLASSES = [".hidden", "10", "9", "C", "a", "b", "linked"]
ODD_SAMPLES = [
    (".hidden/h.jpg", 0),
    ("10/1.jpg", 1),
    ("9/1.jpg", 2),
    ("C/Upper.Jpg", 3),
    ("a/1.jpeg", 4),
    ("a/10.JPG", 4),
    ("a/2.jpg", 4),
    ("a/gone.jpg", 4),
    ("b/z.jpg", 5),
    ("b/link/t.jpg", 5),
    ("b/sub-2/y.jpg", 5),
    ("b/sub/inner/\udcff x.jpg", 5),
    ("linked/s.jpg", 6),
    ("linked/t.jpg", 6),
]


def put(path: Path, data: bytes = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def odd_tree(root: Path) -> Path:
    """Files without content: mixed case, digits, nested and hidden folders, links, a name that is no UTF-8."""
    outside = root.parent / f"{root.name} outside"
    for name in ("s.jpg", "t.jpg"):
        put(outside / name)
    for name, _ in ODD_SAMPLES:
        if not name.startswith(("linked/", "b/link/")) and name != "a/gone.jpg":
            put(root / name)
    for name in ("loose.jpg", "C/notes.txt", "a/jpg", "b/sub/none.gif"):
        put(root / name)
    (root / "linked").symlink_to(outside)
    (root / "b" / "link").mkdir()
    (root / "b" / "link" / "t.jpg").symlink_to(outside / "t.jpg")
    (root / "a" / "gone.jpg").symlink_to(outside / "never was there")
    return root


def image_tree(root: Path, generate, count: int = 3, *, height: int = 21, width: int = 37) -> Path:
    """Classes "cat" and "dog", `count` JPEGs each, all different."""
    for number, name in enumerate(("cat", "dog")):
        for i in range(count):
            recipe = Recipe(height=height, width=width, factors=SUBSAMPLINGS["420"], seed=100 * number + i)
            put(root / name / f"{i}.jpg", generate(recipe).data)
    return root


def damaged_tree(root: Path, sound: Path) -> Path:
    """A copy of an `image_tree` with a cat that is cut short, a dog without a byte and one that is no JPEG."""
    shutil.copytree(sound, root)
    cut = root / "cat" / "1.jpg"
    cut.write_bytes(cut.read_bytes()[:-40])
    put(root / "dog" / "0.jpg")
    put(root / "dog" / "2.jpg", b"GIF89a")
    return root


def equal(ours, theirs) -> bool:
    """The same tensors with the same targets."""
    return len(ours) == len(theirs) and all(
        torch.equal(a, c) and b == d for (a, b), (c, d) in zip(ours, theirs, strict=True)
    )


def paths_of(root: Path | str, samples) -> list[tuple[str, int]]:
    """(path below the root, class)"""
    return [(os.path.relpath(path, root), target) for path, target in samples]
