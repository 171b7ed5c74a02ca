"""Clusters of the cubic and icosahedral groups, built as orbits."""

from __future__ import annotations

import numpy as np

from zoo_base import GOLDEN, ZooMolecule, molecule, orbit, spread


def _scaled(label: str, point, shortest: float) -> np.ndarray:
    """The point scaled so that the closest two members of its orbit are `shortest` angstrom apart."""
    images = orbit(label, point)
    gaps = np.linalg.norm(images[1:] - images[0], axis=1)
    return np.asarray(point, dtype=float) * shortest / gaps.min()


TRIBONACCI = (1 + np.cbrt(19 + 3 * np.sqrt(33)) + np.cbrt(19 - 3 * np.sqrt(33))) / 3


def polyhedra() -> list[ZooMolecule]:
    """T, Td, Th, O, Oh, I and Ih clusters."""
    origin = (0, 0, 0)
    g = GOLDEN
    cases = [
        (
            "snub cube",
            "O",
            [("B", _scaled("O", (1, 1 / TRIBONACCI, TRIBONACCI), 2.2))],
            "the 24 rotations act simply transitively; chiral",
        ),
        (
            "snub cube with centre",
            "O",
            [("S", origin), ("O", _scaled("O", (0.25, 0.55, 1.3), 1.6))],
            "general orbit of O",
        ),
        (
            "snub dodecahedron",
            "I",
            [("C", _scaled("I", (0.374821658114562, 0.330921024729844, 2.077089659743209), 2.4))],
            "one general orbit of the 60 rotations; chiral",
        ),
        (
            "twisted I shell",
            "I",
            [("C", _scaled("I", (0, 1, g), 2.9)), ("N", _scaled("I", (0.55, 0.25, 2.0), 1.9))],
            "icosahedron inside a general orbit of I",
        ),
        (
            "cuboctahedron",
            "Oh",
            [("Au", _scaled("Oh", (1, 1, 0), 2.7))],
            "vertices of a Catalan-dual solid of Oh; no supergroup of Oh is finite",
        ),
        (
            "truncated octahedron",
            "Oh",
            [("Si", _scaled("Oh", (0, 1, 2), 2.0))],
            "Oh is a maximal finite subgroup of O(3)",
        ),
        (
            "truncated cube",
            "Oh",
            [("N", _scaled("Oh", (1, 1 + np.sqrt(2), 1 + np.sqrt(2)), 1.5))],
            "Oh is maximal",
        ),
        ("rhombicuboctahedron", "Oh", [("C", _scaled("Oh", (1, 1, 1 + np.sqrt(2)), 1.6))], "Oh is maximal"),
        ("general orbit Oh", "Oh", [("Al", _scaled("Oh", (0.5, 1.2, 2.1), 1.4))], "Oh is maximal"),
        (
            "centred icosahedron",
            "Ih",
            [("Au", origin), ("Au", _scaled("Ih", (0, 1, g), 2.85))],
            "Ih is maximal",
        ),
        ("icosidodecahedron", "Ih", [("Si", _scaled("Ih", (0, 0, 1), 2.3))], "Ih is maximal"),
        (
            "truncated tetrahedron",
            "Td",
            [("C", _scaled("Td", (1, 1, 3), 1.8))],
            "orbit on the mirror planes of Td; no centre of inversion",
        ),
        (
            "general orbit Td",
            "Td",
            [("Be", _scaled("Td", (0.5, 1.1, 2.2), 1.4))],
            "24 atoms, no inversion, no C4",
        ),
        (
            "tetrahedron in tetrahedron",
            "Td",
            [("C", origin), ("Cl", (1, 1, 1)), ("Br", (-1.6, -1.6, -1.6))],
            "two tetrahedra of different elements",
        ),
        (
            "pyritohedral orbit",
            "Th",
            [("B", _scaled("Th", (0, 1, 3.2), 2.0))],
            "12 atoms in the coordinate planes, ratio far from golden, 1 and 0",
        ),
        (
            "general orbit Th",
            "Th",
            [("Be", _scaled("Th", (0.5, 1.1, 2.2), 1.5))],
            "24 atoms with inversion, no C4 and no C5",
        ),
        ("general orbit T", "T", [("Li", (2.2, 0.5, 1.2))], "12 atoms, chiral, no C4 and no C5"),
        (
            "twisted tetrahedral rotor",
            "T",
            [("C", origin), ("C", (0.9, 0.9, 0.9)), ("F", (1.9, 0.35, 1.25))],
            "four rotors turned in the same sense",
        ),
    ]
    return [molecule(name, label, spread(label, *sites), note) for name, label, sites, note in cases]
