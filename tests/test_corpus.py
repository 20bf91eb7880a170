"""Every file of the corpus: exactly libjpeg-turbo's coefficients, or refused for the reason that a table names."""

from __future__ import annotations

import csv
import random
import warnings
from pathlib import Path

import dctdecode
import numpy as np
from dctdecode.errors import CorruptJpegError, CorruptJpegWarning, DctDecodeError
from oracle import Answer

REFUSED = Path(__file__).parent / "data" / "refused.csv"
COLUMNS = ["path", "reason", "message", "lenient"]


def read_as_oracle(data: bytes, answer: Answer, *, strict: bool) -> DctDecodeError | None:
    """Reads, and compares what comes out with the oracle's answer; returns the error where nothing does."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            planes = dctdecode.read_planes(data, strict=strict)
        except DctDecodeError as error:
            return error
    assert answer.error is None
    assert (planes.info.height, planes.info.width) == answer.size
    assert len(planes) == len(answer.quantized)
    for c in range(len(planes)):
        np.testing.assert_array_equal(planes.quantized(c), answer.quantized[c], strict=True)
        np.testing.assert_array_equal(planes.quant_table(c), answer.tables[c])
    # What libjpeg warned of, and what it silently left out, is said, and never without a cause.
    assert bool(planes.warnings) == (not answer.whole)
    assert [w.category for w in caught] == [CorruptJpegWarning] * (not answer.whole)
    return None


def row_of(path: str, data: bytes, answer: Answer) -> dict[str, str] | None:
    """The row of the table for this file; None where it reads exactly in strict mode."""
    error = read_as_oracle(data, answer, strict=True)
    if error is None:
        assert answer.whole, f"{path}: damage went unnoticed"
        return None
    lenient = read_as_oracle(data, answer, strict=False)
    if error.reason in ("truncated", "corrupt"):
        assert isinstance(error, CorruptJpegError)
        assert not answer.whole, f"{path}: libjpeg-turbo has no complaint"
        assert (lenient is None) == (answer.error is None), f"{path}: {lenient}"
    else:
        assert lenient is not None
    return dict(
        zip(COLUMNS, (path, error.reason, error.message, lenient.reason if lenient else "read"), strict=True)
    )


def conformance_files(corpus: Path) -> list[str]:
    with (corpus / "conformance" / "index.csv").open(newline="") as file:
        return [row["path"] for row in csv.DictReader(file)]


def test_conformance_files_are_exact_or_refused_as_the_table_says(corpus, oracle):
    found, problems = [], []
    paths = conformance_files(corpus)
    for path in paths:
        data = (corpus / "conformance" / path).read_bytes()
        try:
            row = row_of(path, data, oracle(data))
        except AssertionError as problem:
            problems.append(f"{path}: {problem}")
        else:
            found += [row] if row else []
    assert not problems, "\n".join(problems)
    with REFUSED.open(newline="", encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    assert found == expected
    assert len(paths) > 400


def test_table_is_well_formed():
    with REFUSED.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    paths = [row["path"] for row in rows]
    assert len(set(paths)) == len(paths)
    reasons = {"not_jpeg", "truncated", "corrupt", "unsupported", "limit"}
    assert {row["reason"] for row in rows} <= reasons
    assert {row["lenient"] for row in rows} <= reasons | {"read"}
    assert all(row["message"] for row in rows)


def test_photographs_are_exact(corpus, oracle):
    """200 of the benchmark's photographs, the same ones every time."""
    paths = sorted(path for path in (corpus / "bench").rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    assert len(paths) > 200
    for path in random.Random(0).sample(paths, 200):
        data = path.read_bytes()
        answer = oracle(data)
        assert read_as_oracle(data, answer, strict=True) is None, path
        assert answer.whole


def test_read_agrees_with_planes_on_every_whole_file(corpus):
    """Luma's channels of `read` are those of `read_planes`, whatever else the file holds."""
    compared = 0
    for path in conformance_files(corpus):
        data = (corpus / "conformance" / path).read_bytes()
        try:
            tensor = dctdecode.read(data, 24).numpy()
        except DctDecodeError:
            continue
        planes = dctdecode.read_planes(data)
        if planes.info.color_space == "RGB" or planes.info.grids[0] != planes.info.grid:
            continue
        luma = [8 * v + u for v in range(4) for u in range(4)]
        expected = planes.component(0).reshape(*planes.info.grid, 64)[..., luma].transpose(2, 0, 1)
        np.testing.assert_array_equal(tensor[:16], expected, err_msg=path)
        compared += 1
    assert compared > 300
