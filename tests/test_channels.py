"""Selecting channels, and the numbers that normalise them."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from dctdecode.channels import PRESETS, ChannelSet, as_channel_set
from dctdecode.normalization import Normalization, as_normalization, normalization_names

SQUARE_24_LUMA = [8 * v + u for v in range(4) for u in range(4)]


def test_keeps_the_given_order_inside_a_component():
    channels = ChannelSet(y=[8, 0, 1], cb=[3], cr=[24, 2])
    assert channels.flat == (8, 0, 1, 64 + 3, 128 + 24, 128 + 2)
    assert list(channels) == list(channels.flat)
    assert len(channels) == 6


def test_from_flat_sorts_and_splits():
    channels = ChannelSet.from_flat([191, 64, 63, 0, 128, 127])
    assert (channels.y, channels.cb, channels.cr) == ((0, 63), (0, 63), (0, 63))
    assert channels.flat == (0, 63, 64, 127, 128, 191)


def test_is_a_value():
    one, same = ChannelSet(y=[0, 1]), ChannelSet(y=(0, 1), cb=[])
    assert one == same
    assert hash(one) == hash(same)
    assert one != ChannelSet(y=[1, 0])
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(AttributeError):
        one.y = (3,)  # type: ignore[misc]


@pytest.mark.parametrize("channels", [*PRESETS.values(), ChannelSet(cr=[5])], ids=len)
def test_repr_builds_the_same_set(channels):
    assert eval(repr(channels)) == channels


def test_str_draws_the_map():
    lines = str(ChannelSet(y=[1, 8], cb=[63])).splitlines()
    assert lines[0] == "3 channels: 2 Y, 1 Cb, 0 Cr"
    assert lines[2].split() == list(".#......" + "." * 16)
    assert lines[3].split() == list("#......." + "." * 16)
    assert lines[9].split() == list("........" + ".......#" + "." * 8)


@pytest.mark.parametrize(
    ("lists", "error", "says"),
    [
        ({"y": [64]}, ValueError, "64 is outside 0..63"),
        ({"cb": [-1]}, ValueError, "-1 is outside 0..63"),
        ({"y": [0, 3, 3]}, ValueError, "y of a ChannelSet: 3 is given twice"),
        ({}, ValueError, "at least one channel"),
        ({"y": [0.0]}, TypeError, "got 0.0"),
        ({"y": [True]}, TypeError, "got True"),
        ({"y": "01"}, TypeError, "got '01'"),
        ({"y": 5}, TypeError, "got 5"),
    ],
)
def test_refuses_bad_lists_and_shows_them(lists, error, says):
    with pytest.raises(error, match=says):
        ChannelSet(**lists)


@pytest.mark.parametrize(
    ("indices", "error", "says"),
    [
        ([192], ValueError, "192 is outside 0..191"),
        ([0, 70, 70], ValueError, "70 is given twice"),
        ([], ValueError, "at least one channel"),
        ([0.5], TypeError, "got 0.5"),
    ],
)
def test_from_flat_refuses(indices, error, says):
    with pytest.raises(error, match=says):
        ChannelSet.from_flat(indices)


def test_presets_are_the_published_ones():
    named = ["learned-24", "triangle-24", "triangle-48", "triangle-64"]
    assert list(PRESETS) == [6, 24, 32, 48, 64, 192, *named]
    for key, channels in PRESETS.items():
        assert len(channels) == int(str(key).rsplit("-", 1)[-1])
        assert channels.cb == channels.cr
        assert channels == ChannelSet.from_flat(channels.flat)  # ascending
    splits = {key: (len(c.y), len(c.cb), len(c.cr)) for key, c in PRESETS.items()}
    assert splits == {
        6: (4, 1, 1), 24: (16, 4, 4), 32: (22, 5, 5), 48: (32, 8, 8), 64: (44, 10, 10), 192: (64, 64, 64),
        "learned-24": (14, 5, 5), "triangle-24": (12, 6, 6), "triangle-48": (28, 10, 10),
        "triangle-64": (34, 15, 15),
    }  # fmt: skip
    assert PRESETS[24] == ChannelSet(y=SQUARE_24_LUMA, cb=[0, 1, 8, 9], cr=[0, 1, 8, 9])
    assert PRESETS["learned-24"].cb == (0, 1, 3, 8, 24)


@pytest.mark.parametrize("name", ["triangle-24", "triangle-48", "triangle-64"])
def test_triangles_are_whole_diagonals_but_the_last(name):
    for indices in (PRESETS[name].y, PRESETS[name].cb):
        diagonals = [i // 8 + i % 8 for i in indices]
        last = max(diagonals)
        assert [diagonals.count(d) for d in range(last)] == list(range(1, last + 1))


def test_presets_are_read_only():
    with pytest.raises(TypeError):
        PRESETS[12] = PRESETS[6]  # type: ignore[index]


@pytest.mark.parametrize("name", [24, "24", "square-24", np.int64(24), np.array(24), torch.tensor(24)])
def test_names_of_a_preset(name):
    assert as_channel_set(name) is PRESETS[24]


@pytest.mark.parametrize(
    "flat",
    [[64, 0, 8], (8, 64, 0), range(3), np.array([64, 8, 0]), torch.tensor([0, 8, 64]), {0, 8, 64}],
    ids=lambda v: type(v).__name__,
)
def test_sequences_of_flat_indices(flat):
    expected = sorted(int(i) for i in flat)
    assert as_channel_set(flat).flat == tuple(expected)


def test_a_sequence_of_one_is_no_preset():
    for one in ([24], np.array([24]), torch.tensor([24])):
        assert as_channel_set(one) == ChannelSet(y=[24])


def test_channel_set_passes_with_its_order():
    channels = ChannelSet(y=[9, 0])
    assert as_channel_set(channels) is channels


@pytest.mark.parametrize("bad", [12, "12", "square", 0, -24, np.int64(7)])
def test_unknown_preset_lists_the_known(bad):
    with pytest.raises(ValueError, match=r"6, 24, 32, 48, 64, 192, 'learned-24', 'triangle-24'") as caught:
        as_channel_set(bad)
    assert repr(bad) in str(caught.value)


@pytest.mark.parametrize("bad", [None, True, 24.0, object()])
def test_other_types_are_refused(bad):
    with pytest.raises(TypeError):
        as_channel_set(bad)


def test_channels_from_a_file(tmp_path: Path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"y": [8, 0], "cr": [1], "note": "mine"}))
    expected = ChannelSet(y=[8, 0], cr=[1])
    assert as_channel_set(path) == expected
    assert as_channel_set(str(path)) == expected


@pytest.mark.parametrize("text", ["{", "[0, 1]", "{}", '{"y": [64]}', '{"y": [0.5]}'])
def test_bad_channel_files_name_the_file(tmp_path: Path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises((TypeError, ValueError), match=r"bad\.json"):
        as_channel_set(path)


def test_channels_need_no_torch():
    root = Path(sys.modules["dctdecode.channels"].__file__).parents[1]
    code = (
        "import sys, types; package = types.ModuleType('dctdecode');"
        f"package.__path__ = [{str(root / 'dctdecode')!r}]; sys.modules['dctdecode'] = package;"
        "import dctdecode.channels, dctdecode.normalization;"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_shipped_vectors():
    assert normalization_names() == ("dctnet", "dctnet-det", "imagenet")
    channels = ChannelSet(y=[9, 0, 1], cb=[0], cr=[0])
    mean, std = as_normalization("dctnet", channels)
    assert std == pytest.approx((0.566, 259.96, 2.778, 81.16, 75.85), rel=2e-3)
    assert mean[1] == pytest.approx(-88.40, abs=0.01)
    assert mean[3:] == pytest.approx((-58.71, 32.12), abs=0.01)
    mean, std = as_normalization("dctnet-det", channels)
    assert (mean[1], std[1], std[3], std[4]) == pytest.approx((-123.44, 168.99, 56.08, 49.22), abs=0.01)


def test_no_normalisation_is_the_identity():
    assert as_normalization(None, ChannelSet(y=[0, 1])) == ((0.0, 0.0), (1.0, 1.0))


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor], ids=lambda k: k.__name__)
def test_pairs_by_channel_and_by_flat_index(kind):
    channels = ChannelSet(y=[8, 0], cr=[1])
    short = as_normalization((kind([1.0, 2.0, 3.0]), kind([4.0, 5.0, 6.0])), channels)
    assert short == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    every = [float(i) for i in range(192)]
    long = as_normalization((kind(every), kind([i + 1 for i in every])), channels)
    assert long == ((8.0, 0.0, 129.0), (9.0, 1.0, 130.0))


@pytest.mark.parametrize("one", [2, 2.0, np.float32(2), np.array(2.0), torch.tensor(2.0)])
def test_one_number_for_all(one):
    assert as_normalization((0, one), ChannelSet(y=[0, 1])) == ((0.0, 0.0), (2.0, 2.0))


def test_vectors_from_a_file(tmp_path: Path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"mean": list(range(192)), "std": [2] * 192, "source": "here"}))
    expected = ((65.0, 130.0), (2.0, 2.0))
    assert as_normalization(path, ChannelSet(cb=[1], cr=[2])) == expected
    assert as_normalization(str(path), ChannelSet(cb=[1], cr=[2])) == expected
    assert as_normalization(Normalization.load(path), ChannelSet(cb=[1], cr=[2])) == expected


@pytest.mark.parametrize(
    ("normalize", "error", "says"),
    [
        ("imagenet-v9", ValueError, "no vectors named 'imagenet-v9'; there are 'dctnet', 'dctnet-det'"),
        ("../presets", ValueError, "no vectors named"),
        ((0, 0), ValueError, "std must be above 0, got 0 at position 0"),
        ((0, [1, -2]), ValueError, "got -2 at position 1"),
        ((0, [1, float("nan")]), ValueError, "std must be finite, got nan"),
        (([0, float("inf")], 1), ValueError, "mean must be finite, got inf at position 1"),
        (([0, 0, 0], 1), ValueError, "mean must be 2 or 192 numbers, got 3"),
        ((0, "ab"), TypeError, "std must be 2 or 192 numbers, got 'ab'"),
        ((0, None), TypeError, "std must be 2 or 192 numbers, got None"),
        ((0, 1, 2), TypeError, "a pair"),
        (3, TypeError, "got 3"),
    ],
)
def test_bad_normalisation(normalize, error, says):
    with pytest.raises(error, match=says):
        as_normalization(normalize, ChannelSet(y=[0, 1]))


@pytest.mark.parametrize("text", ["{", "[]", '{"mean": [0]}', '{"mean": [0], "std": [1]}'])
def test_bad_vector_files_name_the_file(tmp_path: Path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"bad\.json"):
        as_normalization(path, ChannelSet(y=[0]))
