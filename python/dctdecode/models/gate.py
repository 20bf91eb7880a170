"""The dynamic gate of Xu et al.: a small network that decides, image by image, which channels the model sees.

"Learning in the Frequency Domain", CVPR 2020, section 3.3. Each channel is squeezed to one number, a 1x1
convolution mixes these, and two logits a channel, "off" and "on", say whether to keep it. Training draws from them
by the Gumbel-softmax of Jang et al. (ICLR 2017), hard forwards and soft backwards, and adds
``weight * gate.mean()`` to the loss; evaluation draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal, get_args, overload

import torch
from torch import Tensor, nn

from dctdecode.channels import ChannelSet, ChannelsLike, as_channel_set
from dctdecode.models._modes import evaluating
from dctdecode.models.folding import select_inputs
from dctdecode.models.ranking import Ranking

__all__ = ["FrequencyGate", "GateUsage", "GatedModel"]

Pooling = Literal["mean", "energy", "both"]

_BIAS_OFF, _BIAS_ON = 0.1, 2.0  # of the logits at the start: P(keep) = sigmoid(2 - 0.1) = 0.87
_MOMENTUM = 0.01  # of the running P(keep): about the last hundred batches


@dataclass(frozen=True)
class GateUsage:
    """What a gate keeps of a set of images, in evaluation: `FrequencyGate.measure` returns it.

    Attributes:
        kept: int64 (images,): number of channels that each image keeps.
        keep_rate: float32 (C,): share of the images that keep the channel.
        keep_probability: float32 (C,): mean over the images of P(keep), which is what `keep_rate` would be on
            average if the gate drew in evaluation as it does in training (and as the published code does).
    """

    kept: Tensor
    keep_rate: Tensor
    keep_probability: Tensor

    @property
    def bandwidth(self) -> float:
        """Share of the coefficients that would be moved if each image brought only what its gate keeps, 0 to 1."""
        return float(self.keep_rate.double().mean())

    def __str__(self) -> str:
        kept, channels = self.kept, len(self.keep_rate)
        return (
            f"{len(kept)} images keep {kept.double().mean():.1f} of {channels} channels on average "
            f"({kept.min()} to {kept.max()}): {1 - self.bandwidth:.1%} of the bandwidth saved"
        )


class FrequencyGate(nn.Module):
    """Multiplies each channel of each image by 0 or 1.

    Args:
        channels: what the input holds, as for `dctdecode.read`.
        pooling: what each channel is squeezed to. "mean": its mean, as published; away from the DC it is near zero
            for most images. "energy": the root of its mean square. "both": the two, side by side.
        temperature: of the soft gate that gradients go through; smaller is steeper. The hard gate does not depend
            on it.

    Attributes:
        channels: the `ChannelSet`.
        keep_probability: float32 (C,), a buffer: P(keep) of each channel. A running mean in training; that of a
            data set after `measure`.
        flat_channels: int64 (C,), a buffer: flat indices of the channels, so that a state dict says whose
            `keep_probability` it holds.

    Shape:
        (N, C, Hb, Wb) to the same shape and dtype; the gate is float32 (N, C).

    Raises:
        ValueError, TypeError, OSError: `channels` is refused by `dctdecode.channels.as_channel_set`.
        ValueError: another `pooling`, or a temperature that is not positive. When called: an input that is not
            (N, C, Hb, Wb) with as many channels.
        RuntimeError: from `load_state_dict`, for the weights of a gate for other channels.

    Example:
        >>> import torch
        >>> from dctdecode.models import FrequencyGate
        >>> gate = FrequencyGate(192)
        >>> coefficients = torch.randn(8, 192, 28, 28)
        >>> gated, kept = gate(coefficients, return_gate=True)
        >>> loss = 0.1 * kept.mean()  # to be added to the loss of the task
        >>> loss.backward()
        >>> tuple(gated.shape), tuple(kept.shape), sorted(set(kept.flatten().tolist()))
        ((8, 192, 28, 28), (8, 192), [0.0, 1.0])
    """

    keep_probability: Tensor
    flat_channels: Tensor

    def __init__(
        self, channels: ChannelsLike = 192, *, pooling: Pooling = "mean", temperature: float = 1.0
    ) -> None:
        super().__init__()
        if pooling not in get_args(Pooling):
            raise ValueError(f"pooling: expected one of {', '.join(get_args(Pooling))}, got {pooling!r}")
        if not isinstance(temperature, int | float) or isinstance(temperature, bool):
            raise TypeError(f"temperature: expected a number, got {temperature!r}")
        if not 0 < temperature < float("inf"):
            raise ValueError(f"temperature: expected a positive number, got {temperature!r}")
        self.channels = as_channel_set(channels)
        self.pooling = pooling
        self.temperature = temperature
        number = len(self.channels)
        self.squeeze = nn.Conv2d(number * (2 if pooling == "both" else 1), number, 1)
        self.norm = nn.BatchNorm2d(number)
        self.logits = nn.Conv2d(number, 2 * number, 1, groups=number)  # off, on of channel 0, of channel 1, ...
        nn.init.kaiming_normal_(self.squeeze.weight, mode="fan_out", nonlinearity="relu")
        nn.init.normal_(self.logits.weight, std=0.001)
        with torch.no_grad():
            for convolution, bias in ((self.squeeze, (0.0,)), (self.logits, (_BIAS_OFF, _BIAS_ON))):
                assert convolution.bias is not None
                convolution.bias.copy_(torch.tensor(bias).repeat(len(convolution.bias) // len(bias)))
        start = torch.full((number,), _BIAS_ON - _BIAS_OFF).sigmoid()
        self.register_buffer("keep_probability", start)
        self.register_buffer("flat_channels", torch.tensor(self.channels.flat))

    @overload
    def forward(self, x: Tensor, return_gate: Literal[False] = False) -> Tensor: ...
    @overload
    def forward(self, x: Tensor, return_gate: Literal[True]) -> tuple[Tensor, Tensor]: ...
    def forward(self, x: Tensor, return_gate: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """The gated tensor, and with `return_gate` also the gate, 0.0 or 1.0."""
        margin = self.margin(x)
        gate = self._draw(margin) if self.training else (margin > 0).to(margin.dtype)
        gated = x * gate[:, :, None, None].to(x.dtype)
        return (gated, gate) if return_gate else gated

    def margin(self, x: Tensor) -> Tensor:
        """Logit of P(keep) of every channel, float32 (N, C): the logit "on" less the logit "off"."""
        if x.ndim != 4 or x.shape[1] != len(self.channels):
            expected = f"(N, {len(self.channels)}, Hb, Wb)"
            raise ValueError(f"the gate expects coefficients {expected}, got {tuple(x.shape)}")
        pooled = self.norm(self.squeeze(self._pool(x).to(self.squeeze.weight.dtype)))
        logits: Tensor = self.logits(torch.relu(pooled)).float().flatten(1)
        return logits[:, 1::2] - logits[:, ::2]

    def extra_repr(self) -> str:
        return f"{len(self.channels)} channels, pooling={self.pooling!r}, temperature={self.temperature}"

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        """Also refuses the gate of other channels, which has the same shapes if they are as many."""
        flat = state_dict.get(f"{prefix}flat_channels")
        if isinstance(flat, Tensor) and not flat.is_meta and tuple(flat.tolist()) != self.channels.flat:
            *_, errors = args
            errors.append(f"the weights are of a gate for the channels {flat.tolist()}, not {self.channels!r}")
            return
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _pool(self, x: Tensor) -> Tensor:
        x = x.float()  # sums over thousands of blocks
        mean = x.mean((2, 3), keepdim=True) if self.pooling != "energy" else None
        if self.pooling == "mean":
            assert mean is not None
            return mean
        energy = (x.square().mean((2, 3), keepdim=True) + 1e-12).sqrt()  # sqrt has no gradient at 0
        return energy if mean is None else torch.cat([mean, energy], 1)

    def _draw(self, margin: Tensor) -> Tensor:
        """A hard draw whose gradient is that of the soft one.

        The Gumbel-softmax of two logits: the difference of two Gumbel numbers is a logistic one, so one uniform
        number a gate is enough, and P(keep) = sigmoid(margin).
        """
        with torch.no_grad():
            seen = margin.sigmoid().mean(0).to(self.keep_probability.dtype)
            self.keep_probability.lerp_(seen, _MOMENTUM)
            uniform = torch.rand_like(margin).clamp(1e-6, 1 - 1e-6)
        noisy = margin + uniform.logit()
        soft = torch.sigmoid(noisy / self.temperature)
        return (noisy > 0).to(soft.dtype) + (soft - soft.detach())  # the bracket is 0: its gradient is soft's

    def measure(self, batches: Iterable[Tensor | tuple[Tensor, ...]]) -> GateUsage:
        """What the gate keeps of a data set, in evaluation; also sets `keep_probability` to what it was there.

        Args:
            batches: (N, C, Hb, Wb), or tuples that begin with it, as a loader gives them.

        Raises:
            ValueError: there is no batch.
        """
        device = self.keep_probability.device
        kept: list[Tensor] = []
        sums = torch.zeros(2, len(self.channels), dtype=torch.float64)
        with evaluating(self):
            for batch in batches:
                x = batch if isinstance(batch, Tensor) else batch[0]
                margin = self.margin(x.to(device)).cpu()
                gate = margin > 0
                kept.append(gate.sum(1))
                sums += torch.stack([gate.double().sum(0), margin.double().sigmoid().sum(0)])
        if not kept:
            raise ValueError("there is no batch to measure the gate on")
        rate, probability = (sums / sum(map(len, kept))).float()
        self.keep_probability.copy_(probability)
        return GateUsage(torch.cat(kept), rate, probability)

    def to_channel_set(self, number: int | None = None) -> ChannelSet:
        """The channels to read without a gate: those with the highest `keep_probability`.

        Args:
            number: how many. Default: as many as are kept more often than not.

        Raises:
            ValueError: `number` is below 1 or above what the gate has, or none is kept more often than not.

        Example:
            >>> from dctdecode.models import FrequencyGate
            >>> gate = FrequencyGate(192)
            >>> gate.keep_probability[[3, 64]] = 0.99
            >>> gate.to_channel_set(2)
            ChannelSet(y=[3], cb=[0], cr=[])
        """
        return Ranking(self.channels.flat, tuple(self.keep_probability.tolist())).best(number)


class GatedModel(nn.Module):
    """A gate in front of any model.

    Args:
        gate: applied to the input.
        model: gets the gated tensor. If it has `channels`, they are the gate's.

    Raises:
        TypeError: the gate is none.
        ValueError: the model is made for other channels than the gate.

    Example:
        >>> import torch
        >>> from dctdecode.models import FrequencyGate, GatedModel
        >>> model = GatedModel(FrequencyGate(24), torch.nn.Conv2d(24, 8, 1)).eval()
        >>> output, gate = model(torch.randn(2, 24, 4, 4), return_gate=True)
        >>> tuple(output.shape), tuple(gate.shape)
        ((2, 8, 4, 4), (2, 24))
    """

    def __init__(self, gate: FrequencyGate, model: nn.Module) -> None:
        super().__init__()
        if not isinstance(gate, FrequencyGate):
            raise TypeError(f"gate: expected a FrequencyGate, got {gate!r}")
        channels = getattr(model, "channels", gate.channels)
        if channels != gate.channels:
            raise ValueError(f"the gate is for {gate.channels!r}, the model for {channels!r}")
        self.gate = gate
        self.model = model

    @property
    def channels(self) -> ChannelSet:
        """The channels that the input holds."""
        return self.gate.channels

    def fold(self, keep: ChannelsLike | Tensor | None = None) -> nn.Module:
        """The static network: the model without a gate, reading only the channels that a fixed gate would keep.

        Args:
            keep: which. A number: so many, the best by `FrequencyGate.to_channel_set`, not a preset; None: as many
                as are kept more often than not; a mask, bool tensor (C,); or what else `dctdecode.read` takes as
                channels: a `ChannelSet`, a preset's name, a file, a sequence of flat indices.

        Returns:
            A copy of the model. It equals, to rounding, the model behind a gate that always passes these channels
            and no other. How far it is from this gate, which decides anew for each image, `fold_distance` tells.
            Its ``.channels`` is what to pass to `dctdecode.read`.

        Raises:
            TypeError: `keep` is none of these; or it is not known which layers of the model read the input: it
                comes neither from `create_model` nor from `adapt_stem`, or it is a MobileNetV2 without batch
                normalisation.
            ValueError: a channel that the input does not hold, a mask of another length, or none kept.

        Example:
            >>> import torch
            >>> from dctdecode.models import create_model
            >>> gated = create_model("mobilenet_v2", 192, num_classes=10, gate=True).eval()
            >>> static = gated.fold(24)
            >>> len(static.channels), tuple(static(torch.zeros(1, 24, 28, 28)).shape)
            (24, (1, 10))
        """
        if keep is None or (isinstance(keep, Integral) and not isinstance(keep, bool)):
            keep = self.gate.to_channel_set(None if keep is None else int(keep))
        elif isinstance(keep, Tensor):
            keep = self._masked(keep)
        return select_inputs(self.model, self.channels, as_channel_set(keep))

    def _masked(self, mask: Tensor) -> ChannelSet:
        flat = self.channels.flat
        if mask.dtype != torch.bool or mask.shape != (len(flat),):
            raise ValueError(f"expected a mask, bool ({len(flat)},), got {mask.dtype} {tuple(mask.shape)}")
        return ChannelSet.from_flat([index for index, kept in zip(flat, mask.tolist(), strict=True) if kept])

    def forward(self, x: Tensor, return_gate: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """The model's output, and with `return_gate` also the gate, float32 (N, C)."""
        gated, gate = self.gate(x, return_gate=True)
        output: Tensor = self.model(gated)
        return (output, gate) if return_gate else output
