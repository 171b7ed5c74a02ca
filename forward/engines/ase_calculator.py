"""Harmonic response by any ASE calculator that gives energies and forces (and dipoles, where it has them).

A. Hjorth Larsen et al., J. Phys.: Condens. Matter 29, 273002 (2017).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...errors import EngineError, MissingPackageError
from ...groups.detection import Detection, detect_point_group
from ...groups.operations import NDArrayFloat
from ..response import HarmonicResponse
from ._program import response_of_program

__all__ = ["ase_response"]


def ase_response(
    x: Any,
    calculator: Any = None,
    *,
    optimize: bool = True,
    charge: int = 0,
    max_gradient: float = 3e-5,
    step_bohr: float = 0.01,
    allow_rebonding: bool = False,
    on_done: Callable[[int, int], None] | None = None,
) -> HarmonicResponse:
    """The `HarmonicResponse` of a molecule by an ASE calculator; no polarizability derivatives.

    Parameters
    ----------
    x : ase.Atoms, Molecule, Detection, or anything that ``as_molecule`` reads
    calculator : ase.calculators.calculator.Calculator, optional
        Default: the one attached to the ``Atoms``. Set its charge and spin yourself.
    optimize : bool
        Go to the minimum that has the symmetry of ``x`` first.
    charge : int
        Total charge, for the origin of the dipole of an ion; it is not handed to the calculator.
    max_gradient : float
        Eh/bohr, of the optimisation.
    step_bohr : float
        Of the differences; 0.01 suits programs whose forces carry 1e-4 eV/A of noise, 0.005 exact ones.
    allow_rebonding : bool
        Accept an optimised geometry with other bonds than the one given.
    on_done : callable
        ``on_done(done, all)`` after each displaced geometry.

    Raises
    ------
    EngineError
        No calculator, one without forces, a failed calculation (with its words), or no convergence.
    MissingPackageError
        ASE is not installed.

    Notes
    -----
    Displaced geometries: 4 for benzene, 6N for a molecule without symmetry.
    """
    calculator = getattr(x, "calc", None) if calculator is None else calculator
    if calculator is None:
        raise EngineError(
            "ase_response: no calculator. Give one, ase_response(atoms, EMT()), or Atoms with one attached."
        )
    detection = x if isinstance(x, Detection) else detect_point_group(x)
    program = _Calculator(calculator, detection)
    return response_of_program(
        detection,
        program,
        optimize=optimize,
        max_gradient=max_gradient,
        step_bohr=step_bohr,
        method=program.name,
        provenance={"program": "ase", "version": program.version, "calculator": program.name, "charge": charge},
        charge=charge,
        allow_rebonding=allow_rebonding,
        on_done=on_done,
    )


class _Calculator:
    """An ASE calculator in atomic units."""

    def __init__(self, calculator: Any, detection: Detection) -> None:
        try:
            import ase
            from ase.units import Bohr, Hartree
        except ImportError as error:
            raise MissingPackageError.of_extra("ase_response needs ASE", "chem") from error
        known = getattr(calculator, "implemented_properties", ())
        missing = [name for name in ("energy", "forces") if name not in known]
        if missing:
            raise EngineError(f"ase_response: {type(calculator).__name__} gives no {' and no '.join(missing)}.")
        self.version: str = ase.__version__
        self.name = type(calculator).__name__
        self.has_dipole = "dipole" in known
        molecule = detection.molecule
        # ASE's own constants: the calculators convert with them, so they cancel.
        self._hartree, self._bohr = Hartree, Bohr
        self.atoms = ase.Atoms(molecule.numbers, molecule.positions)
        self.atoms.calc = calculator

    def _move(self, positions: NDArrayFloat) -> None:
        self.atoms.positions = positions * self._bohr

    def _ask(self, what: str) -> Any:
        try:
            return getattr(self.atoms, what)()
        except Exception as error:  # calculators raise whatever they like; all of it is a failed calculation
            raise EngineError(
                f"ase_response: {self.name}.{what} failed for {self.atoms.get_chemical_formula()}: "
                f"{type(error).__name__}: {error}"
            ) from error

    def energy_and_gradient(self, positions: NDArrayFloat) -> tuple[float, NDArrayFloat]:
        self._move(positions)
        energy = float(self._ask("get_potential_energy")) / self._hartree
        forces = np.asarray(self._ask("get_forces"), dtype=float)
        return energy, -forces.reshape(-1) * (self._bohr / self._hartree)

    def properties(self, positions: NDArrayFloat) -> Mapping[str, Any]:
        values: dict[str, Any] = {"gradient": self.energy_and_gradient(positions)[1]}
        if self.has_dipole:
            values["dipole"] = np.asarray(self._ask("get_dipole_moment"), dtype=float) / self._bohr
        return values
