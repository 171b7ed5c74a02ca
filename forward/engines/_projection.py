"""What a rigid motion of the molecule does to its gradient, dipole and polarizability is known: put in, not computed.

A translation changes none of them (the dipole of an ion by charge times displacement), a rotation turns them. With
the rigid displacements T (3N, 5 or 6) and the known responses K to them, any derivative matrix D becomes
``D (1 - T T^+) + K T^+``: what the engine computed for deformations, and the exact answer for rigid motions.
"""

from dataclasses import replace

import numpy as np

from ...constants import BOHR_ANGSTROM
from ...groups._rigid import rigid_displacements, rotation_axes
from ...groups.displacements import DisplacementSymmetry
from ...groups.operations import NDArrayFloat
from .._tensor_averages import averaged_dipole_derivatives, averaged_polarizability_derivatives
from ..response import HarmonicResponse

__all__ = ["project_response"]


def project_response(response: HarmonicResponse, action: DisplacementSymmetry) -> HarmonicResponse:
    """The response with exact translations and rotations, its tensors averaged over the symmetry group.

    Derivatives of a tensor whose value is not known are only averaged. The largest change of any element of each array
    stands in the provenance.
    """
    positions = response.molecule.positions / BOHR_ANGSTROM
    axes = rotation_axes(response.molecule.positions)
    motions = rigid_displacements(positions, axes)
    n, still = len(motions), motions.shape[1] - len(axes)  # translations change nothing but the dipole of an ion
    inverse = np.linalg.pinv(motions)
    rigid = motions @ inverse
    deformations = np.eye(n) - rigid
    new: dict[str, NDArrayFloat] = {}
    gradient = np.zeros(n) if response.gradient is None else response.gradient
    turned = rigid_displacements(gradient.reshape(-1, 3), axes)[:, still:]
    cross = np.hstack([np.zeros((n, still)), turned]) @ inverse
    new["hessian"] = action.average(
        deformations @ (response.hessian @ deformations + cross) + cross.T @ deformations + rigid @ cross
    )
    derivatives = response.dipole_derivatives
    if derivatives is not None:
        if response.dipole is not None:
            known = np.hstack([(response.charge or 0) * np.eye(3), np.cross(axes, response.dipole).T])
            derivatives = derivatives @ deformations + known @ inverse
        new["dipole_derivatives"] = averaged_dipole_derivatives(action, derivatives)
    derivatives = response.polarizability_derivatives
    if derivatives is not None:
        if response.polarizability is not None:
            # d alpha = omega x alpha - alpha x omega: both indices turn
            once = np.cross(axes[:, None], response.polarizability)  # [k, j]: n_k x (column j of alpha)
            turned = np.moveaxis(once + once.transpose(0, 2, 1), 0, -1)
            derivatives = derivatives @ deformations + np.concatenate([np.zeros((3, 3, still)), turned], -1) @ inverse
        new["polarizability_derivatives"] = averaged_polarizability_derivatives(action, derivatives)
    changes = {name: float(np.abs(value - getattr(response, name)).max(initial=0.0)) for name, value in new.items()}
    return replace(response, **new, provenance={**response.provenance, "changed_by_projection": changes})
