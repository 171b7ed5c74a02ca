"""The spectral standardization of Shenk and Westerhaus: wavelengths matched first, then intensities."""

from typing import Any

import numpy as np

from ..errors import EvaluationError
from ._transfer_base import Array, Needs, SpectrumMap

__all__ = ["ShenkWesterhaus"]


class ShenkWesterhaus(SpectrumMap):
    """Wavelength axis of the target matched to the source's, then slope and bias of the intensity in every channel.

    J. S. Shenk, M. O. Westerhaus, US patent 4,866,644 (1989), as described by E. Bouveresse, D. L. Massart,
    P. Dardenne, Anal. Chim. Acta 297, 405 (1994). For every source channel the target channel nearby that correlates
    best over the samples is refined by a parabola through three correlations; a polynomial in the channel number
    smooths these displacements; target spectra are interpolated at the positions found (here by cubic splines), and
    each channel gets its straight line. O(k L (2 half_width + 1)).

    Parameters
    ----------
    half_width : int
        Channels to either side in which the match is sought; 0: no wavelength correction.
    degree : int
        Of the polynomial.

    Attributes
    ----------
    positions_ : ndarray (L,)
        Where, in target channels, the source channels lie; kept within the axis.
    slopes_, biases_ : ndarray (L,)
    """

    needs: Needs = "paired"

    def __init__(self, half_width: int = 3, *, degree: int = 2) -> None:
        self.half_width = half_width
        self.degree = degree

    @property
    def smallest_k(self) -> int:
        """3, or 2 without the wavelength correction."""
        return 3 if self.half_width else 2

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        if self.half_width:
            return "any two channels correlate with 1 or -1 over two samples, so that no wavelength matches best"
        return "a line has two unknowns"

    def fit(self, source_spectra: Any, target_spectra: Any) -> "ShenkWesterhaus":
        """Itself, fitted to source (k, L) and target (k, L) spectra of the same samples."""
        if self.half_width < 0 or self.degree < 0:
            raise EvaluationError(f"{self!r}: half_width and degree must not be negative.")
        source, target = self._both(source_spectra, target_spectra)
        length = source.shape[1]
        self.positions_ = np.arange(length, dtype=np.float64)
        if self.half_width:
            channels, found = _matches(source, target, min(self.half_width, length - 1))
            if len(channels) <= self.degree:
                raise EvaluationError(
                    f"{self!r}: only {len(channels)} of {length} channels match one inside the window, too few for the "
                    "polynomial: widen half_width or lower degree."
                )
            smooth = np.polynomial.Polynomial.fit(channels, found - channels, self.degree)
            self.positions_ = np.clip(self.positions_ + smooth(self.positions_), 0.0, length - 1.0)
        moved = self._moved(target)
        means = moved.mean(axis=0)
        centred = moved - means
        squares = np.einsum("kl,kl->l", centred, centred)
        varies = squares > 1e-24 * len(moved) * np.abs(moved).max() ** 2
        # A channel that is constant over the samples has a bias only.
        products = np.einsum("kl,kl->l", centred, source)
        self.slopes_ = np.where(varies, products / np.where(varies, squares, 1.0), 1.0)
        self.biases_ = source.mean(axis=0) - self.slopes_ * means
        return self

    def transform(self, spectra: Any) -> Array:
        """Target spectra (n, L) as of the source."""
        return self.slopes_ * self._moved(self._new(spectra)) + self.biases_

    def _moved(self, spectra: Array) -> Array:
        """Spectra (n, L) read at the matched positions."""
        if not self.half_width:
            return spectra
        from scipy.interpolate import CubicSpline

        return CubicSpline(np.arange(spectra.shape[1]), spectra, axis=1)(self.positions_)


def _matches(source: Array, target: Array, half: int) -> tuple[Array, Array]:
    """Source channels (m,) with a best match inside the window, and where it lies (m,)."""
    length = source.shape[1]
    padded = np.pad(_standardised(target), ((0, 0), (half, half)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=1)
    correlations = np.einsum("kl,klw->lw", _standardised(source), windows)
    partners = np.arange(length)[:, None] + np.arange(-half, half + 1)
    correlations[(partners < 0) | (partners >= length)] = -np.inf
    best = correlations.argmax(axis=1)
    # A best match at the edge of the window or of the axis may lie beyond it.
    inside = np.flatnonzero((best > 0) & (best < 2 * half))
    left, top, right = (correlations[inside, best[inside] + step] for step in (-1, 0, 1))
    usable = np.isfinite(left) & np.isfinite(right) & (top > 0)
    inside, left, top, right = inside[usable], left[usable], top[usable], right[usable]
    bend = left - 2.0 * top + right
    vertex = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, 1.0), 0.0)
    return inside.astype(np.float64), inside + best[inside] - half + vertex


def _standardised(spectra: Array) -> Array:
    """Channels of mean 0 and norm 1; 0 where constant."""
    centred = spectra - spectra.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    varies = norms > 1e-12 * np.abs(spectra).max()
    return np.where(varies, centred / np.where(varies, norms, 1.0), 0.0)
