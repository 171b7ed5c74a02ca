"""Networks of `PeakVAE`: peak maps to Gaussians of a latent vector, latent vectors to distributions over peak maps."""

from dataclasses import dataclass
from math import log, pi
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .bottleneck import Gaussian

__all__ = [
    "MapDistribution",
    "MapEncoder",
    "PeakTranslator",
    "as_tensor",
    "gaussian_divergence",
    "masked_correlation",
    "rendered_maps",
]

_CHANNELS = 32
_LOG_WIDTH = (-3.0, 4.0)  # of FWHM over bin width
_LOG_DEVIATION = (-3.0, 0.5)  # of root height, offset, log width, share


def gaussian_divergence(q: Gaussian, p: Gaussian) -> Tensor:
    """Kullback-Leibler divergence (B,) of q from p, in nats, both with diagonal covariance."""
    if q.log_variance is None or p.log_variance is None:
        raise ValueError("gaussian_divergence needs the variances of both")
    ratio = q.log_variance - p.log_variance
    distance = (q.mean - p.mean).square() * torch.exp(-p.log_variance)
    return 0.5 * (ratio.exp() + distance - 1 - ratio).sum(-1)


class MapEncoder(nn.Module):
    """Peak maps (B, bins, 6) -> features (B, hidden), by two convolutions over the bins and a dense layer."""

    def __init__(self, bins: int, hidden: int, dropout: float, inputs: int = 6) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(inputs, _CHANNELS, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(_CHANNELS, _CHANNELS, 5, stride=2, padding=2),
            nn.GELU(),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(_CHANNELS * ((bins + 1) // 2), hidden),
            nn.LayerNorm(hidden),
            nn.GELU(),
            nn.Dropout(dropout),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """The features."""
        return self.body(maps.transpose(1, 2))


@dataclass(frozen=True)
class MapDistribution:
    """Independent distributions of what stands in each bin.

    ``presence`` (B, bins) is the logit of a peak. Given a peak, ``means`` (B, bins, 4) are those of root height, offset
    in the bin, log of FWHM over bin width, Lorentzian share, and ``log_deviations`` (4,) their normal deviations.
    """

    presence: Tensor
    means: Tensor
    log_deviations: Tensor

    def log_likelihood(self, maps: Tensor) -> Tensor:
        """Log-likelihood (B,) of peak maps (B, bins, 6), over the bins that were measured."""
        here, measured = maps[..., 0], maps[..., 5]
        bernoulli = -functional.binary_cross_entropy_with_logits(self.presence, here, reduction="none")
        scaled = (maps[..., 1:5] - self.means) * torch.exp(-self.log_deviations)
        normal = -(0.5 * scaled.square() + self.log_deviations + 0.5 * log(2 * pi)).sum(-1)
        return (measured * (bernoulli + here * normal)).sum(-1)

    def draw(self, generator: torch.Generator) -> Tensor:
        """Heights, offsets, log widths and shares (B, bins, 4) of peaks drawn; height 0 where there is none."""
        uniform = torch.rand(self.presence.shape, generator=generator)
        noise = torch.randn(self.means.shape, generator=generator) * self.log_deviations.exp()
        values = self.means + noise
        height = values[..., 0].clamp_min(0).square() * (uniform < self.presence.sigmoid())
        return torch.stack(
            [height, values[..., 1].clamp(-0.5, 0.5), values[..., 2].clamp(*_LOG_WIDTH), values[..., 3].clamp(0, 1)], -1
        )

    def expected(self) -> Tensor:
        """The mean height (presence times height), and means of the others (B, bins, 4)."""
        mean_square = self.means[..., 0].square() + (2 * self.log_deviations[0]).exp()
        return torch.cat([(self.presence.sigmoid() * mean_square)[..., None], self.means[..., 1:]], -1)


def rendered_maps(peaks: Tensor, per_bin: int, reach: int) -> Tensor:
    """Spectra (B, bins * per_bin) of heights, offsets, log widths and shares (B, bins, 4).

    Points lie at (i + 1/2) / per_bin of a bin; a peak is drawn up to ``reach`` bins from its own, as the sum of
    Lorentzian and Gaussian of equal FWHM (Thompson, Cox and Hastings 1987), within 1 % of the Voigt profile.
    """
    batch, bins, _ = peaks.shape
    height, offset, log_width, share = peaks.unbind(-1)
    window = (2 * reach + 1) * per_bin
    place = (torch.arange(window, device=peaks.device) + 0.5) / per_bin - reach - 0.5
    ratio = (place - offset[..., None]) * torch.exp(-log_width)[..., None]
    square = ratio.square()
    weight = share * (1.36603 - share * (0.47719 - 0.11116 * share))
    lorentz = weight / pi
    gauss = (1 - weight) * (log(2) / pi) ** 0.5
    top = (lorentz / (lorentz + gauss))[..., None]
    profile = top / (1 + 4 * square) + (1 - top) * torch.exp(-4 * log(2) * square)
    blocks = (height[..., None] * profile).transpose(1, 2)
    length = (bins - 1) * per_bin + window
    summed = functional.fold(blocks, (1, length), (1, window), stride=(1, per_bin)).reshape(batch, length)
    return summed[:, reach * per_bin : reach * per_bin + bins * per_bin]


class PeakTranslator(nn.Module):
    """Conditional variational autoencoder over peak maps (Sohn, Lee and Yan, NeurIPS 2015).

    Prior p(z | x) from the maps of one modality, posterior q(z | x, y) from both, decoder p(y | z).
    """

    def __init__(self, bins_x: int, bins_y: int, latent: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.encoder_x = MapEncoder(bins_x, hidden, dropout)
        self.encoder_y = MapEncoder(bins_y, hidden, dropout)
        self.prior_head = nn.Linear(hidden, 2 * latent)
        self.posterior_head = nn.Linear(2 * hidden, 2 * latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, bins_y * 5)
        )
        self.log_deviations = nn.Parameter(torch.tensor([-1.5, -1.2, -0.5, -1.0]))
        self.bins_y = bins_y

    @torch.no_grad()
    def start_from(self, maps_y: Tensor) -> None:
        """Set the last layer's offsets to what stands in each bin on the average of the training maps."""
        here = maps_y[..., 0]
        share = (here.sum(0) + 0.5) / (maps_y[..., 5].sum(0) + 5.0)
        overall = (maps_y[..., 1:5] * here[..., None]).sum((0, 1)) / here.sum().clamp_min(1)
        start = torch.cat([torch.logit(share)[:, None], overall.expand(self.bins_y, 4)], 1)
        start[:, 2] = 0
        last: Any = self.decoder[-1]
        last.bias.copy_(start.flatten())
        last.weight.mul_(0.3)

    def prior(self, maps_x: Tensor) -> Gaussian:
        """p(z | x)."""
        return Gaussian.of_parameters(*self.prior_head(self.encoder_x(maps_x)).chunk(2, -1))

    def both(self, maps_x: Tensor, maps_y: Tensor) -> tuple[Gaussian, Gaussian]:
        """p(z | x) and q(z | x, y)."""
        features = self.encoder_x(maps_x)
        joint = torch.cat([features, self.encoder_y(maps_y)], -1)
        parts = self.prior_head(features).chunk(2, -1), self.posterior_head(joint).chunk(2, -1)
        return Gaussian.of_parameters(*parts[0]), Gaussian.of_parameters(*parts[1])

    def decode(self, z: Tensor) -> MapDistribution:
        """p(y | z)."""
        raw = self.decoder(z).reshape(-1, self.bins_y, 5)
        low, high = _LOG_WIDTH
        means = torch.stack(
            [raw[..., 1], 0.5 * torch.tanh(raw[..., 2]), raw[..., 3].clamp(low, high), raw[..., 4].clamp(0, 1)], -1
        )
        return MapDistribution(raw[..., 0], means, self.log_deviations.clamp(*_LOG_DEVIATION))


def masked_correlation(found: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Pearson r (B,) of spectra (B, L) over the points of a mask; 0 where one of them is constant."""
    weight = mask / mask.sum(-1, keepdim=True).clamp_min(1)
    a = (found - (weight * found).sum(-1, keepdim=True)) * mask
    b = (target - (weight * target).sum(-1, keepdim=True)) * mask
    norm = (a.square().sum(-1) * b.square().sum(-1)).clamp_min(1e-12).sqrt()
    return (a * b).sum(-1) / norm


def as_tensor(values: Any) -> Tensor:
    """Single precision, copied."""
    return torch.tensor(values, dtype=torch.float32)
