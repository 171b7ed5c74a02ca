"""What a rigid motion of the molecule does to its gradient, dipole and polarizability is known: put in, not computed.

A translation changes none of them (the dipole of an ion by charge times displacement), a rotation turns them. With
the rigid displacements T (3N, 5 or 6) and the known responses K to them, any derivative matrix D becomes
``D (1 - T T^+) + K T^+``: what the engine computed for deformations, and the exact answer for rigid motions.
"""

from dataclasses import replace

import numpy as np

from ...constants import BOHR_ANGSTROM
from ...groups.detection import detect_point_group
from ...groups.displacements import DisplacementSymmetry
from ...groups.operations import NDArrayFloat
from .._tensor_averages import averaged_dipole_derivatives, averaged_polarizability_derivatives
from ..response import HarmonicResponse
from ._program import KEPT_ANGSTROM

__all__ = ["project_response"]

_GENERATORS = -np.array(  # of the rotations about x, y, z: v -> e x v; the Levi-Civita tensor
    [[[0, 0, 0], [0, 0, 1], [0, -1, 0]], [[0, 0, -1], [0, 0, 0], [1, 0, 0]], [[0, 1, 0], [-1, 0, 0], [0, 0, 0]]],
    dtype=float,
)
_LINEAR = 1e-6  # smallest singular value, relative to the largest, of a rotation that moves something


def project_response(response: HarmonicResponse, charge: int = 0) -> HarmonicResponse:
    """The response with exact translations and rotations, its tensors averaged over the symmetry group.

    The largest change of any element of each array stands in the provenance.
    """
    action = DisplacementSymmetry.of(detect_point_group(response.molecule, tolerance=KEPT_ANGSTROM))
    positions = response.molecule.positions / BOHR_ANGSTROM
    n = positions.size
    motions = np.hstack([np.tile(np.eye(3), (len(positions), 1)), _turned(positions)])
    inverse = np.linalg.pinv(motions, rcond=_LINEAR)
    rigid = motions @ inverse
    deformations = np.eye(n) - rigid
    new: dict[str, NDArrayFloat] = {}
    gradient = np.zeros(n) if response.gradient is None else response.gradient
    cross = np.hstack([np.zeros((n, 3)), _turned(gradient.reshape(-1, 3))]) @ inverse
    new["hessian"] = action.average(
        deformations @ (response.hessian @ deformations + cross) + cross.T @ deformations + rigid @ cross
    )
    if response.dipole_derivatives is not None and response.dipole is not None:
        known = np.hstack([charge * np.eye(3), (_GENERATORS @ response.dipole).T])
        given = response.dipole_derivatives @ deformations + known @ inverse
        new["dipole_derivatives"] = averaged_dipole_derivatives(action, given)
    if response.polarizability_derivatives is not None and response.polarizability is not None:
        alpha = response.polarizability
        commutators = np.moveaxis(_GENERATORS @ alpha - alpha @ _GENERATORS, 0, -1)
        known = np.concatenate([np.zeros((3, 3, 3)), commutators], axis=-1)
        given = response.polarizability_derivatives @ deformations + known @ inverse
        new["polarizability_derivatives"] = averaged_polarizability_derivatives(action, given)
    changes = {name: float(np.abs(value - getattr(response, name)).max(initial=0.0)) for name, value in new.items()}
    return replace(response, **new, provenance={**response.provenance, "changed_by_projection": changes})


def _turned(vectors: NDArrayFloat) -> NDArrayFloat:
    """Change (3N, 3) of the vectors (N, 3) on the atoms under unit rotations about x, y and z."""
    return np.einsum("rij,aj->air", _GENERATORS, vectors).reshape(-1, 3)
