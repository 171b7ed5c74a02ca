"""Calibration of a wavenumber axis against another instrument: a polynomial through displacements of peaks."""

from typing import Any

import numpy as np

from ..errors import EvaluationError
from ._transfer_base import Array, Needs, SpectrumMap

__all__ = ["AxisPolynomial", "peak_channels"]


class AxisPolynomial(SpectrumMap):
    """Target spectra read at positions moved by a polynomial, fitted to the displacements of peaks of the same samples.

    Peaks of each pair of spectra that are each other's nearest within ``reach`` belong together. Intensities are left
    alone. How Raman shifts are calibrated against a standard, in the manner of ASTM E1840, with the other instrument
    in place of the tabulated positions. O(k L).

    Parameters
    ----------
    degree : int
        0: one shift.
    reach : float
        Channels.
    prominence : float
        Of a peak, as a share of the range of its spectrum.

    Attributes
    ----------
    positions_ : ndarray (L,)
        Where, in target channels, the source channels lie; kept within the axis.
    n_peaks_ : int
        Pairs of peaks.
    """

    needs: Needs = "paired"

    def __init__(self, degree: int = 1, *, reach: float = 15.0, prominence: float = 0.05) -> None:
        self.degree = degree
        self.reach = reach
        self.prominence = prominence

    def fit(self, source_spectra: Any, target_spectra: Any) -> "AxisPolynomial":
        """Itself, fitted to source (k, L) and target (k, L) spectra of the same samples."""
        if self.degree < 0 or not self.reach > 0 or not 0 < self.prominence < 1:
            raise EvaluationError(f"{self!r}: degree >= 0, reach > 0 and a prominence between 0 and 1 are wanted.")
        source, target = self._both(source_spectra, target_spectra)
        found = [self._pairs(s, t) for s, t in zip(source, target, strict=True)]
        at, moved = (np.concatenate(parts) for parts in zip(*found, strict=True))
        self.n_peaks_ = len(at)
        if len(at) <= self.degree:
            raise EvaluationError(
                f"{self!r}: {len(at)} peaks have a partner within {self.reach:g} channels; a polynomial of degree "
                f"{self.degree} needs {self.degree + 1}."
            )
        channels = np.arange(source.shape[1], dtype=np.float64)
        smooth = np.polynomial.Polynomial.fit(at, moved - at, self.degree, domain=[0.0, channels[-1]])
        # Beyond the outermost peaks the displacement is kept: a polynomial runs away there.
        inside = np.clip(channels, at.min(), at.max())
        self.positions_ = np.clip(channels + smooth(inside), 0.0, channels[-1])
        return self

    def transform(self, spectra: Any) -> Array:
        """Target spectra (n, L) on the axis of the source, by cubic splines."""
        from scipy.interpolate import CubicSpline

        x = self._new(spectra)
        return CubicSpline(np.arange(x.shape[1]), x, axis=1)(self.positions_)

    def _pairs(self, source: Array, target: Array) -> tuple[Array, Array]:
        """Channels (m,) of source peaks with a partner, and those of the partners (m,)."""
        first, second = peak_channels(source, self.prominence), peak_channels(target, self.prominence)
        if not len(first) or not len(second):
            return np.zeros(0), np.zeros(0)
        apart = np.abs(first[:, None] - second)
        partner = apart.argmin(axis=1)
        rows = np.arange(len(first))
        mutual = (apart.argmin(axis=0)[partner] == rows) & (apart[rows, partner] <= self.reach)
        return first[mutual], second[partner[mutual]]


def peak_channels(spectrum: Array, prominence: float) -> Array:
    """Positions (m,) of peaks in channels, refined by a parabola through three points.

    Parameters
    ----------
    spectrum : ndarray (L,)
    prominence : float
        At least, as a share of the range of the spectrum.

    Examples
    --------
    >>> x = np.arange(50)
    >>> peak_channels(np.exp(-0.1 * (x - 20.2) ** 2), 0.1).round(1).tolist()
    [20.2]
    """
    from scipy.signal import find_peaks

    size = float(np.ptp(spectrum))
    if not size > 0:
        return np.zeros(0)
    at, _ = find_peaks(spectrum, prominence=prominence * size)
    left, top, right = spectrum[at - 1], spectrum[at], spectrum[at + 1]
    bend = left - 2.0 * top + right
    return at + np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1.0), 0.0)
