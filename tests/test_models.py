"""Backbones: shapes, sizes and costs against the published figures, names and weights of others."""

from __future__ import annotations

import re

import pytest
import torch

torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")

from dctdecode import PRESETS, ChannelSet, models  # noqa: E402
from dctdecode.models.registry import CLASSIFIERS  # noqa: E402

NAMES = sorted(CLASSIFIERS)


def cost(name: str, channels, grid: int, **options) -> models.Cost:
    """On the device "meta": nothing is computed."""
    with torch.device("meta"):
        model = models.create_model(name, channels, **options)
        inputs = 3 if channels == "rgb" else len(model.channels)
        return models.count_cost(model, torch.empty(1, inputs, grid, grid))


def filled(model: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """In evaluation, with numbers in every tensor, also in the running statistics."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2.0, generator=generator)
            elif name.endswith(("running_mean", "bias")):
                tensor.uniform_(-0.5, 0.5, generator=generator)
    return model.eval()


# --- Sizes and costs -----------------------------------------------------------------------------------------


# Parameters as counted for the published code, GMAC as derived from it and confirmed by an independent
# measurement of its checkpoints; RGB rows are torchvision's own.
@pytest.mark.parametrize(
    ("name", "channels", "grid", "options", "parameters", "gmac"),
    [
        ("resnet50", "rgb", 224, {}, 25_557_032, 4.089),
        ("resnet50", 24, 56, {"stage2_stride": 1}, 25_534_696, 13.526),
        ("resnet50", 64, 56, {"stage2_stride": 1}, 25_547_496, 13.566),
        ("resnet50", 192, 56, {"stage2_stride": 1}, 25_588_456, 13.695),
        ("resnet50", 24, 56, {}, 25_534_696, 3.931),
        ("resnet50", 64, 56, {}, 25_547_496, 3.971),
        ("mobilenet_v2", "rgb", 224, {}, 3_504_872, 0.301),
        ("mobilenet_v2", 24, 112, {}, 3_503_728, 0.287),
        ("mobilenet_v2", 32, 112, {}, 3_503_944, 0.290),
        ("se_resnet50", "rgb", 224, {}, 28_088_024, 4.092),
    ],
)
def test_published_sizes_and_costs(name, channels, grid, options, parameters, gmac):
    found = cost(name, channels, grid, **options)
    assert found.parameters == parameters
    assert round(found.macs / 1e9, 3) == gmac


@pytest.mark.parametrize("name", NAMES)
def test_cost_is_that_of_a_real_run(name):
    """What meta tensors count is what a run on numbers counts, and a batch counts as often as it has images."""
    model = models.create_model(name, 6, num_classes=10)
    real = models.count_cost(model, torch.zeros(2, 6, 16, 16))
    assert real.macs == 2 * cost(name, 6, 16, num_classes=10).macs
    assert model.training, "counting leaves the mode as it was"


def test_counting_one_convolution():
    """5 x 4 values, each of 3 x 9 products for each of 7 maps."""
    found = models.count_cost(torch.nn.Conv2d(3, 7, 3, padding=1), torch.zeros(1, 3, 5, 4))
    assert (found.parameters, found.macs) == (3 * 9 * 7 + 7, 5 * 4 * 3 * 9 * 7)


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_counting_attention(device):
    """torchvision's figure for ViT-B/32, 4.41 GMAC, with the products of attention, 12 x 2 x 50 x 50 x 768."""
    with torch.device(device):
        found = models.count_cost(torchvision.models.vit_b_32(), torch.zeros(1, 3, 224, 224))
    assert round(found.macs / 1e9, 2) == 4.41


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [6, 24, 32, 48, 64, 192, "learned-24", ChannelSet(y=[8, 0], cr=[3])])
def test_every_model_takes_every_channels(name, channels):
    with torch.device("meta"):
        model = models.create_model(name, channels, num_classes=7)
        assert model.channels == (PRESETS[channels] if isinstance(channels, int | str) else channels)
        assert model(torch.empty(2, len(model.channels), 28, 28)).shape == (2, 7)


def test_channels_from_a_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"y": [0, 1], "cb": [0], "cr": [0]}')
    model = models.create_model("resnet18", str(path))
    assert model.channels == ChannelSet(y=[0, 1], cb=[0], cr=[0])


@pytest.mark.parametrize(("stride", "grids"), [(2, (56, 28, 14, 7)), (1, (56, 56, 28, 14))])
def test_grids_of_the_stages(stride, grids):
    """layer1 works on the grid of blocks; the published networks keep it in layer2."""
    with torch.device("meta"):
        model = models.create_model("resnet50", 24, stage2_stride=stride)
        x = torch.empty(1, 24, 56, 56)
        for layer, grid, maps in zip(
            ("layer1", "layer2", "layer3", "layer4"), grids, model.stage_channels, strict=True
        ):
            x = getattr(model, layer)(x)
            assert x.shape == (1, maps, grid, grid)


def test_width():
    for name in ("resnet18", "resnet50", "mobilenet_v2"):
        whole, half = (cost(name, 24, 28, width=width) for width in (1.0, 0.5))
        assert 0.2 < half.macs / whole.macs < 0.45
    rgb = models.create_model("resnet18", "rgb", width=0.5)
    assert rgb.stage_channels == [32, 64, 128, 256]
    assert rgb(torch.zeros(2, 3, 32, 32)).shape == (2, 1000)


def test_norm_layer_and_zero_init():
    frozen = torchvision.ops.FrozenBatchNorm2d
    for name in NAMES:
        model = models.create_model(name, 24, norm_layer=frozen)
        assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules())
        assert any(isinstance(module, frozen) for module in model.modules())
    for name, last in (("resnet18", "bn2"), ("resnet50", "bn3")):
        weights = models.create_model(name, 24, zero_init_residual=True).state_dict()
        assert not weights[f"layer3.1.{last}.weight"].any()
        assert weights["layer3.1.bn1.weight"].all()


def test_variance_is_kept_at_the_start():
    """A fresh network passes on something that is neither nothing nor infinite, and so does its gradient."""
    torch.manual_seed(0)
    for name in NAMES:
        x = torch.randn(8, 24, 16, 16, requires_grad=True)
        models.create_model(name, 24, num_classes=10)(x).square().mean().backward()
        assert 1e-9 < float(x.grad.std()) < 1.0, name


# --- What is refused -----------------------------------------------------------------------------------------


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"no model 'resnet51'.*'mobilenet_v2'.*'resnet50'"):
        models.create_model("resnet51")


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        (("resnet18", 25), {}, "no preset 25"),
        (("resnet18", "bgr"), {}, "no preset 'bgr'"),
        (("resnet18", 24), {"stage2_stride": 4}, "stage2_stride: expected 1 or 2, got 4"),
        (("resnet18", "rgb"), {"gate": True}, "channels='rgb' has none"),
        (("resnet18", 24), {"gate": models.FrequencyGate(64)}, "the gate is for ChannelSet"),
        (("resnet18", 24), {"width": 0}, "width: expected a positive factor on the number of maps, got 0"),
        (("mobilenet_v2", 24), {"width": -1.0}, "width: expected a positive factor .* got -1.0"),
    ],
)
def test_bad_arguments(arguments, options, says):
    with pytest.raises(ValueError, match=says):
        models.create_model(*arguments, **options)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("mobilenet_v2", {"stage2_stride": 1}, "stage2_stride"),
        ("resnet18", {"gate": 1}, "gate: expected True, False or a FrequencyGate, got 1"),
        ("resnet18", {"gate": None}, "gate: expected True, False or a FrequencyGate, got None"),
        ("resnet18", {"width": "half"}, "width: expected a number, got 'half'"),
    ],
)
def test_options_of_the_wrong_kind(name, options, says):
    with pytest.raises(TypeError, match=says):
        models.create_model(name, 24, **options)


def test_the_smallest_width_leaves_a_map():
    assert models.create_model("resnet18", 6, width=1e-3).stage_channels == [1, 1, 1, 1]


def test_names_of_models_are_listed_where_python_lists_them():
    assert set(models.__all__) <= set(dir(models))


def test_functions_are_the_models():
    assert models.list_models() == sorted(set(models.list_models()))
    assert set(NAMES) <= set(models.list_models())
    for name in NAMES:
        with torch.device("meta"):
            same = getattr(models, name)(24, num_classes=5), models.create_model(name, 24, num_classes=5)
        first, second = ({key: tensor.shape for key, tensor in model.state_dict().items()} for model in same)
        assert first == second


# --- Names and weights of others -----------------------------------------------------------------------------

TORCHVISION = [name for name in NAMES if name != "se_resnet50"]


@pytest.mark.parametrize("name", TORCHVISION)
def test_rgb_is_torchvisions_network(name):
    """Same names, same shapes, and with the same weights the same output, to the bit."""
    theirs = filled(getattr(torchvision.models, name)(num_classes=10))
    ours = models.create_model(name, "rgb", num_classes=10).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))


@pytest.mark.parametrize("channels", [24, 64, 192])
@pytest.mark.parametrize("name", TORCHVISION)
def test_pretrained_body_loads_with_only_the_stem_missing(name, channels):
    theirs = filled(getattr(torchvision.models, name)())
    model = models.create_model(name, channels)
    report = models.load_body(model, theirs.state_dict())
    if name == "mobilenet_v2":
        stem, rgb = r"features\.1\.conv\.(0|1)\..*", r"features\.0\..*"
    else:
        stem, rgb = r"layer1\.0\.(conv1|downsample\.[01])\..*", r"(conv1|bn1)\..*"
    assert all(re.fullmatch(stem, key) for key in report.missing), report
    assert report.unused
    assert all(re.fullmatch(rgb, key) for key in report.unused), report
    ours, loaded = model.state_dict(), theirs.state_dict()
    assert set(ours) == set(report.loaded) | set(report.missing)
    assert all(torch.equal(ours[key], loaded[key]) for key in report.loaded)
    assert str(report).startswith(f"loaded: {len(report.loaded)} tensors\nmissing: ")


def test_gate_keeps_its_weights_where_a_body_is_loaded():
    model = models.create_model("resnet18", 24, gate=True)
    gate = {key: tensor.clone() for key, tensor in model.gate.state_dict().items()}
    body = torchvision.models.resnet18().state_dict()
    report = models.load_body(model, body)
    assert torch.equal(model.model.state_dict()["layer3.0.conv1.weight"], body["layer3.0.conv1.weight"])
    assert "layer1.0.conv1.weight" in report.missing
    assert all(torch.equal(tensor, gate[key]) for key, tensor in model.gate.state_dict().items())


def test_other_number_of_classes_leaves_the_head_out():
    report = models.load_body(
        models.create_model("resnet18", 24, num_classes=46), torchvision.models.resnet18().state_dict()
    )
    assert {"fc.weight", "fc.bias"} <= set(report.missing)


@pytest.mark.parametrize("other", ["resnet34", "resnet50"])
def test_body_of_another_network_is_refused_whole(other):
    ours = models.create_model("resnet18" if other == "resnet50" else "resnet101", 24)
    before = {key: tensor.clone() for key, tensor in ours.state_dict().items()}
    with pytest.raises(ValueError, match=r"not weights of this network: layer[1-4]\.\d+\.\w+"):
        models.load_body(ours, getattr(torchvision.models, other)().state_dict())
    assert all(torch.equal(tensor, before[key]) for key, tensor in ours.state_dict().items())


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "model_state_dict", None])
def test_weights_as_training_programs_save_them(wrapper, tmp_path):
    """Below a key, with parallel training's names, in a file: what is loaded is the same."""
    body = torchvision.models.resnet18().state_dict()
    plain, other = (models.create_model("resnet18", 24) for _ in range(2))
    expected = models.load_body(plain, body)
    saved = {f"module.{key}": tensor for key, tensor in body.items()}
    path = tmp_path / "model_best.pth.tar"
    torch.save(saved if wrapper is None else {"epoch": 3, wrapper: saved}, path)
    assert models.load_body(other, path) == expected
    assert torch.equal(other.layer3[0].conv1.weight, body["layer3.0.conv1.weight"])


@pytest.mark.parametrize("load", [models.load_body, models.load_dctnet])
def test_what_is_no_state_dict_is_refused(load):
    network = torchvision.models.mobilenet_v2()
    model = models.create_model("mobilenet_v2", 24)
    for weights, says in ((None, "NoneType"), ([1], "list"), (network, r"MobileNetV2; pass its state_dict\(\)")):
        with pytest.raises(TypeError, match=f"expected a state dict or the path of one, got {says}"):
            load(model, weights)
    with pytest.raises(ValueError, match="of this network"):
        load(model, {})


def test_se_resnet_takes_the_body_of_a_resnet():
    report = models.load_body(models.create_model("se_resnet50", 24), torchvision.models.resnet50().state_dict())
    assert all(".se." in key or key.startswith("layer1.0.") for key in report.missing)
    assert any(".se." in key for key in report.missing)


def published(name: str, channels: int) -> dict[str, torch.Tensor]:
    """A made-up state dict in the layout of the published checkpoints, with our names beside theirs."""
    model = filled(models.create_model(name, channels, **({} if "mobile" in name else {"stage2_stride": 1})), 3)
    return {their_name(key): tensor for key, tensor in model.state_dict().items()}


def their_name(key: str) -> str:
    """Ours to theirs, written down independently of the loader: a ResNet without its children 0 to 3, wrapped into
    a Sequential `model`; a MobileNetV2 of flat blocks, without the first feature, `conv` behind the features."""
    parts = key.split(".")
    if parts[0].startswith("layer"):
        return ".".join(["model", str(int(parts[0][5:]) - 1), *parts[1:]])
    if parts[0] == "features" and parts[1] == "18":
        return ".".join(["conv", *parts[2:]])
    if parts[0] == "features":
        flat = {"0.0": 0, "0.1": 1, "1.0": 3, "1.1": 4, "2": 6, "3": 7}
        if parts[1] == "1":
            flat = {"0.0": 0, "0.1": 1, "1": 3, "2": 4}
        rest = ".".join(parts[3:-1])
        return f"features.{int(parts[1]) - 1}.conv.{flat[rest]}.{parts[-1]}"
    return key.replace("classifier.1.", "classifier.")


def test_their_names_are_as_printed_by_the_published_code():
    assert {
        "model.0.0.conv1.weight",
        "model.3.2.bn3.running_var",
        "model.0.0.downsample.1.bias",
        "fc.bias",
    } <= set(published("resnet50", 24))
    names = set(published("mobilenet_v2", 32))
    assert {"features.0.conv.0.weight", "features.0.conv.4.bias", "features.16.conv.7.weight", "conv.0.weight",
            "conv.1.running_mean", "classifier.weight"} <= names  # fmt: skip
    assert not any(name.startswith(("features.17", "conv.2")) for name in names)


@pytest.mark.parametrize(
    ("name", "channels"), [("resnet50", 24), ("resnet50", 64), ("mobilenet_v2", 24), ("mobilenet_v2", 32)]
)
@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "as saved"])
def test_published_checkpoints(name, channels, wrapped, tmp_path):
    options = {} if name == "mobilenet_v2" else {"stage2_stride": 1}
    checkpoint = published_weights = published(name, channels)
    if wrapped:  # by DataParallel, without the counts that old releases did not have, in a file
        weights = {f"module.{key}": t for key, t in checkpoint.items() if not key.endswith("num_batches_tracked")}
        torch.save({"epoch": 146, "arch": "x", "state_dict": weights, "best_acc": 72.3}, tmp_path / "best.pth.tar")
        checkpoint = tmp_path / "best.pth.tar"
    model = models.create_model(name, channels, **options)
    models.load_dctnet(model, checkpoint)
    ours = {their_name(key): tensor for key, tensor in model.state_dict().items()}
    assert all(torch.equal(ours[key], tensor) for key, tensor in published_weights.items())


def test_published_weights_behind_a_gate():
    weights = published("resnet50", 24)
    model = models.create_model("resnet50", 24, stage2_stride=1, gate=True)
    models.load_dctnet(model, weights)
    assert torch.equal(model.model.layer4[2].conv3.weight, weights["model.3.2.conv3.weight"])
    with pytest.raises(ValueError, match="stage2_stride=1"):
        models.load_dctnet(models.create_model("resnet50", 24, gate=True), weights)


def test_dctnet_refusals(tmp_path):
    checkpoint = published("resnet50", 24)
    with pytest.raises(ValueError, match="stage2_stride=1"):
        models.load_dctnet(models.create_model("resnet50", 24), checkpoint)
    fitting = models.create_model("resnet50", 64, stage2_stride=1)
    with pytest.raises(ValueError, match=r"layer1\.0\.conv1\.weight is \(64, 24, 1, 1\) in the checkpoint"):
        models.load_dctnet(fitting, checkpoint)
    with pytest.raises(ValueError, match=r"fc\.bias is no tensor in the checkpoint and \(1000,\) in the model"):
        models.load_dctnet(models.create_model("resnet50", 24, stage2_stride=1), {**checkpoint, "fc.bias": 1.0})
    del checkpoint["model.2.1.conv2.weight"]
    with pytest.raises(ValueError, match=r"layer3\.1\.conv2\.weight is only in the model"):
        models.load_dctnet(models.create_model("resnet50", 24, stage2_stride=1), checkpoint)
    with pytest.raises(ValueError, match="is only in the"):
        models.load_dctnet(models.create_model("mobilenet_v2", 24), published("resnet50", 24))
    with pytest.raises(FileNotFoundError):
        models.load_dctnet(models.create_model("mobilenet_v2", 24), tmp_path / "none.pth")
