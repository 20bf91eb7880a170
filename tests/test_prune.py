"""prune: what is kept is the file's own, bit for bit; the rest is zero; the result is an ordinary JPEG."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import dctdecode
import faults
import numpy as np
import pytest
import simplejpeg
from dctdecode.channels import as_channel_set
from dctdecode.errors import (
    CorruptJpegError,
    CorruptJpegWarning,
    DctDecodeError,
    LimitExceededError,
    UnsupportedJpegError,
)
from generate import SUBSAMPLINGS, Recipe, separate
from PIL import Image
from test_coefficients import interleavable
from test_coefficients import recipes as all_recipes

CHANNELS = (6, 24, 192, "learned-24", [63, 64 + 7, 128 + 56], [0])


def kept_frequencies(channels: object, component: int, color_space: str) -> list[int]:
    """Natural indices that `channels` keeps of a component."""
    of_components = as_channel_set(channels)
    lists = (of_components.y, of_components.cb, of_components.cr)
    return sorted({i for indices in lists for i in indices} if color_space == "RGB" else lists[component])


def assert_kept(stored: dctdecode.Planes, pruned: dctdecode.Planes, channels: object, label: object = "") -> None:
    """Kept coefficients and tables are those of the file, all others zero; so are sizes and sampling."""
    a, b = stored.info, pruned.info
    assert (a.height, a.width, a.color_space, a.sampling) == (b.height, b.width, b.color_space, b.sampling), label
    for c in range(len(stored)):
        before = stored.quantized(c).reshape(*a.grids[c], 64)
        expected = np.zeros_like(before)
        kept = kept_frequencies(channels, c, a.color_space)
        expected[..., kept] = before[..., kept]
        after = pruned.quantized(c).reshape(*b.grids[c], 64)
        np.testing.assert_array_equal(after, expected, err_msg=str(label), strict=True)
        np.testing.assert_array_equal(stored.quant_table(c), pruned.quant_table(c), err_msg=str(label))


def markers_of(data: bytes) -> list[tuple[int, bytes]]:
    """Segments up to the first scan: marker, payload."""
    found, at = [], 2
    while data[at + 1] != 0xDA:
        assert data[at] == 0xFF
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((data[at + 1], data[at + 4 : at + 2 + size]))
        at += 2 + size
    return found


def refused(recipe: Recipe, data: bytes) -> str | None:
    """What the message must say where a generated file cannot be pruned."""
    if recipe.color in ("cmyk", "ycck"):
        return "CMYK"
    if dctdecode.info(data).color_space == "unknown":
        return "unknown meaning"
    return "quantisation tables" if recipe.wide else None


RECIPES = all_recipes()


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_generated_files(generate, recipe):
    """Every sampling, process, size down to 1 x 1, restarts, several scans; extreme values."""
    made = generate(recipe)
    stored = dctdecode.read_planes(made.data)
    words = refused(recipe, made.data)
    if words is not None:
        with pytest.raises(UnsupportedJpegError, match=words):
            dctdecode.prune(made.data, 24)
        return
    for channels in CHANNELS:
        for progressive in (False, True):
            jpeg = dctdecode.prune(made.data, channels, progressive=progressive)
            pruned = dctdecode.read_planes(jpeg)
            assert not pruned.warnings
            assert not pruned.notes
            assert (pruned.info.progressive, pruned.info.arithmetic) == (progressive, False)
            assert pruned.info.restart_interval == 0
            assert_kept(stored, pruned, channels, (recipe, channels, progressive))
            assert dctdecode.prune(jpeg, channels, progressive=progressive) == jpeg  # twice is once
        baseline = dctdecode.prune(made.data, channels)
        assert dctdecode.prune(jpeg, channels) == baseline  # by whatever way
        assert 0xC0 in [marker for marker, _ in markers_of(baseline)]  # SOF0: baseline, not extended


def test_recipes_cover_what_matters():
    usable = [r for r in RECIPES if r.color in ("gray", "ycbcr", "rgb") and not r.wide]
    assert {r.factors for r in usable} >= set(SUBSAMPLINGS.values())
    assert {r.process for r in usable} >= {"", "o", "p", "a", "pa"}
    assert {(r.height, r.width) for r in usable} >= {(1, 1), (1, 37), (21, 1), (8, 8), (9, 7)}
    assert any(r.restart for r in usable)
    assert any(r.blocks_in_mcu > 10 for r in usable)


@pytest.mark.parametrize("sampling", ["444", "420"])
def test_read_of_the_pruned_file_is_read_of_the_file(generate, sampling):
    """Wherever no resampling follows: bit for bit."""
    made = generate(Recipe(40, 56, factors=SUBSAMPLINGS[sampling], extreme=True))
    for channels in CHANNELS:
        a, b = dctdecode.read(made.data, channels), dctdecode.read(dctdecode.prune(made.data, channels), channels)
        exact = len(as_channel_set(channels)) if sampling == "444" else len(as_channel_set(channels).y)
        np.testing.assert_array_equal(a[:exact], b[:exact])


def test_read_of_gray_and_rgb_files(generate):
    """An RGB file's Y, Cb, Cr draw on the same frequency of all three components, each of which is kept."""
    for recipe in (Recipe(color="gray", factors=((1, 1),)), Recipe(color="rgb", factors=SUBSAMPLINGS["444"])):
        data = generate(recipe).data
        for channels in CHANNELS:
            pruned = dctdecode.prune(data, channels)
            assert dctdecode.info(pruned).color_space == dctdecode.info(data).color_space
            np.testing.assert_array_equal(dctdecode.read(data, channels), dctdecode.read(pruned, channels))


def test_margin_keeps_neighbours(generate):
    made = generate(Recipe(40, 56, factors=SUBSAMPLINGS["444"], extreme=True))
    stored = dctdecode.read_planes(made.data)
    for margin in range(8):
        near = [
            64 * c + 8 * v + u
            for c, (y, x) in enumerate([(3, 2), (0, 0), (7, 7)])
            for v in range(8)
            for u in range(8)
            if abs(v - y) <= margin and abs(u - x) <= margin
        ]
        jpeg = dctdecode.prune(made.data, [8 * 3 + 2, 64, 128 + 63], margin=margin)
        assert_kept(stored, dctdecode.read_planes(jpeg), near, margin)


def test_margin_brings_upsampled_chroma_nearer(photo):
    """With all frequencies of chroma kept it is exact; in between, the error falls."""
    whole = dctdecode.read(photo, 24)[16:]
    errors = [
        (dctdecode.read(dctdecode.prune(photo, 24, margin=m), 24)[16:] - whole).square().mean() for m in range(7)
    ]
    assert all(more < less for less, more in pairwise(errors)), errors
    assert errors[6] == 0


@pytest.fixture(scope="module")
def photo() -> bytes:
    import matplotlib

    return (Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").read_bytes()


def test_the_huffman_tables_are_libjpegs_best(generate):
    """A file that libjpeg-turbo optimised comes back byte for byte: ours are the codes that it finds."""
    made = [replace(r, process="o") for r in RECIPES if r.color in ("gray", "ycbcr") and r.script == "-"]
    made = [generate(replace(r, restart=0)) for r in made if r.blocks_in_mcu <= 10 and not r.wide]
    for one in made:
        if one.recipe.color == "ycbcr" and len(one.recipe.factors) == 3:
            assert dctdecode.prune(one.data, 192) == one.data, one.recipe
    assert len(made) > 100


def test_it_is_smaller(photo):
    sizes = [len(dctdecode.prune(photo, channels)) for channels in (6, 24, 48, 64, 192)]
    assert sizes == sorted(sizes)
    assert sizes[-1] < len(photo)
    assert sizes[1] < 0.75 * len(photo)


def open_everywhere(jpeg: bytes, label: object = "") -> None:
    """Pillow, simplejpeg, OpenCV and libjpeg-turbo's djpeg, which share no code of ours, see a whole image."""
    info = dctdecode.info(jpeg)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Image.open(io.BytesIO(jpeg)) as image:
            image.load()
            assert image.size == (info.width, info.height), label
            assert image.format == "JPEG", label
    assert simplejpeg.decode_jpeg(jpeg, strict=True).shape[:2] == (info.height, info.width), label
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert pixels.shape[:2] == (info.height, info.width), label


def test_other_decoders_open_it(generate, oracle, capfd):
    """Without a word on stderr, and without a warning of libjpeg-turbo."""
    for factors in ("444", "422", "440", "420", "411"):  # those that TurboJPEG knows
        made = generate(Recipe(50, 70, factors=SUBSAMPLINGS[factors]))
        for channels in (6, 24, 192):
            for progressive in (False, True):
                jpeg = dctdecode.prune(made.data, channels, progressive=progressive)
                open_everywhere(jpeg, (factors, channels, progressive))
                assert oracle(jpeg).whole
    assert capfd.readouterr().err == ""


# -- damage, limits, arguments ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["baseline-420", "progressive-420", "arithmetic-420", "restart-420"])
def test_damaged_input_is_a_named_error(name):
    """Cut anywhere; and a strict error means that strict reading has one, too."""
    data = faults.small(name)
    for end in range(0, len(data) - 1, 7):
        with pytest.raises(CorruptJpegError) as caught:
            dctdecode.prune(data[:end], 192)
        assert caught.value.reason in ("truncated", "corrupt", "not_jpeg")


def test_lenient_pruning_saves_what_reading_saves():
    data = faults.small("baseline-420")[:-40]
    with pytest.warns(CorruptJpegWarning):
        stored = dctdecode.read_planes(data, strict=False)
    with pytest.warns(CorruptJpegWarning):
        jpeg = dctdecode.prune(data, 24, strict=False)
    assert_kept(stored, dctdecode.read_planes(jpeg), 24)


def test_errors_carry_the_path(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(faults.small("cmyk"))
    with pytest.raises(UnsupportedJpegError, match=r"a\.jpg: a CMYK image") as caught:
        dctdecode.prune(path, 24)
    assert caught.value.path == str(path)
    with pytest.raises(FileNotFoundError):
        dctdecode.prune(tmp_path / "none.jpg", 24)


def test_values_beyond_baseline_are_refused_by_name(generator):
    """16-bit values that a file can hold with arithmetic coding or many bits, and an encoder cannot."""
    recipe = Recipe(8, 16, factors=((1, 1),), color="gray", process="a")
    tables = np.full((4, 8, 8), 1, np.uint16)
    for v, u, value, word in ((0, 1, 1024, "AC"), (7, 7, -1024, "AC"), (0, 0, 2048, "DC"), (0, 0, -2048, "DC")):
        blocks = np.zeros((1, 2, 8, 8), np.int16)
        blocks[0, 1, v, u] = value
        data = generator.write(recipe, tables, [blocks]).data
        np.testing.assert_array_equal(dctdecode.read_planes(data).quantized(0), blocks)
        with pytest.raises(UnsupportedJpegError, match=f"{word} coefficient"):
            dctdecode.prune(data, 192)
        if (v, u) != (0, 0):  # what is not kept need not fit
            assert not dctdecode.read_planes(dctdecode.prune(data, [0])).quantized(0).any()


def test_tables_beyond_baseline_are_refused_by_name(generator):
    recipe = replace(Recipe(8, 16, factors=((1, 1),), color="gray"), wide=True)
    for bad in (256, 65535):
        tables = np.full((4, 8, 8), 1, np.uint16)
        tables[0, 7, 7] = bad
        data = generator.write(recipe, tables, [np.zeros((1, 2, 8, 8), np.int16)]).data
        with pytest.raises(UnsupportedJpegError, match=f"8-bit quantisation tables.*{bad}"):
            dctdecode.prune(data, 24)


def _grids(data: bytes) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    info = dctdecode.info(data)
    return list(zip(info.grids, info.sampling, strict=True))


def test_limits(photo):
    for name, value in (("max_pixels", 100), ("max_bytes", 1000), ("max_memory_bytes", 20_000)):
        with pytest.raises(LimitExceededError, match=name):
            dctdecode.prune(photo, 192, limits={name: value})
    coefficients = sum(128 * (-(-hb // v) * v) * (-(-wb // h) * h) for (hb, wb), (v, h) in _grids(photo))
    for progressive in (False, True):  # by our decoder, and by libjpeg-turbo
        jpeg = dctdecode.prune(photo, 192, progressive=progressive)
        dctdecode.prune(jpeg, 192, limits={"max_memory_bytes": coefficients})
        with pytest.raises(LimitExceededError, match="for coefficients and result"):
            dctdecode.prune(jpeg, 192, limits={"max_memory_bytes": coefficients - 1})
    with pytest.raises(LimitExceededError, match="max_pixels"):
        dctdecode.prune(photo, 192, size=(512, 512), limits={"max_pixels": 512 * 512 - 1})


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"margin": -1}, ValueError, "margin must be an integer 0..7, got -1"),
        ({"margin": 8}, ValueError, "margin"),
        ({"margin": True}, ValueError, "margin"),
        ({"margin": 0.5}, ValueError, "margin"),
        ({"progressive": "no"}, TypeError, "progressive must be True or False, got 'no'"),
        ({"strict": None}, TypeError, "strict must be True or False"),
        ({"quality": 90}, ValueError, "quality and subsampling are for an image that size or geometry resamples"),
        ({"subsampling": "4:2:0"}, ValueError, "quality and subsampling"),
        ({"size": 64, "quality": 0}, ValueError, "quality must be an integer 1..100, got 0"),
        ({"size": 64, "quality": 101}, ValueError, "quality"),
        ({"size": 64, "quality": "high"}, ValueError, "quality"),
        ({"size": 64, "subsampling": "4:1:0"}, ValueError, "subsampling must be one of .*, got '4:1:0'"),
        ({"size": 63}, ValueError, "multiple"),
        ({"size": 64, "interpolation": "nearest"}, ValueError, "interpolation"),
        ({"size": 64, "geometry": lambda h, w: None}, ValueError, "geometry"),
        ({"geometry": lambda h, w: None}, TypeError, "geometry must return"),
        ({"metadata": "none"}, ValueError, 'metadata must be "orientation" or "all", got \'none\''),
        ({"orientation": "ignore"}, ValueError, 'orientation must be "keep" or "apply", got \'ignore\''),
        ({"channels": 25}, ValueError, "no preset"),
        ({"channels": [192]}, ValueError, "outside"),
    ],
)  # fmt: skip
def test_bad_arguments(photo, arguments, error, words):
    arguments = {"channels": 24, **arguments}
    with pytest.raises(error, match=words):
        dctdecode.prune(photo, arguments.pop("channels"), **arguments)


def test_every_kind_of_source(photo, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(photo)
    expected = dctdecode.prune(photo, 24)
    array = np.frombuffer(photo, np.uint8)
    with path.open("rb") as file:
        for source in (path, str(path), bytearray(photo), memoryview(photo), array, file):
            assert dctdecode.prune(source, 24) == expected


def test_order_of_channels_does_not_matter(photo):
    channels = dctdecode.PRESETS[24]
    backwards = dctdecode.ChannelSet(y=channels.y[::-1], cb=channels.cb[::-1], cr=channels.cr[::-1])
    assert dctdecode.prune(photo, backwards) == dctdecode.prune(photo, 24)


def test_separate_scans_where_an_mcu_would_be_too_large(generate):
    """12 blocks in an MCU: three scans, as T.81 B.2.3 wants it."""
    made = generate(interleavable(Recipe(factors=SUBSAMPLINGS["all 2x2"])))
    assert made.recipe == separate(made.recipe)
    jpeg = dctdecode.prune(made.data, 24)
    assert jpeg.count(b"\xff\xda") == 3
    assert_kept(dctdecode.read_planes(made.data), dctdecode.read_planes(jpeg), 24)


def test_both_decoders_give_the_same_bytes(photo, monkeypatch):
    before = [dctdecode.prune(photo, channels, margin=1) for channels in (6, 24, 192)]
    monkeypatch.setenv("DCTDECODE_DECODER", "libjpeg-turbo")
    assert dctdecode.read_planes(photo).decoder == "libjpeg-turbo"
    assert [dctdecode.prune(photo, channels, margin=1) for channels in (6, 24, 192)] == before


def test_many_threads(photo):
    """Each thread has memory of its own; the GIL is free meanwhile."""
    jobs = [(photo, channels, progressive) for channels in (6, 24, 64) for progressive in (False, True)] * 5
    expected = [dctdecode.prune(data, channels, progressive=progressive) for data, channels, progressive in jobs]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda job: dctdecode.prune(job[0], job[1], progressive=job[2]), jobs))
    assert found == expected


@pytest.mark.skipif(sys.platform != "linux", reason="the way to send a signal to oneself is Linux's")
def test_ctrl_c_is_heard(tmp_path):
    """Within a fraction of what the call would take: 64 megapixels, some seconds."""
    code = """
import signal, sys, time
import dctdecode, numpy as np
noise = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), np.uint8)
jpeg = dctdecode.encode(np.tile(noise, (6, 6, 1)), quality=95, subsampling="4:4:4")
start = time.perf_counter()
dctdecode.prune(jpeg, 192, limits={"max_memory_bytes": None})
whole = time.perf_counter() - start
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, whole / 4)
start = time.perf_counter()
try:
    dctdecode.prune(jpeg, 192, limits={"max_memory_bytes": None})
except KeyboardInterrupt:
    sys.exit(0 if time.perf_counter() - start < 0.75 * whole else 3)
sys.exit(4)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_mutants():
    """A JPEG that reads again, or a named error."""
    kept = 0
    for data in faults.mutants(400):
        try:
            jpeg = dctdecode.prune(data, 24)
        except DctDecodeError:
            continue
        assert not dctdecode.read_planes(jpeg).warnings
        kept += 1
    assert 20 < kept < 380
