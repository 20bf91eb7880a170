"""Two decoders, one answer: ours equals libjpeg-turbo, reads what it should, and leaves the rest alone."""

from __future__ import annotations

import csv
import warnings
from dataclasses import replace
from pathlib import Path

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode import ChannelSet
from generate import NO_SUBSAMPLING, SUBSAMPLINGS, Recipe, separate

TABLE = Path(__file__).parent / "data" / "decoders.csv"


@pytest.fixture
def with_libjpeg(monkeypatch):
    """Calls a function while libjpeg-turbo is forced."""

    def call(function, *arguments, **options):
        with monkeypatch.context() as patch:
            patch.setenv("DCTDECODE_DECODER", "libjpeg-turbo")
            return function(*arguments, **options)

    return call


def outcome(function, *arguments, **options):
    """What a call gives, in a form that can be compared: values and warnings, or the error's kind and words."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*arguments, **options)
        except dctdecode.errors.DctDecodeError as error:
            return type(error), error.reason, str(error)
    said = [str(w.message) for w in caught]
    if isinstance(result, torch.Tensor):
        return result.view(torch.int32).tolist(), said
    planes = [(result.quantized(c).tobytes(), result.quant_table(c).tobytes()) for c in range(len(result))]
    return planes, result.warnings, result.notes, said


# A file of each kind that ours must read: (recipe, why it is here).
OURS = {
    **{name: Recipe(factors=factors) for name, factors in SUBSAMPLINGS.items() if name != "all 2x2"},
    "gray": Recipe(factors=((1, 1),), color="gray"),
    "gray 2x2": Recipe(factors=((2, 2),), color="gray"),
    "cmyk": Recipe(factors=((1, 1),) * 4, color="cmyk"),
    "two components": Recipe(factors=((1, 1), (1, 1)), color="unknown"),
    "rgb": Recipe(factors=NO_SUBSAMPLING, color="rgb"),
    "optimised tables": Recipe(process="o", extreme=True),
    "restarts": Recipe(height=70, width=90, restart=2),
    "restart at each MCU": Recipe(height=70, width=90, restart=1),
    "separate scans": separate(Recipe(height=70, width=90)),
    "two scans": Recipe(script="12:0,63,0,0;0:0,63,0,0"),
    "16-bit tables": Recipe(wide=True, extreme=True),
    "1 x 1": Recipe(height=1, width=1),
}
TURBO = {
    "progressive": Recipe(process="p"),
    "arithmetic": Recipe(process="a"),
    "arithmetic progressive": Recipe(process="ap"),
}


@pytest.mark.parametrize("name", OURS)
def test_ours_reads_sequential_huffman(generate, with_libjpeg, name):
    data = generate(OURS[name]).data
    assert dctdecode.info(data).decoder == "dctdecode"
    assert dctdecode.read_planes(data).decoder == "dctdecode"
    assert with_libjpeg(dctdecode.read_planes, data).decoder == "libjpeg-turbo"
    assert outcome(dctdecode.read_planes, data) == with_libjpeg(outcome, dctdecode.read_planes, data)


@pytest.mark.parametrize("name", TURBO)
def test_the_rest_goes_to_libjpeg_turbo(generate, name):
    data = generate(TURBO[name]).data
    assert dctdecode.info(data).decoder == "libjpeg-turbo"
    assert dctdecode.read_planes(data).decoder == "libjpeg-turbo"


SELECTIONS = [
    6,
    24,
    192,
    ChannelSet(y=[0]),
    ChannelSet(y=[63, 0]),
    ChannelSet(cr=[9]),
    ChannelSet(y=[5], cb=[0, 40], cr=[1]),
]


@pytest.mark.parametrize("channels", SELECTIONS, ids=repr)
@pytest.mark.parametrize("name", ["444", "420", "mixed", "chroma larger", "gray", "rgb", "restarts", "two scans"])
def test_selections_agree(generate, with_libjpeg, name, channels):
    data = generate(OURS[name]).data
    assert outcome(dctdecode.read, data, channels) == with_libjpeg(outcome, dctdecode.read, data, channels)


@pytest.mark.parametrize("name", ["444", "420", "restarts", "two scans", "optimised tables"])
@pytest.mark.parametrize("strict", [True, False])
def test_damage_is_judged_alike(generate, with_libjpeg, name, strict):
    """Every 7th prefix and 300 flipped bits: the same values, warnings and errors from both decoders."""
    data = generate(OURS[name]).data
    rng = np.random.default_rng(1)
    cases = [data[:length] for length in range(0, len(data), 7)]
    for _ in range(300):
        flipped = bytearray(data)
        flipped[rng.integers(2, len(data))] ^= 1 << int(rng.integers(8))
        cases.append(bytes(flipped))
    for case in cases:
        mine = outcome(dctdecode.read_planes, case, strict=strict)
        assert mine == with_libjpeg(outcome, dctdecode.read_planes, case, strict=strict), case.hex()
        mine = outcome(dctdecode.read, case, 24, strict=strict)
        theirs = with_libjpeg(outcome, dctdecode.read, case, 24, strict=strict)
        assert mine == theirs, case.hex()


# Progressive scripts, and selections of channels whose scans can be told apart.
BANDS = "012:0,0,0,1;0:1,5,0,0;0:6,63,0,0;1:1,63,0,0;2:1,63,0,0;012:0,0,1,0"
# The usual shape: a refinement of 1..63 after first scans of 1..5 and 6..63. None can be left out for one.
OVERLAP = "012:0,0,0,0;0:1,5,0,2;0:6,63,0,2;0:1,63,2,1;0:1,63,1,0;1:1,63,0,0;2:1,63,0,0"


@pytest.mark.parametrize("script", [BANDS, OVERLAP])
@pytest.mark.parametrize("process", ["p", "pa"])
@pytest.mark.parametrize(
    "channels",
    [ChannelSet(y=[0]), ChannelSet(y=[1, 8]), ChannelSet(y=[63]), ChannelSet(cb=[0]), ChannelSet(cr=[9]), 24],
    ids=repr,
)
def test_left_out_scans_change_nothing(generate, script, process, channels):
    data = generate(Recipe(factors=NO_SUBSAMPLING, process=process, script=script, extreme=True)).data
    chosen = list(dctdecode.read(data, channels).shape)
    flat = channels.flat if isinstance(channels, ChannelSet) else dctdecode.PRESETS[channels].flat
    assert chosen[0] == len(flat)
    assert torch.equal(dctdecode.read(data, channels), dctdecode.read(data, 192)[list(flat)])


def scans_of(data: bytes) -> list[tuple[int, int]]:
    """(start, end) of every scan, SOS segment and data."""
    found = []
    at = data.find(b"\xff\xda")
    while at >= 0:
        end = at + 2
        while not (data[end] == 0xFF and data[end + 1] not in (0, *range(0xD0, 0xD8))):
            end += 1
        found.append((at, end))
        at = data.find(b"\xff\xda", end)
    return found


def test_unwanted_scans_are_not_even_looked_at(generate):
    """Luma's 6..63 destroyed: only a selection that needs it notices."""
    data = bytearray(generate(Recipe(factors=NO_SUBSAMPLING, process="p", script=BANDS, extreme=True)).data)
    start, end = scans_of(bytes(data))[2]
    data[start + 10 : end] = b"\x00" * (end - start - 10)
    sound = generate(Recipe(factors=NO_SUBSAMPLING, process="p", script=BANDS, extreme=True)).data
    low = ChannelSet(y=[0, 1, 8], cb=[0])
    assert torch.equal(dctdecode.read(bytes(data), low), dctdecode.read(sound, low))
    planes = outcome(dctdecode.read_planes, bytes(data))
    assert planes != outcome(dctdecode.read_planes, sound)


def test_a_missing_scan_that_is_wanted_is_noticed(generate):
    data = generate(Recipe(factors=NO_SUBSAMPLING, process="p", script=BANDS, extreme=True)).data
    start, end = scans_of(data)[2]
    without = data[:start] + data[end:]
    assert dctdecode.read(without, ChannelSet(y=[0, 1])).shape == (2, 3, 5)
    with pytest.raises(dctdecode.errors.CorruptJpegError, match="component 0 lacks scans"):
        dctdecode.read(without, ChannelSet(y=[63]))
    with pytest.raises(dctdecode.errors.CorruptJpegError, match="component 0 lacks scans"):
        dctdecode.read_planes(without)


def decoder_table(corpus: Path) -> list[list[str]]:
    """(file, decoder) of every conformance file that is read, strictly."""
    rows = []
    with (corpus / "conformance" / "index.csv").open(newline="") as file:
        names = sorted({row["path"] for row in csv.DictReader(file)})
    for name in names:
        path = corpus / "conformance" / name
        try:
            rows.append([name, dctdecode.read_planes(path).decoder])
        except dctdecode.errors.DctDecodeError:
            continue
    return rows


def test_which_decoder_reads_each_conformance_file(corpus):
    """A sequential Huffman file that libjpeg-turbo had to read is a defect unless the table gives a reason."""
    with TABLE.open(newline="") as file:
        expected = [row for row in csv.reader(file) if not row[0].startswith("#")]
    assert decoder_table(corpus) == [row[:2] for row in expected]
    for name, decoder, reason in expected:
        info = dctdecode.info(corpus / "conformance" / name)
        sequential = not info.progressive and not info.arithmetic
        assert (decoder == "dctdecode") == (sequential and not reason), name


def test_corpus_reads_alike(corpus, with_libjpeg):
    """All of bench and classify: the planes of both decoders, bit for bit."""
    files = sorted(path for folder in ("bench", "classify") for path in (corpus / folder).rglob("*.*"))
    jpegs = [path for path in files if path.suffix.lower() in (".jpg", ".jpeg")]
    assert len(jpegs) > 2000
    for path in jpegs:
        mine = outcome(dctdecode.read_planes, path)
        assert mine == with_libjpeg(outcome, dctdecode.read_planes, path), path


def test_the_recipes_differ():
    assert len({replace(recipe, seed=0) for recipe in OURS.values()}) == len(OURS)


@pytest.mark.parametrize("call", ["info", "read", "read_planes", "prune", "read_batch"])
def test_a_misspelt_decoder_is_an_error_that_names_the_others(call, generate, monkeypatch):
    data = generate(Recipe()).data
    arguments = {"prune": (data, 24), "read_batch": ([data], 24)}.get(call, (data,))
    for name in ("", "dctdecode", "libjpeg-turbo"):
        monkeypatch.setenv("DCTDECODE_DECODER", name)
        getattr(dctdecode, call)(*arguments)
    monkeypatch.setenv("DCTDECODE_DECODER", "libjpeg")
    with pytest.raises(
        ValueError, match=r"DCTDECODE_DECODER .*one of \('dctdecode', 'libjpeg-turbo'\), got 'libjpeg'"
    ):
        getattr(dctdecode, call)(*arguments)
