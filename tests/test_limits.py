"""Hostile files stay cheap: any file up to 1 MB ends within 2 s of CPU and 512 MiB, by the default limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import arithmetic
import dctdecode
import numpy as np
import pytest
import torch
from dctdecode.errors import CorruptJpegError, LimitExceededError
from faults import bit_planes, resized, scan_bomb, sequential_bomb, small, small_files

MIB = 2**20
CPU_S = 2.0
# The limit speaks of coefficients and tensor; interpreter, file and working memory come on top.
MEMORY_MIB = 512 + 16

NO_DATA = [(0, 0, 0, 0)]
FULL_PLANE = [(1, 1)] * 3

# Takes files and calls, and prints what each cost beyond what importing and a small image cost: every one in
# a process of its own, forked from one that has imported everything.
MEASURE = """
import json, os, re, sys, time, warnings
import torch, dctdecode, faults
from pathlib import Path

def peak_mib():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

def cost(path, call, options):
    data = Path(path).read_bytes()
    if "dtype" in options:
        options = {**options, "dtype": getattr(torch, options["dtype"])}
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back
    before, began = peak_mib(), time.process_time()
    ended = "result"
    try:
        getattr(dctdecode, call)(data, **options)
    except dctdecode.errors.DctDecodeError as error:
        ended = error.reason
    return ended, time.process_time() - began, peak_mib() - before

warnings.simplefilter("ignore")
torch.set_num_threads(1)
for name in ("baseline-420", "progressive-420"):
    dctdecode.read_planes(faults.small(name))
    dctdecode.read(faults.small(name))
for path, call, options in json.loads(sys.argv[1]):
    if os.fork() == 0:
        print(json.dumps(cost(path, call, options)), flush=True)
        os._exit(0)
    if os.wait()[1] != 0:
        sys.exit("a process died: " + path)
"""


class Cost(NamedTuple):
    ended: str
    cpu_s: float
    peak_mib: float


def measure(tasks: list[tuple[str, str, dict[str, object]]]) -> list[Cost]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, json.dumps(tasks)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parent,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [Cost(*json.loads(line)) for line in done.stdout.splitlines()]


LENIENT = {"strict": False}
ALL_CB = list(range(64, 128))

WORST = {
    # scans
    "1000 empty scans": (lambda: scan_bomb(64, 64, NO_DATA + [(1, 63, 0, 0)] * 1000), {}, "limit"),
    "896 scans without a warning": (
        lambda: scan_bomb(512, 512, bit_planes(0, 0) + [s for k in range(1, 64) for s in bit_planes(k, k)]),
        {},
        "limit",
    ),
    "26 million visits of refinement": (
        lambda: scan_bomb(4096, 4096, bit_planes(0, 0) + bit_planes(1, 63) + [(1, 63, 1, 0)] * 71),
        LENIENT,
        "result",
    ),
    "more than 30 million visits": (
        lambda: scan_bomb(8192, 8192, [*NO_DATA, *bit_planes(1, 63)][:4] + [(1, 63, 1, 0)] * 40),
        LENIENT,
        "limit",
    ),
    # no data at all behind a large header
    "65500 x 1024": (lambda: resized(small("gray"), 65500, 1024), LENIENT, "result"),
    "8192 x 8192, all of Cb": (
        lambda: resized(small("baseline-420"), 8192, 8192),
        {"channels": ALL_CB, "interpolation": "lanczos", **LENIENT},
        "result",
    ),
    "8192 x 8192, 192 channels": (lambda: resized(small("baseline-420"), 8192, 8192), {"channels": 192}, "limit"),
    "5000 x 5000, 192 channels": (
        lambda: resized(small("baseline-444-q100"), 5000, 5000),
        {"channels": 192, **LENIENT},
        "result",
    ),
    "8192 x 8192 RGB": (lambda: resized(small("rgb"), 8192, 8192), {"channels": 32, **LENIENT}, "result"),
    # as much data as 1 MB holds
    "all of Cb, with data": (
        lambda: sequential_bomb(8192, 8192, [(2, 2), (1, 1), (1, 1)], [0, 4, 4]),
        {"channels": ALL_CB, "interpolation": "lanczos"},
        "result",
    ),
    "luma resampled from 3/4": (
        lambda: sequential_bomb(8192, 8192, [(3, 3), (3, 3), (4, 4)], [1, 1, 0]),
        {"channels": [*range(55), *range(64, 119)], "interpolation": "lanczos", "dtype": "float16"},
        "result",
    ),
    "4:4:4 up to the memory limit": (
        lambda: sequential_bomb(8192, 8192, FULL_PLANE, [0, 0, 0]),
        {"channels": 32},
        "result",
    ),
    # both decoders, one after the other
    "the same, broken at the end": (
        lambda: sequential_bomb(8192, 8192, FULL_PLANE, [0, 0, 0], lost=50),
        {"channels": 32, **LENIENT},
        "result",
    ),
    "the same, strict": (
        lambda: sequential_bomb(8192, 8192, FULL_PLANE, [0, 0, 0], lost=50),
        {"channels": 32},
        "corrupt",
    ),
    # decisions without data
    "arithmetic, sequential": (lambda: arithmetic.sequential_bomb(8192, 8192, 1, 10), {}, "limit"),
    "arithmetic, up to the limit": (lambda: arithmetic.sequential_bomb(4096, 2400, 1, 10), {}, "result"),
    "arithmetic, progressive": (lambda: arithmetic.progressive_bomb(3000, 3000, 1, 13), {}, "limit"),
}


@pytest.fixture(scope="module")
def costs(tmp_path_factory) -> dict[tuple[str, str], Cost]:
    """(name, call) -> cost, of `read` as the row says and of `read_planes`."""
    folder = tmp_path_factory.mktemp("bombs")
    tasks, keys = [], []
    for number, (name, (make, options, _)) in enumerate(WORST.items()):
        path = folder / f"{number}.jpg"
        path.write_bytes(make())
        assert path.stat().st_size <= MIB
        tasks.append((str(path), "read", {"channels": 24, **options}))
        tasks.append((str(path), "read_planes", {key: value for key, value in options.items() if key == "strict"}))
        keys += [(name, "read"), (name, "read_planes")]
    found = dict(zip(keys, measure(tasks), strict=True))
    slow = [i for i, key in enumerate(keys) if found[key].cpu_s > CPU_S]
    again = measure([tasks[i] for i in slow])  # another program may have had the caches
    return found | {keys[i]: cost for i, cost in zip(slow, again, strict=True)}


@pytest.mark.parametrize("call", ["read", "read_planes"])
@pytest.mark.parametrize("name", WORST)
def test_any_file_up_to_1_mb_stays_cheap(name: str, call: str, costs: dict[tuple[str, str], Cost]) -> None:
    found = costs[name, call]
    assert found.cpu_s <= CPU_S
    assert found.peak_mib <= MEMORY_MIB
    _, options, ended = WORST[name]
    if call == ("read" if "channels" in options else "read_planes"):
        assert found.ended == ended


def test_a_bomb_of_200_bytes_is_refused_in_milliseconds() -> None:
    data = resized(small("baseline-420"), 65500, 65500)[:200]
    assert len(data) == 200
    whole = resized(small("baseline-420"), 65500, 65500)
    for bomb, error in ((data, CorruptJpegError), (whole, LimitExceededError)):
        best_s = 1.0
        for _ in range(5):
            began = time.perf_counter()
            with pytest.raises(error):
                dctdecode.read(bomb)
            best_s = min(best_s, time.perf_counter() - began)
        assert best_s < 0.005


BASELINE = small("baseline-420")

TIGHT = [
    ("max_pixels", 37 * 21, lambda limits: dctdecode.info(BASELINE, limits=limits)),
    ("max_bytes", len(BASELINE), lambda limits: dctdecode.info(BASELINE, limits=limits)),
    # 4 x 6 + 2 x (2 x 3) padded blocks, and 3 x 5 blocks of 24 float32 channels
    ("max_memory_bytes", 36 * 128 + 15 * 24 * 4, lambda limits: dctdecode.read(BASELINE, 24, limits=limits)),
    ("max_scans", 10, lambda limits: dctdecode.read_planes(small("progressive-420"), limits=limits)),
]


@pytest.mark.parametrize(("name", "enough", "call"), TIGHT, ids=[row[0] for row in TIGHT])
def test_each_limit_can_be_set_and_names_itself(name, enough, call) -> None:
    call({name: enough})
    call({name: None})
    with pytest.raises(LimitExceededError, match=name) as caught:
        call({name: enough - 1})
    assert caught.value.reason == "limit"


def test_block_visits_are_counted_over_all_scans() -> None:
    data = scan_bomb(512, 512, bit_planes(0, 0) + bit_planes(1, 63))  # 28 scans of 4096 blocks
    dctdecode.read_planes(data, limits={"max_block_visits": 30 * 4096})
    with pytest.raises(LimitExceededError, match="max_block_visits"):
        dctdecode.read_planes(data, limits={"max_block_visits": 27 * 4096})


def least_visits(data: bytes) -> int:
    """The smallest `max_block_visits` that lets a file pass."""
    low, high = 1, 10_000
    while low < high:
        middle = (low + high) // 2
        try:
            dctdecode.read_planes(data, limits={"max_block_visits": middle})
            high = middle
        except LimitExceededError:
            low = middle + 1
    return low


SEQUENTIAL = [name for name in small_files() if not name.startswith(("progressive", "arithmetic", "cmyk-p"))]


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_block_visits_do_not_depend_on_the_decoder(name: str, monkeypatch) -> None:
    least = least_visits(small(name))
    monkeypatch.setenv("DCTDECODE_DECODER", "libjpeg-turbo")
    assert least_visits(small(name)) == least


def test_memory_that_the_caller_brings_hides_no_coefficients(monkeypatch) -> None:
    """36 blocks of coefficients; our decoder would need a row of them at a time."""
    out = torch.empty(1, 3, 5)
    for decoder in ("", "libjpeg-turbo"):
        monkeypatch.setenv("DCTDECODE_DECODER", decoder)
        dctdecode.read(BASELINE, [0], out=out, limits={"max_memory_bytes": 36 * 128})
        with pytest.raises(LimitExceededError, match="max_memory_bytes"):
            dctdecode.read(BASELINE, [0], out=out, limits={"max_memory_bytes": 36 * 128 - 1})
        batch = out[None]
        dctdecode.read_batch([BASELINE], [0], out=batch, limits={"max_memory_bytes": 36 * 128})
        with pytest.raises(LimitExceededError, match="max_memory_bytes"):
            dctdecode.read_batch([BASELINE], [0], out=batch, limits={"max_memory_bytes": 36 * 128 - 1})


def test_memory_is_limited_per_image_of_a_batch() -> None:
    enough = 36 * 128 + 15 * 24 * 4
    assert len(dctdecode.read_batch([BASELINE] * 3, 24, limits={"max_memory_bytes": enough})) == 3
    with pytest.raises(LimitExceededError, match=r"\(index 1 of the batch\): .*max_memory_bytes"):
        dctdecode.read_batch([small("gray"), BASELINE], 24, limits={"max_memory_bytes": enough - 1})


def test_limits_are_any_integers() -> None:
    limits = dctdecode.Limits(max_pixels=np.int64(37 * 21), max_bytes=torch.tensor(len(BASELINE)))
    assert limits == dctdecode.Limits(max_pixels=37 * 21, max_bytes=len(BASELINE))
    dctdecode.read(BASELINE, limits=limits)
    for value in (0, -1, True, 1.0, np.float64(1), "1"):
        with pytest.raises(ValueError, match="max_pixels must be a positive integer or None"):
            dctdecode.Limits(max_pixels=value)


def test_a_file_of_impossible_size_is_a_memory_error(tmp_path: Path) -> None:
    """In the pool's threads too, where nothing may be thrown."""
    path = Path("/dev/shm") / f"dctdecode-{tmp_path.name}-{os.getpid()}"
    try:
        path.touch()
        try:
            os.truncate(path, 2**63 - 1)
        except OSError:
            pytest.skip("needs a file system with files of 8 EiB, as Linux's tmpfs")
        with pytest.raises(MemoryError, match=path.name):
            dctdecode.read(path, limits=dctdecode.Limits.none())
        with pytest.raises(MemoryError, match=r"\(index 0 of the batch\): no memory for the file"):
            dctdecode.read_batch([path] * 4, threads=2, limits=dctdecode.Limits.none())
    finally:
        path.unlink(missing_ok=True)


def test_arithmetic_visits_weigh_more() -> None:
    data = arithmetic.sequential_bomb(512, 512, 1, 10)  # 4096 blocks that count 192 each
    dctdecode.read_planes(data, limits={"max_block_visits": 193 * 4096})
    with pytest.raises(LimitExceededError, match="max_block_visits"):
        dctdecode.read_planes(data, limits={"max_block_visits": 191 * 4096})


def test_arithmetic_visits_weigh_less_in_larger_files() -> None:
    data = arithmetic.sequential_bomb(512, 512, 1, 10)
    data += bytes(4 * MIB - len(data))  # behind the end: no defect
    dctdecode.read_planes(data, limits={"max_block_visits": 49 * 4096})
    with pytest.raises(LimitExceededError, match="max_block_visits"):
        dctdecode.read_planes(data, limits={"max_block_visits": 47 * 4096})


def test_the_arithmetic_bomb_is_what_it_says() -> None:
    planes = dctdecode.read_planes(arithmetic.sequential_bomb(512, 512, 1, 10))
    assert (abs(planes.quantized(0)[..., 1:, :].astype(int)) >= 512).all()


def test_a_source_beyond_4_gib_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "sparse.jpg"
    with path.open("wb") as file:
        file.write(BASELINE)
        file.truncate(2**32 + len(BASELINE))
    began = time.perf_counter()
    with pytest.raises(LimitExceededError, match="max_bytes"):
        dctdecode.info(path)
    assert time.perf_counter() - began < 0.5


def test_limits_none_lifts_all() -> None:
    data = scan_bomb(64, 64, NO_DATA + [(1, 63, 0, 0)] + [(1, 63, 1, 0)] * 150)
    with pytest.raises(LimitExceededError, match="max_scans"):
        dctdecode.read_planes(data, strict=False)
    with pytest.warns(dctdecode.errors.CorruptJpegWarning):
        dctdecode.read_planes(data, strict=False, limits=dctdecode.Limits.none())
