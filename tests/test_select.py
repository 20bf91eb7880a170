"""dctdecode select: from a gate's checkpoint to a file for channels=."""

from __future__ import annotations

import dctdecode
import pytest
import torch
from dctdecode.cli import main
from dctdecode.models import FrequencyGate


@pytest.fixture
def checkpoint(tmp_path):
    """A gate of 192 channels that keeps 5, 70 and 130 most often, in this order, inside a training checkpoint."""
    gate = FrequencyGate(192)
    gate.keep_probability.fill_(0.1)
    for index, value in ((5, 0.9), (70, 0.8), (130, 0.7)):
        gate.keep_probability[index] = value
    path = tmp_path / "best.pt"
    torch.save({"epoch": 3, "model": {f"gate.{k}": v for k, v in gate.state_dict().items()}}, path)
    return path


@pytest.mark.parametrize("number", [None, 1, 2, 3])
def test_the_file_is_one_for_channels(checkpoint, tmp_path, number, capsys):
    preset = tmp_path / "mine.json"
    assert (
        main(["select", str(checkpoint), "-o", str(preset), *([] if number is None else ["-n", str(number)])]) == 0
    )
    expected = [5, 70, 130][: number or 3]
    jpeg = dctdecode.encode(torch.zeros(3, 16, 24, dtype=torch.uint8), 192)
    assert torch.equal(dctdecode.read(jpeg, preset), dctdecode.read(jpeg, expected))
    assert preset.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert [line.split()[1] for line in lines[1:4]] == ["5", "70", "130"]
    assert lines[1].split()[2:] == ["Y", "0", "5", "0.900"]
    assert f"taken: {len(expected)} of 192" in printed


def test_no_picture(checkpoint, tmp_path):
    assert main(["select", str(checkpoint), "-n", "2", "-o", str(tmp_path / "a.json"), "--no-picture"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "best.pt"]


def test_the_name_comes_from_the_checkpoint(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["select", "best.pt"]) == 0
    assert {"best-channels.json", "best-channels.png"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        (None, [], "No such file"),
        (b"not a checkpoint", [], "no checkpoint of tensors"),
        (torch.zeros(3), [], "holds a Tensor, not a state dict"),
        ({"weight": torch.zeros(3)}, [], "holds no gate"),
        ("gate", ["-n", "0"], "expected 1 to 192 channels, got 0"),
        ("gate", ["-n", "193"], "expected 1 to 192 channels, got 193"),
        ("gate", [], "say how many to take"),
        ("gate", ["-n", "2", "-o", "preset.txt"], "ends in .json"),
        ("gate", ["-n", "2", "-o", "missing/preset.json"], "cannot write"),
    ],
)
def test_errors_say_what_is_wrong(content, arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        gate = FrequencyGate(192)
        gate.keep_probability.fill_(0.1)
        torch.save(gate.state_dict() if isinstance(content, str) else content, path)
    assert main(["select", "a.pt", *arguments]) != 0
    assert says in capsys.readouterr().err
    assert [file for file in tmp_path.iterdir() if file != path] == []
