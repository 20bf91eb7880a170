"""A frequency stem for networks made for pixels, of torchvision or timm.

What reads pixels is taken out (a convolution, a deep stem, a patch embedding, the max-pooling after it), and a 1x1
convolution takes its place: one block's coefficients already describe 8 x 8 px, and mixing them is what is left
to do. All other weights stay, pretrained ones too.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from torch import nn

from dctdecode.channels import ChannelsLike, as_channel_set
from dctdecode.models.folding import has_statistics

__all__ = ["adapt_stem"]

Model = TypeVar("Model", bound=nn.Module)


class Stem(NamedTuple):
    """Where a network holds what reads pixels: names of modules."""

    convolution: str  # one, or a sequence of them
    norm: str | None = None  # begins anew if it is a batch normalisation
    pool: str | None = None  # left out


# Class, the same in torchvision and timm -> where its stem may be.
_STEMS = {
    "ResNet": (Stem("conv1", "bn1", "maxpool"),),
    "MobileNetV2": (Stem("features.0.0", "features.0.1"),),
    "MobileNetV3": (Stem("features.0.0", "features.0.1"), Stem("conv_stem", "bn1")),
    "EfficientNet": (Stem("features.0.0", "features.0.1"), Stem("conv_stem", "bn1")),
    "ConvNeXt": (Stem("features.0.0"), Stem("stem.0")),
    "VisionTransformer": (Stem("conv_proj"), Stem("patch_embed.proj")),
}

_BLOCK = 8  # px a side


def adapt_stem(model: Model, channels: ChannelsLike) -> Model:
    """Makes a network for pixels read coefficients.

    The body sees what it is used to: where its stem took 224 px to 56 x 56 maps (ResNet, ConvNeXt) or to 112 x 112
    (MobileNet, EfficientNet), the grid of blocks should be so large, and the image 448 or 896 px; smaller grids
    work as smaller images do. A vision transformer's patches of p px become patches of p/8 blocks, so its images
    stay of the size they were.

    Args:
        model: ResNet, MobileNetV2, MobileNetV3, EfficientNet, ConvNeXt or VisionTransformer, of torchvision or
            timm. Changed in place.
        channels: what the input will hold, as for `dctdecode.read`.

    Returns:
        The model, with ``channels``, the `ChannelSet` to read, and ``frequency_stem``, the name of the new
        convolution. Its weights are drawn for inputs of standard deviation 1.

    Raises:
        TypeError: another class of model, or one inside of another, as after ``torch.compile``.
        ValueError: the model's stem is not as its class has it, or reads something else than three channels;
            patches are not whole blocks; `channels` is refused by `dctdecode.channels.as_channel_set`.

    Example:
        >>> import torch, torchvision
        >>> from dctdecode.models import adapt_stem
        >>> model = adapt_stem(torchvision.models.vit_b_32(), 64).eval()
        >>> tuple(model(torch.zeros(1, 64, 28, 28)).shape)  # an image of 224 px
        (1, 1000)
    """
    selected = as_channel_set(channels)
    kinds = [kind.__name__ for kind in type(model).__mro__ if kind.__name__ in _STEMS]
    if not kinds:
        raise TypeError(
            f"adapt_stem: expected one of {', '.join(_STEMS)}, got {type(model).__name__}; in another network put "
            "a 1x1 convolution for as many channels where its stem ends"
        )
    stem = _find(model, kinds[0])
    convolutions = [module for module in _get(model, stem.convolution).modules() if isinstance(module, nn.Conv2d)]
    if not convolutions:
        raise ValueError(f"{kinds[0]}: expected a convolution at {stem.convolution}, there is none")
    if convolutions[0].in_channels != 3:
        raise ValueError(f"{stem.convolution} reads {convolutions[0].in_channels} channels, not the 3 of pixels")
    patch_blocks = _patch_blocks(model) if kinds[0] == "VisionTransformer" else 1
    _replace(model, stem.convolution, _convolution(len(selected), patch_blocks, convolutions[-1]))
    if stem.pool is not None:
        _replace(model, stem.pool, nn.Identity())
    if stem.norm is not None:
        _begin_anew(_get(model, stem.norm))
    changed: Any = model
    changed.channels, changed.frequency_stem = selected, stem.convolution
    return model


def _find(model: nn.Module, kind: str) -> Stem:
    """The one of the table's stems that this model has."""
    for stem in _STEMS[kind]:
        if _get(model, stem.convolution) is not None:
            if stem.convolution == "stem.0" and len(_get(model, "stem")) != 2:
                raise ValueError(
                    "stem: expected a convolution and a normalisation, got a stem of several convolutions"
                )
            return stem
    places = " or ".join(stem.convolution for stem in _STEMS[kind])
    raise ValueError(f"{kind}: expected a stem at {places}, there is none")


def _get(model: nn.Module, name: str) -> Any:
    """The module of that dotted name, or None."""
    for part in name.split("."):
        model = getattr(model, part, None)  # type: ignore[assignment]
    return model


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)


def _begin_anew(norm: Any) -> None:
    """What a batch normalisation, frozen or not, knew of the old convolution says nothing about the new one."""
    if has_statistics(norm):
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            nn.init.constant_(getattr(norm, name), value)


def _convolution(inputs: int, patch_blocks: int, like: nn.Conv2d) -> nn.Conv2d:
    """The stem: `inputs` channels to as many maps as `like` gives, keeping the variance of what comes in."""
    made = nn.Conv2d(inputs, like.out_channels, patch_blocks, stride=patch_blocks, bias=like.bias is not None)
    nn.init.kaiming_normal_(made.weight, mode="fan_in", nonlinearity="linear")
    if made.bias is not None:
        nn.init.zeros_(made.bias)
    return made.to(like.weight)


def _patch_blocks(model: nn.Module) -> int:
    """Side of a vision transformer's patch, px to blocks, also where the model checks the size of its input."""
    changed: Any = getattr(model, "patch_embed", model)  # timm's, torchvision's
    size_name = "img_size" if changed is not model else "image_size"
    patch, size = changed.patch_size, getattr(changed, size_name)
    numbers = [*patch, *size] if isinstance(patch, tuple) else [patch, size]
    if numbers[0] % _BLOCK or numbers[-1] % _BLOCK:
        raise ValueError(f"patches of {patch} px of an image of {size} px are not whole blocks of {_BLOCK} px")

    def blocks(pixels: Any) -> Any:
        return tuple(side // _BLOCK for side in pixels) if isinstance(pixels, tuple) else pixels // _BLOCK

    changed.patch_size = blocks(patch)
    setattr(changed, size_name, blocks(size))
    return int(numbers[0]) // _BLOCK
