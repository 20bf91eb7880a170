"""Threads of a DCTLoader where something is against them: none are left, or one of them drops its own iterator."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import pytest
import torch
from dctdecode.data import DCTLoader
from dctdecode.data.producer import Producer


class Numbers:
    """A data set that is prepared; a batch is full of its first index. `hook` is called in a worker."""

    dtype = torch.float32

    def __init__(self, hook=lambda indices: None) -> None:
        self.hook = hook

    def __len__(self) -> int:
        return 40

    def batch_shape(self, n: int) -> tuple[int, int]:
        return n, 2

    def prepare_batch(self, indices, *, randoms, threads, on_error, has_out):
        self.hook(indices)
        return lambda out, pin_memory: (out.fill_(indices[0]), torch.tensor(indices), [])

    def read_batch(self, indices, *, out, **options):
        return out.fill_(indices[0]), torch.tensor(indices), []


def ours() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("dctdecode-")]


def all_end(seconds: float) -> bool:
    end = time.monotonic() + seconds
    while ours() and time.monotonic() < end:
        time.sleep(0.01)
    return not ours()


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_no_thread_is_left_where_one_cannot_start(monkeypatch, failing):
    gc.collect()
    assert all_end(10)
    start, tries = threading.Thread.start, []

    def start_or_not(self) -> None:
        tries.append(self)
        if len(tries) == failing:
            raise RuntimeError("can't start new thread")
        start(self)

    dataset = Numbers()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_or_not)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            iter(DCTLoader(dataset, 4))
    tries.clear()
    assert all_end(5)
    assert [images[0, 0].item() for images, _ in DCTLoader(dataset, 4)] == list(range(0, 40, 4))


def test_a_worker_that_collects_its_own_iterator_does_not_wait_for_itself():
    dropped, seconds = threading.Event(), []

    def collect(indices: list[int]) -> None:
        if indices[0] == 16:
            dropped.wait(30)
            began = time.monotonic()
            gc.collect()
            seconds.append(time.monotonic() - began)

    gc.collect()
    gc.disable()
    try:
        dataset = Numbers(collect)
        iterator = iter(DCTLoader(dataset, 4))
        next(iterator)
        iterator.itself = iterator  # a cycle
        known = weakref.ref(iterator)
        del iterator
        dropped.set()
        assert all_end(10)
    finally:
        gc.enable()
    assert seconds[0] < 2
    assert known() is None
    dataset_is_left = weakref.ref(dataset)
    del dataset, collect
    gc.collect()
    assert dataset_is_left() is None


@pytest.mark.parametrize("prefetch", [0, 1])
def test_what_comes_between_two_looks_is_heard(monkeypatch, prefetch):
    """Messages that come after the thread has looked whether the consumer waits, and before it reads them."""
    is_awaited = Producer._is_awaited

    def late(producer: Producer) -> bool:
        answer = is_awaited(producer)
        time.sleep(0.01)
        return answer

    monkeypatch.setattr(Producer, "_is_awaited", late)
    got: list[int] = []
    loader = DCTLoader(Numbers(), 4, prefetch=prefetch)
    consumer = threading.Thread(target=lambda: got.extend(1 for _ in loader), daemon=True)
    consumer.start()
    consumer.join(10)
    assert len(got) == 10
