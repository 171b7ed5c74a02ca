"""The symmetry blocks of a response: G, F and intensity factors of each irrep, in symmetry coordinates."""

from collections.abc import Mapping
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import BOHR_ANGSTROM
from ..errors import CoordinateError, HessianError
from ..groups.elements import SAME_NUCLIDE_U
from ..groups.schoenflies import PointGroup
from ..groups.selection_rules import selection_rules
from ._tensor_averages import averaged_response
from .force_constants import AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2, internal_displacements
from .intensities import KM_PER_MOL_PER_E2_PER_U
from .jacobian import SpectralBlock
from .response import HarmonicResponse
from .symmetry_coordinates import SymmetryBlock, SymmetryCoordinates, symmetric_force_constants, symmetry_coordinates

__all__ = ["TRACELESS_BASIS", "response_blocks"]

Array = NDArray[np.float64]

_SAME_GEOMETRY_ANGSTROM = 1e-3


def _traceless_basis() -> Array:
    basis = np.zeros((5, 3, 3))
    basis[0] = np.diag([-1, -1, 2]) / sqrt(6)
    basis[1] = np.diag([1, -1, 0]) / sqrt(2)
    for m, (i, j) in enumerate(((0, 1), (0, 2), (1, 2)), start=2):
        basis[m, i, j] = basis[m, j, i] = 1 / sqrt(2)
    basis.setflags(write=False)
    return basis


TRACELESS_BASIS = _traceless_basis()
"""Orthonormal symmetric traceless tensors (5, 3, 3): 2zz-xx-yy, xx-yy, xy, xz, yz. The component of a polarizability on
tensor m is sum_ij alpha_ij T_mij; the squared anisotropy is 3/2 of the sum of the five squares."""


def response_blocks(
    response: HarmonicResponse,
    symmetry_coordinates: SymmetryCoordinates | None = None,
    *,
    masses: ArrayLike | None = None,
    force_field: Any | None = None,
    basis: ArrayLike | None = None,
) -> list[SpectralBlock]:
    """One `SpectralBlock` for each irrep that vibrates: G, F, intensity factors and degeneracy.

    The response is averaged over the symmetry group of the coordinates, so blocks are exact: intensities of one partner
    times ``degeneracy`` are those of the level, and nothing couples different blocks.

    Parameters
    ----------
    response : HarmonicResponse
        At a stationary point (no gradient term is added to F).
    symmetry_coordinates : SymmetryCoordinates, optional
        Of the same molecule (isotopologues share them where they keep the symmetry); ``WilsonSolution.coordinates``
        and ``LinearForceField.coordinates`` are such. Orthonormal or not. Default: those of
        ``symmetry_coordinates(response.molecule)``.
    masses : array_like (N,), optional
        u; default: those of the response. Equal for equivalent atoms.
    force_field : ForceField or array_like (n_q, n_q), optional
        Instead of the force constants of the response, mdyn/A etc., totally symmetric.
    basis : array_like (n_par, n_q, n_q), optional
        Derivatives dF/dx_p. Of a part that is not totally symmetric the mean over the group is taken: it alone changes
        a level to first order.

    Returns
    -------
    list of SpectralBlock
        In the order of the character table. ``g`` in 1/u (lengths in angstrom), ``f`` in mdyn/A, mdyn, mdyn A, (n, n)
        in the symmetry coordinates of one partner: real, or Hermitian for a complex-conjugate pair. ``intensities``:
        those of "ir" (n, 3), "raman_isotropic" (n, 1) and "raman_anisotropic" (n, 5) that the response has and the
        irrep allows, so that |P^+ l|^2 times the degeneracy is in km/mol, and a'^2 and gamma'^2 in A^4/u.

    Raises
    ------
    CoordinateError
        Coordinates of another molecule or geometry, or masses that break the symmetry.
    HessianError
        A Hessian that lacks the symmetry, or bad masses.
    ForceFieldError
        A force field of a wrong shape or without the symmetry.

    Notes
    -----
    With A = M^-1 B^T G^+ (`internal_displacements`) and q = U s, F_s = U^+ A^T H A U and the factors are
    P_s = U^+ A^T (d mu/dx)^T; G_s = S G S^+ with s = S q. By Schur's lemma the sum over all components of a tensor is
    the same for every partner.

    Examples
    --------
    >>> import symvib as sv
    >>> hydrogen = sv.Molecule.from_arrays([1, 1], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.741]])
    >>> spring = 0.37 * np.kron([[1, -1], [-1, 1]], np.diag([0.0, 0.0, 1.0]))
    >>> (block,) = response_blocks(sv.HarmonicResponse(hydrogen, spring))
    >>> block.label, np.round(block.f, 3).tolist(), np.round(block.g, 4).tolist()
    ('Sigmag+', [[5.761]], [[1.9845]])
    """
    coordinates = _coordinates(response, symmetry_coordinates)
    masses = checked_masses(response, masses)
    _check_equivalent(coordinates, masses)
    response = averaged_response(coordinates.action, response)
    motion = internal_displacements(coordinates.b_matrix, masses)
    f = (
        force_constants(response, motion)
        if force_field is None
        else symmetric_force_constants(coordinates, force_field)[0]
    )
    factors = intensity_factors(response, motion)
    weighted = coordinates.b_matrix / np.repeat(np.sqrt(masses), 3)
    parts = None if basis is None else np.asarray(basis, dtype=float)
    return [_block(block, coordinates.point_group, weighted, f, factors, parts) for block in coordinates.blocks]


def _block(
    block: SymmetryBlock,
    group: PointGroup,
    weighted_b: Array,
    f: Array,
    factors: Mapping[str, Array],
    basis: Array | None,
) -> SpectralBlock:
    adjoint = block.coefficients[0].conj().T
    momenta = block.inverse[0] @ weighted_b
    parts = None if basis is None else np.stack([block.restrict(part) for part in basis])
    intensities = {name: adjoint @ factors[name] for name in _allowed(group, block.irrep) if name in factors}
    g = momenta @ momenta.conj().T
    return SpectralBlock(block.irrep, g, block.restrict(f), intensities, parts, block.dimension)


def _allowed(group: PointGroup, irrep: str) -> list[str]:
    """Intensities that symmetry allows a level of this species."""
    activity = selection_rules(group)[irrep]
    allowed = {
        "ir": activity.infrared_active,
        "raman_isotropic": activity.depolarization in ("0", "< 3/4"),
        "raman_anisotropic": activity.depolarization in ("3/4", "< 3/4"),
    }
    return [name for name, yes in allowed.items() if yes]


def force_constants(response: HarmonicResponse, motion: Array) -> Array:
    """F = A^T H A (n_q, n_q) in mdyn/A etc., of displacements A (3N, n_q)."""
    f = motion.T @ response.hessian @ motion * AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2
    return (f + f.T) / 2


def intensity_factors(response: HarmonicResponse, motion: Array) -> dict[str, Array]:
    """Factors (n_q, components) of the tensors that the response has, whose squares are intensities."""
    factors: dict[str, Array] = {}
    if response.dipole_derivatives is not None:
        factors["ir"] = (response.dipole_derivatives @ motion).T * sqrt(KM_PER_MOL_PER_E2_PER_U)
    if response.polarizability_derivatives is not None:
        moved = response.polarizability_derivatives @ motion * BOHR_ANGSTROM**2
        factors["raman_isotropic"] = np.trace(moved)[:, None] / 3
        factors["raman_anisotropic"] = np.einsum("mij,ijq->qm", TRACELESS_BASIS, moved) * sqrt(1.5)
    return factors


def checked_masses(response: HarmonicResponse, masses: ArrayLike | None) -> Array:
    """Masses (N,) in u: those given, or those of the molecule."""
    found = np.asarray(response.molecule.masses if masses is None else masses, dtype=np.float64)
    if found.shape != (len(response.molecule),) or not (found > 0).all() or not np.isfinite(found).all():
        raise HessianError(
            f"masses has shape {found.shape}: {len(response.molecule)} positive numbers in u are needed."
        )
    return found


def _coordinates(response: HarmonicResponse, given: SymmetryCoordinates | None) -> SymmetryCoordinates:
    if given is None:
        return symmetry_coordinates(response.molecule)
    mine, theirs = response.molecule, given.molecule
    if not np.array_equal(mine.numbers, theirs.numbers):
        raise CoordinateError(f"symmetry_coordinates are those of {theirs!r}, the response is of {mine!r}.")
    moved = float(np.abs(mine.positions - theirs.positions).max(initial=0.0))
    if moved > _SAME_GEOMETRY_ANGSTROM:
        raise CoordinateError(
            f"symmetry_coordinates are those of another geometry than the response's (positions differ by {moved:.3g} "
            f"A; allowed: {_SAME_GEOMETRY_ANGSTROM:g}): make them with symmetry_coordinates(response.molecule)."
        )
    return given


def _check_equivalent(coordinates: SymmetryCoordinates, masses: Array) -> None:
    spread = float(np.ptp(masses[coordinates.action.permutations], axis=0).max())
    if spread > SAME_NUCLIDE_U:
        raise CoordinateError(
            f"masses differ by {spread:g} u among equivalent atoms: this isotopologue has less symmetry than "
            f"{coordinates.point_group.label}; take symmetry_coordinates of the isotopologue."
        )
