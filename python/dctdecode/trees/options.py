"""What to keep of each image: the arguments of `dctdecode.prune`, once for many files and many processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

import dctdecode
from dctdecode.channels import ChannelSet, as_channel_set

__all__ = ["PruneOptions"]


@dataclass(frozen=True)
class PruneOptions:
    """Arguments of :func:`dctdecode.prune`, checked. Can be pickled, compared and written as JSON.

    Args:
        channels: as in :func:`dctdecode.prune`; kept as flat indices in ascending order.
        margin, size, quality, subsampling, interpolation, antialias, orientation, metadata, progressive: as there.

    Raises:
        ValueError, TypeError: as :func:`dctdecode.prune` for arguments that no image could go with.

    Example:
        >>> from dctdecode.trees import PruneOptions
        >>> options = PruneOptions([64, 1, 0], margin=1)
        >>> options.channels, options.size
        ((0, 1, 64), None)
        >>> len(options.prune(dctdecode_photo)) < 61306
        True
    """

    channels: str | int | Sequence[int] | ChannelSet
    margin: int = 0
    size: int | tuple[int, int] | None = None
    quality: int | None = None
    subsampling: str | None = None
    interpolation: str = "bilinear"
    antialias: bool = True
    orientation: str = "keep"
    metadata: str = "orientation"
    progressive: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(sorted(as_channel_set(self.channels).flat)))
        if isinstance(self.size, list):
            object.__setattr__(self, "size", tuple(self.size))
        arguments = {field.name: getattr(self, field.name) for field in fields(self)}
        arguments["channels"] = as_channel_set(self.channels)  # once, not for each image
        object.__setattr__(self, "_arguments", arguments)
        self.prune(dctdecode.encode(np.zeros((8, 8, 3), np.uint8), 192))  # raises what every image would raise

    def prune(self, source: Any) -> bytes:
        """`dctdecode.prune` of one image; raises what that raises."""
        arguments: dict[str, Any] = self.__dict__["_arguments"]
        return dctdecode.prune(source, **arguments)

    def parameters(self) -> dict[str, Any]:
        """Of all that decides what becomes of an image, as JSON has it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
