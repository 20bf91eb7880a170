"""DCTImageFolder against torchvision's ImageFolder, field by field; skipped where that cannot be imported."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path

import pytest
from dctdecode import DCTImageFolder
from dctdecode.data import scanning
from folders import odd_tree, put

JPEG_ONLY = (".jpg", ".jpeg")


@pytest.fixture(scope="module")
def folder():
    """torchvision.datasets.folder"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torchvision.datasets.folder
        except (ImportError, RuntimeError) as error:  # its wheels for CUDA beside a torch for CPUs
            pytest.skip(f"torchvision cannot be imported: {error}")
    return torchvision.datasets.folder


@pytest.fixture
def tree(tmp_path) -> Path:
    root = odd_tree(tmp_path / "tree")
    for name in ("C/1.PNG", "a/2.webp", "b/sub/3.tif"):
        put(root / name)
    return root


def same(ours, theirs) -> None:
    for name in ("root", "extensions", "classes", "class_to_idx", "samples", "targets", "imgs", "transform"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.target_transform == theirs.target_transform
    assert type(ours.root) is type(theirs.root)
    assert (ours.imgs is ours.samples) is (theirs.imgs is theirs.samples) is True
    assert len(ours) == len(theirs)
    assert repr(ours).replace("DCTImageFolder", "ImageFolder") == repr(theirs)


@pytest.mark.parametrize("kind", [str, Path, lambda root: f"{root}/", lambda root: f"{root.parent}/./{root.name}"])
def test_fields(folder, tree, kind):
    same(DCTImageFolder(kind(tree), fallback="convert"), folder.ImageFolder(kind(tree)))


def test_fields_of_a_relative_root(folder, tree, monkeypatch):
    monkeypatch.chdir(tree.parent)
    monkeypatch.setenv("HOME", str(tree.parent))
    for root in ("tree", "~/tree"):
        same(DCTImageFolder(root, fallback="convert"), folder.ImageFolder(root))


def test_jpegs_alone(folder, tree):
    ours = DCTImageFolder(tree)
    theirs = folder.DatasetFolder(tree, folder.default_loader, extensions=JPEG_ONLY)
    assert (ours.samples, ours.targets) == (theirs.samples, theirs.targets)


def test_fields_with_is_valid_file(folder, tree):
    def odd(path):
        return len(path) % 2 == 1

    ours = DCTImageFolder(tree, is_valid_file=odd, allow_empty=True)
    same(ours, folder.ImageFolder(tree, is_valid_file=odd, allow_empty=True))


def test_repr_with_transforms(folder, tree):
    from torchvision.transforms import CenterCrop, Compose, Resize

    pipeline, shift = Compose([Resize(256), CenterCrop(224)]), abs
    for pair in ((pipeline, shift), (None, shift), (pipeline, None)):
        same(DCTImageFolder(tree, *pair, fallback="convert"), folder.ImageFolder(tree, *pair))
        ours, theirs = DCTImageFolder(tree, *pair).transforms, folder.ImageFolder(tree, *pair).transforms
        assert repr(ours) == repr(theirs)


def subclass(base):
    class Some(base):
        def find_classes(self, directory):
            classes, _ = super().find_classes(directory)
            return classes[::2], {name: 10 + index for index, name in enumerate(classes[::2])}

        @staticmethod
        def make_dataset(directory, class_to_idx, extensions=None, is_valid_file=None, allow_empty=False):
            found = base.make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)
            return [sample for sample in found if "1" not in Path(sample[0]).name]

    return Some


def test_subclasses(folder, tree):
    ours = subclass(DCTImageFolder)(tree, allow_empty=True, fallback="convert")
    same(ours, subclass(folder.ImageFolder)(tree, allow_empty=True))


def outcome(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("case", ["none", "no class", "empty", "empty, is_valid_file", "file"])
def test_errors_of_roots(folder, tmp_path, case):
    options = {"is_valid_file": lambda path: False} if "is_valid_file" in case else {}
    root = tmp_path / "root"
    if case == "file":
        put(root)
    elif case != "none":
        root.mkdir()
    if "empty" in case:
        (root / "b").mkdir()
        (root / "a").mkdir()
    for kind in (str, Path):
        ours = outcome(DCTImageFolder, kind(root), fallback="convert", **options)
        assert ours == outcome(folder.ImageFolder, kind(root), **options)
        assert isinstance(ours, tuple)


@pytest.mark.parametrize("class_to_idx", [None, {}, {"a": 4}, {"a": 1, "b": 0, "none": 2}])
@pytest.mark.parametrize("extensions", [None, ".jpg", (".jpg", ".jpeg"), (".PNG",)])
@pytest.mark.parametrize("is_valid_file", [None, lambda path: "g" in path])
@pytest.mark.parametrize("allow_empty", [False, True])
def test_make_dataset(folder, tree, class_to_idx, extensions, is_valid_file, allow_empty):
    arguments = (str(tree), class_to_idx, extensions, is_valid_file, allow_empty)
    for ours, theirs in (
        (scanning.make_dataset, folder.make_dataset),
        (DCTImageFolder.make_dataset, folder.ImageFolder.make_dataset),
    ):
        assert outcome(ours, *arguments) == outcome(theirs, *arguments)


def test_names_and_order_of_arguments(folder):
    ours = list(inspect.signature(DCTImageFolder).parameters.values())
    theirs = list(inspect.signature(folder.ImageFolder).parameters.values())
    assert [(p.name, p.kind) for p in ours[: len(theirs)]] == [(p.name, p.kind) for p in theirs]
    assert all(p.kind is p.KEYWORD_ONLY for p in ours[len(theirs) :])
    assert scanning.IMG_EXTENSIONS == folder.IMG_EXTENSIONS
    for name in ("A.JPG", "a.gif", ".png", "png"):
        assert scanning.is_image_file(name) == folder.is_image_file(name)
