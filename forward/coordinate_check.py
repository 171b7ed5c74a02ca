"""Whether a set of internal coordinates describes every vibration of a molecule, with the evidence."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..groups._rigid import rigid_motions
from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat
from ._coordinate_symmetry import NuclearFrame
from .internals import InternalCoordinates

__all__ = ["CoordinateCheck", "check_coordinates"]

# Singular values of B (rows of unit length) below this, relative to the largest, count as zero. Those of a complete
# set chosen here are above 1e-3; exact zeros come out below 1e-13.
RANK_TOLERANCE = 1e-6

_MISSING_ATOMS_NAMED = 6
_DIRECTION_SHARE = 0.999  # of a displacement, that it may be called along or across an axis or a plane


@dataclass(frozen=True, eq=False)
class CoordinateCheck:
    """Rank of Wilson's B against the number of vibrations.

    Attributes
    ----------
    molecule : Molecule
    n_coordinates, n_vibrations, rank : int
    singular_values : ndarray (n_vibrations,)
        Of B with rows scaled to unit length, on displacements free of translation and rotation, descending; at the
        geometry made exactly symmetric.
    gap : float
        Smallest singular value counted divided by the largest not counted, in which the change of the coordinates on
        translation and rotation (zero but for rounding) is included.
    missing : ndarray (n_vibrations - rank, 3N)
        Orthonormal displacements, free of translation and rotation, along which no coordinate changes.
    """

    molecule: Molecule
    n_coordinates: int
    n_vibrations: int
    rank: int
    singular_values: NDArrayFloat
    gap: float
    missing: NDArrayFloat

    @property
    def complete(self) -> bool:
        """Does the set span all vibrations?"""
        return self.rank == self.n_vibrations

    @property
    def n_redundancies(self) -> int:
        """Number of linear relations among the coordinates (to first order)."""
        return self.n_coordinates - self.rank

    @cached_property
    def missing_words(self) -> tuple[str, ...]:
        """Each missing direction in words: which atoms move, and how they stand to a plane or line of atoms."""
        return tuple(_words(self.molecule, row.reshape(-1, 3)) for row in self.missing)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "n_coordinates": self.n_coordinates,
            "n_vibrations": self.n_vibrations,
            "rank": self.rank,
            "complete": self.complete,
            "n_redundancies": self.n_redundancies,
            "singular_values": self.singular_values.tolist(),
            "gap": self.gap if np.isfinite(self.gap) else None,
            "missing": list(self.missing_words),
        }

    def __str__(self) -> str:
        smallest = self.singular_values[self.rank - 1] if self.rank else 0.0
        text = (
            f"{self.n_coordinates} coordinates, rank {self.rank} of {self.n_vibrations} vibrations, "
            f"{self.n_redundancies} redundancies; smallest singular value {smallest:.3g}, gap {self.gap:.1e}"
        )
        return text + "".join(f"\nmissing: {words}" for words in self.missing_words)


def check_coordinates(coordinates: InternalCoordinates, molecule: Molecule) -> CoordinateCheck:
    """Rank, singular values and missing directions of ``coordinates`` at the geometry of ``molecule``.

    Raises
    ------
    CoordinateError
        A coordinate names an atom that is not there, or is undefined at the geometry.
    """
    return check_at(coordinates, molecule, NuclearFrame.of(molecule))


def check_at(coordinates: InternalCoordinates, molecule: Molecule, frame: NuclearFrame) -> CoordinateCheck:
    """`check_coordinates` for a molecule whose symmetry is known."""
    b = unit_rows(coordinates.b_matrix(frame.positions))
    rigid = rigid_motions(frame.positions, np.ones(len(molecule)), frame.linear)
    internal = np.linalg.qr(rigid, mode="complete")[0][:, rigid.shape[1] :]
    inside = b @ internal
    if len(inside) > inside.shape[1]:
        inside = np.asarray(np.linalg.qr(inside, mode="r"))  # same singular values and right vectors
    _, values, directions = np.linalg.svd(inside)
    singular = np.zeros(frame.n_vibrations)
    singular[: len(values)] = values
    rank = int((singular > RANK_TOLERANCE * singular.max(initial=0.0)).sum())
    outside = float(np.linalg.norm(b @ rigid, 2)) if len(b) else 0.0
    not_counted = max(outside, float(singular[rank:].max(initial=0.0)))
    gap = float(singular[rank - 1] / not_counted) if rank and not_counted > 0.0 else float("inf")
    missing = directions[rank:] @ internal.T
    for array in (singular, missing):
        array.setflags(write=False)
    return CoordinateCheck(molecule, len(coordinates), frame.n_vibrations, rank, singular, gap, missing)


def unit_rows(b: NDArrayFloat) -> NDArrayFloat:
    """Rows scaled to unit length: stretches and angles compare."""
    return b / np.linalg.norm(b, axis=1, keepdims=True)


def _words(molecule: Molecule, displacement: NDArrayFloat) -> str:
    shares = (displacement**2).sum(axis=1)
    order = np.argsort(-shares)[:_MISSING_ATOMS_NAMED]
    named = [f"{molecule.symbols[a]}{a + 1} {100 * shares[a]:.0f} %" for a in order if shares[a] > 0.02]
    centred = molecule.positions - molecule.positions.mean(axis=0)
    _, extent, axes = np.linalg.svd(np.vstack([centred, np.zeros((3, 3))]), full_matrices=False)
    along = (displacement @ axes.T) ** 2
    way = ""
    if extent[1] < 1e-3 * extent[0]:
        way = "along the axis of the molecule" if along[:, 0].sum() > _DIRECTION_SHARE else "across the axis"
    elif extent[2] < 1e-3 * extent[0]:
        way = "out of the plane of the molecule" if along[:, 2].sum() > _DIRECTION_SHARE else "in its plane"
    return f"motion {way + ' ' if way else ''}of {', '.join(named)}"
