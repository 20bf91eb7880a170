"""examples/train_detector.py: runs, goes on where it stopped, counts as pycocotools does; VOC's annotations."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import scenes
import torch
from PIL import Image

torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")
pytest.importorskip("torchvision.ops", reason="torchvision cannot be imported")

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
sys.path.insert(0, str(EXAMPLES))

import train_detector  # noqa: E402
from dctdecode import DCTCocoDetection  # noqa: E402
from detection import voc  # noqa: E402
from detection.data import make_dataset  # noqa: E402
from detection.evaluation import average_precision, detect  # noqa: E402
from detection.options import parse  # noqa: E402
from detection.training import describe  # noqa: E402

QUICK = [
    "--size=96", "--max-size=160", "--width=0.25", "--pyramid-maps=16", "--norm=group", "--proposals=50",
    "--regions=16", "--batch-size=2", "--optimizer=adamw", "--lr=0.001", "--no-progress", "--device=cpu",
    "--anchors", "16", "32", "64", "128", "256",
]  # fmt: skip


@pytest.fixture
def annotations(tmp_path):
    """Three images, all the same but for their sizes in the file of annotations' eyes."""
    path = scenes.write(tmp_path)
    content = json.loads(path.read_text())
    for number in (43, 44):
        content["images"].append({**content["images"][0], "id": number})
        content["annotations"] += [
            {**one, "id": one["id"] + 10 * number, "image_id": number}
            for one in content["annotations"]
            if one["image_id"] == 42
        ]
    path.write_text(json.dumps(content))
    return path


def run(annotations, output, *more):
    return train_detector.main([str(annotations.parent), str(annotations), *QUICK, "--output", str(output), *more])


@pytest.mark.parametrize(
    ("model", "reads"), [("maskrcnn_resnet18_fpn", "dct"), ("fasterrcnn_resnet18_fpn", "rgb")]
)
def test_it_learns_something(annotations, tmp_path, model, reads):
    row = run(annotations, tmp_path / "run", "--model", model, "--input", reads, "--epochs", "3",
              "--evaluate-epochs", "3")  # fmt: skip
    log = (tmp_path / "run" / "log.csv").read_text().splitlines()
    assert len(log) == 4
    losses = [float(line.split(",")[2]) for line in log[1:]]
    assert losses[-1] < 0.9 * losses[0]
    assert 0 <= row["box AP"] <= 1
    evaluated = run(annotations, tmp_path, "--evaluate", str(tmp_path / "run" / "last.pt"))
    assert {name: row[name] for name in evaluated} == evaluated


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--input", "rgb"], "44.455 M parameters, 201.6 GMAC"),
        (["--channels", "24"], "44.432 M parameters, 198.2 GMAC"),
        (["--channels", "24", "--block-px", "8"], "44.432 M parameters, 51.55 GMAC"),
    ],
)
def test_size_and_arithmetic_are_told(annotations, arguments, says):
    """Those of docs/results-detection.md, of 800 x 1344 px there; on blocks of 8 px these are 832 x 1344."""
    options = parse([str(annotations.parent), str(annotations), *arguments, "--classes", "91"])
    assert describe(options).startswith(f"maskrcnn_resnet50_fpn: {says} before the heads")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "resnet50"], "argument --model: invalid choice: 'resnet50'"),
        (["--channels", "25"], "argument --channels: channels: no preset 25"),
        (["--channels", "none.json"], "argument --channels: .*No such file.*none.json"),
        (["--body", "none.pth"], "there is no file none.pth"),
        (["--evaluate", "none.pt"], "there is no file none.pt"),
        (["--val-annotations", "none.json"], "there is no file none.json"),
    ],
)
def test_what_is_not_there_is_told_in_a_line(annotations, arguments, says, capsys):
    with pytest.raises(SystemExit):
        parse([str(annotations.parent), str(annotations), *arguments])
    assert re.search(says, capsys.readouterr().err)


def test_a_resumed_run_ends_with_the_same_weights(annotations, tmp_path):
    arguments = ["--model", "maskrcnn_resnet18_fpn", "--limit", "2", "--epochs", "2", "--evaluate-epochs", "2"]
    run(annotations, tmp_path / "whole", *arguments)
    run(annotations, tmp_path / "parts", *arguments, "--stop-epoch", "1")
    run(annotations, tmp_path / "parts", *arguments, "--resume")
    whole, parts = (torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("whole", "parts"))
    assert whole["epoch"] == parts["epoch"] == 2
    for name, tensor in whole["model"].items():
        assert torch.equal(tensor, parts["model"][name]), name


def test_pixels_are_those_of_the_same_geometry(annotations):
    """A flipped and resized image and its boxes, once as coefficients and once as pixels."""
    arguments = [str(annotations.parent), str(annotations), "--size", "96", "--flip", "1"]
    dct, rgb = (make_dataset(parse([*arguments, "--input", name]), train=True) for name in ("dct", "rgb"))
    (coefficients, target), (pixels, other) = dct[0], rgb[0]
    assert all(torch.equal(target[name], other[name]) for name in ("boxes", "labels", "masks"))
    height, width = target["size"]
    assert pixels.shape == (3, height, width)
    assert coefficients.shape == (24, -(-height // 4), -(-width // 4))
    mean = torch.nn.functional.avg_pool2d(pixels.mean(0)[None], 4, ceil_mode=True)[0]
    together = torch.stack([coefficients[0].flatten(), mean.flatten()])
    assert torch.corrcoef(together)[0, 1] > 0.99


class Oracle(torch.nn.Module):
    """Knows the annotations, and answers in px of the files as a detector does."""

    def __init__(self, dataset: DCTCocoDetection) -> None:
        super().__init__()
        self.targets = [dataset[place][1] for place in range(len(dataset))]

    def forward(self, images, sizes, source_sizes):
        assert source_sizes == [(scenes.HEIGHT, scenes.WIDTH)] * len(images)
        return [
            {
                "boxes": target["boxes"],
                "labels": target["labels"],
                "scores": torch.ones(len(target["labels"])),
                "masks": target["masks"][:, None].float(),
            }
            for target in self.targets[: len(images)]
        ]


def test_a_detector_that_is_right_has_a_precision_of_1(annotations):
    dataset = DCTCocoDetection(annotations.parent, annotations, channels=6)
    images, targets = zip(*(dataset[place] for place in range(3)), strict=True)
    results = detect(Oracle(dataset), list(images), list(targets), dataset)
    row = average_precision(dataset, results)
    assert row["box AP"] == row["mask AP"] == pytest.approx(1)
    moved = [{**one, "bbox": np.add(one["bbox"], [300, 0, 0, 0]).tolist()} for one in results]
    row = average_precision(dataset, moved)
    assert row["box AP"] == 0
    assert row["mask AP"] == pytest.approx(1)
    assert average_precision(dataset, [])["box AP"] == 0


def test_which_images_are_taken(annotations):
    content = json.loads(annotations.read_text())
    content["images"].append({**content["images"][0], "id": 7})
    content["annotations"][0]["area"] = 9.0
    annotations.write_text(json.dumps(content))
    arguments = [str(annotations.parent), str(annotations)]
    assert make_dataset(parse(arguments), train=True).ids == [42, 43, 44]
    assert make_dataset(parse(arguments), train=False).ids == [7, 42, 43, 44]
    assert make_dataset(parse([*arguments, "--limit", "2"]), train=True).ids == [42, 43]
    assert make_dataset(parse([*arguments, "--min-object-px", "4"]), train=True).ids == [43, 44]


def test_voc(tmp_path):
    things = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin><xmax>{box[2]}</xmax>"
        f"<ymax>{box[3]}</ymax></bndbox></object>"
        for name, box in (("dog", (1, 1, 10, 20)), ("cat", (5, 6, 70, 40)), ("dog", (30, 30, 29, 40)))
    )
    (tmp_path / "a.xml").write_text(
        f"<annotation><filename>a.jpg</filename><size><width>64</width><height>48</height></size>{things}</annotation>"
    )
    (tmp_path / "split.txt").write_text("a\n")
    output = tmp_path / "boxes.json"
    voc.main([str(tmp_path), "--split", str(tmp_path / "split.txt"), "--output", str(output)])
    content = json.loads(output.read_text())
    assert content["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    found = [(one["category_id"], one["bbox"], one["area"]) for one in content["annotations"]]
    assert found == [(2, [0, 0, 10, 20], 200), (1, [4, 5, 60, 35], 2100)]
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg")
    _, target = DCTCocoDetection(tmp_path, output, channels=6, masks=False)[0]
    assert target["boxes"].tolist() == [[0, 0, 10, 20], [4, 5, 64, 40]]
