"""The scripts of examples/ run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture
def colours(tmp_path) -> Path:
    """Two classes that the colour alone tells apart."""
    for name, colour in (("blue", (40, 60, 200)), ("red", (200, 60, 40))):
        (tmp_path / name).mkdir()
        for i in range(8):
            picture = Image.new("RGB", (64, 48), tuple(level + 5 * i for level in colour))
            picture.save(tmp_path / name / f"{i}.jpg")
    return tmp_path


def test_training_on_an_image_folder(colours):
    command = [sys.executable, str(EXAMPLES / "train_image_folder.py"), str(colours), "6"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    losses = [float(loss) for loss in re.findall(r"^epoch \d: loss ([\d.]+)$", done.stdout, re.MULTILINE)]
    assert len(losses) == 6
    assert losses[-1] < 0.2 < losses[0]
