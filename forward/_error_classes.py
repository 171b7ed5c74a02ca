"""Classes of molecules for which the error of the transferable force field was measured one by one."""

import numpy as np

from ..groups.elements import covalent_radii_angstrom
from ..groups.molecule import Molecule

__all__ = ["CLASSES", "error_classes"]

_SMALL = 4  # atoms
_ORGANIC = frozenset(("H", "C", "N", "O", "F"))
_STRAIGHT_COSINE = -0.985  # 170 degrees
_SHORT = -0.12  # excess over the sum of covalent radii: C=O of CO2 -0.18, C=C of allene -0.14, C-C of butadiyne -0.10

CLASSES = {
    "cumulated": "with cumulated double bonds (O=C=O)",
    "estimated": "with constants that are estimated, not fitted",
    "small": f"of 3 or {_SMALL} atoms",
    "inorganic": "with other elements than H, C, N, O and F",
    "organic": "of H, C, N, O and F only",
}


def error_classes(molecule: Molecule, estimated: bool) -> frozenset[str]:
    """Names of the classes that a molecule belongs to; ``estimated``: some of its constants are not in the table."""
    organic = set(molecule.symbols) <= _ORGANIC
    found = {
        "cumulated": has_cumulated_bonds(molecule),
        "estimated": estimated,
        "small": len(molecule) <= _SMALL,
        "inorganic": not organic,
        "organic": organic,
    }
    return frozenset(name for name, belongs in found.items() if belongs)


def has_cumulated_bonds(molecule: Molecule) -> bool:
    """Is there an atom with two neighbours in a line with it, both at the distance of a double bond?

    Examples
    --------
    >>> places = [[0.0, 0.0, -1.16], [0.0, 0.0, 0.0], [0.0, 0.0, 1.16]]
    >>> has_cumulated_bonds(Molecule.from_arrays(["O", "C", "O"], places))
    True
    >>> has_cumulated_bonds(Molecule.from_arrays(["H", "C", "N"], [[0, 0, -1.07], [0, 0, 0], [0, 0, 1.15]]))
    False
    """
    bonds = molecule.bonds().reshape(-1, 2)
    radii = covalent_radii_angstrom()[molecule.numbers]
    for centre in np.flatnonzero(np.bincount(bonds.ravel(), minlength=len(molecule)) == 2):
        ends = bonds[(bonds == centre).any(axis=1)]
        others = ends[ends != centre]
        arms = molecule.positions[others] - molecule.positions[centre]
        lengths = np.linalg.norm(arms, axis=1)
        short = lengths / (radii[centre] + radii[others]) - 1 < _SHORT
        if short.all() and arms[0] @ arms[1] / lengths.prod() < _STRAIGHT_COSINE:
            return True
    return False
