"""What is compared with what."""

from __future__ import annotations

from shared.table import Row

__all__ = ["CROPPED"]

_OURS = "`read(bytes, 24, size=448, crop=, normalize=)`"
_ALL = "`read(bytes, 192, size=448, crop=, normalize=, out=)`"
_OPENCV = "simplejpeg + OpenCV linear to 224, normalised"
CROPPED = (
    Row(_OURS, _OPENCV, "read 24", "opencv"),
    Row(_OURS, "simplejpeg + torch antialiased to 224, normalised", "read 24", "torch antialias"),
    Row(_OURS, "Pillow to 224, normalised", "read 24", "pillow"),
    Row(_OURS, "the published DCTNet preprocessing", "read 24", "published"),
    Row(_ALL, _OPENCV, "read 192 out", "opencv"),
)
