"""Likeness of spectra that were not measured everywhere: over the channels that were."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCORES", "correlations", "row_scores"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
SCORES = ("r", "rmse", "cosine", "ssim")
_SMALL = 1e-12
_RADIUS, _SIGMA = 5, 1.5


def correlations(first: Array, first_mask: Mask, second: Array, second_mask: Mask, least: int = 50) -> Array:
    """Pearson correlations (n, m) of all pairs of rows over the channels that both have.

    Parameters
    ----------
    first, second : ndarray (n, L), (m, L)
        0 where the mask is False.
    least : int
        Pairs with fewer common channels, or without variance there, get -1: nothing says that they are alike.
    """
    a, b = np.where(first_mask, first, 0.0), np.where(second_mask, second, 0.0)
    u, v = first_mask.astype(np.float64), second_mask.astype(np.float64)
    n = u @ v.T
    safe = np.maximum(n, 1.0)
    sum_a, sum_b = a @ v.T, u @ b.T
    covariance = a @ b.T - sum_a * sum_b / safe
    spread_a = (a * a) @ v.T - sum_a**2 / safe
    spread_b = u @ (b * b).T - sum_b**2 / safe
    usable = (n >= least) & (spread_a > _SMALL) & (spread_b > _SMALL)
    bottom = np.sqrt(np.where(usable, spread_a * spread_b, 1.0))
    return np.where(usable, np.clip(covariance / bottom, -1.0, 1.0), -1.0)


def row_scores(truth: Array, mask: Mask, predicted: Array) -> dict[str, Array]:
    """The scores (n,) of predicted spectra (n, L), each over the channels where the truth was measured.

    "r": Pearson correlation, 0 for a prediction without variance. "rmse": after both are scaled to largest value 1.
    "cosine": of the spectra as they are. "ssim": structural similarity in one dimension (Z. Wang et al., IEEE Trans.
    Image Process. 13, 600 (2004)), Gaussian window of 11 channels (sigma 1.5), range 1, over the windows that lie
    wholly inside the measured range; of spectra scaled to largest value 1.
    """
    n = np.maximum(mask.sum(axis=1), 1)
    a, b = _unit(np.where(mask, truth, 0.0)), _unit(np.where(mask, predicted, 0.0))
    of_a, of_b = (np.where(mask, x - (x.sum(axis=1) / n)[:, None], 0.0) for x in (a, b))
    return {
        "r": _cosine(of_a, of_b),
        "rmse": np.sqrt(((a - b) ** 2).sum(axis=1) / n),
        "cosine": _cosine(a, b),
        "ssim": _ssim(a, b, mask),
    }


def _unit(x: Array) -> Array:
    largest = x.max(axis=1, keepdims=True)
    return x / np.where(largest > 0, largest, 1.0)


def _cosine(a: Array, b: Array) -> Array:
    bottom = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.clip((a * b).sum(axis=1) / np.where(bottom > _SMALL, bottom, np.inf), -1.0, 1.0)


def _ssim(a: Array, b: Array, mask: Mask) -> Array:
    from scipy.ndimage import binary_erosion, gaussian_filter1d

    def smooth(x: Array) -> Array:
        return gaussian_filter1d(x, _SIGMA, axis=1, mode="nearest", radius=_RADIUS)

    mean_a, mean_b = smooth(a), smooth(b)
    var_a, var_b = smooth(a * a) - mean_a**2, smooth(b * b) - mean_b**2
    both = smooth(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    local = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    inside = binary_erosion(mask, structure=np.ones((1, 2 * _RADIUS + 1)), border_value=0)
    return np.where(inside, local, 0.0).sum(axis=1) / np.maximum(inside.sum(axis=1), 1)
