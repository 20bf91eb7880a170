"""`read_batch` with size, crop, flip, geometry and transform, one for all or one per image: what `read` gives."""

from __future__ import annotations

import threading

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode.errors import CorruptJpegError, LimitExceededError
from dctdecode.geometry import Geometry
from dctdecode.transforms import Compose, GaussianNoise, Grayscale, RandomHorizontalFlip, RandomResizedCrop
from generate import SUBSAMPLINGS, Recipe
from test_read_geometry import gray_with_orientation

AUGMENT = Compose([RandomResizedCrop(64, scale=(0.2, 1.0)), RandomHorizontalFlip()])
SIZES = [(21, 37), (101, 150), (64, 48), (150, 101), (33, 70), (200, 90)]


@pytest.fixture(scope="module")
def images(generate) -> list[bytes]:
    """12 images of different sizes, samplings and processes; the last repeats the first."""
    kinds = [("444", ""), ("420", ""), ("422", "p"), ("411", ""), ("420", "o"), ("3:2", "a")]
    made = [
        generate(Recipe(*size, factors=SUBSAMPLINGS[name], process=process, seed=seed)).data
        for seed, (size, (name, process)) in enumerate(zip(SIZES, kinds, strict=True))
    ]
    gray = [generate(Recipe(*size, color="gray", factors=((1, 1),))).data for size in SIZES[:5]]
    return [*made, *gray, made[0]]


def box_of(image: bytes, rng: np.random.Generator) -> tuple[float, float, float, float]:
    info = dctdecode.info(image)
    height, width = rng.uniform(1, info.height), rng.uniform(1, info.width)
    return rng.uniform(0, info.height - height), rng.uniform(0, info.width - width), height, width


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_boxes_and_flips_of_each(threads, images):
    rng = np.random.default_rng(1)
    boxes = [box_of(image, rng) for image in images]
    boxes[3] = None
    flips = [False, True, "vertical", "both"] * 3
    options = {"size": (64, 48), "normalize": "dctnet", "interpolation": "bicubic"}
    batch = dctdecode.read_batch(images, 24, crop=boxes, flip=flips, threads=threads, **options)
    assert batch.shape == (12, 24, 8, 6)
    for i, image in enumerate(images):
        assert torch.equal(batch[i], dctdecode.read(image, 24, crop=boxes[i], flip=flips[i], **options)), i


def test_boxes_and_flips_as_arrays(images):
    rng = np.random.default_rng(2)
    boxes = np.array([box_of(image, rng) for image in images])
    flips = rng.random(12) < 0.5
    expected = dctdecode.read_batch(images, 6, size=32, crop=boxes.tolist(), flip=flips.tolist())
    for crop in (boxes, torch.from_numpy(boxes), tuple(map(tuple, boxes))):
        for flip in (flips, torch.from_numpy(flips), tuple(flips)):
            assert torch.equal(dctdecode.read_batch(images, 6, size=32, crop=crop, flip=flip), expected)


def test_one_for_all(images):
    four = images[:4]
    box = (1.5, 2, 16, 24.25)
    scalars = tuple(np.array(box)), tuple(np.array(box, np.float32)), list(torch.tensor(box))
    for crop in (box, list(box), np.array(box), torch.tensor(box), *scalars):  # one box, though four images
        batch = dctdecode.read_batch(four, 6, size=32, crop=crop, flip="both")
        for row, image in zip(batch, four, strict=True):
            assert torch.equal(row, dctdecode.read(image, 6, size=32, crop=box, flip="both"))


def test_native_slices(images):
    batch = dctdecode.read_batch([images[1]] * 2, 24, crop=[(0, 0, 32, 64), (64, 80, 32, 64)])
    whole = dctdecode.read(images[1], 24)
    assert torch.equal(batch[0], whole[:, :4, :8])
    assert torch.equal(batch[1], whole[:, 8:12, 10:18])


def test_upright(images):
    turned = [gray_with_orientation(o) for o in range(1, 9)]
    batch = dctdecode.read_batch(turned, 6, size=(40, 24), orientation="apply")
    for row, image in zip(batch, turned, strict=True):
        assert torch.equal(row, dctdecode.read(image, 6, size=(40, 24), orientation="apply"))
    native = dctdecode.read_batch(turned[4:], 6, orientation="apply")
    assert native.shape == (4, 6, 5, 3)
    with pytest.raises(ValueError, match=r"index 0 has \(3, 5\) .* index 4 has \(5, 3\); size= brings all to one"):
        dctdecode.read_batch(turned, 6, orientation="apply")


# --- Geometry -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_geometries(threads, images):
    seen = []

    def resized(height, width):
        seen.append((height, width, threading.get_ident()))
        return Geometry.of(height, width).resize(64, 64).crop(8, 8, 48, 48)

    batch = dctdecode.read_batch(images, 6, geometry=resized, threads=threads)
    infos = [dctdecode.info(image) for image in images]
    assert seen == [(info.height, info.width, threading.get_ident()) for info in infos]
    for row, image in zip(batch, images, strict=True):
        assert torch.equal(row, dctdecode.read(image, 6, geometry=resized))
    fixed = [resized(info.height, info.width) for info in infos]
    assert torch.equal(dctdecode.read_batch(images, 6, geometry=fixed), batch)


def test_geometries_of_different_grids_are_refused(images):
    with pytest.raises(ValueError, match=r"index 0 has \(2, 5\) .* index 1 has \(13, 19\)"):
        dctdecode.read_batch(images[:2], 6, geometry=[Geometry.of(21, 37).resize(16, 37), None])


# --- Transforms -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "transform", [AUGMENT, Compose([*AUGMENT.transforms, Grayscale(), GaussianNoise(0.0, 2.0)])]
)
def test_draws_do_not_depend_on_threads(transform, images):
    results = []
    for threads in (1, 2, 8):
        torch.manual_seed(11)
        results.append(dctdecode.read_batch(images, 24, transform=transform, threads=threads, normalize="dctnet"))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])
    assert not torch.equal(results[0], dctdecode.read_batch(images, 24, transform=transform, normalize="dctnet"))
    assert not torch.equal(results[0][0], results[0][-1])  # one image, two draws


def test_plans_are_drawn_as_by_single_reads(images):
    torch.manual_seed(5)
    batch = dctdecode.read_batch(images, 24, transform=AUGMENT)
    torch.manual_seed(5)
    assert torch.equal(batch, torch.stack([dctdecode.read(image, 24, transform=AUGMENT) for image in images]))


def test_a_transform_for_each(images):
    given = [None, lambda x: x * 2, Grayscale()]
    batch = dctdecode.read_batch(images[:3], 24, size=32, transform=given, normalize=(1.0, 2.0))
    for i in range(3):
        expected = dctdecode.read(images[i], 24, size=32, transform=given[i], normalize=(1.0, 2.0))
        torch.testing.assert_close(batch[i], expected, rtol=1e-6, atol=1e-4)
    with pytest.raises(
        ValueError, match=r"transform gave shapes that differ: index 0 \(24, 4, 4\), index 1 \(6, 4, 4\)"
    ):
        dctdecode.read_batch(images[:2], 24, size=32, transform=[None, lambda x: x[:6]])


@pytest.mark.parametrize("kind", [torch.empty, lambda *shape: np.empty(shape, np.float32)])
def test_transformed_into_out(kind, images):
    out = kind(12, 24, 4, 4)
    assert dctdecode.read_batch(images, 24, size=32, transform=Grayscale(), out=out) is out
    expected = dctdecode.read_batch(images, 24, size=32, transform=Grayscale())
    assert np.array_equal(np.asarray(out), expected.numpy())


# --- Errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_error", ["raise", "skip", "zero", lambda failure: "skip"])
def test_a_box_outside_is_the_callers_error(on_error, images, tmp_path):
    """Raised before anything is decoded, whatever becomes of images that cannot be read."""
    path = tmp_path / "small.jpg"
    path.write_bytes(images[0])
    damaged = images[1][:-40]  # its header is sound
    boxes = [(0, 0, 20, 20), (0, 0, 20, 38)]
    out = torch.full((2, 6, 4, 4), 7.0)
    with pytest.raises(ValueError, match=r"small\.jpg \(index 1 of the batch\): crop=.* image of 21 x 37 px"):
        dctdecode.read_batch([damaged, path], 6, size=32, crop=boxes, on_error=on_error, out=out)
    assert (out == 7).all()


def test_what_a_callable_raises_comes_through(images):
    def refuse(height, width):
        raise KeyError("no size")

    with pytest.raises(KeyError, match="no size"):
        dctdecode.read_batch(images, 6, geometry=refuse, on_error="skip")


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"size": 60}, ValueError, "got 60; nearest: 64"),
        ({"crop": [(0, 0, 8, 8)] * 2, "size": 8}, ValueError, "crop must be one for all .* got 2 for 3 images"),
        ({"flip": [True] * 4}, ValueError, "flip must be one for all images or one each: got 4 for 3 images"),
        ({"flip": torch.tensor([True] * 4)}, ValueError, "got 4 for 3 images"),
        ({"crop": np.zeros((2, 4)) + 8, "size": 8}, ValueError, "got 2 for 3 images"),
        (
            {"crop": [(0, 0, 8, 8), None, (0, 0, 8)]},
            TypeError,
            r"\(index 2 of the batch\): crop must be four numbers",
        ),
        (
            {"crop": [(0, 0, 8, 8), (0, 0, 0, 8), None]},
            ValueError,
            r"\(index 1 of the batch\): crop must be finite",
        ),
        ({"flip": [True, "left", False]}, ValueError, r"\(index 1 of the batch\): flip must be"),
        ({"flip": [True, 0, False]}, ValueError, r"\(index 1 of the batch\): .*got 0"),
        ({"flip": 3}, ValueError, "got 3"),
        ({"crop": 3}, TypeError, "got 3"),
        ({"geometry": [None, 3, None]}, TypeError, r"\(index 1 of the batch\): geometry must be"),
        ({"geometry": [Geometry.of(8, 8)] * 2}, ValueError, "geometry must be one for all .* got 2 for 3"),
        ({"geometry": [Geometry.of(8, 8)] * 3, "size": 8}, ValueError, "size= and geometry= exclude each other"),
        (
            {"transform": [None, AUGMENT, None], "flip": True},
            ValueError,
            "flip= and a transform that works on the ge",
        ),
        ({"transform": [None, "flip", None]}, TypeError, r"\(index 1 of the batch\): transform must be callable"),
        ({"transform": [None] * 2}, ValueError, "transform must be one for all .* got 2 for 3"),
        ({"transform": Grayscale(), "dtype": torch.int16}, ValueError, "transform= needs a float dtype"),
        ({"size": 2**20}, LimitExceededError, "more than max_pixels"),
    ],
    ids=str,
)
def test_bad_arguments(options, error, says):
    with pytest.raises(error, match=says):
        dctdecode.read_batch(["no such file"] * 3, 6, **options)


@pytest.fixture
def damaged(images, tmp_path):
    """Sound images at 0 and 3; a truncated file at 1, no JPEG at 2, a missing file at 4."""
    (tmp_path / "cut.jpg").write_bytes(images[1][:-40])
    return [images[0], tmp_path / "cut.jpg", b"GIF89a", images[3], tmp_path / "gone.jpg"]


@pytest.mark.parametrize(
    "options", [{"size": 32}, {"transform": Compose([AUGMENT, Grayscale()])}], ids=["size", "tf"]
)
def test_failed_images_are_zero_or_left_out(options, damaged):
    torch.manual_seed(1)
    out = torch.full((5, 24, 8, 8), 7.0) if "transform" in options else torch.full((5, 24, 4, 4), 7.0)
    batch, failures = dctdecode.read_batch(
        damaged, 24, on_error="zero", return_failures=True, out=out, normalize="dctnet", **options
    )
    assert [failure.index for failure in failures] == [1, 2, 4]
    assert not batch[[1, 2, 4]].any()
    assert batch[0].any()
    assert batch[3].any()
    torch.manual_seed(1)
    kept = dctdecode.read_batch(damaged, 24, on_error="skip", normalize="dctnet", **options)
    assert torch.equal(kept, batch[[0, 3]])
    with pytest.raises(CorruptJpegError, match="index 2"):
        dctdecode.read_batch(damaged[:4], 24, **options)


def test_nothing_to_read_has_the_size_all_the_same():
    assert dctdecode.read_batch([], 24, size=(32, 64)).shape == (0, 24, 4, 8)
    assert dctdecode.read_batch([b"", b""], 24, size=32, on_error="skip").shape == (0, 24, 4, 4)
    assert dctdecode.read_batch([b"", b""], 24, size=32, on_error="zero", transform=Grayscale()).shape == (
        2,
        24,
        4,
        4,
    )
    assert dctdecode.read_batch([], 24, transform=AUGMENT).shape == (0, 24, 0, 0)


def test_memory_of_a_large_output_is_counted_per_image(images):
    with pytest.raises(LimitExceededError, match=r"index 0 of the batch.*memory"):
        dctdecode.read_batch(images[:2], 192, size=8000)


def test_a_geometry_that_makes_too_much_is_named(images, tmp_path):
    path = tmp_path / "small.jpg"
    path.write_bytes(images[1])
    geometries = [None, lambda h, w: Geometry.of(h, w).resize(2**14, 2**14)]
    with pytest.raises(LimitExceededError, match=r"small\.jpg \(index 1 of the batch\): .* max_pixels") as caught:
        dctdecode.read_batch([images[0], path], 6, geometry=geometries)
    assert (caught.value.index, caught.value.path, caught.value.reason) == (1, str(path), "limit")
    with pytest.raises(LimitExceededError, match=r"small\.jpg: an output of 16384 x 16384 px"):
        dctdecode.read(path, 6, geometry=geometries[1])
