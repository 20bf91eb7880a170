"""benchmarks/training: a comparison of a few made-up images, stopped and resumed, and what is said about it."""

from __future__ import annotations

import json
import re
import sys

import pytest
from training import BENCHMARK, CLASSES, EXAMPLES, arguments, patterns, run

sys.path[:0] = [str(BENCHMARK), str(EXAMPLES)]

import report  # noqa: E402  # needs the paths above
import train_classifier  # noqa: E402

PROTOCOL = {
    "classes": 3,
    "floor": 0.3,
    "seeds": [0, 1],
    "options": {"model": "tiny", "size": 64, "epochs": 2, "batch-size": 8, "lr": 0.03, "threads": 1},
    "arms": {
        "rgb-64": {"input": "rgb"},
        "gate": {"channels": 192, "gate": 1.0},
        "learned-24": {"keep_of": "gate", "keep": 24},
    },
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return patterns(tmp_path_factory.mktemp("patterns"), train=16, val=5)


def compare(data, output, *more: str) -> None:
    protocol = output.with_suffix(".json")
    protocol.write_text(json.dumps(PROTOCOL))
    command = [sys.executable, str(BENCHMARK / "compare.py"), str(data), "--val-folder", "val"]
    run([*command, "--protocol", str(protocol), "--output", str(output), *more])


def test_a_comparison_is_resumed_and_reported(data, tmp_path):
    output = tmp_path / "out"
    compare(data, output, "--seeds", "0")
    names = {"rgb-64-0.json", "gate-0.json", "learned-24-0.json"}
    before = {path.name: path.stat().st_mtime_ns for path in (output / "records").iterdir()}
    assert before.keys() == names
    compare(data, output, "--arms", "rgb-64", "--jobs", "2")
    after = {path.name: path.stat().st_mtime_ns for path in (output / "records").iterdir()}
    assert after.keys() == {*names, "rgb-64-1.json"}
    assert before.items() <= after.items()  # what was done is not done again
    assert sorted(path.name for path in (output / "data" / "train").iterdir()) == ["columns", "rows", "slopes"]

    found = {
        name: json.loads((output / "records" / f"{name}.json").read_text()) for name in ("gate-0", "learned-24-0")
    }
    assert len(found["gate-0"]["rows"]) == 2
    assert found["learned-24-0"]["channels"] == sorted(report.best(found["gate-0"], 24))
    assert found["learned-24-0"]["input_values"] == 24 * 8 * 8
    assert found["learned-24-0"]["macs"] < found["gate-0"]["macs"]
    gate = found["gate-0"]["gate"]
    assert 0 <= gate["kept"][1] <= gate["kept"][0] <= gate["kept"][2] <= 192
    assert gate["bandwidth"] == pytest.approx(gate["kept"][0] / 192)

    said = run([sys.executable, str(BENCHMARK / "report.py"), str(output), "--plots", str(tmp_path / "plots")])
    assert re.search(r"^\| rgb-64 \| 12,288 \| [\d.]+ \| 0.06 \| [\d.]+, [\d.]+ \|", said, re.MULTILINE)
    assert "| fewer than 3 seeds |" in said
    assert re.search(r"^\| gate 0 \|", said, re.MULTILINE)
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        "accuracy.png",
        "curves.png",
        "importance.png",
    ]


def test_protocols_are_complete():
    for name in ("cpu.json", "gpu-resnet50.json", "gpu-mobilenet-v2.json"):
        protocol = json.loads((BENCHMARK / name).read_text("utf-8"))
        assert len(protocol["seeds"]) >= report.LEAST_SEEDS
        arms = list(protocol["arms"])
        assert arms[0].startswith("rgb")
        assert {"dct-24", "dct-48", "dct-64", "dct-192", "learned-24", "gate"} <= set(arms)
        assert arms.index("gate") < arms.index("learned-24")
        assert 0.6 <= protocol["floor"] < 1


@pytest.mark.parametrize(
    ("values", "base", "word"),
    [
        ([80.0, 81.0, 82.0], [70.0, 71.0, 72.0], "wins"),
        ([70.0, 71.0, 72.0], [80.0, 81.0, 82.0], "loses"),
        ([72.0, 73.0, 74.0], [70.0, 71.0, 72.0], "ties"),  # 2.0 apart, over a spread of 2.0
        ([80.0, 81.0, 82.0], [70.0, 71.0], "fewer than 3 seeds"),
        ([80.0, 81.0, 82.0], [60.0, 61.0, 62.0], "floor not reached"),
    ],
)
def test_verdicts(values, base, word):
    assert report.verdict(values, base, 65.0) == word


def test_floor(data):
    said = run([sys.executable, str(BENCHMARK / "floor.py"), str(data)])
    found = re.fullmatch(r"64 images to learn from, 21 to test: top-1 ([\d.]+)\n", said)
    assert float(found[1]) > 2 / len(CLASSES)


def test_gate_as_it_is_and_drawn(data, tmp_path):
    gate = ["--channels", "24", "--gate", "0.1", "--max-steps", "1"]
    train_classifier.main(arguments(data, tmp_path, *gate))
    command = [str(BENCHMARK / "gate_drawn.py"), str(data), str(tmp_path / "last.pt")]
    said = run([sys.executable, *command])
    # After one step every P(keep) is near the 0.87 of the start: all are open, and 24 x 0.87 when drawn.
    assert re.search(
        r"21 images: .*; open 24\.0 \(24 to 24\), drawn 20\.[789] of 24; .* 0\.8\d to 0\.8\d", said
    ), said


@pytest.mark.parametrize("kind", ["dct", "rgb"])
def test_step_time(data, tmp_path, kind):
    said = run([sys.executable, str(BENCHMARK / "step_time.py"), *arguments(data, tmp_path, "--input", kind)])
    shape, values = ("(24, 8, 8)", 24 * 64) if kind == "dct" else ("(3, 64, 64)", 3 * 64 * 64)
    assert f"batch of 16, {kind}, {shape} values an image, 0.0" in said
    assert f"bytes copied an image: {4 * values:,}" in said
    times = re.findall(r"^(load|copy|forward and backward) +([\d.]+) ms an image", said, re.MULTILINE)
    assert [name for name, _ in times] == ["load", "copy", "forward and backward"]
    assert float(times[2][1]) > 0
