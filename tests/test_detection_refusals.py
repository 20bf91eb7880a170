"""Detectors: options, images, sizes and targets that do not fit are refused with a reason."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("torchvision", reason="torchvision is not installed")

from detectors import small, targets


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"block_px: expected 4 .* got 2"):
        small(block_px=2)
    with pytest.raises(ValueError, match="anchor_sizes: expected one for each of the 5 maps"):
        small(anchor_sizes=(32, 64))
    with pytest.raises(ValueError, match="put the gate in front of the maps"):
        small(gate=True)
    with pytest.raises(ValueError, match="anchor_sizes: expected one for each of the 5 maps, got 32"):
        small(anchor_sizes=32)
    model = small()
    image = torch.zeros(24, 24, 32)
    with pytest.raises(ValueError, match="a detector in training needs targets"):
        model([image])
    model.eval()
    with pytest.raises(TypeError, match=r"expected images as tensors .* got ndarray"):
        model([image.numpy()])
    for images in ([], [image[0]], [image, image[:3]]):
        with pytest.raises(ValueError, match="expected images"):
            model(images)
    for sizes in ([(97, 128)], [(96, 0)]):
        with pytest.raises(ValueError, match="does not lie on a grid"):
            model([image], sizes=sizes)
    with pytest.raises(ValueError, match="2 sizes for 1 images"):
        model([image], sizes=[(96, 128)] * 2)
    with pytest.raises(ValueError, match=r"sizes: expected \(height, width\) of each image, got \[96\]"):
        model([image], sizes=[96])
    with pytest.raises(ValueError, match="2 source_sizes for 1 images"):
        model([image], source_sizes=[(96, 128)] * 2)
    with pytest.raises(ValueError, match=r"source_sizes: \(0, 128\) .* has no area"):
        model([image], source_sizes=[(0, 128)])


@pytest.mark.parametrize("name", ["fasterrcnn_resnet18_fpn", "maskrcnn_resnet18_fpn"])
@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("box_score_tresh", "a detector has no option 'box_score_tresh'; there are, .*box_score_thresh"),
        ("stage2_stride", "a detector has no option 'stage2_stride'"),
        ("min_size", "min_size is set here: images come resized"),
        ("image_mean", "image_mean is set here"),
        ("rpn_anchor_generator", "rpn_anchor_generator is set here"),
    ],
)
def test_options_that_would_do_nothing_are_refused(name, option, says):
    """torchvision's detectors swallow what they do not know."""
    with pytest.raises(TypeError, match=says):
        small(name, **{option: 1})


NAN = float("nan")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"boxes": torch.tensor([[20.0, 10, 80, 50], [60, 30, 60, 90]])}, r"box \[60.0, .* has no area"),
        (
            {"boxes": torch.tensor([[20.0, 10, NAN, 50], [60, 30, 120, 90]])},
            r"box \[20.0, .* has no area, or is not finite",
        ),
        (
            {"boxes": torch.tensor([[20, 10, 80, 50], [60, 30, 120, 90]])},
            "expected boxes, float .* got torch.int64",
        ),
        ({"labels": torch.tensor([1])}, "2 boxes and 1 labels"),
        ({"masks": torch.zeros(1, 96, 128, dtype=torch.uint8)}, "2 boxes and 1 masks"),
        (
            {"masks": torch.zeros(2, 128, 96, dtype=torch.uint8)},
            r"masks are \(128, 96\) px, the image is \(96, 128\)",
        ),
        ({"labels": None}, "lacks 'labels'; there are 'boxes', 'masks'"),
    ],
)
def test_targets_that_do_not_fit(change, says):
    changed = {**targets()[0], **change}
    target = {name: value for name, value in changed.items() if value is not None}
    with pytest.raises(ValueError, match=f"target 1: {says}"):
        small()([torch.zeros(24, 24, 32)] * 2, [targets()[0], target])


def test_as_many_targets_as_images():
    image = torch.zeros(24, 24, 32)
    for given, says in (([], "got 0"), (targets() * 2, "got 2"), (targets()[0], "got a dict")):
        with pytest.raises(ValueError, match=f"expected one target for each of 1 images, {says}"):
            small()([image], given)


def test_masks_are_of_the_size_that_was_told():
    """What fills up the last blocks has no masks; where the true size was told, masks are of that size."""
    image, target = torch.zeros(24, 24, 32), targets((94, 127))
    assert small()([image], target)["loss_mask"].isfinite()
    assert small()([image], target, sizes=[(94, 127)])["loss_mask"].isfinite()
    for sizes in ({"sizes": [(95, 127)]}, {"source_sizes": [(188, 254)]}):
        with pytest.raises(ValueError, match=r"masks are \(94, 127\) px, the image is"):
            small()([image], target, **sizes)
