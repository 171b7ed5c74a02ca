"""The variational bottleneck: what the spectra say about the molecule (z_chem) and about the instrument (z_inst)."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Gaussian", "WindowPool", "product_of_experts"]

_LOG_VARIANCE = (-8.0, 4.0)
_INITIAL = (
    -1.5
)  # before squashing: a standard deviation of 0.1, so that differences are seen through the noise at first


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Independent normal distributions: ``mean`` and ``log_variance`` of one shape (..., k).

    ``log_variance`` is None where the bottleneck is switched off: then the value is the mean.
    """

    mean: Tensor
    log_variance: Tensor | None = None

    @classmethod
    def of_parameters(cls, mean: Tensor, log_variance: Tensor) -> "Gaussian":
        """From the outputs of a linear map; the log-variance is squashed smoothly into [-8, 4]."""
        low, high = _LOG_VARIANCE
        return cls(mean, low + (high - low) * torch.sigmoid(log_variance + _INITIAL))

    def __getitem__(self, index: Any) -> "Gaussian":
        """Some of the distributions."""
        return Gaussian(self.mean[index], None if self.log_variance is None else self.log_variance[index])

    def sample(self, generator: torch.Generator | None) -> Tensor:
        """A draw by reparametrisation; the mean itself without a generator."""
        if self.log_variance is None or generator is None:
            return self.mean
        noise = torch.randn(self.mean.shape, generator=generator, device=generator.device).to(self.mean)
        return self.mean + noise * torch.exp(0.5 * self.log_variance)


def product_of_experts(parts: Gaussian, present: Tensor) -> Gaussian:
    """Product (B, k) of the prior N(0, 1) and the Gaussians (B, M, k) of the modalities ``present`` (B, M).

    A modality that is missing contributes nothing, so that one, two or more spectra give a posterior of the same kind
    (Wu & Goodman, arXiv:1802.05335, eq. 4). Without variances: the mean over the modalities present.
    """
    here = present.unsqueeze(-1).to(parts.mean)
    if parts.log_variance is None:
        return Gaussian((parts.mean * here).sum(1) / here.sum(1).clamp(min=1))
    precision = here * torch.exp(-parts.log_variance)
    total = 1 + precision.sum(1)
    return Gaussian((precision * parts.mean).sum(1) / total, -torch.log(total))


class WindowPool(nn.Module):
    """Tokens (B, T, width) -> (B, windows * features): softmax-weighted means, each about a place along the spectrum.

    The logit of a token is what its content says plus a Gaussian of its place, 0 to 1 from the first token to the last,
    about the window's (both learned; at first the windows lie evenly). Where a band stands is thus kept, for any number
    of tokens; a plain attention pool would have to learn it before it can tell two molecules apart.
    """

    def __init__(self, width: int, windows: int, features: int) -> None:
        super().__init__()
        self.windows, self.features = windows, features
        self.value = nn.Linear(width, features)
        self.content = nn.Linear(width, windows, bias=False)
        nn.init.zeros_(self.content.weight)
        self.centre = nn.Parameter((torch.arange(windows) + 0.5) / windows)
        self.log_width = nn.Parameter(torch.full((windows,), -math.log(2.0 * windows)))
        self.norm = nn.LayerNorm(windows * features)

    def forward(self, tokens: Tensor) -> Tensor:
        """The pooled tokens."""
        place = torch.linspace(0, 1, tokens.shape[1], device=tokens.device)[:, None]
        near = -0.5 * ((place - self.centre) * torch.exp(-self.log_width)).square()
        weights = (self.content(tokens).float() + near).softmax(1).to(tokens.dtype)
        return self.norm((weights.transpose(1, 2) @ self.value(tokens)).flatten(1))
