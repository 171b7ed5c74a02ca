"""The network of `SpectrumCNN`: down to a dense layer by strided convolutions, and up again."""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["SpectrumNetwork", "shifted"]


class SpectrumNetwork(nn.Module):
    """Planes (B, 2, places) of root intensity and mask -> spectra (B, points_y)."""

    def __init__(self, points_x: int, points_y: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.points_y = points_y
        self.pool_x, self.pool_y = -(-points_x // 512), -(-points_y // 512)
        self.places = -(-points_x // self.pool_x)
        self.eighth = -(-points_y // (8 * self.pool_y))
        self.down = nn.Sequential(
            nn.Conv1d(2, 24, 9, 2, 4), nn.GELU(), nn.Conv1d(24, 32, 7, 2, 3), nn.GELU(), nn.Conv1d(32, 48, 5, 2, 2)
        )
        flat = 48 * (((self.places + 1) // 2 + 1) // 2 + 1 >> 1)
        self.dense = nn.Sequential(
            nn.GELU(),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(flat, hidden),
            nn.LayerNorm(hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, 32 * self.eighth),
            nn.GELU(),
        )
        self.up = nn.ModuleList([nn.Conv1d(32, 32, 5, padding=2), nn.Conv1d(32, 24, 5, padding=2)])
        self.last = nn.Conv1d(24, 1, 5, padding=2)
        self.offset = nn.Parameter(torch.zeros(points_y))

    def planes(self, spectra: Tensor, mask: Tensor) -> Tensor:
        """Root intensity and measured share (n, 2, places), means over ``pool_x`` points."""
        short = self.places * self.pool_x - spectra.shape[1]
        both = torch.stack([spectra.clamp_min(0).sqrt() * mask, mask], 1)
        pooled = functional.pad(both, (0, short)).unflatten(-1, (self.places, self.pool_x)).mean(-1)
        return torch.stack([pooled[:, 0] / pooled[:, 1].clamp_min(1e-6), pooled[:, 1]], 1)

    @torch.no_grad()
    def start_from(self, mean: Tensor) -> None:
        """Set the offset so that the network starts near the mean spectrum."""
        self.offset.copy_(torch.log(torch.expm1(mean.clamp_min(1e-3))))

    def forward(self, planes: Tensor) -> Tensor:
        """The spectra."""
        x = self.dense(self.down(planes)).unflatten(-1, (32, self.eighth))
        for layer in self.up:
            x = functional.gelu(layer(functional.interpolate(x, scale_factor=2, mode="linear")))
        x = self.last(functional.interpolate(x, scale_factor=2, mode="linear"))
        x = functional.interpolate(x, size=self.points_y, mode="linear")[:, 0]
        return functional.softplus(x + self.offset)


def shifted(planes: Tensor, by: int) -> Tensor:
    """Moved along the axis; what comes in counts as not measured."""
    moved = torch.roll(planes, by, -1)
    if by > 0:
        moved[..., :by] = 0
    elif by < 0:
        moved[..., by:] = 0
    return moved
