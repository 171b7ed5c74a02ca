"""Stacks of mass-weighted Hessians: the space of vibrations, normal modes. No loop over molecules."""

import numpy as np

from ..groups._rigid import LINEAR_ANGSTROM, are_linear, rigid_motions
from ..groups.operations import NDArrayFloat

__all__ = ["LINEAR_ANGSTROM", "are_linear", "rigid_motions", "vibrations"]


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
