"""docs/pruning-at-scale.md: each example in Python runs as it is printed, where the package is installed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import dctdecode
import pytest
from folders import image_tree, put
from shards import PHOTOS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"Ray": "ray", "Dask": "distributed", "Spark": "pyspark"}


def examples() -> dict[str, str]:
    """Title -> code."""
    parts = re.split(r"^## (.+)$", (ROOT / "docs" / "pruning-at-scale.md").read_text("utf-8"), flags=re.MULTILINE)
    code = {
        title: re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    return {title: "\n".join(blocks) for title, blocks in code.items() if blocks}


def test_every_example_is_known():
    assert set(examples()) == set(PACKAGES)


@pytest.mark.parametrize("title", PACKAGES)
def test_example(title, tmp_path, generate):
    if importlib.util.find_spec(PACKAGES[title]) is None:
        pytest.skip(f"{PACKAGES[title]} is not installed")
    source, target = image_tree(tmp_path / "source", generate, 9), tmp_path / "target"
    put(source / "dog" / "corrupt.jpg", PHOTOS[0][:-40])
    script = put(
        tmp_path / "script.py", f"SRC, DST = {str(source)!r}, {str(target)!r}\n{examples()[title]}".encode()
    )
    paths = {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYSPARK_PYTHON": sys.executable,
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    ran = subprocess.run(
        [sys.executable, script], env={**os.environ, **paths}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    files = [path for path in source.rglob("*.jpg") if path.name != "corrupt.jpg"]
    expected = {str(path): dctdecode.prune(path, 24) for path in files}
    if title == "Dask":
        assert "18 images, 1 failed" in ran.stdout
        found = {str(source / path.relative_to(target)): path.read_bytes() for path in target.rglob("*.jpg")}
    else:
        from pyarrow.parquet import read_table

        rows = read_table(target).to_pylist()
        (failed,) = [row for row in rows if row["status"] != "pruned"]
        assert failed["path"].endswith("corrupt.jpg")
        assert (failed["status"], failed["bytes"], failed["bytes_after"]) == ("failed", None, 0)
        assert failed["error"]
        found = {row["path"].removeprefix("file:"): row["bytes"] for row in rows if row["status"] == "pruned"}
    assert found == expected
