"""Test molecules whose point group is provable by construction; certified in test_zoo_construction.py.

`ZOO`: clean structures, no further operation within 0.25 angstrom (so noise of 0.01 angstrom is decidable).
`NEAR`: exact low group close to a higher one; the low group is the expected default answer.
`BELOW_FLOOR`: closer than numerical noise; the higher group (`rival`) is the expected default answer.
All stand in the standard orientation of zoo_base and are centred up to a shift along invariant directions.
"""

from __future__ import annotations

from zoo_base import NearMolecule, ZooMolecule, noisy, permuted, rotated
from zoo_cages import cages
from zoo_families import families
from zoo_near import below_floor, near
from zoo_polyatomics import polyatomics
from zoo_polyhedra import polyhedra
from zoo_rings import rings
from zoo_rotors import linear, rotors
from zoo_tops import centred_tops, tops

__all__ = [
    "BELOW_FLOOR",
    "EXPECTED_COUNTS",
    "NEAR",
    "ZOO",
    "ZOO_BY_NAME",
    "NearMolecule",
    "ZooMolecule",
    "noisy",
    "permuted",
    "rotated",
]

ZOO: tuple[ZooMolecule, ...] = tuple(
    families() + polyhedra() + cages() + polyatomics() + linear() + rotors() + rings() + tops() + centred_tops()
)
ZOO_BY_NAME: dict[str, ZooMolecule] = {m.name: m for m in ZOO}
NEAR: tuple[NearMolecule, ...] = near()
BELOW_FLOOR: tuple[NearMolecule, ...] = below_floor()

# name: (IR, Raman, both, silent, all) vibrations, each counted with its degeneracy. The first nine are the
# check values of theory.md section 2; the others follow by hand from the species of the vibrations, as in
# adamantane: 5A1 + A2 + 6E + 7T1 + 11T2. The test computes all of them again without character tables.
EXPECTED_COUNTS: dict[str, tuple[int, int, int, int, int]] = {
    "H2O": (3, 3, 3, 0, 3),
    "NH3": (6, 6, 6, 0, 6),
    "CO2": (3, 1, 0, 0, 4),
    "CH4": (6, 9, 6, 0, 9),
    "C2H4": (5, 6, 0, 1, 12),
    "SF6": (6, 6, 0, 3, 15),
    "benzene": (7, 12, 0, 11, 30),
    "cubane": (9, 18, 0, 15, 42),
    "C60": (12, 42, 0, 120, 174),
    "N2": (0, 1, 0, 0, 1),
    "HCl": (1, 1, 1, 0, 1),
    "HCN": (4, 4, 4, 0, 4),
    "C2H2": (3, 4, 0, 0, 7),
    "BF3": (5, 5, 4, 0, 6),
    "PF5": (8, 10, 6, 0, 12),
    "XeF4": (5, 3, 0, 1, 9),
    "allene": (11, 15, 11, 0, 15),
    "cyclopropane": (10, 17, 8, 2, 21),
    "C2H6 staggered": (8, 9, 0, 1, 18),
    "adamantane": (33, 50, 33, 22, 72),
}
