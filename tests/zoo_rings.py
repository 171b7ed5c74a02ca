"""Planar rings and their relatives, sandwiches, bicyclic cages and biaryls, as orbits under their groups."""

from __future__ import annotations

import numpy as np

from zoo_base import ZooMolecule, molecule, polar, ring_radius, spread

ORBITS = "union of orbits of labelled sites; each supergroup would join sites of different elements or move them"
UP = np.array((0, 0, 1.0))
CP, CP_H = 1.21, 2.29  # radii of C5H5, angstrom


def _rings() -> list[tuple]:
    x = np.array((1.0, 0, 0))
    p3, p4 = np.pi / 3, np.pi / 4
    cyclobutane = [("C", polar(1.08, p4, 0.15)), ("H", polar(1.12, p4, 1.24)), ("H", polar(2.02, p4, -0.30))]
    return [
        ("benzene", "D6h", [("C", 1.39 * x), ("H", 2.48 * x)]),
        ("hexafluorobenzene", "D6h", [("C", 1.39 * x), ("F", 2.72 * x)]),
        (
            "coronene",
            "D6h",
            [("C", 1.42 * x), ("C", 2.84 * x), ("C", polar(3.70, 0.19)), ("H", polar(4.65, 0.27))],
        ),
        (
            "borazine",
            "D3h",
            [("B", 1.46 * x), ("N", polar(1.41, p3)), ("H", 2.65 * x), ("H", polar(2.42, p3))],
        ),
        ("s-triazine", "D3h", [("C", 1.29 * x), ("H", 2.38 * x), ("N", polar(1.38, p3))]),
        (
            "1,3,5-trifluorobenzene",
            "D3h",
            [("C", 1.39 * x), ("F", 2.74 * x), ("C", polar(1.38, p3)), ("H", polar(2.46, p3))],
        ),
        ("cyclopropane", "D3h", [("C", 0.87 * x), ("H", (1.46, 0, 0.91))]),
        (
            "Os3(CO)12",
            "D3h",
            [
                ("Os", 1.66 * x),
                ("C", (1.70, 0, 1.94)),
                ("O", (1.72, 0, 3.08)),
                ("C", polar(3.05, 0.47)),
                ("O", polar(4.05, 0.62)),
            ],
        ),
        ("cyclobutane planar", "D4h", [("C", 1.10 * x), ("H", (1.75, 0, 0.90))]),
        ("cyclobutane puckered", "D2d", cyclobutane),
        ("cyclobutadiene square", "D4h", [("C", 1.02 * x), ("H", 2.10 * x)]),
        ("cyclobutadiene rectangular", "D2h", [("C", (0.65, 0.86, 0)), ("H", (1.38, 1.67, 0))]),
        ("cyclopentadienyl", "D5h", [("C", CP * x), ("H", CP_H * x)]),
        ("tropylium", "D7h", [("C", 1.61 * x), ("H", 2.70 * x)]),
        ("cyclooctatetraene dianion", "D8h", [("C", 1.84 * x), ("H", 2.93 * x)]),
        ("cyclononatetraenyl", "D9h", [("C", 2.04 * x), ("H", 3.13 * x)]),
        ("[10]annulene flat", "D10h", [("C", 2.27 * x), ("H", 3.36 * x)]),
        ("[12]annulene flat", "D12h", [("C", 2.72 * x), ("H", 3.81 * x)]),
        (
            "cyclooctatetraene",
            "D2d",
            [("C", polar(1.70, np.radians(21.8), 0.38)), ("H", polar(2.50, np.radians(24), 1.10))],
        ),
        (
            "1,3,5,7-tetrafluorocyclooctatetraene",
            "S4",
            [
                ("C", polar(1.70, np.radians(21.8), 0.38)),
                ("F", polar(2.75, np.radians(23), 1.15)),
                ("C", polar(1.70, np.radians(68.2), 0.38)),
                ("H", polar(2.50, np.radians(66), 1.10)),
            ],
        ),
        (
            "pyrrole",
            "C2v",
            [
                ("N", 1.12 * UP),
                ("H", 2.12 * UP),
                ("C", (1.12, 0, 0.33)),
                ("C", (0.71, 0, -0.98)),
                ("H", (2.11, 0, 0.77)),
                ("H", (1.36, 0, -1.85)),
            ],
        ),
        (
            "furan",
            "C2v",
            [
                ("O", 1.16 * UP),
                ("C", (1.09, 0, 0.35)),
                ("C", (0.72, 0, -0.96)),
                ("H", (2.05, 0, 0.85)),
                ("H", (1.37, 0, -1.82)),
            ],
        ),
        (
            "thiophene",
            "C2v",
            [
                ("S", 1.19 * UP),
                ("C", (1.24, 0, 0.0)),
                ("C", (0.71, 0, -1.27)),
                ("H", (2.27, 0, 0.28)),
                ("H", (1.32, 0, -2.16)),
            ],
        ),
        (
            "pyridine",
            "C2v",
            [
                ("N", 1.42 * UP),
                ("C", (1.14, 0, 0.72)),
                ("C", (1.20, 0, -0.67)),
                ("C", -1.38 * UP),
                ("H", (2.06, 0, 1.31)),
                ("H", (2.15, 0, -1.19)),
                ("H", -2.47 * UP),
            ],
        ),
        (
            "fluorobenzene",
            "C2v",
            [
                ("F", 2.27 * UP),
                ("C", 0.92 * UP),
                ("C", (1.21, 0, 0.25)),
                ("C", (1.21, 0, -1.14)),
                ("C", -1.84 * UP),
                ("H", (2.15, 0, 0.79)),
                ("H", (2.15, 0, -1.68)),
                ("H", -2.92 * UP),
            ],
        ),
        (
            "azulene",
            "C2v",
            [
                ("C", (0.75, 0, 0.50)),
                ("C", (1.15, 0, 1.83)),
                ("C", 2.66 * UP),
                ("C", (1.59, 0, -0.60)),
                ("C", (1.26, 0, -1.95)),
                ("C", -2.57 * UP),
                ("H", (2.18, 0, 2.16)),
                ("H", 3.74 * UP),
                ("H", (2.65, 0, -0.36)),
                ("H", (2.11, 0, -2.63)),
                ("H", -3.65 * UP),
            ],
        ),
        (
            "norbornane",
            "C2v",
            [
                ("C", 1.40 * UP),
                ("C", (1.13, 0, 0.36)),
                ("C", (0.78, 1.24, -0.52)),
                ("H", (0, 0.90, 2.03)),
                ("H", (2.15, 0, 0.73)),
                ("H", (1.17, 2.15, -0.06)),
                ("H", (1.18, 1.20, -1.53)),
            ],
        ),
        ("pyrazine", "D2h", [("N", 1.41 * x), ("C", (0.70, 1.13, 0)), ("H", (1.25, 2.06, 0))]),
        (
            "p-dichlorobenzene",
            "D2h",
            [("Cl", 3.13 * x), ("C", 1.39 * x), ("C", (0.70, 1.21, 0)), ("H", (1.24, 2.15, 0))],
        ),
        (
            "naphthalene",
            "D2h",
            [
                ("C", (0, 0.71, 0)),
                ("C", (1.24, 1.40, 0)),
                ("C", (2.43, 0.71, 0)),
                ("H", (1.24, 2.49, 0)),
                ("H", (3.37, 1.25, 0)),
            ],
        ),
        (
            "anthracene",
            "D2h",
            [
                ("C", (0, 1.40, 0)),
                ("C", (1.22, 0.72, 0)),
                ("C", (2.47, 1.41, 0)),
                ("C", (3.65, 0.71, 0)),
                ("H", (0, 2.49, 0)),
                ("H", (2.47, 2.50, 0)),
                ("H", (4.60, 1.25, 0)),
            ],
        ),
        ("1,5-dichloronaphthalene", "C2h", _dichloronaphthalene()),
        ("18-crown-6 flat analogue", "D6h", [("O", 2.90 * x), ("C", polar(3.70, 0.27))]),
    ]


def _dichloronaphthalene():
    carbon = [(0, 0.71, 0), (1.24, 1.40, 0), (2.43, 0.71, 0), (2.43, -0.71, 0), (1.24, -1.40, 0)]
    hydrogen = [(3.37, 1.25, 0), (3.37, -1.25, 0), (1.24, -2.49, 0)]
    return [*[("C", p) for p in carbon], ("Cl", (1.24, 3.14, 0)), *[("H", p) for p in hydrogen]]


def _sandwich_sites(metal: str, n: int, height: float, phase: float) -> list[tuple]:
    r = ring_radius(n, 1.41)
    return [(metal, (0, 0, 0)), ("C", polar(r, phase, height)), ("H", polar(r + 1.08, phase, height))]


def _sandwiches() -> list[tuple]:
    cases = []
    for n, metal, ligand in (
        (4, "Fe", "Br"),
        (5, "Ni", "Cl"),
        (6, "Ru", "I"),
        (7, "Ti", "Cl"),
        (8, "Th", "Br"),
    ):
        sites = [*_sandwich_sites(metal, n, 1.72, 0.0), (ligand, (0, 0, -2.2))]
        cases.append((f"half-sandwich C{n}H{n}{metal}{ligand}", f"C{n}v", sites))
    for n, metal, name in (
        (5, "Fe", "ferrocene"),
        (6, "Cr", "bis(benzene)chromium"),
        (7, "V", "bis(tropylium)"),
        (8, "U", "uranocene"),
    ):
        step = np.pi / n
        for word, group, phase in (
            ("eclipsed", f"D{n}h", 0.0),
            ("staggered", f"D{n}d", step / 2),
            ("twisted", f"D{n}", step / 4),
        ):
            cases.append((f"{name} {word}", group, _sandwich_sites(metal, n, 1.70, phase)))
    carbonyl = [("C", (1.55, 0, -0.95)), ("O", (2.50, 0, -1.60))]
    cases.append(
        (
            "benzenechromium tricarbonyl",
            "C3v",
            [
                ("Cr", (0, 0, 0)),
                ("C", polar(1.41, np.pi / 6, 1.72)),
                ("H", polar(2.49, np.pi / 6, 1.72)),
                *carbonyl,
            ],
        )
    )
    pinwheel = [
        ("Cr", (0, 0, 0)),
        ("C", polar(1.41, np.pi / 12, 1.72)),
        ("C", polar(1.41, 5 * np.pi / 12, 1.72)),
    ]
    hydrogens = [("H", polar(2.49, np.pi / 12, 1.72)), ("H", polar(2.49, 5 * np.pi / 12, 1.72))]
    cases.append(("benzenechromium tricarbonyl, ring turned by 15 degrees", "C3", [*pinwheel, *hydrogens, *carbonyl]))
    return cases


def _biphenyl_sites(phase: float, whole: bool) -> list[tuple]:
    """One phenyl above the centre; `whole` when the group has no C2 along z that makes the other half."""
    sites = [("C", 0.75 * UP), ("C", 3.55 * UP), ("H", 4.63 * UP)]
    for angle in (phase, phase + np.pi) if whole else (phase,):
        sites += [("C", polar(1.20, angle, 1.46)), ("C", polar(1.20, angle, 2.85))]
        sites += [("H", polar(2.14, angle, 0.92)), ("H", polar(2.14, angle, 3.39))]
    return sites


def _bicyclic() -> list[tuple]:
    ethano = [("C", (1.36, 0, 0) + np.array((0, 0, 0.78))), ("H", (1.95, 0.88, 1.17))]
    return [
        (
            "triptycene",
            "D3h",
            [
                ("C", 1.30 * UP),
                ("H", 2.38 * UP),
                ("C", (1.42, 0, 0.70)),
                ("C", (2.62, 0, 1.40)),
                ("C", (3.82, 0, 0.70)),
                ("H", (2.62, 0, 2.48)),
                ("H", (4.75, 0, 1.25)),
            ],
        ),
        ("[1.1.1]propellane", "D3h", [("C", 0.80 * UP), ("C", (1.30, 0, 0)), ("H", (1.88, 0.92, 0))]),
        (
            "bicyclo[1.1.1]pentane",
            "D3h",
            [("C", 0.94 * UP), ("H", 2.03 * UP), ("C", (1.22, 0, 0)), ("H", (1.80, 0.92, 0))],
        ),
        ("bicyclo[2.2.2]octane", "D3h", [("C", 1.28 * UP), ("H", 2.37 * UP), *ethano]),
        ("DABCO", "D3h", [("N", 1.28 * UP), *ethano]),
        (
            "DABCO twisted",
            "D3",
            [
                ("N", 1.28 * UP),
                ("C", polar(1.38, 0.22, 0.76)),
                ("H", polar(2.05, 0.80, 1.05)),
                ("H", polar(2.15, -0.12, 1.30)),
            ],
        ),
        (
            "barrelene",
            "D3h",
            [("C", 1.29 * UP), ("H", 2.38 * UP), ("C", (1.24, 0, 0.66)), ("H", (2.10, 0, 1.32))],
        ),
        ("prismane", "D3h", [("C", (0.87, 0, 0.78)), ("H", (1.72, 0, 1.45))]),
        ("pentaprismane", "D5h", [("C", (1.32, 0, 0.78)), ("H", (2.20, 0, 1.40))]),
        (
            "cyclotriphosphazene",
            "D3h",
            [("P", (1.78, 0, 0)), ("N", polar(1.70, np.pi / 3)), ("Cl", (2.85, 0, 1.65))],
        ),
        ("[5]radialene", "D5h", [("C", (1.26, 0, 0)), ("C", (2.60, 0, 0)), ("H", polar(3.30, 0.29))]),
        (
            "hexahydroxybenzene pinwheel",
            "C6h",
            [("C", (1.40, 0, 0)), ("O", (2.77, 0, 0)), ("H", polar(3.15, 0.28))],
        ),
        (
            "tetrahydroxycyclobutadiene pinwheel",
            "C4h",
            [("C", (1.03, 0, 0)), ("O", (2.38, 0, 0)), ("H", polar(2.85, 0.32))],
        ),
        (
            "pentahydroxycyclopentadienyl pinwheel",
            "C5h",
            [("C", (1.21, 0, 0)), ("O", (2.56, 0, 0)), ("H", polar(2.98, 0.30))],
        ),
        (
            "bis(bidentate) twisted prism",
            "D2",
            [
                ("Cu", (0, 0, 0)),
                ("O", polar(1.30, np.radians(25), 1.45)),
                ("C", polar(0.70, np.radians(25), 2.55)),
                ("H", polar(1.20, np.radians(25), 3.45)),
            ],
        ),
        (
            "zirconium square antiprism twisted",
            "D4",
            [
                ("Zr", (0, 0, 0)),
                ("O", polar(1.75, np.radians(11.25), 1.30)),
                ("H", polar(2.60, np.radians(11.25), 1.70)),
            ],
        ),
        ("octafluorozirconate", "D4d", [("Zr", (0, 0, 0)), ("F", polar(1.75, np.pi / 8, 1.15))]),
        (
            "eight-ring with alternating substituents",
            "S8",
            [("S", polar(2.36, 0, 0.50)), ("F", polar(3.45, 0.36, 1.35))],
        ),
    ]


def rings() -> list[ZooMolecule]:
    """Rings, sandwiches, biaryls and bicyclic cages."""
    cases = _rings() + _sandwiches() + _bicyclic()
    cases += [
        ("biphenyl twisted", "D2", _biphenyl_sites(np.radians(22), False)),
        ("biphenyl planar", "D2h", _biphenyl_sites(0.0, False)),
        ("biphenyl perpendicular", "D2d", _biphenyl_sites(np.pi / 4, False)),
        ("2,6-dichlorobiphenyl-like rotor", "C2", [*_biphenyl_sites(np.radians(25), True)[:3], *_flag()]),
    ]
    return [molecule(name, group, spread(group, *sites), ORBITS) for name, group, sites in cases]


def _flag() -> list[tuple]:
    """Upper and lower rings of the C2 rotor: the lower one chlorinated and turned by 50 degrees."""
    sites: list[tuple] = []
    for sign, angle, end in ((1, 0.0, "H"), (-1, np.radians(50), "Cl")):
        far = 2.14 if end == "H" else 2.75
        sites += [("C", polar(1.20, angle, sign * 1.46)), ("C", polar(1.20, angle, sign * 2.85))]
        sites += [("H", polar(2.14, angle, sign * 0.92)), (end, polar(far, angle, sign * 3.45))]
    return [*sites, ("C", -0.75 * UP), ("C", -3.55 * UP), ("H", -4.63 * UP)]
