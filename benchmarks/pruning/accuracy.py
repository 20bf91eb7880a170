"""The same trained networks on original and on pruned files: top-1, and the bytes that the pruned files have left.

usage: python benchmarks/pruning/accuracy.py RESULTS [--arms ARM ...] [--keep N[+MARGIN] ...] [--val-folder NAME]

RESULTS is the output folder of benchmarks/training/compare.py: its networks are evaluated, nothing is trained. The
files they are tested on are pruned as they are (their own size and quantisation) to the best square of so many
channels, with so many steps of margin, into a temporary folder. Printed as a Markdown table, a row for each
network and pruning: mean over the seeds.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

from dctdecode.trees import PruneOptions, prune_tree

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

import train_classifier  # needs the path above

KEPT = ["6", "6+1", "24", "24+1", "24+2", "48", "64", "192"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--arms", nargs="+", default=["dct-24", "dct-48", "dct-192"])
    parser.add_argument("--keep", nargs="+", default=KEPT)
    parser.add_argument("--val-folder", default="test")
    options = parser.parse_args()
    original = options.results / "data" / options.val_folder
    runs = {arm: sorted((options.results / "runs").glob(f"{arm}-[0-9]*.recipe.json")) for arm in options.arms}
    before = {arm: [top1(recipe, original) for recipe in recipes] for arm, recipes in runs.items()}
    sys.stdout.write(
        "| files | bytes | network | top-1, % | less original | by seed |\n|---|---|---|---|---|---|\n"
    )
    for arm, values in before.items():
        row("original", 1.0, arm, values, values)
    for kept in options.keep:
        with tempfile.TemporaryDirectory() as temporary:
            pruned = Path(temporary) / options.val_folder
            number, _, margin = kept.partition("+")
            summary = prune_tree(original, pruned, PruneOptions(int(number), margin=int(margin or 0)), sample=0)
            for path in pruned.glob("prune-manifest-*"):
                path.unlink()
            for arm, recipes in runs.items():
                after = [top1(recipe, pruned) for recipe in recipes]
                row(kept, summary.bytes_after / summary.bytes_before, arm, after, before[arm])


def top1(recipe: Path, images: Path) -> float:
    """In percent, of the network that was trained by a recipe."""
    checkpoint = recipe.with_name(recipe.name.removesuffix(".recipe.json")) / "last.pt"
    arguments = [str(images.parent), "--val-folder", images.name, "--recipe", str(recipe)]
    with redirect_stdout(io.StringIO()):
        found = train_classifier.main([*arguments, "--evaluate", str(checkpoint), "--no-progress"])
    return 100 * float(found["top1"])


def row(files: str, share: float, arm: str, values: list[float], before: list[float]) -> None:
    less = [value - original for value, original in zip(values, before, strict=True)]
    seeds = ", ".join(f"{value:+.1f}" for value in less)
    sys.stdout.write(f"| {files} | {100 * share:.0f} % | {arm} | {statistics.mean(values):.1f} | ")
    sys.stdout.write(f"{statistics.mean(less):+.1f} | {seeds} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
