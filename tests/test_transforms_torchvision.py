"""Against torchvision itself, where it is installed: boxes after the same seed, and colour on the same pixels."""

from __future__ import annotations

from pathlib import Path

import dctdecode
import matplotlib
import numpy as np
import pytest
import torch
from dctdecode import transforms as ours
from dctdecode.geometry import Geometry
from dctdecode.transforms import functional as F
from reference import color, dct

v2 = pytest.importorskip("torchvision.transforms.v2")
theirs_F = v2.functional

SIZES = [(375, 500), (500, 375), (64, 1000), (1000, 64), (333, 333), (97, 131)]


def coordinates(height: int, width: int) -> torch.Tensor:
    """(2, H, W): each pixel says where it was."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([rows, columns]).to(torch.int32)


def spans(geometry: Geometry) -> list[tuple[float, float]]:
    return [(axis.start, axis.stop) for axis in (geometry.vertical, geometry.horizontal)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_resize(height, width):
    image = torch.zeros(1, height, width)
    for arguments in ({"size": 56}, {"size": [31]}, {"size": (40, 24)}, {"size": 56, "max_size": 60},
                      {"size": None, "max_size": 60}, {"size": 96, "max_size": 97}):  # fmt: skip
        expected = v2.Resize(**arguments)(image).shape[-2:]
        assert ours.Resize(**arguments)(Geometry.of(height, width)).size == tuple(expected), arguments


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_center_crop(height, width):
    for size in (64, (61, 63), (64, 40)):
        expected = v2.CenterCrop(size)(coordinates(height, width))
        (top, bottom), (left, right) = spans(ours.CenterCrop(size)(Geometry.of(height, width)))
        assert expected[:, 0, 0].tolist() == [top, left]
        assert expected[:, -1, -1].tolist() == [bottom - 1, right - 1]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_random_resized_crop_after_the_same_seed(height, width):
    for arguments in ({}, {"scale": (0.5, 3.0)}, {"ratio": (1.0, 3.0)}):
        theirs, mine = v2.RandomResizedCrop(64, **arguments), ours.RandomResizedCrop(64, **arguments)
        for seed in range(40):
            torch.manual_seed(seed)
            box = theirs.make_params([torch.zeros(1, height, width)])
            torch.manual_seed(seed)
            geometry = mine(Geometry.of(height, width))
            expected = Geometry.of(height, width).crop(box["top"], box["left"], box["height"], box["width"])
            assert spans(geometry) == spans(expected)


PADDINGS = [{}, {"padding": 5}, {"padding": (1, 2)}, {"padding": (1, 2, 3, 4)}, {"pad_if_needed": True},
            {"padding": 3, "pad_if_needed": True}]  # fmt: skip


@pytest.mark.parametrize(
    ("height", "width", "arguments"),
    [(*size, padding) for size in [(64, 64), (70, 64), (64, 77), (90, 91)] for padding in PADDINGS]
    + [(60, 61, padding) for padding in PADDINGS if padding.get("padding") == 5 or "pad_if_needed" in padding],
)
def test_random_crop_after_the_same_seed(height, width, arguments):
    if arguments:
        arguments = {**arguments, "padding_mode": "edge"}
    image = coordinates(height, width)
    for seed in range(15):
        torch.manual_seed(seed)
        expected = v2.RandomCrop(64, **arguments)(image)
        torch.manual_seed(seed)
        (top, _), (left, _) = spans(ours.RandomCrop(64, **arguments)(Geometry.of(height, width)))
        rows = (torch.arange(64) + int(top)).clamp(0, height - 1)
        columns = (torch.arange(64) + int(left)).clamp(0, width - 1)
        assert torch.equal(expected, image[:, rows][:, :, columns])


def test_a_whole_chain_after_the_same_seed():
    """The order of draws is the same from transform to transform."""
    for seed in range(30):
        torch.manual_seed(seed)
        crop, flip, blur = v2.RandomResizedCrop(64), v2.RandomHorizontalFlip(), v2.GaussianBlur(3)
        image = coordinates(200, 300)
        box = crop.make_params([image])
        flipped = flip(image)[1, 0, 0] != 0
        sigma = blur.make_params([image])["sigma"][0]
        rest = torch.rand(1)

        torch.manual_seed(seed)
        chain = ours.Compose([ours.RandomResizedCrop(64), ours.RandomHorizontalFlip(), ours.GaussianBlur(3)])
        geometry = chain(Geometry.of(200, 300))
        assert torch.equal(torch.rand(1), rest)
        assert spans(geometry)[0] == (box["top"], box["top"] + box["height"])
        assert geometry.horizontal.flip == flipped
        assert geometry.vertical.blur == (3, sigma)


def test_the_kernel_of_two_sizes_has_the_same_order():
    impulse = torch.zeros(1, 15, 15)
    impulse[0, 7, 7] = 1
    blurred = theirs_F.gaussian_blur(impulse, [9, 5], [1.5, 1.5])[0] > 0
    blur = ours.GaussianBlur((9, 5), 1.5)(Geometry.of(16, 16))
    assert blurred.any(1).sum() == blur.vertical.blur.taps
    assert blurred.any(0).sum() == blur.horizontal.blur.taps


# --- Coefficients -----------------------------------------------------------------------------------------------


def coefficients(image: torch.Tensor) -> torch.Tensor:
    """(192, Hb, Wb) of R, G, B in 0..1."""
    y, cb, cr = color.ycbcr_from_rgb(*(255 * image.double()).numpy())
    blocks = torch.stack([torch.from_numpy(dct.block_dct(plane)) for plane in (y - 128, cb, cr)])
    return blocks.permute(0, 3, 4, 1, 2).reshape(192, *blocks.shape[1:3])


def image() -> torch.Tensor:
    """Values far enough from 0 and 1 that nothing is clipped below."""
    return 0.3 + 0.3 * torch.rand(3, 40, 56, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("factor", [0.3, 0.8, 1.3, 1.6])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_colour_within_half_a_unit(name, factor):
    theirs = getattr(theirs_F, f"adjust_{name}")(image(), factor)
    assert theirs.min() > 0
    assert theirs.max() < 1
    got = getattr(F, f"adjust_{name}")(coefficients(image()), factor)
    assert (got - coefficients(theirs)).abs().max() < 0.5


def test_grayscale_within_half_a_unit():
    theirs = theirs_F.rgb_to_grayscale(image(), num_output_channels=3)
    assert (F.to_grayscale(coefficients(image())) - coefficients(theirs)).abs().max() < 0.5


def test_jitter_after_the_same_seed():
    for seed in range(30):
        torch.manual_seed(seed)
        theirs = v2.ColorJitter(0.3, 0.3, 0.3)(image())
        torch.manual_seed(seed)
        got = ours.ColorJitter(0.3, 0.3, 0.3)(coefficients(image()))
        assert (got - coefficients(theirs)).abs().max() < 0.5


@pytest.mark.parametrize(
    "arguments", [{"p": 1.0}, {"p": 0.4}, {"p": 1.0, "scale": (0.3, 1.0), "ratio": (0.2, 5.0)}]
)
def test_erased_blocks_after_the_same_seed(arguments):
    start = torch.full((6, 28, 56), 0.5)
    for seed in range(40):
        torch.manual_seed(seed)
        expected = v2.RandomErasing(**arguments)(start)
        torch.manual_seed(seed)
        got = ours.RandomErasing(**arguments, value=0)(start)
        assert torch.equal(got[0] == 0.5, expected[0] == 0.5)


@pytest.mark.parametrize("name", ["MixUp", "CutMix"])
@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixing_after_the_same_seed(name, alpha):
    batch = torch.randn(5, 24, 28, 20)
    labels = torch.tensor([3, 1, 0, 2, 2])
    for seed in range(15):
        torch.manual_seed(seed)
        expected = getattr(v2, name)(alpha=alpha, num_classes=4)(batch, labels)
        torch.manual_seed(seed)
        got = getattr(ours, name)(alpha=alpha, num_classes=4)(batch, labels)
        for mine, theirs in zip(got, expected, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


# --- Both, from file to tensor -----------------------------------------------------------------------------------

PHOTO = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"  # 600 x 512 px


@pytest.mark.parametrize(
    "steps",
    [
        lambda m: [
            m.RandomResizedCrop(96),
            m.RandomHorizontalFlip(),
            m.RandomVerticalFlip(),
            m.GaussianBlur((9, 5)),
        ],
        lambda m: [m.RandomResizedCrop(224, scale=(0.05, 0.1)), m.RandomHorizontalFlip()],
        lambda m: [m.Resize(256), m.CenterCrop(224)],
        lambda m: [m.Resize(300), m.RandomCrop(224)],
        lambda m: [m.RandomCrop(480, padding=40, padding_mode="edge"), m.RandomHorizontalFlip()],
        lambda m: [m.RandomCrop(640, pad_if_needed=True, padding_mode="edge")],
    ],
)
def test_luma_of_a_photo_after_the_same_seed(steps):
    """torchvision's transforms on the float samples, and ours while decoding."""
    blocks = dctdecode.read(PHOTO, range(64)).double().permute(1, 2, 0).numpy()
    samples = dct.block_idct(blocks.reshape(*blocks.shape[:2], 8, 8))[:600, :512]
    for seed in range(4):
        torch.manual_seed(seed)
        theirs = v2.Compose(steps(v2))(torch.from_numpy(np.ascontiguousarray(samples))[None])[0]
        torch.manual_seed(seed)
        got = dctdecode.read(PHOTO, range(64), transform=ours.Compose(steps(ours)))
        expected = torch.from_numpy(dct.block_dct(theirs.numpy())).flatten(2).permute(2, 0, 1)
        assert (got - expected).abs().max() < 2e-3
