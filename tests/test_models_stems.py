"""`adapt_stem`: networks of torchvision and timm with a stem for coefficients."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")

from dctdecode import PRESETS, models  # noqa: E402

TORCHVISION = [
    # name, channels of the image's grid: what the body is used to
    ("resnet18", 56), ("resnet50", 56), ("mobilenet_v2", 112), ("mobilenet_v3_small", 112),
    ("efficientnet_b0", 112),
    ("efficientnet_v2_s", 112), ("convnext_tiny", 56), ("vit_b_16", 28), ("vit_b_32", 28),
]  # fmt: skip
TIMM = [
    ("resnet18", 56), ("resnet50d", 56), ("seresnet50", 56), ("mobilenetv2_100", 112),
    ("mobilenetv3_small_100", 112),
    ("efficientnet_b0", 112), ("tf_efficientnet_lite0", 112), ("convnext_tiny", 56), ("vit_tiny_patch16_224", 28),
]  # fmt: skip


def make(library: str, name: str, **options) -> nn.Module:
    if library == "torchvision":
        return getattr(torchvision.models, name)(**options)
    timm = pytest.importorskip("timm", reason="timm is not installed")
    return timm.create_model(name, **options)


CASES = [("torchvision", *case) for case in TORCHVISION] + [("timm", *case) for case in TIMM]


def outputs(model: nn.Module, x: torch.Tensor) -> list[tuple[int, ...]]:
    """Shapes of what the body's modules put out, in order."""
    shapes: list[tuple[int, ...]] = []
    for module in model.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda _, __, output: shapes.append(tuple(output.shape)))
    model(x)
    return shapes


@pytest.mark.parametrize(("library", "name", "grid"), CASES, ids=lambda value: str(value))
def test_body_sees_what_it_is_used_to(library, name, grid):
    """From the stem's normalisation on every shape is that of the network for 224 px; so is the output."""
    with torch.device("meta"):
        pixels = make(library, name).eval()
        model = models.adapt_stem(copy.deepcopy(pixels), 24)
        assert model.channels == PRESETS[24]
        assert model.get_submodule(model.frequency_stem).in_channels == 24
        expected = outputs(pixels, torch.empty(1, 3, 224, 224))
        found = outputs(model, torch.empty(1, 24, grid, grid))
    assert found[-1] == (1, 1000)
    tail = len(found) - 5  # stems differ in the number of their modules
    assert tail > 20
    assert found[-tail:] == expected[-tail:]


@pytest.mark.parametrize(("library", "name"), [case[:2] for case in CASES], ids=lambda value: str(value))
def test_all_but_the_stem_keeps_its_weights(library, name):
    torch.manual_seed(0)
    pixels = make(library, name)
    before = {key: tensor.clone() for key, tensor in pixels.state_dict().items()}
    model = models.adapt_stem(pixels, 24)
    assert model is pixels
    after = model.state_dict()
    stem = tuple({key for key in {*before, *after} if key.startswith(model.frequency_stem + ".")})
    assert all(torch.equal(after[key], before[key]) for key in {*before, *after} - {*stem})
    weight = after[model.frequency_stem + ".weight"]
    assert weight.shape[1] == 24
    assert float(weight.std()) == pytest.approx(weight[0].numel() ** -0.5, rel=0.1), "inputs of std 1 give std 1"


def test_a_trained_stems_statistics_are_forgotten():
    """What the batch normalisation knew of the old convolution says nothing about the new one."""
    for library, name, norm in (
        ("torchvision", "resnet18", "bn1"),
        ("torchvision", "mobilenet_v2", "features.0.1"),
    ):
        model = make(library, name)
        statistics = model.get_submodule(norm)
        statistics.running_mean.fill_(3.0)
        nn.init.constant_(statistics.weight, 5.0)
        models.adapt_stem(model, 24)
        assert not statistics.running_mean.any()
        assert bool((statistics.weight == 1).all())


def test_so_are_frozen_ones():
    """Which would never learn what the new convolution gives."""
    frozen = torchvision.ops.FrozenBatchNorm2d
    model = torchvision.models.resnet18(norm_layer=frozen)
    for tensor in model.bn1.state_dict().values():
        tensor.fill_(3.0)
    models.adapt_stem(model, 24)
    assert isinstance(model.bn1, frozen)
    assert bool((model.bn1.weight == 1).all() & (model.bn1.running_var == 1).all())
    assert not model.bn1.running_mean.any()
    assert not model.bn1.bias.any()


def test_it_learns_through_the_stem():
    model = models.adapt_stem(torchvision.models.resnet18(num_classes=4), 24)
    model(torch.randn(2, 24, 16, 16)).sum().backward()
    assert model.conv1.weight.grad.abs().sum() > 0


def test_behind_a_gate_and_folded():
    """An adapted network works behind a gate like ours, and folds to what reads fewer channels."""
    torch.manual_seed(0)
    gated = models.GatedModel(
        models.FrequencyGate(24), models.adapt_stem(torchvision.models.resnet18(), 24)
    ).eval()
    keep = PRESETS[6]
    static = gated.fold(keep)
    assert static.channels == keep
    x = torch.randn(2, 24, 16, 16)
    places = [PRESETS[24].flat.index(flat) for flat in keep.flat]
    masked = torch.zeros_like(x)
    masked[:, places] = x[:, places]
    with torch.no_grad():
        torch.testing.assert_close(static(x[:, places]), gated.model(masked), rtol=1e-4, atol=1e-4)


def test_dtype_of_the_model_is_the_stems():
    model = models.adapt_stem(torchvision.models.resnet18().bfloat16(), 24)
    assert model.conv1.weight.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("model", "error", "says"),
    [
        (
            lambda: torchvision.models.vgg11(),
            TypeError,
            "expected one of ResNet, .* got VGG; .* a 1x1 convolution",
        ),
        (lambda: models.create_model("resnet18", 24), TypeError, "got FrequencyResNet"),
        (lambda: models.adapt_stem(torchvision.models.resnet18(), 24), ValueError, "conv1 reads 24 channels"),
        (lambda: torchvision.models.vit_h_14(), ValueError, "patches of 14 px"),
        (lambda: type("ResNet", (nn.Module,), {})(), ValueError, "expected a stem at conv1"),
    ],
)
def test_refusals(model, error, says):
    with torch.device("meta"):
        made = model()
    with pytest.raises(error, match=says):
        models.adapt_stem(made, 24)


def test_stem_of_several_convolutions_in_timms_convnext():
    timm = pytest.importorskip("timm", reason="timm is not installed")
    with pytest.raises(ValueError, match="several convolutions"):
        models.adapt_stem(timm.create_model("convnext_atto_ols"), 24)


def test_stem_of_several_convolutions_in_timms_vision_transformer():
    timm = pytest.importorskip("timm", reason="timm is not installed")
    with (
        torch.device("meta"),
        pytest.raises(ValueError, match=r"a convolution at patch_embed\.proj, there is none"),
    ):
        models.adapt_stem(timm.create_model("vit_base_mci_224"), 24)
