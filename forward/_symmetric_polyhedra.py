"""One central atom, or two alike: AX_n and their mixed, oxo and carbonyl relatives, E2X10."""

from collections.abc import Iterator

import numpy as np

from ._symmetric_building import Candidate, Site, arm, bond, candidate, polar

__all__ = ["axial_mixed", "carbonyls", "decahalides", "linear_molecules", "simple_polyhedra"]

_ORIGIN = np.zeros(3)
_UP = np.array([0.0, 0.0, 1.0])
_X = np.array([1.0, 0.0, 0.0])
_DIAGONAL = np.ones(3) / np.sqrt(3)
_HALOGENS = ("F", "Cl", "Br", "I")

# shape: group, generating directions
_SHAPES: dict[str, tuple[str, tuple[np.ndarray, ...]]] = {
    "triangle": ("D3h", (_X,)),
    "tetrahedron": ("Td", (_DIAGONAL,)),
    "square": ("D4h", (_X,)),
    "bipyramid3": ("D3h", (_X, _UP)),
    "pentagon": ("D5h", (_X,)),
    "octahedron": ("Oh", (_UP,)),
    "prism3": ("D3h", (np.array([0.77, 0.0, 0.64]),)),
    "bipyramid5": ("D5h", (_X, _UP)),
    "bipyramid6": ("D6h", (_X, _UP)),
    "antiprism4": ("D4d", (polar(0.85, np.pi / 8, 0.53),)),
    "cube": ("Oh", (_DIAGONAL,)),
    "icosahedron": ("Ih", (np.array([0.0, 0.5257311121191336, 0.8506508083520400]),)),
}


def _halides(centres: dict[str, int], ligands: tuple[str, ...] = _HALOGENS) -> list[tuple[str, str, int]]:
    return [(centre, x, charge) for centre, charge in centres.items() for x in ligands]


def _table() -> dict[str, list[tuple[str, str, int]]]:
    """For each shape: (central atom, ligand, charge)."""
    rods = ("CN", "CCH", "NC", "BO")
    return {
        "triangle": [
            *_halides({"B": 0, "Al": 0, "Ga": 0, "In": 0, "Tl": 0, "C": 1, "Si": 1, "Ge": 1, "Sc": 0, "Y": 0},
                      ("H", "F", "Cl", "Br")),
            *_halides({"B": 0, "Al": 0, "C": 1}, rods), *_halides({"Be": -1, "Mg": -1, "Zn": -1, "Hg": -1}, ("H", "F", "Cl", "Br")),
            ("N", "O", -1), ("C", "O", -2), ("S", "O", 0), ("Se", "O", 0), ("Te", "O", 0), ("C", "S", -2), ("P", "O", -1),
            ("C", "Se", -2), ("Si", "O", -2), ("As", "O", -1), ("P", "S", -1), ("B", "S", -3), ("Cl", "O", 1),
            ("B", "OLi", 0), ("C", "NH2", 1), ("B", "NH2", 0), ("B", "BO", 0), ("Au", "CN", -2), ("Xe", "O", 2),
        ],
        "tetrahedron": [
            *_halides({"C": 0, "Si": 0, "Ge": 0, "Sn": 0, "Pb": 0, "B": -1, "Al": -1, "Ga": -1, "P": 1,
                       "As": 1}, ("H", "F", "Cl", "Br")),
            *_halides({"C": 0, "Si": 0, "Ge": 0, "B": -1, "Al": -1, "P": 1}, rods),
            *_halides({"Ti": 0, "Zr": 0, "Hf": 0, "Zn": -2, "Cd": -2, "Hg": -2, "Be": -2, "Mg": -2}),
            *_halides({"P": -3, "As": -3, "V": -3, "S": -2, "Se": -2, "Cr": -2, "Mo": -2, "W": -2, "Cl": -1, "Br": -1,
                       "I": -1, "Mn": -1, "Tc": -1, "Re": -1, "Xe": 0, "Ru": 0, "Os": 0}, ("O",)),
            *_halides({"P": -3, "As": -3, "V": -3, "Mo": -2, "W": -2, "Re": -1, "Os": 0}, ("S",)),
            *_halides({"Zn": -2, "Cd": -2, "Hg": -2}, ("CN",)), ("N", "H", 1), ("N", "F", 1), ("Ni", "CN", -4), ("Cu", "CN", -3),
        ],
        "square": [
            *_halides({"Xe": 0, "Kr": 0, "I": -1, "Br": -1, "Cl": -1}, ("F", "Cl")), *_halides({"Se": -2, "Te": -2}, ("F", "Cl", "Br")),
            *_halides({"Pd": -2, "Pt": -2, "Au": -1, "Ni": -2}, (*_HALOGENS, "CN", "CCH", "NC")),
            *_halides({"Pd": 2, "Pt": 2, "Ni": 2, "Rh": 1, "Ir": 1}, ("CO",)),
            *_halides({"Ag": -1, "Cu": -1, "Rh": -3, "Ir": -3}, ("F", "CN")), ("I", "Br", -1), ("Xe", "CN", 0),
        ],
        "pentagon": [*_halides({"Xe": -1, "I": -2, "Kr": -1}, ("F", "Cl")), ("Te", "F", -3)],
        "bipyramid3": [
            *_halides({"P": 0, "As": 0, "Sb": 0, "Bi": 0, "Nb": 0, "Ta": 0, "V": 0}, ("F", "Cl", "Br")),
            *_halides({"Si": -1, "Ge": -1, "Sn": -1, "Ti": -1}, ("F", "Cl")), *_halides({"S": 1, "Se": 1, "Te": 1}, ("F",)),
            *_halides({"P": 0, "As": 0, "Sb": 0}, ("H", "CN", "CCH")), ("Cd", "Cl", -3), ("Hg", "Cl", -3), ("In", "Cl", -2),
        ],
        "octahedron": [
            *_halides({"S": 0, "Se": 0, "Te": 0, "P": -1, "As": -1, "Sb": -1, "Bi": -1, "Si": -2, "Ge": -2, "Sn": -2, "Pb": -2},
                      ("F", "Cl", "Br")),
            *_halides({"Mo": 0, "W": 0, "Cr": 0, "Pt": -2, "Pd": -2, "Ti": -2, "Zr": -2, "Hf": -2, "V": -1, "Nb": -1, "Ta": -1},
                      ("F", "Cl")),
            *_halides({"Rh": -3, "Ir": -3, "Co": -3, "Sc": -3, "Al": -3, "Ga": -3, "In": -3, "Tl": -3, "Sb": -3, "Bi": -3},
                      ("F", "Cl")),
            *_halides({"Se": -2, "Te": -2}, ("Cl", "Br", "I")), *_halides({"Cl": 1, "Br": 1, "I": 1, "Re": 1, "Xe": 2}, ("F",)),
            *_halides({"Si": -2, "Ge": -2, "P": -1, "Sb": -1, "S": 0, "Te": 0}, ("CN", "CCH", "NC")), ("Pt", "I", -2), ("Sn", "I", -2),
            *_halides({"Cr": 0, "Mo": 0, "W": 0, "V": -1, "Nb": -1, "Ta": -1, "Mn": 1, "Tc": 1, "Re": 1, "Fe": 2, "Ru": 2,
                       "Os": 2, "Co": 3, "Rh": 3, "Ir": 3, "Ti": -2, "Zr": -2, "Hf": -2}, ("CO",)),
            *_halides({"Cr": 0, "Mo": 0, "W": 0}, ("N2", )), *_halides({"Fe": -4, "Ru": -4, "Os": -4}, ("CN",)),
            ("C", "Li", 0), ("Si", "Li", 0), ("W", "O", -6), ("Te", "OLi", 0), ("S", "OLi", 0), ("Te", "O", -6), ("I", "O", -5),
        ],
        "prism3": [*_halides({"W": 0, "Mo": 0}, ("H",)), *_halides({"Zr": -2, "Hf": -2, "Ti": -2, "Ta": -1, "Nb": -1}, ("H",))],
        "bipyramid5": [
            *_halides({"I": 0, "Re": 0, "Te": -1, "Sb": -2, "Xe": 1, "W": -1, "Mo": -1, "Nb": -2, "Ta": -2, "Tc": 0, "Br": 0},
                      ("F",)),
            *_halides({"Te": -1, "W": -1, "Re": 0, "I": 0}, ("Cl",)), *_halides({"Ta": -2, "Nb": -2, "Zr": -3, "Hf": -3}, ("F", "Cl")),
            *_halides({"Mo": -3, "Re": -2, "W": -3, "Te": -1, "I": 0}, ("CN",)), *_halides({"V": 1, "Nb": 1, "Ta": 1}, ("CO",)),
            ("Re", "H", 0), ("W", "H", -1), ("Ta", "H", -2),
        ],
        "antiprism4": [
            *_halides({"Xe": -2, "Te": -2, "I": -1, "W": -2, "Mo": -2, "Re": -1, "Os": 0, "Ta": -3, "Nb": -3, "Zr": -4, "Tc": -1}, ("F",)),
            *_halides({"W": -2, "Re": -1, "Te": -2}, ("Cl",)), *_halides({"Mo": -4, "W": -4, "Te": -2, "Re": -3, "Os": 0}, ("CN",)),
            *_halides({"Ti": 0, "Zr": 0, "Hf": 0, "V": 1, "Nb": 1, "Ta": 1}, ("CO",)), *_halides({"Re": -1, "W": -2, "Os": 0}, ("H",)),
            *_halides({"Ca": 0, "Sr": 0, "Ba": 0}, ("CO",)), *_halides({"W": -2, "Re": -1, "Mo": -2, "Te": -2}, ("NC",)),
        ],
        "cube": [*_halides({"Ca": 0, "Sr": 0, "Ba": 0, "Ti": 0, "Zr": 0, "Hf": 0}, ("CO", "N2"))],
        "icosahedron": [("W", "Au", 0), ("Mo", "Au", 0), ("Al", "Al", -1), ("Si", "Al", 0), ("Ge", "Al", 0), ("P", "Al", 1),
                        ("Ni", "Pb", -2), ("Pd", "Pb", -2), ("Pt", "Pb", -2), ("Ni", "Sn", -2), ("Pd", "Sn", -2), ("Pt", "Sn", -2),
                        ("Al", "Pb", 1), ("Mo", "Cu", 0), ("W", "Cu", 0), ("W", "Ag", 0), ("B", "Al", -1), ("C", "Al", 0),
                        ("Sn", "Al", 0), ("V", "Au", -1), ("Ta", "Au", -1)],
    }  # fmt: skip


def simple_polyhedra(shapes: tuple[str, ...]) -> Iterator[Candidate]:
    """AX_n with all ligands alike, for some of the shapes from triangle to icosahedron."""
    table = _table()
    for shape in shapes:
        species = table[shape]
        group, directions = _SHAPES[shape]
        done: set[tuple[str, str, int]] = set()
        for centre, ligand, charge in species:
            key = (centre, ligand, charge)
            if key in done:
                continue
            done.add(key)
            yield _polyhedron(shape, group, directions, *key)


def _polyhedron(
    shape: str, group: str, directions: tuple[np.ndarray, ...], centre: str, ligand: str, charge: int
) -> Candidate:
    root: Site = (centre, _ORIGIN)
    sites = [root]
    for direction in directions:
        sites += arm(ligand, root, direction, _UP if direction[2] == 0 else _X)
    if shape == "icosahedron":  # the shell must not be closer than its own bonds allow
        stretch = max(1.0, 0.96 * bond(ligand, ligand) / (1.0515 * bond(centre, ligand)))
        sites = [root, (ligand, sites[1][1] * stretch)]
    return candidate(f"{centre}({ligand}) {shape} {charge:+d}", "polyhedron", group, sites, charge)


def axial_mixed() -> Iterator[Candidate]:
    """AY2X_n with Y on the axis: D3h, D4h, D5h; and the D_inf h pieces of the same kind."""
    bipyramids = {
        3: [*((a, y, x, 0) for a in ("P", "As", "Sb") for y in ("F", "Cl", "H", "CN") for x in ("F", "Cl", "Br", "H") if x != y),
            *((a, y, x, c) for a, c in (("Si", -1), ("Ge", -1), ("Sn", -1)) for y, x in (("F", "Cl"), ("Cl", "F"), ("F", "H"), ("H", "F"))),
            ("Xe", "F", "O", 0), ("Os", "F", "O", 0), ("I", "F", "O", -1), ("Re", "F", "O", -1), ("Ru", "F", "O", 0), ("Te", "F", "O", -2),
            ("Al", "F", "H", -2), ("Mo", "F", "O", -2), ("W", "F", "O", -2), ("Os", "Cl", "O", 0)],
        4: [*((a, y, x, 0) for a in ("S", "Se", "Te", "W", "Mo") for y in ("F", "Cl", "CN") for x in ("F", "Cl") if x != y),
            *((a, y, x, -1) for a in ("P", "As", "Sb", "Nb", "Ta") for y in ("F", "Cl", "H", "CN") for x in ("F", "Cl") if x != y),
            *((a, y, x, -2) for a in ("Si", "Ge", "Sn", "Ti", "Pt") for y in ("F", "Cl", "CN") for x in ("F", "Cl") if x != y),
            *((a, y, "CN", -2) for a in ("Pt", "Pd", "Ni") for y in ("F", "Cl", "Br", "I") if a != "Ni"),
            ("Xe", "O", "F", 0), ("I", "O", "F", -1), ("Re", "O", "F", -1), ("Os", "O", "F", 0), ("Os", "O", "Cl", -2), ("Te", "O", "F", -2),
            ("Os", "O", "CN", -2), ("Ru", "O", "F", 0), ("Mo", "O", "F", -2), ("W", "O", "F", -2), ("Re", "O", "CN", -3), ("W", "O", "CN", -4),
            ("Ru", "O", "Cl", -2), ("Os", "N", "CN", -4)],
        5: [("Xe", "O", "F", -1), ("I", "O", "F", -2), ("Os", "O", "F", -1), ("Re", "O", "F", -2), ("I", "Cl", "F", 0), ("Te", "Cl", "F", -1),
            ("Re", "Cl", "F", 0), ("W", "Cl", "F", -1), ("I", "CN", "F", 0), ("Te", "CN", "F", -1), ("Re", "CN", "F", 0), ("W", "CN", "F", -1),
            ("I", "CCH", "F", 0), ("Te", "CCH", "F", -1), ("Re", "H", "F", 0), ("I", "H", "F", 0), ("Te", "H", "F", -1), ("Mo", "Cl", "F", -1),
            ("Te", "Br", "F", -1), ("I", "Br", "F", 0), ("Mo", "O", "F", -3), ("W", "O", "F", -3), ("Re", "O", "CN", -2), ("Os", "O", "CN", -1),
            ("Re", "N", "F", -4), ("Te", "OLi", "F", -1), ("I", "OLi", "F", 0), ("Re", "CCH", "F", 0), ("Te", "I", "F", -1), ("W", "H", "F", -1),
            ("W", "Br", "F", -1), ("Ta", "Cl", "F", -2), ("Nb", "Cl", "F", -2), ("Tc", "Cl", "F", 0), ("Xe", "Cl", "F", 1), ("Sb", "Cl", "F", -2)],
    }  # fmt: skip
    for n, species in bipyramids.items():
        for centre, axial, ring, charge in species:
            root: Site = (centre, _ORIGIN)
            sites = [root, *arm(axial, root, _UP), *arm(ring, root, _X)]
            name = f"{centre}({axial})2({ring}){n} trans {charge:+d}"
            yield candidate(name, "mixed bipyramid", f"D{n}h", sites, charge)


def linear_molecules() -> Iterator[Candidate]:
    """Linear AX2 and chains symmetric about the centre: D_inf h."""
    table = [
        *_halides({"Be": 0, "Mg": 0, "Ca": 0, "Zn": 0, "Cd": 0, "Hg": 0, "Xe": 0, "Kr": 0, "I": -1, "Br": -1, "Cu": -1, "Ag": -1,
                   "Au": -1}, ("H", "F", "Cl", "Br", "CN", "CCH")),
        ("C", "O", 0), ("C", "S", 0), ("C", "Se", 0), ("Si", "O", 0), ("Si", "S", 0), ("N", "O", 1), ("B", "O", -1), ("N", "N", -1),
        ("C", "N", -2), ("B", "S", -1), ("Be", "OLi", 0), ("Au", "CO", 1), ("Ag", "CO", 1), ("Hg", "CO", 2), ("Cl", "Cl", -1), ("F", "H", -1),
        ("Cl", "H", -1),
    ]  # fmt: skip
    for centre, ligand, charge in table:
        if centre == "F":
            centre, ligand = "H", "F"
        elif (centre, ligand) == ("Cl", "H"):
            centre, ligand = "H", "Cl"
        order = 2.0 if ligand in ("O", "S", "Se") else 1.0
        root: Site = (centre, _ORIGIN)
        sites = [root, *arm(ligand, root, _UP, order=order)]
        yield candidate(f"{centre}({ligand})2 linear {charge:+d}", "linear", "D2h", sites, charge, intended="Dinfh")


def carbonyls() -> Iterator[Candidate]:
    """M(CO)4, M(CO)5 and their isocyanide, cyanide and dinitrogen relatives."""
    for ligand in ("CO", "N2"):
        for metal, charge in (("Ni", 0), ("Pd", 0), ("Pt", 0), ("Co", -1), ("Rh", -1), ("Ir", -1), ("Fe", -2), ("Ru", -2), ("Cu", 1),
                              ("Ag", 1), ("Zn", 2)):  # fmt: skip
            yield _polyhedron("tetrahedron", *_SHAPES["tetrahedron"], metal, ligand, charge)
        for metal, charge in (("Fe", 0), ("Ru", 0), ("Os", 0), ("Mn", -1), ("Tc", -1), ("Re", -1), ("Co", 1), ("Rh", 1), ("Ir", 1),
                              ("Cr", -2), ("Mo", -2), ("W", -2)):  # fmt: skip
            yield _polyhedron("bipyramid3", *_SHAPES["bipyramid3"], metal, ligand, charge)


def decahalides() -> Iterator[Candidate]:
    """X5E-EX5 and X5E-L-EX5 with a linear L: staggered D4d, eclipsed D4h."""
    plain = [
        (e, x, c)
        for e, c in (("S", 0), ("Se", 0), ("Te", 0), ("P", -2), ("As", -2), ("Sb", -2), ("W", 0), ("Mo", 0))
        for x in ("F", "Cl")
    ]
    plain += [
        (m, "CO", c)
        for m, c in (("Mn", 0), ("Tc", 0), ("Re", 0), ("Cr", -2), ("Mo", -2), ("W", -2), ("Fe", 2), ("Ru", 2))
    ]
    plain += [("Co", "CN", -6), ("Pt", "F", -2), ("Pt", "Cl", -2), ("Rh", "CN", -6), ("Te", "CN", 0), ("I", "F", 2)]
    for e, x, charge in plain:
        for linker in ((), ("C", "C"), ("Hg",), ("O",), ("C", "C", "C", "C")):
            if linker and (x not in ("F", "CO") or e in ("I",) or (x == "CO" and linker not in (("Hg",), ("Zn",)))):
                continue
            for group, phase in (("D4d", np.pi / 8), ("D4h", 0.0)):
                if (linker or e in ("P", "I", "Co", "Rh")) and group == "D4h" and linker not in (("C", "C"), ("Hg",)):
                    continue
                yield _dumbbell(e, x, charge, linker, group, phase)


def _dumbbell(e: str, x: str, charge: int, linker: tuple[str, ...], group: str, phase: float) -> Candidate:
    sites, top = _chain_half(linker, e)
    root: Site = (e, top * _UP)
    lean = np.radians(88.0)
    tilted = polar(float(np.sin(lean)), phase, float(np.cos(lean)))
    sites += [root, *arm(x, root, _UP), *arm(x, root, tilted)]
    name = f"({e}({x})5)2{''.join(linker)} {'staggered' if group == 'D4d' else 'eclipsed'} {charge:+d}"
    return candidate(name, "dumbbell", group, sites, charge)


def _chain_half(linker: tuple[str, ...], end: str) -> tuple[list[Site], float]:
    """Upper half of the linker, and the height of the atom ``end`` bonded to it."""
    if not linker:
        return [], bond(end, end) / 2
    orders = {2: (3.0,), 4: (1.0, 3.0)}.get(len(linker), ())
    if linker == ("N", "N"):
        orders = (2.0,)
    if len(linker) == 1:
        return [(linker[0], _ORIGIN)], bond(linker[0], end)
    half = linker[len(linker) // 2 :]
    heights = [bond(half[0], half[0], orders[0] if len(half) == 1 else 1.0) / 2]
    if len(half) == 2:
        heights.append(heights[0] + bond(half[0], half[1], 3.0))
    sites: list[Site] = [(symbol, height * _UP) for symbol, height in zip(half, heights, strict=True)]
    return sites, heights[-1] + bond(half[-1], end)
