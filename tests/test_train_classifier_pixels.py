"""The pixels that examples/train_classifier.py compares with: the same crops as the coefficients."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from dctdecode import DCTImageFolder
from dctdecode.geometry import Geometry
from dctdecode.transforms import (
    CenterCrop,
    Compose,
    CounterRandom,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
)
from PIL import Image
from training import EXAMPLES

sys.path.insert(0, str(EXAMPLES))

from classification.pixels import MEAN, STD, PixelFolder, cut

LUMA = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Soft clouds of color: what is compared are block means, and nothing is to depend on ringing."""
    root = tmp_path_factory.mktemp("clouds")
    (root / "a").mkdir()
    for i, size in enumerate([(211, 147), (120, 160), (97, 251), (300, 300)]):
        small = np.random.default_rng(i).integers(20, 236, (6, 7, 3), np.uint8)
        Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(root / "a" / f"{i}.jpg", quality=95)
    return root


TRAINING = [RandomResizedCrop(64, scale=(0.2, 1.0)), RandomHorizontalFlip()]


@pytest.mark.parametrize("decoder", ["pillow", "simplejpeg"])
@pytest.mark.parametrize("steps", [TRAINING, [Resize(80), CenterCrop(64)]], ids=["training", "validation"])
def test_pixels_and_coefficients_show_the_same(folder, steps, decoder):
    transform = Compose(steps)
    pixels = PixelFolder(folder, transform, decoder)
    coefficients = DCTImageFolder(folder, transform, channels=6)
    indices = list(range(4)) * 6
    randoms = [[CounterRandom(3, epoch, index) for epoch, index in enumerate(indices)] for _ in range(2)]
    images, targets, failures = pixels.read_batch(indices, randoms=randoms[0], threads=2)
    blocks, same_targets, _ = coefficients.read_batch(indices, randoms=randoms[1])
    assert pixels.batch_shape(24) == tuple(images.shape) == (24, 3, 64, 64)
    assert targets.tolist() == same_targets.tolist() == [0] * 24
    assert failures == []
    levels = images * torch.tensor(STD).view(3, 1, 1) * 255 + torch.tensor(MEAN).view(3, 1, 1) * 255
    luma = (levels * LUMA).sum(1, keepdim=True)
    means = torch.nn.functional.avg_pool2d(luma, 8)[:, 0]
    assert means.std() > 20
    torch.testing.assert_close(means, blocks[:, 0] / 8 + 128, rtol=0, atol=2.0)


def test_draws_are_those_of_another_size(folder):
    """112 px of the crop whose coefficients are taken at 224 px."""
    large, small = RandomResizedCrop(224), RandomResizedCrop(112)
    for index in range(50):
        boxes = [
            [(axis.start, axis.stop) for axis in (found.vertical, found.horizontal)]
            for found in (t.apply(Geometry.of(211, 147), CounterRandom(0, 0, index)) for t in (large, small))
        ]
        assert boxes[0] == boxes[1]


def test_taps_stay_inside_a_crop_that_is_resized_and_see_beyond_one_that_comes_after():
    noise = np.random.default_rng(0).integers(0, 256, (90, 130, 3), np.uint8)
    image = Image.fromarray(noise)
    box, bilinear = (20, 10, 80, 60), Image.Resampling.BILINEAR
    inside = Geometry.of(90, 130).crop(10, 20, 50, 60).resize(32, 24)
    assert np.array_equal(cut(image, inside), image.crop(box).resize((24, 32), bilinear))
    after = Geometry.of(90, 130).resize(45, 65).crop(5, 7, 32, 24)
    assert np.array_equal(cut(image, after), image.resize((24, 32), bilinear, (14, 10, 62, 74)))
    assert np.array_equal(cut(image, inside.hflip()), np.asarray(cut(image, inside))[:, ::-1])
