"""JPEGs of only some frequencies out of pixels: ``encode``."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from dctdecode import _core
from dctdecode.channels import as_channel_set
from dctdecode.plan import Channels
from dctdecode.writing import as_bits, as_luma_factors, as_quality

__all__ = ["encode"]

Pixels: TypeAlias = "npt.NDArray[np.uint8] | torch.Tensor"

_MOST_PX = 65_500  # a side that libjpeg-turbo writes


def encode(image: Pixels, channels: Channels = 192, quality: int = 90, subsampling: str = "4:2:0") -> bytes:
    """Makes a JPEG that holds only the selected channels of an image.

    The kept coefficients are those of libjpeg-turbo's encoder at this quality, with its accurate DCT
    (``JDCT_ISLOW``) and its standard tables; the others are zero. All work is libjpeg-turbo's own, with its
    vector kernels; a frequency that is not kept costs no Huffman code. ``prune(encode(image, c), 192)`` is the
    same image with optimised Huffman tables: smaller, for more time.

    Args:
        image: uint8 pixels, RGB or gray. A numpy array is (H, W, 3) or (H, W), as Pillow and OpenCV have them; a
            tensor (on the CPU) is (3, H, W), (1, H, W) or (H, W), as torchvision and :func:`dctdecode.preview`
            have them. A side is at most 65,500 px. What is not contiguous is copied first, and so are tensors
            of three channels.
        channels: as in :func:`dctdecode.read`. Their order does not matter; gray images have no chroma.
        quality: libjpeg's, 1 to 100.
        subsampling: of chroma, ``"4:2:0"``, ``"4:2:2"`` or ``"4:4:4"``.

    Returns:
        The bytes of a baseline JPEG, YCbCr or gray.

    Raises:
        TypeError, ValueError: an argument has no meaning; the message shows it and what is allowed.

    Example:
        >>> import dctdecode
        >>> import numpy as np
        >>> image = np.zeros((21, 37, 3), np.uint8)
        >>> dctdecode.info(dctdecode.encode(image, 24))
        JpegInfo(21 x 37 px (H x W), YCbCr, 4:2:0, sequential, Huffman, grids [(3, 5), (2, 3), (2, 3)], 651 bytes)
    """
    pixels = _rows(image)
    height, width = pixels.shape[:2]
    return _core.encode(
        address=int(pixels.ctypes.data),
        stride_bytes=int(pixels.strides[0]),
        height=height,
        width=width,
        channels=pixels.shape[2],
        kept=as_bits(as_channel_set(channels)),
        quality=as_quality(quality),
        luma_factors=as_luma_factors(subsampling),
    )


def _rows(image: object) -> npt.NDArray[np.uint8]:
    """(H, W, 1 or 3), each row's bytes without gaps."""
    if isinstance(image, torch.Tensor):
        pixels, layouts = _of_tensor(image), "a tensor (3, H, W), (1, H, W) or (H, W)"
    elif isinstance(image, np.ndarray):
        pixels, layouts = image, "an array (H, W, 3) or (H, W)"
    else:
        raise TypeError(f"image must be a numpy array or a tensor, got {type(image).__name__}")
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        raise ValueError(f"image must be {layouts} of uint8, got {tuple(image.shape)} of {image.dtype}")
    if not all(1 <= side <= _MOST_PX for side in pixels.shape[:2]):
        raise ValueError(f"a side of the image must have 1 to {_MOST_PX} px, got {tuple(image.shape)}")
    packed = pixels.strides[2] == 1 and pixels.strides[1] == pixels.shape[2] and pixels.strides[0] > 0
    return pixels if packed else np.ascontiguousarray(pixels)


def _of_tensor(image: torch.Tensor) -> npt.NDArray[Any]:
    if image.device.type != "cpu":
        raise ValueError(f"image must lie on the CPU, got a tensor on {image.device}")
    return (image.permute(1, 2, 0) if image.dim() == 3 else image).detach().numpy()
