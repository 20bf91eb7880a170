"""Classifiers, gated or not, under torch.compile, torch.export, ONNX, channels_last and bfloat16 autocast."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("torchvision", reason="torchvision is not installed")

from dctdecode import models
from dctdecode.models.registry import CLASSIFIERS

CASES = [(name, gate) for name in sorted(CLASSIFIERS) for gate in (False, True)]


@pytest.fixture(params=CASES, ids=lambda case: case[0] + ("-gated" if case[1] else ""))
def model(request) -> torch.nn.Module:
    torch.manual_seed(0)
    name, gate = request.param
    made = models.create_model(name, 24, num_classes=10, gate=gate).eval()
    if gate:  # of which some pass and some do not
        with torch.no_grad():
            made.gate.logits.weight.normal_(std=3.0)
            made.gate.logits.bias.zero_()
    return made


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(4, 24, 16, 16, generator=torch.Generator().manual_seed(1))


def test_the_gates_of_these_tests_choose(x):
    torch.manual_seed(0)
    gate = models.FrequencyGate(24).eval()
    with torch.no_grad():
        gate.logits.weight.normal_(std=3.0)
        gate.logits.bias.zero_()
        chosen = gate(x, return_gate=True)[1]
    assert 0.1 < chosen.mean() < 0.9
    assert not torch.equal(chosen[0], chosen[1])


def test_compile_fullgraph(model, x):
    """One graph, no break. The graph is run as it was caught: what a backend makes of it is torch's business."""
    torch.compiler.reset()
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), model(x))


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_compile_training(name, x):
    """Forwards and backwards through a gate, with its draws, as one graph; the loss has the gate in it."""
    torch.compiler.reset()
    torch.manual_seed(0)
    gated = models.create_model(name, 24, num_classes=10, gate=True)
    compiled = torch.compile(gated, fullgraph=True, backend="aot_eager")
    before = gated.gate.keep_probability.clone()
    logits, gate = compiled(x, return_gate=True)
    (logits.square().mean() + gate.mean()).backward()
    assert all(parameter.grad is not None for parameter in gated.parameters())
    assert gated.gate.logits.bias.grad.abs().sum() > 0
    assert not torch.equal(gated.gate.keep_probability, before), "the running mean is kept in the graph too"


def test_export(model, x):
    program = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    with torch.no_grad():
        for batch in (x, x[:3]):
            torch.testing.assert_close(program.module()(batch), model(batch), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_onnx(model, x):
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    from onnx.reference import ReferenceEvaluator

    x = x[:2, :, :8, :8].contiguous()
    program = torch.onnx.export(model, (x,), dynamo=True, verbose=False)
    onnx.checker.check_model(program.model_proto)
    evaluator = ReferenceEvaluator(program.model_proto)
    (found,) = evaluator.run(None, {evaluator.input_names[0]: x.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(found), model(x), rtol=1e-3, atol=1e-4)


def test_channels_last(model, x):
    """The memory format goes through the whole network, from the gate on, and changes nothing but rounding."""
    with torch.no_grad():
        expected = model(x)
        model.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
        other = []

        def look(module, inputs, output):
            is_map = isinstance(output, torch.Tensor) and output.ndim == 4 and min(output.shape[1:]) > 1
            if is_map and not output.is_contiguous(memory_format=torch.channels_last):
                other.append(module)

        for module in model.modules():
            module.register_forward_hook(look)
        torch.testing.assert_close(model(x), expected, rtol=1e-3, atol=1e-4)
    assert not other


def test_bfloat16_autocast(model, x):
    with torch.no_grad():
        expected = model(x)
        with torch.autocast("cpu", torch.bfloat16):
            found = model(x)
    assert found.dtype == torch.bfloat16
    assert float((found - expected).std() / expected.std()) < 0.15


def test_bfloat16_autocast_training(model, x):
    model.train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = torch.nn.functional.cross_entropy(model(x), torch.arange(4))
    loss.backward()
    assert all(
        bool(parameter.grad.isfinite().all()) for parameter in model.parameters() if parameter.grad is not None
    )
    assert (
        sum(float(parameter.grad.abs().sum()) for parameter in model.parameters() if parameter.grad is not None)
        > 0
    )
