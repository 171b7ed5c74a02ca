"""From a saddle point down to a minimum: along the imaginary modes, and an optimisation from there."""

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..groups.molecule import Molecule
from .normal_modes import NormalModes, normal_modes
from .response import HarmonicResponse

__all__ = ["below_saddle_point", "displaced_along_imaginary"]

_LOG = logging.getLogger(__name__)
_STEP_ANGSTROM = 0.2  # of the atom that moves most: beyond any tolerance of the symmetry, within the same molecule


def below_saddle_point(
    response: HarmonicResponse, compute: Callable[[Molecule], HarmonicResponse], tries: int = 3
) -> HarmonicResponse:
    """The response at a minimum below a saddle point: displaced along its imaginary modes and optimised again.

    Parameters
    ----------
    response : HarmonicResponse
        At a stationary point; returned as it is where no mode is imaginary.
    compute : callable
        Optimises a molecule and returns its response.
    tries : int
        At most so many times. What is imaginary after that is logged as a warning, and stays in the result.

    Notes
    -----
    An optimisation that keeps the symmetry it starts with can end where a motion that breaks it lowers the energy. All
    imaginary modes are followed at once, with unequal weights, so that no symmetry of theirs survives by accident.
    """
    for _ in range(tries):
        modes = normal_modes(response)
        if not len(modes.imaginary):
            return response
        _LOG.info(
            "%r, %s: %d imaginary modes (to %.0fi cm-1) are followed",
            response.molecule, modes.point_group, len(modes.imaginary), -modes.wavenumbers_cm1.min(),
        )  # fmt: skip
        response = compute(displaced_along_imaginary(modes))
    left = normal_modes(response).imaginary
    if len(left):
        _LOG.warning(
            "%r: still %d imaginary modes after %d optimisations along them; give a geometry nearer to a minimum",
            response.molecule, len(left), tries,
        )  # fmt: skip
    return response


def displaced_along_imaginary(modes: NormalModes) -> Molecule:
    """The molecule moved along its imaginary modes, the atom that moves most by 0.2 angstrom; as it is without any."""
    imaginary = modes.imaginary
    if not len(imaginary):
        return modes.molecule
    along = modes.displacements[imaginary]
    along = along / np.abs(along).max(axis=(1, 2), keepdims=True)
    step = np.tensordot(1 / np.sqrt(1.0 + np.arange(len(imaginary))), along, 1)
    step *= _STEP_ANGSTROM / np.linalg.norm(step, axis=1).max()
    return replace(modes.molecule, positions=modes.molecule.positions + step)
