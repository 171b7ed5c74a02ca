"""Stacks of mass-weighted Hessians: rigid motions, the space of vibrations, normal modes. No loop over molecules."""

import numpy as np

from ..groups.operations import NDArrayFloat

__all__ = ["LINEAR_ANGSTROM", "are_linear", "rigid_motions", "vibrations"]

LINEAR_ANGSTROM = 0.005  # atoms this close to a line are a linear molecule, as in the detection of point groups


def are_linear(positions: NDArrayFloat) -> NDArrayFloat:
    """Which of the molecules (..., N, 3), angstrom, are linear: bool (...). True for two atoms, False for one."""
    if positions.shape[-2] < 3:
        return np.full(positions.shape[:-2], positions.shape[-2] == 2)
    centred = positions - positions.mean(axis=-2, keepdims=True)
    gram = np.swapaxes(centred, -1, -2) @ centred
    axis = np.linalg.eigh(gram)[1][..., -1]
    along = np.einsum("...ai,...i->...a", centred, axis)
    across = centred - along[..., None] * axis[..., None, :]
    return np.linalg.norm(across, axis=-1).max(axis=-1) <= LINEAR_ANGSTROM


def rigid_motions(positions: NDArrayFloat, masses: NDArrayFloat, linear: bool) -> NDArrayFloat:
    """Orthonormal mass-weighted translations and rotations (..., 3N, 6); 5 if ``linear``, 3 for an atom.

    Rotations in the Eckart frame, delta r_a = omega x r_a about the centre of mass, along the principal axes of
    inertia; that of a linear molecule about its line is left out. C. Eckart, Phys. Rev. 47, 552 (1935).

    Parameters
    ----------
    positions : ndarray (..., N, 3)
        Any unit.
    masses : ndarray (..., N)
        u.
    linear : bool
        For the whole stack.
    """
    *stack, n_atoms, _ = positions.shape
    total = masses.sum(axis=-1)[..., None]
    centre = np.einsum("...a,...ai->...i", masses, positions) / total
    root = np.sqrt(masses)[..., None]
    weighted = root * (positions - centre[..., None, :])
    translations = (root / np.sqrt(total)[..., None])[..., None] * np.eye(3)
    if n_atoms == 1:
        return translations.reshape(*stack, 3, 3)
    gram = np.swapaxes(weighted, -1, -2) @ weighted
    spread, axes = np.linalg.eigh(gram)  # ascending: the line of a linear molecule is the last
    moments = spread.sum(axis=-1, keepdims=True) - spread
    if linear:
        axes, moments = axes[..., :2], moments[..., :2]
    rotations = np.cross(np.swapaxes(axes, -1, -2)[..., None, :, :], weighted[..., None, :])  # (..., N, rotation, 3)
    rotations = np.swapaxes(rotations, -1, -2) / np.sqrt(moments)[..., None, None, :]
    return np.concatenate([translations, rotations], axis=-1).reshape(*stack, 3 * n_atoms, 3 + axes.shape[-1])


def vibrations(
    hessians: NDArrayFloat, positions: NDArrayFloat, masses: NDArrayFloat, linear: bool
) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Eigenvalues (..., d), ascending, and mass-weighted normal modes (..., d, 3N) of Hessians (..., 3N, 3N).

    The Hessian is restricted to the complement of the rigid motions, so modes of zero or imaginary wavenumber cannot
    mix with them or be taken for them. Eigenvalues in the unit of the Hessian per u. Cost O(N^3) each.
    """
    weights = 1 / np.sqrt(np.repeat(masses, 3, axis=-1))
    mass_weighted = hessians * weights[..., :, None] * weights[..., None, :]
    rigid = rigid_motions(positions, masses, linear)
    basis = np.linalg.qr(rigid, mode="complete")[0][..., rigid.shape[-1] :]
    values, vectors = np.linalg.eigh(np.swapaxes(basis, -1, -2) @ mass_weighted @ basis)
    return values, np.swapaxes(basis @ vectors, -1, -2)
