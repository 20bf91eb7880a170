"""DCTLoader's memory: filled directly, bounded, used again only when nothing refers to it, and given back."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
from pathlib import Path

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode import DCTLoader
from dctdecode.data.producer import Producer
from dctdecode.data.ring import Ring
from loading import SMALL, Numbers, wait_until
from torch import Tensor


def loader_threads() -> int:
    return sum(thread.name == "dctdecode-loader" for thread in threading.enumerate())


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_batches_are_where_the_dataset_wrote_them():
    numbers = Numbers(30)
    for number, (images, _) in enumerate(DCTLoader(numbers, 4)):
        assert images.data_ptr() == numbers.addresses[number]
        assert images.is_contiguous()
        assert images.data_ptr() % 64 == 0
        assert images._base is None  # nobody's view: in-place work and autograd see an ordinary tensor


@pytest.fixture
def made(monkeypatch) -> list[int]:
    """An entry for each buffer that the system was asked for; it gives addresses of freed ones out again."""
    sizes: list[int] = []
    new_buffer = Ring._new_buffer

    def counted(ring: Ring):
        sizes.append(ring._size_bytes)
        return new_buffer(ring)

    monkeypatch.setattr(Ring, "_new_buffer", counted)
    return sizes


@pytest.mark.parametrize("prefetch", [0, 1, 2, 5])
def test_a_loop_needs_no_more_buffers_than_prefetch_and_two(prefetch, made):
    numbers = Numbers(4000)
    for images, targets in DCTLoader(numbers, 4, prefetch=prefetch):
        assert (images[:, 0, 0, 0] == targets).all()
    assert len(numbers.calls) == 1000
    assert 1 < len(made) <= prefetch + 2


def test_no_buffer_too_many_where_one_comes_back_at_the_last_moment(made, monkeypatch):
    """The consumer lets go of one and waits, between two looks of the loader's thread."""
    is_awaited = Producer._is_awaited

    def slowly(producer: Producer) -> bool:
        time.sleep(0.002)
        answer = is_awaited(producer)
        time.sleep(0.002)
        return answer

    monkeypatch.setattr(Producer, "_is_awaited", slowly)
    assert sum(1 for _ in DCTLoader(Numbers(200), 4, prefetch=0)) == 50
    assert len(made) == 2


@pytest.mark.parametrize("prefetch", [0, 1, 3])
def test_the_loader_runs_ahead_as_far_as_it_may(prefetch):
    numbers = Numbers(400)
    iterator = iter(DCTLoader(numbers, 4, prefetch=prefetch))
    for taken in range(3):
        wait_until(lambda taken=taken: len(numbers.calls) == taken + prefetch)
        time.sleep(0.02)
        assert len(numbers.calls) == taken + prefetch
        next(iterator)


def test_a_consumer_that_keeps_batches_leaves_the_loader_none_to_run_ahead_with():
    numbers = Numbers(400)
    iterator = iter(DCTLoader(numbers, 4, prefetch=2))
    kept = [next(iterator)[0] for _ in range(4)]
    time.sleep(0.05)
    assert len(numbers.calls) == 4  # four buffers, all with the consumer
    del kept[1]
    wait_until(lambda: len(numbers.calls) == 5)
    time.sleep(0.05)
    assert len(numbers.calls) == 5
    assert numbers.addresses[4] == numbers.addresses[1]


def test_a_consumer_may_keep_all_batches():
    numbers = Numbers(120)
    loader = DCTLoader(numbers, 4, prefetch=1)
    kept = list(loader)
    assert len({images.data_ptr() for images, _ in kept}) == 30
    assert all((images[:, 0, 0, 0] == targets).all() for images, targets in kept)


class Module(torch.nn.Module):
    def __init__(self, tensor: Tensor) -> None:
        super().__init__()
        self.register_buffer("seen", tensor)


def in_a_cycle(tensor: Tensor) -> list:
    cycle = [tensor]
    cycle.append(cycle)
    return cycle


def saved_for_backward(tensor: Tensor) -> Tensor:
    weight = torch.ones(tensor.shape, requires_grad=True)
    return (weight * tensor).sum()


REFERENCES = {
    "tensor": lambda tensor: tensor,
    "slice": lambda tensor: tensor[1:, 0],
    "one number": lambda tensor: tensor[3, 1, 2, 4],
    "view": lambda tensor: tensor.view(-1),
    "other dtype": lambda tensor: tensor.view(torch.int32),
    "detach": lambda tensor: tensor.detach(),
    "alias": lambda tensor: torch.ops.aten.alias(tensor),
    "unbind": lambda tensor: tensor.unbind()[2],
    "storage": lambda tensor: tensor.untyped_storage(),
    "numpy": lambda tensor: tensor.numpy(),
    "numpy slice": lambda tensor: tensor.numpy()[1:, 0][::2],
    "memoryview": lambda tensor: memoryview(tensor.numpy()),
    "dlpack": lambda tensor: torch.utils.dlpack.to_dlpack(tensor),
    "numpy by dlpack": lambda tensor: np.from_dlpack(tensor),
    "module": Module,
    "cycle": in_a_cycle,
    "graph": saved_for_backward,
    "set_": lambda tensor: torch.empty(0).set_(tensor.untyped_storage(), 4, (2,)),
    "parameter": lambda tensor: torch.nn.Parameter(tensor),
}


@pytest.mark.parametrize("refer", REFERENCES.values(), ids=REFERENCES)
def test_memory_is_not_used_again_while_anything_refers_to_it(refer, made):
    numbers = Numbers(400)
    iterator = iter(DCTLoader(numbers, 4))
    images, _ = next(iterator)
    address = images.data_ptr()
    copy = images.clone()
    reference = refer(images)
    del images
    for _ in range(40):
        next(iterator)
    assert address not in numbers.addresses[1:]
    memory = (ctypes.c_float * copy.numel()).from_address(address)
    assert list(memory) == copy.flatten().tolist()
    del reference, memory
    gc.collect()
    held = [next(iterator) for _ in range(4)]  # all buffers there are
    assert address in [images.data_ptr() for images, _ in held]
    assert len(made) <= 4


def test_a_dataset_without_a_shape_is_read_without_a_ring():
    numbers = Numbers(40, sizes=[3] * 40)
    kept = list(DCTLoader(numbers, 4))
    assert all((images[:, 0, 0, 0] == targets).all() for images, targets in kept)


def test_pinned_memory_is_watched_too(monkeypatch):
    """Pinned batches are torch's own tensors; what is watched here are pageable ones in their place."""
    import dctdecode.data.producer as producer

    class Pinned(Ring):
        def __init__(self, shape, dtype, limit, pinned, returned):
            super().__init__(shape, dtype, limit, True, returned)

    monkeypatch.setattr(producer, "Ring", Pinned)
    monkeypatch.setattr("dctdecode.data.ring.allocate", lambda shape, dtype, pin_memory: torch.empty(shape))
    numbers = Numbers(400)
    iterator = iter(DCTLoader(numbers, 4, prefetch=2))
    kept = [next(iterator)[0][1:] for _ in range(4)]
    time.sleep(0.05)
    assert len(numbers.calls) == 4
    del kept[1]
    wait_until(lambda: len(numbers.calls) == 5)
    assert sum(1 for _ in iterator) == 96


def fail_half_way(loader: DCTLoader) -> None:
    for _ in loader:
        raise ZeroDivisionError


@pytest.mark.parametrize("how", ["del", "break", "exception", "generator", "close", "with", "loader"])
def test_an_iterator_dropped_half_way_leaves_nothing(how):
    numbers = Numbers(400)
    loader = DCTLoader(numbers, 4)

    def consume():
        yield from loader

    iterator = iter(loader)
    next(iterator)
    assert loader_threads() == 1
    if how == "del":
        del iterator
    elif how == "close":
        iterator.close()
        assert list(iterator) == []
    elif how == "with":
        with iterator:
            pass
    elif how == "loader":
        with loader:
            pass
        assert list(iterator) == []
    else:
        del iterator
        if how == "break":
            for _ in loader:
                break
        elif how == "generator":
            generator = consume()
            next(generator)
            assert loader_threads() == 1
            generator.close()
        else:
            with pytest.raises(ZeroDivisionError):
                fail_half_way(loader)
    assert loader_threads() == 0
    calls = len(numbers.calls)
    time.sleep(0.02)
    assert len(numbers.calls) == calls
    assert len(list(loader)) == 100


def test_an_iterator_in_a_cycle_goes_with_the_cycle():
    iterator = iter(DCTLoader(Numbers(400), 4))
    next(iterator)
    cycle = [iterator]
    cycle.append(cycle)
    del iterator, cycle
    gc.collect()
    assert loader_threads() == 0


class Large(Numbers):
    """1 MiB an image."""

    def batch_shape(self, n: int) -> tuple[int, int, int, int]:
        return (n, 2, 256, 512)


def test_200_iterators_dropped_half_way():
    """Each has four buffers of 1 MiB: were they kept, it would be 800 MiB."""
    loader = DCTLoader(Large(10), 1)
    for _ in range(5):
        next(iter(loader))
    before = resident_bytes()
    most = 0
    for number in range(200):
        iterator = iter(loader)
        next(iterator)
        del iterator
        assert loader_threads() == 0
        most = max(most, resident_bytes() - before)
        assert most < 16 * 2**20, f"{most} bytes more after {number} iterators"


def test_buffers_beyond_the_limit_are_not_kept():
    iterator = iter(DCTLoader(Large(200), 1, prefetch=1))
    before = resident_bytes()
    kept = [next(iterator) for _ in range(40)]
    assert resident_bytes() - before > 38 * 2**20
    kept.clear()
    for _ in range(5):
        next(iterator)
    assert resident_bytes() - before < 20 * 2**20


def test_memory_that_outlives_the_iterator_is_freed_with_its_last_tensor():
    before = resident_bytes()
    loader = DCTLoader(Large(400), 8, prefetch=4)
    iterator = iter(loader)
    kept = [next(iterator)[0] for _ in range(8)]
    assert resident_bytes() - before > 60 * 2**20
    iterator.close()
    for _ in range(8):
        assert resident_bytes() - before < (8 * len(kept) + 12) * 2**20
        kept.pop()
    assert resident_bytes() - before < 6 * 2**20


class Same(Numbers):
    """One small photograph, again and again, really decoded."""

    source = (SMALL / "baseline-420.jpg").read_bytes()

    def batch_shape(self, n: int) -> tuple[int, int, int, int]:
        return (n, 24, 3, 5)

    def read_batch(self, indices, *, out, threads, **_):
        images = dctdecode.read_batch([self.source] * len(indices), 24, out=out, threads=threads)
        return images, torch.tensor(indices), []


def test_100_000_images_in_flat_memory():
    seen, before = 0, 0
    for number, (images, _) in enumerate(DCTLoader(Same(100_000), 128, shuffle=True)):
        seen += len(images)
        if number == 100:
            before = resident_bytes()
    assert seen == 100_000
    assert resident_bytes() - before < 4 * 2**20
