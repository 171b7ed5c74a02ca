"""Pairs of molecules that agree in everything a prediction is not about."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from .hits import Covariates

__all__ = ["Caliper", "MatchedPairs", "match_pairs"]

_LARGEST = 50_000_000  # cells of the table of distances


@dataclass(frozen=True)
class Caliper:
    """How far the two molecules of a pair may be apart in one covariate.

    Attributes
    ----------
    name : str
        Of the covariate.
    width : float
        0: they must agree. In units of the covariate, or of its pooled standard deviation.
    in_deviations : bool
    """

    name: str
    width: float
    in_deviations: bool = False

    def __str__(self) -> str:
        unit = " pooled standard deviations" if self.in_deviations else ""
        return f"{self.name} within {self.width:g}{unit}" if self.width else f"{self.name} equal"


@dataclass(frozen=True, eq=False)
class MatchedPairs:
    """Pairs (treated, control), and how alike the two sides are before and after.

    Attributes
    ----------
    treated, control : ndarray (n_pairs,) of int
        Rows of the table of covariates.
    n_treated, n_controls : int
        Molecules there were to match.
    calipers : tuple of Caliper
    before, after : ndarray (n_covariates,)
        Standardised mean difference, treated minus control, in units of the root mean square of the two standard
        deviations before matching (E. A. Stuart, Stat. Sci. 25, 1 (2010), section 4.1).
    """

    treated: NDArray[np.int64]
    control: NDArray[np.int64]
    n_treated: int
    n_controls: int
    calipers: tuple[Caliper, ...]
    before: NDArray[np.float64]
    after: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.treated)

    @property
    def imbalance(self) -> float:
        """Largest standardised mean difference that is left, without sign."""
        return float(np.abs(self.after).max(initial=0.0))

    def as_dict(self) -> dict[str, Any]:
        """Plain values; differences by name of the covariate."""
        names = [c.name for c in self.calipers]
        return {
            "n_pairs": len(self),
            "n_treated": self.n_treated,
            "n_controls": self.n_controls,
            "calipers": [str(c) for c in self.calipers],
            "standardised_difference_before": dict(zip(names, self.before.tolist(), strict=True)),
            "standardised_difference_after": dict(zip(names, self.after.tolist(), strict=True)),
        }


def match_pairs(
    covariates: Covariates, treated: NDArray[np.bool_], controls: NDArray[np.bool_], calipers: tuple[Caliper, ...]
) -> MatchedPairs:
    """The largest set of pairs within all calipers, and of those the one of least total distance; no molecule twice.

    Distance is the sum of squared differences in pooled standard deviations. The assignment is optimal and does not
    depend on the order of the rows (but for ties); it takes O(n_treated^2 n_controls) at worst.
    P. R. Rosenbaum, J. Am. Stat. Assoc. 84, 1024 (1989).

    Raises
    ------
    EvaluationError
        Nothing to match, or a table of distances above 50 million cells.
    """
    from scipy.optimize import linear_sum_assignment

    rows_t, rows_c = np.flatnonzero(treated), np.flatnonzero(controls)
    if not len(rows_t) or not len(rows_c) or len(rows_t) * len(rows_c) > _LARGEST:
        raise EvaluationError(
            f"match_pairs: {len(rows_t)} molecules with the property and {len(rows_c)} without; there must be some of "
            f"both and at most {_LARGEST:,} combinations."
        )
    values = covariates.numbers([c.name for c in calipers])
    of_t, of_c = values[rows_t], values[rows_c]
    scale = np.sqrt((of_t.var(axis=0) + of_c.var(axis=0)) / 2)
    safe = np.where(scale > 0, scale, 1.0)
    distance = np.zeros((len(rows_t), len(rows_c)), dtype=np.float32)
    allowed = np.ones(distance.shape, dtype=bool)
    for k, caliper in enumerate(calipers):
        gap = np.abs(of_t[:, k, None] - of_c[None, :, k])
        width = caliper.width * (scale[k] if caliper.in_deviations else 1.0)
        allowed &= gap <= width * (1 + 1e-9) + 1e-12
        distance += ((gap / safe[k]) ** 2).astype(np.float32)
    # One forbidden pair must cost more than all allowed ones together, so that as many as possible are paired.
    forbidden = 1.0 + min(distance.shape) * float(distance[allowed].max(initial=0.0))
    first, second = linear_sum_assignment(np.where(allowed, distance, forbidden).astype(np.float64))
    kept = allowed[first, second]
    t, c = rows_t[first[kept]], rows_c[second[kept]]
    after = (values[t] - values[c]).mean(axis=0) / safe if len(t) else np.zeros(len(calipers))
    for array in (t, c):
        array.setflags(write=False)
    before = (of_t.mean(axis=0) - of_c.mean(axis=0)) / safe
    return MatchedPairs(t, c, len(rows_t), len(rows_c), calipers, before, after)
