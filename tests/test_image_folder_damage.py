"""What DCTImageFolder makes of files that cannot be read."""

from __future__ import annotations

import logging
import os

import pytest
import torch
from dctdecode import DCTImageFolder
from dctdecode.errors import CorruptJpegError
from folders import equal
from torch.utils.data import DataLoader


def test_raise_names_the_file(damaged):
    dataset = DCTImageFolder(damaged, channels=6, size=16)
    for index, name in ((1, "cat/1.jpg"), (3, "dog/0.jpg"), (5, "dog/2.jpg")):
        for read in (
            lambda i: dataset[i],
            lambda i: dataset.__getitems__([0, i]),
            lambda i: dataset.read_batch([i]),
        ):
            with pytest.raises(CorruptJpegError) as caught:
                read(index)
            assert f"{damaged}/{name}" in str(caught.value)
    assert len(dataset.__getitems__([0, 2, 4])) == 3


def test_skip_leaves_images_out(damaged, caplog):
    dataset = DCTImageFolder(damaged, channels=6, size=16, on_error="skip")
    sound = DCTImageFolder(damaged, channels=6, size=16)
    with caplog.at_level(logging.WARNING, "dctdecode"):
        batch = dataset.__getitems__(range(6))
    assert equal(batch, sound.__getitems__([0, 2, 4]))
    said = [record.getMessage() for record in caplog.records]
    assert [f"{damaged}/{name}" in text for name, text in zip(("cat/1", "dog/0", "dog/2"), said, strict=True)]
    images, targets = next(iter(DataLoader(dataset, batch_size=6)))
    assert len(images) == 3
    assert targets.tolist() == [0, 0, 1]
    for read in (lambda: dataset[1], lambda: dataset.__getitems__([1, 3])):
        with pytest.raises(CorruptJpegError, match=r"cat/1\.jpg"):
            read()


def test_zero_keeps_the_place(damaged):
    dataset = DCTImageFolder(damaged, channels=6, size=16, on_error="zero")
    batch = dataset.__getitems__(range(6))
    assert [int(tensor.count_nonzero() > 0) for tensor, _ in batch] == [1, 0, 1, 0, 1, 0]
    assert [target for _, target in batch] == [0, 0, 0, 1, 1, 1]
    assert torch.equal(dataset[1][0], torch.zeros(6, 2, 2))
    native = DCTImageFolder(damaged, channels=6, on_error="zero")
    for read in (lambda: native[1], lambda: native.__getitems__([0, 1])):
        with pytest.raises(CorruptJpegError, match=r"cat/1\.jpg"):  # zeros of which size?
            read()


def test_a_callable_decides(damaged):
    seen = []

    def decide(failure):
        seen.append((failure.index, failure.path, type(failure.error)))
        return "skip" if "dog" in failure.path else None

    dataset = DCTImageFolder(damaged, channels=6, size=16, on_error=decide)
    batch = dataset.__getitems__([5, 1, 0])
    assert [target for _, target in batch] == [0, 0]
    assert batch[0][0].count_nonzero() == 0
    names = [(0, f"{damaged}/dog/2.jpg", CorruptJpegError), (1, f"{damaged}/cat/1.jpg", CorruptJpegError)]
    assert seen == names
    wrong = DCTImageFolder(damaged, channels=6, size=16, on_error=lambda failure: "later")
    for read in (lambda: wrong[1], lambda: wrong.__getitems__([1])):
        with pytest.raises(ValueError, match="'later'"):
            read()


def test_files_that_vanish_or_are_not_to_be_opened(damaged):
    dataset = DCTImageFolder(damaged, channels=6, size=16, on_error="skip")
    (damaged / "cat" / "0.jpg").unlink()
    (damaged / "dog" / "1.jpg").unlink()
    (damaged / "dog" / "1.jpg").mkdir()
    tensor, targets, failures = dataset.read_batch(range(6), on_error="skip")
    assert len(tensor) == len(targets) == 1
    kinds = {f.index: type(f.error) for f in failures}
    assert (kinds[0], kinds[4]) == (FileNotFoundError, IsADirectoryError)
    with pytest.raises(FileNotFoundError, match=r"cat/0\.jpg"):
        dataset[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open any file")
def test_files_without_permission(damaged):
    (damaged / "cat" / "0.jpg").chmod(0)
    dataset = DCTImageFolder(damaged, channels=6, size=16)
    with pytest.raises(PermissionError, match=r"cat/0\.jpg"):
        dataset.__getitems__([0])
