"""Plan transforms: boxes and sizes by torchvision's rules, written out again."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from dctdecode.geometry import Axis, Geometry
from dctdecode.transforms import (
    CenterCrop,
    Compose,
    CounterRandom,
    GaussianBlur,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    Resize,
)
from dctdecode.transforms.base import draw_boxes


class Scripted:
    """Gives the numbers that it was told, in order, and notes what was asked for."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)
        self.asked = []

    def uniform(self, low=0.0, high=1.0):
        self.asked.append((low, high))
        return self.numbers.pop(0)

    def integers(self, count):
        self.asked.append(count)
        return self.numbers.pop(0)


def window(axis: Axis) -> tuple[float, float]:
    return axis.start, axis.stop


@pytest.mark.parametrize(
    ("size", "height", "width", "expected"),
    [
        (512, 375, 500, (512, 682)),  # 512 * 500 / 375 = 682.67, cut off
        (512, 500, 375, (682, 512)),
        ([512], 333, 500, (512, 768)),
        (256, 300, 300, (256, 256)),
        ((224, 448), 375, 500, (224, 448)),
        (8, 37, 21, (14, 8)),
    ],
)
def test_resize(size, height, width, expected):
    geometry = Resize(size)(Geometry.of(height, width))
    assert geometry.size == expected
    assert window(geometry.vertical) == (0, height)
    assert window(geometry.horizontal) == (0, width)


@pytest.mark.parametrize(
    ("size", "max_size", "height", "width", "expected"),
    [
        (512, 600, 375, 500, (450, 600)),  # int(600 * 512 / 682)
        (512, 700, 375, 500, (512, 682)),
        (512, 600, 500, 375, (600, 450)),
        (None, 600, 375, 500, (450, 600)),
        (None, 600, 500, 375, (600, 450)),
    ],
)
def test_resize_with_max_size(size, max_size, height, width, expected):
    assert Resize(size, max_size=max_size)(Geometry.of(height, width)).size == expected


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"size": None}, ValueError),
        ({"size": 512, "max_size": 512}, ValueError),
        ({"size": (512, 512), "max_size": 600}, ValueError),
        ({"size": 0}, ValueError),
        ({"size": (8, 8, 8)}, ValueError),
        ({"size": 51.2}, TypeError),
        ({"size": "512"}, TypeError),
        ({"size": True}, TypeError),
    ],
)
def test_resize_refuses(arguments, error):
    with pytest.raises(error, match="size"):
        Resize(**arguments)


@pytest.mark.parametrize(
    ("height", "width", "top", "left"),
    [
        (512, 683, 32, 118),
        (450, 453, 1, 2),
        (448, 449, 0, 0),
        (451, 455, 2, 4),
    ],  # 1.5 and 2.5 round to 2, 3.5 to 4
)
def test_center_crop_rounds_halves_to_even(height, width, top, left):
    geometry = CenterCrop(448)(Geometry.of(height, width))
    assert geometry == Geometry.of(height, width).crop(top, left, 448, 448)
    assert window(geometry.vertical) == (top, top + 448)
    assert window(geometry.horizontal) == (left, left + 448)


def test_center_crop_of_two_sides():
    assert CenterCrop((64, 128))(Geometry.of(200, 200)).size == (64, 128)


@pytest.mark.parametrize(("height", "width"), [(447, 600), (600, 447)])
def test_center_crop_beyond_the_image_is_refused_with_advice(height, width):
    with pytest.raises(ValueError, match=rf"{height} x {width} px. Resize first, or take RandomCrop.*edge"):
        CenterCrop(448)(Geometry.of(height, width))


def test_resize_then_crop_sees_beyond_the_crop():
    """As in pixels, where the crop takes part of an image that was resized as a whole."""
    geometry = Compose([Resize(512), CenterCrop(448)])(Geometry.of(375, 500))
    assert (geometry.vertical.lo, geometry.vertical.hi) == (0, 375)
    scale = 375 / 512
    assert window(geometry.vertical) == pytest.approx((32 * scale, 480 * scale))


def test_crop_then_resize_stays_inside():
    geometry = Compose([CenterCrop(300), Resize(448)])(Geometry.of(375, 500))
    assert (geometry.vertical.lo, geometry.vertical.hi) == (38, 338)  # 37.5 rounds to 38
    assert (geometry.horizontal.lo, geometry.horizontal.hi) == (100, 400)


# --- RandomCrop --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "height", "width", "free", "drawn", "expected"),
    [
        ({}, 100, 90, [37, 27], [36, 0], (36, 0)),
        ({}, 64, 90, [27], [5], (0, 5)),  # nothing is drawn where there is no choice
        ({}, 64, 64, [], [], (0, 0)),
        ({"padding": 4}, 64, 64, [9, 9], [8, 0], (4, -4)),
        ({"padding": (2, 3)}, 64, 64, [7, 5], [0, 0], (-3, -2)),  # left and right 2, top and bottom 3
        ({"padding": (1, 2, 3, 4)}, 64, 64, [7, 5], [6, 4], (4, 3)),
        ({"pad_if_needed": True}, 60, 64, [5], [0], (-4, 0)),  # 4 px on both sides
        ({"pad_if_needed": True}, 60, 62, [5, 3], [4, 1], (0, -1)),
        ({"padding": 1, "pad_if_needed": True}, 60, 70, [3, 9], [0, 0], (-3, -1)),
    ],
)
def test_random_crop(arguments, height, width, free, drawn, expected):
    if arguments:
        arguments = {**arguments, "padding_mode": "edge"}
    random = Scripted(*drawn)
    geometry = RandomCrop(64, **arguments).apply(Geometry.of(height, width), random)
    assert random.asked == free
    assert geometry == Geometry.of(height, width).crop(*expected, 64, 64)


def test_random_crop_larger_than_the_image_is_refused():
    with pytest.raises(ValueError, match=r"does not fit into an image of 60 x 90 px; see pad_if_needed"):
        RandomCrop(64)(Geometry.of(60, 90))


@pytest.mark.parametrize(
    "arguments",
    [
        {"padding": 4},
        {"pad_if_needed": True},
        {"padding": 4, "padding_mode": "reflect"},
        {"padding_mode": "symmetric"},
    ],
)
def test_only_edges_can_be_padded(arguments):
    with pytest.raises(ValueError, match='padding_mode="edge"'):
        RandomCrop(64, **arguments)


@pytest.mark.parametrize("padding", [-1, (1, 2, 3), "4", (1, -2)])
def test_padding_is_checked(padding):
    with pytest.raises(ValueError, match="one, two or four"):
        RandomCrop(64, padding, padding_mode="edge")


# --- RandomResizedCrop -------------------------------------------------------------------------------------------


def test_random_resized_crop_follows_the_formulas():
    random = Scripted(0.25, math.log(1.2), 3, 4)
    transform = RandomResizedCrop((56, 112))
    width, height = (round(math.sqrt(375 * 500 * 0.25 * r)) for r in (1.2, 1 / 1.2))
    geometry = transform.apply(Geometry.of(375, 500), random)
    assert geometry == Geometry.of(375, 500).crop(3, 4, height, width).resize(56, 112)
    assert random.asked[0] == (0.08, 1.0)
    assert random.asked[1] == pytest.approx((math.log(3 / 4), math.log(4 / 3)))
    assert random.asked[2:] == [375 - height + 1, 500 - width + 1]
    assert (geometry.vertical.lo, geometry.vertical.hi) == (3, 3 + height)


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [
        (100, 1000, (0, 433, 100, 133)),  # as wide as 4:3 allows
        (1000, 100, (433, 0, 133, 100)),
        (300, 310, (0, 0, 300, 310)),  # allowed as it is
    ],
)
def test_after_ten_misses_the_middle_is_taken(height, width, box):
    # Twice the image's area never fits, and no place is drawn.
    random = Scripted(*[2.0, 0.0] * 10)
    assert RandomResizedCrop(64, scale=(1, 2)).box(height, width, random) == box
    assert len(random.asked) == 20


def test_a_box_as_wide_as_the_image_fits_and_a_wider_one_does_not():
    wide, fitting = [101 * 50 / 6000, math.log(101 / 50)], [0.5, math.log(100 / 30)]
    random = Scripted(*wide, *fitting, 7, 0)
    assert RandomResizedCrop(64, ratio=(0.1, 10)).box(60, 100, random) == (7, 0, 30, 100)
    assert random.asked[-2:] == [31, 1]


def test_random_resized_crop_distribution():
    """Of 4000 boxes in a square: areas uniform, ratios log-uniform, places uniform in what is left."""
    transform = RandomResizedCrop(64, scale=(0.1, 0.5))
    boxes = np.array([transform.box(1000, 1000, CounterRandom(0, 0, i)) for i in range(4000)], float)
    top, left, height, width = boxes.T
    tolerance = 5 * (1 / 12 / 4000) ** 0.5
    area = (height * width / 1e6 - 0.1) / 0.4
    shape = np.log(width / height) / (2 * math.log(4 / 3)) + 0.5
    for quantity in (area, shape, top / (1000 - height), left / (1000 - width)):
        assert quantity.min() > -0.01
        assert quantity.max() < 1.01
        assert quantity.mean() == pytest.approx(0.5, abs=tolerance)
        assert quantity.var() == pytest.approx(1 / 12, rel=0.07)
    assert abs(np.corrcoef(top / (1000 - height), left / (1000 - width))[0, 1]) < 5 / 4000**0.5


@pytest.mark.parametrize(
    "arguments", [{"scale": (1.0, 0.5)}, {"scale": (-0.1, 1)}, {"ratio": (0, 1)}, {"ratio": (2, 1, 3)}]
)
def test_intervals_are_checked(arguments):
    with pytest.raises(ValueError, match="must be \\(min, max\\)"):
        RandomResizedCrop(64, **arguments)


def test_the_ratio_of_a_box_is_torch_s_exponential_in_float32():
    """What torchvision computes; another rounding of it would make another box of one image in a million."""
    for index in range(300):
        drawn = next(draw_boxes(10**12, (1.0, 1.0), (0.5, 3.0), CounterRandom(0, 0, index)))
        random = CounterRandom(0, 0, index)
        area = 10**12 * random.uniform(1.0, 1.0)
        low, high = torch.log(torch.tensor((0.5, 3.0))).tolist()
        ratio = torch.exp(torch.tensor(random.uniform(low, high))).item()
        assert drawn == (round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio)))


# --- Flips and blur ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transform", "axis"), [(RandomHorizontalFlip, "horizontal"), (RandomVerticalFlip, "vertical")]
)
def test_flips(transform, axis):
    start = Geometry.of(37, 21)
    flipped = [transform(p=0.3).apply(start, CounterRandom(0, 0, i)) for i in range(2000)]
    changed = [geometry for geometry in flipped if geometry != start]
    assert len(changed) == pytest.approx(600, abs=5 * (2000 * 0.3 * 0.7) ** 0.5)
    assert changed[0] == (start.hflip() if axis == "horizontal" else start.vflip())
    assert getattr(changed[0], axis).flip
    assert transform(p=0.0)(start) == start
    assert transform(p=1.0)(start) == changed[0]


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_probabilities_are_checked(p):
    with pytest.raises(ValueError, match="probability"):
        RandomVerticalFlip(p)


def test_a_crop_after_a_flip_is_a_crop_of_the_flipped_image():
    chain = Compose([RandomHorizontalFlip(p=1.0), RandomCrop(64)])
    geometry = chain.apply(Geometry.of(64, 100), Scripted(0.0, 10))
    assert window(geometry.horizontal) == (26, 90)


def test_gaussian_blur_takes_the_horizontal_kernel_first():
    geometry = GaussianBlur((9, 5), sigma=(0.5, 1.5)).apply(Geometry.of(64, 64), Scripted(0.75))
    assert geometry.horizontal.blur == (9, 0.75)
    assert geometry.vertical.blur == (5, 0.75)


def test_a_fixed_sigma_stays_exact():
    """torch's numbers are float32, 0.3 is none."""
    assert GaussianBlur(3, 0.3)(Geometry.of(64, 64)).vertical.blur == (3, 0.3)


def test_gaussian_blur_refuses():
    for kernel_size in (4, (3, 2)):
        with pytest.raises(ValueError, match="odd"):
            GaussianBlur(kernel_size)
    for sigma in (0, (0.0, 1.0), (2.0, 1.0)):
        with pytest.raises(ValueError, match="sigma"):
            GaussianBlur(3, sigma)
    with pytest.raises(ValueError, match="cannot follow"):
        Compose([GaussianBlur(3), GaussianBlur(3)])(Geometry.of(64, 64))
    with pytest.raises(ValueError, match="cannot follow a GaussianBlur"):
        Compose([GaussianBlur(3), Resize(64)])(Geometry.of(64, 64))


# --- What it is applied to ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [torch.zeros(24, 56, 56), (375, 500), None])
def test_only_a_geometry_can_be_edited(value):
    for transform in (CenterCrop(448), Compose([CenterCrop(448)])):
        with pytest.raises(TypeError, match=r"CenterCrop edits the plan before decoding .* read\(transform=...\)"):
            transform(value)


def test_geometry_is_what_read_s_argument_calls():
    assert Resize(512).geometry(375, 500) == Geometry.of(375, 500).resize(512, 682)
    assert Compose([Resize(512)]).geometry(375, 500) == Geometry.of(375, 500).resize(512, 682)
