"""The learning rate as a function of the step alone, so that a resumed run needs nothing but its step."""

from __future__ import annotations

import math
from argparse import Namespace
from typing import Any

import torch
from dctdecode.models import GatedModel
from torch import nn


def learning_rate(options: Namespace, step: int, steps_per_epoch: int) -> float:
    """Of the step that comes next, counted from 0: linear warm-up, then a cosine to 0, or steps at epochs."""
    epoch = step / steps_per_epoch
    if epoch < options.warmup_epochs:
        return options.lr * (step + 1) / (options.warmup_epochs * steps_per_epoch + 1)
    if options.schedule == "step":
        return options.lr * options.step_factor ** sum(epoch >= at for at in options.step_epochs)
    done = (epoch - options.warmup_epochs) / (options.epochs - options.warmup_epochs)
    return options.lr * 0.5 * (1 + math.cos(math.pi * done))


def make_optimizer(options: Namespace, network: nn.Module) -> torch.optim.SGD:
    """SGD. Each group of parameters has a `factor` on the learning rate; the gate has its own, and its own decay.

    Decay moves weights by learning rate x decay, so that a factor on the one would be a factor on the other; and
    it draws every P(keep) towards one half, where training and evaluation see different channels.
    """
    gate = list(network.gate.parameters()) if isinstance(network, GatedModel) else []
    gated = {id(parameter) for parameter in gate}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in gated]
    groups: list[dict[str, Any]] = [{"params": rest, "factor": 1.0}]
    if gate:
        groups.append({"params": gate, "factor": options.gate_lr, "weight_decay": options.gate_weight_decay})
    return torch.optim.SGD(
        groups,
        lr=options.lr,
        momentum=options.momentum,
        nesterov=options.nesterov,
        weight_decay=options.weight_decay,
    )
