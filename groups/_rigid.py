"""Translations and rotations of a molecule as a whole, and whether it is linear: the one place that says so."""

import numpy as np

from .operations import NDArrayFloat

__all__ = ["LINEAR_ANGSTROM", "are_linear", "rigid_displacements", "rigid_motions", "rotation_axes"]

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


def rotation_axes(positions: NDArrayFloat) -> NDArrayFloat:
    """Unit vectors (3, 3), (2, 3) or (0, 3) about which a rotation moves the atoms at ``positions`` (N, 3), angstrom.

    Two directions across a linear molecule, principal axes of the point set else.
    """
    if len(positions) == 1:
        return np.empty((0, 3))
    axes: NDArrayFloat = np.linalg.svd(positions - positions.mean(axis=0))[2].astype(float)
    return axes[1:] if are_linear(positions) else axes


def rigid_displacements(positions: NDArrayFloat, axes: NDArrayFloat | None = None) -> NDArrayFloat:
    """Translations and rotations of a whole molecule: (3N, 6), linear (3N, 5), atom (3N, 3).

    Unit displacements along x, y, z, then ``n x r`` about the frame's origin, in the unit of ``positions``: angstrom,
    where ``axes`` (n, 3) are not given; they are `rotation_axes` then.
    """
    axes = rotation_axes(positions) if axes is None else axes
    translations = np.tile(np.eye(3), (len(positions), 1))
    rotations = np.cross(axes[None], positions[:, None]).transpose(0, 2, 1).reshape(3 * len(positions), len(axes))
    return np.hstack([translations, rotations])
