"""From the gate to a static network: the network behind a fixed mask, and how far it is from the dynamic gate."""

from __future__ import annotations

import functools

import pytest
import torch
from dctdecode import PRESETS, ChannelSet
from gates import coefficients, gate_that_chooses
from torch import nn

torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")

from dctdecode.models import GatedModel, create_model, fold_distance  # noqa: E402


def gated_network(name: str, channels, **options) -> GatedModel:
    """In evaluation, with numbers in every tensor."""
    torch.manual_seed(0)
    gated = create_model(name, channels, num_classes=10, gate=gate_that_chooses(channels), **options)
    for key, tensor in gated.model.state_dict().items():
        if key.endswith("running_var"):
            tensor.uniform_(0.5, 2.0)
        elif key.endswith(("running_mean", "bias")):
            tensor.uniform_(-0.5, 0.5)
    return gated.eval()


def frozen(maps: int) -> nn.Module:
    return torchvision.ops.FrozenBatchNorm2d(maps)


FOLDED = [
    ("resnet18", 24, {}), ("resnet18", 64, {}), ("resnet34", 64, {}), ("resnet50", 192, {}),
    ("se_resnet50", 24, {}), ("mobilenet_v2", 24, {}), ("mobilenet_v2", 32, {}), ("mobilenet_v2", 192, {}),
    ("resnet18", 32, {"width": 0.5}), ("resnet18", ChannelSet(y=[9, 0, 3], cr=[5, 1]), {}),
    ("resnet18", 64, {"norm_layer": frozen}), ("mobilenet_v2", 24, {"norm_layer": frozen}),
    ("resnet18", 64, {"norm_layer": functools.partial(nn.GroupNorm, 8)}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "channels", "options"), FOLDED)
def test_folding_equals_the_network_behind_that_mask(name, channels, options):
    """At once: the static network is in evaluation, as the gated one is. 64 maps of ResNet-18 are its shortcut."""
    gated = gated_network(name, channels, **options)
    number = len(gated.channels)
    mask = torch.arange(number) % 3 != 1
    x = coefficients(number, 4)
    before = {key: tensor.clone() for key, tensor in gated.state_dict().items()}
    static = gated.fold(mask)
    assert not any(module.training for module in static.modules())
    flat = [index for index, kept in zip(gated.channels.flat, mask.tolist(), strict=True) if kept]
    assert static.channels == ChannelSet.from_flat(flat)
    places = [gated.channels.flat.index(index) for index in static.channels.flat]
    with torch.no_grad():
        expected = gated.model(x * mask[:, None, None])
        torch.testing.assert_close(static(x[:, places]), expected, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(tensor, before[key]) for key, tensor in gated.state_dict().items()), "a copy"


def test_a_folded_network_is_one_for_these_channels():
    """Its weights load into one that was made for them, frozen weights stay frozen, and it trains on."""
    for name, channels in (("resnet18", 64), ("resnet50", 24), ("mobilenet_v2", 24)):
        gated = gated_network(name, channels).requires_grad_(False)
        static = gated.fold(PRESETS[6])
        fresh = create_model(name, 6, num_classes=10).eval()
        fresh.load_state_dict(static.state_dict())
        x = coefficients(6, 4)
        with torch.no_grad():
            assert torch.equal(fresh(x), static(x))
        added = {key for key, parameter in static.named_parameters() if parameter.requires_grad}
        assert added <= {f"layer1.0.downsample.{key}" for key in ("0.weight", "1.weight", "1.bias")}
        assert all(module.training for module in gated.train().fold(PRESETS[6]).modules())


def test_frozen_normalisation_stays_frozen():
    gated = gated_network("mobilenet_v2", 24, norm_layer=frozen)
    names = {key for key, _ in gated.model.named_parameters()}
    assert {key for key, _ in gated.fold(6).named_parameters()} == names


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (5, None), (PRESETS[6], PRESETS[6]), ("6", PRESETS[6]), ([0, 1, 64], ChannelSet(y=[0, 1], cb=[0])),
        (ChannelSet(y=[8, 0], cr=[1]), ChannelSet(y=[8, 0], cr=[1])),
    ],
)  # fmt: skip
def test_what_folding_takes(keep, expected):
    gated = gated_network("resnet18", 24)
    static = gated.fold(keep)
    assert static.channels == (gated.gate.to_channel_set(5) if expected is None else expected)
    places = [gated.channels.flat.index(index) for index in static.channels.flat]
    x = coefficients(24, 2)
    masked = torch.zeros_like(x)
    masked[:, places] = x[:, places]
    with torch.no_grad():
        torch.testing.assert_close(static(x[:, places]), gated.model(masked), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("keep", "error", "says"),
    [
        (0, ValueError, "expected 1 to 24 channels, got 0"),
        (True, TypeError, "channels: expected .* got True"),
        (2.5, TypeError, "channels: expected .* got 2.5"),
        ("learned-24", ValueError, "channel 4 .flat index. is not among those of the input"),
        (torch.ones(24), ValueError, r"expected a mask, bool \(24,\), got torch.float32 \(24,\)"),
        (torch.ones(23, dtype=torch.bool), ValueError, r"expected a mask, bool \(24,\), got torch.bool \(23,\)"),
        (torch.zeros(24, dtype=torch.bool), ValueError, "needs at least one channel"),
        (torch.ones(24, dtype=torch.bool).numpy(), TypeError, "expected integers 0..191, got np.True_"),
    ],
)
def test_what_folding_refuses(keep, error, says):
    with pytest.raises(error, match=says):
        gated_network("resnet18", 24).fold(keep)


def test_a_mobilenet_without_batch_normalisation_is_not_folded():
    gated = gated_network("mobilenet_v2", 24, norm_layer=functools.partial(nn.GroupNorm, 1))
    with pytest.raises(TypeError, match="a MobileNetV2 with GroupNorm cannot be folded"):
        gated.fold(6)


def test_distance_of_the_dynamic_and_the_static_network():
    gated = gated_network("resnet18", 24)
    static = gated.fold(12)
    places = [gated.channels.flat.index(index) for index in static.channels.flat]
    batches = [coefficients(images=5), (coefficients(images=3, seed=2), torch.zeros(3))]
    gated.train()
    distance = fold_distance(gated, static, batches)
    assert gated.gate.training, "the mode is as it was"
    assert not static.training
    gated.eval()
    x = torch.cat([batches[0], batches[1][0]])
    with torch.no_grad():
        ours, theirs = static(x[:, places]), gated(x)
    assert distance.images == 8
    assert distance.max == pytest.approx(float((ours - theirs).abs().max()), rel=1e-3)
    assert distance.rms == pytest.approx(float((ours - theirs).square().mean().sqrt()), rel=1e-3)
    assert distance.agreement == float((ours.argmax(1) == theirs.argmax(1)).float().mean())
    assert distance.max > 0.01, "a gate that decides anew for each image is not a fixed one"
    assert str(distance).startswith("8 images: outputs differ by ")
    with pytest.raises(ValueError, match="no batch"):
        fold_distance(gated, static, [])
    with pytest.raises(ValueError, match="the static network reads"):
        fold_distance(static, create_model("resnet18", 64, num_classes=10), batches)
