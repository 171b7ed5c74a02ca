"""Spectra on the channels of a model: averages where the channels are coarser, interpolation where they are finer."""

from typing import Any

import numpy as np

from ..errors import SpectrumError
from ..groups.operations import NDArrayFloat

__all__ = ["covered_channels", "resample"]

_GAP_STEPS = 6.0  # an interval this many times the usual step is a hole in the data, not a step
_GAP_CM1 = 12.0  # ... unless it is narrower than this: bands of condensed matter are not


def resample(axis: Any, values: Any, channels: Any) -> tuple[NDArrayFloat, np.ndarray]:
    """Values (..., L) of spectra on the channels of a model, and which channels are covered (L,).

    A channel inside the data that holds two points or more gets the mean over its width of the piecewise linear
    function through the points, so that areas are kept and noise is averaged; any other gets the value of that
    function at its centre, so that a spectrum on the model's own axis comes back unchanged. Channels outside the
    data, or in a hole of them (`covered_channels`), are 0 and not covered. Time O((n + L) x number of spectra).

    Parameters
    ----------
    axis : array (n,)
        Strictly ascending.
    values : array (..., n)
    channels : array (L,)
        Strictly ascending centres; a channel reaches half-way to its neighbours.

    Examples
    --------
    >>> values, covered = resample(np.arange(9.0), 2 * np.arange(9.0), [2.0, 4.0, 6.0, 11.0])
    >>> values.tolist(), covered.tolist()
    ([4.0, 8.0, 12.0, 0.0], [True, True, True, False])
    """
    points = np.asarray(axis, dtype=float)
    data = np.asarray(values, dtype=float)
    centres = np.asarray(channels, dtype=float)
    if data.shape[-1:] != points.shape:
        raise SpectrumError(f"resample: values of shape {data.shape} on an axis of {len(points)} points.")
    covered = covered_channels(points, centres)
    edges = _edges(centres)
    inside = np.clip(edges, points[0], points[-1])
    counts = np.diff(np.searchsorted(points, edges))
    width = np.diff(inside)
    averaged = (counts >= 2) & (inside[:-1] == edges[:-1]) & (inside[1:] == edges[1:])
    integral = _integral(points, data, inside)
    means = np.diff(integral, axis=-1) / np.where(width > 0, width, 1.0)
    found = np.where(averaged, means, _interpolated(points, data, centres))
    return np.where(covered, found, 0.0), covered


def covered_channels(axis: NDArrayFloat, channels: NDArrayFloat) -> np.ndarray:
    """Which channels (L,) lie inside the data and not in a hole: wider than six usual steps and than 12 cm-1.

    Examples
    --------
    >>> points = np.concatenate([np.arange(0.0, 50.0), np.arange(100.0, 150.0)])
    >>> covered_channels(points, np.array([25.0, 75.0, 125.0, 175.0])).tolist()
    [True, False, True, False]
    """
    steps = np.diff(axis)
    hole = steps > max(_GAP_STEPS * float(np.median(steps)), _GAP_CM1)
    place = np.clip(np.searchsorted(axis, channels, side="right") - 1, 0, len(steps) - 1)
    # Rounding of file formats must not take the last channel away.
    slack = 0.5 * float(np.median(np.diff(channels))) if len(channels) > 1 else 0.0
    inside = (channels >= axis[0] - slack) & (channels <= axis[-1] + slack)
    on_a_point = (channels == axis[place]) | (channels == axis[place + 1])
    return inside & (~hole[place] | on_a_point)


def _edges(centres: NDArrayFloat) -> NDArrayFloat:
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - middle[0], 2 * centres[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])


def _weights(points: NDArrayFloat, at: NDArrayFloat) -> tuple[np.ndarray, NDArrayFloat]:
    """Left neighbours and fractions of the step, for positions inside the data."""
    left = np.clip(np.searchsorted(points, at, side="right") - 1, 0, len(points) - 2)
    return left, (at - points[left]) / (points[left + 1] - points[left])


def _interpolated(points: NDArrayFloat, data: NDArrayFloat, at: NDArrayFloat) -> NDArrayFloat:
    left, fraction = _weights(points, np.clip(at, points[0], points[-1]))
    return data[..., left] * (1 - fraction) + data[..., left + 1] * fraction


def _integral(points: NDArrayFloat, data: NDArrayFloat, at: NDArrayFloat) -> NDArrayFloat:
    """Integral of the piecewise linear function from the first point to each position (..., n)."""
    steps = np.diff(points)
    areas = np.cumsum(steps * (data[..., 1:] + data[..., :-1]) / 2, axis=-1)
    upto = np.concatenate([np.zeros((*data.shape[:-1], 1)), areas], axis=-1)
    left, fraction = _weights(points, at)
    low, high = data[..., left], data[..., left + 1]
    return upto[..., left] + steps[left] * fraction * (low + fraction * (high - low) / 2)
