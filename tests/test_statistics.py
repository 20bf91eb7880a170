"""Mean and standard deviation of a data set: against numpy, by hand, in any order, with files that fail."""

from __future__ import annotations

import io
import json
import random
import sys
from pathlib import Path

import dctdecode
import dctdecode.statistics
import numpy as np
import pytest
import torch
from dctdecode.channels import PRESETS, ChannelSet, as_channel_set
from dctdecode.cli import main
from dctdecode.normalization import Normalization, as_normalization
from dctdecode.statistics import compute
from dctdecode.transforms import CenterCrop, Compose, Resize, recipe
from PIL import Image


def jpeg(pixels: np.ndarray, **options) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", **options)
    return data.getvalue()


def flat_gray(height: int, width: int, value: int) -> bytes:
    """One value everywhere; at quality 100 (all divisors 1) it is stored exactly."""
    return jpeg(np.full((height, width), value, np.uint8), quality=100)


@pytest.fixture(scope="module")
def photos() -> list[bytes]:
    """Seven pictures of noise, of different sizes and samplings, one of them gray."""
    draw = np.random.default_rng(0)
    made = []
    for i, sampling in enumerate(("4:2:0", "4:4:4", "4:2:2", "4:2:0", "4:4:4", "4:2:0")):
        height, width = draw.integers(9, 90, 2)
        pixels = draw.normal(100 + 20 * i, 5 + 8 * i, (height, width, 3)).clip(0, 255).astype(np.uint8)
        made.append(jpeg(pixels, quality=90, subsampling=sampling))
    made.append(jpeg(draw.integers(0, 255, (21, 37), dtype=np.uint8)))
    return made


@pytest.fixture
def tree(tmp_path, photos) -> Path:
    """A folder for each class, as ImageFolder wants it."""
    for i, data in enumerate(photos):
        folder = tmp_path / "train" / f"class{i % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i}.{'JPEG' if i % 3 else 'jpg'}").write_bytes(data)
    (tmp_path / "train" / "labels.txt").write_text("no image")
    return tmp_path / "train"


def blocks_of(photos) -> list[np.ndarray]:
    """(192, number of blocks) of each, float64."""
    return [dctdecode.read(data, 192).double().numpy().reshape(192, -1) for data in photos]


def test_three_blocks_by_hand():
    # A gray level g is a DC of 8 (g - 128): one block of 80, two of -80.
    statistics = compute([flat_gray(8, 8, 138), flat_gray(8, 16, 118)])
    assert (statistics.images, statistics.blocks) == (2, 3)
    assert statistics.mean[0] == pytest.approx(-80 / 3, rel=1e-15)
    assert statistics.std[0] == pytest.approx((80**2 - (80 / 3) ** 2) ** 0.5, rel=1e-15)
    assert statistics.std_of_image_means[0] == 80.0
    assert statistics.mean[1:] == statistics.std[1:] == statistics.std_of_image_means[1:] == (0.0,) * 191
    assert statistics.constant == tuple(range(1, 192))


def test_against_numpy(photos):
    statistics = compute(photos)
    images = blocks_of(photos)
    pooled = np.concatenate(images, axis=1)
    assert statistics.images == len(photos)
    assert statistics.blocks == pooled.shape[1]
    np.testing.assert_allclose(statistics.mean, pooled.mean(1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(statistics.std, pooled.std(1), rtol=1e-12, atol=1e-12)
    means = np.stack([image.mean(1) for image in images])
    np.testing.assert_allclose(statistics.std_of_image_means, means.std(0), rtol=1e-12, atol=1e-12)


def test_a_small_spread_around_a_large_mean():
    """Where the mean of squares less the square of the mean has no digit left."""
    data = [flat_gray(8, 8, 254)] * 400 + [flat_gray(8, 8, 255)]
    share = 1 / 401
    assert compute(data).std[0] == pytest.approx(8 * (share * (1 - share)) ** 0.5, rel=1e-12)


@pytest.mark.parametrize("threads", [2, 8])
def test_threads_change_no_bit(photos, threads):
    data = photos * 9  # more than are submitted ahead
    assert compute(data, threads=threads) == compute(data, threads=1)


def test_order_does_not_matter(photos):
    data = photos * 9
    shuffled = random.Random(0).sample(data, len(data))
    here, there = compute(data), compute(shuffled)
    for name in ("mean", "std", "std_of_image_means"):
        np.testing.assert_allclose(getattr(here, name), getattr(there, name), rtol=1e-12, atol=1e-12)


def test_failures_are_named_and_left_out(photos, tmp_path):
    (tmp_path / "cut.jpg").write_bytes(photos[0][: len(photos[0]) // 2])
    bad = [str(tmp_path / "cut.jpg"), tmp_path / "missing.jpg", b"no JPEG"]
    data = [bad[0], *photos[:3], bad[1], *photos[3:], bad[2]]
    statistics = compute(data, on_error="skip", threads=2)
    assert [name for name, _ in statistics.failures] == [bad[0], str(bad[1]), f"source {len(data) - 1}"]
    kinds = [type(error) for _, error in statistics.failures]
    assert issubclass(kinds[0], dctdecode.errors.CorruptJpegError)
    assert issubclass(kinds[1], FileNotFoundError)
    assert issubclass(kinds[2], dctdecode.errors.CorruptJpegError)
    good = compute(photos)
    assert (statistics.mean, statistics.std, statistics.images) == (good.mean, good.std, good.images)


def test_the_first_failure_is_raised(photos, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.jpg"):
        compute([*photos, tmp_path / "missing.jpg", b"no JPEG"])


def test_nothing_to_measure():
    with pytest.raises(ValueError, match="no image to measure: 0 sources"):
        compute([])
    with pytest.raises(ValueError, match="2 sources, 2 of them failed"):
        compute([b"x", b"y"], on_error="skip")
    with pytest.raises(ValueError, match='"raise" or "skip", got \'zero\''):
        compute([], on_error="zero")


def test_json_is_what_normalize_takes(photos, tmp_path):
    statistics = compute(photos)
    path = tmp_path / "mine.json"
    path.write_text(statistics.to_json(dataset="noise"), "utf-8")
    assert Normalization.load(path) == statistics.normalization
    record = json.loads(path.read_text("utf-8"))
    assert record["dataset"] == "noise"
    assert (record["images"], record["blocks"]) == (statistics.images, statistics.blocks)
    assert tuple(record["std_of_image_means"]) == statistics.std_of_image_means
    pooled = np.concatenate(
        [dctdecode.read(data, 192, normalize=path).double().numpy().reshape(192, -1) for data in photos], axis=1
    )
    np.testing.assert_allclose(pooled.mean(1), 0.0, atol=1e-5)
    np.testing.assert_allclose(pooled.std(1), 1.0, atol=1e-5)


@pytest.mark.parametrize("channels", [24, "learned-24", [64, 3, 130], ChannelSet(y=[9, 0], cr=[1])])
def test_only_the_channels_asked_for(photos, tmp_path, channels):
    """The same digits as among all 192, and nothing at the others."""
    every, some = compute(photos), compute(photos, channels=channels)
    selected = as_channel_set(channels)
    assert set(some.channels) == set(selected)
    assert (some.images, some.blocks) == (every.images, every.blocks)
    for name in ("mean", "std", "std_of_image_means"):
        values = np.array(getattr(some, name))
        np.testing.assert_array_equal(values[list(selected)], np.array(getattr(every, name))[list(selected)])
        assert np.isnan(values).sum() == 192 - len(selected)
    assert some == compute(photos, channels=channels, threads=3)
    assert set(some.constant) <= set(selected)
    path = tmp_path / "some.json"
    path.write_text(some.to_json(), "utf-8")
    assert json.loads(path.read_text("utf-8"))["channels"] == sorted(selected)
    assert "channels" not in json.loads(every.to_json())
    loaded = Normalization.load(path)
    assert loaded.select(selected) == every.normalization.select(selected)
    assert f"{len(selected)} of each" in repr(loaded)
    assert torch.equal(
        dctdecode.read(photos[0], selected, normalize=path),
        dctdecode.read(photos[0], selected, normalize=every.normalization),
    )
    others = [i for i in range(192) if i not in set(selected)]
    with pytest.raises(ValueError, match=r"192 channels have no mean and std, the first of them Y \(0, \d\)"):
        dctdecode.read(photos[0], 192, normalize=path)
    with pytest.raises(ValueError, match=r"1 of the 1 channels have no mean"):
        loaded.select(ChannelSet.from_flat(others[:1]))


def test_a_mean_without_a_std_is_refused():
    nan = float("nan")
    with pytest.raises(ValueError, match=r"mean nan, std 1 at position 5: NaN in one alone"):
        Normalization([0.0] * 5 + [nan] + [0.0] * 186, [1.0] * 192)
    with pytest.raises(ValueError, match="finite, got nan at position 0"):  # a pair says what it normalises
        as_normalization(([nan] * 192, [nan] * 192), PRESETS[24])


def test_constant_channels_can_be_normalised(tmp_path):
    path = tmp_path / "gray.json"
    path.write_text(compute([flat_gray(8, 8, 138), flat_gray(8, 16, 118)]).to_json(), "utf-8")
    assert json.loads(path.read_text("utf-8"))["constant_channels"] == list(range(1, 192))
    tensor = dctdecode.read(flat_gray(8, 8, 138), 192, normalize=path)
    assert tensor[1:].abs().max() == 0.0
    assert tensor[0].item() == pytest.approx((80 + 80 / 3) / (80**2 - (80 / 3) ** 2) ** 0.5)


def test_command_writes_what_compute_finds(tree, tmp_path, capsys):
    assert main(["stats", str(tree), "--native", "--threads", "2", "-o", str(tmp_path / "out.json")]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "7 images" in said.err
    record = json.loads((tmp_path / "out.json").read_text("utf-8"))
    expected = compute(sorted(path for path in tree.rglob("*") if path.suffix in (".jpg", ".JPEG")))
    assert tuple(record["mean"]) == expected.mean
    assert tuple(record["std"]) == expected.normalization.std
    assert record["geometry"] == "native grid"
    assert main(["stats", str(tree), "--native"]) == 0
    assert capsys.readouterr().out == (tmp_path / "out.json").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "geometry"),
    [
        (["--resize", "64", "--crop", "48"], Compose([Resize(64), CenterCrop(48)])),
        (["--size", "48", "--interpolation", "bicubic", "--no-antialias"], Compose([Resize((48, 48))])),
    ],
)
def test_command_at_a_geometry(tree, arguments, geometry, capsys):
    """Against numpy, over what `read` makes of each file."""
    assert main(["stats", str(tree), *arguments]) == 0
    record = json.loads(capsys.readouterr().out)
    options = {"interpolation": record["interpolation"], "antialias": record["antialias"]}
    assert ("bicubic" in arguments) == (options == {"interpolation": "bicubic", "antialias": False})
    pooled = np.concatenate(
        [
            dctdecode.read(path, 192, transform=geometry, **options).double().numpy().reshape(192, 36)
            for path in tree.rglob("*.[jJ]*")
        ],
        axis=1,
    )
    assert record["geometry"] == [repr(step) for step in geometry.transforms]
    assert (record["images"], record["blocks"]) == (7, 7 * 36)
    np.testing.assert_allclose(record["mean"], pooled.mean(1), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(record["std"], pooled.std(1), rtol=1e-11, atol=1e-11)


def test_imagenet_brings_photographs_to_mean_0_and_std_1(corpus):
    """319 of the 1,000 files it is made of. More of them are 4:2:0, so that chroma has weaker high frequencies."""
    files = sorted((corpus / "bench" / "imagenet").glob("*.JPEG"))
    measured = compute(files, geometry=recipe("resnet50").geometry)
    for number, low, high in ((24, 0.7, 1.05), (192, 0.55, 1.25)):
        mean, std = as_normalization("imagenet", PRESETS[number])
        flat = list(PRESETS[number].flat)
        ratio = np.array(measured.std)[flat] / std
        assert low < ratio.min() <= ratio.max() < high
        shift = (np.array(measured.mean)[flat] - mean) / std
        assert abs(shift).max() < 0.06
    published = np.array(Normalization.named("dctnet").std)[list(PRESETS[24].flat)]
    assert np.median(np.array(measured.std)[list(PRESETS[24].flat)] / published) > 15


def test_command_measures_some_channels(tree, tmp_path, capsys):
    preset = tmp_path / "mine.json"
    preset.write_text('{"y": [0, 9], "cr": [1]}', "utf-8")
    assert main(["stats", str(tree), "--native", "--channels", str(preset)]) == 0
    said = capsys.readouterr()
    record = json.loads(said.out)
    assert "of each of 3 channels" in said.err
    assert record["channels"] == [0, 9, 129]
    assert [i for i, value in enumerate(record["std"]) if value is not None] == [0, 9, 129]
    assert main(["stats", str(tree), "--native"]) == 0
    every = json.loads(capsys.readouterr().out)
    assert [record["mean"][i] for i in (0, 9, 129)] == [every["mean"][i] for i in (0, 9, 129)]


def test_command_draws_a_sample(tree, capsys):
    drawn = []
    for seed in ("1", "1", "2"):
        assert main(["stats", str(tree), "--native", "--sample", "3", "--seed", seed]) == 0
        drawn.append(json.loads(capsys.readouterr().out))
    assert drawn[0]["images"] == 3
    assert drawn[0]["drawn"] == {"files": 7, "seed": 1}
    assert drawn[0] == drawn[1]
    assert drawn[0]["mean"] != drawn[2]["mean"]


def test_command_names_files_that_fail(tree, capsys):
    (tree / "class0" / "bad.jpg").write_bytes(b"no JPEG")
    assert main(["stats", str(tree), "--native"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["images"] == 7
    assert json.loads(said.out)["failed"] == 1
    assert "1 file failed" in said.err
    assert "bad.jpg" in said.err
    assert main(["stats", str(tree), "--native", "--on-error", "raise"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "bad.jpg" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--crop", "450"], 2, "450 is not a multiple of 8"),
        (["--channels", "25"], 2, "no preset '25'"),
        (["--sample", "0"], 2, "0 is not above 0"),
        (["--native", "--size", "448"], 2, "not allowed with argument"),
        (["--resize", "256"], 1, "--crop 448 is larger than the short side, --resize 256"),
    ],
)
def test_command_refuses(tree, arguments, code, says, capsys):
    try:
        ended = main(["stats", str(tree), *arguments])
    except SystemExit as exit:
        ended = exit.code
    assert ended == code
    assert says in capsys.readouterr().err


def test_command_without_images(tmp_path, capsys):
    assert main(["stats", str(tmp_path)]) == 1
    assert "no JPEG files" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stderr", [Terminal, io.StringIO])
def test_command_shows_a_bar_without_tqdm(stderr, tree, tmp_path, monkeypatch):
    """On a terminal alone, and wiped out before anything else is said there."""
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys, "stderr", stderr())
    assert main(["stats", str(tree), "--size", "16", "-o", str(tmp_path / "mine.json")]) == 0
    said = sys.stderr.getvalue()
    shown, _, told = said.rpartition("\r")
    assert told.startswith("dctdecode stats: ")
    assert ("measuring: [" in shown) == (stderr is Terminal)
    assert shown.endswith(" ") == (stderr is Terminal)
