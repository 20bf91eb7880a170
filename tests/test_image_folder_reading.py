"""What DCTImageFolder reads: single images, batches, their random crops."""

from __future__ import annotations

from pathlib import Path

import dctdecode
import pytest
import torch
from dctdecode import DCTImageFolder
from dctdecode.data import BatchDataset, reading
from dctdecode.errors import CorruptJpegError
from dctdecode.transforms import (
    CenterCrop,
    ColorJitter,
    Compose,
    CounterRandom,
    RandomApply,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
)
from folders import equal, image_tree
from torch.utils.data import DataLoader, Subset


def test_without_size_images_are_as_read_gives_them(root):
    dataset = DCTImageFolder(root, channels=24, normalize="dctnet", dtype=torch.float16)
    for i in range(6):
        tensor, target = dataset[i]
        expected = dctdecode.read(dataset.samples[i][0], 24, normalize="dctnet", dtype=torch.float16)
        assert torch.equal(tensor, expected)
        assert target == i // 3
    assert torch.equal(dataset[-1][0], dataset[5][0])
    with pytest.raises(IndexError, match="list index out of range"):
        dataset[6]


def test_options_reach_the_reader(root):
    options = {"size": (24, 40), "interpolation": "lanczos", "antialias": False, "orientation": "apply"}
    dataset = DCTImageFolder(root, channels=[0, 64], **options)
    expected = dctdecode.read(dataset.samples[4][0], [0, 64], **options)
    assert torch.equal(dataset[4][0], expected)
    assert torch.equal(dataset.__getitems__([1, 4])[1][0], expected)
    assert not torch.equal(expected, dctdecode.read(dataset.samples[4][0], [0, 64], size=(24, 40)))


TRANSFORMS = {
    "none": (None, {"size": 32}),
    "plan": (RandomResizedCrop(32, scale=(0.2, 1.0)), {}),
    "plan and tensor": (
        Compose([RandomResizedCrop(32), RandomHorizontalFlip(), ColorJitter(0.5, 0.5), RandomErasing(1.0)]),
        {},
    ),
    "tensor": (RandomErasing(1.0), {"size": 32}),
    "size by chance": (Compose([RandomResizedCrop(16), RandomApply([Resize((32, 24))])]), {}),
    "foreign": (lambda tensor: tensor * torch.rand(()), {"size": 32}),
    "foreign, after a plan": (Compose([RandomResizedCrop(32), lambda tensor: tensor + torch.rand(1)]), {}),
    "foreign, of another shape": (lambda tensor: tensor.mean((1, 2), keepdim=True) + torch.rand(1), {"size": 32}),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_batch_equals_its_images(root, name):
    """Also in its random numbers, and in what is left in the generator."""
    transform, options = TRANSFORMS[name]
    dataset = DCTImageFolder(root, transform, channels=24, normalize="dctnet", **options)
    indices = [4, 0, 0, 5]
    torch.manual_seed(7)
    single = [dataset[i] for i in indices]
    after = torch.rand(1)
    torch.manual_seed(7)
    batch = dataset.__getitems__(indices)
    assert torch.equal(torch.rand(1), after)
    assert equal(batch, single)
    assert [target for _, target in batch] == [1, 0, 0, 1]
    if name != "none":
        assert not torch.equal(batch[1][0], batch[2][0])
        assert not equal(dataset.__getitems__(indices), batch)


def test_plan_transforms_draw_as_everywhere(root):
    crop = RandomResizedCrop(32)
    dataset = DCTImageFolder(root, crop, channels=6)
    torch.manual_seed(1)
    batch = dataset.__getitems__([2, 3])
    torch.manual_seed(1)
    expected = [dctdecode.read(dataset.samples[i][0], 6, transform=crop) for i in (2, 3)]
    assert equal(batch, [(expected[0], 0), (expected[1], 1)])


def test_a_batch_is_one_allocation_and_one_call(root, monkeypatch):
    calls = []
    prepare_batch = reading.prepare_batch

    def count(sources, *arguments, **options):
        calls.append(len(sources))
        return prepare_batch(sources, *arguments, **options)

    monkeypatch.setattr(reading, "prepare_batch", count)
    dataset = DCTImageFolder(root, channels=24, size=32)
    calls.clear()
    batch = dataset.__getitems__([5, 1, 3])
    assert calls == [3]
    assert len({tensor.untyped_storage().data_ptr() for tensor, _ in batch}) == 1
    loaded = list(DataLoader(dataset, batch_size=4))
    assert calls == [3, 4, 2]
    assert [list(images.shape) for images, _ in loaded] == [[4, 24, 4, 4], [2, 24, 4, 4]]
    assert torch.cat([targets for _, targets in loaded]).tolist() == [0, 0, 0, 1, 1, 1]
    list(DataLoader(Subset(dataset, [0, 3, 5]), batch_size=3))
    assert calls == [3, 4, 2, 3]


def test_mixed_sizes_come_one_by_one(tmp_path, generate):
    image_tree(tmp_path / "tree", generate, 1)
    image_tree(tmp_path / "other", generate, 1, height=40)
    (tmp_path / "other" / "cat" / "0.jpg").rename(tmp_path / "tree" / "cat" / "1.jpg")
    dataset = DCTImageFolder(tmp_path / "tree", channels=6)
    assert [list(tensor.shape) for tensor, _ in dataset.__getitems__([0, 1, 2])] == [
        [6, 3, 5],
        [6, 5, 5],
        [6, 3, 5],
    ]
    assert dataset.batch_shape(3) is None
    with pytest.raises(ValueError, match="equal grid"):
        dataset.read_batch([0, 1])
    resized = DCTImageFolder(tmp_path / "tree", Resize(16), channels=6)
    assert [list(tensor.shape) for tensor, _ in resized.__getitems__([0, 1])] == [[6, 2, 4], [6, 2, 2]]


@pytest.mark.parametrize(
    ("transform", "size", "shape"),
    [
        (None, None, None),
        (None, (16, 24), (5, 24, 2, 3)),
        (None, 16, (5, 24, 2, 2)),
        (RandomErasing(), 16, (5, 24, 2, 2)),
        (RandomErasing(), None, None),
        (abs, 16, None),
        (RandomResizedCrop((16, 32)), None, (5, 24, 2, 4)),
        (Compose([Resize(64), CenterCrop(32), RandomHorizontalFlip()]), None, (5, 24, 4, 4)),
        (Compose([Resize(64), RandomHorizontalFlip()]), None, None),
        (Compose([CenterCrop(32), RandomApply([Resize(16)])]), None, None),
        (Compose([CenterCrop(32), RandomApply([ColorJitter(0.1)])]), None, (5, 24, 4, 4)),
        (Compose([CenterCrop(32), abs]), None, None),
        (RandomHorizontalFlip(), None, None),
    ],
)
def test_batch_shape(root, transform, size, shape):
    dataset = DCTImageFolder(root, transform, channels=24, size=size)
    assert isinstance(dataset, BatchDataset)
    assert dataset.batch_shape(5) == shape
    if shape is not None and "CenterCrop" not in repr(transform):
        assert dataset.read_batch([0, 1, 2, 3, 4])[0].shape == shape


def test_transforms_may_be_assigned(root):
    dataset = DCTImageFolder(root, RandomResizedCrop(32), channels=6)
    dataset.transform = RandomResizedCrop(16)
    dataset.target_transform = str
    assert dataset[0][0].shape == (6, 2, 2)
    assert [target for _, target in dataset.__getitems__([0, 5])] == ["0", "1"]


def test_samples_may_be_assigned(root):
    dataset = DCTImageFolder(root, channels=6, size=16)
    last = dataset[5][0]
    dataset.samples = [(path, 7) for path, _ in dataset.samples if path.endswith("2.jpg")]
    assert len(dataset) == 2
    tensor, target = dataset[1]
    assert torch.equal(tensor, last)
    assert target == 7
    assert dataset.read_batch([1, 0])[1].tolist() == [7, 7]


def test_target_transform(root):
    dataset = DCTImageFolder(root, target_transform=lambda target: 10 - target, channels=6, size=16)
    assert dataset[5][1] == 9
    assert dataset.read_batch([0, 5])[1].tolist() == [10, 9]


def test_a_loader_may_give_bytes(root, damaged):
    def load(path):
        return Path(path).read_bytes()

    plain, loaded = DCTImageFolder(root, size=16), DCTImageFolder(root, loader=load, size=16)
    assert loaded.loader is load
    assert equal(loaded.__getitems__(range(6)), plain.__getitems__(range(6)))
    assert equal([loaded[3]], [plain[3]])
    dataset = DCTImageFolder(damaged, loader=load, size=16)
    for read in (lambda: dataset[1], lambda: dataset.__getitems__([0, 1])):
        with pytest.raises(CorruptJpegError, match=r"cat/1\.jpg"):
            read()
    Path(dataset.samples[0][0]).unlink()
    tensors, targets, failures = dataset.read_batch([0, 1, 2, 5], on_error="skip")
    assert len(tensors) == len(targets) == 1
    assert [(f.index, f.path, type(f.error)) for f in failures] == [
        (0, dataset.samples[0][0], FileNotFoundError),
        (1, dataset.samples[1][0], CorruptJpegError),
        (3, dataset.samples[5][0], CorruptJpegError),
    ]
    assert "cat/1.jpg" in str(failures[1].error)
    with pytest.raises(FileNotFoundError, match=r"cat/0\.jpg"):
        dataset.__getitems__([2, 0])


# --- read_batch ----------------------------------------------------------------------------------------------


def test_read_batch_draws_from_the_given_numbers(root):
    """Of each image alone, whatever the order and the company."""
    transform = TRANSFORMS["plan and tensor"][0]
    dataset = DCTImageFolder(root, transform, channels=24)

    def read(indices, threads):
        state = torch.get_rng_state()
        randoms = [CounterRandom(0, 1, index) for index in indices]
        tensor, targets, failures = dataset.read_batch(indices, randoms=randoms, threads=threads)
        assert torch.equal(torch.get_rng_state(), state)
        assert targets.dtype == torch.int64
        assert targets.tolist() == [index // 3 for index in indices]
        assert failures == []
        return dict(zip(indices, tensor, strict=True))

    one, other = read([0, 1, 2, 3, 4, 5], 1), read([5, 3, 1], 3)
    assert all(torch.equal(one[index], other[index]) for index in other)
    assert not torch.equal(one[0], dataset.read_batch([0], randoms=[CounterRandom(0, 2, 0)])[0][0])


def test_read_batch_writes_into_out(root):
    dataset = DCTImageFolder(root, channels=24, size=32)
    out = torch.empty(dataset.batch_shape(2))
    tensor, _, _ = dataset.read_batch([0, -1], out=out)
    assert tensor is out
    assert torch.equal(out[1], dataset[5][0])
    with pytest.raises(IndexError):
        dataset.read_batch([0, 6])
