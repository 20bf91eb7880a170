"""The gate: what it draws and learns, what it keeps of a data set, what it refuses. Needs torch alone."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from dctdecode import PRESETS, ChannelSet
from dctdecode.models import FrequencyGate, GatedModel
from gates import coefficients, gate_that_chooses
from torch import nn

POOLINGS = ["mean", "energy", "both"]


# --- What it computes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", POOLINGS)
def test_at_the_start_it_keeps_87_of_100(pooling):
    """sigmoid(2 - 0.1), whatever the image: as published."""
    torch.manual_seed(0)
    gate = FrequencyGate(192, pooling=pooling)
    assert float(gate.margin(coefficients(192)).detach().sigmoid().mean()) == pytest.approx(0.870, abs=0.005)
    drawn = torch.cat([gate(coefficients(192), return_gate=True)[1].detach() for _ in range(20)])
    assert float(drawn.mean()) == pytest.approx(0.870, abs=0.01)
    assert gate.eval().keep_probability.tolist() == pytest.approx([0.870] * 192, abs=0.005)


def test_size_is_that_of_the_published_gate():
    assert sum(parameter.numel() for parameter in FrequencyGate(192).parameters()) == 38_208


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_multiplies_by_0_or_1(training, dtype):
    gate = gate_that_chooses().train(training)
    x = coefficients().to(dtype)
    gated, kept = gate(x, return_gate=True)
    assert gated.dtype == dtype
    assert kept.dtype == torch.float32
    assert kept.shape == (16, 24)
    assert set(kept.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(gated, x * kept.detach()[:, :, None, None].to(dtype))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_gradient_reaches_every_weight(pooling):
    """From the task alone and from the mean gate alone; and the input's gradient is there too."""
    for loss in (lambda gated, kept: gated.square().mean(), lambda gated, kept: kept.mean()):
        gate = gate_that_chooses(pooling=pooling)
        x = coefficients().requires_grad_()
        loss(*gate(x, return_gate=True)).backward()
        assert gate.logits.bias.grad.abs().min() > 0
        assert gate.squeeze.weight.grad.abs().sum() > 0
        assert x.grad.abs().sum() > 0


def test_the_gradient_is_that_of_the_soft_gate():
    """Of sigmoid((margin + noise) / temperature): the same draws, once by hand."""
    gate = gate_that_chooses(temperature=0.7)
    x = coefficients()
    torch.manual_seed(5)
    gate(x, return_gate=True)[1].sum().backward()
    found = gate.logits.bias.grad.clone()
    gate.zero_grad()
    torch.manual_seed(5)
    margin = gate.margin(x)
    noise = torch.rand_like(margin).clamp(1e-6, 1 - 1e-6).logit()
    torch.sigmoid((margin + noise) / 0.7).sum().backward()
    torch.testing.assert_close(gate.logits.bias.grad, found)


def test_draws_follow_the_probability():
    """By the Gumbel trick: the share of draws is P(keep) = sigmoid(margin), image by image."""
    gate = gate_that_chooses(6)
    x = coefficients(6, images=4)
    with torch.no_grad():
        expected = gate.margin(x).sigmoid()
        drawn = torch.stack([gate(x, return_gate=True)[1] for _ in range(2000)])
    assert (drawn.mean(0) - expected).abs().max() < 0.05


@pytest.mark.parametrize("temperature", [0.2, 5.0])
def test_temperature_is_of_the_gradient_alone(temperature):
    drawn, gradients = [], []
    for value in (1.0, temperature):
        gate = gate_that_chooses(temperature=value)
        torch.manual_seed(7)
        kept = gate(coefficients(), return_gate=True)[1]
        kept.sum().backward()
        drawn.append(kept.detach())
        gradients.append(gate.logits.bias.grad)
    assert torch.equal(*drawn)
    assert not torch.allclose(*gradients)


def test_evaluation_is_repeatable_and_draws_nothing():
    gate = gate_that_chooses().eval()
    x = coefficients()
    torch.manual_seed(0)
    first = gate(x, return_gate=True)[1]
    state = torch.get_rng_state()
    assert torch.equal(gate(x, return_gate=True)[1], first)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(gate(x[3:4], return_gate=True)[1], first[3:4]), "nor does it look at the other images"
    assert torch.equal(first, (gate.margin(x) > 0).float())
    gate.train()
    assert not torch.equal(gate(x, return_gate=True)[1], gate(x, return_gate=True)[1])


def test_energy_sees_what_the_mean_does_not():
    """Coefficients of mean zero, weak or strong: alike to the mean, not to the energy."""
    x = torch.randn(1, 24, 8, 8, generator=torch.Generator().manual_seed(0))
    x = torch.cat([x, 50 * x]) - torch.cat([x, 50 * x]).mean((2, 3), keepdim=True)
    for pooling, same in (("mean", True), ("energy", False), ("both", False)):
        margin = gate_that_chooses(pooling=pooling).eval().margin(x).detach()
        assert torch.allclose(margin[0], margin[1], atol=1e-3) == same


def test_it_learns_which_channels_matter():
    """Two channels hold the answer, and every other costs: these two stay, the others go."""
    torch.manual_seed(0)
    gate = FrequencyGate(6, pooling="energy")
    network = nn.Conv2d(6, 1, 1)
    optimizer = torch.optim.Adam([*gate.parameters(), *network.parameters()], 0.05)
    for step in range(200):
        x = coefficients(6, 32, seed=step)
        gated, kept = gate(x, return_gate=True)
        loss = (network(gated) - (2 * x[:, 1:2] - 3 * x[:, 4:5])).square().mean() + kept.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    places = [PRESETS[6].flat[1], PRESETS[6].flat[4]]
    assert gate.to_channel_set(2).flat == tuple(places)
    assert gate.to_channel_set().flat == tuple(places)


# --- What it keeps of a data set -----------------------------------------------------------------------------


def test_measuring():
    gate = gate_that_chooses()
    gate.train()
    batches = [coefficients(images=5), (coefficients(images=3, seed=2), torch.zeros(3))]
    usage = gate.measure(batches)
    assert gate.training, "the mode is as it was"
    gate.eval()
    kept = torch.cat([gate(coefficients(images=5), True)[1], gate(coefficients(images=3, seed=2), True)[1]])
    assert torch.equal(usage.kept, kept.sum(1).long())
    torch.testing.assert_close(usage.keep_rate, kept.mean(0))
    assert usage.bandwidth == pytest.approx(float(kept.mean()))
    assert torch.equal(gate.keep_probability, usage.keep_probability)
    assert str(usage).startswith("8 images keep ")
    assert f"{1 - float(kept.mean()):.1%} of the bandwidth saved" in str(usage)
    with pytest.raises(ValueError, match="no batch"):
        gate.measure([])


def test_the_best_channels():
    gate = FrequencyGate(ChannelSet(y=[9, 0], cb=[3], cr=[1]))
    gate.keep_probability.copy_(torch.tensor([0.9, 0.2, 0.7, 0.4]))
    assert gate.to_channel_set(3) == ChannelSet(y=[9], cb=[3], cr=[1])
    assert gate.to_channel_set() == ChannelSet(y=[9], cb=[3])
    for number in (0, 5):
        with pytest.raises(ValueError, match=f"expected 1 to 4 channels, got {number}"):
            gate.to_channel_set(number)
    gate.keep_probability.fill_(0.5)
    with pytest.raises(ValueError, match="say how many"):
        gate.to_channel_set()


# --- What it is refused, copied, stored ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"pooling": "max"}, ValueError, "pooling: expected one of mean, energy, both, got 'max'"),
        ({"temperature": 0}, ValueError, "temperature: expected a positive number, got 0"),
        ({"temperature": float("nan")}, ValueError, "temperature: expected a positive number"),
        ({"temperature": "1"}, TypeError, "temperature: expected a number, got '1'"),
        ({"channels": 25}, ValueError, "no preset 25"),
    ],
)
def test_bad_arguments(options, error, says):
    with pytest.raises(error, match=says):
        FrequencyGate(**options)


@pytest.mark.parametrize("shape", [(24, 6, 5), (2, 12, 6, 5)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"expects coefficients \(N, 24, Hb, Wb\), got \("):
        FrequencyGate(24)(torch.zeros(shape))


def test_weights_of_a_gate_for_other_channels_are_refused():
    """As many, so that every shape fits: what it learned of one frequency would count for another."""
    other = FrequencyGate("learned-24")
    with pytest.raises(RuntimeError, match="a gate for the channels"):
        FrequencyGate(24).load_state_dict(other.state_dict())
    with pytest.raises(RuntimeError, match="a gate for the channels"):
        GatedModel(FrequencyGate(24), nn.Identity()).load_state_dict(GatedModel(other, nn.Identity()).state_dict())
    again = FrequencyGate("learned-24")
    again.load_state_dict(gate_that_chooses("learned-24").state_dict())
    assert again.flat_channels.tolist() == list(PRESETS["learned-24"].flat)


def test_copies_and_pickles():
    gate = gate_that_chooses(pooling="both").eval()
    x = coefficients()
    for again in (copy.deepcopy(gate), pickle.loads(pickle.dumps(gate))):
        assert torch.equal(again(x), gate(x))
        assert again.channels == gate.channels


def test_it_says_what_it_is():
    assert "6 channels, pooling='energy', temperature=2.0" in repr(
        FrequencyGate(6, pooling="energy", temperature=2.0)
    )


def test_gated_model():
    gate = gate_that_chooses()
    with pytest.raises(TypeError, match="gate: expected a FrequencyGate, got True"):
        GatedModel(True, nn.Identity())
    model = nn.Conv2d(24, 3, 1)
    gated = GatedModel(gate, model).eval()
    assert gated.channels == PRESETS[24]
    output, kept = gated(coefficients(), return_gate=True)
    assert torch.equal(output, model(gate(coefficients())))
    assert kept.shape == (16, 24)
    with pytest.raises(TypeError, match="which layers of Conv2d read the input"):
        gated.fold(6)
    model.channels = PRESETS["learned-24"]
    with pytest.raises(ValueError, match="the gate is for ChannelSet"):
        GatedModel(gate, model)
