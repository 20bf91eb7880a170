"""docs/integrations.md: each example runs as it is printed, where the package is installed."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

import matplotlib
import pytest
import torch
from shards import shard

ROOT = Path(__file__).resolve().parents[1]
PHOTO = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
PACKAGES = {
    "torch DataLoader": "torch",
    "webdataset": "webdataset",
    "HuggingFace datasets": "datasets",
    "SPDL": "spdl",
    "Ray Data": "ray",
}
COUNT = 6


def sections() -> dict[str, str]:
    """Title without the version -> code."""
    parts = re.split(r"^## (.+)$", (ROOT / "docs" / "integrations.md").read_text("utf-8"), flags=re.MULTILINE)
    found = {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
    code = {title: "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)) for title, text in found.items()}
    return {re.sub(r" \([\d.]+\)$", "", title): text for title, text in code.items() if text}


@pytest.fixture
def names(tmp_path) -> dict:
    """What the examples take for granted: `files`, `labels`, `shards`."""
    data = PHOTO.read_bytes()
    files = [tmp_path / f"{number}.jpg" for number in range(COUNT)]
    for file in files:
        file.write_bytes(data)
    members = [
        (f"{n}.{suffix}", part) for n in range(COUNT) for suffix, part in (("jpg", data), ("cls", b"%d" % n))
    ]
    (tmp_path / "photos.tar").write_bytes(shard(members))
    return {"files": [*map(str, files)], "labels": [*range(COUNT)], "shards": str(tmp_path / "photos.tar")}


def test_every_section_with_code_is_known():
    assert set(sections()) == {"", *PACKAGES}


@pytest.mark.filterwarnings("ignore")  # what others warn about is their business
@pytest.mark.parametrize("title", PACKAGES)
def test_examples_run_as_printed(title, names, monkeypatch, tmp_path):
    if importlib.util.find_spec(PACKAGES[title]) is None:
        pytest.skip(f"{PACKAGES[title]} is not installed")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # else it writes a token into the home folder
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)])))
    shapes: list[torch.Size] = []
    scope = {**names, "print": shapes.append, "__name__": "example"}
    try:
        exec(sections()[""] + sections()[title], scope)
    finally:
        if title == "Ray Data" and "ray" in scope:
            scope["ray"].shutdown()
    assert shapes == [(4, 24, 56, 56), (2, 24, 56, 56)]
