"""Plots what decision.py measured, one line for each corpus and sampling class.

python benchmarks/pruning/plot.py imagenet.json classify.json -o docs/pruning.svg
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

_PANELS = {"bytes": "bytes kept", "psnr_db": "PSNR, dB", "ssim": "SSIM", "read_speedup": "read(), times faster"}
_LOSSLESS_DB = 99  # decision.py's word for no difference at all


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("records", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args(argv)
    plt.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "pruning", "font.size": 8}
    figure, axes = plt.subplots(1, len(_PANELS), figsize=(11, 2.8))
    for path in args.records:
        for group, facts in json.loads(path.read_text("utf-8")).items():
            for axis, name in zip(axes, _PANELS, strict=True):
                points = {int(k): values[name] for k, values in facts["channels"].items()}
                points = {k: value for k, value in points.items() if value != _LOSSLESS_DB}
                axis.plot(points.keys(), points.values(), "o-", ms=3, lw=1, label=f"{path.stem}, {group}")
    for axis, title in zip(axes, _PANELS.values(), strict=True):
        axis.set(title=title, xlabel="channels kept", xscale="log")
        axis.set_xticks([6, 24, 48, 64, 192], ["6", "24", "48", "64", "192"])
        axis.set_xticks([], minor=True)
        axis.grid(alpha=0.3)
    axes[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(args.output, metadata={"Date": None})


if __name__ == "__main__":
    main()
