"""A made-up photograph with annotations of every form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 157, 203
BRIGHT = (60, 40, 70, 50)  # x, y, width, height of the one thing that can be seen, in px
NAME = "000000000042.jpg"


def run_lengths(mask: np.ndarray) -> list[int]:
    """Lengths of runs of 0, 1, 0, ..., column by column: COCO's uncompressed form."""
    flat = np.concatenate([[0], mask.T.ravel(), [0]]).astype(np.int8)
    changes = np.flatnonzero(np.diff(flat))
    return np.diff(np.concatenate([[0], changes, [mask.size]])).tolist()


def disc(row: float, column: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return ((rows - row) ** 2 + (columns - column) ** 2 < radius**2).astype(np.uint8)


def box_of(mask: np.ndarray) -> list[float]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [float(columns[0]), float(rows[0]), float(np.ptp(columns) + 1), float(np.ptp(rows) + 1)]


def masks() -> dict[int, np.ndarray]:
    """By annotation id."""
    square = np.zeros((HEIGHT, WIDTH), np.uint8)
    x, y, width, height = BRIGHT
    square[y : y + height, x : x + width] = 1
    pair = np.zeros((HEIGHT, WIDTH), np.uint8)
    pair[100:140, 5:25] = 1
    pair[110:120, 40:70] = 1
    return {1: square, 2: disc(80, 120, 30), 3: disc(30, 190, 20), 4: pair, 5: disc(150, 100, 15)}


def segmentation(number: int, mask: np.ndarray) -> Any:
    """Each in another form: a polygon, run lengths, those compressed, two polygons, run lengths."""
    from pycocotools.mask import encode

    if number == 1:
        x, y, width, height = BRIGHT
        return [[x, y, x + width, y, x + width, y + height, x, y + height]]
    if number == 3:
        encoded = encode(np.asfortranarray(mask))
        return {"size": encoded["size"], "counts": encoded["counts"].decode()}
    if number == 4:
        return [[5, 100, 25, 100, 25, 140, 5, 140], [40, 110, 70, 110, 70, 120, 40, 120]]
    return {"size": [HEIGHT, WIDTH], "counts": run_lengths(mask)}


def write(folder: Path, quality: int = 95) -> Path:
    """The image, and beside it the file of annotations, whose path is returned. Annotation 5 is a crowd."""
    pixels = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    x, y, width, height = BRIGHT
    pixels[y : y + height, x : x + width] = 220
    Image.fromarray(pixels).save(folder / NAME, quality=quality, subsampling=0)
    annotations = [
        {
            "id": number,
            "image_id": 42,
            "category_id": 10 * number,
            "bbox": box_of(mask),
            "area": float(mask.sum()),
            "iscrowd": int(number == 5),
            "segmentation": segmentation(number, mask),
        }
        for number, mask in masks().items()
    ]
    images = [{"id": 42, "file_name": NAME, "height": HEIGHT, "width": WIDTH}]
    categories = [{"id": 10 * number, "name": f"thing {number}"} for number in masks()]
    path = folder / "instances.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path
