"""`read`: dtypes, channels and their order, normalisation, arguments, lenient reading."""

from __future__ import annotations

import warnings

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode import PRESETS, ChannelSet
from dctdecode.errors import CorruptJpegWarning
from generate import SUBSAMPLINGS, Recipe

FULL = Recipe(factors=SUBSAMPLINGS["444"])
DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.int16]


@pytest.fixture(scope="module")
def jpeg(generate) -> bytes:
    """37 x 21 px, 4:4:4: all channels are stored integers."""
    return generate(FULL).data


def stored(made) -> np.ndarray:
    """int64 (192, Hb, Wb) of a file whose components all have luma's grid."""
    parts = [made.dequantized(c).transpose(2, 3, 0, 1) for c in range(3)]
    return np.concatenate([part.reshape(64, *part.shape[2:]) for part in parts])


# --- Channels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_presets_select(name, generate):
    made = generate(FULL)
    expected = stored(made)[list(PRESETS[name].flat)]
    np.testing.assert_array_equal(dctdecode.read(made.data, name).numpy(), expected)


@pytest.mark.parametrize(
    "channels",
    [
        ChannelSet(y=[63, 0, 5], cb=[1], cr=[9, 8]),
        ChannelSet(cr=[0]),
        ChannelSet(cb=range(63, -1, -1)),
        ChannelSet(y=[7], cr=[56]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("factors", ["444", "420"])
def test_order_is_that_of_the_channel_set(channels, factors, generate):
    data = generate(Recipe(factors=SUBSAMPLINGS[factors])).data
    every = dctdecode.read(data)
    np.testing.assert_array_equal(dctdecode.read(data, channels).numpy(), every[list(channels.flat)].numpy())


def test_flat_indices_come_out_ascending(jpeg):
    chosen = dctdecode.read(jpeg, [130, 3, 64, 0])
    np.testing.assert_array_equal(chosen.numpy(), dctdecode.read(jpeg)[[0, 3, 64, 130]].numpy())


@pytest.mark.parametrize("factors", ["420", "422", "411", "3:2"])
@pytest.mark.parametrize("name", [6, 24, 64, "triangle-48"])
def test_few_channels_are_those_of_all(factors, name, generate):
    """What is left out of the operator never shows in what is kept."""
    data = generate(Recipe(50, 70, factors=SUBSAMPLINGS[factors])).data
    every = dctdecode.read(data)[list(PRESETS[name].flat)]
    np.testing.assert_allclose(dctdecode.read(data, name).numpy(), every.numpy(), rtol=0, atol=1e-3)


# --- Element types -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_round_to_nearest(dtype, generate):
    """float16 and bfloat16 are torch's own rounding of the float32 values (ties to even)."""
    made = generate(Recipe(factors=SUBSAMPLINGS["444"], extreme=True))
    exact = torch.from_numpy(stored(made))
    if dtype == torch.int16:
        exact = exact.clamp(-32768, 32767)
        if (torch.from_numpy(stored(made)) != exact).any():
            with pytest.raises(ValueError, match="int16 cannot hold"):
                dctdecode.read(made.data, dtype=dtype)
            return
    tensor = dctdecode.read(made.data, dtype=dtype)
    assert tensor.dtype == dtype
    assert torch.equal(tensor, exact.to(torch.float32).to(dtype))


@pytest.mark.parametrize("dtype", DTYPES[:3])
@pytest.mark.parametrize("factors", ["444", "420"])
def test_normalisation_comes_before_rounding(dtype, factors, generate):
    data = generate(Recipe(factors=SUBSAMPLINGS[factors])).data
    mean, std = np.linspace(-30, 30, 192), np.linspace(0.5, 90, 192)
    plain = dctdecode.read(data).double().numpy()
    expected = (plain - mean[:, None, None]) / std[:, None, None]
    tensor = dctdecode.read(data, normalize=(mean, std), dtype=dtype)
    precision = {torch.float32: 1e-6, torch.float16: 2**-10, torch.bfloat16: 2**-7}[dtype]
    np.testing.assert_allclose(tensor.double().numpy(), expected, rtol=precision, atol=1e-4)


@pytest.mark.parametrize("channels", [24, 192, ChannelSet(y=[9, 1], cb=[0])], ids=str)
@pytest.mark.parametrize("name", ["dctnet", "dctnet-det"])
def test_named_statistics(name, channels, jpeg):
    mean, std = dctdecode.normalization.as_normalization(name, dctdecode.channels.as_channel_set(channels))
    by_name = dctdecode.read(jpeg, channels, normalize=name)
    np.testing.assert_array_equal(by_name.numpy(), dctdecode.read(jpeg, channels, normalize=(mean, std)).numpy())
    plain = dctdecode.read(jpeg, channels).double().numpy()
    expected = (plain - np.reshape(mean, (-1, 1, 1))) / np.reshape(std, (-1, 1, 1))
    np.testing.assert_allclose(by_name.numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("extreme", [False, True])
def test_int16_is_exact_wherever_it_is_given(extreme, generate):
    for seed in range(4):
        made = generate(Recipe(16, 16, factors=SUBSAMPLINGS["444"], extreme=extreme, seed=seed))
        expected = stored(made)
        for channels in (6, 24, 192):
            chosen = expected[list(PRESETS[channels].flat)]
            if np.abs(chosen).max() < 2**15:
                np.testing.assert_array_equal(
                    dctdecode.read(made.data, channels, dtype=torch.int16).numpy(), chosen
                )


def lone_value(generator, quantized: int, table: int) -> bytes:
    recipe = Recipe(8, 8, factors=((1, 1),), color="gray", wide=True)
    tables, blocks = np.full((4, 8, 8), table, np.uint16), [np.zeros((1, 1, 8, 8), np.int16)]
    blocks[0][0, 0, 3, 4] = quantized
    return generator.write(recipe, tables, blocks).data


@pytest.mark.parametrize(
    ("quantized", "table", "fits"),
    [
        (1, 32767, True),
        (-1, 32768, True),
        (1, 32768, False),
        (-1, 32769, False),
        (1023, 65535, False),
        (511, 64, True),
    ],
)
def test_int16_refuses_what_does_not_fit(quantized, table, fits, generator):
    data = lone_value(generator, quantized, table)
    assert dctdecode.read(data)[28].item() == np.float32(quantized * table)
    if fits:
        assert dctdecode.read(data, dtype=torch.int16)[28].item() == quantized * table
    else:
        with pytest.raises(ValueError, match="int16 cannot hold a coefficient of this file; use float32"):
            dctdecode.read(data, dtype=torch.int16)
        assert dctdecode.read(data, [0, 1], dtype=torch.int16).abs().sum() == 0  # it is not among these


@pytest.mark.parametrize(
    ("recipe", "channels", "says"),
    [
        (Recipe(), 24, "a component is resampled"),
        (Recipe(color="rgb", factors=SUBSAMPLINGS["444"]), 24, "an RGB file is converted to YCbCr"),
        (Recipe(factors=SUBSAMPLINGS["chroma larger"]), [0], "a component is resampled"),
    ],
    ids=str,
)
def test_int16_refuses_what_is_no_integer(recipe, channels, says, generate):
    with pytest.raises(ValueError, match=f"int16 holds only stored integers, but {says}"):
        dctdecode.read(generate(recipe).data, channels, dtype=torch.int16)


def test_int16_of_luma_alone_and_of_gray(generate):
    made = generate(Recipe())
    luma = dctdecode.read(made.data, range(64), dtype=torch.int16)
    np.testing.assert_array_equal(luma.numpy(), dctdecode.read(made.data, range(64)).numpy())
    gray = generate(Recipe(color="gray", factors=((1, 1),)))
    assert not dctdecode.read(gray.data, range(64, 192), dtype=torch.int16).any()


# --- Arguments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"dtype": torch.float64}, ValueError, "dtype must be one of .*torch.bfloat16.* got torch.float64"),
        ({"dtype": torch.uint8}, ValueError, "got torch.uint8"),
        ({"dtype": "float32"}, ValueError, "got 'float32'"),
        ({"dtype": np.float32}, ValueError, "got <class 'numpy.float32'>"),
        ({"interpolation": "nearest"}, ValueError, "'box', 'bilinear', 'bicubic', 'lanczos'.* got 'nearest'"),
        ({"interpolation": None}, ValueError, "got None"),
        ({"interpolation": []}, ValueError, r"got \[\]"),
        ({"dtype": []}, ValueError, r"got \[\]"),
        ({"orientation": "upright"}, ValueError, '"ignore" or "apply", got \'upright\''),
        ({"orientation": True}, ValueError, "got True"),
        ({"normalize": "imagenot"}, ValueError, "'dctnet', 'dctnet-det'"),
        ({"normalize": (0.0, 0.0)}, ValueError, "std must be above 0"),
        ({"normalize": (0.0, 1.0), "dtype": torch.int16}, ValueError, "needs a float dtype"),
        ({"channels": 25}, ValueError, "25"),
        ({"channels": [192]}, ValueError, "192 is outside 0..191"),
        ({"limits": 5}, TypeError, "got int"),
        ({"strict": "no"}, TypeError, "strict must be True or False, got 'no'"),
        ({"limits": {"max_pixel": 5}}, ValueError, "unknown limit 'max_pixel'"),
        ({"out": [0.0]}, TypeError, "torch tensor or a numpy array, got list"),
    ],
    ids=str,
)
def test_bad_arguments_are_shown_with_what_is_allowed_before_the_file_is_opened(arguments, error, says):
    with pytest.raises(error, match=says):
        dctdecode.read("no such file.jpg", **arguments)


def test_arguments_that_mean_something_else_are_told_apart(jpeg, tmp_path):
    """Plans are kept by their arguments; neither 1 == True nor a file's name may bring back the wrong one."""
    for channels in (24, True, 24, "24"):
        if channels is True:
            with pytest.raises(TypeError, match="True"):
                dctdecode.read(jpeg, channels)
        else:
            assert len(dctdecode.read(jpeg, channels)) == 24
    names = {"channels": tmp_path / "channels.json", "normalize": tmp_path / "normalize.json"}
    plain = dctdecode.read(jpeg, [0])
    for luma, std in ((0, 1.0), (1, 2.0)):
        names["channels"].write_text(f'{{"y": [{luma}]}}', "utf-8")
        names["normalize"].write_text(f'{{"mean": {[0.0] * 192}, "std": {[std] * 192}}}', "utf-8")
        assert torch.equal(dctdecode.read(jpeg, str(names["channels"])), dctdecode.read(jpeg, [luma]))
        assert torch.equal(dctdecode.read(jpeg, [0], normalize=str(names["normalize"])), plain / std)
        assert torch.equal(dctdecode.read(jpeg, ChannelSet(y=[0]), normalize=str(names["normalize"])), plain / std)


def test_torchvisions_interpolation_mode(generate):
    class InterpolationMode:  # as in torchvision.transforms
        value = "bicubic"

    data = generate(Recipe()).data
    expected = dctdecode.read(data, interpolation="bicubic")
    assert torch.equal(dctdecode.read(data, interpolation=InterpolationMode()), expected)
    assert not torch.equal(dctdecode.read(data, interpolation="bilinear"), expected)


@pytest.mark.parametrize("fast", [False, True])
def test_fast_changes_nothing_on_the_native_grid(fast, generate):
    data = generate(Recipe()).data
    assert torch.equal(dctdecode.read(data, fast=fast), dctdecode.read(data))


# --- Damage, as far as `read` is concerned -------------------------------------------------------------------


@pytest.mark.parametrize("source", [str, lambda path: path], ids=["str", "Path"])
def test_lenient_reading_warns_with_the_path(source, jpeg, tmp_path):
    file = tmp_path / "cut.jpg"
    file.write_bytes(jpeg[:-40])
    for call in (dctdecode.read, dctdecode.read_planes):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call(source(file), strict=False)
        assert [w.category for w in caught] == [CorruptJpegWarning]
        assert str(caught[0].message).startswith(f"{file}: the file ends before the image does")
        assert caught[0].filename == __file__


def test_lenient_result_is_that_of_libjpeg(jpeg, oracle):
    for cut in (40, 100, 200):
        data = jpeg[:-cut]
        answer = oracle(data)
        with pytest.warns(CorruptJpegWarning):
            tensor = dctdecode.read(data, strict=False)
        for c in range(3):
            blocks = answer.quantized[c].astype(np.int64) * answer.tables[c]
            expected = blocks.transpose(2, 3, 0, 1).reshape(64, 3, 5)
            np.testing.assert_array_equal(tensor[64 * c : 64 * c + 64].numpy(), expected)
