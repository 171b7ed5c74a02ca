"""What a rigid motion of the molecule does to its gradient, dipole and polarizability is known: put in, not computed.

A translation changes none of them (the dipole of an ion by charge times displacement), a rotation turns them. With
the rigid displacements T (3N, 5 or 6) and the known responses K to them, any derivative matrix D becomes
``D (1 - T T^+) + K T^+``: what the engine computed for deformations, and the exact answer for rigid motions.
"""

from dataclasses import replace

import numpy as np

from ...constants import BOHR_ANGSTROM
from ...groups.operations import NDArrayFloat
from ..response import HarmonicResponse
from ._differences import DisplacementPlan

__all__ = ["project_response"]

_GENERATORS = np.array(  # of the rotations about x, y, z: v -> e x v
    [[[0, 0, 0], [0, 0, -1], [0, 1, 0]], [[0, 0, 1], [0, 0, 0], [-1, 0, 0]], [[0, -1, 0], [1, 0, 0], [0, 0, 0]]],
    dtype=float,
)
_LINEAR = 1e-6  # smallest singular value, relative to the largest, of a rotation that moves something


def project_response(response: HarmonicResponse, plan: DisplacementPlan, charge: int = 0) -> HarmonicResponse:
    """The response with exact translations and rotations, averaged over the symmetry group of ``plan``.

    How much that changed stands in the provenance: largest change of any element of each array.
    """
    positions = response.molecule.positions / BOHR_ANGSTROM
    rotations = np.einsum("rij,aj->air", _GENERATORS, positions).reshape(-1, 3)
    motions = np.hstack([np.tile(np.eye(3), (len(positions), 1)), rotations])
    inverse = np.linalg.pinv(motions, rcond=_LINEAR)
    changes = {}
    new = {}

    gradient = np.zeros_like(positions) if response.gradient is None else response.gradient.reshape(-1, 3)
    gradient = _averaged_vectors(gradient, plan)
    turned = np.einsum("rij,aj->air", _GENERATORS, gradient).reshape(-1, 3)
    known = np.hstack([np.zeros((3 * len(positions), 3)), turned])
    rigid = motions @ inverse
    deformations = np.eye(len(rigid)) - rigid
    cross = known @ inverse
    new["hessian"] = deformations @ (response.hessian @ deformations + cross) + cross.T @ deformations + rigid @ cross
    if response.dipole_derivatives is not None and response.dipole is not None:
        known = np.hstack([charge * np.eye(3), (_GENERATORS @ response.dipole).T])
        new["dipole_derivatives"] = response.dipole_derivatives @ deformations + known @ inverse
    if response.polarizability_derivatives is not None and response.polarizability is not None:
        alpha = response.polarizability
        commutators = np.moveaxis(_GENERATORS @ alpha - alpha @ _GENERATORS, 0, -1)
        known = np.concatenate([np.zeros((3, 3, 3)), commutators], axis=-1)
        new["polarizability_derivatives"] = response.polarizability_derivatives @ deformations + known @ inverse
    for name, rank in (("dipole_derivatives", 1), ("polarizability_derivatives", 2)):
        if name in new:
            new[name] = _averaged_derivatives(new[name], rank, plan)
    for name, value in new.items():
        changes[name] = float(np.abs(value - getattr(response, name)).max(initial=0.0))
    return replace(
        response,
        **new,
        gradient=gradient.ravel() if response.gradient is not None else None,
        provenance={**response.provenance, "changed_by_projection": changes},
    )


def _averaged_vectors(vectors: NDArrayFloat, plan: DisplacementPlan) -> NDArrayFloat:
    """Mean of the vectors (N, 3) on the atoms over the group."""
    total = np.zeros_like(vectors)
    for matrix, permutation in zip(plan.matrices, plan.permutations, strict=True):
        total[permutation] += vectors @ matrix.T
    return total / len(plan.matrices)


def _averaged_derivatives(derivatives: NDArrayFloat, rank: int, plan: DisplacementPlan) -> NDArrayFloat:
    """Mean of the derivatives (3,..., 3N) of a Cartesian tensor of the given rank over the group."""
    by_atom = derivatives.reshape(*derivatives.shape[:rank], -1, 3)
    total = np.zeros_like(by_atom)
    for matrix, permutation in zip(plan.matrices, plan.permutations, strict=True):
        turned = by_atom @ matrix.T
        for axis in range(rank):
            turned = np.moveaxis(np.tensordot(matrix, turned, axes=(1, axis)), 0, axis)
        total[..., permutation, :] += turned
    return (total / len(plan.matrices)).reshape(derivatives.shape)
