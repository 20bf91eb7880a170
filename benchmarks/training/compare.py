"""Trains every arm of a comparison with every seed; one JSON record for each, in OUTPUT/records.

    python benchmarks/training/compare.py DATA --protocol benchmarks/training/cpu.json --output results --jobs 2
    python benchmarks/training/report.py results

DATA holds `train` and `test` (--val-folder), each with a folder for every class. The command may be stopped at any
time and given again: finished runs stay, the others go on from their last checkpoint, to the same bits.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import dctdecode
import dctdecode.statistics
import torch
from dctdecode.models import Ranking
from dctdecode.transforms import CenterCrop, Compose, Resize

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))

from measure import measured  # noqa: E402  # needs the path above


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--protocol", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--val-folder", default="test")
    parser.add_argument("--arms", nargs="+", help="some of the protocol's only")
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    options = parser.parse_args()
    protocol = json.loads(options.protocol.read_text("utf-8"))
    comparison = Comparison(options.data, protocol, options.output, options.val_folder)
    comparison.prepare()
    arms = options.arms or list(protocol["arms"])
    seeds = protocol["seeds"] if options.seeds is None else options.seeds
    with ThreadPoolExecutor(options.jobs) as pool:
        runs: dict[tuple[str, int], Future[None]] = {}
        for seed in seeds:
            for arm in arms:
                # Waits for a run that was handed to the pool before it, so that no two wait for each other.
                first = runs.get((protocol["arms"][arm].get("keep_of"), seed))
                runs[arm, seed] = pool.submit(comparison.run, arm, seed, first)
        for run in runs.values():
            run.result()


class Comparison:
    """Data, statistics and folders of a comparison."""

    def __init__(self, data: Path, protocol: dict[str, Any], output: Path, val_folder: str) -> None:
        self._source, self._val_folder = data.resolve(), val_folder
        self._protocol, self._output = protocol, output.resolve()
        self._data = self._output / "data"
        self._statistics = self._output / "statistics.json"

    def prepare(self) -> None:
        """The classes with the most images, and mean and std of their training images."""
        for folder in ("records", "runs"):
            (self._output / folder).mkdir(parents=True, exist_ok=True)
        (self._output / "protocol.json").write_text(json.dumps(self._protocol, indent=2) + "\n", "utf-8")
        for name in _largest(self._source / "train", self._protocol["classes"]):
            for part in ("train", self._val_folder):
                link = self._data / part / name
                link.parent.mkdir(parents=True, exist_ok=True)
                if not link.exists():
                    link.symlink_to(self._source / part / name)
        if not self._statistics.exists():
            size = self._protocol["options"]["size"]
            geometry = Compose([Resize(round(size * 256 / 224)), CenterCrop(size)]).geometry
            files = sorted((self._data / "train").glob("*/*.jpg"))
            found = dctdecode.statistics.compute(files, geometry=geometry, threads=1)
            self._statistics.write_text(found.to_json(), "utf-8")

    def run(self, arm: str, seed: int, first: Future[None] | None) -> None:
        if first is not None:
            first.result()
        record = self._output / "records" / f"{arm}-{seed}.json"
        if record.exists():
            return
        folder = self._output / "runs" / f"{arm}-{seed}"
        arguments = self._arguments(arm, seed, folder)
        began = time.perf_counter()
        process = multiprocessing.get_context("spawn").Process(target=_train, args=(arguments, f"{folder}.log"))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"{arm} with seed {seed} ended with code {process.exitcode}: see {folder}.log")
        row = {
            "arm": arm,
            "seed": seed,
            "arguments": arguments[1:],
            "minutes_of_last_start": (time.perf_counter() - began) / 60,
            "versions": f"dctdecode {dctdecode.__version__}, torch {torch.__version__}, {platform.machine()}",
            **measured(folder / "last.pt", self._data, self._val_folder),
        }
        record.with_suffix(".unfinished").write_text(json.dumps(row) + "\n", "utf-8")
        record.with_suffix(".unfinished").replace(record)

    def _arguments(self, arm: str, seed: int, folder: Path) -> list[str]:
        chosen = dict(self._protocol["arms"][arm])
        gated = chosen.pop("keep_of", None)
        if gated is not None:
            chosen["channels"] = self._selected(f"{gated}-{seed}", chosen.pop("keep"))
        if chosen.get("input") != "rgb":
            chosen["normalize"] = str(self._statistics)
        recipe = folder.with_suffix(".recipe.json")
        recipe.write_text(json.dumps({"options": {**self._protocol["options"], **chosen}}), "utf-8")
        where = [str(self._data), "--val-folder", self._val_folder, "--recipe", str(recipe)]
        return [*where, "--seed", str(seed), "--output", str(folder), "--resume", "--no-progress"]

    def _selected(self, run: str, number: int) -> str:
        """A file of the best channels of a run's gate, by what it kept of the training images."""
        folder = self._output / "runs"
        ranking = Ranking.from_checkpoint(torch.load(folder / run / "last.pt", weights_only=True))
        path = folder / f"{run}-best-{number}.json"
        ranking.save(path, ranking.best(number))
        return str(path)


def _largest(folder: Path, number: int) -> list[str]:
    """Names of the classes with the most images; by name where they have equally many."""
    counts: Iterator[tuple[int, str]] = ((-len(list(path.iterdir())), path.name) for path in folder.iterdir())
    return [name for _, name in sorted(counts)[:number]]


def _train(arguments: list[str], log: str) -> None:
    """In a process of its own, as several runs go on at a time."""
    import train_classifier

    with Path(log).open("a") as file, redirect_stdout(file):
        train_classifier.main(arguments)


if __name__ == "__main__":
    main()
