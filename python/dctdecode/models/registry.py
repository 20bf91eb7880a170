"""Models by name."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any, cast

from torch import nn

from dctdecode.models._channels import InputLike, input_channels
from dctdecode.models.gate import FrequencyGate, GatedModel

__all__ = ["CLASSIFIERS", "DETECTORS", "create_model", "list_models"]

# Name of a model, which is also that of the function that makes it -> the module that holds the function.
CLASSIFIERS = {
    "resnet18": "dctdecode.models.resnet",
    "resnet34": "dctdecode.models.resnet",
    "resnet50": "dctdecode.models.resnet",
    "resnet101": "dctdecode.models.resnet",
    "se_resnet50": "dctdecode.models.resnet",
    "mobilenet_v2": "dctdecode.models.mobilenet",
}
DETECTORS = {
    f"{kind}_{body}_fpn": "dctdecode.models.detection"
    for kind in ("fasterrcnn", "maskrcnn")
    for body in ("resnet18", "resnet34", "resnet50", "resnet101")
}
MODELS = {**CLASSIFIERS, **DETECTORS}

_INSTALL = 'models need torchvision: pip install "dctdecode[models]"'


def list_models() -> list[str]:
    """Names that `create_model` takes.

    Example:
        >>> from dctdecode.models import list_models
        >>> "resnet50" in list_models()
        True
    """
    return sorted(MODELS)


def create_model(
    name: str, channels: InputLike = 24, *, gate: bool | FrequencyGate = False, **options: Any
) -> nn.Module:
    """A network that takes coefficients, with fresh weights.

    Args:
        name: one of `list_models`.
        channels: what the input holds, as for `dctdecode.read`: a preset, a `ChannelSet`, flat indices, a JSON
            file. "rgb" gives the same network for pixels, to compare with.
        gate: puts a `FrequencyGate` in front: True for one as published, or a gate for these channels. The model
            is then a `GatedModel`, which holds the network as ``.model``.
        **options: of the function of that name: `num_classes`, `width`; for ResNets also `stage2_stride` (1: the
            published networks), `norm_layer`, `zero_init_residual`; for detectors those of
            `dctdecode.models.maskrcnn_resnet50_fpn`.

    Returns:
        A module in training mode, (N, C, Hb, Wb) to (N, num_classes) for a classifier; what a detector takes and
        gives says `dctdecode.models.maskrcnn_resnet50_fpn`. ``.channels`` is the `ChannelSet` to read, None for
        "rgb".

    Raises:
        ImportError: torchvision is not installed.
        ValueError: no such model, an option out of range; a gate that is made for other channels, for pixels, or
            for a detector.
        TypeError: an option that this model does not have; a `gate` that is none.

    Example:
        >>> import torch
        >>> from dctdecode.models import create_model
        >>> model = create_model("mobilenet_v2", 192, num_classes=10, gate=True).eval()
        >>> logits, gate = model(torch.randn(2, 192, 28, 28), return_gate=True)
        >>> tuple(logits.shape), tuple(gate.shape)
        ((2, 10), (2, 192))
    """
    if name not in MODELS:
        raise ValueError(f"no model {name!r}; there are {', '.join(map(repr, list_models()))}")
    if gate is not False and input_channels(channels) is None:
        raise ValueError("a gate chooses among coefficients, and channels='rgb' has none")
    if gate is not False and name in DETECTORS:
        raise ValueError(
            "a detector takes images of several sizes, which a gate does not; put the gate in front of the maps: "
            "model.backbone = GatedModel(FrequencyGate(channels), model.backbone), folded by "
            "model.backbone = model.backbone.fold()"
        )
    if not isinstance(gate, bool | FrequencyGate):
        raise TypeError(f"gate: expected True, False or a FrequencyGate, got {gate!r}")
    model = cast(nn.Module, getattr(import_module(MODELS[name]), name)(channels, **options))
    if gate is False:
        return model
    return GatedModel(FrequencyGate(channels) if gate is True else gate, model)


def import_module(name: str) -> ModuleType:
    """A module of this package that imports torchvision.

    Raises:
        ImportError: torchvision is not installed; the message names the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "torchvision":
            raise
        raise ModuleNotFoundError(_INSTALL, name="torchvision") from error
