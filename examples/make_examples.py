"""Writes the example molecules of this folder: ideal geometries built from rounded bond lengths and angles.

Run ``python examples/make_examples.py``. Each structure has its point group exactly (to the digits printed); the bond
lengths are round textbook values, not a measurement, and the comment line of each file says so.
"""

from collections.abc import Sequence
from math import cos, pi, radians, sin, sqrt
from pathlib import Path

Atom = tuple[str, float, float, float]


def ring(symbol: str, n: int, radius: float, z: float = 0.0, turn: float = 0.0) -> list[Atom]:
    """A regular n-gon of atoms around z; ``turn`` in degrees."""
    angles = [2 * pi * k / n + radians(turn) for k in range(n)]
    return [(symbol, radius * cos(a), radius * sin(a), z) for a in angles]


def corners(symbol: str, a: float, signs: Sequence[tuple[int, int, int]] | None = None) -> list[Atom]:
    """Corners (+-a, +-a, +-a) of a cube, or those with the given signs."""
    every = [(x, y, z) for x in (1, -1) for y in (1, -1) for z in (1, -1)]
    return [(symbol, x * a, y * a, z * a) for x, y, z in signs or every]


def water() -> list[Atom]:
    """O-H 0.958 A, angle 104.5 degrees."""
    half = radians(104.5 / 2)
    x, z = 0.958 * sin(half), 0.958 * cos(half)
    return [("O", 0, 0, 0), ("H", x, 0, -z), ("H", -x, 0, -z)]


def ammonia() -> list[Atom]:
    """N-H 1.012 A, H-N-H 106.7 degrees."""
    radius = 1.012 * sin(radians(106.7 / 2)) * 2 / sqrt(3)
    return [("N", 0, 0, 0), *ring("H", 3, radius, -sqrt(1.012**2 - radius**2))]


def methane() -> list[Atom]:
    """C-H 1.087 A."""
    return [("C", 0, 0, 0), *corners("H", 1.087 / sqrt(3), [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)])]


def carbon_dioxide() -> list[Atom]:
    """C=O 1.160 A."""
    return [("O", 0, 0, -1.16), ("C", 0, 0, 0), ("O", 0, 0, 1.16)]


def hydrogen_cyanide() -> list[Atom]:
    """C-H 1.065 A, C-N 1.153 A."""
    return [("H", 0, 0, -1.065), ("C", 0, 0, 0), ("N", 0, 0, 1.153)]


def dichloroethylene() -> list[Atom]:
    """Trans: C=C 1.330, C-Cl 1.730, C-H 1.080 A, C=C-Cl 121, C=C-H 123 degrees."""
    atoms: list[Atom] = []
    for s in (1, -1):
        cl, h = radians(121), radians(123)
        atoms.append(("C", s * 0.665, 0, 0))
        atoms.append(("Cl", s * (0.665 - 1.73 * cos(cl)), s * 1.73 * sin(cl), 0))
        atoms.append(("H", s * (0.665 - 1.08 * cos(h)), -s * 1.08 * sin(h), 0))
    return atoms


def benzene() -> list[Atom]:
    """C-C 1.395 A, C-H 1.085 A."""
    return ring("C", 6, 1.395) + ring("H", 6, 1.395 + 1.085)


def allene() -> list[Atom]:
    """C=C 1.308 A, C-H 1.087 A, C=C-H 120.9 degrees."""
    along, across = 1.308 - 1.087 * cos(radians(120.9)), 1.087 * sin(radians(120.9))
    upper = [("C", 0, 0, 1.308), *ring("H", 2, across, along)]
    lower = [("C", 0, 0, -1.308), *ring("H", 2, across, -along, 90)]
    return [("C", 0, 0, 0), *upper, *lower]


def sulfur_hexafluoride() -> list[Atom]:
    """S-F 1.561 A."""
    r = 1.561
    return [("S", 0, 0, 0), *ring("F", 4, r), ("F", 0, 0, r), ("F", 0, 0, -r)]


def cyclooctasulfur() -> list[Atom]:
    """Crown: S-S 2.055 A, S-S-S 108.2 degrees."""
    # Next neighbours across the puckered ring lie in one plane: their distance gives the radius of the crown.
    second = 2 * 2.055 * sin(radians(108.2 / 2))
    radius = second / sqrt(2)
    first = 2 * radius * sin(pi / 8)
    height = sqrt(2.055**2 - first**2) / 2
    return ring("S", 4, radius, height) + ring("S", 4, radius, -height, 45)


def cubane() -> list[Atom]:
    """C-C 1.565 A, C-H 1.097 A."""
    return corners("C", 1.565 / 2) + corners("H", 1.565 / 2 + 1.097 / sqrt(3))


def ferrocene(turn: float) -> list[Atom]:
    """C-C 1.440, C-H 1.080 A, ring planes 3.320 A apart; hydrogens in the ring planes."""
    radius = 1.44 / (2 * sin(pi / 5))
    atoms: list[Atom] = [("Fe", 0, 0, 0)]
    for z, angle in ((1.66, 0.0), (-1.66, turn)):
        atoms += ring("C", 5, radius, z, angle) + ring("H", 5, radius + 1.08, z, angle)
    return atoms


def hydrogen_peroxide() -> list[Atom]:
    """O-O 1.460, O-H 0.965 A, O-O-H 99 degrees, dihedral 112 degrees."""
    out, along = 0.965 * sin(radians(99)), 0.73 - 0.965 * cos(radians(99))
    half = radians(112 / 2)
    c, s = out * cos(half), out * sin(half)
    return [("O", 0.73, 0, 0), ("O", -0.73, 0, 0), ("H", along, s, c), ("H", -along, -s, c)]


def buckminsterfullerene() -> list[Atom]:
    """Truncated icosahedron, every edge 1.430 A (both kinds of bond alike)."""
    golden = (1 + sqrt(5)) / 2
    half = 1.43 / 2  # the edge is 2 in these coordinates
    seeds = [(0.0, 1.0, 3 * golden), (1.0, 2 + golden, 2 * golden), (golden, 2.0, 2 * golden + 1)]
    points = set()
    for seed in seeds:
        for i in range(3):
            x, y, z = (seed[(i + k) % 3] * half for k in range(3))
            points |= {(a * x, b * y, c * z) for a in (1, -1) for b in (1, -1) for c in (1, -1)}
    return [("C", *(p + 0.0 for p in point)) for point in sorted(points)]


MOLECULES = {
    "water": water(),
    "ammonia": ammonia(),
    "methane": methane(),
    "carbon_dioxide": carbon_dioxide(),
    "hydrogen_cyanide": hydrogen_cyanide(),
    "hydrogen_peroxide": hydrogen_peroxide(),
    "trans-1,2-dichloroethylene": dichloroethylene(),
    "benzene": benzene(),
    "allene": allene(),
    "sulfur_hexafluoride": sulfur_hexafluoride(),
    "cyclooctasulfur": cyclooctasulfur(),
    "cubane": cubane(),
    "ferrocene_staggered": ferrocene(36.0),
    "ferrocene_eclipsed": ferrocene(0.0),
    "buckminsterfullerene": buckminsterfullerene(),
}


def xyz(name: str, atoms: Sequence[Atom]) -> str:
    """An XYZ file; the comment line is the name and where the geometry comes from."""
    lines = [str(len(atoms)), f"{name.replace('_', ' ')} (ideal geometry, built by make_examples.py)"]
    lines += [f"{symbol:<2} {x + 0.0:14.8f} {y + 0.0:14.8f} {z + 0.0:14.8f}" for symbol, x, y, z in atoms]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for stem, structure in MOLECULES.items():
        (Path(__file__).parent / f"{stem}.xyz").write_text(xyz(stem, structure))
