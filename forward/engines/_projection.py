"""What a rigid motion of the molecule does to its gradient, dipole and polarizability is known: put in, not computed.

A translation changes none of them (the dipole of an ion by charge times displacement), a rotation turns them. With
the rigid displacements T (3N, 5 or 6) and the known responses K to them, any derivative matrix D becomes
``D (1 - T T^+) + K T^+``: what the engine computed for deformations, and the exact answer for rigid motions.
"""

import logging
from dataclasses import replace

import numpy as np

from ...constants import BOHR_ANGSTROM
from ...errors import EngineError
from ...groups._rigid import rigid_displacements, rotation_axes
from ...groups.displacements import DisplacementSymmetry
from ...groups.operations import NDArrayFloat
from .._tensor_averages import averaged_dipole_derivatives, averaged_polarizability_derivatives
from ..response import HarmonicResponse

__all__ = ["project_response"]

_LOG = logging.getLogger(__name__)
_NOISE = 0.01  # in atomic units
# Largest change of an element, relative to the largest of all: a warning, an error; and what may be the reason.
_LIMITS = {
    "hessian": (2e-3, 0.03, "is the integration grid or the convergence of the program too coarse?"),
    "dipole_derivatives": (0.02, 0.15, "is the charge that was stated that of the calculation?"),
    "polarizability_derivatives": (0.02, np.inf, "is the step or the convergence of the program too coarse?"),
}


def project_response(response: HarmonicResponse, action: DisplacementSymmetry) -> HarmonicResponse:
    """The response with exact translations and rotations, its tensors averaged over the symmetry group.

    Derivatives of a tensor whose value is not known are only averaged. The largest change of any element of each array
    stands in the provenance.

    Raises
    ------
    EngineError
        That changes the Hessian or the dipole derivatives by more than numerical errors.
    """
    positions = response.molecule.positions / BOHR_ANGSTROM
    axes = rotation_axes(response.molecule.positions)
    motions = rigid_displacements(positions, axes)
    n, still = len(motions), motions.shape[1] - len(axes)  # translations change nothing but the dipole of an ion
    inverse = np.linalg.pinv(motions)
    rigid = motions @ inverse
    deformations = np.eye(n) - rigid
    new: dict[str, NDArrayFloat] = {}
    gradient = np.zeros(n)
    if response.gradient is not None:
        gradient = new["gradient"] = deformations @ response.gradient  # no net force, no torque
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
    _judge(response, new)
    changes = {name: float(np.abs(value - getattr(response, name)).max(initial=0.0)) for name, value in new.items()}
    return replace(response, **new, provenance={**response.provenance, "changed_by_projection": changes})


def _judge(response: HarmonicResponse, new: dict[str, NDArrayFloat]) -> None:
    """Warn of changes that differences and grids seldom explain, and refuse what would be another result."""
    for name, (doubted, refused, hint) in _LIMITS.items():
        if name not in new:
            continue
        change, size = (float(np.abs(x).max(initial=0.0)) for x in (new[name] - getattr(response, name), new[name]))
        if change <= doubted * size + _NOISE:
            continue
        text = (
            f"{response.method}: making the {name.replace('_', ' ')} of {response.molecule!r} exact for translations "
            f"and rotations changes an element by {change:.2g} (largest: {size:.2g} in atomic units); {hint}"
        )
        if change > refused * size + _NOISE:
            raise EngineError(text)
        _LOG.warning("%s", text)
