"""DCTImageFolder without reading an image: which files, in which order, and what it says when there are none."""

from __future__ import annotations

import logging
import pickle
import tracemalloc
from pathlib import Path

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode import DCTImageFolder
from dctdecode.data import scanning
from dctdecode.data.index import Samples, Targets
from folders import ODD_CLASSES, ODD_SAMPLES, odd_tree, paths_of, put
from torch.utils.data import ConcatDataset, Subset, WeightedRandomSampler, random_split


@pytest.fixture
def tree(tmp_path) -> Path:
    return odd_tree(tmp_path / "tree")


@pytest.mark.parametrize("kind", [str, Path])
def test_classes_and_samples(tree, kind):
    dataset = DCTImageFolder(kind(tree))
    assert dataset.root == kind(tree)
    assert type(dataset.root) is type(kind(tree))
    assert dataset.classes == ODD_CLASSES
    assert dataset.class_to_idx == {name: index for index, name in enumerate(ODD_CLASSES)}
    assert dataset.samples == [(f"{tree}/{name}", target) for name, target in ODD_SAMPLES]
    assert dataset.targets == [target for _, target in ODD_SAMPLES]
    assert dataset.imgs is dataset.samples
    assert len(dataset) == len(ODD_SAMPLES)
    assert dataset.extensions == (".jpg", ".jpeg")
    assert (dataset.transform, dataset.target_transform, dataset.transforms) == (None, None, None)


def test_paths_are_joined_to_what_was_given(tree, monkeypatch):
    monkeypatch.chdir(tree.parent)
    monkeypatch.setenv("HOME", str(tree.parent))
    assert DCTImageFolder("tree").samples[0] == ("tree/.hidden/h.jpg", 0)
    assert DCTImageFolder("./tree/").samples[0] == ("./tree/.hidden/h.jpg", 0)
    assert DCTImageFolder("~/tree").samples[0] == (f"{tree}/.hidden/h.jpg", 0)
    with pytest.raises(FileNotFoundError, match=r"\[Errno 2\] No such file or directory: '~/tree'"):
        DCTImageFolder(Path("~/tree"))


def test_no_class_folder(tmp_path):
    put(tmp_path / "loose.jpg")
    with pytest.raises(FileNotFoundError) as caught:
        DCTImageFolder(tmp_path)
    assert str(caught.value) == f"Couldn't find any class folder in {tmp_path}."


def test_no_root(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        DCTImageFolder(tmp_path / "none")
    assert str(caught.value) == f"[Errno 2] No such file or directory: '{tmp_path / 'none'}'"


def test_classes_without_files(tmp_path):
    put(tmp_path / "b" / "1.txt")
    put(tmp_path / "c" / "1.jpg")
    (tmp_path / "a").mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        DCTImageFolder(tmp_path)
    text = "Found no valid file for the classes a, b. "
    assert str(caught.value) == text + "Supported extensions are: .jpg, .jpeg"
    with pytest.raises(FileNotFoundError) as caught:
        DCTImageFolder(tmp_path, is_valid_file=lambda path: path.endswith("1.jpg"))
    assert str(caught.value) == text
    dataset = DCTImageFolder(tmp_path, allow_empty=True)
    assert dataset.classes == ["a", "b", "c"]
    assert paths_of(tmp_path, dataset.samples) == [("c/1.jpg", 2)]


@pytest.mark.parametrize(
    ("class_to_idx", "arguments", "text"),
    [
        (None, {"extensions": (".jpg",)}, "The class_to_idx parameter cannot be None."),
        (
            {},
            {"extensions": (".jpg",)},
            "'class_to_index' must have at least one entry to collect any samples.",
        ),
        ({"a": 0}, {}, "Both extensions and is_valid_file cannot be None or not None at the same time"),
        (
            {"a": 0},
            {"extensions": (".jpg",), "is_valid_file": bool},
            "Both extensions and is_valid_file cannot be None or not None at the same time",
        ),
    ],
)
def test_bad_arguments_of_make_dataset(tree, class_to_idx, arguments, text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole text is compared
        DCTImageFolder.make_dataset(tree, class_to_idx, **arguments)
    assert str(caught.value) == text


def test_module_functions(tree):
    assert scanning.find_classes(tree)[0] == ODD_CLASSES
    found = scanning.make_dataset(str(tree), extensions=".gif", allow_empty=True)
    assert paths_of(tree, found) == [("b/sub/none.gif", 5)]
    assert scanning.has_file_allowed_extension("x/A.PNG", ".png")


def test_is_valid_file_gets_the_whole_path(tree):
    seen = []
    dataset = DCTImageFolder(tree, is_valid_file=lambda path: seen.append(path) or "jpg" in path.lower())
    assert dataset.extensions is None
    assert {f"{tree}/C/notes.txt", f"{tree}/b/sub-2/y.jpg", f"{tree}/a/jpg"} <= set(seen)
    assert "a/jpg" in [name for name, _ in paths_of(tree, dataset.samples)]
    assert f"{tree}/loose.jpg" not in seen


def test_find_classes_may_be_overridden(tree):
    class Two(DCTImageFolder):
        def find_classes(self, directory):
            return ["b", "C"], {"b": 7, "C": 3}

    dataset = Two(tree)
    assert dataset.classes == ["b", "C"]
    names = [("C/Upper.Jpg", 3), *((name, 7) for name, target in ODD_SAMPLES if target == 5)]
    assert paths_of(tree, dataset.samples) == names
    assert dataset.targets == [3, 7, 7, 7, 7]


def test_make_dataset_may_be_overridden(tree):
    class Upper(DCTImageFolder):
        @staticmethod
        def make_dataset(directory, class_to_idx, extensions=None, is_valid_file=None, allow_empty=False):
            found = DCTImageFolder.make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)
            return [sample for sample in found if sample[0].endswith(("JPG", "Jpg"))]

    dataset = Upper(tree)
    assert type(dataset.samples) is list
    assert dataset.samples == [(f"{tree}/C/Upper.Jpg", 3), (f"{tree}/a/10.JPG", 4)]
    assert dataset.targets == [3, 4]
    assert dataset.imgs is dataset.samples


def test_other_images_are_ignored_and_named(tree, caplog):
    for name in ("C/1.PNG", "C/2.webp", "C/3.tif", "a/4.bmp"):
        put(tree / name)
    with caplog.at_level(logging.WARNING, "dctdecode"):
        dataset = DCTImageFolder(tree)
    assert paths_of(tree, dataset.samples) == ODD_SAMPLES
    (record,) = caplog.records
    assert record.name == "dctdecode"
    said = record.getMessage()
    assert "4 (" in said
    assert f"{tree}/C/1.PNG, {tree}/C/2.webp, {tree}/C/3.tif, ..." in said
    caplog.clear()
    taken = DCTImageFolder(tree, fallback="convert")
    assert len(taken) == len(ODD_SAMPLES) + 4
    assert caplog.records == []


def test_repr(tree):
    expected = f"Dataset DCTImageFolder\n    Number of datapoints: 14\n    Root location: {tree}"
    assert repr(DCTImageFolder(tree)) == expected

    class Named:
        def __init__(self, name):
            self.name = name

        def __repr__(self):
            return self.name

        def __call__(self, value):
            return value

    shown = repr(DCTImageFolder(tree, Named("Two(\n  lines\n)"), Named("target")))
    assert shown == expected + (
        "\n    StandardTransform\nTransform: Two(\n             lines\n           )\nTarget transform: target"
    )

    class Own(DCTImageFolder):
        def extra_repr(self):
            return "Split: train\nVersion: 2"

    assert repr(Own(tree)) == expected.replace("DCTI", "I").replace("ImageFolder", "Own") + (
        "\n    Split: train\n    Version: 2"
    )


def test_transforms_pairs_both(tree):
    pair = DCTImageFolder(tree, None, lambda target: target + 1).transforms
    assert pair("image", 3) == ("image", 4)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"fallback": "png"}, ValueError, "fallback must be None or"),
        ({"fallback": "convert", "dtype": torch.int16}, ValueError, "int16"),
        ({"channels": 25}, ValueError, "no preset 25"),
        ({"size": 100}, ValueError, "multiples of 8"),
        ({"normalize": "nope"}, ValueError, "nope"),
        ({"dtype": torch.float64}, ValueError, "dtype must be one of"),
        ({"on_error": "ignore"}, ValueError, "on_error"),
        ({"threads": 0}, ValueError, "threads"),
        ({"orientation": "up"}, ValueError, "orientation"),
        ({"interpolation": "cubic"}, ValueError, "interpolation"),
        ({"limits": {"max_frames": 1}}, ValueError, "max_frames"),
        (
            {"size": 64, "transform": dctdecode.transforms.RandomResizedCrop(64)},
            ValueError,
            "size=.* exclude each other",
        ),
    ],
)
def test_bad_arguments_are_refused_at_once(tmp_path, arguments, error, says):
    """Even before the folder is looked at."""
    with pytest.raises(error, match=says):
        DCTImageFolder(tmp_path / "none", **arguments)


ENTRIES = [("a.jpg", 2), ("x/y.jpg", 1), ("x/z.jpg", 1), ("x/z.jpg", 0), ("x//w.jpg", 0), ("/r/\udcff", 0)]


@pytest.fixture
def samples() -> Samples:
    return Samples(ENTRIES)


def test_samples_behave_like_the_list(samples):
    assert list(samples) == ENTRIES
    assert samples == ENTRIES
    assert samples == ENTRIES
    assert samples != ENTRIES[:-1]
    assert samples != [*ENTRIES[:-1], ("/r/\udcff", 1)]
    assert samples != tuple(ENTRIES)
    assert [samples[i] for i in range(-6, 6)] == ENTRIES * 2
    assert samples[1:5:2] == ENTRIES[1:5:2]
    assert samples[::-1] == ENTRIES[::-1]
    assert samples[torch.tensor(3)] == ENTRIES[3]
    assert ENTRIES[2] in samples
    assert samples.index(ENTRIES[3]) == 3
    more = [("b", 0)]
    assert samples + more == ENTRIES + more
    assert more + samples == more + ENTRIES
    assert repr(samples) == repr(ENTRIES)
    for index in (6, -7):
        with pytest.raises(IndexError, match="list index out of range"):
            samples[index]
    with pytest.raises(TypeError):
        samples["0"]
    with pytest.raises(TypeError):
        hash(samples)


def test_the_repr_of_many_samples_is_short():
    samples = Samples((f"a/{i}.jpg", i % 3) for i in range(100))
    assert repr(samples) == (
        "[('a/0.jpg', 0), ('a/1.jpg', 1), ('a/2.jpg', 2), ..., ('a/99.jpg', 0)] (100 entries)"
    )


def test_targets_behave_like_the_list():
    targets = Targets([0, 0, 1, 2])
    assert targets == [0, 0, 1, 2]
    assert type(targets[2]) is int
    assert targets.count(0) == 2
    assert torch.equal(torch.tensor(targets), torch.tensor([0, 0, 1, 2]))
    array = np.asarray(targets)
    assert array.dtype == np.int64
    assert np.bincount(targets).tolist() == [2, 1, 1]
    array[0] = 5
    assert targets[0] == 0
    with pytest.raises(ValueError, match="copy"):
        np.array(targets, copy=False)


def test_pickled_samples_are_the_same(samples):
    back = pickle.loads(pickle.dumps(samples))
    assert back == ENTRIES
    assert back.targets == samples.targets


def test_a_file_costs_its_name_and_few_bytes_more():
    """12 bytes and the name are 32; the arrays grow ahead by up to an eighth."""
    count = 50_000
    names = [f"n01440764_{i:05d}.JPEG" for i in range(count // 100)]
    assert len(names[0]) == 20
    tracemalloc.start()
    samples = Samples()
    for number in range(100):
        samples.extend(f"/data/imagenet/train/n{number:08d}/", names, number)
    targets = samples.targets
    size_bytes = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(samples) == len(targets) == count
    assert samples[777] == ("/data/imagenet/train/n00000001/n01440764_00277.JPEG", 1)
    assert size_bytes / count < 40


def test_the_helpers_of_torch_work(tree):
    dataset = DCTImageFolder(tree)
    assert len(Subset(dataset, [3, 1])) == 2
    assert [len(part) for part in random_split(dataset, [10, 4])] == [10, 4]
    assert len(ConcatDataset([dataset, dataset])) == len(dataset + dataset) == 28
    weights = 1.0 / np.bincount(dataset.targets)
    sampler = WeightedRandomSampler([weights[target] for target in dataset.targets], 100)
    assert set(sampler) <= set(range(14))
