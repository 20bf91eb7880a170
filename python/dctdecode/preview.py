"""From selected coefficients back to pixels, to look at."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dctdecode.channels import ChannelsLike, as_channel_set
from dctdecode.normalization import NormalizeLike, as_normalization

__all__ = ["preview"]

# R, G, B from Y, Cb - 128, Cr - 128: JFIF 1.02, "Conversion to and from RGB" (ITU-R BT.601 luma weights).
_JFIF = (
    (1.0, 0.0, 1.402),
    (1.0, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587),
    (1.0, 1.772, 0.0),
)


def preview(tensor: Tensor, channels: ChannelsLike, *, normalize: NormalizeLike = None) -> Tensor:
    """Pixels of the image that the selected coefficients describe; the missing ones count as zero.

    With all 192 channels of a 4:4:4 file this is the decoded image up to rounding; with fewer it shows what
    a network gets to see. The picture covers whole blocks: crop it to the image's height and width if it
    was read without ``size=``. Gray if no chroma channel is selected.

    Args:
        tensor: (C, Hb, Wb), what `dctdecode.read` gave. Any dtype and device; computed in float32.
        channels: the same argument that `read` got.
        normalize: the same argument that `read` got; the normalisation is undone.

    Returns:
        uint8 tensor (3, 8 * Hb, 8 * Wb), RGB, on the tensor's device.

    Raises:
        TypeError, ValueError: the tensor is not (C, Hb, Wb) with one channel per selected channel, or
            `channels` or `normalize` is none of the accepted values.

    Example:
        >>> import dctdecode
        >>> coefficients = dctdecode.read(dctdecode_photo, 24)
        >>> coefficients.shape
        torch.Size([24, 75, 64])
        >>> dctdecode.preview(coefficients, 24).shape
        torch.Size([3, 600, 512])
    """
    selected = as_channel_set(channels)
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"preview: expected a tensor (C, Hb, Wb), got {type(tensor).__name__}")
    if tensor.ndim != 3 or tensor.shape[0] != len(selected):
        raise ValueError(
            f"preview: expected a tensor ({len(selected)}, Hb, Wb) for {len(selected)} channels, "
            f"got shape {tuple(tensor.shape)}"
        )
    mean, std = (
        tensor.new_tensor(v, dtype=torch.float32)[:, None, None] for v in as_normalization(normalize, selected)
    )
    _, grid_height, grid_width = tensor.shape
    blocks = tensor.new_zeros((3 * 64, grid_height, grid_width), dtype=torch.float32)
    blocks[list(selected.flat)] = tensor.to(torch.float32) * std + mean
    samples = _inverse_dct(blocks.view(3, 8, 8, grid_height, grid_width))
    # A pixel decoder limits the samples before it converts colours; so do we, to show the same.
    samples = samples.clamp(-128.0, 127.0)
    rgb = torch.einsum("rc,chw->rhw", samples.new_tensor(_JFIF), samples)
    return (rgb + 128.0).round().clamp(0, 255).to(torch.uint8)


def _inverse_dct(blocks: Tensor) -> Tensor:
    """Orthonormal 8 x 8 DCT-III of (3, v, u, Hb, Wb): samples minus 128, (3, 8 * Hb, 8 * Wb).

    T.81 A.3.3, whose constants are those of the orthonormal transform: x = D^T X D.
    """
    components, _, _, grid_height, grid_width = blocks.shape
    basis = blocks.new_tensor(
        [
            [math.sqrt((1 if k == 0 else 2) / 8) * math.cos(math.pi * (2 * n + 1) * k / 16) for n in range(8)]
            for k in range(8)
        ]
    )
    rows = torch.einsum("vy,cvuij->cyuij", basis, blocks)
    samples = torch.einsum("ux,cyuij->ciyjx", basis, rows)
    return samples.reshape(components, 8 * grid_height, 8 * grid_width)
