"""Rotor types from moments of inertia and symmetry."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .molecule import Molecule
from .schoenflies import PointGroup

_EQUAL = 1e-3  # relative difference of two moments below which a top is called symmetric or spherical


@dataclass(frozen=True)
class Rotor:
    """How a rigid molecule rotates.

    Attributes
    ----------
    kind : str
        "atom", "linear", "spherical top", "prolate symmetric top", "oblate symmetric top" or "asymmetric top".
    moments_u_angstrom2 : tuple of 3 floats
        Principal moments of inertia, ascending, about the centre of mass.
    accidental : bool
        The moments are equal (within 0.1 %) although the point group does not require it.
    """

    kind: str
    moments_u_angstrom2: tuple[float, float, float]
    accidental: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain data (JSON types)."""
        return asdict(self) | {"moments_u_angstrom2": list(self.moments_u_angstrom2)}


def rotor_of(molecule: Molecule, group: PointGroup) -> Rotor:
    """The rotor type of ``molecule``, whose point group is ``group``."""
    masses = molecule.masses
    centred = molecule.positions - molecule.center_of_mass
    second = np.einsum("a,ai,aj->ij", masses, centred, centred)
    a, b, c = np.maximum(np.linalg.eigvalsh(np.trace(second) * np.eye(3) - second), 0.0)
    moments = (float(a), float(b), float(c))
    if group.label == "Kh":
        return Rotor("atom", moments, False)
    if group.is_linear:
        return Rotor("linear", moments, False)
    if group.is_cubic:
        return Rotor("spherical top", moments, False)
    low, high = (b - a) <= _EQUAL * c, (c - b) <= _EQUAL * c
    # An axis of order three or more makes two moments equal; so does the S4 of S4 and D2d.
    required = group.n >= 3 or group.label == "D2d"
    if low and high:
        return Rotor("spherical top", moments, True)
    if required:
        return Rotor("oblate symmetric top" if (b - a) < (c - b) else "prolate symmetric top", moments, False)
    if low or high:
        return Rotor("oblate symmetric top" if low else "prolate symmetric top", moments, True)
    return Rotor("asymmetric top", moments, False)
