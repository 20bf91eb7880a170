"""The index cache of DCTImageFolder: used only where it is true, and never a reason to fail."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from dctdecode import DCTImageFolder
from folders import ODD_SAMPLES, odd_tree, paths_of, put


def age(root: Path) -> None:
    """As if all folders had been changed an hour ago: what has just changed is not trusted."""
    for folder, _, _ in os.walk(root, followlinks=True):
        at = Path(folder).stat().st_mtime - 3600
        os.utime(folder, (at, at))


@pytest.fixture
def tree(tmp_path) -> Path:
    root = odd_tree(tmp_path / "tree")
    put(root / "C" / "1.png")
    age(root)
    return root


@pytest.fixture
def index(tmp_path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def walks(monkeypatch) -> list[str]:
    """Folders that were walked through."""
    found = []
    walk = os.walk

    def note(top, **options):
        found.append(Path(top).name)
        return walk(top, **options)

    monkeypatch.setattr(os, "walk", note)
    return found


def test_the_second_time_nothing_is_scanned(tree, index, walks, caplog):
    first = DCTImageFolder(tree, index_cache=index)
    assert paths_of(tree, first.samples) == ODD_SAMPLES
    assert len(walks) == 7
    said = caplog.messages
    caplog.clear()
    with caplog.at_level(logging.WARNING, "dctdecode"):
        second = DCTImageFolder(tree, index_cache=index)
    assert len(walks) == 7
    assert second.samples == first.samples
    assert second.targets == first.targets
    assert (second.classes, second.class_to_idx) == (first.classes, first.class_to_idx)
    assert caplog.messages == said
    assert "C/1.png" in said[0]
    assert sorted(path.name for path in index.parent.iterdir()) == ["index", "tree", "tree outside"]


@pytest.mark.parametrize(
    "change",
    [
        lambda root: put(root / "b" / "sub" / "new.jpg"),
        lambda root: put(root / "b" / "sub" / "deeper" / "new.jpg"),
        lambda root: put(root / "new" / "1.jpg"),
        lambda root: (root / "a" / "2.jpg").unlink(),
        lambda root: (root / "9" / "1.jpg").rename(root / "9" / "2.jpg"),
        lambda root: put(root.parent / "tree outside" / "new.jpg"),
    ],
    ids=["file", "folder", "class", "removed", "renamed", "behind a link"],
)
def test_changes_are_noticed(tree, index, change):
    DCTImageFolder(tree, index_cache=index)
    change(tree)
    expected = DCTImageFolder(tree).samples
    assert expected != paths_of(tree, ODD_SAMPLES)
    assert DCTImageFolder(tree, index_cache=index).samples == expected
    age(tree)
    assert DCTImageFolder(tree, index_cache=index).samples == expected


def test_folders_that_changed_just_now_are_not_trusted(tree, index, walks):
    """A second change within the clock's tick would leave the same time."""
    put(tree / "a" / "3.jpg")
    for _ in range(2):
        walks.clear()
        DCTImageFolder(tree, index_cache=index)
        assert len(walks) == 7


def test_the_index_may_lie_in_the_root(tree, walks):
    """Writing it changes the root's own time."""
    index = tree / "index"
    DCTImageFolder(tree, index_cache=index)
    assert len(walks) == 7
    assert paths_of(tree, DCTImageFolder(tree, index_cache=index).samples) == ODD_SAMPLES
    assert len(walks) == 7
    put(tree / "a" / "3.jpg")
    assert len(DCTImageFolder(tree, index_cache=index)) == 15
    put(tree / "z" / "3.jpg")
    assert len(DCTImageFolder(tree, index_cache=index)) == 16


def test_other_arguments_do_not_get_this_index(tree, index, walks, monkeypatch):
    DCTImageFolder(tree, index_cache=index)
    assert len(DCTImageFolder(tree, fallback="convert", index_cache=index)) == 15
    assert len(DCTImageFolder(tree, index_cache=index)) == 14
    monkeypatch.chdir(tree.parent)
    assert DCTImageFolder("tree", index_cache=index).samples[0][0] == "tree/.hidden/h.jpg"

    class Two(DCTImageFolder):
        def find_classes(self, directory):
            return ["9", "C"], {"9": 0, "C": 1}

    assert Two("tree", index_cache=index).targets == [0, 1]
    assert len(walks) == 7 + 7 + 7 + 7 + 2


def test_empty_classes_are_still_an_error(tree, index):
    (tree / "empty").mkdir()
    age(tree)
    assert len(DCTImageFolder(tree, index_cache=index, allow_empty=True)) == 14
    with pytest.raises(FileNotFoundError, match=r"for the classes empty\. Supported"):
        DCTImageFolder(tree, index_cache=index)


def broken(stored: bytes, kind: str) -> bytes:
    if kind == "empty":
        return b""
    if kind == "cut":
        return stored[: len(stored) // 2]
    if kind == "text":
        return b"no index at all"
    flipped = bytearray(stored)
    flipped[stored.index(b"h.jpg") if kind == "a name" else len(stored) // 3] ^= 1
    return bytes(flipped)


@pytest.mark.parametrize("kind", ["empty", "cut", "text", "a bit", "a name"])
def test_a_broken_index_is_ignored_with_a_warning(tree, index, kind):
    DCTImageFolder(tree, index_cache=index)
    index.write_bytes(broken(index.read_bytes(), kind))
    with pytest.warns(UserWarning, match="index is no index of an image folder"):
        dataset = DCTImageFolder(tree, index_cache=index)
    assert paths_of(tree, dataset.samples) == ODD_SAMPLES
    assert paths_of(tree, DCTImageFolder(tree, index_cache=index).samples) == ODD_SAMPLES


@pytest.mark.parametrize("change", ["targets", "ends", "firsts", "dtype", "missing", "header"])
def test_arrays_that_do_not_fit_are_ignored_with_a_warning(tree, index, change):
    DCTImageFolder(tree, index_cache=index)
    with np.load(index) as stored:
        arrays = dict(stored)
    if change == "header":
        header = json.loads(arrays["header"].tobytes())
        del header["prefixes"]
        arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    elif change == "missing":
        del arrays["names"]
    elif change == "dtype":
        arrays["ends"] = arrays["ends"].astype(np.float64)
    else:
        arrays[change] = arrays[change][:-1]
    with index.open("wb") as file:
        np.savez(file, **arrays)
    with pytest.warns(UserWarning, match="index is no index of an image folder"):
        dataset = DCTImageFolder(tree, index_cache=index)
    assert paths_of(tree, dataset.samples) == ODD_SAMPLES


def test_where_it_cannot_be_written_there_is_a_warning(tree, index):
    with pytest.warns(UserWarning, match="cannot write the index"):
        dataset = DCTImageFolder(tree, index_cache=index / "not there")
    assert len(dataset) == 14


def test_a_write_that_fails_leaves_the_old_index(tree, index, monkeypatch):
    DCTImageFolder(tree, index_cache=index)
    before = index.read_bytes()
    put(tree / "a" / "3.jpg")

    def fail(file, **arrays):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.warns(UserWarning, match="No space left"):
        assert len(DCTImageFolder(tree, index_cache=index)) == 15
    assert index.read_bytes() == before
    assert sorted(path.name for path in index.parent.iterdir()) == ["index", "tree", "tree outside"]


def test_what_a_cache_cannot_know(tree, index):
    class Own(DCTImageFolder):
        @staticmethod
        def make_dataset(directory, class_to_idx, extensions=None, is_valid_file=None, allow_empty=False):
            return []

    for make in (Own, lambda *a, **o: DCTImageFolder(*a, is_valid_file=bool, **o)):
        with pytest.raises(ValueError, match="index_cache cannot tell"):
            make(tree, index_cache=index)
    assert not index.exists()
