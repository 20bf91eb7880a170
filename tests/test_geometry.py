"""Crop and resize of `read` against pixels: inverse DCT, Pillow's float resize, block DCT, in float64.

Errors are measured where they matter, on coefficients. Over a component (its 64 channels) no error may exceed 1e-5
of the largest coefficient; in no channel may the RMS error exceed 2e-4 of that channel's own RMS, or 1e-5 of the
component's where the channel is next to empty (an enlarged image has no high frequencies but those of rounding).
"""

from __future__ import annotations

import zlib
from fractions import Fraction

import dctdecode
import numpy as np
import pytest
from dctdecode.geometry import Geometry
from generate import SUBSAMPLINGS, Made, Recipe
from numpy.typing import NDArray
from reference.geometry import (
    Component,
    Window,
    channels,
    components,
    picture,
    resized_by_matrices,
    resized_by_pillow,
)

FILTERS = ["box", "bilinear", "bicubic", "lanczos"]
KINDS = {
    **{name: Recipe(factors=factors) for name, factors in SUBSAMPLINGS.items() if name != "all 2x2"},
    "420 progressive": Recipe(process="p"),
    "422 progressive": Recipe(factors=SUBSAMPLINGS["422"], process="p"),
    "420 restarts": Recipe(restart=3),
    "gray": Recipe(color="gray", factors=((1, 1),)),
    "gray 2x2": Recipe(color="gray", factors=((2, 2),)),
    "gray progressive": Recipe(color="gray", factors=((1, 1),), process="p"),
    "rgb": Recipe(color="rgb", factors=SUBSAMPLINGS["444"]),
    "rgb 420": Recipe(color="rgb", factors=SUBSAMPLINGS["420"]),
}


def parts_of(made: Made, orientation: int = 1) -> list[Component]:
    recipe = made.recipe
    planes = [made.dequantized(c) for c in range(len(recipe.factors))]
    return components(planes, recipe.factors, recipe.height, recipe.width, orientation)


def rms(values: NDArray[np.float64], axis: tuple[int, ...] | None = None) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.mean(np.square(values), axis)))


def assert_equals(tensor, want: NDArray[np.float64], note: object = "") -> None:
    """`tensor` (192, Hb, Wb) within the bounds of this file's first lines."""
    got = tensor.double().numpy()
    assert got.shape == want.shape, note
    for c in range(3):
        own, expected = got[64 * c : 64 * c + 64], want[64 * c : 64 * c + 64]
        error = own - expected
        assert np.abs(error).max() <= 1e-5 * np.abs(expected).max(), (note, c)
        allowed = np.maximum(2e-4 * rms(expected, (1, 2)), 1e-5 * rms(expected))
        assert (rms(error, (1, 2)) <= allowed).all(), (note, c)


# --- Random geometries -------------------------------------------------------------------------------------------


def drawn(name: str, count: int, recipe: Recipe) -> list[tuple[np.random.Generator, Recipe]]:
    """Image sizes and generators of a test's cases, the same whatever else runs."""
    cases = []
    for i in range(count):
        rng = np.random.default_rng([zlib.crc32(name.encode()), i])
        height, width = (int(px) for px in rng.integers(9, 140, 2))
        cases.append((rng, Recipe(height, width, recipe.factors, recipe.color, recipe.process, recipe.restart)))
    return cases


def drawn_axis(rng: np.random.Generator, px: int, sizes: list[int], fine: int) -> tuple[Fraction, Fraction, int]:
    """(start, stop, n_out) of a crop at a scale of 0.2 to 8; start and size are multiples of 3 / ``fine`` px.

    3: of the factors 2 / 3, too, the windows are then short binary fractions, which Pillow's float32 box holds.
    """
    scale = np.exp(rng.uniform(np.log(0.2), np.log(8)))
    fits = [n for n in sizes if n * scale <= px] or sizes[:1]
    n_out = int(rng.choice(fits))
    steps = px * fine // 3
    count = int(np.clip(round(n_out * scale * fine / 3), min(steps, fine), steps))
    first = int(rng.integers(0, steps - count, endpoint=True))
    return Fraction(3 * first, fine), Fraction(3 * (first + count), fine), n_out


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("kind", KINDS)
def test_crop_then_resize_is_pillows(kind, interpolation, generate):
    """Taps stay inside the crop: the plane is cut first, then resized with what is left of the box's fractions."""
    for rng, recipe in drawn(f"crop {kind} {interpolation}", 5, KINDS[kind]):
        made = generate(recipe)
        # Box weights jump: with sizes that are powers of two every centre is exact, on either side.
        sizes = [8, 16, 32, 64] if interpolation == "box" else [8, 16, 24, 40, 56, 64, 120]
        axes = [drawn_axis(rng, px, sizes, 64) for px in (recipe.height, recipe.width)]
        windows = [Window(start, stop, start, stop, n) for start, stop, n in axes]
        want = channels(picture(parts_of(made), *windows, interpolation), rgb=recipe.color == "rgb")
        crop = [float(x) for x in (axes[0][0], axes[1][0], *(stop - start for start, stop, _ in axes))]
        got = dctdecode.read(
            made.data, size=(axes[0][2], axes[1][2]), crop=tuple(crop), interpolation=interpolation
        )
        assert_equals(got, want, (recipe, crop, axes))


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("kind", ["444", "420", "411", "mixed", "3:2", "chroma larger", "gray", "420 progressive"])
def test_resize_then_crop_is_pillows(kind, interpolation, generate):
    """Wider bounds: the resize sees the whole image, the crop takes whole samples of its result."""
    for rng, recipe in drawn(f"resize {kind} {interpolation}", 5, KINDS[kind]):
        made = generate(recipe)
        scales = np.exp(rng.uniform(np.log(0.2), np.log(4), 2))
        resized = [max(8, round(px / s)) for px, s in zip((recipe.height, recipe.width), scales, strict=True)]
        if interpolation == "box":
            resized = [2 ** round(np.log2(n)) for n in resized]
        n_out = [8 * int(rng.integers(1, n // 8, endpoint=True)) for n in resized]
        first = [int(rng.integers(0, n - out, endpoint=True)) for n, out in zip(resized, n_out, strict=True)]
        whole = [
            Window(Fraction(0), Fraction(px), Fraction(0), Fraction(px), n)
            for px, n in zip((recipe.height, recipe.width), resized, strict=True)
        ]
        # Two thirds of a width is no number that the float32 of Pillow's box holds, and box weights jump.
        by = resized_by_matrices if (kind, interpolation) == ("3:2", "box") else resized_by_pillow
        planes = picture(parts_of(made), *whole, interpolation, by=by)
        cut = [p[first[0] : first[0] + n_out[0], first[1] : first[1] + n_out[1]] for p in planes]
        geometry = Geometry.of(recipe.height, recipe.width).resize(*resized).crop(*first, *n_out)
        got = dctdecode.read(made.data, geometry=geometry, interpolation=interpolation)
        assert_equals(got, channels(cut), (recipe, resized, first, n_out))


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("kind", ["444", "420", "410", "3:2 both ways", "rgb 420"])
def test_any_fractional_box(kind, interpolation, antialias, generate):
    """Boxes without a pattern, and without antialias, which Pillow does not offer: against dense matrices."""
    for rng, recipe in drawn(f"any {kind} {interpolation} {antialias}", 4, KINDS[kind]):
        made = generate(recipe)
        windows = []
        for px in (recipe.height, recipe.width):
            size = rng.uniform(px / 9, px)
            start = rng.uniform(0, px - size)
            start, stop = Fraction(float(start)), Fraction(float(start)) + Fraction(float(size))
            windows.append(Window(start, stop, start, stop, int(rng.choice([8, 24, 48, 104]))))
        planes = picture(parts_of(made), *windows, interpolation, antialias=antialias, by=resized_by_matrices)
        vertical, horizontal = windows
        got = dctdecode.read(
            made.data,
            size=(vertical.n_out, horizontal.n_out),
            crop=tuple(
                map(
                    float,
                    (
                        vertical.start,
                        horizontal.start,
                        vertical.stop - vertical.start,
                        horizontal.stop - horizontal.start,
                    ),
                )
            ),
            interpolation=interpolation,
            antialias=antialias,
        )
        assert_equals(got, channels(planes, rgb=recipe.color == "rgb"), (recipe, windows))


def test_both_oracles_agree(generate):
    """The dense matrices against Pillow, at a component that begins and ends with half a sample."""
    made = generate(Recipe())
    for orientation in (1, 3):
        for part in parts_of(made, orientation):
            windows = [
                Window(Fraction(0), Fraction(px), Fraction(0), Fraction(px), n) for px, n in ((21, 48), (37, 16))
            ]
            pair = [by(part, *windows, "bicubic", True) for by in (resized_by_pillow, resized_by_matrices)]
            np.testing.assert_allclose(*pair, atol=1e-3)


# --- Chosen geometries ---------------------------------------------------------------------------------------


def whole(height: int, width: int, n_v: int, n_h: int) -> tuple[Window, Window]:
    return (
        Window(Fraction(0), Fraction(height), Fraction(0), Fraction(height), n_v),
        Window(Fraction(0), Fraction(width), Fraction(0), Fraction(width), n_h),
    )


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 8), (17, 9), (21, 37), (16, 16), (33, 65)], ids=str)
@pytest.mark.parametrize("kind", ["444", "420", "411", "441", "3:2", "luma of 2x2 to 1x2", "gray"])
def test_whole_image(kind, size, generate):
    """From one pixel upwards; scales beyond 0.2 to 8 included."""
    made = generate(Recipe(*size, KINDS[kind].factors, KINDS[kind].color))
    for n_v, n_h in ((8, 8), (40, 24), (16, 120)):
        want = channels(picture(parts_of(made), *whole(*size, n_v, n_h)))
        assert_equals(dctdecode.read(made.data, size=(n_v, n_h)), want, (n_v, n_h))
    np.testing.assert_array_equal(dctdecode.read(made.data, size=16), dctdecode.read(made.data, size=(16, 16)))


@pytest.mark.parametrize("interpolation", FILTERS)
def test_scale_one_takes_blocks_over_and_shifted_blocks_are_exact_pixels(interpolation, generate):
    """At scale 1 every filter is the identity: a shift by whole pixels is a crop of the pixels."""
    made = generate(Recipe(64, 96, factors=SUBSAMPLINGS["444"]))
    stored = dctdecode.read(made.data)
    aligned = dctdecode.read(made.data, size=(32, 48), crop=(16, 8, 32, 48), interpolation=interpolation)
    np.testing.assert_array_equal(aligned, stored[:, 2:6, 1:7])
    parts = parts_of(made)
    for top, left in ((1, 0), (0, 7), (13, 22)):
        cut = [part.samples[top : top + 48, left : left + 64] for part in parts]
        got = dctdecode.read(made.data, size=(48, 64), crop=(top, left, 48, 64), interpolation=interpolation)
        assert_equals(got, channels(cut), (top, left))


@pytest.mark.parametrize("kind", ["420", "420 progressive", "444", "rgb", "gray"])
def test_channels_normalisation_and_dtype_are_those_of_the_whole(kind, generate):
    """Fewer channels, other statistics and other dtypes change the result as they change any tensor."""
    torch = pytest.importorskip("torch")
    recipe = KINDS[kind]
    data = generate(Recipe(75, 109, recipe.factors, recipe.color, recipe.process)).data
    options = {"size": (48, 40), "crop": (5.25, 7.5, 61.0, 90.25)}
    full = dctdecode.read(data, **options)
    mean, std = np.linspace(-30, 30, 192), np.linspace(0.5, 90, 192)
    chosen = dctdecode.ChannelSet(y=[9, 1, 63], cb=[0, 8], cr=[2])
    largest = full.abs().max().item()
    for selection in (24, "triangle-48", chosen):
        flat = list(dctdecode.channels.as_channel_set(selection).flat)
        got = dctdecode.read(data, selection, **options)
        np.testing.assert_allclose(got, full[flat], rtol=0, atol=2e-6 * largest)
        statistics = (mean[flat], std[flat])
        want = (full[flat].double().numpy() - mean[flat, None, None]) / std[flat, None, None]
        for dtype, precision in ((torch.float32, 1e-5), (torch.float16, 2**-10), (torch.bfloat16, 2**-7)):
            normalised = dctdecode.read(data, selection, **options, normalize=statistics, dtype=dtype)
            assert normalised.dtype == dtype
            np.testing.assert_allclose(normalised.double(), want, rtol=precision, atol=4e-6 * largest)


@pytest.mark.parametrize("kind", ["444", "420"])
def test_out_is_filled(kind, generate):
    torch = pytest.importorskip("torch")
    data = generate(Recipe(75, 109, KINDS[kind].factors)).data
    want = dctdecode.read(data, 24, size=56)
    out = torch.full((24, 7, 7), torch.nan)
    assert dctdecode.read(data, 24, size=56, out=out) is out
    assert torch.equal(out, want)
    with pytest.raises(ValueError, match=r"7, 7|\(24, 7, 8\)"):
        dctdecode.read(data, 24, size=56, out=torch.empty(24, 7, 8))


@pytest.mark.parametrize("interpolation", ["bilinear", "lanczos"])
@pytest.mark.parametrize("kind", ["444", "420", "411", "3:2", "420 progressive"])
def test_beyond_the_image_its_edge_repeats(kind, interpolation, generate):
    """Crops may lie beyond the edges, as RandomCrop's padding does; only a centre outside repeats a sample."""
    made = generate(Recipe(61, 83, KINDS[kind].factors, process=KINDS[kind].process))
    boxes = {(-12, -9, 88, 104): (88, 104), (-5, 40, 24, 64): (24, 64), (50, -40, 16, 48): (32, 80)}
    for (top, left, height, width), size in boxes.items():
        resized = size != (height, width)
        windows = []
        for first, count, px, n in ((top, height, 61, size[0]), (left, width, 83, size[1])):
            inside = (max(first, 0), min(first + count, px)) if resized else (0, px)
            windows.append(Window(Fraction(first), Fraction(first + count), *map(Fraction, inside), n))
        want = channels(picture(parts_of(made), *windows, interpolation, by=resized_by_matrices))
        geometry = Geometry.of(61, 83).crop(top, left, height, width)
        geometry = geometry.resize(*size) if resized else geometry
        got = dctdecode.read(made.data, geometry=geometry, interpolation=interpolation)
        assert_equals(got, want, (top, left, size))


@pytest.mark.parametrize("size", [(1601, 23), (23, 1601)], ids=str)
@pytest.mark.parametrize("kind", ["444", "420", "410", "441", "420 progressive", "420 restarts"])
def test_long_images(kind, size, generate):
    """Many more block rows than any ring keeps; at a scale of 100 an output block needs more than 100 of them."""
    recipe = KINDS[kind]
    made = generate(Recipe(*size, recipe.factors, process=recipe.process, restart=recipe.restart))
    for n_v, n_h, interpolation in ((16, 16, "lanczos"), (200, 200, "bicubic"), (8, 16, "box")):
        want = channels(picture(parts_of(made), *whole(*size, n_v, n_h), interpolation, by=resized_by_matrices))
        assert_equals(dctdecode.read(made.data, size=(n_v, n_h), interpolation=interpolation), want, (n_v, n_h))


# --- Blur ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["444", "420", "3:2", "gray", "420 progressive"])
@pytest.mark.parametrize(("taps", "sigma"), [((3, 3), 0.5), ((5, 9), 2.0), ((23, 1), 0.1), ((15, 15), 5.0)])
def test_blur_is_torchvisions(kind, taps, sigma, generate):
    """After crop and resize, on the result's samples, reflected at its ends."""
    recipe = KINDS[kind]
    recipe = Recipe(61, 83, recipe.factors, recipe.color, recipe.process)
    made = generate(recipe)
    start, stop = (Fraction(3), Fraction(6)), (Fraction(57), Fraction(75))
    windows = [
        Window(start[a], stop[a], start[a], stop[a], n, blur=(taps[a], sigma)) for a, n in enumerate((40, 64))
    ]
    for interpolation, flip in (("bilinear", False), ("lanczos", True)):
        mirrored = [windows[0], windows[1].flipped(flip)]
        want = channels(picture(parts_of(made), *mirrored, interpolation))
        geometry = Geometry.of(61, 83).crop(3, 6, 54, 69).resize(40, 64).blur(taps, sigma)
        geometry = geometry.hflip() if flip else geometry
        got = dctdecode.read(made.data, geometry=geometry, interpolation=interpolation)
        assert_equals(got, want, (taps, sigma, flip))


# --- fast=True ---------------------------------------------------------------------------------------------------

# Scale -> RMS error that the rule K_in = ceil(K_out / s) + 3 may cost per kept luma coefficient (bilinear, natural
# images, signal RMS 134 to 144). The figures of the rule's own K_in, twice over, as this is one image, not nine.
FAST = {1.37: 0.66, 2.0: 0.67, 3.0: 0.27, 4.0: 0.26, 6.0: 0.09}


@pytest.fixture(scope="module")
def natural() -> bytes:
    """matplotlib's portrait, 600 x 512 px, 4:2:0."""
    matplotlib = pytest.importorskip("matplotlib")
    with open(f"{matplotlib.get_data_path()}/sample_data/grace_hopper.jpg", "rb") as file:  # noqa: PTH123
        return file.read()


@pytest.mark.parametrize("scale", FAST)
def test_fast_costs_what_its_rule_costs(scale, natural):
    n = [int(px / scale) // 8 * 8 for px in (600, 512)]
    crop = (1.5, 2.25, n[0] * scale * 0.99, n[1] * scale * 0.99)
    exact, fast = (dctdecode.read(natural, 24, size=tuple(n), crop=crop, fast=fast) for fast in (False, True))
    luma = (fast - exact)[:16].double().numpy()
    assert 0 < rms(luma) <= 2 * FAST[scale]
    chroma = (fast - exact)[16:].double().numpy()
    assert rms(chroma) <= 1.0


def test_fast_is_exact_where_the_image_is_enlarged(natural):
    exact, fast = (dctdecode.read(natural, 24, size=(1200, 1024), fast=fast) for fast in (False, True))
    assert rms((fast - exact).double().numpy()) == 0
