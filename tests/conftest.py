"""Files to read and the oracles that say what is in them."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from folders import damaged_tree, image_tree
from generate import Generator, Made, Recipe
from oracle import Oracle, compile_program

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    """Where torchvision is said to be there, the tests that compare with it may not skip."""
    if os.environ.get("DCTDECODE_REQUIRE_TORCHVISION") == "1":
        import torchvision.ops  # noqa: F401


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """Folder of the compiled C programs. Without a compiler the tests that need it fail; they do not skip."""
    folder = tmp_path_factory.mktemp("programs")
    for name in ("oracle", "generate"):
        compile_program(name, folder)
    return folder


@pytest.fixture(scope="session")
def oracle(programs) -> Oracle:
    """bytes -> `oracle.Answer`."""
    return Oracle(programs / "oracle")


@pytest.fixture(scope="session")
def generator(programs) -> Generator:
    return Generator(programs / "generate")


@pytest.fixture(scope="session")
def generate(generator):
    """Recipe -> `Made`, each recipe once a session."""

    @cache
    def make(recipe: Recipe) -> Made:
        return generator(recipe)

    return make


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of collected JPEGs: DCTDECODE_CORPUS, or shared/data beside the repository."""
    folder = Path(os.environ.get("DCTDECODE_CORPUS") or ROOT.parent / "shared" / "data")
    if (folder / "conformance" / "index.csv").is_file():
        return folder
    missing = f"no corpus at {folder} (DCTDECODE_CORPUS names its folder)"
    if os.environ.get("DCTDECODE_REQUIRE_CORPUS") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="module")
def root(tmp_path_factory, generate) -> Path:
    """An image folder: 3 cats and 3 dogs, 37 x 21 px."""
    return image_tree(tmp_path_factory.mktemp("images"), generate)


@pytest.fixture
def damaged(tmp_path, root) -> Path:
    """A copy of it, some of whose files cannot be read."""
    return damaged_tree(tmp_path / "tree", root)
