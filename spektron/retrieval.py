"""Identification by retrieval: how often the right library entry comes first, with intervals and paired comparison.

A query is a spectrum, the library has one spectrum for each candidate molecule, and a score says how alike they are
(larger is more alike). Ties are not decided by the order of the library: a query whose true entry ties with t others
counts as found among the first k with the probability that a random order of the t + 1 puts it there.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from ..errors import ModelError

__all__ = ["PairedComparison", "RetrievalResult", "compare", "pooled", "retrieval", "wilson_interval"]

TOP = (1, 5, 10)
N_BOOTSTRAP = 2000
_Z95 = 1.959963984540054


def wilson_interval(count: float, total: float, z: float = _Z95) -> tuple[float, float]:
    """Interval (low, high) of a share of which ``count`` of ``total`` independent queries are an estimate.

    E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927); by default 95 %. ``count`` may be broken (half a hit for a tie).

    Examples
    --------
    >>> [round(x, 4) for x in wilson_interval(999, 999)]
    [0.9962, 1.0]
    """
    if total <= 0:
        return 0.0, 1.0
    p, zz = count / total, z * z / total
    middle, half = p + zz / 2, z * sqrt(max(p * (1 - p), 0.0) / total + zz / (4 * total))
    # Rounding must not leave the share outside: 115 of 115 gave a high below 1.
    return min(p, max(0.0, (middle - half) / (1 + zz))), max(p, min(1.0, (middle + half) / (1 + zz)))


@dataclass(frozen=True, eq=False)
class RetrievalResult:
    """Where the true entry of each query came in the library.

    Attributes
    ----------
    better : (n,) int array
        Number of library entries with a larger score than the true one.
    tied : (n,) int array
        Number of *other* entries with the same score as the true one.
    n_library : int
        Number of entries of the library.
    groups : (n,) array
        What each query belongs to (a molecule): queries of one group are not independent. By default each its own.
    """

    better: np.ndarray
    tied: np.ndarray
    n_library: int
    groups: np.ndarray

    @property
    def n(self) -> int:
        """Number of queries."""
        return len(self.better)

    @property
    def ranks(self) -> np.ndarray:
        """Expected rank of the true entry (n,), 1 for the first; ties count half."""
        return 1.0 + self.better + 0.5 * self.tied

    def hits(self, k: int = 1) -> np.ndarray:
        """Probability (n,) that the true entry is among the first ``k``, over random orders of ties: 0 or 1 without."""
        return np.clip((k - self.better) / (self.tied + 1.0), 0.0, 1.0)

    def top(self, k: int = 1) -> float:
        """Share of queries with the true entry among the first ``k``."""
        return float(self.hits(k).mean())

    @property
    def top1(self) -> float:
        """Share of queries that are identified."""
        return self.top(1)

    @property
    def top5(self) -> float:
        """Share of queries with the true entry among the first five."""
        return self.top(5)

    @property
    def top10(self) -> float:
        """Share of queries with the true entry among the first ten."""
        return self.top(10)

    @property
    def median_rank(self) -> float:
        """Median of the expected ranks."""
        return float(np.median(self.ranks))

    @property
    def mean_reciprocal_rank(self) -> float:
        """Mean of 1/(expected rank)."""
        return float((1.0 / self.ranks).mean())

    def interval(self, k: int = 1) -> tuple[float, float]:
        """95 % interval of `top`: Wilson's for queries of different groups, else bootstrap over groups."""
        if len(np.unique(self.groups)) == self.n:
            return wilson_interval(float(self.hits(k).sum()), self.n)
        return _bootstrap(self.hits(k), self.groups)

    def chosen(self, queries: Any) -> "RetrievalResult":
        """The result of some queries (index or boolean mask), for a stratum."""
        queries = np.asarray(queries)
        better = self.better[queries]
        if not len(better):
            raise ModelError(f"None of the {self.n} queries is chosen: a share of no query is not a number")
        return RetrievalResult(_fixed(better), _fixed(self.tied[queries]), self.n_library, _fixed(self.groups[queries]))

    def by_stratum(self, strata: Any) -> dict[str, "RetrievalResult"]:
        """One result for each value of ``strata`` (n,), by name."""
        strata = np.asarray(strata)
        if strata.shape != (self.n,):
            raise ModelError(f"by_stratum got labels of shape {strata.shape} for {self.n} queries")
        return {str(name): self.chosen(strata == name) for name in np.unique(strata)}

    def as_dict(self) -> dict[str, Any]:
        """Plain values, rounded to 4 digits (ranks are left out)."""
        shares = {f"top{k}": round(self.top(k), 4) for k in TOP}
        intervals = {f"top{k}_interval_95": [round(x, 4) for x in self.interval(k)] for k in TOP}
        return {
            "n_queries": self.n,
            "n_groups": len(np.unique(self.groups)),
            "n_library": self.n_library,
            **shares,
            **intervals,
            "median_rank": self.median_rank,
            "mean_reciprocal_rank": round(self.mean_reciprocal_rank, 4),
        }

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>top {k}</td><td>{self.top(k):.1%}</td><td>{low:.1%} to {high:.1%}</td></tr>"
            for k, (low, high) in ((k, self.interval(k)) for k in TOP)
        )
        return (
            f"<table><caption>{self.n} queries, library of {self.n_library}</caption>"
            f"<tr><th></th><th>share</th><th>95 % interval</th></tr>{rows}</table>"
        )

    def plot(self, ax: Any = None, label: str | None = None) -> Any:
        """Axes with the share found among the first k against k, and its 95 % band."""
        from matplotlib.figure import Figure

        ax = ax or Figure(layout="constrained").add_subplot()
        ks = np.unique(np.geomspace(1, max(self.n_library, 2), 40).round().astype(int))
        low, high = np.array([self.interval(int(k)) for k in ks]).T
        (line,) = ax.plot(ks, [self.top(int(k)) for k in ks], label=label)
        ax.fill_between(ks, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
        ax.set_xscale("log")
        ax.set_ylim(0, 1)
        ax.set_xlabel(f"first k of {self.n_library} library entries")
        ax.set_ylabel("share of queries found")
        return ax


def retrieval(scores: Any, true_index: Any, *, groups: Any = None) -> RetrievalResult:
    """Where the true entries come when the library is sorted by score.

    Parameters
    ----------
    scores : (n_queries, n_library) array
        Larger is more alike. -inf is allowed (not comparable), NaN is refused.
    true_index : (n_queries,) int array
        Library row of the molecule of each query.
    groups : (n_queries,) array, optional
        What each query belongs to, where one molecule was measured more than once.

    Raises
    ------
    ModelError
        Wrong shapes, an index outside the library, or NaN scores.

    Examples
    --------
    >>> found = retrieval([[0.9, 0.1, 0.2], [0.5, 0.5, 0.1]], [0, 1])
    >>> found.ranks.tolist(), found.top1, found.top5
    ([1.0, 1.5], 0.75, 1.0)
    """
    scores, true_index = np.asarray(scores), np.asarray(true_index)
    if scores.ndim != 2 or not scores.size:
        raise ModelError(f"retrieval needs scores (n_queries, n_library), got shape {scores.shape}")
    n, n_library = scores.shape
    if true_index.shape != (n,) or true_index.dtype.kind not in "iu":
        raise ModelError(
            f"retrieval got {n} queries but true_index of shape {true_index.shape} and type {true_index.dtype}: "
            "give the library row of each query"
        )
    if true_index.min() < 0 or true_index.max() >= n_library:
        raise ModelError(
            f"true_index goes from {true_index.min()} to {true_index.max()} in a library of {n_library}: "
            "every query must have its molecule in the library"
        )
    unknown = np.isnan(scores)
    if unknown.any():
        raise ModelError(
            f"{int(unknown.sum())} of {scores.size} scores are NaN (first query {int(unknown.any(axis=1).argmax())}): "
            "a score must be comparable; use -inf for entries that cannot be compared"
        )
    groups = np.arange(n) if groups is None else np.asarray(groups)
    if groups.shape != (n,):
        raise ModelError(f"retrieval got {n} queries and groups of shape {groups.shape}")
    true = np.take_along_axis(scores, true_index[:, None], axis=1)
    better, tied = (scores > true).sum(axis=1), (scores == true).sum(axis=1) - 1
    return RetrievalResult(_fixed(better), _fixed(tied), n_library, _fixed(groups))


def pooled(results: Sequence[RetrievalResult]) -> RetrievalResult:
    """All queries of several results (instrument seeds, say) as one; groups of the same name stay together.

    Raises
    ------
    ModelError
        No result, or libraries of different sizes.
    """
    sizes = {result.n_library for result in results}
    if len(sizes) != 1:
        raise ModelError(
            f"pooled needs results in libraries of one size, got {len(results)} with sizes {sorted(sizes)}"
        )
    columns = zip(*((r.better, r.tied, r.groups) for r in results), strict=True)
    better, tied, groups = (_fixed(np.concatenate(column)) for column in columns)
    return RetrievalResult(better, tied, sizes.pop(), groups)


@dataclass(frozen=True)
class PairedComparison:
    """Difference of two methods on the same queries: the first's share among the first k minus the second's.

    The interval is a bootstrap over groups; the p-value is McNemar's exact test (the two-sided sign test over groups
    whose hits differ; with one query in each group this is McNemar's).
    """

    k: int
    n_queries: int
    n_groups: int
    difference: float
    low: float
    high: float
    first_only: int
    second_only: int
    p_value: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, shares rounded to 4 digits."""
        shares = {name: round(getattr(self, name), 4) for name in ("difference", "low", "high")}
        return {**vars(self), **shares, "p_value": float(f"{self.p_value:.2g}")}

    def __str__(self) -> str:
        return (
            f"top {self.k}: {100 * self.difference:+.1f} points ({100 * self.low:+.1f} to {100 * self.high:+.1f}), "
            f"{self.first_only} won, {self.second_only} lost of {self.n_groups}, p = {self.p_value:.2g}"
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"


def compare(first: RetrievalResult, second: RetrievalResult, k: int = 1) -> PairedComparison:
    """Paired comparison of two methods that answered the same queries in the same order.

    Q. McNemar, Psychometrika 12, 153 (1947), exact form; bootstrap of the difference over groups (2,000 draws).

    Raises
    ------
    ModelError
        The two results are not of the same queries.

    Examples
    --------
    >>> a = retrieval([[1, 0], [0, 1], [1, 0]], [0, 1, 0])
    >>> b = retrieval([[0, 1], [0, 1], [0, 1]], [0, 1, 0])
    >>> c = compare(a, b)
    >>> round(c.difference, 3), c.first_only, c.second_only, c.p_value
    (0.667, 2, 0, 0.5)
    """
    from scipy.stats import binomtest

    if first.n != second.n or not np.array_equal(first.groups, second.groups):
        raise ModelError(f"compare needs the same queries in the same order, got {first.n} and {second.n} queries")
    if first.n_library != second.n_library:
        raise ModelError(f"compare needs one library, got {first.n_library} and {second.n_library} entries")
    change = first.hits(k) - second.hits(k)
    _, index = np.unique(first.groups, return_inverse=True)
    of_group = np.bincount(index, change)
    won, lost = int((of_group > 1e-12).sum()), int((of_group < -1e-12).sum())
    low, high = _bootstrap(change, first.groups)
    p_value = float(binomtest(won, won + lost).pvalue) if won + lost else 1.0
    return PairedComparison(k, first.n, len(of_group), float(change.mean()), low, high, won, lost, p_value)


def _bootstrap(values: np.ndarray, groups: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """2.5 and 97.5 % of the mean when whole groups are drawn again."""
    _, index = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(index, values), np.bincount(index).astype(float)
    generator = np.random.default_rng(seed)
    # A draw of n groups with replacement is a vector of multiplicities: no (draws, n) gather of values is held.
    weights = generator.multinomial(len(sums), np.full(len(sums), 1.0 / len(sums)), size=N_BOOTSTRAP)
    low, high = np.percentile((weights @ sums) / (weights @ counts), [2.5, 97.5])
    return float(low), float(high)


def _fixed(array: Any) -> np.ndarray:
    array = np.array(array)
    array.setflags(write=False)
    return array
