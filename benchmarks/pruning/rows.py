"""What is compared with what."""

from __future__ import annotations

from shared.table import Row

__all__ = ["ROWS"]

_JPEGTRAN = "`jpegtran -optimize` in the same process"
ROWS = (
    Row("prune to 24 channels, C++", _JPEGTRAN, "prune 24", "transcode"),
    Row("prune to 192 channels, C++", _JPEGTRAN, "prune 192", "transcode"),
    Row("`prune(bytes, 24)`", _JPEGTRAN, "python prune 24", "transcode"),
    Row("encode 6 channels, C++", "full encode", "encode 6", "turbo encode"),
    Row("encode 24 channels, C++", "full encode", "encode 24", "turbo encode"),
    Row("encode 192 channels, C++", "full encode", "encode 192", "turbo encode"),
    Row("encode 24 channels, C++", "full encode, fast DCT", "encode 24", "turbo encode fast"),
    Row("`encode(array, 24)`", "`simplejpeg.encode_jpeg`", "python encode 24", "simplejpeg"),
    Row("`encode(array, 24)`", "`simplejpeg.encode_jpeg`, fast DCT", "python encode 24", "simplejpeg fast"),
)
