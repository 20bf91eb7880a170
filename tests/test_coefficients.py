"""The stored numbers: equal to what was written, to libjpeg-turbo's own reading, and to pyjpegio's."""

from __future__ import annotations

from dataclasses import replace

import dctdecode
import numpy as np
import pytest
from generate import SUBSAMPLINGS, Made, Recipe, separate
from oracle import Answer

SIZES = [
    (21, 37), (1, 1), (1, 2), (2, 1), (1, 37), (21, 1), (7, 9), (8, 8), (9, 7), (16, 16), (9, 17), (17, 8),
    (33, 65), (31, 33), (64, 64),
]  # fmt: skip
PROCESSES = ["", "o", "p", "a", "pa"]

# Spectral selection and successive approximation down to the last bit, components and bands out of step.
DEEP_SCRIPT = (
    "0:0,0,0,3;12:0,0,0,1;0:0,0,3,2;0:0,0,2,1;012:0,0,1,0;1:1,5,0,4;1:1,5,4,3;1:1,5,3,2;1:1,5,2,1;1:1,5,1,0;"
    "1:6,63,0,0;2:1,63,0,2;2:1,63,2,1;2:1,63,1,0;0:40,63,0,0;0:1,1,0,0;0:2,39,0,1;0:2,39,1,0"
)


def interleavable(recipe: Recipe) -> Recipe:
    """`recipe`, in separate scans where its MCU would be larger than T.81 B.2.3 allows."""
    return recipe if recipe.blocks_in_mcu <= 10 else separate(replace(recipe, process=recipe.process.strip("p")))


def recipes() -> list[Recipe]:
    worked = Recipe()
    found = [replace(worked, height=h, width=w) for h, w in SIZES]
    found += [replace(worked, height=h, width=w, process="p") for h, w in SIZES[:8]]
    for process in PROCESSES:
        for factors in SUBSAMPLINGS.values():
            recipe = replace(worked, factors=factors, process=process, extreme=True)
            found.append(interleavable(recipe))
            found.append(interleavable(replace(recipe, height=33, width=65, restart=3)))
        four = ((1, 1),) * 4
        subsampled = ((2, 2), (1, 1), (1, 1), (2, 2))
        others = [
            ("gray", ((1, 1),)), ("gray", ((2, 2),)), ("gray", ((1, 4),)), ("gray", ((3, 2),)),
            ("unknown", ((1, 1), (1, 1))), ("unknown", ((2, 1), (1, 1))), ("rgb", ((1, 1),) * 3),
            ("rgb", SUBSAMPLINGS["420"]), ("cmyk", four), ("ycck", four), ("cmyk", subsampled),
            ("ycck", subsampled), ("unknown", ((1, 1),) * 3),
        ]  # fmt: skip
        for color, factors in others:
            found.append(Recipe(color=color, factors=factors, process=process, extreme=True))
            found.append(Recipe(17, 9, color=color, factors=factors, process=process, restart=1, extreme=True))
    for process in ("", "o", "a"):
        for factors in ("444", "420", "410", "3:2"):
            recipe = replace(worked, height=40, width=50, factors=SUBSAMPLINGS[factors], process=process)
            found.append(replace(separate(recipe), restart=2))
            found.append(replace(recipe, script="12:0,63,0,0;0:0,63,0,0", extreme=True))
    for process in ("p", "pa"):
        for restart in (0, 1, 7):
            found.append(Recipe(40, 50, process=process, script=DEEP_SCRIPT, restart=restart, extreme=True))
            found.append(Recipe(process=process, script=DEEP_SCRIPT, restart=restart, factors=SUBSAMPLINGS["3:2"]))
    found += [replace(worked, wide=True, extreme=True, process=process) for process in PROCESSES]
    found += [replace(worked, restart=n, extreme=True) for n in (1, 2, 5, 6, 7, 65535)]
    found += [Recipe(120, 200, seed=n, extreme=n % 2 == 0, process="op"[n % 2]) for n in range(6)]
    return list(dict.fromkeys(found))


ALL = recipes()


@pytest.mark.parametrize("recipe", ALL, ids=str)
def test_equal_to_what_was_written_and_to_libjpeg(recipe, generate, oracle, monkeypatch):
    """By whichever decoder: ours where the file is sequential with Huffman codes, and libjpeg-turbo always."""
    made = generate(recipe)
    answer = oracle(made.data)
    assert answer.whole
    planes = dctdecode.read_planes(made.data)
    assert planes.decoder == ("libjpeg-turbo" if set("pa") & set(recipe.process) else "dctdecode")
    check(planes, made, answer)
    monkeypatch.setenv("DCTDECODE_DECODER", "libjpeg-turbo")
    planes = dctdecode.read_planes(made.data)
    assert planes.decoder == "libjpeg-turbo"
    check(planes, made, answer)


def check(planes: dctdecode.Planes, made: Made, answer: Answer) -> None:
    recipe = made.recipe
    assert planes.warnings == planes.notes == []
    assert (planes.info.height, planes.info.width) == answer.size == (recipe.height, recipe.width)
    assert planes.info.grids == recipe.grids
    assert planes.info.sampling == list(recipe.factors)
    assert len(planes) == len(recipe.factors) == len(answer.quantized)
    for c in range(len(planes)):
        assert planes.quantized(c).dtype == np.int16
        np.testing.assert_array_equal(planes.quantized(c), made.quantized[c], strict=True)
        np.testing.assert_array_equal(planes.quantized(c), answer.quantized[c], strict=True)
        np.testing.assert_array_equal(planes.quant_table(c), made.tables[c])
        np.testing.assert_array_equal(planes.quant_table(c), answer.tables[c], strict=True)
        assert planes.component(c).dtype == np.int32
        np.testing.assert_array_equal(planes.component(c), made.dequantized(c))


@pytest.mark.parametrize("recipe", [r for r in ALL if "a" not in r.process], ids=str)
def test_equal_to_pyjpegio(recipe, generate, tmp_path):
    """Its arrays are padded to whole MCUs, and its tables are listed by slot, not by component."""
    jpegio = pytest.importorskip("jpegio", reason="pyjpegio is not installed")
    made = generate(recipe)
    path = tmp_path / "made.jpg"
    path.write_bytes(made.data)
    other = jpegio.read(path)
    planes = dctdecode.read_planes(made.data)
    assert len(other.coef_arrays) == len(planes)
    for c, array in enumerate(other.coef_arrays):
        hb, wb = planes.info.grids[c]
        blocks = array.reshape(array.shape[0] // 8, 8, array.shape[1] // 8, 8).transpose(0, 2, 1, 3)
        assert blocks.shape[0] >= hb
        assert blocks.shape[1] >= wb
        np.testing.assert_array_equal(planes.quantized(c), blocks[:hb, :wb])


@pytest.mark.parametrize("recipe", ALL[::7], ids=str)
def test_header(recipe, generate):
    names = {"gray": "gray", "ycbcr": "YCbCr", "rgb": "RGB", "cmyk": "CMYK", "ycck": "YCCK"}
    info = dctdecode.info(generate(recipe).data)
    name = names.get(recipe.color, "unknown" if len(recipe.factors) == 2 else "YCbCr")
    assert info.color_space == name
    assert (info.progressive, info.arithmetic) == ("p" in recipe.process, "a" in recipe.process)
    assert (info.precision, info.orientation, info.restart_interval) == (8, 1, recipe.restart)
    assert info.num_components == len(recipe.factors)
    for c, table in enumerate(info.quant_tables):
        np.testing.assert_array_equal(table, generate(recipe).tables[c])


def test_worked_image(generate):
    info = dctdecode.info(generate(Recipe()).data)
    assert (info.height, info.width) == (21, 37)
    assert info.sampling == [(2, 2), (1, 1), (1, 1)]
    assert info.grids == [(3, 5), (2, 3), (2, 3)]
    assert (info.grid, info.subsampling) == ((3, 5), "4:2:0")


def test_every_interval_of_restart_markers_keeps_the_result(generate):
    """Restart markers reset the decoder's state (T.81 E.1.4); they change nothing that is stored."""
    plain = generate(Recipe(40, 50, extreme=True))
    for interval in range(1, 14):
        made = generate(replace(plain.recipe, restart=interval))
        assert made.data != plain.data
        for c in range(3):
            np.testing.assert_array_equal(dctdecode.read_planes(made.data).quantized(c), plain.quantized[c])


DECODERS = ["dctdecode", "libjpeg-turbo"]


def before_second_scan(data: bytes, segment: bytes) -> bytes:
    """`data` with a marker segment put between the first scan and the second one's Huffman tables."""
    first_scan = data.index(b"\xff\xda")
    place = data.index(b"\xff\xc4", first_scan)
    return data[:place] + segment + data[place:]


@pytest.mark.parametrize("decoder", DECODERS)
def test_table_redefined_between_scans_counts_per_component(decoder, generate, oracle, monkeypatch):
    """T.81 B.2.4.1: a table may be replaced between scans; each component keeps the one of its first scan."""
    monkeypatch.setenv("DCTDECODE_DECODER", decoder)
    made = generate(replace(separate(Recipe()), process="o"))
    slots = [b"\xff\xdb\x00\x43" + bytes([slot]) + bytes(range(1, 65)) for slot in (0, 2)]  # luma's and Cr's
    changed = before_second_scan(made.data, b"".join(slots))
    planes, answer = dctdecode.read_planes(changed), oracle(changed)
    assert planes.decoder == decoder
    for c in range(3):
        np.testing.assert_array_equal(planes.quant_table(c), answer.tables[c])
    for c in range(2):
        np.testing.assert_array_equal(planes.quant_table(c), made.tables[c])
    assert sorted(planes.quant_table(2).ravel()) == list(range(1, 65))


@pytest.mark.parametrize("decoder", DECODERS)
def test_table_that_comes_after_the_first_scan(decoder, generate, monkeypatch):
    """Legal as long as it comes before its component's scan; until then `info` knows none."""
    monkeypatch.setenv("DCTDECODE_DECODER", decoder)
    made = generate(replace(separate(Recipe()), process="o"))
    start = made.data.index(b"\xff\xdb\x00\x43\x01")
    segment = made.data[start : start + 69]
    moved = before_second_scan(made.data[:start] + made.data[start + 69 :], segment)
    known = [table is not None for table in dctdecode.info(moved).quant_tables]
    assert known == [True, False, True]
    planes = dctdecode.read_planes(moved)
    assert planes.decoder == decoder
    tensor = dctdecode.read(moved)
    assert np.array_equal(tensor.numpy(), dctdecode.read(made.data).numpy())
    for c in range(3):
        np.testing.assert_array_equal(planes.component(c), made.dequantized(c))


def test_two_components_may_share_a_table(generator, oracle):
    recipe = Recipe(factors=SUBSAMPLINGS["444"])
    made = generator(recipe)
    data = bytearray(made.data)
    frame = data.index(b"\xff\xc0")
    selectors = [frame + 4 + 6 + 3 * c + 2 for c in range(3)]
    assert [data[at] for at in selectors] == [0, 1, 2]
    data[selectors[1]] = 2
    planes = dctdecode.read_planes(data)
    np.testing.assert_array_equal(planes.quant_table(1), made.tables[2])
    np.testing.assert_array_equal(planes.quant_table(1), oracle(bytes(data)).tables[1])


def test_arrays_are_not_shared_between_calls(generate):
    data = generate(Recipe()).data
    first, second = dctdecode.read_planes(data), dctdecode.read_planes(data)
    first.quantized(0)[:] = 7
    np.testing.assert_array_equal(second.quantized(0), generate(Recipe()).quantized[0])


@pytest.mark.parametrize("bad", [-1, 3])
def test_there_are_only_so_many_components(bad, generate):
    planes = dctdecode.read_planes(generate(Recipe()).data)
    for access in (planes.quantized, planes.component, planes.quant_table):
        with pytest.raises(IndexError, match=f"component {bad} of a JPEG that has components 0 to 2"):
            access(bad)
