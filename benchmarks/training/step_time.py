"""Where the time of a training step goes: loading, copying, forward and backward.

    python benchmarks/training/step_time.py DATA --recipe examples/recipes/resnet50.json
    python benchmarks/training/step_time.py DATA --recipe examples/recipes/resnet50.json --input rgb --size 224

Takes the arguments of examples/train_classifier.py. Each part is timed alone, the device made to finish before the
clock is read; in training they overlap, and the slowest of them sets the pace.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))

from classification.data import training_loader  # noqa: E402
from classification.networks import make_network  # noqa: E402
from classification.options import parse  # noqa: E402
from classification.processes import Place  # noqa: E402
from classification.training import Trainer  # noqa: E402
from dctdecode.models import count_cost  # noqa: E402

STEPS = 8  # timed, after one to warm up


def main() -> None:
    options = parse(sys.argv[1:])
    place = Place(0, 1, torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu")))
    on_host = Place(0, 1, torch.device("cpu"))
    trainer = Trainer(options, place)
    batches = training_loader(options, on_host)
    images, targets = next(iter(batches))
    if place.device.type == "cuda":
        images = images.pin_memory()
    there = images.to(place.device), targets.to(place.device)
    count = len(images)
    cost = count_cost(make_network(options, len(trainer.classes)), torch.zeros_like(images[:1]))
    loading = _timed(_Again(batches), place)
    copying = _timed(lambda: images.to(place.device, non_blocking=True), place)
    computing = _timed(lambda: trainer._train_step(*there), place)
    print(f"batch of {count}, {options.input}, {tuple(images.shape[1:])} values an image, {cost}")  # noqa: T201
    for name, seconds in (("load", loading), ("copy", copying), ("forward and backward", computing)):
        print(f"{name:21} {1e3 * seconds / count:8.3f} ms an image, {count / seconds:10.1f} images/s")  # noqa: T201
    print(f"bytes copied an image: {images[0].numel() * images.element_size():,}")  # noqa: T201


class _Again:
    """The next batch, epoch after epoch, made when it is asked for: nothing is decoded ahead."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        loader.prefetch = 0
        self._iterator = iter(loader)

    def __call__(self) -> None:
        if next(self._iterator, None) is None:
            self._iterator = iter(self._loader)
            next(self._iterator)


def _timed(work: Callable[[], Any], place: Place) -> float:
    """Median of the seconds that it takes."""
    found = []
    for _ in range(STEPS + 1):
        _finish(place)
        began = time.perf_counter()
        work()
        _finish(place)
        found.append(time.perf_counter() - began)
    return median(found[1:])


def _finish(place: Place) -> None:
    if place.device.type == "cuda":
        torch.cuda.synchronize(place.device)


if __name__ == "__main__":
    main()
