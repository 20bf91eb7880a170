"""Failing reads leave nothing behind: no memory, no descriptors, no output."""

from __future__ import annotations

import contextlib
import ctypes
import subprocess
import sys
import warnings
from pathlib import Path

import dctdecode
import faults
import pytest
from dctdecode.errors import CorruptJpegWarning, DctDecodeError

NUM_READS = 20_000


class _Mallinfo2(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()  # noqa: SIM905
    ]


def bytes_in_use() -> int:
    """glibc's own count of what is allocated. Resident memory is no measure: its mmap threshold moves."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = _Mallinfo2
    info = mallinfo2()
    return info.uordblks + info.hblkhd


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def bad_files() -> list[bytes]:
    """One per way to fail: in the header, our decoder, libjpeg-turbo, the limits, the tensor."""
    baseline = faults.small("baseline-420")
    return [
        b"",
        baseline[:100],
        baseline[:-40],
        faults.without(baseline, faults.DQT),
        faults.resized(baseline, 210, 37),
        faults.resized(baseline, 65500, 65500),
        faults.keep_scans(faults.small("multiscan-422"), 0, 1),
        faults.keep_scans(faults.small("progressive-420"), 0),
        faults.small("arithmetic-420")[:-60],
        faults.patch(baseline, faults.SOF0, (4, 12)),
        faults.scan_bomb(64, 64, [(0, 0, 0, 0)] + [(1, 63, 0, 0)] * 101),
        faults.small("cmyk")[:-30],
    ]


def fail(source: bytes | str) -> None:
    with pytest.raises(DctDecodeError):
        dctdecode.read_planes(source)
    with pytest.raises(DctDecodeError):
        dctdecode.read(source, 6)


def test_memory_is_flat_over_failing_reads() -> None:
    files = bad_files()
    for _ in range(100):  # caches fill
        for data in files:
            fail(data)
    before = bytes_in_use()
    for _ in range(NUM_READS // (2 * len(files)) + 1):
        for data in files:
            fail(data)
    assert abs(bytes_in_use() - before) < 64 * 1024


def test_memory_is_flat_over_lenient_reads() -> None:
    data = faults.small("progressive-420")[:-100]

    def read() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CorruptJpegWarning)
            dctdecode.read_planes(data, strict=False)
            dctdecode.read(data, 24, strict=False)

    for _ in range(300):
        read()
    before = bytes_in_use()
    for _ in range(2000):
        read()
    assert abs(bytes_in_use() - before) < 64 * 1024


def test_the_source_is_released_after_an_error() -> None:
    data = bytearray(faults.small("baseline-420")[:-40])
    count = sys.getrefcount(data)
    fail(data)
    assert sys.getrefcount(data) == count
    data.append(0)  # a BufferError if somebody still held it


def test_descriptors_are_flat_even_with_few_of_them(tmp_path: Path) -> None:
    """10,000 bad files with 32 descriptors: in a process of its own, whose limit cannot be raised again."""
    for number, data in enumerate(bad_files()):
        (tmp_path / f"{number}.jpg").write_bytes(data)
    script = """
import resource, sys
from pathlib import Path
import dctdecode
from dctdecode.errors import DctDecodeError
paths = sorted(Path(sys.argv[1]).iterdir())
resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
before = len(list(Path("/proc/self/fd").iterdir()))
for n in range(10_000):
    try:
        dctdecode.read_planes(paths[n % len(paths)])
        raise SystemExit("accepted")
    except DctDecodeError:
        pass
assert len(list(Path("/proc/self/fd").iterdir())) == before
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """Not even by libjpeg, which writes its messages to stderr by default."""
    for data in [*bad_files(), *faults.small_files().values(), *faults.mutants(300)]:
        for strict in (True, False):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CorruptJpegWarning)
                with contextlib.suppress(DctDecodeError):
                    dctdecode.read_planes(data, strict=strict, limits={"max_pixels": 2**20})
    assert capfd.readouterr() == ("", "")
