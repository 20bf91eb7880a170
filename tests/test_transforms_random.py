"""Sources of random numbers: what each draw's distribution is, and on what alone it depends."""

from __future__ import annotations

import statistics
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from dctdecode.geometry import Geometry
from dctdecode.transforms import (
    ColorJitter,
    Compose,
    CounterRandom,
    GaussianNoise,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    TorchRandom,
)

SOURCES = {
    "torch": lambda seed: TorchRandom(torch.Generator().manual_seed(seed)),
    "counter": lambda seed: CounterRandom(seed, epoch=0, index=0),
}


@pytest.fixture(params=SOURCES)
def source(request):
    return SOURCES[request.param]


def five_draws(random) -> list:
    """One of each kind."""
    return [
        random.uniform(2.0, 3.0),
        random.integers(1000),
        random.permutation(7),
        random.beta(0.7),
        random.normal((2, 3)).tolist(),
    ]


def test_equal_seeds_give_equal_draws_and_others_do_not(source):
    assert five_draws(source(5)) == five_draws(source(5))
    for one, other in zip(five_draws(source(5)), five_draws(source(6)), strict=True):
        assert one != other


def test_uniform(source):
    random = source(0)
    values = np.array([random.uniform(2.0, 5.0) for _ in range(4000)])
    assert values.min() >= 2.0
    assert values.max() < 5.0
    counts, _ = np.histogram(values, bins=10, range=(2.0, 5.0))
    # Each is binomial with mean 400 and standard deviation 19: five of them.
    assert abs(counts - 400).max() < 95


def test_integers_take_every_value_alike(source):
    random = source(0)
    counts = np.bincount([random.integers(7) for _ in range(7000)], minlength=7)
    assert len(counts) == 7
    assert abs(counts - 1000).max() < 5 * 30


def test_permutation_is_one_and_every_one_comes(source):
    random = source(0)
    drawn = [tuple(random.permutation(3)) for _ in range(600)]
    assert set(drawn) == {(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)}
    assert max(map(drawn.count, set(drawn))) < 100 + 5 * 10


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_beta(source, alpha):
    random = source(0)
    values = [random.beta(alpha) for _ in range(4000)]
    assert 0 <= min(values) < max(values) <= 1
    variance = 1 / (4 * (2 * alpha + 1))  # of Beta(a, a)
    assert statistics.fmean(values) == pytest.approx(0.5, abs=5 * (variance / 4000) ** 0.5)
    assert statistics.pvariance(values) == pytest.approx(variance, rel=0.1)


def test_normal(source):
    values = source(0).normal((40, 50, 10))
    assert values.shape == (40, 50, 10)
    assert values.dtype == torch.float32
    assert values.mean().item() == pytest.approx(0.0, abs=5 / 20000**0.5)
    assert values.std().item() == pytest.approx(1.0, abs=5 / 40000**0.5)
    assert (values.abs() < 1).float().mean().item() == pytest.approx(0.6827, abs=0.02)


def test_torch_s_global_generator_is_the_default():
    torch.manual_seed(11)
    first = five_draws(TorchRandom())
    assert five_draws(TorchRandom()) != first
    torch.manual_seed(11)
    assert five_draws(TorchRandom()) == first


def test_a_generator_of_its_own_leaves_the_global_one_alone():
    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    five_draws(TorchRandom(torch.Generator().manual_seed(1)))
    assert torch.rand(1) == expected


# --- From (seed, epoch, index) ---------------------------------------------------------------------------------


def test_counter_is_philox_with_the_documented_key_and_counter():
    """Philox's raw numbers are the same in every release of numpy; these are its first words after this start."""
    bits = np.random.Philox(key=np.array([7, 3], np.uint64), counter=np.array([0, 0, 1, 12], np.uint64))
    expected = (int(bits.random_raw()) >> 11) * 2.0**-53
    assert CounterRandom(7, 3, 12, stream=1).uniform() == expected


def test_each_number_counts():
    starts = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (2**64 - 1,) * 4]
    firsts = [CounterRandom(seed, epoch, index, stream=stream).uniform() for seed, epoch, index, stream in starts]
    assert len(set(firsts)) == len(starts)


def test_neighbours_are_independent():
    """First draws of consecutive indices, epochs and seeds: uniform, and not correlated with the one before."""
    for place in range(3):
        firsts = np.array(
            [CounterRandom(*(i if p == place else 4 for p in range(3))).uniform() for i in range(3000)]
        )
        assert firsts.mean() == pytest.approx(0.5, abs=5 * (1 / 12 / 3000) ** 0.5)
        assert abs(np.corrcoef(firsts[1:], firsts[:-1])[0, 1]) < 5 / 3000**0.5


@pytest.mark.parametrize("words", [(-1, 0, 0), (0, 2**64, 0), (0, 0, -5)])
def test_words_out_of_range_are_refused(words):
    with pytest.raises(ValueError, match="must be in 0"):
        CounterRandom(*words)


def test_words_are_integers():
    with pytest.raises(TypeError):
        CounterRandom(0, 0.5, 0)


def augmented(index: int, epoch: int = 0) -> tuple[Geometry, bytes]:
    """What one image of a data set becomes: geometry, and the bytes of a tensor."""
    chain = Compose(
        [
            RandomResizedCrop(64),
            RandomHorizontalFlip(),
            ColorJitter(0.4, 0.4, 0.4, 0.1),
            GaussianNoise(sigma=3.0),
            RandomErasing(p=0.8),
        ]
    )
    plan, tensor = chain.split()
    random = CounterRandom(seed=1, epoch=epoch, index=index)
    geometry = plan.apply(Geometry.of(120, 161), random)
    start = torch.arange(24 * 8 * 8, dtype=torch.float32).view(24, 8, 8)
    return geometry, tensor.apply(start, random).numpy().tobytes()


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_draws_do_not_depend_on_threads_or_order(threads):
    expected = [augmented(index) for index in range(40)]
    assert len({bytes for _, bytes in expected}) == 40
    order = np.random.default_rng(0).permutation(40).tolist()
    torch.manual_seed(threads)
    with ThreadPoolExecutor(threads) as pool:
        got = dict(zip(order, pool.map(augmented, order), strict=True))
    assert [got[index] for index in range(40)] == expected
    assert augmented(0, epoch=1) != expected[0]
