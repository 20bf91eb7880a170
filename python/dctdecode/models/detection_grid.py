"""What makes torchvision's detectors speak of pixels while they read blocks.

Three parts of a Faster R-CNN know how pixels lie on its feature maps: the transform in front, the anchors, and the
pooling of regions. Here each is told (`Lattice`), where torchvision's guess it from the size of the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import LevelMapper

__all__ = ["GridAnchors", "GridRoIAlign", "GridTransform", "Lattice", "Size"]

Size: TypeAlias = tuple[int, int]
Target: TypeAlias = dict[str, Tensor]

_LEVELS = 4  # feature maps that regions are pooled from
_RATIOS = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Lattice:
    """Where the cells of input and feature maps lie in the picture.

    Attributes:
        cell_px: side of what one value of the input stands for: 1 px, or a block of 4 px (of an image enlarged
            twofold) or of 8 px.
        stride_px: distance of the values of the first feature map.
    """

    cell_px: int
    stride_px: int

    @property
    def divisor(self) -> int:
        """Sides of the input are multiples of this many cells, so that every map halves the one before."""
        return (self.stride_px << (_LEVELS - 1)) // self.cell_px

    @property
    def shift_px(self) -> float:
        """How much farther right and down the first value lies than in a network for pixels.

        There it lies in the middle of the first pixel, at 0.5 px, whatever the level: strided convolutions of
        torchvision's ResNets keep the first value where it is. Here it lies in the middle of the first block.
        """
        return (self.cell_px - 1) / 2


class GridTransform(nn.Module):
    """In place of torchvision's ``GeneralizedRCNNTransform``.

    Images come as they shall be, of their final size and normalised: both happened when they were decoded. What is
    left is to put them into one tensor, and to count boxes in the px that the caller counts in.

    Args:
        lattice: where the input's cells lie.
    """

    def __init__(self, lattice: Lattice) -> None:
        super().__init__()
        self.lattice = lattice

    def extra_repr(self) -> str:
        return str(self.lattice)

    def forward(self, images: Sequence[Tensor] | Tensor, sizes: Sequence[Size] | None = None) -> ImageList:
        """One tensor (N, C, H, W), images in the upper left corners, zeros elsewhere, and sizes in px.

        Raises:
            TypeError: an image that is no tensor.
            ValueError: no images, images that are not (C, H, W) with one C, or a size that is not the image's.
        """
        images = list(images)
        if strange := [image for image in images if not isinstance(image, Tensor)]:
            raise TypeError(f"expected images as tensors (C, Hb, Wb), got {type(strange[0]).__name__}")
        if not images or any(image.ndim != 3 or len(image) != len(images[0]) for image in images):
            shapes = ", ".join(dict.fromkeys(str(tuple(image.shape)) for image in images)) or "none"
            raise ValueError(f"expected images (C, Hb, Wb) with one number of channels, got {shapes}")
        whole = [self._whole(image) for image in images]
        sizes = whole if sizes is None else _pairs(sizes, len(images), "sizes")
        for size, most in zip(sizes, whole, strict=True):
            if not (0 < size[0] <= most[0] and 0 < size[1] <= most[1]):
                raise ValueError(f"an image of {size[0]} x {size[1]} px does not lie on a grid of {most} px")
        divisor = self.lattice.divisor
        height, width = (-(-max(image.shape[axis] for image in images) // divisor) * divisor for axis in (1, 2))
        batch = images[0].new_zeros(len(images), len(images[0]), height, width)
        for row, image in zip(batch, images, strict=True):
            row[:, : image.shape[1], : image.shape[2]].copy_(image)
        return ImageList(batch, sizes)

    def _whole(self, image: Tensor) -> Size:
        return image.shape[1] * self.lattice.cell_px, image.shape[2] * self.lattice.cell_px

    def sources(self, source_sizes: Sequence[Size] | None, sizes: list[Size]) -> list[Size]:
        """In which sizes the caller counts: what is given, else those of the images.

        Raises:
            ValueError: not as many, or one without area.
        """
        if source_sizes is None:
            return sizes
        found = _pairs(source_sizes, len(sizes), "source_sizes")
        if empty := [size for size in found if min(size) < 1]:
            raise ValueError(f"source_sizes: {empty[0]} (height, width) has no area")
        return found

    def targets(
        self,
        targets: Sequence[Target],
        sizes: Sequence[Size],
        source_sizes: Sequence[Size],
        *,
        exact: bool = True,
    ) -> list[Target]:
        """Boxes and masks in px of the image that the network sees.

        Args:
            targets: one for each image.
            sizes: of the images, as the network sees them.
            source_sizes: in which the targets are counted.
            exact: masks are of the source's size; else they may lack what fills up the last blocks or the batch.

        Raises:
            ValueError: a target that lacks boxes or labels, boxes that are not float (n, 4), one without area, or
                labels and masks that are not as many or not of this size.
        """
        if not isinstance(targets, Sequence) or len(targets) != len(sizes):
            raise ValueError(f"expected one target for each of {len(sizes)} images, got {_number(targets)}")
        scaled = []
        for place, (target, size, source) in enumerate(zip(targets, sizes, source_sizes, strict=True)):
            try:
                _check_target(target, source, exact)
            except ValueError as error:
                raise ValueError(f"target {place}: {error}") from None
            changed = {**target, "boxes": scale_boxes(target["boxes"], source, size)}
            if "masks" in target and source != size:
                masks = nn.functional.interpolate(target["masks"][None].float(), size, mode="nearest-exact")
                changed["masks"] = masks[0].to(target["masks"].dtype)
            scaled.append(changed)
        return scaled

    def postprocess(
        self, results: list[Target], sizes: Sequence[Size], source_sizes: Sequence[Size]
    ) -> list[Target]:
        """Boxes in px of the source; masks (n, 1, H, W), probabilities, of the source's size."""
        for result, size, source in zip(results, sizes, source_sizes, strict=True):
            result["boxes"] = scale_boxes(result["boxes"], size, source)
            if "masks" in result:
                result["masks"] = paste_masks_in_image(result["masks"].float(), result["boxes"], source)
        return results


def _number(targets: Any) -> str:
    return f"{len(targets)}" if isinstance(targets, Sequence) else f"a {type(targets).__name__}"


def _pairs(sizes: Sequence[Size], number: int, name: str) -> list[Size]:
    """Sizes as whole numbers, as many as there are images."""
    if len(sizes) != number:
        raise ValueError(f"{len(sizes)} {name} for {number} images")
    try:
        return [(int(height), int(width)) for height, width in sizes]
    except TypeError:
        raise ValueError(f"{name}: expected (height, width) of each image, got {sizes!r}") from None


def _check_target(target: Target, source: Size, exact: bool) -> None:
    """Raises what is wrong with the boxes, labels and masks of an image of that size."""
    if lacking := [name for name in ("boxes", "labels") if name not in target]:
        raise ValueError(f"lacks {lacking[0]!r}; there are {', '.join(map(repr, target))}")
    boxes = target["boxes"]
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not boxes.is_floating_point():
        raise ValueError(f"expected boxes, float (n, 4), got {boxes.dtype} {tuple(boxes.shape)}")
    if len(wrong := boxes[~((boxes[:, 2:] > boxes[:, :2]).all(1) & boxes.isfinite().all(1))]):
        raise ValueError(f"box {wrong[0].tolist()} (x1, y1, x2, y2) has no area, or is not finite")
    for name in ("labels", "masks"):
        if name in target and len(target[name]) != len(boxes):
            raise ValueError(f"{len(boxes)} boxes and {len(target[name])} {name}")
    if "masks" in target:
        size = tuple(target["masks"].shape[1:])
        if len(size) != 2 or size[0] > source[0] or size[1] > source[1] or (exact and size != source):
            raise ValueError(f"masks are {size} px, the image is {source} (height, width)")


def scale_boxes(boxes: Tensor, size: Size, other: Size) -> Tensor:
    """Boxes (n, 4) of a picture of ``size`` in px of the same picture of ``other`` size."""
    if size == other:
        return boxes
    vertical, horizontal = other[0] / size[0], other[1] / size[1]
    return boxes * boxes.new_tensor([horizontal, vertical, horizontal, vertical])


class GridAnchors(AnchorGenerator):
    """Anchors whose distances and places are known.

    Args:
        lattice: of the input.
        sizes_px: side of a square anchor on each of the maps.
    """

    def __init__(self, lattice: Lattice, sizes_px: Sequence[int]) -> None:
        super().__init__(tuple((size,) for size in sizes_px), (_RATIOS,) * len(sizes_px))
        self.lattice = lattice

    def extra_repr(self) -> str:
        return f"{self.lattice}, sizes={self.sizes}"

    def forward(self, image_list: ImageList, feature_maps: list[Tensor]) -> list[Tensor]:
        """(anchors, 4) of each image; float32 also where the maps are bfloat16, which has no 1333rd px."""
        device = feature_maps[0].device
        self.set_cell_anchors(torch.float32, device)
        strides = [[torch.tensor(self.lattice.stride_px << level, device=device)] * 2 for level in range(5)]
        maps = [list(feature_map.shape[-2:]) for feature_map in feature_maps]
        anchors = torch.cat(self.grid_anchors(maps, strides)) + self.lattice.shift_px
        return [anchors] * len(image_list.image_sizes)


class GridRoIAlign(MultiScaleRoIAlign):
    """Pooling from maps whose scales and places are known.

    Args:
        lattice: of the input.
        output_size: values a side.
    """

    def __init__(self, lattice: Lattice, output_size: int) -> None:
        super().__init__([str(level) for level in range(_LEVELS)], output_size, sampling_ratio=2)
        self.lattice = lattice
        self.scales = [1 / (lattice.stride_px << level) for level in range(_LEVELS)]
        first = lattice.stride_px.bit_length() - 1
        self.map_levels = LevelMapper(first, first + _LEVELS - 1)

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[Size]) -> Tensor:
        """(regions, maps, output_size, output_size)."""
        shifted = [box - self.lattice.shift_px for box in boxes]
        return cast(Tensor, super().forward(x, shifted, image_shapes))
