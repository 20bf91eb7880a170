"""Types of arguments that several commands share."""

from __future__ import annotations

import argparse

from dctdecode.channels import ChannelSet, as_channel_set

__all__ = ["channels_argument"]


def channels_argument(text: str) -> ChannelSet:
    """``--channels``: what `as_channel_set` takes, with flat indices as ``0,1,64``."""
    try:
        if "," in text:
            return as_channel_set([int(index) for index in text.split(",")])
        return as_channel_set(text)
    except (TypeError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None
