"""Memory in which a DataLoader's workers hand batches over: used again, but never while somebody looks at it."""

from __future__ import annotations

import copy
import gc
import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from dctdecode import DCTImageFolder
from dctdecode.data import handover
from dctdecode.data.handover import SharedBatch, _Pieces, shared_batch
from folders import image_tree
from torch.utils.data import DataLoader, default_collate

pytestmark = pytest.mark.skipif(not handover.is_possible(), reason="no memfd_create on this system")

ORDER = [0, 5, 3, 2, 4, 1] * 40  # batches of 2: three kinds


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, generate) -> DCTImageFolder:
    return DCTImageFolder(image_tree(tmp_path_factory.mktemp("images"), generate), channels=6, size=64)


@pytest.fixture(scope="module")
def expected(dataset) -> list[torch.Tensor]:
    return [torch.stack([dataset[i][0], dataset[j][0]]) for i, j in ((0, 5), (3, 2), (4, 1))]


def loader(dataset, **options) -> DataLoader:
    chosen = {"num_workers": 1, "multiprocessing_context": "fork", "sampler": ORDER, **options}
    return DataLoader(dataset, 2, **chosen)


def pieces(pid: int | str = "self") -> int:
    """How many a process has before it."""
    return sum("memfd:dctdecode-batch" in line for line in Path(f"/proc/{pid}/maps").read_text().splitlines())


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_a_worker_needs_few_pieces(dataset, expected, context):
    gc.collect()
    before = pieces()
    batches = iter(loader(dataset, multiprocessing_context=context))
    worker = batches._workers[0].pid
    most = {"here": 0, "there": 0}
    for number, (images, _) in enumerate(batches):
        assert type(images) is torch.Tensor
        assert images._base is None
        assert torch.equal(images, expected[number % 3])
        most = {"here": max(most["here"], pieces() - before), "there": max(most["there"], pieces(worker))}
        del images
    assert number == 119
    assert 1 <= most["here"] <= 3
    # Two asked for ahead, one being made, one with the consumer, one underway.
    assert 1 <= most["there"] <= 5
    del batches
    gc.collect()
    assert pieces() == before


@pytest.mark.parametrize(
    "keep",
    [
        lambda images: images,
        lambda images: images[1, 2:3, ::2],
        lambda images: images.numpy()[:, 1],
        lambda images: images.untyped_storage(),
        lambda images: torch.utils.dlpack.to_dlpack(images.detach()),
        lambda images: memoryview(images.numpy()),
    ],
    ids=["tensor", "view", "array", "storage", "dlpack", "memoryview"],
)
def test_what_is_kept_keeps_its_memory(dataset, expected, keep):
    def seen(kept) -> list[float]:
        if isinstance(kept, torch.UntypedStorage):
            kept = torch.frombuffer(bytearray(kept.tolist()), dtype=torch.float32)
        elif not isinstance(kept, (torch.Tensor, np.ndarray, memoryview)):
            kept = torch.utils.dlpack.from_dlpack(kept)
        return np.asarray(kept).ravel().tolist()

    kept = [keep(images) for images, _ in loader(dataset)]
    gc.collect()
    right = [seen(keep(images)) for images in expected]
    if isinstance(kept[0], torch.UntypedStorage):
        right = [images.flatten().tolist() for images in expected]
    for number, one in enumerate(kept):
        assert seen(one) == right[number % 3]


def test_few_pieces_are_kept_for_later(dataset, expected):
    again = loader(dataset, persistent_workers=True)
    together = [images for images, _ in again]
    worker = again._iterator._workers[0].pid
    assert len(together) == 120
    assert pieces(worker) >= 60
    del together
    gc.collect()
    for number, (images, _) in enumerate(again):
        assert torch.equal(images, expected[number % 3])
    assert pieces(worker) <= 6


def test_a_forked_child_keeps_what_it_had(dataset, expected):
    batches = iter(loader(dataset))
    images, _ = next(batches)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(read_end, 1)  # until the parent has let go and gone on
        os._exit(0 if torch.equal(images, expected[0]) else 1)
    del images
    gc.collect()
    assert sum(1 for _ in batches) == 119
    os.write(write_end, b"x")
    assert os.waitpid(child, 0)[1] == 0
    os.close(read_end)
    os.close(write_end)


def collate_to_other_memory(batch):
    images, targets = default_collate(batch)
    images.data = images.data + 1
    return images, targets


def collate_to_half(batch):
    images, targets = default_collate(batch)
    return (images.half() * 2)[:, :3], targets


def collate_to_view(batch):
    images, targets = default_collate(batch)
    return images[:, 1:], targets


def collate_twice(batch):
    images, targets = default_collate(batch)
    return images, images, targets


def collate_for_autograd(batch):
    images, targets = default_collate(batch)
    return images.requires_grad_(), targets


@pytest.mark.parametrize(
    ("collate", "change"),
    [
        (collate_to_other_memory, lambda x: x + 1),
        (collate_to_half, lambda x: (x.half() * 2)[:, :3]),
        (collate_to_view, lambda x: x[:, 1:]),
        (collate_twice, lambda x: x),
        (collate_for_autograd, lambda x: x),
    ],
)
def test_whatever_a_collate_function_makes_of_it(dataset, expected, collate, change):
    for number, (images, *others) in enumerate(loader(dataset, collate_fn=collate)):
        assert torch.equal(images, change(expected[number % 3]))
        for other in others[:-1]:
            assert torch.equal(other, images)
        if collate is collate_for_autograd:
            assert images.requires_grad


class Caching(DCTImageFolder):
    """Its worker goes on looking at what it has sent."""

    def __getitems__(self, indices):
        rows = super().__getitems__(indices)
        known = vars(self).setdefault("known", [])
        known.append((rows[0][0], rows[0][0].clone()))
        assert all(torch.equal(*pair) for pair in known)
        return rows


def test_what_the_worker_keeps_is_not_used_again(dataset):
    caching = Caching(dataset.root, channels=6, size=64)
    assert sum(1 for _ in loader(caching)) == 120


def test_smaller_and_larger_batches(dataset):
    sampler = [[0, 5], [3], [0, 5, 3, 2], [4, 1]] * 10
    batches = DataLoader(dataset, batch_sampler=sampler, num_workers=1, multiprocessing_context="fork")
    for (images, targets), wanted in zip(batches, sampler, strict=True):
        assert torch.equal(images, torch.stack([dataset[i][0] for i in wanted]))
        assert targets.tolist() == [dataset.targets[i] for i in wanted]


@pytest.fixture
def lent() -> SharedBatch:
    tensor = handover.lend((2, 3), torch.float32)
    tensor.copy_(torch.arange(6.0).view(2, 3))
    found = shared_batch(tensor.untyped_storage(), torch.float32, (2, 3))
    assert isinstance(found, SharedBatch)
    return found


def test_in_the_worker_it_is_like_any_tensor(lent):
    plain = torch.arange(6.0).view(2, 3)
    assert torch.equal(lent, plain)
    assert lent._base is None
    results = [lent + 1, lent[0], lent.clone(), torch.stack([lent, lent]), copy.deepcopy(lent), lent.view(6)]
    results.append(pickle.loads(pickle.dumps(lent)))
    saved = io.BytesIO()
    torch.save(lent, saved)
    saved.seek(0)
    results.append(torch.load(saved))
    assert {type(result) for result in results} == {torch.Tensor}
    assert torch.equal(results[4], plain)
    assert torch.equal(results[-2], plain)
    assert torch.equal(results[-1], plain)


def test_pieces_of_one_process():
    own = _Pieces()
    first = own.lend((4, 8), torch.float32)
    address = first.data_ptr()
    assert address % os.sysconf("SC_PAGE_SIZE") == 0
    view = first[2]
    del first
    assert own.lend((4, 8), torch.float32).data_ptr() != address  # somebody looks at it
    del view
    assert own.lend((2, 8), torch.float32).data_ptr() == address
    assert own.lent == {}
    kept = own.lend((4, 8), torch.float32)
    address = kept.data_ptr()
    own.lent[address].sent += 1
    del kept
    assert address not in {tensor.data_ptr() for tensor in [own.lend((4, 8), torch.float32) for _ in range(3)]}


def test_without_memory_it_is_torchs(dataset, expected, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", full)
    for number, (images, _) in enumerate(loader(dataset)):
        assert torch.equal(images, expected[number % 3])
    assert number == 119
