"""The variational bottleneck: what the spectra say about the molecule (z_chem) and about the instrument (z_inst)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["AttentionPool", "Gaussian", "product_of_experts"]

_LOG_VARIANCE = (-8.0, 4.0)


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
        return cls(mean, low + (high - low) * torch.sigmoid(log_variance))

    def __getitem__(self, index) -> "Gaussian":
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


class AttentionPool(nn.Module):
    """Tokens (B, T, width) -> (B, queries * width), each part a softmax-weighted mean of the tokens."""

    def __init__(self, width: int, queries: int) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.empty(queries, width).normal_(std=width**-0.5))
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """The pooled tokens."""
        queries = self.queries.expand(len(tokens), -1, -1).to(tokens.dtype)
        return functional.scaled_dot_product_attention(queries, self.key(tokens), self.value(tokens)).flatten(1)
