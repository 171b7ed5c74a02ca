"""Evaluators of a bank of oscillators over a sequence, one meaning and four costs.

Each takes the oscillators, the drive (n, batch, length) of each and ``backward_from``, the first oscillator that runs
from the end to the beginning, and gives the positions x, (n, batch, length), that follow from rest. All differ from
each other by rounding only.

==========  =============================  =========================================================================
fft         O(length log length)           product with the transform of the closed-form kernel, zero-padded
chunked     O(length * chunk)              matrix products within chunks, states carried by the scan over chunk ends
scan        O(length log length)           associative scan (Hillis-Steele): log2(length) steps, each one multiply-add
recurrence  O(length)                      one position after the other
==========  =============================  =========================================================================
"""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from ._oscillators import Oscillators

__all__ = [
    "EVALUATORS",
    "FUNCTIONS",
    "Evaluator",
    "chunked",
    "fast_length",
    "fft",
    "final_state",
    "free_response",
    "recurrence",
    "scan",
]

Evaluator = Literal["fft", "chunked", "scan", "recurrence"]
EVALUATORS: tuple[str, ...] = get_args(Evaluator)
CHUNK = 64
ONE_CHUNK = 128  # up to here the whole sequence is one chunk: one matrix product, nothing to carry


def fast_length(minimum: int) -> int:
    """The smallest of 2^k, 3 * 2^k, 5 * 2^k (k >= 1) that is at least ``minimum``: a length that FFTs like.

    Examples
    --------
    >>> fast_length(151), fast_length(4095)
    (160, 4096)
    """
    return min(odd * 2 ** max(1, (-(-minimum // odd) - 1).bit_length()) for odd in (1, 3, 5))


def fft(bank: Oscillators, drive: Tensor, backward_from: int) -> Tensor:
    """Positions by zero-padded FFT: no wrap-around, as the padded length is at least 2 length - 1."""
    length = drive.shape[-1]
    padded = fast_length(2 * length - 1)
    response = torch.fft.rfft(bank.kernel(length), padded)
    # Backward in time the convolution becomes a correlation; what wraps around lands in the padding.
    response = torch.cat([response[:backward_from], response[backward_from:].conj()])
    return torch.fft.irfft(torch.fft.rfft(drive, padded) * response[:, None], padded)[..., :length]


def scan(bank: Oscillators, drive: Tensor, backward_from: int) -> Tensor:
    """Positions by the associative scan over (M, b u), whose matrices are the powers M, M^2, M^4, ..."""
    forcing = _turned(drive, backward_from, -1)[..., None] * bank.push()[:, None, None]
    return _turned(_scanned(bank, forcing, 1)[..., 1], backward_from, -1)


def recurrence(bank: Oscillators, drive: Tensor, backward_from: int) -> Tensor:
    """Positions by the recurrence, one position after the other."""
    drive = _turned(drive, backward_from, -1)
    z = x = torch.zeros_like(drive[..., 0])
    positions = []
    for now in drive.unbind(-1):
        z, x = bank.advance(z, x, now)
        positions.append(x)
    return _turned(torch.stack(positions, -1), backward_from, -1)


def chunked(bank: Oscillators, drive: Tensor, backward_from: int, size: int | None = None) -> Tensor:
    """Positions by matrix products within chunks of ``size``, between which the scan carries the states.

    Default size: the whole sequence up to 128 positions, 64 beyond. Time is turned within the small matrices, never in
    the data.
    """
    n, batch, length = drive.shape
    if size is None:
        size = length if length <= ONE_CHUNK else CHUNK
    count = -(-length // size)
    # Zeros after the last position: an oscillator that runs backward stays at rest through them.
    chunks = functional.pad(drive, (0, count * size - length)).reshape(n, batch * count, size)
    kernel = functional.pad(bank.kernel(size), (size - 1, 0))
    response = kernel.unfold(-1, size, 1).flip(-1)  # [n, t, s]: x at t for a unit drive at s
    response = torch.cat([response[:backward_from].transpose(1, 2), response[backward_from:]])
    if count == 1:
        return torch.bmm(chunks, response).view(n, batch, length)
    powers = bank.transition_powers(torch.arange(1, size + 1, dtype=drive.dtype, device=drive.device))
    from_start = _turned(powers[:, :, 1].transpose(1, 2), backward_from, -1)  # [n, state, t]
    to_end = _turned(_responses_to_push(bank, powers).flip(1), backward_from, 1)  # [n, s, state]
    ends = _turned(torch.bmm(chunks, to_end).view(n, batch, count, 2), backward_from, 2)
    starts = functional.pad(_scanned(bank, ends[:, :, :-1], size), (0, 0, 1, 0))
    starts = _turned(starts, backward_from, 2).reshape(n, batch * count, 2)
    positions = torch.baddbmm(torch.bmm(chunks, response), starts, from_start)
    return positions.view(n, batch, count * size)[..., :length]


def free_response(bank: Oscillators, state: Tensor, length: int) -> Tensor:
    """Positions (n, batch, length) of oscillators left alone with the state (n, batch, 2) before the first position."""
    steps = torch.arange(1, length + 1, dtype=state.dtype, device=state.device)
    return torch.einsum("nbs,nts->nbt", state, bank.transition_powers(steps)[:, :, 1])


def final_state(bank: Oscillators, drive: Tensor, state: Tensor | None) -> Tensor:
    """The state (n, batch, 2) after the last position of a drive (n, batch, length), forward in time, O(length)."""
    length = drive.shape[-1]
    powers = bank.transition_powers(torch.arange(1, length + 1, dtype=drive.dtype, device=drive.device))
    end = torch.einsum("nbt,nts->nbs", drive, _responses_to_push(bank, powers).flip(1))
    return end if state is None else end + torch.einsum("nrs,nbs->nbr", powers[:, -1], state)


def _responses_to_push(bank: Oscillators, powers: Tensor) -> Tensor:
    """States 0, 1, ..., length - 1 positions after a unit drive, (n, length, 2), from the powers 1..length of M."""
    push = bank.push()
    return torch.cat([push[:, None], torch.einsum("ntrs,ns->ntr", powers[:, :-1], push)], 1)


def _scanned(bank: Oscillators, forcing: Tensor, stride: int) -> Tensor:
    """States s_t = M^stride s_(t-1) + forcing_t, (n, batch, length, 2), from rest: log2(length) multiply-adds."""
    length = forcing.shape[2]
    shifts = [2**k for k in range((length - 1).bit_length())]
    exponents = torch.tensor([float(stride * shift) for shift in shifts], dtype=forcing.dtype, device=forcing.device)
    powers = bank.transition_powers(exponents).transpose(-1, -2)
    for k, shift in enumerate(shifts):
        earlier = forcing[:, :, :-shift] @ powers[:, k, None]
        forcing = torch.cat([forcing[:, :, :shift], forcing[:, :, shift:] + earlier], 2)
    return forcing


def _turned(values: Tensor, backward_from: int, dim: int) -> Tensor:
    """The same values with ``dim`` reversed for the oscillators from ``backward_from`` on."""
    if backward_from >= len(values):
        return values
    return torch.cat([values[:backward_from], values[backward_from:].flip(dim)])


FUNCTIONS: dict[str, Callable[[Oscillators, Tensor, int], Tensor]] = {
    "fft": fft,
    "chunked": chunked,
    "scan": scan,
    "recurrence": recurrence,
}
