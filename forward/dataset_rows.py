"""One row of a dataset: a molecule, its line list, how it was computed, and whether to trust it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import SymvibError
from ..groups.completeness import information_completeness
from ..groups.detection import Detection, detect_point_group
from ..groups.molecule import Molecule
from ..groups.selection_rules import selection_rules
from .normal_modes import NormalModes, normal_modes
from .response import HarmonicResponse

__all__ = ["DatasetTask", "RowSettings", "compute_row", "flagged"]


@dataclass(frozen=True)
class DatasetTask:
    """A molecule to compute, in plain values: small, and safe to send to another process.

    Attributes
    ----------
    id : str
        Unique in the dataset ("qm9-000001").
    source : str
        "qm9", "symmetric" or "files".
    numbers : tuple of int
    positions_angstrom : tuple of (float, float, float)
    smiles, name, family : str
    charge, unpaired_electrons : int
    mass_numbers : tuple of int
        One for each atom, 0 for the main isotope; empty: main isotopes only.
    """

    id: str
    source: str
    numbers: tuple[int, ...]
    positions_angstrom: tuple[tuple[float, float, float], ...]
    smiles: str = ""
    name: str = ""
    family: str = ""
    charge: int = 0
    unpaired_electrons: int = 0
    mass_numbers: tuple[int, ...] = ()

    @property
    def molecule(self) -> Molecule:
        """The starting geometry."""
        return Molecule.from_arrays(
            self.numbers,
            self.positions_angstrom,
            mass_numbers=self.mass_numbers or None,
            name=self.name or self.id,
            charge=self.charge,
        )


@dataclass(frozen=True)
class RowSettings:
    """Level of theory, and what is kept.

    Attributes
    ----------
    method : str
        "GFN2-xTB" or "GFN1-xTB".
    full_responses : bool
        Keep the Hessian and the derivatives beside the lines.
    options : mapping
        Further arguments of ``xtb_response``; its ``unpaired_electrons`` come from the task where they are not here.
    """

    method: str = "GFN2-xTB"
    full_responses: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)


def compute_row(task: DatasetTask, settings: RowSettings) -> dict[str, Any]:
    """All columns of one molecule; where the computation failed, ``status`` says how and the results are None.

    Errors of the program (:class:`SymvibError`, a matrix that does not converge) become flagged rows; anything else is
    a defect and is raised.
    """
    from .engines.xtb import xtb_response

    row = _identity_columns(task, settings)
    try:
        molecule = task.molecule
        start = detect_point_group(molecule)
        options = {"unpaired_electrons": task.unpaired_electrons, **settings.options}
        response = xtb_response(start.molecule, settings.method, charge=task.charge, allow_rebonding=True, **options)
        detection = detect_point_group(response.molecule)
        modes = normal_modes(response, detection=detection)
        row |= {"formula": molecule.formula, "point_group_start": start.point_group.label}
        row |= _geometry_columns(response) | _symmetry_columns(start, detection) | _line_columns(modes)
        if settings.full_responses:
            row |= _response_columns(response)
    except (SymvibError, np.linalg.LinAlgError) as error:
        return flagged(task, settings, f"{type(error).__name__}: {error}")
    return row | {"status": "ok", "message": ""}


def _geometry_columns(response: HarmonicResponse) -> dict[str, Any]:
    optimisation = response.provenance.get("optimisation", {"bonds_formed": [], "bonds_broken": []})
    return {
        "positions_angstrom": response.molecule.positions.ravel().tolist(),
        "energy_hartree": response.energy_hartree,
        "max_gradient": float(np.abs(response.gradient).max()) if response.gradient is not None else None,
        "hessian_asymmetry": response.provenance["differences"]["asymmetry"],
        "bonding_kept": not (optimisation["bonds_formed"] or optimisation["bonds_broken"]),
        "dipole_e_bohr": response.dipole.tolist() if response.dipole is not None else None,
    }


def _symmetry_columns(start: Detection, detection: Detection) -> dict[str, Any]:
    completeness = information_completeness(detection)
    return {
        "point_group": detection.point_group.label,
        "symmetry_kept": detection.point_group == start.point_group,
        "completeness": completeness.completeness,
        "n_silent": completeness.counts.n_silent,
        "exclusion_kind": selection_rules(detection.point_group).exclusion_kind,
    }


def _line_columns(modes: NormalModes) -> dict[str, Any]:
    rho = modes.depolarization
    return {
        "n_imaginary": int((modes.wavenumbers_cm1 < 0).sum()),
        "wavenumber_cm1": modes.wavenumbers_cm1.tolist(),
        "ir_km_per_mol": _floats(modes.ir_km_per_mol),
        "raman_a4_per_amu": _floats(modes.raman_a4_per_amu),
        "depolarization": None if rho is None else [None if v is np.ma.masked else float(v) for v in rho],
        "irrep": list(modes.irreps or ()),
    }


def _response_columns(response: HarmonicResponse) -> dict[str, Any]:
    lower = np.tril_indices(len(response.hessian))
    alpha = response.polarizability_derivatives
    return {
        "hessian_lower_hartree_per_bohr2": response.hessian[lower].tolist(),
        "dipole_derivatives_e": _floats(response.dipole_derivatives),
        "polarizability_derivatives_bohr2": None if alpha is None else _floats(alpha[np.tril_indices(3)]),
        "polarizability_bohr3": _floats(response.polarizability),
    }


def _floats(values: Any) -> list[float] | None:
    if values is None:
        return None
    flat = np.asarray(values, dtype=float).ravel().tolist()
    if not all(map(math.isfinite, flat)):
        raise SymvibError("a result holds NaN or infinity.")
    return flat


def flagged(task: DatasetTask, settings: RowSettings, message: str) -> dict[str, Any]:
    """The row of a molecule that has no results, saying why."""
    return _identity_columns(task, settings) | {"status": "failed", "message": message[:2000]}


def _identity_columns(task: DatasetTask, settings: RowSettings) -> dict[str, Any]:
    return {
        "id": task.id,
        "source": task.source,
        "name": task.name,
        "smiles": task.smiles,
        "family": task.family,
        "charge": task.charge,
        "unpaired_electrons": settings.options.get("unpaired_electrons", task.unpaired_electrons),
        "mass_numbers": list(task.mass_numbers) or [0] * len(task.numbers),
        "method": settings.method,
        "numbers": list(task.numbers),
    }
