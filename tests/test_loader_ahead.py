"""DCTLoader prepares the next batch while one is decoded."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref

import pytest
import torch
from dctdecode import DCTImageFolder, DCTLoader, Failure
from dctdecode.data import PreparingDataset
from dctdecode.transforms import Compose, RandomErasing, RandomHorizontalFlip, RandomResizedCrop
from folders import damaged_tree, image_tree
from loading import Numbers, targets_of, wait_until


class Halves(Numbers):
    """Numbers in two halves. `events` are ("prepare" or "finish", first index), as they began."""

    def __init__(self, length: int = 50, **options) -> None:
        super().__init__(length, **options)
        self.events: list[tuple[str, int]] = []
        self.finishes: list[weakref.ref] = []
        self.before_finish = lambda first: None

    def prepare_batch(self, indices, *, randoms, threads, on_error, has_out):
        self.events.append(("prepare", indices[0]))
        if -1 - indices[0] in self.broken:
            raise OSError(f"not prepared: {indices[0]}")
        assert has_out

        def finish(out, pin_memory):
            self.events.append(("finish", indices[0]))
            self.before_finish(indices[0])
            return Numbers.read_batch(self, indices, randoms=randoms, out=out, threads=threads, on_error=on_error)

        self.finishes.append(weakref.ref(finish))
        return finish


def test_the_next_batch_is_prepared_while_one_is_decoded():
    halves = Halves(20)
    assert isinstance(halves, PreparingDataset)
    # Would wait for ever if the next one were prepared afterwards.
    halves.before_finish = lambda first: wait_until(lambda: first == 16 or ("prepare", first + 4) in halves.events)
    batches = list(DCTLoader(halves, 4, seed=3))
    plain = list(DCTLoader(Numbers(20), 4, seed=3))
    assert all(
        torch.equal(a, b) for one, two in zip(batches, plain, strict=True) for a, b in zip(one, two, strict=True)
    )
    assert [first for name, first in halves.events if name == "prepare"] == [0, 4, 8, 12, 16]
    assert sorted(first for name, first in halves.events if name == "finish") == [0, 4, 8, 12, 16]
    assert len(halves.callers) == 2  # each makes every second batch


def test_nothing_is_prepared_that_nobody_asked_for():
    halves = Halves(20)
    assert targets_of(DCTLoader(halves, 4, prefetch=0)) == targets_of(DCTLoader(Numbers(20), 4))
    assert halves.events == []  # by read_batch, when the consumer waits


class OnlyReads(Halves):
    def read_batch(self, indices, **options):
        self.events.append(("read", indices[0]))
        return super().read_batch(indices, **options)


class PreparesAgain(OnlyReads):
    def prepare_batch(self, indices, **options):
        return super().prepare_batch(indices, **options)


def test_a_replaced_read_batch_is_called():
    only_reads, again, assigned = OnlyReads(8), PreparesAgain(8), Halves(8)
    read_batch = assigned.read_batch
    assigned.read_batch = lambda indices, **o: (
        assigned.events.append(("read", indices[0])) or read_batch(indices, **o)
    )
    for dataset, kinds in ((only_reads, {"read"}), (again, {"prepare", "finish"}), (assigned, {"read"})):
        assert targets_of(DCTLoader(dataset, 4)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert {kind for kind, _ in dataset.events} == kinds


def test_an_error_is_raised_at_the_turn_of_its_batch():
    iterator = iter(DCTLoader(Halves(16, broken=[-1 - 4, 9]), 4))
    assert next(iterator)[1].tolist() == [0, 1, 2, 3]
    with pytest.raises(OSError, match="not prepared: 4"):
        next(iterator)
    with pytest.raises(Exception, match="9"):  # in the other half
        next(iterator)
    assert next(iterator)[1].tolist() == [12, 13, 14, 15]


@pytest.mark.parametrize("how", ["close", "break", "end"])
def test_nothing_prepared_outlives_the_iterator(how):
    halves = Halves(20)
    loader = DCTLoader(halves, 4)
    iterator = iter(loader)
    next(iterator)
    wait_until(lambda: len(halves.finishes) >= 3)
    if how == "close":
        iterator.close()
    elif how == "end":
        assert len(list(iterator)) == 4
    del iterator
    gc.collect()
    wait_until(lambda: all(finish() is None for finish in halves.finishes))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dctdecode-")]


@pytest.fixture(scope="module")
def root(tmp_path_factory, generate):
    return image_tree(tmp_path_factory.mktemp("images"), generate, 9)


def test_images_are_the_same_however_far_ahead(root, tmp_path):
    """Crops, failures and what on_error is asked for."""
    shutil.rmtree(tmp_path)
    damaged = damaged_tree(tmp_path, root)
    augment = Compose([RandomResizedCrop(32), RandomHorizontalFlip(), RandomErasing()])

    def epoch(prefetch: int):
        asked: list[Failure] = []

        def on_error(failure):
            asked.append(failure)
            return "skip" if failure.index % 2 else "zero"

        dataset = DCTImageFolder(damaged, augment, channels=6)
        loader = DCTLoader(dataset, 4, shuffle=True, seed=5, prefetch=prefetch, on_error=on_error)
        batches = list(loader)
        assert [str(failure.error) for failure in asked] == [str(failure.error) for failure in loader.failures]
        return batches, [(failure.index, failure.path) for failure in asked]

    (expected, failed), (found, also_failed) = epoch(0), epoch(3)
    assert len(failed) == 3
    assert failed == also_failed
    for (images, targets), (same_images, same_targets) in zip(expected, found, strict=True):
        assert torch.equal(images, same_images)
        assert torch.equal(targets, same_targets)
