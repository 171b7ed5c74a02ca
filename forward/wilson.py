"""Wilson's GF problem: normal modes in internal coordinates, factored by symmetry."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CoordinateError, ForceFieldError, HessianError
from ..groups.detection import Detection
from ..groups.displacements import DisplacementSymmetry
from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat, NDArrayInt
from ..groups.readers import as_molecule
from ..groups.schoenflies import PointGroup
from ._mode_numbers import mode_numbers
from .coordinate_rank import CoordinateRank
from .force_constants import cartesian_to_internal
from .ped import energy_distribution
from .response import HarmonicResponse
from .symmetry_coordinates import (
    SymmetryBlock,
    SymmetryCoordinates,
    real_partners,
    symmetry_coordinates,
)
from .wilson_solution import WilsonBlock, WilsonSolution

__all__ = ["WilsonBlock", "WilsonSolution", "wilson_gf"]

_SYMMETRIC = 1e-9  # |F - F^T| relative to the largest element
_FORCE_FIELD_ASYMMETRY = 1e-6  # of a force field, relative: what is not totally symmetric is a mistake


def wilson_gf(
    molecule: Any,
    force_field: Any | None = None,
    internals: Any | None = None,
    hessian: Any | None = None,
    symmetry: bool = True,
    *,
    gradient: Any | None = None,
    tolerance: float | None = None,
    max_asymmetry: float = 0.05,
) -> WilsonSolution:
    """Normal modes of a molecule from force constants in internal coordinates.

    Parameters
    ----------
    molecule : Detection, HarmonicResponse, or anything ``as_molecule`` reads
        A response brings its Hessian.
    force_field : ForceField or array (n_q, n_q), optional
        Force constants in mdyn/A, mdyn, mdyn A.
    internals : InternalCoordinates, optional
        Default: those of the force field, or ``internal_coordinates(molecule)``.
    hessian : array (3N, 3N), optional
        Eh/bohr^2, instead of a force field; it is averaged over the symmetry group and transformed.
    symmetry : bool
        False: one secular equation, not factored, at the geometry as it is. The factored one uses the geometry and the
        Hessian averaged over the group, so both agree as far as these have the symmetry.
    gradient : array (3N,), optional
        Eh/bohr, with ``hessian``: adds the gradient term of the transformation. Then F holds the true second
        derivatives in internal coordinates, which off a stationary point give other wavenumbers than the Hessian.
    tolerance : float, optional
        Angstrom, for the detection of the point group.
    max_asymmetry : float
        Largest part of the Hessian (relative Frobenius norm) that may lack the symmetry.

    Raises
    ------
    ForceFieldError
        Neither or both of force_field and hessian; F of a wrong shape, not symmetric, or not totally symmetric.
    HessianError
        A Hessian that lacks the symmetry, of a wrong shape.
    CoordinateError
        Internal coordinates that do not describe all vibrations.

    Notes
    -----
    With G = C C^T (Cholesky, in each symmetry block) the symmetric matrix C^T F C has the eigenvalues of GF, and with
    its eigenvectors V, L = C V. E. B. Wilson, J. Chem. Phys. 7, 1047 (1939); 9, 76 (1941); S. Califano, Vibrational
    States (1976), ch. 4. Redundant coordinates: G has rank d = 3N - 6 (5) and C spans its range (generalised inverse
    of G, J. R. Gibson, S. Crawford). An indefinite F gives imaginary modes, shown as negative wavenumbers.
    Cost O(n_q^2 3N), the eigenproblems O(sum over blocks of n^3).

    Examples
    --------
    >>> import symvib as sv
    >>> from symvib.forward.internals import InternalCoordinate as Internal, InternalCoordinates
    >>> water = sv.Molecule.from_arrays([8, 1, 1], [[0, 0, 0.1173], [0, 0.7572, -0.4692], [0, -0.7572, -0.4692]])
    >>> internals = InternalCoordinates(
    ...     [Internal("stretch", (0, 1)), Internal("stretch", (0, 2)), Internal("bend", (1, 0, 2))]
    ... )
    >>> field = [[8.45, -0.10, 0.23], [-0.10, 8.45, 0.23], [0.23, 0.23, 0.70]]  # mdyn/A, mdyn, mdyn A
    >>> print(wilson_gf(water, field, internals))
       nu  irrep        cm-1  degeneracy  potential energy
    """
    molecule, hessian = _inputs(molecule, force_field, hessian)
    if internals is None:
        internals = getattr(force_field, "internals", None)
    problem = _Problem.of(molecule, internals, symmetry, tolerance)
    removed: float | None = None
    if hessian is not None:
        averaged, asymmetry = _averaged(problem, np.asarray(hessian, dtype=float), max_asymmetry)
        transformed = cartesian_to_internal(
            averaged, gradient, problem.internals, problem.positions, problem.molecule.masses
        )
        force_constants, removed = transformed.force_constants, transformed.removed
    else:
        force_constants = _force_constants(force_field, len(problem.internals))
        asymmetry = problem.asymmetry(force_constants)
    return _solve(problem, force_constants, asymmetry, removed)


def _inputs(molecule: Any, force_field: Any | None, hessian: Any | None) -> tuple[Any, Any | None]:
    """Molecule or Detection, and the Hessian if it is that."""
    if isinstance(molecule, HarmonicResponse):
        if force_field is None and hessian is None:
            hessian = molecule.hessian
        molecule = molecule.molecule
    if (force_field is None) == (hessian is None):
        raise ForceFieldError("wilson_gf: give either force_field or hessian (a HarmonicResponse brings its own).")
    return molecule, hessian


def _force_constants(force_field: Any, count: int) -> NDArrayFloat:
    matrix = np.array(force_field.matrix() if hasattr(force_field, "matrix") else force_field, dtype=float)
    if matrix.shape != (count, count):
        raise ForceFieldError(
            f"wilson_gf: force constants of shape {matrix.shape} for {count} internal coordinates; ({count}, {count}) "
            "is needed, in their order."
        )
    if not np.isfinite(matrix).all():
        raise ForceFieldError("wilson_gf: force constants hold NaN or infinity.")
    worst, largest = float(np.abs(matrix - matrix.T).max()), float(np.abs(matrix).max())
    if worst > _SYMMETRIC * max(largest, 1e-300):
        raise ForceFieldError(
            f"wilson_gf: force constants are not symmetric: |F - F^T| reaches {worst:.3g} with elements up to "
            f"{largest:.3g}."
        )
    return (matrix + matrix.T) / 2


@dataclass(frozen=True, eq=False)
class _Problem:
    """What the secular equation needs beside F."""

    molecule: Molecule
    point_group: PointGroup
    internals: Any
    positions: NDArrayFloat
    b_matrix: NDArrayFloat
    blocks: tuple[SymmetryBlock, ...]
    rank: CoordinateRank
    coordinates: SymmetryCoordinates | None

    @classmethod
    def of(cls, molecule: Any, internals: Any | None, symmetry: bool, tolerance: float | None) -> "_Problem":
        if symmetry:
            found = symmetry_coordinates(molecule, internals, tolerance)
            return cls(
                found.molecule,
                found.point_group,
                found.internals,
                found.positions,
                found.b_matrix,
                found.blocks,
                found.rank,
                found,
            )
        molecule = molecule.molecule if isinstance(molecule, Detection) else as_molecule(molecule)
        if internals is None:
            from .selection import internal_coordinates

            internals = internal_coordinates(molecule)
        b_matrix = np.array(internals.b_matrix(molecule.positions), dtype=float)
        expected = _n_vibrations(molecule)
        rank = CoordinateRank.of(b_matrix, expected)
        span = np.linalg.svd(b_matrix, full_matrices=False)[0][:, :expected]
        block = SymmetryBlock("A", 1, span[None], span.T[None], np.zeros(0, dtype=np.int64))
        return cls(molecule, PointGroup.parse("C1"), internals, molecule.positions, b_matrix, (block,), rank, None)

    @property
    def action(self) -> DisplacementSymmetry | None:
        return None if self.coordinates is None else self.coordinates.action

    def asymmetry(self, force_constants: NDArrayFloat) -> float:
        """Relative part of F that is not totally symmetric, which must be rounding."""
        if self.coordinates is None:
            return 0.0
        asymmetry = self.coordinates.asymmetry(force_constants)
        if asymmetry > _FORCE_FIELD_ASYMMETRY:
            raise ForceFieldError(
                f"wilson_gf: {asymmetry:.2g} of the force constants (relative to the largest) lacks the symmetry "
                f"{self.point_group.label} of the geometry; allowed: {_FORCE_FIELD_ASYMMETRY:g}. Make equivalent "
                "constants equal, or give symmetry=False."
            )
        return asymmetry


def _n_vibrations(molecule: Molecule) -> int:
    """3N - 6, or 3N - 5 for a linear molecule."""
    if len(molecule) == 1:
        raise CoordinateError(f"wilson_gf: {molecule!r} is one atom and does not vibrate.")
    centred = molecule.positions - molecule.positions.mean(axis=0)
    singular = np.linalg.svd(centred, compute_uv=False)
    linear = len(molecule) == 2 or singular[1] < 1e-4 * singular[0]
    return 3 * len(molecule) - (5 if linear else 6)


def _averaged(problem: _Problem, hessian: NDArrayFloat, limit: float) -> tuple[NDArrayFloat, float]:
    size = problem.positions.size
    if hessian.shape != (size, size) or not np.isfinite(hessian).all():
        raise HessianError(
            f"wilson_gf: hessian of shape {hessian.shape} for {size // 3} atoms; finite numbers ({size}, {size}) are "
            "needed."
        )
    hessian = (hessian + hessian.T) / 2
    if problem.action is None:
        return hessian, 0.0
    averaged = problem.action.average(hessian)
    relative = float(np.linalg.norm(hessian - averaged) / max(float(np.linalg.norm(hessian)), 1e-300))
    if relative > limit:
        raise HessianError(
            f"wilson_gf: {100 * relative:.1f} % of the hessian lacks the symmetry {problem.point_group.label} of the "
            f"geometry; allowed: {100 * limit:.1f} %. Check that orientation and atom order are the molecule's."
        )
    return averaged, relative


def _solve(problem: _Problem, force_constants: NDArrayFloat, asymmetry: float, removed: float | None) -> WilsonSolution:
    roots = np.repeat(np.sqrt(problem.molecule.masses), 3)
    weighted = problem.b_matrix / roots
    g_matrix = weighted @ weighted.T
    blocks = tuple(_solve_block(block, g_matrix, force_constants) for block in problem.blocks)
    modes, eigenvalues, irreps, set_index = _assemble(blocks)
    # x = M^-1 B^T p with the momenta p = G^+ L
    momenta = np.linalg.lstsq(weighted.T, np.linalg.lstsq(weighted, modes, rcond=1e-9)[0], rcond=1e-9)[0]
    displacements = ((weighted.T @ momenta) / roots[:, None]).T.reshape(len(eigenvalues), -1, 3)
    energy = energy_distribution(modes, force_constants, momenta, eigenvalues)
    for array in (g_matrix, force_constants, modes, eigenvalues, set_index, displacements):
        array.setflags(write=False)
    return WilsonSolution(
        problem.molecule,
        problem.point_group,
        problem.internals,
        g_matrix,
        force_constants,
        modes,
        eigenvalues,
        irreps,
        set_index,
        mode_numbers(irreps, eigenvalues, set_index, problem.molecule, problem.point_group),
        displacements,
        energy,
        blocks,
        problem.rank,
        asymmetry,
        removed,
    )


def _solve_block(block: SymmetryBlock, g_matrix: NDArrayFloat, force_constants: NDArrayFloat) -> WilsonBlock:
    g_block, f_block = block.restrict_g(g_matrix), block.restrict(force_constants)
    root = np.linalg.cholesky(g_block)
    eigenvalues, vectors = np.linalg.eigh(root.conj().T @ f_block @ root)
    modes = root @ vectors
    for array in (g_block, f_block, modes, eigenvalues):
        array.setflags(write=False)
    return WilsonBlock(block.irrep, block.dimension, block.coefficients, g_block, f_block, modes, eigenvalues)


def _assemble(blocks: tuple[WilsonBlock, ...]) -> tuple[NDArrayFloat, NDArrayFloat, tuple[str, ...], NDArrayInt]:
    """L (n_q, d), lambda (d,), irreps and set indices of all blocks, sets by ascending eigenvalue."""
    columns, eigenvalues, irreps, sets = [], [], [], []
    for block in blocks:
        modes = real_partners(block.coefficients @ block.L)  # (dimension, n_q, n)
        columns.append(modes.transpose(1, 2, 0).reshape(modes.shape[1], -1))
        eigenvalues.append(np.repeat(block.eigenvalues, block.dimension))
        irreps += [block.irrep] * (block.eigenvalues.size * block.dimension)
        sets.append(
            np.repeat(np.arange(block.eigenvalues.size) + sum(len(np.unique(s)) for s in sets), block.dimension)
        )
    values, labels, modes = np.concatenate(eigenvalues), np.concatenate(sets), np.hstack(columns)
    means = np.bincount(labels, values) / np.bincount(labels)
    order = np.lexsort((labels, means[labels]))
    set_index = np.concatenate([[0], np.cumsum(np.diff(labels[order]) != 0)])
    return modes[:, order], values[order], tuple(irreps[i] for i in order), set_index
