"""Trains a classifier on DCT coefficients, or on RGB pixels by the same recipe.

    python examples/train_classifier.py DATA --channels 24 --model resnet50
    python examples/train_classifier.py DATA --recipe examples/recipes/resnet50.json
    python examples/train_classifier.py DATA --input rgb --size 224
    python examples/train_classifier.py DATA --channels 192 --gate 0.1
    torchrun --nproc-per-node=8 examples/train_classifier.py DATA ...
    python examples/train_classifier.py DATA --resume
    python examples/train_classifier.py DATA --evaluate run/best.pt

DATA holds the folders `train` and `val` (--train-folder, --val-folder), and these a folder for every class.
OUTPUT gets log.csv, last.pt and best.pt; --help names the rest. The parts are in `classification/`.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

import torch
from classification import records
from classification.data import validation_loader
from classification.networks import make_network
from classification.options import OF_THE_MODEL, parse
from classification.processes import Place, joined
from classification.training import Trainer, validate
from dctdecode.models import count_cost


def main(arguments: Sequence[str] | None = None) -> records.Row:
    """Trains or evaluates. Returns the last epoch's numbers, or those of the evaluation."""
    options = parse(arguments)
    with joined(options.device) as place:
        return _evaluate(options, place) if options.evaluate else _train(options, place)


def _train(options: Namespace, place: Place) -> records.Row:
    options.output.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(options, place)
    last = options.output / "last.pt"
    if options.resume and last.exists():
        trainer.restore(records.load(last))
    else:
        _begin(options, place, trainer)
    trainer.fit(records.Log(options.output, options.tensorboard) if place.is_first else None)
    return trainer.rows[-1] if trainer.rows else {}


def _begin(options: Namespace, place: Place, trainer: Trainer) -> None:
    """Weights of others, if they are asked for, and what is about to be done."""
    lines = [repr(trainer.train)]
    if options.weights is not None:
        lines.append(str(trainer.start_from(records.load(options.weights))))
    if place.is_first:
        image = torch.zeros(trainer.train.dataset.batch_shape(1), device=place.device)  # type: ignore[arg-type]
        print(*lines, f"{options.model}: {count_cost(trainer.network, image)}", sep="\n", flush=True)  # noqa: T201


def _evaluate(options: Namespace, place: Place) -> records.Row:
    """The checkpoint says how its input is made; the command line, where the data are."""
    state = records.load(options.evaluate)
    for name in OF_THE_MODEL:
        setattr(options, name, state["options"][name])
    loader = validation_loader(options, place)
    if list(loader.dataset.classes) != state["classes"]:  # type: ignore[attr-defined]
        raise ValueError(f"the checkpoint is for the classes {', '.join(state['classes'])}")
    network = make_network(options, len(state["classes"])).to(place.device)
    network.load_state_dict(state["ema"] or state["model"])
    row = validate(network, loader, options, place)
    if place.is_first:
        print(", ".join(f"{name} {value:.4f}" for name, value in row.items()))  # noqa: T201
    return row


if __name__ == "__main__":
    main(sys.argv[1:])
