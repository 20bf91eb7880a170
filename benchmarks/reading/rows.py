"""What is compared with what."""

from __future__ import annotations

from shared.table import Row

__all__ = ["ROWS"]

_KEPT = "`jpeg_read_coefficients`, memory kept"
_MALLOC = "`jpeg_read_coefficients`, malloc tuned"
ROWS = (
    Row("all coefficients to int16 planes, C++", _KEPT, "planes", "turbo kept"),
    Row("all coefficients to int16 planes, C++", _MALLOC, "planes", "turbo malloc"),
    Row("24 channels, C++", _KEPT, "read 24 native", "turbo kept"),
    Row("24 channels, C++", _MALLOC, "read 24 native", "turbo malloc"),
    Row("`read(bytes, 24)`", "simplejpeg RGB", "read 24", "simplejpeg"),
    Row("`read(bytes, 192, out=)`", "simplejpeg RGB", "read 192 out", "simplejpeg"),
    Row("`read(bytes, 192, out=)`", "simplejpeg RGB, `buffer=`", "read 192 out", "simplejpeg buffer"),
    Row("`read(prepared, 24)`", "simplejpeg RGB of the original", "prepared 24", "simplejpeg"),
    Row("`read_batch(bytes, 24, threads=2)`", "`threads=1`", "batch 2", "batch 1"),
    Row("`read_batch(bytes, 24, out=, threads=2)`", "`threads=1`", "batch 2 out", "batch 1 out"),
    Row("two processes of one thread each", "one thread, `out=`", "processes", "batch 1 out"),
)
