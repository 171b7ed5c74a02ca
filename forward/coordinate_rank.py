"""How many internal coordinates are independent: a rank with its evidence."""

from dataclasses import dataclass

import numpy as np

from ..errors import CoordinateError
from ..groups.operations import NDArrayFloat

__all__ = ["INDEPENDENT", "CoordinateRank"]

# Smallest singular value of the B matrix, relative to the largest, of a displacement that the coordinates describe.
# Complete sets of ordinary molecules keep 1e-3 or more; what rounding leaves of a missing or redundant one is < 1e-10.
INDEPENDENT = 1e-6


@dataclass(frozen=True, eq=False)
class CoordinateRank:
    """How many of the internal coordinates are independent, with the evidence.

    Attributes
    ----------
    n_coordinates : int
    rank : int
        Number of vibrations described: 3N - 6 (5).
    smallest_kept, largest_dropped : float
        Neighbouring singular values of the B matrix on both sides of the cut, relative to the largest one
        (``largest_dropped`` is 0 where nothing is redundant).
    singular_values : ndarray (min(n_q, 3N),)
        Of B (rad per angstrom and dimensionless), descending.
    """

    n_coordinates: int
    rank: int
    smallest_kept: float
    largest_dropped: float
    singular_values: NDArrayFloat

    @property
    def n_redundant(self) -> int:
        """Number of relations among the coordinates."""
        return self.n_coordinates - self.rank

    def __str__(self) -> str:
        return (
            f"{self.n_coordinates} internal coordinates, rank {self.rank}, {self.n_redundant} redundant "
            f"(relative singular values {self.smallest_kept:.2g} kept, {self.largest_dropped:.2g} dropped)"
        )

    @classmethod
    def of(cls, b_matrix: NDArrayFloat, expected: int) -> "CoordinateRank":
        """The rank of B (n_q, 3N), which must be ``expected``.

        Raises
        ------
        CoordinateError
            The coordinates do not describe all vibrations.
        """
        singular = np.linalg.svd(b_matrix, compute_uv=False)
        relative = singular / max(float(singular.max(initial=0.0)), 1e-300)
        rank = int((relative > INDEPENDENT).sum())
        if rank != expected:
            if rank > expected:
                raise CoordinateError(
                    f"{len(b_matrix)} internal coordinates span {rank} displacements, but there are {expected} "
                    "vibrations: some change when the molecule turns. Linear bends of atoms not exactly in line need "
                    "InternalCoordinates(..., reference=positions)."
                )
            raise CoordinateError(
                f"{len(b_matrix)} internal coordinates span {rank} of the {expected} vibrations (relative singular "
                f"values of B {np.array2string(relative[:expected][-3:], precision=2)}, cut at {INDEPENDENT:g}): add "
                "coordinates, or let internal_coordinates(molecule) choose them."
            )
        singular.setflags(write=False)
        dropped = float(relative[rank]) if rank < len(relative) else 0.0
        return cls(len(b_matrix), rank, float(relative[rank - 1]), dropped, singular)
