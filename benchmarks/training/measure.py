"""What is said about a trained network: accuracy, size, cost, and what its gate does."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from classification import records
from classification.data import validation_loader
from classification.networks import make_network
from classification.processes import Place
from dctdecode.models import GatedModel, count_cost, fold_distance

_HERE = Place(0, 1, torch.device("cuda" if torch.cuda.is_available() else "cpu"))


def measured(checkpoint: Path, data: Path, val_folder: str) -> dict[str, Any]:
    """JSON values. Accuracy is that of the last epoch, never of the best: the test set chooses nothing."""
    state = records.load(checkpoint)
    options = Namespace(**{**state["options"], "data": data, "val_folder": val_folder, "batch_size": 64})
    network = make_network(options, len(state["classes"]))
    network.load_state_dict(state["ema"] or state["model"])
    loader = validation_loader(options, _HERE)
    shape = loader.dataset.batch_shape(1)
    assert shape is not None
    cost = count_cost(network, torch.zeros(shape))
    found = {
        "rows": state["rows"],
        "parameters": cost.parameters,
        "macs": cost.macs,
        "input_values": torch.Size(shape).numel(),
        "channels": None if options.input == "rgb" else options.channels,
    }
    if isinstance(network, GatedModel):
        found["gate"] = _gate(network.to(_HERE.device), loader)
    return found


def _gate(network: GatedModel, loader: Any) -> dict[str, Any]:
    """On the test images, in evaluation: nothing is drawn."""
    probabilities = network.gate.keep_probability.tolist()  # of training, before `measure` replaces them
    folded: dict[str, Any] = {}
    number = int((network.gate.keep_probability > 0.5).sum())
    for keep in {24, number} - {0}:
        distance = fold_distance(network, network.fold(keep), loader)
        folded[str(keep)] = {"rms": distance.rms, "max": distance.max, "agreement": distance.agreement}
    usage = network.gate.measure(loader)
    return {
        "keep_probability": probabilities,
        "keep_rate": usage.keep_rate.tolist(),
        "kept": [float(usage.kept.double().mean()), int(usage.kept.min()), int(usage.kept.max())],
        "bandwidth": usage.bandwidth,
        "folded": folded,
    }
