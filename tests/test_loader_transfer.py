"""DCTLoader's way to a device: who calls what, in which thread, with CUDA replaced; the real one where it is."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from types import SimpleNamespace

import dctdecode.data.producer as producer
import dctdecode.data.transfer as transfer
import pytest
import torch
from dctdecode import DCTLoader
from loading import Files, Numbers, targets_of

LOADER_THREAD = "dctdecode-loader"


class Recorded:
    """In place of `CudaTransfer`: copies are clones, and everything is written down."""

    log: list[tuple]

    def __init__(self, index: int) -> None:
        self.log.append(("made", index, threading.current_thread().name))
        self.within = False

    @contextmanager
    def stream(self):
        self.within = True
        yield
        self.within = False

    def copy(self, tensor):
        assert self.within, "not on the stream"
        self.log.append(("copy", tensor.data_ptr(), threading.current_thread().name))
        return tensor.clone()

    def record(self):
        assert self.within, "the event would be on another stream"
        token = object()
        self.log.append(("record", token, threading.current_thread().name))
        return token

    def hand_over(self, tensors, ready):
        self.log.append(("hand over", ready, threading.current_thread().name, [t.data_ptr() for t in tensors]))


@pytest.fixture
def log(monkeypatch) -> list[tuple]:
    found: list[tuple] = []
    monkeypatch.setattr(Recorded, "log", found, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        torch.cuda, "set_device", lambda i: found.append(("device", i, threading.current_thread().name))
    )
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 2)
    monkeypatch.setattr(producer, "CudaTransfer", Recorded)

    def pinned(shape, dtype, pin_memory):
        assert pin_memory, "batches for a device must be pinned"
        return torch.empty(shape, dtype=dtype)

    monkeypatch.setattr("dctdecode.data.ring.allocate", pinned)
    return found


def test_copies_are_made_by_the_loaders_thread_and_handed_over_by_the_consumers(log):
    numbers = Numbers(8)
    batches = list(DCTLoader(numbers, 4, device="cuda:1"))
    assert targets_of(batches) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert log[:2] == [("device", 1, LOADER_THREAD), ("made", 1, LOADER_THREAD)]
    copies = [entry for entry in log if entry[0] == "copy"]
    assert [entry[1] for entry in copies[::2]] == numbers.addresses  # straight from where the decoder wrote
    assert {entry[2] for entry in copies} == {LOADER_THREAD}
    recorded = [entry[1] for entry in log if entry[0] == "record"]
    handed = [entry for entry in log if entry[0] == "hand over"]
    assert [entry[1] for entry in handed] == recorded  # each with its own event
    assert {entry[2] for entry in handed} == {threading.current_thread().name}
    given = [[part.data_ptr() for part in batch] for batch in batches]
    assert [entry[3] for entry in handed] == given  # images and targets, none forgotten


@pytest.mark.parametrize(("collate", "parts"), [("pad", 3), ("list", 5)])
def test_all_parts_of_a_batch_are_copied(log, monkeypatch, collate, parts):
    monkeypatch.setattr("dctdecode.data.collate.allocate", lambda shape, dtype, _: torch.empty(shape, dtype=dtype))
    list(DCTLoader(Numbers(4, sizes=[3, 4, 5, 6]), 4, device="cuda:0", collate=collate))
    assert len([entry for entry in log if entry[0] == "copy"]) == parts
    assert [len(entry[3]) for entry in log if entry[0] == "hand over"] == [parts]


def test_a_batch_is_mixed_on_the_device_before_its_event(log):
    def mixed(images, targets):
        log.append(("mixed", images.data_ptr(), threading.current_thread().name))
        return images + 1, targets

    ((images, _),) = DCTLoader(Numbers(4), 4, device="cuda:0", batch_transform=mixed)
    assert float(images[2, 0, 0, 0]) == 3
    steps = [entry[0] for entry in log]
    assert steps.index("copy") < steps.index("mixed") < steps.index("record")


def test_pinning_alone_makes_no_stream(log, monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert len(list(DCTLoader(Numbers(8), 4, pin_memory=True))) == 2
    # Whose context pins: the loader's thread takes the memory, the worker may too.
    assert {entry[:2] for entry in log} == {("device", 2)}
    assert {thread for _, _, thread in log} == {LOADER_THREAD, "dctdecode-batch"}


def test_hand_over_waits_and_tells_the_allocator(monkeypatch):
    calls = []
    consumer = SimpleNamespace(wait_event=lambda event: calls.append(("wait", event)))
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: ("stream", device))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: consumer)
    made = transfer.CudaTransfer(2)
    tensors = [
        SimpleNamespace(record_stream=lambda stream, name=name: calls.append((name, stream))) for name in "ab"
    ]
    made.hand_over(tensors, "event")
    assert calls == [("wait", "event"), ("a", consumer), ("b", consumer)]


def test_copies_are_asynchronous(monkeypatch):
    asked = {}
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: None)
    tensor = SimpleNamespace(to=lambda device, **options: asked.update(device=device, **options))
    transfer.CudaTransfer(2).copy(tensor)
    assert asked == {"device": torch.device("cuda", 2), "non_blocking": True}


def test_whose_device_pins(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert transfer.device_index(torch.device("cuda", 2)) == 2
    assert transfer.device_index(torch.device("cuda")) == 3
    assert transfer.device_index(None) == 3
    monkeypatch.setenv("LOCAL_RANK", "9")
    assert transfer.device_index(None) == 1
    monkeypatch.delenv("LOCAL_RANK")
    assert transfer.device_index(None) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_batches_on_a_device_are_those_of_the_cpu():
    """The device is kept busy, so that a copy or a buffer taken too early would show."""
    expected = list(DCTLoader(Files(256), 16, shuffle=True))
    loader = DCTLoader(Files(256), 16, shuffle=True, device="cuda")
    work = torch.rand(4096, 4096, device="cuda")
    sums = []
    for images, targets in loader:
        for _ in range(20):
            work = (work @ work).clamp(0, 1)
        sums.append((images.double().sum(dim=(1, 2, 3)) + 0 * work[0, 0], targets))
        assert images.is_cuda
        assert targets.is_cuda
    for (found, places), (images, targets) in zip(sums, expected, strict=True):
        assert torch.equal(places.cpu(), targets)
        assert torch.allclose(found.cpu(), images.double().sum(dim=(1, 2, 3)), rtol=1e-9)
    pinned = list(DCTLoader(Files(64), 16, pin_memory=True))
    assert all(images.is_pinned() for images, _ in pinned)
