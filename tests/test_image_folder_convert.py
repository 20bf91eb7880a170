"""fallback="convert": coefficients of images that are no JPEGs, against the long way round in pixels."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode import ChannelSet, DCTImageFolder
from dctdecode.errors import LimitExceededError
from dctdecode.transforms import CounterRandom, RandomErasing, RandomResizedCrop
from dctdecode.transforms.base import PlanTransform
from folders import image_tree, put
from PIL import Image
from reference import geometry as reference
from reference.color import ycbcr_from_rgb

HEIGHT, WIDTH = 21, 37


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def encoded(pixels: np.ndarray, kind: str = "png", mode: str = "RGB", **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def root(tmp_path, pixels) -> Path:
    put(tmp_path / "tree" / "a" / "1.png", encoded(pixels))
    return tmp_path / "tree"


class Edited(PlanTransform):
    """Any edit of the geometry."""

    sides_px = None

    def __init__(self, edit):
        self.edit = edit

    def apply(self, geometry, random):
        return self.edit(geometry)


def window(start, stop, lo, hi, n_out, **options) -> reference.Window:
    return reference.Window(*map(Fraction, (start, stop, lo, hi)), n_out, **options)


def whole(side: int, n_out: int | None = None, **options) -> reference.Window:
    return window(0, side, 0, side, n_out or side, **options)


# Edit, and the same as windows (vertical, horizontal).
CASES = {
    "native": (lambda g: g, window(0, 24, 0, 21, 24), window(0, 40, 0, 37, 40)),
    "native, mirrored": (
        lambda g: g.hflip().vflip(),
        window(-3, 21, 0, 21, 24, flip=True),
        window(-3, 37, 0, 37, 40, flip=True),
    ),
    "smaller": (lambda g: g.resize(16, 24), whole(21, 16), whole(37, 24)),
    "larger": (lambda g: g.resize(48, 40), whole(21, 48), whole(37, 40)),
    "rounded": (lambda g: g.resize(20, 35), whole(21, 24), whole(37, 32)),
    "crop, then resize": (
        lambda g: g.crop(2.25, 3.5, 10.5, 20.25).resize(16, 16).hflip(),
        window("2.25", "12.75", "2.25", "12.75", 16),
        window("3.5", "23.75", "3.5", "23.75", 16, flip=True),
    ),
    "resize, then crop": (
        lambda g: g.resize(42, 74).crop(2, 4, 32, 64),
        window(1, 17, 0, 21, 32),
        window(2, 34, 0, 37, 64),
    ),
    "padded crop": (lambda g: g.crop(-4, -2, 32, 40), window(-4, 28, 0, 21, 32), window(-2, 38, 0, 37, 40)),
    "blurred": (
        lambda g: g.resize(24, 32).blur((5, 7), 1.5),
        whole(21, 24, blur=(5, 1.5)),
        whole(37, 32, blur=(7, 1.5)),
    ),
}


def expected(pixels, vertical, horizontal, interpolation="bilinear", antialias=True) -> np.ndarray:
    samples = ycbcr_from_rgb(*np.moveaxis(pixels.astype(np.float64), 2, 0))
    one = (Fraction(1), Fraction(1))
    none = (Fraction(0), Fraction(0))
    parts = [reference.Component(plane - (128 if i == 0 else 0), one, none) for i, plane in enumerate(samples)]
    by = reference.resized_by_matrices
    planes = reference.picture(parts, vertical, horizontal, interpolation, antialias=antialias, by=by)
    return reference.channels(planes)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("interpolation", ["box", "bilinear", "bicubic", "lanczos"])
def test_coefficients_are_those_of_the_pixels(root, pixels, name, interpolation):
    edit, vertical, horizontal = CASES[name]
    dataset = DCTImageFolder(root, Edited(edit), fallback="convert", interpolation=interpolation)
    np.testing.assert_allclose(
        dataset[0][0].numpy(), expected(pixels, vertical, horizontal, interpolation), rtol=0, atol=1e-3
    )


def test_without_antialiasing(root, pixels):
    dataset = DCTImageFolder(root, size=(8, 16), fallback="convert", antialias=False)
    windows = whole(HEIGHT, 8), whole(WIDTH, 16)
    found = dataset[0][0].numpy()
    np.testing.assert_allclose(found, expected(pixels, *windows, antialias=False), rtol=0, atol=1e-3)
    assert np.abs(found - expected(pixels, *windows)).max() > 10


def test_channels_normalisation_and_dtype(root, pixels):
    channels = ChannelSet(y=[0, 9], cb=[1], cr=[0])
    dataset = DCTImageFolder(
        root, channels=channels, normalize=(3.0, [1, 2, 4, 8]), dtype=torch.float16, fallback="convert"
    )
    native = expected(pixels, *CASES["native"][1:])[[0, 9, 65, 128]]
    found = dataset[0][0]
    assert found.dtype == torch.float16
    wanted = (native - 3) / np.array([1, 2, 4, 8])[:, None, None]
    np.testing.assert_allclose(found.float().numpy(), wanted, rtol=1e-3, atol=1e-3)


def test_a_jpeg_of_the_same_picture_is_close(tmp_path):
    """Signs, units and order: its quantisation alone lies between, steps of 1 to 2."""
    y, x = np.mgrid[:64, :48]
    picture = np.stack([128 + 100 * np.sin(x / 9), 4 * x, 255 - 3 * y], axis=2).clip(0, 255).astype(np.uint8)
    put(tmp_path / "a" / "1.jpg", encoded(picture, "jpeg", quality=100, subsampling=0))
    put(tmp_path / "a" / "2.png", encoded(picture))
    dataset = DCTImageFolder(tmp_path, RandomResizedCrop(32), fallback="convert")
    (jpeg, _), (png, _) = (dataset.read_batch([index], randoms=[CounterRandom(0, 0, 5)])[0:2] for index in (0, 1))
    assert (jpeg - png).abs().max() < 4
    assert png.abs().amax((0, 2, 3)).topk(2).values.min() > 100


NOT_WRITTEN = {("ppm", "P"), ("ppm", "RGBA"), ("webp", "P")}  # by Pillow
KINDS = [
    (kind, mode)
    for kind in ("png", "bmp", "ppm", "tiff", "webp")
    for mode in ("RGB", "L", "P", "RGBA")
    if (kind, mode) not in NOT_WRITTEN
]


@pytest.mark.parametrize(("kind", "mode"), KINDS)
def test_kinds_of_files(tmp_path, pixels, kind, mode):
    """As ``convert("RGB")`` has them, which is what ImageFolder's loader does."""
    options = {"lossless": True} if kind == "webp" else {}
    data = encoded(pixels, kind, mode, **options)
    put(tmp_path / "a" / f"1.{kind.upper()}", data)
    dataset = DCTImageFolder(tmp_path, fallback="convert")
    shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_allclose(dataset[0][0].numpy(), expected(shown, *CASES["native"][1:]), rtol=0, atol=1e-3)
    if mode == "L":
        assert dataset[0][0][64:].abs().max() < 1e-3


def test_orientation(tmp_path, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6
    put(tmp_path / "a" / "1.png", encoded(pixels, exif=exif))
    upright = np.rot90(pixels, -1)
    ignored, applied = (
        DCTImageFolder(tmp_path, size=16, fallback="convert", orientation=word)[0][0].numpy()
        for word in ("ignore", "apply")
    )
    np.testing.assert_allclose(ignored, expected(pixels, whole(21, 16), whole(37, 16)), rtol=0, atol=1e-3)
    np.testing.assert_allclose(applied, expected(upright, whole(37, 16), whole(21, 16)), rtol=0, atol=1e-3)


@pytest.fixture
def mixed(tmp_path, generate, pixels) -> Path:
    """cat: two JPEGs and a PNG; dog: a PNG that is broken, one JPEG, and a PNG by a JPEG's name."""
    root = image_tree(tmp_path / "mixed", generate, 2)
    put(root / "cat" / "2.png", encoded(pixels))
    (root / "dog" / "0.jpg").unlink()
    put(root / "dog" / "0.png", encoded(pixels)[:300])
    put(root / "dog" / "2.jpg", encoded(pixels))
    return root


def test_batches_of_both_kinds(mixed):
    dataset = DCTImageFolder(mixed, RandomErasing(1.0), size=32, channels=24, fallback="convert")
    randoms = [CounterRandom(0, 0, index) for index in range(4)]
    out = torch.full((4, 24, 4, 4), 9.0)
    indices = [0, 2, 1, 4]
    torch.manual_seed(0)
    single = [dataset[i] for i in indices]
    torch.manual_seed(0)
    batch = dataset.__getitems__(indices)
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(single, batch, strict=True))
    tensor, targets, failures = dataset.read_batch(indices, randoms=randoms, out=out)
    assert tensor.data_ptr() == out.data_ptr()
    assert targets.tolist() == [0, 0, 0, 1]
    assert failures == []
    again = [
        dataset.read_batch([index], randoms=[CounterRandom(0, 0, place)])[0][0]
        for place, index in enumerate(indices)
    ]
    assert torch.equal(torch.stack(again), out)


def test_broken_images_follow_on_error(mixed):
    dataset = DCTImageFolder(mixed, size=16, channels=6, fallback="convert")
    for index, name, says in ((3, "dog/0.png", "Pillow cannot read it"), (5, "dog/2.jpg", "not a JPEG")):
        for read in (lambda i: dataset[i], lambda i: dataset.__getitems__([0, i])):
            with pytest.raises(OSError, match=says) as caught:
                read(index)
            assert f"{mixed}/{name}" in str(caught.value)
    tensor, targets, failures = dataset.read_batch(range(6), on_error="skip")
    assert len(tensor) == 4
    assert targets.tolist() == [0, 0, 0, 1]
    assert [failure.index for failure in failures] == [3, 5]
    tensor, targets, failures = dataset.read_batch(range(6), on_error="zero")
    assert (tensor.count_nonzero((1, 2, 3)) > 0).tolist() == [True, True, True, False, True, False]
    assert targets.tolist() == [0, 0, 0, 1, 1, 1]


def test_limits_hold(root):
    small = DCTImageFolder(root, fallback="convert", limits={"max_pixels": HEIGHT * WIDTH - 1})
    with pytest.raises(LimitExceededError, match=r"a/1\.png: 21 x 37 px, more than max_pixels = 776"):
        small[0]
    DCTImageFolder(root, fallback="convert", limits={"max_pixels": HEIGHT * WIDTH})[0]
    assert math.prod(DCTImageFolder(root, fallback="convert", limits=dctdecode.Limits.none())[0][0].shape) > 0


def test_pillow_is_not_needed_before(root, tmp_path, generate):
    """Nor imported at all for JPEGs."""
    image_tree(tmp_path / "jpegs", generate, 1)
    script = """
import sys
sys.modules["PIL"] = None
import dctdecode
dctdecode.DCTImageFolder(sys.argv[1], fallback="convert")[0]
try:
    dctdecode.DCTImageFolder(sys.argv[2], fallback="convert")[0]
except ImportError as error:
    print(error)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "jpegs"), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == 'fallback="convert" needs Pillow: pip install "dctdecode[convert]"\n'
