"""What is done to a spectrum before a classical method sees it: baseline, smoothing, derivative, power, reduction."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from ..errors import ModelError

__all__ = ["SPACING_CM1", "Preprocessing", "binned", "remove_baseline", "spectra_and_presence"]

SPACING_CM1 = 3600.0 / 2047.0  # of the 2048 channels between 400 and 4000 1/cm
_BASELINES = ("none", "polynomial", "opening")
_DEGREE = 5
_ROUNDS = 25
_OPENING_CM1 = 250.0
_COARSE_CM1 = 14.0


def spectra_and_presence(spectra: Any, present: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Spectra (n, M, L) in float32 with absent ones zero, and presence (n, M): False where all of a row is NaN.

    Raises
    ------
    ModelError
        A wrong shape, or a present spectrum with NaN or infinite channels.

    Examples
    --------
    >>> x, present = spectra_and_presence([[[1.0, 2.0], [np.nan, np.nan]]])
    >>> x.tolist(), present.tolist()
    ([[[1.0, 2.0], [0.0, 0.0]]], [[True, False]])
    """
    spectra = np.asarray(spectra, dtype=np.float32)
    if spectra.ndim != 3 or not spectra.size:
        raise ModelError(f"Spectra are wanted as (n, modalities, channels), got shape {spectra.shape}")
    known = ~np.isnan(spectra).all(axis=-1)
    if present is not None:
        present = np.asarray(present, dtype=bool)
        if present.shape != spectra.shape[:2]:
            raise ModelError(
                f"present has shape {present.shape}, the spectra {spectra.shape}: (n, modalities) is wanted"
            )
        known &= present
    spectra = np.where(known[..., None], spectra, np.float32(0.0))
    bad = ~np.isfinite(spectra).all(axis=-1)
    if bad.any():
        raise ModelError(
            f"{int(bad.sum())} of {bad.size} spectra have some channels that are NaN or infinite "
            f"(first: row {int(bad.any(axis=1).argmax())}): fill them, or leave the whole spectrum NaN as absent"
        )
    return spectra, known


@dataclass(frozen=True)
class Preprocessing:
    """The steps, in this order; each can be left out.

    Attributes
    ----------
    baseline : {"none", "polynomial", "opening"}
        "polynomial": degree 5, iterated from above (C. A. Lieber, A. Mahadevan-Jansen, Appl. Spectrosc. 57, 1363
        (2003)); "opening": smoothed morphological opening over 250 1/cm.
    smoothing_cm1 : float
        Standard deviation of a Gaussian.
    derivative : {0, 1, 2}
        Order, taken with the same Gaussian (at least one channel wide).
    threshold : float
        Share of the spectrum's maximum that is subtracted before negative values are cut (derivative 0 only).
    power : float
        Exponent for values (signed with a derivative): below 1, weak bands count more.
    channels_per_bin : int
        Channels averaged into one at the end.
    """

    baseline: str = "none"
    smoothing_cm1: float = 4.0
    derivative: int = 0
    threshold: float = 0.0
    power: float = 1.0
    channels_per_bin: int = 1

    def __post_init__(self):
        if self.baseline not in _BASELINES:
            raise ModelError(f"baseline {self.baseline!r} is not one of {', '.join(_BASELINES)}")
        if self.derivative not in (0, 1, 2):
            raise ModelError(f"derivative must be 0, 1 or 2, got {self.derivative}")
        if not (self.smoothing_cm1 >= 0 and 0 <= self.threshold < 1 and 0 < self.power <= 2):
            raise ModelError(f"Preprocessing out of range (smoothing >= 0, 0 <= threshold < 1, 0 < power <= 2): {self}")
        if self.channels_per_bin < 1:
            raise ModelError(f"channels_per_bin must be at least 1, got {self.channels_per_bin}")

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def __call__(self, spectra: np.ndarray, spacing_cm1: float = SPACING_CM1) -> np.ndarray:
        """Preprocessed spectra (..., L // channels_per_bin), each first divided by its largest absolute value."""
        from scipy.ndimage import gaussian_filter1d

        x = np.asarray(spectra, dtype=np.float32)
        x = _scaled(remove_baseline(x, self.baseline, spacing_cm1))
        sigma = self.smoothing_cm1 / spacing_cm1
        if self.derivative:
            x = _scaled(gaussian_filter1d(x, max(sigma, 1.0), axis=-1, order=self.derivative, mode="nearest"))
        else:
            x = gaussian_filter1d(x, sigma, axis=-1, mode="nearest") if sigma > 0 else x
            x = np.maximum(_scaled(x) - np.float32(self.threshold), 0.0)
        if self.power != 1.0:
            x = np.sign(x) * np.abs(x) ** np.float32(self.power)
        return binned(x, self.channels_per_bin)


def remove_baseline(x: np.ndarray, kind: str, spacing_cm1: float = SPACING_CM1) -> np.ndarray:
    """Spectra (..., L) minus their baselines; ``kind`` as in `Preprocessing`."""
    return x if kind == "none" else x - _baseline(x, kind, spacing_cm1)


def _scaled(x: np.ndarray) -> np.ndarray:
    size = np.abs(x).max(axis=-1, keepdims=True)
    return x / np.where(size > 0, size, np.float32(1.0))


def binned(x: np.ndarray, width: int) -> np.ndarray:
    """Spectra (..., L // width): means of ``width`` channels; what is left over at the end is cut."""
    if width == 1:
        return x
    n = x.shape[-1] // width
    return x[..., : n * width].reshape(*x.shape[:-1], n, width).mean(axis=-1)


def _baseline(x: np.ndarray, kind: str, spacing_cm1: float) -> np.ndarray:
    """The baseline (..., L), found on means of a few channels: it is smooth, and they have less noise."""
    length = x.shape[-1]
    width = max(1, min(round(_COARSE_CM1 / spacing_cm1), length // 128))
    coarse = binned(x, width)
    n = coarse.shape[-1]
    centres = (np.arange(n) + 0.5) * width - 0.5
    if kind == "polynomial":
        scale = 2.0 / (length - 1)
        fine, rough = (chebyshev.chebvander(scale * places - 1.0, _DEGREE) for places in (np.arange(length), centres))
        return (_polynomial_below(coarse, rough) @ fine.T.astype(np.float32)).astype(np.float32)
    opened = _opened(coarse, max(3, round(_OPENING_CM1 / spacing_cm1 / width)))
    weights = _interpolation(centres, length)
    return opened @ weights


def _polynomial_below(x: np.ndarray, vandermonde: np.ndarray) -> np.ndarray:
    """Coefficients of the polynomial under the bands."""
    solve, basis = np.linalg.pinv(vandermonde).T.astype(np.float32), vandermonde.T.astype(np.float32)
    for _ in range(_ROUNDS):
        # Noise is cut at the fit as well, and the fit ends up about the noise too low: searches mind no constant.
        x = np.minimum(x, (x @ solve) @ basis)
    return x @ solve


def _opened(x: np.ndarray, width: int) -> np.ndarray:
    from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

    opened = maximum_filter1d(minimum_filter1d(x, width, axis=-1), width, axis=-1)
    return uniform_filter1d(opened, width, axis=-1, mode="nearest")


def _interpolation(centres: np.ndarray, length: int) -> np.ndarray:
    """Matrix (n, length) that takes values at the centres to all channels, linearly."""
    rows = np.eye(len(centres))
    return np.array([np.interp(np.arange(length), centres, row) for row in rows], dtype=np.float32)
