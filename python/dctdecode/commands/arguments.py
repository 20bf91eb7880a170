"""Types of arguments that several commands share."""

from __future__ import annotations

import argparse

from dctdecode.channels import ChannelSet, as_channel_set

__all__ = ["channels_argument", "positive_argument"]


def channels_argument(text: str) -> ChannelSet:
    """``--channels``: what `as_channel_set` takes, with flat indices as ``0,1,64``."""
    try:
        if "," in text:
            return as_channel_set([int(index) for index in text.split(",")])
        return as_channel_set(text)
    except (TypeError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def positive_argument(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number
