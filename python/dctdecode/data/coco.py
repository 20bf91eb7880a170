"""`DCTCocoDetection`: images with boxes and masks, as torchvision's ``CocoDetection``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

import dctdecode
from dctdecode.channels import ChannelSet, ChannelsLike, as_channel_set
from dctdecode.data.binding import TensorPart, fixed_size
from dctdecode.data.coco_annotations import Annotations, boxes_of, masks_of, require_pycocotools
from dctdecode.data.coco_follow import area_factor, follow_boxes, follow_masks, on_blocks, size_of
from dctdecode.data.standard_transform import StandardTransform
from dctdecode.geometry import Geometry, SplitTransform
from dctdecode.limits import LimitsLike
from dctdecode.normalization import NormalizeLike

__all__ = ["DCTCocoDetection"]


class DCTCocoDetection(Dataset[tuple[Tensor, Any]]):
    """Images with annotations of COCO's form, read as DCT coefficients: in place of ``CocoDetection``.

    ``dataset[i]`` is ``(coefficients (C, Hb, Wb), target)``. Crops, sizes and flips of ``transform`` happen while
    the image is decoded, and boxes and masks follow them. All px below are those of the image after them; the last
    blocks are filled up by repeating its edge, which changes no px.

    The target is a dict, as torchvision's detectors take it:

    - ``boxes``: float32 (n, 4), x1, y1, x2, y2 in px, cut off at the image's edges;
    - ``labels``: int64 (n,), the file's ``category_id``;
    - ``masks``: uint8 (n, height, width), if ``masks``;
    - ``area``: float32 (n,), square px: the file's, times the change of scale and the share of the box that is
      left;
    - ``iscrowd``: int64 (n,);
    - ``image_id``: int; ``size``: (height, width) in px.

    Boxes of which less than ``min_side_px`` is left are dropped, with all that belongs to them. An image without
    any has tensors of length 0.

    Args:
        root: folder of the images.
        annFile: JSON file of COCO's form: "images", "annotations", "categories".
        transform: as for `DCTImageFolder`. Geometry moves boxes and masks; what works on the tensor does not.
        target_transform: callable on the finished target.
        transforms: callable on (coefficients, target), both finished; in place of the other two.
        channels, normalize, dtype, strict, orientation, interpolation, antialias, fast, limits: as for
            :func:`dctdecode.read`. Annotations speak of the image as ``orientation`` has it.
        enlarge: coefficients are those of the image so many times enlarged, and boxes stay in px of the image. 2
            is what detectors of ``dctdecode.models`` take by default: one block for 4 x 4 px.
        masks: False reads no masks, and needs no pycocotools.
        keep_crowd: also annotations of groups ("iscrowd"), which torchvision's reference training drops.
        min_side_px: drops boxes with a shorter side (as torchvision's ``SanitizeBoundingBoxes``, default 1); those
            without area always go.

    Attributes:
        ids: image ids, sorted; another list may be assigned, to take some of the images only.
        coco: a ``pycocotools.coco.COCO``, made when first asked for.
        root, transform, target_transform, transforms: as in ``CocoDetection``.

    Raises:
        ModuleNotFoundError: masks are wanted, and pycocotools is not installed.
        OSError, ValueError: ``annFile`` cannot be read.
        ValueError, TypeError: an argument has no meaning.

    Example:
        >>> import json, pathlib, shutil, tempfile
        >>> import dctdecode
        >>> from dctdecode import transforms
        >>> folder = tempfile.TemporaryDirectory()
        >>> _ = shutil.copy(dctdecode_photo, f"{folder.name}/1.jpg")
        >>> header = dctdecode.info(dctdecode_photo)
        >>> box = {"id": 1, "image_id": 7, "category_id": 3, "bbox": [0, 0, header.width / 2, header.height / 2]}
        >>> image = {"id": 7, "file_name": "1.jpg", "height": header.height, "width": header.width}
        >>> annotations = pathlib.Path(folder.name, "boxes.json")
        >>> _ = annotations.write_text(json.dumps({"images": [image], "annotations": [box], "categories": []}))
        >>> mirrored = transforms.Compose([transforms.Resize((96, 120)), transforms.RandomHorizontalFlip(p=1)])
        >>> dataset = dctdecode.DCTCocoDetection(
        ...     folder.name, annotations, mirrored, channels=24, enlarge=2, masks=False
        ... )
        >>> coefficients, target = dataset[0]
        >>> coefficients.shape, target["boxes"].tolist(), target["size"]
        (torch.Size([24, 24, 30]), [[60.0, 0.0, 120.0, 48.0]], (96, 120))
        >>> folder.cleanup()
    """

    def __init__(
        self,
        root: str | Path,
        annFile: str | os.PathLike[str],  # torchvision's name
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[[Tensor, Any], tuple[Any, Any]] | None = None,
        *,
        channels: ChannelsLike = 192,
        enlarge: int = 1,
        masks: bool = True,
        keep_crowd: bool = False,
        min_side_px: float = 1.0,
        normalize: NormalizeLike = None,
        dtype: torch.dtype = torch.float32,
        strict: bool = True,
        orientation: str = "ignore",
        interpolation: str = "bilinear",
        antialias: bool = True,
        fast: bool = False,
        limits: LimitsLike = None,
    ) -> None:
        self.root = os.path.expanduser(root) if isinstance(root, str) else root  # noqa: PTH111  # as torchvision
        self.transform, self.target_transform = transform, target_transform
        self.transforms = _joint(transform, target_transform, transforms)
        if masks:
            require_pycocotools("masks=True", "mask")
        if isinstance(enlarge, bool) or not isinstance(enlarge, int) or enlarge < 1:
            raise ValueError(f"enlarge must be a whole number from 1, got {enlarge!r}")
        if not min_side_px >= 0:
            raise ValueError(f"min_side_px must not be negative, got {min_side_px!r}")
        self.channels, self.dtype = as_channel_set(channels), dtype
        self.enlarge, self.masks = enlarge, masks
        self.keep_crowd, self.min_side_px = keep_crowd, min_side_px
        self._options: dict[str, Any] = {
            "channels": self.channels,
            "normalize": normalize,
            "dtype": dtype,
            "strict": strict,
            "orientation": orientation,
            "interpolation": interpolation,
            "antialias": antialias,
            "fast": fast,
            "limits": limits,
        }
        dctdecode.read_batch([], **self._options)  # refuses now what would be refused at the first image
        self._annotations = Annotations(annFile)
        self._coco: Any = None
        self.ids = sorted(self._annotations.images)

    @property
    def coco(self) -> Any:
        """A ``pycocotools.coco.COCO`` of the annotations, for an evaluation.

        Raises:
            ModuleNotFoundError: pycocotools is not installed.
        """
        if self._coco is None:
            self._coco = self._annotations.coco()
        return self._coco

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not isinstance(index, int):
            raise ValueError(f"Index must be of type integer, got {type(index)} instead.")
        image_id = self.ids[index]
        coefficients, geometry = self._load_image(image_id)
        target = self._target(image_id, geometry)
        if self.transforms is not None and not isinstance(self.transforms, StandardTransform):
            pair: tuple[Any, Any] = self.transforms(coefficients, target)
            return pair
        return coefficients, target if self.target_transform is None else self.target_transform(target)

    def _load_image(self, id: int) -> tuple[Tensor, Geometry]:
        """The finished tensor of an image, and its geometry in the end; may be overridden, as in torchvision."""
        placing = _Placing(self.transform, self.enlarge)
        return dctdecode.read(self._path(id), transform=placing, **self._options), placing.geometry

    def _load_target(self, id: int) -> list[dict[str, Any]]:
        """The file's annotations of an image; may be overridden, as in torchvision."""
        return self._annotations.of(id)

    def _path(self, image_id: int) -> str:
        return os.path.join(self.root, self._annotations.images[image_id]["file_name"])  # noqa: PTH118

    def _target(self, image_id: int, geometry: Geometry) -> dict[str, Any]:
        """The annotations that are left, where they are now."""
        height, width = geometry.vertical.source_px, geometry.horizontal.source_px
        self._check_size(image_id, height, width)
        found = [a for a in self._load_target(image_id) if self.keep_crowd or not a.get("iscrowd", 0)]
        whole = boxes_of(found)
        boxes = follow_boxes(whole, geometry)
        sides = boxes[:, 2:] - boxes[:, :2]
        kept = ((sides > 0) & (sides >= self.min_side_px)).all(1).nonzero().flatten()
        found, whole, boxes, sides = [found[place] for place in kept], whole[kept], boxes[kept], sides[kept]
        before = (whole[:, 2:] - whole[:, :2]).prod(1)
        areas = [annotation.get("area", float(area)) for annotation, area in zip(found, before, strict=True)]
        # Of a box that is wholly inside, its sides grew by the factor of the area, and the share is 1.
        share = sides.prod(1) / (before * area_factor(geometry))
        target = {
            "boxes": boxes.float(),
            "labels": torch.tensor([annotation["category_id"] for annotation in found], dtype=torch.int64),
            "area": (torch.tensor(areas, dtype=torch.float64) * area_factor(geometry) * share).float(),
            "iscrowd": torch.tensor([annotation.get("iscrowd", 0) for annotation in found], dtype=torch.int64),
            "image_id": image_id,
            "size": size_of(geometry),
        }
        if self.masks:
            target["masks"] = follow_masks(masks_of(found, height, width), geometry)
        return target

    def _check_size(self, image_id: int, height: int, width: int) -> None:
        record = self._annotations.images[image_id]
        said = record.get("height", height), record.get("width", width)
        if said != (height, width):
            raise ValueError(
                f"{self._path(image_id)}: annotated as {said[0]} x {said[1]} px, but has {height} x {width} px "
                "(height x width)"
            )

    def __repr__(self) -> str:
        lines = [
            f"Dataset {type(self).__name__}",
            f"    Number of datapoints: {len(self)}",
            f"    Root location: {self.root}",
            *([] if self.transforms is None else [f"    {self.transforms!r}"]),
        ]
        return "\n".join(lines)


def _joint(transform: Any, target_transform: Any, transforms: Any) -> Any:
    """What torchvision keeps as ``transforms``."""
    separate = transform is not None or target_transform is not None
    if transforms is not None:
        if separate:
            raise ValueError("Only transforms or transform/target_transform can be passed as argument")
        if isinstance(transforms, SplitTransform):
            raise TypeError(
                f"transforms is called with coefficients and target; pass {type(transforms).__name__} as "
                "transform=, and boxes and masks follow"
            )
        return transforms
    fixed_size(transform, None)  # refuses what is no transform
    return StandardTransform(transform, target_transform) if separate else None


class _Placing:
    """The transform of one image, which remembers what became of the geometry."""

    def __init__(self, transform: Any, enlarge: int) -> None:
        self._plan: Any = None
        self._tensor: TensorPart | None = None
        if isinstance(transform, SplitTransform):
            self._plan, self._tensor = transform.split()
        elif transform is not None:
            self._tensor = lambda tensor, channels: transform(tensor)
        self._enlarge = enlarge
        self.geometry: Geometry

    def split(self) -> tuple[Callable[[Geometry], Geometry], Callable[[Tensor, ChannelSet], Tensor] | None]:
        """(plan part, tensor part)"""
        return self._edit, self._tensor

    def __call__(self, tensor: Tensor) -> Tensor:
        raise TypeError("placing an image has two parts, see split()")

    def _edit(self, geometry: Geometry) -> Geometry:
        self.geometry = geometry if self._plan is None else self._plan(geometry)
        return on_blocks(self.geometry, self._enlarge)
