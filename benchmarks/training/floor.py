"""What a classical classifier reaches on the data: the floor below which a network does not count as trained.

    python benchmarks/training/floor.py DATA

Histograms of oriented gradients (Dalal and Triggs, CVPR 2005: nine unsigned directions, cells of 16 px, blocks of
2 x 2 cells clipped at 0.2) of the image as 128 x 128 px, beside its colours as 8 x 8 px of Lab; a linear SVM.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

Array = npt.NDArray[np.float64]
SIDE, CELL, DIRECTIONS = 128, 16, 9
_TO_LAB = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--train-folder", default="train")
    parser.add_argument("--val-folder", default="val")
    options = parser.parse_args()
    train, targets = features(options.data / options.train_folder)
    val, wanted = features(options.data / options.val_folder)
    machine = make_pipeline(StandardScaler(), LinearSVC(C=1e-4, max_iter=10_000)).fit(train, targets)
    top1 = np.mean(machine.predict(val) == wanted)
    print(f"{len(train)} images to learn from, {len(val)} to test: top-1 {top1:.4f}")  # noqa: T201


def features(folder: Path) -> tuple[Array, npt.NDArray[np.int64]]:
    """(images, numbers), (images,) class indices."""
    rows, targets = [], []
    for index, name in enumerate(sorted(path.name for path in folder.iterdir())):
        for path in sorted((folder / name).iterdir()):
            with Image.open(path) as image:
                rows.append(describe(image.convert("RGB")))
            targets.append(index)
    return np.array(rows), np.array(targets)


def describe(image: Image.Image) -> Array:
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    lab = ImageCms.applyTransform(image.resize((8, 8), Image.Resampling.BOX), _TO_LAB)
    assert lab is not None
    return np.concatenate([oriented_gradients(np.asarray(small, float)), np.asarray(lab, float).ravel() / 255])


def oriented_gradients(pixels: Array) -> Array:
    """Of the colour with the steepest gradient at each pixel."""
    steps = np.stack(np.gradient(pixels, axis=(0, 1)))  # (2, H, W, 3)
    size = np.hypot(*steps)
    steepest = size.argmax(2)[..., None]
    down, right = (np.take_along_axis(step, steepest, 2)[..., 0] for step in steps)
    place = np.arctan2(down, right) % np.pi / np.pi * DIRECTIONS - 0.5
    low = np.floor(place)
    cells = SIDE // CELL
    cell = np.arange(SIDE) // CELL
    histogram = np.zeros((cells, cells, DIRECTIONS))
    for direction, share in ((low, low + 1 - place), (low + 1, place - low)):
        index = (direction % DIRECTIONS).astype(int)
        np.add.at(histogram, (cell[:, None], cell[None, :], index), share * size.max(2))
    blocks = [histogram[i : i + cells - 1, j : j + cells - 1] for i in (0, 1) for j in (0, 1)]
    joined = np.concatenate(blocks, axis=2)
    joined = np.minimum(joined / (np.linalg.norm(joined, axis=2, keepdims=True) + 1e-6), 0.2)
    return (joined / (np.linalg.norm(joined, axis=2, keepdims=True) + 1e-6)).ravel()


if __name__ == "__main__":
    main()
