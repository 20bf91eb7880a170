"""Draw what a choice of channels keeps of a picture: the preview beside that of all channels, the map of each
selected channel at its place (v down, u across) in the 8 x 8 frequencies of its component, and how much
energy the picture has at each frequency."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import dctdecode
from dctdecode.channels import COMPONENT_NAMES, ChannelSet
from dctdecode.cli import CommandError
from dctdecode.commands.arguments import channels_argument

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EXAMPLES = """\
examples:
  dctdecode show photo.jpg                              the 24 channels of the published networks
  dctdecode show photo.jpg --channels learned-24 -o learned.png
  dctdecode show photo.jpg --channels 0,1,8,64,128 -o five.pdf

Needs matplotlib: pip install "dctdecode[plot]"
"""

_ALL = 192
_PANEL_IN = 4.0  # height of a panel, inches
_MAX_CELL = 64  # blocks: a finer map of a channel would not show at this size
_GAP = 0.06  # between cells, as a share of a cell
_FLOOR_DB = -10.0  # a rounding to integers alone leaves -10.8 dB
_UNSELECTED = (0.93, 0.94, 0.96, 1.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="JPEG file")
    parser.add_argument(
        "--channels",
        type=channels_argument,
        default="24",
        metavar="CHANNELS",
        help="preset (24, learned-24, ...), flat indices (0,1,64) or a JSON file; default: 24",
    )
    parser.add_argument(
        "-o", "--output", metavar="PICTURE", help="PNG, PDF or SVG to write; default: NAME-channels.png"
    )


def run(args: argparse.Namespace) -> int:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise CommandError('drawing needs matplotlib: pip install "dctdecode[plot]"') from None
    output = Path(args.output or f"{Path(args.file).stem}-channels.png")
    try:
        figure = draw(Figure(), args.file, args.channels)
        figure.savefig(output, dpi=150)
    except (dctdecode.errors.DctDecodeError, ValueError) as error:  # ValueError: unknown picture format
        raise CommandError(str(error)) from None
    sys.stdout.write(f"wrote {output}\n")
    return 0


def draw(figure: Figure, path: str, channels: ChannelSet) -> Figure:
    """Fills `figure` with the eight panels and returns it."""
    info = dctdecode.info(path)
    full = dctdecode.read(path, _ALL)
    selected = full[list(channels.flat)]
    aspect = min(max(info.width / info.height, 0.6), 2.0)
    panel_in = _PANEL_IN / max(aspect, 1.0) ** 0.6
    figure.set_size_inches(4 * panel_in * aspect + 2.4, 2 * panel_in + 1.5)
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.1)
    axes = figure.subplots(2, 4)
    energy = full.double().square().mean((1, 2)).numpy().reshape(3, 8, 8)

    def crop(pixels: Any) -> npt.NDArray[np.uint8]:
        picture: npt.NDArray[np.uint8] = pixels[:, : info.height, : info.width].numpy().transpose(1, 2, 0)
        return picture

    _picture(axes[0, 0], crop(dctdecode.preview(selected, channels)), f"{len(channels)} channels")
    _picture(axes[1, 0], crop(dctdecode.preview(full, _ALL)), f"all {_ALL} channels")
    maps = dict(zip(channels.flat, selected.numpy(), strict=True))
    for component, name in enumerate(COMPONENT_NAMES):
        mine = {flat % 64: plane for flat, plane in maps.items() if flat // 64 == component}
        _maps(axes[0, 1 + component], mine, info.grid, f"{name}: {_count(len(mine))}")
        axis = axes[1, 1 + component]
        heat = _energy(axis, energy[component], set(mine), name, float(energy.max()))
        axis.set_aspect(info.grid[0] / info.grid[1])  # lines up with the maps above
    bar = figure.colorbar(heat, ax=axes[1, 1:].tolist(), shrink=0.85, pad=0.01, aspect=30)
    bar.set_label("mean square of the coefficient, dB", fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=2)
    figure.suptitle(
        f"{Path(path).name}   {info.width} x {info.height} px, {info.color_space}"
        + ("" if info.num_components == 1 else f" {info.subsampling}"),
        x=0.012,
        ha="left",
        fontsize=13,
    )
    return figure


def _count(number: int) -> str:
    return f"{number or 'no'} channel{'' if number == 1 else 's'}"


def _picture(axes: Axes, pixels: npt.NDArray[np.uint8], title: str) -> None:
    axes.imshow(pixels)
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_axis_off()


def _maps(axes: Axes, maps: dict[int, npt.NDArray[Any]], grid: tuple[int, int], title: str) -> None:
    """Maps of the selected channels of a component, each on a gray scale of its own.

    A frequency beyond DC is signed and mostly near zero: zero is mid gray, and magnitudes
    are drawn to the power 0.7, so that weak edges show beside strong ones.
    """
    step = max(1, -(-max(grid) // _MAX_CELL))  # thins large maps out
    repeat = max(1, _MAX_CELL // max(grid))  # enlarges small ones
    height, width = (repeat * -(-blocks // step) for blocks in grid)
    gap = max(1, round(_GAP * max(height, width)))
    mosaic = np.ones((8 * (height + gap) + gap, 8 * (width + gap) + gap, 4))
    for index in range(64):
        top = gap + index // 8 * (height + gap)
        left = gap + index % 8 * (width + gap)
        cell = mosaic[top : top + height, left : left + width]
        cell[:] = _UNSELECTED
        if index in maps:
            cell[..., :3] = np.kron(_gray(maps[index][::step, ::step], index), np.ones((repeat, repeat)))[
                ..., None
            ]
    axes.imshow(mosaic, interpolation="nearest")
    _frequency_ticks(axes, height + gap, width + gap, gap)
    axes.set_title(title, fontsize=11, loc="left")


def _gray(plane: npt.NDArray[np.float32], index: int) -> npt.NDArray[np.float64]:
    """A channel's map as gray values 0..1."""
    if index == 0:
        low, high = np.quantile(plane, (0.005, 0.995))
        return np.asarray((plane - low) / max(high - low, 1.0)).clip(0.0, 1.0)
    reach = max(float(np.quantile(np.abs(plane), 0.995)), 1.0)
    return np.asarray(0.5 + 0.5 * np.sign(plane) * np.minimum(np.abs(plane) / reach, 1.0) ** 0.7)


def _energy(
    axes: Axes, energy: npt.NDArray[Any], kept: set[int], name: str, strongest: float
) -> Any:  # matplotlib's AxesImage
    """Heat map of a component's energy in decibels, the selected frequencies framed."""
    from matplotlib.patches import Rectangle

    top = 10 * np.log10(max(strongest, 1.0))
    decibels = 10 * np.log10(np.maximum(energy, 10 ** (_FLOOR_DB / 10)))
    heat = axes.imshow(decibels, cmap="magma", vmin=_FLOOR_DB, vmax=top)
    for index in sorted(kept):
        corner = (index % 8 - 0.46, index // 8 - 0.46)
        axes.add_patch(Rectangle(corner, 0.92, 0.92, fill=False, edgecolor="#7fd4ff", linewidth=1.4))
    for v, u in np.ndindex(8, 8):
        value = decibels[v, u]
        color = "black" if value > _FLOOR_DB + 0.62 * (top - _FLOOR_DB) else "white"
        text = str(round(value)) if value > _FLOOR_DB else "\N{MIDDLE DOT}"
        axes.text(u, v, text, ha="center", va="center", fontsize=7.5, color=color)
    _frequency_ticks(axes, 1, 1, -1)
    detail = energy.reshape(64).copy()
    detail[0] = 0.0
    title = "no energy beyond DC"
    if detail.any():
        title = f"{detail[sorted(kept)].sum() / detail.sum():.1%} of the energy beyond DC is kept"
    axes.set_title(f"{name}: {title}", fontsize=11, loc="left")
    return heat


def _frequency_ticks(axes: Axes, step_y: int, step_x: int, gap: int) -> None:
    axes.set_xticks([(u + 0.5) * step_x + gap / 2 for u in range(8)], [str(u) for u in range(8)])
    axes.set_yticks([(v + 0.5) * step_y + gap / 2 for v in range(8)], [str(v) for v in range(8)])
    axes.tick_params(length=0, labelsize=8)
    axes.set_xlabel("u, horizontal frequency", fontsize=8.5)
    axes.set_ylabel("v, vertical frequency", fontsize=8.5)
    for side in axes.spines.values():
        side.set_visible(False)
