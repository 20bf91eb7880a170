"""Transforms together: what happens before decoding and what after, recipes, and workers of a DataLoader."""

from __future__ import annotations

import inspect
import pickle

import pytest
import torch
from dctdecode import transforms
from dctdecode.geometry import Geometry, SplitTransform
from dctdecode.transforms import (
    RECIPES,
    CenterCrop,
    ChannelDropout,
    ColorJitter,
    Compose,
    CounterRandom,
    CutMix,
    GaussianBlur,
    GaussianNoise,
    Grayscale,
    MixUp,
    Normalize,
    RandomApply,
    RandomChoice,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    Resize,
    list_recipes,
    recipe,
)
from torch.utils.data import DataLoader, Dataset

PLAN = [
    Resize(64), CenterCrop(64), RandomCrop(64), RandomResizedCrop(64), RandomHorizontalFlip(),
    RandomVerticalFlip(), GaussianBlur(3),
]  # fmt: skip
TENSOR = [
    ColorJitter(0.4, 0.4, 0.4, 0.1), Grayscale(), RandomErasing(), GaussianNoise(), ChannelDropout(),
    Normalize(0, 2),
]  # fmt: skip
BATCH = [MixUp(num_classes=3), CutMix(num_classes=3)]


def double(tensor: torch.Tensor) -> torch.Tensor:
    return 2 * tensor


def test_the_first_line_says_which_kind_it_is():
    kinds = {
        "Plan transform: edits the plan before decoding.": PLAN,
        "Tensor transform: works on coefficients": [*TENSOR, *BATCH],
    }
    for line, instances in kinds.items():
        for transform in instances:
            assert type(transform).__doc__.startswith(line), transform
    classes = {type(t).__name__ for t in [*PLAN, *TENSOR, *BATCH]}
    public = {
        name for name, item in vars(transforms).items() if inspect.isclass(item) and name in transforms.__all__
    }
    assert public - classes == {
        "Compose", "CounterRandom", "PlanTransform", "Random", "RandomApply", "RandomChoice", "Recipe",
        "TensorTransform", "TorchRandom",
    }  # fmt: skip


def test_split():
    chain = Compose([*PLAN, *TENSOR[:3], double, Normalize(0, 1)])
    plan, tensor = chain.split()
    assert plan.transforms == PLAN
    assert tensor.transforms == [*TENSOR[:3], double, *tensor.transforms[-1:]]
    assert isinstance(chain, SplitTransform)


@pytest.mark.parametrize(
    ("chain", "plan", "tensor"),
    [
        (Compose([]), False, False),
        (Compose([Resize(64)]), True, False),
        (Compose([double]), False, True),
        (Resize(64), True, False),
        (Grayscale(), False, True),
        (RandomApply([GaussianBlur(3)]), True, False),
        (RandomChoice([Grayscale(), double]), False, True),
    ],
)
def test_split_leaves_out_what_is_not_there(chain, plan, tensor):
    parts = chain.split()
    assert [part is not None for part in parts] == [plan, tensor]


def test_parts_do_one_after_the_other_with_one_source():
    chain = Compose(
        [Resize(80), RandomCrop(64), RandomHorizontalFlip(), double, ColorJitter(0.4), RandomErasing(p=1)]
    )
    plan, tensor = chain.split()
    random, start = CounterRandom(0, 0, 3), torch.randn(24, 8, 8)
    geometry = plan.apply(Geometry.of(100, 90), random)
    result = tensor.apply(start, random)

    random = CounterRandom(0, 0, 3)
    expected = Geometry.of(100, 90)
    for transform in chain.transforms[:3]:
        expected = transform.apply(expected, random)
    assert geometry == expected
    doubled = double(start)
    for transform in chain.transforms[4:]:
        doubled = transform.apply(doubled, random)
    assert torch.equal(result, doubled)
    assert not torch.equal(result, double(start))


def test_channels_reach_every_step():
    chain = Compose([RandomApply([Grayscale()], p=1.0), RandomChoice([Grayscale()]), Grayscale()])
    for got in (chain(torch.ones(3, 1, 1), [0, 64, 128]), chain.split()[1](torch.ones(3, 1, 1), [0, 64, 128])):
        assert got.flatten().tolist() == [1, 0, 0]


def test_a_chain_of_both_kinds_has_to_be_split():
    chain = Compose([Resize(64), Grayscale()])
    with pytest.raises(TypeError, match=r"Grayscale works on a tensor .* got Geometry"):
        chain(Geometry.of(64, 64))
    with pytest.raises(TypeError, match="Resize edits the plan before decoding"):
        chain(torch.zeros(24, 8, 8))


def test_composes_inside_are_taken_apart():
    chain = Compose([Compose([Resize(64), Compose([CenterCrop(64)])]), Compose([double])])
    assert [type(t).__name__ for t in chain.transforms] == ["Resize", "CenterCrop", "function"]


@pytest.mark.parametrize("late", [RandomHorizontalFlip(), RandomApply([GaussianBlur(3)]), Compose([Resize(64)])])
@pytest.mark.parametrize("before", [double, Grayscale(), RandomChoice([Grayscale()])])
def test_a_plan_transform_after_the_tensor_is_refused(before, late):
    with pytest.raises(ValueError, match="edits the plan before decoding and cannot follow"):
        Compose([Resize(64), before, late])


def test_raw_coefficients_are_needed_before_normalize():
    for late in (ColorJitter(0.1), Grayscale(), RandomErasing(), GaussianNoise(), RandomApply([Grayscale()])):
        with pytest.raises(ValueError, match="coefficients that are not normalised: put Normalize after"):
            Compose([RandomApply([Normalize("dctnet")], p=1.0), late])
    Compose([Normalize("dctnet"), ChannelDropout(), double])


@pytest.mark.parametrize(
    "steps",
    [
        [CenterCrop(450)],
        [Resize(500)],
        [Resize((448, 444)), RandomHorizontalFlip()],
        [RandomResizedCrop(100), RandomApply([GaussianBlur(3)]), Grayscale()],
    ],
)
def test_sizes_that_make_no_whole_blocks_are_refused(steps):
    with pytest.raises(ValueError, match="leaves a size that is no multiple of 8 px"):
        Compose(steps)
    if len(steps) == 1:
        with pytest.raises(ValueError, match="leaves a size that is no multiple of 8 px"):
            steps[0].split()


@pytest.mark.parametrize(
    "steps",
    [
        [Resize(500), CenterCrop(448)],
        [CenterCrop(450), Resize(448)],
        [Resize(512), RandomHorizontalFlip()],
        [Resize(500, max_size=1000)],  # depends on the image
        [Resize(500), RandomChoice([CenterCrop(448), RandomCrop(448)])],
    ],
)
def test_sizes_on_the_way_are_free(steps):
    assert Compose(steps).split()[0].transforms == steps


def test_batches_are_mixed_elsewhere():
    for transform in BATCH:
        with pytest.raises(ValueError, match="works on a batch and its labels"):
            Compose([RandomResizedCrop(64), transform])


@pytest.mark.parametrize("container", [Compose, RandomApply, RandomChoice])
def test_only_sequences_of_callables(container):
    with pytest.raises(TypeError, match="takes callables, got 3"):
        container([Grayscale(), 3])
    with pytest.raises(TypeError, match="takes a sequence of transforms"):
        container(Grayscale())


def test_repr():
    chain = Compose([Resize(512), RandomApply([ColorJitter(0.4), Grayscale(channels=[0, 64, 128])], p=0.8)])
    assert repr(chain) == (
        "Compose(\n"
        "    Resize(size=512)\n"
        "    RandomApply(p=0.8\n"
        "        ColorJitter(brightness=(0.6, 1.4))\n"
        "        Grayscale(channels=ChannelSet(y=[0], cb=[0], cr=[0]))\n"
        "    )\n"
        ")"
    )
    assert eval(repr(PLAN), vars(transforms))[0].size == 64  # what is printed can be typed


def test_transforms_can_be_pickled():
    chain = Compose([*PLAN, RandomApply([RandomChoice(TENSOR[:2], p=[1, 2])]), *TENSOR, double])
    copy = pickle.loads(pickle.dumps(chain))
    assert repr(copy) == repr(chain)
    for transform in BATCH:
        assert repr(pickle.loads(pickle.dumps(transform))) == repr(transform)


# --- By chance --------------------------------------------------------------------------------------------------


def test_random_apply_does_all_or_nothing():
    transform = RandomApply([double, double], p=0.3)
    results = [transform.apply(torch.ones(1), CounterRandom(0, 0, i)).item() for i in range(2000)]
    assert set(results) == {1.0, 4.0}
    assert results.count(4.0) == pytest.approx(600, abs=5 * (2000 * 0.3 * 0.7) ** 0.5)


def test_random_choice_by_weights():
    sizes = [8, 16, 24, 32]
    transform = RandomChoice([Resize((s, s)) for s in sizes], p=[1, 0, 3, 0])
    drawn = [transform.apply(Geometry.of(9, 9), CounterRandom(0, 0, i)).size[0] for i in range(2000)]
    assert set(drawn) == {8, 24}
    assert drawn.count(8) == pytest.approx(500, abs=5 * (2000 * 0.25 * 0.75) ** 0.5)


@pytest.mark.parametrize("p", [[1.0], [1, 1, 1], [0, 0], [-1, 2]])
def test_weights_are_checked(p):
    with pytest.raises(ValueError, match="a weight for each of 2 transforms"):
        RandomChoice([Grayscale(), double], p=p)


@pytest.mark.parametrize("container", [RandomApply, RandomChoice])
def test_chance_is_for_one_kind(container):
    with pytest.raises(ValueError, match="one for each kind"):
        container([GaussianBlur(3), Grayscale()])
    with pytest.raises(ValueError, match="at least one"):
        container([])


# --- Recipes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "resize", "crop", "antialias"),
    [
        ("default", 512, 448, True),
        ("torchvision", 256, 224, True),
        ("resnet50", 512, 448, False),
        ("mobilenet_v2", 1024, 896, False),
    ],
)
def test_recipes(name, resize, crop, antialias):
    assert name in list_recipes()
    assert RECIPES[name].antialias is antialias
    assert recipe(name).geometry(375, 500) == Compose([Resize(resize), CenterCrop(crop)]).geometry(375, 500)
    random = CounterRandom(0, 0, 0), CounterRandom(0, 0, 0)
    got = recipe(name, train=True).apply(Geometry.of(375, 500), random[0])
    expected = Compose([RandomResizedCrop(crop), RandomHorizontalFlip()]).apply(Geometry.of(375, 500), random[1])
    assert got == expected


def test_recipes_are_all_tested_and_the_default_is_one():
    assert set(list_recipes()) == set(RECIPES) == {"default", "torchvision", "resnet50", "mobilenet_v2"}
    assert repr(recipe()) == repr(recipe("default"))
    with pytest.raises(ValueError, match=r"no recipe 'vgg'; there are 'default', .*'mobilenet_v2'"):
        recipe("vgg")


# --- Under a DataLoader ------------------------------------------------------------------------------------------


class Boxes(Dataset):
    """Draws as a data set does: from torch's global generator."""

    def __init__(self):
        self.transform = Compose([RandomResizedCrop(64), RandomHorizontalFlip(), ColorJitter(0.4)])

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> torch.Tensor:
        plan, tensor = self.transform.split()
        geometry = plan.geometry(375, 500)
        drawn = [geometry.vertical.start, geometry.horizontal.start, float(geometry.horizontal.flip)]
        return torch.tensor([*drawn, *tensor(torch.full((6, 1, 1), 100.0))[:2, 0, 0].tolist()])


@pytest.mark.parametrize(
    "workers", [{"num_workers": 0}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}]
)
def test_epochs_differ_and_seeds_repeat_them(workers):
    def two_epochs() -> list[torch.Tensor]:
        torch.manual_seed(5)
        loader = DataLoader(Boxes(), batch_size=2, **workers)
        return [torch.cat(list(loader)) for _ in range(2)]

    first, second = two_epochs()
    assert len({tuple(row) for row in torch.cat([first, second])[:, [0, 1, 3]].tolist()}) == 16
    assert all(map(torch.equal, two_epochs(), (first, second)))
