"""encode: the kept coefficients are those of libjpeg-turbo's encoder, the others zero."""

from __future__ import annotations

import io

import dctdecode
import numpy as np
import pytest
import torch
from PIL import Image
from test_prune import assert_kept, open_everywhere

SIZES = [(21, 37), (1, 1), (1, 9), (9, 1), (16, 16), (17, 33), (64, 48)]
SUBSAMPLINGS = ["4:2:0", "4:2:2", "4:4:4"]
CHANNELS = [6, 24, "learned-24", [63, 64 + 7, 128 + 56], [0], [64], [0, 128]]


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colours with some noise."""
    y, x = np.mgrid[:height, :width]
    waves = [128 + 100 * np.sin(x / (5 + 3 * c)) * np.cos(y / (4 + 2 * c)) for c in range(3)]
    noise = np.random.default_rng(seed).normal(0, 12, (height, width, 3))
    return np.clip(np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)


def by_pillow(image: np.ndarray, quality: int, subsampling: str) -> dctdecode.Planes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "jpeg", quality=quality, subsampling=subsampling)
    return dctdecode.read_planes(buffer.getvalue())


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_kept_coefficients_are_those_of_the_full_encoding(size, subsampling):
    image = picture(*size)
    whole = dctdecode.read_planes(dctdecode.encode(image, quality=85, subsampling=subsampling))
    for channels in CHANNELS:
        jpeg = dctdecode.encode(image, channels, 85, subsampling)
        assert_kept(whole, dctdecode.read_planes(jpeg), channels, (size, channels))
        open_everywhere(jpeg)


@pytest.mark.parametrize("quality", [1, 30, 75, 90, 100])
def test_the_full_encoding_is_pillows(quality):
    """Pillow brings a libjpeg-turbo of its own, and uses the accurate DCT: the same values and tables."""
    for subsampling in SUBSAMPLINGS:
        for image in (picture(40, 56), picture(33, 17), picture(24, 24)[..., 0]):
            ours = dctdecode.read_planes(dctdecode.encode(image, 192, quality, subsampling))
            theirs = by_pillow(image, quality, subsampling)
            assert ours.info.subsampling == theirs.info.subsampling
            for c in range(len(theirs)):
                np.testing.assert_array_equal(ours.quant_table(c), theirs.quant_table(c))
                np.testing.assert_array_equal(ours.quantized(c), theirs.quantized(c))


def test_layouts():
    """Arrays (H, W, 3) and (H, W), tensors (3, H, W), (1, H, W) and (H, W), contiguous or not."""
    image = picture(21, 37)
    expected = dctdecode.encode(image, 24)
    tensor = torch.from_numpy(image)
    wide = np.zeros((42, 74, 3), np.uint8)
    wide[::2, ::2] = image
    rows = np.zeros((21, 50, 3), np.uint8)
    rows[:, 5:42] = image
    same = [
        tensor.permute(2, 0, 1), tensor.permute(2, 0, 1).contiguous(), np.asfortranarray(image),
        wide[::2, ::2], rows[:, 5:42], image[::-1][::-1],
    ]  # fmt: skip
    assert all(dctdecode.encode(one, 24) == expected for one in same)
    gray = image[..., 1]
    expected = dctdecode.encode(np.ascontiguousarray(gray), 24)
    assert dctdecode.info(expected).color_space == "gray"
    same = [gray, image[..., 1:2], torch.from_numpy(gray.copy()), torch.from_numpy(gray.copy())[None]]
    assert all(dctdecode.encode(one, 24) == expected for one in same)
    upside_down = dctdecode.encode(image[::-1], 24)
    assert upside_down == dctdecode.encode(np.ascontiguousarray(image[::-1]), 24) != dctdecode.encode(image, 24)


def test_back_through_read_and_preview():
    image = picture(64, 80)
    tensor = dctdecode.read(dctdecode.encode(image, 192, 100, "4:4:4"), 192)
    back = dctdecode.preview(tensor, 192)
    assert np.abs(back.permute(1, 2, 0).numpy().astype(int) - image).mean() < 1
    again = dctdecode.read(dctdecode.encode(back, 192, 100, "4:4:4"), 192)
    assert (again - tensor).square().mean().sqrt() < 1


def test_pruning_optimises_its_huffman_tables():
    jpeg = dctdecode.encode(picture(128, 128), 24)
    smaller = dctdecode.prune(jpeg, 192)
    assert len(smaller) < len(jpeg)
    assert_kept(dctdecode.read_planes(jpeg), dctdecode.read_planes(smaller), 192)


def test_cb_and_cr_may_keep_different_channels():
    """They share a table in libjpeg; then Cr has one of its own, with the same values."""
    whole = dctdecode.read_planes(dctdecode.encode(picture(40, 40)))
    jpeg = dctdecode.encode(picture(40, 40), [0, 64, 65, 128, 136])
    planes = dctdecode.read_planes(jpeg)
    assert_kept(whole, planes, [0, 64, 65, 128, 136])
    np.testing.assert_array_equal(planes.quant_table(1), planes.quant_table(2))


@pytest.mark.parametrize("u", range(8))
def test_the_largest_coefficients_there_are(u):
    """One frequency in black and white: what is not kept is zero even then."""
    angle = (2 * np.arange(16) + 1) * np.pi / 16
    for v in range(8):
        wave = np.outer(np.cos(v * angle), np.cos(u * angle)) > 0
        for image in (wave, ~wave):
            planes = dctdecode.read_planes(dctdecode.encode((255 * image).astype(np.uint8), [64], 100))
            assert not planes.quantized(0).any()


@pytest.mark.parametrize(
    ("image", "error", "words"),
    [
        (np.zeros((8, 8, 3), np.float32), ValueError, r"of uint8, got \(8, 8, 3\) of float32"),
        (np.zeros((3, 8, 8), np.uint8), ValueError, r"an array \(H, W, 3\)"),
        (torch.zeros((8, 8, 3), dtype=torch.uint8), ValueError, r"a tensor \(3, H, W\)"),
        (torch.zeros((2, 3, 8, 8), dtype=torch.uint8), ValueError, "tensor"),
        (np.zeros((8,), np.uint8), ValueError, "array"),
        (np.zeros((0, 8, 3), np.uint8), ValueError, "1 to 65500 px"),
        (np.zeros((1, 65501), np.uint8), ValueError, "1 to 65500 px"),
        (torch.zeros((3, 8, 8), dtype=torch.uint8, device="meta"), ValueError, "CPU"),
        ([[0, 1]], TypeError, "numpy array or a tensor, got list"),
        (None, TypeError, "NoneType"),
    ],
)  # fmt: skip
def test_bad_images(image, error, words):
    with pytest.raises(error, match=words):
        dctdecode.encode(image)


def test_bad_arguments():
    image = picture(8, 8)
    for arguments, words in (
        ({"quality": 0}, "quality must be"),
        ({"quality": 101}, "quality must be"),
        ({"quality": 50.5}, "quality must be"),
        ({"subsampling": "4:1:1"}, "subsampling must be one of"),
        ({"channels": 7}, "no preset"),
    ):
        with pytest.raises(ValueError, match=words):
            dctdecode.encode(image, **arguments)


def test_the_longest_side():
    for shape in ((1, 65_500), (65_500, 1)):
        assert dctdecode.info(dctdecode.encode(np.zeros(shape, np.uint8), 6)).grids[0] == (
            -(-shape[0] // 8),
            -(-shape[1] // 8),
        )
