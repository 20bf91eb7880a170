"""Files that change, fail or run dry under a read, and processes without memory.

Paths and kinds of sources as such: test_sources.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import dctdecode
import faults
import pytest
from dctdecode.errors import CorruptJpegError, DctDecodeError

BASELINE = faults.small("baseline-420")


@pytest.fixture
def shim(tmp_path: Path):
    """C source -> preloaded library; then script -> the finished process that ran it."""

    def run(source: str, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        code, library = tmp_path / "shim.c", tmp_path / "shim.so"
        code.write_text(source)
        flags = ["-O2", "-fPIC", "-shared", "-ftls-model=initial-exec", "-D_GNU_SOURCE"]
        subprocess.run(["cc", *flags, str(code), "-o", str(library), "-ldl"], check=True)
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), *arguments],
            env={**os.environ, "LD_PRELOAD": str(library), **environment},
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


# --- Files that are not what they seem ---------------------------------------------------------------------


def test_a_loop_of_links_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match="Too many levels") as caught:
        dctdecode.read(tmp_path / "a")
    assert caught.value.filename == str(tmp_path / "a")


@pytest.mark.parametrize("kind", ["fifo", "socket", "device"])
def test_special_files_are_refused_at_once(kind: str, tmp_path: Path) -> None:
    """Opening a FIFO that nobody writes to would wait for ever."""
    import socket

    path = tmp_path / kind
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path = Path("/dev/zero")
    with pytest.raises(OSError) as caught:  # noqa: PT011  its errno differs
        dctdecode.read(path)
    assert not isinstance(caught.value, DctDecodeError)


def test_an_empty_file_is_no_jpeg(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(CorruptJpegError) as caught:
        dctdecode.read(tmp_path / "empty.jpg")
    assert caught.value.reason == "not_jpeg"


def test_messages_of_odd_names_can_be_printed(tmp_path: Path) -> None:
    for name in (b"\xff\xfe.jpg", b"line\nbreak.jpg", b"n" * 250):
        path = os.path.join(os.fsencode(tmp_path), name)  # noqa: PTH118  bytes
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(BASELINE[:100])
        with pytest.raises(CorruptJpegError) as caught:
            dctdecode.read(os.fsdecode(path))
        assert os.fsencode(caught.value.path) == path
        str(caught.value).encode()


# --- Files that change under the read ----------------------------------------------------------------------


@pytest.mark.parametrize("change", ["shrink", "replace", "remove"])
def test_a_file_that_changes_meanwhile_is_only_its_own_error(change: str, tmp_path: Path) -> None:
    path, other = tmp_path / "changing.jpg", tmp_path / "next"
    comments = faults.segment(faults.COM, bytes(60_000)) * 40  # long enough to be caught in the middle
    data = BASELINE[:2] + comments + BASELINE[2:]
    path.write_bytes(data)
    done = threading.Event()

    def churn() -> None:
        while not done.is_set():
            if change == "shrink":
                os.truncate(path, 10)
                path.write_bytes(data)
            elif change == "replace":
                other.write_bytes(data[: len(data) // 2])
                os.replace(other, path)  # noqa: PTH105
                other.write_bytes(data)
                os.replace(other, path)  # noqa: PTH105
            else:
                path.unlink()
                path.write_bytes(data)

    thread = threading.Thread(target=churn)
    thread.start()
    ended = set()
    try:
        for _ in range(300):
            try:
                assert dctdecode.read(path, 6).shape == (6, 3, 5)
                ended.add("result")
            except (CorruptJpegError, FileNotFoundError) as error:
                ended.add(type(error).__name__)
    finally:
        done.set()
        thread.join()
    assert ended
    path.write_bytes(data)
    assert dctdecode.read(path, 6).shape == (6, 3, 5)


# --- The system's calls fail -------------------------------------------------------------------------------

READ_SHIM = r"""
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* Of files that are opened as NAME: every fourth read is interrupted, every fourth short, or all fail. */
static ssize_t (*real)(int, void*, size_t);
static int concerns(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return 0;
  path[n] = 0;
  return strstr(path, "faulty.jpg") != 0;
}
ssize_t read(int fd, void* to, size_t count) {
  static unsigned calls;
  if (!real) real = dlsym(RTLD_NEXT, "read");
  if (!concerns(fd)) return real(fd, to, count);
  const char* error = getenv("FAULT");
  if (error && *error) { errno = atoi(error); return -1; }
  calls++;
  if (calls % 4 == 0) { errno = EINTR; return -1; }
  return real(fd, to, calls % 4 == 1 && count > 7 ? count / 7 : count);
}
"""


def test_short_and_interrupted_reads_lose_nothing(shim, tmp_path: Path) -> None:
    data = BASELINE[:2] + faults.segment(faults.COM, bytes(60_000)) * 20 + BASELINE[2:]
    (tmp_path / "faulty.jpg").write_bytes(data)
    script = """
        import sys, torch, dctdecode, faults
        expected = dctdecode.read(faults.small("baseline-420"), 24)
        for _ in range(1000):
            assert torch.equal(dctdecode.read(sys.argv[1], 24), expected)
    """
    done = shim("#include <stdio.h>\n" + READ_SHIM, script, str(tmp_path / "faulty.jpg"))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_read_that_fails_is_an_os_error_with_the_path(shim, tmp_path: Path) -> None:
    path = tmp_path / "faulty.jpg"
    path.write_bytes(BASELINE)
    script = """
        import errno, sys, dctdecode
        try:
            dctdecode.read(sys.argv[1], 24)
        except OSError as error:
            assert (error.errno, error.filename) == (errno.EIO, sys.argv[1]), error
            sys.exit(3)
    """
    done = shim("#include <stdio.h>\n" + READ_SHIM, script, str(path), FAULT="5")
    assert (done.returncode, done.stderr) == (3, "")


MALLOC_SHIM = r"""
#include <stdlib.h>
/* Fails exactly the k-th allocation of the thread that called arm(k). */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void*, size_t);
static __thread long left, hits;
void arm(long k) { left = k; hits = 0; }
long disarm(void) { left = 0; return hits; }
static int fails(void) { return left > 0 && --left == 0 ? ++hits != 0 : 0; }
void* malloc(size_t n) { return fails() ? 0 : __libc_malloc(n); }
void* calloc(size_t a, size_t b) { return fails() ? 0 : __libc_calloc(a, b); }
void* realloc(void* p, size_t n) { return fails() ? 0 : __libc_realloc(p, n); }
"""


def test_every_allocation_may_fail(shim) -> None:
    """Through Python and the binding; the core alone: tests/cpp/reader_test.cpp."""
    script = """
        import ctypes, sys, warnings
        import numpy as np, dctdecode, faults
        shim = ctypes.PyDLL(None)
        files = [faults.small(n) for n in ("baseline-420", "progressive-420", "arithmetic-420", "cmyk")]
        files.append(faults.small("baseline-420")[:-40])  # an error's own allocations may fail too

        def run(call):
            try:
                return call()
            except dctdecode.errors.DctDecodeError as error:
                return error.reason
            except (MemoryError, SystemError):  # SystemError: numpy, which forgets to set the error
                return None

        out = np.zeros((24, 3, 5), np.float32)  # a tensor's own allocations are torch's affair
        calls = []
        for data in files:
            calls.append(lambda data=data: [p.copy() for p in dctdecode.read_planes(data)._quantized])
            calls.append(lambda data=data: dctdecode.read(data, 24, out=out).copy())
        refused = 0
        for call in calls:
            expected = run(call)
            for k in range(1, 2000):
                shim.arm(k)
                found = run(call)
                hits = shim.disarm()
                if not hits:
                    break
                refused += found is None
                if found is None or isinstance(expected, str):
                    continue
                assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True)), k
            else:
                raise SystemExit("never came to an end")
        assert refused > 50, refused
    """
    done = shim(MALLOC_SHIM, script)
    assert (done.returncode, done.stderr) == (0, "")


def test_little_address_space_is_a_memory_error() -> None:
    script = """
        import resource, warnings, torch, dctdecode, faults
        from pathlib import Path
        warnings.simplefilter("ignore")
        data = faults.resized(faults.small("progressive-420"), 6000, 6000)
        dctdecode.read(faults.small("progressive-420"), 6)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**26,) * 2)
        for call in (dctdecode.read_planes, lambda d, strict: dctdecode.read(d, [0], strict=strict)):
            try:
                call(data, strict=False)
                raise SystemExit("there was memory")
            except MemoryError:
                pass
        dctdecode.read(faults.small("progressive-420"), 6)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
