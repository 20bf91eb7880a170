"""Coefficients back to pixels."""

from __future__ import annotations

import io

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode.channels import PRESETS, ChannelSet
from dctdecode.preview import preview
from PIL import Image


def forward_dct(samples: np.ndarray) -> torch.Tensor:
    """(H, W) samples minus 128 to (64, H/8, W/8), by the double sum of T.81 A.3.3 in float64."""
    k, n = np.arange(8)[:, None], np.arange(8)[None]
    basis = np.where(k == 0, 0.5, np.sqrt(0.5)) / np.sqrt(2) * np.cos(np.pi * (2 * n + 1) * k / 16)
    blocks = samples.reshape(samples.shape[0] // 8, 8, samples.shape[1] // 8, 8)
    return torch.from_numpy(np.einsum("vy,ux,iyjx->vuij", basis, basis, blocks).reshape(64, *blocks.shape[::2]))


def test_inverts_the_forward_transform():
    gray = np.random.default_rng(0).integers(0, 256, (24, 40))
    shown = preview(forward_dct(gray - 128.0), ChannelSet(y=range(64)))
    assert shown.dtype == torch.uint8
    assert shown.shape == (3, 24, 40)
    assert (shown == torch.from_numpy(gray)).all()


@pytest.mark.parametrize(
    ("ycc", "rgb"),
    [  # JFIF 1.02: primary colours of full intensity, and gray
        ((76.245, 84.972, 255.5), (255, 0, 0)),
        ((149.685, 43.528, 21.235), (0, 255, 0)),
        ((29.07, 255.5, 107.265), (0, 0, 255)),
        ((100, 128, 128), (100, 100, 100)),
    ],
)
def test_colours(ycc, rgb):
    dc = torch.tensor([8 * (value - 128) for value in ycc]).view(3, 1, 1)
    shown = preview(dc, ChannelSet(y=[0], cb=[0], cr=[0]))
    assert torch.allclose(shown.float(), torch.tensor(rgb).view(3, 1, 1).float(), atol=1)


def test_order_of_the_channels_is_theirs():
    tensor = torch.randn(3, 2, 2) * 50
    one = preview(tensor, ChannelSet(y=[0, 1, 8]))
    other = preview(tensor[[2, 0, 1]], ChannelSet(y=[8, 0, 1]))
    assert (one == other).all()
    assert (one != preview(tensor, ChannelSet(y=[8, 0, 1]))).any()


def test_missing_frequencies_are_zero():
    full = torch.zeros(192, 2, 3)
    chosen = list(PRESETS["learned-24"].flat)
    full[chosen] = torch.randn(24, 2, 3) * 100
    assert (preview(full[chosen], "learned-24") == preview(full, 192)).all()


def test_undoes_the_normalisation():
    coefficients = torch.randn(24, 2, 2) * 100
    mean, std = torch.randn(24), torch.rand(24) + 0.5
    normalised = (coefficients - mean[:, None, None]) / std[:, None, None]
    shown = preview(normalised, 24, normalize=(mean, std)).int()
    assert (shown - preview(coefficients, 24).int()).abs().max() <= 1
    assert (preview(normalised, 24).int() - shown).abs().max() > 1


@pytest.mark.parametrize("dtype", [torch.int16, torch.float16, torch.float64])
def test_any_dtype(dtype):
    tensor = (torch.randn(6, 2, 2) * 100).round()
    assert (preview(tensor.to(dtype), 6) == preview(tensor, 6)).all()


def test_samples_are_limited_before_colours():
    too_bright = torch.tensor([2000.0, 0.0, -400.0]).view(3, 1, 1)  # Y 378, Cr 78
    limited = torch.tensor([1016.0, 0.0, -400.0]).view(3, 1, 1)
    channels = ChannelSet(y=[0], cb=[0], cr=[0])
    assert (preview(too_bright, channels) == preview(limited, channels)).all()


@pytest.mark.parametrize("shape", [(23, 2, 2), (24, 2), (1, 24, 2, 2)])
def test_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"\(24, Hb, Wb\) for 24 channels, got shape"):
        preview(torch.zeros(shape), 24)


def test_refuses_other_types():
    with pytest.raises(TypeError, match="got ndarray"):
        preview(np.zeros((24, 2, 2)), 24)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_equals_pillow(mode):
    y, x = np.mgrid[0:21, 0:37]
    photo = np.stack([6 * x, 10 * y, 3 * (x + y)], axis=-1).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(photo).convert(mode).save(file, "JPEG", quality=92, subsampling="4:4:4")
    expected = np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1).astype(int)
    shown = preview(dctdecode.read(file.getvalue(), 192), 192)
    assert shown.shape == (3, 24, 40)
    difference = np.abs(shown[:, :21, :37].numpy() - expected)
    # Pillow rounds samples to integers before it converts colours: at most 0.5 * (1 + 1.772) + 0.5 apart.
    assert difference.max() <= 2
    assert difference.mean() < 0.5
