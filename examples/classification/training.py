"""The loop: steps, validation, and the state from which a run goes on as if it had never stopped."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
from dctdecode.models import Loaded, load_body
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from classification import records
from classification.data import laid_out, training_loader, validation_loader
from classification.networks import MovingAverage, make_network, train_mode
from classification.processes import Place
from classification.schedule import learning_rate, make_optimizer

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Trainer:
    """All that changes during a run. `fit` runs it; `state` and `restore` are exact.

    Randomness outside the data, such as a gate's draws, is seeded anew at every step from (seed, step, rank), so
    that there is no generator to save.
    """

    def __init__(self, options: Namespace, place: Place) -> None:
        self.options, self.place = options, place
        self.train, self.val = training_loader(options, place), validation_loader(options, place)
        self.classes: list[str] = self.train.dataset.classes  # type: ignore[attr-defined]
        torch.manual_seed(options.seed)
        self.network = make_network(options, len(self.classes)).to(place.device)
        self.wrapped = self._wrap()
        self.optimizer = make_optimizer(options, self.network)
        self.average = MovingAverage(self.network, options.ema) if options.ema else None
        self.scaler = torch.amp.GradScaler(place.device.type, enabled=options.amp == "fp16")
        self.step = 0
        # Of this epoch: images, loss, hits, gate. On the device, so that no step waits for its own numbers.
        self.sums = torch.zeros(4, dtype=torch.float64, device=place.device)
        self.seconds = torch.zeros(2, dtype=torch.float64)  # waiting for data; the whole epoch
        self.rows: list[records.Row] = []

    def _wrap(self) -> nn.Module:
        return DistributedDataParallel(self.network) if self.place.world_size > 1 else self.network

    def start_from(self, weights: dict[str, Any]) -> Loaded:
        """Weights of the network for pixels, before the first step; the stem keeps its own."""
        loaded = load_body(self.network, weights)
        if self.average is not None:
            self.average.network.load_state_dict(self.network.state_dict())
        return loaded

    def state(self) -> dict[str, Any]:
        return {
            "options": records.plain(self.options),
            "classes": list(self.classes),
            "model": self.network.state_dict(),
            "ema": None if self.average is None else self.average.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "loader": self.train.state_dict(),
            "step": self.step,
            "sums": self.sums.cpu(),
            "seconds": self.seconds,
            "rows": self.rows,
        }

    def restore(self, state: dict[str, Any]) -> None:
        if list(self.classes) != state["classes"]:
            raise ValueError(f"the checkpoint is for the classes {', '.join(state['classes'])}")
        self.network.load_state_dict(state["model"])
        if self.average is not None:
            self.average.network.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.train.load_state_dict(state["loader"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.sums.copy_(state["sums"])
        self.rows = state["rows"]

    def fit(self, log: records.Log | None) -> None:
        """The epochs that are left, or as many steps as `max_steps` allows."""
        while self.train.epoch < self.options.epochs:
            epoch = self.train.epoch
            if not self._train_epoch(epoch):
                self._save("last.pt")
                return
            row = self._row(epoch)
            self.rows.append(row)
            self.sums, self.seconds = torch.zeros_like(self.sums), torch.zeros_like(self.seconds)
            self._save("last.pt")
            best = max(self.rows, key=_score)
            if best is row:
                self._save("best.pt")
            if log is not None:
                log.write(self.rows)
                print(", ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)  # noqa: T201

    def _save(self, name: str) -> None:
        if self.place.is_first:
            records.save(self.options.output / name, self.state())

    def _train_epoch(self, epoch: int) -> bool:
        """False where `max_steps` ended it."""
        options = self.options
        train_mode(self.wrapped, options.freeze_norm)
        if options.gate is not None and epoch >= options.epochs - options.gate_still_epochs:
            self.network.gate.eval().requires_grad_(False)
            self.wrapped = self._wrap()  # anew: it waits for the gradients that there were when it was made
        began = time.perf_counter()
        for images, targets in self._timed(bar(self.train, options.progress, f"epoch {epoch}", self.place)):
            self._train_step(images, targets)
            self.seconds[1] += time.perf_counter() - began
            began = time.perf_counter()
            if self.step == options.max_steps:
                return False
            if options.save_steps and self.step % options.save_steps == 0:
                self._save("last.pt")
        return True

    def _timed(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The batches; how long each was waited for is added up."""
        waiting = iter(batches)
        while True:
            began = time.perf_counter()
            batch = next(waiting, None)
            self.seconds[0] += time.perf_counter() - began
            if batch is None:
                return
            yield batch

    def _train_step(self, images: Tensor, targets: Tensor) -> None:
        options, place = self.options, self.place
        torch.manual_seed((options.seed << 40) + self.step * place.world_size + place.rank)
        for group in self.optimizer.param_groups:
            group["lr"] = group["factor"] * learning_rate(options, self.step, len(self.train))
        images, targets = images.to(place.device, non_blocking=True), targets.to(place.device, non_blocking=True)
        with autocast(options, place):
            gate = None
            if options.gate is None:
                logits = self.wrapped(laid_out(images, options))
            else:
                logits, gate = self.wrapped(laid_out(images, options), return_gate=True)
        logits = logits.float()
        loss = nn.functional.cross_entropy(logits, targets, label_smoothing=options.label_smoothing)
        total = loss if gate is None else loss + options.gate * gate.mean()
        self.optimizer.zero_grad()
        self.scaler.scale(total).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.step += 1
        if self.average is not None:
            self.average.update(self.network, self.step)
        labels = targets if targets.ndim == 1 else targets.argmax(1)
        hits = (logits.detach().argmax(1) == labels).float().mean()
        kept = torch.zeros_like(hits) if gate is None else gate.detach().mean()
        self.sums += len(labels) * torch.stack([torch.ones_like(hits), loss.detach(), hits, kept]).double()

    def _row(self, epoch: int) -> records.Row:
        """One line of the log, after an epoch. Seconds are those of the first process."""
        sums = self.place.total(self.sums.clone())
        images, waited, whole = float(sums[0]), *self.seconds.tolist()
        row = {
            "epoch": float(epoch),
            "lr": float(self.optimizer.param_groups[0]["lr"]),
            "train_loss": float(sums[1]) / images,
            "train_top1": float(sums[2]) / images,
            "images_per_s": images / whole,
            "waiting_share": waited / whole,
        }
        if self.options.gate is not None:
            row["gate"] = float(sums[3]) / images
        row.update(self.validate(self.network))
        if self.average is not None:
            row.update({f"ema_{name}": value for name, value in self.validate(self.average.network).items()})
        return row

    def validate(self, network: nn.Module) -> records.Row:
        return validate(network, self.val, self.options, self.place)


def _score(row: records.Row) -> float:
    return row.get("ema_top1", row["top1"])


@torch.no_grad()
def validate(network: nn.Module, loader: Any, options: Namespace, place: Place) -> records.Row:
    """Mean loss, top-1 and top-5 over all images, each counted once whatever the number of processes."""
    network.eval()
    loader.set_epoch(0)
    left = len(loader.dataset) // place.world_size + (place.rank < len(loader.dataset) % place.world_size)
    sums = torch.zeros(4, dtype=torch.float64, device=place.device)
    for images, targets in bar(loader, options.progress, "validation", place):
        images, targets = images[:left].to(place.device), targets[:left].to(place.device)
        left -= len(images)
        if len(images) == 0:
            continue
        with autocast(options, place):
            logits = network(laid_out(images, options))
        logits = logits.float()
        loss = nn.functional.cross_entropy(logits, targets, reduction="sum")
        best = logits.topk(min(5, logits.shape[1]), 1).indices == targets[:, None]
        sums += torch.stack([torch.full_like(loss, len(images)), loss, best[:, 0].sum(), best.sum()]).double()
    images, loss, top1, top5 = place.total(sums).tolist()
    return {"val_loss": loss / images, "top1": top1 / images, "top5": top5 / images}


def autocast(options: Namespace, place: Place) -> Any:
    if options.amp == "off":
        return nullcontext()
    return torch.autocast(place.device.type, _DTYPES[options.amp])


def bar(batches: Any, wanted: bool | None, title: str, place: Place) -> Any:
    """A progress bar around the batches, where tqdm is installed; without a word from anybody, on a terminal."""
    if wanted is False or not place.is_first:
        return batches
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return batches
    return tqdm(batches, title, leave=False, disable=None if wanted is None else False)
