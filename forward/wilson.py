"""Wilson's GF problem: normal modes in internal coordinates, factored by symmetry."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CoordinateError, ForceFieldError, HessianError
from ..groups.detection import Detection
from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat, NDArrayInt
from ..groups.readers import as_molecule
from ..groups.schoenflies import PointGroup
from ._mode_numbers import mode_numbers
from ._tensor_averages import MAX_ASYMMETRY, averaged_hessian
from ._vibrational_space import are_linear
from .coordinate_rank import CoordinateRank
from .force_constants import cartesian_to_internal, checked_force_constants, internal_displacements
from .internals import InternalCoordinates
from .ped import energy_distribution
from .response import HarmonicResponse
from .response_checks import check_response, check_wavenumbers
from .symmetry_coordinates import (
    SymmetryBlock,
    SymmetryCoordinates,
    real_partners,
    symmetric_force_constants,
    symmetry_coordinates,
)
from .wilson_solution import WilsonBlock, WilsonSolution

__all__ = ["WilsonBlock", "WilsonSolution", "wilson_gf"]

logger = logging.getLogger(__name__)

# What of a Hessian internal coordinates may not carry, relative to its largest element: a warning, an error.
_REMOVED_LIMITS = (2e-3, 0.03)


def wilson_gf(
    molecule: Any,
    force_field: Any | None = None,
    internals: Any | None = None,
    hessian: Any | None = None,
    symmetry: bool = True,
    *,
    gradient: Any | None = None,
    tolerance: float | None = None,
    check: bool = True,
    max_asymmetry: float = MAX_ASYMMETRY,
) -> WilsonSolution:
    """Normal modes of a molecule from force constants in internal coordinates.

    Parameters
    ----------
    molecule : Detection, HarmonicResponse, or anything ``as_molecule`` reads
        A response brings its Hessian (its gradient is not used: the result is that of a stationary point).
    force_field : ForceField or array (n_q, n_q), optional
        Force constants in mdyn/A, mdyn, mdyn A. Default, where there is no Hessian either: `TransferableForceField`.
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
    check : bool
        Whether to refuse a response or Hessian that breaks the sum rules of rigid motions or has impossible force
        constants (`response_checks.check_response`), or of which the coordinates do not carry 3 % of the largest
        element; False for Hessians that are not those of a molecule.
    max_asymmetry : float
        Largest element of the Hessian, relative to the largest of all, that may lack the symmetry. What is averaged
        away and what is not carried stands in the result and below its table.

    Raises
    ------
    ForceFieldError
        Both force_field and hessian; F of a wrong shape, not symmetric, or not totally symmetric.
    HessianError
        A Hessian that lacks the symmetry, of a wrong shape, unit, orientation or order of atoms.
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
       nu     mode  irrep         cm-1  degeneracy  potential energy
        1        2  A1         3831.20           1  100 % O-H stretch
        2        1  A1         1649.98           1  100 % H-O-H bend
        3        3  B2         3941.20           1  100 % O-H stretch
    nu: Herzberg's numbers, by species; mode: number by ascending wavenumber, from 1
    3 internal coordinates, rank 3, 0 redundant (relative singular values 0.47 kept, 0 dropped)
    """
    response = _response(molecule, force_field, hessian, gradient)
    if isinstance(molecule, HarmonicResponse):
        molecule = molecule.molecule
    if response is not None and check:
        check_response(response)
    if force_field is None and response is None:
        from .transferable import TransferableForceField

        force_field = TransferableForceField.of(molecule, internals)
    if internals is None:
        internals = getattr(force_field, "internals", None)
    problem = symmetry_coordinates(molecule, internals, tolerance) if symmetry else _Unfactored.of(molecule, internals)
    if response is None:
        return _solve(problem, *_given_force_constants(problem, force_field), None)
    averaged, asymmetry = response.hessian, 0.0
    if isinstance(problem, SymmetryCoordinates):
        averaged, asymmetry = averaged_hessian(problem.action, averaged, max_asymmetry)
    transformed = cartesian_to_internal(
        averaged, gradient, problem.internals, problem.positions, problem.molecule.masses
    )
    if check:
        _check_removed(response, transformed.removed)
    solution = _solve(problem, transformed.force_constants, asymmetry, transformed.removed)
    if check:
        check_wavenumbers(response, solution.wavenumbers_cm1)
    return solution


def _response(
    molecule: Any, force_field: Any | None, hessian: Any | None, gradient: Any | None
) -> HarmonicResponse | None:
    """The response whose Hessian is to be used, if there is one."""
    if force_field is not None and hessian is not None:
        raise ForceFieldError("wilson_gf: give either force_field or hessian (a HarmonicResponse brings its own).")
    if isinstance(molecule, HarmonicResponse):
        if hessian is None:
            return molecule if force_field is None else None
        molecule = molecule.molecule
    if hessian is None:
        return None
    molecule = molecule.molecule if isinstance(molecule, Detection) else as_molecule(molecule)
    return HarmonicResponse(molecule, np.asarray(hessian, dtype=float), gradient=gradient)


def _check_removed(response: HarmonicResponse, removed: float) -> None:
    """Judge what internal coordinates do not carry of a Hessian, Eh/bohr^2."""
    largest = float(np.abs(response.hessian).max(initial=0.0))
    if removed <= _REMOVED_LIMITS[0] * largest:
        return
    text = (
        f"wilson_gf: the internal coordinates do not carry {removed:.3g} Eh/bohr^2 of the Hessian of {response!r}, "
        f"{100 * removed / largest:.2g} % of its largest element"
    )
    if removed > _REMOVED_LIMITS[1] * largest:
        raise HessianError(
            f"{text} (allowed: {100 * _REMOVED_LIMITS[1]:g} %): is it of another geometry, orientation or atom order "
            "than the molecule, or far from a stationary point? check=False leaves this test out."
        )
    logger.warning("%s", text)


def _given_force_constants(
    problem: "SymmetryCoordinates | _Unfactored", force_field: Any
) -> tuple[NDArrayFloat, float]:
    if isinstance(problem, SymmetryCoordinates):
        return symmetric_force_constants(problem, force_field)
    return checked_force_constants(force_field, len(problem.internals)), 0.0


@dataclass(frozen=True, eq=False)
class _Unfactored:
    """What stands for symmetry coordinates where no symmetry is used: all vibrations in one block."""

    molecule: Molecule
    point_group: PointGroup
    internals: InternalCoordinates
    positions: NDArrayFloat
    b_matrix: NDArrayFloat
    blocks: tuple[SymmetryBlock, ...]
    rank: CoordinateRank

    @classmethod
    def of(cls, molecule: Any, internals: Any | None) -> "_Unfactored":
        molecule = molecule.molecule if isinstance(molecule, Detection) else as_molecule(molecule)
        if len(molecule) == 1:
            raise CoordinateError(f"wilson_gf: {molecule!r} is one atom and does not vibrate.")
        if internals is None:
            from .selection import internal_coordinates

            internals = internal_coordinates(molecule)
        b_matrix = np.array(internals.b_matrix(molecule.positions), dtype=float)
        expected = 3 * len(molecule) - (5 if are_linear(molecule.positions) else 6)
        rank = CoordinateRank.of(b_matrix, expected)
        span = np.linalg.svd(b_matrix, full_matrices=False)[0][:, :expected]
        block = SymmetryBlock("A", 1, span[None], span.T[None], np.zeros(0, dtype=np.int64))
        return cls(molecule, PointGroup.parse("C1"), internals, molecule.positions, b_matrix, (block,), rank)


def _solve(
    problem: SymmetryCoordinates | _Unfactored, force_constants: NDArrayFloat, asymmetry: float, removed: float | None
) -> WilsonSolution:
    masses = problem.molecule.masses
    weights = np.repeat(masses, 3)
    weighted = problem.b_matrix / np.sqrt(weights)
    g_matrix = weighted @ weighted.T
    blocks = tuple(_solve_block(block, weighted, force_constants) for block in problem.blocks)
    modes, eigenvalues, irreps, set_index = _assemble(blocks)
    motion = internal_displacements(problem.b_matrix, masses)
    displaced = motion @ modes
    displacements = displaced.T.reshape(len(eigenvalues), -1, 3)
    momenta = motion.T @ (weights[:, None] * displaced)  # G^+ L
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
        problem if isinstance(problem, SymmetryCoordinates) else None,
    )


def _solve_block(block: SymmetryBlock, weighted_b: NDArrayFloat, force_constants: NDArrayFloat) -> WilsonBlock:
    # the Cholesky root of G without forming G, whose condition number is the square of that of B
    root = np.linalg.qr((block.inverse[0] @ weighted_b).conj().T)[1].conj().T
    g_block, f_block = root @ root.conj().T, block.restrict(force_constants)
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
