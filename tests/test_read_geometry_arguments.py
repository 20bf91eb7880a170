"""What `read` refuses of size, crop, flip, geometry and transform, and in which words."""

from __future__ import annotations

import dctdecode
import pytest
import torch
from dctdecode.errors import LimitExceededError
from dctdecode.geometry import Geometry
from dctdecode.transforms import Grayscale, RandomHorizontalFlip
from generate import Recipe


@pytest.fixture(scope="module")
def photo(generate) -> bytes:
    """101 x 150 px (height x width), 4:2:0."""
    return generate(Recipe(101, 150)).data


def flipped_geometry(height: int, width: int) -> Geometry:
    return Geometry.of(height, width).hflip()


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"size": 225}, ValueError, r"size must be positive multiples of 8 px, got 225; nearest: 224"),
        ({"size": (60, 448)}, ValueError, r"got \(60, 448\); nearest: \(64, 448\)"),
        ({"size": 0}, ValueError, "got 0; nearest: 8"),
        ({"size": -8}, ValueError, "got -8; nearest: 8"),
        ({"size": 3}, ValueError, "nearest: 8"),
        ({"size": 224.0}, TypeError, "size must be an integer or a pair .*got 224.0"),
        ({"size": True}, TypeError, "got True"),
        ({"size": "224"}, TypeError, "got '224'"),
        ({"size": (224,)}, TypeError, r"got \(224,\)"),
        ({"size": (224, 224, 3)}, TypeError, r"got \(224, 224, 3\)"),
        ({"size": (224, None)}, TypeError, r"got \(224, None\)"),
        (
            {"size": 2**20},
            LimitExceededError,
            "an output of 1048576 x 1048576 px has more than max_pixels = 67108864",
        ),
        ({"size": 64, "limits": {"max_pixels": 4095}}, LimitExceededError, "64 x 64 px .* max_pixels = 4095"),
        ({"size": (8, 65_544)}, ValueError, r"at most 65536 px a side, got \(8, 65544\)"),
        ({"crop": (0, 0, 8)}, TypeError, r"four numbers \(top, left, height, width\), in px, got \(0, 0, 8\)"),
        ({"crop": 8}, TypeError, "got 8"),
        ({"crop": "0000 "}, TypeError, "got '0000 '"),
        ({"crop": (0, 0, 8, None)}, TypeError, "four numbers"),
        ({"crop": (0, 0, 0, 8), "size": 8}, ValueError, r"positive height and width, got crop=\(0, 0, 0, 8\)"),
        ({"crop": (0, 0, 8, -1)}, ValueError, "positive height and width"),
        ({"crop": (float("nan"), 0, 8, 8)}, ValueError, r"must be finite.* got crop=\(nan, 0, 8, 8\)"),
        ({"crop": (0, 0, float("inf"), 8)}, ValueError, "must be finite"),
        (
            {"flip": "left"},
            ValueError,
            'flip must be False, True, "horizontal", "vertical" or "both", got \'left\'',
        ),
        ({"flip": 1}, ValueError, "got 1"),
        ({"flip": [True]}, ValueError, r"got \[True\]"),
        ({"geometry": (0, 0, 8, 8)}, TypeError, "geometry must be a Geometry or a callable.*got tuple"),
        ({"geometry": flipped_geometry, "size": 64}, ValueError, "size= and geometry= exclude each other"),
        ({"geometry": flipped_geometry, "crop": (0, 0, 8, 8)}, ValueError, "crop= and geometry= exclude"),
        ({"geometry": flipped_geometry, "flip": "both"}, ValueError, "flip= and geometry= exclude"),
        (
            {"transform": RandomHorizontalFlip(), "size": 64},
            ValueError,
            "size= and a transform that works on the geom",
        ),
        (
            {"transform": RandomHorizontalFlip(), "geometry": flipped_geometry},
            ValueError,
            "geometry= and a transform",
        ),
        ({"transform": "flip"}, TypeError, "transform must be callable, got str"),
        ({"transform": Grayscale(), "dtype": torch.int16}, ValueError, "transform= needs a float dtype"),
        ({"transform": Grayscale(), "dtype": torch.float64}, ValueError, "dtype must be one of"),
        ({"transform": Grayscale(), "normalize": "imagenot"}, ValueError, "'dctnet'"),
    ],
    ids=str,
)
def test_bad_arguments_are_shown_before_the_file_is_opened(arguments, error, says):
    with pytest.raises(error, match=says):
        dctdecode.read("no such file.jpg", **arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"crop": (0, 0, 102, 10), "size": 8}, r"crop=\(0, 0, 102, 10\) reaches beyond the image of 101 x 150 px"),
        ({"crop": (0, 0, 102, 10)}, "beyond the image of 101 x 150 px"),
        ({"crop": (-0.1, 0, 8, 8), "size": 8}, "beyond the image"),
        ({"crop": (0, 142.01, 8, 8), "size": 8}, "beyond the image"),
        ({"crop": (200, 200, 8, 8), "size": 8}, "beyond the image"),
        ({"crop": (101, 0, 1e-7, 8), "size": 8}, "is empty in an image of 101 x 150 px"),
        ({"crop": (8, 0, 16, 16)}, r"its MCU, 16 x 16 px, .*nearest: crop=\(0, 0, 32, 16\)"),
        ({"crop": (0.5, 0, 16, 16)}, r"nearest: crop=\(0, 0, 16, 16\)\. With size= any box is possible"),
        ({"crop": (90, 140, 8, 8)}, r"nearest: crop=\(80, 144, 16, 6\)"),
        (
            {"geometry": Geometry.of(150, 101)},
            "geometry is of an image of 150 x 101 px, this one has 101 x 150 px",
        ),
        (
            {"geometry": lambda h, w: Geometry.of(h, w).resize(8, 70_000)},
            "ends in 70000 px; a side has at most 65536",
        ),
        ({"geometry": lambda h, w: Geometry.of(h, w).crop(0, 0, 20, 16)}, "a crop to 20 px, .* nearest: 24"),
        (
            {"geometry": lambda h, w: Geometry.of(h, w).resize(64, 95).crop(0, 0, 64, 63.5)},
            "to 63.5 px.* nearest: 64",
        ),
    ],
)
def test_what_this_image_cannot_have_is_said_with_its_path(arguments, says, photo, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo)
    with pytest.raises(ValueError, match=says) as from_path:
        dctdecode.read(path, 6, **arguments)
    with pytest.raises(ValueError, match=says) as from_bytes:
        dctdecode.read(photo, 6, **arguments)
    assert str(from_path.value) == f"{path}: {from_bytes.value}"


def test_a_callable_returns_a_geometry(photo):
    with pytest.raises(TypeError, match=r"geometry must return a dctdecode\.geometry\.Geometry, got tuple"):
        dctdecode.read(photo, geometry=lambda h, w: (h, w))


def test_edits_of_a_geometry_check_their_arguments():
    geometry = Geometry.of(101, 150)
    with pytest.raises(ValueError, match="a resize needs a positive size, got 0 px"):
        geometry.resize(0, 8)
    with pytest.raises(ValueError, match="a crop needs a finite start and a positive size, got nan and 8 px"):
        geometry.crop(float("nan"), 0, 8, 8)
    with pytest.raises(ValueError, match="beyond the image's edge left nothing to resize"):
        geometry.crop(200, 0, 8, 8).resize(8, 8)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((0, True, (0, 8, 0, 8, 1, False, 0, 0)), "orientation must be 1 to 8"),
        ((1, True, (0, float("nan"), 0, 8, 1, False, 0, 0)), "start and stop must be finite"),
        ((1, True, (8, 8, 0, 8, 1, False, 0, 0)), "start must lie before stop"),
        ((1, True, (0, 8, 8, 8, 1, False, 0, 0)), "0 <= lo < hi"),
        ((1, True, (0, 8, -1, 8, 1, False, 0, 0)), "0 <= lo < hi"),
        ((1, True, (0, 8, 0, 8, 0, False, 0, 0)), "1 to 2\\^13 output blocks"),
        ((1, True, (0, 8, 0, 8, 1, False, 2, 1.0)), "blur_taps must be 0 or odd"),
        ((1, True, (0, 8, 0, 8, 1, False, 3, 0.0)), "blur_sigma must be above 0"),
    ],
)
def test_the_core_refuses_what_would_read_elsewhere(arguments, says, photo):
    orientation, native, axis = arguments
    with pytest.raises(ValueError, match=says):
        dctdecode._core.Geometry(orientation, native, axis, axis)
    sound = (0.0, 8.0, 0.0, 8.0, 1, False, 0, 0.0)
    with pytest.raises(ValueError, match=says):
        dctdecode._core.Geometry(orientation, native, sound, axis)


def test_windows_beyond_all_reason_are_refused(photo):
    with pytest.raises(
        ValueError, match=r"horizontal axis: start and stop must be finite and at most 2\^24 px away"
    ):
        dctdecode.read(photo, geometry=lambda h, w: Geometry.of(h, w).crop(0, -1e9, 8, 2e9).resize(8, 8))
