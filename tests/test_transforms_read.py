"""Transforms where they are used: in `read` and `read_batch`."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import dctdecode
import matplotlib
import pytest
import torch
from dctdecode import transforms
from dctdecode.geometry import Geometry
from dctdecode.normalization import as_normalization
from dctdecode.transforms import functional as F

ROOT = Path(__file__).resolve().parents[1]
PHOTO = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"  # 600 x 512 px, 4:2:0
CROP = transforms.CenterCrop(448)


@pytest.mark.parametrize("name", transforms.list_recipes())
def test_recipes_decode(name):
    row = transforms.RECIPES[name]
    got = dctdecode.read(PHOTO, 24, transform=transforms.recipe(name), antialias=row.antialias)
    assert got.shape == (24, row.crop_px // 8, row.crop_px // 8)
    height = int(row.resize_px * 600 / 512)
    geometry = Geometry.of(600, 512).resize(height, row.resize_px)
    top, left = round((height - row.crop_px) / 2), (row.resize_px - row.crop_px) // 2
    expected = dctdecode.read(
        PHOTO, 24, geometry=geometry.crop(top, left, row.crop_px, row.crop_px), antialias=row.antialias
    )
    assert torch.equal(got, expected)


@pytest.mark.parametrize("channels", [24, "learned-24", dctdecode.ChannelSet(y=[1, 0], cb=[0], cr=[0, 9])])
def test_tensor_transforms_are_told_the_channels(channels):
    """Both presets of 24 channels have other numbers of Cb, and the last selection is no preset."""
    plain = dctdecode.read(PHOTO, channels, transform=CROP)
    gray = dctdecode.read(PHOTO, channels, transform=transforms.Compose([CROP, transforms.Grayscale()]))
    luma = [flat < 64 for flat in dctdecode.channels.as_channel_set(channels).flat]
    assert torch.equal(gray, plain * torch.tensor(luma)[:, None, None])
    assert plain[luma.index(False) :].any()


def test_normalisation_comes_last():
    jitter = transforms.ColorJitter(brightness=(0.5, 0.5), saturation=(2.0, 2.0))
    got = dctdecode.read(PHOTO, 24, transform=transforms.Compose([CROP, jitter]), normalize="dctnet")
    changed = F.adjust_saturation(F.adjust_brightness(dctdecode.read(PHOTO, 24, transform=CROP), 0.5), 2.0)
    mean, std = as_normalization("dctnet", dctdecode.PRESETS[24])
    expected = (changed - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    last = transforms.Compose([CROP, jitter, transforms.Normalize("dctnet")])
    torch.testing.assert_close(dctdecode.read(PHOTO, 24, transform=last), expected, rtol=1e-4, atol=1e-4)


def test_one_transform_without_a_compose():
    assert dctdecode.read(PHOTO, 24, transform=transforms.RandomResizedCrop(64)).shape == (24, 8, 8)
    assert dctdecode.read(PHOTO, 24, transform=transforms.Grayscale()).shape == (24, 75, 64)


def test_seeds_of_torch_decide_and_images_of_a_batch_differ():
    chain = transforms.Compose([
        *transforms.recipe(train=True).transforms,
        transforms.RandomApply([transforms.GaussianBlur(9)]),
        transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        transforms.RandomErasing(),
    ])  # fmt: skip

    def batch() -> torch.Tensor:
        torch.manual_seed(1)
        return dctdecode.read_batch([PHOTO] * 4, 24, transform=chain, threads=2)

    first = batch()
    assert first.shape == (4, 24, 56, 56)
    assert torch.equal(first, batch())
    assert all(not torch.equal(first[0], other) for other in first[1:])


def test_the_document_s_examples_run(tmp_path, monkeypatch):
    shutil.copy(PHOTO, tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "transforms.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, names)
        assert names.pop("x").shape == (24, 56, 56)


def test_the_document_names_everything():
    text = (ROOT / "docs" / "transforms.md").read_text("utf-8")
    for name in (*transforms.__all__, *transforms.functional.__all__, *transforms.list_recipes()):
        assert re.search(rf"\b{name}\b", text), name
