"""Sources of random numbers: what each draw's distribution is, and on what alone it depends."""

from __future__ import annotations

import pickle
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
    randomness,
)
from hypothesis import given
from hypothesis import strategies as st

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


class OnNumpy:
    """The same draws, each made by numpy's own generator."""

    def __init__(self, seed: int, epoch: int, index: int, *, stream: int = 0) -> None:
        counter = np.array([0, 0, stream, index], np.uint64)
        self.generator = np.random.Generator(
            np.random.Philox(key=np.array([seed, epoch], np.uint64), counter=counter)
        )

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.generator.random()

    def integers(self, count: int) -> int:
        return int(self.generator.integers(count))

    def permutation(self, count: int) -> list[int]:
        return self.generator.permutation(count).tolist()

    def beta(self, alpha: float) -> float:
        return float(self.generator.beta(alpha, alpha))

    def normal(self, shape) -> torch.Tensor:
        return torch.from_numpy(self.generator.standard_normal(shape, np.float32))


WORDS = st.integers(0, 2**64 - 1)
# Lemire's rule draws again with probability (2^32 mod count) / 2^32: hardly ever, or for every second number.
COUNTS = st.one_of(st.integers(1, 9), st.integers(1, 2**40), st.sampled_from([2**31 + 1, 2**32 - 1, 2**32]))
DRAWS = st.one_of(
    st.just(("uniform", (2.0, 5.0))),
    st.tuples(st.just("integers"), COUNTS.map(lambda count: (count,))),
)
RARE_DRAWS = st.sampled_from([("permutation", (5,)), ("beta", (0.7,)), ("normal", ((3,),))])


@given(WORDS, WORDS, WORDS, WORDS, st.lists(DRAWS, max_size=30), st.lists(DRAWS | RARE_DRAWS, max_size=10))
def test_counter_draws_what_numpy_s_generator_draws(seed, epoch, index, stream, draws, more):
    ours, numpy_s = (kind(seed, epoch, index, stream=stream) for kind in (CounterRandom, OnNumpy))
    for name, arguments in [*draws, *more]:
        drawn, expected = (getattr(random, name)(*arguments) for random in (ours, numpy_s))
        assert np.array_equal(drawn, expected), name
        assert type(drawn) is type(expected)


def test_counters_that_take_turns_do_not_disturb_each_other():
    starts = [(seed, epoch, index) for seed in (0, 3) for epoch in (0, 1) for index in (0, 1, 2**64 - 1)]
    counters, expected = ([kind(*start) for start in starts] for kind in (CounterRandom, OnNumpy))
    for _ in range(20):
        assert [one.uniform(0, 1) for one in counters] == [one.uniform(0, 1) for one in expected]


def test_an_interrupt_in_the_middle_of_a_draw_does_not_show_in_the_next_image(monkeypatch):
    class Interrupted:
        """Philox, but Ctrl-C comes when it has been moved and before it gives numbers."""

        def __init__(self, bits):
            self.advance = bits.advance

        def random_raw(self, count):
            raise KeyboardInterrupt

    CounterRandom(0, 0, 1).uniform()
    key, counter, bits = randomness._PHILOX._last
    monkeypatch.setattr(randomness._PHILOX, "_last", (key, counter, Interrupted(bits)))
    with pytest.raises(KeyboardInterrupt):
        CounterRandom(0, 0, 2).uniform()
    assert CounterRandom(0, 0, 3).uniform() == OnNumpy(0, 0, 3).uniform(0, 1)


def test_a_copy_goes_on_alike():
    random = CounterRandom(1, 2, 3)
    random.uniform(), random.integers(5)
    copy = pickle.loads(pickle.dumps(random))
    assert five_draws(copy) == five_draws(random)


@pytest.mark.parametrize("count", [0, -3])
def test_integers_of_nothing_are_refused(count):
    with pytest.raises(ValueError, match="<= 0"):
        CounterRandom(0, 0, 0).integers(count)


def test_integers_of_numpy_serve_as_words():
    words = np.array([5, 2**63, 2**64 - 1], np.uint64)
    assert CounterRandom(*words).uniform() == CounterRandom(*words.tolist()).uniform()


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
