"""Orientation, crop, resize, flip and blur of a whole image in pixels: what `read` has to equal.

Every component is brought to float64 samples, turned upright, cut to the samples that taps may touch, resized by
Pillow (mode F), or by the dense matrices of reference/resample.py where Pillow has no such mode, mirrored,
blurred, and transformed to blocks again.

Worked image, 37 x 21 px (width x height) 4:2:0: chroma has 11 x 19 samples for 10.5 x 18.5 that the image covers.
Mirrored, its first sample lies half a sample before the image's left edge: `Component.origin`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from PIL import Image
from reference.color import ycbcr_from_rgb
from reference.dct import Array, block_dct, block_idct
from reference.resample import resampling_matrix

PILLOW_FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

# EXIF orientation -> what makes the stored samples upright (EXIF 2.32, 4.6.4).
UPRIGHT: dict[int, Callable[[Array], Array]] = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.T,
    6: lambda x: x.T[:, ::-1],
    7: lambda x: x.T[::-1, ::-1],
    8: lambda x: x.T[::-1],
}


@dataclass(frozen=True)
class Window:
    """One axis, px of the upright image: [start, stop) as ``n_out`` samples by taps inside [lo, hi)."""

    start: Fraction
    stop: Fraction
    lo: Fraction
    hi: Fraction
    n_out: int
    flip: bool = False
    blur: tuple[int, float] | None = None  # taps and sigma, of output samples

    def flipped(self, flip: bool) -> Window:
        return Window(self.start, self.stop, self.lo, self.hi, self.n_out, flip, self.blur)


@dataclass(frozen=True)
class Component:
    """A component's true samples, upright, without level shift.

    Attributes:
        scale: samples per px, (vertical, horizontal).
        origin: where the image begins, in samples; above 0 where the last sample was only half covered and came
            to the front.
    """

    samples: Array
    scale: tuple[Fraction, Fraction]
    origin: tuple[Fraction, Fraction]

    def in_samples(self, axis: int, window: Window) -> tuple[float, float, int, int]:
        """(start, stop, lo, hi); exact until the last step, so that no tap hangs on a rounding here."""
        place = [
            self.origin[axis] + self.scale[axis] * x for x in (window.start, window.stop, window.lo, window.hi)
        ]
        lo, hi = max(0, math.floor(place[2])), min(self.samples.shape[axis], math.ceil(place[3]))
        return float(place[0]), float(place[1]), lo, hi


def components(
    coefficients: Sequence[Array],
    factors: Sequence[tuple[int, int]],
    height: int,
    width: int,
    orientation: int = 1,
) -> list[Component]:
    """Of dequantised ``(Hb, Wb, 8, 8)`` planes; ``factors`` (v, h), ``height`` and ``width`` as stored."""
    most = [max(axis) for axis in zip(*factors, strict=True)]
    found = []
    for plane, pair in zip(coefficients, factors, strict=True):
        scale = (
            [Fraction(1)] * 2 if len(factors) == 1 else [Fraction(f, m) for f, m in zip(pair, most, strict=True)]
        )
        sizes = [math.ceil(px * s) for px, s in zip((height, width), scale, strict=True)]
        spare = [n - px * s for n, px, s in zip(sizes, (height, width), scale, strict=True)]
        samples = block_idct(np.asarray(plane, np.float64))[: sizes[0], : sizes[1]]
        marks = UPRIGHT[orientation](np.array([[0, 1], [2, 3]]))  # what became of the first row and column
        mirrored = [marks[0, 0] in (2, 3), marks[0, 0] in (1, 3)]  # stored axes
        origin = [s if turned else Fraction(0) for s, turned in zip(spare, mirrored, strict=True)]
        if orientation >= 5:
            scale, origin = scale[::-1], origin[::-1]
        found.append(Component(UPRIGHT[orientation](samples), (scale[0], scale[1]), (origin[0], origin[1])))
    return found


def resized_by_pillow(
    component: Component, vertical: Window, horizontal: Window, interpolation: str, antialias: bool
) -> Array:
    """Samples ``(vertical.n_out, horizontal.n_out)``; windows inside the image, antialias only."""
    assert antialias
    y0, y1, top, bottom = component.in_samples(0, vertical)
    x0, x1, left, right = component.in_samples(1, horizontal)
    image = Image.fromarray(np.ascontiguousarray(component.samples[top:bottom, left:right], np.float32))
    box = (x0 - left, y0 - top, x1 - left, y1 - top)
    size = (horizontal.n_out, vertical.n_out)
    return np.asarray(image.resize(size, PILLOW_FILTERS[interpolation], box), np.float64)


def resized_by_matrices(
    component: Component, vertical: Window, horizontal: Window, interpolation: str, antialias: bool
) -> Array:
    """The same by R x R^T in float64, for any window."""
    made = []
    for axis, window in enumerate((vertical, horizontal)):
        start, stop, lo, hi = component.in_samples(axis, window)
        n_in = component.samples.shape[axis]
        made.append(
            resampling_matrix(start, stop, window.n_out, n_in, interpolation, antialias=antialias, lo=lo, hi=hi)
        )
    return np.asarray(made[0] @ component.samples @ made[1].T)


def gaussian(taps: int, sigma: float) -> Array:
    """torchvision's kernel: exp(-x^2 / (2 sigma^2)) at the taps, scaled to sum 1."""
    x = np.arange(taps) - (taps - 1) / 2
    weights = np.exp(-0.5 * (x / sigma) ** 2)
    return np.asarray(weights / weights.sum())


def blurred(samples: Array, axis: int, taps: int, sigma: float) -> Array:
    """Convolved along an axis, reflected at the ends without repeating the last sample (numpy's "reflect")."""
    pad = [(0, 0), (0, 0)]
    pad[axis] = (taps // 2, taps // 2)
    padded = np.pad(samples, pad, mode="reflect")
    n = samples.shape[axis]
    parts = [w * np.take(padded, range(k, k + n), axis) for k, w in enumerate(gaussian(taps, sigma))]
    return np.asarray(np.sum(parts, axis=0))


def picture(
    parts: Sequence[Component],
    vertical: Window,
    horizontal: Window,
    interpolation: str = "bilinear",
    *,
    antialias: bool = True,
    by: Callable[[Component, Window, Window, str, bool], Array] = resized_by_pillow,
) -> list[Array]:
    """The samples of every component after all steps, ``(vertical.n_out, horizontal.n_out)`` each."""
    planes = []
    for part in parts:
        samples = by(part, vertical, horizontal, interpolation, antialias)
        samples = samples[:: -1 if vertical.flip else 1, :: -1 if horizontal.flip else 1]
        for axis, window in enumerate((vertical, horizontal)):
            if window.blur is not None:
                samples = blurred(samples, axis, *window.blur)
        planes.append(samples)
    return planes


def channels(planes: Sequence[Array], *, rgb: bool = False) -> Array:
    """Samples of the components to what `read` returns, ``(192, Hb, Wb)``; chroma of gray is zero."""
    if rgb:
        planes = ycbcr_from_rgb(*planes)
    stacked = [block_dct(plane).transpose(2, 3, 0, 1) for plane in planes]
    stacked = [blocks.reshape(64, *blocks.shape[2:]) for blocks in stacked]
    stacked += [np.zeros_like(stacked[0])] * (3 - len(stacked))
    return np.concatenate(stacked)
