"""Isotopologues from a stored response: other masses, same Hessian and derivatives, no new electronic structure.

Born-Oppenheimer: energy, dipole moment and polarizability are functions of the nuclear positions alone, so the
Cartesian Hessian and derivatives in a space-fixed frame do not depend on the masses. Normal modes from them, with
translations and rotations of the new Eckart frame projected out, have the right intensities without further ado.

Derivatives with respect to INTERNAL coordinates are another matter. The Cartesian displacement that belongs to a change
of an internal coordinate is fixed by the Eckart conditions, hence by the masses; in two isotopologues it differs by a
rigid rotation (and translation), which turns the permanent dipole and the polarizability. `transferred_derivatives`
applies this rotational correction: B. L. Crawford, J. Chem. Phys. 20, 977 (1952); W. B. Person, J. H. Newton, J. Chem.
Phys. 61, 1040 (1974).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import CoordinateError, MoleculeError
from ..groups._rigid import rigid_displacements, rotation_axes
from ..groups.elements import parse_symbol
from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat
from .force_constants import internal_displacements
from .response import HarmonicResponse

__all__ = [
    "eckart_conditions",
    "internal_derivatives",
    "internal_displacements",
    "isotopologue",
    "rigid_derivatives",
    "rigid_dipole_derivatives",
    "rigid_displacements",
    "transferred_derivatives",
]


def isotopologue(
    response: HarmonicResponse,
    mass_numbers: Mapping[int | str, int] | Any = None,
    *,
    masses: Any = None,
) -> HarmonicResponse:
    """The response of the same molecule with other isotopes: another `Molecule`, the same derivatives.

    Its symmetry is that of the nuclides: atoms of different mass are not exchanged by any operation that
    `detect_point_group` finds.

    Parameters
    ----------
    response : HarmonicResponse
    mass_numbers : dict or array (N,) of int
        {atom index from 0, or element symbol for all its atoms: mass number}, or one per atom; 0 is the main isotope.
    masses : array (N,), optional
        In u, instead of mass numbers.

    Raises
    ------
    MoleculeError
        Neither or both given, an unknown isotope, an atom or element that the molecule has not.

    Examples
    --------
    >>> import symvib as sv
    >>> hydrogen = sv.Molecule.from_arrays([1, 1], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.741]])
    >>> spring = 0.37 * np.kron([[1, -1], [-1, 1]], np.diag([0.0, 0.0, 1.0]))
    >>> isotopologue(HarmonicResponse(hydrogen, spring), {0: 2})
    HarmonicResponse(HD, method not stated)
    """
    old = response.molecule
    if (mass_numbers is None) == (masses is None):
        raise MoleculeError("isotopologue: give mass_numbers or masses (one of the two).")
    if masses is not None:
        new = Molecule.from_dict({**old.as_dict(), "masses": masses, "mass_numbers": None})
    elif isinstance(mass_numbers, Mapping):
        new = old.with_isotopes(_by_atom(old, mass_numbers))
    else:
        new = Molecule.from_dict({**old.as_dict(), "masses": None, "mass_numbers": mass_numbers})
    return replace(response, molecule=new)


def _by_atom(molecule: Molecule, mass_numbers: Mapping[int | str, int]) -> dict[int, int]:
    by_atom: dict[int, int] = {}
    for key, mass_number in mass_numbers.items():
        if isinstance(mass_number, str) or isinstance(key, str) != (not isinstance(key, int | np.integer)):
            raise MoleculeError(
                f"isotopologue(..., {{{key!r}: {mass_number!r}}}): give atom indices or element symbols and mass "
                'numbers, as {"H": 2} for deuterium.'
            )
    for key, mass_number in mass_numbers.items():
        if isinstance(key, str):
            atoms = np.flatnonzero(molecule.numbers == parse_symbol(key)[0])
            if not len(atoms):
                raise MoleculeError(f"isotopologue: {molecule!r} has no {key}.")
            by_atom |= dict.fromkeys(map(int, atoms), mass_number)
    return by_atom | {int(key): number for key, number in mass_numbers.items() if not isinstance(key, str)}


def rigid_derivatives(derivatives: NDArrayFloat, positions: NDArrayFloat) -> NDArrayFloat:
    """Derivatives (..., 6) along `rigid_displacements`, from Cartesian ones (..., 3N): what the sum rules govern."""
    return derivatives @ rigid_displacements(positions)


def rigid_dipole_derivatives(positions: NDArrayFloat, dipole: Any, charge: float = 0.0) -> NDArrayFloat:
    """The same (3, 6) for the dipole moment, from its value and the charge: (q 1, n x mu).

    ``dipole`` (3,) about the frame's origin in e angstrom (for positions in angstrom).
    """
    turned = np.cross(rotation_axes(positions), np.asarray(dipole, dtype=float)).reshape(-1, 3)
    return np.hstack([charge * np.eye(3), turned.T])


def eckart_conditions(positions: NDArrayFloat, masses: NDArrayFloat) -> NDArrayFloat:
    """W (6, 3N) such that ``S W x`` is the rigid motion in a Cartesian displacement x: W = (S^T M S)^-1 S^T M."""
    rigid = rigid_displacements(positions)
    weights = np.repeat(np.asarray(masses, dtype=float), 3)
    weighted = weights[:, None] * rigid
    return np.asarray(np.linalg.solve(rigid.T @ weighted, weighted.T), dtype=float)


def internal_derivatives(response: HarmonicResponse, b_matrix: Any, masses: Any = None) -> NDArrayFloat:
    """Dipole derivatives (3, n_q) with respect to internal coordinates, P A, in the Eckart frame of ``masses``.

    Parameters
    ----------
    response : HarmonicResponse
        With dipole derivatives.
    b_matrix : array (n_q, 3N)
        dq/dx for x in angstrom: then e per angstrom of a stretch times angstrom, i.e. e for stretches, e angstrom/rad
        for angles.
    masses : array (N,), optional
        u; default: the response's.

    Raises
    ------
    CoordinateError
        No dipole derivatives, or a B matrix of another molecule.
    """
    if response.dipole_derivatives is None:
        raise CoordinateError(f"internal_derivatives: {response!r} has no dipole derivatives.")
    masses = response.molecule.masses if masses is None else masses
    return response.dipole_derivatives @ internal_displacements(b_matrix, masses)


def transferred_derivatives(
    derivatives: Any,
    b_matrix: Any,
    positions: Any,
    masses: Any,
    new_masses: Any,
    rigid: Any,
) -> NDArrayFloat:
    """Derivatives (..., n_q) of another isotopologue from those of one: with the rotational correction.

    d/dq' = d/dq - (rigid) W' A: the displacements A of the old Eckart frame, turned by ``-W' A`` into the new one.

    Parameters
    ----------
    derivatives : array (..., n_q)
        Of a tensor with respect to internal coordinates, in the Eckart frame of ``masses``.
    b_matrix : array (n_q, 3N)
    positions : array (N, 3)
        Angstrom.
    masses, new_masses : array (N,)
        u.
    rigid : array (..., 6)
        Derivatives of the tensor along `rigid_displacements`: for the dipole moment `rigid_dipole_derivatives`.

    Examples
    --------
    A nonpolar, neutral molecule needs no correction, whatever the masses:

    >>> b, line = np.array([[0.0, 0.0, -1.0, 0.0, 0.0, 1.0]]), np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.1]])
    >>> rigid = rigid_dipole_derivatives(line, [0.0, 0.0, 0.0])
    >>> transferred_derivatives([[0.0], [0.0], [0.5]], b, line, [12.0, 16.0], [13.0, 18.0], rigid).ravel().tolist()
    [0.0, 0.0, 0.5]
    """
    positions = np.asarray(positions, dtype=float)
    turned = eckart_conditions(positions, np.asarray(new_masses)) @ internal_displacements(b_matrix, masses)
    return np.asarray(derivatives, dtype=float) - np.asarray(rigid, dtype=float) @ turned
