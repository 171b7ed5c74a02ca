"""Averages over the symmetry group of Cartesian derivatives of tensors, and the record of what they removed."""

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import HessianError
from ..groups.displacements import DisplacementSymmetry
from ..groups.operations import NDArrayFloat
from .response import HarmonicResponse

__all__ = [
    "MAX_ASYMMETRY",
    "AveragedAway",
    "averaged_dipole_derivatives",
    "averaged_hessian",
    "averaged_polarizability_derivatives",
    "averaged_response",
    "relative_part_removed",
]

logger = logging.getLogger(__name__)

# What of a Hessian may lack the symmetry of the geometry, largest element relative to the largest: a warning, an error.
_DOUBTED_ASYMMETRY = 2e-3
MAX_ASYMMETRY = 0.03

# A part this small is rounding, whatever it is compared with: homonuclear molecules have no other dipole derivatives.
_ABSOLUTE_ZERO = 1e-12


@dataclass(frozen=True)
class AveragedAway:
    """What was not symmetric in a response, and was averaged away over the point group.

    Attributes
    ----------
    hessian_hartree_per_bohr2 : float
        Largest element of that part of the Hessian.
    hessian, dipole_derivatives, polarizability_derivatives : float or None
        Its Frobenius norm over that of what was given (0: exactly symmetric); None where nothing was given.
    largest_shift_cm1 : float
        Largest change of a wavenumber.
    """

    hessian_hartree_per_bohr2: float
    hessian: float
    largest_shift_cm1: float
    dipole_derivatives: float | None
    polarizability_derivatives: float | None

    def __str__(self) -> str:
        parts = [f"{self.hessian:.1e} of the Hessian (at most {self.largest_shift_cm1:.2g} cm-1)"]
        if self.dipole_derivatives is not None:
            parts.append(f"{self.dipole_derivatives:.1e} of the dipole derivatives")
        if self.polarizability_derivatives is not None:
            parts.append(f"{self.polarizability_derivatives:.1e} of the polarizability derivatives")
        return "averaged away over the group: " + ", ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dict(vars(self))


def averaged_hessian(
    action: DisplacementSymmetry, hessian: NDArrayFloat, max_asymmetry: float = MAX_ASYMMETRY
) -> tuple[NDArrayFloat, float]:
    """Mean of a Hessian (3N, 3N) over the group, and its largest element removed relative to the largest given.

    Raises
    ------
    HessianError
        More than ``max_asymmetry`` is removed.
    """
    averaged = action.average(hessian)
    removed = float(np.abs(hessian - averaged).max(initial=0.0) / max(float(np.abs(hessian).max(initial=0.0)), 1e-300))
    group = action.analysis.point_group.label
    if removed > max_asymmetry:
        raise HessianError(
            f"{100 * removed:.1f} % of the Hessian lacks the symmetry {group} of the geometry; allowed: "
            f"{100 * max_asymmetry:.1f} %. Check that orientation and atom order are the molecule's; to use it as it "
            "is, give symmetry=False or a smaller tolerance= for the detection of the point group."
        )
    if removed > _DOUBTED_ASYMMETRY:
        logger.warning("%.2g %% of the Hessian lacks the symmetry %s and is averaged away", 100 * removed, group)
    return averaged, removed


def averaged_response(action: DisplacementSymmetry, response: HarmonicResponse) -> HarmonicResponse:
    """The response with the exact symmetry: Hessian and derivatives averaged over the group.

    Raises
    ------
    HessianError
        The Hessian lacks the symmetry.
    """
    dipole, polarizability = response.dipole_derivatives, response.polarizability_derivatives
    return replace(
        response,
        hessian=averaged_hessian(action, response.hessian)[0],
        dipole_derivatives=None if dipole is None else averaged_dipole_derivatives(action, dipole),
        polarizability_derivatives=None
        if polarizability is None
        else averaged_polarizability_derivatives(action, polarizability),
    )


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
