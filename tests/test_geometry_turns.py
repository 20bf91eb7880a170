"""Flips, EXIF orientations and crops of `read` against the same steps on pixels.

Sizes that are no multiples of the MCU are the point: 37 x 21 px (width x height) above all. Whoever mirrors whole
blocks brings the encoder's padding to the front, and with subsampling shifts the colours.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode.geometry import Geometry
from generate import SUBSAMPLINGS, Recipe
from reference.dct import block_dct, block_idct
from reference.geometry import UPRIGHT, Window, channels, components, picture
from test_geometry import KINDS, assert_equals, parts_of

SIZES = [(21, 37), (37, 21), (16, 32), (33, 70), (9, 8)]


def oriented(data: bytes, orientation: int) -> bytes:
    """With an EXIF segment of one entry, the orientation (TIFF 6.0 section 2, tag 0x0112, SHORT)."""
    entry = b"\x12\x01\x03\x00\x01\x00\x00\x00" + bytes([orientation, 0, 0, 0])
    tiff = b"II*\x00\x08\x00\x00\x00" + b"\x01\x00" + entry + b"\x00\x00\x00\x00"
    body = b"Exif\x00\x00" + tiff
    return data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]


def upright_size(recipe: Recipe, orientation: int) -> tuple[int, int]:
    size = (recipe.height, recipe.width)
    return size[::-1] if orientation >= 5 else size


def axis_window(first: float, count: float, n_out: int, flip: bool = False) -> Window:
    start, stop = Fraction(first), Fraction(first) + Fraction(count)
    return Window(start, stop, start, stop, n_out, flip)


def pixels(tensor: torch.Tensor) -> np.ndarray:
    """(192, Hb, Wb) to samples without level shift, (3, 8 Hb, 8 Wb)."""
    blocks = tensor.double().numpy().reshape(3, 8, 8, *tensor.shape[1:])
    return np.stack([block_idct(plane.transpose(2, 3, 0, 1)) for plane in blocks])


def assert_same_pixels(got: np.ndarray, want: np.ndarray, note: object = "") -> None:
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-5 * np.abs(want).max(), err_msg=str(note))


# --- With a size -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES[:3], ids=str)
def test_flip_reverses_the_result(kind, size, generate):
    """Crop, resize, then mirror."""
    recipe = replace(KINDS[kind], height=size[0], width=size[1])
    made = generate(recipe)
    box = (1.5, 3.0, size[0] - 3.0, size[1] - 3.75)
    windows = [axis_window(box[0], box[2], 16), axis_window(box[1], box[3], 24)]
    for vertical, horizontal in ((False, True), (True, False), (True, True)):
        turned = [windows[0].flipped(vertical), windows[1].flipped(horizontal)]
        want = channels(picture(parts_of(made), *turned), rgb=recipe.color == "rgb")
        geometry = Geometry.of(*size).crop(*box).resize(16, 24)
        geometry = geometry.vflip() if vertical else geometry
        geometry = geometry.hflip() if horizontal else geometry
        assert_equals(dctdecode.read(made.data, geometry=geometry), want, (vertical, horizontal))
        if not vertical:
            by_argument = dctdecode.read(made.data, size=(16, 24), crop=box, flip=True)
            assert_equals(by_argument, want)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [*SUBSAMPLINGS.keys() - {"all 2x2"}, "gray", "rgb 420", "420 progressive"])
def test_orientation_comes_first(kind, orientation, generate):
    """Then crop, size and flip speak of the upright image."""
    for size in SIZES[:3]:
        recipe = replace(KINDS[kind], height=size[0], width=size[1])
        made = generate(recipe)
        data = oriented(made.data, orientation)
        assert dctdecode.info(data).orientation == orientation
        parts = parts_of(made, orientation)
        height, width = upright_size(recipe, orientation)
        for box, flip in (((0, 0, height, width), False), ((1.5, 3.0, height - 6.0, width - 3.75), True)):
            windows = axis_window(box[0], box[2], 24), axis_window(box[1], box[3], 32, flip)
            want = channels(picture(parts, *windows), rgb=recipe.color == "rgb")
            got = dctdecode.read(data, size=(24, 32), crop=box, flip=flip, orientation="apply")
            assert_equals(got, want, (size, box, flip))
        ignored = dctdecode.read(data, size=(24, 32), orientation="ignore")
        np.testing.assert_array_equal(ignored, dctdecode.read(made.data, size=(24, 32)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_wider_bounds_are_turned_too(orientation, generate):
    recipe = Recipe(61, 83)
    made = generate(recipe)
    height, width = upright_size(recipe, orientation)
    whole = [
        Window(Fraction(0), Fraction(px), Fraction(0), Fraction(px), n) for px, n in ((height, 72), (width, 40))
    ]
    planes = [p[9:57, 5:37][:, ::-1] for p in picture(parts_of(made, orientation), *whole, "lanczos")]

    def place(height_px: int, width_px: int) -> Geometry:
        assert (height_px, width_px) == (height, width)
        return Geometry.of(height_px, width_px).resize(72, 40).crop(9, 5, 48, 32).hflip()

    got = dctdecode.read(
        oriented(made.data, orientation), geometry=place, orientation="apply", interpolation="lanczos"
    )
    assert_equals(got, channels(planes))


# --- On the file's own grid --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_native_flip_mirrors_the_true_image(kind, size, generate):
    recipe = replace(KINDS[kind], height=size[0], width=size[1])
    data = generate(recipe).data
    height, width = size
    plain = pixels(dctdecode.read(data))[:, :height, :width]
    flipped = dctdecode.read(data, flip=True)
    assert flipped.shape == dctdecode.read(data).shape
    assert_same_pixels(pixels(flipped)[:, :height, :width], plain[:, :, ::-1])


def test_beyond_a_mirrored_image_its_edge_is_extended(generate):
    made = generate(Recipe(factors=SUBSAMPLINGS["444"]))
    flipped = pixels(dctdecode.read(made.data, flip=True))[:, :21]
    true = np.stack([part.samples for part in parts_of(made)])
    assert_same_pixels(flipped, np.pad(true[:, :, ::-1], ((0, 0), (0, 0), (0, 3)), mode="edge"))
    turned = pixels(dctdecode.read(oriented(made.data, 3), orientation="apply"))
    assert_same_pixels(turned, np.pad(true[:, ::-1, ::-1], ((0, 0), (0, 3), (0, 3)), mode="edge"))


def test_mirrored_whole_blocks_change_their_signs_only(generate):
    """Where the width is whole blocks and no component is subsampled, the flip is exact: 4b of the mathematics."""
    data = generate(Recipe(24, 40, factors=SUBSAMPLINGS["444"])).data
    plain = dctdecode.read(data).reshape(3, 8, 8, 3, 5)
    signs = torch.tensor([1.0, -1.0] * 4).reshape(8, 1, 1)
    want = (plain.flip(-1) * signs).reshape(192, 3, 5)
    torch.testing.assert_close(dctdecode.read(data, flip=True), want, rtol=0, atol=2e-3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["444", "420", "422", "411", "mixed", "gray", "rgb 420", "420 progressive"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_native_orientation_turns_the_true_image(kind, size, orientation, generate):
    recipe = replace(KINDS[kind], height=size[0], width=size[1])
    data = oriented(generate(recipe).data, orientation)
    height, width = upright_size(recipe, orientation)
    got = dctdecode.read(data, orientation="apply")
    assert got.shape == (192, -(-height // 8), -(-width // 8))
    plain = pixels(dctdecode.read(data))[:, : size[0], : size[1]]
    want = np.stack([UPRIGHT[orientation](plane) for plane in plain])
    assert_same_pixels(pixels(got)[:, :height, :width], want)
    flipped = dctdecode.read(data, orientation="apply", flip=True)
    assert_same_pixels(pixels(flipped)[:, :height, :width], want[:, :, ::-1])


def test_orientation_and_flip_undo_each_other_exactly(generate):
    """2 is a mirror; mirrored once more the stored blocks are back, integers as they were."""
    made = generate(Recipe(factors=SUBSAMPLINGS["444"]))
    back = dctdecode.read(oriented(made.data, 2), orientation="apply", flip=True)
    torch.testing.assert_close(back[:, :2, :4], dctdecode.read(made.data)[:, :2, :4], rtol=0, atol=2e-3)


# --- Crop without size ---------------------------------------------------------------------------------------


def mcu(recipe: Recipe) -> tuple[int, int]:
    if len(recipe.factors) == 1:
        return 8, 8
    v_max, h_max = (max(pair) for pair in zip(*recipe.factors, strict=True))
    return 8 * v_max, 8 * h_max


@pytest.mark.parametrize("kind", KINDS)
def test_aligned_crop_is_a_slice(kind, generate):
    """Exact, and as large as the box says; a box may also end where the image ends."""
    recipe = replace(KINDS[kind], height=101, width=150)
    data = generate(recipe).data
    full = dctdecode.read(data)
    v, h = mcu(recipe)
    boxes = [
        (0, 0, 101, 150),
        (v, 2 * h, v, h),
        (2 * v, h, 101 - 2 * v, 150 - h),
        (0, h, 2 * v, 150 - h),
        (v, 0, 101 - v, h),
    ]
    for top, left, height, width in boxes:
        got = dctdecode.read(data, crop=(top, left, height, width))
        bottom, right = -(-(top + height) // 8), -(-(left + width) // 8)
        want = full[:, top // 8 : bottom, left // 8 : right]
        assert torch.equal(got, want), (top, left, height, width)
        chosen = dctdecode.read(data, 24, crop=(float(top), float(left), height, width))
        assert torch.equal(chosen, want[list(dctdecode.PRESETS[24].flat)])


@pytest.mark.parametrize("orientation", [3, 5, 6])
@pytest.mark.parametrize("kind", ["444", "420", "422"])
def test_aligned_crop_of_a_turned_image_is_a_slice(kind, orientation, generate):
    recipe = replace(KINDS[kind], height=101, width=150)
    data = oriented(generate(recipe).data, orientation)
    full = dctdecode.read(data, orientation="apply")
    got = dctdecode.read(data, orientation="apply", crop=(32, 64, 32, 32))
    np.testing.assert_allclose(got, full[:, 4:8, 8:12], rtol=0, atol=2e-6 * full.abs().max().item())


@pytest.mark.parametrize("box", [(16, 16, 64, 96), (0, 48, 101, 102)], ids=str)
@pytest.mark.parametrize("kind", ["444", "420", "420 progressive"])
def test_crop_and_flip_on_the_native_grid(kind, box, generate):
    """The flip mirrors the box, not the image."""
    data = generate(replace(KINDS[kind], height=101, width=150)).data
    top, left, height, width = box
    plain = pixels(dctdecode.read(data))[:, top : top + height, left : left + width]
    flipped = pixels(dctdecode.read(data, crop=box, flip=True))[:, :height, :width]
    if kind == "444":
        assert_same_pixels(flipped, plain[:, :, ::-1])
    else:  # taps of subsampled chroma, which reached beyond the box's edge by one sample, may end there now
        assert_same_pixels(flipped[0], plain[0, :, ::-1])
        assert_same_pixels(flipped[:, :, 2:-2], plain[:, :, -3:1:-1])


@pytest.mark.parametrize(
    ("kind", "box"),
    [
        ("420", (8, 0, 16, 16)),
        ("420", (0, 8, 16, 16)),
        ("420", (0, 0, 8, 16)),
        ("420", (0, 0, 16, 149)),
        ("420", (0, 0, 16.5, 16)),
        ("444", (4, 0, 8, 8)),
        ("411", (0, 16, 8, 32)),
    ],
)
def test_crop_off_the_grid_names_an_aligned_box(kind, box, generate):
    """And that box is accepted."""
    data = generate(replace(KINDS[kind], height=101, width=150)).data
    with pytest.raises(ValueError, match="nearest") as caught:
        dctdecode.read(data, crop=box)
    words = str(caught.value)
    numbers = [n for n in re.findall(r"\(([^()]*)\)", words) if n.count(",") == 3]
    boxes = [tuple(float(x) for x in n.split(",")) for n in numbers]
    assert [b for b in boxes if b != box], words
    for named in boxes:
        if named != box:
            dctdecode.read(data, crop=named)


# --- Exact integers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["444", "gray", "444 progressive"])
def test_int16_where_blocks_are_taken_over(kind, generate):
    recipe = replace(KINDS[kind.split()[0]], height=101, width=150, process="p" if "progressive" in kind else "")
    data = generate(recipe).data
    full = dctdecode.read(data, dtype=torch.int16)
    for options in ({"crop": (16, 24, 64, 80)}, {"crop": (16, 24, 64, 80), "size": (64, 80)}):
        got = dctdecode.read(data, dtype=torch.int16, **options)
        assert torch.equal(got, full[:, 2:10, 3:13])
    for options in (
        {"size": 64},
        {"crop": (16, 25, 64, 80), "size": (64, 80)},
        {"flip": True},
    ):
        with pytest.raises(ValueError, match="int16"):
            dctdecode.read(data, dtype=torch.int16, **options)


def test_luma_of_420_is_taken_over_as_it_is(generate):
    """Each component by itself: luma at scale 1 exactly, its chroma resampled."""
    made = generate(Recipe(101, 150))
    luma = dctdecode.read(made.data, range(64), size=(64, 80), crop=(16, 24, 64, 80), dtype=torch.int16)
    stored = made.dequantized(0)[2:10, 3:13].transpose(2, 3, 0, 1).reshape(64, 8, 10)
    np.testing.assert_array_equal(luma, stored)
    windows = axis_window(16, 64, 64), axis_window(24, 80, 80)
    want = channels(picture(parts_of(made), *windows))
    assert_equals(dctdecode.read(made.data, size=(64, 80), crop=(16, 24, 64, 80)), want)


def test_oracle_of_orientation_places_half_samples():
    """The worked image mirrored: chroma's first sample covers one px, as its last one did."""
    plane = block_dct(np.tile(np.arange(24.0), (16, 1)))
    luma = np.zeros((3, 5, 8, 8))
    parts = components([luma, plane, plane], SUBSAMPLINGS["420"], 21, 37, orientation=2)
    assert parts[1].origin == (0, Fraction(1, 2))
    assert parts[1].samples.shape == (11, 19)
    assert parts[1].in_samples(1, axis_window(0, 37, 8)) == (0.5, 19.0, 0, 19)
    assert parts[1].samples[0, 0] == pytest.approx(18)
