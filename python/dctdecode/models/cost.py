"""What a model takes: parameters and multiply-accumulate operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from dctdecode.models._modes import evaluating

__all__ = ["Cost", "count_cost"]


def _attention(query: torch.Size, key: torch.Size, value: torch.Size, *_: Any, **__: Any) -> int:
    """Of the two matrix products of attention."""
    return cast(int, sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


# Attention as a CPU has it, which torch's counter does not know (2.13).
_MORE = {
    getattr(torch.ops.aten, name): _attention
    for name in ("_scaled_dot_product_flash_attention_for_cpu",)
    if hasattr(torch.ops.aten, name)
}


@dataclass(frozen=True)
class Cost:
    """Size and arithmetic of a model.

    Attributes:
        parameters: trainable or frozen, buffers left out.
        macs: multiply-accumulate operations of convolutions, matrix products and attention, for the inputs given.
    """

    parameters: int
    macs: int

    def __str__(self) -> str:
        return f"{self.parameters / 1e6:.3f} M parameters, {self.macs / 1e9:.3f} GMAC"


def count_cost(model: nn.Module, *inputs: Any) -> Cost:
    """Runs a model once, in evaluation, and counts.

    Convolutions and fully connected layers count one for each product of a weight and a value, as in the tables of
    papers; normalisation, activation and pooling count nothing.

    Args:
        model: on any device. On "meta" nothing is computed, and the count takes milliseconds.
        *inputs: what the model is called with. A batch of more than one image counts all of them.

    Example:
        >>> import torch
        >>> from dctdecode.models import count_cost, create_model
        >>> with torch.device("meta"):
        ...     print(count_cost(create_model("resnet50", 24), torch.empty(1, 24, 56, 56)))
        25.535 M parameters, 3.931 GMAC
    """
    with evaluating(model), FlopCounterMode(display=False, custom_mapping=_MORE) as counter:
        model(*inputs)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Cost(parameters, counter.get_total_flops() // 2)  # which counts products and sums
