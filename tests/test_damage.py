"""Damaged bytes: every fault ends in the same result or the same named error, strict and lenient."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from functools import partial

import dctdecode
import faults
import numpy as np
import pytest
from dctdecode.errors import (
    CorruptJpegError,
    CorruptJpegWarning,
    DctDecodeError,
    LimitExceededError,
    UnsupportedJpegError,
)
from faults import DHT, DQT, DRI, EOI, FRAMES, SOF0, SOF9, SOI, SOS

BASELINE = faults.small("baseline-420")
PROGRESSIVE = faults.small("progressive-420")
MULTISCAN = faults.small("multiscan-422")
RESTART = faults.small("restart-420")
BASELINE_INTACT = dctdecode.read_planes(BASELINE)

CLASS_OF_REASON = {
    "not_jpeg": CorruptJpegError,
    "truncated": CorruptJpegError,
    "corrupt": CorruptJpegError,
    "unsupported": UnsupportedJpegError,
    "limit": LimitExceededError,
}


def lenient(data: bytes) -> dctdecode.Planes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CorruptJpegWarning)
        return dctdecode.read_planes(data, strict=False)


def refusal(data: bytes, strict: bool) -> DctDecodeError:
    with pytest.raises(DctDecodeError) as caught:
        dctdecode.read_planes(data, strict=strict)
    assert type(caught.value) is CLASS_OF_REASON[caught.value.reason]
    assert 0 <= caught.value.offset_bytes <= len(data)
    with pytest.raises(type(caught.value)):
        dctdecode.read(data, 6, strict=strict)
    return caught.value


def same_coefficients(a: dctdecode.Planes, b: dctdecode.Planes) -> bool:
    return len(a) == len(b) and all(np.array_equal(a.quantized(i), b.quantized(i)) for i in range(len(a)))


def all_quant_tables(data: bytes, table: bytes, precision: int = 0) -> bytes:
    """All DQT segments with these values, one table each."""

    def change(part: faults.Part) -> faults.Part | bytes:
        if part.marker != DQT:
            return part
        return faults.segment(DQT, bytes([precision << 4 | part.data[4] & 15]) + table)

    return faults.edit(data, change)


def before(data: bytes, marker: int, extra: bytes) -> bytes:
    return faults.edit(data, lambda part: extra + part.data if part.marker == marker else part)


def scan_first(data: bytes) -> bytes:
    pieces = faults.parts(data)
    scans = [part for part in pieces if part.marker == SOS]
    return faults.join([pieces[0], *scans, *(part for part in pieces[1:] if part.marker != SOS)])


def unexpected_restart(data: bytes) -> bytes:
    return faults.edit(data, lambda p: p.data[:-20] + b"\xff\xd3" + p.data[-20:] if p.marker == SOS else p)


def unscanned(selector: int) -> bytes:
    """Components 1 and 2 have no scan, and the quantisation table of 1 may not exist."""
    return faults.keep_scans(faults.patch(MULTISCAN, SOF0, (15, selector)), 0)


ALL_255 = [(5 + length, 255) for length in range(16)]
ALL_4X4 = [(11, 0x44), (14, 0x44), (17, 0x44)]


# --- Refused, strict or not: (name, file, reason, a word of the message) -----------------------------------

REFUSED: list[tuple[str, Callable[[], bytes], str, str]] = [
    ("no bytes", lambda: b"", "not_jpeg", "fewer than 2"),
    ("one byte", lambda: b"\xff", "not_jpeg", "fewer than 2"),
    ("PNG", lambda: b"\x89PNG\r\n\x1a\n" + bytes(100), "not_jpeg", "89 50"),
    ("HTML", lambda: b"<!DOCTYPE html><html></html>", "not_jpeg", "3C 21"),
    ("garbage before SOI", lambda: b"\0" + BASELINE, "not_jpeg", "00 FF"),
    ("SOI alone", lambda: b"\xff\xd8", "truncated", "first scan"),
    ("SOI and EOI", lambda: b"\xff\xd8\xff\xd9", "corrupt", "no image"),
    ("header cut", lambda: BASELINE[:300], "truncated", "first scan"),
    ("APP1 longer than the file", lambda: BASELINE[:2] + b"\xff\xe1\xff\xff" + BASELINE[2:], "truncated", ""),
    ("no DHT, progressive", lambda: faults.without(PROGRESSIVE, DHT), "corrupt", "Huffman table"),
    ("no DQT", lambda: faults.without(BASELINE, DQT), "corrupt", "Quantization table"),
    ("two frame headers", lambda: faults.twice(BASELINE, SOF0), "corrupt", "two SOF"),
    ("two SOI", lambda: faults.twice(BASELINE, SOI), "corrupt", "two SOI"),
    ("DQT destination 9", lambda: faults.patch(BASELINE, DQT, (4, 9)), "corrupt", "DQT index 9"),
    ("DHT destination 7", lambda: faults.patch(BASELINE, DHT, (4, 7)), "corrupt", "DHT index 7"),
    ("DHT 255 codes of each length", lambda: faults.patch(BASELINE, DHT, *ALL_255), "corrupt", ""),
    ("DHT length too small", lambda: faults.patch(BASELINE, DHT, (3, 19)), "corrupt", ""),
    ("DQT length too small", lambda: faults.patch(BASELINE, DQT, (3, 60)), "corrupt", "length"),
    ("DRI length", lambda: before(BASELINE, SOF0, faults.segment(DRI, b"\0\1\0")), "corrupt", "length"),
    ("width 0", lambda: faults.resized(BASELINE, 21, 0), "corrupt", "Empty"),
    ("height 0", lambda: faults.resized(BASELINE, 0, 37), "unsupported", "DNL"),
    ("no components", lambda: faults.patch(BASELINE, SOF0, (9, 0)), "corrupt", ""),
    ("200 components", lambda: faults.patch(BASELINE, SOF0, (9, 200)), "corrupt", "length"),
    ("component id twice", lambda: faults.patch(BASELINE, SOF0, (13, 1)), "corrupt", "component ID"),
    ("scan of an unknown component", lambda: faults.patch(BASELINE, SOS, (5, 9)), "corrupt", "component ID 9"),
    ("scan before the frame", lambda: scan_first(BASELINE), "corrupt", "SOS before SOF"),
    ("progressive Ss = 70", lambda: faults.patch(PROGRESSIVE, SOS, (7, 70), which=1), "corrupt", "Ss=70"),
    ("progressive Se = 70", lambda: faults.patch(PROGRESSIVE, SOS, (8, 70), which=1), "corrupt", "Se=70"),
    ("Huffman selector 3", lambda: faults.patch(BASELINE, SOS, (6, 0x33)), "corrupt", "table 0x03"),
    ("Huffman selector 15", lambda: faults.patch(BASELINE, SOS, (6, 0xFF)), "corrupt", "table 0x0f"),
    ("sampling 4 x 4 for all", lambda: faults.patch(BASELINE, SOF0, *ALL_4X4), "corrupt", "too large"),
    ("sampling 0", lambda: faults.patch(BASELINE, SOF0, (11, 0)), "corrupt", "sampling"),
    ("sampling 5", lambda: faults.patch(BASELINE, SOF0, (11, 0x55)), "corrupt", "sampling"),
    ("12 bits", lambda: faults.patch(BASELINE, SOF0, (4, 12)), "unsupported", "12-bit"),
    ("16 bits", lambda: faults.patch(BASELINE, SOF0, (4, 16)), "unsupported", "16-bit"),
    ("0 bits", lambda: faults.patch(BASELINE, SOF0, (4, 0)), "unsupported", "0-bit"),
    ("lossless", lambda: faults.patch(BASELINE, SOF0, (1, 0xC3)), "unsupported", "SOF3"),
    *(
        (f"SOF{n}", partial(faults.patch, BASELINE, SOF0, (1, 0xC0 + n)), "unsupported", "hierarchical")
        for n in (5, 6, 7, 13, 14, 15)
    ),
    ("lossless, arithmetic", lambda: faults.patch(BASELINE, SOF0, (1, 0xCB)), "unsupported", "SOF11"),
    ("hierarchical DHP", lambda: faults.patch(BASELINE, SOF0, (1, 0xDE)), "unsupported", "hierarchical"),
    ("JPEG-LS", lambda: faults.patch(BASELINE, SOF0, (1, 0xF7)), "unsupported", "JPEG-LS"),
    ("65535 pixels", lambda: faults.resized(BASELINE, 65535, 65535), "unsupported", "65500"),
    ("65500 pixels", lambda: faults.resized(BASELINE, 65500, 65500), "limit", "max_pixels"),
    ("20000 pixels", lambda: faults.resized(BASELINE, 20000, 20000), "limit", "max_pixels"),
]  # fmt: skip


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(("make", "reason", "word"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_in_both_modes(make: Callable[[], bytes], reason: str, word: str, strict: bool) -> None:
    error = refusal(make(), strict)
    assert error.reason == reason
    assert word in error.message


# --- Damaged data: strict refuses, lenient gives what libjpeg-turbo gives ----------------------------------

DAMAGED: list[tuple[str, Callable[[], bytes], str, str]] = [
    ("data cut", lambda: BASELINE[:750], "truncated", "ends before the image"),
    ("no EOI", lambda: BASELINE[:-2], "truncated", "end-of-image"),
    ("EOI, but data too short", lambda: faults.resized(BASELINE, 210, 37), "corrupt", "premature end"),
    ("RSTs out of order", lambda: RESTART.replace(b"\xff\xd1", b"\xff\xd2"), "corrupt", "instead of RST1"),
    ("RST missing", lambda: RESTART.replace(b"\xff\xd0", b""), "corrupt", "extraneous bytes"),
    ("RST that nothing announces", lambda: unexpected_restart(BASELINE), "corrupt", "premature end"),
    ("Se = 10 in a sequential scan", lambda: faults.patch(BASELINE, SOS, (12, 10)), "corrupt", "SOS parameters"),
    ("component without scan", lambda: faults.keep_scans(MULTISCAN, 0, 1), "corrupt", "component 2 has no scan"),
    *(
        (f"no scan, table {selector}", partial(unscanned, selector), "corrupt", "component 1 has no scan")
        for selector in (3, 9, 200)
    ),
    ("progression of DC alone", lambda: faults.keep_scans(PROGRESSIVE, 0), "corrupt", "stops early"),
    ("progression, last scan lost", lambda: faults.keep_scans(PROGRESSIVE, *range(9)), "corrupt", "stops early"),
    ("progression without DC", lambda: faults.keep_scans(PROGRESSIVE, *range(1, 10)), "corrupt", "Inconsistent"),
    ("Huffman data called arithmetic", lambda: faults.patch(BASELINE, SOF0, (1, SOF9)), "corrupt", ""),
    ("garbage between segments", lambda: before(BASELINE, SOF0, b"junk"), "corrupt", "4 extraneous bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "reason", "word"), [row[1:] for row in DAMAGED], ids=[row[0] for row in DAMAGED])
def test_refused_when_strict_saved_when_lenient(make: Callable[[], bytes], reason: str, word: str) -> None:
    data = make()
    error = refusal(data, strict=True)
    assert error.reason == reason
    assert word in error.message
    with pytest.warns(CorruptJpegWarning):
        planes = dctdecode.read_planes(data, strict=False)
    assert planes.warnings
    with pytest.warns(CorruptJpegWarning):
        tensor = dctdecode.read(data, [0, 1, 8, 64, 128], strict=False)
    rows, columns = planes.info.grids[0]
    expected = planes.component(0).reshape(rows, columns, 64)[..., [0, 1, 8]]
    assert np.array_equal(tensor[:3].numpy(), expected.transpose(2, 0, 1).astype(np.float32))


def test_no_eoi_loses_nothing() -> None:
    assert same_coefficients(lenient(BASELINE[:-2]), BASELINE_INTACT)


def test_what_truncated_data_left_out_is_zero() -> None:
    planes = lenient(faults.resized(BASELINE, 210, 37))
    assert planes.quantized(0).shape == (27, 5, 8, 8)
    assert np.array_equal(planes.quantized(0)[:3], BASELINE_INTACT.quantized(0))
    assert not planes.quantized(0)[6:].any()  # rows 4 and 5: the MCU in which the data end


def test_scans_that_no_channel_needs_are_not_missed() -> None:
    """Luma alone is whole where only chroma's scans are lost."""
    for data in (faults.keep_scans(MULTISCAN, 0, 1), unscanned(9)):
        assert dctdecode.read(data, [0, 1, 8]).equal(dctdecode.read(MULTISCAN, [0, 1, 8]))
        with pytest.raises(CorruptJpegError, match="has no scan"):
            dctdecode.read(data, [0, 128])


def test_a_component_without_scan_is_zero_with_a_zero_table() -> None:
    planes = lenient(faults.keep_scans(MULTISCAN, 0))
    assert np.array_equal(planes.quantized(0), dctdecode.read_planes(MULTISCAN).quantized(0))
    assert not planes.quantized(2).any()
    assert not planes.quant_table(2).any()


# --- Odd, and accepted in both modes -----------------------------------------------------------------------

NOTHING_LOST: list[tuple[str, Callable[[], bytes]]] = [
    ("DHT and DQT doubled", lambda: faults.twice(BASELINE, DHT, DQT)),
    ("comment of length 1", lambda: before(BASELINE, SOF0, b"\xff\xfe\0\1")),
    ("100,000 fill bytes", lambda: before(BASELINE, SOF0, b"\xff" * 100_000)),
    ("50,000 APP1", lambda: before(BASELINE, SOF0, faults.segment(0xE1, b"x") * 50_000)),
    ("13 MB of comments", lambda: before(BASELINE, SOF0, faults.segment(0xFE, bytes(65_533)) * 200)),
    ("garbage behind EOI", lambda: BASELINE + b"junk" * 1000),
    ("a second image behind EOI", lambda: BASELINE + MULTISCAN),
    ("SOF1", lambda: faults.patch(BASELINE, SOF0, (1, 0xC1))),
    ("RST before the frame", lambda: before(BASELINE, SOF0, b"\xff\xd3")),
]  # fmt: skip


@pytest.mark.parametrize("make", [row[1] for row in NOTHING_LOST], ids=[row[0] for row in NOTHING_LOST])
def test_accepted_without_loss(make: Callable[[], bytes]) -> None:
    data = make()
    for strict in (True, False):
        planes = dctdecode.read_planes(data, strict=strict)  # a warning would be an error here
        assert planes.warnings == []
        assert same_coefficients(planes, BASELINE_INTACT)


def test_missing_huffman_tables_are_the_standard_ones_with_a_note() -> None:
    planes = dctdecode.read_planes(faults.without(BASELINE, DHT))
    assert any("standard" in note for note in planes.notes)
    assert same_coefficients(planes, BASELINE_INTACT)  # the file was written with those
    assert BASELINE_INTACT.notes == []


def test_quantisation_tables_of_zeros_give_zeros_and_a_note() -> None:
    data = all_quant_tables(BASELINE, bytes(64))
    planes = dctdecode.read_planes(data)
    assert any("zeros" in note for note in planes.notes)
    assert not planes.component(0).any()
    assert same_coefficients(planes, BASELINE_INTACT)
    assert not dctdecode.read(data, 24).any()


def test_16_bit_quantisation_tables_multiply_exactly() -> None:
    table = struct.pack(">64H", *(65535 - 257 * k for k in range(64)))
    planes = dctdecode.read_planes(all_quant_tables(BASELINE, table, precision=1))
    assert planes.quant_table(0).max() == 65535
    exact = planes.quantized(0).astype(np.int64) * planes.quant_table(0)
    assert np.abs(exact).max() > 2**16
    assert np.array_equal(planes.component(0), exact)


def test_a_table_redefined_behind_its_scan_does_not_apply() -> None:
    later = faults.segment(DQT, b"\0" + bytes([255] * 64))
    data = faults.edit(MULTISCAN, lambda part: part.data + later if part.marker == SOS else part)
    intact = dctdecode.read_planes(MULTISCAN)
    assert np.array_equal(dctdecode.read_planes(data).quant_table(0), intact.quant_table(0))


@pytest.mark.parametrize("name", [name for name in faults.small_files() if name.startswith("sampling")])
def test_every_sampling_is_read_on_its_own_grids(name: str) -> None:
    planes = dctdecode.read_planes(faults.small(name))
    v_max = max(v for v, _ in planes.info.sampling)
    h_max = max(h for _, h in planes.info.sampling)
    for i, (v, h) in enumerate(planes.info.sampling):
        grid = (-(-21 * v // (8 * v_max)), -(-37 * h // (8 * h_max)))
        assert planes.quantized(i).shape == (*grid, 8, 8)
    assert dctdecode.read(faults.small(name), 192).shape == (192, 3, 5)


def two_components(data: bytes) -> bytes:
    """The first two components of a file with one scan per component."""

    def change(part: faults.Part) -> faults.Part | bytes:
        if part.marker not in FRAMES:
            return part
        return faults.segment(part.marker, part.data[4:9] + b"\2" + part.data[10:16])

    return faults.keep_scans(faults.edit(data, change), 0, 1)


def test_two_components_are_planes_but_no_picture() -> None:
    data = two_components(MULTISCAN)
    planes = dctdecode.read_planes(data)
    assert (len(planes), planes.info.color_space) == (2, "unknown")
    with pytest.raises(UnsupportedJpegError, match="2 components"):
        dctdecode.read(data)


@pytest.mark.parametrize("name", ["cmyk", "cmyk-progressive"])
def test_cmyk_has_four_planes_but_no_luma(name: str) -> None:
    assert len(dctdecode.read_planes(faults.small(name))) == 4
    with pytest.raises(UnsupportedJpegError, match="CMYK"):
        dctdecode.read(faults.small(name))


def test_arithmetic_files_are_read() -> None:
    info = dctdecode.read_planes(faults.small("arithmetic-420")).info
    assert (info.arithmetic, info.progressive) == (True, False)
    assert dctdecode.read_planes(faults.small("arithmetic-progressive")).info.progressive
    assert same_coefficients(  # only the entropy coder differs
        dctdecode.read_planes(faults.small("arithmetic-progressive")),
        dctdecode.read_planes(faults.small("arithmetic-420")),
    )


def test_nothing_of_the_image_before_shows_in_the_next() -> None:
    """A broken file behind a good one into the same memory: what is missing is zero, not the old image."""
    out = dctdecode.read(BASELINE, 6)
    with pytest.warns(CorruptJpegWarning):
        dctdecode.read(BASELINE[:640], 6, out=out, strict=False)
    assert not out[:, 2:].any()


# --- Every prefix and every flipped bit --------------------------------------------------------------------

PROCESSES = ["baseline-420", "progressive-420", "restart-420", "arithmetic-420", "multiscan-422", "cmyk"]


def test_the_fault_is_placed_in_the_file_not_in_what_is_read_of_it() -> None:
    """Scans that Cr's DC does not need are left out of what libjpeg-turbo gets."""
    spectral = faults.small("progressive-spectral")
    compared = 0
    for i in range(200, len(spectral) - 2):
        data = spectral[:i] + bytes([spectral[i] ^ 0xFF]) + spectral[i + 1 :]
        errors = []
        for channels in (range(192), [128]):
            try:
                dctdecode.read(data, channels)
            except CorruptJpegError as error:
                errors.append((error.message, error.offset_bytes))
        if len(errors) == 2 and errors[0][0] == errors[1][0]:
            assert errors[0] == errors[1]
            compared += 1
    assert compared > 20


@pytest.mark.parametrize("name", PROCESSES)
def test_no_prefix_is_accepted(name: str) -> None:
    data = faults.small(name)
    dctdecode.read_planes(data)
    for length in range(len(data)):
        with pytest.raises(CorruptJpegError) as caught:
            dctdecode.read_planes(data[:length])
        assert caught.value.reason in ("not_jpeg", "truncated"), (length, caught.value.message)
        assert (caught.value.reason == "not_jpeg") == (length < 2)


@pytest.mark.parametrize("name", PROCESSES)
def test_every_prefix_ends_quietly_when_lenient(name: str) -> None:
    data = faults.small(name)
    saved = 0
    for length in range(len(data)):
        try:
            assert lenient(data[:length]).warnings
            saved += 1
        except CorruptJpegError:  # cut in the first header, or in the tables of a later scan
            pass
    assert saved > len(data) // 5


@pytest.mark.parametrize("name", PROCESSES)
def test_every_flipped_bit_ends_in_a_result_or_a_named_error(name: str) -> None:
    data = bytearray(faults.small(name))
    limits = dctdecode.Limits(max_pixels=2**20)  # keeps the accepted ones small; larger sizes: test_limits
    refused = 0
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        try:
            dctdecode.read_planes(data, limits=limits)
        except DctDecodeError:
            refused += 1
        data[bit // 8] ^= 1 << bit % 8
    assert 0 < refused < 8 * len(data)


def test_eoi_is_found_behind_the_markers() -> None:
    """The parts that these tests are made of are the whole file."""
    for name, data in faults.small_files().items():
        pieces = faults.parts(data)
        assert faults.join(pieces) == data, name
        assert pieces[-1].marker == EOI, name
