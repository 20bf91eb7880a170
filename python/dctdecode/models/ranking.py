"""Channels in the order in which a gate keeps them, and the preset file made of the first."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from dctdecode.channels import ALL_CHANNELS, ChannelSet

__all__ = ["Ranking"]


@dataclass(frozen=True)
class Ranking:
    """How often each channel is kept.

    Args:
        flat: flat indices 0..191 of the channels.
        probabilities: P(keep) of each.

    Raises:
        ValueError: the two differ in length, or an index or a probability is out of range.

    Example:
        >>> from dctdecode.models.ranking import Ranking
        >>> ranking = Ranking((0, 1, 64), (0.9, 0.2, 0.6))
        >>> ranking.order
        (0, 64, 1)
        >>> ranking.best(2)
        ChannelSet(y=[0], cb=[0], cr=[])
    """

    flat: tuple[int, ...]
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.flat) != len(self.probabilities):
            raise ValueError(f"{len(self.flat)} channels and {len(self.probabilities)} probabilities")
        ChannelSet.from_flat(self.flat)  # raises what is wrong with them
        if wrong := [value for value in self.probabilities if not 0 <= value <= 1]:
            raise ValueError(f"probabilities are 0 to 1, got {wrong[0]}")

    @property
    def order(self) -> tuple[int, ...]:
        """Flat indices, the most often kept first; equals by index."""
        pairs = zip(self.flat, self.probabilities, strict=True)
        return tuple(index for index, _ in sorted(pairs, key=lambda pair: (-pair[1], pair[0])))

    def best(self, number: int | None = None) -> ChannelSet:
        """The `number` channels that are kept most often; None: those kept more often than not.

        Raises:
            ValueError: `number` is below 1 or above what there is, or none is kept more often than not.
        """
        if number is None:
            number = sum(value > 0.5 for value in self.probabilities)
            if not number:
                raise ValueError("no channel is kept more often than not: say how many to take")
        if not 1 <= number <= len(self.flat):
            raise ValueError(f"expected 1 to {len(self.flat)} channels, got {number}")
        return ChannelSet.from_flat(self.order[:number])

    def save(self, path: str | os.PathLike[str], channels: ChannelSet) -> None:
        """Writes `channels` as a file for ``channels=``, with the probabilities for the record.

        Raises:
            OSError: the file cannot be written.
        """
        every: list[float | None] = [None] * ALL_CHANNELS
        for index, value in zip(self.flat, self.probabilities, strict=True):
            every[index] = round(value, 6)
        row = {"y": channels.y, "cb": channels.cb, "cr": channels.cr, "keep_probability": every}
        Path(path).write_text(json.dumps(row) + "\n", "utf-8")

    @classmethod
    def from_checkpoint(cls, checkpoint: Mapping[str, Any]) -> Ranking:
        """The ranking of the gate in a state dict, or in a mapping that holds one, however deep.

        Where there are several gates, one below a name with the word "ema" counts (of averaged weights, as in
        "model_ema"), otherwise the first.

        Raises:
            ValueError: there is no gate.
        """
        found = list(_gates(checkpoint, ""))
        if not found:
            raise ValueError("holds no gate: no pair of tensors 'keep_probability' and 'flat_channels'")
        averaged = [gate for gate in found if re.search(r"(?<![a-z])ema(?![a-z])", gate[0].lower())]
        _, flat, probabilities = (averaged or found)[0]
        return cls(tuple(flat.tolist()), tuple(probabilities.float().tolist()))


def _gates(mapping: Mapping[Any, Any], path: str) -> Any:
    """Path, flat_channels and keep_probability of every gate below `mapping`."""
    for key, value in mapping.items():
        name = str(key)
        if isinstance(value, Mapping):
            yield from _gates(value, f"{path}{name}.")
        elif isinstance(value, Tensor) and name.split(".")[-1] == "keep_probability":
            flat = mapping.get(name.removesuffix("keep_probability") + "flat_channels")
            if isinstance(flat, Tensor):
                yield path + name, flat, value
