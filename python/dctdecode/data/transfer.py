"""From pinned memory to a CUDA device, beside whatever the device is computing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

__all__ = ["CudaTransfer", "as_device", "device_index"]


def as_device(device: Any) -> torch.device | None:
    """The CUDA device to copy to; None for the CPU, where there is nothing to copy.

    Raises:
        ValueError: a device of another kind.
        RuntimeError: no CUDA here.
    """
    if device is None:
        return None
    found = torch.device("cuda", device) if isinstance(device, int) else torch.device(device)
    if found.type == "cpu":
        return None
    if found.type != "cuda":
        raise ValueError(
            f"device must be the CPU or a CUDA device, got {device!r}; copy batches to others yourself"
        )
    if not torch.cuda.is_available():
        raise RuntimeError(f"device={device!r}, but torch finds no CUDA here")
    return found


def device_index(device: torch.device | None) -> int:
    """Whose context pins memory: the device's; else LOCAL_RANK's, else the calling thread's current one."""
    if device is not None and device.index is not None:
        return device.index
    local_rank = os.environ.get("LOCAL_RANK", "")
    if local_rank.isdecimal() and int(local_rank) < torch.cuda.device_count():
        return int(local_rank)
    return int(torch.cuda.current_device())


class CudaTransfer:
    """Copies on a stream of its own.

    `hand_over` is for the consumer's thread, the rest for the loader's. Lifetimes: torch's allocator of pinned
    memory keeps a source until the copy from it is done; the copies were allocated on this stream, so the
    consumer's stream waits for them (`wait_event`) and the allocator is told that it uses them (`record_stream`).
    """

    def __init__(self, index: int) -> None:
        self._device = torch.device("cuda", index)
        self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]

    @contextmanager
    def stream(self) -> Iterator[None]:
        with torch.cuda.stream(self._stream):
            yield

    def copy(self, tensor: Tensor) -> Tensor:
        """Asynchronous where the tensor is pinned; call within `stream`."""
        return tensor.to(self._device, non_blocking=True)

    def record(self) -> torch.cuda.Event:
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(self._stream)
        return event

    def hand_over(self, tensors: list[Tensor], ready: torch.cuda.Event) -> None:
        consumer = torch.cuda.current_stream(self._device)
        consumer.wait_event(ready)
        for tensor in tensors:
            tensor.record_stream(consumer)
