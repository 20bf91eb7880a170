"""The oracles themselves: held against definitions written out another way, and against Pillow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from reference import color, dct, gather, resample

PILLOW_FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def noise(*shape: int) -> NDArray[np.float64]:
    return np.random.default_rng(0).uniform(-128, 127, shape)


def test_dct_matrix_is_orthonormal() -> None:
    d = dct.dct_matrix()
    np.testing.assert_allclose(d @ d.T, np.eye(8), atol=1e-15)


def test_block_dct_is_the_double_sum_of_the_standard() -> None:
    block = noise(8, 8)
    got = dct.block_dct(block)[0, 0]
    for v, u in [(0, 0), (0, 3), (5, 0), (2, 7)]:
        total = sum(
            block[y, x] * math.cos((2 * x + 1) * u * math.pi / 16) * math.cos((2 * y + 1) * v * math.pi / 16)
            for y in range(8)
            for x in range(8)
        )
        scale = (math.sqrt(0.5) if u == 0 else 1) * (math.sqrt(0.5) if v == 0 else 1) / 4
        assert got[v, u] == pytest.approx(scale * total, abs=1e-10)


def test_dc_is_eight_times_the_mean_of_its_own_block() -> None:
    plane = np.zeros((24, 40))  # the worked image's luma grid, 3 x 5 blocks
    plane[8:16, 24:32] = 10.0
    expected = np.zeros((3, 5, 8, 8))
    expected[1, 3, 0, 0] = 80.0
    np.testing.assert_allclose(dct.block_dct(plane), expected, atol=1e-12)


def test_idct_inverts_dct() -> None:
    plane = noise(24, 40)
    np.testing.assert_allclose(dct.block_idct(dct.block_dct(plane)), plane, atol=1e-12)


def test_horizontal_frequency_is_the_last_axis() -> None:
    across = np.tile(np.cos((2 * np.arange(8) + 1) * np.pi / 16), (8, 1))
    got = dct.block_dct(across)[0, 0]
    assert got[0, 1] == pytest.approx(4 * math.sqrt(2))  # 8 rows of sum cos^2 = 4, times c_0 c_1
    assert abs(got[1, 0]) < 1e-12


@pytest.mark.parametrize("interpolation", PILLOW_FILTERS)
@pytest.mark.parametrize("size_out", [(16, 24), (40, 8), (64, 80), (24, 40)])
@pytest.mark.parametrize("box", [None, (0.0, 0.0, 37.0, 21.0), (3.25, 1.5, 30.75, 20.25), (10.5, 5.0, 14.0, 6.5)])
def test_resampling_is_pillows(
    interpolation: str, size_out: tuple[int, int], box: tuple[float, float, float, float] | None
) -> None:
    samples = noise(21, 37).astype(np.float32)
    height, width = size_out
    image = Image.fromarray(samples)
    assert image.mode == "F"
    want = np.asarray(image.resize((width, height), PILLOW_FILTERS[interpolation], box=box))
    x0, y0, x1, y1 = box or (0.0, 0.0, 37.0, 21.0)
    vertical = resample.resampling_matrix(y0, y1, height, 21, interpolation)
    horizontal = resample.resampling_matrix(x0, x1, width, 37, interpolation)
    np.testing.assert_allclose(vertical @ samples @ horizontal.T, want, atol=1e-4)


def test_without_antialias_the_filter_keeps_its_width() -> None:
    matrix = resample.resampling_matrix(0, 32, 8, 32, antialias=False)  # centres 2, 6, 10, ...
    assert np.count_nonzero(matrix, axis=1).tolist() == [2] * 8
    np.testing.assert_allclose(matrix[1, 5:7], 0.5)


@pytest.mark.parametrize("interpolation", PILLOW_FILTERS)
def test_samples_beyond_the_edge_repeat_the_last_valid_one(interpolation: str) -> None:
    # Chroma of the worked image: 19 samples for 40 outputs; 38 and 39 have their centres at 19.25 and 19.75.
    matrix = resample.native_matrix(37, 19, 1, 2, interpolation)
    assert matrix.shape == (40, 19)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    assert matrix[38:].tolist() == [[0.0] * 18 + [1.0]] * 2
    assert matrix[0, 0] > 0.5
    before = resample.resampling_matrix(-2, 8, 20, 19, interpolation)  # centres -1.75, -1.25, -0.75, -0.25, 0.25
    assert before[:4].tolist() == [[1.0] + [0.0] * 18] * 4


def test_native_flip_mirrors_the_true_image_then_extends_its_edge() -> None:
    plain = resample.native_matrix(37, 19, 1, 2)
    flipped = resample.native_matrix(37, 19, 1, 2, flip=True)
    np.testing.assert_allclose(flipped[:37], plain[36::-1])
    np.testing.assert_allclose(flipped[37:], np.tile(plain[:1], (3, 1)))


def test_taps_stay_inside_their_bounds() -> None:
    matrix = resample.resampling_matrix(8, 24, 8, 32, "lanczos", lo=9, hi=23)
    assert not matrix[:, :9].any()
    assert not matrix[:, 23:].any()
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)


@pytest.mark.parametrize("interpolation", PILLOW_FILTERS)
def test_native_grid_without_subsampling_keeps_the_blocks(interpolation: str) -> None:
    coefficients = noise(2, 3, 8, 8)
    got = resample.resample_component(
        coefficients,
        16,
        24,
        resample.native_matrix(16, 16, 2, 2, interpolation),
        resample.native_matrix(24, 24, 2, 2, interpolation),
    )
    np.testing.assert_allclose(got, coefficients, atol=1e-11)


def test_padding_does_not_enter() -> None:
    plane = noise(24, 24)  # chroma of the worked image has 11 x 19 true samples
    vertical = resample.native_matrix(21, 11, 1, 2, "lanczos")
    horizontal = resample.native_matrix(37, 19, 1, 2, "lanczos")
    want = resample.resample_component(dct.block_dct(plane), 11, 19, vertical, horizontal)
    assert want.shape == (3, 5, 8, 8)
    plane[11:], plane[:, 19:] = 1e6, -1e6
    got = resample.resample_component(dct.block_dct(plane), 11, 19, vertical, horizontal)
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_gather_selects_and_normalises() -> None:
    quantised = np.zeros((3, 5, 8, 8))
    quantised[1, 4, 2, 7] = -3
    table = np.ones((8, 8))
    table[2, 7] = 20
    chosen = gather.select(gather.dequantise(quantised, table), [0, 23])
    assert chosen.shape == (2, 3, 5)
    assert chosen[1, 1, 4] == -60
    assert np.count_nonzero(chosen) == 1
    normalised = gather.normalise(chosen, mean=[1.0, 10.0], std=[2.0, 5.0])
    assert normalised[1, 1, 4] == -14
    assert normalised[0, 0, 0] == -0.5


def test_color_is_pillows_and_inverts() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    want = np.asarray(Image.fromarray(rgb).convert("YCbCr"), np.float64)
    r, g, b = np.moveaxis(rgb.astype(np.float64), -1, 0)
    y, cb, cr = color.ycbcr_from_rgb(r, g, b)
    np.testing.assert_allclose(np.stack([y, cb + 128, cr + 128], -1), want, atol=1.0)  # Pillow rounds to uint8
    np.testing.assert_allclose(np.stack(color.rgb_from_ycbcr(y, cb, cr)), np.stack([r, g, b]), atol=1e-10)


def test_level_shift_cancels_in_color() -> None:
    r, g, b = noise(3, 8, 8)
    y, cb, cr = color.ycbcr_from_rgb(r, g, b)
    shifted = color.ycbcr_from_rgb(r - 128, g - 128, b - 128)
    np.testing.assert_allclose(shifted, (y - 128, cb, cr), atol=1e-10)
