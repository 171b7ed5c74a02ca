"""Evaluators of a bank of oscillators over a sequence: FFT, associative scan, recurrence, chunks.

Each takes the drive v (batch, n, length) of n oscillators, all running forward in time, and gives x of that shape.
"""

import torch
from torch import Tensor

from ._oscillators import Oscillators

__all__ = ["fast_length", "fft_convolution"]


def fast_length(minimum: int) -> int:
    """The smallest even 2^a 3^b 5^c that is at least ``minimum``, with b + c <= 1: a length that FFTs like.

    Examples
    --------
    >>> fast_length(151), fast_length(4095)
    (160, 4096)
    """
    candidates = []
    for odd in (1, 3, 5):
        length = 2 * odd
        while length < minimum:
            length *= 2
        candidates.append(length)
    return min(candidates)


def fft_convolution(drive: Tensor, kernel: Tensor, backward_from: int | None = None) -> Tensor:
    """Causal convolution along the last axis of (batch, n, length) with (n, length), O(length log length).

    Rows from ``backward_from`` on run backward in time (correlation with the kernel instead of convolution).
    """
    length = drive.shape[-1]
    padded = fast_length(2 * length - 1)
    response = torch.fft.rfft(kernel, padded)
    if backward_from is not None:
        response = torch.cat([response[:backward_from], response[backward_from:].conj()])
    return torch.fft.irfft(torch.fft.rfft(drive, padded) * response, padded)[..., :length]
