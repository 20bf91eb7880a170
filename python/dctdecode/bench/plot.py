"""A picture of a benchmark: megapixels per second, a panel for each group of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dctdecode.bench.report import Report
from dctdecode.bench.timing import ALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = {"ours": "#1f77b4", "rgb": "#8c8c8c", "coefficients": "#d6a15c"}
_KINDS = {"ours": "dctdecode", "rgb": "RGB decoder", "coefficients": "other coefficient reader"}


def draw(figure: Figure, report: Report) -> Figure:
    """Fills `figure` and returns it. Pale bars are one thread, full ones the most threads."""
    from matplotlib.patches import Patch

    groups = [ALL, *report.groups] if len(report.groups) > 1 else [ALL]
    columns = min(len(groups), 4)
    rows = -(-len(groups) // columns)
    count = len(report.checked.decoders)
    figure.set_size_inches(3.6 * columns + 1.6, (0.34 * count + 1.0) * rows + 1.0)
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    panels = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    for panel, group in zip(panels, groups, strict=False):
        _panel(panel, report, group)
    for panel in panels[len(groups) :]:
        panel.set_axis_off()
    figure.suptitle(
        f"dctdecode bench: {len(report.checked.photos)} files, {report.machine['cpu']}", x=0.01, ha="left"
    )
    kinds = list(dict.fromkeys(contender.kind for contender in report.checked.decoders))
    handles = [Patch(color=_COLORS[kind], label=_KINDS[kind]) for kind in kinds]
    threads = report.thread_counts
    if len(threads) > 1:
        handles += [
            Patch(color="black", alpha=0.35, label="1 thread"),
            Patch(color="black", label=f"{threads[-1]} threads"),
        ]
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles), frameon=False, fontsize=9)
    return figure


def _panel(axes: Axes, report: Report, group: str) -> None:
    counts = report.thread_counts
    height = 0.8 / len(counts)
    for place, threads in enumerate(counts):
        measured = report.of(group, threads)
        bars = axes.barh(
            [row + (place - (len(counts) - 1) / 2) * height for row in range(len(measured))],
            [m.megapixels_per_s for m in measured],
            height,
            color=[_COLORS[m.contender.kind] for m in measured],
            alpha=1.0 if threads == counts[-1] else 0.4,
        )
        axes.bar_label(bars, [_label(report.ratio(m)) for m in measured], padding=2, fontsize=7)
    first = report.of(group, counts[0])
    axes.set_yticks(range(len(first)), [m.contender.name for m in first], fontsize=9)
    axes.set_title(f"{group} ({first[0].images})", fontsize=10, loc="left")
    axes.set_xlabel("MP/s; beside the bar: ratio to the fastest RGB decoder", fontsize=7.5)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.14, y=0.02)
    axes.spines[["top", "right", "left"]].set_visible(False)
    if not axes.yaxis_inverted():
        axes.invert_yaxis()


def _label(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"
