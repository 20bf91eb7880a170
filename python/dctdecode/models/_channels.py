"""What `channels=` and `width=` mean to a model: a selection of coefficients or pixels, a factor on its maps."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from dctdecode.channels import ChannelSet, ChannelsLike, as_channel_set

InputLike: TypeAlias = "ChannelsLike | Literal['rgb']"


def input_channels(channels: InputLike) -> ChannelSet | None:
    """The channels that a model reads; None for "rgb", the network as it is for pixels."""
    return None if isinstance(channels, str) and channels == "rgb" else as_channel_set(channels)


def check_width(width: float) -> None:
    """Raises what is wrong with a factor on the number of maps."""
    if not isinstance(width, int | float):
        raise TypeError(f"width: expected a number, got {width!r}")
    if not 0 < width < math.inf:
        raise ValueError(f"width: expected a positive factor on the number of maps, got {width!r}")
