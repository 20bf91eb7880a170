"""Tables and plots of what `compare.py` has measured so far.

    python benchmarks/training/report.py OUTPUT [--plots FOLDER]

A difference from the first arm counts only where both arms have three seeds, the first arm reaches the protocol's
floor, and the means differ by more than either arm's accuracies do over its seeds (largest less smallest).
Everything else is a tie, or is not said.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from dctdecode.channels import as_channel_set

Records = dict[str, list[dict[str, Any]]]
LEAST_SEEDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--plots", type=Path, help="folder for PNG files; needs matplotlib")
    options = parser.parse_args()
    protocol, records = load(options.output)
    print("\n".join([*accuracy_table(protocol, records), "", *gate_table(records)]))  # noqa: T201
    if options.plots is not None:
        options.plots.mkdir(parents=True, exist_ok=True)
        plot(protocol, records, options.plots)


def load(output: Path) -> tuple[dict[str, Any], Records]:
    """The protocol, and the records of each arm that has some, in the protocol's order."""
    protocol = json.loads((output / "protocol.json").read_text("utf-8"))
    found = [json.loads(path.read_text("utf-8")) for path in sorted((output / "records").glob("*.json"))]
    records = {arm: [record for record in found if record["arm"] == arm] for arm in protocol["arms"]}
    return protocol, {arm: rows for arm, rows in records.items() if rows}


def top1(record: dict[str, Any]) -> float:
    """In per cent, after the last epoch."""
    last = record["rows"][-1]
    return 100 * float(last.get("ema_top1", last["top1"]))


def accuracy_table(protocol: dict[str, Any], records: Records) -> list[str]:
    if not records:
        return ["no run is finished"]
    first = next(iter(protocol["arms"]))
    lines = [
        f"| arm | values an image | GMAC | M parameters | top-1 by seed, % | mean, std | less {first} | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for arm, rows in records.items():
        values = [top1(row) for row in rows]
        spread = f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")
        base = [top1(row) for row in records.get(first, [])]
        difference = f"{mean(values) - mean(base):+.1f}" if base and arm != first else ""
        lines.append(
            f"| {arm} | {rows[0]['input_values']:,} | {rows[0]['macs'] / 1e9:.3f} "
            f"| {rows[0]['parameters'] / 1e6:.2f} | {', '.join(f'{value:.1f}' for value in values)} | {spread} "
            f"| {difference} | {'' if arm == first else verdict(values, base, 100 * protocol['floor'])} |"
        )
    return lines


def verdict(values: list[float], base: list[float], floor: float) -> str:
    """One word for a difference, or why there is none."""
    if min(len(values), len(base)) < LEAST_SEEDS:
        return f"fewer than {LEAST_SEEDS} seeds"
    if mean(base) < floor:
        return "floor not reached"
    difference = mean(values) - mean(base)
    if abs(difference) <= max(max(values) - min(values), max(base) - min(base)):
        return "ties"
    return "wins" if difference > 0 else "loses"


def gate_table(records: Records) -> list[str]:
    """What the gates keep, and how near the static networks folded from them are."""
    published = set(as_channel_set("learned-24").flat)
    lines = [
        "| run | channels kept of a test image: mean (least, most) | bandwidth saved "
        "| folded to n: same class as the gated network | of the best 24, also in the published 24 |",
        "|---|---|---|---|---|",
    ]
    for record in (record for rows in records.values() for record in rows if "gate" in record):
        gate = record["gate"]
        kept = f"{gate['kept'][0]:.1f} ({gate['kept'][1]}, {gate['kept'][2]})"
        folded = "; ".join(f"{n}: {found['agreement']:.1%}" for n, found in gate["folded"].items())
        shared = len(set(best(record, len(published))) & published)
        lines.append(
            f"| {record['arm']} {record['seed']} | {kept} | {1 - gate['bandwidth']:.1%} | {folded} | {shared} |"
        )
    return lines if len(lines) > 2 else []


def best(record: dict[str, Any], number: int) -> list[int]:
    """Flat indices of the channels that a gate kept most often in training."""
    chances = record["gate"]["keep_probability"]
    return sorted(range(len(chances)), key=lambda index: (-chances[index], index))[:number]


def plot(protocol: dict[str, Any], records: Records, folder: Path) -> None:
    """accuracy.png, curves.png and, if there is a gate, importance.png."""
    from matplotlib.figure import Figure

    figure = Figure((6.4, 3.2), layout="constrained")
    axes = figure.subplots()
    for place, rows in enumerate(records.values()):
        values = [top1(row) for row in rows]
        axes.plot([place] * len(values), values, "o", color="tab:blue", alpha=0.6)
        axes.plot([place - 0.2, place + 0.2], [mean(values)] * 2, color="black")
    axes.axhline(100 * protocol["floor"], linestyle=":", color="tab:red", label="floor for the first arm")
    axes.set_xticks(range(len(records)), list(records))
    axes.set_ylabel("top-1 on the test images, %")
    axes.legend()
    figure.savefig(folder / "accuracy.png", dpi=100)

    figure = Figure((6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for arm, rows in records.items():
        epochs = [[100 * row["top1"] for row in record["rows"]] for record in rows]
        axes.plot([mean(values) for values in zip(*epochs, strict=True)], label=f"{arm}, {len(rows)} seeds")
    axes.set(xlabel="epoch", ylabel="top-1 on the test images, %, mean")
    axes.legend(fontsize="small")
    figure.savefig(folder / "curves.png", dpi=100)
    gated = [
        record["gate"]["keep_probability"] for rows in records.values() for record in rows if "gate" in record
    ]
    if gated:
        _plot_importance([mean(values) for values in zip(*gated, strict=True)], len(gated), folder)


def _plot_importance(chances: list[float], seeds: int, folder: Path) -> None:
    """P(keep) of the 192 channels, v down and u to the right."""
    from matplotlib.figure import Figure

    figure = Figure((8, 2.9), layout="constrained")
    for place, (axes, name) in enumerate(zip(figure.subplots(1, 3), ("Y", "Cb", "Cr"), strict=True)):
        block = [chances[64 * place + 8 * v : 64 * place + 8 * v + 8] for v in range(8)]
        image = axes.imshow(block, vmin=min(chances), vmax=max(chances), cmap="viridis")
        axes.set(title=name, xticks=range(8), yticks=range(8))
    figure.colorbar(image, ax=figure.axes, label=f"P(keep) in training, {seeds} seeds")
    figure.savefig(folder / "importance.png", dpi=100)


if __name__ == "__main__":
    main()
