"""DCTImageFolder under a plain DataLoader: worker processes, and batches that are not copied."""

from __future__ import annotations

import gc
import os
import pickle
from pathlib import Path

import pytest
import torch
from dctdecode import DCTImageFolder
from dctdecode.data import collate_views, handover, reading
from dctdecode.data.handover import SharedBatch
from dctdecode.transforms import CenterCrop, Compose, RandomResizedCrop
from folders import equal
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, default_collate, random_split
from torch.utils.data._utils.collate import collate, default_collate_fn_map

# --- Worker processes ----------------------------------------------------------------------------------------


def loaded(dataset, workers, context=None, **options):
    loader = DataLoader(dataset, batch_size=2, num_workers=workers, multiprocessing_context=context, **options)
    return lambda: [(images, targets.tolist()) for images, targets in loader]


def test_pickled_datasets_read_the_same(root):
    dataset = DCTImageFolder(root, CenterCrop(16), channels=24, normalize="dctnet")
    back = pickle.loads(pickle.dumps(dataset))
    assert repr(back) == repr(dataset)
    assert back.samples == dataset.samples
    assert equal(back.__getitems__(range(6)), dataset.__getitems__(range(6)))


@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
def test_workers(root, damaged, context):
    dataset = DCTImageFolder(root, channels=24, size=32)
    expected = loaded(dataset, 0)()  # threads of this process were used before a fork
    assert equal(loaded(dataset, 1, context)(), expected)
    if context == "fork":
        with pytest.raises(OSError, match=r"cat/1\.jpg"):
            loaded(DCTImageFolder(damaged, channels=24, size=32), 1, context)()


@pytest.mark.parametrize(("workers", "persistent"), [(0, False), (2, False), (2, True)])
def test_epochs_differ(root, workers, persistent):
    dataset = DCTImageFolder(root, RandomResizedCrop(32), channels=6)
    torch.manual_seed(0)
    epoch = loaded(dataset, workers, "fork" if workers else None, persistent_workers=persistent)
    one, other = epoch(), epoch()
    assert not any(torch.equal(a[0], b[0]) for a, b in zip(one, other, strict=True))
    assert not torch.equal(one[0][0], one[1][0])


def test_a_worker_decodes_in_its_own_thread(root, monkeypatch):
    used = []
    prepare = reading.prepare_batch
    monkeypatch.setattr(reading, "prepare_batch", lambda *a, **o: used.append(o["threads"]) or prepare(*a, **o))

    class Telling(DCTImageFolder):
        def __getitems__(self, indices):
            super().__getitems__(indices)
            return [(torch.tensor(-1 if used[-1] is None else used[-1]), 0)]

    for threads, workers, expected in ((None, 0, -1), (3, 0, 3), (None, 1, 1), (2, 1, 2)):
        dataset = Telling(root, channels=6, size=16, threads=threads)
        (first, *_) = loaded(dataset, workers, "fork" if workers else None)()
        assert first[0].tolist() == [expected]


# --- collate_views -------------------------------------------------------------------------------------------


def test_views_of_one_tensor_are_collated_without_a_copy(root):
    dataset = DCTImageFolder(root, channels=24, size=32)
    batch = dataset.__getitems__([5, 0, 3])
    images, targets = collate_views(batch)
    expected = default_collate([tuple(sample) for sample in batch])
    assert torch.equal(images, expected[0])
    assert torch.equal(targets, expected[1])
    assert images.data_ptr() == batch[0][0].data_ptr() != expected[0].data_ptr()
    assert images.is_contiguous()
    for workers in (0, 1):
        context = "fork" if workers else None
        found = loaded(dataset, workers, context, collate_fn=collate_views)()
        assert equal(found, loaded(dataset, 0)())


@pytest.mark.parametrize(
    "pick",
    [
        lambda x: [x[1], x[0]],
        lambda x: [x[0], x[2]],
        lambda x: [x[0], x[1].clone()],
        lambda x: [x[0], x[0]],
        lambda x: [x[0].transpose(0, 1), x[1].transpose(0, 1)],
        lambda x: [x[0].flatten()[:6].view(2, 3), x[1].flatten()[:6].view(2, 3)],
    ],
    ids=["order", "gap", "other memory", "twice", "strides", "parts"],
)
def test_other_tensors_are_copied(pick):
    tensors = pick(torch.arange(36.0).view(3, 3, 4))
    images, targets = collate_views([(tensor, place) for place, tensor in enumerate(tensors)])
    assert torch.equal(images, torch.stack(tensors))
    assert targets.tolist() == [0, 1]


# --- default_collate, which finds the same by the type of the samples -----------------------------------------


def address_of(batch) -> int:
    return batch[0][0].data_ptr()


def addresses(batch) -> torch.Tensor:
    """For collate_fn: where the first image was, where it is in the batch, and whether that is handed over."""
    before = address_of(batch)
    images, _ = default_collate(batch)
    return torch.tensor([before, images.data_ptr(), isinstance(images, SharedBatch)])


def shape_changing(tensor: torch.Tensor) -> torch.Tensor:
    return tensor[:, :2]


def test_a_batch_is_not_copied(root):
    dataset = DCTImageFolder(root, channels=24, size=32)
    batch = dataset.__getitems__([5, 0, 3])
    images = torch.stack([image for image, _ in batch])
    address = address_of(batch)
    found, targets = default_collate(batch)
    assert found.data_ptr() == address
    assert torch.equal(found, images)
    assert torch.equal(targets, torch.tensor([1, 0, 1]))
    assert found.is_contiguous()
    assert found._base is None  # nobody's view, as one that was copied
    assert type(found) is torch.Tensor  # there is no worker


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_a_worker_decodes_into_memory_that_is_handed_over(root, context):
    dataset = DCTImageFolder(root, channels=24, size=32)
    for before, after, shared in DataLoader(
        dataset, 2, num_workers=1, multiprocessing_context=context, collate_fn=addresses
    ):
        assert before == after
        assert shared
    # Where the shape is known only afterwards, the images lie together in memory of the worker.
    dataset = DCTImageFolder(root, Compose([CenterCrop(16), shape_changing]), channels=24)
    for before, after, shared in DataLoader(
        dataset, 2, num_workers=1, multiprocessing_context=context, collate_fn=addresses
    ):
        assert before == after
        assert not shared


TARGETS = [str, float, lambda target: {"class": target, "pair": (target, -target)}, torch.tensor, lambda t: [t, t]]


@pytest.mark.parametrize("target_transform", TARGETS)
@pytest.mark.parametrize("workers", [0, 1])
def test_batches_are_those_of_plain_tuples(root, damaged, target_transform, workers):
    def plain(batch):
        return default_collate([tuple(sample) for sample in batch])

    for folder in (root, damaged):
        dataset = DCTImageFolder(folder, None, target_transform, channels=6, size=16, on_error="skip")
        options = {"num_workers": workers, "multiprocessing_context": "fork" if workers else None}
        found, expected = (
            list(DataLoader(dataset, 4, collate_fn=function, **options)) for function in (None, plain)
        )
        assert len(found) == 2
        for (images, targets), (same_images, same_targets) in zip(found, expected, strict=True):
            assert torch.equal(images, same_images)
            assert repr(targets) == repr(same_targets)


@pytest.mark.parametrize(
    "pick",
    [
        lambda x: [x[1], x[0], x[2]],
        lambda x: [x[0], x[2]],
        lambda x: [x[0], x[1], x[1]],
        lambda x: [x[0], tuple(x[1]), x[2]],
        lambda x: [x[0], (x[1][0] + 1, 7), x[2]],
    ],
    ids=["order", "gap", "twice", "a tuple", "another image"],
)
def test_other_batches_are_copied(root, pick):
    def picked():
        return pick(DCTImageFolder(root, channels=6, size=16).__getitems__([0, 3, 4]))

    expected = default_collate([tuple(sample) for sample in picked()])
    batch = picked()
    address = address_of(batch)
    images, targets = default_collate(batch)
    assert images.data_ptr() != address
    assert torch.equal(images, expected[0])
    assert torch.equal(targets, expected[1])


@pytest.mark.parametrize("keep", [lambda x: x[0], lambda x: x[2], lambda x: x[1][0], list], ids=range(4))
def test_what_is_kept_is_not_handed_out(root, keep):
    batch = DCTImageFolder(root, channels=6, size=16).__getitems__([0, 3, 4])
    kept = keep(batch)
    images, _ = default_collate(batch)
    assert images.data_ptr() != address_of(batch)
    assert torch.equal(images, torch.stack([image for image, _ in batch]))
    del kept
    assert default_collate(batch)[0].data_ptr() == address_of(batch)


class Remembering(Dataset):
    """Reads everything once, as data sets do that fit into memory."""

    def __init__(self, dataset):
        self.dataset, self.known = dataset, {}

    def __len__(self):
        return len(self.dataset)

    def __getitems__(self, indices):
        if tuple(indices) not in self.known:
            self.known[tuple(indices)] = self.dataset.__getitems__(indices)
        return list(self.known[tuple(indices)])


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("wrapper", [lambda dataset: dataset, Remembering])
def test_batches_may_be_changed_in_place(root, workers, wrapper):
    dataset = DCTImageFolder(root, channels=6, size=16)
    expected = [images.clone() for images, _ in DataLoader(dataset, 2)]
    loader = DataLoader(
        wrapper(dataset),
        2,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="fork" if workers else None,
    )
    for _ in range(2):
        together = [images for images, _ in loader]
        assert all(torch.equal(*pair) for pair in zip(together, expected, strict=True))
        assert len({images.untyped_storage().data_ptr() for images in together}) == len(together)
        for images in together:
            images.fill_(1e9)


def test_other_data_sets_around_it(root):
    dataset = DCTImageFolder(root, channels=6, size=16)
    whole = [dataset[i] for i in range(6)]
    subset = Subset(dataset, [4, 1, 2])
    ((images, targets),) = DataLoader(subset, 3)
    assert torch.equal(images, torch.stack([whole[i][0] for i in (4, 1, 2)]))
    assert targets.tolist() == [1, 0, 0]
    assert DataLoader(subset, 3, collate_fn=addresses)._get_iterator().__next__()[:2].unique().numel() == 1
    parts = random_split(dataset, [2, 4], torch.Generator().manual_seed(0))
    for part in parts:
        ((images, _),) = DataLoader(part, 4)
        assert torch.equal(images, torch.stack([whole[i][0] for i in part.indices]))
    twice = ConcatDataset([dataset, Subset(dataset, [5])])
    (*_, (images, targets)) = DataLoader(twice, 7)
    assert torch.equal(images, torch.stack([image for image, _ in whole] + [whole[5][0]]))
    assert targets.tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_samples_are_tuples(root):
    samples = DCTImageFolder(root, channels=6, size=16).__getitems__([0, 5])
    for sample, target in zip(samples, (0, 1), strict=True):
        assert isinstance(sample, tuple)
        image, found = sample
        assert found == target == sample[1]
        assert sample[0] is image
        assert sample == (image, target)
        assert repr(sample) == repr((image, target))
        back = pickle.loads(pickle.dumps(sample))
        assert type(back) is tuple
        assert torch.equal(back[0], image)
        assert back[1] == target


def test_who_tells_how_tensors_are_collated_is_heard(root):
    dataset = DCTImageFolder(root, channels=6, size=16)
    mine = {**default_collate_fn_map, torch.Tensor: lambda batch, *, collate_fn_map: ("mine", len(batch))}
    found = collate(dataset.__getitems__([0, 3, 4]), collate_fn_map=mine)
    assert found[0] == ("mine", 3)
    assert found[1].tolist() == [0, 1, 1]


def shared_tensors(pid: int) -> int:
    """How many pieces of torch's shared memory a process has before it."""
    return sum("/torch_" in line for line in Path(f"/proc/{pid}/maps").read_text().splitlines())


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="counts mappings in /proc")
def test_shared_memory_is_given_back(root, monkeypatch):
    """Where a worker cannot keep it: see test_handover.py."""
    monkeypatch.setattr(handover, "is_possible", lambda: False)
    dataset = DCTImageFolder(root, channels=6, size=64)
    loader = DataLoader(
        dataset, 2, sampler=[0, 5] * 200, num_workers=1, multiprocessing_context="fork", prefetch_factor=2
    )
    gc.collect()
    before = shared_tensors(os.getpid())
    batches = iter(loader)
    worker = batches._workers[0].pid
    seen = [(shared_tensors(os.getpid()) - before, shared_tensors(worker)) for _ in batches]
    assert len(seen) == 200
    assert max(mine for mine, _ in seen) >= 1
    # Batches that wait in the queue are mapped by neither side, but for the one being sent or received.
    assert max(mine for mine, _ in seen) <= 6
    assert max(theirs for _, theirs in seen) <= 6
    del batches
    gc.collect()
    assert shared_tensors(os.getpid()) <= before
