"""What a run leaves behind: checkpoints, a CSV file, TensorBoard's events."""

from __future__ import annotations

import csv
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch

Row = dict[str, float]


def save(path: Path, state: dict[str, Any]) -> None:
    """All or nothing: a run that is killed while it writes leaves the file that was there."""
    unfinished = path.with_suffix(".unfinished")
    torch.save(state, unfinished)
    unfinished.replace(path)


def load(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def plain(options: Namespace) -> dict[str, Any]:
    """Options as what a checkpoint can hold and `load` can read."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}


class Log:
    """One row an epoch, in OUTPUT/log.csv and, if wanted, TensorBoard."""

    def __init__(self, folder: Path, tensorboard: bool) -> None:
        self._path = folder / "log.csv"
        self._events: Any = None
        self._sent = 0  # rows that the events of this process hold
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            # Those of an earlier process in this folder count no more: all rows are sent anew.
            self._events = SummaryWriter(str(folder), purge_step=0)

    def write(self, rows: list[Row]) -> None:
        """All rows so far; those that a killed run wrote after its last checkpoint are gone."""
        with self._path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[-1]))
            writer.writeheader()
            writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in rows)
        if self._events is not None:
            for row in rows[self._sent :]:
                for name, value in row.items():
                    self._events.add_scalar(name, value, int(row["epoch"]))
            self._events.flush()
        self._sent = len(rows)
