"""Faster R-CNN and Mask R-CNN that take coefficients, out of torchvision's parts.

As Xu et al. did it (CVPR 2020): a ResNet without its stem under a feature pyramid. Coefficients of the image
enlarged twofold lie 4 px apart, where the pixels' stem ends, so that pyramid, anchors and heads stay as they are.
Every tensor has the name that it has in torchvision's detectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, cast

from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.backbone_utils import BackboneWithFPN

from dctdecode.channels import ChannelSet
from dctdecode.models import resnet
from dctdecode.models._channels import InputLike
from dctdecode.models.detection_grid import GridAnchors, GridRoIAlign, GridTransform, Lattice, Size, Target

__all__ = [
    "FrequencyFasterRCNN",
    "FrequencyMaskRCNN",
    "fasterrcnn_resnet18_fpn",
    "fasterrcnn_resnet34_fpn",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet101_fpn",
    "maskrcnn_resnet18_fpn",
    "maskrcnn_resnet34_fpn",
    "maskrcnn_resnet50_fpn",
    "maskrcnn_resnet101_fpn",
]

_ANCHORS_PX = (32, 64, 128, 256, 512)

# Parameters of torchvision's detectors that do not come from the caller.
_SET_HERE = {
    "backbone", "min_size", "max_size", "image_mean", "image_std", "rpn_anchor_generator", "box_roi_pool",
    "mask_roi_pool",
}  # fmt: skip


class FrequencyBackbone(BackboneWithFPN):
    """ResNet and pyramid, with the channels that they read, so that a gate in front of them can be folded."""

    channels: ChannelSet | None

    def select_inputs(self, index: list[int]) -> None:
        """Makes the ResNet read only those of its input's channels, as if the others were zero."""
        resnet.select_inputs_of_block(self.body["layer1"][0], index)


class _OnGrid(nn.Module):
    """What a detector does with its input and output, in place of torchvision's ``GeneralizedRCNN.forward``."""

    transform: GridTransform

    @property
    def channels(self) -> ChannelSet | None:
        """What the input holds; None for pixels."""
        return cast(Any, self).backbone.channels  # type: ignore[no-any-return]

    def forward(
        self,
        images: Sequence[Tensor] | Tensor,
        targets: Sequence[Target] | None = None,
        sizes: Sequence[Size] | None = None,
        source_sizes: Sequence[Size] | None = None,
    ) -> dict[str, Tensor] | list[Target]:
        """Losses by name in training, else detections of each image; see `maskrcnn_resnet50_fpn`."""
        if self.training and targets is None:
            raise ValueError("a detector in training needs targets")
        batch = self.transform(images, sizes)
        sources = self.transform.sources(source_sizes, batch.image_sizes)
        if targets is not None:
            known = sizes is not None or source_sizes is not None
            targets = self.transform.targets(targets, batch.image_sizes, sources, exact=known)
        model = cast(Any, self)
        maps = model.backbone(batch.tensors)
        proposals, rpn_losses = model.rpn(batch, maps, targets)
        detections, losses = model.roi_heads(maps, proposals, batch.image_sizes, targets)
        if self.training:
            return {**losses, **rpn_losses}
        return self.transform.postprocess(detections, batch.image_sizes, sources)


class FrequencyFasterRCNN(_OnGrid, FasterRCNN):
    """Boxes; see `maskrcnn_resnet50_fpn`."""


class FrequencyMaskRCNN(_OnGrid, MaskRCNN):
    """Boxes and masks; see `maskrcnn_resnet50_fpn`."""


def _detector(
    kind: type[nn.Module],
    body: Callable[..., resnet.FrequencyResNet],
    channels: InputLike = 24,
    *,
    num_classes: int = 91,
    block_px: int = 4,
    width: float = 1.0,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    pyramid_maps: int = 256,
    anchor_sizes: Sequence[int] = _ANCHORS_PX,
    **options: Any,
) -> nn.Module:
    if block_px not in (4, 8):
        raise ValueError(f"block_px: expected 4 (image enlarged twofold) or 8 (as it is), got {block_px!r}")
    if not isinstance(anchor_sizes, Sequence) or len(anchor_sizes) != len(_ANCHORS_PX):
        raise ValueError(f"anchor_sizes: expected one for each of the 5 maps, got {anchor_sizes!r}")
    _check_options(kind, options)
    network = body(channels, width=width, norm_layer=norm_layer)
    lattice = Lattice(1, 4) if network.channels is None else Lattice(block_px, block_px)
    layers = {f"layer{stage + 1}": str(stage) for stage in range(4)}
    backbone = FrequencyBackbone(network, layers, network.stage_channels, pyramid_maps)
    backbone.channels = network.channels
    parts: dict[str, Any] = {
        "rpn_anchor_generator": GridAnchors(lattice, anchor_sizes),
        "box_roi_pool": GridRoIAlign(lattice, 7),
    }
    if issubclass(kind, MaskRCNN):
        parts["mask_roi_pool"] = GridRoIAlign(lattice, 14)
    detector: Any = kind(backbone, num_classes, **parts, **options)
    detector.transform = GridTransform(lattice)
    for predicts in (detector.rpn.head, detector.roi_heads.box_predictor):
        predicts.register_forward_hook(_in_float32)
    return cast(nn.Module, detector)


def _check_options(kind: type[nn.Module], options: dict[str, Any]) -> None:
    """Raises what torchvision's detectors do not: they swallow options that they do not know."""
    known = {name for name, one in signature(kind).parameters.items() if one.kind is one.POSITIONAL_OR_KEYWORD}
    known -= _SET_HERE
    for name in options:
        if name in _SET_HERE:
            raise TypeError(
                f"{name} is set here: images come resized and normalised, on a grid that block_px tells"
            )
        if name not in known:
            raise TypeError(
                f"a detector has no option {name!r}; there are, beside its own, {', '.join(sorted(known))}"
            )


def _in_float32(module: nn.Module, inputs: Any, output: Any) -> Any:
    """Under autocast too, boxes are computed in float32: bfloat16 tells 640 px from 644 px, but not from 642."""
    if isinstance(output, Tensor):
        return output.float()
    return type(output)(_in_float32(module, inputs, part) for part in output)


def maskrcnn_resnet50_fpn(channels: InputLike = 24, **options: Any) -> nn.Module:
    """Mask R-CNN with ResNet-50 and feature pyramid, on coefficients.

    Args:
        channels: what the input holds, as for `dctdecode.read`, or "rgb" for normalised pixels.
        **options: ``num_classes``, the background among them (default 91); ``block_px``, the side of a block in px
            of the image: 4 for coefficients of the image enlarged twofold (default; the maps lie 4, 8, 16 and 32
            px apart, as for pixels), 8 for those of the image as it is (8, 16, 32 and 64 px); ``anchor_sizes`` in
            px on the five maps (default 32 to 512); ``norm_layer`` of the ResNet; ``width``, a factor on its maps;
            ``pyramid_maps``, the number of the pyramid's (default 256). All others are those of torchvision's
            ``MaskRCNN`` after the parts themselves, such as ``box_detections_per_img``.

    Returns:
        A module in training mode, called as ``model(images, targets=None, sizes=None, source_sizes=None)``:

        - images: coefficients (C, Hb, Wb) of each, of any sizes, normalised; or one tensor (N, C, Hb, Wb).
        - targets, for training: of each a dict with ``boxes`` float (n, 4) as x1, y1, x2, y2, ``labels`` int64
          (n,), and ``masks`` uint8 (n, height, width).
        - sizes: (height, width) of each image in px, without what fills its last blocks up or pads a batch;
          twofold enlargement does not count. Default: the whole grid.
        - source_sizes: the (height, width) that boxes and masks are counted in, where that is not ``sizes``: those
          of the files, if the images were resized when they were decoded.

        It returns a dict of losses in training, else a dict for each image: ``boxes`` (n, 4), ``labels`` (n,),
        ``scores`` (n,), ``masks`` (n, 1, height, width), probabilities. ``.channels`` is the `ChannelSet` to read,
        None for "rgb".

        Its tensors have the names of torchvision's, so ``load_body`` takes the weights of its detectors, and
        ``load_body(model.backbone.body, ...)`` those of its ResNets.

    Raises:
        TypeError: an option that the model does not have, ``min_size`` and ``image_mean`` among them: resizing and
            normalisation belong to decoding.
        ValueError: another ``block_px``, or not five ``anchor_sizes``. When called: images, sizes, boxes, labels
            or masks that do not fit each other.

    Example:
        >>> import torch
        >>> from dctdecode.models import maskrcnn_resnet50_fpn
        >>> model = maskrcnn_resnet50_fpn(24, num_classes=3, width=0.25).eval()
        >>> (found,) = model([torch.zeros(24, 27, 40)], sizes=[(107, 160)])
        >>> found["boxes"].shape[1], tuple(found["masks"].shape[1:])
        (4, (1, 107, 160))
    """
    return _detector(FrequencyMaskRCNN, resnet.resnet50, channels, **options)


def maskrcnn_resnet18_fpn(channels: InputLike = 24, **options: Any) -> nn.Module:
    """Mask R-CNN with ResNet-18. Arguments as for `maskrcnn_resnet50_fpn`."""
    return _detector(FrequencyMaskRCNN, resnet.resnet18, channels, **options)


def maskrcnn_resnet34_fpn(channels: InputLike = 24, **options: Any) -> nn.Module:
    """Mask R-CNN with ResNet-34. Arguments as for `maskrcnn_resnet50_fpn`."""
    return _detector(FrequencyMaskRCNN, resnet.resnet34, channels, **options)


def maskrcnn_resnet101_fpn(channels: InputLike = 24, **options: Any) -> nn.Module:
    """Mask R-CNN with ResNet-101. Arguments as for `maskrcnn_resnet50_fpn`."""
    return _detector(FrequencyMaskRCNN, resnet.resnet101, channels, **options)


def fasterrcnn_resnet18_fpn(channels: InputLike = 24, **options: Any) -> nn.Module:
    """Faster R-CNN with ResNet-18. Arguments as for `maskrcnn_resnet50_fpn`; there are no masks."""
    return _detector(FrequencyFasterRCNN, resnet.resnet18, channels, **options)


def fasterrcnn_resnet34_fpn(channels: InputLike = 24, **options: Any) -> nn.Module:
    """Faster R-CNN with ResNet-34. Arguments as for `maskrcnn_resnet50_fpn`; there are no masks."""
    return _detector(FrequencyFasterRCNN, resnet.resnet34, channels, **options)


def fasterrcnn_resnet50_fpn(channels: InputLike = 24, **options: Any) -> nn.Module:
    """Faster R-CNN with ResNet-50. Arguments as for `maskrcnn_resnet50_fpn`; there are no masks."""
    return _detector(FrequencyFasterRCNN, resnet.resnet50, channels, **options)


def fasterrcnn_resnet101_fpn(channels: InputLike = 24, **options: Any) -> nn.Module:
    """Faster R-CNN with ResNet-101. Arguments as for `maskrcnn_resnet50_fpn`; there are no masks."""
    return _detector(FrequencyFasterRCNN, resnet.resnet101, channels, **options)
