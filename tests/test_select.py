"""dctdecode select: from a gate's checkpoint to a file for channels=."""

from __future__ import annotations

import importlib.util
import json
import sys

import dctdecode
import pytest
import torch
from dctdecode.channels import as_channel_set
from dctdecode.cli import main
from dctdecode.commands.select import _draw, _zigzag
from dctdecode.models import FrequencyGate, Ranking


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


@pytest.fixture
def preset(checkpoint, tmp_path):
    path = tmp_path / "mine.json"
    assert main(["select", str(checkpoint), "-n", "2", "-o", str(path), "--no-picture"]) == 0
    return path


@pytest.fixture
def tree(tmp_path):
    """Two classes of two images of noise each."""
    draw = torch.Generator().manual_seed(0)
    for index in range(4):
        path = tmp_path / "train" / f"class{index % 2}" / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = torch.randint(0, 256, (3, 32, 48), dtype=torch.uint8, generator=draw)
        path.write_bytes(dctdecode.encode(pixels, 192, subsampling="4:4:4"))
    return tmp_path / "train"


def test_stats_prune_and_data_sets_take_the_file(preset, tree, tmp_path, capsys):
    """The whole way: measure the two channels, keep no others in the files, and read them normalised."""
    flat = list(as_channel_set(preset))
    assert flat == [5, 70]
    measured = tmp_path / "measured.json"
    assert main(["stats", str(tree), "--native", "--channels", str(preset), "-o", str(measured)]) == 0
    assert json.loads(measured.read_text("utf-8"))["channels"] == flat
    pruned = tmp_path / "pruned"
    assert main(["prune", str(tree), str(pruned), "--channels", str(preset)]) == 0
    for path in tree.rglob("*.jpg"):
        small = pruned / path.relative_to(tree)
        assert small.stat().st_size < path.stat().st_size
        assert torch.equal(dctdecode.read(small, preset), dctdecode.read(path, flat))
    dataset = dctdecode.DCTImageFolder(pruned, channels=preset, normalize=measured)
    values = torch.stack([image for image, _ in dataset])
    assert values.shape == (4, 2, 4, 6)
    assert values.mean((0, 2, 3)).abs().max() < 1e-5
    assert (values.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-5


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision is not installed")
def test_models_take_the_file(preset):
    import torchvision
    from dctdecode.models import adapt_stem, create_model

    for model in (
        create_model("resnet18", preset, num_classes=3, width=0.25),
        adapt_stem(torchvision.models.resnet18(num_classes=3), preset),
    ):
        assert model.eval()(torch.zeros(1, 2, 28, 28)).shape == (1, 3)
        with pytest.raises(RuntimeError, match="2 channels"):
            model(torch.zeros(1, 3, 28, 28))


def test_the_order_of_the_numbers_is_that_of_a_jpeg_file():
    """The first dozen and the last, from the standard's figure; each place once."""
    order = [8 * v + u for v, u in _zigzag()]
    assert order[:12] == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25]
    assert order[-3:] == [55, 62, 63]
    assert sorted(order) == list(range(64))


def test_the_picture_frames_what_is_taken():
    """Three maps; two lines around each of the taken; a number in every cell, gray without a channel."""
    from matplotlib.patches import Rectangle

    ranking = Ranking((64, 65, 67), (0.9, 0.6, 0.2))
    figure = _draw(ranking, ranking.best(2))
    maps = figure.axes[:3]
    assert [axes.get_title() for axes in maps] == ["Y", "Cb", "Cr"]
    assert [sum(isinstance(patch, Rectangle) for patch in axes.patches) for axes in maps] == [0, 4, 0]
    assert {tuple(patch.get_center().round().astype(int)) for patch in maps[1].patches} == {(0, 0), (1, 0)}
    numbers = {text.get_position(): text for text in maps[1].texts}
    assert len(numbers) == 64
    assert numbers[3, 0].get_text() == "6"
    assert [numbers[u, 0].get_color() for u in range(4)] == ["black", "white", "gray", "white"]
    values = maps[1].images[0].get_array()
    assert values[0, :2].tolist() == [0.9, 0.6]
    assert values.mask.sum() == 61


def test_without_matplotlib_nothing_is_written(checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["select", str(checkpoint), "-o", str(tmp_path / "mine.json")]) == 1
    assert "--no-picture" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["best.pt"]


def test_gates_of_parallel_training_and_of_averaged_weights(tmp_path, capsys):
    """The averaged one counts; a name that merely contains its letters does not make one."""
    states = []
    for value in (0.6, 0.7, 0.9):
        gate = FrequencyGate(6)
        gate.keep_probability.fill_(value)
        states.append({f"module.gate.{key}": tensor for key, tensor in gate.state_dict().items()})
    for names, expected in ((("model", "schema", "model_ema"), "0.900"), (("model", "schema", "other"), "0.600")):
        torch.save(dict(zip(names, states, strict=True)), tmp_path / "a.pt")
        assert main(["select", str(tmp_path / "a.pt"), "--no-picture", "-o", str(tmp_path / "a.json")]) == 0
        assert capsys.readouterr().out.splitlines()[1].endswith(expected)


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
        (b"", [], "the file is empty or cut off"),
        (torch.nn.Identity(), [], "save model.state_dict() instead of the model"),
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
