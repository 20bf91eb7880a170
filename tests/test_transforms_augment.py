"""Noise, erased boxes, lost channels, mixed pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from dctdecode import PRESETS, ChannelSet
from dctdecode.transforms import ChannelDropout, CounterRandom, CutMix, GaussianNoise, MixUp, RandomErasing
from dctdecode.transforms import functional as F
from reference import color, dct


class Scripted:
    """Gives the numbers that it was told, in order."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def _next(self, *_):
        return self.numbers.pop(0)

    uniform = integers = beta = _next


# --- GaussianNoise -----------------------------------------------------------------------------------------------


def covariance_of_pixel_noise(channels: ChannelSet, blocks: int) -> np.ndarray:
    """Of the coefficients of white noise in R, G and B, by making it in pixels."""
    rgb = np.random.default_rng(0).normal(0, 1, (3, 8, 8 * blocks))
    planes = [dct.block_dct(plane)[0].reshape(blocks, 64) for plane in color.ycbcr_from_rgb(*rgb)]
    return np.cov(np.concatenate(planes, axis=1)[:, list(channels.flat)].T)


def test_noise_has_the_covariance_of_noise_in_pixels():
    channels = ChannelSet(y=[1, 0, 9], cb=[0, 9], cr=[9, 63])
    blocks = 200 * 200
    noise = GaussianNoise(sigma=20.0).apply(torch.zeros(7, 200, 200), CounterRandom(0, 0, 0), channels)
    got = np.cov(noise.view(7, blocks).numpy()) / 400
    # An entry's standard deviation is at most sqrt(2 / blocks) = 0.007; both sides have it.
    np.testing.assert_allclose(got, covariance_of_pixel_noise(channels, blocks), atol=0.03)
    assert abs(got[1, 3]) > 0.1  # Y and Cb of one frequency hang together
    assert noise.mean((1, 2)).abs().max() < 5 * 20 / math.sqrt(blocks)


def test_noise_s_mean_is_a_shift_of_grey():
    shifted = GaussianNoise(mean=3.0, sigma=0.0)(torch.zeros(24, 2, 2))
    assert torch.equal(shifted[0], torch.full((2, 2), 24.0))
    assert not shifted[1:].any()


def test_noise_is_not_the_same_in_two_images_of_a_batch():
    batch = GaussianNoise()(torch.zeros(2, 6, 4, 4))
    assert not torch.equal(batch[0], batch[1])


@pytest.mark.parametrize("sigma", [-1.0, math.nan, math.inf])
def test_sigma_is_checked(sigma):
    with pytest.raises(ValueError, match="sigma"):
        GaussianNoise(sigma=sigma)
    with pytest.raises(ValueError, match="sigma"):
        F.gaussian_noise(torch.zeros(6, 2, 2), sigma=sigma)
    with pytest.raises(ValueError, match="mean"):
        GaussianNoise(mean=math.nan)


# --- RandomErasing -----------------------------------------------------------------------------------------------


def erased_box(before: torch.Tensor, after: torch.Tensor) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the blocks that changed; they have to be a whole box."""
    changed = (before != after).any(0)
    rows, columns = changed.any(1).nonzero().flatten().tolist(), changed.any(0).nonzero().flatten().tolist()
    assert changed.sum() == len(rows) * len(columns)
    assert rows == list(range(rows[0], rows[0] + len(rows)))
    assert columns == list(range(columns[0], columns[0] + len(columns)))
    return rows[0], columns[0], len(rows), len(columns)


def test_erasing_follows_the_formulas():
    start = torch.full((24, 30, 40), 0.5)
    after = RandomErasing().apply(start, Scripted(0.4, 0.1, math.log(2.0), 3, 4))
    # Ratio is height / width here, as in torchvision: the other way round than in RandomResizedCrop.
    assert erased_box(start, after) == (3, 4, round(math.sqrt(120 * 2)), round(math.sqrt(120 / 2)))
    assert torch.equal(start, torch.full((24, 30, 40), 0.5))


def test_nothing_is_erased():
    start = torch.randn(24, 30, 40)
    assert torch.equal(RandomErasing(p=0.4).apply(start, Scripted(0.4)), start)
    # Boxes as high as the image, or as wide, count as ones that do not fit.
    misses = Scripted(0.0, *[0.5, math.log(30 / 20)] * 5, *[0.5, math.log(15 / 40)] * 5)
    assert torch.equal(RandomErasing(scale=(0, 1)).apply(start, misses), start)
    assert misses.numbers == []


def test_erasing_probability_and_area():
    start = torch.full((6, 100, 100), 0.5)
    areas = []
    for index in range(1000):
        after = RandomErasing(p=0.3).apply(start, CounterRandom(2, 0, index))
        if not torch.equal(after, start):
            areas.append((after[0] != 0.5).sum().item() / 10000)
    assert len(areas) == pytest.approx(300, abs=5 * (1000 * 0.3 * 0.7) ** 0.5)
    assert 0.018 < min(areas) < 0.04
    assert 0.3 < max(areas) < 0.34
    assert np.mean(areas) == pytest.approx(0.175, abs=5 * 0.31 / 12**0.5 / 300**0.5)


@pytest.mark.parametrize(("value", "rgb"), [(0, (0, 0, 0)), (128, (128,) * 3), ((255, 10, 0), (255, 10, 0))])
def test_erased_blocks_have_one_colour(value, rgb):
    start = torch.full((24, 30, 40), 0.5)
    after = RandomErasing(p=1.0, value=value)(start)
    top, left, _, _ = erased_box(start, after)
    y, cb, cr = color.ycbcr_from_rgb(*rgb)
    got = after[:, top, left]
    assert got[[0, 16, 20]].tolist() == pytest.approx([8 * (y - 128), 8 * cb, 8 * cr], abs=1e-3)
    assert got.count_nonzero() == got[[0, 16, 20]].count_nonzero()


def test_random_filling_has_the_spread_of_uniform_pixels():
    start = torch.full((6, 400, 400), 0.5)
    after = RandomErasing(p=1.0, scale=(0.3, 0.3), value="random").apply(start, CounterRandom(0, 0, 0))
    top, left, height, width = erased_box(start, after)
    box = after[:, top : top + height, left : left + width]
    spread = 255 / math.sqrt(12) * math.sqrt(0.299**2 + 0.587**2 + 0.114**2)
    assert box[1].std().item() == pytest.approx(spread, rel=0.02)
    assert box[0].mean().item() == pytest.approx(8 * (127.5 - 128), abs=5 * spread / math.sqrt(box[0].numel()))


@pytest.mark.parametrize("value", ["noise", (1, 2), math.nan, (0, 0, math.inf)])
def test_other_values_are_refused(value):
    with pytest.raises(ValueError, match='a number, R, G, B or "random"'):
        RandomErasing(value=value)
    with pytest.raises(ValueError, match="scale"):
        RandomErasing(scale=(0.5, 1.5))


# --- ChannelDropout ----------------------------------------------------------------------------------------------


def test_channels_drop_out_each_on_its_own():
    start = torch.full((2, 30, 2, 2), 3.0)
    kept = [ChannelDropout(0.25).apply(start, CounterRandom(0, 0, i)) for i in range(200)]
    for after in kept:
        assert set(after.unique().tolist()) <= {0.0, 3.0}
        channels = after[0, :, 0, 0]
        assert torch.equal(after, channels[:, None, None].expand_as(start))
    dropped = torch.stack([after[0, :, 0, 0] == 0 for after in kept]).float()
    assert dropped.mean().item() == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 6000) ** 0.5)
    assert (dropped.mean(0) - 0.25).abs().max() < 5 * (0.25 * 0.75 / 200) ** 0.5
    with pytest.raises(TypeError, match="floating point"):
        ChannelDropout()(start.to(torch.int16))


# --- MixUp and CutMix --------------------------------------------------------------------------------------------

LABELS = torch.tensor([1, 3, 0])


def batch() -> torch.Tensor:
    return torch.randn(3, 24, 10, 20, generator=torch.Generator().manual_seed(0))


def test_mixup_is_a_weighted_sum_with_the_image_before():
    start = batch()
    mixed, labels = MixUp(num_classes=4).apply(start, LABELS, Scripted(0.7))
    for i in range(3):
        torch.testing.assert_close(mixed[i], 0.7 * start[i] + 0.3 * start[i - 1])
        expected = torch.zeros(4)
        expected[LABELS[i]] += 0.7
        expected[LABELS[i - 1]] += 0.3
        torch.testing.assert_close(labels[i], expected)
    assert torch.equal(start, batch())


@pytest.mark.parametrize(
    ("share", "column", "row", "box"),
    [
        (0.75, 10, 5, (3, 7, 5, 15)),  # half of each side: reach 0.25 of 10 rows, cut off to 2, and of 20 columns
        (0.75, 0, 0, (0, 2, 0, 5)),  # over the edge
        (0.0, 19, 9, (4, 10, 9, 20)),
        (1.0, 10, 5, (5, 5, 10, 10)),  # nothing
    ],
)
def test_cutmix_pastes_a_box_and_counts_its_blocks(share, column, row, box):
    start = batch()
    mixed, labels = CutMix(num_classes=4).apply(start, LABELS, Scripted(share, column, row))
    top, bottom, left, right = box
    expected = start.clone()
    expected[:, :, top:bottom, left:right] = start[[2, 0, 1], :, top:bottom, left:right]
    assert torch.equal(mixed, expected)
    kept = 1 - (bottom - top) * (right - left) / 200
    assert labels[0].tolist() == pytest.approx([1 - kept, kept, 0, 0])
    assert labels.sum(1).tolist() == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("transform", [MixUp, CutMix])
def test_soft_labels_are_mixed_too(transform):
    soft = torch.tensor([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]])
    _, labels = transform()(batch(), soft)
    assert labels.shape == (3, 2)
    assert labels.sum(1).tolist() == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("transform", [MixUp, CutMix])
def test_mixing_refuses(transform):
    mix = transform(num_classes=4)
    with pytest.raises(ValueError, match=r"a batch \(N, C, Hb, Wb\) .* got \(24, 10, 20\) with \(3,\)"):
        mix(batch()[0], LABELS)
    with pytest.raises(ValueError, match=r"got .* with \(2,\)"):
        mix(batch(), LABELS[:2])
    with pytest.raises(ValueError, match="num_classes is needed"):
        transform()(batch(), LABELS)
    with pytest.raises(ValueError, match="labels are for 5 classes, but num_classes is 4"):
        mix(batch(), torch.zeros(3, 5))
    with pytest.raises(ValueError, match="alpha"):
        transform(alpha=0.0)


@pytest.mark.parametrize("transform", [MixUp, CutMix])
def test_mixing_draws_from_the_given_source(transform):
    mix = transform(num_classes=4)
    results = [mix.apply(batch(), LABELS, CounterRandom(0, 1, index, stream=1)) for index in (4, 4, 5)]
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert not torch.equal(results[0][1], results[2][1])


def test_presets_have_all_their_noise():
    """The factor of every published selection exists: no channel is a sum of others."""
    for channels in PRESETS.values():
        factor = F.gaussian_noise(torch.zeros(len(channels), 2, 2), channels=channels)
        assert factor.isfinite().all()
