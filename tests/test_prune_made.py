"""prune: what is not the coefficients' own: orientation, metadata, other sizes."""

from __future__ import annotations

import io

import dctdecode
import faults
import numpy as np
import pytest
from dctdecode.errors import UnsupportedJpegError
from dctdecode.geometry import Geometry
from generate import SUBSAMPLINGS, Recipe
from PIL import Image, ImageOps
from test_prune import assert_kept, markers_of, open_everywhere, photo  # noqa: F401

APP1, APP2, APP14, COM = 0xE1, 0xE2, 0xEE, 0xFE


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def with_segments(data: bytes, *segments: bytes) -> bytes:
    return data[:2] + b"".join(segments) + data[2:]


def exif(orientation: int, order: str = "big", more: bytes = b"") -> bytes:
    """An Exif APP1 payload of two entries, in either byte order."""
    start = b"MM" if order == "big" else b"II"

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, order)  # type: ignore[arg-type]

    entries = [(0x010F, 2, 4, b"ab\0\0"), (0x0112, 3, 1, number(orientation, 2) + b"\0\0")]
    rows = b"".join(number(t, 2) + number(k, 2) + number(n, 4) + value for t, k, n, value in entries)
    head = start + number(42, 2) + number(8, 4) + number(len(entries), 2)
    return b"Exif\0\0" + head + rows + number(0, 4) + more


# -- orientation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_kept_and_nothing_else(orientation, order):
    data = with_segments(
        faults.small("baseline-420"), segment(APP1, exif(orientation, order)), segment(COM, b"secret")
    )
    jpeg = dctdecode.prune(data, 24)
    assert dctdecode.info(jpeg).orientation == orientation
    assert Image.open(io.BytesIO(jpeg)).getexif().get(0x0112, 1) == orientation
    assert b"secret" not in jpeg
    metadata = [payload for marker, payload in markers_of(jpeg) if marker == APP1]
    assert len(metadata) == (orientation != 1)
    assert all(len(payload) == 32 for payload in metadata)
    open_everywhere(jpeg)


def upright(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)


@pytest.mark.parametrize("factors", ["444", "422", "440", "420", "luma of 2x2 to 1x2", "mixed"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_applied_to_whole_mcus(generate, orientation, factors):
    """On coefficients: exactly what is stored, turned; Pillow sees the same picture upright."""
    made = generate(Recipe(48, 32, factors=SUBSAMPLINGS[factors]))
    data = with_segments(made.data, segment(APP1, exif(orientation)))
    for metadata in ("orientation", "all"):
        jpeg = dctdecode.prune(data, 192, orientation="apply", metadata=metadata)
        assert dctdecode.info(jpeg).orientation == 1
        assert Image.open(io.BytesIO(jpeg)).getexif().get(0x0112, 1) == 1
        planes = dctdecode.read_planes(jpeg)
        for c in range(3):
            np.testing.assert_array_equal(planes.quantized(c), turned(made.quantized[c], orientation))
            table = made.tables[c].T if orientation >= 5 else made.tables[c]
            np.testing.assert_array_equal(planes.quant_table(c), table)
        # Decoders upsample chroma by filters of their own, which need not be symmetric; luma is the same.
        difference = np.abs(upright(data) - upright(jpeg)) @ [0.299, 0.587, 0.114]
        assert difference.mean() < (0.6 if factors == "444" else 6.0)


def turned(blocks: np.ndarray, orientation: int) -> np.ndarray:
    """(Hb, Wb, 8, 8) of the upright image: samples through the inverse DCT, turned, and back."""
    k = np.arange(8)
    basis = np.where(k[:, None] == 0, np.sqrt(1 / 8), 0.5) * np.cos(np.pi * (2 * k + 1) * k[:, None] / 16)
    samples = np.einsum("vy,ijvu,ux->iyjx", basis, blocks.astype(float), basis)
    samples = samples.reshape(8 * blocks.shape[0], 8 * blocks.shape[1])
    if orientation in (5, 6, 7, 8):
        samples = samples.T
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    cut = samples.reshape(samples.shape[0] // 8, 8, samples.shape[1] // 8, 8)
    return np.rint(np.einsum("vy,iyjx,ux->ijvu", basis, cut, basis)).astype(np.int16)


def test_channels_speak_of_the_upright_image(generate):
    made = generate(Recipe(48, 32, factors=SUBSAMPLINGS["444"], process="p"))
    data = with_segments(made.data, segment(APP1, exif(6)))
    whole = dctdecode.prune(data, 192, orientation="apply")
    jpeg = dctdecode.prune(data, [1, 64 + 16, 130], orientation="apply")
    assert_kept(dctdecode.read_planes(whole), dctdecode.read_planes(jpeg), [1, 64 + 16, 130])


@pytest.mark.parametrize(
    ("size", "orientation", "side"),
    [
        ((48, 33), 2, "width of 33 px"), ((49, 32), 4, "height of 49 px"), ((49, 32), 6, "height of 49 px"),
        ((48, 40), 8, "width of 40 px"), ((48, 24), 3, "width of 24 px"),
    ],
)  # fmt: skip
def test_orientation_that_cannot_be_applied_without_loss(generate, size, orientation, side):
    """Refused by name; but not where only the other side is cut, and not with size."""
    made = generate(Recipe(*size))
    data = with_segments(made.data, segment(APP1, exif(orientation)))
    with pytest.raises(UnsupportedJpegError, match=f"orientation {orientation} mirrors the {side}"):
        dctdecode.prune(data, 24, orientation="apply")
    assert dctdecode.info(dctdecode.prune(data, 24)).orientation == orientation
    assert dctdecode.info(dctdecode.prune(data, 24, size=(32, 48), orientation="apply")).orientation == 1


def test_a_gray_image_is_turned_by_blocks_of_its_own(generate):
    """One component is not interleaved, whatever its factors say: 24 px are whole."""
    made = generate(Recipe(24, 40, factors=((2, 2),), color="gray"))
    jpeg = dctdecode.prune(with_segments(made.data, segment(APP1, exif(3))), 192, orientation="apply")
    np.testing.assert_array_equal(dctdecode.read_planes(jpeg).quantized(0), turned(made.quantized[0], 3))


# -- metadata --------------------------------------------------------------------------------------------------


def test_all_metadata_is_kept_in_order():
    segments = [
        (APP1, exif(6, "little", b"more")), (APP2, b"ICC_PROFILE\0\x01\x01" + bytes(40)), (COM, b"a comment"),
        (0xEC, b"Ducky\0"), (COM, b""), (APP1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), (0xEF, bytes(65_533)),
    ]  # fmt: skip
    data = with_segments(faults.small("baseline-420"), *(segment(m, p) for m, p in segments))
    jpeg = dctdecode.prune(data, 24, metadata="all")
    kept = [(m, p) for m, p in markers_of(jpeg) if (0xE1 <= m <= 0xEF) or m == COM]
    assert kept == segments
    assert dctdecode.prune(jpeg, 24, metadata="all") == jpeg
    stored, pruned = dctdecode.read_planes(data), dctdecode.read_planes(jpeg)
    assert_kept(stored, pruned, 24)


def test_what_says_how_the_file_is_made_is_written_anew(generate):
    """JFIF keeps its density; Adobe's marker tells RGB from YCbCr; a multi-picture index would point nowhere."""
    jfif = b"JFIF\0\x01\x02\x01\x00\x48\x00\x60\0\0"
    mpf, adobe = b"MPF\0" + bytes(20), b"Adobe\0\x64\0\0\0\0\x01"
    photo_bytes = generate(Recipe()).data
    bare = photo_bytes[:2] + photo_bytes[2 + 2 + int.from_bytes(photo_bytes[4:6], "big") :]
    assert photo_bytes[2:4] == b"\xff\xe0"
    data = with_segments(bare, segment(0xE0, jfif), segment(APP2, mpf), segment(APP14, adobe))
    kept = dict(markers_of(dctdecode.prune(data, 24, metadata="all")))
    assert (kept[0xE0][7:12], APP2 in kept, APP14 in kept) == (b"\x01\x00\x48\x00\x60", False, False)
    rgb = generate(Recipe(color="rgb", factors=SUBSAMPLINGS["444"])).data
    for metadata in ("orientation", "all"):
        markers = markers_of(dctdecode.prune(rgb, 24, metadata=metadata))
        assert [payload[:5] for marker, payload in markers if marker == APP14] == [b"Adobe"]
        assert 0xE0 not in [marker for marker, _ in markers]


def test_without_metadata_the_density_is_none(generate):
    jfif = dict(markers_of(dctdecode.prune(generate(Recipe()).data, 24)))[0xE0]
    assert jfif[:12] == b"JFIF\0\x01\x01\x00\x00\x01\x00\x01"


# -- other sizes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", ["444", "422", "420", "410", "mixed", "gray", "rgb"])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_resized_is_read_resized_and_quantised(generate, sampling, subsampling):
    """Each coefficient is the nearest step to what `read` gives of the stored file on that component's grid."""
    color = sampling if sampling in ("gray", "rgb") else "ycbcr"
    factors = {"gray": ((1, 1),), "rgb": SUBSAMPLINGS["444"]}.get(sampling) or SUBSAMPLINGS[sampling]
    data = generate(Recipe(60, 90, factors=factors, color=color)).data
    jpeg = dctdecode.prune(data, 24, size=(48, 64), quality=85, subsampling=subsampling)
    planes = dctdecode.read_planes(jpeg)
    assert (planes.info.height, planes.info.width) == (48, 64)
    assert planes.info.subsampling == ("gray" if color == "gray" else subsampling)
    v, h = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:2:0": (2, 2)}[subsampling]
    luma, chroma = standard_tables(85)
    for c in range(len(planes)):
        channels = [64 * c + i for i in dctdecode.PRESETS[24].flat if i < 64] if c == 0 else None
        channels = channels or [64 * c + i for i in dctdecode.PRESETS[24].cb]
        size = (48, 64) if c == 0 else (48 // v, 64 // h)
        expected = dctdecode.read(data, channels, size=size).numpy()
        table = luma if c == 0 else chroma
        np.testing.assert_array_equal(planes.quant_table(c), table)
        steps = planes.quantized(c).reshape(*planes.info.grids[c], 64)
        for value, channel in zip(expected, channels, strict=True):
            exact = value / table.reshape(64)[channel % 64]
            got = steps[..., channel % 64]
            cut = np.clip(exact, -1024 if channel % 64 == 0 else -1023, 1023)
            assert np.abs(got - cut).max() <= 0.5 + 1e-3, (c, channel)
        rest = np.delete(steps, [channel % 64 for channel in channels], axis=-1)
        assert not rest.any()
    open_everywhere(jpeg)


def standard_tables(quality: int) -> tuple[np.ndarray, np.ndarray]:
    """What Pillow's libjpeg writes at this quality."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "jpeg", quality=quality)
    tables = dctdecode.info(buffer.getvalue()).quant_tables
    return tables[0], tables[1]


def test_odd_numbers_of_blocks_with_halved_chroma(photo):  # noqa: F811
    """Chroma's last block reaches beyond the image, where the edge repeats; mirrored, the first does."""
    jpeg = dctdecode.prune(photo, 192, size=(40, 56), quality=100, subsampling="4:2:0")
    info = dctdecode.info(jpeg)
    assert (info.height, info.width, info.grids) == (40, 56, [(5, 7), (3, 4), (3, 4)])
    expected, got = dctdecode.preview(dctdecode.read(photo, 192, size=(40, 56)), 192), upright(jpeg)
    assert np.abs(expected.permute(1, 2, 0).numpy().astype(int) - got).mean() < 4

    def mirrored(height, width):
        return Geometry.of(height, width).resize(40, 56).hflip()

    flipped = dctdecode.prune(photo, 192, geometry=mirrored, quality=100, subsampling="4:2:0")
    assert np.abs(upright(flipped) - got[:, ::-1]).mean() < 1.5


def test_geometry_of_the_native_grid_keeps_the_size(generate):
    """An odd size stays: requantised as it lies, to 37 x 21 px."""
    data = generate(Recipe()).data
    for subsampling in ("4:4:4", "4:2:0"):
        jpeg = dctdecode.prune(data, 192, geometry=Geometry.of, quality=100, subsampling=subsampling)
        info = dctdecode.info(jpeg)
        assert (info.height, info.width, info.subsampling) == (21, 37, subsampling)
    np.testing.assert_allclose(dctdecode.read(jpeg, range(64)), dctdecode.read(data, range(64)), atol=0.5)


def test_a_size_applies_to_the_upright_image(photo):  # noqa: F811
    data = with_segments(photo, segment(APP1, exif(6)))
    jpeg = dctdecode.prune(data, 24, size=(64, 48), orientation="apply", quality=95)
    expected = dctdecode.read(data, 24, size=(64, 48), orientation="apply")
    assert (dctdecode.read(jpeg, 24) - expected).abs().max() < 20
    kept = dctdecode.prune(data, 24, size=(64, 48), quality=95)
    assert dctdecode.info(kept).orientation == 6


def test_quality_is_ninety_where_not_given(photo):  # noqa: F811
    assert dctdecode.prune(photo, 24, size=64) == dctdecode.prune(photo, 24, size=64, quality=90)
    sizes = [len(dctdecode.prune(photo, 192, size=128, quality=q)) for q in (10, 50, 90, 100)]
    assert sizes == sorted(sizes)


def test_overshoot_is_cut_to_what_baseline_holds(generator):
    """Lanczos of black and white stripes at quality 100, where a step is 1."""
    blocks = np.zeros((4, 4, 8, 8), np.int16)
    blocks[..., 0, 0] = np.where(np.indices((4, 4)).sum(0) % 2, 1016, -1024)
    recipe = Recipe(32, 32, factors=((1, 1),), color="gray")
    data = generator.write(recipe, np.full((4, 8, 8), 1, np.uint16), [blocks]).data
    jpeg = dctdecode.prune(data, 192, size=(256, 256), quality=100, interpolation="lanczos")
    values = dctdecode.read_planes(jpeg).quantized(0)
    exact = dctdecode.read(data, range(64), size=(256, 256), interpolation="lanczos")
    assert exact.max() > 1023.5
    assert values.max() == 1023
    assert values.min() == -1024
