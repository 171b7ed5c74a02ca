"""D-LinOSS: a layer of damped linear oscillators along a sequence, parametrised by its poles.

IMEX discretisation: S = 1 + dt G; z' = (z + dt (-A x + B u')) / S; x' = x + dt z'; y = C x + D u. The poles r exp(+-i
theta) follow from free parameters, r in (0, 1), theta in (0, pi); S = 1/r^2 and A = S (1 + 1/S - 2 cos(theta)/sqrt S)
/ dt^2, so every parameter gives a stable layer and every frequency up to the highest can be reached.

Source: J. Boyer, T. K. Rusch, D. Rus, "Learning to dissipate energy in oscillatory state-space models" (2025).
"""

import math

import torch
from torch import Tensor, nn

from ..errors import ModelError
from ._oscillators import Oscillators
from ._scan import EVALUATORS, FUNCTIONS, Evaluator, final_state, free_response

__all__ = ["DLinOSS", "Evaluator"]

GOLDEN = (math.sqrt(5) - 1) / 2


class DLinOSS(nn.Module):
    """One layer of damped oscillators: (batch, length, width) -> (batch, length, width).

    The drive of each oscillator is scaled so that white noise of variance 1 gives x of variance 1, whatever the poles.

    Parameters
    ----------
    width
        Channels of input and output.
    n_oscillators
        Oscillators in each direction.
    bidirectional
        Adds as many oscillators, with poles, B and C of their own, that run from the end to the beginning.
    step
        dt of the discretisation.
    radius_range
        Initial pole radii; memories 1/(1 - r) are spread evenly on a logarithmic scale between those of both ends.
    evaluator
        How x is computed: "fft", "chunked" (the fastest on a CPU), "scan" or "recurrence", all with the same result.
    generator
        Source of the initial B, C, D and of the offsets of the poles; None takes one seeded with 0.

    Raises
    ------
    ModelError
        A size below 1, radii not within (0, 1), an unknown evaluator.

    Examples
    --------
    >>> layer = DLinOSS(8, 16)
    >>> layer(torch.zeros(2, 76, 8)).shape
    torch.Size([2, 76, 8])
    """

    initial_poles: Tensor

    def __init__(
        self,
        width: int,
        n_oscillators: int,
        *,
        bidirectional: bool = True,
        step: float = 1.0,
        radius_range: tuple[float, float] = (0.9, 0.999),
        evaluator: Evaluator = "chunked",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if width < 1 or n_oscillators < 1 or not step > 0:
            raise ModelError(
                f"DLinOSS(width={width}, n_oscillators={n_oscillators}, step={step}): all must be positive."
            )
        low, high = radius_range
        if not 0 < low <= high < 1:
            raise ModelError(f"radius_range={radius_range}: must be 0 < lowest <= highest < 1.")
        self.width, self.n_oscillators, self.step_size = width, n_oscillators, float(step)
        self.bidirectional, self.evaluator = bidirectional, _known_evaluator(evaluator)
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        total = n_oscillators * self.n_directions
        raw_radius, raw_angle = _initial_poles(n_oscillators, self.n_directions, radius_range, generator)
        # Poles are vectors, not matrices: weight decay is for the matrices.
        self.raw_radius = nn.Parameter(raw_radius)
        self.raw_angle = nn.Parameter(raw_angle)
        self.B = nn.Parameter(torch.randn(total, width, generator=generator) / math.sqrt(width))
        self.C = nn.Parameter(torch.randn(width, total, generator=generator) / math.sqrt(total))
        self.D = nn.Parameter(torch.randn(width, generator=generator))
        self.register_buffer("initial_poles", torch.stack([raw_radius, raw_angle]))

    @property
    def n_directions(self) -> int:
        """1, or 2 when bidirectional."""
        return 2 if self.bidirectional else 1

    def oscillators(self) -> Oscillators:
        """The oscillators, those running forward first, in float32 at least."""
        dtype = torch.promote_types(self.raw_radius.dtype, torch.float32)
        return Oscillators(self.raw_radius.to(dtype), self.raw_angle.to(dtype), self.step_size)

    def poles(self) -> tuple[Tensor, Tensor]:
        """Pole radius and angle (rad per position), each (directions, n_oscillators)."""
        bank = self.oscillators()
        return bank.radius.view(self.n_directions, -1), bank.angle.view(self.n_directions, -1)

    def kernel(self, length: int) -> Tensor:
        """Impulse responses dt^2/S r^n sin((n + 1) theta)/sin(theta) of x, (directions, n_oscillators, length).

        B, with the gain of the drive, and C stand outside.
        """
        return self.oscillators().kernel(length).view(self.n_directions, self.n_oscillators, length)

    def input_matrix(self) -> Tensor:
        """B with each row scaled so that white noise of variance 1 along it gives x of variance 1, (n, width)."""
        return (self.B * torch.rsqrt(self.oscillators().energy())[:, None]).to(self.B.dtype)

    def forward(self, u: Tensor, *, evaluator: Evaluator | None = None, state: Tensor | None = None) -> Tensor:
        """Y = C x + D u, (batch, length, width), in float32 or better along the sequence whatever the dtype of ``u``.

        Parameters
        ----------
        u
            (batch, length, width).
        evaluator
            Instead of the layer's own.
        state
            (batch, n_oscillators, 2), z and x before the first position; None: at rest.

        Raises
        ------
        ModelError
            ``u`` is not (batch, length >= 1, width), an unknown evaluator, a state of a bidirectional layer.
        """
        return self._run(u, evaluator, state)[0]

    def stream(
        self, u: Tensor, state: Tensor | None = None, *, evaluator: Evaluator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Y for a block of any length, (batch, length, width), and the state after it, (batch, n_oscillators, 2).

        Blocks one after the other give what `forward` gives for all of them at once.

        Raises
        ------
        ModelError
            As `forward`; the layer is bidirectional.
        """
        self._refuse_bidirectional("stream")
        y, bank, drive = self._run(u, evaluator, state)
        with torch.autocast(u.device.type, enabled=False):
            before = None if state is None else state.to(drive.dtype).transpose(0, 1)
            return y, final_state(bank, drive, before).transpose(0, 1)

    def step(self, u_t: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Y at one position, (batch, width), and the state after it, by one step of the recurrence.

        Parameters
        ----------
        u_t
            (batch, width).
        state
            (batch, n_oscillators, 2), z and x; None: at rest.

        Raises
        ------
        ModelError
            A shape that does not fit; the layer is bidirectional, where every output needs the whole sequence.
        """
        self._refuse_bidirectional("step")
        if u_t.ndim != 2 or u_t.shape[-1] != self.width:
            raise ModelError(f"DLinOSS.step, width {self.width}: u_t must be (batch, width), not {tuple(u_t.shape)}.")
        drive = u_t @ self.input_matrix().T
        with torch.autocast(u_t.device.type, enabled=False):
            bank = self.oscillators()
            drive = drive.to(bank.raw_radius.dtype)
            if state is None:
                state = drive.new_zeros(*drive.shape, 2)
            self._check_state(state, len(u_t))
            z, x = bank.advance(state[..., 0].T, state[..., 1].T, drive.T)
        y = x.T.to(u_t.dtype) @ self.C.T + self.D * u_t
        return y, torch.stack([z.T, x.T], -1)

    def extra_repr(self) -> str:
        """Sizes and evaluator."""
        direction = "both directions" if self.bidirectional else "forward"
        return f"width={self.width}, n_oscillators={self.n_oscillators}, {direction}, evaluator={self.evaluator!r}"

    def _run(self, u: Tensor, evaluator: str | None, state: Tensor | None) -> tuple[Tensor, Oscillators, Tensor]:
        """The output, and the oscillators with their drive (n, batch, length)."""
        if u.ndim != 3 or u.shape[-1] != self.width or u.shape[1] < 1:
            raise ModelError(
                f"DLinOSS, width {self.width}: input must be (batch, length, width), not {tuple(u.shape)}."
            )
        chosen = _known_evaluator(self.evaluator if evaluator is None else evaluator)
        batch, length, _ = u.shape
        # One matrix product over all positions; batch and length stay together behind the oscillators.
        drive = (self.input_matrix() @ u.permute(2, 0, 1).reshape(self.width, -1)).view(-1, batch, length)
        with torch.autocast(u.device.type, enabled=False):
            bank = self.oscillators()
            drive = drive.to(bank.raw_radius.dtype)
            x = FUNCTIONS[chosen](bank, drive, self.n_oscillators)
            if state is not None:
                self._refuse_bidirectional("forward with a state")
                self._check_state(state, batch)
                x = x + free_response(bank, state.to(drive.dtype).transpose(0, 1), length)
        y = (self.C @ x.reshape(len(x), -1).to(u.dtype)).view(self.width, batch, length).permute(1, 2, 0)
        return y + self.D * u, bank, drive

    def _refuse_bidirectional(self, call: str) -> None:
        if self.bidirectional:
            raise ModelError(
                f"DLinOSS: {call} needs a layer with bidirectional=False; here oscillators also run from the end of "
                "the sequence, so that no output is known before all of it is."
            )

    def _check_state(self, state: Tensor, batch: int) -> None:
        if state.shape != (batch, self.n_oscillators, 2):
            expected = (batch, self.n_oscillators, 2)
            raise ModelError(
                f"DLinOSS: state must be (batch, n_oscillators, 2) = {expected}, not {tuple(state.shape)}."
            )


def _known_evaluator(name: str) -> str:
    if name not in FUNCTIONS:
        raise ModelError(f"DLinOSS: no evaluator {name!r}; there are {', '.join(EVALUATORS)}.")
    return name


def _initial_poles(
    n: int, directions: int, radius_range: tuple[float, float], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Raw radii and angles, each (directions n,): a lattice over (log memory, sqrt angle), shifted at random.

    Half of the angles lie below pi/4, as the slow variation along a sequence carries most of its variance.
    """
    shift = torch.rand(2, directions, 1, generator=generator, dtype=torch.float64)
    index = torch.arange(n, dtype=torch.float64)
    memory = torch.remainder(shift[0] + index * GOLDEN, 1).flatten()
    angle = ((index + 0.5 + 0.5 * (shift[1] - 0.5)) / n).flatten() ** 2
    short, long = (math.log(1 / (1 - radius)) for radius in radius_range)
    radius = 1 - torch.exp(-(short + (long - short) * memory))
    dtype = torch.get_default_dtype()
    return torch.logit(radius).to(dtype), torch.logit(angle).to(dtype)
