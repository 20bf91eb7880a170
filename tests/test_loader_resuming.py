"""DCTLoader: going on where one left off."""

from __future__ import annotations

import json

import pytest
import torch
from dctdecode import DCTLoader
from loading import Numbers, targets_of, wait_until
from torch.utils.data import SequentialSampler, WeightedRandomSampler


@pytest.fixture(autouse=True)
def _no_ranks_from_outside(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


def consumed(loader: DCTLoader, batches: int) -> list[list[int]]:
    """The first batches of a loader that is then left as a checkpoint finds it."""
    iterator = iter(loader)
    return targets_of(next(iterator) for _ in range(batches))


@pytest.mark.parametrize("world_size", [1, 2])
@pytest.mark.parametrize("next_batch", [0, 1, 2, 5, 6, 7])
@pytest.mark.parametrize("epoch", [0, 4])
def test_resuming(next_batch, epoch, world_size):
    options = {"shuffle": True, "seed": 9, "rank": 0, "world_size": world_size}
    numbers = Numbers(7 * 4 * world_size - 1)
    loader = DCTLoader(numbers, 4, **options)
    loader.set_epoch(epoch)
    iterator = iter(loader)
    for _ in range(next_batch):
        next(iterator)
    state = json.loads(json.dumps(loader.state_dict()))
    assert (state["epoch"], state["next_batch"]) == (epoch, next_batch)
    rest = [*targets_of(iterator), *targets_of(loader)]
    assert len(rest) == 14 - next_batch

    resumed = DCTLoader(Numbers(len(numbers)), 4, **options)
    resumed.load_state_dict(state)
    assert resumed.epoch == epoch
    assert resumed.state_dict() == state
    resumed.set_epoch(epoch)  # as a training loop says
    assert [*targets_of(resumed), *targets_of(resumed)] == rest
    assert resumed.epoch == loader.epoch == epoch + 2


def test_a_state_between_epochs():
    loader = DCTLoader(Numbers(20), 4, shuffle=True)
    list(loader)
    state = loader.state_dict()
    assert (state["epoch"], state["next_batch"]) == (1, 0)
    resumed = DCTLoader(Numbers(20), 4, shuffle=True)
    resumed.load_state_dict(state)
    assert targets_of(resumed) == targets_of(loader)


def test_a_state_counts_what_was_received_not_what_was_prefetched():
    numbers = Numbers(40)
    loader = DCTLoader(numbers, 4, prefetch=6)
    iterator = iter(loader)
    next(iterator)
    wait_until(lambda: len(numbers.calls) == 7)
    assert loader.state_dict()["next_batch"] == 1
    next(iterator)
    assert loader.state_dict()["next_batch"] == 2


def test_another_epoch_forgets_a_loaded_position():
    loader = DCTLoader(Numbers(20), 4)
    loader.load_state_dict({**loader.state_dict(), "epoch": 2, "next_batch": 3})
    loader.set_epoch(3)
    assert len(targets_of(loader)) == 5


@pytest.mark.parametrize(
    ("length", "options", "says"),
    [
        (21, {}, "length was 20, is 21"),
        (20, {"batch_size": 5}, "batch_size was 4, is 5"),
        (20, {"seed": 1}, "seed was 0, is 1"),
        (20, {"shuffle": True}, "shuffle was False, is True"),
        (20, {"drop_last": True}, "drop_last was False, is True"),
        (20, {"rank": 0, "world_size": 2, "seed": 1}, "world_size was 1, is 2; seed was 0, is 1"),
        (20, {"sampler": SequentialSampler(range(20))}, "sampler was None, is 'SequentialSampler'"),
    ],
)
def test_a_state_of_another_configuration(length, options, says):
    state = DCTLoader(Numbers(20), 4).state_dict()
    loader = DCTLoader(Numbers(length), **{"batch_size": 4, **options})
    with pytest.raises(ValueError, match=f"another configuration: {says}$"):
        loader.load_state_dict(state)


def test_what_is_no_state():
    loader = DCTLoader(Numbers(20), 4)
    with pytest.raises(ValueError, match="it has no epoch, next_batch"):
        loader.load_state_dict({})
    with pytest.raises(ValueError, match=r"next_batch must be in 0 \.\. 5, got 6"):
        loader.load_state_dict({**loader.state_dict(), "next_batch": 6})


def test_leaving_an_epoch_half_way_repeats_it():
    loader = DCTLoader(Numbers(50), 8, shuffle=True)
    first = consumed(loader, 2)
    assert consumed(loader, 2) == first
    assert targets_of(loader)[:2] == first
    assert consumed(loader, 2) != first
    loader.set_epoch(0)
    assert consumed(loader, 2) == first


def test_resuming_needs_the_sampler_to_repeat_its_order():
    def loader(seed: int) -> DCTLoader:
        generator = torch.Generator().manual_seed(seed)
        return DCTLoader(Numbers(20), 4, sampler=WeightedRandomSampler([1.0] * 20, 20, generator=generator))

    first = loader(1)
    iterator = iter(first)
    next(iterator)
    state = first.state_dict()
    same, another = loader(1), loader(2)
    same.load_state_dict(state)
    assert targets_of(same) == targets_of(iterator)
    another.load_state_dict(state)
    with pytest.raises(RuntimeError, match="the sampler gives another order than when the state was saved"):
        iter(another)
