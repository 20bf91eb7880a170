"""Where the bytes may come from, and what goes wrong there."""

from __future__ import annotations

import array
import errno
import io
import mmap
import os
import socket
import sys
import threading
from pathlib import Path

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode.errors import CorruptJpegError, CorruptJpegWarning, LimitExceededError
from generate import Recipe


@pytest.fixture(scope="module")
def jpeg(generate) -> bytes:
    return generate(Recipe()).data


@pytest.fixture
def path(jpeg, tmp_path) -> Path:
    file = tmp_path / "photo.jpg"
    file.write_bytes(jpeg)
    return file


class PathLike:
    def __init__(self, path: str | bytes) -> None:
        self.path = path

    def __fspath__(self) -> str | bytes:
        return self.path


class Trickle(io.RawIOBase):
    """Gives at most 100 bytes at a time, as a pipe or a socket may."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def read(self, size: int = -1) -> bytes:
        piece, self.rest = self.rest[: min(size, 100)], self.rest[min(size, 100) :]
        return piece


def mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


KINDS = {
    "str": lambda path, data: str(path),
    "Path": lambda path, data: path,
    "PathLike of str": lambda path, data: PathLike(str(path)),
    "PathLike of bytes": lambda path, data: PathLike(os.fsencode(path)),
    "bytes": lambda path, data: data,
    "bytearray": lambda path, data: bytearray(data),
    "memoryview": lambda path, data: memoryview(data),
    "strided memoryview": lambda path, data: memoryview(bytes(b for x in data for b in (x, 0)))[::2],
    "array": lambda path, data: array.array("B", data),
    "array of shorts": lambda path, data: array.array("H", data + data[:len(data) % 2]),
    "mmap": lambda path, data: mapped(path),
    "numpy": lambda path, data: np.frombuffer(data, np.uint8),
    "numpy, strided": lambda path, data: np.repeat(np.frombuffer(data, np.uint8), 2)[::2],
    "numpy, reversed": lambda path, data: np.frombuffer(data, np.uint8)[::-1].copy()[::-1],
    "numpy memmap": lambda path, data: np.memmap(path, np.uint8, "r"),
    "tensor": lambda path, data: torch.frombuffer(bytearray(data), dtype=torch.uint8),
    "tensor, strided": lambda path, data: torch.tensor(list(data), dtype=torch.uint8).repeat_interleave(2)[::2],
    "BytesIO": lambda path, data: io.BytesIO(data),
    "file": lambda path, data: path.open("rb"),
    "unbuffered file": lambda path, data: path.open("rb", buffering=0),
    "trickling stream": lambda path, data: Trickle(data),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same(kind, path, jpeg):
    expected = dctdecode.read(jpeg)
    for call in (dctdecode.info, dctdecode.read_planes, dctdecode.read):
        source = KINDS[kind](path, jpeg)
        result = call(source)
        if isinstance(source, io.IOBase):
            source.close()
        if isinstance(result, torch.Tensor):
            np.testing.assert_array_equal(result.numpy(), expected.numpy())
        else:
            assert getattr(result, "info", result).grids == [(3, 5), (2, 3), (2, 3)]


def test_file_object_is_read_from_where_it_stands(jpeg):
    file = io.BytesIO(b"header" + jpeg)
    file.seek(6)
    assert dctdecode.info(file).size_bytes == len(jpeg)
    assert file.tell() == 6 + len(jpeg)
    assert not file.closed


def test_source_is_not_changed(jpeg):
    data = bytearray(jpeg)
    dctdecode.read(data)
    assert data == jpeg


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        ([255, 216], TypeError, "got list"),
        (None, TypeError, "got NoneType"),
        (17, TypeError, "got int"),
        (object(), TypeError, "a path .* or a binary file object, got object"),
        (io.StringIO("text"), TypeError, "gave str, not bytes; open it in binary mode"),
        (np.zeros((2, 3), np.uint8), ValueError, "1-D uint8, got 2-D uint8"),
        (np.zeros(3, np.float32), ValueError, "1-D uint8, got 1-D float32"),
        (np.zeros(3, np.int8), ValueError, "1-D uint8, got 1-D int8"),
        (np.zeros((), np.uint8), ValueError, "1-D uint8, got 0-D uint8"),
        (torch.zeros(2, 3, dtype=torch.uint8), ValueError, "1-D uint8, got 2-D torch.uint8"),
        (torch.zeros(3), ValueError, "1-D uint8, got 1-D torch.float32"),
        (torch.zeros(3, dtype=torch.uint8, device="meta"), ValueError, "lies on the CPU, got one on meta"),
    ],
    ids=lambda v: type(v).__name__ if not isinstance(v, (str, type)) else None,
)
@pytest.mark.parametrize("call", [dctdecode.info, dctdecode.read_planes, dctdecode.read])
def test_what_is_no_source(call, source, error, says):
    with pytest.raises(error, match=says):
        call(source)


def test_file_in_text_mode(path):
    with path.open(encoding="utf-8") as file, pytest.raises(TypeError, match="binary mode") as caught:
        dctdecode.read(file)
    assert caught.value.__suppress_context__


def test_errors_of_a_file_object_pass_through():
    class Broken:
        def read(self, size):
            raise OSError(errno.EIO, "the disk is on fire")

    with pytest.raises(OSError, match="the disk is on fire"):
        dctdecode.read(Broken())


@pytest.mark.parametrize(
    "source", [b"", bytearray(), np.zeros(0, np.uint8), io.BytesIO()], ids=lambda v: type(v).__name__
)
def test_nothing_at_all(source):
    with pytest.raises(CorruptJpegError, match="fewer than 2 bytes") as caught:
        dctdecode.read(source)
    assert (caught.value.reason, caught.value.path) == ("not_jpeg", None)


def test_empty_file(tmp_path):
    empty = tmp_path / "empty.jpg"
    empty.touch()
    with pytest.raises(CorruptJpegError, match=r"empty\.jpg: not a JPEG") as caught:
        dctdecode.read(empty)
    assert caught.value.path == str(empty)


@pytest.mark.parametrize("kind", [str, Path, PathLike])
@pytest.mark.parametrize("call", [dctdecode.info, dctdecode.read_planes, dctdecode.read])
def test_missing_file(call, kind, tmp_path):
    missing = str(tmp_path / "missing.jpg")
    with pytest.raises(FileNotFoundError) as caught:
        call(kind(missing))
    assert (caught.value.filename, caught.value.errno) == (missing, errno.ENOENT)


def test_directory(tmp_path):
    with pytest.raises(IsADirectoryError) as caught:
        dctdecode.read(tmp_path)
    assert caught.value.filename == str(tmp_path)


@pytest.fixture
def no_superuser():
    """For whom no file is closed: acts as another user meanwhile."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_no_permission(path, tmp_path, monkeypatch, request):
    path.chmod(0)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # the folders above are closed to others
    request.getfixturevalue("no_superuser")
    with pytest.raises(PermissionError) as caught:
        dctdecode.read("photo.jpg")
    assert (caught.value.filename, caught.value.errno) == ("photo.jpg", errno.EACCES)


def within(seconds: float, call) -> BaseException | None:
    """Runs `call` in a thread; fails if it does not return in time, else gives its error."""
    errors: list[BaseException | None] = []

    def run() -> None:
        try:
            call()
            errors.append(None)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "still waiting"
    return errors[0]


def test_fifo_does_not_hang(tmp_path):
    fifo = tmp_path / "fifo.jpg"
    os.mkfifo(fifo)
    error = within(5, lambda: dctdecode.read(fifo))
    assert isinstance(error, OSError)
    assert (error.errno, error.filename) == (errno.EINVAL, str(fifo))


def test_device_and_socket(tmp_path):
    assert within(5, lambda: dctdecode.read("/dev/zero")).errno == errno.EINVAL
    name = os.path.relpath(tmp_path / "s")  # socket names are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        assert isinstance(within(5, lambda: dctdecode.read(name)), OSError)


@pytest.mark.parametrize(
    "name", ["Ärger 🦔.jpg", "new\nline.jpg", "%s %n.jpg", os.fsdecode(b"not utf-8 \xff\xfe.jpg")]
)
def test_names_of_files(name, jpeg, tmp_path):
    file = tmp_path / name
    file.write_bytes(jpeg)
    assert dctdecode.info(file).size_bytes == len(jpeg)
    file.write_bytes(b"GIF89a")
    with pytest.raises(CorruptJpegError) as caught:
        dctdecode.read(file)
    assert caught.value.path == str(file)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    assert shown in str(caught.value)
    with pytest.raises(FileNotFoundError) as missing:
        dctdecode.read(str(file) + "x")
    assert missing.value.filename == str(file) + "x"


def test_null_in_a_name():
    with pytest.raises(ValueError, match="null byte"):
        dctdecode.read("photo\0.jpg")


def test_symbolic_links_are_followed(path, tmp_path):
    link = tmp_path / "link.jpg"
    link.symlink_to(path)
    assert dctdecode.info(link).width == 37
    loop = tmp_path / "loop.jpg"
    loop.symlink_to(loop)
    with pytest.raises(OSError, match="symbolic links") as caught:
        dctdecode.info(loop)
    assert caught.value.errno == errno.ELOOP


def test_named_file_object_is_named_in_errors(tmp_path):
    file = tmp_path / "broken.jpg"
    file.write_bytes(b"\xff\xd8 no more")
    with file.open("rb") as stream, pytest.raises(CorruptJpegError) as caught:
        dctdecode.read(stream)
    assert caught.value.path == str(file)


def test_named_file_object_is_named_in_warnings(tmp_path, generate):
    file = tmp_path / "cut.jpg"
    file.write_bytes(generate(Recipe()).data[:-40])
    with file.open("rb") as stream, pytest.warns(CorruptJpegWarning, match=r"cut\.jpg: "):
        dctdecode.read(stream, strict=False)


def test_a_stream_is_not_asked_for_more_than_a_file_may_hold(tmp_path, generate):
    """Streams take as much memory as they are asked for, and refuse what no memory holds."""
    file = tmp_path / "a.jpg"
    file.write_bytes(generate(Recipe()).data)
    for limits in (dctdecode.Limits.none(), {"max_bytes": 2**70}):
        for buffering in (0, -1):
            with file.open("rb", buffering) as stream:
                assert dctdecode.read(stream, 6, limits=limits).shape == (6, 3, 5)


def test_a_stream_larger_than_a_piece(generate):
    """Behind the image lies padding, which is read and left alone."""
    data = generate(Recipe()).data
    stream = io.BytesIO(data + bytes(9 * 2**20))
    assert torch.equal(dctdecode.read(stream, 6), dctdecode.read(data, 6))
    assert stream.tell() == len(data) + 9 * 2**20


def test_file_that_does_not_end_is_left_at_the_limit():
    class Endless:
        given = 0

        def read(self, size):
            piece = b"\xff\xd8" + bytes(min(size, 1 << 20) - 2)
            self.given += len(piece)
            return piece

    source = Endless()
    with pytest.raises(LimitExceededError, match="max_bytes"):
        dctdecode.read(source, limits={"max_bytes": 3_000_000})
    assert source.given <= 3_000_001


def test_buffer_is_held_while_it_is_read(generate):
    """Another thread cannot take the bytes away: the exporter refuses to resize."""
    data = bytearray(generate(Recipe(2048, 2048, seed=1)).data)
    refused = []
    stop = threading.Event()

    def resize() -> None:
        while not stop.is_set():
            try:
                data.append(0)
                del data[-1]
            except BufferError:
                refused.append(True)

    thread = threading.Thread(target=resize)
    thread.start()
    try:
        first = dctdecode.read(bytes(data), 6)
        for _ in range(3):
            np.testing.assert_array_equal(dctdecode.read(data, 6).numpy(), first.numpy())
    finally:
        stop.set()
        thread.join()
    assert refused
    data.append(0)  # released afterwards
    del data[100:]
    with pytest.raises(CorruptJpegError, match="ends before"):
        dctdecode.read(data)
    data.append(0)  # after an error too


def test_nothing_stays_open(path, jpeg):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for source in (path, jpeg, path.parent):
        for call in (dctdecode.info, dctdecode.read):
            try:
                call(source)
            except IsADirectoryError:
                assert source == path.parent
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_no_reference_stays_to_the_source(jpeg):
    data = bytearray(jpeg)
    before = sys.getrefcount(data)
    planes, tensor = dctdecode.read_planes(data), dctdecode.read(data)
    assert sys.getrefcount(data) == before
    del planes, tensor
