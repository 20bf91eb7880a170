"""Files of annotations in the form of COCO's "instances"."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Annotations", "boxes_of", "masks_of", "require_pycocotools"]

_INSTALL = 'pip install "dctdecode[coco]"'


def require_pycocotools(what: str, module: str) -> Any:
    """The package's module, which nothing else here imports.

    Raises:
        ModuleNotFoundError: it is not installed; the message names the command that installs it.
    """
    try:
        return importlib.import_module(f"pycocotools.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "pycocotools":
            raise
        raise ModuleNotFoundError(f"{what} needs pycocotools: {_INSTALL}", name="pycocotools") from error


class Annotations:
    """What the file holds, by image.

    Attributes:
        content: the file itself: "images", "annotations", "categories".
        images: the record of each image, by id.

    Raises:
        OSError: there is no such file.
        ValueError: it is no JSON, or holds no images and annotations. The message names the file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123  # names a str path as it is
                content = json.load(file)
            self.images: dict[int, dict[str, Any]] = {image["id"]: image for image in content["images"]}
            self._of_image: dict[int, list[dict[str, Any]]] = {}
            for annotation in content["annotations"]:
                self._of_image.setdefault(annotation["image_id"], []).append(annotation)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{os.fspath(path)}: no annotations in COCO's form: {error!r}") from error
        self.content: dict[str, Any] = content

    def of(self, image_id: int) -> list[dict[str, Any]]:
        """The annotations of an image, in the file's order."""
        return self._of_image.get(image_id, [])

    def coco(self) -> Any:
        """A ``pycocotools.coco.COCO`` of this content."""
        coco = require_pycocotools("dataset.coco", "coco").COCO()
        coco.dataset = self.content
        with contextlib.redirect_stdout(io.StringIO()):  # it reports its progress
            coco.createIndex()
        return coco


def boxes_of(annotations: list[dict[str, Any]]) -> Tensor:
    """float64 (n, 4): x1, y1, x2, y2, of COCO's x, y, width, height."""
    boxes = torch.tensor([annotation["bbox"] for annotation in annotations], dtype=torch.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def masks_of(annotations: list[dict[str, Any]], height: int, width: int) -> Tensor:
    """uint8 (n, height, width) of polygons, run lengths, and compressed run lengths, as pycocotools draws them.

    Raises:
        ValueError: an annotation has no segmentation, or one of another size.
    """
    codec = require_pycocotools("masks", "mask")
    masks = np.zeros((len(annotations), height, width), np.uint8)
    for mask, annotation in zip(masks, annotations, strict=True):
        mask[:] = codec.decode(_run_lengths(annotation, height, width, codec))
    return torch.from_numpy(masks)


def _run_lengths(annotation: dict[str, Any], height: int, width: int, codec: Any) -> Any:
    """pycocotools' own form."""
    form = annotation.get("segmentation")
    if isinstance(form, list) and form:
        return codec.merge(codec.frPyObjects(form, height, width))
    if not isinstance(form, dict):
        raise ValueError(f"annotation {annotation.get('id')} has no segmentation; masks=False reads boxes alone")
    if list(form["size"]) != [height, width]:
        raise ValueError(
            f"annotation {annotation.get('id')} has a mask of {form['size'][0]} x {form['size'][1]} px, its image "
            f"has {height} x {width} px (height x width)"
        )
    return codec.frPyObjects(form, height, width) if isinstance(form["counts"], list) else form
