"""The loop: steps, evaluation, and the state from which a run goes on as if it had never stopped."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from classification import records
from classification.schedule import learning_rate
from dctdecode import models
from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d

from detection.data import make_loader
from detection.evaluation import METRICS, evaluate

_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "frozen": FrozenBatchNorm2d,
    "group": lambda maps: nn.GroupNorm(16, maps),
}


def make_network(options: Namespace) -> nn.Module:
    network = models.create_model(
        options.model,
        "rgb" if options.input == "rgb" else options.channels,
        num_classes=options.classes,
        block_px=options.block_px,
        width=options.width,
        norm_layer=_NORMS[options.norm],
        pyramid_maps=options.pyramid_maps,
        anchor_sizes=options.anchors,
        rpn_pre_nms_top_n_train=options.proposals,
        rpn_post_nms_top_n_train=options.proposals,
        box_batch_size_per_image=options.regions,
    )
    return network.to(memory_format=torch.channels_last) if options.channels_last else network


def describe(options: Namespace) -> str:
    """Size of the model, and the arithmetic of what sees the whole picture: ResNet, pyramid and proposals."""
    with torch.device("meta"):  # where nothing is computed
        network: Any = make_network(options).eval()
        lattice = network.transform.lattice
        step_px = lattice.cell_px * lattice.divisor
        height, width = (-(-px // step_px) * lattice.divisor for px in (options.size, options.max_size))
        image = torch.empty(1, 3 if options.input == "rgb" else len(options.channels), height, width)
        maps = list(network.backbone(image).values())
        macs = models.count_cost(network.backbone, image).macs + models.count_cost(network.rpn.head, maps).macs
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return (
        f"{options.model}: {parameters / 1e6:.3f} M parameters, {macs / 1e9:.4g} GMAC before the heads of regions "
        f"at {options.size} x {options.max_size} px"
    )


class Trainer:
    """All that changes during a run. `fit` runs it; `state` and `restore` are exact.

    All randomness, of data and of sampled regions, is seeded anew at every epoch from (seed, epoch), so that there
    is no generator to save.
    """

    def __init__(self, options: Namespace, device: torch.device) -> None:
        self.options, self.device = options, device
        self.train, self.val = make_loader(options, train=True), make_loader(options, train=False)
        self.data: Any = self.val.dataset
        if options.classes is None:
            options.classes = max(self.data.coco.getCatIds()) + 1
        torch.manual_seed(options.seed)
        self.network = make_network(options).to(device)
        if options.body is not None:
            weights = torch.load(options.body, map_location="cpu", weights_only=True)
            print(models.load_body(self.network.backbone.body, weights))  # type: ignore[arg-type,union-attr]  # noqa: T201
        learning = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        if options.optimizer == "sgd":
            self.optimizer: torch.optim.Optimizer = torch.optim.SGD(
                learning, options.lr, momentum=options.momentum, weight_decay=options.weight_decay
            )
        else:
            self.optimizer = torch.optim.AdamW(learning, options.lr, weight_decay=options.weight_decay)
        self.epoch = 0
        self.rows: list[records.Row] = []

    def state(self) -> dict[str, Any]:
        return {
            "options": records.plain(self.options),
            "model": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "rows": self.rows,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.rows = state["epoch"], state["rows"]

    def fit(self, log: records.Log) -> None:
        """The epochs that are left, or up to `stop_epoch`."""
        options = self.options
        while self.epoch < min(options.epochs, options.stop_epoch or options.epochs):
            row = self._train_epoch()
            self.epoch += 1
            last = self.epoch == options.epochs
            if last or self.epoch % options.evaluate_epochs == 0:
                row.update(self.evaluate())
            self.rows.append(row)
            records.save(options.output / "last.pt", self.state())
            if "box AP" in row and max(map(_score, self.rows)) == _score(row):
                records.save(options.output / "best.pt", self.state())
            log.write(_even(self.rows))
            print(", ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)  # noqa: T201

    def evaluate(self) -> records.Row:
        batches = bar(self.val, self.options.progress, "evaluation")
        row: records.Row = evaluate(self.network, batches, self.data, autocast(self.options), self.device)
        return row

    def _train_epoch(self) -> records.Row:
        torch.manual_seed((self.options.seed << 32) + self.epoch)
        self.network.train()
        began, images, sums = time.perf_counter(), 0, torch.zeros(1)
        names: list[str] = []
        for number, batch in enumerate(bar(self.train, self.options.progress, f"epoch {self.epoch}")):
            losses = self._train_step(*batch, step=self.epoch * len(self.train) + number)
            names = list(losses)
            sums = sums + torch.stack(list(losses.values())).cpu() * len(batch[0])
            images += len(batch[0])
        seconds = time.perf_counter() - began
        return {
            "epoch": float(self.epoch),
            "lr": self.optimizer.param_groups[0]["lr"],
            "loss": float(sums.sum()) / images,
            **{name: float(value) / images for name, value in zip(names, sums, strict=True)},
            "images_per_s": images / seconds,
        }

    def _train_step(self, images: list[Tensor], targets: list[Any], step: int) -> dict[str, Tensor]:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.options, step, len(self.train))
        images = [image.to(self.device, non_blocking=True) for image in images]
        wanted = [{name: target[name].to(self.device) for name in self._wanted(target)} for target in targets]
        with autocast(self.options):
            losses: dict[str, Tensor] = self.network(images, wanted, sizes=[target["size"] for target in targets])
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            raise RuntimeError(f"the loss is {float(total)} at step {step}: {losses}")
        self.optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.options.clip)
        self.optimizer.step()
        return {name: loss.detach().float() for name, loss in losses.items()}

    def _wanted(self, target: dict[str, Any]) -> list[str]:
        return [name for name in ("boxes", "labels", "masks") if name in target]


def _score(row: records.Row) -> float:
    """What the best checkpoint has most of."""
    return row.get("mask AP", row.get("box AP", -1.0))


def _even(rows: list[records.Row]) -> list[records.Row]:
    """Rows with the same columns: evaluations may be rarer than epochs."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name, float("nan")) for name in names} for row in rows]


def autocast(options: Namespace) -> Any:
    if options.amp == "off":
        return nullcontext()
    return torch.autocast(options.device.split(":")[0], torch.bfloat16)


def bar(batches: Any, wanted: bool | None, title: str) -> Any:
    """A progress bar around the batches, where tqdm is installed; without a word from anybody, on a terminal."""
    if wanted is False:
        return batches
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return batches
    return tqdm(batches, title, leave=False, disable=None if wanted is None else False)


__all__ = ["METRICS", "Trainer", "describe", "make_network"]
