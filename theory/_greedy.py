"""The heaviest independent set of columns of a matrix, by the greedy algorithm.

Sets of independent columns are a linear matroid: taking columns by descending weight, each that is not a combination of
those taken, gives a basis of largest total weight (R. Rado, Proc. London Math. Soc. 7, 300 (1957); J. Edmonds, Math.
Programming 1, 127 (1971)).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import IdentifiabilityError

__all__ = ["DEPENDENT", "GreedyBasis", "greedy_basis", "unit_columns"]

Array = NDArray[np.float64]

DEPENDENT = 1e-8  # part of a column (of length 1) outside the span of those taken that counts as none
_NO_EFFECT = 1e-10  # length of a column, relative to the longest, that counts as zero


@dataclass(frozen=True, eq=False)
class GreedyBasis:
    """A heaviest independent set of columns.

    Attributes
    ----------
    chosen : ndarray (rank,) of int
        In the order in which they were taken.
    residuals : ndarray (n,)
        Of each column, scaled to length 1: its distance from the span of the columns that come before it (of those of
        higher weight, and of the same weight that were taken).
    threshold : float
        On the residuals.
    gap : float
        Smallest residual taken over the largest left out; inf where nothing is left out or the rest is exactly zero.
        Below about 1e3 the choice is not settled by floating point.
    """

    chosen: NDArray[np.int64]
    residuals: Array
    threshold: float
    gap: float


def greedy_basis(matrix: ArrayLike, weights: ArrayLike, threshold: float = DEPENDENT) -> GreedyBasis:
    """Columns (m, n) of a matrix of largest total weight (n,) among all independent sets.

    Columns of weight <= 0 are taken, too, when they are independent: the set is always a basis. Modified Gram-Schmidt
    with one repetition; O(m n rank).

    Raises
    ------
    IdentifiabilityError
        Shapes that do not fit, or NaN.

    Examples
    --------
    >>> greedy_basis([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]], [1.0, 3.0, 2.0]).chosen.tolist()
    [1, 2]
    """
    a, w = np.array(matrix, dtype=float), np.asarray(weights, dtype=float)
    if a.ndim != 2 or w.shape != (a.shape[1],) or not np.isfinite(a).all() or np.isnan(w).any():
        raise IdentifiabilityError(
            f"greedy_basis: matrix {a.shape}, weights {w.shape}; finite numbers (m, n) and weights (n,) are needed."
        )
    rest, live = unit_columns(a)
    residuals = np.where(live, 1.0, 0.0)
    chosen: list[int] = []
    basis = np.zeros((len(a), 0))
    for weight in np.unique(w)[::-1]:
        group = np.flatnonzero((w == weight) & live)
        while group.size:
            residuals[group] = np.linalg.norm(rest[:, group], axis=0)
            best = int(group[np.argmax(residuals[group])])
            if residuals[best] <= threshold:
                break
            # what rounding left along the columns already taken is removed once more
            direction = rest[:, best] - basis @ (basis.T @ rest[:, best])
            direction /= np.linalg.norm(direction)
            basis = np.column_stack([basis, direction])
            chosen.append(best)
            rest -= np.outer(direction, direction @ rest)
            group = group[group != best]
    left = np.delete(residuals, chosen)
    largest, smallest = left.max(initial=0.0), residuals[chosen].min(initial=np.inf)
    gap = float("inf") if largest == 0 or not chosen else float(smallest / largest)
    residuals.setflags(write=False)
    return GreedyBasis(np.array(chosen, dtype=np.int64), residuals, threshold, gap)


def unit_columns(matrix: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Columns scaled to length 1, and which have any length; the others are exactly zero."""
    length = np.linalg.norm(matrix, axis=0)
    live = length > _NO_EFFECT * length.max(initial=0.0)
    return np.where(live, matrix / np.where(live, length, 1.0), 0.0), live
