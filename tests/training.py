"""What the tests of examples/train_classifier.py share: made-up images, and runs of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
BENCHMARK = ROOT / "benchmarks" / "training"

TINTS = {"columns": (170, 90, 90), "rows": (90, 170, 90), "slopes": (90, 90, 170), "spots": (150, 150, 60)}
CLASSES = tuple(TINTS)


def picture(name: str, random: np.random.Generator) -> Image.Image:
    """A pattern in two colours near the class's own, 72 to 120 px a side."""
    height, width = random.integers(72, 121, 2)
    row, column = np.mgrid[:height, :width] / random.uniform(1.2, 2.4) + random.uniform(0, 9, 2)[:, None, None]
    wave = {
        "columns": np.sin(column),
        "rows": np.sin(row),
        "slopes": np.sin((row + column) / 1.4),
        "spots": np.sin(row) * np.sin(column),
    }[name]
    first, second = TINTS[name] + random.normal(0, 30, (2, 3))
    pixels = first + (second - first) * (wave[..., None] + 1) / 2 + random.normal(0, 6, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def patterns(root: Path, train: int = 48, val: int = 10) -> Path:
    """Folders `train` and `val` with so many JPEGs of each class; validation has one more of the first class."""
    for part, number, seed in (("train", train, 0), ("val", val, 1)):
        for index, name in enumerate(CLASSES):
            folder = root / part / name
            folder.mkdir(parents=True)
            random = np.random.default_rng([seed, index])
            for i in range(number + (part == "val" and index == 0)):
                picture(name, random).save(folder / f"{i:03d}.jpg", quality=85)
    return root


def arguments(data: Path, output: Path, *more: str) -> list[str]:
    """Of a tiny run: a network that needs no torchvision, on a grid of 8 x 8 blocks."""
    fixed = ["--model", "tiny", "--size", "64", "--min-scale", "0.5", "--batch-size", "16", "--threads", "1"]
    return [str(data), *fixed, "--output", str(output), "--device", "cpu", *more]


def run(command: list[str], timeout: int = 300) -> str:
    """Output of a command that has to succeed, with one thread for arithmetic."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def processes(number: int, script: Path, arguments: list[str]) -> str:
    """The same in several processes, by torchrun."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={number}"]
    return run([*torchrun, str(script), *arguments])


def same(first: Any, second: Any) -> bool:
    """Equal bit for bit, whatever the nesting."""
    import torch

    if isinstance(first, torch.Tensor):
        return first.dtype == second.dtype and torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)
