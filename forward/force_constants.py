"""Force constants in internal coordinates: their units, and the way from and to a Cartesian Hessian.

Internal force constants are second derivatives of the energy in aJ with lengths in angstrom and angles in radian:
stretch-stretch aJ/A^2 = mdyn/A, stretch-bend aJ/A = mdyn, bend-bend aJ = mdyn A. Atomic units are Eh, bohr, radian.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..constants import BOHR_ANGSTROM, HARTREE_J, SQRT_HARTREE_PER_BOHR2_U_IN_CM1
from ..errors import CoordinateError, ForceFieldError, HessianError
from ..groups.operations import NDArrayFloat
from .coordinate_rank import INDEPENDENT

__all__ = [
    "AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2",
    "HARTREE_AJ",
    "SQRT_MDYN_PER_ANGSTROM_U_IN_CM1",
    "InternalForceConstants",
    "atomic_units_to_mdyn_angstrom",
    "cartesian_to_internal",
    "checked_force_constants",
    "internal_displacements",
    "internal_to_cartesian",
    "mdyn_angstrom_to_atomic_units",
    "wavenumbers_of",
]

HARTREE_AJ = HARTREE_J * 1e18
AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2 = HARTREE_AJ / BOHR_ANGSTROM**2
# An eigenvalue of GF in mdyn/(A u) is the wavenumber sqrt(lambda) times this, in 1/cm.
SQRT_MDYN_PER_ANGSTROM_U_IN_CM1 = SQRT_HARTREE_PER_BOHR2_U_IN_CM1 / AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2**0.5

_SYMMETRIC = 1e-9  # |F - F^T| relative to the largest element


def wavenumbers_of(eigenvalues: NDArrayFloat) -> NDArrayFloat:
    """Wavenumbers (1/cm) of eigenvalues lambda in mdyn/(A u); negative where lambda is (imaginary modes).

    Examples
    --------
    >>> round(float(wavenumbers_of(np.array([1.0]))[0]), 2)
    1302.79
    """
    return np.sign(eigenvalues) * np.sqrt(np.abs(eigenvalues)) * SQRT_MDYN_PER_ANGSTROM_U_IN_CM1


def _bohr_powers(internals: Sequence[Any]) -> NDArrayFloat:
    """One bohr in angstrom for stretches, one for angles, (n_q,)."""
    return np.array([BOHR_ANGSTROM if coordinate.kind == "stretch" else 1.0 for coordinate in internals])


def mdyn_angstrom_to_atomic_units(force_constants: NDArrayFloat, internals: Sequence[Any]) -> NDArrayFloat:
    """Force constants (n_q, n_q) in Eh / bohr^k rad^l from mdyn/A, mdyn, mdyn A.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> bend = SimpleNamespace(kind="bend")
    >>> round(float(mdyn_angstrom_to_atomic_units(np.array([[4.3597447222060]]), [bend])[0, 0]), 6)
    1.0
    """
    scale = _bohr_powers(internals)
    return force_constants * np.outer(scale, scale) / HARTREE_AJ


def atomic_units_to_mdyn_angstrom(force_constants: NDArrayFloat, internals: Sequence[Any]) -> NDArrayFloat:
    """Force constants (n_q, n_q) in mdyn/A, mdyn, mdyn A from Eh / bohr^k rad^l; the inverse of the above."""
    scale = _bohr_powers(internals)
    return force_constants / np.outer(scale, scale) * HARTREE_AJ


@dataclass(frozen=True, eq=False)
class InternalForceConstants:
    """First and second derivatives of the energy in internal coordinates.

    Attributes
    ----------
    force_constants : ndarray (n_q, n_q)
        mdyn/A, mdyn, mdyn A. Of all matrices that give the Hessian, the one of smallest norm: F = Pi F Pi with
        Pi = B B^+, so that redundant coordinates carry nothing of their own.
    gradient : ndarray (n_q,)
        Stretches mdyn (= aJ/A), angles mdyn A (= aJ/rad); in the same sense the smallest. Zeros where none was given.
    rank : int
        Number of vibrations described.
    removed : float
        Largest element (Eh/bohr^2) of the Hessian that internal coordinates do not carry: the residue of translation
        and rotation, and of coordinates that are missing.
    """

    force_constants: NDArrayFloat
    gradient: NDArrayFloat
    rank: int
    removed: float


def internal_displacements(b_matrix: Any, masses: Any) -> NDArrayFloat:
    """A = M^-1 B^T G^+ (3N, n_q): Cartesian displacement per unit of each internal coordinate, in the Eckart frame.

    B A = 1 for independent coordinates; for redundant ones B A is the projector on the possible changes, and A is the
    generalised inverse of smallest mass-weighted displacement. Crawford and Fletcher, J. Chem. Phys. 19, 141 (1951).
    What the coordinates describe is decided by the singular values of B alone (``coordinate_rank.INDEPENDENT``), so
    the number of vibrations described does not depend on the masses.

    Parameters
    ----------
    b_matrix : array (n_q, 3N)
    masses : array (N,)
        u.

    Raises
    ------
    CoordinateError
        B and masses that do not fit.
    """
    return _inverse_and_rank(b_matrix, masses)[0]


def _inverse_and_rank(b_matrix: Any, masses: Any) -> tuple[NDArrayFloat, int]:
    b, masses = np.asarray(b_matrix, dtype=float), np.asarray(masses, dtype=float)
    if b.ndim != 2 or b.shape[1] != 3 * len(masses) or not np.isfinite(b).all():
        raise CoordinateError(
            f"internal_displacements: B of shape {b.shape} for {len(masses)} atoms; (n_q, {3 * len(masses)}) is needed."
        )
    left, singular, _ = np.linalg.svd(b, full_matrices=False)
    span = left[:, singular > INDEPENDENT * singular.max(initial=0.0)]
    roots = np.repeat(np.sqrt(masses), 3)
    # of full row rank: nothing is left to be cut, whatever the masses; G itself would square the condition number
    inverse = np.linalg.pinv(span.T @ b / roots) @ span.T
    return np.asarray(inverse / roots[:, None], dtype=float), span.shape[1]


def cartesian_to_internal(
    hessian: Any,
    gradient: Any | None,
    internals: Any,
    positions: Any,
    masses: Any | None = None,
) -> InternalForceConstants:
    """Force constants in internal coordinates from a Cartesian Hessian, with the gradient term.

    F = (B^+)^T (H - sum_i g_i d2 q_i/dx2) B^+,  g = (B^+)^T dE/dx.

    Parameters
    ----------
    hessian : array (3N, 3N)
        Eh/bohr^2.
    gradient : array (3N,) or None
        Eh/bohr. Without it F is that of a stationary point: exact there, and elsewhere the Hessian's projection on the
        vibrations only, which depends on ``masses``.
    internals : InternalCoordinates
    positions : array (N, 3)
        Angstrom.
    masses : array (N,), optional
        In u. The generalised inverse B^+ (3N, n_q) is M^-1 B^T (B M^-1 B^T)^+: its displacements obey the Eckart
        conditions. Default: equal masses, the Moore-Penrose inverse. For the Hessian (and gradient) of an energy that
        is invariant under translation and rotation the choice has no effect.

    Raises
    ------
    HessianError
        Shapes, or numbers that are not finite.

    Notes
    -----
    P. Pulay, G. Fogarasi, F. Pang, J. E. Boggs, J. Am. Chem. Soc. 101, 2550 (1979); P. Pulay and G. Fogarasi, J. Chem.
    Phys. 96, 2856 (1992) for redundant sets.
    """
    positions = np.asarray(positions, dtype=float)
    matrix, slope = _checked(hessian, gradient, positions)
    b_matrix = np.asarray(internals.b_matrix(positions), dtype=float)
    inverse, rank = _inverse_and_rank(b_matrix, np.ones(len(positions)) if masses is None else masses)
    gradient_internal = inverse.T @ slope
    curved = (
        matrix if gradient is None else matrix - internals.weighted_second_derivatives(positions, gradient_internal)
    )
    force_constants = inverse.T @ curved @ inverse
    force_constants = (force_constants + force_constants.T) / 2
    rest = curved - b_matrix.T @ force_constants @ b_matrix
    removed = float(np.abs(rest).max(initial=0.0)) / AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2
    for array in (force_constants, gradient_internal):
        array.setflags(write=False)
    return InternalForceConstants(force_constants, gradient_internal, rank, removed)


def internal_to_cartesian(
    force_constants: Any,
    gradient_internal: Any | None,
    internals: Any,
    positions: Any,
) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Cartesian Hessian (3N, 3N) in Eh/bohr^2 and gradient (3N,) in Eh/bohr of internal force constants.

    H = B^T F B + sum_i g_i d2 q_i/dx2,  dE/dx = B^T g: the inverse of `cartesian_to_internal`, exact on the whole
    Cartesian space for an energy invariant under translation and rotation.

    Parameters
    ----------
    force_constants : array (n_q, n_q)
        mdyn/A, mdyn, mdyn A.
    gradient_internal : array (n_q,) or None
        mdyn and mdyn A; None: a stationary point.
    internals : InternalCoordinates
    positions : array (N, 3)
        Angstrom.
    """
    positions = np.asarray(positions, dtype=float)
    b_matrix = np.asarray(internals.b_matrix(positions), dtype=float)
    matrix = np.asarray(force_constants, dtype=float)
    if matrix.shape != (len(b_matrix),) * 2:
        raise CoordinateError(
            f"internal_to_cartesian: force constants of shape {matrix.shape} for {len(b_matrix)} internal coordinates."
        )
    hessian = b_matrix.T @ matrix @ b_matrix
    slope = np.zeros(b_matrix.shape[1])
    if gradient_internal is not None:
        gradient_internal = np.asarray(gradient_internal, dtype=float)
        hessian = hessian + internals.weighted_second_derivatives(positions, gradient_internal)
        slope = b_matrix.T @ gradient_internal
    return hessian / AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2, slope * BOHR_ANGSTROM / HARTREE_AJ


def checked_force_constants(force_field: Any, count: int) -> NDArrayFloat:
    """F (n_q, n_q) of a ForceField or array, for n_q = ``count`` internal coordinates, exactly symmetric.

    Raises
    ------
    ForceFieldError
        A wrong shape, NaN, not symmetric.
    """
    matrix = np.array(force_field.matrix() if hasattr(force_field, "matrix") else force_field, dtype=float)
    if matrix.shape != (count, count):
        raise ForceFieldError(
            f"force_field: force constants of shape {matrix.shape} for {count} internal coordinates; ({count}, "
            f"{count}) is needed, in their order."
        )
    if not np.isfinite(matrix).all():
        raise ForceFieldError("force_field: force constants hold NaN or infinity.")
    worst, largest = float(np.abs(matrix - matrix.T).max(initial=0.0)), float(np.abs(matrix).max(initial=0.0))
    if worst > _SYMMETRIC * max(largest, 1e-300):
        raise ForceFieldError(
            f"force_field: force constants are not symmetric: |F - F^T| reaches {worst:.3g} with elements up to "
            f"{largest:.3g}."
        )
    return (matrix + matrix.T) / 2


def _checked(hessian: Any, gradient: Any | None, positions: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Hessian and gradient in aJ/A^2 and aJ/A."""
    matrix, size = np.asarray(hessian, dtype=float), positions.size
    slope = np.zeros(size) if gradient is None else np.asarray(gradient, dtype=float).reshape(-1)
    if matrix.shape != (size, size) or slope.shape != (size,):
        raise HessianError(
            f"cartesian_to_internal: hessian {matrix.shape} and gradient {slope.shape} for {size // 3} atoms; "
            f"({size}, {size}) and ({size},) are needed."
        )
    if not (np.isfinite(matrix).all() and np.isfinite(slope).all()):
        raise HessianError("cartesian_to_internal: hessian or gradient holds NaN or infinity.")
    matrix = (matrix + matrix.T) / 2
    return matrix * AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2, slope * HARTREE_AJ / BOHR_ANGSTROM
