"""What the numbers mean: units, the order of frequencies, and where chroma lies."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction

import dctdecode
import numpy as np
import pytest
from dctdecode import ChannelSet
from generate import SUBSAMPLINGS, Made, Recipe
from PIL import Image
from reference.color import rgb_from_ycbcr, ycbcr_from_rgb
from reference.dct import block_dct, block_idct
from reference.resample import resample_component, resampling_matrix, resampling_row

FILTERS = ["box", "bilinear", "bicubic", "lanczos"]


def photo(height: int, width: int, mode: str, **options) -> bytes:
    """A smooth asymmetric picture with some grain, encoded by Pillow; dark enough never to saturate."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    planes = [90 + 60 * x + 20 * y, 100 + 50 * np.sin(5 * y + 2 * x), 140 - 40 * x * y]
    grain = np.random.default_rng(1).normal(0, 6, (height, width, 1))
    pixels = np.clip(np.rint(np.stack(planes, -1) + grain), 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if mode == "L" else pixels)
    file = io.BytesIO()
    image.save(file, "jpeg", **options)
    return file.getvalue()


def samples(planes: dctdecode.Planes, component: int) -> np.ndarray:
    return block_idct(planes.component(component)) + 128


def channels_first(blocks: np.ndarray) -> np.ndarray:
    """(Hb, Wb, 8, 8) to (64, Hb, Wb)."""
    return blocks.transpose(2, 3, 0, 1).reshape(64, *blocks.shape[:2])


def pixels_of(tensor: np.ndarray) -> np.ndarray:
    """(64, Hb, Wb) to samples without level shift."""
    return block_idct(tensor.reshape(8, 8, *tensor.shape[1:]).transpose(2, 3, 0, 1))


@pytest.mark.parametrize("size", [(21, 37), (1, 1), (8, 8), (40, 24), (61, 83)])
@pytest.mark.parametrize(
    "options", [{"quality": 92}, {"quality": 40}, {"quality": 75, "progressive": True}], ids=str
)
def test_gray_is_pillows_pixels(size, options):
    """T.81 A.3.3: the inverse DCT plus 128. libjpeg's integer transform rounds to within one gray level."""
    data = photo(*size, "L", **options)
    pixels = np.asarray(Image.open(io.BytesIO(data)), np.float64)
    own = samples(dctdecode.read_planes(data), 0)[: size[0], : size[1]]
    assert np.abs(np.clip(own, 0, 255) - pixels).max() <= 1.0
    assert np.abs(np.clip(own, 0, 255) - pixels).mean() < 0.3


@pytest.mark.parametrize("size", [(21, 37), (1, 1), (40, 24)])
def test_444_is_pillows_pixels(size):
    data = photo(*size, "RGB", quality=90, subsampling=0)
    planes = dctdecode.read_planes(data)
    ycbcr = [samples(planes, c)[: size[0], : size[1]] - 128 for c in range(3)]
    rgb = np.stack(rgb_from_ycbcr(*ycbcr), -1) + 128
    pixels = np.asarray(Image.open(io.BytesIO(data)), np.float64)
    assert np.abs(rgb - pixels).max() <= 2.5  # three planes rounded before and after the conversion
    assert np.abs(rgb - pixels).mean() < 0.6


@pytest.mark.parametrize("size", [(21, 37), (40, 24)])
def test_read_gives_the_same_as_planes_for_444(size):
    data = photo(*size, "RGB", quality=90, subsampling=0)
    planes = dctdecode.read_planes(data)
    tensor = dctdecode.read(data)
    for c in range(3):
        expected = channels_first(planes.component(c))
        np.testing.assert_array_equal(tensor[64 * c : 64 * c + 64].numpy(), expected)


def encoded(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=100)
    return file.getvalue()


def test_brightness_across_is_horizontal_frequency():
    """A ramp from left to right has energy in u alone: [v, u] = [0, 1], flat index 1, never 8."""
    data = encoded(np.tile(np.arange(0, 160, 4, np.uint8), (24, 1)))
    block = dctdecode.read_planes(data).component(0)[1, 2]
    assert block[0, 1] < -50
    assert np.abs(block[1:]).max() <= 1
    tensor = dctdecode.read(data, ChannelSet(y=[1, 8]))
    assert (tensor[0] < -50).all()
    assert (tensor[1].abs() <= 1).all()


def test_brightness_downwards_is_vertical_frequency():
    data = encoded(np.tile(np.arange(0, 160, 4, np.uint8), (24, 1)).T.copy())
    block = dctdecode.read_planes(data).component(0)[2, 1]
    assert block[1, 0] < -50
    assert np.abs(block[:, 1:]).max() <= 1
    assert (dctdecode.read(data, ChannelSet(y=[8])) < -50).all()


def test_place_of_blocks_and_unit_of_dc():
    """DC is 8 times the block's mean of (sample - 128); row 2, column 3 of the grid is the one that differs."""
    pixels = np.full((24, 40), 128, np.uint8)
    pixels[16:24, 24:32] = 255
    expected = np.zeros((3, 5))
    expected[2, 3] = 8 * 127
    tensor = dctdecode.read(encoded(pixels), ChannelSet(y=[0]))
    np.testing.assert_allclose(tensor[0].numpy(), expected, atol=1)


@pytest.mark.parametrize(("level", "dc"), [(0, -1024), (128, 0), (255, 1016)])
def test_range_of_dc(level, dc):
    assert dctdecode.read(encoded(np.full((8, 8), level, np.uint8)), [0]).item() == dc


# --- Chroma on luma's grid ---------------------------------------------------------------------------------


def size_in_samples(recipe: Recipe, c: int) -> tuple[int, int]:
    v_max, h_max = (max(pair) for pair in zip(*recipe.factors, strict=True))
    v, h = recipe.factors[c]
    return -(-recipe.height * v // v_max), -(-recipe.width * h // h_max)


def native_matrix(size_px: int, in_samples: int, scale: Fraction, interpolation: str) -> np.ndarray:
    """R of one axis at scale exactly factor / factor_max; its centres are exact, also where they meet an edge."""
    centres = [float((i + Fraction(1, 2)) * scale) for i in range(8 * -(-size_px // 8))]
    return np.stack([resampling_row(c, 1.0, 0, in_samples, in_samples, interpolation) for c in centres])


def on_lumas_grid(made: Made, c: int, interpolation: str) -> np.ndarray:
    """(64, Hb, Wb): the stored blocks, or by the slow oracle (inverse DCT, dense matrices, block DCT)."""
    recipe = made.recipe
    v_max, h_max = (max(pair) for pair in zip(*recipe.factors, strict=True))
    v, h = recipe.factors[c]
    if (v, h) == (v_max, h_max):
        return channels_first(made.dequantized(c))
    height, width = size_in_samples(recipe, c)
    vertical = native_matrix(recipe.height, height, Fraction(v, v_max), interpolation)
    horizontal = native_matrix(recipe.width, width, Fraction(h, h_max), interpolation)
    blocks = resample_component(made.dequantized(c).astype(np.float64), height, width, vertical, horizontal)
    return channels_first(blocks)


SUBSAMPLED = [name for name in SUBSAMPLINGS if name not in ("444", "all 2x2")]


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("size", [(21, 37), (1, 1), (2, 3), (8, 8), (17, 9), (33, 65), (100, 70)], ids=str)
@pytest.mark.parametrize("subsampling", SUBSAMPLED)
def test_native_grid_is_the_operator_in_float64(subsampling, size, interpolation, generate):
    made = generate(Recipe(*size, factors=SUBSAMPLINGS[subsampling]))
    tensor = dctdecode.read(made.data, interpolation=interpolation).numpy()
    for c in range(3):
        part, expected = tensor[64 * c : 64 * c + 64], on_lumas_grid(made, c, interpolation)
        if made.recipe.factors[c] == tuple(np.max(made.recipe.factors, 0)):
            np.testing.assert_array_equal(part, expected)
        else:
            np.testing.assert_allclose(part, expected, rtol=0, atol=1e-3)


def test_antialias_concerns_only_components_that_shrink(generate):
    """On the native grid nothing shrinks, so the filter is never widened."""
    made = generate(Recipe())
    one, other = (dctdecode.read(made.data, antialias=antialias) for antialias in (True, False))
    np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_flat_chroma_stays_flat(generator):
    """Two chroma samples side by side lie centred on four luma samples: no shift, no stretch at odd sizes."""
    recipe = Recipe()
    tables = np.ones((4, 8, 8), np.uint16)
    blocks = [np.zeros((*grid, 8, 8), np.int16) for grid in recipe.grids]
    blocks[1][..., 0, 0] = 400
    made = generator.write(recipe, tables, blocks)
    tensor = dctdecode.read(made.data).numpy()
    np.testing.assert_allclose(tensor[64], 400, atol=1e-3)
    np.testing.assert_allclose(tensor[65:], 0, atol=1e-3)


@pytest.mark.parametrize("subsampling", ["420", "422", "440", "411", "410", "3:2"])
def test_chroma_ramp_keeps_its_place(subsampling, generator):
    """A chroma ramp equal to the x of each sample's centre, in luma pixels, reads as that ramp on luma's grid.

    Sample j of a component with factor h covers luma pixels (j .. j + 1) * h_max / h, odd widths included; past
    the middle of the last true sample the value repeats.
    """
    recipe = Recipe(factors=SUBSAMPLINGS[subsampling])
    scale = max(h for _, h in recipe.factors) / recipe.factors[1][1]
    _, width = size_in_samples(recipe, 1)
    hb, wb = recipe.grids[1]
    ramp = (np.arange(8 * wb) + 0.5) * scale - 0.5
    coefficients = 4 * block_dct(np.tile(ramp - 20, (8 * hb, 1)))
    blocks = [np.zeros((*grid, 8, 8), np.int16) for grid in recipe.grids]
    blocks[1] = np.rint(coefficients).astype(np.int16)
    made = generator.write(recipe, np.ones((4, 8, 8), np.uint16), blocks)
    tensor = dctdecode.read(made.data).numpy()[64:128]
    read = pixels_of(tensor) / 4 + 20
    expected = np.clip(np.arange(40), ramp[0], ramp[width - 1])
    np.testing.assert_allclose(read, np.tile(expected, (24, 1)), atol=0.15)


def test_past_the_edge_the_last_true_sample_repeats(generator):
    """What the encoder put into the padding of chroma's blocks is never read."""
    recipe = Recipe()
    height, width = size_in_samples(recipe, 1)
    assert (height, width) == (11, 19)
    rng = np.random.default_rng(3)
    true = rng.uniform(-100, 100, (16, 24))
    answers = []
    for padding in (-100, 100):
        plane = true.copy()
        plane[height:] = padding
        plane[:, width:] = padding
        blocks = [np.zeros((*grid, 8, 8), np.int16) for grid in recipe.grids]
        # quantised finely enough (to 1/8 of a step) that both files hold nearly the same true samples
        blocks[1] = np.rint(block_dct(plane)).astype(np.int16)
        made = generator.write(recipe, np.ones((4, 8, 8), np.uint16), blocks)
        tensor = dctdecode.read(made.data).numpy()[64:128]
        answers.append(pixels_of(tensor))
    for answer in answers:
        vertical = resampling_matrix(0, 12, 24, height)
        horizontal = resampling_matrix(0, 20, 40, width)
        np.testing.assert_allclose(answer, vertical @ true[:height, :width] @ horizontal.T, atol=4)
        np.testing.assert_allclose(answer[22:], np.tile(answer[22], (2, 1)), atol=1e-3)
        np.testing.assert_allclose(answer[:, 38:], np.tile(answer[:, 38:39], (1, 2)), atol=1e-3)


# --- Colour spaces -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("factors", ["444", "420", "mixed", "chroma larger"])
@pytest.mark.parametrize("channels", [192, 24, ChannelSet(y=[9, 0], cr=[3])], ids=repr)
def test_rgb_files_are_converted_on_coefficients(factors, channels, generate):
    made = generate(Recipe(color="rgb", factors=SUBSAMPLINGS[factors]))
    rgb = [on_lumas_grid(made, c, "bilinear") for c in range(3)]
    expected = np.concatenate(ycbcr_from_rgb(*rgb))
    selected = dctdecode.channels.as_channel_set(channels)
    tensor = dctdecode.read(made.data, channels).numpy()
    np.testing.assert_allclose(tensor, expected[list(selected.flat)], rtol=0, atol=2e-3)


def test_rgb_file_looks_as_pillow_shows_it():
    data = photo(40, 56, "RGB", quality=95, keep_rgb=True)
    assert dctdecode.info(data).color_space == "RGB"
    tensor = dctdecode.read(data).numpy().astype(np.float64)
    y, cb, cr = map(pixels_of, np.split(tensor, 3))
    rgb = np.stack(rgb_from_ycbcr(y, cb, cr), -1) + 128
    pixels = np.asarray(Image.open(io.BytesIO(data)), np.float64)
    assert np.abs(np.clip(rgb, 0, 255) - pixels).max() <= 1.01


@pytest.mark.parametrize("factors", [((1, 1),), ((2, 2),), ((1, 4),), ((3, 2),)], ids=str)
def test_gray_has_zero_chroma_whatever_its_factors(factors, generate):
    """A single component fills its own grid; its sampling factors mean nothing (T.81 A.2.2)."""
    made = generate(Recipe(color="gray", factors=factors))
    tensor = dctdecode.read(made.data).numpy()
    assert tensor.shape == (192, 3, 5)
    np.testing.assert_array_equal(tensor[:64], channels_first(made.dequantized(0)))
    np.testing.assert_array_equal(tensor[64:], 0)


def test_zero_chroma_of_gray_is_normalised_like_any_value(generate):
    made = generate(Recipe(color="gray", factors=((1, 1),)))
    mean, std = np.linspace(-50, 50, 192), np.linspace(1, 9, 192)
    tensor = dctdecode.read(made.data, normalize=(mean, std)).numpy()
    expected = np.broadcast_to(((0 - mean) / std)[64:, None, None], (128, 3, 5))
    np.testing.assert_allclose(tensor[64:], expected, rtol=1e-6)


@pytest.mark.parametrize("color", ["cmyk", "ycck", "unknown"])
def test_no_luma_and_chroma_no_read(color, generate):
    factors = ((1, 1),) * (2 if color == "unknown" else 4)
    made = generate(Recipe(color=color, factors=factors))
    with pytest.raises(dctdecode.errors.UnsupportedJpegError, match="read_planes gives") as caught:
        dctdecode.read(made.data)
    assert caught.value.reason == "unsupported"
    assert len(dctdecode.read_planes(made.data)) == len(factors)


def test_color_space_follows_libjpegs_rules(generate):
    """JFIF first, then Adobe, then the component ids "RGB"; ids 1 2 3 and all others are YCbCr."""
    made = generate(replace(Recipe(), color="rgb", factors=SUBSAMPLINGS["444"]))
    adobe = made.data.index(b"\xff\xee")
    without = made.data[:adobe] + made.data[adobe + 16 :]
    jfif = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    frame, scan = without.index(b"\xff\xc0") + 10, without.index(b"\xff\xda") + 5
    other_ids = bytearray(without)
    for c in range(3):
        other_ids[frame + 3 * c] = other_ids[scan + 2 * c] = 10 + c
    said = {
        "adobe": made.data,
        "ids": without,
        "jfif": without[:2] + jfif + without[2:],
        "jfif and adobe": made.data[:2] + jfif + made.data[2:],
        "other ids": bytes(other_ids),
    }
    assert {name: dctdecode.info(data).color_space for name, data in said.items()} == {
        "adobe": "RGB",
        "ids": "RGB",
        "jfif": "YCbCr",
        "jfif and adobe": "YCbCr",
        "other ids": "YCbCr",
    }
    for data in said.values():
        mode = {"RGB": 0, "YCbCr": 1}[dctdecode.info(data).color_space]
        tensor, planes = dctdecode.read(data).numpy(), dctdecode.read_planes(data)
        same = np.array_equal(tensor[:64], channels_first(planes.component(0)))
        assert same == bool(mode)
