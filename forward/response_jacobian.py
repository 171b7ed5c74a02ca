"""From a harmonic response and Wilson's B to the Jacobian of its spectrum, in chemists' units."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import BOHR_ANGSTROM, HARTREE_J
from ..errors import CoordinateError, ForceFieldError, HessianError
from ._symmetric_form import RANGE_TOLERANCE
from ._vibrational_space import are_linear, rigid_motions
from .intensities import KM_PER_MOL_PER_E2_PER_U
from .jacobian import SpectralBlock, SpectralJacobian, block_spectral_jacobian
from .response import HarmonicResponse

__all__ = ["TRACELESS_BASIS", "InternalResponse", "internal_response", "response_jacobian"]

Array = NDArray[np.float64]

_MDYN_PER_ANGSTROM = HARTREE_J * 1e18 / BOHR_ANGSTROM**2  # of 1 Eh/bohr^2; 1 mdyn/A = 1 aJ/A^2
# Largest coupling between species, relative to the largest entry, that a converged calculation leaves.
_LEAK = 1e-3
# Largest |B t| of a unit translation or rotation t, relative to |B|, that is rounding or differences.
_RIGID_TOLERANCE = 1e-4


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
    dipole : ndarray (n_q, 3) or None
        P = d mu/dq in e (stretch) or e angstrom (angle).
    mean_polarizability : ndarray (n_q,) or None
        a = d alpha_mean/dq, angstrom^2 or angstrom^3.
    traceless_polarizability : ndarray (n_q, 5) or None
        Y, components on `TRACELESS_BASIS`.
    """

    g: Array
    f: Array
    dipole: Array | None
    mean_polarizability: Array | None
    traceless_polarizability: Array | None

    def __post_init__(self) -> None:
        for array in (self.g, self.f, self.dipole, self.mean_polarizability, self.traceless_polarizability):
            if array is not None:
                array.setflags(write=False)

    @property
    def intensity_factors(self) -> dict[str, Array]:
        """Factors for `spectral_jacobian`, so that sums of squares come out in the usual units.

        "ir" in km/mol; "raman_isotropic" a'^2 and "raman_anisotropic" gamma'^2 in angstrom^4/u: Raman activity
        45 a'^2 + 7 gamma'^2, depolarization ratio 3 gamma'^2/(45 a'^2 + 4 gamma'^2).
        """
        factors: dict[str, Array] = {}
        if self.dipole is not None:
            factors["ir"] = self.dipole * sqrt(KM_PER_MOL_PER_E2_PER_U)
        if self.mean_polarizability is not None and self.traceless_polarizability is not None:
            factors["raman_isotropic"] = self.mean_polarizability[:, None]
            factors["raman_anisotropic"] = self.traceless_polarizability * sqrt(1.5)
        return factors


def _checked_b(response: HarmonicResponse, b_matrix: ArrayLike) -> tuple[Array, int]:
    """B (n_q, 3N), and how many vibrations there are."""
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
    return b, size - rigid.shape[1]


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
    b, n_vib = _checked_b(response, b_matrix)
    m = np.asarray(response.molecule.masses if masses is None else masses, dtype=np.float64)
    if m.shape != (len(response.molecule),) or not (m > 0).all() or not np.isfinite(m).all():
        raise HessianError(f"masses has shape {m.shape}: {len(response.molecule)} positive numbers in u are needed.")
    weighted = b / np.repeat(m, 3)
    g = weighted @ b.T
    values, vectors = np.linalg.eigh((g + g.T) / 2)
    kept = values > RANGE_TOLERANCE * values[-1]
    if kept.sum() != n_vib:
        raise CoordinateError(
            f"b_matrix of {len(b)} coordinates has rank {kept.sum()}, the molecule {n_vib} vibrations: the set is "
            "incomplete (or nearly singular); add coordinates."
        )
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    motion = weighted.T @ inverse  # (3N, n_q), x = motion q
    f = motion.T @ response.hessian @ motion * _MDYN_PER_ANGSTROM
    dipole = mean = traceless = None
    if response.dipole_derivatives is not None:
        dipole = (response.dipole_derivatives @ motion).T
    if response.polarizability_derivatives is not None:
        moved = response.polarizability_derivatives @ motion * BOHR_ANGSTROM**2
        mean = np.trace(moved) / 3
        traceless = np.einsum("mij,ijq->qm", TRACELESS_BASIS, moved)
    return InternalResponse((g + g.T) / 2, (f + f.T) / 2, dipole, mean, traceless)


def response_jacobian(
    response: HarmonicResponse,
    b_matrix: ArrayLike,
    basis: ArrayLike | None = None,
    *,
    force_field: ArrayLike | None = None,
    masses: ArrayLike | None = None,
    symmetry_coordinates: Mapping[str, tuple[ArrayLike, int]] | None = None,
    cluster_tolerance: float = 1e-6,
    power_sums: bool = False,
) -> SpectralJacobian:
    """Derivatives of a molecule's lambda, IR and Raman intensities with respect to its internal force constants.

    Parameters
    ----------
    response : HarmonicResponse
    b_matrix : array_like (n_q, 3N)
        As in `internal_response`; redundant coordinates are reduced to the range of G.
    basis : array_like (n_par, n_q, n_q), optional
        F = F_0 + sum_p x_p E_p; without it all entries of F are parameters (with redundant coordinates the columns
        are then dependent).
    force_field : array_like (n_q, n_q), optional
        Where the derivative is taken, mdyn/angstrom etc.; the force constants of the response by default.
    masses : array_like (N,), optional
        u.
    symmetry_coordinates : mapping of irrep to (array_like (n_q, n), int), optional
        Orthonormal columns U of one partner (q = U s; complex for one of a pair of conjugate irreps) and the degeneracy
        of the irrep. What G, F and the basis couple to other species is refused above 1e-3 of their largest entry, and
        projected out below (geometries and Hessians from programs are symmetric to their convergence only).
    cluster_tolerance, power_sums
        As in `spectral_jacobian`. Derivatives from differences split degenerate sets: the default joins what agrees to
        1e-6 of the largest eigenvalue (0.01 1/cm at 1000 1/cm); symmetry_coordinates avoid the question.

    Returns
    -------
    SpectralJacobian
        Kinds "lambda" (mdyn/(angstrom u); see ``in_wavenumbers``), "ir" (km/mol), "raman_isotropic" and
        "raman_anisotropic" (angstrom^4/u), as far as the response has them; per mdyn/angstrom, mdyn or mdyn angstrom.

    Raises
    ------
    CoordinateError, HessianError
        As in `internal_response`; symmetry coordinates of a wrong shape.
    ForceFieldError
        A force field or basis of a wrong shape.

    Notes
    -----
    The derivatives P, a, Y are held fixed: they are those of the response.
    """
    internal = internal_response(response, b_matrix, masses)
    f = internal.f if force_field is None else np.asarray(force_field, dtype=np.float64)
    if f.shape != internal.g.shape:
        raise ForceFieldError(
            f"force_field has shape {f.shape}; B with {len(internal.g)} rows needs {internal.g.shape}."
        )
    factors = internal.intensity_factors
    if symmetry_coordinates is None:
        blocks = [SpectralBlock("", internal.g, f, factors, basis)]
    else:
        blocks = [_block(k, u, g, internal.g, f, factors, basis) for k, (u, g) in symmetry_coordinates.items()]
    result = block_spectral_jacobian(blocks, cluster_tolerance=cluster_tolerance, power_sums=power_sums)
    described = sum(len(c.modes) * c.degeneracy for c in result.clusters)
    n_vib = np.linalg.matrix_rank(internal.g, tol=RANGE_TOLERANCE * np.linalg.norm(internal.g, 2), hermitian=True)
    if described != n_vib:
        raise CoordinateError(
            f"symmetry_coordinates describe {described} vibrations with their degeneracies, the molecule has {n_vib}."
        )
    return result


def _block(
    irrep: str,
    columns: ArrayLike,
    degeneracy: int,
    g: Array,
    f: Array,
    factors: Mapping[str, Array],
    basis: ArrayLike | None,
) -> SpectralBlock:
    u = np.asarray(columns)
    adjoint = u.conj().T
    if u.ndim != 2 or len(u) != len(g) or not np.allclose(adjoint @ u, np.eye(u.shape[1]), atol=1e-8):
        raise CoordinateError(
            f"symmetry coordinates of {irrep} (shape {u.shape}): orthonormal (n_q, n) columns needed."
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
    intensities = {k: adjoint @ p for k, p in factors.items()}
    return SpectralBlock(irrep, restricted("G", g), restricted("F", f), intensities, parts, degeneracy)
