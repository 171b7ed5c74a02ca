"""Is it a molecule, in angstrom? Lengths of bonds beside the sums of covalent radii."""

import numpy as np

from ..constants import BOHR_ANGSTROM
from ..errors import ForceFieldError
from ..groups.elements import covalent_radii_angstrom
from ..groups.molecule import Molecule

__all__ = ["unusual_bonds"]

_SHORTEST_EXCESS = -0.35  # relative to the sum of covalent radii; shorter, two nuclei are too close for any bond
_NOBLE_GASES = (2, 10, 18, 36, 54, 86)


def unusual_bonds(molecule: Molecule, largest_excess: float) -> tuple[str, ...]:
    """Bonds whose length differs from the sum of covalent radii by more than a share of it, in words.

    Raises
    ------
    ForceFieldError
        An atom bonded to nothing, or a bond shorter than any: another unit, or no structure of a molecule.
    """
    bonds = molecule.bonds().reshape(-1, 2)
    alone = np.bincount(bonds.ravel(), minlength=len(molecule)) == 0
    alone &= ~np.isin(molecule.numbers, _NOBLE_GASES)
    names = [f"{symbol}{k}" for k, symbol in enumerate(molecule.symbols, start=1)]
    advice = "compute a Hessian instead: harmonic_response, or --engine xtb."
    if alone.any() and len(molecule) > 1:
        first = int(np.flatnonzero(alone)[0])
        distances = np.linalg.norm(molecule.positions - molecule.positions[first], axis=1)
        distances[first] = np.inf
        nearest = int(distances.argmin())
        raise ForceFieldError(
            f"{names[first]} is bonded to nothing: the nearest atom, {names[nearest]}, is {distances[nearest]:.3f} "
            f"angstrom away. If the positions are in bohr, multiply them by {BOHR_ANGSTROM:.6f}; otherwise {advice}"
        )
    radii = covalent_radii_angstrom()[molecule.numbers][bonds].sum(axis=1)
    lengths = np.linalg.norm(molecule.positions[bonds[:, 0]] - molecule.positions[bonds[:, 1]], axis=1)
    excess = lengths / radii - 1
    if len(bonds) and excess.min() < _SHORTEST_EXCESS:
        worst = int(excess.argmin())
        raise ForceFieldError(
            f"{names[bonds[worst, 0]]} and {names[bonds[worst, 1]]} are {lengths[worst]:.3f} angstrom apart, and bonds "
            f"of these elements are about {radii[worst]:.2f}: the geometry is in another unit, or no molecule's. "
            f"Correct it, or {advice}"
        )
    odd = np.abs(excess) > largest_excess
    return tuple(
        f"r({names[a]}-{names[b]}) = {length:.3f} A" for (a, b), length in zip(bonds[odd], lengths[odd], strict=True)
    )
