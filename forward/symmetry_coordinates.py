"""Symmetry coordinates: internal coordinates combined so that each belongs to one irrep and one partner."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CoordinateError, ForceFieldError
from ..groups.detection import Detection, detect_point_group
from ..groups.displacements import DisplacementSymmetry
from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat, NDArrayInt
from ..groups.schoenflies import PointGroup
from ._partners import PartnerBasis, partner_bases
from .coordinate_rank import CoordinateRank
from .force_constants import checked_force_constants
from .internals import InternalCoordinates

__all__ = ["SymmetryBlock", "SymmetryCoordinates", "symmetric_force_constants", "symmetry_coordinates"]

_ORTHONORMAL = 1e-8
_FORCE_FIELD_ASYMMETRY = 1e-6  # of a force field, relative: what is not totally symmetric is a mistake
_KIND_ORDER = {"stretch": 0, "bend": 1, "linear_bend": 2, "out_of_plane": 3, "torsion": 4}


@dataclass(frozen=True, eq=False)
class SymmetryBlock:
    """Symmetry coordinates of one species.

    Attributes
    ----------
    irrep : str
    dimension : int
        Degeneracy of its levels.
    coefficients : ndarray (g, n_q, n)
        ``q = sum over r, a of coefficients[r, :, a] * s[r, a]``: column a of partner r. Partners carry the same
        coordinates: G and F are the same for each, with nothing between them. g is the dimension of the irrep. For a
        complex-conjugate pair (E of C3 and the like) g = 1, the columns are complex, belong to one member of the pair
        and ``q = 2 Re(coefficients[0] @ s)``; G and F then are Hermitian.
    inverse : ndarray (g, n, n_q)
        ``s[r] = inverse[r] @ q``: the adjoint of ``coefficients`` where these are orthonormal.
    leading : ndarray (n,) of int
        The internal coordinate that each symmetry coordinate is built around (largest coefficient left when it was
        chosen, stretches first).
    """

    irrep: str
    dimension: int
    coefficients: NDArray[Any]
    inverse: NDArray[Any]
    leading: NDArrayInt

    @property
    def n_levels(self) -> int:
        """Number of degenerate sets of vibrations."""
        return self.coefficients.shape[2]

    @property
    def is_complex(self) -> bool:
        """Is it a complex-conjugate pair?"""
        return bool(np.iscomplexobj(self.coefficients))

    @cached_property
    def real_columns(self) -> NDArrayFloat:
        """Real columns (dimension, n_q, n) of all partners: of a complex pair sqrt(2) Re and sqrt(2) Im."""
        return real_partners(self.coefficients)

    def restrict(self, force_constants: NDArrayFloat) -> NDArray[Any]:
        """F (n_q, n_q) in the symmetry coordinates of one partner, (n, n): the mean over the partners."""
        columns = self.coefficients
        return (columns.conj().swapaxes(1, 2) @ (force_constants @ columns)).mean(axis=0)

    def expand(self, block_matrix: NDArray[Any]) -> NDArrayFloat:
        """The F (n_q, n_q) that is ``block_matrix`` (n, n) for every partner of this species and zero elsewhere."""
        whole = (self.inverse.conj().swapaxes(1, 2) @ block_matrix @ self.inverse).sum(axis=0)
        return 2 * whole.real if self.is_complex else whole

    def __repr__(self) -> str:
        return f"SymmetryBlock({self.irrep}, {self.coefficients.shape[2]} coordinates x {len(self.coefficients)})"


@dataclass(frozen=True, eq=False)
class SymmetryCoordinates:
    """Symmetry coordinates of a molecule: a basis, factored by irrep and partner, of what its internals describe.

    Attributes
    ----------
    molecule : Molecule
    point_group : PointGroup
    internals : InternalCoordinates
    positions : ndarray (N, 3)
        Angstrom, from the centre of mass, averaged over the group: where B is taken.
    b_matrix : ndarray (n_q, 3N)
        At ``positions``, per angstrom.
    blocks : tuple of SymmetryBlock
        In the order of the character table.
    rank : CoordinateRank
    """

    molecule: Molecule
    point_group: PointGroup
    internals: InternalCoordinates
    positions: NDArrayFloat
    b_matrix: NDArrayFloat
    blocks: tuple[SymmetryBlock, ...]
    rank: CoordinateRank
    action: DisplacementSymmetry

    @cached_property
    def matrix(self) -> NDArrayFloat:
        """All columns side by side, (n_q, d): ``q = matrix @ s``; blocks in order, partner by partner."""
        return np.hstack([partner for block in self.blocks for partner in block.real_columns])

    @cached_property
    def orthonormal(self) -> bool:
        """Are the columns orthonormal? True where the set of internal coordinates is closed under the group."""
        overlap = self.matrix.T @ self.matrix
        return bool(np.abs(overlap - np.eye(len(overlap))).max() < _ORTHONORMAL)

    def label(self, block: SymmetryBlock, a: int, largest: int = 4) -> str:
        """Coordinate a of a block (first partner) in symbols: "0.707 r(H1-C2) + 0.707 r(C2-H3)"."""
        column = block.real_columns[0, :, a]
        order = [int(i) for i in np.argsort(-np.abs(column), kind="stable") if abs(column[i]) > 1e-3]
        symbols = self.molecule.symbols
        terms = [f"{column[i]:+.3f} {self.internals[i].label(symbols)}" for i in sorted(order[:largest])]
        return " ".join(terms).removeprefix("+") + (" ..." if len(order) > largest else "")

    def asymmetry(self, force_constants: NDArrayFloat) -> float:
        """Largest element of the part of F (n_q, n_q) that is not totally symmetric, relative to the largest of F.

        Only the part of F that matters, on the span of the coordinates, is looked at.
        """
        kept = self.matrix @ np.linalg.pinv(self.matrix)
        whole = kept.T @ force_constants @ kept
        inside = sum((block.expand(block.restrict(force_constants)) for block in self.blocks), np.zeros(()))
        return float(np.abs(whole - inside).max(initial=0.0) / max(float(np.abs(whole).max(initial=0.0)), 1e-300))

    def __str__(self) -> str:
        lines = [f"{self.point_group.label}: {self.rank}"]
        for block in self.blocks:
            for a in range(block.coefficients.shape[2]):
                lines.append(f"  {block.irrep:8s} {a + 1:3d}  {self.label(block, a)}")
        return "\n".join(lines)


def symmetry_coordinates(
    molecule: Any, internals: InternalCoordinates | None = None, tolerance: float | None = None
) -> SymmetryCoordinates:
    """Symmetry coordinates of a molecule, per irrep and partner, from its internal coordinates.

    Parameters
    ----------
    molecule : Detection, DisplacementSymmetry, or anything ``as_molecule`` reads
    internals : InternalCoordinates, optional
        Default: ``internal_coordinates(molecule)`` (redundant, closed under the group).
    tolerance : float, optional
        Angstrom, for the detection of the point group.

    Raises
    ------
    CoordinateError
        The coordinates do not describe all vibrations.

    Notes
    -----
    The symmetry-adapted vibrations V (mass-weighted Cartesians; per irrep and partner, see ``_partners``) are mapped
    by W = B M^-1/2 V. The columns of W span just what the coordinates of this species describe, whatever redundancies
    there are, so each block has its final size and no zero eigenvalue. Within a block the basis is the pivoted
    Cholesky factor of the projector on that span, stretches before bends before torsions: orthonormal columns,
    each built around one set of equivalent coordinates where the redundancies allow it (E. B. Wilson, J. C. Decius,
    P. C. Cross, Molecular Vibrations (1955), sec. 6-2 and 6-8). For a set closed under the group all columns are
    orthonormal. For a set that is not (say, independent coordinates picked from equivalent ones) the blocks still
    factor G and F, but no orthonormal symmetry coordinates exist; ``inverse`` then is the generalised inverse.

    In a linear molecule the action is that of the subgroup C4v or D4h, labels are those of the infinite group.

    Examples
    --------
    >>> import symvib as sv
    >>> water = sv.Molecule.from_arrays([8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.471], [0, -0.757, -0.471]])
    >>> print(symmetry_coordinates(water))
    C2v: 3 internal coordinates, rank 3, 0 redundant (relative singular values 0.47 kept, 0 dropped)
      A1         1  0.707 r(O1-H2) +0.707 r(O1-H3)
      A1         2  1.000 a(H2-O1-H3)
      B2         1  0.707 r(O1-H2) -0.707 r(O1-H3)
    """
    action, detection = _action(molecule, tolerance)
    if internals is None:
        from .selection import internal_coordinates

        internals = internal_coordinates(detection.molecule)
    b_matrix = np.array(internals.b_matrix(action.positions), dtype=float)
    rank = CoordinateRank.of(b_matrix, action.analysis.n_vib)
    priority = np.array([_KIND_ORDER[coordinate.kind] for coordinate in internals])
    weighted = b_matrix / action.mass_weights
    species = partner_bases(action)
    chosen = [_columns(weighted, part, priority) for part in species]
    blocks = _blocks(species, chosen)
    b_matrix.setflags(write=False)
    return SymmetryCoordinates(
        detection.molecule,
        detection.point_group,
        internals,
        action.positions,
        b_matrix,
        tuple(blocks),
        rank,
        action,
    )


def symmetric_force_constants(coordinates: SymmetryCoordinates, force_field: Any) -> tuple[NDArrayFloat, float]:
    """F (n_q, n_q) of a ForceField or array, and the relative part of it that is not totally symmetric: rounding.

    Raises
    ------
    ForceFieldError
        A wrong shape, NaN, not symmetric, or not totally symmetric.
    """
    matrix = checked_force_constants(force_field, len(coordinates.internals))
    asymmetry = coordinates.asymmetry(matrix)
    if asymmetry > _FORCE_FIELD_ASYMMETRY:
        raise ForceFieldError(
            f"{asymmetry:.2g} of the force constants (relative to the largest) lacks the symmetry "
            f"{coordinates.point_group.label} of the geometry; allowed: {_FORCE_FIELD_ASYMMETRY:g}. Make equivalent "
            "constants equal, or give symmetry=False."
        )
    return matrix, asymmetry


def real_partners(vectors: NDArray[Any]) -> NDArrayFloat:
    """Real vectors of all partners, (g, m, n), from those of a block: (1, m, n) complex give (2, m, n)."""
    if np.iscomplexobj(vectors):
        return np.sqrt(2.0) * np.concatenate([np.real(vectors), np.imag(vectors)])
    return vectors


def _blocks(
    species: Sequence[PartnerBasis], chosen: Sequence[tuple[NDArray[Any], NDArrayInt]]
) -> tuple[SymmetryBlock, ...]:
    real = [real_partners(columns) for columns, _ in chosen]
    inverses = np.linalg.pinv(np.hstack([partner for columns in real for partner in columns]))
    blocks, start = [], 0
    for part, (columns, leading), partners in zip(species, chosen, real, strict=True):
        size = partners.shape[0] * partners.shape[2]
        inverse = inverses[start : start + size].reshape(len(partners), partners.shape[2], -1)
        start += size
        if np.iscomplexobj(columns):
            inverse = ((inverse[0] - 1j * inverse[1]) / np.sqrt(2.0))[None]
        for array in (columns, inverse, leading):
            array.setflags(write=False)
        blocks.append(SymmetryBlock(part.irrep, part.dimension, columns, inverse, leading))
    return tuple(blocks)


def _action(x: Any, tolerance: float | None) -> tuple[DisplacementSymmetry, Detection]:
    detection = x if isinstance(x, Detection) else detect_point_group(x, tolerance)
    if len(detection.molecule) == 1:
        raise CoordinateError(f"symmetry_coordinates: {detection.molecule!r} is one atom and does not vibrate.")
    return DisplacementSymmetry.of(detection), detection


def _columns(weighted_b: NDArrayFloat, species: PartnerBasis, priority: NDArrayInt) -> tuple[NDArray[Any], NDArrayInt]:
    """Columns (g, n_q, n) that span what the coordinates describe of one species, and their leading coordinates."""
    mapped = weighted_b @ species.bases
    left, singular, right = np.linalg.svd(mapped[0], full_matrices=False)
    first, leading = _pivoted_cholesky(left, priority)
    # the combination of the mapped vectors that gives the columns of the first partner gives those of all
    combination = right.conj().T @ ((left.conj().T @ first) / singular[:, None])
    return mapped @ combination, leading


def _pivoted_cholesky(span: NDArray[Any], priority: NDArrayInt) -> tuple[NDArray[Any], NDArrayInt]:
    """Factor C (n_q, n) with C C^+ = span span^+, and its pivots: orthonormal columns, as that is a projector.

    Of the coordinates that still have a tenth of the largest diagonal, those with the lowest ``priority`` come first,
    and of these the one with the largest.
    """
    projector = span @ span.conj().T
    size = span.shape[1]
    factor, pivots = np.zeros_like(span), np.zeros(size, dtype=np.int64)
    rest = np.array(np.real(np.diag(projector)), dtype=float)
    for a in range(size):
        eligible = rest > 0.1 * rest.max()
        lowest = priority[eligible].min()
        candidates = np.flatnonzero(eligible & (priority == lowest))
        # the first of the (nearly) largest, so that rounding does not decide
        pivot = candidates[np.flatnonzero(rest[candidates] > rest[candidates].max() * (1 - 1e-6))[0]]
        column = projector[:, pivot] - factor[:, :a] @ factor[pivot, :a].conj()
        factor[:, a] = column / np.sqrt(rest[pivot])
        rest -= np.abs(factor[:, a]) ** 2
        pivots[a] = pivot
    return factor, pivots
