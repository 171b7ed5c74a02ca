"""Differences within pairs of molecules: interval, and tests that only use that the two sides could be exchanged."""

from collections.abc import Iterator
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ._statistics import mcnemar_p

__all__ = [
    "adjusted_interval",
    "bootstrap_deviation",
    "chosen_gains",
    "exchange_p_value",
    "fold_of_pairs",
    "sign_flip_p_value",
]

Array = NDArray[np.float64]
_CHUNK = 4_000_000  # random signs held at once


def adjusted_interval(differences: Array, level: float, deviation: float = 0.0) -> tuple[float, float]:
    """Wald interval (low, high) of the mean difference, half a pair of each of the four kinds added.

    The kinds are (1, 0), (0, 1) and the two that agree: their differences add 1/2 to each tail and 1 to the middle, so
    that pairs that all agree still give an interval. A. Agresti and Y. Min, Stat. Med. 24, 729 (2005). A standard
    deviation of the mean from elsewhere is used where it is larger than this one.

    Examples
    --------
    >>> low, high = adjusted_interval(np.zeros(98), 0.95)
    >>> round(low, 4), round(high, 4)
    (-0.0196, 0.0196)
    """
    from scipy.special import ndtri

    n = len(differences) + 2
    mean = float(differences.sum()) / n
    variance = (float(differences @ differences) + 1) / n - mean**2
    half = float(ndtri((1 + level) / 2)) * max(sqrt(variance / n), deviation)
    return mean - half, mean + half


def sign_flip_p_value(differences: Array, *, draws: int = 9999, seed: int = 0) -> float:
    """Two-sided p-value of no mean difference, signs flipped at random; exact (McNemar's) where all are -1, 0 or 1.

    Examples
    --------
    >>> sign_flip_p_value(np.array([1.0, 1, 1, 1, 1, 0, 0]))
    0.0625
    """
    changed = differences[differences != 0]
    if not len(changed):
        return 1.0
    if np.all(np.abs(changed) == 1):
        return mcnemar_p(int((changed > 0).sum()), int((changed < 0).sum()))
    seen = abs(float(changed.sum()))
    beyond = 0
    for flips in _flips(len(changed), draws, seed):
        beyond += int((np.abs(changed.sum() - 2 * flips @ changed) >= seen - 1e-9).sum())
    return (1 + beyond) / (draws + 1)


def fold_of_pairs(n: int, seed: int = 0) -> NDArray[np.int64]:
    """Tenth (n,) that each pair belongs to, at random; with fewer than ten pairs each is a fold."""
    return np.random.default_rng(seed).permutation(n) % min(10, n)


def chosen_gains(treated: Array, control: Array, fold: NDArray[np.int64]) -> tuple[Array, Array]:
    """Gain (n,) of both techniques over the better single one, for each side of each pair.

    The better one is chosen for each side on the pairs of the other folds, so that the choice owes nothing to the pair.

    Parameters
    ----------
    treated, control : ndarray (n, 3)
        Hits with IR, Raman, both.
    fold : ndarray (n,) of int
        As `fold_of_pairs` gives.
    """
    gains = []
    for hits in (treated, control):
        better = _better(_by_fold(hits, fold)[None])[0][fold]
        gains.append(hits[:, 2] - np.take_along_axis(hits, better[:, None], axis=1)[:, 0])
    return gains[0], gains[1]


def bootstrap_deviation(
    treated: Array, control: Array, fold: NDArray[np.int64], *, draws: int = 2000, seed: int = 0
) -> float:
    """Standard deviation of the mean difference of `chosen_gains` over pairs drawn again within the folds.

    The better technique is chosen anew in each draw: where two are nearly equal, the choice itself is uncertain.
    """
    generator = np.random.default_rng(seed)
    sums = np.empty((2, draws, int(fold.max()) + 1, 3))
    for k in range(sums.shape[2]):
        size = int((fold == k).sum())
        weights = generator.multinomial(size, np.full(size, 1 / size), size=draws).astype(np.float64)
        sums[0, :, k], sums[1, :, k] = weights @ treated[fold == k], weights @ control[fold == k]
    return float((_total_gain(sums[0]) - _total_gain(sums[1])).std()) / len(treated)


def exchange_p_value(
    treated: Array, control: Array, fold: NDArray[np.int64], *, draws: int = 9999, seed: int = 0
) -> float:
    """Two-sided p-value that the sides of pairs are alike in all three hits, by the difference of gains.

    The sides are exchanged at random, the better technique is chosen anew each time.

    Arguments as of `chosen_gains`.
    """
    gain_t, gain_c = chosen_gains(treated, control, fold)
    seen = abs(float((gain_t - gain_c).sum()))
    of_treated, of_control = _by_fold(treated, fold), _by_fold(control, fold)
    beyond = 0
    for flips in _flips(len(treated), draws, seed):
        moved = np.stack([flips[:, fold == k] @ (control - treated)[fold == k] for k in range(len(of_treated))], axis=1)
        total = _total_gain(of_treated + moved) - _total_gain(of_control - moved)
        beyond += int((np.abs(total) >= seen - 1e-9).sum())
    return (1 + beyond) / (draws + 1)


def _by_fold(hits: Array, fold: NDArray[np.int64]) -> Array:
    """Sums of hits (n_folds, 3)."""
    sums = np.zeros((int(fold.max()) + 1, 3))
    np.add.at(sums, fold, hits)
    return sums


def _better(sums: Array) -> NDArray[np.int64]:
    """Which of IR and Raman (draws, n_folds) found more in the other folds, of sums of hits (draws, n_folds, 3)."""
    rest = sums.sum(axis=1, keepdims=True) - sums
    return np.argmax(rest[..., :2], axis=-1)


def _total_gain(sums: Array) -> Array:
    """Gain summed over pairs (draws,), of sums of hits (draws, n_folds, 3)."""
    single = np.take_along_axis(sums, _better(sums)[..., None], axis=-1)[..., 0]
    return (sums[..., 2] - single).sum(axis=1)


def _flips(n: int, draws: int, seed: int) -> Iterator[Array]:
    """Random 0/1 (chunk, n), ``draws`` rows in all, in chunks that fit in memory."""
    generator = np.random.default_rng(seed)
    size = max(1, _CHUNK // n)
    for start in range(0, draws, size):
        yield generator.integers(0, 2, size=(min(size, draws - start), n), dtype=np.int8).astype(np.float64)
