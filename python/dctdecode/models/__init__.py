"""Networks that learn from frequencies: backbones, gate, stems. Needs torchvision: ``dctdecode[models]``.

The gate and what goes with it need torch alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dctdecode.models.cost import Cost, count_cost
from dctdecode.models.folding import FoldDistance, fold_distance
from dctdecode.models.gate import FrequencyGate, GatedModel, GateUsage
from dctdecode.models.ranking import Ranking
from dctdecode.models.registry import MODELS, create_model, import_module, list_models
from dctdecode.models.stems import adapt_stem
from dctdecode.models.weights import Loaded, load_body, load_dctnet

if TYPE_CHECKING:
    from dctdecode.models.detection import (
        fasterrcnn_resnet18_fpn,
        fasterrcnn_resnet34_fpn,
        fasterrcnn_resnet50_fpn,
        fasterrcnn_resnet101_fpn,
        maskrcnn_resnet18_fpn,
        maskrcnn_resnet34_fpn,
        maskrcnn_resnet50_fpn,
        maskrcnn_resnet101_fpn,
    )
    from dctdecode.models.mobilenet import mobilenet_v2
    from dctdecode.models.resnet import resnet18, resnet34, resnet50, resnet101, se_resnet50

__all__ = [
    "Cost",
    "FoldDistance",
    "FrequencyGate",
    "GateUsage",
    "GatedModel",
    "Loaded",
    "Ranking",
    "adapt_stem",
    "count_cost",
    "create_model",
    "fasterrcnn_resnet18_fpn",
    "fasterrcnn_resnet34_fpn",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet101_fpn",
    "fold_distance",
    "list_models",
    "load_body",
    "load_dctnet",
    "maskrcnn_resnet18_fpn",
    "maskrcnn_resnet34_fpn",
    "maskrcnn_resnet50_fpn",
    "maskrcnn_resnet101_fpn",
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


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
