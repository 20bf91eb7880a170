"""Detectors: boxes and masks in pixels as torchvision has them, names and weights, what they take."""

from __future__ import annotations

import copy
import io
import math
import pickle
from collections import OrderedDict

import dctdecode
import numpy as np
import pytest
import torch
from dctdecode import models
from PIL import Image
from torch import nn

torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")
from dctdecode.models.detection_grid import GridAnchors, GridRoIAlign, GridTransform, Lattice  # noqa: E402
from dctdecode.models.registry import DETECTORS  # noqa: E402
from detectors import FEW, small, targets  # noqa: E402
from torchvision.models import detection as theirs  # noqa: E402
from torchvision.models.detection.anchor_utils import AnchorGenerator  # noqa: E402
from torchvision.models.detection.image_list import ImageList  # noqa: E402

PIXELS, TWOFOLD, NATIVE = Lattice(1, 4), Lattice(4, 4), Lattice(8, 8)

# --- A square at a known place ---------------------------------------------------------------------------------


class Brightness(nn.Module):
    """In place of the backbone: maps of the brightness, 0 to 1, where a ResNet's strided convolutions look."""

    out_channels = 1

    def __init__(self, lattice: Lattice) -> None:
        super().__init__()
        self.lattice = lattice

    def forward(self, x):
        # Around every fourth px, as the 7 x 7 convolution and the pooling of a stem; or the blocks themselves.
        first = nn.functional.avg_pool2d(x, 7, 4, 3, count_include_pad=False) if self.lattice == PIXELS else x
        maps = [first]
        for _ in range(4):
            maps.append(nn.functional.avg_pool2d(maps[-1], 3, 2, 1, count_include_pad=False))
        return OrderedDict(zip(("0", "1", "2", "3", "pool"), maps, strict=True))


class AnyAnchor(nn.Module):
    """In place of the proposals' head: every anchor of 128 px is as good as any other, and stays where it is."""

    def forward(self, maps):
        numbers = [(len(x), 3, *x.shape[2:]) for x in maps]
        logits = [torch.full(shape, 1.0 if level == 2 else -9.0) for level, shape in enumerate(numbers)]
        return logits, [torch.zeros(n, 12, height, width) for n, _, height, width in numbers]


class Centroid(nn.Module):
    """In place of box head and predictor: the box of what is bright, if dark surrounds it."""

    def forward(self, pooled):
        bright = pooled[:, 0]
        mass = 7 * bright.mean((1, 2)).clamp(min=1e-6)
        places = (torch.arange(7) + 0.5) / 7 - 0.5
        x, y = (bright.mean(axis) @ places / mass for axis in (1, 2))
        rows, columns = bright.mean(2), bright.mean(1)
        spread = [(line @ places.square() / mass - at**2) for line, at in ((columns, x), (rows, y))]
        # Side of a rectangle of that variance, without what the width of the bins adds to it.
        width, height = ((12 * each - 1 / 49).clamp(min=1e-6).sqrt() for each in spread)
        deltas = torch.stack([10 * x, 10 * y, 5 * width.log(), 5 * height.log()], 1)
        inside = bright[:, 1:-1, 1:-1].sum((1, 2))
        surrounded = (inside > 2) & (inside > 0.999 * bright.sum((1, 2)))
        # Best where it is in the middle, for there the bins cut the square as evenly as can be.
        score = torch.where(surrounded, 9 - 10 * (x.abs() + y.abs()), torch.tensor(-9.0))
        return torch.stack([torch.zeros_like(score), score], 1), deltas.repeat(1, 2)


class Threshold(nn.Module):
    def forward(self, pooled):
        logits = 20 * (pooled - 0.5)
        return torch.cat([torch.zeros_like(logits), logits], 1)


def finder(lattice: Lattice) -> nn.Module:
    """A detector of bright squares that never learned: everything about places is the real one."""
    channels = "rgb" if lattice == PIXELS else 24
    model = small(channels=channels, block_px=8 if lattice == NATIVE else 4, num_classes=2)
    model.backbone = Brightness(lattice)
    model.rpn.head = AnyAnchor()
    model.rpn.anchor_generator = GridAnchors(lattice, (32, 64, 128, 256, 512))
    model.rpn.nms_thresh = 1.0
    model.roi_heads.box_head, model.roi_heads.box_predictor = nn.Identity(), Centroid()
    model.roi_heads.mask_head, model.roi_heads.mask_predictor = nn.Identity(), Threshold()
    return model.eval()


def brightness(box: tuple[int, int, int, int], lattice: Lattice, size: tuple[int, int]) -> torch.Tensor:
    """(1, H, W), 0 to 1, of a JPEG with a bright square: its pixels, or the mean of each block."""
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0)
    if lattice == PIXELS:
        return torch.from_numpy(np.array(Image.open(file))).float().mean(2)[None] / 255
    height, width = size
    whole = None if lattice == NATIVE else (2 * height, 2 * width)
    return (dctdecode.read(file.getvalue(), [0], size=whole) / 8 + 128) / 255


@pytest.mark.parametrize("lattice", [PIXELS, TWOFOLD, NATIVE], ids=["pixels", "twofold", "native"])
def test_a_square_is_found_where_it_is(lattice):
    """In px of the image; half a px up and left, as in networks for pixels (RoIAlign before its correction)."""
    size, random = (256, 288), np.random.default_rng(0)
    corners = random.integers((90, 90), (160, 130), (12, 2))
    boxes = [(int(x), int(y), int(x) + 40, int(y) + 40) for x, y in corners]
    found = finder(lattice)([brightness(box, lattice, size) for box in boxes])
    best = torch.stack([result["boxes"][0] for result in found])
    errors = best - (torch.tensor(boxes) - 0.5)
    assert errors.abs().max() < 4, "each to about half the distance of values on the map it is pooled from"
    bias = (errors[:, :2] + errors[:, 2:]).mean(0) / 2
    assert bias.abs().max() < 0.5, f"on average {bias.tolist()} px right, down"
    for box, result in zip(boxes, found, strict=True):
        mask = result["masks"][0, 0] > 0.5
        assert mask.shape == size
        truth = torch.zeros(size, dtype=torch.bool)
        truth[box[1] : box[3], box[0] : box[2]] = True
        assert (mask & truth).sum() / (mask | truth).sum() > 0.75


def test_it_is_found_in_px_of_the_file():
    """The image was read at half its size in one direction; source_sizes says what the file has."""
    model = finder(TWOFOLD)
    image = brightness((100, 108, 140, 148), TWOFOLD, (256, 288))
    (plain,) = model([image])
    (found,) = model([image], source_sizes=[(256, 576)])
    scale = torch.tensor([2.0, 1, 2, 1])
    torch.testing.assert_close(found["boxes"], plain["boxes"] * scale)
    assert found["masks"].shape[1:] == (1, 256, 576)
    columns = (found["masks"][0, 0] > 0.5).any(0).nonzero().flatten()
    assert columns.min() == pytest.approx(200, abs=8)
    assert columns.max() == pytest.approx(280, abs=8)


# --- The parts against torchvision's -----------------------------------------------------------------------------


def test_for_pixels_it_is_torchvisions():
    """The same weights, the same image: the same detections."""
    options = {"num_classes": 5, "box_score_thresh": 0.0, **FEW}
    ours = models.create_model("maskrcnn_resnet18_fpn", "rgb", **options).eval()
    plain = {"image_mean": [0, 0, 0], "image_std": [1, 1, 1], "min_size": 128, "max_size": 192}
    backbone = theirs.backbone_utils.resnet_fpn_backbone(
        backbone_name="resnet18", weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
    )
    reference = theirs.MaskRCNN(backbone, **options, **plain).eval()
    reference.load_state_dict(ours.state_dict())
    image = torch.rand(3, 128, 192)
    with torch.no_grad():
        (found,), (expected,) = ours([image]), reference([image])
    assert len(found["boxes"]) == 5
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)


def test_anchors():
    maps = [torch.zeros(2, 1, 64 >> level, 96 >> level) for level in range(5)]
    sizes = (32, 64, 128, 256, 512)
    generator = AnchorGenerator(tuple((size,) for size in sizes), ((0.5, 1.0, 2.0),) * 5)
    expected = generator(ImageList(torch.zeros(2, 3, 256, 384), [(256, 384)] * 2), maps)
    for lattice, shift in ((PIXELS, 0.0), (TWOFOLD, 1.5)):
        found = GridAnchors(lattice, sizes)(ImageList(torch.zeros(0), [(256, 384)] * 2), maps)
        assert len(found) == 2
        assert torch.equal(found[0], expected[0] + shift)
    native = GridAnchors(NATIVE, sizes)(ImageList(torch.zeros(0), [(512, 768)]), [x.bfloat16() for x in maps])
    assert native[0].dtype == torch.float32
    centres = (native[0][:, :2] + native[0][:, 2:]) / 2
    assert centres[::3][:3].tolist() == [[3.5, 3.5], [11.5, 3.5], [19.5, 3.5]]


@pytest.mark.parametrize("lattice", [PIXELS, TWOFOLD, NATIVE], ids=["pixels", "twofold", "native"])
def test_pooling_reads_what_lies_there(lattice):
    """Maps whose values are the px that they look at: pooled, they say where the box is."""
    maps = OrderedDict()
    for level in range(4):
        stride = lattice.stride_px << level
        at = torch.arange(512 // stride) * stride + lattice.cell_px / 2  # middle of the px or block at its place
        maps[str(level)] = torch.stack(torch.meshgrid(at, at, indexing="ij"))[None]
    boxes = torch.tensor([[100.0, 60, 164, 124], [80, 90, 400, 410], [30, 40, 46, 56]])
    pooled = GridRoIAlign(lattice, 7)(maps, [boxes], [(512, 512)])
    middle = torch.stack([boxes[:, 1] + boxes[:, 3], boxes[:, 0] + boxes[:, 2]], 1) / 2
    torch.testing.assert_close(pooled.mean((2, 3)), middle + 0.5)  # + 0.5: as for pixels
    if lattice == PIXELS:
        reference = torchvision.ops.MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2)
        assert torch.equal(pooled, reference(maps, [boxes], [(512, 512)]))


@pytest.mark.parametrize("lattice", [PIXELS, TWOFOLD, NATIVE], ids=["pixels", "twofold", "native"])
def test_images_of_several_sizes_are_put_into_one_tensor(lattice):
    images = [torch.rand(2, 23, 31), torch.rand(2, 40, 9)]
    batch = GridTransform(lattice)(images)
    divisor = {PIXELS: 32, TWOFOLD: 8, NATIVE: 8}[lattice]
    height, width = (math.ceil(side / divisor) * divisor for side in (40, 31))
    assert batch.tensors.shape == (2, 2, height, width)
    for row, image in zip(batch.tensors, images, strict=True):
        assert torch.equal(row[:, : image.shape[1], : image.shape[2]], image)
        assert row.count_nonzero() == image.count_nonzero()
    cell = lattice.cell_px
    assert batch.image_sizes == [(23 * cell, 31 * cell), (40 * cell, 9 * cell)]
    sizes = [(22 * cell + 1, 31 * cell), (40 * cell, 8 * cell + 1)]
    assert GridTransform(lattice)(images, sizes).image_sizes == sizes


def test_targets_are_counted_in_source_px():
    transform = GridTransform(TWOFOLD)
    (given,) = targets((96, 128))
    before = copy.deepcopy(given)
    (changed,) = transform.targets([given], [(48, 256)], [(96, 128)])
    assert torch.equal(changed["boxes"], given["boxes"] * torch.tensor([2.0, 0.5, 2.0, 0.5]))
    assert torch.equal(changed["masks"], given["masks"][:, ::2].repeat_interleave(2, 2)[:, :, :])
    assert all(torch.equal(given[name], before[name]) for name in before), "the caller's stay what they were"
    (same,) = transform.targets([given], [(96, 128)], [(96, 128)])
    assert torch.equal(same["boxes"], given["boxes"])


# --- The models ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_names_of_tensors_are_torchvisions(name):
    kind = {"fasterrcnn": theirs.FasterRCNN, "maskrcnn": theirs.MaskRCNN}[name.split("_")[0]]
    with torch.device("meta"):
        model = models.create_model(name, 24)
        body = theirs.backbone_utils.resnet_fpn_backbone(
            backbone_name=name.split("_")[1], weights=None, norm_layer=nn.BatchNorm2d
        )
        reference = kind(body, 91).state_dict()
    own = model.state_dict()
    stem = {n for n in reference if n.startswith(("backbone.body.conv1.", "backbone.body.bn1."))}
    assert set(reference) - set(own) <= stem
    differing = {n for n in own if n in reference and own[n].shape != reference[n].shape}
    first = "backbone.body.layer1.0."
    added = {n for n in own if n not in reference}
    assert {n for n in differing | added if not n.startswith(first)} == set()
    assert f"{first}conv1.weight" in differing
    assert model.channels == dctdecode.PRESETS[24]


def test_weights_of_networks_for_pixels_load():
    model = models.create_model("maskrcnn_resnet50_fpn", 24, num_classes=4)
    report = models.load_body(model.backbone.body, torchvision.models.resnet50().state_dict())
    assert report.missing == ("layer1.0.conv1.weight", "layer1.0.downsample.0.weight")
    whole = theirs.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None).state_dict()
    report = models.load_body(model, whole)
    heads = ("roi_heads.box_predictor.", "roi_heads.mask_predictor.mask_fcn_logits.")
    stem = ("backbone.body.layer1.0.conv1.", "backbone.body.layer1.0.downsample.0.")
    missing = [name for name in report.missing if not name.startswith(heads)]
    assert missing == [f"{name}weight" for name in stem]
    assert torch.equal(model.state_dict()["rpn.head.conv.0.0.weight"], whole["rpn.head.conv.0.0.weight"])


@pytest.mark.parametrize("block_px", [4, 8])
@pytest.mark.parametrize("channels", [24, 48, "rgb"])
def test_a_step_reaches_every_weight(channels, block_px):
    model = small(channels=channels, block_px=block_px)
    cell = 1 if channels == "rgb" else block_px
    numbers = 3 if channels == "rgb" else channels
    losses = model([torch.randn(numbers, 96 // cell, 128 // cell)], targets())
    assert set(losses) == {
        "loss_classifier", "loss_box_reg", "loss_mask", "loss_objectness", "loss_rpn_box_reg"
    }  # fmt: skip
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("amp", [False, True])
@pytest.mark.parametrize("name", ["maskrcnn_resnet18_fpn", "fasterrcnn_resnet18_fpn"])
def test_channels_last_and_bfloat16(name, amp):
    model = small(name, box_score_thresh=0.0, **FEW).to(memory_format=torch.channels_last)
    images = [torch.randn(24, 24, 32), torch.randn(24, 17, 29)]
    with torch.autocast("cpu", torch.bfloat16, enabled=amp):
        losses = model(images, targets() + targets((68, 116)), sizes=[(96, 128), (68, 116)])
        sum(losses.values()).backward()
        found = model.eval()(images, sizes=[(95, 127), (68, 115)])
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    for result, (height, width) in zip(found, [(95, 127), (68, 115)], strict=True):
        assert len(result["boxes"]) > 0
        assert result["boxes"].dtype == result["scores"].dtype == torch.float32
        assert (result["boxes"] >= 0).all()
        assert (result["boxes"] <= torch.tensor([width, height, width, height])).all()
        if name.startswith("mask"):
            assert result["masks"].shape == (len(result["boxes"]), 1, height, width)


def test_a_tensor_is_a_list_of_images():
    model = small(box_score_thresh=0.0, **FEW).eval()
    images = torch.randn(2, 24, 24, 32)
    for one, other in zip(model(images), model(list(images)), strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_copies_and_pickles():
    model = small(box_score_thresh=0.0, **FEW).eval()
    image = torch.randn(24, 16, 16)
    expected = model([image])[0]["boxes"]
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(again([image])[0]["boxes"], expected)


def test_a_gate_in_front_of_the_maps():
    model = small()
    model.backbone = models.GatedModel(models.FrequencyGate(24), model.backbone)
    gates = []
    model.backbone.gate.register_forward_hook(lambda module, inputs, output: gates.append(output[1]))
    losses = model([torch.randn(24, 24, 32)] * 2, targets() * 2)
    (sum(losses.values()) + gates[0].mean()).backward()
    assert model.backbone.gate.logits.bias.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="the gate is for ChannelSet"):
        models.GatedModel(models.FrequencyGate(48), small().backbone)


def test_it_is_folded_there():
    """The detector reads fewer channels then, and finds what it found behind that mask."""
    model = small(box_score_thresh=0.0, **FEW).eval()
    image, keep = torch.randn(24, 24, 32), dctdecode.PRESETS[6]
    places = [dctdecode.PRESETS[24].flat.index(flat) for flat in keep.flat]
    masked = torch.zeros_like(image)
    masked[places] = image[places]
    (expected,) = model([masked])
    model.backbone = models.GatedModel(models.FrequencyGate(24), model.backbone)
    assert model.channels == dctdecode.PRESETS[24]
    model.backbone = model.backbone.fold(keep)
    assert model.channels == keep
    (found,) = model([image[places]])
    for name in ("boxes", "labels", "scores"):
        torch.testing.assert_close(found[name], expected[name], rtol=1e-3, atol=1e-3)
