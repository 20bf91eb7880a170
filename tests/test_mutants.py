"""Many damaged files: each ends in a result or a named error, quietly, in bounded time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import faults
import pytest

REQUIRED = os.environ.get("DCTDECODE_REQUIRE_CORPUS") == "1"
NUM_MUTANTS = 100_000 if REQUIRED else 20_000
NUM_MALFORMED = 1229

# Decodes every file of a tar or the mutants FIRST to LAST, and prints how they ended. A crash, a hang or an
# unnamed exception ends it otherwise.
REPLAY = """
import sys, tarfile, time, warnings
import dctdecode, faults
from collections import Counter
from dctdecode.errors import DctDecodeError

def files():
    if sys.argv[1] == "tar":
        with tarfile.open(sys.argv[2]) as tar:
            for member in tar:
                if member.isfile() and not member.name.endswith("index.csv"):
                    yield tar.extractfile(member).read()
    else:
        yield from faults.mutants(int(sys.argv[2]))

warnings.simplefilter("ignore")
ended, slowest = Counter(), 0.0
limits = dctdecode.Limits(max_pixels=2**22) if sys.argv[1] == "mutants" else None  # 100,000 large ones take long
calls = [
    lambda data, strict: dctdecode.read_planes(data, strict=strict, limits=limits),
    lambda data, strict: dctdecode.read(data, 24, strict=strict, limits=limits),
]
for data in files():
    for call in calls:
        for strict in (True, False):
            began = time.process_time()
            try:
                call(data, strict)
                ended["result"] += 1
            except DctDecodeError as error:
                ended[error.reason] += 1
            slowest = max(slowest, time.process_time() - began)
print(*(f"{reason}={count}" for reason, count in sorted(ended.items())), f"slowest={slowest:.3f}")
"""


def replay(*arguments: str) -> dict[str, float]:
    tests = str(Path(__file__).parent)
    path = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", REPLAY, *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"(\w+=[\d.]+ ?)+\n", done.stdout), "something else was printed"
    return {name: float(value) for name, value in (item.split("=") for item in done.stdout.split())}


def test_mutants_end_in_a_result_or_a_named_error() -> None:
    ended = replay("mutants", str(NUM_MUTANTS))
    slowest = ended.pop("slowest")
    assert sum(ended.values()) == 4 * NUM_MUTANTS
    assert slowest < 2.0
    assert {"result", "not_jpeg", "truncated", "corrupt", "unsupported"} <= set(ended)


def test_mutants_are_the_same_in_every_language(tmp_path: Path) -> None:
    """Numbers that a sanitizer reports in tests/cpp/damage_test.cpp can be looked at here."""
    program = tmp_path / "mutants"
    source = tmp_path / "mutants.cpp"
    source.write_text(MUTANT_DIGEST)
    subprocess.run(
        [
            "c++",
            "-std=c++20",
            f'-DDCTDECODE_SMALL_FILES="{faults.SMALL}"',
            "-Icpp",
            str(source),
            "-o",
            str(program),
        ],
        cwd=Path(__file__).parent,
        check=True,
    )
    digest = 0xCBF29CE484222325
    for data in faults.mutants(200):
        for byte in data:
            digest = (digest ^ byte) * 0x100000001B3 % 2**64
    assert int(subprocess.check_output([program]), 16) == digest


MUTANT_DIGEST = """
#include <cstdio>
#include "mutants.h"
int main() {
  const auto seeds = mutants::small_files();
  std::uint64_t digest = 0xCBF29CE484222325U;
  for (int n = 0; n < 200; ++n) {
    for (const auto byte : mutants::mutant(seeds, n)) digest = (digest ^ byte) * 0x100000001B3U;
  }
  std::printf("%llx", static_cast<unsigned long long>(digest));
}
"""


@pytest.fixture
def malformed(tmp_path: Path) -> Path:
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("DCTDECODE_CORPUS") or root.parent / "shared" / "data")
    archive = folder / "malformed.tar.gz"
    if not archive.is_file():
        missing = f"no {archive} (DCTDECODE_CORPUS names its folder)"
        if REQUIRED:
            pytest.fail(missing)
        pytest.skip(missing)
    return archive


def test_malformed_files_of_other_projects(malformed: Path) -> None:
    ended = replay("tar", str(malformed))
    slowest = ended.pop("slowest")
    assert sum(ended.values()) == 4 * NUM_MALFORMED
    assert slowest < 2.0


def test_crashers_stay_fixed(tmp_path: Path) -> None:
    """tests/data/crashers: files that once ended the process, or cost too much."""
    paths = sorted((Path(__file__).parent / "data" / "crashers").glob("*.jpg"))
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        for path in paths:
            tar.add(path)
    ended = replay("tar", str(tmp_path / "all.tar"))
    assert ended.pop("slowest") < 2.0
    assert sum(ended.values()) == 4 * len(paths) > 0
