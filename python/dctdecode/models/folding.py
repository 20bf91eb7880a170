"""From a network that masks channels to one that never reads them."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from dctdecode.channels import ChannelSet
from dctdecode.models._modes import evaluating

__all__ = [
    "FoldDistance",
    "fold_distance",
    "has_statistics",
    "select_columns",
    "select_inputs",
    "select_statistics",
]


def select_inputs(model: nn.Module, channels: ChannelSet, keep: ChannelSet) -> nn.Module:
    """A copy of a model for `channels` that reads `keep` alone, as if the others were zero.

    Raises:
        TypeError: it is not known which layers of the model read the input.
        ValueError: `keep` has a channel that is not among `channels`.
    """
    place = {flat: index for index, flat in enumerate(channels.flat)}
    if strange := [flat for flat in keep.flat if flat not in place]:
        raise ValueError(f"channel {strange[0]} (flat index) is not among those of the input, {channels!r}")
    index = [place[flat] for flat in keep.flat]
    model = copy.deepcopy(model)
    changed: Any = model
    if isinstance(stem := getattr(model, "frequency_stem", None), str):
        select_columns(model.get_submodule(stem), index)
    elif hasattr(model, "select_inputs"):
        changed.select_inputs(index)
    else:
        name = type(model).__name__
        raise TypeError(f"which layers of {name} read the input? Make it with create_model or adapt_stem")
    changed.channels = keep
    return model


def select_columns(convolution: nn.Module, index: list[int]) -> None:
    """Makes a convolution, not grouped, read only those of its inputs, in that order."""
    assert isinstance(convolution, nn.Conv2d)
    weight = convolution.weight
    convolution.weight = nn.Parameter(weight.detach()[:, index].clone(), requires_grad=weight.requires_grad)
    convolution.in_channels = len(index)


def select_statistics(norm: nn.Module, index: list[int]) -> None:
    """Makes a normalisation that keeps running statistics, frozen or not, work on only those of its maps."""
    changed: Any = norm
    for name in ("weight", "bias", "running_mean", "running_var"):
        tensor = getattr(changed, name)
        chosen: Tensor = tensor.detach()[index].clone()
        if isinstance(tensor, nn.Parameter):  # buffers in a frozen one
            chosen = nn.Parameter(chosen, requires_grad=tensor.requires_grad)
        setattr(changed, name, chosen)
    changed.num_features = len(index)


def has_statistics(norm: nn.Module) -> bool:
    """Whether in evaluation it is a fixed scale and offset of each map: batch normalisation, frozen or not."""
    return isinstance(getattr(norm, "running_var", None), Tensor)


@dataclass(frozen=True)
class FoldDistance:
    """How far a static network is from the gated one it was folded from, on a set of images.

    Attributes:
        images: how many were compared.
        max: largest difference of an output, in its units.
        rms: root of the mean square difference.
        agreement: share of the images for which both have the same largest output, 0 to 1.
    """

    images: int
    max: float
    rms: float
    agreement: float

    def __str__(self) -> str:
        return (
            f"{self.images} images: outputs differ by {self.rms:.3g} RMS, {self.max:.3g} at most; "
            f"the same class for {self.agreement:.1%}"
        )


def fold_distance(
    gated: nn.Module, static: nn.Module, batches: Iterable[Tensor | tuple[Tensor, ...]]
) -> FoldDistance:
    """Compares a `GatedModel` with what its `fold` returned, both in evaluation.

    Args:
        gated, static: models with ``.channels``, and logits (N, classes) as output.
        batches: inputs of `gated`, (N, C, Hb, Wb), or tuples that begin with one.

    Raises:
        ValueError: there is no batch, or `static` reads what `gated` does not.

    Example:
        >>> import torch
        >>> from dctdecode.models import create_model, fold_distance
        >>> gated = create_model("resnet18", 24, num_classes=10, gate=True).eval()
        >>> distance = fold_distance(gated, gated.fold(24), [torch.randn(4, 24, 8, 8)])
        >>> distance.images, distance.max < 1e-4  # it keeps all 24 of all images
        (4, True)
    """
    channels, keep = _channels(gated), _channels(static)
    if not set(keep) <= set(channels):
        raise ValueError(f"the static network reads {keep!r}, the gated one {channels!r}")
    index = [channels.flat.index(flat) for flat in keep.flat]
    images, largest, squares, numbers, agreeing = 0, 0.0, 0.0, 0, 0
    with evaluating(gated, static):
        for batch in batches:
            x = batch if isinstance(batch, Tensor) else batch[0]
            ours, theirs = static(x[:, index]), gated(x)
            difference = (ours - theirs).double().abs()
            images += len(x)
            numbers += difference.numel()
            largest = max(largest, float(difference.max()))
            squares += float(difference.square().sum())
            agreeing += int((ours.argmax(1) == theirs.argmax(1)).sum())
    if not images:
        raise ValueError("there is no batch to compare the networks on")
    return FoldDistance(images, largest, (squares / numbers) ** 0.5, agreeing / images)


def _channels(model: Any) -> ChannelSet:
    channels: ChannelSet = model.channels
    return channels
