"""Builds the core and its C++ tests under sanitizers, and runs them over damaged files.

    python tests/sanitized.py [--mutants 20000] [--build FOLDER] [--compiler clang]

First with ASan and UBSan: every test of tests/cpp, then `damage_test` over the crashers, the corpus of malformed
files where there is one (DCTDECODE_CORPUS; required with DCTDECODE_REQUIRE_CORPUS=1) and numbered mutants. Then
with TSan: `threads_test`, `batch_test` and `pool_test`. Any report ends it with 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = {
    "ASAN_OPTIONS": "allocator_may_return_null=1:detect_leaks=1:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "exitcode=66",
}
CXX = {"clang": "clang++", "gcc": "g++"}


def run(*command: str | Path) -> None:
    words = [str(word) for word in command]
    sys.stdout.write("+ " + " ".join(words) + "\n")
    sys.stdout.flush()
    done = subprocess.run(words, env={**os.environ, **OPTIONS}, check=False)
    if done.returncode != 0:
        sys.exit(f"failed ({done.returncode}): {' '.join(words)}")


def build(folder: Path, compiler: str, sanitizers: str, target: str) -> None:
    flags = "-O1 -g1"
    run(
        *("cmake", "-S", ROOT, "-B", folder, "-DDCTDECODE_TESTS=ON", f"-DDCTDECODE_SANITIZE={sanitizers}"),
        *(f"-DCMAKE_C_COMPILER={compiler}", f"-DCMAKE_CXX_COMPILER={CXX[compiler]}"),
        *("-DCMAKE_BUILD_TYPE=RelWithDebInfo", f"-DCMAKE_CXX_FLAGS_RELWITHDEBINFO={flags}"),
        f"-DCMAKE_C_FLAGS_RELWITHDEBINFO={flags}",
    )
    run("cmake", "--build", folder, "--parallel", "2", "--target", target)


def malformed(folder: Path) -> list[Path]:
    """The corpus, unpacked; nothing where there is none."""
    corpus = Path(os.environ.get("DCTDECODE_CORPUS") or ROOT.parent / "shared" / "data")
    archive = corpus / "malformed.tar.gz"
    if not archive.is_file():
        if os.environ.get("DCTDECODE_REQUIRE_CORPUS") == "1":
            sys.exit(f"no {archive}")
        return []
    with tarfile.open(archive) as tar:
        tar.extractall(folder)  # our own archive
    return [folder]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--build", type=Path, default=ROOT / "build-sanitized")
    parser.add_argument("--compiler", choices=sorted(CXX), default="clang")
    arguments = parser.parse_args()

    memory = arguments.build / "address"
    build(memory, arguments.compiler, "address,undefined", "all")
    run("ctest", "--test-dir", memory, "--output-on-failure", "--parallel", "2")
    with tempfile.TemporaryDirectory() as unpacked:
        files = [ROOT / "tests" / "data" / "crashers", *malformed(Path(unpacked))]
        run(memory / "tests" / "cpp" / "damage_test", "--mutants", str(arguments.mutants), *files)

    threads = arguments.build / "thread"
    for name in ("threads_test", "batch_test", "pool_test"):
        build(threads, arguments.compiler, "thread", name)
        run(threads / "tests" / "cpp" / name)


if __name__ == "__main__":
    main()
