"""The command line.

Defaults are those of torchvision's reference training for 2 images a batch, but for the clipped gradient (Xu et
al.) and the warm-up, which there are the first 1000 steps and here are left to --warmup-epochs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dctdecode import models
from dctdecode.channels import as_channel_set

_DETECTORS = [name for name in models.list_models() if "rcnn" in name]

# What says how data become a network's input, and which network: an evaluation takes these from the checkpoint.
OF_THE_MODEL = (
    "input", "channels", "block_px", "size", "max_size", "normalize", "model", "width", "pyramid_maps", "norm",
    "anchors", "classes",
)  # fmt: skip


_EXAMPLES = """\
examples:
  train_detector.py train2017 instances_train2017.json --val-images val2017 \\
      --val-annotations instances_val2017.json --body resnet50.pth --norm frozen
                                                        Mask R-CNN, its ResNet with torchvision's weights
  train_detector.py ... --input rgb                     the same for pixels
  train_detector.py ... --block-px 8                    the image as it is, not enlarged: a quarter of the blocks
  train_detector.py ... --output run --resume           goes on from run/last.pt
  train_detector.py val2017 instances_val2017.json --evaluate run/best.pt

OUTPUT gets log.csv, last.pt and best.pt (highest mask AP, or box AP where there are no masks).
--evaluate takes model, input and sizes from the checkpoint. A batch is of --batch-size images, in one process.
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Trains Faster or Mask R-CNN on coefficients, or on pixels by the same recipe, to compare.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("images", type=Path, help="folder of the images")
    parser.add_argument("annotations", type=Path, help="JSON file of COCO's form; see detection/voc.py for VOC's")
    _add_data(parser.add_argument_group("data"))
    _add_model(parser.add_argument_group("model"))
    _add_optimization(parser.add_argument_group("optimisation"))
    _add_run(parser.add_argument_group("run"))
    options = parser.parse_args(arguments)
    options.val_images = options.val_images or options.images
    options.val_annotations = options.val_annotations or options.annotations
    try:
        options.channels = list(as_channel_set(options.channels).flat)
    except (OSError, ValueError) as error:
        parser.error(f"argument --channels: {error}")
    for path in (options.annotations, options.val_annotations, options.body, options.evaluate):
        if path is not None and not path.is_file():
            parser.error(f"there is no file {path}")
    if Path(options.normalize).is_file():
        options.normalize = str(Path(options.normalize).resolve())
    return options


def _channels(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _add_data(group: Any) -> None:
    group.add_argument("--val-images", type=Path, help="default: the images of the training")
    group.add_argument("--val-annotations", type=Path, help="default: those of the training")
    group.add_argument("--limit", type=int, help="only the first so many images that have annotations")
    group.add_argument("--min-object-px", type=float, default=0.0,
                       help="only images whose objects all have the area of such a square")  # fmt: skip
    group.add_argument("--input", choices=("dct", "rgb"), default="dct", help="coefficients or pixels")
    group.add_argument(
        "--channels", type=_channels, default=24, help="24, 192, learned-24, ... or a file (default %(default)s)"
    )
    group.add_argument("--block-px", type=int, choices=(4, 8), default=4,
                       help="side of a block: 4 (image enlarged twofold, the default) or 8")  # fmt: skip
    group.add_argument("--size", type=int, default=800, help="shorter side in px (default %(default)s)")
    group.add_argument("--max-size", type=int, default=1333, help="limit of the longer one (default %(default)s)")
    group.add_argument("--flip", type=float, default=0.5, help="probability (default %(default)s)")
    group.add_argument("--normalize", default="imagenet",
                       help='of coefficients: "imagenet" (default), "dctnet-det", a file of stats')  # fmt: skip
    group.add_argument("--workers", type=int, default=0, help="processes that load (default: this one)")


def _add_model(group: Any) -> None:
    group.add_argument("--model", default="maskrcnn_resnet50_fpn", choices=_DETECTORS, metavar="MODEL",
                       help=f"one of {', '.join(_DETECTORS)} (default %(default)s)")  # fmt: skip
    group.add_argument("--classes", type=int, help="with the background (default: the largest category id + 1)")
    group.add_argument("--body", type=Path, metavar="WEIGHTS",
                       help="state dict of torchvision's ResNet: all of it but the stem is loaded")  # fmt: skip
    group.add_argument("--norm", choices=("batch", "frozen", "group"), default="batch",
                       help="normalisation of the ResNet: frozen with --body, group for fresh weights and small "
                       "batches (default %(default)s)")  # fmt: skip
    group.add_argument("--width", type=float, default=1.0, help="factor on the number of the ResNet's maps")
    group.add_argument("--pyramid-maps", type=int, default=256, help="of each level (default %(default)s)")
    group.add_argument("--anchors", type=int, nargs=5, default=[32, 64, 128, 256, 512], metavar="PX",
                       help="side on each of the five levels (default 32 64 128 256 512)")  # fmt: skip
    group.add_argument("--proposals", type=int, default=2000, help="in training, before and after suppression")
    group.add_argument("--regions", type=int, default=512, help="that the heads learn from, of each image")


def _add_optimization(group: Any) -> None:
    group.add_argument("--epochs", type=int, default=26, help="(default %(default)s)")
    group.add_argument("--batch-size", type=int, default=2, help="images (default %(default)s)")
    group.add_argument("--optimizer", choices=("sgd", "adamw"), default="sgd", help="(default %(default)s)")
    group.add_argument("--lr", type=float, default=0.0025, help="0.02 for 16 images a batch (default %(default)s)")
    group.add_argument("--momentum", type=float, default=0.9, help="of sgd (default %(default)s)")
    group.add_argument("--weight-decay", type=float, default=1e-4, help="(default %(default)s)")
    group.add_argument("--schedule", choices=("step", "cosine"), default="step", help="(default %(default)s)")
    group.add_argument("--step-epochs", type=int, nargs="+", default=[16, 22], metavar="EPOCH",
                       help="where a step schedule steps (default 16 22)")  # fmt: skip
    group.add_argument("--step-factor", type=float, default=0.1, help="of each step (default %(default)s)")
    group.add_argument("--warmup-epochs", type=float, default=0.0,
                       help="in which the learning rate rises, or a part (default %(default)s)")  # fmt: skip
    group.add_argument(
        "--clip", type=float, default=35.0, help="largest norm of the gradient (default %(default)s)"
    )
    group.add_argument("--amp", choices=("off", "bf16"), default="off", help="autocast (default %(default)s)")
    group.add_argument("--channels-last", action=argparse.BooleanOptionalAction, default=False,
                       help="memory format of the network")  # fmt: skip


def _add_run(group: Any) -> None:
    group.add_argument(
        "--output", type=Path, default=Path("run"), help="folder for checkpoints and log.csv (default run)"
    )
    group.add_argument("--resume", action="store_true", help="go on from OUTPUT/last.pt, if there is one")
    group.add_argument("--evaluate", type=Path, metavar="CHECKPOINT", help="do nothing but evaluate it")
    group.add_argument("--evaluate-epochs", type=int, default=1, help="evaluate every so many, and after the last")
    group.add_argument("--stop-epoch", type=int, help="end before this one; --resume goes on from there")
    group.add_argument("--seed", type=int, default=0, help="of weights, order, flips and regions")
    group.add_argument("--device", help="default: the GPU, if there is one")
    group.add_argument("--threads", type=int, help="of torch, on a CPU")
    group.add_argument("--progress", action=argparse.BooleanOptionalAction, help="default: where a terminal is")
