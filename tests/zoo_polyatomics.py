"""Named molecules: small organics and inorganics, complexes, cages of the cubic groups.

Each is the union of orbits of idealised sites under its group, in the orientation of zoo_base.
Bond lengths are rounded: the group does not depend on them.
"""

from __future__ import annotations

import numpy as np

from zoo_base import ZooMolecule, molecule, polar, spread

DIAGONAL = np.ones(3) / np.sqrt(3)
ORBITS = "union of orbits of labelled sites; each supergroup would join sites of different elements or move them"
_QUARTER = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # y stays, the ring of CpCo(CO)2 lies in xz


def _small() -> list[tuple]:
    origin = (0, 0, 0)
    d, x = DIAGONAL, np.array((1.0, 0, 0))
    up = np.array((0, 0, 1.0))
    return [
        ("H2O", "C2v", [("O", origin), ("H", (0.757, 0, -0.587))]),
        ("SO2", "C2v", [("S", origin), ("O", (1.235, 0, -0.72))]),
        ("O3", "C2v", [("O", origin), ("O", (1.09, 0, -0.67))]),
        ("H2CO", "C2v", [("O", 1.205 * up), ("C", origin), ("H", (0.94, 0, -0.59))]),
        (
            "acetone",
            "C2v",
            [
                ("O", 1.22 * up),
                ("C", origin),
                ("C", (1.29, 0, -0.80)),
                ("H", (2.13, 0, -0.10)),
                ("H", (1.33, 0.88, -1.44)),
            ],
        ),
        (
            "dimethyl ether",
            "C2v",
            [("O", origin), ("C", (1.165, 0, -0.79)), ("H", (2.02, 0, -0.11)), ("H", (1.21, 0.89, -1.43))],
        ),
        (
            "propane",
            "C2v",
            [
                ("C", origin),
                ("H", (0, 0.88, 0.65)),
                ("C", (1.27, 0, -0.85)),
                ("H", (2.16, 0, -0.22)),
                ("H", (1.31, 0.88, -1.49)),
            ],
        ),
        ("CH2Cl2", "C2v", [("C", origin), ("H", (0, 0.90, 0.62)), ("Cl", (1.47, 0, -0.99))]),
        ("phosgene", "C2v", [("O", 1.18 * up), ("C", origin), ("Cl", (1.45, 0, -0.95))]),
        ("ClF3", "C2v", [("Cl", origin), ("F", 1.60 * up), ("F", (1.70, 0, 0.08))]),
        ("SF4", "C2v", [("S", origin), ("F", (1.64, 0, 0.12)), ("F", (0, 1.20, -0.97))]),
        ("cis-difluoroethene", "C2v", [("C", (0.66, 0, 0)), ("F", (1.38, 0, -1.13)), ("H", (1.23, 0, 0.92))]),
        ("NH3", "C3v", [("N", origin), ("H", (0.94, 0, -0.38))]),
        ("PCl3", "C3v", [("P", origin), ("Cl", (1.81, 0, -0.96))]),
        ("CHCl3", "C3v", [("C", origin), ("H", 1.10 * up), ("Cl", (1.68, 0, -0.54))]),
        ("CH3CN", "C3v", [("C", origin), ("C", 1.46 * up), ("N", 2.62 * up), ("H", (1.03, 0, -0.36))]),
        ("POCl3", "C3v", [("P", origin), ("O", 1.45 * up), ("Cl", (1.80, 0, -0.87))]),
        (
            "tert-butyl fluoride",
            "C3v",
            [
                ("F", 1.39 * up),
                ("C", origin),
                ("C", (1.44, 0, -0.49)),
                ("H", (1.44, 0, -1.58)),
                ("H", polar(2.13, 0.43, -0.10)),
            ],
        ),
        ("SF5Cl", "C4v", [("S", origin), ("Cl", 2.05 * up), ("F", -1.58 * up), ("F", (1.58, 0, -0.05))]),
        ("BrF5", "C4v", [("Br", origin), ("F", 1.70 * up), ("F", (1.77, 0, -0.15))]),
        ("XeOF4", "C4v", [("Xe", origin), ("O", 1.70 * up), ("F", (1.90, 0, -0.05))]),
        (
            "B5H9",
            "C4v",
            [
                ("B", 1.10 * up),
                ("H", 2.28 * up),
                ("B", (1.28, 0, 0)),
                ("H", (2.42, 0, 0.30)),
                ("H", polar(1.33, np.pi / 4, -0.85)),
            ],
        ),
        ("BF3", "D3h", [("B", origin), ("F", 1.31 * x)]),
        ("BCl3", "D3h", [("B", origin), ("Cl", 1.74 * x)]),
        ("SO3", "D3h", [("S", origin), ("O", 1.42 * x)]),
        ("PF5", "D3h", [("P", origin), ("F", 1.53 * x), ("F", 1.58 * up)]),
        (
            "Fe(CO)5",
            "D3h",
            [("Fe", origin), ("C", 1.80 * x), ("O", 2.95 * x), ("C", 1.81 * up), ("O", 2.96 * up)],
        ),
        ("XeF4", "D4h", [("Xe", origin), ("F", 1.94 * x)]),
        ("PtCl4 anion", "D4h", [("Pt", origin), ("Cl", 2.32 * x)]),
        ("trans-SF4Cl2", "D4h", [("S", origin), ("F", 1.58 * x), ("Cl", 2.05 * up)]),
        ("Re2Cl8 anion", "D4h", [("Re", 1.12 * up), ("Cl", (2.24, 0, 1.65))]),
        ("IF7", "D5h", [("I", origin), ("F", 1.86 * x), ("F", 1.79 * up)]),
        ("XeF5 anion", "D5h", [("Xe", origin), ("F", 2.01 * x)]),
        ("CH4", "Td", [("C", origin), ("H", 1.087 * d)]),
        ("SiF4", "Td", [("Si", origin), ("F", 1.55 * d)]),
        ("OsO4", "Td", [("Os", origin), ("O", 1.71 * d)]),
        ("P4", "Td", [("P", 1.35 * d)]),
        ("tetrahedrane", "Td", [("C", 0.91 * d), ("H", 1.98 * d)]),
        ("Ni(CO)4", "Td", [("Ni", origin), ("C", 1.84 * d), ("O", 2.98 * d)]),
        (
            "adamantane",
            "Td",
            [("C", 0.89 * np.ones(3)), ("C", 1.78 * up), ("H", 1.52 * np.ones(3)), ("H", (0.62, 0.62, 2.40))],
        ),
        ("urotropine", "Td", [("N", 0.86 * np.ones(3)), ("C", 1.70 * up), ("H", (0.63, 0.63, 2.32))]),
        ("P4O6", "Td", [("P", 1.05 * np.ones(3)), ("O", 1.90 * up)]),
        ("P4O10", "Td", [("P", 1.0 * np.ones(3)), ("O", 1.80 * up), ("O", 1.83 * np.ones(3))]),
        ("SF6", "Oh", [("S", origin), ("F", 1.56 * x)]),
        ("Cr(CO)6", "Oh", [("Cr", origin), ("C", 1.91 * x), ("O", 3.06 * x)]),
        ("cubane", "Oh", [("C", 0.785 * np.ones(3)), ("H", 1.42 * np.ones(3))]),
        ("Mo6Cl8", "Oh", [("Mo", 1.86 * x), ("Cl", 1.75 * np.ones(3))]),
        (
            "octasilsesquioxane",
            "Oh",
            [("Si", 1.55 * np.ones(3)), ("O", (1.80, 1.80, 0)), ("H", 2.40 * np.ones(3))],
        ),
        ("M(NO2)6", "Th", [("Co", origin), ("N", 2.00 * up), ("O", (0, 1.05, 2.60))]),
        ("M(H2O)6 all vertical", "Th", [("Al", origin), ("O", 1.90 * up), ("H", (0, 0.80, 2.48))]),
        ("C2H4", "D2h", [("C", 0.67 * x), ("H", (1.24, 0.92, 0))]),
        ("N2O4", "D2h", [("N", 0.875 * x), ("O", (1.35, 1.10, 0))]),
        ("B2H6", "D2h", [("B", 0.885 * x), ("H", (1.46, 1.04, 0)), ("H", 0.98 * up)]),
        ("I2Cl6", "D2h", [("I", 1.96 * x), ("Cl", (0, 1.95, 0)), ("Cl", (3.20, 1.98, 0))]),
        ("C2H4 twisted by 40 degrees", "D2", [("C", 0.70 * up), ("H", polar(0.93, np.radians(20), 1.26))]),
        ("allene", "D2d", [("C", origin), ("C", 1.31 * up), ("H", polar(0.93, np.pi / 4, 1.87))]),
        (
            "spiropentane",
            "D2d",
            [("C", origin), ("C", polar(0.76, np.pi / 4, 1.27)), ("H", (0.15, 1.43, 1.75))],
        ),
        ("B2Cl4 staggered", "D2d", [("B", 0.85 * up), ("Cl", polar(1.50, np.pi / 4, 1.75))]),
        ("H2O2", "C2", [("O", (0.73, 0, 0)), ("H", (0.90, 0.80, 0.50))]),
        ("S2Cl2", "C2", [("S", (0.98, 0, 0)), ("Cl", (1.58, 1.35, 1.43))]),
        ("N2H4 gauche", "C2", [("N", (0.72, 0, 0)), ("H", (1.02, 0.60, 0.75)), ("H", (1.10, -0.94, -0.05))]),
        (
            "1,3-dichloroallene",
            "C2",
            [("C", origin), ("C", (1.31, 0, 0.0)), ("H", (1.87, 0.66, -0.66)), ("Cl", (2.20, -1.00, 1.00))],
        ),
        ("trans-N2F2", "C2h", [("N", (0.61, 0, 0)), ("F", (1.00, 1.33, 0))]),
        (
            "trans-1,2-dichloroethylene",
            "C2h",
            [("C", (0.66, 0, 0)), ("Cl", (1.61, 1.44, 0)), ("H", (1.19, -0.94, 0))],
        ),
        ("glyoxal", "C2h", [("C", (0.76, 0, 0)), ("O", (1.39, 1.03, 0)), ("H", (1.28, -0.98, 0))]),
        (
            "trans-butadiene",
            "C2h",
            [
                ("C", (0.73, 0, 0)),
                ("C", (1.42, 1.15, 0)),
                ("H", (1.25, -0.96, 0)),
                ("H", (2.51, 1.13, 0)),
                ("H", (0.92, 2.12, 0)),
            ],
        ),
        ("trans-P2H4", "C2h", [("P", (1.11, 0, 0)), ("H", (1.35, 0.95, 1.02))]),
        ("B(OH)3", "C3h", [("B", origin), ("O", 1.36 * x), ("H", polar(1.90, 0.47))]),
        (
            "phloroglucinol",
            "C3h",
            [
                ("C", 1.39 * x),
                ("C", polar(1.39, np.pi / 3)),
                ("O", 2.75 * x),
                ("H", polar(3.10, 0.29)),
                ("H", polar(2.47, np.pi / 3)),
            ],
        ),
        ("guanidinium planar", "D3h", [("C", origin), ("N", 1.33 * x), ("H", polar(2.06, 0.43))]),
        ("guanidinium twisted", "D3", [("C", origin), ("N", 1.33 * x), ("H", (1.85, 0.60, 0.60))]),
        ("S8 crown", "D4d", [("S", polar(2.36, np.pi / 8, 0.50))]),
        ("S6 chair", "D3d", [("S", polar(1.80, np.pi / 6, 0.48))]),
        (
            "cyclohexane chair",
            "D3d",
            [
                ("C", polar(1.46, np.pi / 6, 0.25)),
                ("H", polar(1.50, np.pi / 6, 1.34)),
                ("H", polar(2.48, np.pi / 6, -0.15)),
            ],
        ),
        (
            "Mn2(CO)10",
            "D4d",
            [
                ("Mn", 1.45 * up),
                ("C", 3.26 * up),
                ("O", 4.41 * up),
                ("C", polar(1.85, np.pi / 8, 1.55)),
                ("O", polar(2.99, np.pi / 8, 1.62)),
            ],
        ),
        (
            "Co(en)3",
            "D3",
            [
                ("Co", origin),
                ("N", polar(1.64, 0.48, 1.12)),
                ("C", (2.55, 0.60, 0.46)),
                ("H", (3.30, 0.75, 1.22)),
                ("H", (3.00, 1.30, -0.25)),
            ],
        ),
        (
            "tris(oxalato)metal",
            "D3",
            [
                ("Cr", origin),
                ("O", polar(1.60, 0.52, 1.13)),
                ("C", (2.62, 0.45, 0.62)),
                ("O", (3.60, 0.62, 1.25)),
            ],
        ),
        (
            "M(H2O)6 tilted",
            "S6",
            [
                ("Mg", origin),
                ("O", polar(1.72, 0, 1.20)),
                ("H", polar(1.80, 0.42, 1.90)),
                ("H", polar(2.65, 0.22, 1.30)),
            ],
        ),
        (
            "CH3-CF3 half rotated",
            "C3",
            [
                ("C", origin),
                ("H", (1.03, 0, -0.36)),
                ("C", 1.50 * up),
                ("F", polar(1.25, np.radians(30), 1.95)),
            ],
        ),
        ("NOCl", "Cs", [("N", origin), ("O", (1.14, 0, 0)), ("Cl", (-0.77, 1.82, 0))]),
        ("HOCl", "Cs", [("O", origin), ("H", (0.96, 0, 0)), ("Cl", (-0.38, 1.65, 0))]),
        ("HN3", "Cs", [("N", origin), ("N", (1.24, 0, 0)), ("N", (2.36, 0.16, 0)), ("H", (-0.35, 0.95, 0))]),
        (
            "HCOOH",
            "Cs",
            [
                ("C", origin),
                ("O", (1.20, 0, 0)),
                ("O", (-0.75, 1.12, 0)),
                ("H", (-0.55, -0.94, 0)),
                ("H", (-0.15, 1.88, 0)),
            ],
        ),
        (
            "CH3OH",
            "Cs",
            [
                ("C", origin),
                ("O", (1.42, 0, 0)),
                ("H", (1.72, 0.92, 0)),
                ("H", (-0.40, -1.01, 0)),
                ("H", (-0.44, 0.49, 0.89)),
            ],
        ),
        (
            "CH2FCl",
            "Cs",
            [("C", origin), ("F", (1.37, 0, 0)), ("Cl", (-0.60, 1.65, 0)), ("H", (-0.36, -0.55, 0.90))],
        ),
        ("SOCl2", "Cs", [("S", origin), ("O", (1.30, 0.60, 0)), ("Cl", (-0.10, -1.35, 1.55))]),
        (
            "vinyl chloride",
            "Cs",
            [
                ("C", origin),
                ("C", (1.33, 0, 0)),
                ("Cl", (-0.97, 1.43, 0)),
                ("H", (-0.52, -0.94, 0)),
                ("H", (1.89, 0.93, 0)),
                ("H", (1.89, -0.93, 0)),
            ],
        ),
        (
            "CpCo(CO)2",
            "Cs",
            [
                ("Co", (0, -1.70, 0)),
                *[
                    (s, (r * np.sin(2 * np.pi * k / 5), 0, r * np.cos(2 * np.pi * k / 5)) @ _QUARTER)
                    for s, r in (("C", 1.21), ("H", 2.29))
                    for k in range(3)
                ],
                ("C", (-0.60, -2.55, 1.40)),
                ("O", (-1.00, -3.15, 2.30)),
            ],
        ),
        (
            "meso-1,2-dichloro-1,2-difluoroethane anti",
            "Ci",
            [
                ("C", (0.77, 0, 0)),
                ("F", (1.22, 1.25, 0.10)),
                ("Cl", (1.35, -0.80, 1.45)),
                ("H", (1.16, -0.55, -0.88)),
            ],
        ),
        (
            "meso-dimer",
            "Ci",
            [
                ("N", (0.70, 0.10, 0)),
                ("O", (1.40, 1.00, 0.75)),
                ("H", (1.10, -0.60, 0.75)),
                ("S", (1.60, 0.35, -1.40)),
            ],
        ),
        (
            "CHFClBr",
            "C1",
            [
                ("C", origin),
                ("H", 1.09 * d),
                ("F", 1.36 * np.array((-1, -1, 1)) / 3**0.5),
                ("Cl", 1.76 * np.array((-1, 1, -1)) / 3**0.5),
                ("Br", 1.94 * np.array((1, -1, -1)) / 3**0.5),
            ],
        ),
        (
            "CFClBrI",
            "C1",
            [
                ("C", origin),
                ("F", 1.36 * d),
                ("Cl", 1.76 * np.array((-1, -1, 1)) / 3**0.5),
                ("Br", 1.94 * np.array((-1, 1, -1)) / 3**0.5),
                ("I", 2.15 * np.array((1, -1, -1)) / 3**0.5),
            ],
        ),
        (
            "HOSF",
            "C1",
            [("O", origin), ("H", (0.30, 0.05, 0.91)), ("S", (0.45, -1.60, 0.0)), ("F", (-0.85, -2.55, 0.0))],
        ),
        (
            "methyl hydroperoxide, twisted",
            "C1",
            [
                ("C", (0, 0, 0)),
                ("O", (1.42, 0, 0)),
                ("O", (1.90, 1.37, 0)),
                ("H", (1.75, 1.75, 0.90)),
                ("H", (-0.38, 0.60, 0.83)),
                ("H", (-0.36, -1.01, 0.20)),
                ("H", (-0.36, 0.42, -0.95)),
            ],
        ),
    ]


def polyatomics() -> list[ZooMolecule]:
    """Small molecules, complexes and cages."""
    return [molecule(name, group, spread(group, *sites), ORBITS) for name, group, sites in _small()]
