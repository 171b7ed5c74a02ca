"""Space group, standard setting and factor group of a crystal, exactly, from spglib.

spglib decides the space group and gives the crystal in the standard setting of International Tables; its database
gives that group's operations as integer rotations and translations in units of 1/24. From there on nothing is fitted:
the rotations act on a lattice of the ideal shape of the crystal system, and their matching with the operations of our
character tables is a comparison of equal matrices.
"""

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import DetectionError, RepresentationError
from ._crystal_input import CrystalCell
from .character_table import finite_table
from .operations import NDArrayFloat, NDArrayInt, rotation_matrix
from .schoenflies import PointGroup

__all__ = ["CrystalSymmetry", "Orbit", "crystal_symmetry"]

DEFAULT_TOLERANCE = 0.01  # angstrom: structures of the literature have three or four decimals
_PER_CELL = 24  # translations of the standard settings are multiples of 1/24
_FIXED = 1e-6  # of the cell: an atom on a symmetry element of the idealised crystal, up to rounding
_UNCLEAR = 1e-5  # between the two an atom would be neither on the element nor off it
_SAME_MATRIX = 1e-9
_CRYSTAL_GROUPS = (
    "C1", "Ci", "C2", "Cs", "C2h", "D2", "C2v", "D2h", "C4", "S4", "C4h", "D4", "C4v", "D2d", "D4h", "C3", "S6", "D3",
    "C3v", "D3d", "C6", "C3h", "C6h", "D6", "C6v", "D3h", "D6h", "T", "Th", "O", "Td", "Oh",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Orbit:
    """Atoms that the space group makes equivalent.

    Attributes
    ----------
    kind : str
        Element (with charge or isotope where the structure gives it).
    atoms : tuple of int
        Which atoms of the input.
    wyckoff : str
        Wyckoff letter.
    multiplicity : int
        Atoms in the conventional cell (the number in front of the letter).
    n_primitive : int
        Atoms in the primitive cell.
    symbol : str
        Site symmetry, oriented Hermann-Mauguin symbol as in International Tables: "2/m 2/m .", ".m.".
    stabilizer : tuple of int
        Which operations of the factor group leave the representative atom in place, modulo lattice translations.
    position : tuple of float
        Fractional coordinates of the representative atom in the conventional standard cell.
    fixed_atoms_per_class : tuple of int
        Per class of the factor group's table: atoms of the orbit, in the primitive cell, that its operations leave in
        place modulo lattice translations.
    """

    kind: str
    atoms: tuple[int, ...]
    wyckoff: str
    multiplicity: int
    n_primitive: int
    symbol: str
    stabilizer: tuple[int, ...]
    position: tuple[float, float, float]
    fixed_atoms_per_class: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class CrystalSymmetry:
    """The space group of a crystal and how its factor group acts on the atoms.

    Attributes
    ----------
    number : int
        Space-group number, 1 to 230.
    hermann_mauguin, hall : str
    point_group : PointGroup
        Crystal point group, isomorphic to the factor group (space group modulo translations).
    tolerance_angstrom : float
        As given to spglib (symprec).
    deviation_angstrom : float
        Largest distance between the image of an atom of the input and the nearest atom of its kind.
    n_primitive, n_conventional : int
        Atoms in the primitive and in the conventional standard cell.
    lattice_parameters : tuple of float
        a, b, c (angstrom), alpha, beta, gamma (degrees) of the conventional standard cell.
    standard_axes : ndarray (3, 3)
        Rows: a, b, c of the standard cell in the basis of the input; read-only.
    cartesian_axes : tuple of str
        What x, y, z of the character table are: "a", "b", "c", "[110]" ...
    orbits : tuple of Orbit
    """

    number: int
    hermann_mauguin: str
    hall: str
    point_group: PointGroup
    tolerance_angstrom: float
    deviation_angstrom: float
    n_primitive: int
    n_conventional: int
    lattice_parameters: tuple[float, float, float, float, float, float]
    standard_axes: NDArrayFloat
    cartesian_axes: tuple[str, str, str]
    orbits: tuple[Orbit, ...]

    @property
    def fixed_atoms_per_class(self) -> tuple[int, ...]:
        """Atoms of the primitive cell in place, per class of the character table."""
        return tuple(int(n) for n in np.sum([orbit.fixed_atoms_per_class for orbit in self.orbits], axis=0))


def crystal_symmetry(cell: CrystalCell, tolerance: float) -> CrystalSymmetry:
    """Space group, factor group and orbits of ``cell`` at ``tolerance`` (angstrom).

    Raises
    ------
    DetectionError
        spglib finds no space group, or its answer contradicts itself.
    """
    import spglib

    dataset = spglib_dataset(cell, tolerance)
    with _quiet():
        database: Any = spglib.get_symmetry_from_database(dataset.hall_number)
    rotations, translations = _integers(database["rotations"]), _integers(database["translations"] * _PER_CELL)
    group, unique, which = _factor_group(rotations)
    system = _ideal_lattice(dataset.number)
    matching, axes = _match(group, system @ unique @ np.linalg.inv(system), dataset.number)
    orbits = _orbits(cell, dataset, (rotations, translations, which), group, matching)
    inverse = np.linalg.inv(dataset.transformation_matrix).T
    inverse.setflags(write=False)
    n_centred = len(rotations) // len(unique)
    return CrystalSymmetry(
        number=int(dataset.number),
        hermann_mauguin=str(dataset.international),
        hall=str(dataset.hall),
        point_group=group,
        tolerance_angstrom=tolerance,
        deviation_angstrom=_deviation(cell, dataset),
        n_primitive=len(dataset.std_types) // n_centred,
        n_conventional=len(dataset.std_types),
        lattice_parameters=_parameters(dataset.std_lattice),
        standard_axes=inverse,
        cartesian_axes=axes,
        orbits=orbits,
    )


def spglib_dataset(cell: CrystalCell, tolerance: float) -> Any:
    """What spglib says; DetectionError where there is none."""
    import spglib

    words = ""
    given: Any = (cell.lattice, cell.fractional, cell.kinds + 1)  # spglib's types name nested lists only
    try:
        with _quiet():
            dataset = spglib.get_symmetry_dataset(given, symprec=tolerance)
    except RuntimeError as error:  # newer versions of spglib raise instead of returning None
        dataset, words = None, f" ({error})"
    if dataset is None:
        raise DetectionError(
            f"spglib finds no space group for the {len(cell)} atoms at tolerance {tolerance:g} angstrom{words}: "
            "check the structure, or give another tolerance."
        )
    return dataset


@contextmanager
def _quiet() -> Iterator[None]:
    """Without spglib's warnings about how it will report errors in future; both ways are handled here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _integers(values: Any) -> NDArrayInt:
    array = np.asarray(values, dtype=float)
    rounded = np.rint(array)
    if np.abs(array - rounded).max() > 1e-6:
        raise DetectionError("spglib's operations of the standard setting are not integers: wrong version of spglib?")
    return rounded.astype(np.int64)


def _factor_group(rotations: NDArrayInt) -> tuple[PointGroup, NDArrayInt, NDArrayInt]:
    """Group, distinct rotations (h, 3, 3), and which of them each operation has."""
    unique, which = np.unique(rotations.reshape(-1, 9), axis=0, return_inverse=True)
    matrices = unique.reshape(-1, 3, 3)
    return crystal_class(matrices), matrices, which.ravel()


def crystal_class(rotations: NDArrayInt | NDArrayFloat) -> PointGroup:
    """The crystal class of a group of matrices (h, 3, 3) in any basis, from determinants and traces."""
    return PointGroup(_classes()[_signature(np.asarray(rotations, dtype=float))])


def _signature(matrices: NDArrayFloat) -> frozenset[tuple[tuple[int, int], int]]:
    traces = np.rint(np.einsum("gii->g", matrices)).astype(int).tolist()
    determinants = np.rint(np.linalg.det(matrices)).astype(int).tolist()
    return frozenset(Counter(zip(determinants, traces, strict=True)).items())


@lru_cache(maxsize=1)
def _classes() -> dict[frozenset[tuple[tuple[int, int], int]], str]:
    found = {_signature(PointGroup(label).matrices): label for label in _CRYSTAL_GROUPS}
    assert len(found) == len(_CRYSTAL_GROUPS) == 32, "two crystal classes have the same kinds of operations"
    return found


def _ideal_lattice(number: int) -> NDArrayFloat:
    """Columns a, b, c of a lattice of the ideal shape; for axes of order two any lengths and angles will do."""
    if 143 <= number <= 194:  # trigonal and hexagonal, on hexagonal axes
        return np.array([[1.0, -0.5, 0.0], [0.0, 3**0.5 / 2, 0.0], [0.0, 0.0, 1.0]])
    return np.eye(3)


def _frames(number: int) -> list[tuple[NDArrayFloat, tuple[str, str, str]]]:
    """Frames (rows x, y, z) to try and what their axes are in the standard cell, the preferred first."""
    x, y, z = np.eye(3)
    if number <= 2:
        return [(np.eye(3), ("any", "any", "any"))]
    if number <= 15:  # unique axis b is z
        return [(np.array([x, -z, y]), ("a", "-c", "b"))]
    if number <= 74 or number >= 195:
        return [(np.eye(3), ("a", "b", "c"))]
    if number <= 142:
        diagonal = rotation_matrix(z, -np.pi / 4)
        return [(np.eye(3), ("a", "b", "c")), (diagonal, ("[110]", "[-110]", "c"))]
    turned = rotation_matrix(z, -np.pi / 6)
    trigonal, hexagonal = (np.eye(3), ("a", "[120]", "c")), (turned, ("[210]", "b", "c"))
    # Hexagonal: sigma_v holds the densest rows of atoms in hcp, graphite and wurtzite, as Mulliken wants it of
    # molecules; this gives the names of the literature (B1 of wurtzite, B2g of graphite). Trigonal names: no matter.
    return [trigonal, hexagonal] if number <= 167 else [hexagonal, trigonal]  # the latter for P-62m, P-62c


def _match(group: PointGroup, matrices: NDArrayFloat, number: int) -> tuple[NDArrayInt, tuple[str, str, str]]:
    """Which operation of the standard group each matrix (h, 3, 3) is, and what the axes x, y, z are."""
    for frame, names in _frames(number):
        turned = frame @ matrices @ frame.T
        distance = np.abs(turned[:, None] - group.matrices[None]).max(axis=(2, 3))
        matching = distance.argmin(axis=1)
        if distance.min(axis=1).max() < _SAME_MATRIX and len(np.unique(matching)) == len(matching):
            return matching, names
    raise DetectionError(
        f"the rotations of space group {number} do not match those of {group.label}: report this with the structure."
    )


def _orbits(
    cell: CrystalCell,
    dataset: Any,
    operations: tuple[NDArrayInt, NDArrayInt, NDArrayInt],
    group: PointGroup,
    matching: NDArrayInt,
) -> tuple[Orbit, ...]:
    """The orbits of the crystal in the standard cell, with the atoms that each class leaves in place.

    An atom x is left in place by (R, t) if R x + t - x is a lattice vector. All t of one R that differ by a centring
    are in the list, so an atom is counted once for R, and the sum over the conventional cell is the number of centrings
    times that over the primitive cell.
    """
    rotations, translations, which = operations
    positions = np.asarray(dataset.std_positions, dtype=float)
    shift = np.einsum("oij,aj->oai", rotations, positions) + translations[:, None] / _PER_CELL - positions
    off = np.abs(shift - np.rint(shift)).max(axis=2)
    if ((off > _FIXED) & (off < _UNCLEAR)).any():
        unclear = float(off[(off > _FIXED) & (off < _UNCLEAR)].max())
        raise DetectionError(
            f"an atom lies {unclear:.2g} of the cell off a symmetry element: neither on it nor off it. Give another "
            "tolerance."
        )
    order = len(matching)
    fixed = np.zeros((order, len(positions)), dtype=np.int64)
    np.add.at(fixed, which, off <= _FIXED)
    centrings = len(rotations) // order
    # standard atom -> an atom of the input that is equivalent to it by a lattice translation
    of_primitive = {int(p): i for i, p in reversed(list(enumerate(dataset.mapping_to_primitive)))}
    source = np.array([of_primitive[int(p)] for p in dataset.std_mapping_to_primitive])
    orbit_of = np.asarray(dataset.crystallographic_orbits)
    place = np.empty(order, dtype=np.int64)
    place[matching] = np.arange(order)  # operation of the table -> row of `fixed`
    found = []
    for first in dict.fromkeys(orbit_of.tolist()):
        members = np.flatnonzero(orbit_of[source] == first)
        representative = members[0]
        input_atom = int(source[representative])
        found.append(
            Orbit(
                kind=cell.kind_names[cell.kinds[first]],
                atoms=tuple(int(i) for i in np.flatnonzero(orbit_of == first)),
                wyckoff=str(dataset.wyckoffs[input_atom]),
                multiplicity=len(members),
                n_primitive=len(members) // centrings,
                symbol=str(dataset.site_symmetry_symbols[input_atom]),
                stabilizer=tuple(sorted(int(g) for g in matching[fixed[:, representative] > 0])),
                position=_triple(positions[representative]),
                fixed_atoms_per_class=_per_class(group, fixed[:, members].sum(axis=1)[place], centrings),
            )
        )
    return tuple(sorted(found, key=lambda o: (o.kind, -len(o.stabilizer), o.wyckoff, o.atoms)))


def _per_class(group: PointGroup, fixed: NDArrayInt, centrings: int) -> tuple[int, ...]:
    """Atoms per primitive cell and class from those per conventional cell and operation (h,) of the table."""
    counts = []
    for cls in finite_table(group).classes:
        values = np.unique(fixed[list(cls.indices)])
        if len(values) != 1 or values[0] % centrings:
            raise RepresentationError(
                f"the operations {cls.label} of {group.label} leave {values.tolist()} atoms of the conventional cell "
                f"({centrings} primitive cells) in place: they must agree. Give another tolerance."
            )
        counts.append(int(values[0]) // centrings)
    return tuple(counts)


def _triple(vector: Any) -> tuple[float, float, float]:
    x, y, z = (round(float(v) % 1.0, 6) % 1.0 for v in vector)
    return x, y, z


def _parameters(lattice: NDArrayFloat) -> tuple[float, float, float, float, float, float]:
    lengths = np.linalg.norm(lattice, axis=1)
    units = lattice / lengths[:, None]
    cosines = np.clip(np.array([units[1] @ units[2], units[2] @ units[0], units[0] @ units[1]]), -1.0, 1.0)
    a, b, c, alpha, beta, gamma = (float(v) for v in (*lengths, *np.degrees(np.arccos(cosines))))
    return a, b, c, alpha, beta, gamma


def _deviation(cell: CrystalCell, dataset: Any) -> float:
    """Largest distance (angstrom) between an image of an atom and the nearest atom of its kind; one try a rotation."""
    from scipy.spatial import KDTree

    rotations, first = np.unique(np.asarray(dataset.rotations).reshape(-1, 9), axis=0, return_index=True)
    worst = 0.0
    for kind in np.unique(cell.kinds):
        points = cell.fractional[cell.kinds == kind]
        tree = KDTree(_wrapped(points), boxsize=1.0)
        for rotation, index in zip(rotations.reshape(-1, 3, 3), first, strict=True):
            images = points @ rotation.T + dataset.translations[index]
            _, partner = tree.query(_wrapped(images))
            gap = images - points[partner]
            worst = max(worst, float(np.linalg.norm((gap - np.rint(gap)) @ cell.lattice, axis=1).max()))
    return worst


def _wrapped(points: NDArrayFloat) -> NDArrayFloat:
    wrapped = points % 1.0
    wrapped[wrapped >= 1.0] = 0.0
    return wrapped
