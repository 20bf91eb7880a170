"""What a JPEG says of itself before its first scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dctdecode import _core

__all__ = ["JpegInfo"]

_COLOR_SPACES = {
    _core.ColorSpace.gray: "gray",
    _core.ColorSpace.ycbcr: "YCbCr",
    _core.ColorSpace.rgb: "RGB",
    _core.ColorSpace.cmyk: "CMYK",
    _core.ColorSpace.ycck: "YCCK",
    _core.ColorSpace.unknown: "unknown",
}

# J:a:b of a 3-component file by luma's (v, h) over chroma's, both chroma planes alike.
_SUBSAMPLINGS = {
    (1, 1): "4:4:4",
    (1, 2): "4:2:2",
    (2, 1): "4:4:0",
    (2, 2): "4:2:0",
    (1, 4): "4:1:1",
    (4, 1): "4:4:1",
    (2, 4): "4:1:0",
}


@dataclass(frozen=True, eq=False, repr=False)
class JpegInfo:
    """Header of a JPEG. Sizes are (height, width).

    Attributes:
        height, width: pixels.
        num_components: 1 to 4.
        sampling: (v, h) sampling factors of each component.
        color_space: ``"gray"``, ``"YCbCr"``, ``"RGB"`` (Adobe), ``"CMYK"``, ``"YCCK"`` or ``"unknown"``, by
            libjpeg's rules.
        progressive, arithmetic: the process (T.81 table B.1).
        precision: bits per sample; 8 in all files that are read.
        restart_interval: MCUs between restart markers, 0 for none.
        orientation: EXIF orientation 1..8; 1 where the file has none.
        grids: (Hb, Wb) of each component: its blocks, without libjpeg's padding to whole MCUs.
        quant_tables: int32 (8, 8) per component in natural order [v, u], or ``None`` where the table comes
            later in the file.
        size_bytes: length of the source.
        decoder: which decoder such a file goes to first, ``"dctdecode"`` or ``"libjpeg-turbo"``. A damaged or
            odd file may still be handed on; ``read_planes(...).decoder`` tells who read it in the end.

    Example:
        >>> import dctdecode
        >>> dctdecode.info(dctdecode_photo).grids
        [(75, 64), (38, 32), (38, 32)]
    """

    height: int
    width: int
    num_components: int
    sampling: list[tuple[int, int]]
    color_space: str
    progressive: bool
    arithmetic: bool
    precision: int
    restart_interval: int
    orientation: int
    grids: list[tuple[int, int]]
    quant_tables: list[npt.NDArray[np.int32] | None]
    size_bytes: int
    decoder: str

    @property
    def subsampling(self) -> str:
        """``"4:2:0"`` and its kin; ``"gray"`` for one component; else the factors, ``"2x1,1x1,1x2"`` (h x v)."""
        if self.num_components == 1:
            return "gray"
        (v, h), *chroma = self.sampling
        if self.num_components == 3 and chroma[0] == chroma[1]:
            cv, ch = chroma[0]
            if v % cv == 0 and h % ch == 0 and (v // cv, h // ch) in _SUBSAMPLINGS:
                return _SUBSAMPLINGS[v // cv, h // ch]
        return ",".join(f"{h}x{v}" for v, h in self.sampling)

    @property
    def grid(self) -> tuple[int, int]:
        """(Hb, Wb) of ``read`` without ``size``: luma's own grid, ceil(H/8) x ceil(W/8)."""
        return (-(-self.height // 8), -(-self.width // 8))

    @property
    def process(self) -> str:
        """Coding process and entropy coder: ``"sequential, Huffman"`` (baseline or extended), ..."""
        name = "progressive" if self.progressive else "sequential"
        return f"{name}, {'arithmetic' if self.arithmetic else 'Huffman'}"

    def __repr__(self) -> str:
        return (
            f"JpegInfo({self.height} x {self.width} px (H x W), {self.color_space}, {self.subsampling}, "
            f"{self.process}, grids {self.grids}, {self.size_bytes} bytes)"
        )


def info_of(image: _core.Image) -> JpegInfo:
    """The header of an opened image, as the public class."""
    tables = [None if t is None else np.asarray(t, np.int32).reshape(8, 8) for t in image.quant_tables]
    return JpegInfo(
        height=image.height,
        width=image.width,
        num_components=image.num_components,
        sampling=image.sampling,
        color_space=_COLOR_SPACES[image.color_space],
        progressive=image.progressive,
        arithmetic=image.arithmetic,
        precision=image.precision,
        restart_interval=image.restart_interval,
        orientation=image.orientation,
        grids=image.grids,
        quant_tables=tables,
        size_bytes=image.size_bytes,
        decoder=image.decoder,
    )
