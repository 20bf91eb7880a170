"""All coefficients of a file, exactly as stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dctdecode.info import JpegInfo

__all__ = ["Planes"]


@dataclass(frozen=True, eq=False, repr=False)
class Planes:
    """The coefficients of every component on its own grid, without any resampling or colour conversion.

    Attributes:
        info: the header; its ``quant_tables`` are those latched at each component's first scan, which is
            what the stored coefficients were quantised with (T.81 B.2.4.1 lets a file redefine them later).
        warnings: what was wrong with the data (only with ``strict=False``; empty for an intact file).
        decoder: which decoder read the file.
        notes: oddities that lose nothing, such as standard Huffman tables that the file left out.

    Example:
        >>> import dctdecode
        >>> planes = dctdecode.read_planes(dctdecode_photo)
        >>> planes.quantized(0).shape, planes.component(1).shape
        ((75, 64, 8, 8), (38, 32, 8, 8))
    """

    info: JpegInfo
    warnings: list[str]
    notes: list[str]
    decoder: str
    _quantized: list[npt.NDArray[np.int16]]

    def _index(self, component: int) -> int:
        if not 0 <= component < len(self._quantized):
            last = len(self._quantized) - 1
            raise IndexError(f"component {component!r} of a JPEG that has components 0 to {last}")
        return component

    def quantized(self, component: int) -> npt.NDArray[np.int16]:
        """int16 (Hb, Wb, 8, 8), indices [row, column, v, u]: the numbers in the file, no copy."""
        return self._quantized[self._index(component)]

    def component(self, component: int) -> npt.NDArray[np.int32]:
        """int32 (Hb, Wb, 8, 8): dequantised, the orthonormal DCT-II of (sample - 128) as the file has it."""
        return self._quantized[self._index(component)] * self.quant_table(component)

    def quant_table(self, component: int) -> npt.NDArray[np.int32]:
        """int32 (8, 8), indices [v, u]. Zeros for a component without a scan (``strict=False`` only)."""
        table = self.info.quant_tables[self._index(component)]
        return np.zeros((8, 8), np.int32) if table is None else table

    def __len__(self) -> int:
        return len(self._quantized)

    def __repr__(self) -> str:
        shapes = ", ".join(str(plane.shape) for plane in self._quantized)
        damage = f", {len(self.warnings)} warnings" if self.warnings else ""
        return f"Planes({self.info.color_space}, int16 {shapes}{damage})"
