"""Damped oscillators by their poles: kernel, transition matrix and its powers in closed form.

IMEX step of D-LinOSS, with S = 1 + dt G: z' = (z + dt (-A x + u')) / S, x' = x + dt z'. The state is (z, x).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Oscillators"]


@dataclass(frozen=True, eq=False)
class Oscillators:
    """A bank of oscillators with poles r exp(+-i theta), held so that r -> 1 and theta -> 0, pi lose no digits.

    Attributes
    ----------
    raw_radius
        (...,) any real number; r = sigmoid(raw_radius), so 1 - r = sigmoid(-raw_radius).
    raw_angle
        (...,) any real number; theta = pi sigmoid(raw_angle).
    step
        dt > 0.
    """

    raw_radius: Tensor
    raw_angle: Tensor
    step: float

    @property
    def radius(self) -> Tensor:
        """Pole radius r, (...,)."""
        return torch.sigmoid(self.raw_radius)

    @property
    def angle(self) -> Tensor:
        """Pole angle theta in rad per position, (...,)."""
        return torch.pi * torch.sigmoid(self.raw_angle)

    @property
    def damping_factor(self) -> Tensor:
        """S = 1 / r^2 = 1 + dt G, (...,)."""
        return (1 + torch.exp(-self.raw_radius)) ** 2

    @property
    def damping(self) -> Tensor:
        """G >= 0, (...,)."""
        excess = torch.exp(-self.raw_radius)
        return excess * (2 + excess) / self.step

    @property
    def stiffness(self) -> Tensor:
        """A = S (1 + 1/S - 2 cos(theta) / sqrt S) / dt^2 as a sum of squares, (...,)."""
        excess = torch.exp(-self.raw_radius)  # 1/r - 1
        return (excess**2 + 4 * (1 + excess) * torch.sin(self.angle / 2) ** 2) / self.step**2

    def powers_of_radius(self, n: Tensor) -> Tensor:
        """r^n, (..., len(n)); ``n`` holds real numbers >= 0."""
        return torch.exp(functional.logsigmoid(self.raw_radius)[..., None] * n)

    def chebyshev(self, n: Tensor) -> Tensor:
        """U_n(cos theta) = sin((n + 1) theta) / sin(theta), (..., len(n)); ``n`` holds whole numbers >= -1.

        The angle is measured from the nearer of 0 and pi, where U_n tends to n + 1 and (-1)^n (n + 1).
        """
        upper = self.raw_angle > 0
        gap = torch.sigmoid(torch.where(upper, -self.raw_angle, self.raw_angle))[..., None]  # angle / pi, at most 1/2
        parity = torch.where(upper[..., None], 1 - 2 * torch.remainder(n, 2), 1.0)
        return parity * (n + 1) * torch.sinc((n + 1) * gap) / torch.sinc(gap)

    def kernel(self, length: int) -> Tensor:
        """Impulse response of x: dt^2/S r^n sin((n + 1) theta)/sin(theta) for n = 0..length - 1, (..., length)."""
        n = self._counts(length)
        return (self.step * self.radius[..., None]) ** 2 * self.powers_of_radius(n) * self.chebyshev(n)

    def energy(self) -> Tensor:
        """Sum over n = 0, 1, ... of the squared kernel, (...,): the variance of x driven by white noise of variance 1.

        (dt^2/S)^2 (1 + r^2) / ((1 - r^2) ((1 - r^2)^2 + 4 r^2 sin^2 theta)).
        """
        square = self.radius**2
        loss = torch.sigmoid(-self.raw_radius) * (1 + self.radius)  # 1 - r^2
        return (
            (self.step**2 * square) ** 2 * (1 + square) / (loss * (loss**2 + 4 * square * torch.sin(self.angle) ** 2))
        )

    def transition(self) -> Tensor:
        """M of (z', x') = M (z, x) + (dt, dt^2) u' / S, (..., 2, 2)."""
        inverse = self.radius**2
        pull = -self.stiffness * inverse
        rows = [inverse, self.step * pull, self.step * inverse, 1 + self.step**2 * pull]
        return torch.stack(rows, -1).unflatten(-1, (2, 2))

    def transition_powers(self, n: Tensor) -> Tensor:
        """M^n, (..., len(n), 2, 2), for whole numbers n >= 1, by Cayley-Hamilton: r^(n-1) (U_(n-1) M - r U_(n-2) I)."""
        decay = self.powers_of_radius(n - 1)
        first = decay * self.chebyshev(n - 1)
        second = decay * self.radius[..., None] * self.chebyshev(n - 2)
        identity = torch.eye(2, dtype=first.dtype, device=first.device)
        return first[..., None, None] * self.transition()[..., None, :, :] - second[..., None, None] * identity

    def advance(self, z: Tensor, x: Tensor, drive: Tensor) -> tuple[Tensor, Tensor]:
        """Z' and x' from z, x and the drive of the new position, each (n, ...) for a bank (n,): the IMEX step."""
        stiffness, factor = (q.reshape(-1, *[1] * (x.ndim - 1)) for q in (self.stiffness, self.damping_factor))
        z = (z + self.step * (drive - stiffness * x)) / factor
        return z, x + self.step * z

    def push(self) -> Tensor:
        """(dt, dt^2) / S: what a unit input adds to (z, x), (..., 2)."""
        inverse = self.radius**2
        return torch.stack([self.step * inverse, self.step**2 * inverse], -1)

    def _counts(self, length: int) -> Tensor:
        return torch.arange(length, dtype=self.raw_radius.dtype, device=self.raw_radius.device)
