"""Weights of others: those of networks for pixels, and those that Xu et al. published."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dctdecode.models.gate import GatedModel

__all__ = ["Loaded", "load_body", "load_dctnet"]

Weights = Mapping[str, Any]

# Tensors of a model that weights for pixels need not fit, by the beginning or a part of their names: what reads
# the input, what names the classes, squeeze-and-excitation that plain ResNet weights lack, a count nobody needs.
_STEM = r"(backbone\.body\.)?(layer1\.0\.(conv1|downsample)\.|features\.[01]\.|conv1\.|bn1\.)"
_HEAD = r"fc\.|classifier\.|roi_heads\.(box_predictor|mask_predictor\.mask_fcn_logits)\."
_OPTIONAL = re.compile(rf"({_STEM}|{_HEAD})|.*(\.se\.|num_batches_tracked$)")

# Where training programs put the state dict, in a file that holds more.
_WRAPPERS = ("state_dict", "model", "model_state_dict")

# The published MobileNetV2 has flat blocks: number there -> place in torchvision's block, without and with
# expansion.
_FLAT = {
    False: {"0": "0.0", "1": "0.1", "3": "1", "4": "2"},
    True: {"0": "0.0", "1": "0.1", "3": "1.0", "4": "1.1", "6": "2", "7": "3"},
}


@dataclass(frozen=True)
class Loaded:
    """What became of the tensors of a file.

    Attributes:
        loaded: names that model and weights share, now with the weights' values.
        missing: names of the model that the weights lack or have in another shape; these keep their values.
        unused: names of the weights that the model lacks.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        def listed(names: tuple[str, ...]) -> str:
            return ", ".join(names) or "none"

        return (
            f"loaded: {len(self.loaded)} tensors\nmissing: {listed(self.missing)}\nunused: {listed(self.unused)}"
        )


def load_body(model: nn.Module, weights: str | os.PathLike[str] | Weights) -> Loaded:
    """Loads the weights of a network for pixels into one for coefficients: all but what reads the input.

    Args:
        model: from `create_model`, gated or not.
        weights: state dict of torchvision's network of the same name (for "se_resnet50" timm's `seresnet50`), or
            the path of a file that holds it. It may lie in a mapping under "state_dict" or "model", and its names
            may begin with the "module." that parallel training puts there.

    Returns:
        `Loaded`. ``missing`` holds the stem, and the head if the number of classes differs.

    Raises:
        TypeError: `weights` is neither a state dict nor a path.
        ValueError: a tensor beyond stem and head is not there or has another shape: these are not weights of this
            network. Nothing is loaded then.
        OSError, pickle.UnpicklingError: the file cannot be read, or holds more than tensors and plain values.

    Example:
        >>> import torchvision
        >>> from dctdecode.models import create_model, load_body
        >>> pretrained = torchvision.models.resnet50().state_dict()  # in earnest, with weights="DEFAULT"
        >>> report = load_body(create_model("resnet50", 24), pretrained)
        >>> report.missing
        ('layer1.0.conv1.weight', 'layer1.0.downsample.0.weight')
    """
    weights = _state_dict(weights)
    model = model.model if isinstance(model, GatedModel) else model
    own = model.state_dict()
    fitting = {name: weights[name] for name, tensor in own.items() if _shape(weights.get(name)) == tensor.shape}
    missing = tuple(name for name in own if name not in fitting)
    for name in missing:
        if not _OPTIONAL.match(name):
            there = _shape(weights.get(name))
            found = "is not there" if there is None else f"is {tuple(there)} there"
            raise ValueError(f"not weights of this network: {name}, here {tuple(own[name].shape)}, {found}")
    model.load_state_dict(fitting, strict=False)
    return Loaded(tuple(fitting), missing, tuple(name for name in weights if name not in own))


def _state_dict(weights: Any) -> Weights:
    """Names and tensors, out of a file, out of what wraps them in it, without parallel training's prefix."""
    if isinstance(weights, str | os.PathLike):
        weights = torch.load(weights, map_location="cpu", weights_only=True)
    if isinstance(weights, Mapping):
        weights = next((weights[name] for name in _WRAPPERS if isinstance(weights.get(name), Mapping)), weights)
    if not isinstance(weights, Mapping):
        hint = "; pass its state_dict()" if isinstance(weights, nn.Module) else ""
        raise TypeError(f"weights: expected a state dict or the path of one, got {type(weights).__name__}{hint}")
    return {re.sub(r"(^|\.)module\.", r"\1", str(name)): tensor for name, tensor in weights.items()}


def _shape(tensor: Any) -> torch.Size | None:
    return tensor.shape if isinstance(tensor, Tensor) else None


def load_dctnet(model: nn.Module, checkpoint: str | os.PathLike[str] | Weights) -> None:
    """Loads one of the checkpoints that Xu et al. published with DCTNet.

    Those for classification: ResNet-50 (24 and 64 channels, on 56 x 56 blocks) and MobileNetV2 (24 and 32
    channels, on 112 x 112). They were trained on coefficients as ``normalize="dctnet"`` gives them.

    Args:
        model: ``create_model("resnet50", 24, stage2_stride=1)`` or its like, gated or not.
        checkpoint: path of the file, or what `torch.load` makes of it: the state dict, or a mapping that has it
            under "state_dict".

    Raises:
        TypeError: `checkpoint` is neither a state dict nor a path.
        ValueError: the ResNet has another `stage2_stride` than 1, so that it would compute something else with
            these weights; names or shapes of the tensors differ.
        OSError, pickle.UnpicklingError: the file cannot be read, or holds more than tensors and plain values.

    Example:
        >>> from dctdecode.models import create_model, load_dctnet
        >>> model = create_model("resnet50", 24, stage2_stride=1)
        >>> load_dctnet(model, "resnet50dct_upscaled_static_24/model_best.pth.tar")
        Traceback (most recent call last):
            ...
        FileNotFoundError: [Errno 2] No such file or directory: 'resnet50dct_upscaled_static_24/model_best.pth.tar'
    """
    model = model.model if isinstance(model, GatedModel) else model
    if getattr(model, "stage2_stride", 1) != 1:
        raise ValueError("the published ResNets keep the grid in layer2: make the model with stage2_stride=1")
    weights = {_our_name(name): tensor for name, tensor in _state_dict(checkpoint).items()}
    own = model.state_dict()
    for name, tensor in own.items():
        if name.endswith("num_batches_tracked"):  # which checkpoints of that time may lack
            weights.setdefault(name, tensor)
    if set(own) != set(weights):
        (name, *_) = sorted(set(own) ^ set(weights))
        raise ValueError(f"not a DCTNet checkpoint of this network: {name} is only in the {_whose(name, own)}")
    for name, tensor in own.items():
        if (there := _shape(weights[name])) != tensor.shape:
            found = "no tensor" if there is None else tuple(there)
            raise ValueError(
                f"not a DCTNet checkpoint of this network: {name} is {found} in the checkpoint and "
                f"{tuple(tensor.shape)} in the model"
            )
    model.load_state_dict(weights)


def _whose(name: str, own: Mapping[str, Any]) -> str:
    return "model" if name in own else "checkpoint"


def _our_name(name: str) -> str:
    """The name that a tensor of a published checkpoint has here."""
    if match := re.fullmatch(r"model\.([0-3])\.(.+)", name):
        return f"layer{int(match[1]) + 1}.{match[2]}"
    if match := re.fullmatch(r"features\.(\d+)\.conv\.(\d)\.(.+)", name):
        number, place, rest = match.groups()
        return f"features.{int(number) + 1}.conv.{_FLAT[int(number) > 0].get(place, place)}.{rest}"
    if match := re.fullmatch(r"conv\.([01])\.(.+)", name):
        return f"features.18.{match[1]}.{match[2]}"
    return re.sub(r"^classifier\.(weight|bias)$", r"classifier.1.\1", name)
