"""Gates and inputs for the tests."""

from __future__ import annotations

import torch
from dctdecode.models import FrequencyGate


def gate_that_chooses(channels=24, **options) -> FrequencyGate:
    """Each image keeps about half of the channels, and another half."""
    torch.manual_seed(0)
    gate = FrequencyGate(channels, **options)
    with torch.no_grad():
        gate.logits.weight.normal_(std=3.0)
        gate.logits.bias.zero_()
    return gate


def coefficients(channels: int = 24, images: int = 16, seed: int = 1) -> torch.Tensor:
    return torch.randn(images, channels, 6, 5, generator=torch.Generator().manual_seed(seed))
