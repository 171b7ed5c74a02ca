"""Intervals and tests that stay honest in small strata: exact where that is possible, resampled over molecules else.

Every resampling takes a ``Generator``; p-values by resampling count the observed arrangement as one of the draws, so
they are never zero and valid at any number of draws.
"""

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..spektron.retrieval import wilson_interval

__all__ = [
    "auroc",
    "auroc_interval",
    "auroc_variance",
    "bootstrap_totals",
    "fisher_p",
    "holm",
    "mcnemar_p",
    "permutation_p",
    "placements",
    "sign_flip_p",
    "student_interval",
    "wilson_interval",
]

_Z95 = 1.959963984540054
_TIE = 1e-7  # relative: arrangements as likely, or statistics as large, as the observed one up to rounding
_CHUNK = 2_000_000  # numbers held at a time by a resampling
_BISECTIONS = 60

Array = NDArray[np.float64]


def holm(p_values: Any) -> Array:
    """Adjusted p-values (m,) that control the family-wise error: S. Holm, Scand. J. Stat. 6, 65 (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def fisher_p(hits: int, n: int, all_hits: int, n_all: int) -> float:
    """Two-sided exact p that ``hits`` of ``n`` in a stratum and the rest of ``all_hits`` of ``n_all`` share a rate.

    R. A. Fisher's test: the probability of all tables no likelier than the one seen. O(min(n, all_hits)).

    Examples
    --------
    >>> round(fisher_p(1, 10, 12, 24), 6)
    0.002759
    """
    low, high = max(0, n + all_hits - n_all), min(n, all_hits)
    support = np.arange(low, high + 1)
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n_all + 1)))])  # logarithms

    def choose(a: int, b: Any) -> Any:
        return factorial[a] - factorial[b] - factorial[a - b]

    weights = choose(all_hits, support) + choose(n_all - all_hits, n - support) - choose(n_all, n)
    kept = weights <= weights[hits - low] + _TIE
    return float(min(1.0, np.exp(weights[kept]).sum()))


def mcnemar_p(won: int, lost: int) -> float:
    """Two-sided exact p of Q. McNemar's test, Psychometrika 12, 153 (1947): a binomial test on what differs.

    Examples
    --------
    >>> mcnemar_p(9, 1)
    0.021484375
    """
    from scipy.stats import binomtest

    return float(binomtest(won, won + lost).pvalue) if won + lost else 1.0


def student_interval(values: Array, limits: tuple[float, float]) -> tuple[float, float]:
    """95 % interval of the mean of ``values`` (n,) by Student's t, inside ``limits``; for one value the limits."""
    from scipy.stats import t

    n = len(values)
    if n < 2:
        return limits
    half = float(t.ppf(0.975, n - 1)) * float(values.std(ddof=1)) / sqrt(n)
    return max(limits[0], float(values.mean()) - half), min(limits[1], float(values.mean()) + half)


def bootstrap_totals(columns: Array, n_draws: int, generator: np.random.Generator) -> Array:
    """Sums (n_draws, c) of the rows of ``columns`` (n, c) over bootstrap samples of n rows.

    A sample is a vector of multiplicities, so no (draws, n, c) gather is held.
    """
    n = len(columns)
    step = max(1, _CHUNK // n)
    draws = [min(step, n_draws - done) for done in range(0, n_draws, step)]
    return np.concatenate([generator.multinomial(n, np.full(n, 1.0 / n), size=k) @ columns for k in draws])


def permutation_p(
    columns: Array,
    members: NDArray[np.bool_],
    statistic: Callable[[Array, Array], Array],
    n_draws: int,
    generator: np.random.Generator,
) -> Array:
    """p-values (S,) that strata are random subsets of the molecules.

    Parameters
    ----------
    columns : (n, c) array
        Whose sums over a stratum the statistic is made of.
    members : (S, n) bool array
    statistic : callable
        Of sums in the stratum (..., S, c) and in the rest: larger in absolute value is stranger; NaN where undefined.
    n_draws : int
        All strata see the same permutations. Time O(n_draws * S * n * c).
    generator : Generator

    Notes
    -----
    An arrangement with an undefined statistic counts as strange: this errs on the side of a larger p.
    """
    weights, total = members.astype(float), columns.sum(axis=0)
    inside = weights @ columns
    seen = np.abs(statistic(inside, total - inside))
    as_strange = np.zeros(len(members))
    n = len(columns)
    step = max(1, _CHUNK // (n * columns.shape[1]))
    for done in range(0, n_draws, step):
        order = np.tile(np.arange(n), (min(step, n_draws - done), 1))
        shuffled = columns[generator.permuted(order, axis=1)]
        sums = weights @ shuffled
        drawn = np.abs(statistic(sums, total - sums))
        as_strange += (~(drawn < seen * (1 - _TIE) - 1e-12)).sum(axis=0)
    return np.where(np.isnan(seen), np.nan, (1 + as_strange) / (1 + n_draws))


def sign_flip_p(changes: Array, n_draws: int, generator: np.random.Generator) -> float:
    """Two-sided p that paired ``changes`` (n,) are as likely to have either sign, by their sum.

    Exact enumeration up to 12 changes that are not zero, else ``n_draws`` random signs.
    """
    values = changes[changes != 0]
    n = len(values)
    if not n:
        return 1.0
    seen = abs(float(values.sum())) * (1 - _TIE) - 1e-12
    if n <= 12:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float((np.abs(signs @ values) >= seen).mean())
    as_strange, step = 0, max(1, _CHUNK // n)
    for done in range(0, n_draws, step):
        signs = generator.integers(0, 2, size=(min(step, n_draws - done), n), dtype=np.int8) * 2 - 1
        as_strange += int((np.abs(signs @ values) >= seen).sum())
    return (1 + as_strange) / (1 + n_draws)


def placements(scores: Array, truth: NDArray[np.bool_]) -> Array:
    """For each positive the share of negatives that it beats, for each negative the share that beats it (n,).

    Ties count half. The mean over the positives, like that over the negatives, is the AUROC (E. R. DeLong, D. M.
    DeLong, D. L. Clarke-Pearson, Biometrics 44, 837 (1988)). O(n log n).
    """
    positive, negative = np.sort(scores[truth]), np.sort(scores[~truth])

    def below(values: Array, others: Array) -> Array:
        return (np.searchsorted(others, values) + np.searchsorted(others, values, side="right")) / (2.0 * len(others))

    placed = np.empty(len(scores))
    placed[truth] = below(scores[truth], negative)
    placed[~truth] = 1.0 - below(scores[~truth], positive)
    return placed


def auroc(scores: Array, truth: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the probability that a positive scores above a negative; NaN without one of either.

    Examples
    --------
    >>> auroc(np.array([0.9, 0.4, 0.6, 0.1]), np.array([True, True, False, False]))
    0.75
    """
    if truth.all() or not truth.any():
        return float("nan")
    return float(placements(scores, truth)[truth].mean())


def auroc_variance(area: float, n_positive: int, n_negative: int) -> float:
    """Variance of an AUROC whose true value is ``area``: method 5 of R. G. Newcombe, Stat. Med. 25, 559 (2006)."""
    star = (n_positive + n_negative) / 2.0 - 1.0
    spread = 1.0 + star * ((1.0 - area) / (2.0 - area) + area / (1.0 + area))
    return area * (1.0 - area) * spread / (n_positive * n_negative)


def auroc_interval(area: float, n_positive: int, n_negative: int) -> tuple[float, float]:
    """95 % interval of an AUROC: the areas from which the one seen is within 1.96 of *their* standard errors.

    Like Wilson's for shares it has a width at 0 and 1, and at one positive and one negative (Newcombe, as above).
    """

    def plausible(theta: float) -> bool:
        return abs(area - theta) <= _Z95 * sqrt(auroc_variance(theta, n_positive, n_negative))

    def edge(outside: float) -> float:
        if plausible(outside):
            return outside
        inside = area
        for _ in range(_BISECTIONS):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if plausible(middle) else (inside, middle)
        return inside

    return edge(0.0), edge(1.0)
