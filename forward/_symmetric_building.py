"""Starting geometries of exact symmetry: orbits of sites under a point group, bond lengths, substituents."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..groups.elements import element
from ..groups.molecule import Molecule
from ..groups.schoenflies import PointGroup

__all__ = ["Candidate", "Site", "arm", "bond", "candidate", "polar", "ring_members", "spread", "unit"]

NDArrayFloat = NDArray[np.float64]
Site = tuple[str, NDArrayFloat]

_SAME_ANGSTROM = 1e-6  # images of one site this close are one atom; distinct atoms are 0.1 angstrom apart or more
_ORDER_FACTOR = {1.0: 1.0, 1.5: 0.925, 2.0: 0.87, 3.0: 0.79}  # C-C 1.52, 1.41, 1.32, 1.20 angstrom
# Shorter than the covalent radii of groups/elements for elements whose bonds are ionic.
_IONIC_RADII_ANGSTROM = {
    "Li": 1.10, "Na": 1.40, "K": 1.75, "Rb": 1.90, "Cs": 2.05,
    "Be": 0.88, "Mg": 1.20, "Ca": 1.50, "Sr": 1.65, "Ba": 1.80,
}  # fmt: skip

_LINEAR_ARMS = {  # atoms from the root outward, and the order of the bond to each
    "CN": (("C", 1.0), ("N", 3.0)),
    "NC": (("N", 1.0), ("C", 3.0)),
    "CO": (("C", 1.0), ("O", 3.0)),
    "N2": (("N", 1.0), ("N", 3.0)),
    "CCH": (("C", 1.0), ("C", 3.0), ("H", 1.0)),
    "CCF": (("C", 1.0), ("C", 3.0), ("F", 1.0)),
    "CCCl": (("C", 1.0), ("C", 3.0), ("Cl", 1.0)),
    "BO": (("B", 1.0), ("O", 3.0)),
    "BS": (("B", 1.0), ("S", 3.0)),
    "NCO": (("N", 1.0), ("C", 2.0), ("O", 2.0)),
    "NCS": (("N", 1.0), ("C", 2.0), ("S", 2.0)),
    "OLi": (("O", 1.0), ("Li", 1.0)),
    "SLi": (("S", 1.0), ("Li", 1.0)),
}
_BENT_ARMS = {"OH": ("O", "H"), "SH": ("S", "H"), "SeH": ("Se", "H"), "OF": ("O", "F"), "OCl": ("O", "Cl"),
              "SF": ("S", "F"), "SCl": ("S", "Cl")}  # fmt: skip
_FLAT_ARMS = {"NH2": ("N", "H", 1.0), "BH2": ("B", "H", 1.0), "BF2": ("B", "F", 1.0), "NO2": ("N", "O", 1.5),
              "CH2": ("C", "H", 1.0), "CF2": ("C", "F", 1.0), "BCl2": ("B", "Cl", 1.0), "NF2": ("N", "F", 1.0),
              "AlH2": ("Al", "H", 1.0), "COO": ("C", "O", 1.5)}  # fmt: skip
_ROTOR_ARMS = {"CH3": ("C", "H"), "SiH3": ("Si", "H"), "GeH3": ("Ge", "H"), "CF3": ("C", "F"), "NH3": ("N", "H"),
               "PH3": ("P", "H"), "PF3": ("P", "F"), "SiF3": ("Si", "F"), "CCl3": ("C", "Cl"),
               "SiCl3": ("Si", "Cl")}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Candidate:
    """A molecule to be optimised: made to have a given point group.

    Attributes
    ----------
    name : str
        Unique among the candidates.
    family : str
        Kind of molecule, as "sandwich" or "alternating ring".
    molecule : Molecule
        Starting geometry (angstrom), which has ``intended_group`` exactly.
    charge : int
        Total charge; the number of electrons is even.
    intended_group : str
        Schoenflies label of the starting geometry. An optimisation or a negative force constant may lower it.
    """

    name: str
    family: str
    molecule: Molecule
    charge: int
    intended_group: str

    def __repr__(self) -> str:
        return f"<Candidate {self.name!r} {self.intended_group}, {len(self.molecule)} atoms, charge {self.charge:+d}>"


def unit(vector: Sequence[float] | NDArrayFloat) -> NDArrayFloat:
    """Vector (3,) of length one."""
    array = np.asarray(vector, dtype=float)
    return array / np.linalg.norm(array)


def polar(radius: float, angle: float, z: float = 0.0) -> NDArrayFloat:
    """Point (3,) with cylindrical coordinates: radius and z in angstrom, angle in rad."""
    return np.array([radius * np.cos(angle), radius * np.sin(angle), z])


@cache
def _radius(symbol: str) -> float:
    return _IONIC_RADII_ANGSTROM.get(symbol) or element(symbol).covalent_radius_angstrom


def bond(first: str, second: str, order: float = 1.0) -> float:
    """Bond length in angstrom: the sum of the covalent radii, shortened for orders 1.5, 2 and 3."""
    return (_radius(first) + _radius(second)) * _ORDER_FACTOR[order]


def spread(group: str, sites: Sequence[Site]) -> tuple[list[str], NDArrayFloat]:
    """Symbols and positions (N, 3) of the orbits of sites under a finite group in its standard setting.

    A site that is an image of an earlier one adds nothing.
    """
    matrices = PointGroup.parse(group).matrices
    symbols: list[str] = []
    positions: list[NDArrayFloat] = []
    for symbol, point in sites:
        if positions and np.linalg.norm(np.concatenate(positions) - point, axis=1).min() < _SAME_ANGSTROM:
            continue  # an image of an earlier site
        images = matrices @ np.asarray(point, dtype=float)
        gaps = np.linalg.norm(images[:, None] - images[None], axis=-1) < _SAME_ANGSTROM
        first_of_its_place = gaps.argmax(axis=1) == np.arange(len(images))
        positions.append(images[first_of_its_place])
        symbols += [symbol] * int(first_of_its_place.sum())
    return symbols, np.concatenate(positions)


def candidate(
    name: str, family: str, group: str, sites: Sequence[Site], charge: int = 0, *, intended: str | None = None
) -> Candidate:
    """Candidate from orbits under ``group``; ``intended`` where the molecule has more symmetry (linear ones)."""
    symbols, positions = spread(group, sites)
    molecule = Molecule.from_arrays(symbols, positions, name=name)
    electrons = int(molecule.numbers.sum()) - charge
    if electrons % 2:
        raise AssertionError(f"{name}: {electrons} electrons, an odd number (charge {charge:+d}).")
    return Candidate(name, family, molecule, charge, intended or group)


def arm(
    kind: str, root: Site, direction: NDArrayFloat, toward: NDArrayFloat | None = None, order: float = 1.0
) -> list[Site]:
    """Sites of a substituent bonded to ``root`` along ``direction``; the root itself is not among them.

    ``toward`` fixes the plane of bent and flat substituents, and of one bond of a rotor. What a mirror in that plane
    would add is included.
    """
    axis = unit(direction)
    if kind in _LINEAR_ARMS:
        return _linear_arm(kind, root, axis, order)
    if toward is None:
        head: Site = (kind, root[1] + bond(root[0], kind, order) * axis)
        return [head]
    side = unit(toward - axis * (axis @ toward))
    if kind in _BENT_ARMS:
        inner, outer = _BENT_ARMS[kind]
        return _branches(inner, outer, root, axis, [_leaning(axis, side, 110.0)], order, 1.0)
    if kind in _FLAT_ARMS:
        inner, outer, outer_order = _FLAT_ARMS[kind]
        directions = [_leaning(axis, side, 120.0), _leaning(axis, -side, 120.0)]
        return _branches(inner, outer, root, axis, directions, order, outer_order)
    if kind in _ROTOR_ARMS:
        inner, outer = _ROTOR_ARMS[kind]
        across = np.cross(axis, side)
        turned = [side, -0.5 * side + np.sqrt(0.75) * across, -0.5 * side - np.sqrt(0.75) * across]
        directions = [_leaning(axis, s, np.degrees(np.arccos(-1 / 3))) for s in turned]
        return _branches(inner, outer, root, axis, directions, order, 1.0)
    return arm(kind, root, direction, None, order)


def _linear_arm(kind: str, root: Site, axis: NDArrayFloat, order: float) -> list[Site]:
    sites: list[Site] = []
    previous, point = root
    for place, (symbol, own_order) in enumerate(_LINEAR_ARMS[kind]):
        point = point + bond(previous, symbol, own_order if place else order) * axis
        previous = symbol
        sites.append((symbol, point))
    return sites


def _leaning(axis: NDArrayFloat, side: NDArrayFloat, angle_degrees: float) -> NDArrayFloat:
    """Direction of a bond that makes this bond angle with the one along ``axis``, on the side of ``side``."""
    angle = np.radians(angle_degrees)
    return -np.cos(angle) * axis + np.sin(angle) * side


def _branches(
    inner: str,
    outer: str,
    root: Site,
    axis: NDArrayFloat,
    directions: list[NDArrayFloat],
    order: float,
    outer_order: float,
) -> list[Site]:
    centre = root[1] + bond(root[0], inner, order) * axis
    length = bond(inner, outer, outer_order)
    return [(inner, centre), *[(outer, centre + length * direction) for direction in directions]]


def ring_members(
    group: str, size: int, members: Sequence[tuple[int, str, str | None]], order: float = 1.5, plane: str = "flat"
) -> list[Site]:
    """Sites of a regular planar ring with substituents along its radii.

    ``members`` are (place, ring atom, substituent or None): place k is at the angle 2 pi k / size. Substituents turn
    in the plane of the ring (``plane="flat"``) or in the plane through the axis ("upright").
    """
    ring = [(symbol, polar(1.0, 2 * np.pi * place / size)) for place, symbol, _ in members]
    symbols, _ = spread(group, ring)
    radius = 2 * float(np.mean([_radius(s) for s in symbols])) * _ORDER_FACTOR[order] / (2 * np.sin(np.pi / size))
    sites: list[Site] = []
    for place, symbol, substituent in members:
        angle = 2 * np.pi * place / size
        outward = polar(1.0, angle)
        toward = polar(1.0, angle + np.pi / 2) if plane == "flat" else np.array([0.0, 0.0, 1.0])
        root: Site = (symbol, radius * outward)
        sites.append(root)
        if substituent is not None:
            sites += arm(substituent, root, outward, toward)
    return sites
