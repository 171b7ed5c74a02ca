"""Small helpers for tests."""

import numpy as np
from symvib.groups.elements import parse_symbol
from symvib.groups.molecule import Molecule


def molecule_of(symbols, positions):
    """Molecule from element symbols (no isotopes) and positions (angstrom)."""
    numbers = [parse_symbol(s)[0] for s in symbols]
    return Molecule.from_arrays(numbers, np.asarray(positions, dtype=float))
