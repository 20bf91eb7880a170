"""The command line, and recipe files, which are command lines written down."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dctdecode.channels import as_channel_set

# What says how data become a network's input, and which network: an evaluation takes these from the checkpoint.
OF_THE_MODEL = (
    "input", "channels", "size", "resize", "normalize", "model", "width", "stage2_stride", "gate", "gate_pooling"
)  # fmt: skip


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line; those of ``--recipe FILE`` come first, so that the command line overrides."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--recipe", type=Path)
    recipe, rest = first.parse_known_args(arguments)
    parser = _parser()
    options = parser.parse_args([*_written(recipe.recipe, parser), *rest])
    options.recipe = None if recipe.recipe is None else str(recipe.recipe)
    if options.input == "rgb" and options.gate is not None:
        parser.error("--gate chooses among coefficients, and --input rgb has none")
    if options.size % 8:
        parser.error(f"--size: {options.size} px is no multiple of 8 px")
    options.channels = list(as_channel_set(options.channels).flat)
    if Path(options.normalize).is_file():
        options.normalize = str(Path(options.normalize).resolve())
    if options.resize is None:
        options.resize = round(options.size * 256 / 224)
    return options


def _written(recipe: Path | None, parser: argparse.ArgumentParser) -> list[str]:
    """``{"options": {"lr": 0.1, "channels-last": true, ...}}`` as arguments."""
    arguments: list[str] = []
    options: dict[str, Any] = {} if recipe is None else json.loads(recipe.read_text("utf-8"))["options"]
    for name, value in options.items():
        if isinstance(value, bool):
            arguments.append(f"--{name}" if value else f"--no-{name}")
        elif isinstance(value, dict):
            parser.error(f"{recipe}: {name} is neither a value nor a list of values")
        else:
            values = value if isinstance(value, list) else [value]
            arguments.extend([f"--{name}", *map(str, values)])
    return arguments


def _channels(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Trains a classifier on coefficients, or on pixels by the same recipe, to compare.",
        epilog="Several processes: torchrun --nproc-per-node=N examples/train_classifier.py ...",
        allow_abbrev=False,
    )
    parser.add_argument("data", type=Path, help="holds a folder for training and one for validation")
    parser.add_argument("--recipe", type=Path, help="JSON file whose options come before those given here")
    _add_data(parser.add_argument_group("data"))
    _add_model(parser.add_argument_group("model"))
    _add_optimization(parser.add_argument_group("optimisation"))
    _add_run(parser.add_argument_group("run"))
    return parser


def _add_data(group: Any) -> None:
    group.add_argument("--train-folder", default="train", help="below DATA: a folder for each class")
    group.add_argument("--val-folder", default="val")
    group.add_argument("--input", choices=("dct", "rgb"), default="dct")
    group.add_argument(
        "--channels", type=_channels, default=24, help="24, 192, learned-24, ... or a file (default %(default)s)"
    )
    group.add_argument("--size", type=int, default=448, help="side of the crop in px (default %(default)s)")
    group.add_argument("--resize", type=int, help="shorter side before validation's crop (default 256/224 size)")
    group.add_argument("--min-scale", type=float, default=0.08, help="smallest area of a random crop")
    group.add_argument("--normalize", default="imagenet", help='of coefficients: "imagenet", "dctnet", a file')
    group.add_argument("--decoder", choices=("pillow", "simplejpeg"), default="pillow", help="of pixels")
    group.add_argument("--mixup", type=float, default=0.0, metavar="ALPHA")
    group.add_argument("--threads", type=int, help="that decode, of each process")


def _add_model(group: Any) -> None:
    group.add_argument("--model", default="resnet50", help='of dctdecode.models, or "tiny" (no torchvision)')
    group.add_argument("--width", type=float, default=1.0, help="factor on the number of maps")
    group.add_argument("--stage2-stride", type=int, choices=(1, 2), default=2, help="of ResNets; 1 as published")
    group.add_argument("--weights", type=Path, help="of the network for pixels; the stem stays as it is")
    group.add_argument(
        "--gate", type=float, metavar="LAMBDA", help="frequency gate, lambda x its mean in the loss"
    )
    group.add_argument("--gate-lr", type=float, default=1.0, metavar="FACTOR", help="on the gate's learning rate")
    group.add_argument("--gate-weight-decay", type=float, default=0.0, help="of the gate (default %(default)s)")
    group.add_argument("--gate-still-epochs", type=int, default=0, metavar="N",
                       help="the last N epochs, in which the gate draws nothing and learns no more")  # fmt: skip
    group.add_argument("--gate-pooling", choices=("mean", "energy", "both"), default="mean")
    group.add_argument("--freeze-norm", action=argparse.BooleanOptionalAction, default=False,
                       help="batch norm keeps its running statistics")  # fmt: skip


def _add_optimization(group: Any) -> None:
    group.add_argument("--epochs", type=int, default=90)
    group.add_argument("--batch-size", type=int, default=256, help="of all processes together")
    group.add_argument("--lr", type=float, default=0.1)
    group.add_argument("--momentum", type=float, default=0.9)
    group.add_argument("--nesterov", action=argparse.BooleanOptionalAction, default=False)
    group.add_argument("--weight-decay", type=float, default=1e-4)
    group.add_argument("--schedule", choices=("cosine", "step"), default="cosine")
    group.add_argument("--step-epochs", type=int, nargs="+", default=[30, 60, 80])
    group.add_argument("--step-factor", type=float, default=0.1)
    group.add_argument("--warmup-epochs", type=float, default=0.0)
    group.add_argument("--label-smoothing", type=float, default=0.0)
    group.add_argument("--ema", type=float, default=0.0, metavar="DECAY", help="average of the weights")
    group.add_argument("--amp", choices=("off", "bf16", "fp16"), default="off")
    group.add_argument("--channels-last", action=argparse.BooleanOptionalAction, default=False)


def _add_run(group: Any) -> None:
    group.add_argument("--output", type=Path, default=Path("run"), help="folder for checkpoints and logs")
    group.add_argument("--resume", action="store_true", help="go on from OUTPUT/last.pt, if there is one")
    group.add_argument("--evaluate", type=Path, metavar="CHECKPOINT", help="do nothing but validate it")
    group.add_argument("--seed", type=int, default=0)
    group.add_argument("--device", help="default: the GPU, if there is one")
    group.add_argument("--save-steps", type=int, help="also write last.pt every so many steps")
    group.add_argument("--max-steps", type=int, help="end after so many steps; --resume goes on from there")
    group.add_argument("--tensorboard", action="store_true")
    group.add_argument("--progress", action=argparse.BooleanOptionalAction, help="default: where a terminal is")
