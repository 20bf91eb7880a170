"""A tar archive with its JPEGs pruned: order, names and all other bytes as they are."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import tarfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import IO, Any, NamedTuple

import dctdecode
from dctdecode.data.archive import BLOCK_BYTES, Header, ShardError, next_header, padded, pieces, unpacked
from dctdecode.errors import DctDecodeError
from dctdecode.trees.atomic import AtomicFile
from dctdecode.trees.listing import is_jpeg_name

__all__ = ["Members", "jpegs_of", "prune_archive"]

_SIZE, _CHECKSUM = slice(124, 136), slice(148, 156)  # of a header block: POSIX.1-2017, pax, "ustar Header Block"
_NAMED = 20  # failures that a message names

# What can become of one image's bytes.
Answer = bytes | Exception


class Members(NamedTuple):
    """How many JPEGs of an archive were pruned, how many could not be, and what was wrong with those."""

    images: int
    failed: int
    error: str


def prune_archive(
    source: IO[bytes],
    target: AtomicFile,
    prune: Callable[[bytes], Future[Answer]],
    on_error: str,
    *,
    ahead: int,
) -> Members:
    """Copies an archive, compressed as it was (gzip, bzip2, xz).

    Args:
        source: at its beginning.
        target: gets the archive.
        prune: begins with one image.
        on_error: of images that cannot be pruned: ``"raise"`` gives up, ``"skip"`` leaves the member out,
            ``"copy"`` keeps it as it is.
        ahead: how many parts of the archive to read before the first image of them is done.

    Raises:
        ShardError: no archive, or a damaged one; or, with ``"raise"``, what an image raised.
    """
    archive = unpacked(source)
    count = _Count(on_error)
    waiting: deque[_Part] = deque()
    try:
        with _packing(target, archive) as packed:
            for header, data in _parts(archive):
                waiting.append(_Part(header, data, None if header is None else prune(data)))
                while waiting and (waiting[0].is_done() or len(waiting) > ahead):
                    packed.writelines(count.settled(waiting.popleft()))
            while waiting:
                packed.writelines(count.settled(waiting.popleft()))
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise ShardError(f"its compressed data are damaged or break off: {error}") from error
    finally:
        for part in waiting:
            if part.future is not None:
                part.future.cancel()
    return count.members()


def jpegs_of(stream: IO[bytes]) -> Iterator[bytes]:
    """The JPEGs of an archive."""
    return (data for header, data in _parts(unpacked(stream)) if header is not None)


def _parts(archive: IO[bytes]) -> Iterator[tuple[Header | None, bytes]]:
    """All bytes in their order: (header, data) of a JPEG without what fills its last block, else (None, bytes)."""
    largest = dctdecode.Limits().max_bytes
    assert largest is not None
    while (header := next_header(archive)) is not None:
        if header.regular and is_jpeg_name(header.name):
            if header.size_bytes > largest:
                raise ShardError(f"{header.name!r} has {header.size_bytes} bytes, more than max_bytes = {largest}")
            data = b"".join(pieces(archive, header.size_bytes))
            for _ in pieces(archive, padded(len(data)) - len(data)):
                pass
            yield header, data
        else:
            yield None, header.blocks
            yield from ((None, piece) for piece in pieces(archive, padded(header.size_bytes)))
    yield None, bytes(BLOCK_BYTES)
    while piece := archive.read(2**20):
        yield None, piece


class _Part(NamedTuple):
    """A JPEG with its header and what becomes of it, or any other bytes."""

    header: Header | None
    data: bytes
    future: Future[Answer] | None

    def is_done(self) -> bool:
        return self.future is None or self.future.done()


class _Count:
    def __init__(self, on_error: str) -> None:
        self._on_error = on_error
        self._images = 0
        self._errors: list[str] = []

    def settled(self, part: _Part) -> list[bytes]:
        """The part as it goes into the new archive; waits for the image."""
        header, data, future = part
        if header is None or future is None:
            return [data]
        answer = future.result()
        if isinstance(answer, Exception):
            message = f"{header.name}: {answer.message if isinstance(answer, DctDecodeError) else answer}"
            if self._on_error == "raise":
                raise ShardError(message) from answer
            self._errors.append(message)
            if self._on_error == "skip":
                return []
            answer = data
        else:
            self._images += 1
        return [_resized(header, len(answer)), answer, bytes(padded(len(answer)) - len(answer))]

    def members(self) -> Members:
        more = len(self._errors) - _NAMED
        named = self._errors[:_NAMED] + ([f"and {more} more"] if more > 0 else [])
        return Members(self._images, len(self._errors), "; ".join(named))


def _resized(header: Header, size: int) -> bytes:
    """The header's blocks with another size: in the last of them, and in a pax record if there is one."""
    if size == header.size_bytes:
        return header.blocks
    before, block = header.blocks[:-BLOCK_BYTES], bytearray(header.blocks[-BLOCK_BYTES:])
    if "size" in header.extended:
        before = b"".join(_resized_records(before, size))
    block[_SIZE] = b"%011o\0" % size
    block[_CHECKSUM] = b" " * 8  # as the sum counts it
    block[_CHECKSUM] = b"%06o\0 " % sum(block)
    return before + block


def _resized_records(blocks: bytes, size: int) -> Iterator[bytes]:
    """Extended headers, which `next_header` has found sound, with another size in as many digits as there were:
    pax records are "LENGTH KEY=VALUE\\n", and nothing else may move."""
    while blocks:
        header = tarfile.TarInfo.frombuf(blocks[:BLOCK_BYTES], "utf-8", "surrogateescape")
        end = BLOCK_BYTES + padded(header.size)
        yield blocks[:BLOCK_BYTES]
        body, blocks = blocks[BLOCK_BYTES:end], blocks[end:]
        if header.type not in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            yield body
            continue
        while length := body[:20].partition(b" ")[0].strip(b"\0"):
            record, body = body[: int(length)], body[int(length) :]
            key, equals, value = record.partition(b"=")
            if key.endswith(b" size"):
                digits = b"%0*d" % (len(value) - 1, size)
                if len(digits) != len(value) - 1:
                    raise ShardError(f"a pruned image of {size} bytes does not fit its extended header")
                value = digits + b"\n"
            yield key + equals + value
        yield body


@contextlib.contextmanager
def _packing(target: AtomicFile, archive: IO[bytes]) -> Iterator[Any]:
    """What compresses into `target` as `archive` was compressed, without a time or a name of its own."""
    writable: Any = _Writable(target)
    packed: Any = writable
    if isinstance(archive, gzip.GzipFile):
        packed = gzip.GzipFile("", "wb", fileobj=writable, mtime=0)
    elif isinstance(archive, bz2.BZ2File):
        packed = bz2.BZ2File(writable, "wb")
    elif isinstance(archive, lzma.LZMAFile):
        packed = lzma.LZMAFile(writable, "wb")  # noqa: SIM115
    try:
        yield packed
    except BaseException:
        writable.abandoned = True
        raise
    finally:
        packed.close()


class _Writable(io.RawIOBase):
    """A file object over `AtomicFile`, as compressors want it; once abandoned, what they still write is lost."""

    abandoned = False

    def __init__(self, target: AtomicFile) -> None:
        self._target = target

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data) if self.abandoned else self._target.write(data)
