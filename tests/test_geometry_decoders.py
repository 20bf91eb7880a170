"""Geometry whatever decodes and wherever: both decoders, scalar and vector kernels, threads, damage, memory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode.errors import CorruptJpegError, CorruptJpegWarning
from dctdecode.geometry import Geometry
from generate import Recipe
from reference.geometry import Window, channels, components, picture
from test_geometry import KINDS, assert_equals
from test_geometry_turns import oriented

HEIGHT, WIDTH = 101, 150

# One of each: (arguments of `read`), for an image of 101 x 150 px or its transpose.
GEOMETRIES = {
    "whole": {"size": 64},
    "enlarged": {"size": (256, 208), "interpolation": "bicubic"},
    "crop": {"size": (56, 48), "crop": (20.5, 31.25, 60.0, 77.75), "flip": True},
    "crop far down": {"size": 16, "crop": (90.0, 140.0, 11.0, 10.0), "interpolation": "lanczos"},
    "scale one": {"size": (32, 48), "crop": (16, 24, 32, 48)},
    "scale one, shifted": {"size": (32, 48), "crop": (19, 30, 32, 48)},
    "slice": {"crop": (0, 96, 96, 54)},  # aligned to an MCU of any sampling
    "sharp": {"size": 24, "antialias": False, "interpolation": "lanczos"},
    "fast": {"size": 24, "fast": True},
    "flip": {"flip": True},
    "blur": {
        "geometry": Geometry.of(HEIGHT, WIDTH).crop(5, 9, 80, 90).resize(48, 40).blur((5, 7), 1.5),
        "interpolation": "box",
    },
}
SELECTIONS = [192, 24, dctdecode.ChannelSet(y=[63, 0], cr=[9])]


def made(kind: str, generate) -> bytes:
    return generate(replace(KINDS[kind], height=HEIGHT, width=WIDTH)).data


@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize("kind", ["444", "420", "411", "3:2", "mixed", "gray", "rgb 420", "420 restarts"])
def test_both_decoders_give_the_same_bits(kind, name, generate, monkeypatch):
    data = made(kind, generate)
    for channels_wanted in SELECTIONS:
        ours = dctdecode.read(data, channels_wanted, **GEOMETRIES[name])
        with monkeypatch.context() as patch:
            patch.setenv("DCTDECODE_DECODER", "libjpeg-turbo")
            theirs = dctdecode.read(data, channels_wanted, **GEOMETRIES[name])
        assert torch.equal(ours.view(torch.int32), theirs.view(torch.int32))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_both_decoders_turn_alike(orientation, generate, monkeypatch):
    data = oriented(generate(Recipe(HEIGHT, HEIGHT)).data, orientation)
    for options in ({}, {"size": (48, 40), "crop": (3.5, 60.25, 33.0, 40.0)}):
        ours = dctdecode.read(data, orientation="apply", **options)
        with monkeypatch.context() as patch:
            patch.setenv("DCTDECODE_DECODER", "libjpeg-turbo")
            assert torch.equal(ours, dctdecode.read(data, orientation="apply", **options))


_DIGESTS = """
import hashlib, json, sys
import dctdecode, test_geometry_decoders as here
print(json.dumps(here.digests(sys.argv[1:])))
"""


def digests(files: list[str]) -> list[str]:
    """One for each file, geometry, selection and dtype."""
    found = []
    for file in files:
        for options in GEOMETRIES.values():
            for selection in SELECTIONS:
                for dtype in (torch.float32, torch.bfloat16):
                    tensor = dctdecode.read(file, selection, dtype=dtype, **options)
                    found.append(hashlib.sha256(tensor.view(torch.uint8).numpy().tobytes()).hexdigest())
    return found


@pytest.mark.parametrize("variable", ["DCTDECODE_FORCE_SCALAR", "DCTDECODE_NO_AVX512"])
def test_other_kernels_give_the_same_bits(variable, generate, tmp_path):
    files = []
    for kind in ("444", "420", "3:2", "gray", "420 progressive"):
        files.append(str(tmp_path / f"{kind.replace(':', '')}.jpg"))
        Path(files[-1]).write_bytes(made(kind, generate))
    folder = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", _DIGESTS, *files],
        env=os.environ | {variable: "1", "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == digests(files)


# --- Threads -------------------------------------------------------------------------------------------------


def test_batches_do_not_depend_on_threads(generate):
    """A crop and a flip for each image; single reads give the same bits."""
    rng = np.random.default_rng(5)
    sources, crops, flips = [], [], []
    for i in range(48):
        kind = list(KINDS)[i % len(KINDS)]
        height, width = (int(px) for px in rng.integers(20, 160, 2))
        sources.append(generate(replace(KINDS[kind], height=height, width=width, seed=i)).data)
        size = rng.uniform(0.3, 1.0, 2) * (height, width)
        first = rng.uniform(0, 1, 2) * ((height, width) - size)
        crops.append((*map(float, first), *map(float, size)))
        flips.append(bool(rng.integers(2)))
    options = {"channels": 24, "size": 56, "normalize": "dctnet"}
    single = torch.stack(
        [
            dctdecode.read(source, crop=crop, flip=flip, **options)
            for source, crop, flip in zip(sources, crops, flips, strict=True)
        ]
    )
    for threads in (1, 2, 8):
        batch = dctdecode.read_batch(sources, crop=crops, flip=flips, threads=threads, **options)
        assert torch.equal(batch.view(torch.int32), single.view(torch.int32)), threads
    for crop in (None, (1.0, 2.0, 15.5, 17.0)):
        one_for_all = dctdecode.read_batch(sources, crop=crop, flip=True, threads=2, **options)
        assert torch.equal(one_for_all[7], dctdecode.read(sources[7], crop=crop, flip=True, **options))


# --- Damage --------------------------------------------------------------------------------------------------


def damaged(data: bytes, seed: int) -> bytes:
    """Cut, or with bytes of its entropy-coded data changed."""
    rng = np.random.default_rng(seed)
    scan = data.rindex(b"\xff\xda") + 14
    if seed % 3 == 0:
        return data[: int(rng.integers(scan, len(data)))]
    changed = bytearray(data)
    for at in rng.integers(scan, len(data) - 2, int(rng.integers(1, 4))):
        changed[at] = int(rng.integers(256))
    return bytes(changed)


def leniently(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CorruptJpegWarning)
        return function(*arguments, strict=False, **options)


BOXES = [(0, 0, 32, 150), (32, 64, 32, 64), (64, 0, 37, 32)]


@pytest.mark.parametrize("kind", ["444", "420", "420 restarts", "422 progressive", "gray"])
def test_damaged_files_are_cropped_out_of_what_libjpeg_saves(kind, generate):
    """Leniently: a native crop is the slice, a resized one the operator on the planes of `read_planes`."""
    recipe = replace(KINDS[kind], height=HEIGHT, width=WIDTH)
    intact = made(kind, generate)
    harmed = 0
    for seed in range(24):
        data = damaged(intact, seed)
        try:
            planes = leniently(dctdecode.read_planes, data)
        except CorruptJpegError:  # a marker, which libjpeg-turbo gives up at
            with pytest.raises(CorruptJpegError):
                leniently(dctdecode.read, data)
            continue
        harmed += bool(planes.warnings)
        full = leniently(dctdecode.read, data)
        for top, left, height, width in BOXES:
            part = leniently(dctdecode.read, data, crop=(top, left, height, width))
            want = full[:, top // 8 : -(-(top + height) // 8), left // 8 : -(-(left + width) // 8)]
            assert torch.equal(part, want), (seed, top)
        box = (5.5, 12.0, 30.0, 99.0)
        got = leniently(dctdecode.read, data, crop=box, size=(24, 40))
        windows = [
            Window(Fraction(a), Fraction(a) + Fraction(b), Fraction(a), Fraction(a) + Fraction(b), n)
            for a, b, n in ((5.5, 30.0, 24), (12.0, 99.0, 40))
        ]
        stored = [planes.component(c) for c in range(len(recipe.factors))]
        parts = components(stored, recipe.factors, HEIGHT, WIDTH)
        if all(np.abs(part.samples).max() < 1e4 for part in parts):  # else float32 has too few digits for the rest
            assert_equals(got, channels(picture(parts, *windows)), seed)
    assert harmed > 10


@pytest.mark.parametrize("kind", ["444", "420", "420 restarts", "420 progressive"])
def test_strict_reading_refuses_damage_below_the_crop_too(kind, generate):
    data = made(kind, generate)
    for cut in (len(data) - 3, len(data) - 40):
        for options in ({"crop": (0, 0, 32, 32)}, {"crop": (0, 0, 30.5, 30), "size": 16}):
            with pytest.raises(CorruptJpegError):
                dctdecode.read(data[:cut], **options)


@pytest.mark.parametrize("kind", ["444", "420"])
def test_lenient_reading_stops_below_the_crop(kind, generate):
    """What lies there is not looked at; only that the file ends too early is always said."""
    data = made(kind, generate)
    options = {"crop": (0, 0, 16, 32), "strict": False}
    place = len(data) - 100
    garbled = data[:place] + b"\xff\xd3\xff\xc8" * 20 + data[place + 80 :]
    with pytest.raises(CorruptJpegError):
        dctdecode.read(garbled)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(dctdecode.read(garbled, **options), dctdecode.read(data, **options))
    with pytest.warns(CorruptJpegWarning, match="ends before the image does"):
        assert torch.equal(dctdecode.read(data[:place], **options), dctdecode.read(data, **options))


def test_a_failure_leaves_nothing_behind(generate):
    """Rings and axes are kept from image to image; damaged and large images change nothing for the next."""
    files = [made(kind, generate) for kind in KINDS]
    files += [damaged(file, seed) for seed, file in enumerate(files)]
    options = list(GEOMETRIES.values())

    def outcome(i: int, j: int) -> object:
        with contextlib.suppress(dctdecode.errors.DctDecodeError):
            return dctdecode.read(files[i], 24, **options[j]).numpy().tobytes()
        return None

    rng = np.random.default_rng(2)
    first: dict[tuple[int, int], object] = {}
    for _ in range(1200):
        at = int(rng.integers(len(files))), int(rng.integers(len(options)))
        result = outcome(*at)
        assert first.setdefault(at, result) == result, at


# --- Memory ------------------------------------------------------------------------------------------------------

_PEAK = """
import re, sys
from pathlib import Path
import dctdecode
small, large = sys.argv[1:]
def peak_kb():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
dctdecode.read(small, 24, size=448)
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = peak_kb()
for options in ({"size": 448}, {"size": 448, "crop": (100.5, 200.25, 3000.0, 3500.0), "flip": True}):
    dctdecode.read(large, 24, **options)
print(peak_kb() - before)
"""


def test_a_large_image_is_never_whole_in_memory(generate, generator, tmp_path):
    """16.8 megapixels, 4:2:0: its coefficients take 50 MB as int16, a ring of block rows far less."""
    recipe = Recipe(4096, 4096)
    rng = np.random.default_rng(5)
    tile = rng.integers(-40, 40, (16, 16, 8, 8), dtype=np.int16) * (rng.random((16, 16, 8, 8)) < 0.06)
    blocks = [np.tile(tile.astype(np.int16), (hb // 16, wb // 16, 1, 1)) for hb, wb in recipe.grids]
    large, small = tmp_path / "large.jpg", tmp_path / "small.jpg"
    large.write_bytes(generator.write(recipe, np.full((4, 8, 8), 4, np.uint16), blocks).data)
    small.write_bytes(generate(Recipe(600, 500)).data)
    command = [sys.executable, "-c", _PEAK, str(small), str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    file_kb = large.stat().st_size // 1024
    assert int(done.stdout) < 2 * file_kb + 12 * 1024, (done.stdout, file_kb)
