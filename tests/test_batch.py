"""Many images in one call: the same values as one at a time, and one status each."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import dctdecode
import faults
import numpy as np
import pytest
import torch
from dctdecode.errors import CorruptJpegError, CorruptJpegWarning, UnsupportedJpegError
from dctdecode.threads import resolve_threads
from generate import SUBSAMPLINGS, Recipe


@pytest.fixture(scope="module")
def images(generate):
    """12 images of one grid (3, 5), of different content, sampling and process."""
    recipes = [
        Recipe(factors=SUBSAMPLINGS[name], process=process, seed=seed)
        for seed, (name, process) in enumerate(
            (name, process) for name in ("444", "420", "422") for process in ("", "p", "o", "a")
        )
    ]
    return [generate(recipe).data for recipe in recipes]


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
def test_a_batch_equals_single_reads(images, threads):
    batch = dctdecode.read_batch(images, 64, threads=threads, normalize="dctnet", dtype=torch.float16)
    assert batch.shape == (12, 64, 3, 5)
    for row, image in zip(batch, images, strict=True):
        assert torch.equal(row, dctdecode.read(image, 64, normalize="dctnet", dtype=torch.float16))


def test_paths_and_bytes_mix(images, tmp_path):
    (tmp_path / "a.jpg").write_bytes(images[0])
    batch = dctdecode.read_batch([tmp_path / "a.jpg", np.frombuffer(images[0], np.uint8)], 6)
    assert torch.equal(batch[0], batch[1])


def test_an_empty_batch_has_no_rows():
    assert dctdecode.read_batch([], 24).shape == (0, 24, 0, 0)


@pytest.fixture
def damaged(images, tmp_path):
    """Sound images at 0 and 3; a truncated file at 1, no JPEG at 2, a missing file at 4."""
    (tmp_path / "cut.jpg").write_bytes(images[1][:-40])
    return [images[0], tmp_path / "cut.jpg", b"GIF89a", images[3], tmp_path / "gone.jpg"]


def test_raise_names_path_and_index(damaged):
    with pytest.raises(CorruptJpegError, match=r"cut\.jpg \(index 1 of the batch\): ") as caught:
        dctdecode.read_batch(damaged[:2], 24)
    assert (caught.value.index, caught.value.reason) == (1, "truncated")
    with pytest.raises(FileNotFoundError, match=r"index 4 of the batch.*gone\.jpg"):
        dctdecode.read_batch([damaged[0]] * 4 + [damaged[4]], 24)


def test_raise_names_the_lowest_index_whatever_the_threads(damaged, images):
    sources = [images[0]] * 5 + [b"first"] + [images[0]] * 5 + [b"second"]
    for threads in (1, 4):
        with pytest.raises(CorruptJpegError) as caught:
            dctdecode.read_batch(sources, 24, threads=threads)
        assert caught.value.index == 5


def test_zero_leaves_rows_of_zeros(damaged):
    out = torch.full((5, 24, 3, 5), 7.0)
    batch, failures = dctdecode.read_batch(damaged, 24, on_error="zero", return_failures=True, out=out)
    assert batch is out
    assert [f.index for f in failures] == [1, 2, 4]
    assert failures[0].path.endswith("cut.jpg")
    assert failures[1].path is None
    assert isinstance(failures[2].error, FileNotFoundError)
    assert not batch[[1, 2, 4]].any()
    assert torch.equal(batch[3], dctdecode.read(damaged[3], 24))


@pytest.mark.parametrize("out", [None, torch.empty(5, 24, 3, 5), np.empty((5, 24, 3, 5), np.float32)])
def test_skip_leaves_rows_out(damaged, out):
    batch = dctdecode.read_batch(damaged, 24, on_error="skip", out=out)
    assert batch.shape == (2, 24, 3, 5)
    for row, index in enumerate((0, 3)):
        assert np.array_equal(np.asarray(batch[row]), dctdecode.read(damaged[index], 24))


def test_all_skipped(damaged):
    assert dctdecode.read_batch([b"", b"x"], 24, on_error="skip").shape == (0, 24, 0, 0)


def test_a_callable_decides_each(damaged):
    seen = []

    def decide(failure):
        seen.append(failure.index)
        return "skip" if failure.index == 2 else None

    batch = dctdecode.read_batch(damaged, 24, on_error=decide)
    assert seen == [1, 2, 4]
    assert batch.shape == (4, 24, 3, 5)
    assert not batch[[1, 3]].any()


def test_a_callable_may_raise(damaged):
    def refuse(failure):
        raise RuntimeError(f"no more at {failure.index}")

    with pytest.raises(RuntimeError, match="no more at 1"):
        dctdecode.read_batch(damaged, 24, on_error=refuse)


def test_cmyk_is_skipped_whatever_its_grid():
    gray_and_cmyk = [faults.small("gray"), faults.resized(faults.small("cmyk"), 8, 8)]
    batch, failures = dctdecode.read_batch(gray_and_cmyk, 6, on_error="skip", return_failures=True)
    assert batch.shape == (1, 6, 3, 5)
    assert isinstance(failures[0].error, UnsupportedJpegError)


def test_what_int16_cannot_hold_is_named(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(faults.small("baseline-420"))
    with pytest.raises(ValueError, match=r"a\.jpg: dtype=int16"):
        dctdecode.read(path, [64], dtype=torch.int16)
    with pytest.raises(ValueError, match=r"a\.jpg \(index 1 of the batch\): dtype=int16"):
        dctdecode.read_batch([faults.small("gray"), path], [64], dtype=torch.int16)


def test_an_empty_path_is_a_path():
    with pytest.raises(FileNotFoundError, match="index 0"):
        dctdecode.read_batch(["", "a.jpg"])


@pytest.mark.parametrize("damaged", [b"no JPEG", faults.small("gray")[:-20]], ids=["header", "data"])
def test_an_error_lets_the_batch_go(damaged):
    """Not only after the next garbage collection: a bytearray cannot grow while somebody holds its buffer."""
    source = bytearray(damaged)
    gc.disable()
    try:
        with contextlib.suppress(CorruptJpegError):
            dctdecode.read_batch([faults.small("gray"), source], 6)
        source.append(0)
    finally:
        gc.enable()


def test_lenient_batches_warn_with_path_and_index(images, tmp_path):
    (tmp_path / "cut.jpg").write_bytes(images[0][:-40])
    with pytest.warns(CorruptJpegWarning, match=r"cut\.jpg \(index 1 of the batch\): "):
        batch = dctdecode.read_batch([images[0], tmp_path / "cut.jpg"], 24, strict=False)
    with pytest.warns(CorruptJpegWarning):
        assert torch.equal(batch[1], dctdecode.read(tmp_path / "cut.jpg", 24, strict=False))


def test_different_grids_are_refused_with_both(images, generate):
    other = generate(Recipe(height=50)).data
    with pytest.raises(ValueError, match=r"index 0 has \(3, 5\) .* index 2 has \(7, 5\)"):
        dctdecode.read_batch([images[0], images[1], other], 24)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_error": "ignore"}, "on_error must be one of .*'ignore'"),
        ({"threads": 0}, "threads must be a positive integer"),
        ({"threads": True}, "threads must be a positive integer"),
        ({"out": torch.empty(2, 24, 3, 5)}, r"out has shape \(2, 24, 3, 5\), .* needs \(1, 24, 3, 5\)"),
    ],
)
def test_bad_arguments(images, options, message):
    with pytest.raises(ValueError, match=message):
        dctdecode.read_batch(images[:1], 24, **options)


def test_limits_of_another_type_are_refused(images):
    with pytest.raises(TypeError, match="limits must be"):
        dctdecode.read_batch(images[:1], 6, limits=3)


def test_a_source_of_no_known_kind_is_named_by_its_place(images):
    with pytest.raises(TypeError, match=r"^sources\[1\]: source must be .* got int$"):
        dctdecode.read_batch([images[0], 5], 6, on_error="skip")
    with pytest.raises(ValueError, match=r"^sources\[0\]: an array of JPEG bytes is 1-D uint8"):
        dctdecode.read_batch([np.zeros((2, 2), np.uint8)], 6, on_error="skip")


@pytest.mark.parametrize("sources", ["a.jpg", Path("a.jpg"), b"bytes", bytearray(2), io.BytesIO(b"stream")])
def test_a_single_source_is_no_batch(sources):
    with pytest.raises(TypeError, match="one source per image, got a single"):
        dctdecode.read_batch(sources)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"out": [0]}, TypeError, "out must be a torch tensor or a numpy array, got list"),
        ({"out": np.empty((1, 24, 3, 5))}, TypeError, "out has dtype float64"),
        ({"orientation": "up"}, ValueError, "orientation must be"),
        ({"on_error": []}, ValueError, r"on_error must be one of .*got \[\]"),
        ({"threads": 1.5}, ValueError, "threads must be a positive integer"),
        ({"limits": 5}, TypeError, "limits must be"),
        ({"strict": "no"}, TypeError, "strict must be True or False, got 'no'"),
        ({"fast": None}, TypeError, "fast must be True or False, got None"),
        ({"antialias": 1}, TypeError, "antialias must be True or False, got 1"),
    ],
)
def test_arguments_are_checked_before_any_source(options, error, message):
    def sources():
        raise AssertionError("sources were asked")
        yield

    with pytest.raises(error, match=message):
        dctdecode.read_batch(sources(), 24, **options)


@pytest.mark.parametrize("threads", [np.int64(2), torch.tensor(2), 2**40])
def test_threads_are_any_integer(images, threads):
    assert torch.equal(
        dctdecode.read_batch(images, 6, threads=threads), dctdecode.read_batch(images, 6, threads=1)
    )


def test_threads_default_to_the_share_of_this_process(monkeypatch):
    cores = len(os.sched_getaffinity(0))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    assert resolve_threads(None) == cores
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(2 * cores))
    assert resolve_threads(None) == 1


def test_many_callers_share_the_pool(images):
    expected = dctdecode.read_batch(images, 24, threads=1)
    wrong = []

    def work():
        for _ in range(50):
            if not torch.equal(dctdecode.read_batch(images, 24, threads=3), expected):
                wrong.append(threading.get_ident())

    callers = [threading.Thread(target=work) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_a_forked_child_has_a_pool_of_its_own(images, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(images[0])
    script = """
import os, sys, warnings
warnings.simplefilter("ignore")  # Python 3.12 warns of forking beside threads: that is the point here
import dctdecode, torch
paths = [sys.argv[1]] * 8
expected = dctdecode.read_batch(paths, 24, threads=3)
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        same = torch.equal(dctdecode.read_batch(paths, 24, threads=3), expected)
        os._exit(0 if same else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert torch.equal(dctdecode.read_batch(paths, 24, threads=3), expected)
"""
    done = run(script, str(path))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_ctrl_c_stops_a_batch(generate, tmp_path):
    """A long batch ends soon after the signal, in the calling thread and in the pool."""
    slow = generate(Recipe(height=1024, width=1024, process="p")).data
    (tmp_path / "slow.jpg").write_bytes(slow)
    script = """
import os, signal, sys, threading, time
import dctdecode
sources = [open(sys.argv[1], "rb").read()] * 2000
sent = []
def interrupt():
    time.sleep(0.3)
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    dctdecode.read_batch(sources, 6, threads=2)
    print("finished")
except KeyboardInterrupt:
    print(time.monotonic() - sent[0])
dctdecode.read_batch(sources[:2], 6, threads=2)  # still usable
"""
    done = run(script, str(tmp_path / "slow.jpg"))
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 5  # seconds, for a busy machine; the whole batch takes tens of them


def test_importing_and_single_reads_start_no_thread(images, tmp_path):
    (tmp_path / "a.jpg").write_bytes(images[0])
    script = """
import os, sys
import numpy, torch
before = len(os.listdir("/proc/self/task"))
import dctdecode
dctdecode.read_batch([sys.argv[1]] * 4, 24, threads=1)
assert len(os.listdir("/proc/self/task")) == before
dctdecode.read_batch([sys.argv[1]] * 4, 24, threads=3)
print(len(os.listdir("/proc/self/task")) - before)
"""
    if not Path("/proc/self/task").is_dir():
        pytest.skip("counts threads through /proc")
    done = run(script, str(tmp_path / "a.jpg"))
    assert (done.stdout.strip(), done.stderr) == ("2", "")
