"""Differences within pairs of molecules: interval, and tests that only use that the two sides could be exchanged."""

from collections.abc import Iterator
from math import sqrt

import numpy as np
from numpy.typing import NDArray

__all__ = ["adjusted_interval", "bootstrap_deviation", "chosen_gains", "exchange_p_value", "sign_flip_p_value"]

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
        from scipy.stats import binomtest

        return float(binomtest(int((changed > 0).sum()), len(changed)).pvalue)
    seen = abs(float(changed.sum()))
    beyond = 0
    for flips in _flips(len(changed), draws, seed):
        beyond += int((np.abs(changed.sum() - 2 * flips @ changed) >= seen - 1e-9).sum())
    return (1 + beyond) / (draws + 1)


def chosen_gains(treated: Array, control: Array, fold: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Gain (n,) of both techniques over the better single one, for each side of each pair.

    The better one is chosen for each side on the pairs of the other fold, so that the choice owes nothing to the pair.

    Parameters
    ----------
    treated, control : ndarray (n, 3)
        Hits with IR, Raman, both.
    fold : ndarray (n,) of bool
    """
    gains = []
    for hits in (treated, control):
        gain = np.empty(len(hits))
        for part in (fold, ~fold):
            better = int(np.argmax(hits[~part, :2].sum(axis=0)))
            gain[part] = hits[part, 2] - hits[part, better]
        gains.append(gain)
    return gains[0], gains[1]


def bootstrap_deviation(
    treated: Array, control: Array, fold: NDArray[np.bool_], *, draws: int = 2000, seed: int = 0
) -> float:
    """Standard deviation of the mean difference of `chosen_gains` over pairs drawn again within the folds.

    The better technique is chosen anew in each draw: where two are nearly equal, the choice itself is uncertain.
    """
    generator = np.random.default_rng(seed)
    sums: dict[str, tuple[Array, Array]] = {}
    for name, part in (("fold", fold), ("rest", ~fold)):
        size = int(part.sum())
        weights = generator.multinomial(size, np.full(size, 1 / size), size=draws).astype(np.float64)
        sums[name] = (weights @ treated[part], weights @ control[part])
    return float(_total_gains(sums).std()) / len(treated)


def exchange_p_value(
    treated: Array, control: Array, fold: NDArray[np.bool_], *, draws: int = 9999, seed: int = 0
) -> float:
    """Two-sided p-value of equal gains: sides of pairs exchanged at random, the better technique chosen anew each time.

    Arguments as of `chosen_gains`.
    """
    gain_t, gain_c = chosen_gains(treated, control, fold)
    seen = abs(float((gain_t - gain_c).sum()))
    change = control - treated
    beyond = 0
    for flips in _flips(len(treated), draws, seed):
        sums: dict[str, tuple[Array, Array]] = {}
        for name, part in (("fold", fold), ("rest", ~fold)):
            moved = flips[:, part] @ change[part]
            sums[name] = (treated[part].sum(axis=0) + moved, control[part].sum(axis=0) - moved)
        beyond += int((np.abs(_total_gains(sums)) >= seen - 1e-9).sum())
    return (1 + beyond) / (draws + 1)


def _total_gains(sums: dict[str, tuple[Array, Array]]) -> Array:
    """Gain of the treated minus gain of the controls, summed over pairs (draws,), of sums of hits (draws, 3)."""
    total = np.zeros(len(sums["fold"][0]))
    for name, other in (("fold", "rest"), ("rest", "fold")):
        for sign, here, there in zip((1, -1), sums[name], sums[other], strict=True):
            better = np.argmax(there[:, :2], axis=1)
            total += sign * (here[:, 2] - np.take_along_axis(here, better[:, None], axis=1)[:, 0])
    return total


def _flips(n: int, draws: int, seed: int) -> Iterator[Array]:
    """Random 0/1 (chunk, n), ``draws`` rows in all, in chunks that fit in memory."""
    generator = np.random.default_rng(seed)
    size = max(1, _CHUNK // n)
    for start in range(0, draws, size):
        yield generator.integers(0, 2, size=(min(size, draws - start), n), dtype=np.int8).astype(np.float64)
