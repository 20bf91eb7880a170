"""Networks that learn from frequencies: backbones, gate, stems. Needs torchvision: ``dctdecode[models]``.

The gate and what goes with it need torch alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dctdecode.models.gate import FrequencyGate, GatedModel, GateUsage
from dctdecode.models.registry import MODELS, create_model, import_module, list_models

if TYPE_CHECKING:
    from dctdecode.models.mobilenet import mobilenet_v2
    from dctdecode.models.resnet import resnet18, resnet34, resnet50, resnet101, se_resnet50

__all__ = [
    "FrequencyGate",
    "GateUsage",
    "GatedModel",
    "create_model",
    "list_models",
    "mobilenet_v2",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "se_resnet50",
]


def __getattr__(name: str) -> Any:
    """The models themselves, whose modules import torchvision."""
    if name in MODELS:
        return getattr(import_module(MODELS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
