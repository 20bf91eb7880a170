"""DCTCocoDetection against torchvision: its data set, and v2 transforms of boxes and masks after the same seed."""

from __future__ import annotations

import pytest
import scenes
import torch
from dctdecode import DCTCocoDetection
from dctdecode import transforms as ours

pytest.importorskip("torchvision", reason="torchvision is not installed")
datasets = pytest.importorskip("torchvision.datasets")
tv_tensors = pytest.importorskip("torchvision.tv_tensors")
v2 = pytest.importorskip("torchvision.transforms.v2")

NEAREST = v2.InterpolationMode.NEAREST_EXACT  # the px under the middle of each px, as ours

PAIRS = {
    "as it is": ([], []),
    "crop": ([ours.RandomCrop((96, 120))], [v2.RandomCrop((96, 120))]),
    "middle": ([ours.CenterCrop((128, 64))], [v2.CenterCrop((128, 64))]),
    "flips": (
        [ours.RandomHorizontalFlip(), ours.RandomVerticalFlip()],
        [v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()],
    ),
    "crop, flip": (
        [ours.RandomCrop((104, 80)), ours.RandomHorizontalFlip()],
        [v2.RandomCrop((104, 80)), v2.RandomHorizontalFlip()],
    ),
    "resize": ([ours.Resize(96, max_size=400)], [v2.Resize(96, max_size=400, interpolation=NEAREST)]),
    "larger": ([ours.Resize((320, 256))], [v2.Resize((320, 256), interpolation=NEAREST)]),
    "resize, crop": (
        [ours.Resize(120), ours.RandomCrop(88), ours.RandomHorizontalFlip()],
        [v2.Resize(120, interpolation=NEAREST), v2.RandomCrop(88), v2.RandomHorizontalFlip()],
    ),
    "resized crop": (
        [ours.RandomResizedCrop(64, scale=(0.2, 1.0)), ours.RandomHorizontalFlip()],
        [v2.RandomResizedCrop(64, scale=(0.2, 1.0), interpolation=NEAREST), v2.RandomHorizontalFlip()],
    ),
}


@pytest.fixture
def annotations(tmp_path):
    return scenes.write(tmp_path)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools
def test_what_the_file_says(annotations):
    """ids, targets before anything follows, and the masks that pycocotools makes of them."""
    theirs = datasets.CocoDetection(annotations.parent, annotations)
    found = DCTCocoDetection(annotations.parent, annotations, keep_crowd=True)
    assert found.ids == theirs.ids
    assert len(found) == len(theirs)
    image, raw = theirs[0]
    assert found._load_target(42) == raw
    _, target = found[0]
    assert target["size"] == (image.height, image.width)
    masks = [torch.from_numpy(theirs.coco.annToMask(annotation)) for annotation in raw]
    assert torch.equal(target["masks"], torch.stack(masks))
    wrapped = datasets.wrap_dataset_for_transforms_v2(theirs, target_keys=("boxes", "labels", "masks", "image_id"))
    _, expected = wrapped[0]
    for name in ("boxes", "labels", "masks"):
        assert torch.equal(target[name], torch.as_tensor(expected[name])), name
    assert target["image_id"] == expected["image_id"]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("enlarge", [1, 2])
@pytest.mark.parametrize("name", PAIRS)
def test_boxes_and_masks_after_the_same_seed(annotations, name, enlarge):
    mine, theirs = PAIRS[name]
    found = DCTCocoDetection(annotations.parent, annotations, ours.Compose(mine), channels=6, enlarge=enlarge)
    plain = DCTCocoDetection(annotations.parent, annotations, channels=6)[0][1]
    size = (scenes.HEIGHT, scenes.WIDTH)
    boxes = tv_tensors.BoundingBoxes(plain["boxes"], format="XYXY", canvas_size=size)
    masks = tv_tensors.Image(plain["masks"])  # resized with the filter that is asked for, where Mask has its own
    transform = v2.Compose([*theirs, v2.Identity()])
    dropped = 0
    for seed in range(10):
        torch.manual_seed(seed)
        expected_masks, expected_boxes = transform(masks, boxes)
        torch.manual_seed(seed)
        _, target = found[0]
        sides = expected_boxes[:, 2:] - expected_boxes[:, :2]
        kept = (sides >= 1).all(1)
        dropped += int((~kept).sum())
        assert target["size"] == tuple(expected_boxes.canvas_size)
        assert target["labels"].tolist() == plain["labels"][kept].tolist()
        torch.testing.assert_close(
            target["boxes"], expected_boxes[kept].as_subclass(torch.Tensor), rtol=1e-5, atol=1e-3
        )
        differing = (target["masks"] != expected_masks[kept].as_subclass(torch.Tensor)).float().mean()
        assert differing == 0 if "resize" not in name and name != "larger" else differing < 1e-3
    assert dropped > 0 or name in ("as it is", "flips", "resize", "larger")


def test_sanitizing_is_torchvisions(annotations):
    """Which boxes are left is decided as SanitizeBoundingBoxes does."""
    crop = (64, 64)
    found = DCTCocoDetection(annotations.parent, annotations, ours.CenterCrop(crop), channels=6, masks=False)
    plain = DCTCocoDetection(annotations.parent, annotations, channels=6, masks=False)[0][1]
    boxes = tv_tensors.BoundingBoxes(plain["boxes"], format="XYXY", canvas_size=(scenes.HEIGHT, scenes.WIDTH))
    image = tv_tensors.Image(torch.zeros(3, scenes.HEIGHT, scenes.WIDTH))
    cut = v2.CenterCrop(crop)({"image": image, "boxes": boxes, "labels": plain["labels"], "area": plain["area"]})
    expected = v2.SanitizeBoundingBoxes(min_size=1, labels_getter=lambda inputs: inputs["labels"])(cut)
    _, target = found[0]
    assert torch.equal(target["boxes"], expected["boxes"].as_subclass(torch.Tensor))
    assert torch.equal(target["labels"], expected["labels"])
