"""Valence force fields: diagonal, with neighbour interactions, and Urey-Bradley; equivalent constants are equal."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import ForceFieldError
from ..groups.operations import NDArrayFloat, NDArrayInt
from ._equivalence import coordinate_images, invariant_forms
from .force_field import LinearForceField, as_symmetry_coordinates
from .ped import coordinate_groups
from .symmetry_coordinates import SymmetryCoordinates

__all__ = ["INTERACTIONS", "DiagonalForceField", "UreyBradleyForceField", "ValenceForceField"]


@dataclass(frozen=True, eq=False)
class DiagonalForceField(LinearForceField):
    """One force constant for each set of equivalent internal coordinates, and no interactions.

    The two linear bends on the same three atoms share one constant where a rotation about their line is a symmetry.

    Examples
    --------
    >>> import symvib as sv
    >>> water = sv.Molecule.from_arrays([8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.471], [0, -0.757, -0.471]])
    >>> field = DiagonalForceField.of(water).with_parameters([8.4, 0.7])
    >>> print(field.tabulate())
           8.40000  O-H stretch: r(O1-H2), 2 equivalent
           0.70000  H-O-H bend: a(H2-O1-H3)
    """

    @classmethod
    def of(cls, molecule: Any, internals: Any | None = None) -> "DiagonalForceField":
        """The model with all constants zero; arguments as for `symmetry_coordinates`, whose result is taken, too."""
        coordinates = as_symmetry_coordinates(molecule, internals)
        diagonal = np.repeat(np.arange(len(coordinates.internals))[:, None], 2, axis=1)
        return cls(*_parameters(coordinates, diagonal))


def _share_atom(first: Any, second: Any) -> bool:
    return bool(set(first.atoms) & set(second.atoms))


def _side_of_angle(stretch: Any, bend: Any) -> bool:
    a, b, c = bend.atoms
    return set(stretch.atoms) in ({a, b}, {b, c})


def _share_bond(first: Any, second: Any) -> bool:
    return bool(_bonds(first) & _bonds(second))


def _share_bond_or_apex(first: Any, second: Any) -> bool:
    return first.atoms[1] == second.atoms[1] or _share_bond(first, second)


def _same_central_bond(first: Any, second: Any) -> bool:
    return set(first.atoms[1:3]) == set(second.atoms[1:3])


def _central_bond(stretch: Any, torsion: Any) -> bool:
    return set(stretch.atoms) == set(torsion.atoms[1:3])


def _same_centre(first: Any, second: Any) -> bool:
    return first.atoms[1] == second.atoms[1]


def _bonds(coordinate: Any) -> set[frozenset[int]]:
    atoms = coordinate.atoms
    return {frozenset(pair) for pair in pairwise(atoms)}


# Which neighbours interact. Linear bends count as bends.
INTERACTIONS: dict[str, tuple[str, str, Callable[[Any, Any], bool]]] = {
    "stretch-stretch": ("stretch", "stretch", _share_atom),
    "stretch-bend": ("stretch", "bend", _side_of_angle),
    "bend-bend": ("bend", "bend", _share_bond_or_apex),
    "stretch-torsion": ("stretch", "torsion", _central_bond),
    "bend-torsion": ("bend", "torsion", _share_bond),
    "torsion-torsion": ("torsion", "torsion", _same_central_bond),
    "out_of_plane-out_of_plane": ("out_of_plane", "out_of_plane", _same_centre),
}
_DEFAULT = ("stretch-stretch", "stretch-bend", "bend-bend", "torsion-torsion", "out_of_plane-out_of_plane")


@dataclass(frozen=True, eq=False)
class ValenceForceField(LinearForceField):
    """Diagonal constants and interactions between neighbouring internal coordinates.

    Neighbours (`INTERACTIONS`): stretches that share an atom; a stretch and a bend that it is a side of; bends that
    share a bond or the central atom; torsions about the same bond; out-of-plane bends at the same atom; on request also
    a stretch and the torsions about it ("stretch-torsion") and a bend and torsions that share a bond ("bend-torsion").
    """

    @classmethod
    def of(
        cls, molecule: Any, internals: Any | None = None, interactions: Iterable[str] = _DEFAULT
    ) -> "ValenceForceField":
        """The model with all constants zero; ``interactions`` names the kinds of neighbours, see `INTERACTIONS`.

        Raises
        ------
        ForceFieldError
            An unknown kind of interaction.
        """
        interactions = tuple(interactions)
        unknown = [name for name in interactions if name not in INTERACTIONS]
        if unknown:
            raise ForceFieldError(f"ValenceForceField: interactions {unknown}; known are {', '.join(INTERACTIONS)}.")
        coordinates = as_symmetry_coordinates(molecule, internals)
        return cls(*_parameters(coordinates, _neighbours(list(coordinates.internals), interactions)))


def _neighbours(internals: list[Any], interactions: tuple[str, ...]) -> NDArrayInt:
    kinds = ["bend" if c.kind == "linear_bend" else c.kind for c in internals]
    rules: dict[tuple[str, str], Callable[[Any, Any], bool]] = {}
    for name in interactions:
        first, second, rule = INTERACTIONS[name]
        rules[first, second] = rule
    pairs = []
    for i, first in enumerate(internals):
        pairs.append((i, i))
        for j in range(i + 1, len(internals)):
            second = internals[j]
            rule, swapped = rules.get((kinds[i], kinds[j])), rules.get((kinds[j], kinds[i]))
            if (rule and rule(first, second)) or (swapped and swapped(second, first)):
                pairs.append((i, j))
    return np.array(pairs)


def _parameters(
    coordinates: SymmetryCoordinates, pairs: NDArrayInt
) -> tuple[SymmetryCoordinates, tuple[str, ...], NDArrayInt, NDArrayFloat, NDArrayFloat]:
    """Coordinates, labels, entries, values and zeros: one parameter for each invariant form of ``pairs``."""
    words = coordinate_groups(coordinates.molecule, coordinates.internals)
    labels, entries, values = [], [], []
    forms = sorted(invariant_forms(coordinate_images(coordinates), pairs), key=lambda form: _rank(pairs[form[0]]))
    for number, (place, cells, numbers) in enumerate(forms):
        i, j = (int(index) for index in pairs[place])
        labels.append(_label(coordinates, words, i, j, cells))
        entries.append(np.column_stack([np.full(len(cells), number), cells]))
        values.append(numbers)
    return coordinates, tuple(labels), np.concatenate(entries), np.concatenate(values), np.zeros(len(labels))


def _rank(pair: NDArrayInt) -> tuple[bool, int, int]:
    """Diagonal constants first."""
    return bool(pair[0] != pair[1]), int(pair[0]), int(pair[1])


def _label(coordinates: SymmetryCoordinates, words: tuple[str, ...], i: int, j: int, cells: NDArrayInt) -> str:
    symbols = coordinates.molecule.symbols
    count = int((cells[:, 0] <= cells[:, 1]).sum())
    more = f", {count} equivalent" if count > 1 else ""
    first, second = coordinates.internals[i].label(symbols), coordinates.internals[j].label(symbols)
    if i == j:
        return f"{words[i]}: {first}{more}"
    return f"{words[i]} / {words[j]}: {first} {second}{more}"


@dataclass(frozen=True, eq=False)
class UreyBradleyForceField(LinearForceField):
    """Urey-Bradley force field: stretches K, bends H, and repulsions F between atoms bonded to the same atom.

    V = sum K/2 (dr)^2 + H/2 r1 r2 (d alpha)^2 + F/2 (dq)^2 + F' q dq + ..., q the 1,3 distance. K, H and F in mdyn/A;
    torsions, out-of-plane and linear bends keep diagonal constants in mdyn A.

    The 1,3 distance is a function of two bonds and the angle between them, so it enters F through its first
    derivatives (times F) and its second ones (times F' q). F' is not independent: F' = ``ratio`` F, by convention -1/10
    (repulsion as r^-9). The other linear terms, K' r dr and H' r1 r2 d alpha, are linear in the coordinates of F and
    so are not in F; they balance F' q dq at equilibrium. Where the angles at an atom are redundant (CX4) a balance
    of linear terms among them can remain, the internal tension kappa: it is taken as zero.

    T. Shimanouchi, J. Chem. Phys. 17, 245 (1949); H. C. Urey and C. A. Bradley, Phys. Rev. 38, 1969 (1931).

    Examples
    --------
    >>> import symvib as sv
    >>> water = sv.Molecule.from_arrays([8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.471], [0, -0.757, -0.471]])
    >>> print(*UreyBradleyForceField.of(water).labels, sep="; ")
    K O-H stretch: r(O1-H2), 2 equivalent; H H-O-H bend: a(H2-O1-H3); F H...H: a(H2-O1-H3)
    """

    @classmethod
    def of(cls, molecule: Any, internals: Any | None = None, ratio: float = -0.1) -> "UreyBradleyForceField":
        """The model with all constants zero; ``ratio`` is F'/F, 0 leaves the linear terms out.

        Raises
        ------
        ForceFieldError
            A bend without the two stretches of its sides.
        """
        coordinates = as_symmetry_coordinates(molecule, internals)
        diagonal = DiagonalForceField.of(coordinates)
        values = diagonal.values.copy()
        labels, entries, repulsions = [], [diagonal.entries], [values]
        for number, label in enumerate(diagonal.labels):
            mine = np.flatnonzero(diagonal.entries[:, 0] == number)
            kind = coordinates.internals[int(diagonal.entries[mine[0], 1])].kind
            if kind == "bend":
                geometry = [_Angle.of(coordinates, int(i)) for i in diagonal.entries[mine, 1]]
                values[mine] *= [angle.r1 * angle.r2 for angle in geometry]
            labels.append({"stretch": "K ", "bend": "H "}.get(kind, "") + label)
        for number, label in enumerate(diagonal.labels):
            cells = diagonal.entries[diagonal.entries[:, 0] == number][:, 1]
            if coordinates.internals[int(cells[0])].kind != "bend":
                continue
            form = sum((_Angle.of(coordinates, int(i)).repulsion(ratio) for i in cells), np.zeros(()))
            i, j = np.nonzero(form)
            entries.append(np.column_stack([np.full(len(i), len(labels)), i, j]))
            repulsions.append(form[i, j])
            labels.append(_repulsion_label(coordinates, int(cells[0]), label))
        return cls(
            coordinates, tuple(labels), np.concatenate(entries), np.concatenate(repulsions), np.zeros(len(labels))
        )


def _repulsion_label(coordinates: SymmetryCoordinates, index: int, label: str) -> str:
    first, _, last = (coordinates.molecule.symbols[atom] for atom in coordinates.internals[index].atoms)
    return f"F {first}...{last}: {label.partition(': ')[2]}"


@dataclass(frozen=True)
class _Angle:
    """A bend with its sides: places in the set, and the geometry."""

    size: int
    places: tuple[int, int, int]  # r1, r2, alpha
    r1: float
    r2: float
    alpha: float

    @classmethod
    def of(cls, coordinates: SymmetryCoordinates, index: int) -> "_Angle":
        a, b, c = coordinates.internals[index].atoms
        sides = []
        for side in ({a, b}, {b, c}):
            found = [i for i, q in enumerate(coordinates.internals) if q.kind == "stretch" and set(q.atoms) == side]
            if not found:
                label = coordinates.internals[index].label(coordinates.molecule.symbols)
                raise ForceFieldError(f"UreyBradleyForceField: {label} has a side that is not among the stretches.")
            sides.append(found[0])
        x = coordinates.positions
        u, v = x[a] - x[b], x[c] - x[b]
        r1, r2 = float(np.linalg.norm(u)), float(np.linalg.norm(v))
        return cls(len(coordinates.internals), (*sides, index), r1, r2, float(np.arccos(u @ v / (r1 * r2))))

    def repulsion(self, ratio: float) -> NDArrayFloat:
        """``dq dq^T + ratio q d2q`` (n_q, n_q) of q^2 = r1^2 + r2^2 - 2 r1 r2 cos(alpha).

        With s = q^2 / 2: ds = q dq and d2s = dq dq^T + q d2q.
        """
        r1, r2, cosine, sine = self.r1, self.r2, float(np.cos(self.alpha)), float(np.sin(self.alpha))
        q = np.sqrt(r1**2 + r2**2 - 2 * r1 * r2 * cosine)
        first = np.array([r1 - r2 * cosine, r2 - r1 * cosine, r1 * r2 * sine])
        second = np.array(
            [[1.0, -cosine, r2 * sine], [-cosine, 1.0, r1 * sine], [r2 * sine, r1 * sine, r1 * r2 * cosine]]
        )
        slope = np.outer(first, first) / q**2
        form = np.zeros((self.size, self.size))
        form[np.ix_(self.places, self.places)] = slope + ratio * (second - slope)
        return form
