"""From a program that gives energies and gradients to a `HarmonicResponse`: optimisation, then differences."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from ...errors import EngineError
from ...groups.detection import Detection, detect_point_group
from ...groups.displacements import DisplacementSymmetry
from ...groups.molecule import Molecule
from ...groups.operations import NDArrayFloat
from ..response import HarmonicResponse
from ._differences import DisplacementPlan, plan_displacements
from ._optimise import optimise
from ._projection import project_response

__all__ = ["KEPT_ANGSTROM", "Program", "response_of_program"]

_LOG = logging.getLogger(__name__)
KEPT_ANGSTROM = 1e-4  # an optimised geometry has its symmetry to 1e-8; no other may be forced on it
_LOOSE_GRADIENT = 1e-3  # Eh/bohr: above, harmonic wavenumbers are those of no stationary point


class Program(Protocol):
    """What an engine must give at positions (N, 3) in bohr."""

    def energy_and_gradient(self, positions: NDArrayFloat) -> tuple[float, NDArrayFloat]:
        """Energy in Eh and gradient (3N,) in Eh/bohr."""
        ...

    def properties(self, positions: NDArrayFloat) -> Mapping[str, Any]:
        """What is to be differentiated: any of "gradient" (3N,), "dipole" (3,), "polarizability" (3, 3), in a.u."""
        ...


def response_of_program(
    x: Any,
    program: Program,
    *,
    optimize: bool,
    max_gradient: float,
    step_bohr: float,
    method: str,
    provenance: Mapping[str, Any],
    charge: int = 0,
    allow_rebonding: bool = False,
    hessian_function: Callable[[NDArrayFloat], NDArrayFloat] | None = None,
    tensors: Callable[[Molecule], Mapping[str, Any]] | None = None,
    on_done: Callable[[int, int], None] | None = None,
) -> HarmonicResponse:
    """The response of a detected molecule: at its minimum, or where it stands if ``optimize`` is False.

    The Hessian is ``hessian_function(positions_bohr)``, averaged over the group; without it, the derivative of
    "gradient". Dipole and polarizability derivatives come from the symmetry-unique displacements, or, with any of
    "dipole", "polarizability" and their derivatives by other means, from ``tensors(molecule)``. What rigid motions do
    is known and put in exactly (`project_response`); how much that changed stands in the provenance.
    """
    detection = x if isinstance(x, Detection) else detect_point_group(x)
    record = dict(provenance)
    if optimize:
        found = optimise(program.energy_and_gradient, detection, max_gradient=max_gradient)
        record["optimisation"] = found.as_dict()
        if found.bonding_changed and not allow_rebonding:
            raise EngineError(
                f"{method}: optimising {detection.molecule!r} changed its bonds: formed {list(found.bonds_formed)}, "
                f"broken {list(found.bonds_broken)} (atoms from 0). The result would be of another molecule; start "
                "from a better geometry, or say allow_rebonding=True."
            )
        detection = detect_point_group(found.molecule, tolerance=KEPT_ANGSTROM)
    plan, action = plan_displacements(detection), DisplacementSymmetry.of(detection)
    moved = float(np.abs(plan.molecule.positions - detection.molecule.positions).max())
    if moved > KEPT_ANGSTROM:
        _LOG.warning("%s: positions moved by %.2g A to be exactly %s", method, moved, detection.point_group)
    record["point_group"], record["symmetrised_by_angstrom"] = detection.point_group.label, moved
    energy, gradient = program.energy_and_gradient(plan.positions_bohr)
    here = program.properties(plan.positions_bohr)
    if np.abs(gradient).max() > _LOOSE_GRADIENT:
        _LOG.warning("%s: largest gradient %.2g Eh/bohr: not a stationary point", method, np.abs(gradient).max())

    def about_the_centre(positions: NDArrayFloat) -> dict[str, Any]:
        values = dict(program.properties(positions))
        if charge and "dipole" in values:
            values["dipole"] = values["dipole"] - charge * plan.centre_bohr
        return values

    values: dict[str, NDArrayFloat] = {}
    if here:
        derivatives = plan.differentiate(about_the_centre, step_bohr, on_done)
        record["differences"] = derivatives.as_dict()
        values = derivatives.values
    hessian = values.get("gradient")
    if hessian_function is not None:
        hessian = _averaged(hessian_function, plan, action, record)
    known: dict[str, Any] = {
        "dipole": here.get("dipole"),
        "polarizability": here.get("polarizability"),
        "dipole_derivatives": values.get("dipole"),
        "polarizability_derivatives": values.get("polarizability"),
    }
    known |= {} if tensors is None else tensors(plan.molecule)
    response = HarmonicResponse(
        molecule=plan.molecule,
        hessian=hessian,  # type: ignore[arg-type]  # one of the two ways gives it
        gradient=np.asarray(gradient, dtype=float).reshape(-1),
        energy_hartree=float(energy),
        method=method,
        provenance=record,
        charge=charge,
        **known,
    )
    return project_response(response, action)


def _averaged(
    function: Callable[[NDArrayFloat], NDArrayFloat],
    plan: DisplacementPlan,
    action: DisplacementSymmetry,
    record: dict[str, Any],
) -> NDArrayFloat:
    """The program's Hessian averaged over the group; what that removed is written to the record."""
    raw = function(plan.positions_bohr)
    hessian = action.average((raw + raw.T) / 2)
    summed = raw.reshape(len(raw), -1, 3).sum(axis=1)
    record["hessian"] = {
        "source": "analytic",
        "asymmetry": float(np.abs(raw - raw.T).max()),
        "removed_by_group_average": float(np.abs(hessian - (raw + raw.T) / 2).max()),
        "translation_residual": float(np.abs(summed).max()),
    }
    return hessian
