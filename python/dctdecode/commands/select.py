"""Choose the channels that a trained gate keeps most often, and write them as a file for channels=. Tells their
order, and draws P(keep) of each frequency as three 8 x 8 maps (v down, u across; the numbers in the cells are
positions in zigzag order), as in figure 5 of Xu et al., CVPR 2020. What is taken has a frame."""

from __future__ import annotations

import argparse
import math
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from dctdecode.channels import COMPONENT_NAMES, ChannelSet
from dctdecode.cli import CommandError
from dctdecode.models.ranking import Ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EXAMPLES = """\
examples:
  dctdecode select runs/gate/best.pt -n 24              best-channels.json and best-channels.png
  dctdecode select best.pt -n 24 -o learned-24.json     learned-24.json and learned-24.png
  dctdecode select best.pt -o kept.json                 those kept more often than not
  dctdecode prune train/ train-24/ --channels learned-24.json

The checkpoint is a state dict, or holds one, of a network with a FrequencyGate, as after
  python examples/train_classifier.py DATA --channels 192 --gate 0.1
P(keep) is the mean over the last batches of the training, or over a data set after gate.measure(loader).
The file is for channels= of read, stats, prune, show and models. Drawing needs matplotlib: pip install
"dctdecode[plot]"; without it, --no-picture.
"""

_LISTED = 24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="file that torch.save wrote")
    parser.add_argument(
        "-n",
        "--number",
        type=int,
        metavar="N",
        help="channels to take; default: all that are kept more often than not",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PRESET",
        help="JSON file to write; default: NAME-channels.json. The picture is beside it",
    )
    parser.add_argument("--no-picture", action="store_true", help="do not draw")


def run(args: argparse.Namespace) -> int:
    ranking = _ranking(args.checkpoint)
    try:
        chosen = ranking.best(args.number)
    except ValueError as error:
        raise CommandError(str(error)) from None
    output = Path(args.output or f"{Path(args.checkpoint).stem}-channels.json")
    if output.suffix != ".json":
        raise CommandError(f"-o is a file for channels=, whose name ends in .json; got {output}")
    figure = None if args.no_picture else _draw(ranking, chosen)  # before anything is written
    written = [output]
    try:
        ranking.save(output, chosen)
        if figure is not None:
            written.append(output.with_suffix(".png"))
            figure.savefig(written[-1], dpi=120)
    except OSError as error:
        raise CommandError(f"cannot write: {error}") from None
    sys.stdout.write(_as_text(ranking, chosen) + f"\nwritten: {', '.join(map(str, written))}\n")
    return 0


def _ranking(path: str) -> Ranking:
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None
    except pickle.UnpicklingError as error:
        if "weights_only" in str(error) or "Weights only" in str(error):  # torch's text tells how to run the file
            reason = "it holds other objects too, or is none; save model.state_dict() instead of the model"
        else:
            reason = str(error).splitlines()[0]
        raise CommandError(f"{path}: no checkpoint of tensors: {reason}") from None
    except (RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else "the file is empty or cut off"
        raise CommandError(f"{path}: no checkpoint of tensors: {reason}") from None
    if not isinstance(checkpoint, dict):
        raise CommandError(f"{path}: holds a {type(checkpoint).__name__}, not a state dict")
    try:
        return Ranking.from_checkpoint(checkpoint)
    except ValueError as error:
        raise CommandError(f"{path}: {error}") from None


def _as_text(ranking: Ranking, chosen: ChannelSet) -> str:
    """The first of the order, and how many of each component were taken."""
    chance = dict(zip(ranking.flat, ranking.probabilities, strict=True))
    lines = ["rank  channel  component  v  u  P(keep)"]
    for rank, index in enumerate(ranking.order[:_LISTED], 1):
        v, u = divmod(index % 64, 8)
        lines.append(f"{rank:4}  {index:7}  {COMPONENT_NAMES[index // 64]:9}  {v}  {u}  {chance[index]:.3f}")
    if len(ranking.order) > _LISTED:
        lines.append(f"... and {len(ranking.order) - _LISTED} more")
    return "\n".join([*lines, f"taken: {len(chosen)} of {len(ranking.flat)}: {chosen}"])


def _draw(ranking: Ranking, chosen: ChannelSet) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise CommandError('drawing needs matplotlib: pip install "dctdecode[plot]", or --no-picture') from None
    chance = dict(zip(ranking.flat, ranking.probabilities, strict=True))
    figure = Figure(figsize=(11, 4), layout="constrained")
    for component, name in enumerate(COMPONENT_NAMES):
        axes = figure.add_subplot(1, 3, component + 1)
        block = [[chance.get(64 * component + 8 * v + u, float("nan")) for u in range(8)] for v in range(8)]
        image = axes.imshow(block, vmin=0, vmax=1, cmap="viridis")
        axes.set(title=name, xticks=range(8), yticks=range(8), xlabel="u", ylabel="v")
        for position, (v, u) in enumerate(_zigzag()):
            _label(axes, v, u, position, block[v][u], 64 * component + 8 * v + u in chosen.flat)
    figure.colorbar(image, ax=figure.axes, label="P(keep); framed: taken; number: zigzag position")
    return figure


def _zigzag() -> list[tuple[int, int]]:
    """(v, u) in the order of a JPEG file: diagonals, every other one upwards (T.81, figure A.6)."""
    places = [(v, u) for v in range(8) for u in range(8)]
    return sorted(places, key=lambda place: (sum(place), place[sum(place) % 2 == 0]))


def _label(axes: Axes, v: int, u: int, position: int, chance: float, taken: bool) -> None:
    """A cell's number, gray where the gate has no such channel, and a frame around what is taken."""
    from matplotlib.patches import Rectangle

    color = "gray" if math.isnan(chance) else "black" if chance > 0.6 else "white"
    axes.text(u, v, str(position), ha="center", va="center", fontsize=8, color=color)
    if taken:
        for edge, width in (("black", 3.5), ("white", 1.5)):
            axes.add_patch(
                Rectangle((u - 0.42, v - 0.42), 0.84, 0.84, fill=False, edgecolor=edge, linewidth=width)
            )
