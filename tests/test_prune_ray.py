"""Pruning as batches: the plain function, and Ray Data on two local workers."""

from __future__ import annotations

import functools
import importlib.util
import os
import pickle
import sys
from pathlib import Path

import dctdecode
import pytest
from dctdecode.cli import main
from dctdecode.trees import PruneOptions, TargetError, prune_batch, prune_tree
from folders import image_tree, put
from shards import PHOTOS, sample, shard
from test_prune_tree import contents, rows

OPTIONS = PruneOptions(24)


def test_status_rows_instead_of_exceptions():
    table = {"path": list("abcde"), "bytes": [PHOTOS[0], PHOTOS[0][:-40], b"", None, PHOTOS[2]], "label": range(5)}
    result = prune_batch(table, OPTIONS)
    assert list(result) == ["path", "bytes", "label", "status", "bytes_before", "bytes_after", "error"]
    assert result["status"] == ["pruned", "failed", "failed", "failed", "pruned"]
    small = [dctdecode.prune(PHOTOS[i], 24) for i in (0, 2)]
    assert result["bytes"] == [small[0], None, None, None, small[1]]
    assert result["bytes_before"] == [len(data or b"") for data in table["bytes"]]
    assert result["bytes_after"] == [len(small[0]), 0, 0, 0, len(small[1])]
    assert [bool(error) for error in result["error"]] == [False, True, True, True, False]
    assert result["label"] == [0, 1, 2, 3, 4]


def test_failing_images_can_be_kept():
    result = prune_batch({"bytes": [PHOTOS[0][:-40]]}, OPTIONS, on_error="copy")
    assert result["bytes"] == [PHOTOS[0][:-40]]
    assert result["status"] == ["copied"]
    assert result["error"] != [""]
    with pytest.raises(ValueError, match="on_error"):
        prune_batch({"bytes": []}, OPTIONS, on_error="raise")


def test_the_function_travels():
    function = functools.partial(prune_batch, options=PruneOptions(24, size=(16, 24), quality=80))
    again = pickle.loads(pickle.dumps(function))
    assert again.keywords == function.keywords
    assert again({"bytes": PHOTOS}) == function({"bytes": PHOTOS})


def test_without_ray_it_says_what_to_install(tmp_path, generate, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    source = image_tree(tmp_path / "source", generate)
    argv = ["prune", str(source), str(tmp_path / "target"), "--channels", "24", "--engine", "ray"]
    assert main(argv) == 1
    assert 'pip install "dctdecode[ray]"' in capsys.readouterr().err


@pytest.fixture(scope="module")
def ray():
    """Two workers on this machine. DCTDECODE_REQUIRE_RAY=1: Ray may not be missing."""
    if importlib.util.find_spec("ray") is None and os.environ.get("DCTDECODE_REQUIRE_RAY") != "1":
        pytest.skip('Ray is not installed (pip install "ray[data]")')
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Its workers find the tests' and the package's modules where this process found them.
    path = os.pathsep.join(p for p in sys.path if p)
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": path}}
    )
    yield ray
    ray.shutdown()


@pytest.fixture
def tree(tmp_path, generate) -> Path:
    root = image_tree(tmp_path / "source", generate, 40)  # several batches
    put(root / "dog" / "corrupt.jpg", PHOTOS[0][:-40])
    put(root / "dog" / "\udcff.jpg", PHOTOS[2])
    put(root / "notes.txt", b"notes")
    put(root / "a.tar", shard([*sample(1), ("b.jpg", PHOTOS[0][:-40])]))
    return root


@pytest.mark.filterwarnings("default")
def test_a_tree_on_two_workers(ray, tree, tmp_path):
    by_threads = prune_tree(tree, tmp_path / "threads", OPTIONS)
    by_ray = prune_tree(tree, tmp_path / "ray", OPTIONS, engine="ray")
    assert contents(tmp_path / "ray") == contents(tmp_path / "threads")
    assert by_ray.files == by_threads.files == {"pruned": 82, "copied": 1, "failed": 1}
    assert (by_ray.images, by_ray.failed) == (82, 2)
    assert rows(tmp_path / "ray") == rows(tmp_path / "threads")
    assert "corrupt.jpg" in rows(tmp_path / "ray")["dog/corrupt.jpg"]["error"]
    (tmp_path / "ray" / "cat" / "0.jpg").write_bytes(b"")
    assert prune_tree(tree, tmp_path / "ray", OPTIONS, engine="ray").verified == 82
    assert contents(tmp_path / "ray") == contents(tmp_path / "threads")


@pytest.mark.filterwarnings("default")
def test_binary_files_on_two_workers(ray, tree):
    """As docs/pruning-trees.md has it."""
    folder = tree / "dog"
    (folder / "\udcff.jpg").unlink()
    files = ray.data.read_binary_files(str(folder), include_paths=True, override_num_blocks=4)
    table = files.map_batches(prune_batch, fn_kwargs={"options": OPTIONS}, batch_size=16)
    found = {Path(row["path"]).name: row for row in table.take_all()}
    assert len(found) == 41
    corrupt = found.pop("corrupt.jpg")
    assert (corrupt["status"], corrupt["bytes"]) == ("failed", None)
    assert corrupt["error"]
    for name, row in found.items():
        assert row["status"] == "pruned"
        assert row["bytes"] == dctdecode.prune(folder / name, 24)


@pytest.mark.filterwarnings("default")
def test_a_target_that_cannot_be_written_ends_the_run(ray, tree, tmp_path):
    target = tmp_path / "target"
    prune_tree(tree, target, OPTIONS)
    (target / "cat" / "0.jpg").unlink()
    (target / "cat" / "0.jpg").mkdir()  # which a file cannot replace
    with pytest.raises(TargetError, match=r"cat/0\.jpg: cannot be written"):
        prune_tree(tree, target, OPTIONS, engine="ray")
