"""Images and boxes, as coefficients or as pixels of the same geometry."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from classification.pixels import MEAN, STD, cut
from dctdecode import DCTCocoDetection, transforms
from dctdecode.data import collate_lists
from dctdecode.geometry import Geometry
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader


class PixelDetection(DCTCocoDetection):
    """The other side of the comparison: RGB pixels, (3, H, W), normalised; boxes and masks are the same."""

    def _load_image(self, id: int) -> tuple[Tensor, Geometry]:
        with Image.open(self._path(id)) as file:
            image = file.convert("RGB")
        geometry = self.transform.geometry(image.height, image.width)  # type: ignore[union-attr]
        pixels = torch.from_numpy(np.array(cut(image, geometry))).permute(2, 0, 1) / 255
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        return (pixels - mean) / std, geometry


def make_dataset(options: Namespace, *, train: bool) -> DCTCocoDetection:
    """The images of the training that have annotations, or all of the validation."""
    images: Path = options.images if train else options.val_images
    annotations: Path = options.annotations if train else options.val_annotations
    steps: list[Any] = [transforms.Resize(options.size, max_size=options.max_size)]
    if train and options.flip:
        steps.append(transforms.RandomHorizontalFlip(options.flip))
    kind = PixelDetection if options.input == "rgb" else DCTCocoDetection
    dataset = kind(
        images,
        annotations,
        transforms.Compose(steps),
        channels=options.channels,
        enlarge=8 // options.block_px,
        masks=train and options.model.startswith("maskrcnn"),
        normalize=options.normalize,
    )
    if train or options.limit is not None:
        dataset.ids = [id for id in dataset.ids if _is_wanted(dataset, id, options.min_object_px)][: options.limit]
    return dataset


def _is_wanted(dataset: DCTCocoDetection, id: int, min_px: float) -> bool:
    """One annotation at least, that is no crowd and has an area (torchvision's rule); none that is too small."""
    found = [one for one in dataset.coco.imgToAnns[id] if not one.get("iscrowd", 0)]
    return any(min(one["bbox"][2:]) > 1 for one in found) and all(one["area"] >= min_px**2 for one in found)


def make_loader(options: Namespace, *, train: bool) -> DataLoader[Any]:
    return DataLoader(
        make_dataset(options, train=train),
        options.batch_size,
        shuffle=train,
        num_workers=options.workers,
        collate_fn=collate_lists,
    )
