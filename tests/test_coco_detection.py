"""DCTCocoDetection: what it reads, and boxes and masks that follow the image."""

from __future__ import annotations

import json
import pickle
import sys

import dctdecode
import numpy as np
import pytest
import scenes
import torch
from dctdecode import DCTCocoDetection, transforms
from dctdecode.data import collate_lists, collate_padded
from dctdecode.data.coco_follow import follow_boxes, follow_masks
from dctdecode.geometry import Geometry
from PIL import Image
from torch.utils.data import DataLoader

HEIGHT, WIDTH = scenes.HEIGHT, scenes.WIDTH


@pytest.fixture
def annotations(tmp_path):
    return scenes.write(tmp_path)


def dataset(annotations, transform=None, **options) -> DCTCocoDetection:
    return DCTCocoDetection(annotations.parent, annotations, transform, **{"channels": 24, **options})


# --- As the file has it ----------------------------------------------------------------------------------------


def test_everything_as_it_is(annotations):
    """Polygons, run lengths and compressed run lengths: the same masks as the ones they were made of."""
    found = dataset(annotations, keep_crowd=True)
    coefficients, target = found[0]
    assert torch.equal(coefficients, dctdecode.read(annotations.parent / scenes.NAME, 24))
    expected = scenes.masks()
    assert target["masks"].dtype == torch.uint8
    assert np.array_equal(target["masks"].numpy(), np.stack(list(expected.values())))
    boxes = np.array([scenes.box_of(mask) for mask in expected.values()])
    boxes[:, 2:] += boxes[:, :2]
    assert np.array_equal(target["boxes"].numpy(), boxes.astype(np.float32))
    assert target["labels"].tolist() == [10, 20, 30, 40, 50]
    assert target["iscrowd"].tolist() == [0, 0, 0, 0, 1]
    assert target["area"].tolist() == [mask.sum() for mask in expected.values()]
    assert target["image_id"] == 42
    assert target["size"] == (HEIGHT, WIDTH)
    assert {name: value.dtype for name, value in target.items() if torch.is_tensor(value)} == {
        "boxes": torch.float32, "labels": torch.int64, "area": torch.float32, "iscrowd": torch.int64,
        "masks": torch.uint8,
    }  # fmt: skip


def test_crowds_are_left_out_by_default(annotations):
    _, target = dataset(annotations)[0]
    assert target["labels"].tolist() == [10, 20, 30, 40]
    assert len(target["masks"]) == len(target["boxes"]) == len(target["area"]) == len(target["iscrowd"]) == 4


def test_an_image_without_annotations(annotations):
    content = json.loads(annotations.read_text())
    content["annotations"] = []
    annotations.write_text(json.dumps(content))
    _, target = dataset(annotations)[0]
    shapes = {name: tuple(value.shape) for name, value in target.items() if torch.is_tensor(value)}
    assert shapes == {
        "boxes": (0, 4), "labels": (0,), "area": (0,), "iscrowd": (0,), "masks": (0, HEIGHT, WIDTH)
    }  # fmt: skip


def test_boxes_alone_need_no_pycocotools(annotations, monkeypatch):
    for name in ("pycocotools", "pycocotools.mask", "pycocotools.coco"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=r"masks=True needs pycocotools.*dctdecode\[coco\]"):
        dataset(annotations)
    found = dataset(annotations, masks=False)
    _, target = found[0]
    assert "masks" not in target
    assert len(target["boxes"]) == 4
    with pytest.raises(ModuleNotFoundError, match=r"dataset\.coco needs pycocotools"):
        _ = found.coco


def test_coco_is_the_file(annotations, capsys):
    coco = dataset(annotations).coco
    assert coco.getCatIds() == [10, 20, 30, 40, 50]
    assert [one["id"] for one in coco.imgToAnns[42]] == [1, 2, 3, 4, 5]
    assert capsys.readouterr().out == ""


# --- What follows the image ------------------------------------------------------------------------------------


def steps(*names):
    made = {
        "crop": transforms.RandomCrop((96, 120)),
        "pad": transforms.RandomCrop((200, 240), padding=60, padding_mode="edge"),
        "resize": transforms.Resize(96),
        "larger": transforms.Resize((320, 248)),
        "resized crop": transforms.RandomResizedCrop(128, scale=(0.6, 1.0)),
        "hflip": transforms.RandomHorizontalFlip(p=1),
        "vflip": transforms.RandomVerticalFlip(p=1),
        "blur": transforms.GaussianBlur(3, 0.5),
    }
    return transforms.Compose([made[name] for name in names]) if names else None


CHAINS = [
    (), ("hflip",), ("vflip",), ("hflip", "vflip"), ("crop",), ("pad",), ("pad", "hflip"), ("resize",),
    ("resize", "hflip", "vflip"), ("larger", "vflip"), ("resized crop", "hflip"), ("hflip", "resized crop"),
    ("resize", "pad", "hflip"), ("crop", "larger", "hflip"), ("hflip", "blur"), ("resize", "hflip", "blur"),
]  # fmt: skip


@pytest.mark.parametrize("enlarge", [1, 2, 3])
@pytest.mark.parametrize("chain", CHAINS, ids=" ".join)
def test_the_bright_square_is_where_its_box_and_mask_are(annotations, chain, enlarge):
    """Seen in the pixels that the coefficients stand for."""
    found = dataset(annotations, steps(*chain), enlarge=enlarge, channels=192)
    for seed in range(3):
        torch.manual_seed(seed)
        coefficients, target = found[0]
        height, width = target["size"]
        grid = tuple(-(-side * enlarge // 8) for side in (height, width))
        assert tuple(coefficients.shape[1:]) == grid, "no more than fills up the last blocks"
        (place,) = (target["labels"] == 10).nonzero().flatten()
        seen = dctdecode.preview(coefficients, 192)[1].float()[: height * enlarge, : width * enlarge] > 130
        rows, columns = seen.any(1).nonzero(), seen.any(0).nonzero()
        # The edge of a square that is cut off repeats; then it ends where the image does, which the mask knows.
        if "pad" not in chain:
            box = torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / enlarge
            torch.testing.assert_close(target["boxes"][place], box, rtol=0, atol=1.01)
        small = seen.float()[None, None]
        small = torch.nn.functional.interpolate(small, (height, width), mode="area")[0, 0] > 0.5
        mask = target["masks"][place].bool()
        both = (small & mask).sum() / (small | mask).sum()
        assert both > 0.9, f"seed {seed}: {float(both)}"


@pytest.mark.parametrize("steps", [("crop", "crop", "hflip", "vflip"), ("pad", "hflip", "vflip", "pad")])
@pytest.mark.parametrize("seed", range(15))
def test_masks_against_numpy_step_by_step(seed, steps):
    """Crops, padding and flips, one after the other on the array itself."""
    random = np.random.default_rng(seed)
    mask = (random.random((HEIGHT, WIDTH)) < 0.5).astype(np.uint8)
    array, geometry = mask, Geometry.of(HEIGHT, WIDTH)
    for step in random.permutation(steps):
        height, width = array.shape
        left, top, right, bottom = random.integers(0, 30, 4)
        if step == "hflip":
            array, geometry = array[:, ::-1], geometry.hflip()
        elif step == "vflip":
            array, geometry = array[::-1], geometry.vflip()
        elif step == "pad":
            geometry = geometry.crop(-top, -left, height + top + bottom, width + left + right)
            array = np.pad(array, ((top, bottom), (left, right)))
        else:
            array = array[top : height - bottom, left : width - right]
            geometry = geometry.crop(top, left, *array.shape)
    assert np.array_equal(follow_masks(torch.from_numpy(mask)[None], geometry)[0].numpy(), array)


@pytest.mark.parametrize("seed", range(20))
def test_boxes_are_those_of_their_masks(seed):
    """A filled rectangle and its box, whatever happens to both."""
    random = np.random.default_rng(seed)
    top, left = random.integers(0, 100, 2)
    bottom, right = top + random.integers(8, 50), left + random.integers(8, 90)
    mask = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.uint8)
    mask[:, top:bottom, left:right] = 1
    geometry = Geometry.of(HEIGHT, WIDTH).crop(20, 30, 120, 150).resize(*random.integers(40, 400, 2).tolist())
    geometry = geometry.hflip() if seed % 2 else geometry.vflip()
    (box,) = follow_boxes(torch.tensor([[left, top, right, bottom]], dtype=torch.float64), geometry)
    rows, columns = np.nonzero(follow_masks(mask, geometry)[0].numpy())
    if len(rows) == 0:
        assert (box[2:] - box[:2]).min() < 1
        return
    tight = torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    torch.testing.assert_close(box, tight.double(), rtol=0, atol=0.5 + 1e-9)


def test_what_a_crop_cuts_off_is_dropped_with_all_that_belongs_to_it(annotations):
    """The crop keeps parts of three annotations; the third is outside."""
    crop = transforms.Compose([transforms.CenterCrop((80, 96)), transforms.Resize((40, 48))])
    _, target = dataset(annotations, crop)[0]
    assert target["labels"].tolist() == [10, 20, 40]
    assert len(target["masks"]) == len(target["area"]) == len(target["iscrowd"]) == 3
    top, left = round((HEIGHT - 80) / 2), round((WIDTH - 96) / 2)
    expected = np.array([60 - left, 40 - top, 130 - left, 90 - top]).clip(0, [96, 80, 96, 80]) / 2
    assert target["boxes"][0].tolist() == expected.tolist()
    share = np.prod(expected[2:] - expected[:2]) * 4 / (70 * 50)
    assert target["area"][0] == pytest.approx(70 * 50 / 4 * share)


@pytest.mark.parametrize(("min_side_px", "kept"), [(0.0, 2), (1.0, 1), (3.0, 0)])
def test_slivers(annotations, min_side_px, kept):
    """Half a px of one box and 2 px of another are inside the crop; a third ends at its edge, a fourth is none."""
    content = json.loads(annotations.read_text())
    middle = transforms.CenterCrop((152, 184))  # begins at column 10 of 203
    boxes = [[0, 0, 10.5, 40], [0, 0, 12, 40], [0, 0, 10, 40], [150, 100, 0, 10]]
    for annotation, box in zip(content["annotations"], boxes, strict=False):
        annotation["bbox"] = box
    annotations.write_text(json.dumps(content))
    assert len(dataset(annotations, middle, min_side_px=min_side_px)[0][1]["boxes"]) == kept


def test_orientation(annotations):
    """Annotations are those of the image as orientation has it."""
    path = annotations.parent / scenes.NAME
    image = Image.open(path)
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned clockwise
    image.save(path, quality=95, subsampling=0, exif=exif)
    assert dataset(annotations)[0][1]["size"] == (HEIGHT, WIDTH)
    with pytest.raises(ValueError, match=f"annotated as {HEIGHT} x {WIDTH} px, but has {WIDTH} x {HEIGHT} px"):
        dataset(annotations, orientation="apply")[0]


# --- Around it -------------------------------------------------------------------------------------------------


def test_transforms_on_the_tensor_and_callables(annotations):
    plain, _ = dataset(annotations)[0]
    changed, target = dataset(annotations, transforms.Grayscale(), target_transform=lambda target: target["size"])[
        0
    ]
    assert torch.equal(changed[:16], plain[:16])
    assert not changed[16:].any()
    assert target == (HEIGHT, WIDTH)
    doubled, _ = dataset(annotations, lambda tensor: 2 * tensor)[0]
    assert torch.equal(doubled, 2 * plain)
    pair = dataset(annotations, transforms=lambda tensor, target: (tensor.shape, len(target["boxes"])))[0]
    assert pair == (plain.shape, 4)


def test_what_is_refused(annotations, tmp_path):
    with pytest.raises(
        ValueError, match="Only transforms or transform/target_transform can be passed as argument"
    ):
        dataset(annotations, steps("crop"), transforms=lambda *pair: pair)
    with pytest.raises(TypeError, match="pass Compose as transform="):
        dataset(annotations, transforms=steps("crop"))
    with pytest.raises(ValueError, match="enlarge must be a whole number from 1, got 0"):
        dataset(annotations, enlarge=0)
    with pytest.raises(ValueError, match="min_side_px"):
        dataset(annotations, min_side_px=-1)
    with pytest.raises(ValueError, match="no preset"):
        dataset(annotations, channels=7)
    with pytest.raises(ValueError, match="Index must be of type integer"):
        dataset(annotations)["0"]
    (tmp_path / "empty.json").write_text("[]")
    with pytest.raises(ValueError, match=r"empty\.json: no annotations in COCO's form"):
        DCTCocoDetection(tmp_path, tmp_path / "empty.json")
    with pytest.raises(FileNotFoundError):
        DCTCocoDetection(tmp_path, tmp_path / "none.json")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"segmentation": None}, "annotation 1 has no segmentation"),
        ({"segmentation": {"size": [3, 4], "counts": [12]}}, "annotation 1 has a mask of 3 x 4 px"),
    ],
)
def test_masks_that_cannot_be(annotations, change, says):
    content = json.loads(annotations.read_text())
    content["annotations"][0].update(change)
    annotations.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=says):
        dataset(annotations)[0]
    assert len(dataset(annotations, masks=False)[0][1]["boxes"]) == 4


def test_a_file_that_cannot_be_read_is_named(annotations):
    (annotations.parent / scenes.NAME).write_bytes(b"\xff\xd8 and no more")
    with pytest.raises(dctdecode.errors.DctDecodeError, match=scenes.NAME):
        dataset(annotations)[0]


def test_pickled_it_is_the_same(annotations):
    found = dataset(annotations, steps("resize", "hflip"), enlarge=2)
    again = pickle.loads(pickle.dumps(found))
    (first, target), (second, other) = found[0], again[0]
    assert torch.equal(first, second)
    assert target.keys() == other.keys()
    assert torch.equal(target["masks"], other["masks"])
    assert repr(found) == repr(again)
    assert repr(found).splitlines()[:2] == ["Dataset DCTCocoDetection", "    Number of datapoints: 1"]


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_of_several_sizes(annotations, workers):
    content = json.loads(annotations.read_text())
    Image.new("RGB", (64, 48)).save(annotations.parent / "small.jpg")
    content["images"].append({"id": 7, "file_name": "small.jpg", "height": 48, "width": 64})
    annotations.write_text(json.dumps(content))
    found = dataset(annotations)
    assert found.ids == [7, 42]
    expected = [found[0][0], found[1][0]]
    options = {"batch_size": 2, "num_workers": workers, "multiprocessing_context": "spawn" if workers else None}
    ((images, targets),) = DataLoader(found, collate_fn=collate_lists, **options)
    assert all(map(torch.equal, images, expected))
    assert [target["image_id"] for target in targets] == [7, 42]
    ((padded, mask, targets),) = DataLoader(found, collate_fn=collate_padded, **options)
    assert padded.shape == (2, 24, 20, 26)
    assert mask.shape == (2, 20, 26)
    for row, inside, image in zip(padded, mask, expected, strict=True):
        assert torch.equal(row[:, inside].reshape(image.shape), image)
        assert not row[:, ~inside].any()
    assert [len(target["boxes"]) for target in targets] == [0, 4]
