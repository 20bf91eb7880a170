"""`read` with size, crop, flip, orientation, geometry and transform: what equals what.

The numbers are held against pixels in test_geometry*.py; what is refused: test_read_geometry_arguments.py.
"""

from __future__ import annotations

import ast
import io
import re
from dataclasses import replace

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode.errors import LimitExceededError
from dctdecode.geometry import Geometry
from dctdecode.transforms import Compose, Grayscale, RandomHorizontalFlip, RandomResizedCrop
from generate import SUBSAMPLINGS, Recipe
from PIL import Image, ImageOps

KINDS = {
    **{name: Recipe(101, 150, factors=factors) for name, factors in SUBSAMPLINGS.items() if name != "all 2x2"},
    "gray": Recipe(101, 150, color="gray", factors=((1, 1),)),
    "gray 2x2": Recipe(101, 150, color="gray", factors=((2, 2),)),
    "rgb": Recipe(101, 150, color="rgb", factors=SUBSAMPLINGS["444"]),
    "420 progressive": Recipe(101, 150, process="p"),
}


def mcu(recipe: Recipe) -> tuple[int, int]:
    """Height and width in px (T.81 A.2): a lone component is not interleaved."""
    if len(recipe.factors) == 1:
        return 8, 8
    return 8 * max(v for v, _ in recipe.factors), 8 * max(h for _, h in recipe.factors)


@pytest.fixture(scope="module")
def photo(generate) -> bytes:
    """101 x 150 px (height x width), 4:2:0."""
    return generate(KINDS["420"]).data


# --- The same thing said in other words -----------------------------------------------------------------------


def test_sizes_and_boxes_in_other_types(photo):
    box = (3.5, 10.25, 60.5, 90.0)
    expected = dctdecode.read(photo, 24, size=(64, 64), crop=box)
    assert expected.shape == (24, 8, 8)
    for size in (64, np.int64(64), [64, 64], np.array([64, 64]), torch.tensor([64, 64]), torch.tensor(64)):
        assert torch.equal(dctdecode.read(photo, 24, size=size, crop=box), expected)
    for crop in (list(box), np.array(box), np.array(box, np.float32), torch.tensor(box)):
        assert torch.equal(dctdecode.read(photo, 24, size=64, crop=crop), expected)


def test_flips_in_other_words(photo):
    options = {"channels": 24, "size": (48, 64)}
    plain, across = dctdecode.read(photo, **options), dctdecode.read(photo, flip=True, **options)
    assert not torch.equal(plain, across)
    for flip in ("horizontal", np.True_, torch.tensor(True)):
        assert torch.equal(dctdecode.read(photo, flip=flip, **options), across)
    for flip in (None, False, np.False_):
        assert torch.equal(dctdecode.read(photo, flip=flip, **options), plain)


@pytest.mark.parametrize("crop", [None, (10.5, 3.25, 80.0, 100.5)])
@pytest.mark.parametrize("flip", [False, "horizontal", "vertical", "both"])
def test_a_flip_reverses_blocks_and_signs(crop, flip, photo):
    """Mirrored samples: blocks in reverse order, odd frequencies negated."""
    plain = dctdecode.read(photo, size=(48, 64), crop=crop).reshape(3, 8, 8, 6, 8)
    sign = torch.tensor([1.0, -1.0] * 4)
    if flip in ("vertical", "both"):
        plain = plain.flip(3) * sign[:, None, None, None]
    if flip in ("horizontal", "both"):
        plain = plain.flip(4) * sign[:, None, None]
    got = dctdecode.read(photo, size=(48, 64), crop=crop, flip=flip)
    torch.testing.assert_close(got, plain.reshape(192, 6, 8), rtol=0, atol=2e-3)


@pytest.mark.parametrize("kind", ["420", "444", "gray"])
@pytest.mark.parametrize("flip", ["horizontal", "vertical", "both"])
def test_twice_flipped_is_the_image(kind, flip, generate):
    data = generate(KINDS[kind]).data

    def twice(height, width):
        geometry = Geometry.of(height, width)
        for _ in range(2):
            geometry = geometry.hflip() if flip != "vertical" else geometry
            geometry = geometry.vflip() if flip != "horizontal" else geometry
        return geometry

    assert torch.equal(dctdecode.read(data, geometry=twice), dctdecode.read(data))


def test_rounding_may_put_a_box_outside(photo):
    whole = dctdecode.read(photo, 24, size=64)
    for crop in [(-1e-7, 0, 101 + 2e-7, 150), (0.0, -1e-7, 101, 150 + 1e-6)]:
        assert torch.equal(dctdecode.read(photo, 24, size=64, crop=crop), whole)


# --- Slices of the native grid --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_slices_are_those_of_the_whole(kind, generate):
    """Bit for bit, wherever the box lies, at the image's ragged edge too."""
    recipe = KINDS[kind]
    data = generate(recipe).data
    whole, (high, wide) = dctdecode.read(data), mcu(recipe)
    boxes = {(0, 0, 101, 150), (0, 0, high, wide)}
    for top in range(0, 101, high):
        boxes |= {(top, 0, 101 - top, 150), (0, 0, min(top + high, 101), 150)}
    for left in range(0, 150, wide):
        boxes |= {(0, left, 101, 150 - left), (0, left, high, min(wide, 150 - left))}
    for top, left, height, width in sorted(boxes):
        part = dctdecode.read(data, crop=(top, left, height, width))
        rows, columns = slice(top // 8, -(-(top + height) // 8)), slice(left // 8, -(-(left + width) // 8))
        assert torch.equal(part, whole[:, rows, columns]), (top, left, height, width)


@pytest.mark.parametrize("kind", ["444", "gray"])
def test_slices_stay_integers(kind, generate):
    data = generate(KINDS[kind]).data
    part = dctdecode.read(data, 24, crop=(16, 24, 64, 80), dtype=torch.int16)
    assert torch.equal(part, dctdecode.read(data, 24, dtype=torch.int16)[:, 2:10, 3:13])


@pytest.mark.parametrize("flip", [(2,), (3,), (2, 3)])
def test_mirrored_blocks_stay_integers(flip, generate):
    data = generate(KINDS["444"]).data
    name = {(2,): "vertical", (3,): "horizontal", (2, 3): "both"}[flip]
    got = dctdecode.read(data, size=64, crop=(8, 16, 64, 64), flip=name, dtype=torch.int16)
    want = dctdecode.read(data, dtype=torch.int16)[:, 1:9, 2:10].reshape(24, 8, 8, 8).flip(flip)
    sign = torch.tensor([1, -1] * 4, dtype=torch.int16)
    rows = sign[torch.arange(24) % 8][:, None, None, None] if 2 in flip else 1
    columns = sign[:, None, None] if 3 in flip else 1
    assert torch.equal(got, (want * rows * columns).reshape(got.shape))


@pytest.mark.parametrize("kind", ["444", "420", "411", "441", "3:2", "gray 2x2"])
def test_the_nearest_box_is_aligned_and_no_farther_than_an_mcu(kind, generate):
    recipe = KINDS[kind]
    data, (high, wide) = generate(recipe).data, mcu(recipe)
    rng = np.random.default_rng(5)
    for _ in range(40):
        top, left = int(rng.integers(0, 100)), int(rng.integers(0, 149))
        box = (top, left, int(rng.integers(1, 102 - top)), int(rng.integers(1, 151 - left)))
        try:
            dctdecode.read(data, 6, crop=box)
        except ValueError as error:
            near = ast.literal_eval(re.search(r"nearest: crop=(\([^)]*\))", str(error))[1])
            dctdecode.read(data, 6, crop=near)
            for axis, step in ((0, high), (1, wide)):
                assert abs(near[axis] - box[axis]) < step
                assert abs(near[axis] + near[axis + 2] - box[axis] - box[axis + 2]) <= step
        else:
            assert box[0] % high == box[1] % wide == 0


# --- Orientation ----------------------------------------------------------------------------------------------


def gray_with_orientation(orientation: int) -> bytes:
    """37 x 21 px, smooth enough to survive quality 100."""
    y, x = np.mgrid[0:21, 0:37]
    samples = (40 + 3 * x + 4 * y + 20 * np.sin(x / 3) * np.cos(y / 5)).clip(0, 255).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "JPEG", quality=100, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_is_what_pillow_makes_of_it(orientation):
    data = gray_with_orientation(orientation)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))).astype(int)
    coefficients = dctdecode.read(data, range(64), orientation="apply")
    shown = dctdecode.preview(coefficients, range(64))[0].numpy().astype(int)
    height, width = expected.shape
    assert (height, width) == ((37, 21) if orientation >= 5 else (21, 37))
    assert coefficients.shape == (64, -(-height // 8), -(-width // 8))
    assert np.abs(shown[:height, :width] - expected).max() <= 1
    ignored = dctdecode.read(data, range(64))
    assert torch.equal(ignored, coefficients) == (orientation == 1)
    cropped = dctdecode.read(data, range(64), orientation="apply", crop=(8, 8, 8, 8))
    shown = dctdecode.preview(cropped, range(64))[0].numpy().astype(int)
    assert np.abs(shown - expected[8:16, 8:16]).max() <= 1


def test_a_crop_speaks_of_the_upright_image():
    data = gray_with_orientation(6)  # 37 px high, 21 px wide when upright
    assert dctdecode.read(data, 6, size=16, crop=(20, 0, 16, 16), orientation="apply").shape == (6, 2, 2)
    with pytest.raises(ValueError, match="beyond the image of 21 x 37 px"):
        dctdecode.read(data, 6, size=16, crop=(20, 0, 16, 16))
    with pytest.raises(ValueError, match="beyond the image of 37 x 21 px"):
        dctdecode.read(data, 6, size=16, crop=(0, 20, 16, 16), orientation="apply")
    seen = []
    dctdecode.read(data, 6, orientation="apply", geometry=lambda h, w: seen.append((h, w)) or Geometry.of(h, w))
    assert seen == [(37, 21)]


# --- Geometry -------------------------------------------------------------------------------------------------


def test_geometry_says_the_same_as_size_crop_and_flip(photo):
    box = (3.5, 10.25, 60.5, 90.0)
    geometry = Geometry.of(101, 150).crop(*box).resize(64, 48).vflip()
    expected = dctdecode.read(photo, 24, size=(64, 48), crop=box, flip="vertical")
    assert torch.equal(dctdecode.read(photo, 24, geometry=geometry), expected)
    assert torch.equal(dctdecode.read(photo, 24, geometry=lambda h, w: geometry), expected)


@pytest.mark.parametrize("flip", [False, True])
def test_an_untouched_geometry_is_the_native_grid(flip, photo):
    geometry = Geometry.of(101, 150).hflip() if flip else Geometry.of(101, 150)
    assert torch.equal(dctdecode.read(photo, 24, geometry=geometry), dctdecode.read(photo, 24, flip=flip))


def test_only_cropped_is_a_slice_where_it_is_aligned(photo):
    part = dctdecode.read(photo, 24, geometry=lambda h, w: Geometry.of(h, w).crop(32, 16, 48, 64))
    torch.testing.assert_close(part, dctdecode.read(photo, 24, crop=(32, 16, 48, 64)), rtol=0, atol=1e-3)
    luma = dctdecode.read(photo, range(64), dtype=torch.int16, geometry=Geometry.of(101, 150).crop(8, 16, 48, 64))
    assert torch.equal(luma, dctdecode.read(photo, range(64), dtype=torch.int16)[:, 1:7, 2:10])


@pytest.mark.parametrize(("long_px", "blocks"), [(90, 11), (91, 11), (92, 12), (95, 12), (96, 12), (3, 1)])
def test_what_a_resize_left_is_rounded(long_px, blocks, photo):
    rounded = dctdecode.read(photo, 24, geometry=Geometry.of(101, 150).resize(64, long_px))
    assert rounded.shape == (24, 8, blocks)
    assert torch.equal(rounded, dctdecode.read(photo, 24, size=(64, 8 * blocks)))


def test_an_output_beyond_the_limits_is_refused(photo):
    with pytest.raises(LimitExceededError, match="max_pixels = 67108864"):
        dctdecode.read(photo, 6, geometry=Geometry.of(101, 150).resize(2**14, 2**14))
    with pytest.raises(LimitExceededError, match="memory"):
        dctdecode.read(photo, 192, size=8000)
    assert dctdecode.read(photo, 6, limits={"max_pixels": 101 * 150}).shape == (6, 13, 19)  # its blocks hold more
    with pytest.raises(ValueError, match=r"out has shape \(6, 8, 8\), this image needs \(6, 4, 8\)"):
        dctdecode.read(photo, 6, size=(32, 64), out=torch.empty(6, 8, 8))


# --- Transforms -----------------------------------------------------------------------------------------------


def test_a_transform_splits_into_geometry_and_tensor(photo):
    steps = Compose([RandomResizedCrop(64), RandomHorizontalFlip(), Grayscale()])
    torch.manual_seed(3)
    got = dctdecode.read(photo, 24, transform=steps, normalize="dctnet", dtype=torch.float16)
    torch.manual_seed(3)
    plan, tensor_part = steps.split()
    raw = dctdecode.read(photo, 24, geometry=lambda h, w: plan(Geometry.of(h, w)))
    mean, std = dctdecode.normalization.as_normalization("dctnet", dctdecode.PRESETS[24])
    columns = torch.tensor([mean, std])[:, :, None, None]
    assert torch.equal(got, ((tensor_part(raw, dctdecode.PRESETS[24]) - columns[0]) / columns[1]).half())
    assert not torch.equal(
        got, dctdecode.read(photo, 24, transform=steps, normalize="dctnet", dtype=torch.float16)
    )


def test_a_plan_transform_alone_leaves_all_to_the_core(photo):
    crop = Compose([RandomResizedCrop(64)])
    torch.manual_seed(3)
    got = dctdecode.read(photo, range(64), transform=crop, normalize=(1.0, 3.0))
    torch.manual_seed(3)
    assert torch.equal(
        got, dctdecode.read(photo, range(64), geometry=crop.split()[0].geometry, normalize=(1.0, 3.0))
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_any_callable_works_on_float32_before_normalisation(dtype, photo):
    def halved(tensor):
        assert (tensor.dtype, tensor.shape) == (torch.float32, (24, 8, 8))
        return tensor / 2

    options = {"channels": 24, "size": 64, "normalize": (2.0, 4.0)}
    expected = ((dctdecode.read(photo, 24, size=64) / 2 - 2.0) / 4.0).to(dtype)
    assert torch.equal(dctdecode.read(photo, transform=halved, dtype=dtype, **options), expected)
    out = torch.full((24, 8, 8), 7, dtype=dtype)
    assert dctdecode.read(photo, transform=halved, dtype=dtype, out=out, **options) is out
    assert torch.equal(out, expected)
    if dtype != torch.bfloat16:
        array = np.zeros((24, 8, 8), expected.numpy().dtype)
        assert dctdecode.read(photo, transform=halved, dtype=dtype, out=array, **options) is array
        assert np.array_equal(array, expected.numpy())


def test_a_transform_may_give_another_shape(photo):
    assert dctdecode.read(photo, 24, transform=lambda x: x.mean((1, 2))).shape == (24,)
    with pytest.raises(ValueError, match=r"transform gave shape \(24,\); normalize= needs \(24, Hb, Wb\)"):
        dctdecode.read(photo, 24, transform=lambda x: x.mean((1, 2)), normalize=(0.0, 1.0))
    with pytest.raises(ValueError, match=r"out has shape \(24, 13, 19\), this image needs \(12, 13, 19\)"):
        dctdecode.read(photo, 24, transform=lambda x: x[:12], out=torch.empty(24, 13, 19))
    with pytest.raises(TypeError, match="transform must return a tensor, got NoneType"):
        dctdecode.read(photo, 24, transform=lambda x: None)


# --- fast -----------------------------------------------------------------------------------------------------


def test_fast_leaves_out_what_hardly_matters(generate):
    data = generate(replace(KINDS["420"], height=400, width=400)).data
    exact = dctdecode.read(data, 24, size=128)
    fast = dctdecode.read(data, 24, size=128, fast=True)
    assert not torch.equal(fast, exact)
    assert (fast - exact).square().mean() < 1e-3 * exact.square().mean()
    for same in ({}, {"size": 480}, {"crop": (0, 0, 64, 64)}):  # as it is, or enlarged
        assert torch.equal(dctdecode.read(data, 24, fast=True, **same), dctdecode.read(data, 24, **same))
