"""Colour on coefficients against the same formulas on float pixels that nothing clips."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from dctdecode import PRESETS, ChannelSet
from dctdecode.normalization import as_normalization
from dctdecode.transforms import ColorJitter, CounterRandom, Grayscale, Normalize
from dctdecode.transforms import functional as F
from dctdecode.transforms.color_map import ColorMap
from numpy.typing import NDArray
from reference import color, dct

ROWS, COLUMNS = 5, 7
GREY = np.array([0.2989, 0.587, 0.114])  # torchvision's weights
SOME = ChannelSet(y=[9, 0, 1], cb=[8, 0, 2], cr=[2, 8, 0])  # in no ascending order


def picture(seed: int = 0) -> NDArray[np.float64]:
    """(3, H, W) R, G, B: extreme colours in patches, noise, and a drift."""
    random = np.random.default_rng(seed)
    patches = random.choice([0.0, 255.0], (3, ROWS * 2, COLUMNS * 2)).repeat(4, axis=1).repeat(4, axis=2)
    drift = np.linspace(0, 255, COLUMNS * 8) * np.array([1.0, 0.2, 0.6])[:, None, None]
    return 0.5 * patches + 0.3 * drift + 0.2 * random.uniform(0, 255, patches.shape)


def coefficients(rgb: NDArray[np.float64], channels: ChannelSet = PRESETS[192]) -> torch.Tensor:
    """(C, Hb, Wb), float64."""
    y, cb, cr = color.ycbcr_from_rgb(*rgb)
    blocks = [dct.block_dct(plane) for plane in (y - 128, cb, cr)]
    every = (
        np.stack([b.reshape(*b.shape[:2], 64) for b in blocks]).transpose(0, 3, 1, 2).reshape(192, ROWS, COLUMNS)
    )
    return torch.from_numpy(every[list(channels.flat)])


def on_pixels(name: str, rgb: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """torchvision's formulas: a blend of the image with black, with its mean grey, or with its own grey."""
    grey = np.tensordot(GREY, rgb, 1)
    other = {"brightness": 0.0, "contrast": grey.mean(), "saturation": grey}[name]
    return factor * rgb + (1 - factor) * other


@pytest.mark.parametrize("channels", [PRESETS[192], PRESETS[24], SOME], ids=["192", "24", "some"])
@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7, 3.0])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_as_on_pixels_within_half_a_unit(name, factor, channels):
    start = coefficients(picture(), channels)
    before = start.clone()
    got = getattr(F, f"adjust_{name}")(start, factor, channels)
    expected = coefficients(on_pixels(name, picture(), factor), channels)
    difference = (got - expected).abs().max().item()
    # Only the weight of red differs, .299 for .2989: at most 255 * 1e-4 grey levels, 8 times that in a DC.
    assert difference <= 8 * 255 * 1e-4 * abs(1 - factor) + 1e-9 < 0.5
    assert torch.equal(start, before)
    if factor != 1.0:
        assert (expected - before).abs().max() > 30


def test_grayscale_is_that_of_pixels():
    grey = np.tensordot(GREY, picture(), 1)
    expected = coefficients(np.stack([grey] * 3))
    for got in (F.to_grayscale(coefficients(picture())), Grayscale()(coefficients(picture()))):
        assert (got - expected).abs().max() < 0.25
        assert not got[64:].any()


def test_each_image_of_a_batch_has_its_own_mean():
    images = [coefficients(picture(seed), PRESETS[24]) for seed in range(3)]
    batch = F.adjust_contrast(torch.stack(images), 0.5)
    for image, expected in zip(batch, images, strict=True):
        torch.testing.assert_close(image, F.adjust_contrast(expected, 0.5))


@pytest.mark.parametrize("channels", [PRESETS[192], SOME], ids=["192", "some"])
@pytest.mark.parametrize("factor", [-0.5, -0.1, 0.0, 0.25, 0.4])
def test_hue_turns_chroma_and_leaves_luma(factor, channels):
    y, cb, cr = color.ycbcr_from_rgb(*picture())
    turn = np.exp(2j * math.pi * factor) * (cb + 1j * cr)
    expected = coefficients(np.stack(color.rgb_from_ycbcr(y, turn.real, turn.imag)), channels)
    got = F.adjust_hue(coefficients(picture(), channels), factor, channels)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-9)


def test_hue_goes_from_red_to_yellow_to_green():
    red = F.flat_color((255, 0, 0), [0, 64, 128])
    for factor, rgb in ((1 / 6, (255, 255, 0)), (1 / 3, (0, 255, 0)), (-1 / 3, (0, 0, 255))):
        turned, colour = F.adjust_hue(red, factor, [0, 64, 128])[1:], F.flat_color(rgb, [64, 128])
        assert torch.cosine_similarity(turned.flatten(), colour.flatten(), dim=0) > 0.95


def test_hue_needs_both_of_a_pair():
    with pytest.raises(ValueError, match=r"same frequencies of both, but only one of them has \[1, 8\]"):
        F.adjust_hue(torch.zeros(5, 2, 2), 0.1, ChannelSet(y=[0], cb=[0, 8], cr=[0, 1]))
    luma = torch.ones(2, 1, 1)
    assert torch.equal(F.adjust_hue(luma, 0.1, [0, 1]), luma)


def test_flat_colour_is_a_flat_picture():
    rgb = np.array([200.0, 30.0, 90.0])
    flat = coefficients(np.broadcast_to(rgb[:, None, None], (3, ROWS * 8, COLUMNS * 8)), SOME)
    torch.testing.assert_close(F.flat_color(rgb.tolist(), SOME).double().expand_as(flat), flat, rtol=0, atol=1e-4)


# --- ColorJitter -------------------------------------------------------------------------------------------------


def test_jitter_applies_all_four_in_the_drawn_order():
    orders = set()
    for index in range(60):
        random = CounterRandom(0, 0, index)
        order = random.permutation(4)
        factors = [random.uniform(*limits) for limits in ((0.5, 1.5), (0.2, 1.8), (0.0, 2.5), (-0.1, 0.1))]
        expected = coefficients(picture(), PRESETS[24])
        for place in order:
            name = ("brightness", "contrast", "saturation", "hue")[place]
            expected = getattr(F, f"adjust_{name}")(expected, factors[place])
        jitter = ColorJitter(0.5, (0.2, 1.8), 1.5, 0.1)
        got = jitter.apply(coefficients(picture(), PRESETS[24]), CounterRandom(0, 0, index))
        torch.testing.assert_close(got, expected)
        orders.add(tuple(order))
    assert len(orders) > 15


def test_any_steps_are_one_map():
    """Also those that ColorJitter never takes twice."""
    steps = [("contrast", 0.5), ("brightness", 1.5), ("hue", 0.1), ("contrast", 1.4), ("saturation", 2.0)] * 2
    colors, expected = ColorMap(), coefficients(picture(), SOME)
    for name, factor in steps:
        colors = getattr(colors, name)(factor)
        expected = getattr(F, f"adjust_{name}")(expected, factor, SOME)
    torch.testing.assert_close(colors.apply(coefficients(picture(), SOME), SOME), expected)


def test_jitter_s_intervals():
    jitter = ColorJitter(0.4, 1.5, (0.2, 0.3), 0.1)
    assert jitter.brightness == (0.6, 1.4)
    assert jitter.contrast == (0.0, 2.5)
    assert jitter.saturation == (0.2, 0.3)
    assert jitter.hue == (-0.1, 0.1)
    assert repr(ColorJitter(brightness=0, hue=(0.0, 0.0))) == "ColorJitter()"  # nothing to do
    for arguments in ({"brightness": -1}, {"contrast": (0.5, 0.4)}, {"saturation": (-1, 1)}, {"hue": 0.6}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            ColorJitter(**arguments)


def test_jitter_without_arguments_changes_nothing():
    start = torch.randn(24, 3, 3)
    assert torch.equal(ColorJitter()(start), start)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_negative_factors_are_refused(name):
    with pytest.raises(ValueError, match="must not be negative"):
        getattr(F, f"adjust_{name}")(torch.zeros(24, 2, 2), -0.1)


# --- Normalize ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [PRESETS[24], PRESETS["learned-24"], SOME])
def test_normalize_is_that_of_read(channels):
    mean, std = as_normalization("dctnet", channels)
    start = torch.randn(2, len(channels), 3, 4)
    expected = (start - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(Normalize("dctnet")(start, channels), expected)
    torch.testing.assert_close(Normalize("dctnet", channels=channels)(start), expected)
    torch.testing.assert_close(Normalize(mean, std, channels=channels)(start), expected)


# --- Which channels, and what kind of tensor -------------------------------------------------------------------


def test_what_the_caller_says_comes_before_what_the_constructor_said():
    start = torch.ones(3, 1, 1)
    gray = Grayscale(channels=[0, 1, 2])
    assert gray(start).sum() == 3
    assert gray(start, [0, 64, 128]).sum() == 1
    assert gray.apply(start, CounterRandom(0, 0, 0), ChannelSet(y=[0], cb=[0], cr=[0])).sum() == 1


def test_unknown_channels_are_asked_for():
    with pytest.raises(ValueError, match=r"which channels the 5 of the tensor are, .* say channels="):
        Grayscale()(torch.zeros(5, 2, 2))


def test_another_number_of_channels_is_refused():
    with pytest.raises(ValueError, match=r"24 channels selected, but the tensor has shape \(6, 2, 2\)"):
        Grayscale()(torch.zeros(6, 2, 2), 24)


@pytest.mark.parametrize(
    ("tensor", "error"),
    [
        (torch.zeros(24, 2, 2, dtype=torch.int16), TypeError),
        (np.zeros((24, 2, 2)), TypeError),
        (torch.zeros(24, 2), ValueError),
    ],
)
def test_other_tensors_are_refused(tensor, error):
    for transform in (Grayscale(), ColorJitter(0.1), Normalize(0, 1)):
        with pytest.raises(error, match=r"works on a tensor \(..., C, Hb, Wb\)"):
            transform(tensor)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtype_stays(dtype):
    for transform in (Grayscale(), ColorJitter(0.4, 0.4, 0.4, 0.1), Normalize("dctnet")):
        assert transform(torch.randn(24, 3, 3).to(dtype)).dtype == dtype
