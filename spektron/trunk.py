"""The trunk: residual layers that mix along the sequence, then token by token."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import SpektronConfig
from .dlinoss import DLinOSS
from .experts import FeedForward, MixtureOfExperts, Routing
from .tokenizer import CentredConvolution

__all__ = ["Trunk"]

_CONVOLUTION_KERNEL = 15


class GatedScan(nn.Module):
    """Bidirectional D-LinOSS, GELU and a gated linear unit, (B, T, width) -> (B, T, width)."""

    def __init__(self, config: SpektronConfig) -> None:
        super().__init__()
        # Its own generator, seeded from the one that seeds everything else here.
        generator = torch.Generator().manual_seed(int(torch.randint(2**31, ())))
        self.scan = DLinOSS(config.width, config.oscillators, bidirectional=True, generator=generator)
        self.gate = nn.Linear(config.width, 2 * config.width)

    def forward(self, x: Tensor) -> Tensor:
        """The mixed sequence."""
        return functional.glu(self.gate(functional.gelu(self.scan(x))), dim=-1)


class SelfAttention(nn.Module):
    """Multi-head self-attention, (B, T, width) -> (B, T, width)."""

    def __init__(self, config: SpektronConfig) -> None:
        super().__init__()
        self.heads = config.attention_heads
        self.inputs = nn.Linear(config.width, 3 * config.width)
        self.output = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        """The mixed sequence."""
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.inputs(x).chunk(3, dim=-1))
        return self.output(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class ConvolutionMixer(nn.Module):
    """Gated depthwise convolution, (B, T, width) -> (B, T, width)."""

    def __init__(self, config: SpektronConfig) -> None:
        super().__init__()
        self.convolution = CentredConvolution(config.width, config.width, _CONVOLUTION_KERNEL, 1, groups=config.width)
        self.gate = nn.Linear(config.width, 2 * config.width)

    def forward(self, x: Tensor) -> Tensor:
        """The mixed sequence."""
        return functional.glu(self.gate(functional.gelu(self.convolution(x.transpose(1, 2)).transpose(1, 2))), dim=-1)


_MIXERS: dict[str, Any] = {"dlinoss": GatedScan, "attention": SelfAttention, "convolution": ConvolutionMixer}


class TrunkLayer(nn.Module):
    """Pre-norm residual layer: a mixer along the sequence, then a feed-forward network or a mixture of them."""

    def __init__(self, config: SpektronConfig, mixer: str) -> None:
        super().__init__()
        self.mixer_norm = nn.LayerNorm(config.width)
        self.mixer = _MIXERS[mixer](config)
        self.forward_norm = nn.LayerNorm(config.width)
        if config.experts:
            self.experts = MixtureOfExperts(config.width, config.hidden, config.experts, config.experts_per_token)
        else:
            self.feed_forward = FeedForward(config.width, config.hidden)

    def forward(self, x: Tensor) -> tuple[Tensor, Routing | None]:
        """The sequence (B, T, width), and how its tokens were routed."""
        x = x + self.mixer(self.mixer_norm(x))
        normed = self.forward_norm(x)
        if not hasattr(self, "experts"):
            return x + self.feed_forward(normed), None
        change, routing = self.experts(normed)
        return x + change, routing


class Trunk(nn.Module):
    """The layers of the configured mixer, then the attention layers on top, then a norm."""

    def __init__(self, config: SpektronConfig) -> None:
        super().__init__()
        mixers = [config.mixer] * config.layers + ["attention"] * config.attention_layers
        self.layers = nn.ModuleList(TrunkLayer(config, mixer) for mixer in mixers)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, tokens: Tensor) -> tuple[Tensor, tuple[Routing, ...]]:
        """The tokens (B, T, width), and the routing of each layer that has experts."""
        routings = []
        for layer in self.layers:
            tokens, routing = layer(tokens)
            if routing is not None:
                routings.append(routing)
        return self.norm(tokens), tuple(routings)


def wavenumber_features(centres: Tensor, number: int) -> Tensor:
    """Sines and cosines (..., 2 * number) of axis values, of periods from 8000 down to 8000 / 2^(number - 1).

    In the unit of the axis: 1/cm for vibrational and near-infrared spectra, degrees times 100 for XRD.
    """
    periods = 8000.0 / 2.0 ** torch.arange(number, device=centres.device, dtype=torch.float32)
    angles = 2 * torch.pi * centres.float().unsqueeze(-1) / periods
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
