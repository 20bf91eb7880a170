"""Trains Faster or Mask R-CNN on DCT coefficients, or on RGB pixels by the same recipe.

    python examples/train_detector.py train2017 instances_train2017.json \
        --val-images val2017 --val-annotations instances_val2017.json --body resnet50.pth --norm frozen
    python examples/train_detector.py train2017 instances_train2017.json --input rgb
    python examples/train_detector.py JPEGImages train.json --model fasterrcnn_resnet50_fpn
    python examples/train_detector.py train2017 instances_train2017.json --resume
    python examples/train_detector.py val2017 instances_val2017.json --evaluate run/best.pt

Annotations are of COCO's form; `detection/voc.py` makes them of Pascal VOC's. Needs torchvision and pycocotools.
OUTPUT gets log.csv, last.pt and best.pt; --help names the rest. The parts are in `detection/`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import torch
from classification import records
from detection.options import OF_THE_MODEL, parse
from detection.training import Trainer, describe


def main(arguments: Sequence[str] | None = None) -> records.Row:
    """Trains or evaluates. Returns the last epoch's numbers, or those of the evaluation."""
    options = parse(arguments)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    options.device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(options.device)
    if options.evaluate is not None:
        state = records.load(options.evaluate)
        for name in OF_THE_MODEL:
            setattr(options, name, state["options"][name])
        trainer = Trainer(options, device)
        trainer.network.load_state_dict(state["model"])
        row = trainer.evaluate()
        print(", ".join(f"{name} {value:.4f}" for name, value in row.items()))  # noqa: T201
        return row
    options.output.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(options, device)
    last = options.output / "last.pt"
    if options.resume and last.exists():
        trainer.restore(records.load(last))
    print(describe(options), flush=True)  # noqa: T201
    trainer.fit(records.Log(options.output, tensorboard=False))
    return trainer.rows[-1] if trainer.rows else {}


if __name__ == "__main__":
    main(sys.argv[1:])
