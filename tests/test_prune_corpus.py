"""prune over collected files: photographs, and every file of the conformance sets that can be read."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from pathlib import Path

import cv2
import dctdecode
import numpy as np
import pytest
import simplejpeg
from dctdecode.errors import DctDecodeError, UnsupportedJpegError
from PIL import Image
from test_corpus import conformance_files
from test_prune import assert_kept

EVERY = 24  # one file of so many is opened by all other decoders


def photographs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))


def pruned_or_refused(data: bytes, label: object) -> tuple[bytes, str]:
    """Checks one file; returns the pruned bytes and "ok", or the reason why there are none."""
    try:
        stored = dctdecode.read_planes(data)
    except DctDecodeError as error:
        with pytest.raises(DctDecodeError):
            dctdecode.prune(data, 192)
        return b"", error.reason
    try:
        jpeg = dctdecode.prune(data, 24)
    except UnsupportedJpegError as error:
        return b"", error.message
    pruned = dctdecode.read_planes(jpeg)
    assert not pruned.warnings, label
    assert_kept(stored, pruned, 24, label)
    assert dctdecode.prune(jpeg, 24) == jpeg, label
    assert pruned.info.orientation == stored.info.orientation, label
    return jpeg, "ok"


def opened(decode, data: bytes) -> tuple[bool, object]:
    """Whether this decoder opens it without a warning, and what it says else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            decode(data)
    except Exception as error:  # of whatever decoder
        return False, error
    return True, None


def by_pillow(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        image.load()


def by_opencv(data: bytes) -> None:
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None


def by_simplejpeg(data: bytes) -> None:
    simplejpeg.decode_jpeg(data, strict=True)


DECODERS = (by_pillow, by_opencv, by_simplejpeg)


def open_as_before(before: bytes, after: bytes, oracle, label: object) -> None:
    """What opens a file opens the pruned one; and libjpeg-turbo has no warning."""
    for decode in DECODERS:
        sound, error = opened(decode, after)
        assert sound or not opened(decode, before)[0], (label, decode.__name__, error)
    assert oracle(after).whole, label


@pytest.mark.parametrize("folder", ["bench", "classify"])
def test_photographs(corpus, oracle, capfd, folder):
    paths = photographs(corpus / folder)
    assert len(paths) > 500
    found: Counter[str] = Counter()
    for number, path in enumerate(paths):
        data = path.read_bytes()
        jpeg, reason = pruned_or_refused(data, path)
        found[reason] += 1
        if reason == "ok" and number % EVERY == 0:
            open_as_before(data, jpeg, oracle, path)
            with_all = dctdecode.prune(data, 192, metadata="all")
            open_as_before(data, with_all, oracle, path)
    assert found["ok"] > 0.99 * len(paths), found
    assert capfd.readouterr().err == ""


def test_conformance_files(corpus, oracle):
    """Whatever the sets hold: pruned exactly, or refused by name; what opened before, opens after."""
    found: Counter[str] = Counter()
    paths = conformance_files(corpus)
    for path in paths:
        data = (corpus / "conformance" / path).read_bytes()
        _, reason = pruned_or_refused(data, path)
        found[reason] += 1
        if reason != "ok":
            continue
        for metadata in ("orientation", "all"):
            open_as_before(data, dctdecode.prune(data, 24, metadata=metadata), oracle, (path, metadata))
    assert found["ok"] > 300, found
    refusals = {r for r in found if r not in ("ok", "not_jpeg", "truncated", "corrupt", "unsupported", "limit")}
    words = ("CMYK", "unknown meaning", "8-bit quantisation tables", "AC coefficient", "DC coefficients")
    assert all(any(word in refusal for word in words) for refusal in refusals), refusals
