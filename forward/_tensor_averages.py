"""Averages over the symmetry group of Cartesian derivatives of tensors."""

import numpy as np

from ..groups.displacements import DisplacementSymmetry
from ..groups.operations import NDArrayFloat

__all__ = ["averaged_dipole_derivatives", "averaged_polarizability_derivatives", "relative_part_removed"]

# A part this small is rounding, whatever it is compared with: homonuclear molecules have no other dipole derivatives.
_ABSOLUTE_ZERO = 1e-12


def averaged_dipole_derivatives(action: DisplacementSymmetry, derivatives: NDArrayFloat) -> NDArrayFloat:
    """Mean over the group of ``R P D^T`` for P (3, 3N): the part that transforms as a vector."""
    blocks = derivatives.reshape(3, action.n_atoms, 3)
    turned = np.einsum("gik,kal,gjl->giaj", action.matrices, blocks, action.matrices, optimize=True)
    return _gathered(action, turned).reshape(derivatives.shape)


def averaged_polarizability_derivatives(action: DisplacementSymmetry, derivatives: NDArrayFloat) -> NDArrayFloat:
    """Mean over the group for (3, 3, 3N): the part that transforms as a second-rank tensor.

    Also for linear molecules: the fourfold axis of the finite subgroup leaves no third-rank tensor invariant that the
    infinite group does not.
    """
    blocks = derivatives.reshape(3, 3, action.n_atoms, 3)
    matrices = action.matrices
    turned = np.einsum("gim,gjn,mnal,gkl->gijak", matrices, matrices, blocks, matrices, optimize=True)
    return _gathered(action, turned).reshape(derivatives.shape)


def _gathered(action: DisplacementSymmetry, turned: NDArrayFloat) -> NDArrayFloat:
    """Mean of ``turned`` (h, ..., N, 3) with atom a of operation g moved to the place ``permutations[g, a]``."""
    inverse = np.argsort(action.permutations, axis=1)
    shape = (len(inverse), *([1] * (turned.ndim - 3)), action.n_atoms, 1)
    return np.take_along_axis(turned, inverse.reshape(shape), axis=-2).mean(axis=0)


def relative_part_removed(given: NDArrayFloat | None, kept: NDArrayFloat) -> float:
    """Norm of what an average removed, over the norm of what was given; 0 for rounding."""
    if given is None:
        return 0.0
    removed = float(np.linalg.norm(given - kept))
    return 0.0 if removed < _ABSOLUTE_ZERO else removed / float(np.linalg.norm(given))
