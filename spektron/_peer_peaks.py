"""A spectrum as a fixed number of peak features: heights on a coarse grid and the strongest peaks in order."""

import numpy as np

from ..errors import ModelError
from ._peer_preprocessing import SPACING_CM1, Preprocessing

__all__ = ["peak_features"]

_PREPROCESSING = Preprocessing(baseline="polynomial", smoothing_cm1=5.0)


def peak_features(
    spectra: np.ndarray,
    *,
    bin_cm1: float = 25.0,
    n_strongest: int = 10,
    least_prominence: float = 0.03,
    spacing_cm1: float = SPACING_CM1,
) -> np.ndarray:
    """Features (n, n_bins + 2 n_strongest + 1) of spectra (n, L).

    The square root of the highest peak in each bin (half of it in the neighbouring bin that is nearer), then place
    (0 to 1 along the axis) and relative height of the strongest peaks in order of strength, then the number of peaks.

    Examples
    --------
    >>> x = np.exp(-0.5 * ((np.arange(200) - 80) / 4) ** 2)[None]
    >>> features = peak_features(x, bin_cm1=50, n_strongest=1, spacing_cm1=1.0)
    >>> features.shape, [round(float(value), 1) for value in features[0, 4:]]  # the baseline leaves two bumps beside
    ((1, 7), [0.4, 1.0, 3.0])
    """
    from scipy.signal import find_peaks

    if spectra.ndim != 2:
        raise ModelError(f"peak_features wants spectra (n, channels), got shape {spectra.shape}")
    x = _PREPROCESSING(spectra, spacing_cm1)
    length = x.shape[1]
    width = max(1, round(bin_cm1 / spacing_cm1))
    n_bins = -(-length // width)
    found = np.zeros((len(x), n_bins + 2 * n_strongest + 1), dtype=np.float32)
    for row, spectrum in zip(found, x, strict=True):
        places, _ = find_peaks(spectrum, prominence=least_prominence)
        heights = np.sqrt(spectrum[places])
        bins, inside = np.divmod(places, width)
        neighbours = np.clip(np.where(2 * inside < width, bins - 1, bins + 1), 0, n_bins - 1)
        np.maximum.at(row, neighbours, 0.5 * heights)
        np.maximum.at(row, bins, heights)
        order = np.argsort(-heights, kind="stable")[:n_strongest]
        row[n_bins : n_bins + len(order)] = places[order] / length
        row[n_bins + n_strongest : n_bins + n_strongest + len(order)] = heights[order]
        row[-1] = len(places)
    return found
