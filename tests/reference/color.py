"""JFIF's colour equations (JFIF 1.02; full-range BT.601). Linear, so the same on samples without their level
shift and on coefficients."""

from __future__ import annotations

from reference.dct import Array


def ycbcr_from_rgb(r: Array, g: Array, b: Array) -> tuple[Array, Array, Array]:
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return y, (b - y) / 1.772, (r - y) / 1.402


def rgb_from_ycbcr(y: Array, cb: Array, cr: Array) -> tuple[Array, Array, Array]:
    r = y + 1.402 * cr
    b = y + 1.772 * cb
    return r, (y - 0.299 * r - 0.114 * b) / 0.587, b
