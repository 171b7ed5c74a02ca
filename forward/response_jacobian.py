"""From a harmonic response and Wilson's B to the Jacobian of its spectrum, in chemists' units."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import CoordinateError
from ._vibrational_space import are_linear, rigid_motions
from .coordinate_rank import INDEPENDENT
from .force_constants import checked_force_constants, internal_displacements
from .force_field import ForceField
from .jacobian import SpectralBlock, SpectralJacobian, block_spectral_jacobian
from .response import HarmonicResponse
from .response_blocks import TRACELESS_BASIS, checked_masses, force_constants, intensity_factors, response_blocks
from .symmetry_coordinates import SymmetryCoordinates

__all__ = ["TRACELESS_BASIS", "InternalResponse", "internal_response", "response_blocks", "response_jacobian"]

Array = NDArray[np.float64]

# Largest coupling between species, relative to the largest entry, that a converged calculation leaves.
_LEAK = 1e-3
# Largest |B t| of a unit translation or rotation t, relative to |B|, that is rounding or differences.
_RIGID_TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class InternalResponse:
    """A harmonic response in internal coordinates q (angstrom and radian), for vibrations in the Eckart frame.

    Attributes
    ----------
    g : ndarray (n_q, n_q)
        Wilson's B M^-1 B^T, 1/u.
    f : ndarray (n_q, n_q)
        Force constants, mdyn/angstrom (stretch), mdyn (stretch-bend), mdyn angstrom (bend). For redundant coordinates
        the one F whose rows lie in the range of G.
    intensity_factors : dict of ndarray (n_q, components)
        Factors for `spectral_jacobian`, as far as the response has them: "ir" (n_q, 3), |P^T l|^2 in km/mol;
        "raman_isotropic" (n_q, 1), a'^2, and "raman_anisotropic" (n_q, 5) on `TRACELESS_BASIS`, gamma'^2, in
        angstrom^4/u. Raman activity 45 a'^2 + 7 gamma'^2, depolarization ratio 3 gamma'^2/(45 a'^2 + 4 gamma'^2).
    """

    g: Array
    f: Array
    intensity_factors: dict[str, Array]

    def __post_init__(self) -> None:
        for array in (self.g, self.f, *self.intensity_factors.values()):
            array.setflags(write=False)


def _checked_b(response: HarmonicResponse, b_matrix: ArrayLike) -> Array:
    """B (n_q, 3N), complete and of this geometry."""
    b = np.asarray(b_matrix, dtype=np.float64)
    size = 3 * len(response.molecule)
    if b.ndim != 2 or b.shape[1] != size or not np.isfinite(b).all():
        raise CoordinateError(f"b_matrix has shape {b.shape}; {size // 3} atoms need finite numbers (n_q, {size}).")
    positions = response.molecule.positions
    rigid = rigid_motions(positions, np.ones(len(positions)), bool(are_linear(positions)))
    residual = np.abs(b @ rigid).max(initial=0.0)
    if residual > _RIGID_TOLERANCE * np.abs(b).max(initial=0.0):
        raise CoordinateError(
            f"b_matrix: a translation or rotation changes a coordinate by {residual:.3g}: B of another geometry or "
            "another order of atoms?"
        )
    rank = np.linalg.matrix_rank(b, tol=INDEPENDENT * np.linalg.norm(b, 2))
    if rank != size - rigid.shape[1]:
        raise CoordinateError(
            f"b_matrix of {len(b)} coordinates has rank {rank}, the molecule {size - rigid.shape[1]} vibrations: the "
            "set is incomplete (or nearly singular); add coordinates."
        )
    return b


def internal_response(
    response: HarmonicResponse, b_matrix: ArrayLike, masses: ArrayLike | None = None
) -> InternalResponse:
    """G, F and the derivatives of dipole and polarizability in internal coordinates.

    Parameters
    ----------
    response : HarmonicResponse
        At a stationary point (no gradient term is added to F).
    b_matrix : array_like (n_q, 3N)
        dq/dx at the geometry of the response, lengths in angstrom, angles in radian; complete, redundant or not.
    masses : array_like (N,), optional
        Atomic masses, u; those of the molecule by default.

    Raises
    ------
    CoordinateError
        B of the wrong shape, not invariant under translation and rotation, or of a rank below 3N-6 (5).
    HessianError
        Masses that are not N positive numbers.

    Notes
    -----
    A displacement q of the vibrations is x = M^-1 B^T G^+ q (Eckart conditions; Wilson, Decius, Cross, section 4-3), so
    F = A^T H A and P^T = (d mu/dx) A with A = M^-1 B^T G^+. P, a and Y are therefore those of this isotopologue in its
    Eckart frame (Crawford 1952); of another one they differ by a rotation where the molecule has a dipole or an
    anisotropic polarizability.
    """
    b = _checked_b(response, b_matrix)
    m = checked_masses(response, masses)
    motion = internal_displacements(b, m)
    weighted = b / np.repeat(np.sqrt(m), 3)
    return InternalResponse(
        weighted @ weighted.T, force_constants(response, motion), intensity_factors(response, motion)
    )


def response_jacobian(
    response: HarmonicResponse,
    b_matrix: ArrayLike | None = None,
    basis: Any | None = None,
    *,
    force_field: Any | None = None,
    masses: ArrayLike | None = None,
    symmetry_coordinates: SymmetryCoordinates | Mapping[str, tuple[ArrayLike, int]] | None = None,
    cluster_tolerance: float = 1e-6,
    power_sums: bool = False,
) -> SpectralJacobian:
    """Derivatives of a molecule's lambda, IR and Raman intensities with respect to its internal force constants.

    Parameters
    ----------
    response : HarmonicResponse
    b_matrix : array_like (n_q, 3N), optional
        As in `internal_response`; redundant coordinates are reduced to the range of G. Not needed with
        `SymmetryCoordinates` (which have theirs, at the symmetric geometry) or a `ForceField`.
    basis : ForceField or array_like (n_par, n_q, n_q), optional
        F = F_0 + sum_p x_p E_p; of a force field its ``basis``, with its labels as names of the parameters. Without it
        all entries of F are parameters (with redundant coordinates the columns are then dependent).
    force_field : ForceField or array_like (n_q, n_q), optional
        Where the derivative is taken, mdyn/angstrom etc.; the force constants of the response by default.
    masses : array_like (N,), optional
        u.
    symmetry_coordinates : SymmetryCoordinates or mapping of irrep to (array_like (n_q, n), int), optional
        `SymmetryCoordinates` (also ``WilsonSolution.coordinates``): the blocks are those of `response_blocks`, the
        response is averaged over the group, and intensities that an irrep forbids have no row.
        Or orthonormal columns U of one partner (q = U s; complex for one of a pair of conjugate irreps) and the
        degeneracy of the irrep. What G, F and the basis couple to other species is then refused above 1e-3 of their
        largest entry, and projected out below (geometries and Hessians from programs are symmetric to their
        convergence only).
    cluster_tolerance, power_sums
        As in `spectral_jacobian`. Derivatives from differences split degenerate sets: the default joins what agrees to
        1e-6 of the largest eigenvalue (0.01 1/cm at 1000 1/cm); symmetry_coordinates avoid the question.

    Returns
    -------
    SpectralJacobian
        Kinds "lambda" (mdyn/(angstrom u); see ``in_wavenumbers``), "ir" (km/mol), "raman_isotropic" and
        "raman_anisotropic" (angstrom^4/u), as far as the response has them; per mdyn/angstrom, mdyn or mdyn angstrom.
        Intensities are those of whole levels, all partners.

    Raises
    ------
    CoordinateError, HessianError
        As in `internal_response` and `response_blocks`; symmetry coordinates of a wrong shape.
    ForceFieldError
        A force field or basis of a wrong shape.

    Notes
    -----
    The derivatives P, a, Y are held fixed: they are those of the response.

    Examples
    --------
    >>> import symvib as sv
    >>> hydrogen = sv.Molecule.from_arrays([1, 1], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.741]])
    >>> spring = 0.37 * np.kron([[1, -1], [-1, 1]], np.diag([0.0, 0.0, 1.0]))
    >>> solution = sv.wilson_gf(sv.HarmonicResponse(hydrogen, spring))
    >>> found = response_jacobian(
    ...     sv.HarmonicResponse(hydrogen, spring), symmetry_coordinates=solution.coordinates
    ... )
    >>> found.labels, found.jacobian.round(4).tolist()  # d lambda/dF = G
    (('lambda Sigmag+ 1',), [[1.9845]])
    """
    factored = symmetry_coordinates if isinstance(symmetry_coordinates, SymmetryCoordinates) else None
    b_matrix = _b_matrix(response, b_matrix, basis, factored)
    names = tuple(basis.labels) if isinstance(basis, ForceField) else None
    parts = basis.basis if isinstance(basis, ForceField) else basis
    if factored is not None:
        blocks = response_blocks(response, factored, masses=masses, force_field=force_field, basis=parts)
    else:
        internal = internal_response(response, b_matrix, masses)
        f = internal.f if force_field is None else checked_force_constants(force_field, len(internal.f))
        if symmetry_coordinates is None:
            blocks = [SpectralBlock("", internal.g, f, internal.intensity_factors, parts)]
        else:
            columns = cast(Mapping[str, tuple[ArrayLike, int]], symmetry_coordinates)
            blocks = [_block(k, u, g, internal, f, parts) for k, (u, g) in columns.items()]
    result = block_spectral_jacobian(blocks, cluster_tolerance=cluster_tolerance, power_sums=power_sums)
    described = sum(len(c.modes) * c.degeneracy for c in result.clusters)
    n_vib = 3 * len(response.molecule) - (5 if are_linear(response.molecule.positions) else 6)
    if described != n_vib:
        raise CoordinateError(
            f"response_jacobian: G (and symmetry_coordinates) describe {described} vibrations with their degeneracies, "
            f"the molecule has {n_vib}."
        )
    return result if names is None else replace(result, parameters=names)


def _b_matrix(
    response: HarmonicResponse, b_matrix: ArrayLike | None, basis: Any | None, factored: SymmetryCoordinates | None
) -> ArrayLike:
    """B: the one given, or that of the coordinates of the force field."""
    field = basis if isinstance(basis, ForceField) else None
    if factored is not None:
        if field is not None and tuple(field.internals) != tuple(factored.internals):
            raise CoordinateError(
                "response_jacobian: the force field has other internal coordinates than symmetry_coordinates (or "
                "another order of them); make it with these symmetry coordinates."
            )
        if b_matrix is not None and np.shape(b_matrix) != factored.b_matrix.shape:
            raise CoordinateError(
                f"response_jacobian: b_matrix of shape {np.shape(b_matrix)}, symmetry_coordinates of "
                f"{factored.b_matrix.shape}; leave b_matrix out, they have theirs."
            )
        return factored.b_matrix
    if b_matrix is not None:
        return b_matrix
    if field is not None:
        return field.internals.b_matrix(response.molecule.positions)
    raise CoordinateError(
        "response_jacobian: give b_matrix, symmetry_coordinates (SymmetryCoordinates), or a ForceField."
    )


def _block(
    irrep: str, columns: ArrayLike, degeneracy: int, internal: InternalResponse, f: Array, basis: ArrayLike | None
) -> SpectralBlock:
    u = np.asarray(columns)
    adjoint = u.conj().T
    if u.ndim != 2 or len(u) != len(f) or not np.allclose(adjoint @ u, np.eye(u.shape[1]), atol=1e-8):
        raise CoordinateError(
            f"symmetry coordinates of {irrep} (shape {u.shape}): orthonormal (n_q, n) columns needed (or "
            "SymmetryCoordinates, which need not be orthonormal)."
        )

    def restricted(name: str, matrix: NDArray[Any]) -> NDArray[Any]:
        moved = matrix @ u
        inside = adjoint @ moved
        leak, scale = np.abs(moved - u @ inside).max(initial=0.0), np.abs(matrix).max(initial=0.0)
        if leak > _LEAK * scale:
            raise CoordinateError(
                f"{name} couples the symmetry coordinates of {irrep} to others by {leak:.3g} (its largest entry is "
                f"{scale:.3g}): not those of this symmetry, or {name} is not totally symmetric."
            )
        return inside

    parts = None if basis is None else restricted("basis", np.asarray(basis))
    intensities = {k: adjoint @ p for k, p in internal.intensity_factors.items()}
    return SpectralBlock(irrep, restricted("G", internal.g), restricted("F", f), intensities, parts, degeneracy)
