"""Linear molecules and molecules whose groups (methyl, phenyl) are turned about a bond."""

from __future__ import annotations

import numpy as np

from zoo_base import ZooMolecule, atoms, molecule, polar, rotation, spread

DIAGONAL = np.ones(3) / np.sqrt(3)


def linear() -> list[ZooMolecule]:
    """C_inf v and D_inf h molecules along z, and single atoms."""
    unsymmetric = {
        "HCl": [("H", 0), ("Cl", 1.275)],
        "CO": [("C", 0), ("O", 1.128)],
        "HCN": [("H", -1.066), ("C", 0), ("N", 1.153)],
        "N2O": [("N", -1.128), ("N", 0), ("O", 1.184)],
        "OCS": [("O", -1.158), ("C", 0), ("S", 1.560)],
        "HC3N": [("H", -1.06), ("C", 0), ("C", 1.206), ("C", 2.585), ("N", 3.745)],
    }
    symmetric = {
        "H2": [("H", 0.371)],
        "N2": [("N", 0.549)],
        "CO2": [("C", 0), ("O", 1.160)],
        "C2H2": [("C", 0.6015), ("H", 1.6645)],
        "XeF2": [("Xe", 0), ("F", 1.977)],
        "HgCl2": [("Hg", 0), ("Cl", 2.252)],
        "C3O2": [("C", 0), ("C", 1.29), ("O", 2.45)],
        "C2N2": [("C", 0.69), ("N", 1.85)],
        "diacetylene": [("C", 0.69), ("C", 1.90), ("H", 2.96)],
    }
    found = [
        molecule(name, "Cinfv", atoms(*[(s, (0, 0, z)) for s, z in chain]), "collinear, ends differ")
        for name, chain in unsymmetric.items()
    ]
    found += [
        molecule(
            name,
            "Dinfh",
            atoms(*[(s, [(0, 0, z), (0, 0, -z)] if z else (0, 0, 0)) for s, z in chain]),
            "collinear and symmetric about the centre",
        )
        for name, chain in symmetric.items()
    ]
    found += [molecule(f"{s} atom", "Kh", atoms((s, (0.3, -0.2, 0.1))), "one atom") for s in ("He", "Fe")]
    return found


def _methyl(axis, toward, twist: float, length: float = 1.09) -> np.ndarray:
    """Vector from a methyl carbon to one hydrogen: along `axis`, leaning to `toward` turned by `twist`."""
    axis = np.asarray(axis, dtype=float) / np.linalg.norm(axis)
    side = np.asarray(toward, dtype=float) - axis * np.dot(axis, toward)
    side = rotation(axis, twist) @ side / np.linalg.norm(side)
    return length * (axis / 3 + side * np.sqrt(8) / 3)


def _neopentane(twist: float, group: str):
    carbon = 1.54 * DIAGONAL
    return spread(group, ("C", (0, 0, 0)), ("C", carbon), ("H", carbon + _methyl(DIAGONAL, (1, 1, -2), twist)))


def _ethane(group: str, half_twist: float):
    return spread(group, ("C", (0, 0, 0.765)), ("H", polar(1.018, half_twist, 1.16)))


def _phenyl(axis, plane, half: bool = False) -> list[tuple[str, np.ndarray]]:
    """Sites of C6H5 bonded along `axis` at 1.87 angstrom from the origin, in the plane spanned with `plane`.

    `half`: leave out the two CH that a C2 along `axis` makes from the others.
    """
    axis = np.asarray(axis, dtype=float) / np.linalg.norm(axis)
    side = np.asarray(plane, dtype=float) - axis * np.dot(axis, plane)
    side = side / np.linalg.norm(side)
    centre = (1.87 + 1.39) * axis
    sites = []
    for k in range(4 if half else 6):
        direction = -np.cos(k * np.pi / 3) * axis + np.sin(k * np.pi / 3) * side
        sites.append(("C", centre + 1.39 * direction))
        if k:
            sites.append(("H", centre + 2.47 * direction))
    return sites


def _tetraphenyl():
    toward = rotation(DIAGONAL, np.radians(40)) @ np.array((1, 1, -2))
    return spread("S4", ("Si", (0, 0, 0)), *_phenyl(DIAGONAL, toward))


def _triphenyl(group: str, centre: str, drop: float, tilt_degrees: float):
    axis = np.array((np.cos(drop), 0, -np.sin(drop)))
    plane = rotation(axis, np.radians(tilt_degrees)) @ np.array((0, 1, 0))
    return spread(group, (centre, (0, 0, 0)), *_phenyl(axis, plane, half=drop == 0.0))


def rotors() -> list[ZooMolecule]:
    """Ethane, neopentane and phenyl propellers at chosen torsions."""
    return [
        molecule("C2H6 staggered", "D3d", _ethane("D3d", np.pi / 6), "hydrogens on the mirrors of D3d"),
        molecule("C2H6 eclipsed", "D3h", _ethane("D3h", 0.0), "hydrogens on the mirrors of D3h"),
        molecule(
            "C2H6 twisted",
            "D3",
            _ethane("D3", np.pi / 12),
            "hydrogens halfway between staggered and eclipsed",
        ),
        molecule("neopentane", "Td", _neopentane(0.0, "Td"), "staggered methyls on the mirrors of Td"),
        molecule(
            "neopentane twisted",
            "T",
            _neopentane(np.pi / 6, "T"),
            "four rotors turned by 30 degrees: no mirror",
        ),
        molecule("tetraphenylsilane", "S4", _tetraphenyl(), "phenyl planes turned out of the mirrors of D2d"),
        molecule(
            "triphenylmethyl",
            "D3",
            _triphenyl("D3", "C", 0.0, 32),
            "planar centre, blades turned by 32 degrees",
        ),
        molecule(
            "triphenylphosphine",
            "C3",
            _triphenyl("C3", "P", 0.45, 40),
            "pyramid, blades turned by 40 degrees",
        ),
        molecule("triphenylborane flat", "D3h", _triphenyl("D3h", "B", 0.0, 90), "blades perpendicular to sigma_h"),
    ]
