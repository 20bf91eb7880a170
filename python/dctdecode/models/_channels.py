"""What `channels=` means to a model: a selection of coefficients, or pixels for a comparison."""

from __future__ import annotations

from typing import Literal, TypeAlias

from dctdecode.channels import ChannelSet, ChannelsLike, as_channel_set

InputLike: TypeAlias = "ChannelsLike | Literal['rgb']"


def input_channels(channels: InputLike) -> ChannelSet | None:
    """The channels that a model reads; None for "rgb", the network as it is for pixels."""
    return None if isinstance(channels, str) and channels == "rgb" else as_channel_set(channels)
