"""Whether a gate's network sees in evaluation what it saw in training: top-1 with the gate as it is, and drawn.

    python benchmarks/training/gate_drawn.py DATA CHECKPOINT [--val-folder val]

In evaluation a channel is open where P(keep) is above one half; drawn, it is open with P(keep), as in training.
"""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from pathlib import Path

import torch
from dctdecode.models import GatedModel

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

from classification import records
from classification.data import validation_loader
from classification.networks import make_network
from classification.processes import Place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--val-folder", default="val")
    given = parser.parse_args()
    state = records.load(given.checkpoint)
    where = {"data": given.data, "val_folder": given.val_folder, "batch_size": 64}
    options = Namespace(**{**state["options"], **where})
    network = make_network(options, len(state["classes"])).eval()
    if not isinstance(network, GatedModel):
        parser.error(f"{given.checkpoint} has no gate")
    network.load_state_dict(state["ema"] or state["model"])
    print(compare(network, validation_loader(options, Place(0, 1, torch.device("cpu")))))  # noqa: T201


@torch.no_grad()
def compare(network: GatedModel, loader: object) -> str:
    """One line. The draws are those of seed 0."""
    random = torch.Generator().manual_seed(0)
    hits = torch.zeros(2)
    kept, chances = [], []
    for images, targets in loader:  # type: ignore[attr-defined]
        chance = network.gate.margin(images).sigmoid()
        for place, gate in enumerate((chance > 0.5, torch.bernoulli(chance, generator=random))):
            classes = network.model(images * gate[:, :, None, None]).argmax(1)
            hits[place] += (classes == targets).sum()
        kept.append((chance > 0.5).sum(1))
        chances.append(chance)
    number, chance = torch.cat(kept), torch.cat(chances)
    low, high = chance.mean(0).quantile(torch.tensor([0.0, 0.9])).tolist()
    as_it_is, drawn = (hits / len(number)).tolist()
    return (
        f"{len(number)} images: top-1 {as_it_is:.3f}, drawn {drawn:.3f}; open {number.float().mean():.1f} "
        f"({number.min()} to {number.max()}), drawn {chance.sum(1).mean():.1f} of {chance.shape[1]}; "
        f"P(keep) of nine in ten channels {low:.2f} to {high:.2f}"
    )


if __name__ == "__main__":
    main()
