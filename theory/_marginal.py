"""How many combinations of one block's constants a Jacobian determines, whatever the other constants are."""

from dataclasses import dataclass

import numpy as np

from ..forward.jacobian import NumericalRank, numerical_rank
from ..groups.operations import NDArrayFloat

__all__ = ["MarginalRank", "marginal_rank"]

_RELATIVE = 1e-9
LARGEST_NULL_SPACE = 500
"""Unknowns of a block up to which its null space is computed: O(unknowns^3) and unknowns^2 numbers."""


@dataclass(frozen=True, eq=False)
class MarginalRank:
    """The data seen from one block.

    Attributes
    ----------
    unknowns : int
        Independent combinations of the block's constants that the model can reach.
    singular_values : ndarray (unknowns,)
        Of the Jacobian for them, after the best answer of all other unknowns; padded with zeros, descending.
    rank : NumericalRank
    null_space : ndarray (unknowns - rank, n_y) or None
        Combinations of the block's constants that no observable sees (orthonormal rows); None where there are more than
        `LARGEST_NULL_SPACE` unknowns, which nobody reads.
    """

    unknowns: int
    singular_values: NDArrayFloat
    rank: NumericalRank
    null_space: NDArrayFloat | None

    @property
    def condition_number(self) -> float:
        """Largest over smallest counted singular value."""
        values = self.singular_values[: self.rank.rank]
        return float(values[0] / values[-1]) if len(values) else float("nan")


def marginal_rank(jacobian: NDArrayFloat, reach: NDArrayFloat | None, scale: float | None = None) -> MarginalRank:
    """Rank of ``jacobian`` (n_obs, n_par) on y = reach @ x (n_y, n_par), marginal over the rest of x.

    ``reach`` None: y = x. ``scale``: size of a singular value of order one; that of the Jacobian by default.

    Notes
    -----
    x = V1 a + V0 b with V0 spanning the null space of ``reach``: the singular values of (1 - P) J V1, P the projector
    on the range of J V0, are those of the Schur complement of the least-squares problem.
    """
    rows = None
    moved = jacobian
    if reach is not None:
        left, values, right = np.linalg.svd(reach, full_matrices=True)
        size = int((values > _RELATIVE * values.max(initial=0.0)).sum())
        first, rest = right[:size].T, right[size:].T
        rows = left[:, :size] * values[:size]
        moved = jacobian @ first
        others = jacobian @ rest
        if others.size:
            basis, sizes, _ = np.linalg.svd(others, full_matrices=False)
            basis = basis[:, sizes > _RELATIVE * np.linalg.norm(jacobian, 2)]
            moved = moved - basis @ (basis.T @ moved)
    unknowns = moved.shape[1]
    listed = unknowns <= LARGEST_NULL_SPACE
    if listed:
        _, found, right = np.linalg.svd(moved, full_matrices=True)
    else:
        found, right = np.linalg.svd(moved, compute_uv=False), None
    singular = np.zeros(unknowns)
    singular[: len(found)] = found[:unknowns]
    rank = _counted(singular, scale)
    combinations = None
    if right is not None:
        null = right[rank.rank :]
        combinations = null if rows is None else _orthonormal_rows(null @ rows.T)
        combinations.setflags(write=False)
    singular.setflags(write=False)
    return MarginalRank(unknowns, singular, rank, combinations)


def _counted(singular: NDArrayFloat, scale: float | None) -> NumericalRank:
    if scale is None or not singular.size:
        return numerical_rank(singular)
    # one more value of the common size, so that a block which sees nothing is not ranked by its own rounding
    found = numerical_rank(np.append(singular, scale))
    rank = int((singular > found.threshold).sum())
    clear = rank in (0, singular.size) or singular[rank] == 0
    return NumericalRank(rank, found.threshold, float("inf") if clear else float(singular[rank - 1] / singular[rank]))


def _orthonormal_rows(matrix: NDArrayFloat) -> NDArrayFloat:
    return np.asarray(np.linalg.qr(matrix.T)[0].T, dtype=float) if len(matrix) else matrix
