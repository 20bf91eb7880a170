"""Programs that only libjpeg-turbo stands behind, compiled for the tests; what they say is the truth."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FOLDER = Path(__file__).parent


def compile_program(name: str, folder: Path) -> Path:
    """tests/oracle/NAME.c, built with the system's compiler (CC) and libjpeg-turbo."""
    program = folder / name
    flags = f"{os.environ.get('CFLAGS', '')} {os.environ.get('LDFLAGS', '')}".split()
    command = [os.environ.get("CC", "cc"), "-O1", FOLDER / f"{name}.c", "-o", program, *flags, "-ljpeg"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the tests need a C compiler and libjpeg-turbo's headers\n{done.stderr}")
    return program


@dataclass(frozen=True)
class Answer:
    """libjpeg-turbo's reading of a file. `error` is its message where it gave up; then the rest is empty."""

    error: str | None
    size: tuple[int, int] = (0, 0)  # height, width
    warnings: int = 0  # of those that lose data
    incomplete: int = 0  # what libjpeg does not report: missing scans, unfinished progressions
    quantized: tuple[npt.NDArray[np.int16], ...] = ()  # (Hb, Wb, 8, 8)
    tables: tuple[npt.NDArray[np.int32], ...] = ()  # (8, 8)

    @property
    def whole(self) -> bool:
        return self.error is None and self.warnings == 0 and self.incomplete == 0


@dataclass(frozen=True)
class Oracle:
    """Asks the compiled tests/oracle/oracle.c."""

    program: Path

    def __call__(self, data: bytes) -> Answer:
        done = subprocess.run([self.program], input=data, capture_output=True, check=True)
        line, _, binary = done.stdout.partition(b"\n")
        word, _, rest = line.decode().partition(" ")
        if word == "error":
            return Answer(rest)
        components, height, width, warnings, incomplete = map(int, rest.split())
        quantized, tables = [], []
        at = 0
        for _ in range(components):
            hb, wb = np.frombuffer(binary, np.int32, 2, at)
            tables.append(np.frombuffer(binary, np.int32, 64, at + 8).reshape(8, 8))
            at += 4 * 66
            quantized.append(np.frombuffer(binary, np.int16, hb * wb * 64, at).reshape(hb, wb, 8, 8))
            at += quantized[-1].nbytes
        assert at == len(binary)
        return Answer(None, (height, width), warnings, incomplete, tuple(quantized), tuple(tables))
