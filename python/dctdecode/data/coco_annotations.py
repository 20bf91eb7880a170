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
        lengths = _run_lengths(annotation, height, width, codec)
        ones = np.arange(len(lengths), dtype=np.uint8) % 2
        mask[:] = np.repeat(ones, lengths).reshape(width, height).T
    return torch.from_numpy(masks)


def _run_lengths(annotation: dict[str, Any], height: int, width: int, codec: Any) -> list[int]:
    """Of 0, 1, 0, ..., column by column."""
    form, name = annotation.get("segmentation"), f"annotation {annotation.get('id')}"
    if isinstance(form, list) and form:
        form = codec.merge(codec.frPyObjects(form, height, width))
    if not isinstance(form, dict):
        raise ValueError(f"{name} has no segmentation; masks=False reads boxes alone")
    if list(form["size"]) != [height, width]:
        raise ValueError(
            f"{name} has a mask of {form['size'][0]} x {form['size'][1]} px, its image has {height} x {width} px "
            "(height x width)"
        )
    counts = form["counts"]
    lengths = counts if isinstance(counts, list) else _decompressed(counts)
    if sum(lengths) != height * width or min(lengths) < 0:
        raise ValueError(f"{name} has a mask of {sum(lengths)} px, its image has {height * width}")
    return lengths


def _decompressed(counts: str | bytes) -> list[int]:
    """Run lengths out of COCO's letters: 5 bits each from "0" on, the lowest first, a sixth says that more follow.

    From the fourth on, a number is the difference to the one but one before. (pycocotools' own decoder is left
    alone: beside numpy 2 it warns at every call.)
    """
    lengths: list[int] = []
    value = bits = 0
    for letter in counts.encode() if isinstance(counts, str) else counts:
        value |= (letter - 48 & 31) << bits
        bits += 5
        if letter - 48 & 32:
            continue
        if letter - 48 & 16:
            value -= 1 << bits
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = bits = 0
    return lengths
