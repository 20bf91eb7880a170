"""Tar archives as streams: members one after the other, in memory only.

Headers are taken apart by `tarfile.TarInfo.frombuf`. The walk from one to the next is our own, since `TarFile`
takes a damaged header or a missing end for the end of the archive, and reads an extended header of any size into
memory. Format: POSIX.1-2017, pax, "pax Interchange Format" and "ustar Interchange Format"; GNU tar manual, "Basic
Tar Format".
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

__all__ = [
    "BLOCK_BYTES",
    "Header",
    "Member",
    "ShardError",
    "members_of",
    "next_header",
    "padded",
    "pieces",
    "unpacked",
]

BLOCK_BYTES = 512
_PIECE_BYTES = 4 * 2**20  # memory is taken for what is there, not for what a header promises
_MAX_HEADER_BYTES = 2**20
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_EXTENSIONS = (
    tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip
_WITHOUT_DATA = (  # whatever their size field says
    tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE,
)  # fmt: skip


def _gunzipped(stream: IO[bytes]) -> IO[bytes]:
    return gzip.GzipFile(fileobj=stream)  # type: ignore[return-value]


_UNPACKERS: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": _gunzipped,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}


class ShardError(OSError):
    """A shard is no tar archive, is damaged, or breaks off; the message names it."""


class Header(NamedTuple):
    """What stands before a member's data.

    Attributes:
        name: as extended headers before the member's own give it, if there are any.
        size_bytes: of the data that follow.
        regular: it is a file.
        blocks: all the bytes, extended headers first.
        extended: keys and values of the extended headers.
    """

    name: str
    size_bytes: int
    regular: bool
    blocks: bytes
    extended: dict[str, str]


class Member(NamedTuple):
    """A file of the archive.

    Attributes:
        name: as the archive has it.
        data: its bytes, or the first `limit` + 1 where there are more than `members_of` was allowed to read.
    """

    name: str
    data: bytes


def unpacked(stream: IO[bytes]) -> IO[bytes]:
    """The stream itself, or what it holds where it begins as gzip, bzip2 and xz do.

    Closing the answer does not close ``stream``.
    """
    buffered = io.BufferedReader(_Readable(stream), _PIECE_BYTES // 4)
    for magic, unpack in _UNPACKERS.items():
        if buffered.peek(len(magic))[: len(magic)] == magic:
            return unpack(buffered)
    return buffered


def members_of(stream: IO[bytes], wanted: Callable[[str], bool], limit: int) -> Iterator[Member]:
    """The regular files whose name is ``wanted``, in their order. All else is passed over.

    Args:
        stream: uncompressed, or from `unpacked`. Only ``read`` is called.
        wanted: name -> whether to read the member.
        limit: bytes of a member that are worth reading.

    Raises:
        ShardError: no tar archive, a damaged header, an extended header of more than 1 MiB, a sparse file, or an
            end without the zero block that marks it. The message does not name the shard.
        OSError: the stream cannot be read.
    """
    try:
        while (header := next_header(stream)) is not None:
            kept = min(header.size_bytes, limit + 1) if header.regular and wanted(header.name) else None
            data = b"".join(pieces(stream, kept or 0))
            for _ in pieces(stream, padded(header.size_bytes) - len(data)):
                pass
            if kept is not None:
                yield Member(header.name, data)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise ShardError(f"its compressed data are damaged or break off: {error}") from error


def next_header(stream: IO[bytes]) -> Header | None:
    """The next member's. None at the block of zeros that ends the archive.

    Raises:
        ShardError, OSError: as `members_of`; errors of unpackers are let through.
    """
    blocks = []
    extended: dict[str, str] = {}
    while True:
        block = b"".join(pieces(stream, BLOCK_BYTES))
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            if not any(block):  # EmptyHeaderError and its kin have no public names
                return None
            raise ShardError(f"not a header of a tar archive: {error}") from error
        blocks.append(block)
        if header.size < 0:
            raise ShardError(f"{header.name!r} has a size of {header.size} bytes")
        if header.type not in _EXTENSIONS:
            return _header(header, b"".join(blocks), extended)
        extension = _extension(stream, header)
        blocks.append(extension)
        if header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            extended.update(_pax(extension[: header.size]))
        elif header.type == tarfile.GNUTYPE_LONGNAME:
            name = extension[: header.size].split(b"\0", 1)[0]
            extended["path"] = name.decode("utf-8", "surrogateescape")


def _header(header: tarfile.TarInfo, blocks: bytes, extended: dict[str, str]) -> Header:
    if header.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse") for key in extended):
        raise ShardError(f"{header.name!r} is a sparse file, which is not supported")
    name, size = extended.get("path", header.name), header.size
    if "size" in extended:
        text = extended["size"]
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            raise ShardError(f"{name!r} has a size of {text[:40]!r} bytes")
        size = int(text)
    regular = header.type in _FILES and not name.endswith("/")
    return Header(name, 0 if header.type in _WITHOUT_DATA else size, regular, blocks, extended)


def _extension(stream: IO[bytes], header: tarfile.TarInfo) -> bytes:
    """What an extended header says, filled up to whole blocks."""
    if header.size > _MAX_HEADER_BYTES:
        raise ShardError(f"an extended header of {header.size} bytes: more than {_MAX_HEADER_BYTES}")
    return b"".join(pieces(stream, padded(header.size)))


def _pax(records: bytes) -> dict[str, str]:
    """Records "LENGTH KEY=VALUE\\n", where the length counts all of itself."""
    found = {}
    while records.strip(b"\0"):
        length, _, _ = records[:20].partition(b" ")
        end = int(length) if length.isdigit() else 0
        record = records[len(length) + 1 : end]
        key, equals, value = record[:-1].partition(b"=")
        if not equals or record[-1:] != b"\n" or end > len(records):
            raise ShardError("a damaged extended header")
        found[key.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
        records = records[end:]
    return found


def padded(size: int) -> int:
    """In whole blocks."""
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """The next ``size`` bytes.

    Raises:
        ShardError: there are fewer.
    """
    while size > 0:
        piece = stream.read(min(size, _PIECE_BYTES))
        if not piece:
            raise ShardError("it breaks off: there is no block of zeros at its end")
        size -= len(piece)
        yield piece


class _Readable(io.RawIOBase):
    """What the standard library's buffers and unpackers need, of anything with ``read``."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._stream.read(len(buffer))
        if not isinstance(piece, (bytes, bytearray, memoryview)):
            raise TypeError(
                f"the file object gave {type(piece).__name__}, not bytes; open it in binary mode ('rb')"
            )
        buffer[: len(piece)] = piece
        return len(piece)
