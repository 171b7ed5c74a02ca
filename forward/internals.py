"""Internal coordinates: what they are, their values, Wilson's B matrix and the second derivatives.

`internal_coordinates` in selection.py chooses a complete set for a molecule; a set made by hand works the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike

from ..errors import CoordinateError
from ..groups.operations import NDArrayFloat, NDArrayInt
from ._body_frame import BodyFrame, TurningAxes
from ._primitives import KINDS, Derivatives, Kernel, Undefined

if TYPE_CHECKING:
    from .coordinate_check import CoordinateCheck

__all__ = ["InternalCoordinate", "InternalCoordinates"]


@dataclass(frozen=True)
class InternalCoordinate:
    """One internal coordinate. Angles are in rad, lengths in the unit of the positions.

    Attributes
    ----------
    kind : str
        - "stretch" (a, b): distance.
        - "bend" (a, b, c): angle at b, strictly between 0 and pi.
        - "linear_bend" (a, b, c): ``axis . (e_ba + e_bc)`` with the unit vectors from b; at 180 degrees it is zero and
          its gradient is that of the bending angle in the plane of the axis. Two with orthogonal axes make a pair.
        - "torsion" (a, b, c, d): dihedral angle about b-c in (-pi, pi], positive when d is clockwise of a, seen from
          b to c (IUPAC). b and c need not be bonded (linear chains).
        - "out_of_plane" (end, centre, a, b): Wilson's angle between the bond centre-end and the plane a, centre, b;
          positive on the side of (a - centre) x (b - centre).
    atoms : tuple of int
        Atom indices from 0, in the order given above.
    axis : tuple of three floats, or None
        Linear bends only: unit vector, perpendicular to the line of the atoms.

    Raises
    ------
    CoordinateError
        Unknown kind, wrong number of atoms, an atom twice, an axis missing or without direction.

    Examples
    --------
    >>> InternalCoordinate("bend", (1, 0, 2)).label(["O", "H", "H"])
    'a(H2-O1-H3)'
    """

    kind: str
    atoms: tuple[int, ...]
    axis: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise CoordinateError(f"InternalCoordinate({self.kind!r}, ...): the kinds are {', '.join(KINDS)}.")
        call = f"InternalCoordinate({self.kind!r}, {self.atoms!r}, ...)"
        atoms = _read_atoms(self.atoms, call)
        expected = KINDS[self.kind].n_atoms
        if len(atoms) != expected or len(set(atoms)) != expected or min(atoms) < 0:
            raise CoordinateError(f"{call}: a {self.kind} needs {expected} different atoms, counted from 0.")
        object.__setattr__(self, "atoms", atoms)
        if (self.axis is None) != (self.kind != "linear_bend"):
            raise CoordinateError(f"{call}: an axis belongs to a linear_bend, and only there; got {self.axis!r}.")
        if self.axis is not None:
            object.__setattr__(self, "axis", _read_axis(self.axis, call))

    @property
    def canonical_atoms(self) -> tuple[int, ...]:
        """The atoms in one of the orders that mean the same coordinate (out-of-plane: up to sign)."""
        if self.kind == "out_of_plane":
            return (*self.atoms[:2], *sorted(self.atoms[2:]))
        return self.atoms if self.atoms[0] < self.atoms[-1] else self.atoms[::-1]

    def label(self, symbols: Sequence[str] | None = None) -> str:
        """Short name, as "r(C1-H2)", atoms counted from 1; a linear bend says its axis, "l(O1-C2-O3, x)"."""
        names = [f"{symbols[atom] if symbols is not None else ''}{atom + 1}" for atom in self.atoms]
        axis = "" if self.axis is None else f", {_axis_name(self.axis)}"
        return f"{KINDS[self.kind].letter}({'-'.join(names)}{axis})"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; ``InternalCoordinate(**values)`` reads them back."""
        return {"kind": self.kind, "atoms": list(self.atoms), "axis": None if self.axis is None else list(self.axis)}


@dataclass(frozen=True, eq=False)
class _Group:
    """All coordinates of one kind."""

    kernel: Kernel
    rows: NDArrayInt  # (n,) place in the set
    atoms: NDArrayInt  # (n, k)
    axes: NDArrayFloat | None  # (n, 3)

    def vectors(self, x: NDArrayFloat) -> list[NDArrayFloat]:
        """Bond vectors (..., n, 3) that the kernel wants."""
        return [x[..., self.atoms[:, end], :] - x[..., self.atoms[:, start], :]
                for start, end in self.kernel.bond_vectors]  # fmt: skip


class InternalCoordinates(Sequence[InternalCoordinate]):
    """An ordered set of internal coordinates, differentiated together.

    Parameters
    ----------
    coordinates : iterable of InternalCoordinate
    reference : (N, 3) float, optional
        Geometry for which the axes of linear bends are given. With it the axes turn with the molecule (by the best
        rotation of the reference onto the positions, atoms counted alike), so that every coordinate is invariant under
        translation and rotation at any geometry, bent ones included. Without it, and in a linear molecule, the axes are
        fixed in space: the same at the exactly linear geometry, to first order. Other kinds do not use it.

    Raises
    ------
    CoordinateError
        The same coordinate twice, or something that is not a coordinate.

    Examples
    --------
    >>> water = InternalCoordinates([InternalCoordinate("stretch", (0, 1)), InternalCoordinate("bend", (1, 0, 2))])
    >>> water.values([[0, 0, 0], [1, 0, 0], [0, 1, 0]]).round(4).tolist()
    [1.0, 1.5708]
    """

    def __init__(self, coordinates: Iterable[InternalCoordinate], reference: ArrayLike | None = None) -> None:
        self.coordinates: tuple[InternalCoordinate, ...] = tuple(coordinates)
        wrong = [c for c in self.coordinates if not isinstance(c, InternalCoordinate)]
        if wrong:
            raise CoordinateError(f"InternalCoordinates(...): {wrong[0]!r} is not an InternalCoordinate.")
        _refuse_duplicates(self.coordinates)
        self.reference: NDArrayFloat | None = None
        if reference is not None:
            self.reference = self._read_positions(np.array(reference, dtype=float))
            self.reference.setflags(write=False)

    # ---- a sequence -----------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.coordinates)

    @overload
    def __getitem__(self, index: int) -> InternalCoordinate: ...
    @overload
    def __getitem__(self, index: slice) -> "InternalCoordinates": ...
    def __getitem__(self, index: int | slice) -> "InternalCoordinate | InternalCoordinates":
        """One coordinate, or the set of a slice."""
        if isinstance(index, slice):
            return InternalCoordinates(self.coordinates[index], self.reference)
        return self.coordinates[index]

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(g.rows)} {kind}" for kind, g in self._groups.items())
        return f"InternalCoordinates({len(self)}: {counts or 'none'})"

    def labels(self, symbols: Sequence[str] | None = None) -> tuple[str, ...]:
        """Label of each coordinate."""
        return tuple(c.label(symbols) for c in self.coordinates)

    @cached_property
    def _groups(self) -> dict[str, _Group]:
        groups = {}
        for kind, kernel in KINDS.items():
            rows = [i for i, c in enumerate(self.coordinates) if c.kind == kind]
            if rows:
                atoms = np.array([self.coordinates[i].atoms for i in rows])
                axes = np.array([self.coordinates[i].axis for i in rows]) if kind == "linear_bend" else None
                groups[kind] = _Group(kernel, np.array(rows), atoms, axes)
        return groups

    def check(self, molecule: Any) -> "CoordinateCheck":
        """Whether the set is complete for a molecule: rank of B, singular values, missing directions in words.

        Raises
        ------
        CoordinateError
            A coordinate names an atom that the molecule has not, or is undefined at its geometry.

        Examples
        --------
        >>> water = (["O", "H", "H"], [[0, 0, 0], [0, 0.76, 0.59], [0, -0.76, 0.59]])
        >>> InternalCoordinates([InternalCoordinate("stretch", (0, 1))]).check(water).rank
        1
        """
        from ..groups.readers import as_molecule
        from .coordinate_check import check_coordinates

        return check_coordinates(self, as_molecule(molecule))

    # ---- derivatives ----------------------------------------------------------------------------------------

    def values(self, positions: ArrayLike) -> NDArrayFloat:
        """Values (..., n_q) at positions (..., N, 3): lengths in the unit of the positions, angles in rad.

        Raises
        ------
        CoordinateError
            A coordinate is undefined at the geometry, or names an atom that is not there.
        """
        x = self._read_positions(positions)
        values = np.zeros((*x.shape[:-2], len(self)))
        for kind, group in self._groups.items():
            values[..., group.rows] = self._evaluate(kind, group, x, 0)[0]
        return values

    def b_matrix(self, positions: ArrayLike) -> NDArrayFloat:
        """Wilson's B (..., n_q, 3N): first derivatives d q_i / d x_k at positions (..., N, 3).

        Columns go atom by atom (x, y, z of atom 0, then of atom 1). Errors as in :meth:`values`.
        """
        x = self._read_positions(positions)
        n_atoms = x.shape[-2]
        b = np.zeros((*x.shape[:-2], len(self), n_atoms, 3))
        for kind, group in self._groups.items():
            gradient = self._evaluate(kind, group, x, 1)[1]
            assert gradient is not None
            b[..., group.rows[:, None], group.atoms, :] = group.kernel.incidence.T @ gradient
            turning = self._turning(group, x)
            if turning is not None:
                b[..., group.rows, :, :] += turning.gradient()
        return b.reshape(*x.shape[:-2], len(self), 3 * n_atoms)

    def second_derivatives(self, positions: ArrayLike) -> NDArrayFloat:
        """Second derivatives (..., n_q, 3N, 3N): d^2 q_i / d x_k d x_l at positions (..., N, 3).

        Dense: 8 n_q (3N)^2 bytes. For a gradient term use :meth:`weighted_second_derivatives`, which needs (3N)^2.
        """
        x = self._read_positions(positions)
        n_atoms = x.shape[-2]
        whole = np.zeros((*x.shape[:-2], len(self), n_atoms, 3, n_atoms, 3))
        for kind, group in self._groups.items():
            blocks = self._second_by_atoms(kind, group, x)
            for i, j in np.ndindex(group.kernel.n_atoms, group.kernel.n_atoms):
                whole[..., group.rows, group.atoms[:, i], :, group.atoms[:, j], :] = np.moveaxis(
                    blocks[..., i, :, j, :], -3, 0
                )
            turning = self._turning(group, x)
            if turning is not None:
                whole[..., group.rows, :, :, :, :] += turning.second()
        return whole.reshape(*x.shape[:-2], len(self), 3 * n_atoms, 3 * n_atoms)

    def weighted_second_derivatives(self, positions: ArrayLike, weights: ArrayLike) -> NDArrayFloat:
        """Sum over coordinates of weight times second derivatives, (3N, 3N), at positions (N, 3).

        With the internal gradient as weights this is the gradient term of a Hessian. Time and memory O(n_q + N^2).
        """
        x = self._read_positions(positions)
        w = np.asarray(weights, dtype=float)
        if x.ndim != 2 or w.shape != (len(self),):
            raise CoordinateError(
                f"weighted_second_derivatives: positions {x.shape} and weights {w.shape} given; (N, 3) and "
                f"({len(self)},) are needed."
            )
        n_atoms = len(x)
        whole = np.zeros((n_atoms, n_atoms, 3, 3))
        for kind, group in self._groups.items():
            blocks = np.einsum("n,niajb->nijab", w[group.rows], self._second_by_atoms(kind, group, x))
            np.add.at(whole, (group.atoms[:, :, None], group.atoms[:, None, :]), blocks)
            turning = self._turning(group, x)
            if turning is not None:
                whole += np.einsum("n,naibj->abij", w[group.rows], turning.second())
        return whole.transpose(0, 2, 1, 3).reshape(3 * n_atoms, 3 * n_atoms)

    def _second_by_atoms(self, kind: str, group: _Group, x: NDArrayFloat) -> NDArrayFloat:
        """Second derivatives (..., n, k, 3, k, 3) with respect to the k atoms of each coordinate of a kind."""
        second = self._evaluate(kind, group, x, 2)[2]
        assert second is not None
        incidence = group.kernel.incidence
        return np.einsum("mi,...manb,nj->...iajb", incidence, second, incidence, optimize=True)

    def _evaluate(self, kind: str, group: _Group, x: NDArrayFloat, order: int) -> Derivatives:
        axes = group.axes
        if axes is not None and self._frame is not None:
            axes = axes @ np.swapaxes(self._frame.orient(x).rotation, -1, -2)
        try:
            return group.kernel.evaluate(group.vectors(x), axes, order)
        except Undefined as error:
            coordinate = self.coordinates[group.rows[error.index]]
            raise CoordinateError(
                f"{kind} {coordinate.label()} (atoms {', '.join(map(str, coordinate.atoms))} from 0) is undefined at "
                f"this geometry: {error.reason}."
            ) from None

    def _turning(self, group: _Group, x: NDArrayFloat) -> TurningAxes | None:
        """What the turning of the axes of linear bends adds to their derivatives; None where nothing turns."""
        if group.axes is None or self._frame is None:
            return None
        return TurningAxes.of(self._frame, group.axes, group.atoms, group.vectors(x), x)

    @cached_property
    def _frame(self) -> BodyFrame | None:
        if self.reference is None or "linear_bend" not in self._groups:
            return None
        frame = BodyFrame(self.reference)
        return None if frame.is_line else frame

    def _read_positions(self, positions: ArrayLike) -> NDArrayFloat:
        x = np.asarray(positions, dtype=float)
        if x.ndim < 2 or x.shape[-1] != 3:
            raise CoordinateError(f"positions have the shape {x.shape}; (N, 3) or (..., N, 3) is needed.")
        if not np.isfinite(x).all():
            raise CoordinateError(f"positions {x.shape} hold NaN or infinity.")
        if self._highest_atom >= x.shape[-2]:
            worst = max(self.coordinates, key=lambda c: max(c.atoms))
            raise CoordinateError(
                f"{worst.kind} {worst.label()} names atom {max(worst.atoms)} (from 0), but positions hold "
                f"{x.shape[-2]} atoms."
            )
        return x

    @cached_property
    def _highest_atom(self) -> int:
        return max((max(c.atoms) for c in self.coordinates), default=-1)


def _refuse_duplicates(coordinates: tuple[InternalCoordinate, ...]) -> None:
    seen: dict[tuple[Any, ...], InternalCoordinate] = {}
    for coordinate in coordinates:
        key = (coordinate.kind, coordinate.canonical_atoms, coordinate.axis)
        if key in seen:
            raise CoordinateError(
                f"InternalCoordinates(...): {coordinate.label()} and {seen[key].label()} are the same coordinate."
            )
        seen[key] = coordinate


def _read_atoms(atoms: Any, call: str) -> tuple[int, ...]:
    try:
        read = tuple(int(a) for a in atoms)
        whole = all(a == b for a, b in zip(read, atoms, strict=True))
    except (TypeError, ValueError):
        whole, read = False, ()
    if not whole or not read:
        raise CoordinateError(f"{call}: atoms must be whole numbers, counted from 0.")
    return read


def _read_axis(axis: Any, call: str) -> tuple[float, float, float]:
    vector = np.asarray(axis, dtype=float)
    length = float(np.linalg.norm(vector)) if vector.shape == (3,) else 0.0
    if not (np.isfinite(length) and length > 0.0):
        raise CoordinateError(f"{call}: axis={axis!r} is not a direction; give three numbers, not all zero.")
    x, y, z = (vector / length).tolist()
    return (x, y, z)


def _axis_name(axis: tuple[float, float, float]) -> str:
    largest = max(range(3), key=lambda i: abs(axis[i]))
    if abs(axis[largest]) > 1.0 - 1e-9:
        return ("" if axis[largest] > 0 else "-") + "xyz"[largest]
    return " ".join(f"{component:.3f}" for component in axis)
