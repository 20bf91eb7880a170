"""The network of a run, and the moving average of its weights."""

from __future__ import annotations

import copy
from argparse import Namespace

import torch
from dctdecode.models import FrequencyGate, GatedModel, create_model
from torch import Tensor, nn


def make_network(options: Namespace, num_classes: int) -> nn.Module:
    """(N, C, H, W) to (N, num_classes), with a gate if there is one in the options."""
    channels = "rgb" if options.input == "rgb" else options.channels
    inputs = 3 if options.input == "rgb" else len(options.channels)
    if options.model == "tiny":
        network: nn.Module = Tiny(inputs, num_classes, pixels=options.input == "rgb")
    else:
        more = {"width": options.width} if options.width != 1 else {}
        if options.model.startswith("resnet"):
            more["stage2_stride"] = options.stage2_stride
        network = create_model(options.model, channels, num_classes=num_classes, **more)
    if options.gate is not None:
        network = GatedModel(FrequencyGate(options.channels, pooling=options.gate_pooling), network)
    return network.to(memory_format=torch.channels_last) if options.channels_last else network


class Tiny(nn.Sequential):
    """Three convolutions, to try things where torchvision is not installed."""

    frequency_stem = "0"  # which layer a gate folds into

    def __init__(self, inputs: int, num_classes: int, pixels: bool) -> None:
        first = nn.Conv2d(inputs, 32, 8, stride=8) if pixels else nn.Conv2d(inputs, 32, 1)
        super().__init__(first, nn.BatchNorm2d(32), nn.ReLU(), *_down(32, 64), *_down(64, 64))
        self.extend([nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, num_classes)])


def _down(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def train_mode(network: nn.Module, freeze_norm: bool) -> None:
    """Training mode; batch norm, if frozen, goes by the statistics that it has."""
    network.train()
    if freeze_norm:
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


class MovingAverage:
    """Exponential moving average of weights and of batch norm's statistics.

    Early on, when there is little to average, the decay is less: (1 + n) / (10 + n) after n updates.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        decay = min(self._decay, (1 + step) / (10 + step))
        theirs: dict[str, Tensor] = network.state_dict()
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(theirs[name], 1 - decay)
            else:
                value.copy_(theirs[name])
