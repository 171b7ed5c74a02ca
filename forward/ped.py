"""Potential energy distribution: which internal coordinates carry the energy of each normal mode, and words for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat

__all__ = ["EnergyDistribution", "coordinate_groups", "energy_distribution"]

# |lambda| below this, mdyn/(A u), is a motion without potential energy (1 cm-1 is 6e-7): no PED.
_NO_POTENTIAL = 1e-9
# Additive covalent radii in pm for single, double and triple bonds: P. Pyykko and M. Atsumi, Chem. Eur. J. 15, 12770
# (2009), table 2; only elements that form multiple bonds in ordinary molecules.
_RADII_PM = {5: (85, 78, 73), 6: (75, 67, 60), 7: (71, 60, 54), 8: (63, 57, 53)} | {
    14: (116, 107, 102),
    15: (111, 102, 94),
    16: (103, 94, 95),
}
_VALENCE = {5: 3, 6: 4, 7: 3, 8: 2, 14: 4, 15: 5, 16: 6}
_MARGIN = 0.25  # of the step to the next longer order: aromatic C-C (1.39 A) stays "C-C", ethylene (1.33 A) is "C=C"
_SIGNS = {1: "-", 2: "=", 3: "#"}
_PERIOD_ENDS = (2, 10, 18, 36, 54, 86)


@dataclass(frozen=True, eq=False)
class EnergyDistribution:
    """How the energy of each normal mode is distributed over internal coordinates.

    Attributes
    ----------
    total : masked ndarray (d, n_q)
        ``L_ik (F L)_ik / lambda_k``: the diagonal term and half of each cross term; every row sums to 1. Entries can be
        negative or exceed 1 where force constants couple. Masked for modes without potential energy.
    diagonal : masked ndarray (d, n_q)
        ``L_ik^2 F_ii / lambda_k`` alone, which does not sum to 1.
    kinetic : ndarray (d, n_q)
        ``L_ik (G^+ L)_ik``; every row sums to 1, and it is defined for every mode.

    Notes
    -----
    Y. Morino and K. Kuchitsu, J. Chem. Phys. 20, 1809 (1952); I. Alfheim, G. Hagen, S. J. Cyvin, J. Mol. Struct. 8, 159
    (1971) for the kinetic energy. In a redundant set F is not unique and neither is the distribution: it belongs to
    the F given (of a Cartesian Hessian: that of smallest norm). In a degenerate set the rows depend on the choice of
    partners; their sum does not.
    """

    total: Any
    diagonal: Any
    kinetic: NDArrayFloat


def energy_distribution(
    modes: NDArrayFloat, force_constants: NDArrayFloat, momenta: NDArrayFloat, eigenvalues: NDArrayFloat
) -> EnergyDistribution:
    """The distribution for L (n_q, d), F (n_q, n_q), G^+ L (n_q, d) and lambda (d,) in mdyn/(A u)."""
    defined = np.abs(eigenvalues) > _NO_POTENTIAL
    scale = np.divide(1.0, eigenvalues, out=np.zeros_like(eigenvalues), where=defined)
    mask = np.repeat(~defined[:, None], len(modes), axis=1)
    total = (modes * (force_constants @ modes) * scale).T
    diagonal = (modes**2 * np.diag(force_constants)[:, None] * scale).T
    kinetic = (modes * momenta).T
    for array in (total, diagonal, kinetic):
        array.setflags(write=False)
    return EnergyDistribution(np.ma.array(total, mask=mask), np.ma.array(diagonal, mask=mask), kinetic)


def coordinate_groups(molecule: Molecule, internals: Sequence[Any]) -> tuple[str, ...]:
    """For each internal coordinate the group it is summed in, in words: "C=O stretch", "H-C-H bend", ... (n_q,).

    Coordinates with the same kind and the same chain of elements are one group (so all C-H stretches are, equivalent by
    symmetry or not); stretches are told apart by bond order.

    Notes
    -----
    The order of a bond is read from its length with the additive radii of Pyykko and Atsumi: "=" ("#") only where the
    bond is no longer than the double (triple) bond plus a quarter of the step to the next lower order, and where the
    normal valences of both atoms leave room beside their other neighbours. Everything else is written "-", which
    so means "single, or not known".

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> formaldehyde = Molecule.from_arrays(
    ...     [6, 8, 1, 1], [[0, 0, 0], [0, 0, 1.21], [0, 0.94, -0.59], [0, -0.94, -0.59]]
    ... )
    >>> kinds = [("stretch", (1, 0)), ("stretch", (0, 2)), ("bend", (2, 0, 3)), ("bend", (3, 0, 1))]
    >>> coordinate_groups(formaldehyde, [SimpleNamespace(kind=kind, atoms=atoms) for kind, atoms in kinds])
    ('C=O stretch', 'C-H stretch', 'H-C-H bend', 'O-C-H bend')
    """
    neighbours = np.bincount(molecule.bonds().ravel(), minlength=len(molecule))
    return tuple(_words(molecule, neighbours, coordinate) for coordinate in internals)


def _words(molecule: Molecule, neighbours: Any, coordinate: Any) -> str:
    atoms = tuple(coordinate.atoms)
    if coordinate.kind == "stretch":
        first, second = sorted(atoms, key=lambda a: _stretch_key(int(molecule.numbers[a])))
        sign = _SIGNS[_bond_order(molecule, neighbours, first, second)]
        return f"{molecule.symbols[first]}{sign}{molecule.symbols[second]} stretch"
    if coordinate.kind == "out_of_plane":
        return f"{molecule.symbols[atoms[1]]} out-of-plane bend"
    heavy_first = max(atoms, atoms[::-1], key=lambda chain: [int(molecule.numbers[a]) for a in chain])
    chain = "-".join(molecule.symbols[a] for a in heavy_first)
    return f"{chain} {coordinate.kind.replace('_', ' ')}"


def _stretch_key(number: int) -> tuple[int, int, int]:
    """C first and H last as in spoken usage; otherwise the higher period, then the lower atomic number: S=O, N-O."""
    period = sum(number > end for end in _PERIOD_ENDS)
    return {6: 0, 1: 2}.get(number, 1), -period, number


def _bond_order(molecule: Molecule, neighbours: Any, i: int, j: int) -> int:
    pair = [int(molecule.numbers[a]) for a in (i, j)]
    if any(number not in _RADII_PM for number in pair):
        return 1
    room = min(_VALENCE[number] - (int(neighbours[a]) - 1) for number, a in zip(pair, (i, j), strict=True))
    length = 100 * float(np.linalg.norm(molecule.positions[i] - molecule.positions[j]))
    sums = [sum(_RADII_PM[number][order] for number in pair) for order in range(3)]
    for order in (3, 2):
        shorter, longer = sums[order - 1], sums[order - 2]
        if order <= room and length <= shorter + _MARGIN * abs(longer - shorter):
            return order
    return 1
