"""DCTLoader: which batches, in which order, on which rank."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
import torch
from dctdecode import DCTLoader
from dctdecode.transforms import CounterRandom, CutMix, MixUp
from loading import Files, Numbers, targets_of
from torch.utils.data import BatchSampler, DistributedSampler, SequentialSampler, WeightedRandomSampler


@pytest.fixture(autouse=True)
def _no_ranks_from_outside(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


def flat(batches: list[list[int]]) -> list[int]:
    return list(itertools.chain.from_iterable(batches))


@pytest.mark.parametrize(
    ("length", "drop_last", "sizes"), [(7, False, [3, 3, 1]), (7, True, [3, 3]), (0, False, [])]
)
def test_batches(length, drop_last, sizes):
    loader = DCTLoader(Numbers(length), 3, drop_last=drop_last)
    batches = list(loader)
    assert [tuple(images.shape) for images, _ in batches] == [(size, 2, 3, 5) for size in sizes]
    assert flat(targets_of(batches)) == list(range(sum(sizes)))
    assert all((images[:, 0] == targets[:, None, None]).all() for images, targets in batches)
    assert all(targets.dtype == torch.int64 for _, targets in batches)
    assert len(loader) == len(sizes)


def test_one_call_a_batch_from_one_thread():
    numbers = Numbers(50)
    batches = targets_of(DCTLoader(numbers, 8, shuffle=True, threads=3))
    assert numbers.calls == batches
    assert len(numbers.callers) == 1
    assert numbers.threads == {3}


def test_every_epoch_has_an_order_of_its_own_that_the_seed_decides():
    loader = DCTLoader(Numbers(50), 8, shuffle=True, seed=1)
    epochs = [flat(targets_of(loader)) for _ in range(3)]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert loader.epoch == 3
    again = DCTLoader(Numbers(50), 10, shuffle=True, seed=1)  # whatever the size of batches
    again.set_epoch(2)
    assert flat(targets_of(again)) == epochs[2]
    assert flat(targets_of(DCTLoader(Numbers(50), 8, shuffle=True, seed=2))) != epochs[0]


def test_the_order_is_the_one_that_the_documentation_tells():
    loader = DCTLoader(Numbers(10), 10, shuffle=True, seed=7)
    loader.set_epoch(3)
    philox = np.random.Philox(key=[7, 3], counter=[0, 0, 2, 0])
    assert targets_of(loader) == [np.random.Generator(philox).permutation(10).tolist()]


def test_draws_depend_on_seed_epoch_and_index_alone():
    def draws(epoch: int, **options) -> dict[int, float]:
        loader = DCTLoader(Numbers(20), options.pop("batch_size", 4), seed=5, **options)
        loader.set_epoch(epoch)
        return {
            int(i): float(x[1, 0, 0]) for images, targets in loader for x, i in zip(images, targets, strict=True)
        }

    first = draws(2)
    assert first == draws(2, shuffle=True, batch_size=7, prefetch=0)
    assert first[13] == pytest.approx(CounterRandom(5, 2, 13).uniform())
    assert first == draws(2, rank=0, world_size=2) | draws(2, rank=1, world_size=2)
    assert len(set(draws(3).values()) | set(first.values())) == 40


def test_same_bytes_from_any_number_of_threads():
    def read(threads: int, prefetch: int) -> torch.Tensor:
        loader = DCTLoader(Files(41), 8, shuffle=True, seed=3, threads=threads, prefetch=prefetch)
        return torch.cat([images for _ in range(2) for images, _ in loader])

    alone = read(1, 0)
    assert alone.abs().sum() > 0
    assert not torch.equal(alone[:41], alone[41:])
    for threads, prefetch in [(2, 1), (8, 4)]:
        assert torch.equal(read(threads, prefetch), alone)


@pytest.mark.parametrize("world_size", [1, 2, 3, 7, 30])
@pytest.mark.parametrize("length", [0, 1, 20, 21])
@pytest.mark.parametrize("drop_last", [False, True])
def test_ranks_share_an_epoch(length, world_size, drop_last):
    ranks = [
        DCTLoader(Numbers(length), 4, shuffle=True, drop_last=drop_last, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    shards = [targets_of(loader) for loader in ranks]
    assert len({len(shard) for shard in shards}) == 1
    assert {len(loader) for loader in ranks} == {len(shards[0])}
    indices = [flat(shard) for shard in shards]
    own = [shard[: len(shard) - loader.padding] for shard, loader in zip(indices, ranks, strict=True)]
    seen = flat(own)
    assert len(seen) == len(set(seen))
    if drop_last:
        assert len(seen) == length // world_size // 4 * 4 * world_size
        assert all(loader.padding == 0 for loader in ranks)
    else:
        assert sorted(seen) == list(range(length))
        assert {len(shard) for shard in indices} == {-(-length // world_size)}


def test_shards_are_those_of_distributed_sampler():
    for rank in range(3):
        sampler = DistributedSampler(Numbers(20), 3, rank, shuffle=False)
        assert targets_of(DCTLoader(Numbers(20), 20, rank=rank, world_size=3)) == [list(sampler)]


def test_rank_from_the_environment(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    loader = DCTLoader(Numbers(7), 2)
    assert (loader.rank, loader.world_size, loader.padding) == (1, 2, 1)
    assert targets_of(loader) == [[1, 3], [5, 0]]
    assert DCTLoader(Numbers(7), 2, rank=0, world_size=1).world_size == 1
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(ValueError, match="WORLD_SIZE must be integers, got '1' and 'two'"):
        DCTLoader(Numbers(7), 2)


def test_two_iterators_at_once():
    loader = DCTLoader(Numbers(20), 4, shuffle=True)
    for (_, mine), (_, other) in zip(loader, loader, strict=True):
        assert torch.equal(mine, other)
    assert loader.epoch == 1


def test_samplers_decide():
    drawn = [3, 3, 19, 0, 7]
    loader = DCTLoader(Numbers(20), 2, sampler=drawn)
    assert targets_of(loader) == [[3, 3], [19, 0], [7]]
    assert len(loader) == 3
    weighted = WeightedRandomSampler([0.0] * 19 + [1.0], 6)
    assert targets_of(DCTLoader(Numbers(20), 4, sampler=weighted)) == [[19] * 4, [19] * 2]


def test_a_distributed_sampler_is_told_the_epoch():
    numbers = Numbers(20)
    sampler = DistributedSampler(numbers, 2, 1, shuffle=True, seed=3)
    loader = DCTLoader(numbers, 10, sampler=sampler)
    epochs = [targets_of(loader)[0] for _ in range(2)]
    for epoch, indices in enumerate(epochs):
        sampler.set_epoch(epoch)
        assert list(sampler) == indices
    loader.set_epoch(1)
    assert targets_of(loader) == [epochs[1]]


@pytest.mark.parametrize("mix", [MixUp(num_classes=20), CutMix(num_classes=20)])
def test_batches_are_mixed_with_their_own_draws(mix):
    def read(**options) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return list(DCTLoader(Numbers(20), 4, seed=2, batch_transform=mix, **options))

    plain = list(DCTLoader(Numbers(20), 4, seed=2))
    mixed = read(prefetch=0)
    for number, (images, labels) in enumerate(mixed):
        want, soft = mix.apply(*plain[number], CounterRandom(2, 0, number, stream=1))
        assert torch.equal(images, want)
        assert torch.equal(labels, soft)
    assert len({float(labels.max()) for _, labels in mixed}) > 1
    other = read(rank=0, world_size=1, prefetch=4, threads=2)
    assert all(
        torch.equal(a, b) for one, two in zip(mixed, other, strict=True) for a, b in zip(one, two, strict=True)
    )


def test_ranks_mix_differently():
    def share(rank: int) -> float:
        mix = MixUp(num_classes=8)
        _, labels = next(iter(DCTLoader(Numbers(8), 4, batch_transform=mix, rank=rank, world_size=2)))
        return round(float(labels.max()), 5)

    assert share(0) != share(1)


def test_a_plain_function_of_the_batch():
    loader = DCTLoader(Numbers(4), 4, batch_transform=lambda images, targets: (images + 1, -targets))
    ((images, targets),) = loader
    assert images[:, 0, 0, 0].tolist() == [1, 2, 3, 4]
    assert targets.tolist() == [0, -1, -2, -3]


SIZES = [1, 4, 2, 7, 3, 3]


def test_padding_to_the_largest():
    loader = DCTLoader(Numbers(6, sizes=SIZES), 4, collate="pad", threads=2)
    batches = list(loader)
    assert [tuple(images.shape) for images, _, _ in batches] == [(4, 2, 7, 5), (2, 2, 3, 5)]
    for images, mask, targets in batches:
        for image, covered, target in zip(images, mask, targets, strict=True):
            rows = SIZES[target]
            assert (image[0, :rows] == target).all()
            assert (image[:, rows:] == 0).all()
            assert covered[:rows].all()
            assert not covered[rows:].any()


def test_a_list_of_images():
    batches = list(DCTLoader(Numbers(6, sizes=SIZES), 4, collate="list"))
    assert [[image.shape[1] for image in images] for images, _ in batches] == [SIZES[:4], SIZES[4:]]
    assert targets_of(batches) == [[0, 1, 2, 3], [4, 5]]
    for images, targets in batches:
        for image, target in zip(images, targets, strict=True):
            assert float(image[1, 0, 0]) == pytest.approx(CounterRandom(0, 0, int(target)).uniform())


def test_cpu_is_no_device_to_copy_to():
    numbers = Numbers(4)
    ((images, _),) = DCTLoader(numbers, 4, device="cpu")
    assert images.data_ptr() == numbers.addresses[0]


@pytest.mark.skipif(torch.cuda.is_available(), reason="an accelerator is there")
def test_without_an_accelerator(monkeypatch):
    monkeypatch.setattr("dctdecode._tensors._warned_about_pinning", False)
    loader = DCTLoader(Numbers(4), 4, pin_memory=True)
    with pytest.warns(UserWarning, match="no accelerator is found"):
        ((images, _),) = loader
    assert not images.is_pinned()
    assert targets_of(loader) == [[0, 1, 2, 3]]  # warned once
    with pytest.raises(RuntimeError, match="torch finds no CUDA here"):
        DCTLoader(Numbers(4), 4, device="cuda:1")


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"dataset": [1, 2]}, TypeError, "dataset must have read_batch, .*, got list"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": 2.0}, TypeError, "batch_size must be an integer, got 2.0"),
        ({"batch_size": True}, TypeError, "batch_size must be an integer, got True"),
        ({"seed": -1}, ValueError, "seed must be in 0"),
        ({"prefetch": -1}, ValueError, "prefetch must be at least 0, got -1"),
        ({"threads": 0}, ValueError, "threads must be a positive integer"),
        ({"rank": 0}, ValueError, "rank and world_size go together"),
        ({"rank": 2, "world_size": 2}, ValueError, r"rank must be in 0 .. world_size - 1, got rank=2"),
        ({"sampler": [0], "shuffle": True}, ValueError, "leave out shuffle"),
        ({"sampler": [0], "rank": 0, "world_size": 1}, ValueError, "leave out shuffle, rank"),
        ({"on_error": "ignore"}, ValueError, "on_error must be one of .* got 'ignore'"),
        ({"max_errors": 3}, ValueError, "max_errors limits on_error"),
        ({"max_errors": 1.5, "on_error": "skip"}, ValueError, "a count, or a share"),
        ({"max_errors": -1, "on_error": "skip"}, ValueError, "max_errors must be at least 0"),
        ({"collate": "stack"}, ValueError, "collate must be one of .*, got 'stack'"),
        ({"collate": "pad", "batch_transform": MixUp(num_classes=2)}, ValueError, 'needs collate="fixed"'),
        ({"device": "meta"}, ValueError, "device must be the CPU or a CUDA device, got 'meta'"),
    ],
)
def test_bad_arguments(options, error, says):
    with pytest.raises(error, match=says):
        DCTLoader(**{"dataset": Numbers(4), "batch_size": 2, **options})


def test_bad_epochs_and_samplers():
    loader = DCTLoader(Numbers(4), 2)
    with pytest.raises(TypeError, match="epoch must be an integer"):
        loader.set_epoch(1.0)
    batches = BatchSampler(SequentialSampler(range(4)), 2, False)
    with pytest.raises(TypeError, match="one index at a time, got \\[0, 1\\]"):
        iter(DCTLoader(Numbers(4), 2, sampler=batches))


def test_it_is_printed_with_what_is_not_the_default():
    loader = DCTLoader(Numbers(10), 4, threads=3, on_error="skip", max_errors=0.5, rank=0, world_size=2)
    assert repr(loader).splitlines() == [
        "DCTLoader: 2 batches of 4, rank 0 of 2",
        "    dataset: Numbers, 10 images",
        "    order: as they come, epoch 0",
        "    threads: 3, prefetch: 2",
        "    on_error: skip",
        "    max_errors: 0.5",
    ]
    assert "order: seed 0, epoch 0, drop_last" in repr(DCTLoader(Numbers(10), 4, shuffle=True, drop_last=True))


def test_a_loader_is_pickled_without_its_iterators():
    loader = DCTLoader(Numbers(10), 4, shuffle=True, seed=3)
    iterator = iter(loader)
    next(iterator)
    copy = pickle.loads(pickle.dumps(loader))
    assert copy.state_dict() == loader.state_dict()
    assert targets_of(copy) == targets_of(loader)
