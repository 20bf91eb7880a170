"""Batches handed over by workers where something is against it: forks, threads, and few file descriptors."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from dctdecode import DCTImageFolder
from dctdecode.data import handover
from dctdecode.data.handover import _Pieces
from folders import image_tree
from test_handover import loader, pieces

pytestmark = pytest.mark.skipif(not handover.is_possible(), reason="no memfd_create on this system")


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, generate) -> DCTImageFolder:
    return DCTImageFolder(image_tree(tmp_path_factory.mktemp("images"), generate), channels=6, size=64)


@pytest.fixture
def often_switching():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_of_a_worker_never_get_the_same_piece(often_switching):
    own = _Pieces()

    def use(value: int) -> int:
        spoilt = 0
        for _ in range(1500):
            tensor = own.lend((1000,), torch.float32).fill_(value)
            spoilt += any(not torch.equal(tensor, torch.full((1000,), float(value))) for _ in range(3))
            del tensor
        return spoilt

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(use, range(4))) == [0, 0, 0, 0]


def test_forks_while_a_batch_is_kept_leak_nothing_in_the_worker(dataset):
    """As a loader of validation images does, whose workers begin while the last training batch is still there."""
    again = loader(dataset, persistent_workers=True)
    for _ in range(12):
        for images, _ in again:
            assert images.shape[0] == 2
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    assert pieces(again._iterator._workers[0].pid) <= 7


def test_a_worker_forgets_pieces_that_do_not_come_back(dataset):
    """Each costs it file descriptors, of which it may have 1,024."""
    again = loader(dataset, persistent_workers=True)
    together = [images for images, _ in again]
    assert len(together) == 120
    assert pieces(again._iterator._workers[0].pid) <= 70


def test_many_kept_batches_and_few_file_descriptors(dataset):
    """The worker has enough: the main process ends first, with the error that torch has for this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    kept = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors() + 200, hard))
    try:
        with pytest.raises(RuntimeError, match="Too many open files"):
            kept.extend(images for images, _ in loader(dataset, sampler=[0, 5] * 1000, timeout=60))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_fork_while_other_threads_receive(dataset):
    """What comes between the hook of a fork and the fork itself is in the child too."""
    batches = iter(loader(dataset))
    handover._before_fork()
    images, _ = next(batches)  # as another thread would
    header = next(iter(handover._RECEIVED.values()))
    del images
    gc.collect()
    assert header.tolist() == [0, 1]
    handover._after_fork()
    assert sum(1 for _ in batches) == 119
    assert handover._FORKS == []


def test_a_child_finds_no_lock_taken(dataset):
    batches = iter(loader(dataset))
    images, _ = next(batches)
    taken, end = threading.Event(), threading.Event()

    def hold() -> None:
        with handover._COUNTING:
            taken.set()
            end.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(30)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        del images
        gc.collect()
        os._exit(0)
    end.set()
    holder.join()
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("wait", [False, True])
def test_arrays_of_a_batch_that_is_shared_further(dataset, wait):
    """torch gives the batch other memory then, and the array goes on pointing to what it had."""
    child = os.fork()  # where it goes wrong, it dies
    if child == 0:
        kept = []
        for images, _ in loader(dataset):
            array = images.numpy()
            kept.append((array, array.copy()))
            images.share_memory_()
            if wait:
                assert all(np.array_equal(*pair) for pair in kept)
                kept = kept[-3:]
        right = all(np.array_equal(*pair) for pair in kept)
        del kept, images, array
        handover._free_moved()
        os._exit(0 if right and pieces() == 0 else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_arrays_of_a_lent_tensor_that_is_shared_further():
    own = _Pieces()
    tensor = own.lend((4, 8), torch.float32).fill_(1)
    address, array = tensor.data_ptr(), tensor.numpy()
    tensor.share_memory_()
    assert tensor.data_ptr() != address
    others = [own.lend((4, 8), torch.float32).fill_(2) for _ in range(3)]
    assert array.min() == array.max() == 1
    del array, tensor
    assert own.lend((4, 8), torch.float32).data_ptr() == address
    del others


def test_another_sharing_strategy_is_followed(dataset):
    strategy = torch.multiprocessing.get_sharing_strategy()
    torch.multiprocessing.set_sharing_strategy("file_system")
    try:
        gc.collect()
        before = descriptors()
        batches = iter(loader(dataset))
        kept = [images for images, _ in batches]
        assert descriptors() - before < 60
        assert len(kept) == 120
    finally:
        torch.multiprocessing.set_sharing_strategy(strategy)
