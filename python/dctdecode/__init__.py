"""Reads JPEG files half-way: DCT coefficients as feature maps for PyTorch, without going to pixels."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from dctdecode import errors, transforms
from dctdecode._core import libjpeg_turbo_compiled as __libjpeg_turbo_version__
from dctdecode._core import libjpeg_turbo_found as __libjpeg_turbo_found__
from dctdecode.batch import Failure, read_batch
from dctdecode.channels import PRESETS, ChannelSet
from dctdecode.data import DCTCocoDetection, DCTImageFolder, DCTLoader, DCTTarDataset
from dctdecode.decode import info, read, read_planes
from dctdecode.encoding import encode
from dctdecode.info import JpegInfo
from dctdecode.limits import Limits
from dctdecode.planes import Planes
from dctdecode.preview import preview
from dctdecode.pruning import prune

if TYPE_CHECKING:
    from dctdecode import models

__version__ = "0.1.0"

__all__ = [
    "PRESETS",
    "ChannelSet",
    "DCTCocoDetection",
    "DCTImageFolder",
    "DCTLoader",
    "DCTTarDataset",
    "Failure",
    "JpegInfo",
    "Limits",
    "Planes",
    "__libjpeg_turbo_found__",
    "__libjpeg_turbo_version__",
    "__version__",
    "encode",
    "errors",
    "info",
    "models",
    "preview",
    "prune",
    "read",
    "read_batch",
    "read_planes",
    "transforms",
]


def __getattr__(name: str) -> Any:
    """`models`, which reading does not need, is imported when it is first asked for."""
    if name == "models":
        return importlib.import_module("dctdecode.models")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
