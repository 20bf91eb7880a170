"""One process of several, as torchrun starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Place:
    """Which process this is, and where it computes."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def total(self, numbers: torch.Tensor) -> torch.Tensor:
        """Sum over all processes of a tensor on the device, which this overwrites."""
        if self.world_size > 1:
            dist.all_reduce(numbers)
        return numbers.cpu()


@contextmanager
def joined(device: str | None) -> Iterator[Place]:
    """The group of processes, if torchrun started several; left at the end."""
    world_size, local = int(os.environ.get("WORLD_SIZE", "1")), os.environ.get("LOCAL_RANK", "0")
    place = torch.device(device or (f"cuda:{local}" if torch.cuda.is_available() else "cpu"))
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if world_size == 1:
        yield Place(0, 1, place)
        return
    dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield Place(dist.get_rank(), world_size, place)
        # Meanwhile gloo's threads let go of the last sum's tensors. They outlive the group, which torch 2.13's
        # DistributedDataParallel keeps, and a tensor that they let go of while Python ends aborts the process.
        dist.barrier()
    finally:
        dist.destroy_process_group()
