"""Harmonic responses at the extended tight-binding level, by tblite (GFN1-xTB and GFN2-xTB).

C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019), doi:10.1021/acs.jctc.8b01176 (GFN2);
S. Grimme, C. Bannwarth, P. Shushkov, J. Chem. Theory Comput. 13, 1989 (2017), doi:10.1021/acs.jctc.7b00118 (GFN1).
"""

import logging
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ...constants import BOHR_ANGSTROM
from ...errors import EngineError, MissingPackageError
from ...groups.molecule import Molecule
from ...groups.operations import NDArrayFloat
from ..response import HarmonicResponse
from ._program import response_of_program

if TYPE_CHECKING:
    from tblite.interface import Result

__all__ = ["XTB_METHODS", "XtbSurface", "field_derivatives", "tblite_version", "xtb_response"]

logger = logging.getLogger(__name__)

XTB_METHODS = ("GFN1-xTB", "GFN2-xTB")

# Convergence thresholds in units of tblite's defaults: gradients of the Hessian, and those in a field, which are
# divided by the square of the field.
_HESSIAN_ACCURACY = 1e-3
_FIELD_ACCURACY = 1e-4
_HIGHEST_NUMBER = 86  # radon; both parametrisations end there
_LARGEST_MOLECULE = 1000
_MISSING = ("xTB needs tblite", "qm")


class XtbSurface:
    """Energy and gradient of one molecule as a function of its geometry, in a uniform electric field if wanted.

    Holds tblite's calculator, and the C array of the field for as long as that lives: tblite keeps a pointer.
    The self-consistent charges of the first geometry start every later one.

    Parameters
    ----------
    molecule : Molecule
    method : str
        One of `XTB_METHODS`.
    charge, unpaired_electrons : int
    accuracy : float
        Of tblite; smaller is tighter.
    field : sequence of 3 floats, optional
        In Eh/(e bohr). The energy is E - mu . F.

    Raises
    ------
    EngineError
        Unknown method, element beyond Rn, or an impossible number of unpaired electrons.
    MissingPackageError
        tblite is not installed.
    """

    def __init__(
        self,
        molecule: Molecule,
        method: str = "GFN2-xTB",
        *,
        charge: int = 0,
        unpaired_electrons: int = 0,
        accuracy: float = _HESSIAN_ACCURACY,
        field: Sequence[float] | NDArrayFloat | None = None,
    ) -> None:
        _check_request(molecule, method, charge, unpaired_electrons)
        self.molecule, self.method = molecule, method
        self._start: Result | None = None
        try:
            from tblite import library
            from tblite.interface import Calculator
        except ImportError as error:
            raise MissingPackageError.of_extra(*_MISSING) from error
        self._calculator = Calculator(
            method,
            molecule.numbers,
            molecule.positions / BOHR_ANGSTROM,
            charge=float(charge),
            uhf=unpaired_electrons,
            logger=logger.debug,
        )
        self._calculator.set("verbosity", 0)
        self._calculator.set("accuracy", accuracy)
        if field is not None:
            # tblite 0.8 passes the argument to C as it is: a pointer, which must outlive the calculator.
            components = [float(component) for component in field]
            self._field = library.ffi.new("double[3]", components)  # pyright: ignore[reportPrivateImportUsage]
            self._calculator.add("electric-field", self._field)

    def result(self, positions_bohr: NDArrayFloat) -> "Result":
        """Result object of tblite at positions (N, 3) in bohr.

        Raises
        ------
        EngineError
            The self-consistent field did not converge; the message holds tblite's words and the geometry.
        """
        self._calculator.update(np.ascontiguousarray(positions_bohr.reshape(-1, 3)))
        try:
            if self._start is None:
                self._start = self._calculator.singlepoint()
                return self._start
            return self._calculator.singlepoint(self._start, copy=True)
        except RuntimeError as error:
            raise EngineError(
                f"{self.method} failed for {self.molecule!r}: {str(error).strip()}. Check the charge and the number of "
                f"unpaired electrons, and the geometry (angstrom):\n{np.round(positions_bohr * BOHR_ANGSTROM, 4)}"
            ) from error

    def energy_and_gradient(self, positions: NDArrayFloat) -> tuple[float, NDArrayFloat]:
        """Energy in Eh and gradient (3N,) in Eh/bohr at positions (N, 3) in bohr."""
        result = self.result(positions)
        energy, gradient = float(result.get("energy")), np.array(result.get("gradient")).ravel()
        if not (np.isfinite(energy) and np.isfinite(gradient).all()):
            raise EngineError(f"{self.method} gave an energy {energy} and a gradient with NaN for {self.molecule!r}.")
        return energy, gradient

    def properties(self, positions: NDArrayFloat) -> dict[str, NDArrayFloat]:
        """What is differentiated by moving atoms: the gradient. The tensors come from fields, which is cheaper."""
        return {"gradient": self.energy_and_gradient(positions)[1]}


def tblite_version() -> str:
    """Name and version of the program, "tblite 0.8.0".

    Raises
    ------
    MissingPackageError
        It is not installed.
    """
    try:
        from tblite.library import get_version
    except ImportError as error:
        raise MissingPackageError.of_extra(*_MISSING) from error
    return "tblite " + ".".join(map(str, get_version()))


def _check_request(molecule: Molecule, method: str, charge: int, unpaired_electrons: int) -> None:
    if method not in XTB_METHODS:
        raise EngineError(f"xTB method {method!r} is not known; choose one of {', '.join(XTB_METHODS)}.")
    if molecule.numbers.max() > _HIGHEST_NUMBER:
        raise EngineError(f"{method} ends at radon (86); {molecule!r} holds element {molecule.numbers.max()}.")
    if len(molecule) > _LARGEST_MOLECULE:
        raise EngineError(f"{molecule!r}: a Hessian of more than {_LARGEST_MOLECULE} atoms is refused.")
    electrons = int(molecule.numbers.sum()) - charge
    if electrons < 1 or (electrons - unpaired_electrons) % 2 or unpaired_electrons < 0:
        raise EngineError(
            f"{molecule!r} with charge {charge} has {electrons} electrons; {unpaired_electrons} of them cannot be "
            "unpaired. Give charge= and unpaired_electrons= that fit."
        )


def field_derivatives(
    gradient_in_field: Callable[[NDArrayFloat], NDArrayFloat], field_au: float = 1e-3, richardson: bool = False
) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Dipole derivatives (3, 3N) in e and polarizability derivatives (3, 3, 3N) in bohr^2 from gradients in fields.

    With E(x, F) = E - mu F - F alpha F / 2, the gradient g(F) = dE/dx gives d mu_i/dx = -dg/dF_i and
    d alpha_ij/dx = -d^2 g/dF_i dF_j by central differences: 13 gradients, or 25 with Richardson extrapolation to
    the fourth order in the field (steps F and 2F).

    Parameters
    ----------
    gradient_in_field : callable
        From a field (3,) in Eh/(e bohr) to the gradient (3N,) in Eh/bohr.
    field_au : float
        Step in Eh/(e bohr).

    Examples
    --------
    >>> linear, square = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    >>> dipole, polarizability = field_derivatives(lambda f: -f[0] * linear - f[0] * f[1] * square)
    >>> dipole[0].round(6).tolist(), polarizability[0, 1].round(6).tolist()
    ([1.0, 2.0], [3.0, -1.0])
    """
    centre = gradient_in_field(np.zeros(3))
    dipole, polarizability = _central_field_differences(gradient_in_field, centre, field_au)
    if richardson:
        wide_dipole, wide_polarizability = _central_field_differences(gradient_in_field, centre, 2 * field_au)
        dipole = (4 * dipole - wide_dipole) / 3
        polarizability = (4 * polarizability - wide_polarizability) / 3
    return dipole, polarizability


def _central_field_differences(
    gradient_in_field: Callable[[NDArrayFloat], NDArrayFloat], centre: NDArrayFloat, step: float
) -> tuple[NDArrayFloat, NDArrayFloat]:
    axes = np.eye(3)
    plus = np.array([gradient_in_field(step * axis) for axis in axes])
    minus = np.array([gradient_in_field(-step * axis) for axis in axes])
    dipole = -(plus - minus) / (2 * step)
    even = plus + minus - 2 * centre
    polarizability = np.empty((3, 3, len(centre)))
    for i in range(3):
        polarizability[i, i] = -even[i] / step**2
    for i, j in combinations(range(3), 2):
        both = step * (axes[i] + axes[j])
        mixed = gradient_in_field(both) + gradient_in_field(-both) - 2 * centre - even[i] - even[j]
        polarizability[i, j] = polarizability[j, i] = -mixed / (2 * step**2)
    return dipole, polarizability


def xtb_response(
    molecule: Molecule,
    method: str = "GFN2-xTB",
    *,
    optimize: bool = True,
    charge: int = 0,
    unpaired_electrons: int = 0,
    derivatives: bool = True,
    allow_rebonding: bool = False,
    max_gradient: float = 3e-5,
    step_bohr: float = 0.005,
    field_au: float = 1e-3,
    richardson: bool = False,
    on_done: Callable[[int, int], None] | None = None,
) -> HarmonicResponse:
    """Hessian, dipole and polarizability derivatives of a molecule by GFN1- or GFN2-xTB.

    Parameters
    ----------
    molecule : Molecule
    method : str
        "GFN2-xTB" or "GFN1-xTB".
    optimize : bool
        Optimise the geometry first, keeping its symmetry; otherwise it is taken as it stands (exactly symmetrised).
        Either way only symmetry-unique displacements are computed.
    charge, unpaired_electrons : int
    derivatives : bool
        False leaves the dipole and polarizability derivatives out.
    allow_rebonding : bool
        Accept an optimised geometry with other bonds than the one given (then provenance says so).
    max_gradient : float
        Convergence of the optimisation, largest component in Eh/bohr.
    step_bohr, field_au : float
        Displacements of the Hessian's central differences, and of the electric field.
    richardson : bool
        25 instead of 13 gradients in fields.
    on_done : callable, optional
        Called with (displaced geometries done, all).

    Raises
    ------
    EngineError
        No convergence, other bonds after the optimisation, unknown method, impossible charge.
    MissingPackageError
        tblite (the extra qm) is not installed.

    Notes
    -----
    Hessian from central differences of gradients at accuracy 1e-3, field derivatives at 1e-4. Overall translations
    and rotations are projected out of all three, and all are averaged over the group. Cost: about 6N + 13 gradients
    without symmetry, each O(N^3).
    """
    surface = XtbSurface(molecule, method, charge=charge, unpaired_electrons=unpaired_electrons)

    def tensors(at: Molecule) -> dict[str, NDArrayFloat]:
        positions = at.positions / BOHR_ANGSTROM

        def in_field(field: NDArrayFloat) -> NDArrayFloat:
            bent = XtbSurface(
                at,
                method,
                charge=charge,
                unpaired_electrons=unpaired_electrons,
                accuracy=_FIELD_ACCURACY,
                field=field,
            ).result(positions)
            # The dipole rides along: its derivatives with respect to the field are the polarizability.
            return np.concatenate([np.ravel(bent.get("gradient")), -bent.get("dipole")])

        found = {"dipole": np.array(surface.result(positions).get("dipole"))}
        if derivatives:
            first, second = field_derivatives(in_field, field_au, richardson)
            found["dipole_derivatives"] = first[:, :-3]
            found["polarizability_derivatives"] = second[..., :-3]
            found["polarizability"] = (first[:, -3:] + first[:, -3:].T) / 2
        return found

    return response_of_program(
        molecule,
        surface,
        optimize=optimize,
        max_gradient=max_gradient,
        step_bohr=step_bohr,
        method=method,
        provenance={
            "engine": "xtb",
            "program": tblite_version(),
            "field_au": field_au,
            "richardson": richardson,
            "hessian_accuracy": _HESSIAN_ACCURACY,
            "field_accuracy": _FIELD_ACCURACY,
            "charge": charge,
            "unpaired_electrons": unpaired_electrons,
        },
        charge=charge,
        allow_rebonding=allow_rebonding,
        tensors=tensors,
        on_done=on_done,
    )
