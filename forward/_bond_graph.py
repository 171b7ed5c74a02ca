"""Which atoms are joined: the bonds of a molecule, contacts between its fragments, and what follows from a graph."""

from itertools import combinations

import numpy as np

from ..errors import CoordinateError
from ..groups.elements import covalent_radii_angstrom
from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat, NDArrayInt
from ._coordinate_symmetry import NuclearFrame, canonical, closed

__all__ = ["LINEAR_ANGLE_DEGREES", "connected_bonds", "graph_coordinates", "next_contacts", "read_bonds"]

# From this angle on a bond angle is treated as linear: 1/sin > 11.5 makes bends and torsions ill-conditioned.
LINEAR_ANGLE_DEGREES = 175.0

# A centre is planar when its bonds stand out of the best plane through it by less than this (root mean square).
# NH3: 22, C60: 11.6; there the bends alone do.
_PLANAR_CENTRE_DEGREES = 10.0

# Sine of the angle between a bond and a plane from which their out-of-plane angle is not used.
_UPRIGHT = 0.94

# More bonds than this at an atom (metals, clusters): torsions about its bonds only where the set is else incomplete.
_TETRAVALENT = 4

Candidates = dict[str, NDArrayInt]


def read_bonds(bonds: object, n_atoms: int) -> NDArrayInt:
    """Bonds (n, 2) given by the user, checked; each once, i < j."""
    read = np.asarray(bonds)
    if read.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    if read.ndim != 2 or read.shape[1] != 2 or not np.issubdtype(read.dtype, np.integer):
        raise CoordinateError(f"bonds have the shape {read.shape} and type {read.dtype}; pairs of atom indices needed.")
    if read.min() < 0 or read.max() >= n_atoms or (read[:, 0] == read[:, 1]).any():
        raise CoordinateError(f"bonds must join two different atoms of 0..{n_atoms - 1}; got {read.tolist()}.")
    return np.unique(np.sort(read, axis=1), axis=0)


def connected_bonds(bonds: NDArrayInt, molecule: Molecule, frame: NuclearFrame) -> NDArrayInt:
    """Bonds (n, 2), closed under symmetry, and contacts until the whole is connected.

    The contact added is that of two fragments with the smallest distance beyond the covalent radii, together with all
    contacts equivalent to it.
    """
    if len(bonds):
        bonds = closed("stretch", bonds, frame.permutations)
    while True:
        fragment = _fragments(bonds, len(molecule))
        if not fragment.any():
            return bonds
        added = next_contacts(bonds, molecule, frame, fragment)
        assert len(added)
        bonds = np.unique(np.vstack([bonds, added]), axis=0)


def next_contacts(
    bonds: NDArrayInt, molecule: Molecule, frame: NuclearFrame, fragment: NDArrayInt | None = None
) -> NDArrayInt:
    """The closest pair of atoms not joined yet, with its equivalents (n, 2); empty when all pairs are.

    With ``fragment`` (N,), labels of fragments, only pairs of different ones count.
    """
    radii = covalent_radii_angstrom()[molecule.numbers]
    x = frame.positions
    gap = np.linalg.norm(x[:, None] - x, axis=2) - radii[:, None] - radii
    gap[np.tril_indices(len(x))] = np.inf
    gap[bonds[:, 0], bonds[:, 1]] = np.inf
    if fragment is not None:
        gap[fragment[:, None] == fragment] = np.inf
    closest = np.unravel_index(np.argmin(gap), gap.shape)
    if not np.isfinite(gap[closest]):
        return np.empty((0, 2), dtype=np.int64)
    return closed("stretch", np.array([closest]), frame.permutations)


def _fragments(bonds: NDArrayInt, n_atoms: int) -> NDArrayInt:
    """Label (N,) of the connected component of each atom: its first atom."""
    label = np.arange(n_atoms)
    while True:
        least = label.copy()
        np.minimum.at(least, bonds[:, 0], label[bonds[:, 1]])
        np.minimum.at(least, bonds[:, 1], label[bonds[:, 0]])
        least = least[least]  # halves the way to the first atom
        if (least == label).all():
            return label
        label = least


# ---- coordinates of a graph -------------------------------------------------------------------------------------


def graph_coordinates(bonds: NDArrayInt, frame: NuclearFrame, all_torsions: bool = False) -> Candidates:
    """Atoms (n, k) of the coordinates of each kind that a bond graph has, closed under symmetry, canonical, sorted.

    Stretches: all bonds. Bends: all pairs of bonds at an atom up to 175 degrees. Linear bends: beyond, at atoms with
    two bonds (at atoms with more, the other angles do). Torsions: all about each bond, across linear chains with
    the substituents at their ends; about bonds of an atom with more than four only if ``all_torsions``.
    Out-of-plane: every bond of a planar centre against every pair of its others whose plane it lies near.
    """
    neighbours: list[list[int]] = [[] for _ in frame.positions]
    for i, j in bonds.tolist():
        neighbours[i].append(j)
        neighbours[j].append(i)
    angles = _Angles(frame.positions)
    found: dict[str, list[tuple[int, ...]]] = {"stretch": [tuple(b) for b in bonds.tolist()]}
    found["bend"], found["linear_bend"] = _bends(neighbours, angles)
    found["out_of_plane"] = _out_of_planes(neighbours, angles)
    linear = {centre for _, centre, _ in found["linear_bend"] if len(neighbours[centre]) == 2}
    found["torsion"] = _torsions(neighbours, angles, linear, all_torsions)
    return {
        kind: closed(kind, canonical(kind, np.array(atoms)), frame.permutations)
        for kind, atoms in found.items()
        if atoms
    }


class _Angles:
    """Unit vectors between all atoms, and whether three atoms are on a line."""

    def __init__(self, positions: NDArrayFloat) -> None:
        between = positions[None] - positions[:, None]
        length = np.linalg.norm(between, axis=2)
        np.fill_diagonal(length, 1.0)
        self.units = between / length[..., None]  # [i, j] from i to j
        self._limit = np.cos(np.radians(LINEAR_ANGLE_DEGREES))

    def straight(self, a: int, b: int, c: int) -> bool:
        """Is the angle at b beyond 175 degrees?"""
        return float(self.units[b, a] @ self.units[b, c]) < self._limit

    def on_a_line(self, a: int, b: int, c: int) -> bool:
        """Is the angle at b beyond 175, or below 5 degrees?"""
        return abs(float(self.units[b, a] @ self.units[b, c])) > -self._limit

    def lies_near(self, end: int, centre: int, a: int, b: int) -> bool:
        """Do a, b and the centre span a plane, and is the bond to ``end`` within 70 degrees of it?

        At a T-shaped centre that is folded a little, the plane of the bar stands upright on the third bond.
        """
        if self.on_a_line(a, centre, b):
            return False
        normal = np.cross(self.units[centre, a], self.units[centre, b])
        height = float(self.units[centre, end] @ normal) / float(np.linalg.norm(normal))
        return abs(height) < _UPRIGHT


def _bends(neighbours: list[list[int]], angles: _Angles) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    bends, linear = [], []
    for centre, around in enumerate(neighbours):
        for a, c in combinations(around, 2):
            if not angles.on_a_line(a, centre, c):
                bends.append((a, centre, c))
            elif angles.straight(a, centre, c) and all(angles.on_a_line(a, centre, b) for b in around if b != a):
                linear.append((a, centre, c))
    return bends, linear


def _out_of_planes(neighbours: list[list[int]], angles: _Angles) -> list[tuple[int, ...]]:
    limit = np.sin(np.radians(_PLANAR_CENTRE_DEGREES))
    found = []
    for centre, around in enumerate(neighbours):
        if len(around) < 3 or np.linalg.svd(angles.units[centre, around])[1][2] > limit * len(around) ** 0.5:
            continue
        for end in around:
            others = [atom for atom in around if atom != end]
            found += [(end, centre, a, b) for a, b in combinations(others, 2) if angles.lies_near(end, centre, a, b)]
    return found


def _torsions(
    neighbours: list[list[int]], angles: _Angles, linear: set[int], all_torsions: bool
) -> list[tuple[int, ...]]:
    found = []
    for b, around in enumerate(neighbours):
        if b in linear or (len(around) > _TETRAVALENT and not all_torsions):
            continue
        for first in around:
            previous, c = _end_of_chain(b, first, neighbours, linear)
            if c <= b or c in linear or (len(neighbours[c]) > _TETRAVALENT and not all_torsions):
                continue
            heads = [a for a in around if a not in (first, c) and not angles.on_a_line(a, b, c)]
            tails = [d for d in neighbours[c] if d not in (previous, b) and not angles.on_a_line(b, c, d)]
            found += [(a, b, c, d) for a in heads for d in tails if a != d]
    return found


def _end_of_chain(start: int, first: int, neighbours: list[list[int]], linear: set[int]) -> tuple[int, int]:
    """Last atom before, and atom at the end of the linear chain that leaves ``start`` by ``first``."""
    previous, here = start, first
    while here in linear and here != start:
        one, other = neighbours[here]
        previous, here = here, (other if one == previous else one)
    return previous, here
