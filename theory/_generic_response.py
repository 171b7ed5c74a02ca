"""A response for a molecule of which only the geometry is known: model Hessian, random derivatives of its symmetry."""

import numpy as np

from ..constants import BOHR_ANGSTROM
from ..forward._tensor_averages import averaged_dipole_derivatives, averaged_polarizability_derivatives
from ..forward._vibrational_space import are_linear, rigid_motions
from ..forward.engines._model_hessian import model_hessian
from ..forward.response import HarmonicResponse
from ..groups.detection import Detection
from ..groups.displacements import DisplacementSymmetry

__all__ = ["generic_response"]

_FLOOR_HARTREE_PER_BOHR2 = 0.02


def generic_response(detection: Detection, seed: int) -> HarmonicResponse:
    """The model Hessian of Lindh et al. and random derivatives of dipole and polarizability that have the symmetry.

    Ranks found with it are generic ones: those of almost every molecule with this geometry and symmetry. Sizes
    (condition numbers, standard errors) mean nothing for the molecule itself. The derivatives are free of rotations, as
    those of a molecule without permanent dipole moment and with an isotropic polarizability.
    """
    action = DisplacementSymmetry.of(detection)
    molecule = detection.molecule
    size = 3 * len(molecule)
    rng = np.random.default_rng(seed)
    rigid = rigid_motions(action.positions, np.ones(len(molecule)), bool(are_linear(action.positions)))
    internal = np.eye(size) - rigid @ rigid.T
    hessian = action.average(model_hessian(molecule.numbers, action.positions / BOHR_ANGSTROM))
    # the model has no term for a planar centre that leaves its plane: every vibration gets a soft spring
    hessian = hessian + _FLOOR_HARTREE_PER_BOHR2 * np.eye(size)
    dipole = averaged_dipole_derivatives(action, rng.standard_normal((3, size)) @ internal)
    tensor = rng.standard_normal((3, 3, size)) @ internal
    polarizability = averaged_polarizability_derivatives(action, (tensor + tensor.swapaxes(0, 1)) / 2)
    return HarmonicResponse(
        molecule,
        internal @ hessian @ internal,
        dipole_derivatives=dipole,
        polarizability_derivatives=polarizability,
        method="model Hessian and random derivatives",
    )
