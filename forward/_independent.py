"""Choice of exactly d independent coordinates from a complete redundant set."""

import numpy as np

from ..errors import CoordinateError
from ..groups.operations import NDArrayFloat, NDArrayInt
from ._coordinate_symmetry import NuclearFrame, orbit_labels
from .coordinate_check import unit_rows
from .internals import InternalCoordinates

__all__ = ["independent_rows"]

# Part of a coordinate's unit gradient that must be new for it to be taken: first pass, and the pass that completes.
_NEW = 0.2
_NEW_AT_LEAST = 1e-5


def independent_rows(coordinates: InternalCoordinates, frame: NuclearFrame) -> list[int]:
    """Places, ascending, of d coordinates whose gradients are independent; `internal_coordinates` says how chosen."""
    rows = unit_rows(coordinates.b_matrix(frame.positions))
    chosen = _Chosen(rows, frame.n_vibrations)
    for members in _members_by_kind(coordinates):
        _take_orbits(chosen, members, coordinates, frame)
        chosen.pivot(members, _NEW)
    chosen.pivot(np.arange(len(rows)), _NEW_AT_LEAST)
    if not chosen.full:
        raise CoordinateError(
            f"redundant=False: {len(chosen.places)} independent coordinates of {frame.n_vibrations}; the rest adds "
            f"less than {_NEW_AT_LEAST:g} of new motion. Use redundant=True."
        )
    return sorted(chosen.places)


class _Chosen:
    """Coordinates taken so far and an orthonormal basis of the space that they span."""

    def __init__(self, rows: NDArrayFloat, wanted: int) -> None:
        self.rows, self.wanted = rows, wanted
        self.places: list[int] = []
        self._basis = np.empty((0, rows.shape[1]))

    @property
    def full(self) -> bool:
        return len(self.places) == self.wanted

    def new_part(self, places: NDArrayInt) -> NDArrayFloat:
        """Rows less their part in the space taken; projected twice against rounding."""
        part = self.rows[places]
        for _ in range(2):
            part = part - (part @ self._basis.T) @ self._basis
        return part

    def take(self, places: NDArrayInt) -> None:
        new = np.linalg.qr(self.new_part(places).T)[0].T
        self._basis = np.vstack([self._basis, new])
        self.places += places.tolist()

    def pivot(self, members: NDArrayInt, least: float) -> None:
        """Take members one by one, each time the one with the largest new part, while that is above ``least``."""
        from scipy.linalg import qr

        left = np.setdiff1d(members, self.places)
        if self.full or not len(left):
            return
        part = self.new_part(left)
        result = qr(part.T, mode="r", pivoting=True)
        triangle, order = result[0], result[-1]
        new = np.abs(np.diagonal(triangle))
        count = min(int((new > least).sum()), self.wanted - len(self.places))
        if count:
            self.take(left[order[:count]])


def _members_by_kind(coordinates: InternalCoordinates) -> list[NDArrayInt]:
    kinds = np.array([c.kind for c in coordinates])
    return [np.flatnonzero(kinds == kind) for kind in dict.fromkeys(kinds.tolist())]


def _take_orbits(chosen: _Chosen, members: NDArrayInt, coordinates: InternalCoordinates, frame: NuclearFrame) -> None:
    """Take the orbits of one kind that stay independent as a whole, best conditioned first."""
    orbits = [orbit for orbit in _orbits(members, coordinates, frame) if len(orbit) > 1]
    least = [_least_new(chosen, orbit) for orbit in orbits]
    for number in np.argsort(-np.array(least), kind="stable"):
        orbit = orbits[number]
        room = len(chosen.places) + len(orbit) <= chosen.wanted
        if least[number] > _NEW and room and _least_new(chosen, orbit) > _NEW:
            chosen.take(orbit)


def _orbits(members: NDArrayInt, coordinates: InternalCoordinates, frame: NuclearFrame) -> list[NDArrayInt]:
    """Places of equivalent coordinates; the two of a linear-bend pair are in one orbit."""
    kind = coordinates[int(members[0])].kind
    atoms = np.array([coordinates[i].atoms for i in members])
    distinct, which = np.unique(atoms, axis=0, return_inverse=True)
    labels = orbit_labels(kind, distinct, frame.permutations)[which.reshape(-1)]
    return [members[labels == label] for label in np.unique(labels)]


def _least_new(chosen: _Chosen, orbit: NDArrayInt) -> float:
    """Smallest singular value of the new part of the rows of an orbit."""
    if len(orbit) > chosen.rows.shape[1]:
        return 0.0
    return float(np.linalg.svd(chosen.new_part(orbit), compute_uv=False)[-1])
